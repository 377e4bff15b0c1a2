"""A registered guard as MLflow serves it: loaded without unpickling, prompts in, PNG out. Guard and base are stubs that draw the prompt's length."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from unhype.errors import UnhypeError
from unhype.registry.models import register
from unhype.registry.runs import RunRecord, log_run
from unhype.registry.store import Store


class StubGuard:
    trained = SimpleNamespace(facts={"base": "mini-sd"})

    def __init__(self, folder: Path) -> None:
        assert (folder / "guard.safetensors").exists()
        self.open = False

    @contextmanager
    def attached(self, pipeline: object) -> Iterator[object]:
        self.open = True
        yield pipeline
        self.open = False


@pytest.fixture
def loaded(store: Store, record: RunRecord, guard: Path, tags: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    import mlflow.pyfunc

    import unhype.bases.loading
    import unhype.erasing.guard
    import unhype.pictures.sampling

    def sample(pipeline: object, prompts: Sequence[str], seeds: Sequence[int], how: Any) -> Iterator[np.ndarray]:
        for prompt, seed in zip(prompts, seeds, strict=True):
            if not prompt:
                raise UnhypeError("got an empty prompt, wanted words")
            yield np.full((1, 4, 4, 3), [len(prompt), seed, how.steps], np.uint8)

    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    monkeypatch.setattr(unhype.erasing.guard.Guard, "load", StubGuard)
    monkeypatch.setattr(unhype.bases.loading, "load_pipeline", lambda folder: folder)
    monkeypatch.setattr(unhype.pictures.sampling, "sample", sample)
    version = register(store, guard, "unhype-celeb100", tags, "", log_run(store, record))
    location = store.client.get_model_version_download_uri(version.name, str(version.number))
    return mlflow.pyfunc.load_model(location, model_config={"base": "data/bases/mini-sd"})


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
