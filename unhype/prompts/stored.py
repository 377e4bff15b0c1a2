"""Prompt tables as files: the data that training and evaluation read, which people may edit.

<folder>/{train,retain,pairs,evaluation}.csv        <folder>/written.json, a hash of each as it was written last

Three forms of a table decide what holds: the file, what was written last, and what would be written now.

    the file is what would be written now        it holds
    the file is what was written last            nobody edited it: what would be written now holds
    what was written last would be written now   somebody edited it: the file holds
    no two are alike                             refused: an edit would be lost, or stand beside another list
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from unhype.errors import UnhypeError
from unhype.files import describe, write_text
from unhype.handwritten import read_text
from unhype.prompts.rows import COLUMNS

Tables = Mapping[str, pd.DataFrame]
"""Name of a table, which is that of its file, → its rows."""

RECORD = "written.json"

LARGEST = 2**63 - 1
"""Of seeds: what a column of whole numbers holds."""


def holding(folder: Path, fresh: Tables) -> dict[str, pd.DataFrame]:
    """What holds: of each table the file where somebody edited it, else what would be written now.

    Args:
        fresh: the tables that would be written now; others in the folder are not looked at.

    Raises:
        UnhypeError: a file that can't be read, or an edited one that was made from something else than ``fresh``.
    """
    return {name: _holds(folder, name, table) for name, table in fresh.items()}


def write(folder: Path, fresh: Tables, held: Tables) -> tuple[str, ...]:
    """Write what nobody edited, where it is not there yet, and note what was written; returns the edited tables.

    Args:
        held: what :func:`holding` made of ``fresh``, or ``fresh`` itself to write over everything.
    """
    edited = tuple(name for name, table in fresh.items() if held[name] is not table)
    for name, table in fresh.items():
        if name not in edited:
            _renew(folder / f"{name}.csv", table.to_csv(index=False))
    _renew(folder / RECORD, json.dumps({name: rows_hash(table) for name, table in fresh.items()}, indent=2) + "\n")
    return edited


def _renew(path: Path, text: str) -> None:
    """Write a file unless it holds these very bytes: a file that nothing changed keeps its time."""
    if not path.exists() or path.read_bytes() != text.encode():
        write_text(path, text)


def read_table(path: Path) -> pd.DataFrame:
    """One table: columns :data:`~unhype.prompts.rows.COLUMNS`, whole seeds, text as it stands.

    Raises:
        UnhypeError: no such file, another encoding than UTF-8, other columns, a line of another length, or a seed that
            is no whole number.
    """
    lines = csv.reader(io.StringIO(read_text(path)), strict=True)
    try:
        header = next(lines, [])
        rows = [(lines.line_num, cells) for cells in lines if cells]
    except csv.Error as error:
        raise UnhypeError(f"got no CSV in {path} line {lines.line_num} ({error}): write {_columns()}") from error
    if odd := sorted({*header} ^ {*COLUMNS}) or [name for name in COLUMNS if header.count(name) > 1]:
        said = "without the column" if odd[0] not in header else "with the unknown or doubled column"
        raise UnhypeError(f"got a prompt table {said} {odd[0]!r} in {path}, wanted {_columns()}")
    place = header.index("seed")
    for line, cells in rows:
        if len(cells) != len(header):
            raise UnhypeError(
                f"got {len(cells)} cells in {path} line {line}, wanted {len(header)}: a text with a comma wants quotes"
            )
        if not (cells[place].isascii() and cells[place].isdigit()) or int(cells[place]) > LARGEST:
            raise UnhypeError(f"got the seed {cells[place]!r} in {path} line {line}, wanted a whole number from 0 on")
    table = pd.DataFrame([cells for _, cells in rows], columns=header)
    return table[list(COLUMNS)].astype({"seed": "int64"})


def _columns() -> str:
    return f"the columns {', '.join(COLUMNS)}, with commas between"


def rows_hash(table: pd.DataFrame) -> str:
    """SHA-256 of a table's rows in their order, which training goes by; not of how its file is laid out."""
    return hashlib.sha256(table.to_csv(index=False).encode()).hexdigest()


def tables_hash(tables: Tables) -> str:
    """SHA-256 of several tables with their names."""
    return hashlib.sha256(json.dumps({name: rows_hash(tables[name]) for name in sorted(tables)}).encode()).hexdigest()


def _holds(folder: Path, name: str, fresh: pd.DataFrame) -> pd.DataFrame:
    path = folder / f"{name}.csv"
    if not path.exists():
        return fresh
    there, now, last = read_table(path), rows_hash(fresh), _record(folder).get(name)
    if rows_hash(there) in (now, last):
        return fresh
    if last == now:
        return there
    raise UnhypeError(
        f"got {path}, which was edited, while its list, settings or templates changed too, wanted one of the two: "
        f"unhype prompts {folder.name} --overwrite writes it anew, and your rows can be put in again"
    )


def _record(folder: Path) -> dict[str, str]:
    path = folder / RECORD
    try:
        told = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except OSError as error:
        raise UnhypeError(describe(error, path)) from error
    except ValueError:
        told = {}  # then nothing is known of what was written last
    return told if isinstance(told, dict) else {}
