"""A concept set to tune on: the roles of celeb100's lists swapped, so that nothing that is reported on is tuned on.

Forgotten: the 100 names that celeb100 retains, with their aliases. Trained to be kept: half of the names that celeb100 forgets; never seen: the other half.
"""

from __future__ import annotations

from unhype.concepts.schema import ConceptSet, Entry
from unhype.miniature.people import aliases, groups


def development_set() -> ConceptSet:
    known = aliases()
    forget = tuple(Entry(name, "a person", aliases=(known[name],) if name in known else ()) for name in groups()["retain"])
    others = groups()["forget"]
    return ConceptSet("development", "people", forget, others[::2], others[1::2])
