"""What DVC shows of a guard: the tables hold what was measured, and the templates draw them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from dvc_render.vega import VegaRenderer

from unhype.pipeline.plots import DIGITS, POINTS, erasure, figures, switch, training, write

ROOT = Path(__file__).resolve().parents[2]

PEOPLE: dict[str, Any] = {
    "roles": {
        "forget": {"n": 100, "n_go": 100, "n_stay": 0, "face": 0.8},
        "alias": {"n": 60, "n_go": 60, "n_stay": 0, "face": 1.0, "unjudged": 20},
        "retain": {"n": 50, "n_go": 0, "n_stay": 50, "face": 1.0},
        "evaluation": {"n": 40, "n_go": 0, "n_stay": 40, "face": 1.0, "drift": 0.01, "identical": 0.9},
    },
    "protocols": {
        "unseen": {"Acc_e": 0.25, "Acc_s": 0.9, "Acc_g": 0.5, "H": 0.8, "kept": 0.95, "Acc_e_base": 1.0},
        "papers": {"Acc_e": 0.25, "Acc_s": 0.7, "H": 0.7},
    },
    "strength": {"forget": {"mean": 10.0, "std": 1.0}},
    "switch_auc": {"evaluation": 1.0},
    "fidelity": {"cmmd": 0.02},
}

THINGS: dict[str, Any] = {
    **PEOPLE,
    "protocols": {"unseen": {"Acc_e": 0.25, "Acc_s": 0.9}},
    "in_turn": {"dog": {"Acc_e": 0.0, "Acc_s": 1.0}, "ship": {"Acc_e": 0.5, "Acc_s": 0.75}},
    "H_o": 0.6,
}

UNJUDGED: dict[str, Any] = {**PEOPLE, "protocols": {}, "fidelity": {}}

CURVE = [{"step": step, "loss": 1 / step, "seconds": 0.1} for step in range(1, 3 * POINTS)]
STRENGTHS = {"forget": np.array([9.5, 10.5]), "retain": np.zeros(3)}
ASKED = {"dog": 40, "ship": 60}


def test_each_way_to_ask_stands_beside_each_kind_of_others() -> None:
    points = erasure(PEOPLE, {}, faces=True).set_index(["asked", "others"])
    assert list(points.index) == [
        ("by name", "others never seen"),
        ("by another name", "others never seen"),
        ("by name", "others trained to be kept"),
    ]
    assert points["forgotten"].tolist() == [0.75, 0.5, 0.75]
    assert points["kept"].tolist() == [0.9, 0.9, 0.7]
    assert points["forgotten_base"].iloc[0] == 0
    assert pd.isna(points["kept_base"].iloc[0])
    for side in ("kept", "forgotten"):
        assert (points[f"{side}_low"] < points[side]).all()
        assert (points[side] < points[f"{side}_high"]).all()


def test_an_interval_is_of_the_pictures_that_count() -> None:
    with_faces, all_of_them = (erasure(PEOPLE, {}, faces).iloc[0] for faces in (True, False))
    assert with_faces["forgotten_low"] < all_of_them["forgotten_low"], "80 pictures with a face say less than 100"
    assert with_faces["kept_low"] == all_of_them["kept_low"]
    judged = {**PEOPLE, "roles": {**PEOPLE["roles"], "alias": {**PEOPLE["roles"]["alias"], "unjudged": 0}}}
    some, every = (erasure(scores, {}, True).iloc[1] for scores in (PEOPLE, judged))
    assert some["forgotten_low"] < every["forgotten_low"]


def test_a_class_alone_is_a_point_of_its_own() -> None:
    points = erasure(THINGS, ASKED, faces=False)
    assert points["asked"].tolist() == ["by name", "dog alone", "ship alone"]
    assert points["forgotten"].tolist() == [0.75, 1.0, 0.5]
    dog = points.iloc[1]
    assert dog["forgotten_low"] == pytest.approx(1 / (1 + 1.959964**2 / 40)), "Wilson, of 40 pictures of dogs"
    assert dog["kept_low"] == pytest.approx(1 / (1 + 1.959964**2 / 60)), "and of 60 of ships"


def test_what_was_not_measured_has_no_line() -> None:
    assert erasure(UNJUDGED, {}, faces=True).empty
    assert figures(UNJUDGED, training([])) == {
        "drift_unseen": 0.01,
        "identical_unseen": 0.9,
        "switch_auc_unseen": 1.0,
        "strength_forget": 10.0,
    }
    assert list(training([]).columns) == ["step", "loss"]


def test_figures_are_flat_and_of_the_headline() -> None:
    told = figures(PEOPLE, training(CURVE))
    assert {"Acc_e": 0.25, "Acc_s": 0.9, "Acc_g": 0.5, "H": 0.8, "H_papers": 0.7, "kept": 0.95}.items() <= told.items()
    assert told["loss"] == pytest.approx(1 / CURVE[-1]["step"], abs=1e-4)
    assert all(isinstance(value, float) for value in told.values())


def test_a_long_curve_is_thinned_by_means_and_a_short_one_kept() -> None:
    thinned = training(CURVE)
    assert len(thinned) == POINTS
    assert thinned["step"].iloc[-1] == CURVE[-1]["step"]
    assert thinned["loss"].iloc[0] == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert training(CURVE[:5]).to_dict("records") == [pytest.approx(point) for point in CURVE[:5]]


def test_a_role_that_nobody_asked_for_has_no_line_in_the_switch() -> None:
    rows = switch({**STRENGTHS, "alias": np.zeros(0)})
    assert rows.groupby("role")["strength"].apply(list).to_dict() == {"forget": [9.5, 10.5], "retain": [0, 0, 0]}


@pytest.fixture
def written(tmp_path: Path) -> Path:
    write(tmp_path, THINGS, CURVE, STRENGTHS, ASKED, faces=False)
    return tmp_path


def test_files_are_small_whole_and_the_same_each_time(written: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    names = {path.relative_to(written).as_posix() for path in written.rglob("*") if path.is_file()}
    assert names == {"figures.json", "plots/training.csv", "plots/erasure.csv", "plots/switch.csv"}
    again = tmp_path_factory.mktemp("again")
    write(again, THINGS, CURVE, STRENGTHS, ASKED, faces=False)
    assert all((again / name).read_bytes() == (written / name).read_bytes() for name in names)
    loss = pd.read_csv(written / "plots" / "training.csv")["loss"]
    assert loss.to_numpy() == pytest.approx(training(CURVE)["loss"].to_numpy(), abs=10**-DIGITS)


def declared() -> dict[str, dict[str, str]]:
    """Plot file, below the folder of results → how ``dvc.yaml`` has it drawn."""
    do = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["erase"]["do"]
    return {path.split("${item.concepts}/")[1]: told for one in do["plots"] for path, told in one.items()}


def test_the_stage_declares_what_is_written(written: Path) -> None:
    assert {(written / name).is_file() for name in declared()} == {True}
    assert len(declared()) == 3


@pytest.mark.parametrize("name", ["plots/training.csv", "plots/erasure.csv", "plots/switch.csv"])
def test_a_template_draws_its_table(name: str, written: Path) -> None:
    told = declared()[name]
    # As DVC reads a table: every cell is text.
    rows = pd.read_csv(written / name, dtype=str, keep_default_na=False).assign(rev="workspace").to_dict("records")
    drawn = VegaRenderer(rows, name, **told, template_dir=str(ROOT / ".dvc" / "plots")).get_filled_template()
    assert drawn["data"]["values"] == rows
    assert drawn["title"]["text"] == told["title"]
    text = json.dumps(drawn, ensure_ascii=False)
    assert "DVC_METRIC" not in text, "no placeholder is left"
    assert told["x_label"] in text


def test_templates_know_every_telemetry_of_training() -> None:
    template = json.loads((ROOT / ".dvc" / "plots" / "training.json").read_text(encoding="utf-8"))
    source = (ROOT / "unhype" / "erasing" / "trainer.py").read_text(encoding="utf-8")
    told = set(re.findall(r'_telemetry\["(\w+)"\]', source))
    assert {"task", "strength_forget"} < told
    assert set(template["transform"][0]["fold"]) == told - {"task"} | {"loss"}, "a task's loss is nearly the whole loss"
