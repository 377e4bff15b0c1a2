"""Every list is a stage: what appears is picked up, and an edit of one list reruns its own stages and no others."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from unhype.errors import UnhypeError
from unhype.handwritten import load_yaml
from unhype.pipeline import lists
from unhype.pipeline.stages import ROOT

LIST = """
name: {name}
kind: people
bases: [{bases}]
forget:
  - {{concept: Cher, anchor: a woman}}
  - {{concept: Prince, anchor: a man}}
retain: [Amy Adams, Drake]
evaluation: [Aaron Paul]
"""

WORK = """
import sys
from pathlib import Path

source, target = map(Path, sys.argv[1:3])
target = target / source.name if target.suffix == "" else target
target.parent.mkdir(parents=True, exist_ok=True)
target.write_text("".join(line for line in source.read_text().splitlines(True) if not line.startswith("#")))
"""
"""Stands for every command of a list: it copies what it depends on, but for comments."""

COMMANDS = {
    "lists": None,
    "curate": "python work.py ${item.reads} data/accepted/${key}.json",
    "prompts": "python work.py data/accepted/${key}.json data/prompts/${key}/train.csv",
    "erase": "python work.py data/prompts/${item.concepts}/train.csv data/images/${item.base}/${item.concepts} && "
    "python work.py data/prompts/${item.concepts}/train.csv build/results/${item.base}/${item.concepts}/scores.json",
}


def pipeline() -> dict[str, object]:
    """The project's stages of lists, with cheap commands, and without the files that they run."""
    whole = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    stages = {}
    for name, command in COMMANDS.items():
        stage = whole["stages"][name]
        does = stage.get("do", stage)
        does["deps"] = [dep for dep in does["deps"] if not dep.startswith("unhype/")]
        for shown in ("metrics", "plots"):  # of a guard, and here is none
            does.pop(shown, None)
        does["cmd"] = (command or "python lists.py").replace("python", sys.executable)
        stages[name] = stage
    return {"vars": whole["vars"], "stages": stages}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small repository with two lists, of which one is trained on two bases; nothing has run."""
    monkeypatch.chdir(tmp_path)
    for folder in ("concepts", "bases/one", "bases/two", "judges/mini-judge"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    for base in ("one", "two"):
        (tmp_path / "data" / "bases" / base / "card.json").write_text("{}")
    (tmp_path / "data" / "judges" / "mini-judge" / "card.json").write_text("{}")
    write("pop", "one, two")
    write("soul", "one")
    (tmp_path / "params.yaml").write_text("{prompts: {per_role: 4}, sampling: {}, training: {}, monitor: {}}")
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump(pipeline(), sort_keys=False))
    (tmp_path / "work.py").write_text(WORK)
    (tmp_path / "lists.py").write_text("import sys\nfrom unhype.pipeline.lists import main\nsys.exit(main())\n")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    lists.write()
    Repo.init(no_scm=True).close()
    return tmp_path


def write(name: str, bases: str, old: str = "", new: str = "") -> None:
    path = Path("data") / "concepts" / f"{name}.yaml"
    path.write_text(LIST.format(name=name, bases=bases).replace(old, new), encoding="utf-8")


def ran() -> set[str]:
    with Repo() as repo:
        return {stage.addressing.partition(":")[2] or stage.addressing for stage in repo.reproduce()}


def stale() -> set[str]:
    with Repo() as repo:
        return set(repo.status())


POP = {"curate@pop", "prompts@pop", "erase@one-pop", "erase@two-pop"}
SOUL = {"curate@soul", "prompts@soul", "erase@one-soul"}


def test_the_file_is_that_of_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert load_yaml(Path("data") / lists.FILE) == lists.listed(), "run make stages"


@pytest.mark.slow
@pytest.mark.usefixtures("place")
def test_an_edit_reruns_the_stages_of_its_list_alone() -> None:
    assert ran() == POP | SOUL | {"lists"}
    assert stale() == ran() == set()

    write("pop", "one, two", "Drake", "Dido")
    assert stale() == {"lists", "curate@pop"}, "what comes after is seen once the list is accepted"
    assert ran() == POP | {"lists"}

    write("pop", "one, two", "Drake]", "Dido] # nothing else\n# no word of it")
    write("pop", "one, two", "forget:", "# a remark\nforget:")
    ran()
    write("pop", "one, two", "forget:", "# another remark\nforget:")
    assert ran() == {"lists", "curate@pop"}, "a comment changes nothing that is accepted"

    (Path("data") / "prompts" / "pop" / "train.csv").write_text("a row by hand")
    assert stale() == {"prompts@pop", "erase@one-pop", "erase@two-pop"}


@pytest.mark.slow
@pytest.mark.usefixtures("place")
def test_a_list_that_appears_has_stages_without_an_edit_of_another_file() -> None:
    ran()
    write("jazz", "two")
    assert ran() == {"lists"}, "DVC knows its stages when it begins"
    assert ran() == {"curate@jazz", "prompts@jazz", "erase@two-jazz"}
    write("soul", "one, two")
    lists.write()
    assert ran() == {"lists", "curate@soul", "prompts@soul", "erase@one-soul", "erase@two-soul"}


@pytest.fixture
def alone(place: Path) -> Iterator[Path]:
    yield place
    with Repo() as repo:
        assert repo.index.stages, "dvc.yaml resolves after a refusal"


def test_what_no_stage_can_be_made_of_is_refused_and_the_file_stays(alone: Path) -> None:
    before = (alone / "data" / lists.FILE).read_bytes()
    write("jazz", "three")
    with pytest.raises(
        UnhypeError, match=r"got the base 'three' under bases in data/concepts/jazz.yaml, wanted one of one"
    ):
        lists.write()
    (alone / "data" / "concepts" / "jazz.yaml").unlink()
    write("two words", "one")
    with pytest.raises(UnhypeError, match="letters, digits, - and _ in its name"):
        lists.write()
    (alone / "data" / "concepts" / "two words.yaml").unlink()
    (alone / "data" / "accepted").mkdir()
    (alone / "data" / "accepted" / "gone.json").write_text("{}")
    with pytest.raises(UnhypeError, match=r"got no set gone .* delete that file too"):
        lists.write()
    assert (alone / "data" / lists.FILE).read_bytes() == before


@pytest.mark.usefixtures("place")
def test_a_list_that_extends_another_depends_on_the_folder_and_bases_may_be_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write("jazz", "", "retain:", "extends: [pop]\nretain:")
    write("soul", "one", "bases: [one]\n", "")
    with pytest.raises(UnhypeError, match="got the base 'mini-sd'"):
        lists.listed()
    (Path("data") / "bases" / "mini-sd").mkdir()
    (Path("data") / "bases" / "mini-sd" / "model_index.json").write_text("{}")
    assert lists.main() == 0
    assert "+jazz, +mini-sd-soul, -one-soul changed; run dvc repro once more" in capsys.readouterr().out
    found = lists.listed()
    assert found["lists"]["jazz"] == {"reads": "data/concepts"}
    assert found["guards"]["mini-sd-soul"]["identity"] == "data/bases/mini-sd/model_index.json"
    assert not any(guard.endswith("jazz") for guard in found["guards"])
    assert lists.write() == []
