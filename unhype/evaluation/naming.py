"""Which concept a text names: a cell that holds a name, or a prompt that speaks of one.

Both are compared as the rules of concepts compare (:mod:`unhype.concepts.folding`): case, punctuation, accents and
possessives do not count.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from unhype.concepts.folding import advice, key, words


class Names:
    """The concepts that a judge can tell.

    Args:
        vocabulary: words → the concept that the judge would call it.
        people: those concepts that are people.
    """

    def __init__(self, vocabulary: Mapping[str, str], people: Collection[str] = ()) -> None:
        self.vocabulary, self.people = dict(vocabulary), frozenset(people)
        # A concept's own name goes before another's synonym that reads the same.
        ordered = sorted(vocabulary.items(), key=lambda item: item[0] == item[1])
        self._keys = {key(word): concept for word, concept in ordered}
        self._phrases = {words(word): concept for word, concept in ordered if words(word)}
        self._longest = max(map(len, self._phrases), default=0)

    def called(self, text: str) -> str | None:
        """The concept that is called so; None if the judge can't tell it."""
        return self._keys.get(key(text))

    def spoken(self, prompt: str) -> tuple[str, ...]:
        """The concepts in a prompt: people before things, the earlier before the later.

        Where several names begin at one word, the longest is meant.
        """
        said, found, place = words(prompt), [], 0
        while place < len(said):
            for length in range(self._longest, 0, -1):
                concept = self._phrases.get(said[place : place + length])
                if concept is not None and place + length <= len(said):
                    found.append(concept)
                    place += length - 1
                    break
            place += 1
        return tuple(dict.fromkeys(sorted(found, key=lambda concept: concept not in self.people)))

    def advice(self, text: str) -> str:
        """What to do about a name that nobody knows."""
        return advice(text, self.vocabulary) or f"the judge can tell {len(set(self.vocabulary.values()))} concepts"
