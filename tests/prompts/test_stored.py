"""Prompt tables are data: what somebody edits holds, what nobody edits follows the list, and nothing is lost unsaid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from unhype.concepts.schema import ConceptSet, Entry
from unhype.errors import UnhypeError
from unhype.prompts import stored
from unhype.prompts.tables import PromptSettings, evaluation_table, training_tables
from unhype.prompts.templates import DEVELOPMENT, HELD_OUT, TRAINING
from unhype.prompts.writing import write_prompts

SET = ConceptSet(
    "toy",
    "people",
    (Entry("Cher", "a woman", aliases=("Cherilyn",)), Entry("Prince", "a man")),
    ("Elvis", "Madonna"),
    ("Adele",),
)
SETTINGS = PromptSettings(4)


def fresh(concepts: ConceptSet = SET, settings: PromptSettings = SETTINGS) -> dict[str, pd.DataFrame]:
    return {**training_tables(concepts), "evaluation": evaluation_table(concepts, settings)}


def first(name: str) -> int:
    """The seed of a table's first row."""
    return int(fresh()[name]["seed"][0])


SEED = f",{first('train')},"


def put(folder: Path, concepts: ConceptSet = SET) -> tuple[str, ...]:
    """Write what holds, without the rules."""
    now = fresh(concepts)
    return stored.write(folder, now, stored.holding(folder, now))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_file_reads_as_the_table_that_it_was_written_from(tmp_path: Path) -> None:
    odd = replace(SET, forget=(Entry('Musk, "Elon"', "NA"), Entry("null", "a man")), retain=("nan", "Beyoncé"))
    assert put(tmp_path, odd) == ()
    for name, table in fresh(odd).items():
        pd.testing.assert_frame_equal(stored.read_table(tmp_path / f"{name}.csv"), table, check_dtype=False)
        assert stored.rows_hash(stored.read_table(tmp_path / f"{name}.csv")) == stored.rows_hash(table)


def test_layout_is_no_edit(tmp_path: Path) -> None:
    put(tmp_path)
    path = tmp_path / "train.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    now = fresh()
    assert stored.holding(tmp_path, now)["train"] is now["train"]


def test_an_edited_row_holds_and_the_rest_follows_the_list(tmp_path: Path) -> None:
    put(tmp_path)
    before = stored.tables_hash(stored.holding(tmp_path, training_tables(SET)))
    edit(tmp_path / "evaluation.csv", f",{first('evaluation')},", ",30000777,")
    assert put(tmp_path) == ("evaluation",)
    assert 30000777 in set(stored.holding(tmp_path, fresh())["evaluation"]["seed"])
    assert stored.tables_hash(stored.holding(tmp_path, training_tables(SET))) == before, "training reads other files"
    edit(tmp_path / "train.csv", f",{first('train')},", ",10000777,")
    assert stored.tables_hash(stored.holding(tmp_path, training_tables(SET))) != before


def test_tables_that_nobody_edited_follow_their_list(tmp_path: Path) -> None:
    put(tmp_path)
    more = replace(SET, forget=(*SET.forget, Entry("Sting", "a man")))
    assert put(tmp_path, more) == ()
    assert "Sting" in set(stored.read_table(tmp_path / "train.csv")["concept"])


def test_an_edit_is_never_lost_unsaid(tmp_path: Path) -> None:
    put(tmp_path)
    edit(tmp_path / "train.csv", f",{first('train')},", ",10000777,")
    more = replace(SET, forget=(*SET.forget, Entry("Sting", "a man")))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UnhypeError, match=r"train.csv, which was edited, while .* --overwrite") as caught:
        put(tmp_path, more)
    assert "\n" not in str(caught.value)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert "retain" in stored.holding(tmp_path, {"retain": fresh(more)["retain"]}), "other tables are not concerned"


def test_files_that_come_without_a_record_count_as_edited(tmp_path: Path) -> None:
    put(tmp_path)
    (tmp_path / stored.RECORD).unlink()
    assert put(tmp_path) == ()
    (tmp_path / stored.RECORD).write_text("no JSON")
    edit(tmp_path / "train.csv", f",{first('train')},", ",10000777,")
    with pytest.raises(UnhypeError, match="which was edited"):
        put(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("group,concept", "group;concept", "without the column 'concept'"),
        ("group,", "group,colour,", "with the unknown or doubled column 'colour'"),
        (SEED, ",soon,", "got the seed 'soon' in .*train.csv line 2"),
        (SEED, ",9223372036854775808,", "got the seed '9223372036854775808'"),
        ("group,concept,erased,kept", "group,group,erased,kept", "'concept'"),
        (SEED, ',"1,', "got no CSV in .*unexpected end of data"),
        (SEED, ",-1,", "got the seed '-1'"),
        (SEED, ",,", "got the seed ''"),
        (SEED, ",1,2,3,", "got 13 cells in .*train.csv line 2"),
    ],
)
def test_what_is_no_table_is_one_line(old: str, new: str, said: str, tmp_path: Path) -> None:
    put(tmp_path)
    edit(tmp_path / "train.csv", old, new)
    with pytest.raises(UnhypeError, match=said) as caught:
        put(tmp_path)
    assert "\n" not in str(caught.value)


def row(template: str, text: str = "Cher", **others: object) -> str:
    """A line of train.csv."""
    cells = {
        "group": "forget",
        "concept": "Cher",
        "erased": "Cher",
        "kept": "",
        "text": text,
        "anchor": "a woman",
        "prompt": template.format(text),
        "anchor_prompt": template.format("a woman"),
        "template": template,
        "seed": 10_900_000,
        "split": "train",
    }
    return pd.DataFrame([{**cells, **others}]).to_csv(index=False, header=False)


def test_an_added_row_is_taken_and_other_rows_are_not_written_again(tmp_path: Path) -> None:
    write_prompts(SET, SETTINGS, tmp_path)
    times = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    with open(tmp_path / "train.csv", "a", encoding="utf-8") as file:
        file.write(row("a mural of {} on a wall"))
    tables, edited = write_prompts(SET, SETTINGS, tmp_path)
    assert edited == ("train",)
    assert tables["train"]["prompt"].iloc[-1] == "a mural of Cher on a wall"
    assert {name for name, time in times.items() if (tmp_path / name).stat().st_mtime_ns != time} == {"train.csv"}
    assert write_prompts(SET, SETTINGS, tmp_path, overwrite=True)[1] == ()
    assert "mural" not in (tmp_path / "train.csv").read_text()


HELD = [frame for frames in HELD_OUT.values() for frame in frames]
USED = set(evaluation_table(SET, SETTINGS)["template"])


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (row(next(frame for frame in HELD if frame in USED)), "own_template"),
        (row(next(frame for frame in HELD if frame not in USED).upper()), "own_template"),
        (row(next(iter(DEVELOPMENT.values()))[0]), "own_template"),
        (row("a mural of {}", "Cherilyn"), "withheld"),
        (row("a mural of {}", seed=first("evaluation")), "seeds_apart"),
        (row("a mural of {}", split="evaluation"), "own_split"),
        (row("a mural of {}", group="alias"), "own_group"),
        (row("a mural of {}", concept="Sting", erased="Sting", text="Sting"), "concepts_of_the_list"),
        (row("a mural of {}", concept="Prince"), "whose"),
        (row("a mural of {}", prompt="a mural of somebody"), "filled"),
        (row("a mural of {}", anchor_prompt=""), "anchored"),
        (row(training_tables(SET)["train"]["template"][0], seed=first("train")), "unique"),
    ],
)
def test_a_row_that_must_not_be_trained_on_is_refused_by_file_line_and_rule(
    line: str, rule: str, tmp_path: Path
) -> None:
    write_prompts(SET, SETTINGS, tmp_path)
    with open(tmp_path / "train.csv", "a", encoding="utf-8") as file:
        file.write(line)
    last = len((tmp_path / "train.csv").read_text().splitlines())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UnhypeError, match=rf"rule {rule}: ") as caught:
        write_prompts(SET, SETTINGS, tmp_path)
    assert rule == "unique" or f"got train.csv line {last} " in str(caught.value) or rule == "seeds_apart"
    assert str(tmp_path) in str(caught.value)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_evaluation_row_may_ask_for_what_the_list_holds_and_for_nothing_else(tmp_path: Path) -> None:
    write_prompts(SET, SETTINGS, tmp_path)
    path = tmp_path / "evaluation.csv"
    good = {"group": "evaluation", "concept": "Adele", "erased": "", "kept": "Adele", "split": "evaluation"}
    bare = {"anchor": "", "anchor_prompt": "", "seed": 30_900_000}
    before = path.read_bytes()
    with open(path, "a", encoding="utf-8") as file:
        file.write(row("a coin with {} on it", "Adele", **good, **bare))
    assert write_prompts(SET, SETTINGS, tmp_path)[1] == ("evaluation",)
    path.write_bytes(before + row(next(iter(TRAINING.values()))[0], "Adele", **good, **bare).encode())
    with pytest.raises(UnhypeError, match="has a template of the train split"):
        write_prompts(SET, SETTINGS, tmp_path)
