"""What ships in ``data/``: small, whole, loadable without a line of ours, and able to draw what its card says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from unhype.bases.cards import content_hash, verify
from unhype.bases.loading import load_pipeline
from unhype.cli.main import main
from unhype.miniature.bases import MINIATURES
from unhype.miniature.examining import calibration_error, examine_judge
from unhype.miniature.folders import BASE, CLIP, FLUX, JUDGE
from unhype.miniature.measuring import ask, questions
from unhype.miniature.modelcard import score_table
from unhype.miniature.shipping import load_judge
from unhype.pictures.pixels import to_model_range
from unhype.pictures.sampling import Sampling, sample
from unhype.prompts.templates import TRAINING

ROOT = Path(__file__).resolve().parent.parent

PLAIN = """
import sys, torch
from diffusers import DiffusionPipeline
pipeline = DiffusionPipeline.from_pretrained(sys.argv[1])
flux = type(pipeline).__name__ == "FluxPipeline"
size = {"height": 64, "width": 64, "max_sequence_length": 48} if flux else {}
assert flux or type(pipeline).__name__ == "StableDiffusionPipeline"
generator = torch.Generator().manual_seed(0)
images = pipeline(
    "a photo of Prince", num_inference_steps=4, generator=generator, num_images_per_prompt=2, **size
).images
assert not [name for name in sys.modules if name.startswith("unhype")]
images[1].save(sys.argv[2])
"""


def figures_of(data: Path, name: str) -> dict:
    return json.loads((data / MINIATURES[name].folder / "figures.json").read_text())


def test_every_byte_is_what_the_cards_say_and_there_are_few(data: Path) -> None:
    parts = {part: verify(data / part)["files"] for part in (BASE, FLUX, CLIP, JUDGE)}
    sizes = {part: [facts["bytes"] for facts in files.values()] for part, files in parts.items()}
    assert sum(sizes[BASE] + sizes[CLIP] + sizes[JUDGE]) <= 20e6
    assert sum(sizes[FLUX]) <= 14.4e6  # 14 MB of weights, and two tokenizers
    assert max(map(max, sizes.values())) <= 13e6


@pytest.mark.parametrize("name", MINIATURES)
def test_figures_speak_of_these_weights(data: Path, name: str) -> None:
    base, figures = MINIATURES[name], figures_of(data, name)
    assert figures["base"] == content_hash(data / base.folder)
    assert figures["judge"] == content_hash(data / JUDGE)
    assert {score["stratum"] for score in figures["scores"]} >= set(base.bars)
    assert all(score["n"] >= 1000 for score in figures["scores"])


@pytest.mark.parametrize("name", MINIATURES)
def test_the_model_card_carries_the_figures(data: Path, name: str) -> None:
    base, figures = MINIATURES[name], figures_of(data, name)
    assert (data / base.folder / "README.md").read_text() == base.card(verify(data / base.folder), figures)
    assert score_table(figures["scores"]) in (data / base.folder / "README.md").read_text()


def test_the_readme_tells_what_the_bases_can_draw(data: Path) -> None:
    shares = [{score["stratum"]: score["share"] for score in figures_of(data, name)["scores"]} for name in MINIATURES]
    text = " ".join((ROOT / "README.md").read_text().split())
    for words, question in (("an alias", "alias"), ("both of two people", "two people"), ("a thing", "class")):
        sd, flux = (f"{share[question]:.0%}".replace("%", " %") for share in shares)
        assert f"{words} {sd} ({flux})" in text


def test_the_bases_share_what_they_say_they_share(data: Path) -> None:
    assert verify(data / FLUX)["built_on"] == content_hash(data / BASE)
    shared = ("text_encoder/model.safetensors", "vae/diffusion_pytorch_model.safetensors", "tokenizer/tokenizer.json")
    for part in shared:
        assert (data / FLUX / part).read_bytes() == (data / BASE / part).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", MINIATURES)
def test_plain_diffusers_loads_and_samples_without_a_line_of_ours(data: Path, tmp_path: Path, name: str) -> None:
    picture, folder = tmp_path / "prince.png", data / MINIATURES[name].folder
    subprocess.run(
        [sys.executable, "-c", PLAIN, str(folder), str(picture)], check=True, capture_output=True, cwd=tmp_path
    )
    with Image.open(picture) as image:
        pixels = np.asarray(image)
    assert pixels.shape == (64, 64, 3)
    assert pixels.std() > 20


@pytest.mark.slow
def test_a_picture_depends_on_its_seed_and_not_on_its_batch(data: Path) -> None:
    pipeline = load_pipeline(data / BASE)
    prompts, seeds = ["a photo of Prince", "a dog", "a picture of Cher"], [3, 4, 5]
    alone = np.concatenate(list(sample(pipeline, prompts, seeds, Sampling(steps=5, batch=1))))
    together = np.concatenate(list(sample(pipeline, prompts, seeds, Sampling(steps=5, batch=3))))
    assert np.abs(alone.astype(int) - together).max() <= 2


@pytest.mark.parametrize("concepts", ["celeb100", "objects"])
def test_the_scores_that_ship_are_of_the_base_that_ships(data: Path, concepts: str) -> None:
    scores = json.loads((data / "scores" / "mini-sd" / f"{concepts}.json").read_text())
    assert scores["base_hash"] == content_hash(data / BASE)
    assert all(score["n"] >= 500 for role, score in scores["roles"].items() if role != "unjudged")
    assert f"<!-- figures: {concepts} facts -->" in (ROOT / "README.md").read_text()
    assert f"<!-- figures: {concepts} provenance -->" in (ROOT / "docs/experiments/main_job.md").read_text()


def test_the_pages_tell_the_scores_that_ship() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "experiments/figures.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", MINIATURES)
def test_it_draws_what_is_asked_for(data: Path, name: str) -> None:
    base = MINIATURES[name]
    asked = [questions(stratum, 1, TRAINING)[k] for stratum in ("avatar", "class", "synonym", "alias") for k in (2, 9)]
    pipeline, judge = load_pipeline(data / base.folder), load_judge(data / JUDGE)
    answers = list(ask(pipeline, judge, asked, Sampling(), **base.call(pipeline)))
    assert [question for question, _, _ in answers] == asked
    assert sum(question.right(verdict) for question, _, verdict in answers) >= 6


@pytest.mark.slow
def test_the_judge_reads_renders_and_reconstructions(data: Path) -> None:
    judge = load_judge(data / JUDGE)
    renders, reconstructions, strangers = examine_judge(judge, load_pipeline(data / BASE).vae, 200)
    assert renders.share >= 0.97
    assert reconstructions.share >= 0.92
    assert strangers.share >= 0.95
    assert calibration_error(judge, 300) <= 0.05


@pytest.mark.slow
def test_the_judge_sees_nobody_in_noise(data: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, size=(50, 64, 64, 3), dtype=np.uint8)
    verdicts = load_judge(data / JUDGE).read(to_model_range(noise, torch.device("cpu")))
    assert all(not set(verdict.names) - {"unknown"} and verdict.thing is None for verdict in verdicts)


@pytest.mark.slow
def test_the_demo_draws_a_gallery(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--data", str(data), "--pictures", "6", "--out", str(tmp_path / "demo.png")]) == 0
    assert "of 6 pictures" in capsys.readouterr().out
    with Image.open(tmp_path / "demo.png") as gallery:
        assert gallery.width > 6 * 64
