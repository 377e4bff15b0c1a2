"""A trained guard on disk: ``guard.safetensors`` has the numbers that shape a LoRA, ``guard.json`` says what they are.

Strict both ways: a missing, unknown or misshapen tensor and another format version are refused.
"""

from __future__ import annotations

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

FORMAT = 7
NUMBERS = ("threshold", "width", "longest", "sure")
"""The fields of a switch that are plain numbers."""

TENSORS, CARD = "guard.safetensors", "guard.json"


@dataclass(frozen=True)
class Trained:
    """What training makes.

    Attributes:
        hypernet: H.
        switch: the fitted switch, or None in the paper's plain form.
        identity: of the base's weights.
        facts: concept set and its hash, base and its hash, family and choice of sites, settings, seed: whatever
            identifies the run.
    """

    hypernet: Hypernet
    switch: Switch | None
    identity: Identity
    facts: dict[str, Any]


def save(trained: Trained, folder: Path) -> None:
    """Write a guard folder; the card is written last, so that a folder with a card is whole."""
    tensors = {f"hypernet.{name}": tensor for name, tensor in trained.hypernet.state_dict().items()}
    switch: dict[str, Any] | None = None
    if trained.switch:
        tensors |= {f"switch.{name}": getattr(trained.switch, name) for name in SWITCH_TENSORS}
        switch = {
            "concepts": list(trained.switch.concepts),
            **{name: getattr(trained.switch, name) for name in NUMBERS},
        }
    tensors |= {f"identity.{name}": tensor for name, tensor in trained.identity.tensors().items()}
    (folder / CARD).unlink(missing_ok=True)
    write_tensors(folder / TENSORS, tensors, {"format": "pt"})
    card = {
        "format": FORMAT,
        "hypernet": asdict(trained.hypernet.config),
        "sites": [asdict(site) for site in trained.hypernet.sites],
        "width": trained.hypernet.width,
        "switch": switch,
        "identity": trained.identity.names,
        "sha256": sha256(folder / TENSORS),
        **trained.facts,
    }
    write_text(folder / CARD, json.dumps(card, indent=2, ensure_ascii=False) + "\n")


def load(folder: Path) -> Trained:
    """Read a guard folder.

    Raises:
        UnhypeError: missing, damaged, of another format, or with tensors that do not fit what the card says.
    """
    card = read_card(folder)
    path = folder / TENSORS
    if not path.exists() or sha256(path) != card.get("sha256"):
        state = "a damaged" if path.exists() else "no"
        raise UnhypeError(
            f"got {state} {path}, wanted the file that {folder / CARD} describes: copy the folder again or train anew"
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
            facts = card["switch"]
            mean, whitening, centres, kept = (parts.pop(name) for name in SWITCH_TENSORS)
            switch = Switch(
                tuple(facts["concepts"]), mean, whitening, centres, kept, *(facts[name] for name in NUMBERS)
            )
            if parts or len(switch.centres) != len(switch.concepts):
                raise ValueError(f"{len(switch.centres)} centres for {len(switch.concepts)} concepts")
        identity = Identity.of_tensors(
            card["identity"], {name: tensors[f"identity.{name}"] for name in ("entries", "sizes")}
        )
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UnhypeError(
            f"got tensors in {folder} that do not fit its {CARD} ({' '.join(str(error).split())[:160]}): train anew"
        ) from error
    return Trained(hypernet.eval().requires_grad_(False), switch, identity, card)


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
    if card.get("format") != FORMAT:
        raise UnhypeError(
            f"got format {card.get('format')!r} in {path}, wanted {FORMAT}: train anew, or use the version of unhype "
            "that made it"
        )
    return card


def to_device(trained: Trained, device: torch.device) -> Trained:
    """The same, elsewhere."""
    switch = trained.switch and trained.switch.to(device)
    return Trained(trained.hypernet.to(device), switch, trained.identity, trained.facts)
