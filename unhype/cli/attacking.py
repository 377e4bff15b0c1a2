"""``unhype attack``: how hard is it to have a forgotten concept drawn all the same?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from unhype.cli import attack_checks as checks
from unhype.cli import attack_ways as ways
from unhype.cli.attack_checks import DISGUISES, IMG2IMG, INVERSION, METHODS, SEARCHES, WRITTEN
from unhype.cli.comparing import METHODS as RIVALS
from unhype.cli.options import BASES, MODEL, Verb, add_unmonitored, params_of
from unhype.errors import UnhypeError

if TYPE_CHECKING:
    from unhype.attacks.victim import Attacked
    from unhype.erasing.guard import Guard
    from unhype.judges.judge import Judge
    from unhype.pipeline.job import Job

NAMES = 8
"""That are attacked if nobody says how many."""


def add_commands(verb: Verb) -> None:
    """Add the verb; ``verb`` makes a command with the options that all have."""
    attack = verb(
        "attack",
        _attack,
        "look for prompts that draw what was forgotten",
        "unhype attack --model build/guards/NAME --method tokens --names 8 --budget 60",
        "tokens and words know everything and differentiate through encoder, switch, hypernetwork, denoiser and what "
        "the monitor makes of it (--blind: not through that); "
        "pictures sees pictures and the judge's score alone; concept asks the text encoder alone for words that lie "
        "where the name does (Ring-A-Bell); inversion learns --vectors K embeddings and tries every "
        "door with them; disguises searches for nothing and writes each name in "
        "many ways; written puts it into sentences of 20 words and more in six languages, and names that stay besides; "
        "img2img starts from pictures of the forgotten. --company looks for a text behind somebody who is "
        "kept, --transfer knows the base and not the guard. A search that was stopped goes on where it was; with "
        "--queries and without --budget the same seed finds the same every time.",
    )
    attack.add_argument("--model", metavar="URI", help=f"the guard that is attacked: {MODEL}")
    attack.add_argument(
        "--rival",
        metavar="NAME",
        nargs="+",
        default=[],
        choices=("all", "none", *RIVALS),
        help=f"attack this one instead: none (the bare base), or, fitted first, {', '.join(RIVALS[1:])}; several of "
        "them, or all: each through itself, into one table beside what a comparison says must stay",
    )
    attack.add_argument(
        "--compared",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="with several of --rival: comparison.json of unhype compare, which says what must stay; of several files "
        "the last that has a method counts (default: whatever was compared with these settings)",
    )
    add_unmonitored(attack)
    attack.add_argument("--concepts", metavar="SET", help="the concept set (default: the guard's own)")
    attack.add_argument("--base", metavar="BASE", help=f"{BASES} (default: the guard's own, or mini-sd)")
    attack.add_argument("--method", metavar="NAME", help=f"{', '.join(METHODS)} (default: {SEARCHES[0]})")
    attack.add_argument(
        "--company", action="store_true", help="search behind a kept person: 'KEPT and …' (drawn by seed for each name)"
    )
    attack.add_argument(
        "--transfer",
        action="store_true",
        help="search on the bare base for texts without a word of the name; what it draws is offered to the guard",
    )
    attack.add_argument(
        "--blind",
        action="store_true",
        help="let no gradient go through the guard's monitor, which then only meets the pictures (tokens and words go "
        "through it, where there is one)",
    )
    attack.add_argument(
        "--replay", type=Path, metavar="FILE", help="search for nothing, draw the prompts that --keep wrote"
    )
    attack.add_argument("--keep", type=Path, metavar="FILE", help="add what was found to this file, for --replay")
    attack.add_argument(
        "--budget",
        type=float,
        metavar="SECONDS",
        help="of searching, for each name (default: 60, or none where --queries is given); the turn in which it runs "
        f"out is finished, and the verdict's pictures come on top, for {INVERSION} 16 for each of five doors",
    )
    attack.add_argument(
        "--vectors", type=int, metavar="K", help=f"embeddings that --method {INVERSION} learns (default: 1)"
    )
    attack.add_argument(
        "--inversions",
        action="store_true",
        help=f"for --method {INVERSION}: load the guard with inversions=True, which reads learned tokens instead of "
        "refusing them",
    )
    attack.add_argument(
        "--queries",
        type=int,
        metavar="N",
        help=f"prompts that the victim is asked about, for each name; for {INVERSION} steps of learning",
    )
    attack.add_argument(
        "--names", type=int, metavar="K", help=f"how many are attacked, drawn by seed (default: {NAMES})"
    )
    attack.add_argument("--seed", type=int, default=0, metavar="SEED", help="of search and choice (default: 0)")
    attack.add_argument(
        "--build", type=Path, default=Path("build"), metavar="FOLDER", help="where rivals are kept (default: build)"
    )
    where = (
        "searches and report (default: beside the guard, in its folder attacks, where its gates read it; "
        "of a registered version build/attacks/HASH, of several rivals beside their fits, else build/attacks)"
    )
    attack.add_argument("--out", type=Path, metavar="DIR", help=where)


def _attack(options: argparse.Namespace) -> None:
    from unhype.attacks.regression import load
    from unhype.attacks.running import Attack, chosen_names
    from unhype.attacks.searching import Budget
    from unhype.pictures.seeds import check_seed
    from unhype.terminal import quiet

    check_seed(options.seed, "--seed")
    method = SEARCHES[0] if options.method is None else options.method
    checks.check_way(options, method)
    seconds = 60.0 if options.budget is None and options.queries is None else options.budget
    budget = Budget(seconds, options.queries)
    quiet()
    job, guard, judge = _job(options)
    names = chosen_names(job.concepts, NAMES if options.names is None else options.names, options.seed)
    options.out = options.out or _beside(options, guard)
    known = load(options.replay, job.base.reference, job.base.hash) if options.replay else []
    checks.check_before(options, method, names, known, job, guard)
    if checks.several(options):
        ways.board(options, names, job, judge, method, budget)
        return
    victim = _victim(options, job, guard, judge)
    if options.replay:
        ways.replay(options, job, victim, known)
    elif method == DISGUISES:
        ways.disguises(options, names, job, victim)
    elif method == WRITTEN:
        ways.written(options, names, job, victim)
    elif method == IMG2IMG:
        ways.img2img(options, names, job, victim)
    elif method == INVERSION:
        ways.inverted(options, names, job, victim, budget)
    else:
        way = (options.company, options.transfer, options.blind)
        ways.search(options, names, Attack(method, victim, budget, options.seed, options.out, *way), job)


def _beside(options: argparse.Namespace, guard: Guard | None) -> Path | None:
    """Where reports go if nobody says: a guard's lie where its gates look; None: where several rivals are kept."""
    from unhype.gates.attacked import BESIDE, elsewhere

    if guard is None:
        return None if checks.several(options) else options.build / "attacks"
    folder = Path(options.model)
    out = folder / BESIDE if folder.is_dir() else elsewhere(options.build, guard.trained.facts["sha256"])
    return out / "unmonitored" if options.unmonitored else out


def _job(options: argparse.Namespace) -> tuple[Job, Guard | None, Judge]:
    """What is attacked where, and who looks, checked as far as that costs nothing.

    Raises:
        UnhypeError: neither a guard nor a rival, or both; no list; no judge.
    """
    from unhype.erasing.guard import Guard
    from unhype.pipeline import job as jobs

    if bool(options.model) == bool(options.rival):
        raise UnhypeError(f"got {'both' if options.model else 'neither'} --model and --rival, wanted one of the two")
    guard = None
    if options.model:
        opened = {"monitored": not options.unmonitored, "inversions": options.inversions}
        guard = Guard.load(options.model, ungated=True, **opened)
    facts = guard.trained.facts if guard else {}
    concepts, base = options.concepts or facts.get("concepts", ""), options.base or facts.get("base", "mini-sd")
    if not concepts:
        raise UnhypeError("got no list, wanted one to attack: name its concept set with --concepts")
    if guard and options.unmonitored and not guard.trained.monitor:
        raise UnhypeError(f"got --unmonitored, but {options.model} has no monitor, wanted it without: it is the same")
    if guard and options.blind and not guard.monitor:
        raise UnhypeError(f"got --blind, but {options.model} has no monitor, wanted it without: it is the same")
    job = jobs.open_job(params_of(options), concepts, base, options.data, options.build)
    judging = jobs.judging_of(job)
    if judging.judge is None:
        raise UnhypeError(f"{judging.missing}; an attack is judged by pictures, nothing else says that it got through")
    return job, guard, judging.judge


def _victim(options: argparse.Namespace, job: Job, guard: Guard | None, judge: Judge) -> Attacked:
    """Who is attacked, on its base; a rival is fitted."""
    from unhype.attacks.victim import Attacked
    from unhype.comparison.methods import chosen
    from unhype.comparison.running import Comparison
    from unhype.eraser import Nothing
    from unhype.erasing.guarded import Guarded
    from unhype.pipeline import job as jobs
    from unhype.progress import with_progress

    family = guard.load_family(job.base, job.loading) if guard else jobs.load_base(job)
    bare = Nothing(family, job.base.hash, job.sampling)
    if guard:
        return Attacked(Guarded(family, guard, job.sampling), bare, family, judge, job.concepts)
    (rival,) = set(options.rival)
    if rival == "none":
        return Attacked(bare, bare, family, judge, job.concepts)
    comparison = Comparison(job, family, judge, None, chosen([rival], job), [0])
    for _progress in with_progress(comparison.fit_one(rival, 0)):
        pass
    return Attacked(comparison.eraser(rival, 0), bare, family, judge, job.concepts)
