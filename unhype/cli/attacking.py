"""``unhype attack``: how hard is it to have a forgotten concept drawn all the same?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from unhype.cli.comparing import METHODS as RIVALS
from unhype.cli.options import BASES, MODEL, Verb, params_of
from unhype.errors import UnhypeError

if TYPE_CHECKING:
    from unhype.attacks.running import Attacked
    from unhype.pipeline.job import Job

METHODS = ("tokens", "words")
"""As :mod:`unhype.attacks.running` has them, which is heavy to import."""


def add_commands(verb: Verb) -> None:
    """Add the verb; ``verb`` makes a command with the options that all have."""
    attack = verb(
        "attack",
        _attack,
        "look for prompts that draw what was forgotten",
        "unhype attack --model build/guards/NAME --method tokens --names 8 --budget 60",
        "tokens and words know everything and differentiate through encoder, switch, hypernetwork and denoiser. A "
        "search that was stopped goes on where it was; with --queries and without --budget, the same seed finds the "
        "same on every machine.",
    )
    attack.add_argument("--model", metavar="URI", help=f"the guard that is attacked: {MODEL}")
    attack.add_argument(
        "--rival",
        metavar="NAME",
        choices=("none", *RIVALS[1:]),
        help=f"attack this one instead: none (the bare base), or, fitted first, {', '.join(RIVALS[1:])}",
    )
    attack.add_argument("--concepts", metavar="SET", help="the concept set (default: the guard's own)")
    attack.add_argument("--base", metavar="BASE", help=f"{BASES} (default: the guard's own, or mini-sd)")
    attack.add_argument("--method", default="tokens", metavar="NAME", help=f"{', '.join(METHODS)} (default: tokens)")
    attack.add_argument(
        "--budget", type=float, metavar="SECONDS", help="for each name (default: 60, or none where --queries is given)"
    )
    attack.add_argument(
        "--queries", type=int, metavar="N", help="prompts that the victim is asked about, for each name"
    )
    attack.add_argument(
        "--names", type=int, default=8, metavar="K", help="how many are attacked (default: %(default)s)"
    )
    attack.add_argument("--seed", type=int, default=0, metavar="SEED", help="of search and choice (default: 0)")
    attack.add_argument(
        "--build", type=Path, default=Path("build"), metavar="FOLDER", help="where rivals are kept (default: build)"
    )
    attack.add_argument(
        "--out",
        type=Path,
        default=Path("build/attacks"),
        metavar="DIR",
        help="searches and report (default: %(default)s)",
    )


def _attack(options: argparse.Namespace) -> None:
    import json

    from unhype.attacks import reporting
    from unhype.attacks.running import Attack, check_attack, chosen_names
    from unhype.attacks.searching import Budget
    from unhype.files import write_text
    from unhype.pictures.seeds import check_seed
    from unhype.progress import with_progress
    from unhype.reports.tables import markdown
    from unhype.terminal import quiet

    check_seed(options.seed, "--seed")
    if options.method not in METHODS:
        raise UnhypeError(f"got the method {options.method!r}, wanted one of {', '.join(METHODS)}")
    seconds = 60.0 if options.budget is None and options.queries is None else options.budget
    budget = Budget(seconds, options.queries)
    quiet()
    job, victim = _victim(options)
    check_attack(options.method, victim)
    names = chosen_names(victim.concepts, options.names, options.seed)
    attack = Attack(options.method, victim, budget, options.seed, options.out)
    for _progress in with_progress(attack.run(names)):
        pass
    told = reporting.report(attack, job.base.reference, job.base.hash)
    path = options.out / f"{options.method}.json"
    write_text(path, json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    print(f"{markdown(reporting.rows(told))}\n\n{reporting.sentence(told)}; {path}")


def _victim(options: argparse.Namespace) -> tuple[Job, Attacked]:
    """Who is attacked, on its base, with the judge that looks.

    Raises:
        UnhypeError: neither a guard nor a rival, or both; no judge.
    """
    from unhype.attacks.running import GRADIENTS, Attacked
    from unhype.attacks.soft import check_open_text
    from unhype.comparison.methods import chosen
    from unhype.comparison.running import Comparison
    from unhype.eraser import Eraser, Nothing
    from unhype.erasing.guard import Guard
    from unhype.erasing.guarded import Guarded
    from unhype.families.loading import family_named_in
    from unhype.pipeline import job as jobs
    from unhype.progress import with_progress

    if bool(options.model) == bool(options.rival):
        raise UnhypeError(f"got {'both' if options.model else 'neither'} --model and --rival, wanted one of the two")
    guard = Guard.load(options.model, ungated=True) if options.model else None
    facts = guard.trained.facts if guard else {}
    concepts, base = options.concepts or facts.get("concepts", ""), options.base or facts.get("base", "mini-sd")
    if not concepts:
        raise UnhypeError("got no list, wanted one to attack: name its concept set with --concepts")
    job = jobs.open_job(params_of(options), concepts, base, options.data, options.build)
    judging = jobs.judging_of(job)
    if judging.judge is None:
        raise UnhypeError(f"{judging.missing}; an attack is judged by pictures, nothing else says that it got through")
    if options.method in GRADIENTS:
        check_open_text(family_named_in(job.base))
    family = guard.load_family(job.base, job.loading) if guard else jobs.load_base(job)
    bare = Nothing(family, job.base.hash, job.sampling)
    eraser: Eraser = Guarded(family, guard, job.sampling) if guard else bare
    if options.rival and options.rival != "none":
        methods = chosen([options.rival], job)
        comparison = Comparison(job, family, judging.judge, None, methods, [0])
        case = comparison.case(0)
        for _progress in with_progress(comparison.draw_material()):
            pass
        for _progress in with_progress(comparison.fit(methods[options.rival], case, options.rival)):
            pass
        eraser = methods[options.rival].eraser(case)
    return job, Attacked(eraser, bare, family, judging.judge, job.concepts)
