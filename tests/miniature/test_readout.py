"""The readout: labels that a caption can answer, and token states that learn to answer them."""

from __future__ import annotations

import torch

from unhype.miniature.captions import Subject
from unhype.miniature.people import codes
from unhype.miniature.readout import UNSAID, Readout, readout_labels, readout_loss
from unhype.miniature.scenes import SCENES
from unhype.miniature.things import THINGS
from unhype.miniature.world import Example

PAIR = Example(Subject(("Cher", "man")), "sea", "sketch", place_said=True)
THING = Example(Subject(thing="dog"), "ground", "photo", place_said=False)
EMPTY = Example(Subject(), "forest", "painting", place_said=False)


def test_labels_hold_what_the_caption_says_and_nothing_else() -> None:
    pair, thing, empty = readout_labels([PAIR, THING, EMPTY]).tolist()
    assert pair == [2, len(THINGS), SCENES.index("sea"), 1, *codes()["Cher"], *[UNSAID] * 8]
    assert thing == [0, list(THINGS).index("dog"), UNSAID, 0, *[UNSAID] * 16]
    assert empty == [0, len(THINGS), SCENES.index("forest"), 2, *[UNSAID] * 16]


def test_the_loss_falls_where_states_differ_and_ignores_what_is_unsaid() -> None:
    torch.manual_seed(0)
    readout, states = Readout(), torch.randn(3, 6, 128)
    labels = readout_labels([PAIR, THING, EMPTY])
    optimizer = torch.optim.Adam(readout.parameters(), 1e-2)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        losses.append(readout_loss(readout, states, labels))
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.05 * losses[0]
    assert [logits.argmax(1)[0].item() for logits in readout(states)][4:12] == list(codes()["Cher"])


def test_people_without_a_name_have_no_look_to_learn() -> None:
    readout, states = Readout(), torch.randn(1, 6, 128, requires_grad=True)
    readout_loss(
        readout, states, readout_labels([Example(Subject(("woman",)), "studio", "photo", place_said=False)])
    ).backward()
    assert readout.person.weight.grad is None
    assert readout.whole.weight.grad is not None
