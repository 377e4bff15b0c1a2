"""Which rivals can act on a pipeline that somebody else did something to is known by their names, before a fit."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, get_type_hints

import pytest

from unhype.attacks.acting import LORAS, WEIGHTS, check_acting
from unhype.baselines.adapters import Adapted
from unhype.baselines.weights import Rewritten
from unhype.comparison.methods import METHODS
from unhype.erasing.guarded import Guarded
from unhype.erasing.trainer import TrainingSettings
from unhype.errors import UnhypeError


def test_the_names_are_those_of_the_erasers_that_act() -> None:
    job: Any = SimpleNamespace(training=TrainingSettings())
    kinds = {name: get_type_hints(build(job).eraser)["return"] for name, build in METHODS.items()}
    assert {name for name, kind in kinds.items() if kind is Rewritten} == set(WEIGHTS)
    assert {name for name, kind in kinds.items() if kind is Adapted} == set(LORAS)
    for name, kind in kinds.items():
        for own in (True, False):
            if kind in (Rewritten, Guarded) or (kind is Adapted and own):
                check_acting(name, own)
            else:
                with pytest.raises(UnhypeError, match=f"got {name}, which draws"):
                    check_acting(name, own)
