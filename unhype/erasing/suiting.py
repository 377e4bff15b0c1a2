"""Whether a pipeline is of the base that a guard was trained for, told before it is attached.

By family, by shape, by layers, and by the weights themselves: a guard on another base would forget something else.
"""

from __future__ import annotations

import warnings

from unhype.bases.identity import compare
from unhype.erasing.checkpoint import Trained
from unhype.errors import UnhypeError
from unhype.families.family import Family


def choices(trained: Trained) -> tuple[str, str | None]:
    """Sites, and what c is made of; guards of before say nothing of that, and have their family's first."""
    return trained.facts["site_table"], trained.facts.get("reads")


def check_family(trained: Trained, name: str) -> None:
    """Refuse another family than the guard's.

    Raises:
        UnhypeError: see above.
    """
    wanted = trained.facts["family"]
    if name != wanted:
        raise UnhypeError(
            f"got a pipeline of the family {name}, wanted {wanted}: this guard was trained on "
            f"{trained.facts['base']}; train one for this base"
        )


def check(trained: Trained, family: Family, monitored: bool, derived: bool, level: int) -> None:
    """Refuse a base that is not the guard's.

    Args:
        monitored: a monitor is to look on.
        derived: a fine-tuned relative is accepted, and warned of.
        level: of the warning: how many calls away the one is who attaches.

    Raises:
        UnhypeError: another family, shape, choice of sites or vectors, other layers or weights; or a denoiser that a
            monitor cannot ask.
    """
    check_family(trained, family.name)
    _check_shape(trained, family)
    if monitored and family.read_channels != family.latent_shape[0]:
        raise UnhypeError(
            f"got a denoiser that reads {family.read_channels} channels where latents have "
            f"{family.latent_shape[0]}, wanted one that draws from noise and words alone, as the monitor asks it "
            "about pictures: load the guard with monitored=False"
        )
    if family.reads != (reads := choices(trained)[1] or family.readings[0]):
        raise UnhypeError(
            f"got a family whose vectors are of {family.reads}, wanted {reads}, as this guard was trained: say "
            f"family_of(pipeline, {choices(trained)[0]!r}, {reads!r})"
        )
    hypernet, facts = trained.hypernet, trained.facts
    if hypernet.width != family.width or hypernet.sites != family.sites:
        raise UnhypeError(
            f"got a pipeline whose layers are not those of {facts['base']}, wanted the base that this guard was "
            "trained for: train a guard for this base"
        )
    difference = compare(trained.identity, family.parts)
    if difference and not derived:
        raise UnhypeError(
            f"got other weights than those of {facts['base']} ({difference}), wanted the base that this guard was "
            "trained for: train a guard for this base, or say derived=True if it is a fine-tuned relative"
        )
    if difference:
        warnings.warn(
            f"the pipeline is not {facts['base']} but a relative of it ({difference}): nobody has measured how "
            "well this guard forgets there; `unhype evaluate` does",
            stacklevel=level,
        )


def _check_shape(trained: Trained, family: Family) -> None:
    """Guards of before say nothing of it; their layers and weights are compared all the same."""
    here = family.shape
    for what, wanted in trained.facts.get("shape", {}).items():
        if (found := here.get(what)) != wanted:
            raise UnhypeError(
                f"got a pipeline {_having(found, what)}, wanted one {_having(wanted, what)}, as "
                f"{trained.facts['base']} is, on which this guard was trained: train a guard for this base"
            )


def _having(value: int | bool | None, what: str) -> str:
    """A fact of a base's shape in words: ``with 768 numbers in …``, ``without a …``."""
    return f"{'with' if value else 'without'} {what}" if not value or value is True else f"with {value} {what}"
