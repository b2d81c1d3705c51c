"""Our limits beside printed ones."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snmc.ground import text_tables
from snmc.ground.errors import InputError
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
    is an edge that is not known. Raises InputError, which names the line.
    """
    names = [name.lower() for name in HEADER]
    text = text_tables.read_text(path, "the curve")
    table = text_tables.table_of(path, text, names, columns=len(HEADER), gaps=True)
    if list(table.names) != names:
        raise InputError(
            f"{path}: found the header {','.join(table.names)!r}; needs {','.join(HEADER)!r}"
        )
    for column, values in enumerate(table.values.T):
        wrong = ~(values > 0) & (~np.isnan(values) | (column == 0))
        if np.any(wrong):
            row = int(np.argmax(wrong))
            raise InputError(
                f"{table.place(row, column)}: found {values[row]:g}; needs a mass [MeV] and two "
                "couplings, all above zero, of which the couplings may be empty"
            )
    curves = np.full(len(table.lines), "", dtype=object)
    if any(line.names == [*names, CURVE] for line in table.head):
        written = {line.number: line.text for line in text_tables.lines_of(text)}
        cells = [next(csv.reader([written[number]])) for number in table.lines]
        curves[:] = [row[len(names)].strip() if len(row) > len(names) else "" for row in cells]
    result = {}
    for name in dict.fromkeys(curves):
        masses, lower, upper = table.values[curves == name].T
        result[name] = masses, lower, upper
    return result


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
