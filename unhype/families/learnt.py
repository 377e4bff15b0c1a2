"""What a text encoder knows, looked at: when it changes, what was remembered of texts holds no longer.

Content is compared, not the counters that tensors keep of their changes: ``weight.data[ids] = …`` goes past those. To
read a whole encoder at each call would take longer than to read a prompt, so

- of the table of tokens the rows of the very tokens that are asked for are compared, each whole (:func:`rows_of`);
- of everything else (:func:`learnt`) small tensors whole, and SAMPLED numbers of each matrix, and of what is larger.

:class:`Watched` keeps both between calls, for whoever remembers what texts were encoded to.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
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


class Watched:
    """A text encoder and its tokenizer from call to call: do texts still mean to them what they did?"""

    def __init__(self) -> None:
        self._state: Hashable = None
        self._rows: dict[int, bytes] = {}

    def changed(self, tokenizer: PreTrainedTokenizerBase, encoder: nn.Module, place: Hashable = None) -> bool:
        """Whether they are otherwise, or elsewhere, than at the call before; of the first call it is true.

        Args:
            place: what else what is remembered depends on.
        """
        state = (place, encoder.device, len(tokenizer), learnt(tokenizer, encoder))
        changed, self._state = self._state != state, state
        if changed:
            self.forget()
        return changed

    def rewritten(self, encoder: nn.Module, ids: Iterable[int]) -> bool:
        """Whether one of these tokens has another row than it had when it was asked for."""
        rows = rows_of(encoder, ids)
        # Of those that were not looked at before nothing is said.
        rewritten = any(self._rows.get(i, row) != row for i, row in rows.items())
        self._rows = rows if rewritten else self._rows | rows
        return rewritten

    def forget(self) -> None:
        """Rows that were looked at are of no use to whoever remembers nothing."""
        self._rows = {}
