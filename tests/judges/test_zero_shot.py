"""The zero-shot judge: known answers from embeddings that are laid out by hand, and from a real CLIP of a folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from unhype.errors import UnhypeError
from unhype.judges.clip import Clip
from unhype.judges.miniature import MiniatureClip
from unhype.judges.zero_shot import ZeroShot, agreement
from unhype.miniature.captions import Subject
from unhype.miniature.things import THINGS
from unhype.miniature.world import render

CLASSES = {"red": "a photo of red", "green": "a photo of green", "blue": "a photo of blue"}


class Colours:
    """Sees the mean colour of a picture, hears the colour that a prompt names."""

    name = "colours"
    scale = 10.0

    def see(self, pixels: np.ndarray) -> np.ndarray:
        means = pixels.reshape(len(pixels), -1, 3).mean(1)
        return means / np.linalg.norm(means, axis=1, keepdims=True)

    def hear(self, prompts: Sequence[str]) -> np.ndarray:
        return np.array([[float(prompt.endswith(colour)) for colour in CLASSES] for prompt in prompts])


class Faces:
    """A face wherever the first pixel is bright."""

    name = "bright faces"

    def faces(self, pixels: np.ndarray) -> list[bool]:
        return [bool(picture[0, 0].max() > 200) for picture in pixels]


def flat(*colours: tuple[int, int, int]) -> np.ndarray:
    return np.array([np.full((4, 4, 3), colour) for colour in colours], np.uint8)


def test_the_nearest_class_with_its_probability() -> None:
    judge = ZeroShot(Colours(), CLASSES, {"crimson": "red"})
    seen = judge.read(flat((250, 0, 0), (0, 0, 90)))
    assert [each.concepts for each in seen] == [("red",), ("blue",)]
    expected = np.exp(10) / (np.exp(10) + 2)
    assert seen[0].scores == pytest.approx((expected,))
    assert not seen[0].face
    assert judge.known == {"red", "green", "blue"}
    assert judge.vocabulary["crimson"] == judge.vocabulary["red"] == "red"
    assert "none of its classes" in judge.cannot
    assert "faces" in judge.cannot
    assert "colours" in judge.name


def test_a_threshold_lets_it_see_nothing_and_no_face_is_nobody() -> None:
    mixed, clear, dark = (90, 90, 88), (250, 0, 0), (99, 0, 0)
    careful = ZeroShot(Colours(), CLASSES, {}, threshold=0.5)
    assert [each.concepts for each in careful.read(flat(mixed, clear))] == [(), ("red",)]
    people = ZeroShot(Colours(), CLASSES, {}, finder=Faces())
    assert [(each.concepts, each.face) for each in people.read(flat(clear, dark))] == [(("red",), True), ((), False)]


def test_both_of_mace_s_figures_are_named() -> None:
    judge, pixels = ZeroShot(Colours(), CLASSES, {}), flat((250, 0, 0), (0, 250, 0))
    right = float(np.exp(10) / (np.exp(10) + 2))
    assert agreement(judge, pixels, ["red", "green"]).accuracy == 1
    half = agreement(judge, pixels, ["red", "red"])
    assert (half.n, half.accuracy) == (2, 0.5)
    assert half.mean_probability == pytest.approx((right + (1 - right) / 2) / 2)
    with pytest.raises(ValueError, match="wanted equally many"):
        agreement(judge, pixels, ["red", "mauve"])


def test_one_class_is_no_choice() -> None:
    with pytest.raises(ValueError, match="at least two"):
        ZeroShot(Colours(), {"red": "a photo of red"}, {})


@pytest.fixture(scope="module")
def folder(data: Path) -> Path:
    return data / "judges" / "mini-clip"


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, list[str]]:
    asked = [thing for thing in THINGS for _ in range(4)]
    return np.stack([render(Subject(thing=thing), seed=i).pixels for i, thing in enumerate(asked)]), asked


@pytest.mark.slow
def test_a_clip_of_a_folder_sees_and_hears_as_the_miniature_s_own(
    folder: Path, drawn: tuple[np.ndarray, list[str]]
) -> None:
    own, any_clip = MiniatureClip(folder), Clip(str(folder))
    prompts = ["a photo of a dog", "an oil painting of Cher in the street"]
    assert np.allclose(own.see(drawn[0]), any_clip.see(drawn[0]), atol=1e-4)
    assert np.allclose(own.hear(prompts), any_clip.hear(prompts), atol=1e-5)
    assert own.scale == any_clip.scale
    assert own.name.split()[-1] == any_clip.name.split()[-1]


@pytest.mark.slow
def test_a_real_clip_tells_the_miniature_s_classes_far_better_than_chance(
    folder: Path, drawn: tuple[np.ndarray, list[str]]
) -> None:
    judge = ZeroShot(Clip(str(folder)), {thing: f"a photo of the {thing}" for thing in THINGS}, {})
    found = agreement(judge, *drawn)
    assert found.accuracy >= 0.5  # by chance 0.1
    assert found.mean_probability >= 0.4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), ["no", "safetensors"]),
        (lambda folder: (folder / "config.json").unlink(), ["got no config.json", "judges: clip"]),
        (
            lambda folder: (folder / "config.json").write_text(json.dumps({"model_type": "siglip"})),
            ["'siglip'", "wanted clip"],
        ),
        (
            lambda folder: (folder / "config.json").write_text(
                (folder / "config.json").read_text().replace('"num_hidden_layers": 4', '"num_hidden_layers": 5')
            ),
            ["no usable weights", "layers.4"],
        ),
    ],
)
def test_what_is_no_whole_clip_is_refused_in_one_line(folder: Path, tmp_path: Path, spoil, words: list[str]) -> None:
    copy = tmp_path / "clip"
    shutil.copytree(folder, copy)
    (copy / "card.json").unlink()  # nothing to check it against, as with a folder from elsewhere
    spoil(copy)
    with pytest.raises(UnhypeError) as caught:
        Clip(str(copy)).hear(["a dog"])
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words), caught.value
