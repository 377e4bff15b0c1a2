"""Traces have known answers: bytes that live at once, with and without checkpointing, and operations."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from unhype.pipeline.tracing import checkpointing_of, trace, weight_bytes


def test_a_product_counts_its_operations_and_its_tensors() -> None:
    def run() -> None:
        a, b = torch.empty(64, 32, device="meta"), torch.empty(32, 16, device="meta")
        a @ b

    found = trace(run, "cuda")
    assert found.flops == 2 * 64 * 32 * 16
    assert found.peak == 4 * (64 * 32 + 32 * 16 + 64 * 16)


def test_what_was_let_go_does_not_count_and_views_are_free() -> None:
    def run() -> None:
        x = torch.empty(1024, device="meta")
        for _ in range(5):
            x = x.view(32, 32).view(-1) + 1

    assert trace(run, "cuda").peak == 2 * 4096


@pytest.mark.parametrize(
    ("checkpointing", "least", "most"),
    [(False, 10 * 4, 10 * 4 + 16), (True, 10 * 1, 10 * 1 + 16)],  # what ten blocks keep, and what one needs to work
)
def test_a_backward_pass_keeps_activations_unless_they_are_checkpointed(
    checkpointing: bool, least: int, most: int
) -> None:
    with torch.device("meta"):
        layers = nn.ModuleList(Block() for _ in range(10)).requires_grad_(False)
    again = checkpointing_of("cuda", None)

    def run() -> None:
        x = torch.empty(1024, 256, device="meta", requires_grad=True)
        for layer in layers:
            x = again(layer, x) if checkpointing else layer(x)
        x.sum().backward()

    assert least <= trace(run, "cuda").peak / 2**20 <= most


class Block(nn.Module):
    """Four MiB inside for one MiB outside."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(256, 1024), nn.Linear(1024, 256)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.down(F.gelu(self.up(x)))


def test_autocast_casts_products_and_attention_has_no_matrix() -> None:
    def attend() -> torch.Tensor:
        q = torch.empty(1, 1, 1024, 8, device="meta")
        return F.scaled_dot_product_attention(q, q, q)

    kinds = []
    with torch.no_grad():
        assert trace(attend, "cuda").peak < 1024 * 1024
        trace(lambda: kinds.append(F.linear(*torch.empty(2, 4, 4, device="meta")).dtype), "cuda", torch.bfloat16)
        trace(
            lambda: kinds.append(F.layer_norm(torch.empty(4, device="meta").bfloat16(), (4,)).dtype),
            "cuda",
            torch.bfloat16,
        )
        trace(
            lambda: kinds.append(F.layer_norm(torch.empty(4, device="meta").bfloat16(), (4,)).dtype),
            "cpu",
            torch.bfloat16,
        )
    assert kinds == [torch.bfloat16, torch.float32, torch.bfloat16]


def test_weights_that_are_shared_count_once() -> None:
    layer = nn.Linear(4, 4)
    assert weight_bytes([layer, nn.Sequential(layer)]) == 4 * (16 + 4)
