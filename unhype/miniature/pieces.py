"""The miniature's second tokenizer: T5's unigram pieces, learned from the world's own training captions.

T5 tells capitals from small letters, so captions are shown as people type: as they are, all small, all capitals.
Pieces are found as the first tokenizer finds its own (most frequent pairs, deterministically), and scored by the
logarithm of how often they occur; ``sentencepiece`` would score by expectation and does not fix the order of equals.
"""

from __future__ import annotations

import math
import string
from collections import Counter
from collections.abc import Iterable

from transformers import T5Tokenizer

from unhype.miniature.tokenizer import learn_merges

SPACE = "▁"
SPECIAL = (("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0))
LETTERS = string.ascii_letters + string.digits + string.punctuation
"""Every character that can be spelt; others are unknown."""


def train_pieces(captions: Iterable[str], vocabulary: int, length: int) -> T5Tokenizer:
    """Learn pieces until the vocabulary is full.

    Args:
        vocabulary: pieces altogether, the three special ones included; at least 200.
        length: tokens of a prompt where nobody says otherwise, the end included.
    """
    counts = Counter(word for caption in captions for word in caption.split())
    spelt = {(SPACE + word[0], *word[1:]): count for word, count in counts.items()}
    alphabet = [SPACE, *LETTERS, *(SPACE + letter for letter in LETTERS)]
    merges, words = learn_merges(spelt, vocabulary - len(alphabet) - len(SPECIAL))
    pieces = [*alphabet, *(left + right for left, right in merges)]
    used: Counter[str] = Counter()
    for parts, count in words:
        for part in parts:
            used[part] += count
    total = sum(used.values())
    # A piece that went into longer ones entirely still spells what is new: it counts half an occurrence.
    scored = [(piece, math.log(max(used[piece], 0.5) / total)) for piece in pieces]
    return T5Tokenizer(vocab=[*SPECIAL, *scored], extra_ids=0, model_max_length=length)
