"""How well does a forgotten person's LoRA leave other people in the prompt alone?

Measured by predicted noise, so that no picture must be drawn:

    error = ‖ε_θ(z_t, t, c) − ε*(z_t, t, c_m)‖² / ‖ε*(z_t, t, c) − ε*(z_t, t, c_m)‖²

c_m is the prompt with the anchor in the concept's place. At 0 the anchor has replaced the concept, and the rest is as
it was.

Prompts are those of the development set (development.py): names alone, aliases, and a forgotten person beside another,
who is known to training or was never seen.

Times are drawn as in training, none below EARLIEST of them all.

.venv/bin/python experiments/company.py --variant --variant gamma=0.5
.venv/bin/python experiments/company.py --base mini-flux --forget 20 --variant --variant earliest=0.5
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import torch
from asking import parser, variants
from development import development_set, development_strata, pictures, seconds, trained

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
    asked = parser(__doc__, "--base", "--set", "--variant", "--forget", "--build")
    asked.add_argument("--n", type=int, default=400, help="prompts of each kind, at most")
    options = asked.parse_args()
    quiet()
    pairs = [f"{who}, {where}" for who in ("trained", "unseen") for where in ("forgotten first", "last")]
    header = ["variant", "seconds", *(f"{kind} (n)" for kind in ("alone", "alias", *pairs))]
    print(f"| {' | '.join(header)} |\n|{'---|' * len(header)}")
    for label, job in variants(options):
        print(_row(label, job), flush=True)


def _row(label: str, job: Job) -> str:
    family = jobs.load_base(job)
    guard = trained(job, family)
    table, latents = development_strata(job), latents_of_pairs(job, family)
    mixed = table[table["group"] == "forgotten_and_retained"]
    known = mixed["kept"].isin(job.concepts.retain)
    first = pd.Series(
        [text.startswith(erased) for text, erased in zip(mixed["text"], mixed["erased"], strict=True)],
        index=mixed.index,
    )
    asked = [table[table["group"] == stratum] for stratum in ("forgotten", "alias")]
    asked += [mixed[who & where] for who in (known, ~known) for where in (first, ~first)]
    cells = [
        f"{error(family, partial(guard.factors, family), latents, rows):.3f} ({len(rows)})" if len(rows) else "–"
        for rows in asked
    ]
    return f"| {' | '.join([label, f'{seconds(job):.0f}', *cells])} |"


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
        t = family.times(len(part), rng, EARLIEST)
        noisy = family.noised(z, torch.from_numpy(rng.standard_normal(tuple(z.shape), dtype=np.float32)).to(z), t)
        concept, anchor = (family.encode(texts) for texts in (list(part["prompt"]), anchors))
        before, other = family.predict(noisy, t, concept), family.predict(noisy, t, anchor)
        goes = torch.tensor([erased != "" for erased in part["erased"]])[:, None, None, None]
        wanted = torch.where(goes, other, before)
        with active(family.denoiser, emit(list(part["prompt"]))):
            guarded = family.predict(noisy, t, concept)
        sums += torch.stack([(side**2).sum() for side in (guarded - wanted, before - other)]).double()
    return float(sums[0] / sums[1])


if __name__ == "__main__":
    main()
