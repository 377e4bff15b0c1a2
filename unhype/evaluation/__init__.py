"""Evaluation: pictures of a table of prompts, a judge's reading of them, scores. An eraser is its interface alone."""
