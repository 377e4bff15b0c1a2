"""What an assessment found, as tables and words for a card and for MLflow; see :mod:`unhype.comparison.assessing`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unhype.reports.comparison import strata_rows
from unhype.reports.tables import UNKNOWN, Rows

NAMES = {
    "Acc_e": "still shown, of forgotten concepts",
    "Acc_s": "shown, of what must stay",
    "Acc_g": "shown, of forgotten concepts by other names",
    "H": "harmonic mean of what is gone and what stays",
}


def headline(scores: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What to look at first: a title, a value, and what it is of."""
    found = scores.get("protocols", {}).get("unseen") or scores.get("summary") or scores
    boxes = [(name, f"{found[name]:.3f}", about) for name, about in NAMES.items() if name in found]
    return [*boxes, ("n", str(scores["n"]), "pictures")]


def assessed_rows(scores: Mapping[str, Any]) -> Rows:
    """A row a role or stratum; of somebody's own list a row a kind of row, with what was measured of it."""
    if "strata" in scores:
        return strata_rows([scores])
    roles = {
        kind: {name: value for name, value in role.items() if isinstance(value, int | float)}
        for kind, role in scores["roles"].items()
    }
    names = list(dict.fromkeys(name for role in roles.values() for name in role if name != "n"))
    rows = [
        [kind, str(role.get("n", UNKNOWN)), *(f"{role[name]:.4g}" if name in role else UNKNOWN for name in names)]
        for kind, role in roles.items()
    ]
    return ("rows", "n", *names), rows


def provenance(scores: Mapping[str, Any]) -> str:
    """What the figures need beside them."""
    how, judge = scores["sampling"], scores["judge"] or "none: nobody reads these pictures"
    return (
        f"Base {scores['base']} `{scores['base_hash'][:12]}`, concept set {scores['concepts']} "
        f"`{scores['concepts_hash'][:12]}`, {scores['eraser']} `{scores['identity'][:12]}`, prompts {scores['on']} "
        f"`{scores['prompts'][:12]}`; judge {judge}; seeds {scores['seeds'][0]}–{scores['seeds'][1]}, paired; "
        f"{how['steps']} steps, guidance {how['guidance']}. Excluded: {scores['excluded']}."
    )
