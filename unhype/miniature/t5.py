"""The miniature's second text encoder: a small T5, taught by the readout alone.

A real T5 learned language from text; here the language is the world's captions, and what there is to understand of one
is who and what is in the picture, and where. So its states are trained to tell just that (:mod:`readout`), and then
frozen, as Flux's T5 is. T5 reads in both directions: every token may carry the name.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from transformers import T5Config, T5EncoderModel, T5Tokenizer

from unhype.miniature.readout import Readout

STATE_WIDTH = 128
LAYERS = 4


def build_t5(tokenizer: T5Tokenizer) -> T5EncoderModel:
    """An untrained encoder for this tokenizer."""
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=STATE_WIDTH,
        d_kv=32,
        d_ff=192,
        num_layers=LAYERS,
        num_heads=4,
        feed_forward_proj="gated-gelu",
        dropout_rate=0.0,
    )
    return T5EncoderModel(config)


class TaughtT5(nn.Module):
    """T5 and the readout that trains beside it."""

    def __init__(self, encoder: T5EncoderModel) -> None:
        super().__init__()
        self.encoder = encoder
        self.readout = Readout()


def piece_ids(tokenizer: T5Tokenizer, prompts: Sequence[str], length: int) -> torch.Tensor:
    """Piece ids ``[n, length]``, padded and cut as Flux does; nothing masks the padding."""
    batch = tokenizer(list(prompts), padding="max_length", truncation=True, max_length=length, return_tensors="pt")
    ids: torch.Tensor = batch.input_ids
    return ids
