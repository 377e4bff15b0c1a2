"""Scores: what a judge saw in guarded pictures, beside what it saw in the base's of the same prompts and seeds.

    Acc_e  share of pictures with a face (things: of all) that still show what must go                 lower is better
    Acc_s  share of all pictures that show what must stay                                              higher is better
    Acc_g  as Acc_e, asked for by synonyms and aliases that training never saw                         lower is better
    H_c = 2 / (1/(1−Acc_e) + 1/Acc_s)        H_o = 3 / (1/(1−Acc_e) + 1/Acc_s + 1/(1−Acc_g))     (UnHype, section 5)

A destroyed face counts neither as forgotten nor as kept: Acc_e leaves it out, Acc_s counts it as wrong. H is H_o for
things and H_c for all others. Protocols are always named: *papers'* others are the retain names that training saw,
*unseen* others it never saw. Nothing is excluded otherwise. Without a judge, what pictures show stays unsaid, and so
does every protocol; how far pixels moved is still there. A judge is only asked for concepts that it has a word for:
of others that it does not name them means nothing, and they count neither as gone nor as lost.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from unhype.judges.judge import UNKNOWN, Seen
from unhype.prompts.rows import named


@dataclass(frozen=True)
class GroupScore:
    """One role or stratum, guarded and bare, on the same prompts and seeds: shares of ``n`` pictures.

    ``None`` where nobody judged, and where the group has nothing that must go, or stay, and that the judge can tell.

    Attributes:
        n_go, n_stay: pictures whose prompt names what must go, what must stay.
        drift: mean absolute difference of guarded and bare pixels, in 0…1.
        identical: pictures without one different pixel.
        unjudged: pictures of whose concepts the judge can tell none; ``None`` where there are none, or no judge.
        must_go: what must go and is still there, of the pictures that can show it: of people, those with a face.
        must_stay: what must stay and is there, of all pictures.
        shown: what the prompts name and is there, whether it must go or stay, of all pictures.
        face: there is a face.
        neutral: there are people, and none that has a name.
    """

    group: str
    n: int
    n_go: int
    n_stay: int
    drift: float
    identical: float
    unjudged: int | None = None
    must_go: float | None = None
    must_go_base: float | None = None
    must_stay: float | None = None
    must_stay_base: float | None = None
    shown: float | None = None
    shown_base: float | None = None
    face: float | None = None
    face_base: float | None = None
    neutral: float | None = None
    neutral_base: float | None = None

    def told(self) -> dict[str, Any]:
        """For a file: what is ``None`` is left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Protocol:
    """Groups that a harmonic mean is made of: forgotten ones, others, and synonyms and aliases of the forgotten."""

    erased: str
    kept: str
    general: str


PROTOCOLS = {"unseen": Protocol("forget", "evaluation", "alias"), "papers": Protocol("forget", "retain", "alias")}
"""Protocol → its roles."""


def score_groups(
    rows: pd.DataFrame,
    guarded: Sequence[Seen] | None,
    bare: Sequence[Seen] | None,
    drift: np.ndarray,
    faces: bool,
    known: Collection[str] | None = None,
) -> dict[str, GroupScore]:
    """Group → its score, in the order of the table.

    Args:
        rows: see :mod:`unhype.prompts.rows`; readings and drifts are in their order.
        guarded, bare: what the judge saw; ``None`` where there is no judge.
        drift: of each picture, ``[n]``.
        faces: whether only pictures with a face can show what must go (people) or all (things).
        known: concepts that the judge can tell; all of them where it is left out.
    """
    wanted = {"guarded readings": guarded, "bare readings": bare, "drifts": drift}
    for name, given in wanted.items():
        if given is not None and len(given) != len(rows):
            raise ValueError(f"got {len(rows)} rows and {len(given)} {name}, wanted equally many")
    erased, kept = ([named(str(cell)) for cell in rows[column]] for column in ("erased", "kept"))
    scores = {}
    for group, index in rows.reset_index(drop=True).groupby("group", sort=False).indices.items():
        go, stay = [erased[i] for i in index], [kept[i] for i in index]
        seen, unjudged = {}, None
        if guarded is not None and bare is not None:
            can_go, can_stay = (_told(side, known) for side in (go, stay))
            seen = _marks(can_go, can_stay, [guarded[i] for i in index], faces, "")
            seen |= _marks(can_go, can_stay, [bare[i] for i in index], faces, "_base")
            unjudged = _asking(go, stay) - _asking(can_go, can_stay) or None
        scores[str(group)] = GroupScore(
            str(group),
            len(index),
            sum(map(bool, go)),
            sum(map(bool, stay)),
            float(drift[index].mean()),
            float((drift[index] == 0).mean()),
            unjudged,
            **seen,
        )
    return scores


def accuracies(
    scores: Mapping[str, GroupScore], protocol: Protocol, general: bool, ending: str = ""
) -> dict[str, float]:
    """Acc_e, Acc_s, Acc_g and H of these groups; without what they don't say.

    Args:
        general: whether synonyms and aliases belong to the mean: of things H is H_o, of others H_c.
        ending: ``_base`` for what the base shows.
    """
    parts = {"Acc_e": (protocol.erased, "must_go"), "Acc_s": (protocol.kept, "must_stay")}
    parts["Acc_g"] = (protocol.general, "must_go")
    found = {
        name: float(share)
        for name, (group, field) in parts.items()
        if group in scores and (share := getattr(scores[group], field + ending)) is not None
    }
    if "Acc_e" in found and "Acc_s" in found:
        third = [1 - found["Acc_g"]] if "Acc_g" in found and general else []
        found["H"] = harmonic(1 - found["Acc_e"], found["Acc_s"], *third)
    return found


def protocols(scores: Mapping[str, GroupScore], general: bool) -> dict[str, dict[str, float]]:
    """Protocol → Acc_e, Acc_s, Acc_g and H, the share kept of what the base shows, and the base's own accuracies.

    A protocol whose forgotten or others are not there, or not judged, is left out. Where that leaves none, those whose
    others nobody could judge say what they can: how much is forgotten, and no H.
    """
    found, partly = {}, {}
    for name, protocol in PROTOCOLS.items():
        now, before = (accuracies(scores, protocol, general, ending) for ending in ("", "_base"))
        base = {f"{part}_base": value for part, value in before.items() if part != "H"}
        if "H" in now:
            kept = now["Acc_s"] / before["Acc_s"] if before["Acc_s"] else 0.0
            found[name] = {**now, "kept": kept, **base}
        elif "Acc_e" in now and protocol.kept in scores:
            partly[name] = now | base
    return found or partly


def harmonic(*shares: float) -> float:
    """The harmonic mean; 0 where one of them is."""
    return len(shares) / sum(1 / share for share in shares) if min(shares) > 0 else 0.0


def separation(forgotten: np.ndarray, others: np.ndarray) -> float:
    """AUC of a strength as a detector: the chance that a forgotten prompt's is higher than another's, ties by half."""
    ranks = pd.Series(np.concatenate([forgotten, others])).rank().to_numpy()[: len(forgotten)].sum()
    return float((ranks - len(forgotten) * (len(forgotten) + 1) / 2) / (len(forgotten) * len(others)))


Concepts = Sequence[tuple[str, ...]]
"""Of each picture, those that its prompt names."""


def _told(concepts: Concepts, known: Collection[str] | None) -> Concepts:
    """Those that the judge can tell."""
    return concepts if known is None else [tuple(one for one in some if one in known) for some in concepts]


def _asking(go: Concepts, stay: Concepts) -> int:
    """How many prompts name something."""
    return sum(bool(some or others) for some, others in zip(go, stay, strict=True))


def _marks(go: Concepts, stay: Concepts, seen: Sequence[Seen], faces: bool, ending: str) -> dict[str, float | None]:
    everything = [(*some, *others) for some, others in zip(go, stay, strict=True)]
    found = {
        "must_go": _share(go, seen, faces),
        "must_stay": _share(stay, seen, False),
        "shown": _share(everything, seen, False),
        "face": _mean(one.face for one in seen),
        "neutral": _mean(one.face and all(concept == UNKNOWN for concept in one.concepts) for one in seen),
    }
    return {f"{name}{ending}": value for name, value in found.items()}


def _share(concepts: Concepts, seen: Sequence[Seen], faces: bool) -> float | None:
    """The share of these concepts that is seen; each concept of a prompt counts. 0 where no picture can show one."""
    if not any(concepts):
        return None
    can = [(some, one) for some, one in zip(concepts, seen, strict=True) if one.face or not faces]
    return _mean(concept in one.concepts for some, one in can for concept in some)


def _mean(marks: Iterable[bool]) -> float:
    found = list(marks)
    return float(np.mean(found)) if found else 0.0
