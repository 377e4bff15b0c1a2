"""mini-flux's recipe at toy size: every stage runs, a killed run resumes, and what ships is a plain FluxPipeline."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from unhype.bases.cards import verify
from unhype.errors import UnhypeError
from unhype.families.choosing import family_of
from unhype.families.flux import Flux
from unhype.miniature.flow import (
    GUIDANCE,
    Words,
    build_transformer,
    flow_loss,
    guidance_loss,
    packed,
    places,
    velocity,
)
from unhype.miniature.flux_workshop import FluxPretraining, FluxWorkshop
from unhype.miniature.folders import FLUX
from unhype.miniature.pictures import Pictures
from unhype.miniature.pieces import train_pieces
from unhype.miniature.pretrain_flux import STAGES, _material, pretrain_flux
from unhype.miniature.shipping_flux import ship_flux
from unhype.miniature.t5 import piece_ids
from unhype.miniature.typed import LENGTHS, LONG, retyped
from unhype.training import Schedule

TINY = FluxPretraining(
    pictures=24,
    vocabulary=300,
    prompt_length=16,
    precision="fp32",
    more_pairs=0.5,
    t5=Schedule(steps=3, batch=4, rate=1e-3, muon=True),
    flow=Schedule(steps=3, batch=2, rate=1e-3, average=0.9, muon=True),
    guidance=Schedule(steps=2, batch=2, rate=1e-3, average=0.9),
    flow_again=Schedule(steps=2, batch=2, rate=1e-3, average=0.9),
    guidance_again=Schedule(steps=2, batch=2, rate=1e-3, average=0.9),
)

PLAIN = """
import sys
from diffusers import FluxPipeline
pipeline = FluxPipeline.from_pretrained(sys.argv[1])
options = {"height": 64, "width": 64, "max_sequence_length": 16, "num_inference_steps": 2}
picture = pipeline("a photo of Prince", guidance_scale=3.0, **options).images[0]
assert picture.size == (64, 64) and not [name for name in sys.modules if name.startswith("unhype")]
"""


def workshop(folder: Path, data: Path, settings: FluxPretraining = TINY) -> FluxWorkshop:
    return FluxWorkshop(settings, folder, data, torch.device("cpu"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, data: Path) -> FluxWorkshop:
    shop = workshop(tmp_path_factory.mktemp("whole"), data)
    seen = {progress.stage: progress for progress in pretrain_flux(shop)}
    assert list(seen) == list(STAGES)
    assert all(progress.done == progress.total for progress in seen.values())
    return shop


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_weights(finished: FluxWorkshop, data: Path, tmp_path: Path) -> None:
    # A new process after every fourth report: nothing but the files survives.
    for _ in range(20):
        for count, _progress in enumerate(pretrain_flux(shop := workshop(tmp_path, data))):
            if count == 3:
                break
        else:
            break
    for name in ("taught_t5", "transformer"):
        whole, parts = getattr(finished, name).state_dict(), getattr(shop, name).state_dict()
        assert all(torch.equal(whole[key], parts[key]) for key in whole), name


@pytest.mark.slow
def test_what_ships_is_a_plain_flux_that_shares_parts_with_mini_sd(
    finished: FluxWorkshop, data: Path, tmp_path: Path
) -> None:
    ship_flux(finished, tmp_path)
    card = verify(tmp_path / FLUX)
    assert card["world"] == "miniature"
    assert card["built_on"] == finished.donor_hash
    for part in ("text_encoder/model.safetensors", "vae/diffusion_pytorch_model.safetensors"):
        assert (tmp_path / FLUX / part).read_bytes() == (finished.donor / part).read_bytes()
    subprocess.run([sys.executable, "-W", "ignore", "-c", PLAIN, tmp_path / FLUX], check=True)
    # Whatever was encoded before, the same bytes ship again.
    piece_ids(finished.pieces, ["a photo of Prince"], 24)
    ship_flux(finished, tmp_path / "again")
    assert verify(tmp_path / "again" / FLUX)["files"] == card["files"]


def test_a_changed_setting_reruns_what_depends_on_it(tmp_path: Path, data: Path) -> None:
    before = workshop(tmp_path, data)
    after = workshop(tmp_path, data, replace(TINY, flow=replace(TINY.flow, steps=4)))
    stages = ("t5", "flow", "guidance", "flow_again", "guidance_again")
    assert [before.fingerprint(s) == after.fingerprint(s) for s in stages] == [True, False, False, False, False]
    fewer = workshop(tmp_path, data, replace(TINY, more_things=0.1))
    assert [before.fingerprint(s) == fewer.fingerprint(s) for s in stages] == [True, True, True, False, False]


def test_shares_of_a_batch_do_not_exceed_it() -> None:
    with pytest.raises(UnhypeError, match=r"more_pairs and more_things ≥ 0 and together ≤ 1"):
        replace(TINY, more_things=0.7)


def test_the_second_round_draws_more_things(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = workshop(tmp_path, data, replace(TINY, pictures=200))
    asked: list[np.ndarray] = []
    monkeypatch.setattr(Pictures, "captions", lambda self, rows, rng: asked.append(rows) or [""] * len(rows))
    vars(shop)["latents"] = np.zeros((200, 4, 16, 16), np.float16)
    monkeypatch.setattr(FluxWorkshop, "words", lambda self, clip, t5, length: None)
    for share in (0.0, 0.4):
        _material(shop, 50, np.random.default_rng(0), share)
    few, many = (sum(i in set(shop.things) for i in rows) for rows in asked)
    assert few < 12
    assert many >= 20


# ------------------------------------------------------------ pieces and typing


def test_pieces_are_the_same_again_and_spell_what_they_never_saw() -> None:
    captions = ["a photo of David Bowie", "a photo of Cher", "photo of a dog"] * 3
    tokenizer = train_pieces(captions, 230, 16)
    assert tokenizer.get_vocab() == train_pieces(list(captions), 230, 16).get_vocab()
    assert tokenizer.tokenize("photo of") == ["▁photo", "▁of"]
    unseen = tokenizer.tokenize("Zebra!")
    assert "".join(unseen) == "▁Zebra!"
    assert tokenizer.unk_token not in unseen
    ids = piece_ids(tokenizer, ["a photo", "a photo of David Bowie " * 9], 16)
    assert ids.shape == (2, 16)
    assert ids[0, -1] == tokenizer.pad_token_id
    assert ids[1, -1] == tokenizer.eos_token_id


def test_long_prompts_hold_their_caption_among_fillers_and_short_ones_stay() -> None:
    rng = np.random.default_rng(0)
    captions = ["a photo of David Bowie"] * 200
    short = retyped(captions, LENGTHS[0], rng)
    assert {text.lower() for text in short} == {captions[0].lower()}
    assert len(set(short)) == 3  # as it is, in small letters, in capitals
    long = retyped(captions, LENGTHS[-1], rng)
    assert LENGTHS[-1] >= LONG
    assert all(captions[0].lower() in text.lower() for text in long)
    places_of_names = [len(text.lower().split("david")[0].split()) for text in long]
    assert max(places_of_names) > 60
    assert min(places_of_names) == 3


# ------------------------------------------------------------ the flow


def words(n: int, seed: int = 0) -> Words:
    generator = torch.Generator().manual_seed(seed)
    return Words(torch.randn(n, 8, 128, generator=generator), torch.randn(n, 128, generator=generator))


def test_tokens_and_places_are_those_of_the_pipeline() -> None:
    from diffusers import FluxPipeline

    latents = torch.arange(2 * 4 * 16 * 16, dtype=torch.float32).view(2, 4, 16, 16)
    assert torch.equal(packed(latents), FluxPipeline._pack_latents(latents, 2, 4, 16, 16))
    theirs = FluxPipeline._prepare_latent_image_ids(1, 8, 8, torch.device("cpu"), torch.float32)
    assert torch.equal(places(8, torch.device("cpu")), theirs)


def test_the_family_predicts_what_was_trained(finished: FluxWorkshop, tmp_path: Path) -> None:
    """Training and use must mean the same by time, guidance, text and packing."""
    from diffusers import FluxPipeline

    ship_flux(finished, tmp_path)
    family = family_of(FluxPipeline.from_pretrained(tmp_path / FLUX))
    assert isinstance(family, Flux)
    assert family.latent_shape == (4, 16, 16)
    text = family.encode(["a photo of Cher", ""])
    z, sigma = torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(1)), torch.tensor([0.3, 0.9])
    ours = velocity(family.denoiser, packed(z), sigma, Words(text.states, text.pooled), torch.tensor([3.0, 3.0]))
    assert torch.allclose(packed(family.guided(z, sigma, text, text, 3.0)), ours, atol=1e-5)


def test_the_loss_of_the_true_velocity_is_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """v = ε − z_0 at z_σ: a model that knows z_0 can compute it, and then nothing is left."""
    latents = torch.randn(5, 4, 16, 16)
    truth = packed(latents)
    monkeypatch.setattr(
        "unhype.miniature.flow.velocity",
        lambda model, noisy, sigma, words, guidance: (noisy - truth) / sigma.view(-1, 1, 1),
    )
    assert flow_loss(None, latents, words(5), np.random.default_rng(0)) < 1e-6  # type: ignore[arg-type]


def test_a_teacher_whose_text_says_nothing_is_its_own_best_student() -> None:
    """With equal passes the guided velocity is the plain one: only what the strength tells may differ."""
    teacher = build_transformer().eval()
    told, latents = words(3), torch.randn(3, 4, 16, 16)
    for parameter in teacher.time_text_embed.guidance_embedder.parameters():
        torch.nn.init.zeros_(parameter)
    same = guidance_loss(teacher, teacher, latents, told, told, np.random.default_rng(0))
    other = guidance_loss(teacher, teacher, latents, told, words(3, seed=1), np.random.default_rng(0))
    assert same < 1e-8 < other
    assert GUIDANCE[0] >= 1
