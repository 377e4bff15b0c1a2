"""The recipe of mini-flux: stages, each resumable, each a pure function of settings, seed and mini-sd.

Pictures → latents of mini-sd's autoencoder → T5's pieces → T5, taught by the readout → the flow → guidance distilled →
both again, with more things.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch

from unhype.files import write_array
from unhype.miniature.autoencoder import LATENT_CHANNELS, LATENT_SIZE, encode
from unhype.miniature.flow import Words, flow_loss, guidance_loss
from unhype.miniature.flux_workshop import FluxWorkshop, round_to_half
from unhype.miniature.pretrain import Progress
from unhype.miniature.readout import readout_labels, readout_loss
from unhype.miniature.t5 import piece_ids
from unhype.miniature.typed import DRAWING_SHARES, READING_SHARES, random_length, retyped
from unhype.training import Schedule, arithmetic_of, computing_in, fit

if TYPE_CHECKING:
    from diffusers import FluxTransformer2DModel

EMPTY_SHARE = 0.1
"""Share of the flow's captions that both encoders read as empty, so that guidance can be learned."""

LONE_SHARE = 0.1
"""Share that CLIP reads as empty while T5 reads all of it, and half as many the other way: ``prompt_2`` may differ."""


def pretrain_flux(shop: FluxWorkshop) -> Iterator[Progress]:
    """Run every stage that is not done yet; the models are then in the workshop."""
    for stage in STAGES.values():
        yield from stage(shop)


def _render(shop: FluxWorkshop) -> Iterator[Progress]:
    for done in shop.pictures.render_all():
        yield Progress("pictures", done, shop.pictures.count)


def _encode_pictures(shop: FluxWorkshop, block: int = 64) -> Iterator[Progress]:
    path, count = shop.latents_path, shop.pictures.count
    if path.exists():
        return
    starts = range(0, count, block)
    blocks = (_encoded(shop, np.arange(start, min(start + block, count))) for start in starts)
    for done in write_array(path, "float16", (count, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE), blocks):
        yield Progress("latents", done, count)


def _encoded(shop: FluxWorkshop, rows: np.ndarray) -> np.ndarray:
    precision = arithmetic_of(shop.settings.precision, shop.device)
    with computing_in(precision, shop.device):
        return encode(shop.autoencoder, shop.batch(rows)).cpu().numpy()


def _learn_pieces(shop: FluxWorkshop) -> Iterator[Progress]:
    yield Progress("pieces", 0, 1)
    _ = shop.pieces
    yield Progress("pieces", 1, 1)


def _train_t5(shop: FluxWorkshop) -> Iterator[Progress]:
    model, schedule = shop.taught_t5, shop.settings.t5

    def loss(step: int, rng: np.random.Generator) -> torch.Tensor:
        rows = np.sort(rng.integers(shop.pictures.count, size=schedule.batch))
        examples = [shop.pictures.example(int(i)) for i in rows]
        length = random_length(READING_SHARES, rng)
        typed = retyped([example.caption(rng) for example in examples], length, rng)
        states = model.encoder(input_ids=piece_ids(shop.pieces, typed, length).to(shop.device)).last_hidden_state
        return readout_loss(model.readout, states, readout_labels(examples).to(shop.device))

    yield from _train(shop, "t5", model, loss, 10)


def _train_flow(shop: FluxWorkshop) -> Iterator[Progress]:
    yield from _flow(shop, "flow", 11)


def _distil_guidance(shop: FluxWorkshop) -> Iterator[Progress]:
    yield from _guidance(shop, "guidance", shop.transformer_after("flow"), 12)


def _train_flow_again(shop: FluxWorkshop) -> Iterator[Progress]:
    """Goes on from what would ship, so that the second round can also be done from a shipped folder."""
    round_to_half(shop.transformer)
    round_to_half(shop.taught_t5.encoder)
    yield from _flow(shop, "flow_again", 13, shop.settings.more_things)


def _distil_guidance_again(shop: FluxWorkshop) -> Iterator[Progress]:
    yield from _guidance(shop, "guidance_again", shop.transformer_after("flow_again"), 14, shop.settings.more_things)


def _flow(shop: FluxWorkshop, stage: str, number: int, more_things: float = 0.0) -> Iterator[Progress]:
    model = shop.transformer

    def loss(step: int, rng: np.random.Generator) -> torch.Tensor:
        latents, words = _material(shop, getattr(shop.settings, stage).batch, rng, more_things)
        return flow_loss(model, latents, words, rng)

    yield from _train(shop, stage, model, loss, number)


def _guidance(
    shop: FluxWorkshop, stage: str, teacher: FluxTransformer2DModel, number: int, more_things: float = 0.0
) -> Iterator[Progress]:
    model = shop.transformer
    teacher.requires_grad_(False).eval()

    def loss(step: int, rng: np.random.Generator) -> torch.Tensor:
        latents, words = _material(shop, getattr(shop.settings, stage).batch, rng, more_things)
        return guidance_loss(model, teacher, latents, words, _empty(shop, words), rng)

    yield from _train(shop, stage, model, loss, number)


def _empty(shop: FluxWorkshop, like: Words) -> Words:
    """The empty prompt, as often and as long as other captions."""
    n, length, _ = like.states.shape
    empty = shop.words([""], [""], length)
    return Words(empty.states.expand(n, -1, -1), empty.pooled.expand(n, -1))


def _material(
    shop: FluxWorkshop, batch: int, rng: np.random.Generator, more_things: float = 0.0
) -> tuple[torch.Tensor, Words]:
    """A batch of latents and their captions, as both encoders read them."""
    rows = rng.integers(shop.pictures.count, size=batch)
    start = 0
    for share, chosen in ((shop.settings.more_pairs, shop.pairs), (more_things, shop.things if more_things else ())):
        count = round(share * batch) if len(chosen) else 0
        if count:
            rows[start : start + count] = rng.choice(chosen, size=count)
        start += count
    rows.sort()
    length = random_length(DRAWING_SHARES, rng)
    captions = retyped(shop.pictures.captions(rows, rng), length, rng)
    chance = rng.random(batch)
    neither, no_clip = chance < EMPTY_SHARE, chance < EMPTY_SHARE + LONE_SHARE
    no_t5 = neither | (chance > 1 - LONE_SHARE / 2)
    clip = ["" if empty else caption for caption, empty in zip(captions, no_clip, strict=True)]
    t5 = ["" if empty else caption for caption, empty in zip(captions, no_t5, strict=True)]
    latents = torch.from_numpy(shop.latents[rows].astype(np.float32)).to(shop.device)
    return latents, shop.words(clip, t5, length)


def _train(
    shop: FluxWorkshop,
    stage: str,
    model: torch.nn.Module,
    loss: Callable[[int, np.random.Generator], torch.Tensor],
    number: int,
) -> Iterator[Progress]:
    schedule: Schedule = getattr(shop.settings, stage)
    precision = arithmetic_of(shop.settings.precision, shop.device)
    model.train()
    for report in fit(
        model, loss, schedule, shop.checkpoint(stage), shop.settings.seed + number, shop.device, precision
    ):
        yield Progress(stage, report.step, report.steps, report.loss)
    model.eval()


STAGES: dict[str, Callable[[FluxWorkshop], Iterator[Progress]]] = {
    "pictures": _render,
    "latents": _encode_pictures,
    "pieces": _learn_pieces,
    "t5": _train_t5,
    "flow": _train_flow,
    "guidance": _distil_guidance,
    "flow_again": _train_flow_again,
    "guidance_again": _distil_guidance_again,
}
"""The stages, in order."""
