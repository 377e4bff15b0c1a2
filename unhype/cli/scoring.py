"""``unhype evaluate``: a guard's scores on somebody's own list of prompts."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from unhype.cli.options import Verb, add_model, erasers_of, params_of, source_of
from unhype.errors import UnhypeError

if TYPE_CHECKING:
    from unhype.judges.judge import Reader
    from unhype.params import Params


def add_commands(verb: Verb) -> None:
    """Add the verb; ``verb`` makes a command with the options that all have."""
    evaluate = verb(
        "evaluate",
        _evaluate,
        "score a guard on a CSV of prompts",
        "unhype evaluate --model build/guards/NAME --prompts prompts.csv --out scores.json",
    )
    add_model(evaluate)
    columns = (
        "CSV with a prompt and a seed in each row, as MACE, UCE, ESD, I2P and COCO have them; type and concept optional"
    )
    about = "the concept set that the list is about (default: the guard's own)"
    evaluate.add_argument("--concepts", metavar="SET", help=about)
    evaluate.add_argument("--prompts", type=Path, required=True, metavar="FILE", help=columns)
    evaluate.add_argument(
        "--columns",
        nargs="+",
        default=[],
        metavar="WHAT=NAME",
        help="what a column of the CSV is called: prompt=, seed=, type= or concept=, such as seed=sd_seed",
    )
    evaluate.add_argument(
        "--out", type=Path, default=Path("build/scores.json"), help="where the scores go (default: %(default)s)"
    )


def _evaluate(options: argparse.Namespace) -> None:
    from unhype.evaluation.columns import renamed
    from unhype.evaluation.listed import read_prompts, score_list
    from unhype.files import write_text

    columns = renamed(options.columns)
    judge = _judge(options, params_of(options))
    table = read_prompts(options.prompts, judge.vocabulary, judge.people, columns)
    eraser, bare = erasers_of(options, params_of(options))
    scores = score_list(table, eraser, judge, options.data / "images", bare)
    write_text(options.out, json.dumps(scores, indent=2) + "\n")
    told: dict[str, float] = {name: scores[name] for name in ("Acc_e", "Acc_s", "H") if name in scores}
    for role in ("named", "listed"):
        for name in ("shown", "face", "drift", "identical"):
            if name in scores["roles"].get(role, {}):
                told[f"{role} {name}"] = scores["roles"][role][name]
    shown = "  ".join(f"{name} {value:.3f}" for name, value in told.items())
    print(f"{scores['method']} on {scores['n']} prompts: {shown}; {options.out}")


def _judge(options: argparse.Namespace, params: Params) -> Reader:
    """Who judges somebody's own list: by the set that is named, or by the guard's own where it ships."""
    from unhype.concepts.loading import available_sets, load_set
    from unhype.erasing.guard import Guard
    from unhype.judges.choosing import choose

    facts = Guard.load(options.model).trained.facts if options.model else {}
    folder = options.data / "concepts"
    name = options.concepts or (facts.get("concepts") if facts.get("concepts") in available_sets(folder) else None)
    concepts = load_set(name, folder) if name else None
    judging = choose(source_of(options, facts), concepts, options.data / "judges", params.judges)
    if judging.judge is None:
        raise UnhypeError(judging.missing)
    return judging.judge
