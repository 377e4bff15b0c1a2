"""``unhype compare``: methods side by side on one set and one base."""

from __future__ import annotations

import argparse
from pathlib import Path

from unhype.cli.options import BASES, Verb, params_of
from unhype.errors import UnhypeError
from unhype.miniature.folders import BASE

METHODS = (
    "unhype",
    "unhype_words",
    "static_lora",
    "threshold",
    "spm_gate",
    "unguide_paper",
    "unguide_code",
    "uce",
    "mace_like",
    "esd_x",
    "esd_u",
    "dve",
    "dve_anchored",
    "gem",
)
"""As :mod:`unhype.comparison.methods` has them, which is heavy to import."""


def add_commands(verb: Verb) -> None:
    """Add the verb; ``verb`` makes a command with the options that all have."""
    compare = verb(
        "compare",
        _compare,
        "compare UnHype with other methods on one concept set",
        "unhype compare --concepts celeb100 --methods all",
        "Each method is fitted, draws the same prompts with the same seeds, and is judged; what is there is reused.",
    )
    compare.add_argument("--concepts", default="celeb100", metavar="SET", help="a concept set (default: %(default)s)")
    compare.add_argument("--base", default=BASE.name, metavar="BASE", help=f"{BASES} (default: %(default)s)")
    compare.add_argument(
        "--methods",
        nargs="+",
        default=["all"],
        metavar="NAME",
        help=f"all (default), or some of {', '.join(METHODS)}",
    )
    compare.add_argument(
        "--seeds",
        nargs="+",
        type=int,
        default=[0],
        metavar="SEED",
        help="seeds of training; each is a fit of its own (default: 0)",
    )
    compare.add_argument(
        "--n",
        type=int,
        metavar="N",
        help="pictures for each kind of prompt, at least (default: prompts.per_role of params.yaml)",
    )
    compare.add_argument(
        "--build",
        type=Path,
        default=Path("build"),
        metavar="FOLDER",
        help="where everything that is fitted is kept (default: %(default)s)",
    )
    compare.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="where tables and pictures go (default: build/comparison/SET-BASE)",
    )


def _compare(options: argparse.Namespace) -> None:
    from unhype.comparison.methods import chosen
    from unhype.comparison.reporting import write_comparison
    from unhype.comparison.running import Comparison
    from unhype.pictures.seeds import check_seed
    from unhype.pipeline import job as jobs
    from unhype.progress import with_progress
    from unhype.terminal import quiet

    if options.n is not None and options.n < 1:
        raise UnhypeError(f"got --n {options.n}, wanted at least 1 picture a stratum")
    for seed in options.seeds:
        check_seed(seed, "--seeds")
    quiet()
    job = jobs.open_job(params_of(options), options.concepts, options.base, options.data, options.build, n=options.n)
    judging = jobs.judging_of(job)
    if judging.judge is None:
        print(f"unjudged, compared by drift{' and CLIP' if judging.embeddings else ''}: {judging.missing}")
    methods = chosen(options.methods, job)
    comparison = Comparison(job, jobs.load_base(job), judging.judge, judging.embeddings, methods, options.seeds)
    for _progress in with_progress(comparison.run()):
        pass
    out = options.out or Path("build/comparison") / f"{job.concepts.name}-{job.base.name}"
    print(f"{write_comparison(comparison, out)}\n\n{out}")
