"""Galleries: pictures in a grid, each with its words below; small ones enlarged pixel by pixel, large ones shrunk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from unhype.files import write_whole

INK = (40, 40, 50)
PAPER = (255, 255, 255)
MARGIN = 6
LINE = 13
LARGEST = 512
"""Screen pixels of a picture's longer side: eight of 1024² in a row would be no page."""


def draw_gallery(pictures: Sequence[np.ndarray], words: Sequence[str], columns: int = 6, scale: int = 2) -> Image.Image:
    """A grid of pictures with captions.

    Args:
        pictures: ``uint8 [h, w, 3]`` each, all of one size.
        words: a caption for each; long ones are broken into at most three lines.
        scale: screen pixels per picture pixel; less where a picture would be larger than :data:`LARGEST`.
    """
    if not pictures or len(pictures) != len(words):
        raise ValueError(
            f"got {len(pictures)} pictures and {len(words)} captions, wanted as many of each and at least one"
        )
    font = ImageFont.load_default(size=11)
    sides = pictures[0].shape[:2]
    fits = min(scale, LARGEST / max(sides))
    height, width = (round(side * fits) for side in sides)
    how = Image.Resampling.NEAREST if fits == scale else Image.Resampling.LANCZOS
    columns = min(columns, len(pictures))
    lines = [_broken(text, font, width) for text in words]
    rows = [range(start, min(start + columns, len(pictures))) for start in range(0, len(pictures), columns)]
    heights = [height + LINE * max(len(lines[i]) for i in row) + MARGIN for row in rows]
    page = Image.new("RGB", (columns * (width + MARGIN) + MARGIN, sum(heights) + MARGIN), PAPER)
    draw = ImageDraw.Draw(page)
    for k, row in enumerate(rows):
        y = MARGIN + sum(heights[:k])
        for column, i in enumerate(row):
            x = MARGIN + column * (width + MARGIN)
            page.paste(Image.fromarray(pictures[i]).resize((width, height), how), (x, y))
            for number, line in enumerate(lines[i]):
                draw.text((x, y + height + 1 + number * LINE), line, INK, font=font)
    return page


def save_picture(image: Image.Image, path: Path) -> None:
    """Write a PNG, whole or not at all."""
    write_whole(path, lambda partial: image.save(partial, format="PNG", optimize=True))


def _broken(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int, most: int = 3) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines if len(lines) <= most else [*lines[: most - 1], f"{lines[most - 1]} …"]
