"""The composition root: ``params.yaml`` → each owner's frozen dataclass.

An unknown or doubled key and a value of the wrong type are errors.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from unhype.bases.finding import Source
from unhype.bases.loading import BaseSettings, plain_pipeline
from unhype.erasing.trainer import TrainingSettings
from unhype.errors import UnhypeError
from unhype.families.choosing import FAMILIES
from unhype.gates.settings import GateSettings
from unhype.handwritten import load_yaml
from unhype.hyperforget.training import HyperForgetSettings
from unhype.judges.choosing import JudgeSettings, in_miniature
from unhype.miniature.flux_workshop import FluxPretraining
from unhype.miniature.folders import BASE, FLUX
from unhype.miniature.workshop import Pretraining
from unhype.monitor.fitting import MonitorSettings
from unhype.pictures.sampling import Sampling
from unhype.pictures.seeds import check_seed
from unhype.prompts.tables import PromptSettings

T = TypeVar("T")


@dataclass(frozen=True)
class Params:
    """All settings of the project.

    Attributes:
        pretraining: the recipe of mini-sd.
        flux_pretraining: the recipe of mini-flux.
        sampling: how pictures are drawn from a base.
        prompts: how many prompts are evaluated.
        training: how a hypernetwork is trained.
        monitor: how a guard's second opinion is made.
        gates: what a guard must reach before it is offered.
        judges: who looks at the pictures of bases that bring no judge.
        base: how a base is loaded.
        hyperforget: zoo and diffusion of the digits' classifiers.
        families: family of real bases → all settings with what differs there in place.
    """

    pretraining: Pretraining = field(default_factory=Pretraining)
    flux_pretraining: FluxPretraining = field(default_factory=FluxPretraining)
    sampling: Sampling = field(default_factory=Sampling)
    prompts: PromptSettings = field(default_factory=PromptSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    monitor: MonitorSettings = field(default_factory=MonitorSettings)
    gates: GateSettings = field(default_factory=GateSettings)
    judges: JudgeSettings = field(default_factory=JudgeSettings)
    base: BaseSettings = field(default_factory=BaseSettings)
    hyperforget: HyperForgetSettings = field(default_factory=HyperForgetSettings)
    families: Mapping[str, Params] = field(default_factory=dict)

    def recipe(self, base: str) -> Pretraining | FluxPretraining:
        """The recipe of a miniature base.

        Raises:
            UnhypeError: there is none of that name.
        """
        recipes: dict[str, Pretraining | FluxPretraining] = {
            BASE.name: self.pretraining,
            FLUX.name: self.flux_pretraining,
        }
        if base not in recipes:
            raise UnhypeError(f"got the base {base!r}, wanted one that can be made here: {', '.join(recipes)}")
        return recipes[base]

    def suited(self, source: Source, judges: Path) -> Params:
        """The settings for a base: those of its family, where the file has them; for the miniature's those of the file.

        Args:
            source: fetched.
            judges: folder of the judges that ship, by which a miniature base is known.
        """
        if source.folder and in_miniature(source.folder, judges):
            return self
        name = plain_pipeline(source)
        family = next((kind.name for kind in FAMILIES if kind.plain == name), "")
        return self.families.get(family, self)


def built_in() -> Params:
    """What holds where there is no file: real bases are drawn from as is usual for their family."""
    own = {kind.name: replace(Params(), sampling=kind.defaults.sampling) for kind in FAMILIES}
    return Params(families=own)


def load_params(path: Path) -> Params:
    """Read a params file; what it leaves out has its default.

    Raises:
        UnhypeError: no such file, not YAML in UTF-8, an unknown or doubled key, a wrong type, or a value that its owner
            refuses.
    """
    content = load_yaml(path)
    if not isinstance(content, Mapping) or "families" not in content:
        return _built({} if content is None else content, str(path))
    whole = {key: value for key, value in content.items() if key != "families"}
    changes = content["families"]
    if not isinstance(changes, Mapping) or (odd := sorted(set(changes) - {kind.name for kind in FAMILIES})):
        got = repr(odd[0]) if isinstance(changes, Mapping) else repr(changes)
        raise UnhypeError(
            f"got {got} at {path}: families, wanted a mapping of {', '.join(kind.name for kind in FAMILIES)}"
        )
    families = {name: _built(_merged(whole, own), f"{path}: families: {name}") for name, own in changes.items()}
    return replace(_built(whole, str(path)), families=families)


def _built(content: object, where: str) -> Params:
    params = build(Params, content, where)
    for block in ("pretraining", "flux_pretraining", "training"):
        check_seed(getattr(params, block).seed, f"{block}: seed in {where}")
    return params


def _merged(whole: Mapping[str, Any], own: Any) -> Any:
    """A mapping with another's values in place, level by level."""
    if not isinstance(own, Mapping):
        return own
    found = dict(whole)
    for key, value in own.items():
        found[key] = _merged(found[key], value) if isinstance(found.get(key), Mapping) else value
    return found


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
