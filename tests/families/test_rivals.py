"""Every rival on every family: it works and leaves no trace, or says in one line why it is not defined there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.families import tiny
from tests.families.guards import HOW, SET, draw
from tests.families.training import prepared, settings
from unhype.baselines.case import Case, Method
from unhype.baselines.esd import Esd
from unhype.baselines.mace import MaceLike
from unhype.baselines.unguide import mixture
from unhype.comparison.methods import METHODS
from unhype.errors import UnhypeError
from unhype.families.choosing import family_of
from unhype.families.family import Family
from unhype.pipeline.job import Job
from unhype.prompts.tables import PromptSettings, training_tables

pytestmark = pytest.mark.slow

PROMPTS = ["a photo of Cher", "a photo of Drake"]
SHORT = settings(2)
RIVALS = [name for name in METHODS if not name.startswith("unhype")]
"""What is ours has tests of its own."""


def case_of(family: Family, folder: Path, name: str) -> Case:
    tables = training_tables(SET)
    material, _ = prepared(family, folder / f"images-{name}", switched=False, pairs=False)
    folder = folder / f"fitted-{name}"
    return Case(family, "tiny", tables["train"], tables["retain"], material, HOW, 0, folder)


@pytest.fixture(scope="module")
def cases(pipelines: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    """One for each table of sites, so that rivals that share a fit share it here, too."""
    found, folder = {}, tmp_path_factory.mktemp("cases")
    for name, pipeline in pipelines.items():
        for table in family_of(pipeline).tables:
            found[f"{name}-{table}"] = case_of(family_of(pipeline, table), folder, f"{name}-{table}")
    return found


def method_of(name: str, folder: Path) -> Method:
    """With the settings of a job, as a comparison has it."""
    return METHODS[name](Job(SET, "tiny", folder, folder, SHORT, PromptSettings(1), HOW))


def fitted(method: Method, case: Case) -> int:
    return sum(1 for part in (*method.needs, method) for _ in part.fit(case))


def undefined(rival: str, where: str) -> bool:
    """Which rivals are for others: a fusion where LoRAs read the text as it is, GEM for rectified flows."""
    return (rival == "mace_like" and where.endswith("published")) or (rival == "gem" and "flux" not in where)


@pytest.mark.parametrize("rival", RIVALS)
@pytest.mark.parametrize(
    "where",
    [
        "sd1-cross_attention",
        "sd2-cross_attention",
        "sdxl-cross_attention",
        "sdxl-both_routes",
        "flux_dev-published",
        "flux_dev-text_entries",
        "flux_schnell-published",
        "flux_schnell-text_entries",
    ],
)
def test_it_works_and_the_pipeline_is_itself_again(
    cases: dict[str, Case], where: str, rival: str, tmp_path: Path
) -> None:
    case, method = cases[where], method_of(rival, tmp_path)
    if undefined(rival, where):
        with pytest.raises(UnhypeError, match=f"{rival} .* is not defined on others") as refused:
            fitted(method, replace(case, folder=tmp_path))
        assert "\n" not in str(refused.value)
        assert not list(tmp_path.iterdir()), "nothing was trained for it"
        return
    before = draw(case.family, PROMPTS)
    fitted(method, case)
    assert not list(method.fit(case)), "what is fitted is not fitted again"
    assert (method.cost(case).parameters > 0) != rival.startswith("dve"), "that is the one without training"
    during = np.concatenate(list(method.eraser(case).draw(PROMPTS, [1, 2])))
    assert during.shape == before.shape
    assert np.array_equal(draw(case.family, PROMPTS), before)
    assert "forward" not in vars(case.family.denoiser)
    assert all(not module._forward_hooks for module in case.family.denoiser.modules())


def test_words_and_all_else_share_the_weights_between_them(cases: dict[str, Case]) -> None:
    for where in ("sd1-cross_attention", "sdxl-cross_attention", "flux_dev-published"):
        case = cases[where]
        parts = []
        for name in ("esd_x", "esd_u"):
            fitted(method_of(name, case.folder), case)
            parts.append(set(case.fitted(name)))
        assert bool(parts[0] & parts[1]) == where.startswith("flux"), "in joint attention nothing is free of words"
        assert parts[0] | parts[1] == {name for name, _ in case.family.denoiser.named_parameters()}
        assert {f"{site.name}.weight" for site in case.family.text_layers} <= parts[0]
        assert not any("proj_out" in name or "conv_in" in name for name in parts[0])


@pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight")  # torch: a norm that is not fused
@pytest.mark.parametrize("name", ["sd1", "sdxl", "flux_dev"])
def test_a_base_in_half_precision_is_tuned_in_full(name: str, tmp_path: Path) -> None:
    family = family_of(tiny.BUILDERS[name]().to(torch.bfloat16))
    case = case_of(family, tmp_path, name)
    fitted(Esd("esd_x", schedule=SHORT.schedule), case)
    assert {weight.dtype for weight in case.fitted("esd_x").values()} == {torch.float32}
    before = draw(family, PROMPTS)
    for rival in ("esd_x", "static_lora", "unguide_paper", "uce", "dve", *(["gem"] if name == "flux_dev" else [])):
        method = method_of(rival, tmp_path)
        fitted(method, case)
        assert np.concatenate(list(method.eraser(case).draw(PROMPTS, [1, 2]))).shape == (2, 16, 16, 3)
    assert np.array_equal(draw(family, PROMPTS), before)


def test_a_mixture_gives_back_what_offloading_put_there(cases: dict[str, Case]) -> None:
    family = cases["sd1-cross_attention"].family
    model = family.denoiser
    own = model.forward
    model.forward = own
    try:
        with mixture(family, {}, torch.ones(1)):
            assert model.forward is not own
        assert vars(model)["forward"] is own
    finally:
        del model.forward


def test_what_is_fused_is_told_before_anything_is_trained(cases: dict[str, Case], tmp_path: Path) -> None:
    case = replace(cases["flux_dev-published"], folder=tmp_path)
    steps: Iterator[Any] = MaceLike(SHORT).needs[0].fit(case)
    with pytest.raises(UnhypeError, match="context_embedder"):
        next(steps)
