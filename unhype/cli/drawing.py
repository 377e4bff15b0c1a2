"""``unhype generate``: pictures under guard."""

from __future__ import annotations

import argparse
from pathlib import Path

from unhype.cli.options import Verb, add_model, erasers_of, params_of


def add_commands(verb: Verb) -> None:
    """Add the verb; ``verb`` makes a command with the options that all have."""
    generate = verb(
        "generate",
        _generate,
        "draw pictures under guard",
        'unhype generate --model models:/unhype-celeb100@challenger --prompt "a photo of Cher"',
    )
    add_model(generate)
    generate.add_argument("--prompt", action="append", required=True, help="what to draw; may be repeated")
    generate.add_argument(
        "--seed", type=int, default=0, help="noise of the first picture; the others count on (default: %(default)s)"
    )
    generate.add_argument(
        "--out",
        type=Path,
        default=Path("build/generated.png"),
        help="the picture, or a grid of several (default: %(default)s)",
    )


def _generate(options: argparse.Namespace) -> None:
    from PIL import Image

    from unhype.pictures.gallery import draw_gallery, save_picture
    from unhype.pictures.seeds import check_seed

    check_seed(options.seed, "--seed", len(options.prompt))
    eraser, _ = erasers_of(options, params_of(options))
    seeds = [options.seed + i for i in range(len(options.prompt))]
    pictures = [picture for batch in eraser.draw(options.prompt, seeds) for picture in batch]
    single = Image.fromarray(pictures[0]) if len(pictures) == 1 else draw_gallery(pictures, options.prompt)
    save_picture(single, options.out)
    print(f"{len(pictures)} picture{'s' * (len(pictures) > 1)} drawn with {eraser.name}: {options.out}")
