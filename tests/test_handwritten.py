"""Files that people write: their encoding is named, ``1e-3`` is a number, a key stands once."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from unhype.errors import UnhypeError
from unhype.handwritten import TextLoader, compose_yaml, load_yaml, parse_yaml, read_text


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("latin-1", ["latin-1", "line 2"]),
        ("cp1252", ["cp1252", "line 2"]),
        ("utf-16", ["got UTF-16 in"]),
        ("utf-16-le", ["got UTF-16 without its mark in"]),
        ("utf-16-be", ["got UTF-16 without its mark in"]),
        ("utf-32", ["got UTF-32 in"]),
    ],
)
def test_another_encoding_is_named_in_one_line(tmp_path: Path, encoding: str, words: list[str]) -> None:
    path = tmp_path / "file"
    path.write_bytes(("a: 1\nb: für uns" + "…" * (encoding != "latin-1")).encode(encoding))
    for read in (read_text, load_yaml, compose_yaml):
        with pytest.raises(UnhypeError) as caught:
            read(path)
        said = str(caught.value)
        assert "\n" not in said
        assert all(word in said for word in [*words, str(path), "save the file as UTF-8"]), said


def test_the_mark_of_utf_8_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a: für", encoding="utf-8-sig")
    assert read_text(tmp_path / "file") == "a: für"
    assert load_yaml(tmp_path / "file") == {"a": "für"}


@pytest.mark.parametrize("text", ["1e-3", "1.0e-3", "1.e-3", ".1e-2", "+1E-3", "0.001"])
def test_numbers_as_people_write_them(text: str) -> None:
    assert parse_yaml(text, "here") == pytest.approx(0.001)
    assert isinstance(parse_yaml(text, "here"), float)


@pytest.mark.parametrize("text", ["e-3", "1e", "1e-3x", "1-e3", "v1e3", "'1e3'"])
def test_words_that_look_like_numbers_stay_words(text: str) -> None:
    assert parse_yaml(text, "here") == text.strip("'")


def test_plain_values_are_those_of_safe_load() -> None:
    text = "a: [1, 2.5, no, ~, 2020-01-02, x]\nb: &b {c: 1}\nd: {<<: *b, c: 2}\n? [1, 2]\n: 3\n"
    text = text.replace("? [1, 2]\n: 3\n", "")
    assert parse_yaml(text, "here") == yaml.safe_load(text)


def test_text_alone_where_words_are_wanted() -> None:
    assert parse_yaml("on: [no, 1e3]", "here", TextLoader) == {"on": ["no", "1e3"]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: {b: 1}\na: {b: 2}\n", ["'a' stands twice", "first on line 1", "here line 2"]),
        ("a:\n  - b: 1\n    c: 2\n    b: 1\n", ["'b' stands twice", "first on line 2", "here line 4"]),
        ("a: [1\n", ["malformed YAML in here line 2"]),
        ("a: 2020-99-99\n", ["malformed YAML in here"]),
        ("[" * 5000, ["too deep"]),
        ("a: 1\n---\na: 2\n", ["malformed YAML in here line 2"]),
        ("a: !!python/object:os.system [b]\n", ["malformed YAML in here line 1"]),
    ],
)
def test_mistakes_are_one_line_with_the_place(text: str, words: list[str]) -> None:
    with pytest.raises(UnhypeError) as caught:
        parse_yaml(text, "here")
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_doubled_keys_are_refused_by_both_loaders() -> None:
    with pytest.raises(UnhypeError, match="stands twice"):
        parse_yaml("a: 1\na: 1\n", "here", TextLoader)
