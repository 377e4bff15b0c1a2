"""The miniature's CLIP: a small text tower and a small vision tower.

They are trained contrastively on the world's captions and pictures. Rows of a batch with the same subject, scene and
style are positives of each other. Rows that differ only in which kind of nameless person they show are neither positive
nor negative: any of those pictures could carry any of those captions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

from unhype.miniature.canvas import SIZE
from unhype.miniature.people import NEUTRAL
from unhype.miniature.world import Example

TEXT_WIDTH = 128
VISION_WIDTH = 96
TOWER_LAYERS = 4
PATCH_SIZE = 8


def build_clip(tokenizer: CLIPTokenizer) -> CLIPModel:
    """An untrained pair of towers for this tokenizer."""
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": TEXT_WIDTH,
        "intermediate_size": 4 * TEXT_WIDTH,
        "num_hidden_layers": TOWER_LAYERS,
        "num_attention_heads": 4,
        "max_position_embeddings": tokenizer.model_max_length,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "projection_dim": TEXT_WIDTH,
    }
    vision = {
        "hidden_size": VISION_WIDTH,
        "intermediate_size": 4 * VISION_WIDTH,
        "num_hidden_layers": TOWER_LAYERS,
        "num_attention_heads": 4,
        "image_size": SIZE,
        "patch_size": PATCH_SIZE,
        "projection_dim": TEXT_WIDTH,
    }
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=TEXT_WIDTH)
    config._attn_implementation = (
        "eager"  # on a CPU the fused kernel's backward pass is several times slower at this size
    )
    return CLIPModel(config)


def tokenize(tokenizer: CLIPTokenizer, prompts: Sequence[str]) -> torch.Tensor:
    """Token ids ``[n, length]``, padded and cut to the tokenizer's length as Stable Diffusion does."""
    batch = tokenizer(
        list(prompts), padding="max_length", truncation=True, max_length=tokenizer.model_max_length, return_tensors="pt"
    )
    ids: torch.Tensor = batch.input_ids
    return ids


def contrastive_loss(
    model: CLIPModel, pooled: torch.Tensor, pictures: torch.Tensor, examples: Sequence[Example]
) -> torch.Tensor:
    """Symmetric cross entropy over a batch (Radford et al. 2021, figure 3), with shared positives.

    Args:
        pooled: the text tower's state of each caption's last token, ``[n, 128]``.
        pictures: ``[n, 3, 64, 64]`` in [−1, 1].
        examples: what each row means.
    """
    text = F.normalize(model.text_projection(pooled).float(), dim=-1)
    image = F.normalize(image_features(model, pictures).float(), dim=-1)
    logits = text @ image.T * model.logit_scale.exp().clamp(max=100)
    positive, ignored = (torch.from_numpy(m).to(logits.device) for m in _relations(examples))
    logits = logits.masked_fill(ignored, -1e4)
    target = positive.float() / positive.float().sum(1, keepdim=True)
    losses = [-(target * logits.log_softmax(1)).sum(1).mean(), -(target * logits.T.log_softmax(1)).sum(1).mean()]
    return (losses[0] + losses[1]) / 2


def text_features(model: CLIPModel, ids: torch.Tensor) -> torch.Tensor:
    """Projected text vectors ``[n, 128]``, not normalised."""
    features: torch.Tensor = model.text_projection(model.text_model(input_ids=ids).pooler_output)
    return features


def image_features(model: CLIPModel, pictures: torch.Tensor) -> torch.Tensor:
    """Projected picture vectors ``[n, 128]``, not normalised."""
    features: torch.Tensor = model.visual_projection(model.vision_model(pixel_values=pictures).pooler_output)
    return features


def _relations(examples: Sequence[Example]) -> tuple[np.ndarray, np.ndarray]:
    """Two symmetric matrices ``bool [n, n]``: which rows mean the same, and which are neither positive nor negative."""
    exact = _ids([(e.subject, e.scene, e.style) for e in examples])
    loose = _ids(
        [
            (tuple("?" if p in NEUTRAL else p for p in e.subject.people), e.subject.thing, e.scene, e.style)
            for e in examples
        ]
    )
    same = exact[:, None] == exact[None]
    return same, (loose[:, None] == loose[None]) & ~same


def _ids(keys: Sequence[object]) -> np.ndarray:
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys])
