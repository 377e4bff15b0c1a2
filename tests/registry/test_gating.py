"""Gates in the registry: a decision is seen on the version's page, and what did not pass is not loaded by mistake.

People do what MLflow lets them: any alias on any version, copies into other models, tags by hand, deletions.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from unhype.errors import UnhypeError
from unhype.registry import local_folder
from unhype.registry.champions import champion_of, history, reconcile, rollback
from unhype.registry.deciding import decide
from unhype.registry.gating import Decision, guard_hash, objection
from unhype.registry.models import Version, register, set_of, versions
from unhype.registry.resolving import resolve
from unhype.registry.runs import RunRecord, log_run
from unhype.registry.store import Store

NAME = "unhype-celeb100"


def decision(guard: Path, folder: Path, passed: bool) -> Decision:
    evidence, picture = folder / "gates.json", folder / "gates.png"
    evidence.write_text(json.dumps({"passed": passed}))
    Image.new("RGB", (8, 8), "green" if passed else "red").save(picture)
    reasons = () if passed else ("near misses: got 0.90", "drift: got 0.1")
    return Decision(passed, guard_hash(guard), "e" * 64, reasons, "", f"passed: {passed}", (evidence, picture))


@pytest.fixture
def four(store: Store, guard: Path, tags: dict[str, str], record: RunRecord, tmp_path: Path) -> list[Version]:
    """Four versions, the third of which is rejected; the others were challengers in turn."""
    run_id, found = log_run(store, record), []
    for number in range(1, 5):
        card = json.loads((guard / "guard.json").read_text())
        (guard / "guard.json").write_text(json.dumps({**card, "seed": number}))
        version = register(store, guard, NAME, tags, "# Card", run_id)
        found.append(decide(store, version, decision(guard, tmp_path, number != 3)))
    return found


def alias(store: Store, name: str, number: int, what: str = "champion") -> None:
    """As a person does in the UI."""
    store.client.set_registered_model_alias(name, what, str(number))


def aliases(store: Store) -> dict[str, int]:
    return {name: version.number for version in versions(store, NAME) for name in version.aliases}


def test_what_passed_is_challenger_and_what_did_not_has_its_reasons(store: Store, four: list[Version]) -> None:
    assert aliases(store) == {"challenger": 4}
    rejected = four[2]
    assert rejected.tags["gate"] == "rejected"
    assert rejected.tags["gate_reasons"].splitlines() == ["near misses: got 0.90", "drift: got 0.1"]
    page = store.client.get_model_version(NAME, "3").description
    assert page.startswith("# Card\n\n## Gates\n\npassed: False")
    assert f"![gates.png](get-artifact?path=gates%2F{NAME}-3%2Fgates.png&run_uuid={rejected.run_id})" in page
    there = {file.path for file in store.client.list_artifacts(rejected.run_id, f"gates/{NAME}-3")}
    assert there == {f"gates/{NAME}-3/gates.json", f"gates/{NAME}-3/gates.png"}


def test_a_later_decision_takes_the_place_of_an_earlier(
    store: Store, four: list[Version], guard: Path, tmp_path: Path
) -> None:
    again = decide(store, four[3], decision(guard, tmp_path, False))
    assert (again.aliases, objection(again.tags)) == ((), "rejected by its gates: near misses: got 0.90, and 1 more")
    page = store.client.get_model_version(NAME, "4").description
    assert page.count("## Gates") == 1
    assert "passed: True" not in page


@pytest.mark.parametrize("uri", [f"models:/{NAME}/3", f"models:/{NAME}@champion", "models:/prod/1"])
def test_what_was_rejected_is_not_loaded_unless_told(store: Store, four: list[Version], uri: str) -> None:
    alias(store, NAME, 3)
    store.client.copy_model_version(f"models:/{NAME}/3", "prod")
    with pytest.raises(UnhypeError, match=r"rejected by its gates: near misses: .*, and 1 more.*--ungated") as told:
        local_folder(uri, store.root)
    assert "\n" not in str(told.value)
    assert local_folder(uri, store.root, ungated=True) == resolve(store, f"models:/{NAME}/3")


def test_what_passed_is_loaded_by_number_by_alias_and_by_copy(store: Store, four: list[Version]) -> None:
    alias(store, NAME, 4)
    store.client.copy_model_version(f"models:/{NAME}/4", "prod")
    alias(store, "prod", 1)
    for uri in (f"models:/{NAME}/4", f"models:/{NAME}@champion", "models:/prod/1", "models:/prod@champion"):
        assert local_folder(uri, store.root) == resolve(store, f"models:/{NAME}/4")


def test_tags_by_hand_make_nothing_pass(store: Store, four: list[Version]) -> None:
    store.client.set_model_version_tag(NAME, "3", "gate", "passed")
    with pytest.raises(UnhypeError, match="called passed without the seal"):
        local_folder(f"models:/{NAME}/3", store.root)
    for key in ("gate_seal", "gate_evidence"):  # of another version
        store.client.set_model_version_tag(NAME, "3", key, four[3].tags[key])
    with pytest.raises(UnhypeError, match="called passed without the seal"):
        local_folder(f"models:/{NAME}/3", store.root)


def test_files_that_were_changed_afterwards_are_not_loaded(store: Store, four: list[Version]) -> None:
    folder = resolve(store, f"models:/{NAME}/4")
    (folder / "guard.json").write_text("{}")
    with pytest.raises(UnhypeError, match="judged with other files"):
        local_folder(f"models:/{NAME}/4", store.root)


def test_a_version_that_nobody_judged_is_not_loaded(store: Store, four: list[Version]) -> None:
    store.client.delete_model_version_tag(NAME, "4", "gate")
    with pytest.raises(UnhypeError, match=r"not judged by any gates.*promote_flow\.py run --model models:/.*/4"):
        local_folder(f"models:/{NAME}/4", store.root)


def test_reconcile_puts_the_last_good_champion_back(store: Store, four: list[Version]) -> None:
    for number in (1, 2):
        alias(store, NAME, number)
        assert list(reconcile(store, NAME)) == []
    assert aliases(store) == {"champion": 2, "challenger": 4, "previous_champion": 1}
    alias(store, NAME, 3)
    alias(store, NAME, 3, "challenger")
    told = list(reconcile(store, NAME))
    assert len(told) == 2
    assert "3 is no longer @challenger: rejected" in told[0]
    assert f"models:/{NAME}/2 is @champion again, not models:/{NAME}/3" in told[1]
    assert aliases(store) == {"champion": 2, "previous_champion": 1}
    assert list(reconcile(store, NAME)) == []


def test_reconcile_without_an_earlier_champion_leaves_none(store: Store, four: list[Version]) -> None:
    alias(store, NAME, 3)
    (told,) = reconcile(store, NAME)
    assert "nobody is" in told
    assert champion_of(store, NAME) is None


def test_a_deleted_champion_is_told(store: Store, four: list[Version]) -> None:
    alias(store, NAME, 2)
    list(reconcile(store, NAME))
    store.client.delete_model_version(NAME, "2")
    assert [line for line in reconcile(store, NAME) if "version 2" in line and "was deleted" in line]


def test_rollback_goes_to_the_champion_before(store: Store, four: list[Version]) -> None:
    with pytest.raises(UnhypeError, match="got no earlier champion"):
        rollback(store, NAME)
    for number in (1, 2, 4):
        alias(store, NAME, number)
        list(reconcile(store, NAME))
    assert history(store, NAME) == [1, 2, 4]
    assert rollback(store, NAME).number == 2
    assert aliases(store)["champion"] == 2
    assert rollback(store, NAME).number == 1
    assert rollback(store, NAME, to=4).number == 4
    with pytest.raises(UnhypeError, match=r"version 3 .* rejected"):
        rollback(store, NAME, to=3)
    with pytest.raises(UnhypeError, match="got version 9"):
        rollback(store, NAME, to=9)
    assert aliases(store)["champion"] == 4


def test_a_model_is_of_the_set_of_its_first_version(store: Store, four: list[Version]) -> None:
    assert (set_of(store, NAME), set_of(store, "nobody")) == ("celeb100", "")
