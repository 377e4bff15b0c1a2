"""Files that people write by hand, YAML above all: one strict reader for all of ours.

It knows UTF-8 and no other encoding, takes ``1e-3`` for the number it is, and refuses a key that stands twice.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from unhype.errors import UnhypeError
from unhype.files import describe

_MARKS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, without the mark (BOM) that some editors put first; line ends as they are.

    Raises:
        UnhypeError: no such file, or another encoding, which is named.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UnhypeError(describe(error, path)) from error
    found = next((name for mark, name in _MARKS if raw.startswith(mark)), "")
    if not found and raw[:4096].count(0) * 4 > len(raw[:4096]):
        found = "UTF-16 without its mark"
    if found:
        raise UnhypeError(f"got {found} in {path}, wanted UTF-8: save the file as UTF-8")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, old = raw.count(b"\n", 0, error.start) + 1, _one_byte(raw)
        raise UnhypeError(
            f"got bytes that are not UTF-8 in {path} line {line}, as {old} has them: save the file as UTF-8"
        ) from error


def _one_byte(raw: bytes) -> str:
    # The two differ in 0x80 to 0x9f, where latin-1 has control characters that nobody types.
    return "cp1252 (Windows)" if re.search(rb"[\x80-\x9f]", raw) else "latin-1"


class _Strict:
    """A key that stands twice is an error; YAML itself says so, PyYAML lets the last win."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        refuse_doubles(node)
        return super().construct_mapping(node, deep)  # type: ignore[misc]


class StrictLoader(_Strict, yaml.SafeLoader):
    """YAML's plain types, and numbers like ``1e-3`` as YAML 1.2 has them."""


class TextLoader(_Strict, yaml.BaseLoader):
    """Every value is text: ``on`` and ``no`` are words."""


class StrictDumper(yaml.SafeDumper):
    """Writes what :class:`StrictLoader` reads as the same: a text that it would take for a number gets quotes."""


for _side in (StrictLoader, StrictDumper):
    _side.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"^[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9]+)[eE][-+]?[0-9]+$"),
        list("-+.0123456789"),
    )


def refuse_doubles(node: yaml.Node) -> None:
    """Refuse a mapping in which a key stands twice, as YAML's own kind of error, which knows the place."""
    first: dict[tuple[str, str], yaml.Node] = {}
    for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
        if not isinstance(key, yaml.ScalarNode):
            continue
        if (key.tag, key.value) in first:
            line = first[key.tag, key.value].start_mark.line + 1
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key.value!r} stands twice, first on line {line}: keep one", key.start_mark
            )
        first[key.tag, key.value] = key


def load_yaml(path: Path, loader: type[StrictLoader | TextLoader] = StrictLoader) -> Any:
    """The content of a YAML file as plain values; None if it is empty.

    Raises:
        UnhypeError: no such file, another encoding than UTF-8, not YAML, or a key that stands twice; with the line.
    """
    return parse_yaml(read_text(path), str(path), loader)


def parse_yaml(text: str, where: str, loader: type[StrictLoader | TextLoader] = StrictLoader) -> Any:
    """As :func:`load_yaml`, of a text; ``where`` is what the error says of its place."""
    try:
        return yaml.load(text, Loader=loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _refusal(error, where) from error


def dump_yaml(value: object, flow: bool = False, width: int = 10**6) -> str:
    """Plain values as YAML, keys in their order.

    Args:
        flow: on one line, with braces and brackets.
        width: where lines of words are broken.
    """
    text: str = yaml.dump(
        value, Dumper=StrictDumper, default_flow_style=flow, sort_keys=False, allow_unicode=True, width=width
    )
    return text


def compose_yaml(path: Path) -> yaml.Node | None:
    """The tree of nodes, for who wants the line of each value; None if it is empty. Doubled keys are the caller's.

    Raises:
        UnhypeError: see :func:`load_yaml`.
    """
    try:
        return yaml.compose(read_text(path), Loader=StrictLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise _refusal(error, str(path)) from error


def _refusal(error: Exception, where: str) -> UnhypeError:
    if isinstance(error, RecursionError):
        return UnhypeError(f"got YAML nested too deep in {where}: a file of ours has a few levels")
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark and error.problem:
        return UnhypeError(f"got malformed YAML in {where} line {error.problem_mark.line + 1}: {error.problem}")
    return UnhypeError(f"got malformed YAML in {where}: {' '.join(str(error).split())}")
