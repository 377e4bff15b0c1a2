"""How well does a forgotten person's LoRA leave other people in the prompt alone?

Measured by predicted noise, so that no picture must be drawn:

    error = ‖ε_θ(z_t, t, c) − ε*(z_t, t, c_m)‖² / ‖ε*(z_t, t, c) − ε*(z_t, t, c_m)‖²

c_m is the prompt with the anchor in the concept's place. At 0 the anchor has replaced the concept, and the rest is as
it was.

Prompts are those of the development set (development.py): names alone, aliases, and a forgotten person beside another,
who is known to training or was never seen.

PYTHONPATH=experiments .venv/bin/python experiments/company.py --variant --variant gamma=0.5
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from development import BUILD, changed, development_job, development_set, development_strata, pictures, trained

from unhype.adapters.lora import Factors, active
from unhype.erasing.material import pictures_needed
from unhype.families.family import Family
from unhype.pipeline import job as jobs
from unhype.pipeline import making
from unhype.pipeline.job import Job
from unhype.prompts.tables import training_tables
from unhype.terminal import quiet

EARLIEST = 0.4
"""Below this share of all timesteps a caption explains little."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--variant",
        nargs="*",
        action="append",
        metavar="KEY=VALUE",
        help="settings that differ from params.yaml; nested ones with dots",
    )
    parser.add_argument("--n", type=int, default=400, help="prompts of each kind, at most")
    parser.add_argument("--build", type=Path, default=BUILD)
    options = parser.parse_args()
    quiet()
    header = [
        "variant",
        "minutes",
        "alone",
        "alias",
        *(f"{who}, {where}" for who in ("trained", "unseen") for where in ("forgotten first", "last")),
    ]
    print(f"| {' | '.join(header)} |\n|{'---|' * len(header)}")
    for variant in options.variant or [[]]:
        print(
            _row(" ".join(variant) or "default", development_job(options.n, changed(variant), build=options.build)),
            flush=True,
        )


def _row(label: str, job: Job) -> str:
    family, began = jobs.load_base(job), time.monotonic()
    guard = trained(job, family)
    minutes = (time.monotonic() - began) / 60
    table, latents = development_strata(job), latents_of_pairs(job, family)
    mixed = table[table["group"] == "forgotten_and_retained"]
    known = mixed["kept"].isin(job.concepts.retain)
    first = pd.Series(
        [text.startswith(erased) for text, erased in zip(mixed["text"], mixed["erased"], strict=True)],
        index=mixed.index,
    )
    asked = [table[table["group"] == stratum] for stratum in ("forgotten", "alias")]
    asked += [mixed[who & where] for who in (known, ~known) for where in (first, ~first)]
    errors = [error(family, partial(guard.factors, family), latents, rows) for rows in asked]
    return f"| {' | '.join([label, f'{minutes:.1f}', *(f'{each:.3f}' for each in errors)])} |"


def latents_of_pairs(job: Job, family: Family) -> torch.Tensor:
    """Of pictures of the whole development set's pairs, the same for every row."""
    whole = replace(job, concepts=development_set())
    needed = pictures_needed(training_tables(whole.concepts), job.training.pictures).iloc[-64:]
    return family.latents(pictures(making.bare_album(whole, family), needed))


@torch.no_grad()
def error(
    family: Family,
    emit: Callable[[list[str]], dict[str, Factors]],
    latents: torch.Tensor,
    rows: pd.DataFrame,
    batch: int = 32,
) -> float:
    """The error above, of prompts under the LoRAs that ``emit`` gives them.

    For prompts that must stay, the numerator is ‖ε_θ − ε*(c)‖²: how far they moved.
    """
    rng, sums = np.random.default_rng(0), torch.zeros(2, dtype=torch.float64)
    for start in range(0, len(rows), batch):
        part = rows.iloc[start : start + batch]
        # An alias stands for the name, and so does whoever must stay.
        named = [
            erased if erased and erased in text else text
            for text, erased in zip(part["text"], part["erased"], strict=True)
        ]
        anchors = [prompt.replace(name, "a person") for prompt, name in zip(part["prompt"], named, strict=True)]
        z = latents[torch.from_numpy(rng.integers(len(latents), size=len(part)))]
        t = torch.from_numpy(rng.integers(int(EARLIEST * family.timesteps), family.timesteps, size=len(part)))
        noisy = family.add_noise(z, torch.from_numpy(rng.standard_normal(tuple(z.shape), dtype=np.float32)), t)
        concept, anchor = (family.encode(texts).states for texts in (list(part["prompt"]), anchors))
        before, other = family.predict(noisy, t, concept), family.predict(noisy, t, anchor)
        goes = torch.tensor([erased != "" for erased in part["erased"]])[:, None, None, None]
        wanted = torch.where(goes, other, before)
        with active(family.denoiser, emit(list(part["prompt"]))):
            guarded = family.predict(noisy, t, concept)
        sums += torch.stack([(side**2).sum() for side in (guarded - wanted, before - other)]).double()
    return float(sums[0] / sums[1])


if __name__ == "__main__":
    main()
