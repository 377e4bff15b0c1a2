"""Columns of facts beside each text of a concept set: its folded key, its tokens, how near it is to what is forgotten.

Facts only; what is right or wrong about them is the suite's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from unhype.concepts.folding import key, tidy
from unhype.concepts.judging import ROW
from unhype.concepts.schema import ConceptSet
from unhype.errors import UnhypeError

if TYPE_CHECKING:
    import pandas as pd

Similarities = Mapping[tuple[str, str], float]
"""(a forgotten text, a retained text) → how similar their embeddings are, from -1 to 1.

Computed elsewhere: this room has no tensors.
"""

FORGOTTEN = ("forget", "synonym", "alias")
"""The roles whose texts are to be forgotten."""

# Two ends of a prompt; a letter run breaks into pieces of three or more as a rule; digits and signs stand alone;
# other scripts cost a token a byte.
_PIECE = re.compile(r"[a-z]+|[^a-z\s]", re.IGNORECASE)


def estimate_tokens(text: str) -> int:
    """A guess, rather too high, at the tokens CLIP needs for a text with its two ends; for use without a tokeniser."""
    return 2 + sum(
        -(-len(piece) // 3) if piece.isascii() else len(piece.encode(errors="surrogatepass"))
        for piece in _PIECE.findall(text)
    )


def hidden(text: str) -> str:
    """The control and invisible characters of a text, by name: ``ZERO WIDTH SPACE``. Empty if there are none."""
    found = dict.fromkeys(
        letter for letter in text if unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    )
    return ", ".join(unicodedata.name(letter, f"U+{ord(letter):04X}") for letter in found)


def facts(
    concept_set: ConceptSet,
    count_tokens: Callable[[str], int] = estimate_tokens,
    similarities: Similarities | None = None,
) -> pd.DataFrame:
    """The set's frame with columns of facts.

    Returns:
        :meth:`ConceptSet.to_frame` and ``row`` (its number), ``key`` and ``anchor_key`` (folded), ``group`` (texts of a
        group must differ), ``tidy``, ``hidden``, ``tokens``, ``similarity`` and ``nearest`` (for retain: to the nearest
        forgotten text; missing if nobody measured it).

    Raises:
        UnhypeError: a similarity is given for a pair that is not of this set.
    """
    frame = concept_set.to_frame()
    near = _nearest(concept_set, similarities or {})
    texts = list(frame["text"])
    frame[ROW] = range(len(frame))
    frame["key"] = [key(text) for text in texts]
    frame["anchor_key"] = [key(text) for text in frame["anchor"]]
    frame["group"] = ["forget" if role in FORGOTTEN else role for role in frame["role"]]
    frame["tidy"] = [tidy(text) for text in texts]
    frame["hidden"] = [hidden(text) for text in texts]
    frame["tokens"] = [count_tokens(text) for text in texts]
    retained = [near.get(text) if role == "retain" else None for text, role in zip(texts, frame["role"], strict=True)]
    frame["similarity"] = [float("nan") if found is None else found[0] for found in retained]
    frame["nearest"] = ["" if found is None else found[1] for found in retained]
    return frame.astype({"tokens": "int64", "similarity": "float64"})


def _nearest(concept_set: ConceptSet, similarities: Similarities) -> dict[str, tuple[float, str]]:
    forgotten = {text for entry in concept_set.forget for text in (entry.concept, *entry.synonyms, *entry.aliases)}
    near: dict[str, tuple[float, str]] = {}
    for (forget, retain), value in similarities.items():
        if forget not in forgotten or retain not in concept_set.retain:
            raise UnhypeError(
                f"got a similarity of {forget!r} to {retain!r}, "
                f"wanted a forgotten and a retained text of {concept_set.name}: measure this set"
            )
        if not -1.001 <= value <= 1.001:
            raise UnhypeError(
                f"got the similarity {value} of {forget!r} to {retain!r}, wanted one from -1 to 1: measure it again"
            )
        near[retain] = max(near.get(retain, (value, forget)), (value, forget))
    return near
