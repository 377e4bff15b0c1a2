"""A decision is written down: tags, table and picture on the version's page, the evidence beside its run, its alias."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from urllib.parse import urlencode

from unhype.registry.champions import CHALLENGER, CHAMPION, observe
from unhype.registry.gating import VERDICT, Decision
from unhype.registry.models import Version, version_at
from unhype.registry.resolving import guard_path, model_id_of
from unhype.registry.store import Store
from unhype.registry.trouble import mlflow_errors

HEADING = "\n\n## Gates\n\n"
"""What a decision writes into a description starts here, and takes the place of an earlier one."""

FOLDER = "gates"
"""Of the evidence, among the artifacts of a run."""

PICTURES = ("gates.png", "regressions.png")
"""What the page shows, where it is there."""


def decide(store: Store, version: Version, decision: Decision, alias: bool = True) -> Version:
    """Write a decision onto a version, and make it ``challenger`` if it passed and is not champion.

    The alias is written last: whoever sees it sees the whole verdict. A rejected version loses the alias.

    Args:
        alias: False leaves all aliases as they are.

    Raises:
        UnhypeError: trouble with the store.
    """
    client, name, number = store.client, version.name, str(version.number)
    with mlflow_errors(store.place):
        if version.run_id:
            for path in decision.files:
                client.log_artifact(version.run_id, str(path), evidence_folder(version))
        before = (client.get_model_version(name, number).description or "").partition(HEADING)[0]
        client.update_model_version(name, number, f"{before}{HEADING}{decision.table}{_pictures(version, decision)}")
        tags = decision.told()
        _beside_the_guard(store, version, {**tags, "guard_hash": decision.guard})
        for key, value in tags.items():
            client.set_model_version_tag(name, number, key, value)
        if not alias:
            return version_at(store, name, version.number)
        observe(store, name)
        aliases = version_at(store, name, version.number).aliases
        if decision.passed and CHAMPION not in aliases:
            client.set_registered_model_alias(name, CHALLENGER, number)
        elif not decision.passed and CHALLENGER in aliases:
            client.delete_registered_model_alias(name, CHALLENGER)
        return version_at(store, name, version.number)


def evidence_folder(version: Version) -> str:
    """Where the evidence on a version lies among the artifacts of its run."""
    return f"{FOLDER}/{version.name}-{version.number}"


def _pictures(version: Version, decision: Decision) -> str:
    """Markdown that shows the pictures on MLflow's page, which serves the artifacts of runs."""
    there = [path.name for path in decision.files if path.name in PICTURES] if version.run_id else []
    asked = [urlencode({"path": f"{evidence_folder(version)}/{name}", "run_uuid": version.run_id}) for name in there]
    return "".join(f"\n\n![{name}](get-artifact?{words})" for name, words in zip(there, asked, strict=True))


def _beside_the_guard(store: Store, version: Version, tags: dict[str, str]) -> None:
    """Put the verdict into the model itself, which may be served far from its registry."""
    model_id = model_id_of(store, version.name, str(version.number))
    if model_id is None:
        return
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / VERDICT
        path.write_text(json.dumps(tags, indent=2, sort_keys=True), encoding="utf-8")
        store.client.log_model_artifact(model_id, str(path), guard_path(store, version.name, str(version.number)))
