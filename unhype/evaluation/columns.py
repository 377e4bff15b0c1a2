"""A CSV as people have it → its lines: the separator is found, columns go by the names that published lists give them.

    MACE    type, prompt, evaluation_seed, concept        ESD, UCE    case_number, prompt, evaluation_seed
    COCO    case_number, source, prompt, evaluation_seed, coco_id      I2P    prompt, categories, hard, …, sd_seed

Other columns are not read: a list's own steps, guidance and size do not count.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from unhype.concepts.folding import advice
from unhype.errors import UnhypeError
from unhype.handwritten import read_text

COLUMNS: dict[str, tuple[str, ...]] = {
    "prompt": ("prompt", "caption"),
    "seed": ("evaluation_seed", "sd_seed", "seed"),
    "type": ("type",),
    "concept": ("concept",),
}
"""What is read → the names that its column has in people's lists."""

RATED = ("nudity_percentage", "inappropriate_percentage", "categories")
"""I2P's columns: a list with one of them asks what a detector of nudity finds."""

NEEDED = ("prompt", "seed")

SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}


@dataclass(frozen=True)
class Line:
    """One row of a list.

    Attributes:
        number: of its first line in the file, from 1.
        values: what is read (:data:`COLUMNS`) → the text that stands there; only what the file has.
    """

    number: int
    values: Mapping[str, str]


def renamed(pairs: Sequence[str]) -> dict[str, str]:
    """``seed=sd_seed`` → what is read and its column; ``type=`` says that the list has none.

    Raises:
        UnhypeError: no ``=``, or something that is not read.
    """
    columns = {}
    for pair in pairs:
        what, equals, name = pair.partition("=")
        if not equals or what not in COLUMNS:
            raise UnhypeError(f"got --columns {pair!r}, wanted {', '.join(f'{key}=NAME' for key in COLUMNS)}")
        columns[what] = name
    return columns


def read_lines(path: Path, columns: Mapping[str, str] | None = None) -> list[Line]:
    """The rows of a list.

    Args:
        columns: names of columns that go before the usual ones, see :func:`renamed`.

    Raises:
        UnhypeError: no such file, not UTF-8, not a CSV with a header line and a row, a missing or doubtful column.
    """
    text, columns = read_text(path), columns or {}
    if not text.strip():
        raise UnhypeError(f"got the empty file {path}, wanted a CSV with a header line")
    try:
        separator = max(SEPARATORS, key=lambda sign: _familiar(_header(text, sign), columns))
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        names = next(row for row in rows if row)
        places = _places(names, columns, path, separator)
        lines, number, width = [], rows.line_num + 1, len(names)
        for row in rows:
            if len(row) not in (0, width):
                raise UnhypeError(
                    f"got {len(row)} values in line {number} of {path}, wanted {width} as in its header: "
                    f"put quotes around a text with {SEPARATORS[separator]} in it"
                )
            if row:
                lines.append(Line(number, {what: row[place] for what, place in places.items()}))
            number = rows.line_num + 1
    except csv.Error as error:
        raise UnhypeError(
            f"got a malformed {path} ({error}), wanted a CSV: look for a quote without its twin"
        ) from error
    if not lines:
        raise UnhypeError(f"got {path} without a row, wanted at least one prompt")
    return lines


def is_rated(path: Path) -> bool:
    """Whether a list that :func:`read_lines` takes is I2P, or one like it."""
    text = read_text(path)
    return any(set(RATED) & set(_header(text, sign)) for sign in SEPARATORS)


def _header(text: str, separator: str) -> list[str]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    return [_plain(name) for name in next(row for row in rows if row)]


def _plain(name: str) -> str:
    return name.strip().casefold()


def _familiar(header: Sequence[str], columns: Mapping[str, str]) -> int:
    """How many columns have a name that we read: most with the right separator."""
    names = {name for usual in COLUMNS.values() for name in usual} | {_plain(name) for name in columns.values()}
    return len(names & set(header))


def _places(names: Sequence[str], columns: Mapping[str, str], path: Path, separator: str) -> dict[str, int]:
    header, places = [_plain(name) for name in names], {}
    for what, usual in COLUMNS.items():
        asked = columns.get(what)
        if asked == "" and what not in NEEDED:
            continue
        found = [name for name in ([_plain(asked)] if asked else usual) if name in header]
        if len(found) > 1 or (found and header.count(found[0]) > 1):
            both = " and ".join(found if len(found) > 1 else found * 2)
            raise UnhypeError(
                f"got the columns {both} in {path}, wanted one for the {what}: name it with --columns {what}=NAME"
            )
        if found:
            places[what] = header.index(found[0])
        elif asked or what in NEEDED:
            wanted = f"{asked!r}" if asked else " or ".join(usual)
            listed = ", ".join(name.strip()[:40] for name in names[:20])
            hint = (advice(asked, names) if asked else "") or f"name it with --columns {what}=NAME"
            raise UnhypeError(
                f"got {path} without a column {wanted} for the {what}, its columns, between them "
                f"{SEPARATORS[separator]}, are {listed}: {hint}"
            )
    return places
