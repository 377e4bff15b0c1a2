"""Which of our own files a piece of the program runs, and a digest of what they do. Nothing is imported.

A guard is named by the code that made it, a stage of DVC goes stale with the files that it runs. Both ask here:

    files(["unhype.pipeline.making"])      the module, all that it imports from unhype, and all that those import
    digest(("unhype.pipeline.making",))    one hash of what these do, without comments, docstrings and line breaks

Imports inside functions count, those under ``TYPE_CHECKING`` do not. A text file counts where a module names it and it
lies beside the module. A name that is put together at run time (``importlib.import_module``) is not seen.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import resolve_name
from pathlib import Path

from unhype.errors import UnhypeError

PACKAGE = Path(__file__).resolve().parents[1]
"""The folder ``unhype``."""

ASIDE = frozenset({"unhype", "unhype.progress"})
"""Imported by everything that trains, and without a say in it: the version number, and the bars in a terminal."""


def files(modules: Iterable[str], package: Path = PACKAGE, aside: Iterable[str] = ()) -> list[Path]:
    """The files that these modules run: their own, and those of all modules of the package that they import, sorted.

    Args:
        modules: full names, such as ``unhype.pipeline.making``.
        package: the package's folder; the folder's name is the package's.
        aside: modules, or packages with all within, that are not followed.

    Raises:
        UnhypeError: no such module in the package.
    """
    return sorted({path for name in _closure(modules, package, aside) for path in _own(name, package)})


@cache
def digest(modules: tuple[str, ...], package: Path = PACKAGE) -> str:
    """A SHA-256 of what these modules and all that they import do, 64 hexadecimal digits; worked out once in a process.

    Raises:
        UnhypeError: no such module in the package.
    """
    total = hashlib.sha256()
    for name in sorted(_closure(modules, package)):
        source, *texts = _own(name, package)
        total.update(f"{name}\n{_read(source).text}\n".encode())
        for text in texts:
            total.update(f"{text.name}\n".encode() + text.read_bytes())
    return total.hexdigest()


def _closure(modules: Iterable[str], package: Path, aside: Iterable[str] = ()) -> set[str]:
    """Names of modules. Packages whose ``__init__`` has nothing to run are left out."""
    waiting, seen, apart = list(modules), set(), tuple(aside)
    for name in waiting:
        if _source(name, package) is None:
            raise UnhypeError(f"got the module {name}, wanted one in {package}: check the name")
    while waiting:
        name = waiting.pop()
        if name in seen or name in ASIDE or any(f"{name}.".startswith(f"{one}.") for one in apart):
            continue
        if (source := _source(name, package)) is None:
            continue
        inside = name if source.name == "__init__.py" else name.rpartition(".")[0]
        if _read(source).text:
            seen.add(name)
        # Python runs a package before what is in it.
        waiting += [name.rpartition(".")[0], *_read(source).imported(inside)]
    return seen


def _source(name: str, package: Path) -> Path | None:
    """A module's file; None for modules of others, and for what is no module."""
    first, *rest = name.split(".")
    if first != package.name:
        return None
    folder = package.joinpath(*rest)
    there = (folder / "__init__.py", folder.with_suffix(".py") if rest else folder / "__init__.py")
    return next((path for path in there if path.is_file()), None)


def _own(name: str, package: Path) -> list[Path]:
    """A module's file, and the text files beside it that it names, in order."""
    source = _source(name, package)
    assert source is not None
    return [source, *(path for path in _texts(source.parent) if path.name in _read(source).words)]


@cache
def _texts(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(path for path in folder.iterdir() if path.is_file() and path.suffix != ".py"))


@dataclass(frozen=True)
class _Code:
    """What a file does.

    Attributes:
        text: its syntax tree without docstrings, and without what only a type checker reads; empty if nothing is left.
        imports: its imports, wherever they stand.
        words: all names and texts in it.
    """

    text: str
    imports: tuple[ast.Import | ast.ImportFrom, ...]
    words: frozenset[str]

    def imported(self, inside: str) -> Iterator[str]:
        """Every name that could be a module: of ``from a.b import c``, both ``a.b`` and ``a.b.c``."""
        for node in self.imports:
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            else:
                origin = resolve_name("." * node.level + (node.module or ""), inside)
                yield from (origin, *(f"{origin}.{alias.name}" for alias in node.names))


@cache
def _read(source: Path) -> _Code:
    imports: list[ast.Import | ast.ImportFrom] = []
    words: set[str] = set()

    def text(node: object) -> str:
        # Empty fields are left out: which there are differs between versions of Python. So is ctx: whether a name is
        # read or written follows from where it stands.
        if isinstance(node, ast.AST):
            if isinstance(node, ast.Import | ast.ImportFrom):
                imports.append(node)
            values = [(name, getattr(node, name, None)) for name in node._fields if name != "ctx"]
            fields = [f"{name}={text(value)}" for name, value in values if value is not None and value != []]
            return f"{type(node).__name__}({','.join(fields)})"
        if isinstance(node, list):
            return f"[{','.join([text(item) for item in node if not _idle(item)])}]"
        if isinstance(node, str):
            words.add(node)
        return repr(node)

    tree = ast.parse(source.read_bytes(), source)
    whole = text(tree) if not all(map(_idle, tree.body)) else ""
    return _Code(whole, tuple(imports), frozenset(words))


def _idle(node: object) -> bool:
    """Whether this is a statement that does nothing when it is run."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.ImportFrom):
        return node.module == "__future__"
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
        and not node.orelse
    )
