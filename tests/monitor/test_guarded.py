"""A guard with a monitor: what is being drawn is seen, whatever the words said, and begins again without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import diffusers
import numpy as np
import pytest
import torch

from tests.erasing.test_guard_goes_on import ip_adapter
from tests.families import tiny
from tests.families.guards import FORGOTTEN, HOW, KEPT, draw, guard_of
from tests.monitor.fakes import CONCEPTS, monitored, seeing
from unhype.erasing.guard import Guard, beside
from unhype.erasing.phrases import Reading
from unhype.errors import UnhypeError
from unhype.families.choosing import family_of
from unhype.families.family import Family
from unhype.monitor.features import SHARE, View, view
from unhype.monitor.monitor import Monitor, Suspect

KEPT_TOO = "a photo of Bob Marley"


@pytest.fixture(scope="module", params=["sd1", "sd2", "sdxl", "flux_dev", "flux_schnell"])
def family(request: pytest.FixtureRequest) -> Family:
    builders: dict[str, Callable[[], Any]] = tiny.BUILDERS
    return family_of(builders[request.param]())


@pytest.fixture(scope="module")
def guard(family: Family) -> Guard:
    return guard_of(family)


@pytest.fixture(scope="module")
def sd() -> Family:
    return family_of(tiny.sd1())


def guarded(guard: Guard, family: Family, prompts: list[str]) -> np.ndarray:
    with guard.attached(family.pipeline, family=family):
        return draw(family, prompts)


def erasing(guard: Guard, family: Family, *concepts: str) -> Guard:
    """A guard that hears these in every prompt, by the vectors of their names."""

    class Hearing(Guard):
        def _read(self, family: Family, texts: Any) -> Reading:
            c = family.vectors(list(concepts))[None].expand(len(texts), -1, -1)
            return beside([super()._read(family, texts), Reading(c, torch.ones(c.shape[:2]))])

    return Hearing(guard.trained)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Several add in another order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
def test_what_is_seen_is_drawn_again_as_if_it_had_been_said(family: Family, guard: Guard) -> None:
    found = guarded(monitored(guard, seeing(family, "Cher")), family, [KEPT, KEPT_TOO])
    assert (found == guarded(erasing(guard, family, "Cher"), family, [KEPT, KEPT_TOO])).all()
    assert (found != draw(family, [KEPT, KEPT_TOO])).any()


def test_who_is_seen_is_logged(sd: Family, caplog: pytest.LogCaptureFixture) -> None:
    """For whoever serves a guard, and wants to know."""
    with caplog.at_level("INFO", "unhype"):
        guarded(monitored(guard_of(sd), seeing(sd, "Cher")), sd, [FORGOTTEN, KEPT])
    assert [record.getMessage() for record in caplog.records if record.name.startswith("unhype")] == [
        "picture 2 of 2 shows Cher, and no word said so"
    ]


def test_where_nothing_is_seen_nothing_changes(family: Family, guard: Guard) -> None:
    prompts = [KEPT, FORGOTTEN]
    assert (guarded(monitored(guard, seeing(family)), family, prompts) == guarded(guard, family, prompts)).all()


def test_what_the_words_erase_already_is_left_to_them(family: Family, guard: Guard) -> None:
    assert (
        guarded(monitored(guard, seeing(family, "Cher")), family, [FORGOTTEN]) == guarded(guard, family, [FORGOTTEN])
    ).all()


def test_two_are_seen_one_after_the_other(family: Family, guard: Guard) -> None:
    found = guarded(monitored(guard, seeing(family, *CONCEPTS)), family, [KEPT])
    one_way = guarded(erasing(guard, family, *CONCEPTS), family, [KEPT])
    assert np.abs(found.astype(int) - one_way).max() <= 1
    assert (found != guarded(erasing(guard, family, "Cher"), family, [KEPT])).any()


def test_words_that_come_near_make_a_picture_more_suspicious(family: Family, guard: Guard) -> None:
    """They come near and open nothing; what the monitor sees is not enough by itself."""
    near = guard.read(family, [KEPT]).near
    assert near is not None
    own = float(near[0, 0])
    assert guard.read(family, [KEPT]).untouched.all()
    wary = replace(seeing(family, "Cher"), suspected=12.0, bar=12.0)  # the net says 10
    for usual, again in ((own - 0.1, True), (own + 0.1, False)):
        hearing = monitored(guard, replace(wary, weights=(1.0, 0.0, 30.0), usual=usual))
        assert (guarded(hearing, family, [KEPT]) != draw(family, [KEPT])).any() == again
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("unhype.monitor.monitor.BEHIND", (-9.0, -8.0))  # no name explains it so well
        hearing = monitored(guard, replace(wary, weights=(1.0, 0.0, 30.0), usual=own - 0.1))
        assert (guarded(hearing, family, [KEPT]) == draw(family, [KEPT])).all()
    deaf = replace(wary, weights=(1.0, 0.0, 0.0), usual=own - 0.1)
    assert (guarded(monitored(guard, deaf), family, [KEPT]) == draw(family, [KEPT])).all()


def test_words_are_heard_again_where_a_picture_begins_again(sd: Family, caplog: pytest.LogCaptureFixture) -> None:
    hearing = replace(seeing(sd, *CONCEPTS), suspected=12.0, bar=12.0, weights=(1.0, 0.0, 30.0), usual=-9.0)
    with caplog.at_level("INFO", "unhype"):
        guarded(monitored(guard_of(sd), hearing), sd, [KEPT])
    seen = [record.getMessage() for record in caplog.records if record.name.startswith("unhype")]
    assert sorted(seen) == [f"picture 1 of 1 shows {name}, and no word said so" for name in sorted(CONCEPTS)]


def test_words_say_nothing_of_what_was_not_chosen(sd: Family) -> None:
    """Nor where no switch reads them."""
    guard = guard_of(sd)
    hearing = replace(seeing(sd, *CONCEPTS), suspected=12.0, bar=12.0, weights=(1.0, 0.0, 30.0), usual=-9.0)
    trained = replace(guard.trained, monitor=hearing)
    assert (guarded(Guard(trained), sd, [KEPT]) != draw(sd, [KEPT])).any()
    found: list[torch.Tensor] = []
    suspects = Monitor.suspects

    def noting(self: Monitor, seen: View, aside: Any, near: Any) -> list[Suspect]:
        found.append(near)
        return suspects(self, seen, aside, near)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Monitor, "suspects", noting)
        guarded(Guard(trained, [CONCEPTS[1]]), sd, [KEPT])
    assert found[0].isneginf().tolist() == [[True, False]]
    assert (guarded(Guard(replace(trained, switch=None), share=0.0), sd, [KEPT]) == draw(sd, [KEPT])).all()
    nobody = Guard(replace(trained, switch=None, monitor=replace(hearing, bar=1e3)))
    assert (
        guarded(nobody, sd, [KEPT]) == guarded(Guard(replace(trained, switch=None, monitor=None)), sd, [KEPT])
    ).all()


def test_a_picture_is_judged_alone(sd: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three pictures of one prompt only the second shows somebody."""
    guard, suspects = guard_of(sd), Monitor.suspects
    first: list[torch.Tensor] = []

    def in_the_second(self: Monitor, seen: View, *others: Any) -> list[Suspect]:
        first.append(seen.clean.clone())
        return [one for one in suspects(self, seen, *others) if torch.equal(seen.clean[one.picture], first[0][1])]

    monkeypatch.setattr(Monitor, "suspects", in_the_second)
    found = guarded(monitored(guard, seeing(sd, "Cher")), sd, [KEPT] * 3)
    bare, gone = draw(sd, [KEPT] * 3), guarded(erasing(guard, sd, "Cher"), sd, [KEPT] * 3)
    assert len(first) == 2
    assert (found[[0, 2]] == bare[[0, 2]]).all()
    assert (found[1] == gone[1]).all()
    assert (found[1] != bare[1]).any()


def test_it_is_not_there_where_nobody_wants_it(sd: Family) -> None:
    trained = monitored(guard_of(sd), seeing(sd, "Cher")).trained
    for guard in (Guard(trained, monitored=False), Guard(trained, share=0.0), Guard(trained, ["Adam Driver"])):
        assert (guarded(guard, sd, [KEPT]) == draw(sd, [KEPT])).all()


@pytest.mark.parametrize("steps", [1, 2, 3, 7])
def test_it_looks_however_few_steps_there_are(family: Family, guard: Guard, steps: int) -> None:
    how = replace(HOW, steps=steps)
    with monitored(guard, seeing(family, "Cher")).attached(family.pipeline, family=family):
        found = draw(family, [KEPT], how)
    assert (found != draw(family, [KEPT], how)).any()


@pytest.mark.parametrize("generator", ["own", "none", "several"])
def test_it_begins_again_from_the_same_noise(sd: Family, generator: str) -> None:
    def options() -> dict[str, Any]:
        torch.manual_seed(5)
        own = torch.Generator().manual_seed(3)
        several = [torch.Generator().manual_seed(seed) for seed in (3, 4)]
        return {"generator": {"own": own, "none": None, "several": several}[generator]}

    def call(guard: Guard) -> np.ndarray:
        with guard.attached(sd.pipeline, family=sd):
            images: np.ndarray = sd.pipeline(
                [KEPT, KEPT_TOO], num_inference_steps=2, output_type="np", **options()
            ).images
        return images

    plain = guard_of(sd)
    found, gone, bare = (
        call(guard) for guard in (monitored(plain, seeing(sd, "Cher")), erasing(plain, sd, "Cher"), plain)
    )
    assert np.allclose(found, gone, atol=1e-4)
    assert not np.allclose(found, bare, atol=1e-2)


def test_a_call_of_the_denoiser_without_a_pipelines_is_withheld(sd: Family) -> None:
    latents, times = torch.randn(1, *sd.latent_shape), sd.time_at(0.1, 1)
    with monitored(guard_of(sd), seeing(sd, "Cher")).attached(sd.pipeline, family=sd):
        text = sd.encode([KEPT])
        with pytest.raises(UnhypeError, match="wanted one that can begin again"):
            sd.predict(latents, times, text)


def test_a_picture_that_shows_more_and_more_is_withheld(sd: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unhype.adapters.looking.MOST", 1)
    with (
        monitored(guard_of(sd), seeing(sd, *CONCEPTS)).attached(sd.pipeline, family=sd),
        pytest.raises(UnhypeError, match="it is withheld"),
    ):
        draw(sd, [KEPT])
    assert (draw(sd, [KEPT]) == draw(sd, [KEPT])).all()


def test_the_base_is_asked_as_it_is_itself(sd: Family) -> None:
    """While a monitor asks, no LoRA of the picture's own prompt is in the denoiser."""
    asked: list[torch.Tensor] = []
    monitor = replace(seeing(sd, "Adam Driver"), weights=(1.0, 1.0, 0.0), bar=-100.0)
    told = type(monitor).told

    def noting(self: Any, family: Family, *others: Any) -> torch.Tensor:
        asked.extend(told(self, base, *others)[:, 1] for base in (family, family_of(tiny.sd1())))
        return told(self, family, *others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(monitor), "told", noting)
        guarded(monitored(guard_of(sd), monitor), sd, [FORGOTTEN])
    assert asked[0].abs().max() > 0
    assert torch.allclose(asked[0], asked[1], atol=1e-4)


def test_the_base_looks_as_it_is_itself(sd: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it does, no LoRA of the picture's own prompt is in the denoiser."""
    seen: list[tuple[torch.Tensor, View]] = []

    def noting(family: Family, latents: torch.Tensor) -> View:
        seen.append((latents, view(family, latents)))
        return seen[-1][1]

    monitor = seeing(sd)
    monkeypatch.setattr("unhype.monitor.monitor.view", noting)
    guarded(monitored(guard_of(sd), monitor), sd, [FORGOTTEN])
    ((latents, found),) = seen
    bare = view(family_of(tiny.sd1()), latents)
    assert all(torch.allclose(*pair, atol=1e-4) for pair in zip(bare, found, strict=True))


def test_an_earlier_call_leaves_nothing_behind(sd: Family) -> None:
    guard = monitored(guard_of(sd), seeing(sd, "Cher"))
    with guard.attached(sd.pipeline, family=sd):
        one, other = draw(sd, [KEPT]), draw(sd, [KEPT])
    assert (one == other).all()
    bare = draw(sd, [KEPT])
    assert (bare == draw(family_of(tiny.sd1()), [KEPT])).all()


@pytest.fixture
def pag() -> Family:
    """Perturbed attention: such a pipeline exchanges its denoiser's attention while it draws."""
    own = tiny.sd1()
    return family_of(diffusers.AutoPipelineForText2Image.from_pipe(own, enable_pag=True))


def test_attention_that_the_pipeline_exchanged_is_put_back(pag: Family) -> None:
    """The call that breaks off does not put it back itself, and the base is asked with its own."""
    before = dict(pag.pipeline.unet.attn_processors)
    asked: list[dict[str, Any]] = []
    suspects = Monitor.suspects

    def noting(self: Monitor, *others: Any) -> list[Suspect]:
        asked.append(dict(pag.pipeline.unet.attn_processors))
        return suspects(self, *others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Monitor, "suspects", noting)
        guarded(monitored(guard_of(pag), seeing(pag, "Cher")), pag, [KEPT])
    assert len(asked) == 2
    assert all(each == before for each in (*asked, pag.pipeline.unet.attn_processors))


def test_the_base_is_asked_in_the_precision_of_the_day(sd: Family) -> None:
    own = family_of(tiny.sd1())
    monitor = replace(seeing(own, "Cher"), weights=(1.0, 1e-9, 0.0))
    with monitored(guard_of(own), monitor).attached(own.pipeline, family=own):
        draw(own, [KEPT])
        own.pipeline.to(torch.bfloat16)
        assert draw(own, [KEPT]).shape[0] == 1


def test_a_second_pass_is_looked_at_too(sd: Family) -> None:
    """Timesteps that go back into the noise: what was seen late the first time says nothing of the end."""
    looked: list[float] = []
    own = family_of(tiny.sd1())
    clean = type(own).clean

    def noting(self: Family, noisy: torch.Tensor, times: torch.Tensor, predicted: torch.Tensor) -> torch.Tensor:
        looked.append(float(self.share_of(times)[0]))
        return clean(self, noisy, times, predicted)

    own.pipeline.scheduler = diffusers.EulerDiscreteScheduler.from_config(own.pipeline.scheduler.config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(own), "clean", noting)
        with monitored(guard_of(own), seeing(own)).attached(own.pipeline, family=own):
            own.pipeline(KEPT, timesteps=[100, 999, 700, 400], output_type="latent")
    drawn = [share for share in looked if share != pytest.approx(SHARE, abs=0.01)]  # not the view's own noise
    assert drawn == pytest.approx([0.1, 0.4], abs=0.01)


def test_without_a_switch_two_are_seen_as_well(sd: Family) -> None:
    """Nothing says there what is erased already, but for what was seen."""
    plain = guard_of(sd)
    trained = replace(plain.trained, switch=None, monitor=seeing(sd, *CONCEPTS))
    found: list[list[Suspect]] = []
    suspects = Monitor.suspects

    def noting(self: Monitor, *others: Any) -> list[Suspect]:
        found.append(suspects(self, *others))
        return found[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Monitor, "suspects", noting)
        guarded(Guard(trained), sd, [KEPT])
    assert [{each.concept for each in one} for one in found] == [{0, 1}, {1}, set()]


def test_a_base_that_reads_more_than_noise_is_refused(sd: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    guard = monitored(guard_of(sd), seeing(sd))
    monkeypatch.setattr(type(sd), "read_channels", 9)
    with pytest.raises(UnhypeError, match="load the guard with monitored=False"):
        guard.attach(sd.pipeline, family=sd)


def test_latents_that_are_not_finite_are_no_picture(sd: Family) -> None:
    monitor = seeing(sd)
    with pytest.raises(UnhypeError, match="got latents that are not finite"):
        monitor.suspects(view(sd, torch.full((1, *sd.latent_shape), torch.nan)), [()])


def test_the_base_is_asked_without_the_picture_that_an_ip_adapter_shows(sd: Family) -> None:
    own = family_of(tiny.sd1())
    monitor = replace(seeing(own, "Cher"), weights=(1.0, 1e-9, 0.0))
    unet: Any = own.pipeline.unet
    unet._load_ip_adapter_weights([ip_adapter(unet, 24)])
    shown = {"ip_adapter_image_embeds": [torch.randn(2, 1, 24)], "num_inference_steps": 2, "output_type": "np"}

    def call(guard: Guard) -> np.ndarray:
        with guard.attached(own.pipeline, family=own):
            return np.asarray(own.pipeline(KEPT, generator=torch.Generator().manual_seed(0), **shown).images)

    plain = guard_of(own)
    assert np.allclose(call(monitored(plain, monitor)), call(erasing(plain, own, "Cher")), atol=1e-4)


def test_every_view_of_a_picture_is_looked_at(sd: Family) -> None:
    """Views are calls at one time, of which only the last shows somebody."""
    noise, late = torch.randn(3, *sd.latent_shape), sd.time_at(0.1, 1)
    suspects, calls = Monitor.suspects, []

    def in_the_last(self: Monitor, seen: View, *others: Any) -> list[Suspect]:
        calls.append(seen)
        return suspects(self, seen, *others) if len(calls) == 3 else []

    class Views(type(sd.pipeline)):  # type: ignore[misc]
        def __call__(self, prompt: str) -> Any:
            states, _ = self.encode_prompt(prompt, "cpu", 1, False)
            with torch.no_grad():
                return [self.unet(view[None], late, encoder_hidden_states=states)[0] for view in noise]

    own = family_of(tiny.sd1())
    own.pipeline.__class__ = Views
    own.pipeline._guidance_scale = 1.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Monitor, "suspects", in_the_last)
        with monitored(guard_of(own), seeing(own, "Cher")).attached(own.pipeline, family=own):
            own.pipeline(KEPT)
    assert len(calls) == 6  # three views, and three again
