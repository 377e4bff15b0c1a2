"""The block ``hyperforget`` of params.yaml."""

from __future__ import annotations

from dataclasses import dataclass, field

from unhype.hyperforget.denoiser import DenoiserSettings
from unhype.hyperforget.zoo import ZooSettings
from unhype.training import Schedule


@dataclass(frozen=True)
class HyperForgetSettings:
    """Of zoo, denoiser and training; ``sampling`` counts denoising steps, ``seed`` is that of everything."""

    seed: int = 0
    zoo: ZooSettings = field(default_factory=ZooSettings)
    denoiser: DenoiserSettings = field(default_factory=DenoiserSettings)
    schedule: Schedule = field(default_factory=lambda: Schedule(2000, 192, 1.5e-3, average=0.995, muon=True))
    sampling: int = 20

    def __post_init__(self) -> None:
        if self.sampling < 1:
            raise ValueError(f"got {self.sampling} steps of sampling, wanted at least one")
