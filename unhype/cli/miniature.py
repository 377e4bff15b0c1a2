"""``unhype demo, world, verify, measure, pretrain``: the miniature, the tiny real base that ships, and its world."""

from __future__ import annotations

import argparse
from pathlib import Path

from unhype.cli.options import Verb, params_of
from unhype.miniature.folders import BASE, FLUX

BASES = (BASE.name, FLUX.name)
"""Bases that can be trained from nothing here."""


def add_commands(verb: Verb) -> None:
    """Add the verbs; ``verb`` makes a command with the options that all have."""
    demo = verb("demo", _demo, "draw a gallery with a miniature base and judge it", "unhype demo --out build/demo.png")
    demo.add_argument("--base", choices=BASES, default=BASE.name, help="its name (default: %(default)s)")
    demo.add_argument(
        "--out",
        type=Path,
        default=Path("build/demo.png"),
        metavar="FILE",
        help="the gallery's file (default: %(default)s)",
    )
    demo.add_argument(
        "--pictures", type=_positive, default=36, metavar="N", help="how many pictures (default: %(default)s)"
    )

    world = verb(
        "world",
        _world,
        "draw the world that the miniature base learns: the truth, drawn by a program",
        "unhype world --out build/world.png",
        settings=False,
    )
    world.add_argument(
        "--out",
        type=Path,
        default=Path("build/world.png"),
        metavar="FILE",
        help="the gallery's file (default: %(default)s)",
    )
    world.add_argument(
        "--pictures", type=_positive, default=36, metavar="N", help="how many pictures (default: %(default)s)"
    )
    world.add_argument("--seed", type=int, default=0, metavar="N", help="which pictures (default: %(default)s)")

    verify = verb(
        "verify", _verify, "check every byte of the shipped bases and judges against their model cards", "unhype verify"
    )
    verify.add_argument(
        "folders", type=Path, nargs="*", metavar="FOLDER", help="model folders (default: all that ship)"
    )

    measure = verb(
        "measure",
        _measure,
        "measure a miniature base on held-out prompts and write its model card",
        f"unhype measure {BASE.name} --n 1000",
    )
    measure.add_argument("base", choices=BASES, help="its name")
    measure.add_argument(
        "--n", type=_positive, default=1000, help="pictures a question, at least (default: %(default)s)"
    )

    pretrain = verb(
        "pretrain",
        _pretrain,
        "pretrain a miniature base from nothing: hours on two cores; resumes where it stopped",
        f"unhype pretrain {BASE.name}",
    )
    pretrain.add_argument("base", choices=BASES, help="its name")
    pretrain.add_argument(
        "--work",
        type=Path,
        metavar="FOLDER",
        help="folder of checkpoints (default: build/pretrain/NAME)",
    )
    pretrain.add_argument("--device", default="auto", metavar="NAME", help="cpu, cuda, or auto (default)")


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

    shipped = [options.data / part for part in (BASE, FLUX, CLIP, JUDGE)]
    # mini-flux is built on mini-sd and need not be there.
    for folder in options.folders or [folder for folder in shipped if folder.name != FLUX.name or folder.exists()]:
        card = verify(folder)
        state = f"{len(card['files'])} files as the card says" if card else "no card, nothing to check against"
        print(f"{folder}: {state}; {content_hash(folder)[:12]}")


def _demo(options: argparse.Namespace) -> None:
    from unhype.miniature.showing import demo

    demo(options.data, params_of(options).sampling, options.pictures, options.out, options.base)


def _measure(options: argparse.Namespace) -> None:
    from unhype.miniature.showing import measure

    measure(options.data, params_of(options).sampling, options.n, options.base)


def _pretrain(options: argparse.Namespace) -> None:
    from unhype.miniature.showing import pretrain_and_ship

    work = options.work or Path("build/pretrain") / options.base
    pretrain_and_ship(params_of(options).recipe(options.base), work, options.data, options.device)
