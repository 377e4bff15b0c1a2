"""Figures as files keep them: no more digits than tables show, so that a file changes where a figure does."""

from __future__ import annotations

from typing import Any


def rounded(value: Any, digits: int = 5) -> Any:
    """The same lists and dicts, floats to so many significant digits."""
    if isinstance(value, dict):
        return {key: rounded(part, digits) for key, part in value.items()}
    if isinstance(value, list):
        return [rounded(part, digits) for part in value]
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value
