"""Prompts: templates, and the tables that training and evaluation read."""
