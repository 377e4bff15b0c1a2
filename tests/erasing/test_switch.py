"""The switch: it knows names by what stays the same from sentence to sentence."""

from __future__ import annotations

import pytest
import torch

from unhype.erasing.switch import Switch, fit_switch


@pytest.fixture(scope="module")
def world() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Names are points; a template adds the same loud shift to all, and every sentence a little noise."""
    torch.manual_seed(0)
    names, templates = torch.randn(60, 1, 24), 4 * torch.randn(1, 12, 24) @ torch.diag((torch.arange(24) < 6).float())
    vectors = names + templates + 0.05 * torch.randn(60, 12, 24)
    return vectors[:20, :8], vectors[20:40, :8], vectors[:20, 8:], vectors[40:, 8:]


def test_it_opens_for_forgotten_names_in_new_sentences_and_not_for_names_it_never_saw(
    world: tuple[torch.Tensor, ...],
) -> None:
    forget, retain, forget_new, unseen_new = world
    switch = fit_switch([f"name {i}" for i in range(20)], forget, retain, opens=0.6)
    assert (switch(forget_new.flatten(0, 1)) > 0.5).float().mean() > 0.95
    assert (switch(unseen_new.flatten(0, 1)) < 0.5).float().mean() > 0.95
    assert (switch(retain.flatten(0, 1)) < 0.1).float().mean() > 0.95
    raw = torch.nn.functional.cosine_similarity(forget_new[:, None], forget.mean(1)[None, :, None], dim=-1)
    assert (raw.argmax(1) == torch.arange(20)[:, None]).float().mean() < 0.95, (
        "the plain cosine would do: the test is too easy"
    )


def test_only_some_concepts(world: tuple[torch.Tensor, ...]) -> None:
    forget, retain, forget_new, _ = world
    switch = fit_switch([f"name {i}" for i in range(20)], forget, retain, opens=0.6).only(["name 3", "name 7"])
    assert switch.concepts == ("name 3", "name 7")
    opened = (switch(forget_new.flatten(0, 1)) > 0.5).view(20, -1).float().mean(1)
    assert opened[3] > 0.7
    assert opened[7] > 0.7
    assert opened[[i for i in range(20) if i not in (3, 7)]].mean() < 0.05


def test_it_is_the_same_every_time(world: tuple[torch.Tensor, ...]) -> None:
    one, two = (fit_switch(list("abcdefghijklmnopqrst"), world[0], world[1]) for _ in range(2))
    assert isinstance(one, Switch)
    assert torch.equal(one.centres, two.centres)
    assert torch.equal(one.kept, two.kept)


def test_a_retained_concept_stays_however_near_it_lies() -> None:
    torch.manual_seed(0)
    names, noise = torch.randn(10, 1, 24), 0.05 * torch.randn(10, 12, 24)
    names[9] = 0.95 * names[0] + 0.2 * torch.randn(24)
    vectors = names + noise
    switch = fit_switch([f"name {i}" for i in range(5)], vectors[:5], vectors[5:])
    assert switch.similarity(vectors[9]).amax(1).mean() > switch.threshold, "not near enough for this test"
    assert (switch(vectors[9]) == 0).float().mean() > 0.9
    assert (switch(vectors[:5].flatten(0, 1)) > 0.5).float().mean() > 0.95
