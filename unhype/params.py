"""The composition root: ``params.yaml`` → each owner's frozen dataclass.

An unknown or doubled key and a value of the wrong type are errors.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from unhype.erasing.trainer import TrainingSettings
from unhype.errors import UnhypeError
from unhype.handwritten import load_yaml
from unhype.miniature.workshop import Pretraining
from unhype.pictures.sampling import Sampling
from unhype.pictures.seeds import check_seed
from unhype.prompts.tables import PromptSettings

T = TypeVar("T")


@dataclass(frozen=True)
class Params:
    """All settings of the project.

    Attributes:
        pretraining: the recipe of the miniature base.
        sampling: how pictures are drawn from a base.
        prompts: how many prompts are evaluated.
        training: how a hypernetwork is trained.
    """

    pretraining: Pretraining = field(default_factory=Pretraining)
    sampling: Sampling = field(default_factory=Sampling)
    prompts: PromptSettings = field(default_factory=PromptSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)


def load_params(path: Path) -> Params:
    """Read a params file; what it leaves out has its default.

    Raises:
        UnhypeError: no such file, not YAML in UTF-8, an unknown or doubled key, a wrong type, or a value that its owner
            refuses.
    """
    content = load_yaml(path)
    params = build(Params, {} if content is None else content, str(path))
    for block in ("pretraining", "training"):
        check_seed(getattr(params, block).seed, f"{block}: seed in {path}")
    return params


def build(kind: type[T], content: object, where: str) -> T:
    """A frozen dataclass from a mapping, its nested dataclasses too.

    Args:
        where: the file and the keys so far, for the error message.
    """
    if not isinstance(content, Mapping):
        keys = ", ".join(f.name for f in fields(kind))  # type: ignore[arg-type]
        raise UnhypeError(f"got {content!r} at {where}, wanted a mapping with keys among {keys}")
    hints = typing.get_type_hints(kind)
    unknown = set(content) - set(hints)
    if unknown:
        raise UnhypeError(
            f"got the unknown key {sorted(map(str, unknown))[0]!r} at {where}, wanted one of {', '.join(hints)}"
        )
    values = {key: _value(hints[key], value, f"{where}: {key}") for key, value in content.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise UnhypeError(f"got too few keys at {where}: {error}") from error
    except UnhypeError:
        raise
    except ValueError as error:
        raise UnhypeError(f"{error}, at {where}") from error


def _value(hint: Any, value: object, where: str) -> object:
    if is_dataclass(hint):
        return build(hint, value, where)  # type: ignore[arg-type]
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if type(value) not in options:
        names = " or ".join(getattr(option, "__name__", str(option)) for option in options)
        raise UnhypeError(f"got {value!r} at {where}, wanted {names}")
    return value
