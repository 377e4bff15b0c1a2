"""Lineage both ways: from a version to all that made it, and from a concept to every version that forgets it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from unhype.concepts.folding import key
from unhype.registry.champions import champion_of
from unhype.registry.models import Version, known, versions
from unhype.registry.resolving import model_id_of, resolve
from unhype.registry.store import Store
from unhype.registry.trouble import mlflow_errors

CARD = "guard.json"

FIRST = (
    "concept_set",
    "concept_set_hash",
    "git_commit",
    "training_tables",
    "evaluation_table",
    "prompts_data",
    "pictures_data",
    "settings",
    "metaflow_run",
    "base",
    "base_hash",
    "code",
    "judge",
    "guard_hash",
    "gate",
    "gate_champion",
    "gate_evidence",
    "attacked",
)
"""Tags in the order in which they are told; all others follow."""


def card_of(store: Store, version: Version) -> dict[str, Any]:
    """The card of a version's guard."""
    found: dict[str, Any] = json.loads((resolve(store, version.uri) / CARD).read_text(encoding="utf-8"))
    return found


def figures_of(store: Store, version: Version) -> dict[str, float]:
    """The metrics that hang on a version itself, else those of its run."""
    with mlflow_errors(store.place):
        if model_id := model_id_of(store, version.name, str(version.number)):
            model = store.client.get_logged_model(model_id)
            if model.metrics:
                return {metric.key: metric.value for metric in model.metrics}
        return dict(store.client.get_run(version.run_id).data.metrics) if version.run_id else {}


def reached(store: Store, name: str) -> list[dict[str, Any]]:
    """What each judged version of a model forgets and keeps: ``name``, ``forgotten`` (1 − Acc_e), ``kept`` (Acc_s)."""
    points = []
    for version in versions(store, name) if known(store, name) else ():
        figures = figures_of(store, version)
        erased, kept = (figures.get(f"protocols/unseen/{part}") for part in ("Acc_e", "Acc_s"))
        if erased is not None and kept is not None:
            marks = "".join(f", {alias}" for alias in version.aliases)
            points.append({"name": f"version {version.number}{marks}", "forgotten": 1 - erased, "kept": kept})
    return points


def lineage(store: Store, version: Version) -> dict[str, str]:
    """What a version was made from, in the order of a page."""
    with mlflow_errors(store.place):
        made = store.client.get_model_version(version.name, str(version.number))
        run = store.client.get_run(version.run_id) if version.run_id else None
        told = {"version": version.uri, "registered": _day(made.creation_timestamp), "mlflow_run": version.run_id}
        tags = {name: value.replace("\n", "; ") for name, value in version.tags.items()}
        told |= {name: tags[name] for name in FIRST if name in tags}
        told |= {name: tags[name] for name in sorted(set(tags) - set(FIRST))}
        told |= {f"params.{name}": value for name, value in sorted(run.data.params.items())} if run else {}
        champion = champion_of(store, version.name)
        if champion and champion.number != version.number:
            mine, theirs = (set(card_of(store, one).get("forget", ())) for one in (version, champion))
            changes = [f"+{name}" for name in sorted(mine - theirs)] + [f"-{name}" for name in sorted(theirs - mine)]
            told[f"list against {champion.uri}"] = ", ".join(changes) or "the same concepts"
        return told


def forgetting(store: Store, names: Iterable[str], concept: str) -> Iterator[tuple[Version, str]]:
    """Versions that forget a concept, the earliest first, each with the day of its registration.

    Args:
        names: of models.
        concept: compared as the rules of concepts compare.
    """
    found = []
    with mlflow_errors(store.place):
        for version in (version for name in names for version in versions(store, name)):
            if key(concept) in {key(name) for name in card_of(store, version).get("forget", ())}:
                made = store.client.get_model_version(version.name, str(version.number))
                found.append((made.creation_timestamp, version))
    for stamp, version in sorted(found, key=lambda one: (one[0], one[1].uri)):
        yield version, _day(stamp)


def no_longer_forgotten(store: Store, name: str, concepts: Iterable[str]) -> tuple[str, list[str]]:
    """Who is champion, and what it forgets and these concepts lack; nothing where there is no champion.

    Another spelling of the same name (``Bjork``, ``Björk``) is no removal, as for lists.

    Raises:
        UnhypeError: the champion's files are gone.
    """
    champion = champion_of(store, name)
    if champion is None:
        return "", []
    now = {key(concept) for concept in concepts}
    return champion.uri, [each for each in card_of(store, champion).get("forget", ()) if key(each) not in now]


def _day(stamp: int) -> str:
    return datetime.fromtimestamp(stamp / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
