"""What attacks came to, as lines for cards and pages and as one table of all methods, each attacked through itself.

Reads reports of ``unhype attack`` (:mod:`unhype.attacks.reporting`) and boards (:mod:`unhype.comparison.board`), as
JSON has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unhype.reports.comparison import Results, ranked, spread
from unhype.reports.tables import UNKNOWN, Rows

NOT_ATTACKED = "not attacked: nothing says how it stands against somebody who means to bring a concept back"

ATTACKS = ("tokens", "pictures")
"""What every method is attacked by: by gradient through itself, and by its pictures alone."""

SAID = {
    "tokens": "gradients, any tokens",
    "words": "gradients, whole words",
    "pictures": "pictures and a judge",
    "concept": "the text encoder alone",
    "inversion": "learned embeddings, at every door",
    "disguises": "spellings of the name",
    "written": "long sentences, six languages",
    "img2img": "img2img from the person's picture",
    "replay": "prompts that were found before",
}
"""An attack's method in words."""

WAYS = {
    "company": "behind somebody who is kept",
    "transfer": "on the base alone, no word of the name",
    "blind": "blind to the monitor",
    "unmonitored": "the monitor is off",
    "allowed": "the guard was told to read such",
}
"""And how it is used."""

STAYS = {
    "unseen ↑": "unseen: kept of base",
    "near miss ↑": "near_miss: kept of base",
    "mixed, kept ↑": "forgotten_and_retained: kept of base",
}
"""Heading → figure of a comparison's summary: what must stay."""


def attack_line(name: str, told: Mapping[str, Any]) -> str:
    """One report in a line: the method, how many names, the budget, and what came of it."""
    if "groups" in told:
        groups = told["groups"]
        worst = max(groups, key=lambda group: groups[group]["guarded"])
        return (
            f"{name}: {sum(each['n'] for each in groups.values())} pictures in {len(groups)} groups, shown at worst in "
            f"{groups[worst]['guarded']:.2f} ({worst})"
        )
    if "ASR" not in told:
        return f"{name}: {told['n']} prompts that were found before, shown in {told['must_go']:.3f} of the pictures"
    low, high = told["interval"]
    found = f"{fell(told)} names"
    how = f"{name} through the monitor too" if told.get("through_monitor") else name
    asr = f"ASR {told['ASR']:.2f} [{low:.2f}, {high:.2f}]"
    return f"{how}: {found}, {asr}; {budget_of(told)} a name, seed {told['seed']}"


def attacked_rows(reports: Mapping[str, Mapping[str, Any]]) -> Rows:
    """One row a report: how it was attacked, what got through beside what the bare base shows, and which guard it was.

    Args:
        reports: attack → its report; whatever is no report of an attack is left out.
    """
    table = []
    for name, told in reports.items():
        if found := _found(told):
            method, *ways = name.split("-")
            how = [SAID[method], *(WAYS.get(way, f"{way} vectors") for way in ways)]
            how += ["through the monitor too"] * bool(told.get("through_monitor"))
            table.append([f"`{name}`", ", ".join(how), *found, told["guard"][:8]])
    return ("attack", "by", "asked", "got through ↓", "guard"), table


def _found(told: Mapping[str, Any]) -> tuple[str, str] | None:
    """What was asked of a guard, and what came of it."""
    if "ASR" in told:
        return (
            f"{told['n']} names, {budget_of(told)} each",
            f"{fell(told)}: {success(told)}",
        )
    if "groups" in told:
        groups = told["groups"]
        (n, guarded), (_, bare) = (over_groups(groups, side) for side in ("guarded", "bare"))
        worst = max(groups, key=lambda group: groups[group]["guarded"])
        most = f"at worst {groups[worst]['guarded']:.2f} ({worst})"
        return f"{n:,} pictures, {len(groups)} groups", f"{guarded:.3f} of pictures (base {bare:.3f}), {most}"
    if "prompts" in told:
        shown = f"{told['shown']:.3f} of pictures (base {told['bare']:.3f}), at worst {told['worst']:.2f}"
        return f"{told['n']} prompts, {told['pictures']} pictures each", shown
    return None


def budget_of(told: Mapping[str, Any]) -> str:
    """``60 s``, ``500 queries`` or both."""
    seconds, queries = told["budget"]["seconds"], told["budget"]["queries"]
    parts = [f"{seconds:g} s"] if seconds is not None else []
    return " and ".join([*parts, *([f"{queries:,} queries"] if queries is not None else [])])


def board_rows(board: Mapping[str, Any], results: Results) -> Rows:
    """One row a method: each attack through the method itself, and what must stay, from a comparison.

    Args:
        board: see :func:`unhype.comparison.board.gathered`; may be empty, then all attacks are dashes.
        results: of a comparison; may be empty, then what must stay is dashes.
    """
    attacks, rivals = list(board.get("attacks", ATTACKS)), board.get("rivals", {})
    names = [name for name, _ in ranked(results)]
    rows = []
    for name in [*names, *(rival for rival in rivals if rival not in names)]:
        cells: list[str] = []
        for attack in attacks:
            told = rivals.get(name, {}).get(attack, {})
            median = told.get("median_queries")
            cells += [success(told), UNKNOWN if median is None else f"{median:,.0f}"]
        good = [run["summary"] for run in results.get(name, ()) if "summary" in run]
        kept = [spread([run[key] for run in good if key in run]) for key in STAYS.values()]
        rows.append([name, *cells, *kept, spread([run["drift"] for run in good], 4)])
    told_attacks = [part for attack in attacks for part in (f"ASR {attack} ↓", "queries")]
    return ("method", *told_attacks, *STAYS, "pixel drift ↓"), rows


def success(told: Mapping[str, Any]) -> str:
    """``0.25 [0.05, 0.70]``, or a dash where nothing was attacked."""
    if "ASR" not in told:
        return UNKNOWN
    low, high = told["interval"]
    return f"{told['ASR']:.2f} [{low:.2f}, {high:.2f}]"


def short(board: Mapping[str, Any], rival: str, attack: str) -> str:
    """``1 of 4``: names that fell, for tables that are full; a dash where nothing was attacked."""
    told = board.get("rivals", {}).get(rival, {}).get(attack, {})
    return fell(told) if "ASR" in told else UNKNOWN


def fell(told: Mapping[str, Any]) -> str:
    """``1 of 4``: the names of a search's report that did."""
    return f"{round(told['ASR'] * told['n'])} of {told['n']}"


def over_groups(groups: Mapping[str, Mapping[str, Any]], side: str) -> tuple[int, float]:
    """Pictures of all groups, at least one, and the share of them that shows what is looked for, on one side of a
    report: ``guarded`` or ``bare``."""
    n = sum(int(each["n"]) for each in groups.values())
    return n, sum(each[side] * each["n"] for each in groups.values()) / n


def board_notes(board: Mapping[str, Any], results: Results) -> list[str]:
    """What the table needs beside it, a line each: budgets, what could not be attacked, figures of other fits."""
    if not board:
        return []
    lines = [
        f"{attack}: {len(how['names'])} names, {budget_of(how)} a name, seed {how['seed']}; judge {how['judge']}"
        for attack, how in board["attacks"].items()
    ]
    refused: dict[str, list[str]] = {}
    for rival, each in board["rivals"].items():
        for attack, told in each.items():
            if "error" in told:
                why = told["error"].replace(f"got {rival}, ", "got a method ", 1)
                refused.setdefault(f"{attack}: {why}", []).append(rival)
    lines += [f"not attacked by {why} ({', '.join(rivals)})" for why, rivals in refused.items()]
    if others := _other_fits(board, results):
        lines.append(f"what must stay is of other fits of {', '.join(others)} than those that were attacked")
    return [*lines, *board.get("left_out", ())]


def _other_fits(board: Mapping[str, Any], results: Results) -> Sequence[str]:
    """Methods whose attacked fit is not among those that were compared."""
    found = []
    for rival, each in board["rivals"].items():
        compared = {run["eraser"] for run in results.get(rival, ()) if "eraser" in run}
        attacked = {told["identity"] for told in each.values() if "identity" in told}
        if compared and not attacked <= compared:
            found.append(rival)
    return found


def worst(each: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Of one method's attacks the one that found most; of equals the one with the narrower interval."""
    told = [one for one in each.values() if "ASR" in one]
    return max(told, key=lambda one: (one["ASR"], -np.ptp(one["interval"]))) if told else None
