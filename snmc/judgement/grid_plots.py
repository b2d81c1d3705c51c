"""Pictures of the grid of a scan: maps of the expected counts by mass and coupling."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from snmc.judgement.canvas import MAP, Figure, plain, save, styled
from snmc.judgement.caption import caption
from snmc.judgement.grid import Grid, label, load_grid
from snmc.judgement.scan import doubtful
from snmc.run.scan_card import ENERGY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DECADES = 12.0  # of energy, most that a map shows below its maximum
FEWEST = -2.0  # decadic logarithm of the counts below which a map tells no more
FEW_DECADES = 300.0  # ratio of masses below which powers of ten are too few labels
LETTERS = 50  # of the title, in the width of one map


def plot_grid(path: Path, picture: Path) -> None:
    """Draw a map of the counts for each detector, coupling and choice of a grid's file.

    White: nothing arrives, or not measured yet. Line: one count. Hatched: the sample is too thin to
    be trusted. Raises InputError for a file that is no grid.
    """
    grid = load_grid(path)
    maps = sorted({(p.detector, p.parameter, p.choice) for p in grid.points},
                  key=lambda key: (grid.detectors.index(key[0]), key[1:]))  # fmt: skip
    columns = min(3, len(maps))
    rows = -(-len(maps) // columns)
    with styled():
        figure = Figure(figsize=(5.2 * columns, 4.2 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax, (detector, parameter, choice) in zip(axes, maps, strict=False):
            _draw(ax, grid, detector, parameter, choice)
        for ax in axes[len(maps) :]:
            ax.set_visible(False)
        below = caption(grid.card, grid.identity.get("detectors", {}), grid.detectors)
        lines = [*textwrap.wrap(str(grid.card["title"]), LETTERS * columns),
                 *textwrap.wrap(below, LETTERS * columns)]  # fmt: skip
        figure.suptitle(plain("\n".join(lines)))
        save(figure, picture, dpi=150)


def _draw(ax: "Axes", grid: Grid, detector: str, parameter: str, choice: tuple[int, ...]) -> None:
    from matplotlib.collections import PolyCollection
    from matplotlib.ticker import LogLocator, NullFormatter

    values = [
        f"{key.split('.')[-1]} {of[i]}" for (key, of), i in zip(grid.axes, choice, strict=True)
    ]
    title = ", ".join([label(detector), *values])
    ax.set_title(plain(textwrap.shorten(title, LETTERS, placeholder=" ...")), fontsize="medium")
    unit = f" [{grid.unit}]" if grid.unit else ""
    ax.set(xlabel="mass [MeV]", ylabel=plain(f"{parameter}{unit}"))
    masses, couplings = np.array(grid.masses), np.array(grid.couplings)
    even_log, even = _even_in_log(masses), _even_in_log(couplings)
    x, y = _edges(masses, even_log), _edges(couplings, even)
    ax.set(xscale="log" if even_log else "linear", yscale="log" if even else "linear")
    if even_log and x[-1] / x[0] < FEW_DECADES:
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    counts = np.full((len(couplings), len(masses)), np.nan)
    thin = np.zeros(counts.shape, bool)
    for point in grid.points:
        own = (point.detector, point.parameter, point.choice) == (detector, parameter, choice)
        if own and (series := grid.series.get(point.number)) is not None:
            place = grid.masses.index(point.mass)
            counts[:, place], thin[:, place] = series.counts, doubtful(detector, series)
    with np.errstate(divide="ignore"):
        log = np.ma.masked_invalid(np.log10(counts))
    if log.count() == 0:
        what = "not measured yet" if np.isnan(counts).any() else "nothing arrives"
        ax.text(0.5, 0.5, what, transform=ax.transAxes, ha="center")
        return
    top = float(log.max())
    least = max(float(log.min()), top - DECADES if detector == ENERGY else FEWEST)
    mesh = ax.pcolormesh(
        x, y, log, cmap=MAP, rasterized=True, vmin=min(least, top), vmax=top,
    )  # fmt: skip
    what = "energy that leaves [erg]" if detector == ENERGY else "expected counts"
    bar = ax.figure.colorbar(
        mesh, ax=ax, label=f"log$_{{10}}$ {what}", extend="min" if log.min() < least else "neither"
    )
    if detector != ENERGY and min(counts.shape) > 1 and np.nanmin(counts) < 1 < np.nanmax(counts):
        heights = np.where(counts > 0, log.filled(0.0), counts + FEWEST)  # NaN stays NaN
        bar.add_lines(ax.contour(masses, couplings, heights, [0.0], colors="white"))
    corners = [
        [(x[i], y[j]), (x[i + 1], y[j]), (x[i + 1], y[j + 1]), (x[i], y[j + 1])]
        for j, i in np.argwhere(thin)
    ]
    ax.add_collection(PolyCollection(corners, hatch="////", fc="none", ec="black", lw=0))


def _even_in_log(values: npt.NDArray[np.float64]) -> bool:
    """Whether the logarithms are as evenly spaced as the values, or more."""

    def unevenness(x: npt.NDArray[np.float64]) -> float:
        steps = np.diff(x)
        return float(np.ptp(steps) / np.mean(steps)) if len(steps) else 0.0

    return bool(values[0] > 0) and unevenness(np.log(values)) <= unevenness(values) + 1e-9


def _edges(centres: npt.NDArray[np.float64], logarithmic: bool) -> npt.NDArray[np.float64]:
    """Edges of cells, halfway between neighbours, in the logarithm if wanted."""
    if len(centres) == 1:
        return np.asarray(centres[0] * np.array([0.9, 1.1]))
    x = np.log(centres) if logarithmic else centres
    middle = (x[1:] + x[:-1]) / 2
    edges = np.concatenate([[2 * x[0] - middle[0]], middle, [2 * x[-1] - middle[-1]]])
    return np.asarray(np.exp(edges) if logarithmic else edges)
