"""What changes in a text encoder when something is loaded into it: what was remembered of it holds no longer."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase


def learnt(tokenizer: PreTrainedTokenizerBase, encoder: nn.Module) -> Hashable:
    """What changes when something is loaded: vectors of added tokens, versions of the weights, and LoRAs' numbers."""
    table = encoder.get_input_embeddings().weight.detach()  # type: ignore[operator]
    special = set(tokenizer.all_special_ids)
    added = sorted(i for i in tokenizer.added_tokens_encoder.values() if i not in special and i < len(table))
    vectors = table[added].float().cpu().numpy().tobytes() if added and not table.is_meta else b""
    versions, loras = 0, []
    for name, weight in encoder.named_parameters():
        versions += 0 if weight.is_inference() else weight._version
        if ".lora_" in name and not weight.is_meta:
            loras.append((name, *weight.detach().flatten()[:4].tolist()))
    for module in encoder.modules() if loras else ():
        if isinstance(scaling := getattr(module, "scaling", None), dict):
            active = tuple(getattr(module, "active_adapters", ()))
            loras.append((*scaling.items(), active, getattr(module, "disable_adapters", False)))
    return vectors, versions, tuple(loras)
