"""The recipe of mini-sd, its CLIP and its judge: stages, each resumable, each a pure function of settings and seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from unhype.files import write_array
from unhype.miniature.autoencoder import LATENT_CHANNELS, LATENT_SIZE, autoencoder_loss, encode
from unhype.miniature.clip import contrastive_loss, tokenize
from unhype.miniature.denoiser import build_scheduler, denoising_loss, drop_captions
from unhype.miniature.judge import degrade, judge_loss, labels_for
from unhype.miniature.readout import readout_labels, readout_loss
from unhype.miniature.workshop import Workshop
from unhype.training import Schedule, arithmetic_of, computing_in, fit

READOUT_WEIGHT = 2.0
"""Weight of the readout's loss beside the contrastive one: about equal at the start."""


@dataclass(frozen=True)
class Progress:
    """Where a stage stands: ``done`` of ``total``, its latest loss (NaN where it has none)."""

    stage: str
    done: int
    total: int
    loss: float = float("nan")


def pretrain(workshop: Workshop) -> Iterator[Progress]:
    """Run every stage that is not done yet; the models are then in the workshop."""
    for stage in STAGES.values():
        yield from stage(workshop)


def _render(shop: Workshop) -> Iterator[Progress]:
    for done in shop.pictures.render_all():
        yield Progress("pictures", done, shop.pictures.count)


def _learn_words(shop: Workshop) -> Iterator[Progress]:
    yield Progress("tokenizer", 0, 1)
    _ = shop.tokenizer
    yield Progress("tokenizer", 1, 1)


def _train_autoencoder(shop: Workshop) -> Iterator[Progress]:
    schedule = shop.settings.autoencoder

    def loss(step: int, rng: np.random.Generator) -> torch.Tensor:
        pictures = shop.batch(_rows(shop, schedule, rng))
        return autoencoder_loss(shop.autoencoder, pictures.contiguous(memory_format=torch.channels_last))

    yield from _train(shop, "autoencoder", shop.autoencoder, loss, 0)


def _train_clip(shop: Workshop) -> Iterator[Progress]:
    schedule = shop.settings.clip

    def loss(step: int, rng: np.random.Generator) -> torch.Tensor:
        rows = _rows(shop, schedule, rng)
        examples = [shop.pictures.example(int(i)) for i in rows]
        ids = tokenize(shop.tokenizer, [example.caption(rng) for example in examples])
        read = shop.clip.text_model(input_ids=ids.to(shop.device))
        contrast = contrastive_loss(shop.clip, read.pooler_output, shop.batch(rows), examples)
        told = readout_loss(shop.taught_clip.readout, read.last_hidden_state, readout_labels(examples).to(shop.device))
        return contrast + READOUT_WEIGHT * told

    yield from _train(shop, "clip", shop.taught_clip, loss, 1)


def _train_judge(shop: Workshop) -> Iterator[Progress]:
    schedule = shop.settings.judge

    def loss(step: int, rng: np.random.Generator) -> torch.Tensor:
        rows = _rows(shop, schedule, rng)
        labels = labels_for(
            [shop.pictures.looks(int(i)) for i in rows], [shop.pictures.example(int(i)).subject.thing for i in rows]
        )
        pictures, labels = degrade(shop.batch(rows).cpu(), labels, rng)
        return judge_loss(shop.judge, pictures.to(shop.device), labels.to(shop.device))

    yield from _train(shop, "judge", shop.judge, loss, 2)


def _encode_pictures(shop: Workshop, block: int = 64) -> Iterator[Progress]:
    path, count = shop.latents_path, shop.pictures.count
    if path.exists():
        return
    starts = range(0, count, block)
    blocks = (_encoded(shop, np.arange(start, min(start + block, count))) for start in starts)
    for done in write_array(path, "float16", (count, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE), blocks):
        yield Progress("latents", done, count)


def _encoded(shop: Workshop, rows: np.ndarray) -> np.ndarray:
    # Made before autocast begins, which would go on with its copies of the weights from before they were standardised.
    model = shop.standard_autoencoder
    precision = arithmetic_of(shop.settings.precision, shop.device)
    with computing_in(precision, shop.device):
        return encode(model, shop.batch(rows)).cpu().numpy()


def _train_denoiser(shop: Workshop) -> Iterator[Progress]:
    settings, scheduler, text_encoder, model = (
        shop.settings,
        build_scheduler(),
        shop.clip.text_model.eval(),
        shop.denoiser,
    )

    def loss(step: int, rng: np.random.Generator) -> torch.Tensor:
        chosen = _rows(shop, settings.denoiser, rng)
        pairs = round(settings.more_pairs * len(chosen)) if len(shop.pairs) else 0
        chosen = np.sort(np.concatenate([rng.choice(shop.pairs, size=pairs), chosen[pairs:]]) if pairs else chosen)
        captions = drop_captions(shop.pictures.captions(chosen, rng), rng)
        with torch.no_grad():
            states = text_encoder(input_ids=tokenize(shop.tokenizer, captions).to(shop.device)).last_hidden_state
        latents = torch.from_numpy(shop.latents[chosen].astype(np.float32)).to(shop.device)
        return denoising_loss(model, scheduler, latents, states, rng, settings.snr_cap)

    yield from _train(shop, "denoiser", model, loss, 3)


def _train(
    shop: Workshop,
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


def _rows(shop: Workshop, schedule: Schedule, rng: np.random.Generator) -> np.ndarray:
    return np.sort(rng.integers(shop.pictures.count, size=schedule.batch))


STAGES: dict[str, Callable[[Workshop], Iterator[Progress]]] = {
    "pictures": _render,
    "tokenizer": _learn_words,
    "autoencoder": _train_autoencoder,
    "clip": _train_clip,
    "judge": _train_judge,
    "latents": _encode_pictures,
    "denoiser": _train_denoiser,
}
"""The stages, in order."""
