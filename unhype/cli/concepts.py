"""``unhype concepts``: list, show, begin, validate, compare and accept concept sets on the command line.

The modules of this room are light to import: pandas and Great Expectations wait until a function needs them.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from unhype.cli.options import new_command
from unhype.concepts.accepting import ALLOW, accept, accepted_path
from unhype.concepts.diff import diff_sets
from unhype.concepts.loading import FOLDER, available_sets, load_set, set_path
from unhype.concepts.report import write_report
from unhype.concepts.results import ValidationResult
from unhype.concepts.suite import validate_set
from unhype.errors import UnhypeError
from unhype.files import write_text
from unhype.names import check_name

WIDTH = 100
REPORTS = Path("build/reports")


def add_commands(subparsers: Any) -> None:
    """Add the verb ``concepts`` with its own verbs; each sets ``run`` as every command does."""
    concepts = subparsers.add_parser(
        "concepts",
        help="list, show, begin, validate, compare and accept concept sets",
        description="List, show, begin, validate, compare and accept concept sets: what to forget, what to keep.",
        epilog="Example: unhype concepts validate celeb100",
    )
    verbs = concepts.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def verb(name: str, run: object, text: str, example: str) -> argparse.ArgumentParser:
        command = new_command(verbs, name, run, text, example)
        command.add_argument(
            "--folder",
            type=Path,
            default=FOLDER,
            metavar="FOLDER",
            help="folder of concept sets (default: %(default)s)",
        )
        return command

    verb("list", _list, "list the sets with their counts", "unhype concepts list")

    show = verb("show", _show, "show one set in full", "unhype concepts show objects")
    show.add_argument("set", help="a set's name, or a path that ends in .yaml")

    validate = verb(
        "validate", _validate, "check sets by every rule, write reports", "unhype concepts validate celeb100"
    )
    validate.add_argument("sets", metavar="set", nargs="*", help="names or paths (default: all in the folder)")
    validate.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help=f"where the report of a single set goes (default: {REPORTS}/<set>.html)",
    )
    validate.add_argument("--base", metavar="BASE", help="check too that this base's judge can tell the concepts")
    validate.add_argument(
        "--data",
        type=Path,
        default=Path("data"),
        metavar="FOLDER",
        help="where bases and judges are (default: %(default)s)",
    )
    validate.add_argument("--json", type=Path, metavar="FILE", help="write the result of a single set as JSON too")

    new = verb(
        "new",
        _new,
        "begin a set like another: the same kind, and the same to keep",
        'unhype concepts new trio --forget "Elon Musk" Rihanna "Jet Li=a man" --like celeb10',
    )
    new.add_argument("set", help="the new set's name")
    new.add_argument(
        "--forget",
        nargs="+",
        required=True,
        metavar="CONCEPT",
        help="what to forget; with =ANCHOR, what is drawn instead, where no other set says it",
    )
    new.add_argument(
        "--like", required=True, metavar="SET", help="the set whose kind, and what it keeps, is taken over"
    )
    new.add_argument(
        "--bases",
        nargs="*",
        metavar="BASE",
        help="on which bases of data/bases dvc repro makes a guard of it (default: those of --like)",
    )

    accepting = verb(
        "accept",
        _accept,
        "validate a set, say what changed since it was accepted last, and accept it",
        "unhype concepts accept celeb100",
    )
    accepting.add_argument("set", help="a set's name")
    accepting.add_argument(
        ALLOW, action="store_true", help="take a set that no longer forgets what its accepted form does"
    )

    diff = verb("diff", _diff, "say what changed from one set to another", "unhype concepts diff celeb10 celeb100")
    diff.add_argument("old", help="a set's name, or a path that ends in .yaml")
    diff.add_argument("new", help="a set's name, or a path that ends in .yaml")


def _list(options: argparse.Namespace) -> None:
    names = available_sets(options.folder)
    if not names:
        raise UnhypeError(f"got no concept set in {options.folder}, wanted files that end in .yaml: write one")
    width = max(len(name) for name in names)
    print(f"{'set':{width}}  {'kind':8}  {'forget':>6}  {'others':>6}  {'retain':>6}  {'evaluation':>10}  content")
    for name in names:
        concept_set = load_set(name, options.folder)
        counts = concept_set.counts()
        others = counts["synonym"] + counts["alias"]
        numbers = f"{counts['forget']:6}  {others:6}  {counts['retain']:6}  {counts['evaluation']:10}"
        print(f"{name:{width}}  {concept_set.kind:8}  {numbers}  {concept_set.content_hash()[:12]}")
    print("others: synonyms and aliases of what is to be forgotten, for evaluation only")


def _show(options: argparse.Namespace) -> None:
    concept_set = load_set(options.set, options.folder)
    print(f"{concept_set.name}: {concept_set.kind}, content {concept_set.content_hash()[:12]}")
    for title, text in (
        ("source", concept_set.source),
        ("notes", concept_set.notes),
        ("extends", ", ".join(concept_set.extends)),
    ):
        if text:
            print(_wrapped(f"{title}: {text}", "  "))
    print(f"\nforget ({len(concept_set.forget)})")
    width = min(32, max((len(entry.concept) for entry in concept_set.forget), default=0))
    for entry in concept_set.forget:
        names = [
            f"{what}: {', '.join(texts)}"
            for what, texts in (("synonyms", entry.synonyms), ("aliases", entry.aliases))
            if texts
        ]
        line = f"  {entry.concept:{width}} → {entry.anchor or 'no anchor'}" + (
            f"  ({'; '.join(names)})" if names else ""
        )
        print(_wrapped(line, " " * (width + 5)))
    for role, texts in (("retain", concept_set.retain), ("evaluation", concept_set.evaluation)):
        print(f"\n{role} ({len(texts)})")
        if texts:
            print(_wrapped("  " + ", ".join(texts), "  "))


def _validate(options: argparse.Namespace) -> None:
    names = options.sets or available_sets(options.folder)
    if not names:
        raise UnhypeError(f"got no concept set in {options.folder}, wanted files that end in .yaml: write one")
    if len(names) > 1 and (options.report or options.json):
        raise UnhypeError(f"got one file for {len(names)} sets: name one set, or leave out --report and --json")
    # All are read before the first is judged: a misspelt last name shows at once.
    sets = [(set_path(name, options.folder), load_set(name, options.folder)) for name in names]
    if options.base:
        _check_told([path for path, _ in sets], options.base, options.data)
    errors = []
    for path, concept_set in sets:
        result = validate_set(concept_set)
        report = options.report or REPORTS / f"{concept_set.name}.html"
        write_report(result, concept_set, report)
        if options.json:
            write_text(options.json, result.to_json())
        print(_summary(result, report))
        if not result.ok:
            errors.append(result.first_error_line(path))
    if errors:
        raise UnhypeError(errors[0] + (f"; {len(errors)} of {len(sets)} sets are not valid" if len(errors) > 1 else ""))


def _new(options: argparse.Namespace) -> None:
    from unhype.concepts.starting import as_yaml, like
    from unhype.pipeline import lists

    path = options.folder / f"{options.set}.yaml"
    check_name(options.set, "the name")
    if path.exists():
        raise UnhypeError(f"got the name {options.set!r}, wanted one that is free: {path} is there already")
    concepts = like(options.set, options.forget, load_set(options.like, options.folder), options.folder)
    if options.bases is not None:
        concepts = replace(concepts, bases=tuple(options.bases))
    result = validate_set(concepts)
    if not result.ok:
        raise UnhypeError(result.first_error_line(path))
    data = options.folder.parent
    lists.check(concepts, data, path)
    write_text(path, as_yaml(concepts))
    print(f"{path}: {', '.join(f'{number} {role}' for role, number in concepts.counts().items() if number)}")
    print(f"{data / lists.FILE}: {', '.join(lists.write(data)) or 'nothing'} changed")
    print(f"next: look at it, then: dvc repro -s curate@{concepts.name} prompts@{concepts.name}")
    for base in lists.bases_of(concepts):
        print(f"and for a guard on {base}: dvc repro -s erase@{base}-{concepts.name}")


def _accept(options: argparse.Namespace) -> None:
    concepts, path = load_set(options.set, options.folder), set_path(options.set, options.folder)
    result, report = validate_set(concepts), REPORTS / f"{concepts.name}.html"
    write_report(result, concepts, report)
    if not result.ok:
        raise UnhypeError(result.first_error_line(path))
    accepted = accepted_path(concepts.name, options.folder)
    diff = accept(concepts, accepted, options.allow_removal)
    if diff is None:
        print(f"{concepts.name} {concepts.content_hash()[:12]}: new; {concepts.counts()}; {accepted}")
        return
    print("\n".join(diff.lines()) or "nothing that counts has changed")
    counts = f"{len(diff.added)} added, {len(diff.removed)} removed, {len(diff.changed)} changed"
    print(f"{concepts.name} {concepts.content_hash()[:12]}: {counts}; {accepted}")


def _check_told(paths: Sequence[Path], base: str, data: Path) -> None:
    """Refuse sets with concepts that a base's judge can't tell, as a training run would."""
    from unhype.params import Params
    from unhype.pipeline.job import open_job
    from unhype.terminal import quiet

    quiet()
    for path in paths:
        open_job(Params(), str(path), base, data, Path("build"))


def _summary(result: ValidationResult, report: Path) -> str:
    verdict, passed = "valid" if result.ok else "NOT valid", sum(rule.success for rule in result.rules)
    lines = [
        f"{result.set_name}: {verdict}, {passed} of {len(result.rules)} rules hold; content {result.content_hash[:12]}",
        f"  report: {report}",
    ]
    for rule in result.rules:
        if rule.success:
            continue
        lines.append(_wrapped(f"  {rule.verdict} {rule.rule}: {rule.description}", "       "))
        lines += [
            _wrapped(f"       {failure.entry}: {failure.detail}; {failure.fix}", "         ")
            for failure in rule.failures[:5]
        ]
        lines += [f"       and {len(rule.failures) - 5} more, all in the report"] if len(rule.failures) > 5 else []
    return "\n".join(lines)


def _diff(options: argparse.Namespace) -> None:
    old, new = load_set(options.old, options.folder), load_set(options.new, options.folder)
    diff = diff_sets(old, new)
    if not diff:
        print(f"{old.name} and {new.name} ask for the same, content {new.content_hash()[:12]}")
        return
    print(f"{old.name} {old.content_hash()[:12]} → {new.name} {new.content_hash()[:12]}")
    print("\n".join(diff.lines()))
    print(f"{len(diff.added)} added, {len(diff.removed)} removed, {len(diff.changed)} changed")


def _wrapped(text: str, indent: str) -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
