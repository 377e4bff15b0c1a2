"""Options that several verbs share, and what they name: the settings, a base, a guard on it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from unhype.bases.aliases import ALIASES
from unhype.errors import UnhypeError
from unhype.miniature.folders import BASE

if TYPE_CHECKING:
    from unhype.bases.finding import Source
    from unhype.eraser import Eraser
    from unhype.params import Params

MODEL = (
    "its folder, as build/guards/NAME, or its name in the model registry, as models:/unhype-celeb100/1 or "
    "models:/unhype-celeb100@challenger; MLFLOW_TRACKING_URI names another registry than this checkout's"
)


class Verb(Protocol):
    """Makes a command."""

    def __call__(
        self, name: str, run: object, text: str, example: str, about: str = "", settings: bool = True
    ) -> argparse.ArgumentParser:
        """From its name, what it runs, a line on what it does for the list of all commands, and an example.

        Args:
            about: what its own help says besides.
            settings: whether it has ``--data`` and ``--params``.
        """
        ...


def new_command(
    among: Any, name: str, run: object, text: str, example: str, about: str = ""
) -> argparse.ArgumentParser:
    """A command among an argparse's subparsers: what it runs, a line that says what it does, an example."""
    told = f"{text[0].upper()}{text[1:]}. {about}".strip()
    command: argparse.ArgumentParser = among.add_parser(name, help=text, description=told, epilog=f"Example: {example}")
    command.set_defaults(run=run)
    return command


BASES = f"a shipped base, {', '.join(ALIASES)}, a hub id, a folder or a .safetensors file"


def add_model(command: argparse.ArgumentParser) -> None:
    """The options that say which guard draws, and on which base."""
    command.add_argument("--model", metavar="URI", help=f"the guard: {MODEL}")
    command.add_argument(
        "--method",
        choices=("unhype", "none"),
        default="unhype",
        help="unhype draws under the guard of --model, none with the bare base (default: %(default)s)",
    )
    command.add_argument("--base", metavar="BASE", help=f"{BASES} (default: the guard's own, or {BASE.name})")
    command.add_argument(
        "--derived",
        action="store_true",
        help="let --base be a fine-tuned relative of the guard's own; how far its weights differ is told",
    )
    command.add_argument(
        "--share",
        type=float,
        default=1.0,
        metavar="X",
        help="how much to forget: 1 wholly, 0 nothing (default: %(default)s)",
    )
    command.add_argument(
        "--only",
        action="append",
        metavar="CONCEPT",
        help="forget this one alone of the concepts that the guard was trained on; repeat it for several",
    )
    add_unmonitored(command)


def add_unmonitored(command: argparse.ArgumentParser) -> None:
    """The option that leaves a guard without its second opinion."""
    command.add_argument(
        "--unmonitored", action="store_true", help="read words alone, and do not look at what is being drawn"
    )


def add_ungated(command: argparse.ArgumentParser) -> None:
    """The option that lets a version be used that did not pass its gates."""
    command.add_argument(
        "--ungated",
        action="store_true",
        help="use a version of the model registry all the same that its gates have rejected, or never judged",
    )


def erasers_of(options: argparse.Namespace, params: Params) -> tuple[Eraser, Eraser]:
    """The eraser that was asked for, and the bare base on the same pipeline."""
    from unhype.eraser import Nothing
    from unhype.erasing.guard import Guard
    from unhype.erasing.guarded import Guarded
    from unhype.families.loading import load_family
    from unhype.terminal import quiet

    if (options.method == "none") == bool(options.model):
        raise UnhypeError(
            f"got --method {options.method} {'with' if options.model else 'without'} --model, "
            "wanted a guard to draw under or --method none"
        )
    quiet()
    guard = None
    if options.model:
        monitored = not options.unmonitored
        guard = Guard.load(options.model, options.only, options.share, options.ungated, monitored)
    source = source_of(options, guard.trained.facts if guard else {})
    params = params.suited(source, options.data / "judges")
    family = guard.load_family(source, params.base) if guard else load_family(source, params.base)
    bare = Nothing(family, source.hash, params.sampling)
    return (Guarded(family, guard, params.sampling, options.derived) if guard else bare), bare


def source_of(options: argparse.Namespace, facts: Mapping[str, Any]) -> Source:
    """The base that was asked for: by name, else the guard's own, else the one that ships."""
    from unhype.bases.finding import at_hub, find_base
    from unhype.bases.loading import fetched

    try:
        return fetched(find_base(options.base or facts.get("base", BASE.name), options.data))
    except UnhypeError as error:
        if options.base or "base" not in facts:
            raise
        # Libraries stay offline unless a command line names something at the hub.
        hub = at_hub(facts["base"])
        what = f"--base {facts['base']} fetches it" if hub else "if it lies elsewhere now, say where: --base"
        raise UnhypeError(f"{error}; the guard was trained on it: {what}") from error


def params_of(options: argparse.Namespace) -> Params:
    """The settings that a command's ``--params`` names."""
    from unhype.params import built_in, load_params

    # A missing default file means defaults; a file that somebody named must be there.
    if options.params == Path("params.yaml") and not options.params.exists():
        return built_in()
    return load_params(options.params)
