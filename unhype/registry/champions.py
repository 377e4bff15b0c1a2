"""Champions: who serves, who served before, and what to do when somebody made one that no gate let pass.

People promote in MLflow's UI, by alias or by a copy into another registered model; MLflow keeps no history of aliases.
So whoever comes by notes the champions that passed, in the model's tag ``champions``, and ``previous_champion``
points at the one before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from unhype.errors import UnhypeError
from unhype.registry.gating import objection
from unhype.registry.models import Version, known, version_at, versions
from unhype.registry.resolving import registered
from unhype.registry.store import Store
from unhype.registry.trouble import mlflow_errors

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous_champion"

HISTORY = "champions"
"""A model's tag: numbers of the versions that were champion and had passed, oldest first."""


def champion_of(store: Store, name: str) -> Version | None:
    """The version that is champion now, whether it passed or not."""
    there = versions(store, name) if known(store, name) else []
    return next((version for version in there if CHAMPION in version.aliases), None)


def history(store: Store, name: str) -> list[int]:
    """Versions that were champion and had passed, oldest first."""
    return [int(number) for number in registered(store, name).tags.get(HISTORY, "").split()]


def observe(store: Store, name: str) -> None:
    """Note who is champion, if it passed its gates and was not noted yet."""
    with mlflow_errors(store.place):
        champion = champion_of(store, name)
        if champion is None or objection(champion.tags):
            return
        past = history(store, name)
        if past[-1:] != [champion.number]:
            _note(store, name, [*past, champion.number])


def reconcile(store: Store, name: str) -> Iterator[str]:
    """Put right what somebody did by hand; says in words what was done, nothing if all was well.

    A champion that did not pass gives way to the last that did and still does, or to nobody; a challenger that did not
    pass loses its alias.
    """
    with mlflow_errors(store.place):
        there = {version.number: version for version in versions(store, name)}
        for version in there.values():
            why = objection(version.tags)
            if why and CHALLENGER in version.aliases:
                store.client.delete_registered_model_alias(name, CHALLENGER)
                yield f"{version.uri} is no longer @{CHALLENGER}: {why}"
            if why and CHAMPION in version.aliases:
                good = [number for number in history(store, name) if _good(there, number)]
                if good:
                    store.client.set_registered_model_alias(name, CHAMPION, str(good[-1]))
                    yield f"models:/{name}/{good[-1]} is @{CHAMPION} again, not {version.uri}: {why}"
                else:
                    store.client.delete_registered_model_alias(name, CHAMPION)
                    yield f"{version.uri} is no longer @{CHAMPION}, and nobody is: {why}; no earlier one had passed"
        past = history(store, name)
        if past and champion_of(store, name) is None and past[-1] not in there:
            yield f"the last champion, version {past[-1]} of {name}, was deleted and its alias with it: promote another"
        observe(store, name)


def rollback(store: Store, name: str, to: int | None = None) -> Version:
    """Make an earlier champion champion again: the one before, or the version that is named.

    Raises:
        UnhypeError: no earlier champion that passed, or a version that did not pass.
    """
    with mlflow_errors(store.place):
        observe(store, name)
        there = {version.number: version for version in versions(store, name)}
        now = champion_of(store, name)
        past = [number for number in history(store, name) if _good(there, number)]
        if to is None:
            before = [number for number in past if now is None or number != now.number]
            if not before:
                raise UnhypeError(
                    f"got no earlier champion of {name} that passed its gates, wanted one to go back to: "
                    f"name a version with --to, one of {_listed(sorted(there))}"
                )
            to = before[-1]
        if to not in there:
            raise UnhypeError(f"got version {to} of {name}, wanted one of {_listed(sorted(there))}")
        if why := objection(there[to].tags):
            raise UnhypeError(f"got version {to} of {name}, {why}; wanted one that passed its gates")
        store.client.set_registered_model_alias(name, CHAMPION, str(to))
        # Whoever was rolled back is not what the next rollback goes to.
        kept = [number for number in history(store, name) if now is None or number != now.number]
        _note(store, name, [*(number for number in kept if number != to), to])
        return version_at(store, name, to)


def _note(store: Store, name: str, past: Sequence[int]) -> None:
    store.client.set_registered_model_tag(name, HISTORY, " ".join(map(str, past)))
    there = {version.number for version in versions(store, name)}
    if earlier := [number for number in past[:-1] if number in there and number != past[-1]]:
        store.client.set_registered_model_alias(name, PREVIOUS, str(earlier[-1]))
    elif PREVIOUS in registered(store, name).aliases:
        store.client.delete_registered_model_alias(name, PREVIOUS)


def _good(there: dict[int, Version], number: int) -> bool:
    return number in there and not objection(there[number].tags)


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers)) or "none"
