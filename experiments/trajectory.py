"""Does the path that H(c, ·) emits follow the one that SGD walks? What Hypernet Fields claim, checked on mini-sd.

Ten names of the development set (development.py), one LoRA each. SGD starts where H does (B = 0, the same A0) and walks
S steps with the same η on the same loss (walking.py); H is trained by the product's own Trainer. Two targets:

    moving   from the base's prediction to the whole target with s/S: what our trainer minimises
    whole    the whole target at every s: the paper's

``mean`` is SGD with a large batch, ``seed 0`` and ``seed 1`` have small ones: how far these are apart is the floor.

PYTHONPATH=experiments .venv/bin/python experiments/trajectory.py --take        everything; what is there is not redone
PYTHONPATH=experiments .venv/bin/python experiments/trajectory.py --only "SGD" "moving: matching" --build build/tiny

With --take the figures go to data/scores/trajectory, from where experiments/figures.py puts them into the page.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import torch
from development import BUILD, development_job, overridden
from following import Bench, Emitted, Line, Part, Walk
from paths import length, plane
from rounding import rounded

from unhype.files import write_text
from unhype.reports.tables import markdown
from unhype.reports.trajectory import draw_planes, path_rows
from unhype.terminal import quiet

ROOT = Path(__file__).resolve().parents[1]
SCORES, PICTURE = ROOT / "data" / "scores" / "trajectory", ROOT / "docs" / "experiments" / "trajectory.png"


def parts(seed_rows: int, mean_rows: int) -> dict[str, Part]:
    """Everything that is compared, by name; each is told beside the mean walk on its target, which stands first."""
    head = "hypernet.head=per_site"
    matching = ("mode=matching", head)
    return {
        "whole: SGD, mean": Walk("whole", 100, mean_rows),
        "whole: stays at the start": Line("whole", 0.0),
        "whole: straight line to SGD's end": Line("whole", 1.0),
        "whole: SGD, seed 0": Walk("whole", 0, seed_rows),
        "whole: SGD, seed 1": Walk("whole", 1, seed_rows),
        "whole: matching": Emitted("whole", matching),
        "whole: direct": Emitted("whole", ("mode=direct", head)),
        "whole: both": Emitted("whole", ("mode=both", head)),
        "whole: matching, S = 10": Emitted("whole", (*matching, "hypernet.steps=10")),
        "whole: matching, at every s alike": Emitted("whole", matching, evenly=True),
        "whole: matching, from rest, at every s alike": Emitted("whole", matching, evenly=True, at_rest=True),
        "moving: SGD, mean": Walk("moving", 100, mean_rows),
        "moving: matching": Emitted("moving", matching),
        "moving: direct": Emitted("moving", ("mode=direct", head)),
        "whole: matching, four times the steps": Emitted("whole", (*matching, "schedule.steps=1200")),
        "whole: matching, not averaged": Emitted("whole", (*matching, "schedule.average=0.0")),
    }


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--concepts", type=int, default=10)
    asked.add_argument("--steps", type=int, default=50, help="S")
    asked.add_argument("--eta", type=float, default=0.5)
    asked.add_argument("--schedule", type=int, default=300, help="training steps of H")
    asked.add_argument("--batch", type=int, default=8, help="rows in each of them")
    asked.add_argument("--rows", type=int, nargs=2, default=[2, 6], help="of a concept in a step of SGD: seeds, mean")
    asked.add_argument("--n", type=int, default=20, help="pictures at each place; 0 draws none")
    asked.add_argument("--only", nargs="+", help="paths whose names begin so")
    asked.add_argument("--name", default="mini-sd", help="of the figures")
    asked.add_argument("--build", type=Path, default=BUILD)
    asked.add_argument("--take", action="store_true", help="write data/scores/trajectory/NAME.json and the picture")
    options = asked.parse_args()
    quiet()
    usual = development_job(1).training
    training = overridden(
        replace(usual, retained=0, eta=options.eta),
        [
            f"hypernet.steps={options.steps}",
            f"schedule.steps={options.schedule}",
            f"schedule.batch={options.batch}",
        ],
    )
    bench = Bench(training, options.concepts, max(1, options.n // options.concepts) * options.concepts, options.build)
    found, kept = [], {}
    for name, part in parts(*options.rows).items():
        if options.only and not any(name.startswith(each) for each in options.only):
            continue
        kept[name], seconds = bench.path(name, part)
        print(f"{name}: {seconds:.3f} s of CPU a step", flush=True)
        figures = bench.file(name).with_suffix(".json")
        if not figures.exists():
            mean = kept[f"{part.target}: SGD, mean"]
            write_text(figures, json.dumps(bench.measure(name, part, mean, options.n > 0)))
        found.append(json.loads(figures.read_text(encoding="utf-8")))
        print(f"  {found[-1]}", flush=True)
    scores = {
        "S": options.steps,
        "eta": options.eta,
        "concepts": len(bench.names),
        "n": len(bench.asked[0]) if options.n else 0,
        "batch": options.batch,
        "rows": options.rows,
        "lengths": {
            t: float(length(kept[f"{t}: SGD, mean"]).mean()) for t in ("moving", "whole") if f"{t}: SGD, mean" in kept
        },
        "paths": found,
    }
    print(markdown(path_rows(scores)))
    if options.take:
        write_text(SCORES / f"{options.name}.json", json.dumps(rounded(scores, 4), indent=1) + "\n")
        draw_planes(panels(kept, bench.names[0]), PICTURE)


PANELS = {
    "whole target": ("SGD, mean", "SGD, seed 0", "SGD, seed 1", "matching", "matching, from rest, at every s alike"),
    "whole target, from farther off": ("SGD, mean", "matching", "both", "direct"),
    "moving target": ("SGD, mean", "matching", "direct"),
}
"""What is drawn together: a path that goes far would make the others a dot."""


def panels(kept: dict[str, torch.Tensor], concept: str) -> dict[str, dict[str, list[list[float]]]]:
    """The paths of the first concept in planes of their own."""
    found = {}
    for title, names in PANELS.items():
        target = title.partition(" ")[0]
        paths = {name: kept[f"{target}: {name}"][:, 0] for name in names if f"{target}: {name}" in kept}
        if paths:
            points, share = plane(list(paths.values()))
            shown = {name: each.tolist() for name, each in zip(paths, points, strict=True)}
            found[f"{concept}, {title}: {share:.0%} of variance"] = shown
    return found


if __name__ == "__main__":
    main()
