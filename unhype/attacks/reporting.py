"""What an attack came to: success at fixed budgets with intervals, queries until success, the texts that were found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from unhype.attacks.running import Attack, Finding
from unhype.attacks.verdicts import PICTURES, SUCCESS
from unhype.attacks.victim import Attacked
from unhype.erasing.guarded import Guarded
from unhype.gates.intervals import wilson
from unhype.reports.attacked import over_groups

SECONDS = (10.0, 30.0, 60.0, 120.0, 300.0)
QUERIES = (10, 30, 100, 300, 1000, 3000)
"""Budgets at which success is told, as far as the search went."""


def about(victim: Attacked, base: str, base_hash: str) -> dict[str, Any]:
    """Who was attacked, and who looked."""
    guard = victim.eraser.guard if isinstance(victim.eraser, Guarded) else None
    return {
        "eraser": victim.eraser.name,
        "identity": victim.eraser.identity,
        "guard": victim.eraser.origin.guard,
        "unmonitored": bool(guard and guard.trained.monitor and not guard.monitor),
        "inversions": bool(guard and guard.inversions),
        "base": base,
        "base_hash": base_hash,
        "concepts": victim.concepts.name,
        "judge": victim.judge.name,
    }


def report(attack: Attack, base: str, base_hash: str) -> dict[str, Any]:
    """Everything that was measured, as JSON has it."""
    victim, found = attack.victim, attack.findings
    good = [each for each in found if each.success]
    asr = len(good) / len(found)
    return about(victim, base, base_hash) | {
        "method": attack.name,
        "through_monitor": attack.through_monitor,
        "seed": attack.seed,
        "budget": asdict(attack.budget),
        "n": len(found),
        "pictures": PICTURES,
        "bar": SUCCESS,
        "ASR": asr,
        "interval": wilson(asr, len(found)),
        "at_seconds": _at(found, SECONDS, "seconds", attack.budget.seconds),
        "at_queries": _at(found, QUERIES, "queries", attack.budget.queries),
        "median_queries": float(np.median([each.queries for each in good])) if good else None,
        "median_seconds": float(np.median([each.seconds for each in good])) if good else None,
        "must_go": float(np.mean([each.guarded for each in found])),
        "names": [{**asdict(each), "success": each.success} for each in found],
    }


def _at(found: Sequence[Finding], budgets: Iterable[float], what: str, most: float | None) -> dict[str, Any]:
    """Success at each budget that no search fell short of: ``{budget: [ASR, low, high]}``."""
    told = {}
    for budget in budgets:
        if most is not None and budget > most:
            break
        if any(not each.text and getattr(each, what) < budget for each in found):
            break
        share = float(np.mean([each.success and getattr(each, what) <= budget for each in found]))
        told[f"{budget:g}"] = [share, *wilson(share, len(found))]
    return told


def rows(told: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The table of names: what was found, and what it shows."""
    table = []
    for each in told["names"]:
        text = f"`{each['text']}`{'' if each['success'] else ', not by the verdict'}" if each["text"] else "nothing"
        shares = [f"{each[side]:.2f}" if each["text"] else "–" for side in ("guarded", "bare")]
        table.append([each["concept"], text, *shares, f"{each['queries']:,}", f"{each['seconds']:.0f}"])
    return ["name", "found", "shown ↓", "base", "queries", "seconds"], table


def sentence(told: Mapping[str, Any]) -> str:
    """The result in a line."""
    low, high = told["interval"]
    through = sum(each["success"] for each in told["names"])
    monitor = ", through its monitor too," if told.get("through_monitor") else ""
    return (
        f"{told['method']} against {told['eraser']}{monitor} on {told['base']}: {through} of {told['n']} names, "
        f"ASR {told['ASR']:.2f} [{low:.2f}, {high:.2f}]"
    )


def budgets(told: Mapping[str, Any]) -> str:
    """The result, and its success at each budget, with intervals of 95 %."""
    parts = [f"{sentence(told)}."]
    for what in ("seconds", "queries"):
        if reached := told[f"at_{what}"]:
            each = (f"{budget}: {asr:.2f} [{low:.2f}, {high:.2f}]" for budget, (asr, low, high) in reached.items())
            parts.append(f"ASR after so many {what}: {', '.join(each)}.")
    if told["median_queries"] is not None:
        parts.append(
            f"Until success, in the median: {told['median_queries']:,.0f} queries, {told['median_seconds']:.0f} s."
        )
    return " ".join(parts)


def disguise_rows(told: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The table of disguises, those that show most first."""
    order = sorted(told["groups"].items(), key=lambda item: (-item[1]["guarded"], -item[1]["bare"]))
    rows = []
    for group, each in order:
        low, high = each["interval"]
        shares = [f"{each['guarded']:.2f} [{low:.2f}, {high:.2f}]", f"{each['bare']:.2f}"]
        rows.append([group, f"`{_visible(each['text'])}`", str(each["n"]), *shares])
    return ["disguise", "such as", "n", "shown ↓", "base"], rows


def start_rows(told: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The table of img2img, by strength."""
    rows = []
    for group, each in told["groups"].items():
        low, high = each["interval"]
        rows.append([group, str(each["n"]), f"{each['guarded']:.2f} [{low:.2f}, {high:.2f}]", f"{each['bare']:.2f}"])
    return ["start", "n", "shown ↓", "base"], rows


def written_rows(told: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The table of names in sentences as people write them, by language: those who must go, and those who must stay."""
    stays = {group.partition(", ")[2]: each for group, each in told["stays"].items()}
    rows = []
    for group, gone in told["groups"].items():
        language = group.partition(", ")[2]
        low, high = gone["interval"]
        cells = [language, str(gone["n"]), f"{gone['guarded']:.3f} [{low:.2f}, {high:.2f}]", f"{gone['bare']:.2f}"]
        if here := stays.get(language):
            cells += [str(here["n"]), f"{here['guarded']:.3f}", f"{here['bare']:.3f}"]
            cells += [f"{here['untouched']:.3f}", f"{here['drift']:.4f}"]
        rows.append([*cells, *["–"] * (9 - len(cells))])
    return [
        "language",
        "n",
        "forgotten, shown ↓",
        "base",
        "n",
        "stays, shown ↑",
        "base",
        "untouched ↑",
        "drift ↓",
    ], rows


def written(told: Mapping[str, Any]) -> str:
    """The same in a line."""
    parts = []
    for kind, groups in (("forgotten", told["groups"]), ("who stays", told["stays"])):
        if groups:
            (n, shown), (_, bare) = (over_groups(groups, side) for side in ("guarded", "bare"))
            parts.append(f"{kind} shown in {shown:.3f} of {n} (base {bare:.3f})")
    return f"sentences as people write them: {'; '.join(parts)}"


def door_rows(told: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The table of doors: how often each was closed, and what it shows where it is open."""
    rows = []
    for door, each in told["doors"].items():
        open_ = each["closed"] < told["n"]
        shown = f"{each['guarded']:.2f}, at worst {each['worst']:.2f}" if open_ else "–"
        said = " ".join(each["said"].split()[:9]) + " …" if each["said"] else ""
        rows.append([door, f"{each['closed']} of {told['n']}", shown, f"{each['bare']:.2f}", said])
    return ["door", "closed", "shown ↓", "base", "it says"], rows


def inverted(told: Mapping[str, Any]) -> str:
    """What came of embeddings, in a line: a name counts if any door shows it."""
    low, high = told["interval"]
    return (
        f"{told['vectors']} learned vectors against {told['eraser']} on {told['base']}: ASR {told['ASR']:.2f} "
        f"[{low:.2f}, {high:.2f}] by the widest door, {told['n']} names"
    )


def _visible(text: str) -> str:
    """The text with the names of letters that nobody sees."""
    return "".join(letter if letter.isprintable() else f"<U+{ord(letter):04X}>" for letter in text)


def replay_rows(told: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The table of prompts that were found before."""
    shown = sorted(told["prompts"], key=lambda each: (-each["guarded"], each["concept"], each["text"]))
    rows = [[each["concept"], f"`{each['text']}`", f"{each['guarded']:.2f}", f"{each['bare']:.2f}"] for each in shown]
    return ["concept", "prompt", "shown ↓", "base"], rows


SENTENCES = ("stays", "forgotten", "alias")
"""Who is asked for in sentences as people write them."""


def monitor_rows(told: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The table of what a monitor sees (experiments/monitor.py), by itself and hearing the words.

    Whom it should, or somebody else; and whether words open the switch, or it sees somebody.
    """
    table = []
    for group, row in told["rows"].items():
        wanted = row["right"] > 0
        sides = []
        for side in [row, row["hearing"]] if "hearing" in row else [row]:
            low, high = side["interval"]
            right, other = (f"{side[key]:.3f}" for key in ("right", "other"))
            interval = f" [{low:.3f}, {high:.3f}]"
            sides += [right + interval, other] if wanted else ["–", other + interval]
            sides.append(f"{side['asked']:.2f}")
        either = [f"{row['found']:.3f}"] if "hearing" in row else []
        table.append([group, str(row["n"]), *sides, *either])
    alone = ["the forgotten noticed ↑", "somebody else seen ↓", "base asked about"]
    hearing = ["hearing the words ↑", "somebody else ↓", "asked", "by words or monitor"]
    return [
        "pictures of",
        "n",
        *alone,
        *(hearing if any("hearing" in row for row in told["rows"].values()) else []),
    ], table


def sentence_rows(told: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The table of languages: in how many sentences the switch opens, by phrases alone and with their sentences."""
    kinds: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in told["rows"]:
        kind, _, language = row["group"].partition(", ")
        if kind in SENTENCES and language:
            kinds.setdefault(language, {})[kind] = row
    header = ["language", "n", "stays, before", "stays ↓", "sentences", "forgotten ↑", "alias, before", "alias ↑"]
    return header, [[language, *_of_language(found)] for language, found in kinds.items()]


def _of_language(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    stays, forgotten, alias = (found[kind] for kind in SENTENCES)
    ever = f"{stays['sentences_before']} → {stays['sentences_after']} of {stays['sentences']}"
    shares = [_share(forgotten, "after"), f"{alias['before'] / alias['n']:.2f}", _share(alias, "after")]
    return [str(stays["n"]), _share(stays, "before"), _share(stays, "after"), ever, *shares]


def shorter_rows(told: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """The table of what else was asked: strata, disguises, company; what is as it was in one row."""
    rows = [row for row in told["rows"] if row["group"].partition(", ")[0] not in SENTENCES or ", " not in row["group"]]
    changed = [row for row in rows if row["before"] != row["after"] or not row["group"].startswith("disguise")]
    same = [row for row in rows if row not in changed]
    table = [[row["group"], str(row["n"]), _share(row, "before"), _share(row, "after")] for row in changed]
    if same:
        whole = {key: sum(row[key] for row in same) for key in ("n", "before", "after")}
        table.append(
            [f"the {len(same)} other disguises", str(whole["n"]), _share(whole, "before"), _share(whole, "after")]
        )
    return ["asked", "n", "opens, by phrases alone", "with their sentences"], table


def _share(row: Mapping[str, Any], side: str) -> str:
    """A share and its interval of 95 %, as if prompts were independent."""
    share = row[side] / row["n"]
    low, high = wilson(share, row["n"])
    return f"{share:.3f} [{low:.2f}, {high:.2f}]"
