"""One picture of methods: how often an attack gets through against how much stays, with intervals and the frontier.

Colours are Okabe's and Ito's, which colour-blind people can tell, and no meaning hangs on colour alone: the own method
is a star, the bare base a square, and a method that could only be attacked by its pictures is hollow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unhype.files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D
    from matplotlib.transforms import Bbox

OWN, RIVAL, BASE, FRONT = "#D55E00", "#0072B2", "#000000", "#009E73"
"""Vermilion, blue, black, bluish green: Okabe and Ito, Color Universal Design (2008)."""

LEFT, TOP = -0.06, 1.12
"""Ends of the axes: there is room for names around 0 and 1."""

MARKERS = {"unhype": "*", "none": "s"}

NEAR = 2
"""A name that stands further away than this, in steps of 6 pixels, has a line to its marker."""

Share = tuple[float, float, float]
"""A share and both ends of its interval, 95 %."""


@dataclass(frozen=True)
class Point:
    """A method.

    Attributes:
        kept: of what must stay, of the base's; more is better.
        success: of the attack that found most; less is better.
        closed: whether no gradient goes through it, so that it was attacked by its pictures alone.
    """

    name: str
    kept: Share
    success: Share
    closed: bool = False


def front(points: Sequence[Point]) -> list[Point]:
    """Those that nobody beats: no other keeps as much and falls as seldom, and does better in one. The safest first."""

    def beaten(one: Point) -> bool:
        kept, success = one.kept[0], one.success[0]
        return any(
            other.kept[0] >= kept
            and other.success[0] <= success
            and (other.kept[0], other.success[0]) != (kept, success)
            for other in points
        )

    return sorted((one for one in points if not beaten(one)), key=lambda one: (one.success[0], one.kept[0], one.name))


def draw_front(points: Sequence[Point], path: Path, note: str = "") -> list[Bbox]:
    """Write it as a PNG, 800 pixels wide, ``note`` above it; returns where the names stand, in pixels."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 6), dpi=100)
    axes.set(
        xlabel="must stay: names never heard, kept of the base (better →)",
        ylabel="(← better) attack success, by the attack that found most",
        xlim=(LEFT, 1.06),
        ylim=(-0.08, TOP),
    )
    axes.grid(alpha=0.25)
    axes.set_title(note, fontsize=10, loc="left")
    best = front(points)
    for one in points:
        _draw(axes, one)
    _draw_front(axes, best)
    figure.legend(handles=_keys(points), loc="lower center", ncols=3, frameon=False)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    figure.canvas.draw()
    places = _write_names(axes, points, best)
    write_whole(path, lambda partial: figure.savefig(partial, format="png", dpi=100))
    plt.close(figure)
    return places


def _draw(axes: Axes, one: Point) -> None:
    colour = _colour(one)
    (x, left, right), (y, low, high) = one.kept, one.success
    across, along = [[x - left], [right - x]], [[y - low], [high - y]]
    axes.errorbar(x, y, xerr=across, yerr=along, fmt="none", ecolor=colour, alpha=0.35, elinewidth=1.5)
    size, face = (260 if one.name == "unhype" else 60), colour
    if one.closed:  # a ring that is seen on another method's marker, too
        size, face = 30, "white"
    marker = MARKERS.get(one.name, "o")
    axes.scatter(
        x,
        y,
        s=size,
        marker=marker,
        facecolor=face,
        edgecolor=colour,
        linewidth=1.5,
        zorder=4 if one.closed else 3,
        clip_on=False,
    )


def _stairs(best: Sequence[Point]) -> list[tuple[float, float]]:
    """Corners of the frontier: left of and above it everything is beaten."""
    corners = [(LEFT, best[0].success[0])] if best else []
    for one, after in zip(best, [*best[1:], None], strict=True):
        corners += [(one.kept[0], one.success[0]), (one.kept[0], after.success[0] if after else TOP)]
    return corners


def _draw_front(axes: Axes, best: Sequence[Point]) -> None:
    xs, ys = zip(*_stairs(best), strict=True) if best else ((), ())
    axes.plot(xs, ys, color=FRONT, linewidth=2, linestyle="--", zorder=2)


def _keys(points: Sequence[Point]) -> list[Line2D]:
    """What the signs mean."""
    from matplotlib.lines import Line2D

    keys = [
        Line2D([], [], color=FRONT, linewidth=2, linestyle="--", label="frontier: nobody does better"),
        Line2D([], [], color=RIVAL, linewidth=1.5, alpha=0.35, label="95 %"),
    ]
    if any(one.closed for one in points):
        label = "attacked by its pictures alone"
        keys.append(
            Line2D([], [], color=RIVAL, label=label, marker="o", markerfacecolor="white", markersize=5, linestyle="")
        )
    return keys


def _write_names(axes: Axes, points: Sequence[Point], best: Sequence[Point]) -> list[Bbox]:
    """Each name at the nearest place where it covers no marker, no line and no other name; from afar a line leads.

    Rather than that a name stands far away, it covers others' intervals, which are faint.
    """
    from matplotlib.patheffects import withStroke
    from matplotlib.transforms import Bbox

    canvas: Any = axes.figure.canvas
    renderer, inside = canvas.get_renderer(), axes.get_window_extent()
    at = [axes.transData.transform((one.kept[0], one.success[0])) for one in points]
    radius = 8

    def around(start: tuple[float, float], end: tuple[float, float]) -> Bbox:
        ends = axes.transData.transform([start, end])
        return Bbox([ends.min(0) - 1, ends.max(0) + 1])

    taken = [Bbox.from_bounds(x - radius, y - radius, 2 * radius, 2 * radius) for x, y in at]
    taken += [around(*line) for line in pairwise(_stairs(best))]
    faint = [around(*line) for one in points for line in _intervals(one)]
    places: list[Bbox] = []
    for one, (x, y) in zip(points, at, strict=True):
        label = axes.text(0, 0, one.name, color=_colour(one), transform=None, va="center", ha="center", zorder=4)
        label.set(
            weight="bold" if one in best else "normal", path_effects=[withStroke(linewidth=3, foreground="white")]
        )
        size = label.get_window_extent(renderer)
        width, height = size.width + 4, size.height
        far, dx, dy, box = _free(x, y, width, height, inside, [*taken, *faint, *places])
        if far > NEAR:
            far, dx, dy, box = _free(x, y, width, height, inside, [*taken, *places])
        label.set_position((x + dx, y + dy))
        places.append(box)
        if far > NEAR:
            end_x, end_y = min(max(x, box.x0), box.x1), min(max(y, box.y0), box.y1)
            axes.plot([x, end_x], [y, end_y], color=_colour(one), linewidth=0.8, alpha=0.7, transform=None, zorder=1)
    return places


def _intervals(one: Point) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """Its lines, from where to where."""
    (x, left, right), (y, low, high) = one.kept, one.success
    yield (left, y), (right, y)
    yield (x, low), (x, high)


def _free(
    x: float, y: float, width: float, height: float, inside: Bbox, taken: Sequence[Bbox]
) -> tuple[int, float, float, Bbox]:
    """The nearest place around a point that is within the axes and covers nothing; the last, if all do."""
    from matplotlib.transforms import Bbox

    for far, dx, dy in _around(width, height):  # noqa: B007  the last one is returned
        box = Bbox.from_bounds(x + dx - width / 2, y + dy - height / 2, width, height)
        within = inside.x0 < box.x0 and box.x1 < inside.x1 and inside.y0 < box.y0 and box.y1 < inside.y1
        if within and not any(box.overlaps(other) for other in taken):
            break
    return far, dx, dy, box


def _around(width: float, height: float) -> Iterator[tuple[int, float, float]]:
    """Places for the middle of a name around a point: how far, and where, in pixels; the nearest first."""
    for far in range(40):
        side, up = 10 + width / 2 + 6 * far, 9 + height / 2 + 6 * far
        beside = (width / 2 + 4, up), (width / 2 + 4, -up), (-width / 2 - 4, up), (-width / 2 - 4, -up)
        for dx, dy in ((side, 0), (-side, 0), (0, up), (0, -up), *beside):
            yield far, dx, dy


def _colour(one: Point) -> str:
    return OWN if one.name.startswith("unhype") else BASE if one.name == "none" else RIVAL
