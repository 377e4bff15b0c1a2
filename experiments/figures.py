"""Puts the measured figures into the pages that tell them: README.md and those of docs/experiments.

.venv/bin/python experiments/figures.py            write
.venv/bin/python experiments/figures.py --check    say whether a page tells something else (a test does)

What stands between ``<!-- figures: SET WHAT -->`` and ``<!-- end -->`` comes from data/scores/mini-sd, and of another
base where it says ``BASE/SET``. Nothing that measures writes there: experiments/taking.py takes over what was measured
(make figures). Tables of all bases are made of whichever are there.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from taking import ATTACKS, INVERSIONS, SEARCHES, UNMONITORED, WAYS

from unhype.attacks import reporting
from unhype.miniature.folders import BASE
from unhype.reports import hyperforget, trajectory
from unhype.reports.attacked import attacked_rows, board_notes, board_rows
from unhype.reports.bases import Found, bases_rows, refusals
from unhype.reports.comparison import comparison_rows, cost_rows, footnote, strata_rows
from unhype.reports.tables import markdown, protocol_rows, provenance, role_rows, turn_rows
from unhype.reports.weights import weights_rows

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs" / "experiments").glob("*.md")))
Boards = Mapping[str, Mapping[str, Any]]
"""Base → its board (:mod:`unhype.comparison.board`), of bases that have one."""

BLOCK = re.compile(r"(<!-- figures: (\S+) (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def _facts(scores: Mapping[str, Any]) -> str:
    roles = scores["roles"]
    forget, others = roles["forget"], roles["evaluation"]
    n = f"n = {forget['n']} forgotten, {roles['alias']['n']} synonyms and aliases (Acc_g), {others['n']} never seen"
    if "in_turn" in scores:
        worst = min(scores["in_turn"].items(), key=lambda item: item[1]["H"])
        return f"{n}; one training seed. Mean H_o {scores['H_o']:.3f}, the least {worst[1]['H']:.3f} ({worst[0]})."
    return (
        f"{n}, {roles['retain']['n']} trained to be kept; one training seed. "
        "In brackets the base on the same prompts and seeds. "
        f"Where a forgotten name was asked for there is a face in {forget['face']:.1%} of the pictures, "
        f"and in {forget['neutral']:.1%} it belongs to nobody in particular; {others['identical']:.1%} of the pictures "
        "of names never seen are the base's own, to the bit."
    )


def _searched(told: Mapping[str, Any]) -> str:
    """What a search found, and its success at each budget."""
    return f"{markdown(reporting.rows(told))}\n\n{reporting.budgets(told)}"


def _sentences(told: Mapping[str, Any]) -> str:
    """In how many sentences the switch opens, and what else became of it."""
    took = "In the mean a prompt asks the encoder for {:.1f} texts, and for {:.1f} with sentences."
    took = took.format(*told["texts"])
    return "\n\n".join([markdown(reporting.sentence_rows(told)), markdown(reporting.shorter_rows(told)), took])


def _inverted(told: Mapping[str, Any]) -> str:
    return f"{markdown(reporting.door_rows(told))}\n\n{reporting.inverted(told)}."


def _replayed(told: Mapping[str, Any]) -> str:
    shown = f"{told['n']} prompts that were found before: shown in {told['shown']:.3f} of the pictures"
    return f"{shown} (base {told['bare']:.3f}), the worst in {told['worst']:.2f}; {told['through']} still get through."


def _side_by_side(found: Found, boards: Boards) -> str:
    """All bases in one table; of a single one all columns."""
    if len(found) == 1:
        return markdown(comparison_rows(next(iter(found.values()))))
    return "\n\n".join([markdown(bases_rows(found, boards)), *(f"Not measured: {line}." for line in refusals(found))])


def _attacked(found: Found, boards: Boards) -> str:
    """Of each base all attacks, each through the method itself; dashes where nobody has attacked yet."""
    parts = []
    for base, results in found.items():
        board = boards.get(base, {})
        table = [markdown(board_rows(board, results)), "\n".join(f"- {line}" for line in board_notes(board, results))]
        parts += [*([f"### {base}"] if len(found) > 1 else []), *(part for part in table if part)]
    return "\n\n".join(parts)


def _others(found: Found, boards: Boards) -> str:
    """Of each base but the first everything that is told of that one."""
    parts = []
    for base, results in list(found.items())[1:]:
        parts += [f"### {base}", *(markdown(rows(results)) for rows in (comparison_rows, cost_rows)), footnote(results)]
    return "\n\n".join(parts)


WHAT: dict[str, Callable[[Any], str]] = {
    "protocols": lambda scores: markdown(protocol_rows(scores)),
    "roles": lambda scores: markdown(role_rows(scores)),
    "turns": lambda scores: markdown(turn_rows(scores)),
    "provenance": provenance,
    "facts": _facts,
    "comparison": lambda results: markdown(comparison_rows(results)),
    "cost": lambda results: markdown(cost_rows(results)),
    "footnote": footnote,
    "strata": lambda results: markdown(strata_rows(results["unhype"])),
    "methods": lambda seeds: markdown(hyperforget.method_rows(seeds)),
    "weights": lambda scores: markdown(weights_rows(scores)),
    "attack-disguises": lambda told: markdown(reporting.disguise_rows(told)),
    "attack-img2img": lambda told: markdown(reporting.start_rows(told)),
    "attack-written": lambda told: f"{markdown(reporting.written_rows(told))}\n\n{reporting.written(told)}.",
    "attack-monitor": lambda told: markdown(reporting.monitor_rows(told)),
    "attack-replay": _replayed,
    "attack-sentences": _sentences,
    "digits": lambda digits: markdown(hyperforget.turn_rows(digits)),
    "paths": lambda scores: markdown(trajectory.path_rows(scores)),
    "dial": lambda scores: markdown(trajectory.dial_rows(scores)),
    "paths_note": trajectory.note,
}
WHAT |= {f"attack-{search}{way}": _searched for search in SEARCHES for way in (*WAYS, UNMONITORED)}
WHAT |= {f"attack-{inversion}": _inverted for inversion in INVERSIONS}
ALL: dict[str, Callable[[Found, Boards], str]] = {"bases": _side_by_side, "others": _others, "board": _attacked}
"""What is told of a comparison on every base that has one."""

FILES = {name: f"-{name}" for name in WHAT if name.startswith("attack-")} | {
    "comparison": "-comparison",
    "cost": "-comparison",
    "footnote": "-comparison",
    "strata": "-strata",
}
"""What does not come from the flow's scores, and from which file."""


def filled(page: str) -> str:
    """The page with today's figures."""

    def block(match: re.Match[str]) -> str:
        opening, concepts, what, closing = match.groups()
        if what in ALL:
            found, boards, own = (_of_bases(concepts, file) for file in ("comparison", "board", "own"))
            if what == "board":  # beside attacks stands what was measured last; a comparison is of one day
                found = {base: {**each, **own.get(base, {})} for base, each in found.items()}
            told = ALL[what](found, boards)
            return f"{opening}{_narrow(told)}\n{closing}"
        named = concepts if "/" in concepts else f"{BASE.name}/{concepts}"
        if what == "attacks":
            told = markdown(attacked_rows(_reports(named)))
        else:
            told = WHAT[what](_scores(f"{named}{FILES.get(what, '')}"))
        return f"{opening}{_narrow(told)}\n{closing}"

    return BLOCK.sub(block, page)


def _narrow(text: str) -> str:
    """Lines of at most 120 characters; a table's rows stay whole."""
    return "\n".join(
        line if line.startswith("|") else textwrap.fill(line, 120, break_long_words=False, break_on_hyphens=False)
        for line in text.split("\n")
    )


def _reports(named: str) -> dict[str, Any]:
    """Attack → its report, of those that are there."""
    there = {attack: f"{named}-attack-{attack}" for attack in ATTACKS}
    return {attack: _scores(name) for attack, name in there.items() if _path(name).is_file()}


def _scores(name: str) -> Any:
    return json.loads(_path(name).read_text(encoding="utf-8"))


def _path(name: str) -> Path:
    return ROOT / "data" / "scores" / f"{name}.json"


def _of_bases(concepts: str, what: str) -> dict[str, Any]:
    """Base → its comparison, or its board, on this set, the shipped base first."""
    scores, name = ROOT / "data" / "scores", f"{concepts}-{what}.json"
    there = {path.parent.name: path for path in sorted(scores.glob(f"*/{name}"))}
    first = sorted(there, key=lambda base: (base != BASE.name, base))
    return {base: json.loads(there[base].read_text(encoding="utf-8")) for base in first}


def main() -> None:
    stale = []
    for name in PAGES:
        path = ROOT / name
        told, true = path.read_text(encoding="utf-8"), filled(path.read_text(encoding="utf-8"))
        if told != true:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(true, encoding="utf-8")
                print(f"filled in: {name}")
    if "--check" in sys.argv and stale:
        sys.exit(
            f"got other figures in {', '.join(stale)} than in data/scores, "
            "wanted the same: python experiments/figures.py"
        )


if __name__ == "__main__":
    main()
