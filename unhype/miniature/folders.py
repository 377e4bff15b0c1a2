"""Where the shipped models lie below the data folder, and what their cards call their world."""

from pathlib import Path

BASE = Path("bases/mini-sd")
FLUX = Path("bases/mini-flux")
CLIP = Path("judges/mini-clip")
JUDGE = Path("judges/mini-judge")

WORLD = "miniature"
"""What a base's card says under ``world`` where it draws the procedural world."""
