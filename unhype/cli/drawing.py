"""``unhype generate``: pictures under guard."""

from __future__ import annotations

import argparse
from pathlib import Path

from unhype.cli.options import Verb, add_model, add_ungated, erasers_of, params_of
from unhype.errors import UnhypeError


def add_commands(verb: Verb) -> None:
    """Add the verb; ``verb`` makes a command with the options that all have."""
    generate = verb(
        "generate",
        _generate,
        "draw pictures with a base under its guard",
        'unhype generate --model models:/unhype-celeb100@challenger --prompt "a photo of Cher"',
    )
    add_model(generate)
    add_ungated(generate)
    generate.add_argument(
        "--prompt", action="append", required=True, metavar="TEXT", help="what to draw; repeat it for several pictures"
    )
    generate.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="noise of the first picture; the next has N + 1 (default: %(default)s)",
    )
    generate.add_argument(
        "--out",
        type=Path,
        metavar="PATH",
        default=Path("build/generated.png"),
        help="a .png file: the picture, or a page of several, which holds them all in memory; or a folder: full-sized "
        "pictures, numbered by prompt, written as they are drawn, and manifest.csv, which says what each is "
        "(default: %(default)s)",
    )


def _generate(options: argparse.Namespace) -> None:
    from PIL import Image

    from unhype.evaluation.album import manifest
    from unhype.files import write_text
    from unhype.pictures.gallery import draw_gallery, save_picture
    from unhype.pictures.seeds import check_seed

    prompts, out = options.prompt, options.out
    check_seed(options.seed, "--seed", len(prompts))
    if out.suffix not in ("", ".png") or (out.suffix and out.is_dir()):
        raise UnhypeError(f"got --out {out}, wanted a file that ends in .png, or a folder for one picture a prompt")
    eraser, _ = erasers_of(options, params_of(options))
    seeds = [options.seed + i for i in range(len(prompts))]
    pictures = (picture for batch in eraser.draw(prompts, seeds) for picture in batch)
    if not out.suffix:
        # No more than a batch is in memory, however many prompts there are.
        paths = [out / f"{number:05}.png" for number in range(1, len(prompts) + 1)]
        for path, picture in zip(paths, pictures, strict=True):
            save_picture(Image.fromarray(picture), path)
        told = manifest(eraser, paths, list(zip(prompts, seeds, strict=True)))
        write_text(out / "manifest.csv", told.to_csv(index=False))
    elif len(prompts) == 1:
        save_picture(Image.fromarray(next(pictures)), out)
    else:  # a page needs all of its pictures at once
        save_picture(draw_gallery(list(pictures), prompts), out)
    print(f"{len(prompts)} picture{'s' * (len(prompts) > 1)} drawn with {eraser.name}: {out}")
