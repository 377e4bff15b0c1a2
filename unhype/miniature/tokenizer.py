"""The miniature's tokenizer: CLIP's byte-pair encoding, learned from the world's own training captions.

The vocabulary is ordered as CLIP's: 256 bytes, the same bytes at the end of a word, merges by frequency, the two
special tokens last. Padding repeats the end token, as in Stable Diffusion. The same captions must give the same bytes,
so the merges are learned here: the trainer of ``tokenizers`` does not fix the order of equally frequent pairs.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise

from tokenizers import pre_tokenizers
from transformers import CLIPTokenizer

START, END = "<|startoftext|>", "<|endoftext|>"
END_OF_WORD = "</w>"


def train_tokenizer(captions: Iterable[str], vocabulary: int, length: int) -> CLIPTokenizer:
    """Learn merges until the vocabulary is full.

    Args:
        vocabulary: tokens altogether, at least 515.
        length: tokens of a prompt, start and end included; longer prompts are cut there.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    base = [*alphabet, *(letter + END_OF_WORD for letter in alphabet)]
    splitter = CLIPTokenizer(vocab={START: 0, END: 1}, merges=[]).backend_tokenizer
    counts: Counter[str] = Counter()
    for caption in captions:
        normal = splitter.normalizer.normalize_str(caption)
        counts.update(word for word, _ in splitter.pre_tokenizer.pre_tokenize_str(normal))
    spelt = {(*word[:-1], word[-1] + END_OF_WORD): count for word, count in counts.items()}
    merges, _ = learn_merges(spelt, vocabulary - len(base) - 2)
    tokens = [*base, *(left + right for left, right in merges), START, END]
    return CLIPTokenizer(
        vocab={token: i for i, token in enumerate(tokens)},
        merges=merges,
        unk_token=END,
        bos_token=START,
        eos_token=END,
        pad_token=END,
        model_max_length=length,
    )


def learn_merges(
    spelt: Mapping[tuple[str, ...], int], number: int
) -> tuple[list[tuple[str, str]], list[tuple[list[str], int]]]:
    """Merge the most frequent adjacent pair, again and again; among equals, the first in the alphabet.

    Args:
        spelt: word, in symbols → how often it occurs.
        number: merges, at most.

    Returns:
        the merges in order, and the words in the symbols that are left, with their counts.
    """
    words = [(list(parts), count) for parts, count in sorted(spelt.items())]
    frequency: Counter[tuple[str, str]] = Counter()
    places: dict[tuple[str, str], set[int]] = defaultdict(set)
    for index, (parts, count) in enumerate(words):
        for pair in pairwise(parts):
            frequency[pair] += count
            places[pair].add(index)
    heap = [(-count, pair) for pair, count in frequency.items()]
    heapq.heapify(heap)
    merges: list[tuple[str, str]] = []
    known: set[str] = set()
    while heap and len(merges) < number:
        negative, pair = heapq.heappop(heap)
        if frequency[pair] != -negative or not frequency[pair]:
            continue
        if pair[0] + pair[1] not in known:
            merges.append(pair)
            known.add(pair[0] + pair[1])
        changed: set[tuple[str, str]] = set()
        for index in sorted(places[pair]):
            parts, count = words[index]
            for old in pairwise(parts):
                frequency[old] -= count
                changed.add(old)
            parts[:] = _merged(parts, pair)
            for new in pairwise(parts):
                frequency[new] += count
                places[new].add(index)
                changed.add(new)
        frequency[pair] = 0
        for other in sorted(changed):
            if frequency[other] > 0:
                heapq.heappush(heap, (-frequency[other], other))
    return merges, words


def _merged(parts: list[str], pair: tuple[str, str]) -> list[str]:
    merged: list[str] = []
    i = 0
    while i < len(parts):
        if i + 1 < len(parts) and (parts[i], parts[i + 1]) == pair:
            merged.append(parts[i] + parts[i + 1])
            i += 2
        else:
            merged.append(parts[i])
            i += 1
    return merged
