"""Stable Diffusion XL: the U-Net again, two CLIP encoders, and a second route of text.

States of both encoders stand side by side, ``[n, t, 768 + 1280]``. The second encoder's pooled vector enters through
``add_embedding.linear_1`` together with the picture's size; it is the c that switch and hypernetwork read, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch

from unhype.adapters.watching import Asked, Rows
from unhype.families.family import Defaults
from unhype.families.spoken import parted, visible
from unhype.families.stable_diffusion import UNetFamily, unet_config
from unhype.families.text import Text
from unhype.pictures.sampling import Sampling


class StableDiffusionXL(UNetFamily):
    """Stable Diffusion XL."""

    name = "sdxl"
    plain = "StableDiffusionXLPipeline"
    encoders = (("text_encoder", "tokenizer"), ("text_encoder_2", "tokenizer_2"))
    defaults = Defaults(Sampling(steps=50, guidance=5.0, batch=2), dtype="bf16")
    pooled_table: ClassVar[Mapping[str, str]] = {"add_embedding.linear_1": "pooled"}
    tables: ClassVar[Mapping[str, Mapping[str, str]]] = {
        **UNetFamily.tables,
        # The pooled vector stands beside the size there; an edit of that layer may read both.
        "both_routes": {**UNetFamily.tables["cross_attention"], "add_embedding.linear_1": "pooled"},
    }

    @classmethod
    def fits(cls, pipeline: Any) -> bool:
        config = unet_config(pipeline)
        both = all(getattr(pipeline, name, None) is not None for name in ("text_encoder", "text_encoder_2"))
        return config is not None and both and config.get("addition_embed_type") == "text_time"

    @property
    def width(self) -> int:
        width: int = self.pipeline.text_encoder_2.config.projection_dim
        return width

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> Text:
        states, _, pooled, _ = self.pipeline.encode_prompt(list(prompts), do_classifier_free_guidance=False)
        return Text(states.to(self.device, self.dtype), pooled.to(self.device, self.dtype))

    def visible(self, text: str) -> str:
        # Both read as many tokens; where they cut differently, the longer part counts.
        parts = [visible(self.pipeline, tokenizer, text, tokenizer.model_max_length) for tokenizer in self._tokenizers]
        return parted(max(parts, key=len), *self._tokenizers)

    def tokens(self, text: str) -> int:
        return max(len(tokenizer(text).input_ids) for tokenizer in self._tokenizers)

    @property
    def _tokenizers(self) -> tuple[Any, Any]:
        return self.pipeline.tokenizer, self.pipeline.tokenizer_2

    def unconditional(self, n: int) -> Text:
        """Zeros where the pipeline takes zeros, as Stable Diffusion XL's own does."""
        empty = super().unconditional(n)
        if not self.pipeline.config.force_zeros_for_empty_prompt:
            return empty
        return Text(torch.zeros_like(empty.states), None if empty.pooled is None else torch.zeros_like(empty.pooled))

    def conditions(self, text: Text, height: int, width: int) -> dict[str, Any]:
        """The pooled vector, and that the picture is whole and of its own size."""
        scale = self.pipeline.vae_scale_factor
        size = (height * scale, width * scale)
        ids = torch.tensor([[*size, 0, 0, *size]], dtype=self.dtype, device=self.device).expand(len(text), -1)
        return {"added_cond_kwargs": {"text_embeds": text.pooled, "time_ids": ids}}

    def asked(self, arguments: Mapping[str, Any], turn: int) -> Asked:
        given = arguments.get
        prompts = negatives = None
        if given("prompt_embeds") is None:
            prompts = self.read(given("prompt"), given("prompt_2"))
        if given("do_classifier_free_guidance", True) and given("negative_prompt_embeds") is None:
            negatives = self.read(given("negative_prompt") or "", given("negative_prompt_2"))
        return Asked(prompts, negatives)

    def encoded(self, result: Any) -> tuple[Rows, Rows | None]:
        states, negative, pooled, negative_pooled = result
        return (states, pooled), None if negative is None else (negative, negative_pooled)

    def text_in(self, arguments: Mapping[str, Any]) -> Rows:
        return arguments["encoder_hidden_states"], arguments["added_cond_kwargs"]["text_embeds"]

    def with_text(self, arguments: Mapping[str, Any], text: Text) -> dict[str, Any]:
        added = {**arguments["added_cond_kwargs"], "text_embeds": text.pooled}
        return {**super().with_text(arguments, text), "added_cond_kwargs": added}
