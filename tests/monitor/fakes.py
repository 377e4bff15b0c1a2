"""Monitors that see what a test wants them to."""

from __future__ import annotations

import torch

from tests.families.guards import SET
from unhype.erasing.checkpoint import Trained
from unhype.erasing.guard import Guard
from unhype.families.family import Family
from unhype.monitor.features import view
from unhype.monitor.monitor import Monitor
from unhype.monitor.net import MonitorNet, NetConfig

CONCEPTS = tuple(entry.concept for entry in SET.forget)
PROMPTS = tuple(f"a photo of {concept}" for concept in CONCEPTS)


def seeing(family: Family, *concepts: str) -> Monitor:
    """A monitor that sees these in every picture, the first most clearly; without asking the base."""
    channels = view(family, torch.zeros(1, *family.latent_shape)).features.shape[1]
    net = MonitorNet(NetConfig(8), channels, len(CONCEPTS)).eval().requires_grad_(False)
    torch.nn.init.zeros_(net.head.weight)
    bias = [10.0 - concepts.index(each) if each in concepts else -50.0 for each in CONCEPTS]
    net.head.bias.copy_(torch.tensor(bias))
    c = family.vectors(CONCEPTS).cpu()
    return Monitor(net, CONCEPTS, PROMPTS, c, 0.0, (1.0, 0.0, 0.0), 0.0, 0.0)


def monitored(guard: Guard, monitor: Monitor) -> Guard:
    """The same guard with a monitor."""
    trained = guard.trained
    return Guard(Trained(trained.hypernet, trained.switch, trained.identity, trained.facts, monitor))
