"""The ways of ``unhype attack``: each runs, writes its report, and tells it as a table and a line."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unhype.cli.attack_checks import DISGUISES, IMG2IMG, WRITTEN

if TYPE_CHECKING:
    from unhype.attacks.regression import Known
    from unhype.attacks.running import Attack
    from unhype.attacks.searching import Budget
    from unhype.attacks.victim import Attacked
    from unhype.judges.judge import Judge
    from unhype.pipeline.job import Job


def search(options: argparse.Namespace, names: list[str], attack: Attack, job: Job) -> None:
    from unhype.attacks import regression, reporting
    from unhype.progress import with_progress

    for _progress in with_progress(attack.run(names)):
        pass
    told = reporting.report(attack, job.base.reference, job.base.hash)
    _tell(options.out / f"{attack.name}.json", told, reporting.rows(told), reporting.sentence(told))
    if options.keep:
        print(f"{options.keep}: {regression.keep(options.keep, told)} prompts")


def board(options: argparse.Namespace, names: list[str], job: Job, judge: Judge, method: str, budget: Budget) -> None:
    """Several methods, each through itself: a report each, and one table of all that is there."""
    from unhype.attacks.kept import check_writable
    from unhype.comparison.board import Board, write_board
    from unhype.comparison.methods import chosen
    from unhype.comparison.reporting import load_results
    from unhype.comparison.running import Comparison
    from unhype.pipeline import job as jobs
    from unhype.progress import with_progress

    methods = chosen([name for name in options.rival if name != "none"], job)
    comparison = Comparison(job, jobs.load_base(job), judge, None, methods, [0])
    out = options.out or comparison.folder / "attacks"
    check_writable(out)
    way = (options.company, options.transfer, options.blind)
    attacked = Board(comparison, judge, method, budget, options.seed, out, *way)
    for _progress in with_progress(attacked.run(names)):
        pass
    told = {name: runs for path in options.compared for name, runs in load_results(path).items()}
    print(f"{write_board(out, told or comparison.measured())}\n\n{out}")


def disguises(options: argparse.Namespace, names: list[str], job: Job, victim: Attacked) -> None:
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


def written(options: argparse.Namespace, names: list[str], job: Job, victim: Attacked) -> None:
    from unhype.attacks import reporting
    from unhype.attacks.tabled import look, looked, stayed
    from unhype.attacks.written import FORGOTTEN, STAYS, of_kind, who_stays, written
    from unhype.judges.judge import check_known
    from unhype.progress import with_progress

    stays, folder = who_stays(victim.concepts, len(names), options.seed), options.out / WRITTEN
    check_known(victim.judge, [*names, *stays], f"the set {victim.concepts.name}")
    table = written(names, stays)
    for _progress in with_progress(look(victim, table, folder)):
        pass
    told = reporting.about(victim, job.base.reference, job.base.hash) | {
        "groups": looked(of_kind(table, FORGOTTEN), folder),
        "stays": stayed(of_kind(table, STAYS), folder),
    }
    _tell(options.out / f"{WRITTEN}.json", told, reporting.written_rows(told), reporting.written(told))


def img2img(options: argparse.Namespace, names: list[str], job: Job, victim: Attacked) -> None:
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


def inverted(options: argparse.Namespace, names: list[str], job: Job, victim: Attacked, budget: Budget) -> None:
    from unhype.attacks import reporting
    from unhype.attacks.inverting import Inversion
    from unhype.progress import with_progress

    k = options.vectors or 1
    attack = Inversion(victim, k, budget, options.seed, options.out, job.sampling, options.transfer)
    for _progress in with_progress(attack.run(names)):
        pass
    told = reporting.about(victim, job.base.reference, job.base.hash) | attack.report()
    _tell(options.out / f"{attack.name}.json", told, reporting.door_rows(told), reporting.inverted(told))


def replay(options: argparse.Namespace, job: Job, victim: Attacked, known: list[Known]) -> None:
    from unhype.attacks import reporting
    from unhype.attacks.regression import Replay
    from unhype.attacks.verdicts import PICTURES
    from unhype.pipeline.replaying import write_replay
    from unhype.progress import with_progress

    out = options.out / "replay.json"
    again = Replay(victim, known, options.seed, PICTURES, options.out / "replay")
    for _progress in with_progress(again.draw(options.replay)):
        pass
    write_replay(job, again, out)
    told = json.loads(out.read_text(encoding="utf-8"))
    line = f"{told['n']} found prompts: shown {told['shown']:.3f} (base {told['bare']:.3f}), worst {told['worst']:.2f}"
    _show(out, reporting.replay_rows(told), line)


def _tell(path: Path, told: dict[str, Any], table: tuple[list[str], list[list[str]]], line: str) -> None:
    from unhype.files import write_text

    write_text(path, json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    _show(path, table, line)


def _show(path: Path, table: tuple[list[str], list[list[str]]], line: str) -> None:
    from unhype.reports.tables import markdown

    print(f"{markdown(table)}\n\n{line}; {path}")
