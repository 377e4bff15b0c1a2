"""HyperForget over seeds and digits: the tables of docs/experiments/hyperforget.md.

.venv/bin/python experiments/hyperforget.py --signal two --start none --seeds 0 1 2
.venv/bin/python experiments/hyperforget.py --signal two --start none --digits 0 1 2 3 4 5 6 7 8 9 --name two-none-turns
.venv/bin/python experiments/hyperforget.py --signal classes --start trained --turns
.venv/bin/python experiments/hyperforget.py --signal two --start none --zoo scratch --name scratch

Models, zoos and scores are kept in build/hyperforget and made once: whoever stops it goes on where it was. With --take
the scores go to data/scores/hyperforget, from where experiments/figures.py puts them into the page.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from rounding import rounded

from unhype.evaluation.nets import evaluate
from unhype.files import write_text
from unhype.hyperforget.digits import CLASSES, load_split
from unhype.params import load_params
from unhype.pipeline.forgetting import ForgettingJob
from unhype.reports.hyperforget import method_rows, turn_rows
from unhype.reports.tables import markdown

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--signal", default="two")
    parser.add_argument("--start", default="none")
    parser.add_argument(
        "--digits", nargs="+", type=int, help="default: 3; with classes 7, which no net of the zoo forgot"
    )
    parser.add_argument("--turns", action="store_true", help="with classes: ask the one model for every digit in turn")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--zoo", default="paths", help="paths or scratch")
    parser.add_argument(
        "--weights-alone", action="store_true", help="train by the square of weights, whatever nets say"
    )
    parser.add_argument("--name", help="of the scores (default: SIGNAL-START)")
    parser.add_argument("--take", action="store_true", help="write data/scores/hyperforget/NAME.json")
    options = parser.parse_args()
    if options.turns and options.signal != "classes":
        parser.error(f"got --turns with the signal {options.signal}, wanted classes: others forget one digit alone")
    settings = load_params(ROOT / "params.yaml").hyperforget
    settings = replace(settings, zoo=replace(settings.zoo, kind=options.zoo))
    build, turns = ROOT / "build" / "hyperforget", "-turns" if options.turns else ""
    name = options.name or f"{options.signal}-{options.start}{turns}"
    if options.weights_alone:
        settings = replace(settings, loss=replace(settings.loss, said=0.0, losses=0.0))
    if options.weights_alone or options.zoo != "paths":
        build = build / name  # beside the flow's
    found = []
    for seed in options.seeds:
        for digit in options.digits or [7 if options.signal == "classes" else 3]:
            job = ForgettingJob(settings, options.signal, options.start, digit, seed, build)
            for _report in job.train():
                pass
            if options.turns:
                found += [rounded(turn(job, asked)) for asked in range(CLASSES)]
                continue
            found.append(rounded(job.evaluate()))
            print(f"\n{name}, digit {digit}, seed {seed}\n{markdown(method_rows(found[-1:]))}", flush=True)
    several = len({scores["digit"] for scores in found}) > 1
    print(f"\n{markdown(turn_rows(found) if several else method_rows(found))}")
    if options.take:
        write_text(ROOT / "data" / "scores" / "hyperforget" / f"{name}.json", json.dumps(found, indent=1) + "\n")


def turn(job: ForgettingJob, digit: int) -> dict[str, Any]:
    """Scores of a job's model when it is asked to forget another digit: itself and what it is measured against."""
    model, zoo = job.trained(), job.zoo()
    rows = list(islice(evaluate(model, zoo, load_split(job.seed), digit), 4))
    print(f"{digit}: {rows[-1]}", flush=True)
    about = {key: model.card[key] for key in ("signal", "start", "seed", "hash", "zoo", "code", "sampling", "draws")}
    return {**about, "digit": digit, "unseen": model.card["digit"], "n": len(zoo.held_out), "methods": rows}


if __name__ == "__main__":
    main()
