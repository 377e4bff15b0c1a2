"""``unhype plan``: what a job would take on a base whose weights nobody has fetched yet."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from unhype.bases.aliases import ALIASES
from unhype.cli.options import Verb, params_of

BASES = f"a shipped base, {', '.join(ALIASES)}, a diffusers folder, or a hub id that was fetched once"


def add_commands(verb: Verb) -> None:
    """Add the verb; ``verb`` makes a command with the options that all have."""
    plan = verb(
        "plan",
        _plan,
        "say what a job would take: sites, parameters, memory, GPUs, time; nothing is fetched",
        "unhype plan --base flux-dev --concepts celeb100",
    )
    plan.add_argument("--base", required=True, metavar="BASE", help=BASES)
    plan.add_argument("--concepts", default="celeb100", metavar="SET", help="a concept set (default: %(default)s)")
    plan.add_argument(
        "--device", choices=("cuda", "cpu"), default="cuda", help="what it is planned for (default: %(default)s)"
    )
    plan.add_argument(
        "--dtype",
        choices=("float32", "bf16", "fp16"),
        help="of the frozen base (default: base.dtype of params.yaml, or what suits the family)",
    )
    plan.add_argument("--json", type=Path, metavar="FILE", help="write all figures as JSON, too")


def _plan(options: argparse.Namespace) -> None:
    from unhype.concepts.loading import load_set
    from unhype.files import write_text
    from unhype.pipeline.forecast import figures, opened, table
    from unhype.terminal import quiet

    quiet()
    concepts = load_set(options.concepts, options.data / "concepts")
    plan = opened(options.base, concepts, params_of(options), options.data, options.device, options.dtype)
    found = figures(plan, options.base, concepts.name)
    print(table(found))
    if options.json:
        write_text(options.json, json.dumps(found, indent=2) + "\n")
        print(f"\n{options.json}")
