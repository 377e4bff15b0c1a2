"""Takes over what was measured: from build/ into data/scores and docs/images, which git keeps and pages show.

.venv/bin/python experiments/taking.py celeb100                        the flow's latest scores and gallery
.venv/bin/python experiments/taking.py objects --base mini-flux
.venv/bin/python experiments/taking.py celeb100 --compared build/compare/celeb100-0123456789ab/report
.venv/bin/python experiments/taking.py celeb100 --strata build/strata
.venv/bin/python experiments/taking.py celeb100 --own build/own
.venv/bin/python experiments/taking.py celeb100 --attacked build/attacks
.venv/bin/python experiments/taking.py celeb100 --board build/compare/celeb100-0123456789ab/attacks

`make figures` takes a set over and fills in the pages. Jobs themselves change no tracked file.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHOWN = {("mini-sd", "celeb100"): "erasure.png", ("mini-flux", "celeb100"): "erasure-flux.png"}
"""Base and set whose pictures the pages show, and under which name."""

SEARCHES = ("tokens", "words", "pictures", "concept")
WAYS = ("", "-company", "-transfer", "-company-transfer", "-blind", "-company-blind")
INVERSIONS = tuple(f"inversion-{k}{way}" for k in (1, 2, 4, 8) for way in ("", "-transfer", "-allowed"))
UNMONITORED = "-unmonitored"
"""Ending of reports on a guard whose monitor is off."""

ATTACKS = (
    *(f"{name}{way}" for way in WAYS for name in SEARCHES),
    *(f"{name}{UNMONITORED}" for name in SEARCHES),
    *INVERSIONS,
    "disguises",
    "written",
    "img2img",
    "replay",
    "sentences",
    "monitor",
)
"""What ``unhype attack``, experiments/sentences.py and monitor.py write; those that are there are taken over."""

BOARDS = {("mini-sd", "celeb100"): "attacks.png", ("mini-flux", "celeb100"): "attacks-flux.png"}
"""Base and set whose picture of attacks against what stays the pages show, and under which name."""

COMPARED = ("mini-sd", "celeb100")
"""Base and set whose comparison the pages show as pictures."""


def wanted(options: argparse.Namespace, root: Path) -> dict[Path, Path]:
    """From where, to where; below the project's folder."""
    scores, images = Path("data/scores") / options.base, Path("docs/images")
    named, key = options.concepts, (options.base, options.concepts)
    if options.compared:
        files = {options.compared / "comparison.json": scores / f"{named}-comparison.json"}
        if key == COMPARED:
            pictures = {"pareto.png": "pareto.png", "gallery.png": "comparison.png"}
            files |= {options.compared / ours: images / theirs for ours, theirs in pictures.items()}
        return files
    if options.strata:
        return {options.strata / "comparison.json": scores / f"{named}-strata.json"}
    if options.own:
        return {options.own / "comparison.json": scores / f"{named}-own.json"}
    if options.board:
        files = {options.board / "board.json": scores / f"{named}-board.json"}
        return files | ({options.board / "pareto.png": images / BOARDS[key]} if key in BOARDS else {})
    if options.attacked:
        told = {_report(options.attacked, name): scores / f"{named}-attack-{name}.json" for name in ATTACKS}
        return {path: place for path, place in told.items() if (root / path).is_file()} or told
    results = Path("build/results") / options.base / named
    files = {results / "scores.json": scores / f"{named}.json"}
    return files | ({results / "gallery.png": images / SHOWN[key]} if key in SHOWN else {})


def _report(folder: Path, attack: str) -> Path:
    """Where ``unhype attack`` wrote it: without the monitor in a folder of its own."""
    aside = attack.endswith(UNMONITORED)
    return (folder / "unmonitored" if aside else folder) / f"{attack.removesuffix(UNMONITORED)}.json"


def take(root: Path, arguments: list[str]) -> list[str]:
    """Copy; returns the names of the files that are other than before."""
    parser = argparse.ArgumentParser(description="Take over what was measured into data/scores and docs/images.")
    parser.add_argument("concepts", help="name of the concept set")
    parser.add_argument("--base", default="mini-sd", help="default: %(default)s")
    parser.add_argument("--compared", type=Path, help="folder of a comparison's report")
    parser.add_argument("--strata", type=Path, help="folder of a comparison of UnHype alone, with more pictures")
    parser.add_argument("--own", type=Path, help="folder of a comparison of UnHype alone, later than the rivals'")
    parser.add_argument("--attacked", type=Path, help="folder in which unhype attack, or sentences.py, wrote")
    parser.add_argument("--board", type=Path, help="folder in which unhype attack --rival all wrote its table")
    files = wanted(parser.parse_args(arguments), root)
    if missing := [str(path) for path in files if not (root / path).is_file()]:
        sys.exit(f"got no {', '.join(missing)}, wanted what a job measured: run it first (make train)")
    changed = []
    for path, place in files.items():
        before = (root / place).read_bytes() if (root / place).exists() else b""
        if before != (root / path).read_bytes():
            (root / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / path, root / place)
            changed.append(str(place))
    return changed


if __name__ == "__main__":
    print(f"taken over: {', '.join(take(ROOT, sys.argv[1:])) or 'nothing new'}")
