"""What experiments are asked on the command line: a base, settings for all rows of a table, and variants, a row each.

    --base mini-flux --set training.schedule.steps=200 sampling.steps=10 --variant sites=published --variant gamma=1

A program names the options that it takes; what they mean is said here once.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from development import BUILD, development_job, first, overridden, sites_known

from unhype.pipeline.job import Job

OPTIONS: dict[str, dict[str, Any]] = {
    "--base": {"default": "mini-sd", "help": "a shipped base, an alias, a hub id or a folder"},
    "--set": {
        "nargs": "+",
        "default": [],
        "metavar": "BLOCK.KEY=VALUE",
        "help": "settings of all rows that differ from params.yaml: training.…, sampling.…, base.…, judges.…",
    },
    "--variant": {
        "nargs": "*",
        "action": "append",
        "metavar": "KEY=VALUE",
        "help": "training settings of one row that differ; nested ones with dots; sites=ONE+OTHER joins two choices",
    },
    "--forget": {"type": int, "metavar": "N", "help": "forget only the first N names of the development set"},
    "--build": {"type": Path, "default": BUILD, "help": "where guards and pictures are kept"},
}


def parser(told: str | None, *names: str) -> argparse.ArgumentParser:
    """A parser with some of the shared options; ``told`` is the program's own text."""
    made = argparse.ArgumentParser(description=told, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in names:
        made.add_argument(name, **OPTIONS[name])
    return made


def job_of(options: argparse.Namespace, variant: Sequence[str] = ()) -> Job:
    """The development job that was asked for, as a variant has it."""
    concepts = first(options.forget) if options.forget else None
    job = development_job(options.n, None, concepts, options.build, options.base, options.set)
    job = replace(job, training=overridden(job.training, variant))
    sites_known(job)
    return job


def variants(options: argparse.Namespace) -> Iterator[tuple[str, Job]]:
    """A label and the job of each row of a table: of every variant, or of none but the settings."""
    for variant in options.variant or [[]]:
        yield " ".join(variant) or "default", job_of(options, variant)
