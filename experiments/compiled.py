"""Does torch.compile keep the gradients of a denoiser's step?

Cosine between the gradients of one batch: eager float32 against eager bf16 and compiled bf16.

.venv/bin/python experiments/compiled.py
"""

from __future__ import annotations

import numpy as np
import torch

from unhype.miniature.clip import TEXT_WIDTH
from unhype.miniature.denoiser import build_denoiser, build_scheduler, denoising_loss


def main() -> None:
    torch.manual_seed(0)
    model = build_denoiser()
    latents, states = torch.randn(64, 4, 16, 16), torch.randn(64, 48, TEXT_WIDTH)

    def gradients(precision: bool) -> dict[str, torch.Tensor]:
        model.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision):
            loss = denoising_loss(model, build_scheduler(), latents, states, np.random.default_rng(0), 2.0)
        loss.backward()
        return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}

    exact, eager = gradients(False), gradients(True)
    model.compile()
    compiled = gradients(True)
    for name, other in (("eager bf16", eager), ("compiled bf16", compiled)):
        dead = sum(float(other[key].norm()) == 0 for key in exact)
        print(
            f"{name}: cosine to eager float32 {_cosine(exact, other):.4f}, "
            f"{dead} of {len(exact)} parameters without any gradient"
        )


def _cosine(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    a, b = (torch.cat([gradients[key].flatten() for key in one]) for gradients in (one, other))
    return float(torch.nn.functional.cosine_similarity(a, b, dim=0))


if __name__ == "__main__":
    main()
