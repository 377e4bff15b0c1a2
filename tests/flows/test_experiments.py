"""An experiment of DVC on a small list: another γ reruns one training, figures and plots tell the difference."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.checkouts import POP, commit, environment
from unhype.registry.models import versions
from unhype.registry.store import open_store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]  # four minutes alone, more beside other work

STAGES = ("lists", "curate@pop", "prompts@pop", "erase@mini-sd-pop")
ERASE = "erase@mini-sd-pop"
RESULTS = "build/results/mini-sd/pop"


def python(place: Path, *words: str) -> str:
    """Run a module in the checkout; returns what it says, its log included where it is no JSON."""
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=place, env=environment(place), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout if "--json" in words else done.stdout + done.stderr


def locked(place: Path) -> dict[str, dict[str, object]]:
    """What DVC noted of each stage."""
    found: dict[str, dict[str, object]] = yaml.safe_load((place / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return found


def table(place: Path, name: str) -> pd.DataFrame:
    """A plot's file, as DVC reads it."""
    return pd.read_csv(place / RESULTS / "plots" / f"{name}.csv", dtype=str, keep_default_na=False)


def drawn(html: str) -> dict[str, dict[str, pd.DataFrame]]:
    """Title → revision → the rows that the page draws."""
    found = {}
    for text in re.findall(r"var spec = (\{.*\});", html):
        if not (spec := json.loads(text)):
            continue  # of a list that was never measured
        rows = pd.DataFrame(spec["data"]["values"])
        found[spec["title"]["text"]] = {
            str(rev): part.drop(columns="rev").reset_index(drop=True) for rev, part in rows.groupby("rev")
        }
    return found


def test_another_gamma_is_told_and_drawn_beside_the_first_and_touches_no_alias(checkout: Path) -> None:
    (checkout / "data" / "concepts" / "pop.yaml").write_text(POP)
    python(checkout, "unhype.pipeline.lists")
    python(checkout, "dvc", "repro", "--single-item", *STAGES)
    commit(checkout, "measured")
    store = open_store(checkout)
    store.client.set_registered_model_alias("unhype-pop", "champion", "1")
    names = ("erasure", "switch", "training")
    locked_first, first = locked(checkout), {name: table(checkout, name) for name in names}

    told = python(checkout, "dvc", "exp", "run", "--single-item", "--set-param", "training.gamma=0.5", *STAGES)
    assert re.findall(r"^Running stage '([^']+)'", told, re.M) == [ERASE]
    assert set(re.findall(r"^Stage '([^']+)' didn't change, skipping", told, re.M)) == set(STAGES) - {ERASE}
    now = locked(checkout)
    assert now.keys() == set(STAGES), "the other list was not asked for"
    assert {name for name in now if now[name] != locked_first[name]} == {ERASE}

    new, old = versions(store, "unhype-pop")
    assert (new.number, new.aliases, set(old.aliases)) == (2, (), {"challenger", "champion"})
    assert new.tags["gate"] == "passed", "it could have been the challenger"
    assert new.tags["dvc_experiment"] in python(checkout, "dvc", "exp", "list", "--name-only")

    changed = json.loads(python(checkout, "dvc", "metrics", "diff", "--json", "HEAD"))
    assert changed.keys() == {f"{RESULTS}/figures.json"}
    figures = changed[f"{RESULTS}/figures.json"]
    assert {"loss", "strength_forget"} <= figures.keys()
    assert all(set(one) == {"old", "new", "diff"} and one["diff"] != 0 for one in figures.values())
    assert figures["loss"]["new"] == json.loads((checkout / RESULTS / "figures.json").read_text())["loss"]

    second = {name: table(checkout, name) for name in names}
    assert not second["training"].equals(first["training"])
    python(checkout, "dvc", "plots", "show", "--out", "shown")
    python(checkout, "dvc", "plots", "diff", "HEAD", "--out", "compared")
    pages = {
        name: drawn((checkout / name / "index.html").read_text(encoding="utf-8")) for name in ("shown", "compared")
    }
    titles = ("erasure against retention", "the switch, shares of each role's prompts", "training")
    assert pages["shown"].keys() == pages["compared"].keys() == {f"pop on mini-sd: {title}" for title in titles}
    for name, title in zip(names, titles, strict=True):
        alone, both = (page[f"pop on mini-sd: {title}"] for page in pages.values())
        assert alone.keys() == {"workspace"}
        assert both.keys() == {"workspace", "HEAD"}
        for rows, expected in ((alone["workspace"], second), (both["workspace"], second), (both["HEAD"], first)):
            pd.testing.assert_frame_equal(rows[list(expected[name])], expected[name], check_dtype=False)
