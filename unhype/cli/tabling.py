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
        about="Training and evaluation read these files. Rows that you edit or add there are kept, and checked like "
        "the others: no name, template or seed of the evaluation in training.",
    )
    prompts.add_argument("concepts", metavar="SET", help="a concept set's name, or a path to one")
    prompts.add_argument("--overwrite", action="store_true", help="write all rows anew, edited ones too")


def _prompts(options: argparse.Namespace) -> None:
    from unhype.concepts.loading import load_set
    from unhype.prompts.writing import write_prompts

    concepts = load_set(options.concepts, options.data / "concepts")
    folder = options.data / "prompts" / concepts.name
    tables, edited = write_prompts(concepts, params_of(options).prompts, folder, options.overwrite)
    print(f"{', '.join(f'{name} {len(table)}' for name, table in tables.items())} prompts: {folder}")
    for name in edited:
        print(f"{name}: edited, and kept as it is")
