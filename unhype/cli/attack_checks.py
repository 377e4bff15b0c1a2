"""What ``unhype attack`` refuses before any work: ways that do not fit together, and what could only end in nothing."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from unhype.errors import UnhypeError

if TYPE_CHECKING:
    from unhype.attacks.regression import Known
    from unhype.erasing.guard import Guard
    from unhype.pipeline.job import Job

SEARCHES = ("tokens", "words", "pictures", "concept")
"""As :mod:`unhype.attacks.methods` has them, which is heavy to import."""

INVERSION, DISGUISES, WRITTEN, IMG2IMG = "inversion", "disguises", "written", "img2img"
METHODS = (*SEARCHES, INVERSION, DISGUISES, WRITTEN, IMG2IMG)

FITTING = {
    "company": SEARCHES,
    "transfer": (*SEARCHES, INVERSION),
    "blind": ("tokens", "words"),
    "vectors": (INVERSION,),
    "inversions": (INVERSION,),
    "keep": SEARCHES,
    "budget": (*SEARCHES, INVERSION),
    "queries": (*SEARCHES, INVERSION),
}
"""Option → the methods that heed it."""


def several(options: argparse.Namespace) -> bool:
    """Whether more than one rival is attacked."""
    return "all" in options.rival or len(set(options.rival)) > 1


def check_way(options: argparse.Namespace, method: str) -> None:
    """Refuse an unknown method, and options where they mean nothing.

    Raises:
        UnhypeError: see above.
    """
    if method not in METHODS:
        raise UnhypeError(f"got the method {method!r}, wanted one of {', '.join(METHODS)}")
    if options.replay and (options.method is not None or options.keep or options.names is not None):
        raise UnhypeError(
            "got --replay beside --method, --keep or --names, wanted it alone: it draws every prompt of its file"
        )
    for way, methods in FITTING.items():
        given = getattr(options, way)
        if given is not None and given is not False and (options.replay or method not in methods):
            other = "--replay" if options.replay else f"--method {method}"
            raise UnhypeError(f"got --{way} beside {other}, wanted it with --method {' or '.join(methods)}")
    if several(options) and (options.replay or options.keep or method not in SEARCHES):
        other = "--replay" if options.replay else "--keep" if options.keep else f"--method {method}"
        raise UnhypeError(f"got several of --rival beside {other}, wanted one, or --method {' or '.join(SEARCHES)}")
    if options.compared and not several(options):
        raise UnhypeError("got --compared without several of --rival, wanted both: it stands beside them in one table")
    if options.unmonitored and options.rival:
        raise UnhypeError("got --unmonitored beside --rival, wanted it beside --model; or --rival unhype_words")
    if options.inversions and options.rival:
        raise UnhypeError("got --inversions beside --rival, wanted it beside --model: guards alone refuse them")
    if options.blind and (options.unmonitored or options.transfer):
        other = "--unmonitored" if options.unmonitored else "--transfer"
        raise UnhypeError(f"got --blind beside {other}, wanted it alone: no gradient goes through a monitor there")
    if options.blind and options.rival and not {"unhype", "all"} & set(options.rival):
        raise UnhypeError(f"got --blind against {options.rival[0]}, wanted a guard with a monitor: it alone has one")
    if options.transfer and set(options.rival) == {"none"}:
        raise UnhypeError("got --transfer against the bare base, wanted a guard (--model) or another --rival")


def check_before(
    options: argparse.Namespace,
    method: str,
    names: Sequence[str],
    known: Sequence[Known],
    job: Job,
    guard: Guard | None,
) -> None:
    """Refuse what a base, a set, a guard or a folder does not let through, before anything is fitted or drawn.

    Args:
        names: that shall be attacked.
        known: what shall be replayed.

    Raises:
        UnhypeError: see above.
    """
    from unhype.attacks import regression
    from unhype.attacks.acting import check_acting
    from unhype.attacks.inversion import check_encoders, check_vectors
    from unhype.attacks.kept import check_writable
    from unhype.attacks.methods import check_open
    from unhype.attacks.victim import companion
    from unhype.attacks.written import check_people
    from unhype.families.loading import family_named_in

    if options.compared:
        from unhype.comparison.reporting import load_results

        for path in options.compared:
            load_results(path)
    rival = options.rival[0] if options.rival else "unhype"
    if guard and guard.trained.facts["base_hash"] == job.base.hash:  # another base is refused where it is loaded
        _check_forgotten(known or names, options, job, guard)
    if options.replay:
        regression.check_listed(known, job.concepts, options.replay)
    elif method in SEARCHES:
        closed = "none" if options.transfer or several(options) else rival
        told = guard.trained.facts.get("reads") if guard else job.training.reads
        check_open(method, closed, told or family_named_in(job.base).readings[0])
        for name in names if options.company else ():
            companion(job.concepts, name, options.seed)
        if options.keep and options.keep.exists():
            regression.load(options.keep, job.base.reference, job.base.hash)
    elif method == INVERSION:
        check_vectors(1 if options.vectors is None else options.vectors)
        check_encoders(family_named_in(job.base))
        check_acting(rival, own=True)
    elif method == IMG2IMG:
        check_acting(rival, own=False)
    elif method == WRITTEN:
        check_people(job.concepts)
    for folder in (options.out, options.keep and options.keep.parent):
        if folder:
            check_writable(folder)


def _check_forgotten(
    asked: Sequence[str] | Sequence[Known], options: argparse.Namespace, job: Job, guard: Guard
) -> None:
    """Refuse names that a guard was never told to forget: that it draws them says nothing of it."""
    names = [each if isinstance(each, str) else each.concept for each in asked]
    forgets = guard.trained.facts.get("forget", names)
    if strange := [name for name in names if name not in forgets]:
        where = options.replay or f"the set {job.concepts.name}"
        raise UnhypeError(
            f"got {strange[0]} in {where}, which {options.model} does not forget, wanted names that it does: it was "
            f"trained on {guard.trained.facts['concepts']}"
        )
