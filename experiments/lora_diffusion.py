"""Diffusion over the LoRAs of a bank: does it know the LoRA of a name that the bank has never seen?

The bank (lora_bank.py) has a rank-1 LoRA of each of the development set's 100 names (development.py), at several steps
of its training, each with two measured losses: what is left of the name (company.py, ``error``), and by how much
prompts to keep move under it. Ten names are held out. Asked for a name's CLIP vector and two losses, each method gives
a LoRA (lora_methods.py); told are the losses that it then has in other sentences and noise (lora_measures.py).

PYTHONPATH=experiments .venv/bin/python experiments/lora_diffusion.py --steps 300 --rate 6e-3 --take lora-diffusion
"""

from __future__ import annotations

import argparse
import copy
import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from company import latents_of_pairs
from development import BUILD, development_job, development_set, material_of, trained
from lora_bank import likeness, missed, sizes, train_bank
from lora_measures import Method, Setting, figures, shown
from lora_methods import LoraDenoiser, Principal, Zoo, mean, nearest
from rounding import rounded

from unhype.adapters.lora import Factors
from unhype.baselines.case import Case
from unhype.erasing.hypernet import Hypernet
from unhype.files import write_text
from unhype.hyperforget.denoiser import DenoiserSettings
from unhype.pipeline import job as jobs
from unhype.reports.tables import markdown
from unhype.reports.weights import weights_rows
from unhype.terminal import quiet
from unhype.training import Schedule

HELD_OUT = slice(9, None, 10)
"""Of the names, by the alphabet."""

KEPT = (0.08, 0.15, 0.25, 0.4, 0.65, 1.0)
"""Shares of the bank's training after which its LoRAs are kept."""

SCHEDULE = Schedule(1500, 96, 1.5e-3, average=0.995, muon=True)
"""Of the denoiser."""

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    options = asked_for()
    quiet()
    setting = prepared(options)
    nets, losses, c = (of[setting.seen] for of in (setting.bank, setting.losses, setting.c))
    zoo = Zoo(nets, losses, c, sizes(setting.family.sites))
    asked = zoo.losses.median(0).values
    rows = []
    for name, seeds in methods(setting, zoo, options).items():
        path = setting.case.folder / f"{name}.json"
        if not path.exists():
            write_text(path, json.dumps(rounded(measured(setting, name, seeds, asked, options)), indent=1) + "\n")
        rows.append(json.loads(path.read_text(encoding="utf-8")))
        print(markdown(weights_rows({"methods": rows[-1:]})).splitlines()[-1], flush=True)
    told = {key: getattr(options, key) for key in ("steps", "rate", "apart", "denoising_steps", "seeds", "pictures")}
    alike = likeness(setting.bank[:, -1], setting.c, setting.family.sites)
    print("ΔW of two names: " + ", ".join(f"{name} {value:.3g}" for name, value in alike.items()))
    scores = {**told, "asked": rounded(asked.tolist()), "alike": rounded(alike), "methods": rows}
    print(markdown(weights_rows(scores)))
    if options.take:
        write_text(ROOT / "data/scores/mini-sd" / f"{options.take}.json", json.dumps(scores, indent=1) + "\n")


def measured(
    setting: Setting, name: str, seeds: list[Method], asked: torch.Tensor, options: argparse.Namespace
) -> dict[str, Any]:
    """A row of the table: names held out, and names seen, once a seed; pictures of the first seed."""
    both = {"held": setting.held, "seen": setting.beside}
    found = {part: [figures(setting, give, places, asked) for give in seeds] for part, places in both.items()}
    if options.pictures:
        label = re.sub(r"\W+", "_", name)
        found["held"][0] |= shown(setting, label, seeds[0], asked, options.pictures)
    return {"method": name, **found}


def asked_for() -> argparse.Namespace:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--steps", type=int, default=300, help="of the bank's training, and of H's")
    asked.add_argument("--rate", type=float, default=2e-3, help="of the bank's training")
    asked.add_argument("--denoising-steps", type=int, default=SCHEDULE.steps, help="of the denoiser's training")
    asked.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="of the denoiser")
    asked.add_argument("--pictures", type=int, default=4, help="of each name that is held out, and method")
    asked.add_argument("--apart", action="store_true", help="every LoRA of the bank begins with an A of its own")
    asked.add_argument("--build", type=Path, default=BUILD)
    asked.add_argument("--take", metavar="NAME", help="write data/scores/mini-sd/NAME.json")
    return asked.parse_args()


def prepared(options: argparse.Namespace) -> Setting:
    """Base, names, and the bank, trained if it is not there."""
    job = development_job(400, build=options.build)
    usual = replace(job.training, pictures=1, schedule=replace(job.training.schedule, steps=options.steps))
    job = replace(job, training=usual)
    family, tables = jobs.load_base(job), job.training_tables
    folder = options.build / "lora-diffusion" / f"{options.steps}-{options.rate:g}{'-apart' * options.apart}"
    folder.mkdir(parents=True, exist_ok=True)
    alone = material_of(job, family, {**tables, "pairs": tables["pairs"].iloc[:0]})
    case = Case(family, job.base.hash, tables["train"], tables["retain"], alone, job.sampling, 0, folder)
    names = list(case.concepts)
    faster = replace(usual, schedule=replace(usual.schedule, rate=options.rate))
    bank = train_bank(case, faster, [round(share * options.steps) for share in KEPT], folder, options.apart)
    held = list(range(len(names)))[HELD_OUT]
    seen = [i for i in range(len(names)) if i not in held]
    return Setting(job, family, case, latents_of_pairs(job, family), bank, family.vectors(names), seen, held)


def _by_c(
    setting: Setting, give: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], i: torch.Tensor, asked: torch.Tensor
) -> torch.Tensor:
    return give(setting.c[i], asked)


def methods(setting: Setting, zoo: Zoo, options: argparse.Namespace) -> dict[str, list[Method]]:
    """All that give LoRAs, those that need no training of their own first; the denoiser once a seed."""
    by_c: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
        "the nearest seen name's": partial(nearest, zoo),
        "PCA + linear map": Principal(zoo, 0.1),
        "PCA + linear map, ridge by names left out": Principal(zoo),
        "mean of the seen names'": partial(mean, zoo),
        "no LoRA": lambda c, asked: torch.zeros(len(c), sum(zoo.sizes)),
    }
    looked: dict[str, list[Method]] = {name: [partial(_by_c, setting, give)] for name, give in by_c.items()}
    hypernet = hyper(setting)
    trained_ones: dict[str, list[Method]] = {
        "its own, trained": [partial(own, setting, zoo)],
        "UnHype's H, wholly": [lambda i, asked: emitted(setting, hypernet, i, torch.ones(len(i)))],
        "UnHype's H, dialled": [dialled(setting, hypernet)],
    }

    @cache
    def denoiser(seed: int) -> LoraDenoiser:
        torch.manual_seed(seed)
        model, schedule = LoraDenoiser(zoo, DenoiserSettings()), replace(SCHEDULE, steps=options.denoising_steps)
        path = setting.case.folder / f"denoiser-{options.denoising_steps}-{seed}.safetensors"
        for report in model.train_on(schedule, seed, path):
            if report.step % 100 == 0:
                print(f"denoiser {seed}: step {report.step}, loss {report.loss:.3f}", flush=True)
        return model

    def drawn(steps: int, seed: int, places: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
        return denoiser(seed).sample(setting.c[places], asked, seed, steps)

    sampled: dict[str, list[Method]] = {
        name: [partial(drawn, steps, seed) for seed in options.seeds]
        for name, steps in (("diffusion, 20 steps", 20), ("diffusion, one step", 1))
    }
    return trained_ones | looked | sampled


def own(setting: Setting, zoo: Zoo, places: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
    """What was trained for the name itself, at the step whose losses are nearest."""
    off = (setting.losses[places] - asked[:, None]) / zoo.losses.std((0, 1))
    return setting.bank[places, off.square().sum(-1).argmin(-1)]


def hyper(setting: Setting) -> Hypernet:
    """H, trained on the names that are seen for as many steps."""
    whole = development_set()
    concepts = replace(whole, forget=tuple(whole.forget[i] for i in setting.seen))
    guard = trained(replace(setting.job, concepts=concepts), setting.family)
    return copy.deepcopy(guard.trained.hypernet).bind(setting.family.denoiser)


@torch.no_grad()
def emitted(setting: Setting, hypernet: Hypernet, places: torch.Tensor, share: torch.Tensor) -> dict[str, Factors]:
    """H's LoRAs at shares s/S of its way, its switch forced open."""
    factors: dict[str, Factors] = hypernet(setting.c[places], share * hypernet.config.steps)
    return factors


def dialled(setting: Setting, hypernet: Hypernet) -> Method:
    """H reads no losses: its dial stands where seen names have what is asked."""
    shares = torch.linspace(0, 1, 6)
    each = torch.tensor(setting.beside).repeat_interleave(len(shares))
    factors = emitted(setting, hypernet, each, shares.repeat(len(setting.beside)))
    got = missed(setting.family, setting.trained_on[0], factors, each.tolist()).view(-1, len(shares)).mean(0)
    curve = np.maximum.accumulate(got.flip(0).numpy())

    def give(places: torch.Tensor, asked: torch.Tensor) -> dict[str, Factors]:
        share = np.interp(asked[:, 0].numpy(), curve, shares.flip(0).numpy())
        return emitted(setting, hypernet, places, torch.from_numpy(share).float())

    return give


if __name__ == "__main__":
    main()
