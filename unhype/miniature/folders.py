"""Where the shipped models lie below the data folder."""

from pathlib import Path

BASE = Path("bases/mini-sd")
CLIP = Path("judges/mini-clip")
JUDGE = Path("judges/mini-judge")
