"""Evaluation: pictures of a table of prompts, a judge's reading of them, scores. It knows an eraser by its interface alone."""
