"""Any CLIP of the hub or of a folder: safetensors only, no code from elsewhere, no weight left to chance."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from unhype.bases.cards import content_hash, verify
from unhype.errors import UnhypeError
from unhype.judges.embeddings import unit

if TYPE_CHECKING:
    from transformers import CLIPModel, CLIPTokenizer

BATCH = 64
"""Pictures at a time."""


class Clip:
    """A CLIP. Nothing is read before it is asked for something.

    Args:
        source: a hub id (``openai/clip-vit-large-patch14``) or a folder.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.folder = Path(source) if Path(source).is_dir() else None

    @cached_property
    def name(self) -> str:
        """With the hash of its folder, or the hub's revision."""
        version = (
            content_hash(self.folder) if self.folder else self.model.config._commit_hash or "of an unknown revision"
        )
        return f"clip {self.folder.name if self.folder else self.source} {version[:12]}"

    @property
    def scale(self) -> float:
        """As it was trained."""
        return float(self.model.logit_scale.detach().exp())

    @cached_property
    def model(self) -> CLIPModel:
        """In float32, on a GPU where there is one.

        Raises:
            UnhypeError: nothing there, no CLIP, no safetensors, or weights that leave a part of it random.
        """
        from transformers import CLIPConfig, CLIPModel

        if self.folder:
            verify(self.folder)
        kind = self._read(CLIPConfig.get_config_dict)[0].get("model_type")
        if kind != "clip":
            found = f"a model of type {kind!r}" if kind else "no config.json that names a type of model"
            raise UnhypeError(f"got {found} in {self.source}, wanted clip: name another one under judges: clip")
        model, told = self._read(
            CLIPModel.from_pretrained, dtype=torch.float32, use_safetensors=True, output_loading_info=True
        )
        lacking = sorted([*told["missing_keys"], *(str(key) for key in told["mismatched_keys"])])
        if lacking:
            raise UnhypeError(
                f"got no usable weights for {lacking[0]} in {self.source} ({len(lacking)} tensors), wanted all: "
                "download it again"
            )
        chosen: CLIPModel = model.eval().to("cuda" if torch.cuda.is_available() else "cpu")
        return chosen

    @cached_property
    def tokenizer(self) -> CLIPTokenizer:
        """Its own."""
        from transformers import CLIPTokenizer

        tokenizer: CLIPTokenizer = self._read(CLIPTokenizer.from_pretrained)
        return tokenizer

    @cached_property
    def processor(self) -> Any:
        """How it wants its pictures."""
        from transformers import CLIPImageProcessorPil

        return self._read(CLIPImageProcessorPil.from_pretrained)

    @torch.no_grad()
    def see(self, pixels: np.ndarray) -> np.ndarray:
        """Unit embeddings of ``uint8 [n, height, width, 3]``: ``[n, e]``."""
        parts = []
        for start in range(0, len(pixels), BATCH):
            batch = self.processor(
                list(pixels[start : start + BATCH]), return_tensors="pt", input_data_format="channels_last"
            )
            parts.append(self.model.get_image_features(pixel_values=batch["pixel_values"].to(self.model.device)))
        return unit(parts)

    @torch.no_grad()
    def hear(self, prompts: Sequence[str]) -> np.ndarray:
        """Unit embeddings of prompts, ``[n, e]``; what is beyond the last token that it reads is cut off."""
        length, parts = self.model.config.text_config.max_position_embeddings, []
        for start in range(0, len(prompts), BATCH):
            tokens = self.tokenizer(
                list(prompts[start : start + BATCH]),
                padding="max_length",
                truncation=True,
                max_length=length,
                return_tensors="pt",
            ).to(self.model.device)
            parts.append(self.model.get_text_features(input_ids=tokens.input_ids, attention_mask=tokens.attention_mask))
        return unit(parts)

    def _read(self, load: Any, **how: Any) -> Any:
        """Call one of transformers' loaders; what it can't do becomes one line."""
        try:
            return load(str(self.source), local_files_only=self.folder is not None, **how)
        except (OSError, ValueError, RuntimeError) as error:
            said = " ".join(str(error).split())[:160]
            raise UnhypeError(
                f"got no CLIP from {self.source} ({said}), wanted a hub id that can be reached or a folder with "
                "config.json, model.safetensors, a tokenizer and preprocessor_config.json: check judges: clip"
            ) from error
