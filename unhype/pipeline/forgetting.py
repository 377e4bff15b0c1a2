"""The job of HyperForget, from its settings to a measured model: where files lie, and what is made from what."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from unhype.errors import UnhypeError
from unhype.evaluation.nets import PROMPTS, evaluate
from unhype.files import write_text
from unhype.hyperforget.digits import CLASSES, check_digits, load_split
from unhype.hyperforget.model import HyperForget, check_asked, load_model, made_for
from unhype.hyperforget.nets import Shape, nets_of, parts_of
from unhype.hyperforget.training import HyperForgetSettings, train
from unhype.hyperforget.zoo import Zoo, build, recipe
from unhype.pipeline.sources import digest
from unhype.tensors import read_carded, write_carded
from unhype.training import Report

MAKERS = ("unhype.hyperforget.training",)
"""The code that shapes a model."""

JUDGES = ("unhype.evaluation.nets",)
"""The code that measures one."""


@dataclass(frozen=True)
class ForgettingJob:
    """One model to make.

    Attributes:
        digit: to forget; with the signal ``classes`` the one that no net of the zoo has forgotten.
        build: folder of what is made.
    """

    settings: HyperForgetSettings
    signal: str
    start: str
    digit: int
    seed: int
    build: Path

    def __post_init__(self) -> None:
        check_asked(self.signal, self.start, self.settings.zoo.kind)
        check_digits(self.digit)

    @property
    def folder(self) -> Path:
        """Of the model and its scores."""
        return self.build / f"{self.signal}-{self.start}-{self.digit}-{self.seed}"

    @property
    def model_file(self) -> Path:
        """The trained model."""
        return self.folder / "model.safetensors"

    def zoo(self) -> Zoo:
        """The zoo: trained once for all models that learn from it."""
        forgettable = [self.digit] if self.signal != "classes" else [d for d in range(CLASSES) if d != self.digit]
        named = _short(
            {**recipe(self.settings.zoo, forgettable, self.seed), "code": digest(("unhype.hyperforget.zoo",))}
        )
        path = self.build / "zoos" / f"{named}.safetensors"
        return build(self.settings.zoo, load_split(self.seed), forgettable, path)

    def train(self) -> Iterator[Report]:
        """Train the model and write it, with a trained net to try it on; one that was trained alike stays."""
        zoo, how = self.zoo(), self.settings
        model = made_for(zoo, self.signal, self.start, self.digit, how.denoiser)
        model.card |= {
            "loss": asdict(how.loss),
            "schedule": asdict(how.schedule),
            "sampling": how.sampling if self.start == "none" else how.draw_steps,
            "draws": 1 if self.start == "none" else how.draws,
            "code": digest(MAKERS),
        }
        if self.model_file.exists() and load_model(self.model_file).card.items() >= model.card.items():
            return
        checkpoint = self.folder / f"training-{_short(model.card)}.safetensors"
        yield from train(model, zoo, load_split(self.seed).train, how.loss, how.schedule, checkpoint)
        write_carded(self.folder / "trained.safetensors", layers(zoo.held_out[0], zoo.shape), {"what": "a net"})
        write_carded(self.model_file, model.state_dict(), model.card)
        checkpoint.unlink(missing_ok=True)

    def trained(self) -> HyperForget:
        """The model, read."""
        return load_model(self.model_file)

    def evaluate(self) -> dict[str, Any]:
        """Measure the model beside its nulls, and write that beside the model; what was measured alike stays."""
        model, scores_file = self.trained(), self.folder / "scores.json"
        about = {key: model.card[key] for key in ("signal", "start", "digit", "seed", "hash", "zoo", "code")}
        about |= {"sampling": model.card["sampling"], "draws": model.card["draws"], "judges": digest(JUDGES)}
        if scores_file.exists():
            with contextlib.suppress(ValueError):  # not whole: measured again
                known: dict[str, Any] = json.loads(scores_file.read_text(encoding="utf-8"))
                if about.items() <= known.items():
                    return known
        zoo = self.zoo()
        rows = list(evaluate(model, zoo, load_split(self.seed), self.digit))
        scores = {**about, "n": len(zoo.held_out), "prompts": PROMPTS.tolist(), "methods": rows}
        write_text(scores_file, json.dumps(scores, indent=1) + "\n")
        return scores


def layers(net: torch.Tensor, shape: Shape) -> dict[str, torch.Tensor]:
    """A net ``[size]`` as the state dict of ``nn.Sequential(Linear, ReLU, Linear)``."""
    inward, outward, bias = parts_of(net, shape)
    return {"0.weight": inward[:, :-1], "0.bias": inward[:, -1], "2.weight": outward.T, "2.bias": bias}


def read_net(path: Path, shape: Shape) -> torch.Tensor:
    """A net ``[size]`` from such a state dict in safetensors.

    Raises:
        UnhypeError: a damaged file, one that is no net, a net of another shape, or of numbers that are none.
    """
    found, _ = read_carded(path, "a net", plain=True)
    wanted = {name: tuple(part.shape) for name, part in layers(torch.zeros(shape.size), shape).items()}
    if (got := {name: tuple(part.shape) for name, part in sorted(found.items())}) != wanted:
        raise UnhypeError(f"got {got} in {path}, wanted a net with {wanted}: another file, or another model")
    if odd := [name for name, part in found.items() if not part.isfinite().all()]:
        raise UnhypeError(f"got numbers that are not finite in {odd[0]} of {path}, wanted a trained net: another file")
    inward = torch.cat([found["0.weight"], found["0.bias"][:, None]], dim=-1)
    return nets_of(inward.float(), found["2.weight"].T.float(), found["2.bias"].float())


def _short(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
