"""Guard folders: what is saved comes back to the bit, and whatever does not fit is refused in a line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from unhype.adapters.sites import Site
from unhype.bases.identity import identify
from unhype.erasing.checkpoint import CARD, KNOWN, TENSORS, Trained, checksum, load, save
from unhype.erasing.hypernet import Hypernet, HypernetConfig
from unhype.erasing.switch import fit_switch
from unhype.errors import UnhypeError
from unhype.files import sha256
from unhype.monitor.monitor import Monitor
from unhype.monitor.net import MonitorNet, NetConfig


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    hypernet = Hypernet(HypernetConfig(rank=2, hidden=8, head="basis", basis=3), [Site("a", 8, 6)], width=8)
    switch = fit_switch(["Cher", "Prince"], torch.randn(2, 5, 8), torch.randn(3, 5, 8))
    save(
        Trained(hypernet, switch, identify({"part": torch.nn.Linear(3, 40)}), {"base": "mini-sd", "base_hash": "abc"}),
        tmp_path,
    )
    return tmp_path


def test_what_is_saved_comes_back(folder: Path) -> None:
    one, again = load(folder), load(folder)
    assert one.facts["base"] == "mini-sd"
    assert one.switch is not None
    assert one.switch.concepts == ("Cher", "Prince")
    c = torch.randn(4, 8)
    assert torch.equal(one.switch(c), again.switch(c))  # type: ignore[misc]
    factors = [trained.hypernet(c, torch.full((4,), 300.0))["a"].merged() for trained in (one, again)]
    assert torch.equal(*factors)
    assert one.identity.sizes == {"part.bias": 40, "part.weight": 120}
    assert torch.equal(one.identity.entries["part.weight"], again.identity.entries["part.weight"])
    assert {path.name for path in folder.iterdir()} == {CARD, TENSORS}


def change_card(folder: Path, **facts: object) -> None:
    """Another card, which belongs to the tensors."""
    card = {**json.loads((folder / CARD).read_text()), **facts}
    if (folder / TENSORS).exists() and card["format"] in KNOWN:
        card["sha256"] = checksum(card, folder / TENSORS)
    (folder / CARD).write_text(json.dumps(card))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / CARD).unlink(), "wanted a trained guard"),
        (lambda folder: (folder / CARD).write_text("{"), "damaged"),
        (lambda folder: (folder / CARD).write_text("[]"), "got list in"),
        (lambda folder: (folder / TENSORS).unlink(), "got no"),
        (lambda folder: (folder / TENSORS).write_bytes((folder / TENSORS).read_bytes()[:-9]), "damaged"),
        (lambda folder: change_card(folder, format=99), "got format 99"),
        (lambda folder: change_card(folder, width=9), "do not fit"),
        (lambda folder: change_card(folder, hypernet={"rank": 3}), "do not fit"),
        (lambda folder: change_card(folder, sites=[]), "do not fit"),
        (lambda folder: change_card(folder, identity=["part.bias"]), "do not fit"),
        (
            lambda folder: change_card(
                folder, switch={"concepts": ["Cher"], "threshold": 0.5, "width": 0.1, "longest": 4, "sure": 0}
            ),
            "do not fit",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_a_line(folder: Path, spoil: object, message: str) -> None:
    spoil(folder)  # type: ignore[operator]
    with pytest.raises(UnhypeError, match=message) as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def with_monitor(folder: Path) -> Monitor:
    """The same guard with a monitor, saved in its place."""
    torch.manual_seed(1)
    net = MonitorNet(NetConfig(8), 4, 2).eval()
    monitor = Monitor(
        net,
        ("Cher", "Prince"),
        ("a photo of Cher", "Prince"),
        torch.randn(2, 8),
        -1.0,
        (0.5, 1.0, 16.0),
        -0.3,
        2.5,
    )
    save(replace(load(folder), monitor=monitor, facts={"base": "mini-sd"}), folder)
    return monitor


def test_a_monitor_comes_back(folder: Path) -> None:
    monitor, again = with_monitor(folder), load(folder).monitor
    assert again is not None
    assert replace(again, net=monitor.net, c=monitor.c) == monitor
    assert torch.equal(again.c, monitor.c)
    features = torch.randn(2, 4, 16, 16)
    assert torch.equal(again.net(features), monitor.net(features))
    assert not any(parameter.requires_grad for parameter in again.net.parameters())


def test_a_monitor_of_before_hears_no_words(folder: Path) -> None:
    """Its bar for suspects was a logit; it is asked as often as it was."""
    with_monitor(folder)
    looks = json.loads((folder / CARD).read_text())["monitor"]
    before = {name: value for name, value in looks.items() if name != "usual"} | {"weights": [0.5, 1.0]}
    change_card(folder, format=12, monitor=before)
    found = load(folder).monitor
    assert found is not None
    assert found.weights == (0.5, 1.0, 0.0)
    assert found.suspected == 0.5 * before["suspected"] != 0
    change_card(folder, format=13)
    with pytest.raises(UnhypeError, match="do not fit its"):
        load(folder)


def test_a_card_that_somebody_wrote_into_is_refused(folder: Path) -> None:
    """A bar that lets everything through would leave every tensor as it was."""
    with_monitor(folder)
    before = json.loads((folder / CARD).read_text())
    for part, wrong in (("monitor", {**before["monitor"], "bar": 99.0}), ("width", 9)):
        (folder / CARD).write_text(json.dumps({**before, part: wrong}))
        with pytest.raises(UnhypeError, match=r"damaged .* or guard.json, wanted two that belong together"):
            load(folder)
        assert checksum({**before, part: wrong}, folder / TENSORS) != before["sha256"]
    (folder / CARD).write_text(json.dumps({**before, "seed": 99}))
    assert load(folder).facts["seed"] == 99


def test_a_guard_that_is_saved_again_belongs_to_its_new_tensors(folder: Path) -> None:
    read = load(folder)
    torch.nn.init.ones_(next(read.hypernet.parameters()))
    save(read, folder)
    assert load(folder).facts["sha256"] != read.facts["sha256"]
    assert load(folder).facts["base"] == read.facts["base"]


def test_a_guard_of_the_format_before_has_no_monitor(folder: Path) -> None:
    change_card(folder, format=6)
    card = json.loads((folder / CARD).read_text())
    assert card["sha256"] == sha256(folder / TENSORS)
    del card["monitor"]
    (folder / CARD).write_text(json.dumps(card))
    assert load(folder).monitor is None


def test_a_switch_of_the_formats_before_asks_no_sentence(folder: Path) -> None:
    switch = json.loads((folder / CARD).read_text())["switch"]
    change_card(folder, switch={**switch, "sure": 0.975})
    found = load(folder).switch
    assert found is not None
    assert found.sure == 0.975
    del switch["sure"]
    change_card(folder, switch=switch)
    with pytest.raises(UnhypeError, match="do not fit its"):
        load(folder)
    for before in (6, 7):
        change_card(folder, format=before)
        found = load(folder).switch
        assert found is not None
        assert found.sure == 0


def test_the_vectors_of_names_come_back_and_a_guard_of_before_has_none(folder: Path) -> None:
    plain = load(folder)
    assert plain.switch is not None
    assert plain.switch.canonical is None
    change_card(folder, format=11)
    again = load(folder).switch
    assert again is not None
    assert again.canonical is None
    canonical = torch.randn(2, 8)
    save(replace(plain, switch=replace(plain.switch, canonical=canonical)), folder)
    found = load(folder).switch
    assert found is not None
    assert found.canonical is not None
    assert torch.equal(found.canonical, canonical)
    save(replace(plain, switch=replace(plain.switch, canonical=canonical[:1])), folder)
    with pytest.raises(UnhypeError, match=r"vectors of names \(1, 8\) for 2 concepts"):
        load(folder)


@pytest.mark.parametrize("before", [8, 9, 10])
def test_a_monitor_that_looked_in_another_way_is_told_of(folder: Path, before: int) -> None:
    with_monitor(folder)
    change_card(folder, format=before)
    with pytest.raises(UnhypeError, match=r"whose monitor looks in another way, wanted 13: train anew"):
        load(folder)


@pytest.mark.parametrize(
    "wrong",
    [None, {"net": {"width": 16}}, {"concepts": ["Cher"]}, {"weights": [1.0]}, {"bar": None}, {"net": {"depth": 3}}],
)
def test_a_monitor_that_does_not_fit_its_card_is_refused(folder: Path, wrong: dict[str, object] | None) -> None:
    with_monitor(folder)
    looks = json.loads((folder / CARD).read_text())["monitor"]
    change_card(folder, monitor=wrong and {**looks, **wrong})
    with pytest.raises(UnhypeError, match="that do not fit its"):
        load(folder)
