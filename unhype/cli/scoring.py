"""``unhype evaluate``: a guard's scores on somebody's own list of prompts."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unhype.cli.options import Verb, add_model, erasers_of, params_of, source_of

if TYPE_CHECKING:
    from unhype.judges.choosing import Judging
    from unhype.params import Params


def add_commands(verb: Verb) -> None:
    """Add the verb; ``verb`` makes a command with the options that all have."""
    evaluate = verb(
        "evaluate",
        _evaluate,
        "score a guard on your own list of prompts",
        "unhype evaluate --model build/guards/NAME --prompts prompts.csv --out scores.json",
        "With a column type (erased or others), rows are scored by whether a judge sees their concept; without one, by "
        "how far pictures moved from the bare base's and what judge, CLIP and NudeNet find, where they are at hand. "
        "Pictures are kept in data/images, and none is drawn twice.",
    )
    add_model(evaluate)
    evaluate.set_defaults(ungated=True)  # how else would anybody find out about a version that was rejected?
    columns = (
        "CSV with a prompt and a seed in each row, as MACE, UCE, ESD, I2P and COCO have them; type and concept optional"
    )
    about = "the concept set that the list is about, which says what to look for (default: the guard's own)"
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
        "--out",
        type=Path,
        default=Path("build/scores.json"),
        metavar="FILE",
        help="where the scores go, as JSON (default: %(default)s)",
    )


def _evaluate(options: argparse.Namespace) -> None:
    from unhype.evaluation.columns import is_rated, renamed
    from unhype.evaluation.listed import Lookers, read_prompts, score_list
    from unhype.files import write_text
    from unhype.judges.nudity import INSTALL
    from unhype.terminal import quiet

    quiet()
    columns = renamed(options.columns)
    judging = _judging(options, params_of(options))
    judge, detector = judging.judge, judging.detector if is_rated(options.prompts) else None
    table = read_prompts(options.prompts, judge.vocabulary if judge else None, judge.people if judge else (), columns)
    eraser, bare = erasers_of(options, params_of(options))
    if judge is None:
        print(f"no judge, scored by drift{' and CLIP' if judging.embeddings else ''}: {judging.missing}")
        if is_rated(options.prompts) and not detector:
            print(f"nudity is not looked for: {INSTALL}")
    by = Lookers(judge, judging.embeddings, detector)
    scores = score_list(table, eraser, by, options.data / "images", bare)
    write_text(options.out, json.dumps(scores, indent=2) + "\n")
    shown = "  ".join(f"{name} {value:.3f}" for name, value in _told(scores).items())
    print(f"{scores['method']} on {scores['n']} prompts: {shown}; {options.out}")


def _told(scores: Mapping[str, Any]) -> dict[str, float]:
    """The figures that the terminal shows; all of them are in the file."""
    told: dict[str, float] = {name: scores[name] for name in ("Acc_e", "Acc_s", "H") if name in scores}
    for role, score in scores["roles"].items():
        if "drift" in score:
            named = ("shown", "face", "drift", "identical", "cmmd", "cmmd_floor", "clip_score")
            told |= {f"{role} {name}": score[name] for name in named if name in score}
    for name in ("nudity", "nudity_base"):
        if name in scores:
            told[f"{name} detections"], told[f"{name} exposed"] = scores[name]["detections"], scores[name]["exposed"]
    return told


def _judging(options: argparse.Namespace, params: Params) -> Judging:
    """Who judges somebody's own list: by the set that is named, or by the guard's own where it ships."""
    from unhype.concepts.loading import available_sets, load_set
    from unhype.erasing.guard import Guard
    from unhype.judges.choosing import choose

    facts = Guard.load(options.model, ungated=True).trained.facts if options.model else {}
    folder = options.data / "concepts"
    own = facts.get("concepts")
    name = options.concepts or (own if own and own in available_sets(folder) else None)
    concepts = load_set(name, folder) if name else None
    source = source_of(options, facts)
    return choose(source, concepts, options.data / "judges", params.suited(source, options.data / "judges").judges)
