"""Pictures of the grid of a scan: maps of the expected counts by mass and coupling."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from snmc.judgement.grid import Grid, load_grid
from snmc.judgement.plots import MAP, STYLE
from snmc.judgement.scan import MATTERS
from snmc.run.scan_card import ENERGY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DECADES = 12.0  # most that a map shows below its maximum
LINES = (1e-2, 1e0, 1e2, 1e4)  # counts along which lines run


def plot_grid(path: Path, picture: Path) -> None:
    """Draw a map of the counts for each detector, coupling and choice of a grid's file.

    Hatched: cells whose sample is too thin to be trusted. Raises InputError for a file that is no
    grid.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    grid = load_grid(path)
    maps = sorted({(p.detector, p.parameter, p.choice) for p in grid.points},
                  key=lambda key: (grid.detectors.index(key[0]), key[1:]))  # fmt: skip
    columns = min(3, len(maps))
    rows = -(-len(maps) // columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.2 * columns, 4.2 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax, (detector, parameter, choice) in zip(axes, maps, strict=False):
            _draw(ax, grid, detector, parameter, choice)
        for ax in axes[len(maps) :]:
            ax.set_visible(False)
        figure.suptitle(str(grid.card["title"]))
        figure.savefig(picture, dpi=100)


def _draw(ax: "Axes", grid: Grid, detector: str, parameter: str, choice: tuple[int, ...]) -> None:
    done = [
        p for p in grid.points
        if (p.detector, p.parameter, p.choice) == (detector, parameter, choice)
        and p.number in grid.series
    ]  # fmt: skip
    values = [
        f"{key.split('.')[-1]} {of[i]}" for (key, of), i in zip(grid.axes, choice, strict=True)
    ]
    ax.set_title(", ".join([Path(detector).stem, *values]), fontsize="medium")
    unit = f" [{grid.unit}]" if grid.unit else ""
    ax.set(xlabel="mass [MeV]", ylabel=f"{parameter}{unit}", yscale="log")
    masses, couplings = np.array([p.mass for p in done]), np.array(grid.couplings)
    if len(masses) > 1 and masses[-1] / masses[0] > 10:
        ax.set_xscale("log")
    if not done:
        return
    counts = np.array([grid.series[p.number].counts for p in done]).T
    thin = np.array([grid.series[p.number].thin for p in done]).T
    if detector != ENERGY:
        thin &= counts > MATTERS
    with np.errstate(divide="ignore"):
        log = np.ma.masked_invalid(np.log10(counts))
    if log.count() == 0:
        return
    top = float(log.max())
    mesh = ax.pcolormesh(
        _edges(masses), _edges(couplings), log, cmap=MAP, rasterized=True,
        vmin=max(float(log.min()), top - DECADES), vmax=top,
    )  # fmt: skip
    what = "energy that leaves [erg]" if detector == ENERGY else "expected counts"
    ax.figure.colorbar(mesh, ax=ax, label=f"log$_{{10}}$ {what}")
    if min(counts.shape) > 1:
        levels = [level for level in LINES if counts.min() < level < counts.max()]
        if levels and detector != ENERGY:
            lines = ax.contour(
                masses, couplings, log.filled(top - 40), np.log10(levels), colors="white",
                linewidths=0.8, linestyles="-",
            )  # fmt: skip
            ax.clabel(lines, fmt=lambda level: f"{10**level:g}", fontsize="small")
        if thin.any():
            ax.contourf(
                masses, couplings, thin.astype(float), [0.5, 1.5], colors="none", hatches=["///"]
            )


def _edges(centres: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Edges of cells, halfway in the logarithm between neighbours."""
    if len(centres) == 1:
        return np.asarray(centres[0] * np.array([0.9, 1.1]))
    logs = np.log(centres)
    middle = (logs[1:] + logs[:-1]) / 2
    return np.asarray(
        np.exp(np.concatenate([[2 * logs[0] - middle[0]], middle, [2 * logs[-1] - middle[-1]]]))
    )
