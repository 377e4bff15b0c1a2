"""Who may be offered: a trained guard goes through the gates, beside the champion of its model, and gets a verdict.

Flows call this at the end of a training, and alone for a version that is registered already. Nothing is registered
here: the decision is written down by :mod:`unhype.registry.deciding`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unhype.concepts.schema import ConceptSet
from unhype.erasing.checkpoint import read_card
from unhype.erasing.guard import Guard
from unhype.errors import UnhypeError
from unhype.families.family import Family
from unhype.files import write_text
from unhype.gates import attacked
from unhype.gates.absolute import absolute_gates
from unhype.gates.drawing import draw_verdict
from unhype.gates.paired import Difference, Regression, compare
from unhype.gates.settings import GateSettings
from unhype.gates.verdict import Verdict
from unhype.judges.choosing import Judging
from unhype.params import Params
from unhype.pictures.gallery import save_picture
from unhype.pipeline import replaying
from unhype.pipeline.job import Job, open_job
from unhype.pipeline.trial import Trial
from unhype.progress import Progress
from unhype.registry.champions import champion_of
from unhype.registry.gating import Decision, guard_hash, objection
from unhype.registry.lineage import no_longer_forgotten
from unhype.registry.models import Version, set_of
from unhype.registry.resolving import resolve
from unhype.registry.store import Store
from unhype.reports.attacked import NOT_ATTACKED


def job_of(guard: Path, params: Params, concepts: str, base: str, data: Path, build: Path) -> Job:
    """The job that a guard is the outcome of, to be judged by.

    Args:
        guard: its folder.
        concepts, base: in place of those that its card names; empty for those.

    Raises:
        UnhypeError: no such set or base, other weights than the guard's, or a list that was edited since.
    """
    card = read_card(guard)
    job = open_job(params, concepts or card["concepts"], base or card["base"], data, build)
    if job.concepts.content_hash() != card["concepts_hash"]:
        raise UnhypeError(
            f"got the concept set {job.concepts.name} with the content {job.concepts.content_hash()[:12]}, wanted "
            f"{card['concepts_hash'][:12]}, on which this guard was trained: name a file with that content, or train "
            "anew"
        )
    if job.base.hash != card["base_hash"]:
        raise UnhypeError(
            f"got the base {job.base.reference} {job.base.hash[:12]}, wanted {card['base']} {card['base_hash'][:12]}, "
            "on which this guard was trained: say where it lies"
        )
    return job


def check_removal(store: Store, model: str, concepts: ConceptSet, allowed: bool) -> str:
    """Refuse a list that forgets less than the champion, before any work; returns what there is to say otherwise.

    Raises:
        UnhypeError: somebody may rely on what is no longer forgotten, and nobody has said that it is meant.
    """
    try:
        champion, gone = no_longer_forgotten(store, model, (entry.concept for entry in concepts.forget))
    except UnhypeError as error:
        return f"the champion of {model} can't be compared with: {error}"
    if gone and not allowed:
        raise UnhypeError(
            f"got the list {concepts.name} without {_few(gone)}, which the champion {champion} forgets, wanted all of "
            "them, since somebody may rely on it: put them back, or say --allow-removal true"
        )
    return f"no longer forgotten, and allowed so: {_few(gone)}" if gone else ""


def _few(names: Sequence[str]) -> str:
    return f"{', '.join(names[:5])}{f' and {len(names) - 5} more' if len(names) > 5 else ''}"


@dataclass
class Promotion:
    """One guard before the gates of one model.

    Attributes:
        guard: its folder.
        model: name of the registered model that it is meant for.
        removal: whether the list may lack concepts that the champion forgets.
        attacks: see :class:`unhype.gates.absolute.Measured`; reports that are about this guard are found besides.
    """

    job: Job
    family: Family
    judging: Judging
    guard: Path
    store: Store
    model: str
    settings: GateSettings
    removal: bool = False
    attacks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def run(self) -> Iterator[Progress]:
        """Draw and judge; ``verdict`` is there afterwards."""
        self.trial = trial = Trial(self.job, self.family, self.judging.judge, self.settings)
        self.new = guard = Guard.load(self.guard)
        yield from trial.draw("gates", guard)
        notes: list[str] = []
        try:
            yield from replaying.replay(self.job, self.family, guard, self.guard, self.judging.judge)
        except UnhypeError as error:
            notes.append(f"not drawn again, what attacks found before: {error}")
        found = attacked.tried(self.guard, guard.trained.facts["sha256"], self.job.build)
        own = {name: attacked.measured(told) for name, told in found.items()}
        measured = trial.measured(guard, {**own, **self.attacks})
        objections: list[str] = list(self._about_the_set())
        self.champion: Guard | None = None
        version = champion_of(self.store, self.model)
        digest = guard_hash(self.guard)
        differences: tuple[Difference, ...] = ()
        regressions: tuple[Regression, ...] = ()
        if version and version.tags.get("guard_hash") == digest:
            notes.append("this guard is the champion itself: there is nobody else to compare it with")
        elif version:
            if why := objection(version.tags):
                notes.append(f"{version.uri} is champion and was {why}: unhype models reconcile {self.model}")
            try:
                self.champion = self._opponent(version)
                objections += self._about_the_list(version, notes)
                yield from trial.draw("champion", self.champion)
                theirs = trial.marks(self.champion)
                if measured.marks is not None and theirs is not None:
                    differences, regressions = compare(measured.marks, theirs, self.settings)
                    if not differences:
                        objections.append(f"not compared with the champion {version.uri}: no pair of pictures counts")
            except UnhypeError as error:
                objections.append(
                    f"not compared with the champion {version.uri}: {error}; put that right, or take the alias "
                    "from it, and judge this version again"
                )
        self.verdict = Verdict(
            digest,
            f"{self.job.concepts.name} {self.job.concepts.content_hash()[:12]}",
            self.judging.judge.name if self.judging.judge else "",
            self.settings,
            absolute_gates(measured, self.settings),
            version.uri if version else "",
            differences,
            regressions,
            tuple(objections),
            tuple(notes),
            attacked.lines(found),
        )

    def decision(self, folder: Path) -> Decision:
        """The verdict as files in a folder, and what the registry writes down."""
        verdict, files = self.verdict, [folder / name for name in ("gates.json", "gates.md", "gates.png")]
        write_text(files[0], verdict.evidence())
        write_text(files[1], f"{verdict.markdown()}\n")
        draw_verdict(verdict, files[2])
        gallery = self.trial.gallery(verdict.regressions, self.new, self.champion) if self.champion else None
        if gallery:
            files.append(folder / "regressions.png")
            save_picture(gallery, files[-1])
        return Decision(
            verdict.passed,
            verdict.guard,
            verdict.digest,
            verdict.reasons,
            verdict.champion,
            verdict.markdown(),
            tuple(files),
            {
                "kind": self.job.concepts.kind,
                "judge": verdict.judge or "unjudged",
                "attacked": "\n".join(verdict.attacks) or NOT_ATTACKED,
            },
        )

    def _about_the_set(self) -> Iterator[str]:
        card = read_card(self.guard)
        if card.get("concepts_hash") != self.job.concepts.content_hash():
            yield (
                f"trained on the content {str(card.get('concepts_hash'))[:12]} of {card.get('concepts')}, judged by "
                f"{self.job.concepts.content_hash()[:12]} of {self.job.concepts.name}: train on the list as it is"
            )
        if (own := set_of(self.store, self.model)) and own != self.job.concepts.name:
            yield f"of the set {self.job.concepts.name}, and {self.model} is of {own}: give it a model of its own"

    def _about_the_list(self, version: Version, notes: list[str]) -> Iterator[str]:
        """What the list no longer asks for: somebody may rely on it."""
        kind = version.tags.get("kind", self.job.concepts.kind)
        if kind != self.job.concepts.kind:
            yield f"of the kind {self.job.concepts.kind}, and the champion {version.uri} is of {kind}"
        now = (entry.concept for entry in self.job.concepts.forget)
        if gone := no_longer_forgotten(self.store, self.model, now)[1]:
            if self.removal:
                notes.append(f"no longer forgotten, and allowed so: {_few(gone)}")
            else:
                yield f"no longer forgets {_few(gone)}, as the champion {version.uri} does: --allow-removal, if meant"

    def _opponent(self, version: Version) -> Guard:
        guard = Guard.load(resolve(self.store, version.uri))
        if guard.trained.facts["base_hash"] != self.job.base.hash:
            raise UnhypeError(
                f"got a guard of {guard.trained.facts['base']} {guard.trained.facts['base_hash'][:12]}, "
                f"wanted one of {self.job.base.reference} {self.job.base.hash[:12]}"
            )
        return guard
