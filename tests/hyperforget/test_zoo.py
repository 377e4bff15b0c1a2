"""The zoo: losses are those of its nets, paths set out from their starts, a file of anything else is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.hyperforget.conftest import SMALL
from unhype.errors import UnhypeError
from unhype.hyperforget.digits import Digits, Split, load_split
from unhype.hyperforget.nets import class_losses
from unhype.hyperforget.zoo import LEARNING, UNLEARNING, Zoo, build, load, recipe
from unhype.tensors import read_carded, write_carded


def test_losses_are_those_of_the_nets(zoo: Zoo, split: Split) -> None:
    assert zoo.nets.shape == (4, LEARNING + UNLEARNING, zoo.shape.size)
    for time in (0, LEARNING - 1, -1):
        assert torch.allclose(zoo.losses[:, time], class_losses(zoo.nets[:, time], split.train, zoo.shape), atol=1e-4)
    assert torch.equal(zoo.nets[:, LEARNING - 1], zoo.starts)
    assert zoo.held_out.shape == (2, zoo.shape.size)
    assert torch.cdist(zoo.held_out, zoo.starts).min() > 1, "those held out are other nets"


def test_paths_lead_to_forgetting_and_every_run_forgets_its_own_digit(class_zoo: Zoo) -> None:
    assert 7 not in class_zoo.forgotten
    assert len(class_zoo.forgotten.unique()) == 9
    rose = class_zoo.losses[:, -1] - class_zoo.losses[:, LEARNING - 1]
    assert (rose.argmax(-1) == class_zoo.forgotten).float().mean() >= 0.7


def test_half_of_a_scratch_zoo_never_sees_the_digit(split: Split, tmp_path: Path) -> None:
    zoo = build(replace(SMALL, kind="scratch", steps=120), split, [3], tmp_path / "zoo.safetensors")
    assert zoo.nets.shape[:2] == (4, LEARNING + UNLEARNING)
    of_three = zoo.losses[:, -1, 3]
    assert of_three[1::2].min() > 2 * of_three[::2].max()
    held_out = class_losses(zoo.held_out, split.train, zoo.shape)[:, 3]
    assert held_out.max() < of_three[1::2].min()


def test_a_zoo_is_made_once_and_alike(split: Split, tmp_path: Path) -> None:
    first = build(SMALL, split, [3], tmp_path / "a.safetensors")
    written = (tmp_path / "a.safetensors").read_bytes()
    assert build(SMALL, split, [3], tmp_path / "a.safetensors").card == first.card
    assert (tmp_path / "a.safetensors").read_bytes() == written
    assert build(SMALL, split, [3], tmp_path / "b.safetensors").card["hash"] == first.card["hash"]


@pytest.mark.parametrize(
    ("settings", "digits", "seed", "word"),
    [
        (SMALL, [3], 1, "got a zoo of seed 0"),
        (SMALL, [4], 0, r"got a zoo of forgettable \[3\]"),
        (replace(SMALL, hidden=6), [3], 0, "wanted .*'hidden': 6"),
        (replace(SMALL, rate=0.1), [3], 0, "wanted .*'rate': 0.1"),
    ],
)
def test_another_zoo_is_refused(
    settings: object, digits: list[int], seed: int, word: str, zoo: Zoo, tmp_path: Path
) -> None:
    path = tmp_path / "zoo.safetensors"
    tensors = {name: getattr(zoo, name) for name in ("nets", "losses", "starts", "forgotten", "held_out")}
    write_carded(path, tensors, {key: value for key, value in zoo.card.items() if key != "hash"})
    assert torch.equal(load(path, recipe(SMALL, [3], 0)).nets, zoo.nets)
    with pytest.raises(UnhypeError, match=word):
        load(path, recipe(settings, digits, seed))  # type: ignore[arg-type]


def test_files_that_are_no_zoo_are_refused(zoo: Zoo, tmp_path: Path) -> None:
    path, wanted = tmp_path / "zoo.safetensors", recipe(SMALL, [3], 0)
    with pytest.raises(UnhypeError, match="got no file"):
        load(path, wanted)
    card = {key: value for key, value in zoo.card.items() if key != "hash"}
    write_carded(path, {"nets": zoo.nets}, {**card, "what": "a net"})
    with pytest.raises(UnhypeError, match=r"got a net in .*, wanted a zoo"):
        load(path, wanted)
    write_carded(path, {"nets": zoo.nets}, card)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(UnhypeError, match="got a damaged"):
        load(path, wanted)
    path.write_bytes(whole[:-4] + b"\x00\x00\x80\x3f")
    with pytest.raises(UnhypeError, match="got other numbers"):
        read_carded(path, "a zoo")


@pytest.mark.parametrize("card", ["{no json", "[1]", '"a zoo"'])
def test_a_card_of_another_program_is_refused(card: str, tmp_path: Path) -> None:
    save_file({"nets": torch.ones(2)}, tmp_path / "zoo.safetensors", {"card": card})
    with pytest.raises(UnhypeError, match=r"got something else in .*, wanted a zoo"):
        read_carded(tmp_path / "zoo.safetensors", "a zoo")


@pytest.mark.parametrize("forgettable", [[3], [2, 4]])
def test_a_split_that_lacks_a_digit_is_refused_before_any_training(
    forgettable: list[int], split: Split, tmp_path: Path
) -> None:
    test = Digits(split.test.x[split.test.y != 3], split.test.y[split.test.y != 3])
    with pytest.raises(UnhypeError, match="got no 3 among the test pictures"):
        build(SMALL, split._replace(test=test), forgettable, tmp_path / "zoo.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("key", "value"), [("runs", 1), ("held_out", 0), ("kind", "stack"), ("steps", 0), ("highest", 0.0)]
)
def test_settings_without_sense_are_refused(key: str, value: object) -> None:
    with pytest.raises(ValueError, match="got "):
        replace(SMALL, **{key: value})  # type: ignore[arg-type]


def test_splits_share_no_picture_and_come_from_their_seed() -> None:
    one, same, other = load_split(5), load_split(5), load_split(6)
    assert torch.equal(one.train.x, same.train.x)
    assert not torch.equal(one.train.x, other.train.x)
    assert (len(one.train.y), len(one.test.y)) == (1200, 597)
    assert len(one.train.only(3).y) + len(one.train.only(3, others=True).y) == 1200
    assert one.train.x.min() >= 0
    assert one.train.x.max() == 1
