"""Guidance of a distilled base: the embedding alone, or true guidance with a negative prompt; and where the LoRA acts.

Flux.1-dev is told its guidance as an embedding, one pass a step. True guidance (Ho & Salimans 2022) adds a second pass
with a negative prompt, and is on where ``true_cfg_scale`` is above 1:

    v_negative + scale · (v_prompt − v_negative)

Three bases are drawn: *bare*; *rows*, the guard as it is used, where a prompt's LoRA acts on the rows of text that this
prompt became, and never in the negative pass; *whole*, a LoRA that is on during the whole sampling, as the paper's Flux
has it merged (UnHype, section 5), so in the negative pass too. With the embedding alone there is no other pass, and
*whole* is left out: it is *rows*.

Development set (development.py), its templates and seeds; ``n`` is of forgotten names, of those beside somebody, and of
names never seen.

.venv/bin/python experiments/guidance_flux.py --base mini-flux --n 48 --embedding 1 2 4 6 --true 2 4
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from asking import job_of, parser
from development import development_strata, judge_of, trained
from drawing import drawn

from unhype.adapters.lora import active
from unhype.erasing.guard import Guard
from unhype.evaluation.scores import GroupScore, score_groups
from unhype.families.family import Family
from unhype.judges.judge import Judge
from unhype.pipeline import job as jobs
from unhype.pipeline.job import Job
from unhype.terminal import quiet

ASKED = ("forgotten", "forgotten_and_retained", "unseen")

Told = tuple[float, float, str | None]
"""The embedded strength, the scale of true guidance (1 is off), the negative prompt."""


def main() -> None:
    asked = parser(__doc__, "--base", "--set", "--forget", "--build")
    asked.add_argument("--n", type=int, default=48, help="pictures of each kind of prompt")
    asked.add_argument("--embedding", type=float, nargs="*", default=[1.0, 2.0, 4.0, 6.0], help="without true guidance")
    asked.add_argument("--true", type=float, nargs="*", default=[2.0, 4.0], help="scales, at --told")
    asked.add_argument("--told", type=float, default=1.0, help="embedded strength beside true guidance")
    asked.add_argument("--negative", nargs="+", default=[""], help="negative prompts")
    asked.add_argument("--bare", action="store_true", help="no guard")
    options = asked.parse_args()
    quiet()
    job = job_of(options)
    family, judge = jobs.load_base(job), judge_of(job)
    guard = None if options.bare else trained(job, family)
    table = development_strata(job)
    table = table[table["group"].isin(ASKED)].reset_index(drop=True)
    header = ["embedding", "true", "negative", "LoRA", "n", "forgotten: shown", "face", "mixed, gone", "mixed, kept"]
    header += ["unseen: shown", "unseen: drift"]
    print(f"| {' | '.join(header)} |\n|{'---|' * len(header)}")
    told: list[Told] = [(strength, 1.0, None) for strength in options.embedding]
    told += [(options.told, scale, negative) for scale, negative in product(options.true, options.negative)]
    for one in told:
        _rows(one, family, guard, job, table, judge)


def _rows(told: Told, family: Family, guard: Guard | None, job: Job, table: pd.DataFrame, judge: Judge) -> None:
    bare = _draw(told, family, None, "bare", job, table)
    before = judge.read(bare)
    for kind in ("bare", "rows", "whole")[: 1 if guard is None else 2 if told[2] is None else 3]:
        pixels = bare if kind == "bare" else _draw(told, family, guard, kind, job, table)
        drift = np.abs(bare.astype(int) - pixels).mean((1, 2, 3)) / 255
        found = score_groups(table, before if kind == "bare" else judge.read(pixels), before, drift, faces=True)
        _print(told, kind, found)


def _draw(told: Told, family: Family, guard: Guard | None, kind: str, job: Job, table: pd.DataFrame) -> np.ndarray:
    strength, scale, negative = told
    prompts, seeds = list(table["prompt"]), list(table["seed"])
    how, each, options = replace(job.sampling, guidance=strength), {}, {}
    if negative is not None:
        each, options = {"negative_prompt": [negative] * len(prompts)}, {"true_cfg_scale": scale}

    def whole(batch: list[str]) -> AbstractContextManager[Any]:
        return active(family.denoiser, guard.factors(family, batch)) if guard and kind == "whole" else nullcontext()

    with guard.attached(family.pipeline, family=family) if guard and kind == "rows" else nullcontext():
        return drawn(family, prompts, seeds, how, each, whole, **options)


def _print(told: Told, kind: str, found: dict[str, GroupScore]) -> None:
    gone, mixed, unseen = (found.get(stratum) for stratum in ASKED)
    shares = [gone and gone.must_go, gone and gone.face, mixed and mixed.must_go, mixed and mixed.must_stay]
    shares += [unseen and unseen.must_stay, unseen and unseen.drift]
    strength, scale, negative = told
    cells = [f"{strength:g}", f"{scale:g}", "–" if negative is None else f"“{negative}”", kind]
    cells += [" / ".join(str(score.n) for score in found.values())]
    cells += ["–" if share is None else f"{share:.3f}" for share in shares]
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
