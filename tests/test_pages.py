"""Pages name only what exists: links, paths, modules of the Python examples, chores, commands and their options.

Paths and commands are looked for in code spans and code blocks. A page is read as text; nothing that it names is run,
but for ``unhype … --help``.
"""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from unhype.cli.main import main

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

FOLDERS = ("benchmarks", "data", "docs", "experiments", "flows", "tests", "unhype")
"""The folders of the repository that pages may name things in."""

PRODUCTS = (".venv/", "build/", "data/images/", "data/prompts/")
"""What chores and jobs make: it need not be there."""

SOURCES = (".py", ".md", ".toml", ".txt", ".yaml", ".lock")
"""Files with these endings may be named without their folder."""

PLACEHOLDERS = re.compile(r"\b(SET|NAME)\b")


@pytest.fixture(scope="module")
def names() -> set[str]:
    """Names of all source files."""
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")] + list(ROOT.iterdir())
    return {path.name for path in files if path.suffix in SOURCES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_name_only_what_exists(page: Path, names: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    text = page.read_text(encoding="utf-8")
    assert [*missing_links(text, page.parent), *missing_paths(text, names), *missing_imports(text)] == []
    assert [*missing_chores(text), *missing_options(text), *wrong_commands(text, capsys)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_prose_is_at_most_120_wide(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    # Rows of tables, pictures and commands are as long as they are, and so is what can't be broken.
    prose = [line for line in text.splitlines() if not line.startswith(("|", "![", "    "))]
    assert [line for line in prose if len(line) > 120 and " " in re.sub(r"`[^`]+`|\]\(\S+\)", "", line)] == []


def test_contributing_tells_the_rooms_in_their_order() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["id"] == "rooms")
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("| room, from the top down |")[2]
    rows = [re.findall(r"`(\w+)`", row.split("|")[1]) for row in table.partition("\n\n")[0].splitlines()[2:]]
    assert rows == [layer.split(" | ") for layer in layers if layer != "__main__"]


def test_what_does_not_exist_is_found(names: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    page = """[here](docs) [gone](docs/gone.md#part) [away](https://example.org/gone.md)
`unhype/params.py`, `unhype/gone.py`, `params.py:7`, `gone.yaml`, `tests/gone/`,
`data/scores/mini-sd/SET-strata.json`, `a/b`
`make test`, `make coffee`, `unhype verify`, `unhype pray`, `unhype demo --pictures 2 --colour`

    python experiments/erasure.py --n 2 --colour  # experiments/gone.py
    .venv/bin/python build/gone.py

```python
from unhype.bases.loading import load_pipeline
from unhype.bases.loading import load_pipelines
import unhype.gone
```"""
    assert list(missing_links(page, ROOT)) == ["docs/gone.md#part"]
    assert set(missing_paths(page, names)) == {"unhype/gone.py", "gone.yaml", "tests/gone/", "experiments/gone.py"}
    assert list(missing_imports(page)) == ["unhype.bases.loading.load_pipelines", "unhype.gone"]
    assert list(missing_chores(page)) == ["coffee"]
    assert list(missing_options(page)) == ["experiments/erasure.py --colour"]
    assert list(wrong_commands(page, capsys)) == ["unhype pray", "unhype demo --pictures 2 --colour"]


def missing_links(text: str, folder: Path) -> Iterator[str]:
    """Relative links whose target is not there."""
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path = target.partition("#")[0]
        if "://" not in target and path and not (folder / path).exists():
            yield target


def missing_paths(text: str, names: set[str]) -> Iterator[str]:
    """Paths in code that are not there; ``SET`` and ``NAME`` in them stand for anything."""
    for word in " ".join(_code(text)).split():
        path = word.strip("()\"',;").partition(":")[0]
        if path.startswith(PRODUCTS):
            continue
        if path.split("/")[0] in FOLDERS and "/" in path:
            if not any(ROOT.glob(PLACEHOLDERS.sub("*", path))):
                yield path
        elif re.fullmatch(r"[\w-]+\.\w+", path) and path.endswith(SOURCES) and path not in names:
            yield path


def missing_imports(text: str) -> Iterator[str]:
    """Modules of ours, and names in them, that Python examples import and that are not there."""
    for block in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for node in ast.walk(ast.parse(block)):
            imported = []
            if isinstance(node, ast.Import):
                imported = [each.name for each in node.names]
            elif isinstance(node, ast.ImportFrom):
                imported = [f"{node.module}.{each.name}" for each in node.names]
            for name in imported:
                module, _, last = name.rpartition(".")
                if module.split(".")[0] == "unhype" and last not in _defined(module):
                    yield name


def missing_chores(text: str) -> Iterator[str]:
    """Chores that the Makefile does not have."""
    chores = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    called = [match[1] for piece in _code(text) if (match := re.match(r"make ([a-z]\S*)", piece))]
    yield from (chore for chore in called if chore not in chores)


def missing_options(text: str) -> Iterator[str]:
    """Options of experiments and benchmarks that their programs do not name."""
    for piece in _code(text):
        if match := re.search(r"python ((?:experiments|benchmarks)/\w+\.py)(.*)", piece):
            path = ROOT / match[1]
            program = path.read_text(encoding="utf-8") if path.exists() else ""
            yield from (f"{match[1]} {option}" for option in _options(match[2]) if f'"{option}"' not in program)


def wrong_commands(text: str, capsys: pytest.CaptureFixture[str]) -> Iterator[str]:
    """Commands of ``unhype`` that it does not have, or whose options it does not have."""
    for piece in _code(text):
        if piece.startswith("unhype "):
            with pytest.raises(SystemExit) as left:
                main([*shlex.split(piece, comments=True)[1:], "--help"])
            told = capsys.readouterr().out
            if left.value.code != 0 or any(option not in told for option in _options(piece)):
                yield piece


def _code(text: str) -> Iterator[str]:
    """Code spans, and lines of fenced and indented blocks."""
    fenced = re.compile(r"^```.*?\n(.*?)^```", re.MULTILINE | re.DOTALL)
    for block in fenced.findall(text):
        yield from (line.strip() for line in block.splitlines())
    rest = fenced.sub("", text)
    yield from (line.strip() for line in re.findall(r"^ {4}(.+)$", rest, re.MULTILINE))
    yield from re.findall(r"`([^`\n]+)`", rest)


def _options(words: str) -> list[str]:
    return re.findall(r"(?<!\S)--[a-z-]+", words.partition("#")[0])


def _defined(module: str) -> set[str]:
    """What a module of ours defines or imports at its top, and the modules inside it; empty if it is not there."""
    path = ROOT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.is_file():
        return set()
    found = {each.stem for each in path.glob("*.py")} | {each.name for each in path.glob("*/")}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {each.asname or each.name for each in node.names}
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            found |= {
                each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
            }
    return found
