"""Our limits beside printed ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snmc.ground.errors import InputError
from snmc.ground.text_tables import read_table
from snmc.judgement.curves import Curve, edge_at, span
from snmc.judgement.intervals import Array
from snmc.run.scan_card import Comparison

HEADER = ["mass_MeV", "lower", "upper"]


@dataclass(frozen=True)
class Compared:
    """Our edge of one curve beside printed ones, at masses (n,) [MeV].

    `ours`: interpolated between the masses of the grid, NaN where we have no edge; `theirs`.
    """

    curve: str
    edge: str
    masses: Array
    ours: Array
    theirs: Array
    source: str
    reason: str

    @property
    def ratios(self) -> Array:
        """Ours over theirs (n,), NaN where one is missing."""
        return self.ours / self.theirs


def compare(curves: Sequence[Curve], comparisons: Sequence[Comparison]) -> tuple[Compared, ...]:
    """Set the curves beside each printed number and each printed curve of their coupling.

    Raises InputError for a file that is no table of a limit.
    """
    found = []
    for comparison in comparisons:
        for edge, masses, theirs in _printed(comparison):
            found += [
                Compared(
                    curve=curve.name,
                    edge=edge,
                    masses=masses,
                    ours=edge_at(curve, edge, masses),
                    theirs=theirs,
                    source=comparison.source,
                    reason=comparison.reason,
                )
                for curve in curves
                if comparison.parameter in (None, curve.parameter)
            ]
    return tuple(found)


def _printed(comparison: Comparison) -> list[tuple[str, Array, Array]]:
    """Edge, masses [MeV] and couplings that a comparison gives."""
    if comparison.curve is None:
        assert comparison.mass is not None
        assert comparison.coupling is not None
        return [(comparison.edge, np.array([comparison.mass]), np.array([comparison.coupling]))]
    masses, lower, upper = read_curve(comparison.curve)
    return [
        (side, masses[~np.isnan(edges)], edges[~np.isnan(edges)])
        for side, edges in (("lower", lower), ("upper", upper))
        if not np.all(np.isnan(edges))
    ]


def read_curve(path: Path) -> tuple[Array, Array, Array]:
    """Read masses [MeV], lower and upper edges (n,) from a table with the header of a limit's.

    An empty cell, NaN here, is an edge that is not known. Raises InputError, which names the line.
    """
    names = [name.lower() for name in HEADER]
    table = read_table(path, "the curve", names, columns=len(HEADER), gaps=True)
    if list(table.names) != names:
        raise InputError(
            f"{path}: found the header {','.join(table.names)!r}; needs {','.join(HEADER)!r}"
        )
    masses, lower, upper = table.values.T
    for column, values in enumerate(table.values.T):
        wrong = ~(values > 0) & (~np.isnan(values) | (column == 0))
        if np.any(wrong):
            row = int(np.argmax(wrong))
            raise InputError(
                f"{table.place(row, column)}: found {values[row]:g}; needs a mass [MeV] and two "
                "couplings, all above zero, of which the couplings may be empty"
            )
    return masses, lower, upper


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
        lines.append(f"    {name}{one.edge} at {where}: {numbers} ({one.source}; {one.reason})")
    return lines
