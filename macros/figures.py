"""Regions of several limit cards in one figure, as the papers draw them.

Shared by brdar_fig1.py and akita_fig2.py to akita_fig5.py. Each takes a folder: grids that are
there (limit-NAME.grid.root, as macros/limits.py leaves them) are used; else tables
(limit-NAME.csv, as in docs/limits); others are scanned and kept there.
"""

import argparse
import functools
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snmc.ground.errors import InputError, PhysicsError
from snmc.judgement.canvas import BLUE, GREEN, GREY, Figure, Line2D, save, styled
from snmc.judgement.limit import Limit, find_limit, read_limit
from snmc.judgement.limit_plots import draw_region, set_axes
from snmc.judgement.scan import run_scan
from snmc.run.scan_card import load_scan

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

MACROS = Path(__file__).parent
FindLimit = Callable[[str], Limit]
Extra = Callable[["Axes"], "Artist"]


@dataclass(frozen=True)
class Region:
    """What one card excludes: `card` is its name in `macros/`, without limit- and .toml.

    `parameter`: the coupling, where the card scans several; `line`: style of its edges.
    """

    card: str
    label: str
    colour: str
    line: str = "-"
    filled: bool = True
    parameter: str | None = None


@dataclass(frozen=True)
class Panel:
    """Regions drawn together; `extra` draws more and gives its entry for the legend."""

    title: str
    regions: tuple[Region, ...]
    extra: Extra | None = None


def akita_panel(title: str, card: str, parameter: str | None = None) -> Panel:
    """The three supernova limits of a model in the figures of Akita et al."""
    hyper = Region(
        f"{card}-hyper-kamiokande", "Hyper-Kamiokande, 10 kpc", BLUE, "--", False, parameter
    )
    return Panel(
        title,
        (
            Region(card, "SN 1987A, Kamiokande-II and IMB", BLUE, parameter=parameter),
            hyper,
            Region(f"{card}-cooling", "SN 1987A, energy loss", GREEN, ":", parameter=parameter),
        ),
    )


def run(name: str, description: str, panels: Sequence[Panel]) -> None:
    """Read the command line, draw the figure `name`; errors of the user are one line."""
    arguments = argparse.ArgumentParser(prog=f"{name}.py", description=description)
    arguments.add_argument("grids", type=Path, help="folder of the grids or tables, limit-NAME.*")
    arguments.add_argument("-o", "--output", type=Path, default=Path(f"{name}.png"))
    arguments.add_argument(
        "--set", action="append", default=[], dest="settings", metavar="KEY=VALUE",
        help="change a value of every card, such as scan.events=10000",
    )  # fmt: skip
    arguments.add_argument("--workers", type=int, help="threads or processes")
    arguments.add_argument("--scheduler", help='address of a Dask scheduler, or "local"')
    arguments.add_argument("--only", action="append", help="draw this card alone; may be repeated")
    given = arguments.parse_args()
    warnings.showwarning = _show_warning
    try:
        given.grids.mkdir(parents=True, exist_ok=True)
        limits = functools.cache(functools.partial(_limit, given))
        figure = draw(panels, limits, given.only)
        save(figure, given.output, dpi=120)
    except (InputError, PhysicsError, OSError) as error:
        raise SystemExit(f"{name}: error: {error}") from None
    print(f"picture: {given.output}")


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    print(f"warning: {message}", file=sys.stderr)


def _limit(given: argparse.Namespace, card: str) -> Limit:
    """Limit of a card from its grid or table in the folder; else scanned, or gone on with."""
    scan = load_scan(MACROS / f"limit-{card}.toml", given.settings)
    scan = replace(scan, output=given.grids.absolute() / f"limit-{card}.grid.root")
    table = given.grids / f"limit-{card}.csv"
    if table.exists() and not (scan.output.exists() or given.settings):
        print(f"{table}: drawn as it is")
        return read_limit(scan, table)
    grid = run_scan(
        scan,
        workers=given.workers or scan.workers,
        scheduler=given.scheduler,
        resume=True,
        overwrite=False,
        quiet=False,
    )
    limit = find_limit(grid, scan)
    print(limit.text(), end="\n\n")
    return limit


def draw(panels: Sequence[Panel], limits: FindLimit, only: Sequence[str] | None = None) -> Figure:
    """Draw panels side by side; `limits` finds the limit of a card, `only`: of these cards."""
    with styled():
        figure = Figure(figsize=(1.5 + 6 * len(panels), 7), layout="constrained")
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for ax, panel in zip(axes, panels, strict=True):
            _draw_panel(ax, panel, limits, only)
        return figure


def _draw_panel(ax: "Axes", panel: Panel, limits: FindLimit, only: Sequence[str] | None) -> None:
    handles: list[Artist] = []
    curves = []
    printed: Any = {"marker": "v", "ls": "", "ms": 8}
    stated = False
    for region in panel.regions:
        if only and region.card not in only:
            continue
        limit = limits(region.card)
        for curve in limit.curves:
            if region.parameter not in (None, curve.parameter):
                continue
            curves.append(curve)
            handles.append(
                draw_region(
                    ax, curve, region.colour, region.label, line=region.line, filled=region.filled
                )
            )
            for one in limit.compared:
                if one.curve == curve.name and len(one.masses) == 1:
                    face = region.colour if region.filled else "white"
                    ax.plot(one.masses, one.theirs, mfc=face, mec=region.colour, **printed)
                    stated = True
        model, unit = limit.model, limit.unit
    if not curves:
        raise InputError(f"--only: found {', '.join(only or [])}; no such card in the figure")
    set_axes(ax, model, curves, unit)
    if stated:
        handles.append(Line2D([], [], color=GREY, label="stated in the paper", **printed))
    if panel.extra is not None:
        handles.append(panel.extra(ax))
    ax.set_title(panel.title)
    ax.legend(handles=handles, fontsize=9, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.1))
