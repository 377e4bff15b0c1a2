"""What a guard emits for one prompt, as a LoRA file: static, for programs that load LoRAs and know no guard.

It is the guard's own LoRA to the last digit, but it acts on everything that is drawn while it is loaded, in both halves
of guidance; a guard acts on the rows of text that speak of the concept alone. At guidance 1, on the prompt that it was
made for, the pictures are the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from unhype.erasing.guard import Guard
from unhype.errors import UnhypeError
from unhype.families.family import Family
from unhype.families.lora_files import lora_tensors, peft_configuration, rank_of
from unhype.files import write_tensors, write_text

INDEX = "index.json"


@dataclass(frozen=True)
class Exported:
    """A LoRA file's content.

    Attributes:
        tensors: by the format's keys, float32.
        metadata: what it is: rank, α, prompt, concepts, base, guard.
        rank: of every site.
    """

    tensors: Mapping[str, torch.Tensor]
    metadata: Mapping[str, str]
    rank: int

    def write(self, path: Path) -> None:
        """As a safetensors file, whole or not at all."""
        write_tensors(path, {name: tensor.cpu() for name, tensor in self.tensors.items()}, self.metadata)


def export(guard: Guard, family: Family, prompt: str, form: str) -> Exported:
    """The LoRA of a prompt.

    Args:
        form: one of :data:`~unhype.families.lora_files.FORMATS`.

    Raises:
        UnhypeError: a prompt for which the guard emits nothing, or a format that this family has no keys in.
    """
    if guard.read(family, [prompt]).untouched.all() or guard.share == 0:
        raise UnhypeError(
            f"got the prompt {prompt!r}, for which this guard emits no LoRA, wanted one that speaks of what it "
            f"forgets ({_some(concepts_of(guard))}), at a share above 0: the base draws this one alone"
        )
    factors, facts = guard.factors(family, [prompt]), guard.trained.facts
    rank = rank_of(factors)
    metadata = {
        "format": "pt",
        "unhype.prompt": prompt,
        "unhype.rank": str(rank),
        "unhype.alpha": str(rank),
        "unhype.share": str(guard.share),
        "unhype.concepts": str(facts.get("concepts", "")),
        "unhype.guard": str(facts.get("sha256", "")),
        "unhype.family": family.name,
        "unhype.base": str(facts["base"]),
        "unhype.base_identity": guard.trained.identity.label,
    }
    if form == "peft":
        metadata["lora_adapter_metadata"] = json.dumps(peft_configuration(family.part, factors))
    if form == "kohya":
        metadata |= {
            "ss_network_module": "networks.lora",
            "ss_network_dim": str(rank),
            "ss_network_alpha": str(rank),
        }
    return Exported(lora_tensors(family, factors, form), metadata, rank)


def export_all(guard: Guard, family: Family, prompts: Mapping[str, str], form: str, folder: Path) -> Iterator[str]:
    """One file a concept, and an index written last; yields each concept when its file is there.

    Args:
        prompts: concept → the prompt that speaks of it alone. Those for which nothing is emitted stand in the index
            without a file.
    """
    names = _file_names(list(prompts))
    entries = []
    for concept, prompt in prompts.items():
        entry: dict[str, object] = {"concept": concept, "prompt": prompt, "file": None}
        if not guard.read(family, [prompt]).untouched.all():
            exported = export(guard, family, prompt, form)
            exported.write(folder / names[concept])
            entry |= {"file": names[concept], "rank": exported.rank}
        entries.append(entry)
        yield concept
    facts = guard.trained.facts
    index = {
        "format": form,
        "concepts": facts.get("concepts"),
        "base": facts["base"],
        "base_identity": guard.trained.identity.label,
        "guard": facts.get("sha256"),
        "share": guard.share,
        "files": entries,
    }
    write_text(folder / INDEX, json.dumps(index, indent=2, ensure_ascii=False) + "\n")


def concepts_of(guard: Guard) -> tuple[str, ...]:
    """What a guard forgets."""
    return guard.switch.concepts if guard.switch else tuple(guard.trained.facts.get("forget", ()))


def _some(concepts: tuple[str, ...]) -> str:
    return ", ".join(concepts[:4]) + ("…" if len(concepts) > 4 else "")


def _file_names(concepts: list[str]) -> dict[str, str]:
    """Concept → a file name of its letters and digits; where two would share one, a number tells them apart."""
    names: dict[str, str] = {}
    for concept in concepts:
        plain = re.sub(r"\W+", "-", concept.lower()).strip("-") or "concept"
        name, number = f"{plain}.safetensors", 1
        while name in names.values():
            number += 1
            name = f"{plain}-{number}.safetensors"
        names[concept] = name
    return names
