"""Galleries: small pictures are enlarged to the pixel, large ones fit a page."""

from __future__ import annotations

import numpy as np
import pytest

from unhype.pictures.gallery import LARGEST, MARGIN, draw_gallery


def test_small_pictures_are_enlarged_to_the_pixel() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    page = np.asarray(draw_gallery([picture, picture], ["a", "b"]))
    assert (page[MARGIN : MARGIN + 32 : 2, MARGIN : MARGIN + 32 : 2] == picture).all()


@pytest.mark.parametrize(("height", "width"), [(1024, 1024), (1024, 512), (400, 400)])
def test_large_pictures_fit_a_page_in_their_shape(height: int, width: int) -> None:
    page = draw_gallery([np.full((height, width, 3), 9, np.uint8)] * 2, ["a", "b"])
    pixels = (np.asarray(page) == 9).all(2)
    rows, columns = np.flatnonzero(pixels.any(1)), np.flatnonzero(pixels.any(0))
    assert len(rows) == LARGEST
    assert len(columns) == 2 * LARGEST * width // height
