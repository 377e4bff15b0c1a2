"""Evaluation: pictures of a table of prompts, what a judge sees, scores. It knows an eraser by its interface alone."""
