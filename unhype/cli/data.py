"""``unhype data``: the prompts and pictures that a registered version was made from, to a team's store and back."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unhype.cli.models import VERSION
from unhype.cli.options import new_command

if TYPE_CHECKING:
    from unhype.registry.models import Version


def add_commands(verbs: Any) -> None:
    """Add ``data`` and what it can do."""
    data = verbs.add_parser(
        "data",
        help="prompts and pictures of a registered version: push them to a team's store, pull them from it",
        description="Send and get the prompts and pictures that a registered version was made from, through DVC.",
        epilog="Example: unhype data pull --model models:/unhype-celeb100/3",
    )
    inner = data.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def verb(name: str, run: Callable[[argparse.Namespace], None], text: str, example: str) -> argparse.ArgumentParser:
        command = new_command(inner, name, run, text, f"unhype data {example}")
        command.add_argument("--model", required=True, metavar="URI", help=VERSION)
        command.add_argument("--remote", default="", metavar="NAME", help="of dvc remote list (default: its default)")
        command.add_argument(
            "--data",
            type=Path,
            default=Path("data"),
            metavar="FOLDER",
            help="where prompts and images are, in the checkout whose DVC settings are meant (default: %(default)s)",
        )
        command.add_argument("--root", type=Path, metavar="FOLDER", help="where mlflow.db is (default: this checkout)")
        return command

    verb("push", _push, "send a version's prompts and pictures to a remote", "push --model NAME/3")
    pull = verb("pull", _pull, "get exactly the prompts and pictures of a version", "pull --model NAME/3 --out FOLDER")
    pull.add_argument("--out", type=Path, metavar="FOLDER", help="write below this folder (default: that of --data)")
    pull.add_argument("--force", action="store_true", help="put them in the place of rows and pictures that differ")


def _push(options: argparse.Namespace) -> None:
    from unhype.pipeline.sharing import push_data

    for line in push_data(_version(options), options.data, options.remote):
        print(line)


def _pull(options: argparse.Namespace) -> None:
    from unhype.pipeline.sharing import pull_data

    for line in pull_data(_version(options), options.data, options.out, options.force, options.remote):
        print(line)


def _version(options: argparse.Namespace) -> Version:
    from unhype.registry.models import version_named
    from unhype.registry.store import open_store, project

    store = open_store(options.root or project(), write=False)
    return version_named(store, options.model if options.model.startswith("models:/") else f"models:/{options.model}")
