"""Whole prompts, words in their sentence, or phrases on their own: what should the switch look at?

Development templates. The lists' roles are mixed anew, so that nothing that is reported on is tuned on: of the forget and retain names
together, those that share a first or last name are dealt to both sides; 100 are forgotten, half of the others are known to the switch,
half are not. The evaluation names are not touched.

    prompt   c of the whole prompt, whitened by the scatter within names (what ships)
    word     the hidden state of every word's last token, in its sentence; the nearest counts
    phrase   c of every phrase of one to three words, alone; the nearest counts
    any      the nearer of prompt and phrase, each measured from where it opens

Every view opens where 1 in 200 prompts of the known others would be open.

.venv/bin/python docs/experiments/phrases.py
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from unhype.bases import load_pipeline
from unhype.families.stable_diffusion import StableDiffusion
from unhype.miniature.folders import BASE
from unhype.miniature.people import aliases, groups
from unhype.miniature.showing import quiet
from unhype.strata import misspelt
from unhype.switch import SHRINKAGE
from unhype.templates import DEVELOPMENT, TRAINING

LONGEST = 3
FALSE_ALARMS = 0.005


def deal(names: list[str]) -> tuple[list[str], list[str]]:
    """Half of the names to each side; of two that share a first or last name, one to each where that is possible."""
    sides: tuple[list[str], list[str]] = ([], [])
    for name in sorted(names, key=lambda n: n.split()[-1]):
        ends = {name.split()[0], name.split()[-1]}
        shared = [sum(bool(ends & {n.split()[0], n.split()[-1]}) for n in side) for side in sides]
        to = int(shared[0] > shared[1] or (shared[0] == shared[1] and len(sides[0]) > len(sides[1])))
        sides[to if len(sides[to]) < len(names) / 2 else 1 - to].append(name)
    return sides


class Geometry:
    """Whitened cosine to the forgotten centres, see :mod:`unhype.switch`."""

    def __init__(self, forget: torch.Tensor, retain: torch.Tensor) -> None:
        both = torch.cat([forget, retain]).double()
        self.mean = both.mean((0, 1))
        within = (both - both.mean(1, keepdim=True)).flatten(0, 1)
        values, vectors = torch.linalg.eigh(within.T @ within / len(within))
        self.whitening = vectors @ torch.diag((values + SHRINKAGE * values.mean()).rsqrt()) @ vectors.T
        self.centres = F.normalize(self.project(forget).mean(1), dim=-1)

    def project(self, c: torch.Tensor) -> torch.Tensor:
        return F.normalize((c.double() - self.mean) @ self.whitening, dim=-1)

    def alike(self, c: torch.Tensor) -> torch.Tensor:
        return self.project(c) @ self.centres.T


def main() -> None:
    quiet()
    family = StableDiffusion(load_pipeline(Path("data") / BASE))
    vocabulary = family.tokenizer.get_vocab()
    ends = torch.zeros(max(vocabulary.values()) + 1, dtype=torch.bool)
    for token, i in vocabulary.items():
        ends[i] = token.endswith("</w>")

    def ids(prompts: list[str]) -> torch.Tensor:
        return family.tokenizer(prompts, padding="max_length", truncation=True, max_length=family.tokenizer.model_max_length, return_tensors="pt").input_ids

    def pooled(prompts: list[str]) -> torch.Tensor:
        return torch.cat([family.encode(prompts[i : i + 256]).pooled for i in range(0, len(prompts), 256)])

    def words(prompts: list[str]) -> tuple[list[torch.Tensor], list[list[str]]]:
        """The state at every word's last token, and the words."""
        states, texts = [], []
        for start in range(0, len(prompts), 256):
            part = prompts[start : start + 256]
            hidden, tokens = family.encode(part).states, ids(part)
            for i, prompt in enumerate(part):
                split = prompt.split()
                at = ends[tokens[i]].nonzero().flatten()[: len(split)]
                states.append(hidden[i, at])
                texts.append(split[: len(at)])
        return states, texts

    forgotten, others = deal([*groups()["forget"], *groups()["retain"]])
    known, unseen = others[::2], others[1::2]
    training, development = (list(chain.from_iterable(t.values())) for t in (TRAINING, DEVELOPMENT))

    def last_word(name: str, template: str, states: torch.Tensor) -> torch.Tensor:
        return states[min(len(template.split("{}")[0].split()) + len(name.split()), len(states)) - 1]

    def word_grid(names: list[str]) -> torch.Tensor:
        prompts = [(name, template) for name in names for template in training]
        states, _ = words([template.format(name) for name, template in prompts])
        vectors = [last_word(name, template, s) for (name, template), s in zip(prompts, states, strict=True)]
        return torch.stack(vectors).view(len(names), len(training), -1)

    rng = np.random.default_rng(0)
    around = sorted({word for template in training for word in template.replace("{}", "").split()})
    contexts = ["{}", *(f"{word} {{}}" for word in rng.choice(around, 10, replace=False)), *(f"{{}} {word}" for word in rng.choice(around, 10, replace=False))]

    def grid(names: list[str], templates: list[str]) -> torch.Tensor:
        return pooled([template.format(name) for name in names for template in templates]).view(len(names), len(templates), -1)

    prompt_view = Geometry(grid(forgotten, training), grid(known, training))
    word_view = Geometry(word_grid(forgotten), word_grid(known))
    phrase_view = Geometry(grid(forgotten, contexts), grid(known, contexts))

    def look(prompts: list[str]) -> dict[str, torch.Tensor]:
        """View → likeness to every forgotten centre, ``[n, m]``."""
        states, texts = words(prompts)
        spans = [[(i, j) for j in range(1, len(t) + 1) for i in range(max(0, j - LONGEST), j)] for t in texts]
        said = sorted({" ".join(t[i:j]) for t, span in zip(texts, spans, strict=True) for i, j in span})
        place = {text: k for k, text in enumerate(said)}
        by_phrase = phrase_view.alike(pooled(said))
        found: dict[str, list[torch.Tensor]] = {"word": [], "phrase": []}
        for state, t, span in zip(states, texts, spans, strict=True):
            found["word"].append(word_view.alike(state).amax(0))
            found["phrase"].append(by_phrase[[place[" ".join(t[i:j])] for i, j in span]].amax(0))
        return {"prompt": prompt_view.alike(pooled(prompts)), **{view: torch.stack(rows) for view, rows in found.items()}}

    def asked(texts: list[str]) -> list[str]:
        return [template.format(text) for text in texts for template in development]

    shared = {end for name in forgotten for end in (name.split()[0], name.split()[-1])}
    near = [name for name in others if {name.split()[0], name.split()[-1]} & shared]
    roles: dict[str, list[str]] = {
        "known others": known,
        "forgotten": forgotten,
        "aliases": [alias for name, alias in aliases().items() if name in forgotten],
        "misspelt": [misspelt(name) for name in forgotten],
        "forgotten, then another": [f"{a} and {b}" for a, b in zip(forgotten, unseen, strict=False)],
        "another, then forgotten": [f"{b} and {a}" for a, b in zip(forgotten, unseen, strict=False)],
        "never seen": unseen,
        f"near misses ({len(near)})": near,
        "two others": [f"{a} and {b}" for a, b in zip(known, unseen, strict=True)],
        "nameless, things": ["a man", "a woman", "a person", "a dog", "a ship", "a street", "the sky", "a cat with a man"],
    }
    seen = {role: look(asked(texts)) for role, texts in roles.items()}
    print(f"| view | opens at | {' | '.join(roles)} | AUC |\n|{'---|' * (len(roles) + 3)}")
    opens = {view: float(seen["known others"][view].amax(1).quantile(1 - FALSE_ALARMS)) for view in seen["known others"]}
    for role in seen.values():
        role["any"] = torch.maximum(role["prompt"] - opens["prompt"], role["phrase"] - opens["phrase"])
    for view in ("prompt", "word", "phrase", "any"):
        best: Callable[[str], torch.Tensor] = lambda role, view=view: seen[role][view].amax(1)  # noqa: E731
        threshold = float(best("known others").quantile(1 - FALSE_ALARMS))
        shares = [f"{float((best(role) > threshold).double().mean()):.3f}" for role in roles]
        auc = float((best("forgotten")[:, None] > best("never seen")[None]).double().mean())
        print(f"| {view} | {threshold:.3f} | {' | '.join(shares)} | {auc:.4f} |", flush=True)


if __name__ == "__main__":
    main()
