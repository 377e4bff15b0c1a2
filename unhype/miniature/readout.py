"""A second loss for the text tower: its token states must tell what the picture shows, and where.

CLIP's contrastive loss looks at the last token alone, but a denoiser reads all of them. Trained by that loss alone, the
other tokens' states differ from template to template, and nothing in them says who stands on the left. So a small
readout is trained beside CLIP and thrown away afterwards. It reads the token states as a denoiser does, by
cross-attention, and predicts how many people there are, which thing, scene and style, and each person's look.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F
from transformers import CLIPModel

from unhype.miniature.avatars import CARDINALITIES
from unhype.miniature.clip import TEXT_WIDTH
from unhype.miniature.people import NEUTRAL, codes
from unhype.miniature.scenes import SCENES
from unhype.miniature.styles import STYLES
from unhype.miniature.things import THINGS
from unhype.miniature.world import Example

UNSAID = -100
"""Label of what a caption cannot tell: an empty place, a nameless person's look, a scene that is not mentioned."""

_PICTURE_LOGITS = (3, len(THINGS) + 1, len(SCENES), len(STYLES))
"""Logits that speak of the whole picture: people, thing (or none), scene, style."""


class Readout(nn.Module):
    """Token states → logits. Three learned queries: the picture, its first person, its second.

    Both persons share one head.
    """

    def __init__(self) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(3, TEXT_WIDTH))
        self.attention = nn.MultiheadAttention(TEXT_WIDTH, 4, batch_first=True)
        self.whole = nn.Linear(TEXT_WIDTH, sum(_PICTURE_LOGITS))
        self.person = nn.Linear(TEXT_WIDTH, sum(CARDINALITIES))

    def forward(self, states: torch.Tensor) -> list[torch.Tensor]:
        """``[n, length, 128]`` → logits ``[n, ·]``: people, thing, scene, style, eight attributes of each person."""
        queries = self.queries.expand(len(states), -1, -1)
        read = self.attention(queries, states, states, need_weights=False)[0]
        whole = self.whole(read[:, 0]).float().split(_PICTURE_LOGITS, dim=1)
        people = [self.person(read[:, slot]).float().split(CARDINALITIES, dim=1) for slot in (1, 2)]
        return [*whole, *people[0], *people[1]]


class TaughtClip(nn.Module):
    """CLIP and the readout that trains beside it."""

    def __init__(self, clip: CLIPModel) -> None:
        super().__init__()
        self.clip = clip
        self.readout = Readout()


def readout_labels(examples: Sequence[Example]) -> torch.Tensor:
    """Target of every head, ``int64 [n, 20]``; :data:`UNSAID` where there is none."""
    rows = []
    for example in examples:
        subject = example.subject
        looks = [
            codes()[person] if person not in NEUTRAL else (UNSAID,) * len(CARDINALITIES) for person in subject.people
        ]
        looks += [(UNSAID,) * len(CARDINALITIES)] * (2 - len(looks))
        thing = list(THINGS).index(subject.thing) if subject.thing else len(THINGS)
        said = example.place_said or not (subject.people or subject.thing)
        scene = SCENES.index(example.scene) if said and example.scene in SCENES else UNSAID
        rows.append([len(subject.people), thing, scene, STYLES.index(example.style), *looks[0], *looks[1]])
    return torch.tensor(rows)


def readout_loss(readout: Readout, states: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross entropy, averaged over the heads' own rows and then over the heads."""
    losses = [
        F.cross_entropy(logits, labels[:, k], ignore_index=UNSAID)
        for k, logits in enumerate(readout(states))
        if (labels[:, k] != UNSAID).any()
    ]
    return torch.stack(losses).mean()
