"""Concept sets by name: find the file, read it, and merge what it extends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from unhype.concepts.reading import read_set
from unhype.concepts.schema import ConceptSet, Entry
from unhype.errors import UnhypeError

FOLDER = Path("data/concepts")
"""Where the project keeps its sets."""


def available_sets(folder: Path = FOLDER) -> tuple[str, ...]:
    """Names of the sets in a folder, sorted."""
    if not folder.is_dir():
        raise UnhypeError(
            f"got no folder {folder}, wanted one with concept sets: run from the project's root, or name the folder"
        )
    return tuple(sorted(path.stem for path in folder.glob("*.yaml") if not path.name.startswith(".")))


def set_path(name_or_path: str | Path, folder: Path = FOLDER) -> Path:
    """The file of a set: a path ends in ``.yaml``, a name lies in ``folder``.

    Raises:
        UnhypeError: no set has that name; the message offers the closest ones.
    """
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"}:
        return path
    names = available_sets(folder)
    if str(name_or_path) in names:
        return folder / f"{name_or_path}.yaml"
    close = get_close_matches(str(name_or_path), names, n=3)
    advice = f"did you mean {' or '.join(close)}?" if close else f"it has {', '.join(names) or 'none'}"
    raise UnhypeError(f"got the set {str(name_or_path)!r}, wanted one in {folder}: {advice}")


def load_set(name_or_path: str | Path, folder: Path = FOLDER) -> ConceptSet:
    """A concept set, with everything it extends merged in.

    The extended sets come first, in their order, then the set's own entries. A text of retain or evaluation that two
    sets share is kept once. An entry of forget that the set repeats from an extended one adds to its synonyms and
    aliases, and its anchor wins.

    Raises:
        UnhypeError: see :func:`~unhype.concepts.reading.read_set`; also a circle of extends, or two extended sets that
            disagree on an anchor.
    """
    return _load(set_path(name_or_path, folder), ())


def _load(path: Path, trail: tuple[Path, ...]) -> ConceptSet:
    own = read_set(path)
    here = (*trail, path.resolve())
    merged = ConceptSet(own.name, own.kind)
    for name in own.extends:
        # Extended sets are looked up beside the file, wherever it lies.
        if Path(name).suffix in {".yaml", ".yml"}:
            raise UnhypeError(
                f"got {name!r} in extends of {path}, wanted the name of a set beside it: leave out the ending"
            )
        try:
            parent = set_path(name, path.parent)
        except UnhypeError as error:
            raise UnhypeError(f"{error}, in extends of {path}") from error
        if parent.resolve() in here:
            circle = " → ".join(part.stem for part in (*here[here.index(parent.resolve()) :], parent))
            raise UnhypeError(
                f"got a circle of extends, {circle}, in {path}: a set can't extend itself, remove one link"
            )
        merged = _merge(
            merged, _load(parent, here), settled={entry.concept for entry in own.forget if entry.anchor}, path=path
        )
    # Doubled entries of the set itself stay doubled: the suite shall see them.
    inherited = {entry.concept: entry for entry in merged.forget}
    repeated = {entry.concept for entry in own.forget} & inherited.keys()
    joined = tuple(
        _join(inherited[entry.concept], entry) if entry.concept in repeated else entry for entry in own.forget
    )
    return replace(
        own,
        forget=tuple(entry for entry in merged.forget if entry.concept not in repeated) + joined,
        retain=merged.retain + _new(own.retain, merged.retain),
        evaluation=merged.evaluation + _new(own.evaluation, merged.evaluation),
    )


def _merge(first: ConceptSet, second: ConceptSet, settled: Iterable[str], path: Path) -> ConceptSet:
    earlier = {entry.concept: entry for entry in first.forget}
    for entry in second.forget:
        known = earlier.get(entry.concept)
        if known and known.anchor != entry.anchor and entry.concept not in settled:
            raise UnhypeError(
                f"got two anchors for {entry.concept!r}, {known.anchor!r} and {entry.anchor!r}, "
                f"from the sets that {path} extends: say its anchor in that file"
            )
    later = {entry.concept: entry for entry in second.forget}
    forget = [_join(entry, later[entry.concept]) if entry.concept in later else entry for entry in first.forget]
    return replace(
        first,
        forget=(*forget, *(entry for entry in second.forget if entry.concept not in earlier)),
        retain=first.retain + _new(second.retain, first.retain),
        evaluation=first.evaluation + _new(second.evaluation, first.evaluation),
    )


def _join(old: Entry, new: Entry) -> Entry:
    synonyms, aliases = old.synonyms + _new(new.synonyms, old.synonyms), old.aliases + _new(new.aliases, old.aliases)
    return Entry(new.concept, new.anchor or old.anchor, synonyms, aliases)


def _new(texts: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(text for text in texts if text not in known)
