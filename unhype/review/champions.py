"""Champions once more: today's code, libraries and thresholds, fresh pictures. Nothing in the registry moves.

A champion is judged on the list that it was trained on. Where that was edited since, git still has it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unhype.concepts.loading import FOLDER, load_set
from unhype.erasing.checkpoint import read_card
from unhype.errors import UnhypeError
from unhype.gates.settings import GateSettings
from unhype.params import Params, load_params
from unhype.pipeline.promoting import job_of
from unhype.registry.champions import champion_of
from unhype.registry.deciding import evidence_folder
from unhype.registry.models import Version
from unhype.registry.resolving import resolve
from unhype.registry.store import Store, open_store
from unhype.registry.trouble import mlflow_errors
from unhype.review import git
from unhype.review.comment import MARK
from unhype.review.standing import judge
from unhype.review.writing import table


def reevaluate(out: Path) -> tuple[str, bool]:
    """Judge the champions of all models; returns what a person reads, and whether all passed.

    Args:
        out: folder for the evidence.

    Raises:
        UnhypeError: the registry does not answer.
    """
    store, params = open_store(Path.cwd()), load_params(Path("params.yaml"))
    with mlflow_errors(store.place):
        models = sorted(model.name for model in store.client.search_registered_models())
    parts, passed = [MARK, "## Champions, judged again"], True
    for name in models:
        version = champion_of(store, name)
        if version is None:
            parts.append(f"`{name}` has no champion.")
            continue
        try:
            now = _judged(store, version, params, out)
        except UnhypeError as error:
            passed = False
            parts.append(f"### ✗ {version.uri}: not judged\n\n{error}")
            continue
        passed &= bool(now["passed"])
        parts.append(f"### {'✓ still passes' if now['passed'] else '✗ no longer passes'}: {version.uri}")
        parts += [f"- {reason}" for reason in now["reasons"]]
        parts.append(table(_beside_then(now, _then(store, version))))
    if not models:
        parts.append(f"{store.place} holds no model.")
    return "\n\n".join(parts) + "\n", passed


def _judged(store: Store, version: Version, params: Params, out: Path) -> dict[str, Any]:
    guard = resolve(store, version.uri)
    card = read_card(guard)
    with tempfile.TemporaryDirectory() as scratch, _list_of(card) as path:
        # No pictures and no tables of another time: all are made anew.
        data = Path(scratch) / "data"
        data.mkdir()
        for part in ("bases", "judges", "concepts"):
            (data / part).symlink_to((Path("data") / part).resolve())
        job = job_of(guard, params, str(path), "", data, Path(scratch) / "build")
        gates: GateSettings = params.gates
        return judge(job, store, version.name, guard, gates, out / f"{version.name}-{version.number}")


@contextmanager
def _list_of(card: Mapping[str, Any]) -> Iterator[Path]:
    """The file of the list that a guard was trained on, from git where it was edited since."""
    name, wanted = str(card["concepts"]), card["concepts_hash"]
    path = FOLDER / f"{name}.yaml"
    if path.exists() and load_set(name).content_hash() == wanted:
        yield path
        return
    for commit in git.commits_of(str(path)):
        with git.at(commit, [FOLDER.as_posix()]) as scratch:
            there = scratch / path
            if there.exists() and load_set(name, scratch / FOLDER).content_hash() == wanted:
                yield there
                return
    raise UnhypeError(
        f"got no list {name} with the content {str(wanted)[:12]} in {FOLDER} nor in git's history of it, wanted the "
        "one that the champion was trained on: fetch all of the history, or promote a version of the list as it is"
    )


def _then(store: Store, version: Version) -> Mapping[str, Any]:
    """The evidence by which it passed; empty where nobody kept it."""
    if not version.run_id:
        return {}
    with tempfile.TemporaryDirectory() as scratch, mlflow_errors(store.place):
        folder = evidence_folder(version)
        there = [file.path for file in store.client.list_artifacts(version.run_id, folder)]
        wanted = f"{folder}/gates.json"
        if wanted not in there:
            return {}
        path = store.client.download_artifacts(version.run_id, wanted, scratch)
        found: Mapping[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        return found


def _beside_then(now: Mapping[str, Any], then: Mapping[str, Any]) -> tuple[tuple[str, ...], list[list[str]]]:
    before = {gate["name"]: gate["value"] for gate in then.get("gates", ())}
    rows = [
        [
            gate["title"],
            "–" if before.get(gate["name"]) is None else f"{before[gate['name']]:.4f}",
            "–" if gate["value"] is None else f"{gate['value']:.4f}",
            str(gate["n"] or "–"),
            gate["status"],
        ]
        for gate in now["gates"]
        if gate["status"] != "not asked"
    ]
    return ("gate", "when it was registered", "now", "n", "verdict"), rows
