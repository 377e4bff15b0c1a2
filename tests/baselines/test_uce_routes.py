"""UCE on each way that words enter: which states are paired with which, and which layers are rewritten."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.families import tiny
from tests.families.guards import HOW, SET
from unhype.adapters.sites import layer_at
from unhype.baselines.case import Case
from unhype.baselines.uce import Uce, paired_states
from unhype.erasing.material import Material
from unhype.erasing.phrases import Reading
from unhype.families.choosing import family_of
from unhype.prompts.tables import training_tables


def case_of(name: str, folder: Path) -> Case:
    tables, family = training_tables(SET), family_of(tiny.BUILDERS[name]())
    nothing = Reading(torch.zeros(1, 1, family.width), torch.zeros(1, 1))
    stuff = Material(["x"], ["x"], nothing, nothing, torch.zeros(1, 1), np.zeros((1, 1), dtype=int))
    return Case(family, "tiny", tables["train"], tables["retain"], stuff, HOW, 0, folder)


def fitted(case: Case) -> dict[str, torch.Tensor]:
    list(Uce().fit(case))
    return case.fitted("uce")


def test_flux_is_rewritten_at_both_entries_and_the_u_nets_at_keys_and_values(tmp_path: Path) -> None:
    assert set(fitted(case_of("flux_dev", tmp_path / "flux"))) == {
        "context_embedder.weight",
        "time_text_embed.text_embedder.linear_1.weight",
    }
    for name in ("sd1", "sdxl"):  # in XL the pooled vector stands beside the picture's size
        assert all(
            weight.endswith(("attn2.to_k.weight", "attn2.to_v.weight"))
            for weight in fitted(case_of(name, tmp_path / name))
        )


def test_a_concepts_pooled_vector_is_read_as_its_anchors_and_a_kept_one_as_it_was(tmp_path: Path) -> None:
    case = case_of("flux_dev", tmp_path)
    list(replace(Uce(), weight=1e-6).fit(case))
    name = "time_text_embed.text_embedder.linear_1"
    before, after = layer_at(case.family.denoiser, name).weight, case.fitted("uce")[f"{name}.weight"]
    concept, anchor, kept = (
        case.family.encode(list(texts)).pooled for texts in (case.concepts, case.concepts.values(), case.retained)
    )
    assert concept is not None
    assert anchor is not None
    assert kept is not None
    assert (concept @ after.T - anchor @ before.T).norm() < 1e-2 * (concept @ before.T - anchor @ before.T).norm()
    assert (kept @ after.T - kept @ before.T).norm() < 1e-2 * (kept @ before.T).norm()


def test_a_reader_of_both_ways_is_edited_from_the_first_token_and_a_forward_one_from_the_last(tmp_path: Path) -> None:
    for name in ("sd1", "flux_dev"):
        case = case_of(name, tmp_path)
        family = case.family
        case = replace(case, train=case.train[case.train["concept"] == "Adam Driver"])
        ((concept, anchor),) = case.concepts.items()
        edited, targets = paired_states(case)
        both = family.encode([concept, anchor]).states
        last, other = family.last_token(concept), family.last_token(anchor)
        assert torch.equal(edited[0], both[0, family.whole_from(concept)])
        assert family.whole_from(concept) == (last if name == "sd1" else 0)
        here = last - family.whole_from(concept)
        assert torch.equal(targets[here], both[1, other]), "last beside last"
        assert torch.equal(targets[0], both[1, max(family.whole_from(anchor), other - here)])
        assert len(edited) == both.shape[1] - family.whole_from(concept) - max(0, other - last)


@pytest.mark.parametrize("name", ["sd1", "flux_dev"])
def test_an_anchor_that_is_the_concept_changes_nothing(name: str, tmp_path: Path) -> None:
    case = case_of(name, tmp_path)
    same = replace(case, train=case.train.assign(anchor=case.train["concept"]))
    weights = dict(case.family.denoiser.named_parameters())
    for layer, weight in fitted(same).items():
        assert torch.allclose(weight, weights[layer], atol=1e-5)
