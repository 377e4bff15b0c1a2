"""A monitor learns whom a picture shows, and its bar lets strangers pass."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

from unhype.errors import UnhypeError
from unhype.families.text import Text
from unhype.monitor.features import View
from unhype.monitor.fitting import PUSH, Fitting, MonitorSettings
from unhype.monitor.monitor import Monitor
from unhype.monitor.net import NetConfig
from unhype.monitor.recording import Looks
from unhype.monitor.weighing import WORDS
from unhype.training import Schedule

FORGET, RETAIN = ("Cher", "Prince"), tuple(f"kept {i}" for i in range(10))
SETTINGS = MonitorSettings(net=NetConfig(32), schedule=Schedule(300, 32, 5e-3, average=0.9), false_alarms=0.05)


def face(name: str) -> torch.Tensor:
    """Everybody is a pattern of their own."""
    own = torch.Generator().manual_seed(sum(map(ord, name)) + len(name))
    return torch.randn(4, 6, 6, generator=own)


def pictures(rng: np.random.Generator, shown: list[tuple[str, ...]]) -> Looks:
    """Each face somewhere in noise; a blind base makes nothing of them but themselves."""
    latents = torch.from_numpy(rng.normal(size=(len(shown), 4, 16, 16)) * 0.3).float()
    for row, names in enumerate(shown):
        for side, name in enumerate(names):
            down, right = rng.integers(0, 10), rng.integers(0, 3) + (8 * side if len(names) > 1 else 4)
            latents[row, :, down : down + 6, right : right + 6] += 2 * face(name)
    return Looks(*[latents.half()] * 3)


@pytest.fixture(scope="module")
def shown() -> list[tuple[str, ...]]:
    rng, everybody = np.random.default_rng(0), [*FORGET, *RETAIN]
    singles = [(name,) for name in everybody for _ in range(25)]
    couples = [tuple(rng.permutation(everybody)[:2].tolist()) for _ in range(150)]
    rows = [*singles, *couples, *[()] * 80]
    return [rows[i] for i in rng.permutation(len(rows))]


class Blind:
    """A base that knows nobody: its evidence is nothing."""

    device = torch.device("cpu")

    def time_at(self, share: float, n: int) -> torch.Tensor:
        return torch.full((n,), share)

    def noised(self, latents: torch.Tensor, noise: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        return latents

    def predict(self, noisy: torch.Tensor, times: torch.Tensor, text: Text) -> torch.Tensor:
        return torch.zeros_like(noisy)

    def clean(self, noisy: torch.Tensor, times: torch.Tensor, predicted: torch.Tensor) -> torch.Tensor:
        return predicted

    def remembered(self, sentences: list[str]) -> Text:
        return Text(torch.zeros(len(sentences), 1, 1))

    encode = remembered


def told(shown: list[tuple[str, ...]]) -> pd.DataFrame:
    """Rows that say whom they show."""
    prompts = [" and ".join(names) for names in shown]
    return pd.DataFrame({"shown": shown, "part": 1.0, "prompt": prompts, "other": prompts})


def fitted(shown: list[tuple[str, ...]], folder: Path, seed: int = 0) -> tuple[Fitting, Monitor]:
    table = told(shown)
    looks = pictures(np.random.default_rng(1), shown)
    fitting = Fitting(FORGET, RETAIN, table, looks, SETTINGS, seed, torch.device("cpu"))
    list(fitting.run(folder / "training.safetensors"))
    base: Any = Blind()
    return fitting, fitting.weighing.monitor(base, FORGET, torch.zeros(2, 3))


@pytest.fixture(scope="module")
def both(shown: list[tuple[str, ...]], tmp_path_factory: pytest.TempPathFactory) -> tuple[Fitting, Monitor]:
    return fitted(shown, tmp_path_factory.mktemp("fit"))


def seen(monitor: Monitor, who: list[tuple[str, ...]], aside: tuple[str, ...] = ()) -> list[str]:
    latents = pictures(np.random.default_rng(9), who).latents.float()
    base: Any = Blind()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("unhype.monitor.monitor.view", lambda family, latents: View(latents, latents))
        places = monitor.seen(base, latents, [aside] * len(who))
    return ["" if place < 0 else FORGET[place] for place in places]


def test_the_forgotten_are_seen_and_strangers_are_not(both: tuple[Fitting, Monitor]) -> None:
    monitor = both[1]
    assert np.mean([one == "Cher" for one in seen(monitor, [("Cher",)] * 40)]) > 0.5
    assert np.mean([one == "Prince" for one in seen(monitor, [("Prince",)] * 40)]) > 0.5
    strangers = [(f"stranger {i}",) for i in range(60)]
    assert np.mean([bool(one) for one in seen(monitor, strangers)]) < 0.1


def test_what_is_put_aside_is_not_looked_for(both: tuple[Fitting, Monitor]) -> None:
    monitor = replace(both[1], bar=both[1].suspected)  # whoever is suspected is seen
    assert not any(one == "Cher" for one in seen(monitor, [("Cher",)] * 20, ("Cher",)))
    company = [("Cher", "Prince")] * 20
    assert np.mean([one == "Prince" for one in seen(monitor, company, ("Cher",))]) > 0.5


def test_nobody_who_sets_the_bar_was_taught(both: tuple[Fitting, Monitor], shown: list[tuple[str, ...]]) -> None:
    fitting = both[0]
    held_back = set(RETAIN) - set(fitting.names)
    assert held_back
    assert not any(held_back & set(shown[i]) for i in fitting.taught)
    rows = np.concatenate([fitting.known, fitting.strangers, fitting.taught])
    assert sorted(rows) == list(range(len(shown)))
    assert not any(set(FORGET) & set(shown[i]) for i in fitting.strangers)


def test_the_same_seed_gives_the_same_monitor(both: tuple[Fitting, Monitor], shown: Any, tmp_path: Path) -> None:
    again = fitted(shown, tmp_path)[1]
    assert again.bar == both[1].bar
    assert again.weights == both[1].weights
    assert all(torch.equal(a, b) for a, b in zip(again.net.parameters(), both[1].net.parameters(), strict=True))


def test_a_net_that_finds_nobody_is_refused(shown: list[tuple[str, ...]]) -> None:
    """Nothing that is held back shows somebody forgotten."""
    few = [each for each in shown if not set(FORGET) & set(each)]
    table, looks = told(few), pictures(np.random.default_rng(1), few)
    fitting = Fitting(FORGET, RETAIN, table, looks, SETTINGS, 0, torch.device("cpu"))
    base: Any = Blind()
    with pytest.raises(UnhypeError, match="got a monitor that finds nobody"):
        fitting.weighing.monitor(base, FORGET, torch.zeros(2, 3))


def test_a_net_that_tells_little_asks_about_half_of_the_forgotten(shown: list[tuple[str, ...]]) -> None:
    """However many strangers that are: else there would be nothing to weigh."""
    table, looks = told(shown), pictures(np.random.default_rng(1), shown)
    fitting = Fitting(FORGET, RETAIN, table, looks, SETTINGS, 0, torch.device("cpu"))
    torch.nn.init.normal_(fitting.net.head.weight, std=3.0)
    fitting.net.keep(len(FORGET))
    fitting.net.eval().requires_grad_(False)
    base: Any = Blind()
    monitor = fitting.weighing.monitor(base, FORGET, torch.zeros(2, 3))
    assert np.isfinite([monitor.suspected, monitor.bar, *monitor.weights]).all()
    with torch.no_grad():
        logits = monitor.net(looks.features[fitting.known].float())
    own = [
        float(row[[FORGET.index(n) for n in shown[i] if n in FORGET]].max())
        for i, row in zip(fitting.known, logits, strict=True)
    ]
    assert np.mean(np.array(own) >= monitor.suspected) >= 0.5


def test_who_is_drawn_between_two_texts_sets_no_bar(shown: list[tuple[str, ...]]) -> None:
    """They may not be there. Strangers who are held back set it all the same."""
    table = told(shown).assign(part=np.where(np.arange(len(shown)) % 2, 0.7, 1.0))
    looks = pictures(np.random.default_rng(1), shown)
    fitting = Fitting(FORGET, RETAIN, table, looks, SETTINGS, 0, torch.device("cpu"))
    between, held_back = table["part"].to_numpy() < 1, set(RETAIN) - set(fitting.names)
    assert not between[fitting.known].any()
    assert between[fitting.taught].any()
    assert all(held_back & set(shown[i]) for i in fitting.strangers[between[fitting.strangers]])
    assert not any(held_back & set(shown[i]) for i in fitting.taught)


def test_pictures_are_varied_around_themselves(both: tuple[Fitting, Monitor]) -> None:
    features = torch.randn(64, 4, 16, 16)
    varied = both[0].varied(features, np.random.default_rng(0))
    assert varied.shape == features.shape
    hidden = (varied == both[0].net.mean.view(1, -1, 1, 1)).all(1)
    assert 0.03 < hidden.float().mean() < 0.12  # a window in half of them
    assert 0.1 < (varied - features)[~hidden[:, None].expand_as(varied)].std() < 0.5


@pytest.mark.parametrize("mixed", ["blended", "pasted"])
def test_of_two_pictures_the_other_is_not_asked_about(both: tuple[Fitting, Monitor], mixed: str) -> None:
    """Nobody can say whom one sees of it; its own people are asked about as ever."""
    fitting, rows = both[0], both[0].taught[:64]
    own, labels = fitting.looks.features[rows].float(), fitting.labels[rows]
    features, asked = getattr(fitting, mixed)(own, labels, np.random.default_rng(0))
    assert asked[labels > 0].all()
    same = (features == own).flatten(1).all(1)
    assert 0.3 < same.float().mean() < 0.7
    assert asked[same].all()
    assert 0 < (asked[~same] == 0).float().mean() < 0.5
    assert ((features - own).norm() / own.norm()) < 1


def test_a_window_of_another_picture_stands_where_it_stood(both: tuple[Fitting, Monitor]) -> None:
    fitting, rows = both[0], both[0].taught[:64]
    own = fitting.looks.features[rows].float()
    features, _ = fitting.pasted(own, fitting.labels[rows], np.random.default_rng(0))
    others = np.random.default_rng(0).choice(fitting.taught, len(rows))
    other = fitting.looks.features[others].float()
    pasted = (features == other).all(1) & (features != own).any(1)
    assert ((features == own).all(1) | pasted).all()
    some = pasted.flatten(1).any(1)
    shares = pasted[some].float().mean((1, 2))
    assert 0.05 < shares.min() < shares.max() < 0.55


def test_a_push_is_a_step_to_where_the_net_is_wrong(both: tuple[Fitting, Monitor]) -> None:
    fitting, rows = both[0], both[0].known[:32]
    net, features = fitting.net, fitting.looks.features[rows].float()
    labels, asked = fitting.labels[rows, : len(FORGET)], torch.ones(len(rows), len(FORGET))
    pushed = fitting.pushed(features, labels, asked)
    moved = (pushed - features) / net.spread.view(1, -1, 1, 1)
    assert moved.abs().max() == pytest.approx(PUSH, rel=1e-2)
    errors = [
        functional.binary_cross_entropy_with_logits(net(each), labels, reduction="none").sum(1)
        for each in (features, pushed)
    ]
    assert (errors[1] > errors[0]).float().mean() > 0.9
    assert not pushed.requires_grad
    assert (fitting.pushed(features, labels, 0 * asked) == features).all()  # what is not asked pushes nowhere


def test_the_bar_counts_what_strangers_words_say(both: tuple[Fitting, Monitor]) -> None:
    """Half of their prompts come near to somebody: as many pass the bar as before, and who says nothing near is judged
    by the picture."""
    fitting, base = both[0], Blind()
    asked: list[str] = []

    def nearness(texts: Any) -> torch.Tensor:
        asked.extend(texts)
        return torch.tensor([[-0.2, -0.9] if i % 2 else [-0.9, -0.4] for i in range(len(texts))])

    hearing = fitting.weighing.monitor(base, FORGET, torch.zeros(2, 3), nearness)  # type: ignore[arg-type]
    assert asked == fitting.table["prompt"].iloc[fitting.strangers].tolist()
    assert hearing.weights == (*both[1].weights[:2], WORDS)
    assert both[1].weights[2] == 0  # nobody reads words there
    assert -0.41 < hearing.usual < -0.19
    rows, near = fitting.strangers, nearness(fitting.strangers)
    looks = fitting.looks
    suspects = hearing.suspects(View(looks.features[rows].float(), looks.clean[rows]), [()] * len(rows), near)
    above = {each.picture for each in suspects if each.suspicion > hearing.bar}
    assert len(above) <= SETTINGS.false_alarms * len(rows)
    assert hearing.bar >= both[1].bar


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"false_alarms": 1.0}, {"precision": "fp8"}])
def test_bad_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="wanted steps"):
        MonitorSettings(**wrong)
