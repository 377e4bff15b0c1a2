"""Who judges which pictures: the one place that knows. From a base and a set to a judge, a CLIP, and what is missing.

    base                     kind               judge                                   embeddings
    of the miniature world   people, things     the miniature's own                     the miniature's CLIP
                             styles             zero-shot, where a CLIP is named        the miniature's CLIP
                             explicit           none                                    the miniature's CLIP
    any other                explicit           NudeNet                                 the CLIP that is named
                             things, styles     zero-shot by the CLIP that is named     the same
                             people             zero-shot, faces found by NudeNet       the same

A base of the miniature world says so in its card. Where something is missing there is no judge, but one line that says
what to do: the guard is trained all the same, scored by what needs no judge, and registered as unjudged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from unhype.bases.cards import read_card
from unhype.bases.finding import Source
from unhype.concepts.kinds import CLASSES, EXPLICIT, STYLES, has_article
from unhype.concepts.schema import ConceptSet
from unhype.judges import nudity
from unhype.judges.clip import Clip
from unhype.judges.embeddings import Embeddings
from unhype.judges.judge import Judge, check_known
from unhype.judges.miniature import MiniatureClip, MiniatureJudge
from unhype.judges.nudity import NudeNet, NudityJudge
from unhype.judges.zero_shot import ZeroShot
from unhype.miniature.folders import CLIP, JUDGE, WORLD

NAME_CLIP = "name one in params.yaml, judges: {clip: <hub id or folder>}"


@dataclass(frozen=True)
class JudgeSettings:
    """Who looks at the pictures of bases that bring no judge.

    Attributes:
        clip: a CLIP's hub id or folder, for zero-shot judging, CMMD and CLIP's score; empty for none.
    """

    clip: str = ""


@dataclass(frozen=True)
class Judging:
    """What was chosen.

    Attributes:
        judge: ``None`` where nobody can tell this kind in this base's pictures.
        embeddings: ``None`` where no CLIP is at hand.
        missing: one line that says why there is no judge and what to do; empty where there is one.
        detector: who finds nudity, whatever else is judged; ``None`` where pictures are no photographs, or it is not
            installed.
    """

    judge: Judge | None
    embeddings: Embeddings | None
    missing: str = ""
    detector: NudeNet | None = None


def choose(base: Source, concepts: ConceptSet | None, judges: Path, settings: JudgeSettings) -> Judging:
    """The judge and the CLIP for a set on a base.

    Args:
        base: a base without a folder is not of the miniature world.
        concepts: ``None`` for a list of prompts about no set: then only a judge can be had that knows its whole world.
        judges: folder of the judges that ship.
    """
    named = Clip(settings.clip) if settings.clip else None
    if base.folder and in_miniature(base.folder, judges):
        return _in_miniature(base.reference, concepts, judges, named)
    return replace(_elsewhere(base, concepts, named), detector=NudeNet() if nudity.installed() else None)


def _elsewhere(base: Source, concepts: ConceptSet | None, named: Clip | None) -> Judging:
    if concepts is None:
        told = f"got no concept set for pictures of {base.reference}, wanted one to know what to look for: --concepts"
        return Judging(None, named, told)
    if concepts.sort is EXPLICIT:
        if not nudity.installed():
            return Judging(None, named, f"got no judge for explicit content on {base.reference}: {nudity.INSTALL}")
        return Judging(NudityJudge(_forgotten(concepts), _words(concepts), NudeNet()), named)
    if named is None:
        return Judging(None, None, f"got no judge for {concepts.kind} on {base.reference}, wanted a CLIP: {NAME_CLIP}")
    return _zero_shot(concepts, named, named)


def checked(judging: Judging, concepts: ConceptSet) -> Judging:
    """The same, if its judge can tell what the set asks of it: what is forgotten, and the names of the evaluation.

    Raises:
        UnhypeError: naming what it can't tell.
    """
    if judging.judge:
        names = concepts.evaluation if concepts.sort.names else ()
        check_known(judging.judge, [*_forgotten(concepts), *names], f"the concept set {concepts.name}")
    return judging


def in_miniature(base: Path, judges: Path) -> bool:
    """Whether a base draws the miniature world: its card says so, or that it has the recipe that the judge has."""
    card = read_card(base) if base.is_dir() else {}
    if "world" in card:
        return bool(card["world"] == WORLD)
    own = judges / JUDGE.name
    return bool(card.get("recipe")) and own.is_dir() and card["recipe"] == read_card(own).get("recipe")


def _in_miniature(base: str, concepts: ConceptSet | None, judges: Path, named: Clip | None) -> Judging:
    clip, reads = MiniatureClip(judges / CLIP.name), MiniatureJudge.kinds
    if concepts is None or concepts.kind in reads:
        return Judging(MiniatureJudge(judges / JUDGE.name), clip)
    if concepts.sort is STYLES and named:
        return _zero_shot(concepts, named, clip)
    told = (
        f"got no judge for {concepts.kind} on {base}, wanted what its world's judge reads: {', '.join(sorted(reads))}"
    )
    return Judging(None, clip, f"{told}; or {NAME_CLIP}" if concepts.sort is STYLES else told)


def _zero_shot(concepts: ConceptSet, named: Clip, embeddings: Embeddings) -> Judging:
    classes = {text: concepts.sort.label(text) for text in _classes(concepts)}
    if len(classes) < 2:
        return Judging(
            None, embeddings, f"got {len(classes)} names in {concepts.name}, wanted two for a zero-shot judge"
        )
    finder = NudeNet() if concepts.sort.faces else None
    if finder and not nudity.installed():
        told = f"got no judge for {concepts.kind}, wanted NudeNet beside the CLIP to find faces: {nudity.INSTALL}"
        return Judging(None, embeddings, told)
    return Judging(ZeroShot(named, classes, _words(concepts), finder), embeddings)


def _classes(concepts: ConceptSet) -> Iterator[str]:
    """What a zero-shot judge chooses among: all names that the set has; of things its own and the usual ten classes."""
    if concepts.sort.names:
        texts = (*_forgotten(concepts), *concepts.retain, *concepts.evaluation)
        return (text for text in dict.fromkeys(texts) if not has_article(text))
    other_words = {word for entry in concepts.forget for word in (*entry.synonyms, *entry.aliases)}
    return (text for text in dict.fromkeys((*_forgotten(concepts), *CLASSES)) if text not in other_words)


def _forgotten(concepts: ConceptSet) -> tuple[str, ...]:
    return tuple(entry.concept for entry in concepts.forget)


def _words(concepts: ConceptSet) -> dict[str, str]:
    return {word: entry.concept for entry in concepts.forget for word in (*entry.synonyms, *entry.aliases)}
