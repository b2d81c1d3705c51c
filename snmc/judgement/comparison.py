"""Our limits beside printed ones."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snmc.ground.errors import InputError
from snmc.ground.files import read_bytes
from snmc.judgement.curves import Curve, edge_at, span
from snmc.judgement.intervals import Array
from snmc.run.scan_card import Comparison

HEADER = ["mass_MeV", "lower", "upper"]
CURVE = "curve"  # a further column, where there are several


@dataclass(frozen=True)
class Compared:
    """Our edge of one curve beside printed ones, at masses (n,) [MeV].

    `ours`: interpolated between the masses of the grid, NaN where we have no edge; `theirs`;
    `file`: name of the table they are from, None for a printed number.
    """

    curve: str
    edge: str
    masses: Array
    ours: Array
    theirs: Array
    source: str
    reason: str
    file: str | None = None

    @property
    def ratios(self) -> Array:
        """Ours over theirs (n,), NaN where one is missing."""
        return self.ours / self.theirs


def compare(curves: Sequence[Curve], comparisons: Sequence[Comparison]) -> tuple[Compared, ...]:
    """Set the curves beside each printed number and each printed curve of their coupling.

    Raises InputError for a file that is no table of a limit, or of none of the curves.
    """
    found = []
    for comparison in comparisons:
        ours = [one for one in curves if comparison.parameter in (None, one.parameter)]
        path = comparison.curve
        printed = _tables(path, ours) if path is not None else [_number(comparison)] * len(ours)
        found += [
            Compared(
                curve=curve.name,
                edge=edge,
                masses=masses,
                ours=edge_at(curve, edge, masses),
                theirs=theirs,
                source=comparison.source,
                reason=comparison.reason,
                file=None if path is None else path.stem,
            )
            for curve, edges in zip(ours, printed, strict=True)
            for edge, masses, theirs in edges
        ]
    return tuple(found)


Printed = tuple[str, Array, Array]
"""Edge, masses [MeV] and couplings."""


def _number(comparison: Comparison) -> list[Printed]:
    assert comparison.mass is not None
    assert comparison.coupling is not None
    return [(comparison.edge, np.array([comparison.mass]), np.array([comparison.coupling]))]


def _tables(path: Path, curves: Sequence[Curve]) -> list[list[Printed]]:
    """What a file gives for each of our curves: the one that it names so, or its only one."""
    tables = read_curves(path)
    printed = [
        next((tables[name] for name in ("", one.name, one.parameter) if name in tables), None)
        for one in curves
    ]
    if curves and not any(printed):
        raise InputError(
            f"{path}: found the curves {', '.join(tables)}; needs one called "
            + " or ".join(dict.fromkeys(one.name or one.parameter for one in curves))
        )
    return [
        [
            (side, masses[~np.isnan(edges)], edges[~np.isnan(edges)])
            for side, edges in (("lower", lower), ("upper", upper))
            if not np.all(np.isnan(edges))
        ]
        for masses, lower, upper in (table or ([], np.array([]), np.array([])) for table in printed)
    ]


def read_curves(path: Path) -> dict[str, tuple[Array, Array, Array]]:
    """Read masses [MeV], lower and upper edges (n,) from a table as `snmc limit` writes it.

    By the name in the column `curve`, "" where there is no such column. An empty cell, NaN here,
    is an edge that is not known; lines that begin with # are left out. Raises InputError, which
    names the line.
    """
    try:
        text = read_bytes(path, "the table").decode("utf-8-sig")
        rows = list(enumerate(csv.reader(text.splitlines()), 1))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as a table: {error}") from error
    rows = [(number, row) for number, row in rows if any(row) and not row[0].startswith("#")]
    header = [cell.strip() for cell in rows[0][1]] if rows else []
    if header[:3] != HEADER:
        raise InputError(
            f"{path}: found the header {','.join(header)!r}; needs {','.join(HEADER)!r}"
        )
    named = header[3:4] == [CURVE]
    values: dict[str, list[list[float]]] = {}
    for number, row in rows[1:]:
        name = row[3].strip() if named and len(row) > 3 else ""
        values.setdefault(name, []).append(_cells(path, number, row))
    if not values:
        raise InputError(f"{path}: found no line below the header")
    result = {}
    for name, lines in values.items():
        masses, lower, upper = np.array(lines).T
        result[name] = masses, lower, upper
    return result


def _cells(path: Path, number: int, row: Sequence[str]) -> list[float]:
    try:
        mass, *edges = (float(cell) if cell.strip() else math.nan for cell in row[:3])
    except ValueError:
        mass, edges = math.nan, []
    given = [edge for edge in edges if not math.isnan(edge)]
    if len(edges) != 2 or not all(0 < value < math.inf for value in (mass, *given)):
        raise InputError(
            f"{path}: line {number}: found {','.join(row)!r}; needs a mass [MeV] and two "
            "couplings, all above zero, of which the couplings may be empty"
        )
    return [mass, *edges]


def lines_of(compared: Sequence[Compared]) -> list[str]:
    """Lines on each comparison for a reader."""
    lines = ["  comparison with printed limits: ours, theirs, ours over theirs"]
    for one in compared:
        name = f"{one.curve}: " if one.curve else ""
        known = np.isfinite(one.ratios)
        where = f"{span(one.masses.tolist())} MeV"
        if len(one.masses) == 1:
            ours = f"{one.ours[0]:.3g}" if known[0] else "no edge"
            ratio = f", ratio {one.ratios[0]:.3g}" if known[0] else ""
            numbers = f"{ours}, {one.theirs[0]:.3g}{ratio}"
        elif known.any():
            ratios = one.ratios[known]
            numbers = (
                f"at {known.sum()} of {len(known)} masses, ratio {np.median(ratios):.3g} "
                f"({ratios.min():.3g} to {ratios.max():.3g})"
            )
        else:
            numbers = "no edge of ours there"
        source = one.source if one.file is None else f"{one.source}, {one.file}"
        lines.append(f"    {name}{one.edge} at {where}: {numbers} ({source}; {one.reason})")
    return lines
