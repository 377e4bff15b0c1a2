"""The board: every method attacked through itself, with the same names, seeds and budget, beside what must stay.

<folder>/<method>/<attack>.json         the report of one attack on one method, as ``unhype attack`` has it
<folder>/<method>/<attack>/…            its searches, which go on where they were stopped
<folder>/{board.json,board.md,pareto.png}       all attacks that are there, side by side
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unhype.attacks import kept
from unhype.attacks.methods import GRADIENTS, check_open
from unhype.attacks.reporting import report
from unhype.attacks.running import Attack, named
from unhype.attacks.searching import Budget
from unhype.attacks.victim import Attacked
from unhype.comparison.methods import METHODS
from unhype.comparison.running import BARE, Comparison
from unhype.eraser import Nothing
from unhype.errors import UnhypeError
from unhype.files import write_text
from unhype.gates.intervals import wilson
from unhype.judges.judge import Judge
from unhype.progress import Progress
from unhype.reports.attacked import ATTACKS, board_notes, board_rows, worst
from unhype.reports.comparison import Results, current
from unhype.reports.pareto import Point, draw_front
from unhype.reports.tables import markdown

SHOWN = ("ASR", "interval", "n", "median_queries", "median_seconds", "must_go", "identity")
"""What a board has of a report."""


@dataclass(frozen=True)
class Board:
    """One attack on every method of a comparison, its first training seed.

    Attributes:
        method, budget, seed, company, transfer, blind: see :class:`unhype.attacks.running.Attack`.
    """

    comparison: Comparison
    judge: Judge
    method: str
    budget: Budget
    seed: int
    folder: Path
    company: bool = False
    transfer: bool = False
    blind: bool = False

    def run(self, names: Sequence[str]) -> Iterator[Progress]:
        """Fit, attack and write down whatever is not there; what can't be attacked is told, and the rest goes on."""
        comparison = self.comparison
        if comparison.methods:
            yield from comparison.draw_material()
        for rival in (BARE, *comparison.methods):
            if rival == BARE and self.transfer:
                continue  # it is what such a search knows
            path = self.folder / rival / f"{named(self.method, *self._way)}.json"
            try:
                yield from self._one(rival, names, path)
            except UnhypeError as error:
                write_text(path, json.dumps({"eraser": rival, "error": str(error)}, indent=2) + "\n")

    @property
    def _way(self) -> tuple[bool, bool, bool]:
        return self.company, self.transfer, self.blind

    def _one(self, rival: str, names: Sequence[str], path: Path) -> Iterator[Progress]:
        comparison, job = self.comparison, self.comparison.job
        check_open(self.method, BARE if self.transfer else rival, comparison.family.reads)  # before it is fitted
        bare = Nothing(comparison.family, job.base.hash, job.sampling)
        eraser: Any = bare
        if rival != BARE:
            method, case = comparison.methods[rival], comparison.case(comparison.seeds[0])
            yield from comparison.fit(method, case, rival)
            eraser = method.eraser(case)
        victim = Attacked(eraser, bare, comparison.family, self.judge, job.concepts)
        attack = Attack(self.method, victim, self.budget, self.seed, path.parent, *self._way)
        for progress in attack.run(names):
            yield Progress(f"{rival}: {progress.part}", progress.done, progress.total, loss=progress.loss)
        told = report(attack, job.base.reference, job.base.hash)
        write_text(path, json.dumps(told, indent=2, ensure_ascii=False) + "\n")


def write_board(folder: Path, results: Results) -> str:
    """Write ``board.{json,md}`` and, where a comparison says what stays, ``pareto.png``; returns table and notes."""
    board = gathered(folder)
    notes = "".join(f"\n- {line}" for line in board_notes(board, results))
    text = f"{markdown(board_rows(board, results))}\n{notes}"
    write_text(folder / "board.json", json.dumps(board, indent=2, ensure_ascii=False) + "\n")
    write_text(folder / "board.md", text + "\n")
    if points := points_of(board, results):
        draw_front(points, folder / "pareto.png", _note(board))
    return text


def _note(board: dict[str, Any]) -> str:
    """On how many names, and the least success that so few can tell from none."""
    n = min(len(how["names"]) for how in board["attacks"].values())
    return f"{n} names; where none of {n} was found, success may still be up to {wilson(0, n)[1]:.2f} (95 %)"


def gathered(folder: Path) -> dict[str, Any]:
    """All reports below a folder that were made alike: ``attacks`` tells how, ``rivals`` what came of each.

    An attack's reports are alike if names, seed, budget, base, set and judge are; what most of them have counts, and
    others are left out and told.
    """
    reports: dict[str, dict[str, Any]] = {}
    for rival in (BARE, *METHODS):
        for path in sorted((folder / rival).glob("*.json")):
            reports.setdefault(path.stem, {})[rival] = kept.read(path)
    attacks: dict[str, Any] = {}
    rivals: dict[str, dict[str, Any]] = {rival: {} for rival in (BARE, *METHODS)}
    left_out: list[str] = []
    for attack, found in sorted(reports.items(), key=lambda item: _place(item[0])):
        ways = Counter(_how(told) for told in found.values() if "ASR" in told)
        usual = ways.most_common(1)[0][0] if ways else ""
        if usual:
            attacks[attack] = json.loads(usual)
        for rival, told in found.items():
            if "error" in told:
                rivals[rival][attack] = {"error": told["error"]}
            elif _how(told) == usual:
                rivals[rival][attack] = {key: told[key] for key in SHOWN}
            else:
                left_out.append(
                    f"{attack} against {rival} was run otherwise, and is left out: run it again like the others"
                )
    return {"attacks": attacks, "rivals": {name: each for name, each in rivals.items() if each}, "left_out": left_out}


def _place(attack: str) -> tuple[int, str]:
    """In tables: by gradient, by pictures, then the others by name."""
    return (ATTACKS.index(attack) if attack in ATTACKS else len(ATTACKS)), attack


def _how(told: dict[str, Any]) -> str:
    """How an attack was run, as text that can be compared."""
    names = [each["concept"] for each in told["names"]]
    same = {key: told[key] for key in ("seed", "budget", "base", "base_hash", "concepts", "judge", "pictures", "bar")}
    return json.dumps({"names": names, **same})


def points_of(board: dict[str, Any], results: Results) -> list[Point]:
    """Each method that was attacked and compared: its worst attack against the unseen that it keeps, with intervals.

    What is kept is a mean over training seeds; its interval is of the pictures of one, since all draw the same prompts.
    """
    points = []
    for rival, each in board["rivals"].items():
        fell, good = worst(each), [run for run in results.get(rival, ()) if run.get("strata")]
        if fell is None or not good:
            continue
        score = [current(run["strata"].get("unseen") or run["strata"]["trained"]) for run in good]
        base = score[0].get("must_stay_base")
        if not base:
            continue
        share, n = sum(one["must_stay"] for one in score) / len(score), int(score[0]["n"])
        low, high = wilson(share, n)
        kept = (min(1.0, share / base), min(1.0, low / base), min(1.0, high / base))
        points.append(Point(rival, kept, (fell["ASR"], *fell["interval"]), closed=_closed(each)))
    return points


def _closed(each: dict[str, Any]) -> bool:
    """Whether none of the attacks that were run went through the method by its gradient."""
    return not {attack.split("-")[0] for attack, told in each.items() if "ASR" in told} & set(GRADIENTS)
