"""``unhype prompts``: the prompt tables of a concept set, as files."""

from __future__ import annotations

import argparse

from unhype.cli.options import Verb, params_of


def add_commands(verb: Verb) -> None:
    """Add the verb; ``verb`` makes a command with the options that all have."""
    prompts = verb(
        "prompts",
        _prompts,
        "write the prompts of a concept set, for training and evaluation, as CSV",
        "unhype prompts celeb100",
    )
    prompts.add_argument("concepts", metavar="SET", help="a concept set's name, or a path to one")


def _prompts(options: argparse.Namespace) -> None:
    from unhype.concepts.loading import load_set
    from unhype.prompts.tables import write_tables

    concepts = load_set(options.concepts, options.data / "concepts")
    folder = options.data / "prompts" / concepts.name
    tables = write_tables(concepts, params_of(options).prompts, folder)
    print(f"{', '.join(f'{name} {len(table)}' for name, table in tables.items())} prompts: {folder}")
