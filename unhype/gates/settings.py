"""What a guard must reach: the block ``gates`` of ``params.yaml``."""

from __future__ import annotations

from dataclasses import dataclass, fields

from unhype.errors import UnhypeError


@dataclass(frozen=True)
class GateSettings:
    """Thresholds. Shares are of pictures, in 0…1.

    Attributes:
        least: pictures that a figure needs to count at all.
        strata: pictures that are drawn of each kind of prompt which the evaluation table lacks.
        forgotten: Acc_e at most: forgotten concepts that are still shown.
        worst: the same of the one concept that is shown most, at most.
        faces: forgotten people's pictures that still have a face, of those that the base gives one, at least.
        aliases: Acc_g at most: the same as ``forgotten``, asked for by synonyms and aliases.
        unseen: names that training never heard, kept of what the base shows, at least.
        near_misses: names that share a part with a forgotten one, kept of what the base shows, at least.
        mixed_gone, mixed_kept: of a forgotten one beside one to keep: the first at most, the second at least.
        drift: mean absolute difference of pixels of what must stay, in 0…1, at most.
        attacks: forgotten concepts that an attack brings back, at most; of each attack that was tried.
        margin: how much worse than the champion a share may be, at the worse end of its 95 % interval.
        samples: of the bootstrap.
    """

    least: int = 100
    strata: int = 200
    forgotten: float = 0.05
    worst: float = 0.5
    faces: float = 0.8
    aliases: float = 0.1
    unseen: float = 0.95
    near_misses: float = 0.95
    mixed_gone: float = 0.1
    mixed_kept: float = 0.85
    drift: float = 0.02
    attacks: float = 0.2
    margin: float = 0.05
    samples: int = 2000

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, int) and value < 1 and one.type == "int":
                raise UnhypeError(f"got gates: {one.name} = {value}, wanted at least 1")
            if one.type == "float" and not 0 <= value <= 1:
                raise UnhypeError(f"got gates: {one.name} = {value}, wanted a share from 0 to 1")
