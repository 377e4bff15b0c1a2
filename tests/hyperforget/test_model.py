"""A model: what it may be asked for, that it reads no data, and that its file is all of it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from tests.hyperforget.conftest import saved, untrained
from unhype.errors import UnhypeError
from unhype.hyperforget.diffusion import denoised
from unhype.hyperforget.digits import Split
from unhype.hyperforget.model import GUIDANCE, check_asked, load_model, signal_of
from unhype.hyperforget.nets import canonical, relabelled
from unhype.hyperforget.zoo import LEARNING, Zoo
from unhype.tensors import read_carded, write_carded

SEEDS = [4, 5, 6]


def test_signals_are_the_losses_that_they_say(zoo: Zoo) -> None:
    two = signal_of(zoo.losses, zoo.forgotten, "two")
    assert torch.equal(two[..., 0], zoo.losses[..., 3])
    others = [digit for digit in range(10) if digit != 3]
    assert torch.allclose(two[..., 1], zoo.losses[..., others].mean(-1), atol=1e-5)
    assert torch.equal(signal_of(zoo.losses, zoo.forgotten, "one"), two[..., :1])


@pytest.mark.parametrize(
    ("signal", "start"), [("one", "none"), ("two", "none"), ("two", "trained"), ("classes", "trained")]
)
def test_a_net_depends_on_its_own_seed_alone_and_its_file_is_all_of_it(
    signal: str, start: str, zoo: Zoo, class_zoo: Zoo, split: Split, tmp_path: Path
) -> None:
    own = class_zoo if signal == "classes" else zoo
    model = untrained(own, signal, start, 7 if signal == "classes" else 3)
    asked = model.ask([model.card["digit"]], 2.0).expand(3, -1)
    starts = own.starts[:3] if start == "trained" else None
    nets = model.sample(asked, SEEDS, starts)
    alone = model.sample(asked[:1], SEEDS[1:2], None if starts is None else starts[1:2])
    assert torch.allclose(nets[1:2], alone, atol=1e-4)
    assert not torch.allclose(nets[0], nets[1], atol=1e-2)
    again = load_model(saved(model, tmp_path)).sample(asked, SEEDS, starts)
    assert torch.equal(nets, again)


def test_classes_are_all_alike(class_zoo: Zoo) -> None:
    """Classes with other names, and asked accordingly: the same net with its outputs named alike."""
    model = untrained(class_zoo, "classes", "trained", 7)
    for parameter in model.parameters():  # adaLN begins at nought, where the condition has no say
        torch.nn.init.normal_(parameter, std=0.1)
    asked, names = torch.rand(2, 10) * 5, torch.stack([torch.randperm(10) for _ in range(2)])
    x, starts, t = torch.randn(2, model.shape.size), class_zoo.starts[:2], torch.tensor([10, 900])
    with torch.no_grad():
        plain = model(x, t, asked, starts)
        named = [relabelled(some, names, model.shape) for some in (x, starts)]
        other = model(named[0], t, asked.gather(-1, names), named[1])
    assert torch.allclose(relabelled(plain, names, model.shape), other, atol=1e-5)
    assert not torch.allclose(plain, other, atol=1e-2)


def test_from_a_start_a_net_is_the_mean_of_its_draws(zoo: Zoo) -> None:
    model = untrained(zoo, "two", "trained")
    asked, start = model.ask([3], 2.0)[None], zoo.starts[:1]
    mean = model.sample(asked, [7], start)[0]
    noise = torch.randn(2, model.shape.size, generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        x0 = denoised(lambda x, t: model(x, torch.full((2,), t), asked.expand(2, -1), start.expand(2, -1)), noise, 4)
    each = model.nets_from(x0, start)
    assert torch.allclose(mean, each.mean(0), atol=1e-5)
    assert not torch.allclose(each[0], each[1], atol=1e-3)


def test_standardised_nets_have_variance_one_and_lead_back(zoo: Zoo) -> None:
    for start in ("none", "trained"):
        model, nets = untrained(zoo, "two", start), zoo.nets.flatten(0, 1)
        starts = zoo.starts.repeat_interleave(zoo.nets.shape[1], 0) if start == "trained" else None
        x0 = model.x0_of(nets, starts)
        assert 0.8 < float(x0.square().mean()) < 1.2
        assert torch.allclose(model.nets_from(x0, starts), nets, atol=1e-4)


def test_a_trained_start_may_be_in_any_form(zoo: Zoo, split: Split) -> None:
    model = untrained(zoo, "two", "trained")
    asked, start = model.ask([3], 2.0)[None], zoo.starts[:1].clone()
    assert torch.allclose(canonical(start, zoo.shape), start, atol=1e-4)
    stretched = start.clone()
    stretched[:, :65] *= 2
    stretched[:, 65:75] /= 2
    assert torch.allclose(model.sample(asked, [0], start), model.sample(asked, [0], stretched), atol=1e-3)


def test_sampling_reads_no_data(zoo: Zoo, split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(untrained(zoo), tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("data were read")

    import sklearn.datasets

    monkeypatch.setattr(sklearn.datasets, "load_digits", refuse)
    monkeypatch.setattr("unhype.hyperforget.digits.load_split", refuse)
    model = load_model(path)
    assert model.sample(model.ask([3], 2.0)[None], [0]).isfinite().all()


@pytest.mark.parametrize(
    ("forget", "loss", "word"),
    [
        ([10], 1.0, "got the digit 10 .* from 0 to 9"),
        ([-1], 1.0, "got the digit -1"),
        ([4], 1.0, "got 4 to forget, wanted 3"),
        ([3, 4], 1.0, "got 3, 4 to forget, wanted 3"),
        (list(range(10)), 1.0, "got 10 digits .* one that is kept"),
        ([], 1.0, "got 0 digits"),
        ([3], -1.0, r"got the loss -1.0, wanted one from 1\.\d+ to 2"),
        ([3], math.nan, "got the loss nan, wanted one from"),
        ([3], 1e6, r"got the loss 1000000.0, wanted one from"),
    ],
)
def test_what_nobody_can_be_asked_for(forget: list[int], loss: float, word: str, zoo: Zoo, split: Split) -> None:
    with pytest.raises(UnhypeError, match=word):
        untrained(zoo).ask(forget, loss)


def test_a_model_of_all_classes_takes_any_digit_but_not_all(class_zoo: Zoo, split: Split) -> None:
    model = untrained(class_zoo, "classes", "trained", 7)
    usual = class_zoo.losses[:, -1].median(0).values
    asked = model.ask([7], 2.0)
    assert asked[7] == 2.0
    assert torch.equal(asked[:7], GUIDANCE * usual[:7])
    assert (model.ask([1, 2], 2.0)[[1, 2]] == 2.0).all()
    with pytest.raises(UnhypeError, match="got 10 digits"):
        model.ask(list(range(10)), 2.0)


@pytest.mark.parametrize(
    ("start", "size", "word"),
    [
        ("none", 1, "got nets .* wanted no net"),
        ("trained", None, "got no net to start from, wanted nets"),
        ("trained", 0, r"got nets \(1, \d+\) to start from"),
    ],
)
def test_a_start_that_does_not_fit_is_refused(start: str, size: int | None, word: str, zoo: Zoo, split: Split) -> None:
    model = untrained(zoo, "two", start)
    given = None if size is None else (zoo.starts[:1] if size else zoo.starts[:1, :-1])
    with pytest.raises(UnhypeError, match=word):
        model.sample(model.ask([3], 2.0)[None], [0], given)


def test_models_that_do_not_exist_are_refused() -> None:
    check_asked("two", "trained", "paths")
    for signal, start, kind in (("three", "none", "paths"), ("two", "begun", "paths"), ("two", "trained", "scratch")):
        with pytest.raises(UnhypeError, match="wanted"):
            check_asked(signal, start, kind)


def test_damaged_models_are_refused(zoo: Zoo, split: Split, tmp_path: Path) -> None:
    path = saved(untrained(zoo), tmp_path)
    tensors, card = read_carded(path, "a HyperForget model")
    tensors.pop("usual")
    write_carded(path, tensors, {key: value for key, value in card.items() if key != "hash"})
    with pytest.raises(UnhypeError, match="another make of model"):
        load_model(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UnhypeError, match="damaged"):
        load_model(path)


def test_the_range_told_is_the_zoos(zoo: Zoo, split: Split) -> None:
    model = untrained(zoo)
    assert float(model.most[0]) == float(zoo.losses[..., 3].max())
    assert float(model.least[0]) == float(zoo.losses[..., 3].min())
    assert zoo.losses.shape[1] > LEARNING
