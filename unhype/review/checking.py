"""Every changed list by every rule, before any work: all findings of all lists, not the first of the first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from unhype.concepts.accepting import ALLOW, accepted_path, read_accepted, removed
from unhype.concepts.loading import FOLDER, load_set, set_path
from unhype.concepts.report import write_report
from unhype.concepts.results import RuleResult
from unhype.concepts.schema import ConceptSet
from unhype.concepts.suite import validate_set
from unhype.errors import UnhypeError
from unhype.params import Params
from unhype.pipeline import job as jobs
from unhype.pipeline import lists

DATA, BUILD = Path("data"), Path("build")


@dataclass(frozen=True)
class Finding:
    """What speaks against a list, or what a reader should know of it.

    Attributes:
        stops: whether nothing is trained before it is put right.
        entry: which one; empty where the whole list is meant.
        detail: what is wrong.
        fix: what to do; empty where ``detail`` says it.
    """

    concepts: str
    stops: bool
    entry: str
    detail: str
    fix: str = ""

    @property
    def line(self) -> str:
        """All of it in a line."""
        return ": ".join(filter(None, (self.concepts, self.entry, "; ".join(filter(None, (self.detail, self.fix))))))


def check(names: Iterable[str], params: Params) -> list[Finding]:
    """All findings on these lists, those that stop first; a report of each is written to ``build/reports``."""
    found = [finding for name in names for finding in _checked(name, params)]
    try:
        lists.listed(DATA)
    except UnhypeError as error:
        if not any(finding.stops and finding.detail == str(error) for finding in found):
            found.append(Finding("", True, "", str(error)))
    return sorted(dict.fromkeys(found), key=lambda finding: not finding.stops)


def _checked(name: str, params: Params) -> Iterator[Finding]:
    try:
        concepts = load_set(name)
        result = validate_set(concepts)
        write_report(result, concepts, BUILD / "reports" / f"{name}.html")
        yield from _of_rules(name, (*result.failed, *result.warned))
        yield from _removal(concepts)
        bases = lists.check(concepts, DATA, set_path(name))
    except UnhypeError as error:
        yield Finding(name, True, "", str(error))
        return
    for base in bases if result.ok else ():
        try:
            job = jobs.open_job(params, name, base, DATA, BUILD)
            with_base = jobs.validate(job, jobs.load_base(job))
        except UnhypeError as error:
            yield Finding(name, True, "", str(error))
        else:
            yield from _of_rules(name, (*with_base.failed, *with_base.warned))


def _of_rules(name: str, rules: Iterable[RuleResult]) -> Iterator[Finding]:
    for rule in rules:
        for one in rule.failures:
            yield Finding(name, rule.verdict == "fail", one.entry, f"{one.detail} (rule {rule.rule})", one.fix)


def _removal(concepts: ConceptSet) -> Iterator[Finding]:
    """The same refusal as that of the stage ``curate``, told before anything runs."""
    path = accepted_path(concepts.name, FOLDER)
    old = read_accepted(path)
    for concept in removed(old, concepts) if old else ():
        fix = f"put it back, or say that it is meant: unhype concepts accept {concepts.name} {ALLOW}, and commit {path}"
        yield Finding(
            concepts.name, True, f"forget {concept!r}", "is no longer forgotten, and somebody may rely on it", fix
        )
