"""Where something is seen in some pictures of a call, those alone are drawn again, and the others are finished."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from tests.families import tiny
from unhype.adapters.again import Apart
from unhype.adapters.looking import Drawn, Opinion
from unhype.adapters.lora import Factors
from unhype.adapters.rows import Texts
from unhype.adapters.watching import attach
from unhype.families.choosing import family_of
from unhype.families.family import Family

PROMPTS = ["a dog", "a photo of Cher", "a cat"]
STEPS = 4


def read(family: Any, rows: Sequence[Texts]) -> list[str]:
    return ["|".join(row) for row in rows]


def amend(family: Any, said: str, seen: Sequence[int]) -> str:
    return f"{said} seen {sorted(seen)}"


def emit(family: Family, said: Sequence[str]) -> Mapping[str, Factors]:
    """Rows in whose pictures something was seen are edited, the more the more was seen."""
    rng = torch.Generator().manual_seed(0)
    strong = torch.tensor([float(len(one.split("seen")[-1].split(","))) if "seen" in one else 0.0 for one in said])
    found = {}
    for site in family.sites:
        A, B = torch.randn(2, site.inputs, generator=rng), torch.randn(site.outputs, 2, generator=rng)
        found[site.name] = Factors(A.expand(len(said), -1, -1), strong[:, None, None] * B)
    return found


class Eyes:
    """Sees something wherever a word was asked for, first one thing, then another; counts the denoiser's rows."""

    def __init__(self, word: str, things: int = 1) -> None:
        self.word, self.things, self.rows = word, things, list[int]()

    def look(self, family: Any, drawn: Drawn, seen: Sequence[Sequence[int]]) -> list[int]:
        return [
            len(before) if self.word in said and len(before) < self.things else -1
            for said, before in zip(drawn.said, seen, strict=True)
        ]


@pytest.fixture(scope="module", params=["sd1", "flux_dev"])
def family(request: pytest.FixtureRequest) -> Family:
    return family_of(tiny.BUILDERS[request.param]())


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Several add in another order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def generators(n: int = len(PROMPTS)) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in range(n)]


def call(family: Family, eyes: Eyes | None, prompts: Any = None, share: float = 0.9, **options: Any) -> Any:
    """The pipeline's own call, under a guard with these eyes; a bare one without."""
    options = {
        "prompt": PROMPTS if prompts is None else prompts,
        "generator": generators(),
        "num_inference_steps": STEPS,
        "guidance_scale": 3.0,
        "height": tiny.SIZE,
        "width": tiny.SIZE,
        "output_type": "np",
        **options,
    }
    if eyes is None:
        return family.pipeline(**options)
    detach = attach(family, read, emit, eyes, opinion=Opinion(share, eyes.look, amend))
    handle = family.denoiser.register_forward_pre_hook(
        lambda module, args, given: eyes.rows.append(len((args or [given.get("hidden_states")])[0])), with_kwargs=True
    )
    try:
        return family.pipeline(**options)
    finally:
        handle.remove()
        detach()


def test_the_others_are_finished_and_stay(family: Family) -> None:
    eyes = Eyes("Cher")
    found, bare = call(family, eyes).images, call(family, None).images
    each = eyes.rows[0] // len(PROMPTS)  # rows for each picture
    assert eyes.rows == [3 * each] * STEPS + [each] * STEPS
    assert (found[[0, 2]] == bare[[0, 2]]).all()
    assert (found[1] != bare[1]).any()
    alone = call(family, Eyes("Cher"), [PROMPTS[1]], generator=generators()[1:2]).images
    assert (found[1] == alone[0]).all()


def test_two_things_are_seen_one_after_the_other(family: Family) -> None:
    eyes = Eyes("Cher", things=2)
    found, once = call(family, eyes).images, call(family, Eyes("Cher")).images
    each = eyes.rows[0] // len(PROMPTS)
    assert eyes.rows[:STEPS] == [3 * each] * STEPS
    assert set(eyes.rows[STEPS:]) == {each}
    assert (found[[0, 2]] == once[[0, 2]]).all()
    assert (found[1] != once[1]).any()


def test_where_all_show_something_the_call_breaks_off(family: Family) -> None:
    """Nothing of it is to be finished."""
    eyes = Eyes("a ")
    found = call(family, eyes).images
    assert len(set(eyes.rows)) == 1
    assert STEPS < len(eyes.rows) < 2 * STEPS
    assert (found != call(family, None).images).any()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_whenever_it_looks(family: Family, share: float) -> None:
    found, bare = call(family, Eyes("Cher"), share=share).images, call(family, None).images
    assert (found[[0, 2]] == bare[[0, 2]]).all()
    assert (found[1] != bare[1]).any()


@pytest.mark.parametrize("kind", ["pil", "np", "pt", "latent"])
@pytest.mark.parametrize("as_tuple", [False, True])
def test_pictures_are_joined_in_every_form(family: Family, kind: str, as_tuple: bool) -> None:
    options = {"output_type": kind, "return_dict": not as_tuple}
    found, bare = call(family, Eyes("Cher"), **options), call(family, None, **options)
    assert type(found) is type(bare)
    found, bare = ((each[0] if as_tuple else each.images) for each in (found, bare))
    assert type(found) is type(bare)
    assert len(found) == len(bare) == len(PROMPTS)
    same = [bool((np.asarray(a) == np.asarray(b)).all()) for a, b in zip(found, bare, strict=True)]
    assert same == [True, False, True]


def test_generators_end_where_they_would(family: Family) -> None:
    """Also where the sampler draws no noise on its way: all have drawn the first."""
    ours, bare = generators(), generators()
    call(family, Eyes("Cher"), generator=ours)
    call(family, None, generator=bare)
    assert all(torch.equal(a.get_state(), b.get_state()) for a, b in zip(ours, bare, strict=True))


def later(*_args: Any) -> dict[str, Any]:
    return {}


@pytest.mark.parametrize(
    "options",
    [
        lambda: {"generator": torch.Generator().manual_seed(0)},
        lambda: {"generator": None},
        lambda: {"generator": generators(6), "num_images_per_prompt": 2},
        lambda: {"callback_on_step_end": later},
    ],
    ids=["one generator", "no generator", "two of each", "a callback"],
)
def test_what_belongs_to_all_has_all_begin_again(family: Family, options: Callable[[], dict[str, Any]]) -> None:
    def drawn(eyes: Eyes | None) -> np.ndarray:
        torch.manual_seed(0)
        images: np.ndarray = call(family, eyes, **options()).images
        return images

    eyes = Eyes("Cher")
    found, bare = drawn(eyes), drawn(None)
    assert len(set(eyes.rows)) == 1
    assert len(eyes.rows) < 2 * STEPS
    shows = np.repeat([False, True, False], len(found) // len(PROMPTS))
    assert (found[~shows] == bare[~shows]).all()
    assert (found[shows] != bare[shows]).any()


def test_attention_of_somebodys_own_has_all_begin_again(family: Family) -> None:
    """It may join the pictures of a batch."""
    own = type("Own", (type(next(iter(family.denoiser.attn_processors.values()))),), {})
    assert own.__module__ == __name__
    before = dict(family.denoiser.attn_processors)
    try:
        family.denoiser.set_attn_processor({name: own() for name in before})
        call(family, eyes := Eyes("Cher"))
    finally:
        family.denoiser.set_attn_processor(before)
    assert len(set(eyes.rows)) == 1


def test_a_call_of_somebodys_own_has_all_begin_again(family: Family) -> None:
    """Nobody knows what it does with pictures on the way; its generators are found where it has no name for them."""
    bare = type(family.pipeline)

    class Own(bare):  # type: ignore[misc, valid-type]
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return super().__call__(*args, **kwargs)

    family.pipeline.__class__ = Own
    try:
        found, plain = call(family, eyes := Eyes("Cher")).images, call(family, None).images
    finally:
        family.pipeline.__class__ = bare
    assert len(set(eyes.rows)) == 1
    assert (found[[0, 2]] == plain[[0, 2]]).all()
    assert (found[1] != plain[1]).any()


def test_noise_for_a_whole_batch_has_all_begin_again() -> None:
    """And from the same numbers, though they come from nobody's generator."""
    family = family_of(tiny.sd1())
    family.pipeline.scheduler = diffusers.EulerAncestralDiscreteScheduler.from_config(family.pipeline.scheduler.config)
    family.pipeline.scheduler.noise_sampler = None  # as DPMSolverSDEScheduler has it, which needs a package of its own
    found, plain = call(family, eyes := Eyes("Cher")).images, call(family, None).images
    assert len(set(eyes.rows)) == 1
    assert (found[[0, 2]] == plain[[0, 2]]).all()


def test_a_part_that_was_compiled_has_all_begin_again() -> None:
    family = family_of(tiny.sd1())
    family.pipeline.vae.decoder.compile(backend="eager")
    call(family, eyes := Eyes("Cher"))
    assert len(set(eyes.rows)) == 1


def test_attention_is_put_back_whatever_ends_a_call(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipeline that exchanges it, and is broken off by an error, would leave it to the next."""
    before, kind = family.denoiser.attn_processors, type(next(iter(family.denoiser.attn_processors.values())))
    decode = family.pipeline.vae.decode

    def exchanging(*_args: Any, **_options: Any) -> Any:
        family.denoiser.set_attn_processor({name: kind() for name in before})
        raise MemoryError

    monkeypatch.setattr(family.pipeline.vae, "decode", exchanging)
    with pytest.raises(MemoryError):
        call(family, Eyes("nobody"))
    assert family.denoiser.attn_processors == before
    monkeypatch.setattr(family.pipeline.vae, "decode", decode)


def test_which_calls_have_pictures_that_stand_by_themselves() -> None:
    plain = {"prompt": ["a", "b"], "generator": generators(2), "guidance_scale": 3.0, "target_size": (8, 8)}
    whole = Apart.of({**plain, "negative_prompt": ["x", "y"]})
    assert whole is not None
    part = whole.part([1])
    assert (part["prompt"], part["negative_prompt"], part["target_size"]) == (["b"], ["y"], (8, 8))
    assert part["generator"] == plain["generator"][1:]  # type: ignore[index]
    for more in (
        {"prompt": "a"},
        {"prompt": [["a", "b"], ["c", "d"]]},
        {"generator": generators(1) * 2},
        {"generator": [None, *generators(1)]},
        {"prompt_2": ("x", "y")},
        {"negative_prompt": ["x"]},
        {"latents": torch.zeros(2, 4, 2, 2)},
        {"image": Image.new("RGB", (2, 2))},
        {"cross_attention_kwargs": {"scale": 1.0}},
        {"sigmas": [1.0, 0.5]},
    ):
        assert Apart.of({**plain, **more}) is None, more
