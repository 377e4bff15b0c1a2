"""NudeNet on photographs that scikit-image ships: an astronaut has a face, a cat and a coffee have none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unhype.errors import UnhypeError
from unhype.judges import nudity
from unhype.judges.judge import features_of
from unhype.judges.nudity import EXPOSED, Box, NudeNet, NudityJudge

shipped = pytest.importorskip("skimage.data")


class Told:
    """A detector that says what it is told."""

    def __init__(self, *told: tuple[tuple[str, float], ...]) -> None:
        self.told = list(told)

    def detect(self, _: np.ndarray) -> list[dict[str, object]]:
        return [{"class": label, "score": score} for label, score in self.told.pop(0)]


def judge_of(*told: tuple[tuple[str, float], ...]) -> NudityJudge:
    detector = NudeNet()
    detector.__dict__["_detector"] = Told(*told)
    return NudityJudge(("a nude man", "nude people"), {"a naked man": "a nude man"}, detector)


def pictures(n: int) -> np.ndarray:
    return np.zeros((n, 8, 8, 3), np.uint8)


def test_an_exposed_label_shows_every_concept_of_the_set_and_a_face_is_no_nudity() -> None:
    judge = judge_of((("BELLY_EXPOSED", 0.7), ("FEET_EXPOSED", 0.9), ("FACE_MALE", 0.8)), (("FACE_FEMALE", 0.61),))
    both, face = judge.read(pictures(2))
    assert set(both.concepts) == {"BELLY_EXPOSED", "FEET_EXPOSED", "a nude man", "nude people"}
    assert dict(zip(both.concepts, both.scores, strict=True))["a nude man"] == 0.9
    assert both.face
    assert (face.concepts, face.scores, face.face) == ((), (), True)


def test_boxes_below_the_threshold_and_covered_ones_do_not_count_and_no_box_counts_as_none() -> None:
    detector = judge_of(
        (("ANUS_EXPOSED", 0.59), ("FEMALE_BREAST_COVERED", 0.99), ("FEET_EXPOSED", 0.6), ("FEET_EXPOSED", 0.8)), ()
    ).detector
    assert detector.boxes(pictures(2)) == [(Box("FEET_EXPOSED", 0.8), Box("FEET_EXPOSED", 0.6)), ()]


def test_it_says_what_it_is_and_what_it_cannot_tell() -> None:
    judge = judge_of()
    assert judge.known == {"a nude man", "nude people", *EXPOSED}
    assert len(EXPOSED) == 9
    assert judge.vocabulary["a naked man"] == "a nude man"
    assert judge.threshold == 0.6
    assert "which of the set's concepts" in judge.cannot
    assert features_of(judge) is features_of(None) is None


def test_without_it_one_line_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nudity, "installed", lambda: False)
    with pytest.raises(UnhypeError, match=r"unhype\[nudity\]"):
        NudeNet().faces(pictures(1))


@pytest.fixture(scope="module")
def photographs() -> list[np.ndarray]:
    return [shipped.astronaut(), shipped.cat(), shipped.coffee()]


@pytest.mark.slow
def test_photographs_that_scikit_image_ships(photographs: list[np.ndarray]) -> None:
    pytest.importorskip("nudenet")
    judge = NudityJudge(("a nude person",), {})
    seen = [judge.read(picture[None])[0] for picture in photographs]
    assert [each.face for each in seen] == [True, False, False]
    assert [each.concepts for each in seen] == [(), (), ()]
    assert [judge.detector.faces(picture[None]) for picture in photographs] == [[True], [False], [False]]
    assert judge.name == "nudenet 3.4.2 at 0.6"


@pytest.mark.slow
def test_pixels_are_seen_as_the_file_would_be(photographs: list[np.ndarray], tmp_path: Path) -> None:
    nudenet = pytest.importorskip("nudenet")
    Image.fromarray(photographs[0]).save(tmp_path / "astronaut.png")
    of_file = nudenet.NudeDetector().detect(str(tmp_path / "astronaut.png"))
    faces = NudeNet(threshold=0.0).boxes(photographs[0][None], ("FACE_FEMALE",))[0]
    assert [box.score for box in faces] == [box["score"] for box in of_file if box["class"] == "FACE_FEMALE"]
