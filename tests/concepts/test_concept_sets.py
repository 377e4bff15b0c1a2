"""Reading, merging, hashing and tabling of concept sets; every mistake is one line that says where."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unhype.concepts.loading import available_sets, load_set
from unhype.concepts.schema import COLUMNS, ROLES, ConceptSet, Entry
from unhype.errors import UnhypeError

Write = Callable[[str, str], Path]

FULL = """
# a comment
name: full
kind: things
source: made up
notes: >-
  two
  lines
forget:
  - {concept: dog, anchor: a forest, synonyms: [hound], aliases: [Rex]}
  - concept: "  winged   creature "
    anchor: the sky
retain: [a cat, {concept: a house}]
evaluation:
  - Aaron Paul
"""


def test_everything_is_read(write: Write) -> None:
    assert load_set(write("full", FULL)) == ConceptSet(
        name="full",
        kind="things",
        source="made up",
        notes="two lines",
        forget=(Entry("dog", "a forest", ("hound",), ("Rex",)), Entry("winged creature", "the sky")),
        retain=("a cat", "a house"),
        evaluation=("Aaron Paul",),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["empty file"]),
        ("# name:\n- a\n- b\n", ["a list", "wanted a mapping", "line 2"]),
        ("name: bad\nname: bad\nkind: people\n", ["'name' twice", "line 1", "at {path} line 2"]),
        ("name: bad\nkind: animals\n", ["'animals'", "people, things, styles, explicit", "line 2"]),
        ("name: other\nkind: people\n", ["'other'", "'bad'", "line 1"]),
        ("name: bad\n", ["no 'kind'", "add it"]),
        ("name: bad\nkind: people\nforgett: []\n", ["unknown key 'forgett'", "did you mean forget?", "line 3"]),
        ("name: bad\nkind: people\n? [a, b]\n: c\n", ["unknown key 'a list'", "line 3"]),
        ("retain:\n", ["nothing for retain", "write []", "line 3"]),
        ("retain: a man\n", ["'a man' (str)", "wanted a list", "line 3"]),
        ("retain:\n- a man\n- 1984\n", ["'1984' (int)", "quotes", "line 5"]),
        ("retain: [No]\n", ["'No' (bool)", "quotes"]),
        ("retain: [[a]]\n", ["a list for retain", "wanted text"]),
        ("retain: [{concept: a, anchor: b}]\n", ["unknown key 'anchor'", "the retain entry"]),
        ("forget: [Adam Driver]\n", ["'Adam Driver' (str) for the forget entry", "concept, anchor, synonyms, aliases"]),
        ("forget:\n- anchor: a man\n", ["no 'concept' in the forget entry", "line 4"]),
        ("forget:\n- concept: A\n  synonyms: x\n", ["synonyms of 'A'", "wanted a list", "line 5"]),
        ("forget:\n- concept: A\n  concept: B\n", ["'concept' twice", "first on line 4", "line 5"]),
        ('retain: ["\\ud800"]\n', ["surrogate", "line 3"]),
        ("retain: [a\n", ["malformed YAML"]),
        ("retain: !!python/object:os.system [a]\nnotes: !mine x\n", ["'x' (!mine)", "wanted text"]),
        ("extends: bad\n", ["circle", "bad → bad"]),
        ("extends: absent\n", ["'absent'", "in extends of", "it has bad"]),
        ("extends: other.yaml\n", ["'other.yaml'", "leave out the ending"]),
        (
            "forget:\n- {concept: Musk, Elon, anchor: a man}\n",
            ["'Elon' without a value", "a comma wants quotes", 'concept: "Musk, Elon"', "line 4"],
        ),
        ("forget:\n- {concept: A, anchor: a man, a hat}\n", ['anchor: "a man, a hat"']),
        ("forget:\n- {concept: A, ancor: a man}\n", ["unknown key 'ancor'", "did you mean anchor?"]),
    ],
)
def test_mistakes_are_one_line_with_place_and_advice(text: str, words: list[str], write: Write) -> None:
    path = write("bad", text) if text else write("bad", "# name:\n")
    with pytest.raises(UnhypeError) as caught:
        load_set(path)
    said = str(caught.value)
    assert str(path.parent) in said
    assert "\n" not in said
    assert all(word.format(path=path) in said for word in words), said


def test_missing_files_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    with pytest.raises(UnhypeError, match=r"got no file .*absent\.yaml"):
        load_set(tmp_path / "absent.yaml")
    (tmp_path / "latin.yaml").write_bytes("name: latin\nkind: people\nretain: [Beyoncé]".encode("latin-1"))
    with pytest.raises(UnhypeError, match=r"not UTF-8 in .*latin\.yaml line 3, as latin-1 has them"):
        load_set(tmp_path / "latin.yaml")
    (tmp_path / "wide.yaml").write_text("name: wide\nkind: people\n", encoding="utf-16")
    with pytest.raises(UnhypeError, match="got UTF-16"):
        load_set(tmp_path / "wide.yaml")
    (tmp_path / "deep.yaml").write_text("name: deep\nretain: " + "[" * 5000)
    with pytest.raises(UnhypeError, match="deep"):
        load_set(tmp_path / "deep.yaml")


@pytest.mark.parametrize("name", ["team.v2", "team's", 'the "best"', "50%", "a@b", "a:b"])
def test_a_name_that_the_model_registry_refuses_is_refused_here(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.yaml"
    quoted = "'" + name.replace("'", "''") + "'"
    path.write_text(f"kind: people\nname: {quoted}\nforget: [{{concept: Elon Musk, anchor: a man}}]\n")
    with pytest.raises(UnhypeError, match=r"wanted letters, digits, - and _.* line 2") as caught:
        load_set(path)
    assert repr(name) in str(caught.value)


def test_a_misspelt_name_gets_the_close_ones(write: Write, tmp_path: Path) -> None:
    write("celeb10", "retain: []")
    write("celeb100", "retain: []")
    assert available_sets(tmp_path) == ("celeb10", "celeb100")
    with pytest.raises(UnhypeError, match="did you mean celeb100 or celeb10"):
        load_set("celeb_100", tmp_path)
    with pytest.raises(UnhypeError, match="it has celeb10, celeb100"):
        load_set("zebra", tmp_path)
    with pytest.raises(UnhypeError, match="got no folder"):
        load_set("zebra", tmp_path / "absent")


# ---------------------------------------------------------------- extends


def test_extended_entries_come_first_and_merge(write: Write) -> None:
    write(
        "base",
        "forget:\n- {concept: A, anchor: a man, synonyms: [x]}\n- {concept: B, anchor: a man}\n"
        "retain: [r, s]\nevaluation: [e]",
    )
    child = load_set(
        write(
            "child",
            "extends: base\nforget:\n- {concept: A, synonyms: [y, x], aliases: [z]}\n- {concept: C, anchor: a woman}\n"
            "retain: [s, t]",
        )
    )
    assert child.extends == ("base",)
    assert child.forget == (Entry("B", "a man"), Entry("A", "a man", ("x", "y"), ("z",)), Entry("C", "a woman"))
    assert child.retain == ("r", "s", "t")
    assert child.evaluation == ("e",)


def test_a_diamond_is_no_circle_and_a_circle_is_named(write: Write) -> None:
    write("top", "retain: [r]")
    write("left", "extends: top\nretain: [l]")
    write("right", "extends: [top]\nretain: [r, q]")
    assert load_set(write("bottom", "extends: [left, right]")).retain == ("r", "l", "q")
    write("top", "extends: left\nretain: [r]")
    with pytest.raises(UnhypeError, match="left → top → left"):
        load_set(write("bottom", "extends: [left, right]"))


def test_extended_sets_that_disagree_must_be_settled(write: Write) -> None:
    write("one", "forget: [{concept: A, anchor: a man}]")
    write("two", "forget: [{concept: A, anchor: a woman}]")
    with pytest.raises(UnhypeError, match=r"two anchors for 'A', 'a man' and 'a woman'.*child\.yaml"):
        load_set(write("child", "extends: [one, two]"))
    settled = load_set(write("child", "extends: [one, two]\nforget: [{concept: A, anchor: a person}]"))
    assert settled.forget == (Entry("A", "a person"),)


def test_entries_doubled_in_one_file_stay_doubled(write: Write) -> None:
    """Refused by the suite, not mended by the loader."""
    assert (
        load_set(
            write("doubled", "forget: [{concept: A, anchor: a man}, {concept: A, anchor: a man}]\nretain: [r, r]")
        ).counts()["forget"]
        == 2
    )


# ---------------------------------------------------------------- hash and table

texts = st.text("ab é", max_size=3)
entries = st.builds(Entry, texts, texts, st.lists(texts, max_size=2).map(tuple), st.lists(texts, max_size=2).map(tuple))
lists = st.lists(texts, max_size=3).map(tuple)
sets = st.builds(
    ConceptSet,
    name=st.just("s"),
    kind=st.sampled_from(("people", "things")),
    forget=st.lists(entries, max_size=3).map(tuple),
    retain=lists,
    evaluation=lists,
)


@given(sets, st.randoms(use_true_random=False))
def test_the_hash_ignores_order(concept_set: ConceptSet, chance: random.Random) -> None:
    def shuffled(items: tuple) -> tuple:
        return tuple(chance.sample(items, len(items)))

    forget = tuple(replace(entry, synonyms=shuffled(entry.synonyms)) for entry in shuffled(concept_set.forget))
    other = replace(
        concept_set,
        forget=forget,
        retain=shuffled(concept_set.retain),
        evaluation=shuffled(concept_set.evaluation),
        notes="n",
        source="s",
    )
    assert other.content_hash() == concept_set.content_hash()
    assert replace(other, name="t").canonical().forget == concept_set.canonical().forget


def test_the_hash_ignores_layout_and_sees_content(write: Write) -> None:
    one = load_set(write("one", "forget:\n- {concept: Beyoncé, anchor: a woman}\nretain: [r, s]")).content_hash()
    same = load_set(
        write(
            "two",
            "# said otherwise\nretain:\n- s\n- 'r '\n"
            'forget:\n- anchor: >-\n    a\n    woman\n  concept: "Beyonce\\u0301"\n',
        )
    ).content_hash()
    assert one == same
    others = [
        "forget:\n- {concept: Beyoncé, anchor: a man}\nretain: [r, s]",
        "forget:\n- {concept: Beyoncé, anchor: a woman}\nretain: [r]",
    ]
    hashes = {load_set(write("three", text)).content_hash() for text in others}
    assert len(hashes | {one}) == 3


def test_the_hash_is_the_known_one() -> None:
    """A changed hash makes every trained guard look stale: never by accident."""
    known = ConceptSet("any", "people", (Entry("A", "a man", ("s",), ("t",)),), ("r",), ("e",))
    assert known.content_hash() == "e4e891b8ee468c8bbb3a675aa28807d6ba1c8ae12551d868418b27c8bacbfbee"


def test_the_table_has_a_row_for_each_text(good: ConceptSet) -> None:
    frame = good.to_frame()
    assert tuple(frame.columns) == COLUMNS
    assert frame.iloc[:5].to_numpy().tolist() == [
        ["Adam Driver", "Adam Driver", "forget", "a man", 0],
        ["Adam Driver", "Kylo", "synonym", "a man", 0],
        ["Adam Driver", "the Driver", "alias", "a man", 0],
        ["Adam Driver", "a man", "anchor", "a man", 0],
        ["Emma Stone", "Emma Stone", "forget", "a woman", 1],
    ]
    assert frame.iloc[-1].tolist() == ["Aaron Paul", "Aaron Paul", "evaluation", "", 0]
    assert {role: int((frame["role"] == role).sum()) for role in ROLES} == good.counts()
    assert tuple(ConceptSet("empty", "people").to_frame().columns) == COLUMNS
