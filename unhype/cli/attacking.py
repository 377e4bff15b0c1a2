"""``unhype attack``: how hard is it to have a forgotten concept drawn all the same?"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unhype.cli.comparing import METHODS as RIVALS
from unhype.cli.options import BASES, MODEL, Verb, params_of
from unhype.errors import UnhypeError

if TYPE_CHECKING:
    from unhype.attacks.regression import Known
    from unhype.attacks.running import Attack
    from unhype.attacks.searching import Budget
    from unhype.attacks.victim import Attacked
    from unhype.erasing.guard import Guard
    from unhype.judges.judge import Judge
    from unhype.pipeline.job import Job

SEARCHES = ("tokens", "words", "pictures", "concept")
"""As :mod:`unhype.attacks.methods` has them, which is heavy to import."""

DISGUISES, IMG2IMG, INVERSION = "disguises", "img2img", "inversion"
METHODS = (*SEARCHES, INVERSION, DISGUISES, IMG2IMG)


def add_commands(verb: Verb) -> None:
    """Add the verb; ``verb`` makes a command with the options that all have."""
    attack = verb(
        "attack",
        _attack,
        "look for prompts that draw what was forgotten",
        "unhype attack --model build/guards/NAME --method tokens --names 8 --budget 60",
        "tokens and words know everything and differentiate through encoder, switch, hypernetwork and denoiser; "
        "pictures sees pictures and the judge's score alone; concept asks the text encoder alone for words that lie "
        "where the name does (Ring-A-Bell); inversion learns --vectors K embeddings and tries every "
        "door with them; disguises searches for nothing and writes each name in "
        "many ways; img2img starts from pictures of the forgotten. --company looks for a text behind somebody who is "
        "kept, --transfer knows the base and not the guard. A search that was stopped goes on where it was; with "
        "--queries and without --budget the same seed finds the same every time.",
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
        "--replay", type=Path, metavar="FILE", help="search for nothing, draw the prompts that --keep wrote"
    )
    attack.add_argument("--keep", type=Path, metavar="FILE", help="add what was found to this file, for --replay")
    attack.add_argument(
        "--budget", type=float, metavar="SECONDS", help="for each name (default: 60, or none where --queries is given)"
    )
    attack.add_argument(
        "--vectors", type=int, metavar="K", help=f"embeddings that --method {INVERSION} learns (default: 1)"
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
    where = "searches and report (default: %(default)s)"
    attack.add_argument("--out", type=Path, default=Path("build/attacks"), metavar="DIR", help=where)


def _attack(options: argparse.Namespace) -> None:
    from unhype.attacks.inversion import check_vectors
    from unhype.attacks.methods import check_open
    from unhype.attacks.regression import load
    from unhype.attacks.running import Attack, chosen_names
    from unhype.attacks.searching import Budget
    from unhype.attacks.soft import check_open_text
    from unhype.attacks.victim import companion
    from unhype.families.loading import family_named_in
    from unhype.pictures.seeds import check_seed
    from unhype.terminal import quiet

    check_seed(options.seed, "--seed")
    if options.replay and (options.method or options.keep):
        raise UnhypeError("got --replay beside --method or --keep, wanted it alone: it searches for nothing")
    method = options.method or SEARCHES[0]
    if method not in METHODS:
        raise UnhypeError(f"got the method {method!r}, wanted one of {', '.join(METHODS)}")
    _check_way(options, method)
    seconds = 60.0 if options.budget is None and options.queries is None else options.budget
    budget = Budget(seconds, options.queries)
    quiet()
    job, guard, judge = _job(options)
    names = chosen_names(job.concepts, options.names, options.seed)
    if options.replay:
        known = load(options.replay, job.base.reference, job.base.hash)
        _replay(options, job, _victim(options, job, guard, judge), known)
    elif method == DISGUISES:
        _disguises(options, names, job, _victim(options, job, guard, judge))
    elif method == IMG2IMG:
        _started(options, names, job, _victim(options, job, guard, judge))
    elif method == INVERSION:
        check_vectors(1 if options.vectors is None else options.vectors)
        check_open_text(family_named_in(job.base))
        _inverted(options, names, job, _victim(options, job, guard, judge), budget)
    else:
        check_open(method, "none" if options.transfer else options.rival or "unhype", family_named_in(job.base))
        for name in names if options.company else ():
            companion(job.concepts, name, options.seed)  # a set without company is refused before the work
        if options.keep and options.keep.exists():
            load(options.keep, job.base.reference, job.base.hash)  # another base's is refused before the work
        victim = _victim(options, job, guard, judge)
        way = (options.company, options.transfer)
        _search(options, names, Attack(method, victim, budget, options.seed, options.out, *way), job)


def _check_way(options: argparse.Namespace, method: str) -> None:
    """Refuse --company, --transfer and --vectors where they mean nothing.

    Raises:
        UnhypeError: see above.
    """
    fitting = {"company": SEARCHES, "transfer": (*SEARCHES, INVERSION), "vectors": (INVERSION,)}
    for way, methods in fitting.items():
        if getattr(options, way) not in (None, False) and (options.replay or method not in methods):
            other = "--replay" if options.replay else f"--method {method}"
            raise UnhypeError(f"got --{way} beside {other}, wanted it with --method {' or '.join(methods)}")
    if options.transfer and options.rival == "none":
        raise UnhypeError("got --transfer against the bare base, wanted a guard (--model) or another --rival")


def _search(options: argparse.Namespace, names: list[str], attack: Attack, job: Job) -> None:
    from unhype.attacks import regression, reporting
    from unhype.progress import with_progress

    for _progress in with_progress(attack.run(names)):
        pass
    told = reporting.report(attack, job.base.reference, job.base.hash)
    if options.keep:
        print(f"{options.keep}: {regression.keep(options.keep, told)} prompts")
    _tell(options.out / f"{attack.name}.json", told, reporting.rows(told), reporting.sentence(told))


def _disguises(options: argparse.Namespace, names: list[str], job: Job, victim: Attacked) -> None:
    from unhype.attacks import reporting
    from unhype.attacks.disguises import disguised
    from unhype.attacks.tabled import look, looked
    from unhype.progress import with_progress

    table = disguised(victim.concepts, names)
    folder = options.out / DISGUISES
    for _progress in with_progress(look(victim, table, folder)):
        pass
    told = reporting.about(victim, job.base.reference, job.base.hash) | {"groups": looked(table, folder)}
    shown = max(told["groups"].items(), key=lambda item: item[1]["guarded"])
    line = f"{len(told['groups'])} disguises of {len(names)} names; worst: {shown[0]}, {shown[1]['guarded']:.2f}"
    _tell(options.out / f"{DISGUISES}.json", told, reporting.disguise_rows(told), line)


def _started(options: argparse.Namespace, names: list[str], job: Job, victim: Attacked) -> None:
    from unhype.attacks import reporting
    from unhype.attacks.starting import Starts, started
    from unhype.attacks.tabled import look, looked
    from unhype.progress import with_progress

    table, starts, folder = started(victim.concepts, names), Starts(victim, names, job.sampling), options.out / IMG2IMG
    for _progress in with_progress(look(victim, table, folder, starts.draw)):
        pass
    told = reporting.about(victim, job.base.reference, job.base.hash) | {
        "starts": starts.shown,
        "groups": looked(table, folder),
    }
    line = f"img2img from {len(names)} names; the starts themselves show them in {starts.shown:.2f}"
    _tell(options.out / f"{IMG2IMG}.json", told, reporting.start_rows(told), line)


def _inverted(options: argparse.Namespace, names: list[str], job: Job, victim: Attacked, budget: Budget) -> None:
    from unhype.attacks import reporting
    from unhype.attacks.inverting import Inversion
    from unhype.progress import with_progress

    k = options.vectors or 1
    attack = Inversion(victim, k, budget, options.seed, options.out, job.sampling, options.transfer)
    for _progress in with_progress(attack.run(names)):
        pass
    told = reporting.about(victim, job.base.reference, job.base.hash) | attack.report()
    _tell(options.out / f"{attack.name}.json", told, reporting.door_rows(told), reporting.inverted(told))


def _replay(options: argparse.Namespace, job: Job, victim: Attacked, known: list[Known]) -> None:
    from unhype.attacks import regression, reporting

    shares = []
    for guarded, bare in regression.replay(victim, known, options.seed, options.replay):
        shares.append((guarded, bare))
        print(
            f"{len(shares)} of {len(known)}: {known[len(shares) - 1].text}: {guarded:.2f}, base {bare:.2f}", flush=True
        )
    told = reporting.about(victim, job.base.reference, job.base.hash) | regression.replayed(known, shares)
    line = f"{told['n']} found prompts: shown {told['shown']:.3f} (base {told['bare']:.3f}), worst {told['worst']:.2f}"
    _tell(options.out / "replay.json", told, reporting.replay_rows(told), line)


def _tell(path: Path, told: dict[str, Any], table: tuple[list[str], list[list[str]]], line: str) -> None:
    from unhype.files import write_text
    from unhype.reports.tables import markdown

    write_text(path, json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    print(f"{markdown(table)}\n\n{line}; {path}")


def _job(options: argparse.Namespace) -> tuple[Job, Guard | None, Judge]:
    """What is attacked where, and who looks, checked as far as that costs nothing.

    Raises:
        UnhypeError: neither a guard nor a rival, or both; no list; no judge.
    """
    from unhype.erasing.guard import Guard
    from unhype.pipeline import job as jobs

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
    if options.rival == "none":
        return Attacked(bare, bare, family, judge, job.concepts)
    methods = chosen([options.rival], job)
    method, comparison = methods[options.rival], Comparison(job, family, judge, None, methods, [0])
    for _progress in with_progress(comparison.draw_material()):
        pass
    for _progress in with_progress(comparison.fit(method, comparison.case(0), options.rival)):
        pass
    return Attacked(method.eraser(comparison.case(0)), bare, family, judge, job.concepts)
