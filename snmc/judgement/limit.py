"""Limits of a card: the curves of its scan, what they compare with, and the files they go to."""

import csv
import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from snmc import __version__
from snmc.ground.errors import InputError
from snmc.ground.files import check_output, locked, read_bytes, replacing
from snmc.judgement.caption import caption
from snmc.judgement.comparison import CURVE, HEADER, Compared, compare, lines_of, read_curves
from snmc.judgement.criteria import check_data, judged, setting_of
from snmc.judgement.curves import Curve, curve_name, find_curves, span
from snmc.judgement.grid import Grid
from snmc.judgement.intervals import Array, Edge, Interval
from snmc.run.scan_card import LimitSetting, ScanCard
from snmc.run.scheduler import check_scheduler

PICTURES = (".png", ".pdf", ".svg")
UNITS = {"_MeV": "MeV", "_erg": "erg", "_erg_per_s": "erg/s"}  # by the end of a key
TOLD = 60  # masses in a summary


@dataclass(frozen=True)
class Limit:
    """The curves of one card and how they compare.

    `caption`: model, core, distance, detectors and windows in one line; `scan`: all that decided
    the grid; `table`: the file that all edges are in, if they are written.
    """

    title: str
    model: str
    detectors: tuple[str, ...]
    unit: str
    setting: LimitSetting
    curves: tuple[Curve, ...]
    compared: tuple[Compared, ...]
    scan: Mapping[str, Any]
    caption: str = ""
    table: Path | None = None

    @property
    def threshold(self) -> str:
        """The threshold in words."""
        setting = self.setting
        if setting.method == "energy":
            return ""
        level = setting.confidence_level
        if level is None:
            return f"delta = {setting.delta:g}"
        if setting.statistic == "poisson":
            return f"{100 * level:g} % CL"
        return f"{100 * level:g} % CL, delta = {setting.delta:.4g}"

    def rows(self) -> list[list[str]]:
        """Lines of the CSV file; a further column names the curve if there are several."""
        several = len(self.curves) > 1
        rows = [[*HEADER, CURVE] if several else HEADER]
        for curve in self.curves:
            for mass, found in zip(curve.masses, curve.intervals, strict=True):
                for interval in found or (None,):
                    row = [f"{mass:.8g}", *_cells_of(interval, curve.couplings)]
                    rows.append([*row, curve.name] if several else row)
        return rows

    def record(self) -> dict[str, Any]:
        """Everything found, ready for JSON: method, data, edges with errors, comparison."""
        return {
            "title": self.title,
            "caption": self.caption,
            "snmc": __version__,
            "method": self.setting.method,
            "statistic": self.setting.statistic,
            "confidence_level": self.setting.confidence_level,
            "delta": self.setting.delta,
            "unit": self.unit,
            "curves": [_curve_record(curve) for curve in self.curves],
            "comparison": [_compared_record(one) for one in self.compared],
            "scan": self.scan,
        }

    def text(self) -> str:
        """Method, data, edges, largest Monte Carlo error, comparison; of many masses some."""
        head = f"method {self.setting.method}"
        if self.threshold:
            head += f", {self.setting.statistic}, {self.threshold}"
        lines = [self.title, f"  {self.caption}"] if self.caption else [self.title]
        lines.append(f"  {head}")
        for curve in self.curves:
            lines += _curve_lines(curve, self.unit, self.table)
        if self.compared:
            lines += lines_of(self.compared)
        return "\n".join(lines)


def _cells_of(interval: Interval | None, couplings: Array) -> list[str]:
    """Lower and upper edge as cells; empty where there is none.

    An interval open at both ends would look like no exclusion at all: it gets the ends of the
    grid, between which everything is excluded.
    """
    if interval is None:
        return ["", ""]
    if interval.lower is None and interval.upper is None:
        return [f"{couplings[0]:.6g}", f"{couplings[-1]:.6g}"]
    return [
        "" if edge is None else f"{edge.coupling:.6g}" for edge in (interval.lower, interval.upper)
    ]


def _curve_record(curve: Curve) -> dict[str, Any]:
    return {
        "name": curve.name,
        "parameter": curve.parameter,
        "axes": dict(curve.choice),
        "compared_with": dict(curve.told),
        "couplings_scanned": [float(curve.couplings[0]), float(curve.couplings[-1])],
        "upper_bounds_at_MeV": curve.bounded_edges,
        "coverage": None if curve.covered is None else asdict(curve.covered),
        "excluded": [
            {
                "mass_MeV": float(mass),
                "lower": _edge_record(interval.lower),
                "upper": _edge_record(interval.upper),
            }
            for mass, found in zip(curve.masses, curve.intervals, strict=True)
            for interval in found
        ],
    }


def _edge_record(edge: Edge | None) -> dict[str, Any] | None:
    if edge is None:
        return None
    return asdict(edge) | {"error": _or_none(edge.error)}


def _compared_record(one: Compared) -> dict[str, Any]:
    return {
        "curve": one.curve,
        "edge": one.edge,
        "mass_MeV": one.masses.tolist(),
        "ours": [_or_none(value) for value in one.ours],
        "theirs": one.theirs.tolist(),
        "ratio": [_or_none(value) for value in one.ratios],
        "source": one.source,
        "reason": one.reason,
    }


def _or_none(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _curve_lines(curve: Curve, unit: str, table: Path | None) -> list[str]:
    lines = [f"  curve {curve.name}"] if curve.name else []
    for name, entry in curve.told.items():
        if isinstance(entry, Mapping):
            shown = ", ".join(_with_unit(key, value) for key, value in entry.items())
            lines.append(f"    {name.replace('_', ' ')}: {shown}")
        else:
            lines.append(f"    {_with_unit(name, entry)}")
    edges = curve.all_edges
    if not any(curve.intervals):
        return [*lines, "    excludes nothing inside the scan"]
    of_unit = f" [{unit}]" if unit else ""
    lines.append(f"    {'mass [MeV]':>12} {'lower' + of_unit:>20} {'upper' + of_unit:>20}")
    n = len(curve.masses)
    for k in np.unique(np.linspace(0, n - 1, min(n, TOLD)).round().astype(int)):
        for interval in curve.intervals[k] or (None,):
            cells = _told(interval)
            lines.append(f"    {curve.masses[k]:12.6g} {cells[0]:>20} {cells[1]:>20}")
    if n > TOLD:
        where = "" if table is None else f"; all are in {table.name}"
        lines.append(f"    {n - TOLD} of the {n} masses are not listed here{where}")
    if known := [(mass, edge) for mass, edge in edges if not edge.thin]:
        mass, worst = max(known, key=lambda pair: pair[1].error)
        lines.append(
            f"    largest Monte Carlo error of an edge: {100 * worst.error:.2g} % of the "
            f"coupling, at {mass:.4g} MeV and {worst.coupling:.3g}"
        )
    if curve.covered is not None:
        at = curve.covered
        lines.append(
            f"    coverage at the median lower edge, {at.coupling:.3g} at {at.mass:.4g} MeV: "
            f"{100 * at.share:.2f} +- {100 * at.error:.2f} % of simulated observations allow it"
        )
    thin = [mass for mass, edge in edges if edge.thin]
    if thin:
        lines.append(
            f"    {len(thin)} of {len(edges)} edges rest on fewer than 100 effective events, "
            f"at {span(thin)} MeV (thin): their errors are not known, raise scan.events"
        )
    if bounded := curve.bounded_edges:
        lines.append(
            f"    {len(bounded)} of {len(edges)} edges, at {span(bounded)} MeV, lie where the core "
            "is opaque up to its edge: the signal there, and so the edge, is an upper bound"
        )
    return lines


def _told(interval: Interval | None) -> list[str]:
    """Lower and upper edge for a reader."""
    if interval is None:
        return ["not excluded", ""]
    return [
        "beyond the scan"
        if edge is None
        else f"{edge.coupling:.2g} thin"
        if edge.thin
        else f"{edge.coupling:.4g} +- {100 * edge.error:.2g} %"
        for edge in (interval.lower, interval.upper)
    ]


def _with_unit(key: str, value: object) -> str:
    """A number with its name, and its unit, which the key has at its end."""
    end = next((end for end in UNITS if key.endswith(end)), "")
    name = key.removesuffix(end).replace("_", " ")
    return f"{name} {_shown(value)} {UNITS.get(end, '')}".rstrip()


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return " to ".join(_shown(item) for item in value)
    return str(value)


@dataclass(frozen=True)
class Output:
    """Files of one limit: NAME.png (or .pdf, .svg), NAME.csv, NAME.json, NAME.grid.root."""

    picture: Path
    table: Path
    record: Path
    grid: Path


def output_of(name: Path) -> Output:
    """Files of a limit called `name`, which may end as one of them does. Raises InputError."""
    suffix = name.suffix if name.suffix in PICTURES else ".png"
    stem = name.name
    for end in (*PICTURES, ".csv", ".json", ".root", ".grid"):
        stem = stem.removesuffix(end)
    folder = Path(name.absolute().parent)
    if not stem or not folder.is_dir():
        raise InputError(
            f"--output: found '{name}'; "
            + (f"there is no folder '{name.parent}'" if stem else "needs a name")
        )
    picture, table, record, grid = (
        folder / f"{stem}{end}" for end in (suffix, ".csv", ".json", ".grid.root")
    )
    return Output(picture, table, record, grid)


def run_limit(
    card: ScanCard,
    name: Path | None,
    *,
    workers: int | None,
    scheduler: str | None,
    resume: bool,
    overwrite: bool,
    quiet: bool,
    toys: int | None = None,
) -> Limit:
    """Scan the card, or take the grid that is there, and write its limits.

    `name`: what the files are called (`output_of`); default: as the card, with the card's grid
    file. `toys`: as of `find_curves`. Files of another scan are replaced only with `overwrite`,
    which keeps a grid of the same card; the other options are those of `run_scan`. Each file is
    written whole or not at all. Raises InputError, OutputError also where another process writes a
    limit of this name, or the grid.
    """
    from snmc.judgement.limit_plots import plot_limit
    from snmc.judgement.scan import fill_grid, is_begun, partial

    setting = setting_of(card)
    if toys is not None and not (setting.method == "counting" or setting.profile):
        found = "method = 'energy'" if setting.method == "energy" else "profile = false"
        raise InputError(f"--toys: found with limit.{found}, for which no coverage is known")
    output = output_of(Path(card.path.stem) if name is None else name)
    if name is not None:
        card = replace(card, output=output.grid)
    check_data(card)
    check_scheduler(scheduler)
    for path in (output.picture, output.table):
        check_output(path)
    with locked(output.record), locked(card.output):
        if not overwrite:
            _refuse_to_replace(output, card)
        elif is_begun(card, partial(card.output)):
            resume, overwrite = True, False
        elif is_begun(card, card.output):
            overwrite = False
        grid = fill_grid(
            card,
            workers=workers,
            scheduler=scheduler,
            resume=resume,
            overwrite=overwrite,
            quiet=quiet,
        )
        limit = find_limit(grid, card, toys)
        # the record first, for it says that the others are of this scan
        with replacing(output.record) as temporary:
            text = json.dumps(limit.record(), indent=2, allow_nan=False)
            temporary.write_text(f"{text}\n", encoding="utf-8")
        with (
            replacing(output.table) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            csv.writer(file, lineterminator="\n").writerows(limit.rows())
        plot_limit(limit, output.picture)
    return replace(limit, table=output.table)


def find_limit(grid: Grid, card: ScanCard, toys: int | None = None) -> Limit:
    """Limits of a complete grid by the card's `[limit]`.

    `toys`: as of `find_curves`. Raises InputError.
    """
    setting = setting_of(card)
    curves = find_curves(grid, card, toys)
    compared = compare(curves, setting.compare)
    return Limit(
        card.title, card.model, judged(card), card.unit, setting, curves, compared,
        card.resolved(), caption(grid.card, grid.identity.get("detectors", {}), judged(card)),
    )  # fmt: skip


def read_limit(card: ScanCard, path: Path) -> Limit:
    """The limit of a card from its table, as `run_limit` wrote it: edges without their errors.

    What was compared with is that of the card. Raises InputError for a table of other curves.
    """
    setting = setting_of(card)
    tables = read_curves(path)
    curves = []
    for parameter, values in itertools.product(
        card.parameters, itertools.product(*(axis.values for axis in card.axes))
    ):
        choice = dict(zip((axis.key for axis in card.axes), values, strict=True))
        name = curve_name(card, parameter, choice)
        if name not in tables:
            found = ", ".join(repr(one) for one in tables if one) or "a single curve"
            raise InputError(f"{path}: found {found}; needs the curve {name!r} of {card.path.name}")
        curves.append(_tabled(card, name, parameter, choice, tables[name]))
    compared = compare(curves, setting.compare)
    return Limit(
        card.title, card.model, judged(card), card.unit, setting, tuple(curves), compared,
        card.resolved(), table=path,
    )  # fmt: skip


def _tabled(
    card: ScanCard,
    name: str,
    parameter: str,
    choice: Mapping[str, Any],
    table: tuple[Array, Array, Array],
) -> Curve:
    """A curve from masses, lower and upper edges (rows,), NaN where there is none."""
    intervals: dict[float, tuple[Interval, ...]] = {}
    for mass, *ends in zip(*table, strict=True):
        lower, upper = (None if np.isnan(one) else Edge(one, math.nan, False) for one in ends)
        found = () if lower is upper is None else (Interval(lower, upper),)
        intervals[float(mass)] = intervals.get(float(mass), ()) + found
    shape = len(intervals), len(card.couplings)
    return Curve(
        name=name,
        parameter=parameter,
        choice=choice,
        masses=np.array(list(intervals)),
        couplings=np.array(card.couplings),
        ratios=np.zeros(shape),
        intervals=tuple(intervals.values()),
        bound=np.zeros(shape, bool),
        told={},
        covered=None,
    )


def _refuse_to_replace(output: Output, card: ScanCard) -> None:
    """Raise InputError if a file is there that is not of this scan, as the record tells.

    A record that is no JSON, such as version 0.3 left on a full disk, counts as absent.
    """
    there = [path for path in (output.picture, output.table) if path.exists()]
    ours = None
    if output.record.exists():
        try:
            record = json.loads(read_bytes(output.record, "the record of a limit"))
        except ValueError:
            pass
        else:
            there.append(output.record)
            ours = record.get("scan") if isinstance(record, dict) else None
    if there and ours != json.loads(json.dumps(card.resolved())):
        raise InputError(
            f"{there[0]}: found a file that is not of this scan; use --overwrite to replace it, "
            "or another name with -o"
        )
