"""What a guard's name covers: an edit of what trains it, and nothing that only tells, shows or explains."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from unhype.bases.finding import find_base
from unhype.concepts.loading import load_set
from unhype.erasing.trainer import TrainingSettings
from unhype.errors import UnhypeError
from unhype.pictures.sampling import Sampling
from unhype.pipeline.job import MAKERS, Job
from unhype.pipeline.sources import PACKAGE, digest, files
from unhype.prompts.tables import PromptSettings


def names(modules: tuple[str, ...], package: Path = PACKAGE) -> set[str]:
    return {path.relative_to(package).as_posix() for path in files(modules, package)}


def test_what_makes_a_guard_is_covered() -> None:
    rooms = {
        "erasing": "trainer losses hypernet heads switch fitting phrases material",
        "families": "stable_diffusion",
        "adapters": "lora",
        "prompts": "templates",
        "pictures": "sampling",
        "pipeline": "making",
    }
    wanted = {f"{room}/{name}.py" for room, modules in rooms.items() for name in modules.split()}
    assert wanted | {"training.py", "prompts/templates.yaml", "evaluation/album.py"} <= names(MAKERS)


def test_what_only_looks_at_a_guard_is_not() -> None:
    rooms = {name.split("/")[0] for name in names(MAKERS)}
    assert not rooms & {"cli", "registry", "reports", "comparison", "judges", "baselines", "miniature", "progress.py"}
    assert not names(MAKERS) & {"evaluation/scores.py", "pipeline/examination.py", "pipeline/job.py", "__init__.py"}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PACKAGE, tmp_path / "one" / "unhype"))


def added(name: str, line: str = "EDITED = 1") -> Callable[[Path], None]:
    def edit(package: Path) -> None:
        with open(package / name, "a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")

    return edit


def laid_out_anew(package: Path) -> None:
    """Other line breaks, brackets and quotes everywhere, and no comment left."""
    for path in package.rglob("*.py"):
        path.write_text(ast.unparse(ast.parse(path.read_text(encoding="utf-8"))), encoding="utf-8")


def worded_anew(package: Path) -> None:
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace('"""', '"""In other words. ', 1), encoding="utf-8")


def again(package: Path, edit: Callable[[Path], None]) -> str:
    """The digest of an edited copy; digests are worked out once a process, so it lies elsewhere."""
    other = Path(shutil.copytree(package, package.parent.parent / "two" / "unhype"))
    edit(other)
    return digest(MAKERS, other)


@pytest.mark.parametrize(
    "edit",
    [
        added("erasing/trainer.py"),
        added("erasing/losses.py"),
        added("training.py", "torch.set_num_threads(1)"),
        added("prompts/templates.yaml", "more: {plain: ['one photo of {}']}"),
    ],
)
def test_an_edit_of_what_trains_makes_another_guard(copy: Path, edit: Callable[[Path], None]) -> None:
    assert again(copy, edit) != digest(MAKERS, copy)


@pytest.mark.parametrize(
    "edit",
    [
        worded_anew,
        laid_out_anew,
        added("erasing/trainer.py", "# a comment"),
        added("reports/tables.py"),
        added("evaluation/scores.py"),
        added("pipeline/job.py"),
        added("progress.py"),
        added("__init__.py"),
    ],
)
def test_words_layout_and_reports_do_not(copy: Path, edit: Callable[[Path], None]) -> None:
    assert again(copy, edit) == digest(MAKERS, copy) == digest(MAKERS)


def test_a_guard_of_other_code_lies_elsewhere(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    concepts = load_set("objects", data / "concepts")
    job = Job(concepts, find_base("mini-sd", data), data, tmp_path, TrainingSettings(), PromptSettings(), Sampling())
    assert job.code == digest(MAKERS)
    before = job.guard_folder
    assert job.guard_folder == before
    assert replace(job, code="0" * 64).guard_folder != before
    monkeypatch.setattr("unhype.pipeline.job.digest", lambda modules: "0" * 64)
    later = Job(concepts, job.base, data, tmp_path, TrainingSettings(), PromptSettings(), Sampling())
    assert later.guard_folder != before


def test_every_kind_of_import_is_followed(tmp_path: Path) -> None:
    package = tmp_path / "toy"
    (package / "room").mkdir(parents=True)
    for name, text in {
        "__init__.py": '"""Nothing to run."""',
        "room/__init__.py": "from toy.listed import thing",
        "listed.py": "thing = 1",
        "root.py": "def late():\n    from toy.room import inner as other\n    import toy.plain, os",
        "plain.py": "from .beside import name\nTEXT = 'words.txt'",
        "beside.py": "if TYPE_CHECKING:\n    from toy import unread\nname = 'absent.txt'",
        "room/inner.py": "pass",
        "unread.py": "pass",
        "words.txt": "a",
        "others.txt": "b",
    }.items():
        (package / name).write_text(text)
    wanted = {"root.py", "room/__init__.py", "room/inner.py", "listed.py", "plain.py", "beside.py", "words.txt"}
    assert names(("toy.root",), package) == wanted
    apart = files(["toy.root"], package, aside=["toy.room", "toy.plain"])
    assert [path.name for path in apart] == ["root.py"]


def test_an_unknown_module_is_refused() -> None:
    with pytest.raises(UnhypeError, match=r"got the module unhype\.pipeline\.nowhere"):
        files(["unhype.pipeline.nowhere"])
