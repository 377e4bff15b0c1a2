"""A trained guard on disk: ``guard.safetensors`` has the numbers that shape a LoRA, ``guard.json`` says what they are.

Strict both ways: a missing, unknown or misshapen tensor and another format version are refused.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from unhype.adapters.sites import Site
from unhype.bases.identity import Identity
from unhype.erasing.hypernet import Hypernet, HypernetConfig
from unhype.erasing.switch import TENSORS as SWITCH_TENSORS
from unhype.erasing.switch import Switch
from unhype.errors import UnhypeError
from unhype.files import describe, sha256, write_tensors, write_text
from unhype.monitor.monitor import Monitor
from unhype.monitor.net import MonitorNet, NetConfig

FORMAT = 13
KNOWN = (6, 7, 8, 9, 10, 11, 12, FORMAT)
"""Formats that can be read: a monitor of 12 and before leaves the words out; a switch of 11 and before holds no vectors
of names; of 10 and before the monitor, which
looked in other ways, cannot be; of 9 and before the checksum says nothing of the card; 7 has a switch that asks no
sentence besides, 6 no monitor."""

SENTENCES, SUMMED, LOOKING, HEARING = 8, 10, 11, 13
"""The first formats with a switch that asks the sentence, with a checksum of the card besides the tensors, with a
monitor that looks as today's does, and with one that hears the words besides."""

NUMBERS = ("threshold", "width", "longest", "sure")
"""The fields of a switch that are plain numbers."""

MONITOR_LISTS, MONITOR_NUMBERS = ("concepts", "prompts", "weights"), ("suspected", "usual", "bar")
"""The fields of a monitor that are lists, and plain numbers."""

SHAPING = ("hypernet", "sites", "width", "switch", "monitor", "identity")
"""What a card says that shapes a LoRA, or decides about one."""

TENSORS, CARD = "guard.safetensors", "guard.json"


@dataclass(frozen=True)
class Trained:
    """What training makes.

    Attributes:
        hypernet: H.
        switch: the fitted switch, or None in the paper's plain form.
        identity: of the base's weights.
        monitor: the second opinion, which looks at what is being drawn; None in guards without.
        facts: concept set and its hash, base and its hash, family and choice of sites, settings, seed: whatever
            identifies the run.
    """

    hypernet: Hypernet
    switch: Switch | None
    identity: Identity
    facts: dict[str, Any]
    monitor: Monitor | None = None


def save(trained: Trained, folder: Path) -> None:
    """Write a guard folder; the card is written last, so that a folder with a card is whole."""
    tensors = {f"hypernet.{name}": tensor for name, tensor in trained.hypernet.state_dict().items()}
    switch: dict[str, Any] | None = None
    if trained.switch:
        tensors |= {f"switch.{name}": getattr(trained.switch, name) for name in SWITCH_TENSORS}
        if trained.switch.canonical is not None:
            tensors["switch.canonical"] = trained.switch.canonical
        switch = {
            "concepts": list(trained.switch.concepts),
            **{name: getattr(trained.switch, name) for name in NUMBERS},
        }
    tensors |= {f"identity.{name}": tensor for name, tensor in trained.identity.tensors().items()}
    monitor, looks = trained.monitor, None
    if monitor:
        tensors |= {f"monitor.{name}": tensor for name, tensor in monitor.net.state_dict().items()}
        tensors["monitor.c"] = monitor.c
        looks = {
            "net": asdict(monitor.net.config),
            **{name: list(getattr(monitor, name)) for name in MONITOR_LISTS},
            **{name: getattr(monitor, name) for name in MONITOR_NUMBERS},
        }
    (folder / CARD).unlink(missing_ok=True)
    write_tensors(folder / TENSORS, tensors, {"format": "pt"})
    card: dict[str, Any] = {
        "format": FORMAT,
        "hypernet": asdict(trained.hypernet.config),
        "sites": [asdict(site) for site in trained.hypernet.sites],
        "width": trained.hypernet.width,
        "switch": switch,
        "monitor": looks,
        "identity": trained.identity.names,
    }
    card["sha256"] = checksum(card, folder / TENSORS)
    card |= {name: fact for name, fact in trained.facts.items() if name not in card}
    write_text(folder / CARD, json.dumps(card, indent=2, ensure_ascii=False) + "\n")


def checksum(card: dict[str, Any], path: Path) -> str:
    """Of everything that shapes a picture: the tensors' file, and what the card says of them."""
    if card["format"] < SUMMED:
        return sha256(path)
    said = json.dumps({name: card[name] for name in SHAPING}, sort_keys=True)
    return hashlib.sha256(f"{sha256(path)} {said}".encode()).hexdigest()


def load(folder: Path) -> Trained:
    """Read a guard folder.

    Raises:
        UnhypeError: missing, damaged, of another format, or with tensors that do not fit what the card says.
    """
    card = read_card(folder)
    path = folder / TENSORS
    if not path.exists():
        raise UnhypeError(f"got no {path}, wanted it beside its {CARD}: copy the folder again or train anew")
    if missing := [name for name in SHAPING if name not in card and name != "monitor"]:
        raise UnhypeError(f"got a {CARD} without {missing[0]} in {folder}, wanted all of it: copy the folder again")
    if checksum(card, path) != card.get("sha256"):
        raise UnhypeError(
            f"got a damaged {path} or {CARD}, wanted two that belong together: copy the folder again or train anew"
        )
    tensors = load_file(path)
    try:
        hypernet = Hypernet(HypernetConfig(**card["hypernet"]), [Site(**site) for site in card["sites"]], card["width"])
        hypernet.load_state_dict(
            {name.removeprefix("hypernet."): t for name, t in tensors.items() if name.startswith("hypernet.")},
            strict=True,
        )
        switch = None
        if card["switch"]:
            parts = {name.removeprefix("switch."): t for name, t in tensors.items() if name.startswith("switch.")}
            facts = {"sure": 0.0, **card["switch"]} if card["format"] < SENTENCES else card["switch"]
            canonical = parts.pop("canonical", None)
            fitted: dict[str, Any] = {name: parts.pop(name) for name in SWITCH_TENSORS}
            fitted |= {name: facts[name] for name in NUMBERS}
            switch = Switch(tuple(facts["concepts"]), canonical=canonical, **fitted)
            if parts or len(switch.centres) != len(switch.concepts):
                raise ValueError(f"{len(switch.centres)} centres for {len(switch.concepts)} concepts")
            if canonical is not None and canonical.shape != (len(switch.concepts), card["width"]):
                raise ValueError(f"vectors of names {tuple(canonical.shape)} for {len(switch.concepts)} concepts")
        looks = card.get("monitor")
        monitor = _monitor(_hearing_nothing(looks) if looks and card["format"] < HEARING else looks, tensors)
        identity = Identity.of_tensors(
            card["identity"], {name: tensors[f"identity.{name}"] for name in ("entries", "sizes")}
        )
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UnhypeError(
            f"got tensors in {folder} that do not fit its {CARD} ({' '.join(str(error).split())[:160]}): train anew"
        ) from error
    return Trained(hypernet.eval().requires_grad_(False), switch, identity, card, monitor)


def _monitor(looks: dict[str, Any] | None, tensors: dict[str, torch.Tensor]) -> Monitor | None:
    """From the card's block and the tensors; they must fit each other."""
    parts = {name.removeprefix("monitor."): t for name, t in tensors.items() if name.startswith("monitor.")}
    if not looks:
        if parts:
            raise ValueError(f"{len(parts)} tensors of a monitor that the card does not name")
        return None
    c = parts.pop("c")
    net = MonitorNet(NetConfig(**looks["net"]), parts["stem.weight"].shape[1], len(looks["concepts"]))
    net.load_state_dict(parts, strict=True)
    lists: dict[str, Any] = {name: tuple(looks[name]) for name in MONITOR_LISTS}
    numbers: dict[str, Any] = {name: float(looks[name]) for name in MONITOR_NUMBERS}
    return Monitor(net=net.eval().requires_grad_(False), c=c, **lists, **numbers)


def _hearing_nothing(looks: dict[str, Any]) -> dict[str, Any]:
    """The block of a monitor of before: it asked by the logit alone."""
    first, second = looks["weights"]
    return looks | {"weights": [first, second, 0.0], "suspected": first * looks["suspected"], "usual": 0.0}


def read_card(folder: Path) -> dict[str, Any]:
    """The card of a guard folder alone.

    Raises:
        UnhypeError: no such folder, no card, not JSON, or another format.
    """
    path = folder / CARD
    try:
        card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnhypeError(
            f"{describe(error, path)}; wanted a trained guard: python flows/train_flow.py run makes one"
        ) from error
    except ValueError as error:
        raise UnhypeError(f"got a damaged {path} ({error}): copy the folder again or train anew") from error
    if not isinstance(card, dict):
        raise UnhypeError(
            f"got {type(card).__name__} in {path}, wanted a guard's card: copy the folder again or train anew"
        )
    if card.get("format") in KNOWN and card["format"] < LOOKING and card.get("monitor"):
        raise UnhypeError(
            f"got format {card.get('format')!r} in {path}, whose monitor looks in another way, wanted {FORMAT}: train "
            "anew, or use the version of unhype that made it"
        )
    if card.get("format") not in KNOWN:
        raise UnhypeError(
            f"got format {card.get('format')!r} in {path}, wanted {FORMAT}: train anew, or use the version of unhype "
            "that made it"
        )
    return card


def to_device(trained: Trained, device: torch.device) -> Trained:
    """The same, elsewhere."""
    switch = trained.switch and trained.switch.to(device)
    monitor = trained.monitor and trained.monitor.to(device)
    return Trained(trained.hypernet.to(device), switch, trained.identity, trained.facts, monitor)
