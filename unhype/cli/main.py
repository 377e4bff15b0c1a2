"""The command line: one command per verb.

Errors are one line without a traceback; heavy imports wait until a command needs them.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from unhype import __version__
from unhype.cli import (
    attacking,
    comparing,
    concepts,
    data,
    drawing,
    exporting,
    hyperforget,
    miniature,
    models,
    pages,
    planning,
    scoring,
    tabling,
)
from unhype.cli.options import new_command
from unhype.errors import UnhypeError
from unhype.offline import stay_offline
from unhype.terminal import show_anyway
from unhype.threads import wait_wisely

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    show_anyway()
    options = _parser().parse_args(arguments)
    wait_wisely()
    # Libraries that ask a hub or draw bars of their own would only confuse.
    stay_offline(getattr(options, "base", None), getattr(options, "params", None))
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
    try:
        options.run(options)
    except UnhypeError as error:
        print(f"unhype: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # Whoever read our output (head, less) has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("unhype: interrupted; nothing is lost, the same command resumes", file=sys.stderr)
        return INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="unhype",
        description="Make text-to-image diffusion models forget concepts. Start with: unhype demo",
        epilog="A guard, which makes a base forget a concept set, is trained by a flow: python flows/train_flow.py run "
        "--concepts celeb100. `unhype COMMAND --help` tells more of a command.",
    )
    parser.add_argument("--version", action="version", version=f"unhype {__version__}")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def verb(
        name: str, run: object, text: str, example: str, about: str = "", settings: bool = True
    ) -> argparse.ArgumentParser:
        command = new_command(verbs, name, run, text, example, about)
        if settings:
            command.add_argument(
                "--data",
                type=Path,
                default=Path("data"),
                metavar="FOLDER",
                help="where bases, judges, concept sets and pictures are (default: %(default)s)",
            )
            command.add_argument(
                "--params",
                type=Path,
                default=Path("params.yaml"),
                metavar="FILE",
                help="settings (default: %(default)s; where there is none, those that are built in)",
            )
        return command

    concepts.add_commands(verbs)
    hyperforget.add_commands(verbs)
    models.add_commands(verbs)
    data.add_commands(verbs)
    for group in (tabling, drawing, scoring, comparing, attacking, exporting, planning, pages, miniature):
        group.add_commands(verb)
    return parser
