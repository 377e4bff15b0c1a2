"""What a text encoder knows, looked at: when it changes, what was remembered of texts holds no longer.

Content is compared, not the counters that tensors keep of their changes: ``weight.data[ids] = …`` goes past those. To
read a whole encoder at each call would take longer than to read a prompt, so

- of the table of tokens the rows of the very tokens that are asked for are compared, each whole (:func:`rows_of`);
- of everything else (:func:`learnt`) small tensors whole, and SAMPLED numbers of each matrix, and of what is larger.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

WHOLE = 65_536
"""Numbers up to which a tensor is compared whole: every bias and norm, and CLIP's table of positions."""

SAMPLED = 256
"""Numbers of a matrix, or a larger tensor, evenly spaced. A tuning changes all; who edits one row by hand may pass
between them."""


def learnt(tokenizer: PreTrainedTokenizerBase, encoder: nn.Module) -> Hashable:
    """What changes when something is loaded, tuned or written: tokens, weights, and how LoRAs are switched.

    An encoder whose weights are elsewhere (offloaded layer by layer) can't be looked at: it equals nothing, itself
    included.
    """
    versions, content = 0, []
    loras = []
    for module in encoder.modules():
        for weight in module.parameters(recurse=False):
            if weight.is_meta:
                return object()
            versions += 0 if weight.is_inference() else weight._version
            if type(weight.data) is torch.Tensor and weight.numel():  # others keep their numbers in a form of their own
                flat = weight.detach().flatten()
                matrix = isinstance(module, nn.Linear) and weight.ndim > 1
                step = max(1, len(flat) // SAMPLED) if matrix or len(flat) > WHOLE else 1
                content.append(flat[::step].contiguous().view(torch.uint8))
        if isinstance(scaling := vars(module).get("scaling"), dict):
            active = tuple(getattr(module, "active_adapters", ()))
            loras.append((*scaling.items(), active, getattr(module, "disable_adapters", False)))
    tokens = tuple(sorted(tokenizer.added_tokens_encoder.items()))
    return tokens, versions, tuple(loras), torch.cat(content).cpu().numpy().tobytes() if content else b""


def rows_of(encoder: nn.Module, ids: Iterable[int]) -> dict[int, bytes]:
    """Token → its row in the encoder's table, to the bit."""
    table = encoder.get_input_embeddings().weight.detach()  # type: ignore[operator]
    known = sorted({i for i in ids if i < len(table)})
    if table.is_meta or not known:
        return {}
    rows = table.view(torch.uint8)[torch.tensor(known, device=table.device)].cpu().numpy()
    return dict(zip(known, map(bytes, rows), strict=True))


def rewritten(before: Mapping[int, bytes], now: Mapping[int, bytes]) -> bool:
    """Whether a token has another row than it had; of those that were not looked at before nothing is said."""
    return any(before.get(i, row) != row for i, row in now.items())
