"""Attacks: how hard is it to have a forgotten concept drawn all the same? Measured on any eraser, through itself."""
