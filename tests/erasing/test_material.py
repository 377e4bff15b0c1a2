"""Material: latents that stream are those of all pictures at once; what is noised shows the concept, or its anchor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.families import guards, toy
from tests.families.training import prepared
from unhype.bases.loading import load_pipeline
from unhype.concepts.schema import ConceptSet, Entry
from unhype.eraser import Origin
from unhype.erasing.material import NEAREST, Shares, build_material, pictures_needed
from unhype.evaluation.album import Album
from unhype.families.choosing import family_of
from unhype.prompts.tables import training_tables

SET = ConceptSet("toy", "people", (Entry("Cher", "a woman"), Entry("Prince", "a man")), ("Elvis", "Madonna"))


class Noise:
    """Draws noise of its seed."""

    name, identity, origin = "noise", "x" * 20, Origin("base")

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
    assert torch.equal(build_material(family, album, tables, needed, None, Shares()).latents, whole)


class Plain:
    """What material asks of a family: latents are the pictures' first pixel, vectors are nothing."""

    def vectors(self, texts: Sequence[str]) -> torch.Tensor:
        return torch.zeros(len(texts), 4)

    def latents(self, pixels: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(pixels[:, :1, :1, :1].astype(np.float32)).permute(0, 3, 1, 2)


class Shade(Noise):
    """Draws forgotten concepts black, and everything else white."""

    def draw(self, prompts: Sequence[str], seeds: Sequence[int]) -> Iterator[np.ndarray]:
        for prompt in prompts:
            told = any(entry.concept in prompt for entry in SET.forget)
            yield np.full((1, 8, 8, 3), 0 if told else 255, dtype=np.uint8)


def test_what_is_noised_shows_the_concept_in_one_half_and_its_anchor_in_the_other(tmp_path: Path) -> None:
    """At inference a trajectory begins as the concept and ends as its anchor: z_t must come from both."""
    tables = {name: table for name, table in training_tables(SET).items() if name != "pairs"}
    tables["pairs"] = training_tables(SET)["pairs"].iloc[:0]
    needed, album = pictures_needed(tables, 2), Album(tmp_path, Shade())
    list(album.draw(list(needed["prompt"]), list(needed["seed"])))
    material = build_material(Plain(), album, tables, needed, None, Shares())  # type: ignore[arg-type]
    shades = material.latents.flatten()[torch.from_numpy(material.rows)]
    assert (shades.mean(1) == 127.5).all(), "half of each row's pictures are black, half are white"


@pytest.mark.parametrize("shares", [Shares(0.5, 0.25), Shares(0.0, 0.5), Shares(0.3, 0.0)])
def test_a_step_reads_rows_by_their_shares(tmp_path: Path, shares: Shares) -> None:
    """Kept rows are their own anchor; in a pair a kept person stands beside the forgotten one, on both sides."""
    material, _ = prepared(toy.Toy(toy.Pipeline()), tmp_path, switched=True, shares=shares)
    drawn = material.draw(4000, np.random.default_rng(0))
    rows = [(material.prompts[row], material.anchors[row]) for row in drawn]
    kept = [prompt == anchor for prompt, anchor in rows]
    pairs = [prompt != anchor and " and " in prompt for prompt, anchor in rows]
    assert np.mean(kept) == pytest.approx(shares.kept, abs=0.03)
    assert np.mean(pairs) == pytest.approx(shares.pairs, abs=0.03)


def test_every_third_prompt_to_keep_is_of_a_neighbour_of_its_concept(tmp_path: Path) -> None:
    """By the switch's own cosine; the others are of everybody."""
    family = toy.Toy(toy.Pipeline())
    material, switch = prepared(family, tmp_path, switched=True)
    tables = training_tables(guards.SET)
    train, retain = tables["train"], tables["retain"]
    assert switch is not None
    near = pd.DataFrame(switch.similarity(family.vectors(list(retain["text"]))), retain["prompt"], switch.concepts)
    kept = material.prompts[-len(train) :]
    for concept, prompt in list(zip(train["concept"], kept, strict=True))[2::3]:
        nearer = near[concept] > near[concept][prompt]
        assert nearer.sum() < NEAREST * len(retain), f"{prompt} is no neighbour of {concept}"
    assert set(retain["text"]) == {name for name in retain["text"] if any(name in prompt for prompt in kept[::3])}


def test_a_set_without_pairs_reads_concepts_alone(tmp_path: Path) -> None:
    material, _ = prepared(toy.Toy(toy.Pipeline()), tmp_path, switched=True, pairs=False)
    assert all(prompt != anchor for prompt, anchor in zip(material.prompts, material.anchors, strict=True))
