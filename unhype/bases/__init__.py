"""Bases: model folders on disk, what they are and whether every byte is right."""
