"""Every list is a stage: ``data/lists.yaml`` tells ``dvc.yaml`` which sets there are, and on which bases to train.

    python -m unhype.pipeline.lists     write it anew from data/concepts (make stages; unhype concepts new does, too)

DVC knows no folder that it could go through, so its stages take their names from this file, and a stage ``lists``
writes it. A set says itself on which bases it is trained: ``bases: [mini-sd, mini-flux]``; ``bases: []`` for none.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from unhype.concepts.accepting import FOLDER as ACCEPTED
from unhype.concepts.loading import available_sets, load_set, set_path
from unhype.concepts.schema import ConceptSet
from unhype.errors import UnhypeError
from unhype.files import write_text
from unhype.handwritten import dump_yaml, load_yaml
from unhype.miniature.folders import BASE

DATA = Path("data")
FILE = "lists.yaml"

DEFAULT = (BASE.name,)
"""The bases of a list that names none."""

HEAD = """\
# Written by: make stages, unhype concepts new, dvc repro lists. dvc.yaml makes its stages of it: a list is accepted,
# its prompts are written, and a guard of it is made on each of its bases, which it names itself.
"""

IDENTITIES = ("card.json", "model_index.json")
"""The file of a base's folder by which DVC sees that the base is another: its card, where it has one."""


def listed(data: Path = DATA) -> dict[str, dict[str, dict[str, str]]]:
    """What ``dvc.yaml`` makes stages of, with paths as they are seen from the project's root.

    Returns:
        ``lists``: set → what its content depends on; ``guards``: base and set → both, and the base's identity.

    Raises:
        UnhypeError: a set that can't be read, whose name a stage can't have, or with a base that is not in ``data``;
            an accepted list whose set is gone.
    """
    folder = data / "concepts"
    lists: dict[str, dict[str, str]] = {}
    guards: dict[str, dict[str, str]] = {}
    for name in available_sets(folder):
        path = set_path(name, folder)
        concepts = load_set(name, folder)
        # Which files a set extends is for them to say: any edit of the folder may concern it.
        lists[name] = {"reads": (folder if concepts.extends else path).as_posix()}
        for base, identity in check(concepts, data, path).items():
            guards[f"{base}-{name}"] = {"base": base, "concepts": name, "identity": identity}
    for path in sorted((data / ACCEPTED).glob("*.json")):
        if path.stem not in lists:
            raise UnhypeError(
                f"got no set {path.stem} in {folder}, which {path} says was accepted; somebody may rely on what it "
                "forgets: put it back, or delete that file too"
            )
    return {"lists": lists, "guards": guards}


def bases_of(concepts: ConceptSet) -> tuple[str, ...]:
    """On which bases a set is trained."""
    return DEFAULT if concepts.bases is None else concepts.bases


def check(concepts: ConceptSet, data: Path, path: Path) -> dict[str, str]:
    """Each base of a set → the file by which DVC sees that it is another.

    Args:
        path: of the set, for the error message.

    Raises:
        UnhypeError: a base that is not in ``data``, or a name that a stage can't have.
    """
    if not re.fullmatch(r"[\w-]+", concepts.name):
        raise UnhypeError(f"got the set {path}, wanted letters, digits, - and _ in its name: a stage is called by it")
    return {base: _identity(base, data, path) for base in bases_of(concepts)}


def _identity(base: str, data: Path, path: Path) -> str:
    folder = data / "bases" / base
    found = next((folder / name for name in IDENTITIES if (folder / name).is_file()), None) if base else None
    if found is None:
        here = sorted(each.name for each in (data / "bases").glob("*") if each.is_dir())
        raise UnhypeError(
            f"got the base {base!r} under bases in {path}, wanted one of {', '.join(here)} in {data / 'bases'}: "
            "a base from elsewhere is trained by python flows/train_flow.py run --base"
        )
    return found.as_posix()


def write(data: Path = DATA) -> list[str]:
    """Write the file anew; returns names of lists and guards: ``+`` for new, ``-`` for gone, ``~`` for changed ones.

    Raises:
        UnhypeError: see :func:`listed`; the file stays as it was.
    """
    path = data / FILE
    new = listed(data)
    old = _read(path)
    if old == new:
        return []
    write_text(path, HEAD + dump_yaml(new))
    before, after = ({name: facts for part in told.values() for name, facts in part.items()} for told in (old, new))
    signs = {name: "+" if name not in before else "-" if name not in after else "~" for name in before | after}
    return [f"{sign}{name}" for name, sign in sorted(signs.items()) if before.get(name) != after.get(name)]


def _read(path: Path) -> dict[str, dict[str, Any]]:
    told = load_yaml(path) if path.exists() else None
    return told if isinstance(told, dict) else {}


def main() -> int:
    """Write the file; say what came and went."""
    try:
        changed = write()
    except UnhypeError as error:
        print(f"lists: {error}", file=sys.stderr)
        return error.exit_code
    again = "; run dvc repro once more for what is new" if changed else ""
    print(f"{DATA / FILE}: {', '.join(changed) or 'nothing'} changed{again}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
