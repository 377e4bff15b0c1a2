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
from unhype.cli import comparing, concepts, drawing, exporting, pages, planning, scoring, tabling
from unhype.cli.options import params_of
from unhype.errors import UnhypeError
from unhype.miniature.folders import BASE
from unhype.offline import stay_offline
from unhype.terminal import show_anyway
from unhype.threads import wait_briefly

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

BASES = (BASE.name,)
"""Bases that can be trained from nothing here."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    show_anyway()
    wait_briefly()
    options = _parser().parse_args(arguments)
    # Libraries that ask a hub or draw bars of their own would only confuse.
    stay_offline(getattr(options, "base", None))
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
        prog="unhype", description="Make text-to-image diffusion models forget. Start with: unhype demo"
    )
    parser.add_argument("--version", action="version", version=f"unhype {__version__}")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def verb(name: str, run: object, text: str, example: str) -> argparse.ArgumentParser:
        command = verbs.add_parser(
            name, help=text, description=f"{text[0].upper()}{text[1:]}.", epilog=f"Example: {example}"
        )
        command.set_defaults(run=run)
        command.add_argument(
            "--data", type=Path, default=Path("data"), help="folder of bases and judges (default: %(default)s)"
        )
        command.add_argument(
            "--params",
            type=Path,
            default=Path("params.yaml"),
            help="settings (default: %(default)s; built-in defaults if absent)",
        )
        return command

    demo = verb(
        "demo", _demo, "draw a gallery with the miniature base and judge it", "unhype demo --out build/demo.png"
    )
    demo.add_argument(
        "--out", type=Path, default=Path("build/demo.png"), help="the gallery's file (default: %(default)s)"
    )
    demo.add_argument(
        "--pictures", type=_positive, default=36, metavar="N", help="how many pictures (default: %(default)s)"
    )

    world = verb(
        "world",
        _world,
        "draw the procedural world itself, the truth that the base learns",
        "unhype world --out build/world.png",
    )
    world.add_argument(
        "--out", type=Path, default=Path("build/world.png"), help="the gallery's file (default: %(default)s)"
    )
    world.add_argument(
        "--pictures", type=_positive, default=36, metavar="N", help="how many pictures (default: %(default)s)"
    )
    world.add_argument("--seed", type=int, default=0, help="which pictures (default: %(default)s)")

    verify = verb(
        "verify", _verify, "check every byte of the shipped bases and judges against their cards", "unhype verify"
    )
    verify.add_argument("folders", type=Path, nargs="*", help="model folders (default: all that ship)")

    concepts.add_commands(verbs)
    for group in (tabling, drawing, scoring, comparing, exporting, planning, pages):
        group.add_commands(verb)

    measure = verb(
        "measure",
        _measure,
        "measure a base on held-out prompts and write its model card",
        f"unhype measure {BASE.name} --n 1000",
    )
    measure.add_argument("base", choices=BASES)
    measure.add_argument(
        "--n", type=_positive, default=1000, help="pictures a question, at least (default: %(default)s)"
    )

    pretrain = verb(
        "pretrain",
        _pretrain,
        "pretrain a base from nothing; hours on two cores, resumes where it stopped",
        f"unhype pretrain {BASE.name}",
    )
    pretrain.add_argument("base", choices=BASES)
    pretrain.add_argument(
        "--work",
        type=Path,
        default=Path("build/pretrain") / BASE.name,
        help="folder of checkpoints (default: %(default)s)",
    )
    pretrain.add_argument("--device", default="auto", help="cpu, cuda, or auto (default)")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"got {number}, wanted at least 1")
    return number


def _world(options: argparse.Namespace) -> None:
    import numpy as np

    from unhype.miniature.pictures import Pictures
    from unhype.pictures.gallery import draw_gallery, save_picture
    from unhype.pictures.seeds import check_seed

    check_seed(options.seed, "--seed", options.pictures)
    rows = Pictures(Path(), options.pictures, options.seed)
    rng = np.random.default_rng(options.seed)
    words = rows.captions(np.arange(options.pictures), rng)
    save_picture(draw_gallery([rows.picture(i).pixels for i in range(options.pictures)], words), options.out)
    print(f"{options.pictures} pictures of the world: {options.out}")


def _verify(options: argparse.Namespace) -> None:
    from unhype.bases.cards import content_hash, verify
    from unhype.miniature.folders import CLIP, JUDGE

    for folder in options.folders or [options.data / part for part in (BASE, CLIP, JUDGE)]:
        card = verify(folder)
        state = f"{len(card['files'])} files as the card says" if card else "no card, nothing to check against"
        print(f"{folder}: {state}; {content_hash(folder)[:12]}")


def _demo(options: argparse.Namespace) -> None:
    from unhype.miniature.showing import demo

    demo(options.data, params_of(options).sampling, options.pictures, options.out)


def _measure(options: argparse.Namespace) -> None:
    from unhype.miniature.showing import measure

    measure(options.data, params_of(options).sampling, options.n)


def _pretrain(options: argparse.Namespace) -> None:
    from unhype.miniature.showing import pretrain_and_ship

    pretrain_and_ship(params_of(options).pretraining, options.work, options.data, options.device)
