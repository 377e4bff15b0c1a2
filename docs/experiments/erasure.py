"""Which objective, and what makes the switch general? Development templates and seeds; the unseen others are retain names kept back from training.

.venv/bin/python docs/experiments/erasure.py --variant mode=direct --variant mode=direct switch=false --variant mode=matching eta=30

The evaluation names, the synonyms and aliases and the held-out templates are not touched.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from unhype import job as jobs
from unhype.eraser import Guarded, Nothing
from unhype.evaluation.album import Album
from unhype.evaluation.scores import protocols, score_roles, separation
from unhype.families.stable_diffusion import StableDiffusion
from unhype.miniature.showing import quiet
from unhype.params import build, load_params
from unhype.prompts import PromptSettings, evaluation_table
from unhype.telling import told
from unhype.trainer import TrainingSettings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--concepts", default="celeb100")
    parser.add_argument("--variant", nargs="*", action="append", metavar="KEY=VALUE", help="settings that differ from params.yaml; nested ones with dots")
    parser.add_argument("--n", type=int, default=100, help="pictures a role")
    parser.add_argument("--trained", type=int, default=50, help="retain concepts that training sees; the rest are the unseen others")
    parser.add_argument("--build", type=Path, default=Path("build/experiments"))
    options = parser.parse_args()
    quiet()
    params = load_params(Path("params.yaml"))
    header = ["variant", "minutes", "Acc_e", "trained others", "unseen others", "face", "neutral", "AUC", "‖ΔW‖ forget / trained / unseen"]
    print(f"| {' | '.join(header)} |\n|{'---|' * len(header)}")
    for variant in options.variant or [[]]:
        training = build(TrainingSettings, _changed(asdict(params.training), variant), "the variant")
        job = jobs.open_job(options.concepts, "mini-sd", Path("data"), options.build, training, params.prompts, params.sampling)
        seen, unseen = job.concepts.retain[: options.trained], job.concepts.retain[options.trained :]
        job = replace(job, concepts=replace(job.concepts, retain=seen, evaluation=unseen), data=Path("data"))
        print(_row(" ".join(variant) or "default", job, unseen, options.n), flush=True)


def _row(label: str, job: jobs.Job, unseen: tuple[str, ...], n: int) -> str:
    pipeline, began = jobs.load_base(job), time.monotonic()
    for _progress in told(jobs.train(job, pipeline)):
        pass
    minutes = (time.monotonic() - began) / 60
    guard, judge = jobs.guard_of(job), jobs.judge_of(job)
    table = evaluation_table(job.concepts, PromptSettings(n), development=True)
    others = evaluation_table(replace(job.concepts, forget=(), retain=unseen), PromptSettings(n), development=True)
    table = _joined(table, others.assign(role="evaluation"), n)
    prompts, seeds = list(table["prompt"]), list(table["seed"])
    album = Album(job.build / "images", Nothing(pipeline, guard.trained.facts["base_hash"], job.sampling))
    for _drawn in album.draw(prompts, seeds):
        pass
    bare = album.read(prompts, seeds)
    guarded = np.concatenate(list(Guarded(pipeline, guard, job.sampling).draw(prompts, seeds)))
    roles = score_roles(table, judge.read(guarded), judge.read(bare), guarded, bare)
    found = protocols(roles, job.concepts.kind)
    strengths = guard.strength(StableDiffusion(pipeline), prompts).numpy()
    by_role = {role: strengths[(table["role"] == role).to_numpy()] for role in ("forget", "retain", "evaluation")}
    base = {protocol: found[protocol]["Acc_s_base"] for protocol in found}
    cells = [
        label,
        f"{minutes:.1f}",
        f"{found['unseen']['Acc_e']:.3f} ({found['unseen']['Acc_e_base']:.2f})",
        f"{found['papers']['Acc_s']:.3f} ({base['papers']:.2f})",
        f"{found['unseen']['Acc_s']:.3f} ({base['unseen']:.2f})",
        f"{roles['forget'].face:.2f}",
        f"{roles['forget'].neutral:.2f}",
        f"{separation(by_role['forget'], by_role['evaluation']):.4f}",
        " / ".join(f"{values.mean():.2f}" for values in by_role.values()),
    ]
    return f"| {' | '.join(cells)} |"


def _joined(table: Any, others: Any, n: int) -> Any:
    import pandas as pd

    both = pd.concat([table, others], ignore_index=True)
    parts = [rows.iloc[np.linspace(0, len(rows) - 1, min(n, len(rows))).round().astype(int)] for _, rows in both.groupby("role", sort=False)]
    return pd.concat(parts, ignore_index=True)


def _changed(settings: dict[str, Any], variant: list[str]) -> dict[str, Any]:
    for assignment in variant:
        key, value = assignment.split("=", 1)
        *outer, last = key.split(".")
        place = settings
        for name in outer:
            place = place[name]
        place[last] = yaml.safe_load(value)
    return settings


if __name__ == "__main__":
    main()
