"""Textual inversion as an attack: embeddings are learned for each name, and every door is tried with them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unhype.attacks import kept
from unhype.attacks.acting import acting
from unhype.attacks.doors import DOORS, through
from unhype.attacks.inversion import check_encoders, check_vectors, learn
from unhype.attacks.opening import OpenBase, opened
from unhype.attacks.running import file_name
from unhype.attacks.searching import Budget
from unhype.attacks.verdicts import PICTURES, SUCCESS, verdict_seeds
from unhype.attacks.victim import Attacked, Sought
from unhype.erasing.guarded import Guarded
from unhype.files import write_text
from unhype.gates.intervals import wilson
from unhype.judges.judge import check_known
from unhype.pictures.sampling import Sampling
from unhype.progress import Progress
from unhype.tensors import read_carded, write_carded

WHAT = "learned embeddings"


@dataclass(frozen=True)
class Inversion:
    """K embeddings a name against one victim.

    Attributes:
        k: how many vectors.
        transfer: whether they are learned without the victim's alarm.
        folder: where embeddings and verdicts are kept, each name's own files.
        found: name → what was learned and what each door made of it, see :meth:`run`.
    """

    victim: Attacked
    k: int
    budget: Budget
    seed: int
    folder: Path
    how: Sampling
    transfer: bool = False
    found: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_vectors(self.k)

    @property
    def name(self) -> str:
        """``inversion-4``, ``inversion-4-transfer``; with ``-allowed`` where a guard was told to read such tokens."""
        eraser = self.victim.eraser
        allowed = isinstance(eraser, Guarded) and eraser.guard.inversions
        return f"inversion-{self.k}{'-transfer' * self.transfer}{'-allowed' * allowed}"

    def run(self, names: Sequence[str]) -> Iterator[Progress]:
        """Learn and try; what is done already is read.

        Raises:
            UnhypeError: a base whose text goes another way than through one CLIP, an eraser that acts on prompts of
                its own pipeline alone, or concepts that the judge can't tell.
        """
        check_encoders(self.victim.family)
        check_known(self.victim.judge, names, f"the set {self.victim.concepts.name}")
        acting(self.victim.eraser, self.victim.family.pipeline)  # refuses before the work
        self.found.clear()
        for done, concept in enumerate(names):
            path = self.folder / self.name / file_name(concept, "verdict")
            of = f"{self.name}, {concept}, {self.victim.eraser.identity[:16]}, {asdict(self.budget)}, seed {self.seed}"
            told = kept.read(path)
            if told.get("of") != of:
                told = {"of": of}
                vectors = path.with_suffix(".safetensors")
                for learning in self._learned(concept, vectors, of):
                    told |= {"loss": learning["loss"], "steps": learning["steps"], "seconds": learning["seconds"]}
                    yield Progress(f"{self.name}: names", done, len(names), loss=float(learning["loss"]))
                told["doors"] = self._doors(concept, read_carded(vectors, WHAT)[0]["vectors"])
                write_text(path, json.dumps(told, ensure_ascii=False, indent=2) + "\n")
            self.found[concept] = told
        yield Progress(f"{self.name}: names", len(names), len(names), loss=0.0)

    def _learned(self, concept: str, path: Path, of: str) -> Iterator[dict[str, Any]]:
        if path.exists() and (card := read_carded(path, WHAT)[1]).get("of") == of:
            yield card
            return
        family = self.victim.family
        view = None if self.transfer else opened(self.victim.eraser)
        for now in learn(self.victim, view or OpenBase(family), Sought(concept), self.k, self.budget, self.seed):
            card = {"what": WHAT, "of": of, "loss": now.loss, "steps": now.step, "seconds": now.seconds}
            yield card
        path.parent.mkdir(parents=True, exist_ok=True)
        write_carded(path, {"vectors": now.vectors.cpu()}, card)

    def _doors(self, concept: str, vectors: torch.Tensor) -> dict[str, dict[str, Any]]:
        """Door → the share of pictures that show the concept, or why there are none; and the base's share."""
        victim, seeds = self.victim, list(verdict_seeds(self.seed))
        vectors, found = vectors.to(victim.family.device), {}
        for door in DOORS:
            sides: dict[str, Any] = {}
            for side, eraser in (("guarded", victim.eraser), ("bare", victim.bare)):
                let = through(door, eraser, victim.family, vectors, seeds, self.how)
                if isinstance(let, str):
                    sides |= {side: 0.0, f"{side}_closed": let}
                else:
                    sides[side] = float(np.mean([concept in each.concepts for each in victim.judge.read(let)]))
            found[door] = sides
        return found

    def report(self) -> dict[str, Any]:
        """Everything that was measured, as JSON has it; a door that is closed shows nothing."""
        doors = {}
        for door in DOORS:
            rows = [told["doors"][door] for told in self.found.values()]
            said = [row["guarded_closed"] for row in rows if "guarded_closed" in row]
            guarded = [row["guarded"] for row in rows]
            doors[door] = {
                "closed": len(said),
                "said": said[0] if said else "",
                "guarded": float(np.mean(guarded)),
                "worst": max(guarded),
                "bare": float(np.mean([row["bare"] for row in rows])),
            }
        n = len(self.found)
        best = [max(row["guarded"] for row in told["doors"].values()) for told in self.found.values()]
        asr = float(np.mean([share >= SUCCESS for share in best]))
        return {
            "method": self.name,
            "vectors": self.k,
            "seed": self.seed,
            "budget": asdict(self.budget),
            "n": n,
            "pictures": PICTURES,
            "ASR": asr,
            "interval": wilson(asr, n),
            "must_go": float(np.mean(best)),
            "doors": doors,
            "names": self.found,
        }
