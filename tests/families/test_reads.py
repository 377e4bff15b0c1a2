"""What switch and hypernetwork read: CLIP's pooled vector, the mean of T5's states, or both; a guard knows which."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.families.guards import FORGOTTEN, KEPT, SET, draw, guard_of
from tests.families.test_refused import refused
from tests.families.tiny import WIDTH
from tests.families.training import PICTURES, settings
from unhype.bases.finding import Source
from unhype.erasing.checkpoint import Trained, save
from unhype.erasing.guard import Guard
from unhype.errors import UnhypeError
from unhype.families.choosing import family_of
from unhype.pipeline.job import Job
from unhype.prompts.tables import PromptSettings

STATES = 24
TEXTS = ["a photo of Cher", "", "Drake and a dog in the rain"]


def test_each_choice_has_its_vectors_and_their_width(pipelines: dict[str, Any]) -> None:
    choices = {reads: family_of(pipelines["flux_dev"], reads=reads) for reads in ("pooled", "states", "both")}
    assert family_of(pipelines["flux_dev"]).reads == "pooled"
    assert {reads: family.width for reads, family in choices.items()} == {
        "pooled": WIDTH,
        "states": STATES,
        "both": WIDTH + STATES,
    }
    found = {reads: family.vectors(TEXTS) for reads, family in choices.items()}
    for reads, family in choices.items():
        assert found[reads].shape == (3, family.width)
        assert family.vectors([]).shape == (0, family.width)
        assert found[reads].dtype == torch.float32
    ids = pipelines["flux_dev"].tokenizer_2(TEXTS[:1], return_tensors="pt").input_ids
    with torch.no_grad():
        states = pipelines["flux_dev"].text_encoder_2(ids).last_hidden_state
    torch.testing.assert_close(found["states"][0], states[0, :-1].mean(0), atol=1e-5, rtol=1e-5)
    parts = dict(zip(("pooled", "states"), found["both"].split([WIDTH, STATES], 1), strict=True))
    for reads, part in parts.items():
        torch.testing.assert_close(part.square().mean(1), torch.ones(3), atol=1e-2, rtol=0)
        centred = found[reads] - found[reads].mean(1, keepdim=True)
        torch.testing.assert_close(torch.cosine_similarity(part, centred), torch.ones(3))


def test_unknown_choices(pipelines: dict[str, Any]) -> None:
    with pytest.raises(UnhypeError, match="got the vectors 'states' for stable_diffusion, wanted one of pooled") as one:
        family_of(pipelines["sd1"], reads="states")
    with pytest.raises(UnhypeError, match="got the vectors 'all' for flux, wanted one of pooled, states, both") as two:
        family_of(pipelines["flux_dev"], reads="all")
    for error in (one, two):
        assert "training.reads of params.yaml" in refused(error)


@pytest.mark.parametrize("reads", ["states", "both"])
def test_a_guard_reads_what_it_was_trained_to_read(pipelines: dict[str, Any], reads: str, tmp_path: Path) -> None:
    family = family_of(pipelines["flux_dev"], reads=reads)
    # Without a switch: in two dozen numbers of a random T5 a name can't be told from the words around it.
    guard = Guard(replace(guard_of(family).trained, switch=None))
    facts = {name: value for name, value in guard.trained.facts.items() if name != "sha256"}  # its file's, from now on
    save(replace(guard.trained, facts=facts), tmp_path)
    loaded = Guard.load(tmp_path)
    assert loaded.trained.hypernet.width == family.width
    before = draw(family, [FORGOTTEN, KEPT])
    for each in (guard, loaded):
        with each.attached(pipelines["flux_dev"]):
            during = draw(family, [FORGOTTEN, KEPT])
        assert (during != before).any((1, 2, 3)).all()
    pipelines["flux_dev"].save_pretrained(tmp_path / "base")
    assert loaded.load_family(Source("tiny", folder=tmp_path / "base")).reads == reads
    other = family_of(pipelines["flux_dev"])
    with pytest.raises(UnhypeError, match=f"vectors are of pooled, wanted {reads}, as this guard was trained") as error:
        loaded.attach(other.pipeline, family=other)
    refused(error)


def test_a_guard_of_before_reads_its_familys_first(pipelines: dict[str, Any]) -> None:
    family = family_of(pipelines["flux_dev"])
    trained = guard_of(family).trained
    facts = {name: value for name, value in trained.facts.items() if name != "reads"}
    guard = Guard(Trained(trained.hypernet, trained.switch, trained.identity, facts))
    guard.attach(family.pipeline)()
    other = family_of(pipelines["flux_dev"], reads="both")
    with pytest.raises(UnhypeError, match="vectors are of both, wanted pooled"):
        guard.attach(other.pipeline, family=other)


def test_it_is_part_of_a_guards_name(pipelines: dict[str, Any], tmp_path: Path) -> None:
    pipelines["flux_dev"].save_pretrained(tmp_path / "base")
    job = Job(
        SET, Source("tiny", folder=tmp_path / "base"), tmp_path, tmp_path, settings(1), PromptSettings(1), PICTURES
    )
    names = {replace(job, training=settings(1, reads=reads)).guard_folder for reads in ("", "states", "both")}
    assert len(names) == 3
