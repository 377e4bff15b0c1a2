"""Rivals, each an eraser like UnHype, from the equations of its paper.

One file a method; siblings do not import each other.
"""
