"""The tokenizer: known merges on a toy corpus, the same from any order of captions, and Stable Diffusion's framing."""

from __future__ import annotations

from unhype.miniature.clip import tokenize
from unhype.miniature.tokenizer import END, START, train_tokenizer

CORPUS = ["low low low lower", "newest newest", "Low"]


def test_most_frequent_pairs_merge_first() -> None:
    tokenizer = train_tokenizer(CORPUS, 518, 8)
    # Four merges: "l o" occurs five times, "lo w</w>" four, "w e" three; of those that occur twice, "e we" comes first.
    assert tokenizer.tokenize("low") == ["low</w>"]
    assert tokenizer.tokenize("lower") == ["lo", "we", "r</w>"]
    assert tokenizer.tokenize("newest") == ["n", "ewe", "s", "t</w>"]


def test_order_of_captions_does_not_matter() -> None:
    assert train_tokenizer(CORPUS, 525, 8).get_vocab() == train_tokenizer(CORPUS[::-1], 525, 8).get_vocab()


def test_prompts_are_framed_padded_and_cut() -> None:
    tokenizer = train_tokenizer(CORPUS, 525, 8)
    ids = tokenize(tokenizer, ["low", "low " * 50, ""])
    assert ids.shape == (3, 8)
    start, end = tokenizer.convert_tokens_to_ids([START, END])
    assert ids[:, 0].tolist() == [start] * 3
    assert ids[:, -1].tolist() == [end] * 3
    assert ids[2, 1:].tolist() == [end] * 7


def test_any_text_can_be_spelt() -> None:
    tokenizer = train_tokenizer(CORPUS, 525, 48)
    assert tokenizer.unk_token_id not in tokenizer("Ærøskøbing 日本 😀", add_special_tokens=False).input_ids
