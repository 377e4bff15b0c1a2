"""One YAML file → one concept set, strictly: what is unknown, doubled, missing or of a wrong type is refused.

The file is read as a tree of nodes and not as plain values, since nodes know their lines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn, TypeVar

import yaml

from unhype.concepts.folding import tidy
from unhype.concepts.kinds import KINDS
from unhype.concepts.schema import ConceptSet, Entry
from unhype.errors import UnhypeError
from unhype.handwritten import compose_yaml
from unhype.names import check_name

T = TypeVar("T")

SET_KEYS = ("name", "kind", "source", "notes", "extends", "bases", "forget", "retain", "evaluation")
ENTRY_KEYS = ("concept", "anchor", "synonyms", "aliases")


def read_set(path: Path) -> ConceptSet:
    """Read one file by itself; what it extends is named in ``extends`` and not merged yet.

    Raises:
        UnhypeError: no such file, not YAML in UTF-8, a name that the model registry would refuse, or anything the
            schema does not know; with the line where it stands.
    """
    root = compose_yaml(path)
    if root is None:
        raise UnhypeError(f"got the empty file {path}, wanted a concept set with at least name, kind and forget")
    return _Reader(path).concept_set(root)


@dataclass(frozen=True)
class _Reader:
    path: Path

    def concept_set(self, node: yaml.Node) -> ConceptSet:
        fields = self.mapping(node, SET_KEYS, ("name", "kind"), "the concept set")
        name, kind = self.text(fields["name"], "name"), self.text(fields["kind"], "kind")
        if name != self.path.stem:
            self.refuse(fields["name"], f"got the name {name!r}, wanted {self.path.stem!r} as the file is called")
        check_name(name, "the name", f", at {self.path} line {fields['name'].start_mark.line + 1}")
        if kind not in KINDS:
            self.refuse(fields["kind"], f"got the kind {kind!r}, wanted one of {', '.join(KINDS)}")
        return ConceptSet(
            name=name,
            kind=kind,
            forget=self.listing(fields.get("forget"), "forget", self.entry),
            retain=self.listing(fields.get("retain"), "retain", self.retained),
            evaluation=self.listing(fields.get("evaluation"), "evaluation", self.text),
            source=self.text(fields["source"], "source") if "source" in fields else "",
            notes=self.text(fields["notes"], "notes") if "notes" in fields else "",
            extends=self.extended(fields.get("extends")),
            bases=self.listing(fields["bases"], "bases", self.text) if "bases" in fields else None,
        )

    def entry(self, node: yaml.Node, what: str) -> Entry:
        fields = self.mapping(node, ENTRY_KEYS, ("concept",), f"the {what} entry")
        concept = self.text(fields["concept"], "concept")
        return Entry(
            concept=concept,
            anchor=self.text(fields["anchor"], f"anchor of {concept!r}") if "anchor" in fields else "",
            synonyms=self.listing(fields.get("synonyms"), f"synonyms of {concept!r}", self.text),
            aliases=self.listing(fields.get("aliases"), f"aliases of {concept!r}", self.text),
        )

    def retained(self, node: yaml.Node, what: str) -> str:
        if isinstance(node, yaml.MappingNode):
            return self.text(self.mapping(node, ("concept",), ("concept",), f"the {what} entry")["concept"], "concept")
        return self.text(node, what)

    def extended(self, node: yaml.Node | None) -> tuple[str, ...]:
        if isinstance(node, yaml.ScalarNode):
            return (self.text(node, "extends"),)
        return self.listing(node, "extends", self.text)

    def mapping(
        self, node: yaml.Node, known: tuple[str, ...], needed: tuple[str, ...], what: str
    ) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self.refuse(node, f"got {_shown(node)} for {what}, wanted a mapping with keys among {', '.join(known)}")
        fields: dict[str, yaml.Node] = {}
        last = ""
        for key_node, value in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else _shown(key_node)
            if key not in known and last and node.flow_style and _is_blank(value):
                before = fields[last].value if isinstance(fields[last], yaml.ScalarNode) else "…"
                self.refuse(
                    key_node,
                    f"got {key!r} without a value in {what}: a text with a comma wants quotes around it, "
                    f'such as {last}: "{before}, {key}"',
                )
            if key not in known:
                close = get_close_matches(str(key), known, n=1)
                advice = f"did you mean {close[0]}?" if close else "remove it"
                self.refuse(
                    key_node, f"got the unknown key {key!r} in {what}, wanted one of {', '.join(known)}: {advice}"
                )
            if key in fields:
                line = fields[key].start_mark.line + 1
                self.refuse(key_node, f"got the key {key!r} twice in {what}, first on line {line}: keep one of them")
            fields[key], last = value, key
        for key in needed:
            if key not in fields:
                self.refuse(node, f"got no {key!r} in {what}: add it")
        return fields

    def listing(self, node: yaml.Node | None, what: str, read: Callable[[yaml.Node, str], T]) -> tuple[T, ...]:
        if node is None:
            return ()
        if not isinstance(node, yaml.SequenceNode):
            self.refuse(node, f"got {_shown(node)} for {what}, wanted a list: write [] for none")
        return tuple(read(item, what) for item in node.value)

    def text(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or node.tag != "tag:yaml.org,2002:str":
            self.refuse(
                node, f"got {_shown(node)} for {what}, wanted text: put quotes around it if it is meant as words"
            )
        if any("\ud800" <= letter <= "\udfff" for letter in node.value):
            self.refuse(
                node, f"got half of a surrogate pair in {what}, wanted whole characters: write the character itself"
            )
        return tidy(node.value)

    def refuse(self, node: yaml.Node, message: str) -> NoReturn:
        raise UnhypeError(f"{message}, at {self.path} line {node.start_mark.line + 1}")


def _shown(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    kind = node.tag.rsplit(":", 1)[-1]
    return "nothing" if kind == "null" else f"{node.value!r} ({kind})"


def _is_blank(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and not node.value and node.tag.endswith(":null")
