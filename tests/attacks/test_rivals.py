"""Every rival is attacked through itself: what its open form predicts is what its own drawing predicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.families import tiny
from tests.families.guards import FORGOTTEN
from tests.families.test_rivals import PROMPTS, RIVALS, case_of, fitted, method_of
from unhype.attacks.doors import DOORS, through
from unhype.attacks.opening import CLOSED, opened
from unhype.baselines.case import Case
from unhype.families.choosing import family_of
from unhype.families.text import Text

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return case_of(family_of(tiny.sd1()), tmp_path_factory.mktemp("cases"), "sd1")


@pytest.mark.parametrize("rival", [name for name in RIVALS if name != "gem"])  # which is for flows alone
def test_an_open_rival_predicts_what_it_draws(case: Case, rival: str, tmp_path: Path) -> None:
    method, family = method_of(rival, tmp_path), case.family
    fitted(method, case)
    eraser = method.eraser(case)
    victim = opened(eraser)
    assert (victim is None) == (eraser.name in CLOSED) == (rival in CLOSED)
    if victim is None:
        return
    calls: list[Any] = []
    hook = family.denoiser.register_forward_hook(
        lambda module, args, named, output: calls.append((args, named, output[0])), with_kwargs=True
    )
    list(eraser.draw(PROMPTS, [1, 2]))
    hook.remove()
    (noisy, time), named, output = calls[0]
    half = slice(len(PROMPTS), None)  # the prompts' own half of guidance
    with victim.predicting(PROMPTS, 1):
        found = family.predict(noisy[half], time.expand(len(PROMPTS)), Text(named["encoder_hidden_states"][half]))
    assert torch.allclose(found, output[half], atol=1e-5)
    assert victim.alarm(PROMPTS).tolist() == [0, 0]


@pytest.mark.parametrize("rival", ["uce", "static_lora", "dve"])
def test_embeddings_are_given_to_a_rival_on_its_own_pipeline(case: Case, rival: str, tmp_path: Path) -> None:
    """With a name's own embeddings each door draws what the rival draws for the name; what draws otherwise is told."""
    method, family = method_of(rival, tmp_path), case.family
    fitted(method, case)
    eraser = method.eraser(case)
    ids = family.pipeline.tokenizer("Cher", add_special_tokens=False).input_ids
    vectors = family.pipeline.text_encoder.get_input_embeddings().weight[ids].detach().clone()
    own, found = next(iter(eraser.draw([FORGOTTEN], [1]))), {}
    for door in DOORS:
        found[door] = through(door, eraser, family, vectors, [1], case.how)
    if rival == "dve":
        assert all(isinstance(let, str) and "got dve" in let for let in found.values())
        return
    assert isinstance(found["prompt_embeds"], str) == (rival == "static_lora")  # which must know a prompt's rows
    for let in found.values():
        assert isinstance(let, str) or np.abs(let.astype(int) - own).max() <= 1
    assert np.array_equal(next(iter(eraser.draw([FORGOTTEN], [1]))), own)
