"""Material: latents that stream are, to the bit, those of all pictures at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from unhype.bases.loading import load_pipeline
from unhype.concepts.schema import ConceptSet, Entry
from unhype.erasing.material import build_material, pictures_needed
from unhype.evaluation.album import Album
from unhype.families.choosing import family_of
from unhype.prompts.tables import training_tables

SET = ConceptSet("toy", "people", (Entry("Cher", "a woman"), Entry("Prince", "a man")), ("Elvis", "Madonna"))


class Noise:
    """Draws noise of its seed."""

    name, identity = "noise", "x" * 20

    def draw(self, prompts: Sequence[str], seeds: Sequence[int]) -> Iterator[np.ndarray]:
        for seed in seeds:
            yield np.random.default_rng(seed).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)

    def untouched(self, prompts: Sequence[str]) -> np.ndarray:
        return np.zeros(len(prompts), dtype=bool)


@pytest.mark.slow
@pytest.mark.parametrize("per_concept", [1, 4, 8])
def test_streamed_latents_are_the_same_bits(data: Path, tmp_path: Path, per_concept: int) -> None:
    family = family_of(load_pipeline(data / "bases" / "mini-sd"))
    tables = training_tables(SET)
    needed, album = pictures_needed(tables, per_concept), Album(tmp_path, Noise())
    asked = list(needed["prompt"]), list(needed["seed"])
    list(album.draw(*asked))
    whole = family.latents(album.read(*asked))
    assert torch.equal(build_material(family, album, tables, needed, None).latents, whole)
