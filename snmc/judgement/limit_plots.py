"""Pictures of limits: excluded regions over mass and coupling.

At the masses of the scan a region ends where the table of the limit says; between them its border
is straight in the logarithms. Where a mass excludes something and its neighbour nothing, the tip
between them is a guess from how far the neighbour is from exclusion.
"""

import re
import textwrap
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snmc.judgement.canvas import (
    BLACK,
    CHANNEL_COLOURS,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    Figure,
    Line2D,
    plain,
    save,
    styled,
)
from snmc.judgement.comparison import Compared
from snmc.judgement.curves import Curve
from snmc.judgement.intervals import Array

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from snmc.judgement.limit import Limit

FINE = 10  # steps of the picture for one of the grid
GROWTH = 4  # power of the coupling with which a test grows at a tip; only the picture knows it
ROOM = 30.0  # factor in the coupling shown beyond the outermost edges
ALPHA = 0.22
TITLE = 66  # characters of a line over the picture
SMALLER = 90  # the same of the lines below it
LEGEND = 44  # and of a line in the legend
# Looks that differ without colour too: lines of ours, marks and lines of what is printed.
LINES: Any = ("-", (0, (6, 2)), (0, (2, 1.2)), (0, (6, 2, 1.5, 2)), (0, (6, 2, 1, 1, 1, 2)))
MARKS = ("v", "s", "o", "^", "D", "X", "P", "<", ">", "*")
PRINTED = (BLACK, RED, PURPLE, GREEN, ORANGE)


def plot_limit(limit: "Limit", output: Path) -> None:
    """Draw a limit, see `draw_limit`, into `output`, the picture, .png, .pdf or .svg."""
    save(draw_limit(limit), output, dpi=120)


def draw_limit(limit: "Limit") -> Figure:
    """Draw the excluded regions of a limit, printed limits beside them.

    Thick lines are edges; where the exclusion reaches the end of the scan it is closed by a thin
    dashed line. Printed numbers are marks, printed curves lines with marks.
    """
    with styled():
        figure = Figure(figsize=(8, 6), layout="constrained")
        ax = figure.subplots()
        handles = []
        for number, curve in enumerate(limit.curves):
            colour = CHANNEL_COLOURS[number % len(CHANNEL_COLOURS)]
            line = LINES[number % len(LINES)]
            label = label_of(curve) if len(limit.curves) > 1 else "excluded"
            handles.append(draw_region(ax, curve, colour, label, line=line))
        handles += _draw_printed(ax, limit)
        set_axes(ax, limit.model, limit.curves, limit.unit)
        ax.legend(handles=handles, loc="best")
        below = [line for text in (limit.caption, _method(limit))
                 for line in textwrap.wrap(plain(text), SMALLER)]  # fmt: skip
        ax.set_title(
            plain(textwrap.fill(limit.title, TITLE)), weight="bold", size=12.5,
            pad=10 + 14 * len(below),
        )  # fmt: skip
        ax.text(
            0.5, 1.02, "\n".join(below), size=10, color=GREY, ha="center", linespacing=1.3,
            transform=ax.transAxes,
        )  # fmt: skip
    return figure


def draw_region(
    ax: "Axes", curve: Curve, colour: str, label: str, *, line: str = "-", filled: bool = True
) -> "Artist":
    """Draw the region that a curve excludes; gives its entry for a legend.

    Needs logarithmic axes (`set_axes`). `line`: style of the edges.
    """
    from matplotlib.patches import Patch

    masses, couplings, inside = region(curve)
    if len(curve.masses) == 1:
        ax.plot(np.full(len(couplings), masses[0]), _where(inside[0], couplings), color=colour)
    elif np.any(inside > 0):
        if filled:
            shade = ax.contourf(masses, couplings, inside.T, [0, np.inf], colors=[colour])
            shade.set_alpha(ALPHA)
        if np.any(inside < 0):
            ax.contour(
                masses, couplings, inside.T, [0], colors=[colour], linestyles=[line],
                linewidths=[1.6],
            )  # fmt: skip
        for end in (0, -1):
            edge: Any = {"color": colour, "ls": "--", "lw": 1.2}
            ax.plot(masses, np.where(inside[:, end] > 0, couplings[end], np.nan), **edge)
            ax.plot(np.full(len(couplings), masses[end]), _where(inside[end], couplings), **edge)
    if filled:
        return Patch(facecolor=(colour, ALPHA), edgecolor=colour, ls=line, label=label)
    return Line2D([], [], color=colour, ls=line, label=label)


def _where(inside: Array, couplings: Array) -> Array:
    return np.where(inside > 0, couplings, np.nan)


def region(curve: Curve) -> tuple[Array, Array, Array]:
    """Fine masses (n,) [MeV], couplings (m,), and how far each pair (n, m) is inside.

    Distances are in ln(coupling) to the nearest edge, negative outside, linear in ln(mass) between
    the masses of the scan.
    """
    at = np.log(curve.masses)
    x = _refined(np.log(curve.couplings))
    depth = np.array(
        [_depth(curve, number, x) for number in range(len(at))]
    )  # (masses of the scan, m)
    fine = _refined(at)
    place = np.interp(fine, at, np.arange(len(at)))
    k = np.minimum(place.astype(int), max(len(at) - 2, 0))
    t = (place - k)[:, None]
    inside = (1 - t) * depth[k] + t * depth[np.minimum(k + 1, len(at) - 1)]
    return np.exp(fine), np.exp(x), inside


def _refined(values: Array) -> Array:
    steps = np.arange((len(values) - 1) * FINE + 1) / FINE
    return np.asarray(np.interp(steps, np.arange(len(values)), values))


def _depth(curve: Curve, number: int, x: Array) -> Array:
    """How far inside the ln(couplings) x (m,) are at one mass of the scan."""
    widest = x[-1] - x[0]
    found = curve.intervals[number]
    if found:
        depths = [
            np.minimum(
                x - (-np.inf if one.lower is None else np.log(one.lower.coupling)),
                (np.inf if one.upper is None else np.log(one.upper.coupling)) - x,
            )
            for one in found
        ]
        return np.asarray(np.clip(np.max(depths, axis=0), -widest, widest))
    ratios = curve.ratios[number]
    best = int(np.argmax(ratios))
    short = -np.log(max(float(ratios[best]), np.finfo(np.float64).tiny)) / GROWTH
    distance = short + np.abs(x - np.log(curve.couplings[best]))
    return np.asarray(-np.minimum(distance, widest))


def _draw_printed(ax: "Axes", limit: "Limit") -> list["Artist"]:
    """Printed numbers as marks, printed curves as lines with marks; gives entries for a legend.

    Numbers of one source share a look, each curve has its own.
    """
    groups: dict[tuple[str, str | None], list[Compared]] = {}
    for one in limit.compared:
        groups.setdefault((one.source, one.file), []).append(one)
    sources = [source for source, _ in groups]
    handles: list[Artist] = []
    for number, ((source, file), group) in enumerate(groups.items()):
        look = _look(number, file is not None)
        for one in group:
            ax.plot(one.masses, one.theirs, **look, markevery=None if file is None else 0.08)
        alone = sources.count(source) == 1
        name = source if alone or file is None else f"{source} ({file})"
        handles.append(Line2D([], [], **look, label=plain(textwrap.fill(name, LEGEND))))
    return handles


def _look(number: int, is_curve: bool) -> dict[str, Any]:
    """Colour, mark and line of a printed limit."""
    return {
        "color": PRINTED[number % len(PRINTED)],
        "marker": MARKS[number % len(MARKS)],
        "ms": 7,
        "mfc": "white",
        "ls": LINES[number % len(LINES)] if is_curve else "",
    }


def set_axes(ax: "Axes", model: str, curves: Sequence[Curve], unit: str) -> None:
    """Scale and label the axes for curves of one model; couplings in `unit`."""
    masses = np.concatenate([curve.masses for curve in curves])
    low, high = float(masses.min()), float(masses.max())
    if low == high:
        low, high = low / 2, high * 2
    ax.set(xscale="log" if high > 5 * low else "linear", yscale="log", xlim=(low, high))
    couplings = np.concatenate([curve.couplings for curve in curves])
    edges = np.array([edge.coupling for curve in curves for _, edge in curve.all_edges])
    open_ends = [
        curve.couplings[end]
        for curve in curves
        for found in curve.intervals
        for one in found
        for edge, end in ((one.lower, 0), (one.upper, -1))
        if edge is None
    ]
    shown = np.concatenate([edges, open_ends])
    if not shown.size:
        shown = couplings
    bottom = max(float(couplings.min()) / 1.5, float(shown.min()) / ROOM)
    top = min(float(couplings.max()) * 1.5, float(shown.max()) * ROOM)
    names = ", ".join(dict.fromkeys(symbol(curve.parameter) for curve in curves))
    of_unit = f" [{unit[2:]}$^{{-1}}$]" if unit.startswith("1/") else f" [{unit}]" * bool(unit)
    ax.set(ylim=(bottom, top), xlabel=f"mass ${mass_symbol(model)}$ [MeV]", ylabel=names + of_unit)


def mass_symbol(model: str) -> str:
    """Symbol of the mass of a model's particle, as in `m_{N}`; `m` if its name is no symbol."""
    from snmc.roles.registry import find_generator

    meaning = next(one.meaning for one in find_generator(model).parameters if one.name == "mass")
    particle = meaning.removeprefix("mass of ")
    if re.fullmatch(r"[A-Za-z][a-z']?", particle):
        return f"m_{{{particle}}}"
    with suppress(KeyError):
        unicodedata.lookup(f"GREEK SMALL LETTER {particle}")
        return rf"m_{{\{particle}}}"
    return "m"


def symbol(parameter: str) -> str:
    """Write a coupling as a formula, such as U2_mu, g_emu or d; else as its words."""
    found = re.fullmatch(r"([A-Za-z])(2?)(?:_((?:e|mu|tau)+))?", parameter)
    if not found:
        return plain(parameter.replace("_", " "))
    letter, squared, flavours = found.groups()
    index = re.sub("mu|tau", lambda greek: rf"\{greek[0]} ", flavours or "").strip()
    text = f"{letter}_{{{index}}}" if index else letter
    return f"$|{text}|^2$" if squared else f"${text}$"


def label_of(curve: Curve) -> str:
    """What a curve is called in a legend."""
    parts = [symbol(curve.parameter)]
    parts += [f"{key.rpartition('.')[2]} {value}" for key, value in curve.choice.items()]
    return ", ".join([parts[0], *map(plain, parts[1:])])


def _method(limit: "Limit") -> str:
    if limit.setting.method == "energy":
        ((name, value),) = limit.curves[0].told.items()
        unit = "erg" if name == "energy_erg" else "erg/s at 1 s"
        return f"energy loss above {value:.3g} {unit}".replace("e+", "e")
    return f"{limit.setting.method}; {limit.threshold}"
