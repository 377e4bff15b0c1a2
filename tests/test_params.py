"""params.yaml: every key lands with its owner; what nobody owns is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from unhype.bases.finding import Source, find_base
from unhype.errors import UnhypeError
from unhype.families.choosing import FAMILIES
from unhype.params import Params, built_in, load_params

ROOT = Path(__file__).resolve().parent.parent


def test_the_shipped_file_is_the_default() -> None:
    assert replace(load_params(ROOT / "params.yaml"), families={}) == Params()


def test_a_family_differs_in_what_it_says_and_nowhere_else() -> None:
    params = load_params(ROOT / "params.yaml")
    assert set(params.families) == {"stable_diffusion", "sdxl", "flux"}
    flux = params.families["flux"]
    assert (flux.sampling.steps, flux.sampling.size, flux.training.hypernet.rank) == (28, 512, 4)
    assert flux.training.hypernet.steps == params.training.hypernet.steps
    assert flux.training.switch == params.training.switch


def test_families_train_and_draw_as_the_papers_say() -> None:
    """UnHype, section 5: a hundred celebrities on Stable Diffusion 1.4; Flux.1-dev."""
    families = load_params(ROOT / "params.yaml").families
    drawn = {name: (own.sampling.steps, own.sampling.guidance) for name, own in families.items()}
    assert drawn == {"stable_diffusion": (50, 7.5), "sdxl": (50, 5.0), "flux": (28, 3.0)}
    trained = {
        name: (own.hypernet.rank, own.hypernet.alpha, own.schedule.steps, own.schedule.rate, own.eta, own.gamma)
        for name, own in ((name, own.training) for name, own in families.items())
    }
    assert trained["stable_diffusion"] == trained["sdxl"] == (6, 1.0, 4000, 1e-4, 1e-4, 1.0)
    assert trained["flux"] == (4, 0.5, 5000, 1e-5, 1e-3, 1.0)
    for kind in FAMILIES:
        said, own = kind.defaults.sampling, families[kind.name].sampling
        assert (said.steps, said.guidance, said.size) == (own.steps, own.guidance, own.size)


def test_a_base_is_given_the_settings_of_its_kind(data: Path, tmp_path: Path) -> None:
    params = load_params(ROOT / "params.yaml")
    miniature = find_base("mini-sd", data)
    assert params.suited(miniature, data / "judges") is params
    assert params.suited(miniature, data / "judges").sampling.guidance == 4.0
    for kind in FAMILIES:
        (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": kind.plain}))
        own = params.suited(Source("somebody's", folder=tmp_path), data / "judges")
        assert own is params.families[kind.name]
        assert own.training != params.training
    (tmp_path / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    only = replace(params, families={})  # a file for one base alone
    assert only.suited(Source("somebody's", folder=tmp_path), data / "judges") is only
    drawn = built_in().suited(Source("somebody's", folder=tmp_path), data / "judges").sampling
    assert (drawn.steps, drawn.guidance) == (50, 7.5), "without a file as is usual for the family"


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("sampling: {steps: 3, guidance: 2}\n")
    params = load_params(tmp_path / "p.yaml")
    assert (params.sampling.steps, params.sampling.guidance, params.sampling.batch) == (3, 2.0, 16)
    assert params.pretraining == Params().pretraining


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sampling: {stepps: 3}", ["stepps", "sampling", "steps"]),
        ("samplings: {}", ["samplings", "sampling"]),
        ("sampling: {steps: many}", ["'many'", "sampling: steps", "int"]),
        ("sampling: {steps: true}", ["True", "int"]),
        ("sampling: {steps: 0}", ["steps ≥ 1", "sampling"]),
        ("sampling: 3", ["3", "mapping"]),
        ("pretraining: {precision: fp8}", ["fp8", "bf16"]),
        ("pretraining: {clip: {steps: 1, batch: 1}}", ["rate", "clip"]),
        ("pretraining: {clip: {steps: 1, batch: 1, rate: -1}}", ["rate > 0"]),
        ("a: [1", ["malformed YAML", "line 1"]),
        ("sampling: {steps: 2}\nsampling: {steps: 3}\n", ["'sampling' stands twice", "line 2", "first on line 1"]),
        ("[]", ["[] at", "mapping"]),
        ("training: {shares: {pairs: 0.9, kept: 0.1}}", ["pairs=0.9, kept=0.1", "concepts alone"]),
        ("training: {shares: {pairs: -0.1}}", ["pairs=-0.1", "≥ 0"]),
        ("training: {shares: {kept: .nan}}", ["nan"]),
        ("training: {seed: -1}", ["got -1 as training: seed", "from 0 to"]),
        ("pretraining: {seed: 99999999999999999999}", ["as pretraining: seed", "from 0 to"]),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, words: list[str]) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(text)
    with pytest.raises(UnhypeError) as caught:
        load_params(path)
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in [*words, str(path) if "precision" not in text else ""])


def test_a_power_of_ten_without_a_dot_is_a_number(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("training:\n  schedule: {steps: 4, batch: 4, rate: 1e-3, average: 0.9}\n")
    assert load_params(tmp_path / "p.yaml").training.schedule.rate == 0.001


@pytest.mark.parametrize(("encoding", "named"), [("latin-1", "latin-1"), ("utf-16", "UTF-16")])
def test_another_encoding_is_named(tmp_path: Path, encoding: str, named: str) -> None:
    (tmp_path / "p.yaml").write_bytes("sampling: {steps: 2} # für Tests\n".encode(encoding))
    with pytest.raises(UnhypeError, match=rf"{named}.*save the file as UTF-8"):
        load_params(tmp_path / "p.yaml")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnhypeError, match="got no file"):
        load_params(tmp_path / "absent.yaml")
