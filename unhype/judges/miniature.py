"""The miniature's own instruments: a judge that sees pixels only, and a CLIP that sees pictures and hears prompts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from unhype.judges.embeddings import unit
from unhype.judges.judge import Seen
from unhype.pictures.pixels import to_model_range


class MiniatureJudge:
    """mini-judge: reads attributes of mascots and things from pixels."""

    kinds = frozenset(("people", "things"))
    """Kinds of concepts that it can tell."""

    threshold = 0.0
    """The likeliest of all hypotheses counts; "unknown" is one of them."""

    cannot = (
        "scenes and styles; more than two people or one thing; anything but 64 × 64 pictures of the miniature world"
    )

    def __init__(self, folder: Path) -> None:
        from unhype.bases.cards import content_hash
        from unhype.miniature.people import aliases, codes
        from unhype.miniature.shipping import load_judge
        from unhype.miniature.things import THINGS

        self.judge = load_judge(folder)
        self.name = f"mini-judge {content_hash(folder)[:12]}"
        self.people = frozenset(codes())
        self.known = self.people | frozenset(THINGS)
        words = {alias: name for name, alias in aliases().items()} | {
            word: thing for thing, synonyms in THINGS.items() for word in synonyms
        }
        self.vocabulary = words | {concept: concept for concept in self.known}

    def read(self, pixels: np.ndarray) -> list[Seen]:
        seen = []
        for start in range(0, len(pixels), 64):
            for verdict in self.judge.read(to_model_range(pixels[start : start + 64], torch.device("cpu"))):
                things, sure = ((verdict.thing,), (verdict.thing_confidence,)) if verdict.thing else ((), ())
                seen.append(Seen((*verdict.names, *things), verdict.face, (*verdict.confidence, *sure)))
        return seen

    @torch.no_grad()
    def features(self, pixels: np.ndarray) -> np.ndarray:
        parts = [
            self.judge.features(to_model_range(pixels[i : i + 64], torch.device("cpu")))
            for i in range(0, len(pixels), 64)
        ]
        found: np.ndarray = torch.nn.functional.normalize(torch.cat(parts).float(), dim=1).numpy()
        return found


class MiniatureClip:
    """mini-clip: looks at pictures and prompts; it is not the judge."""

    def __init__(self, folder: Path) -> None:
        from unhype.bases.cards import content_hash
        from unhype.miniature.shipping import load_clip

        self.model, self.tokenizer = load_clip(folder)
        self.name = f"mini-clip {content_hash(folder)[:12]}"
        self.scale = float(self.model.logit_scale.detach().exp())

    @torch.no_grad()
    def see(self, pixels: np.ndarray) -> np.ndarray:
        """Unit embeddings of ``uint8 [n, height, width, 3]``: ``[n, e]``."""
        parts = [
            self.model.get_image_features(to_model_range(pixels[i : i + 64], torch.device("cpu")))
            for i in range(0, len(pixels), 64)
        ]
        return unit(parts)

    @torch.no_grad()
    def hear(self, prompts: Sequence[str]) -> np.ndarray:
        """Unit embeddings of prompts, ``[n, e]``."""
        length, parts = self.tokenizer.model_max_length, []
        for start in range(0, len(prompts), 128):
            tokens = self.tokenizer(
                list(prompts[start : start + 128]),
                padding="max_length",
                truncation=True,
                max_length=length,
                return_tensors="pt",
            )
            parts.append(self.model.get_text_features(input_ids=tokens.input_ids))
        return unit(parts)
