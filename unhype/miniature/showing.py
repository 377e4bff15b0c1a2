"""The miniature's long jobs as a person sees them in a terminal: bars, one line a result, and where the files are."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import torch
from tqdm import tqdm

from unhype.bases.loading import load_pipeline
from unhype.errors import UnhypeError
from unhype.miniature.bases import MINIATURES
from unhype.miniature.examining import calibration_error, examine_clip, examine_judge
from unhype.miniature.flux_workshop import FluxPretraining, FluxWorkshop
from unhype.miniature.folders import BASE, CLIP, FLUX, JUDGE
from unhype.miniature.measuring import STRATA, Score, ask, questions
from unhype.miniature.modelcard import write_figures
from unhype.miniature.pretrain import Progress, pretrain
from unhype.miniature.pretrain_flux import pretrain_flux
from unhype.miniature.shipping import load_clip, load_judge, ship
from unhype.miniature.shipping_flux import ship_flux
from unhype.miniature.workshop import Pretraining, Workshop
from unhype.pictures.gallery import draw_gallery, save_picture
from unhype.pictures.sampling import Sampling
from unhype.terminal import quiet


def demo(data: Path, how: Sampling, pictures: int, out: Path, name: str = BASE.name) -> None:
    """Draw a gallery over all strata on held-out prompts, and print how many the judge finds right."""
    quiet()
    base = MINIATURES[name]
    pipeline, judge = load_pipeline(data / base.folder), load_judge(data / JUDGE)
    pools = [questions(stratum, 1) for stratum in STRATA]
    # One of each stratum in turn, each time from another place in its list.
    asked = [pools[i % len(pools)][(7 * (i // len(pools)) + 5) % len(pools[i % len(pools)])] for i in range(pictures)]
    drawn = ask(pipeline, judge, asked, how, **base.call(pipeline))
    answers = list(tqdm(drawn, total=pictures, unit="picture", desc="drawing", dynamic_ncols=True))
    right = sum(question.right(verdict) for question, _, verdict in answers)
    words = [f"{'' if question.right(verdict) else 'WRONG: '}{question.prompt}" for question, _, verdict in answers]
    save_picture(draw_gallery([picture for _, picture, _ in answers], words), out)
    print(f"{right} of {pictures} pictures show what was asked for, says the judge: {out}")


def measure(data: Path, how: Sampling, n: int, name: str = BASE.name) -> list[Score]:
    """Measure every stratum, print each score as it is known, and write them into the base's folder.

    Judge and CLIP are examined with the base whose recipe made them.
    """
    quiet()
    base = MINIATURES[name]
    pipeline, judge = load_pipeline(data / base.folder), load_judge(data / JUDGE)
    call = base.call(pipeline)
    scores: list[Score] = []
    others: dict[str, float] = {}
    if base.brings_judges:
        scores = [*examine_judge(judge, pipeline.vae, n), examine_clip(*load_clip(data / CLIP), n)]
        others["calibration_error"] = calibration_error(judge, n)
    for score in scores:
        _print_score(score)
    drawn, seconds = 0, 0.0
    for stratum, bar in base.bars.items():
        asked = questions(stratum, n)
        began = time.monotonic()
        bar_of_progress = tqdm(
            ask(pipeline, judge, asked, how, **call),
            total=len(asked),
            unit="picture",
            desc=stratum,
            leave=False,
            dynamic_ncols=True,
        )
        right = sum(question.right(verdict) for question, _, verdict in bar_of_progress)
        seconds += time.monotonic() - began
        drawn += len(asked)
        scores.append(Score(stratum, right / len(asked), len(asked), bar))
        _print_score(scores[-1])
    others["pictures_per_second"] = drawn / seconds
    write_figures(data / base.folder, base.card, scores, how, others, data / JUDGE)
    print(f"{drawn / seconds:.1f} pictures a second; model card: {data / base.folder / 'README.md'}")
    return scores


def pretrain_and_ship(settings: Pretraining | FluxPretraining, work: Path, data: Path, device: str) -> None:
    """Run a recipe with a bar a stage, then write what ships: mini-sd with its CLIP and judge, or mini-flux."""
    quiet()
    if isinstance(settings, FluxPretraining):
        flux = FluxWorkshop(settings, work, data, _device(device))
        _run(pretrain_flux(flux))
        ship_flux(flux, data)
        print(f"shipped {data / FLUX}; measure it with: unhype measure {FLUX.name}")
    else:
        shop = Workshop(settings, work, _device(device))
        _run(pretrain(shop))
        ship(shop, data)
        print(f"shipped {data / BASE} and its CLIP and judge; measure them with: unhype measure {BASE.name}")


def _run(recipe: Iterator[Progress]) -> None:
    for _stage, reports in groupby(recipe, key=lambda report: report.stage):
        _show(reports)


def _show(reports: Iterator[Progress]) -> None:
    """One stage's bar: from where it resumes to its end, its loss beside it."""
    first = next(reports)
    with tqdm(total=first.total, initial=first.done, desc=f"{first.stage:<12}", dynamic_ncols=True) as bar:
        for report in reports:
            if not math.isnan(report.loss):
                bar.set_postfix_str(f"loss {report.loss:.4f}", refresh=False)
            bar.update(report.done - bar.n)


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UnhypeError(
            f"got the device {name!r}, wanted cpu, cuda or auto: {' '.join(str(error).split())[:120]}"
        ) from error
    return device


def _print_score(score: Score) -> None:
    bar = "" if score.bar is None else f"  bar {score.bar:.0%} {'met' if score.met else 'MISSED'}"
    print(f"{score.stratum:<26} {score.share:6.1%}  n={score.n}{bar}", flush=True)
