"""A registered guard as MLflow serves it: loaded without unpickling, prompts in, PNG out.

Guard and base are stubs that draw the prompt's length; the last test has real ones.
"""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from unhype.bases.finding import Source
from unhype.errors import UnhypeError
from unhype.registry.deciding import decide
from unhype.registry.gating import Decision, guard_hash
from unhype.registry.models import register, versions
from unhype.registry.runs import RunRecord, log_run
from unhype.registry.store import Store

SAMPLING = {"steps": 20, "guidance": 4.0, "batch": 16}


class StubFamily:
    """Like a real one's pipeline, it can draw one call at a time."""

    def __init__(self, source: Source) -> None:
        self.source, self.guarded, self.drawing = source, False, threading.Lock()

    @property
    def pipeline(self) -> StubFamily:
        return self

    def draw(self, prompts: Sequence[str], seeds: Sequence[int], how: Any) -> Iterator[np.ndarray]:
        assert self.guarded
        assert self.drawing.acquire(blocking=False), "two calls at once"
        try:
            for prompt, seed in zip(prompts, seeds, strict=True):
                if not prompt:
                    raise UnhypeError("got an empty prompt, wanted words")
                time.sleep(0.02)
                yield np.full((1, 4, 4, 3), [len(prompt), seed, how.steps], np.uint8)
        finally:
            self.drawing.release()


class StubGuard:
    trained = SimpleNamespace(facts={"base": "mini-sd", "site_table": "sites", "sampling": SAMPLING})

    def __init__(self, folder: Path) -> None:
        assert (folder / "guard.safetensors").exists()

    def load_family(self, source: object) -> StubFamily:
        return StubFamily(source)

    def attach(self, pipeline: StubFamily, family: StubFamily) -> None:
        assert pipeline is family
        assert not pipeline.guarded, "a guard is put on once"
        pipeline.guarded = True


def registered(store: Store, record: RunRecord, guard: Path, tags: dict[str, str]) -> str:
    """Where MLflow keeps the registered guard."""
    version = register(store, guard, "unhype-celeb100", tags, "", log_run(store, record))
    decide(store, version, Decision(True, guard_hash(guard), "e" * 64))
    location: str = store.client.get_model_version_download_uri(version.name, str(version.number))
    return location


@pytest.fixture
def location(
    store: Store, record: RunRecord, guard: Path, tags: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> str:
    """Of a registered guard, whose guard and base will be stubs."""
    import unhype.erasing.guard

    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    monkeypatch.setattr(unhype.erasing.guard.Guard, "load", StubGuard)
    return registered(store, record, guard, tags)


@pytest.fixture
def loaded(location: str) -> Any:
    import mlflow.pyfunc

    return mlflow.pyfunc.load_model(location)


def colour(png: bytes) -> tuple[int, ...]:
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.format == "PNG"
        return picture.getpixel((0, 0))


def test_prompts_in_pictures_out(loaded: Any) -> None:
    import pandas as pd

    pictures = loaded.predict(
        pd.DataFrame({"prompt": ["a dog", "a photo"]}), params={"seed": 7, "steps": 3, "guidance": 2.0}
    )
    assert [colour(png) for png in pictures] == [(5, 7, 3), (7, 7, 3)]
    assert colour(loaded.predict({"prompt": "a dog"})[0]) == (5, 0, 20)


def test_over_rest(loaded: Any) -> None:
    from mlflow.pyfunc import scoring_server

    body = {"inputs": {"prompt": ["a dog", "a photo"]}, "params": {"seed": 7}}
    answer = scoring_server.invocations(
        json.dumps(body), "application/json", loaded, loaded.metadata.get_input_schema()
    )
    assert [colour(base64.b64decode(text)) for text in json.loads(answer.response)["predictions"]] == [
        (5, 7, 20),
        (7, 7, 20),
    ]


def test_mistakes_reach_the_caller(loaded: Any) -> None:
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match="wanted steps ≥ 1"):
        loaded.predict({"prompt": "a dog"}, params={"steps": 0})
    with pytest.raises(MlflowException, match="empty prompt"):
        loaded.predict({"prompt": ""})
    with pytest.raises(MlflowException, match="one row a prompt"):
        loaded.predict({"prompt": ["a dog", "a cat"]})
    with pytest.raises(MlflowException, match="missing inputs"):
        loaded.predict({"text": "a dog"})


def test_requests_that_come_together_take_turns(loaded: Any) -> None:
    prompts = ["a", "bb", "ccc"]
    with ThreadPoolExecutor(3) as threads:
        answers = list(
            threads.map(lambda prompt: loaded.predict({"prompt": prompt}, params={"seed": len(prompt)}), prompts)
        )
    assert [colour(pictures[0]) for pictures in answers] == [(1, 1, 20), (2, 2, 20), (3, 3, 20)]


def test_the_base_is_where_the_caller_says(location: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow.pyfunc

    def base(config: dict[str, str] | None = None) -> Path:
        model = mlflow.pyfunc.load_model(location, model_config=config)
        source: Source = model.unwrap_python_model().family.source
        assert source.folder
        return source.folder

    assert base().parts[-3:] == ("data", "bases", "mini-sd")
    for name in ("environment", "named"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model_index.json").write_text("{}")
    monkeypatch.setenv("UNHYPE_BASE", str(tmp_path / "environment"))
    assert base() == tmp_path / "environment"
    assert base({"base": str(tmp_path / "named")}) == tmp_path / "named"


@pytest.mark.parametrize("reasons", [("aliases: got 0.4",), None])
def test_what_did_not_pass_is_not_served_unless_told(
    location: str, store: Store, guard: Path, reasons: tuple[str, ...] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow.pyfunc

    version = versions(store, "unhype-celeb100")[0]
    if reasons:
        decide(store, version, Decision(False, guard_hash(guard), "e" * 64, reasons))
    else:
        (next(Path(location).rglob("verdict.json"))).unlink()
    with pytest.raises(UnhypeError, match="rejected by its gates: aliases" if reasons else "not judged by any gates"):
        mlflow.pyfunc.load_model(location)
    assert mlflow.pyfunc.load_model(location, model_config={"ungated": True}).predict({"prompt": "a dog"})
    monkeypatch.setenv("UNHYPE_UNGATED", "1")
    assert mlflow.pyfunc.load_model(location).predict({"prompt": "a dog"})


@pytest.mark.slow
def test_a_real_guard_served_to_three_at_once_draws_what_it_draws_offline(
    store: Store, record: RunRecord, tags: dict[str, str], tmp_path: Path, data: Path
) -> None:
    import mlflow.pyfunc
    import torch

    from unhype.bases.finding import find_base
    from unhype.bases.identity import identify
    from unhype.erasing.checkpoint import Trained, save
    from unhype.erasing.guard import Guard
    from unhype.erasing.hypernet import Hypernet, HypernetConfig
    from unhype.families.loading import load_family
    from unhype.miniature.folders import BASE
    from unhype.pictures.sampling import Sampling

    source, folder = find_base(BASE.name, data), tmp_path / "toy-guard"
    family = load_family(source)
    torch.manual_seed(0)
    # Not trained, and without a switch: what it does to a picture can't be overlooked.
    hypernet = Hypernet(HypernetConfig(rank=2, alpha=300.0), family.sites, family.width)
    folder.mkdir()
    facts = {"base": "mini-sd", "base_hash": source.hash, "sampling": SAMPLING}
    facts |= {"family": family.name, "site_table": family.table}
    save(Trained(hypernet.eval(), None, identify(family.parts), facts), folder)
    prompts, how = ["a photo of Cher", "a photo of a dog", "a photo of Prince"], Sampling(steps=3)

    def offline() -> list[np.ndarray]:
        return [next(family.draw([prompt], [i], how))[0] for i, prompt in enumerate(prompts)]

    bare = offline()
    with Guard.load(folder).attached(family.pipeline):
        guarded = offline()
    assert all(np.abs(one.astype(int) - other).mean() > 2 for one, other in zip(bare, guarded, strict=True))

    location = registered(store, record, folder, tags)
    with pytest.raises(UnhypeError, match="/nowhere"):
        mlflow.pyfunc.load_model(location, model_config={"base": "/nowhere"})
    model = mlflow.pyfunc.load_model(location, model_config={"base": str(data / BASE)})
    with ThreadPoolExecutor(3) as threads:
        served = list(
            threads.map(
                lambda i: model.predict({"prompt": prompts[i]}, params={"seed": i, "steps": 3})[0],
                range(3),
            )
        )
    for picture, twin in zip(served, guarded, strict=True):
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(picture))), twin)
