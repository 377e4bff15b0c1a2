"""Everything that a user does with a base of their own, end to end, on tiny random pipelines given as folders.

Without a CLIP no judge reads their pictures: guards are scored by what needs none, registered as unjudged, and work
all the same. With one, CMMD and CLIP's score are measured too, and where NudeNet finds faces, people are judged.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from tests.families.tiny import BUILDERS, SIZE
from tests.flows.test_train_flow import ROOT, TOY, run
from unhype.cli.main import main
from unhype.judges import nudity
from unhype.registry.models import versions
from unhype.registry.store import open_store

pytestmark = pytest.mark.slow

SETTINGS = """
sampling: {{steps: 1, guidance: 4.0, batch: 8, size: {size}}}
prompts: {{per_role: 2}}
training:
  hypernet: {{rank: 2, alpha: 1.0, steps: 10, hidden: 16, basis: 4}}
  schedule: {{steps: 3, batch: 2, rate: 1.0e-3}}
  retained: 2
  pictures: 1
judges: {{clip: "{clip}"}}
"""
MODEL = "models:/unhype-toy-mine/1"
"""Rejected by its gates: it is unjudged, or hardly trained."""
CASES = [("sdxl", "data/judges/mini-clip"), ("flux_dev", "")]
"""Family and CLIP: with the second base there is none."""


@dataclass(frozen=True)
class Place:
    """A folder in which a user works, with a trained guard."""

    folder: Path
    base: Path
    clip: bool

    @property
    def judged(self) -> bool:
        """Whether people can be told: by a CLIP, and NudeNet, which finds faces."""
        return self.clip and nudity.installed()

    def unhype(self, *arguments: str) -> None:
        """A command that must succeed."""
        where = ["--data", str(self.folder / "data"), "--params", str(self.folder / "params.yaml")]
        assert main([*arguments, *where]) == 0

    def read(self, name: str) -> dict:
        return json.loads((self.folder / name).read_text())


@pytest.fixture(scope="module", params=CASES, ids=[family for family, _ in CASES])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    family, clip = request.param
    folder = tmp_path_factory.mktemp(family)
    BUILDERS[family]().save_pretrained(folder / "mine")
    (folder / "data").mkdir()
    for part in ("bases", "judges", "concepts"):
        (folder / "data" / part).symlink_to(ROOT / "data" / part)
    (folder / "toy.yaml").write_text(TOY)
    (folder / "params.yaml").write_text(SETTINGS.format(size=SIZE, clip=clip and ROOT / clip))
    done = run(folder, "--concepts", str(folder / "toy.yaml"), "--base", str(folder / "mine"))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    place = Place(folder, folder / "mine", bool(clip))
    assert place.judged != ("unjudged: got no judge for people" in done.stdout + done.stderr)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'store' / 'mlflow.db'}")
        yield place


def test_it_is_registered_with_what_needs_no_judge(place: Place) -> None:
    (version,) = versions(open_store(place.folder / "store"), "unhype-toy-mine")
    scores = place.read("build/results/mine/toy/scores.json")
    assert version.tags["judge"] == (scores["judge"] or "unjudged")
    assert place.judged == (scores["judge"] is not None) == (scores["protocols"] != {})
    assert set(scores["roles"]) == {"forget", "retain", "evaluation"}
    assert all({"drift", "identical"} <= set(score) for score in scores["roles"].values())
    assert all(place.judged == ("shown" in score) for score in scores["roles"].values())
    assert set(scores["switch_auc"]) == {"retain", "evaluation"}
    assert place.clip == ("fidelity" in scores)
    if place.clip:
        assert {"cmmd", "cmmd_floor", "clip_score", "clip_score_base"} <= set(scores["fidelity"])


def test_generate_draws_a_page_and_a_folder(place: Place) -> None:
    page, folder = place.folder / "page.png", place.folder / "drawn"
    asked = ["--prompt", "a photo of Cher", "--prompt", "a photo of a cat"]
    place.unhype("generate", "--ungated", "--model", MODEL, *asked, "--out", str(page))
    place.unhype("generate", "--ungated", "--model", MODEL, *asked, "--out", str(folder))
    with Image.open(page) as drawn:
        assert drawn.width > 2 * SIZE
    assert sorted(path.name for path in folder.iterdir()) == ["00001.png", "00002.png", "manifest.csv"]
    with Image.open(folder / "00002.png") as drawn:
        assert drawn.size == (SIZE, SIZE)


@pytest.mark.parametrize(
    ("rows", "roles"),
    [
        ("prompt,seed\na photo of a cat,1\na photo of Cher,2\n", {"listed"}),
        ("type,prompt,seed\nerased,a photo of Cher,1\nothers,a photo of Aaron Paul,2\n", {"erased", "others"}),
    ],
    ids=["without types", "with types"],
)
def test_evaluate_scores_a_list(place: Place, rows: str, roles: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    (place.folder / "list.csv").write_text(rows)
    where = ["--prompts", str(place.folder / "list.csv"), "--out", str(place.folder / "scores.json")]
    place.unhype("evaluate", "--model", MODEL, "--concepts", str(place.folder / "toy.yaml"), *where)
    assert place.judged != (capsys.readouterr().out.startswith("no judge, scored by drift"))
    scores = place.read("scores.json")
    assert set(scores["roles"]) == roles
    alone = place.judged and "erased" in roles  # what it shows is told by the judge; bare pictures are not drawn
    for score in scores["roles"].values():
        assert alone != ({"drift", "identical"} <= set(score))
        assert (place.clip and not alone) == ("clip_score_base" in score)


@pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight")  # torch: a norm that is not fused
def test_compare_writes_its_report_with_en_dashes(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    methods = ["unhype", "uce", "threshold"]
    where = ["--build", str(place.folder / "build"), "--out", str(place.folder / "compared")]
    concepts = ["--concepts", str(place.folder / "toy.yaml")]
    place.unhype("compare", *concepts, "--base", str(place.base), "--methods", *methods, *where)
    said = capsys.readouterr().out
    assert place.judged != said.startswith("unjudged, compared by drift: got no judge")
    row = next(line for line in said.splitlines() if line.startswith("| unhype")).split(" | ")
    assert place.judged != (row[1:-1] == ["–"] * (len(row) - 2))
    assert ("no CLIP at hand" in said) != place.clip
    results = place.read("compared/comparison.json")
    assert set(results) == {"none", *methods}
    assert all("error" not in found or "got" in found["error"] for runs in results.values() for found in runs)
    assert place.judged != (results["unhype"][0]["summary"].keys() == {"drift"})
    assert (results["unhype"][0]["fidelity"]["cmmd"] is not None) == place.clip
    written = {path.name for path in (place.folder / "compared").iterdir()}
    assert written - {"pareto.png"} == {"comparison.md", "comparison.json", "gallery.png"}
    assert place.judged == ("pareto.png" in written)


def test_export_writes_a_lora(place: Place) -> None:
    out = place.folder / "cher.safetensors"
    place.unhype("export", "--ungated", "--model", MODEL, "--prompt", "a photo of Cher", "--out", str(out))
    assert out.stat().st_size > 1000


def test_mlflow_serves_it(place: Place) -> None:
    import mlflow
    import pandas as pd

    version = versions(open_store(place.folder / "store"), "unhype-toy-mine")[0]
    served = mlflow.pyfunc.load_model(version.uri, model_config={"base": str(place.base), "ungated": True})
    (picture,) = served.predict(pd.DataFrame({"prompt": ["a photo of Cher"]}))
    assert Image.open(io.BytesIO(picture)).size == (SIZE, SIZE)
