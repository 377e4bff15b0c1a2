"""The champions of a registry, copied into another: for those who compare with them and may not write where they are.

A copy has a number of its own and the tag ``copied_from``, which names the version that it is a copy of.
"""

from __future__ import annotations

from collections.abc import Iterator

from unhype.registry.champions import CHAMPION, champion_of
from unhype.registry.lineage import figures_of
from unhype.registry.models import Version, register
from unhype.registry.resolving import resolve
from unhype.registry.runs import RunRecord, log_run
from unhype.registry.store import Store
from unhype.registry.trouble import mlflow_errors

COPIED = "copied_from"


def copy_champions(source: Store, target: Store) -> Iterator[str]:
    """Make the champions of one registry champions of another; says in words what was done, nothing where all was well.

    Raises:
        UnhypeError: a champion's files are gone, or trouble with a store.
    """
    with mlflow_errors(source.place):
        names = sorted(model.name for model in source.client.search_registered_models())
    for name in names:
        theirs, mine = champion_of(source, name), champion_of(target, name)
        if theirs is None:
            if mine:
                with mlflow_errors(target.place):
                    target.client.delete_registered_model_alias(name, CHAMPION)
                yield f"{name} has no champion any more"
        elif mine is None or mine.tags.get("guard_hash") != theirs.tags.get("guard_hash"):
            copy = _copy(source, theirs, target)
            yield f"{copy.uri} is champion, a copy of {theirs.uri} in {source.place}"


def _copy(source: Store, version: Version, target: Store) -> Version:
    folder, figures = resolve(source, version.uri), figures_of(source, version)
    with mlflow_errors(source.place):
        page = source.client.get_model_version(version.name, str(version.number)).description or ""
    tags = {**version.tags, COPIED: version.uri}
    run = log_run(target, RunRecord(f"copy of {version.uri}", f"{COPIED} {version.uri}", tags={COPIED: version.uri}))
    copy = register(target, folder, version.name, tags, page, run, figures)
    with mlflow_errors(target.place):
        target.client.set_registered_model_alias(version.name, CHAMPION, str(copy.number))
    return copy
