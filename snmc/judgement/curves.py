"""Curves of a limit: which couplings are excluded at each mass of a scan."""

import itertools
import json
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from snmc.ground.errors import PhysicsWarning
from snmc.judgement.criteria import Criterion, criterion, judged, setting_of
from snmc.judgement.grid import Grid
from snmc.judgement.intervals import Array, Blocks, Edge, Interval, between, excluded_intervals
from snmc.run.scan_card import ScanCard, ScanPoint

INSIDE = 1 + 1e-6  # factor on the signal at an edge that makes it one of the excluded ones


@dataclass(frozen=True)
class Covered:
    """How often a signal just above the lower edge (`mass` [MeV], `coupling`) is not excluded.

    `share` of the simulated observations, `error`: its statistical standard error.
    """

    mass: float
    coupling: float
    share: float
    error: float


@dataclass(frozen=True)
class Curve:
    """What is excluded for one coupling and one choice of the further axes of a scan.

    `name`: empty if there is only one curve; `choice`: value of each axis; `masses` (n,) [MeV];
    `couplings` (m,) of the grid; `ratios` (n, m): test over threshold at the grid's nodes;
    `intervals`: of each mass; `bound` (n, m): where the core is opaque up to its edge, so that the
    signal is an upper bound; `told`: what was compared with; `covered`: at the median lower edge.
    """

    name: str
    parameter: str
    choice: Mapping[str, Any]
    masses: Array
    couplings: Array
    ratios: Array
    intervals: tuple[tuple[Interval, ...], ...]
    bound: npt.NDArray[np.bool_]
    told: Mapping[str, Any]
    covered: Covered | None

    def edges(self, side: str) -> Array:
        """Outermost edge (n,) at each mass, `side` "lower" or "upper"; NaN where there is none."""
        return np.array([_coupling(_outermost(found, side)) for found in self.intervals])

    @property
    def all_edges(self) -> list[tuple[float, Edge]]:
        """Every edge with its mass [MeV]."""
        return [
            (float(mass), edge)
            for mass, found in zip(self.masses, self.intervals, strict=True)
            for interval in found
            for edge in (interval.lower, interval.upper)
            if edge is not None
        ]

    @property
    def bounded_edges(self) -> list[float]:
        """Masses [MeV], one for each edge where the signal is an upper bound."""
        places = {float(mass): row for mass, row in zip(self.masses, self.bound, strict=True)}
        return [
            mass
            for mass, edge in self.all_edges
            if np.interp(edge.coupling, self.couplings, places[mass]) > 0
        ]


def _outermost(intervals: Sequence[Interval], side: str) -> Edge | None:
    if not intervals:
        return None
    return intervals[0].lower if side == "lower" else intervals[-1].upper


def _coupling(edge: Edge | None) -> float:
    return math.nan if edge is None else edge.coupling


def find_curves(grid: Grid, card: ScanCard, toys: int | None = None) -> tuple[Curve, ...]:
    """Excluded intervals of every curve of a complete grid, by the card's `[limit]`.

    A curve for each scanned coupling and each choice of the further axes. `toys`: simulated
    observations from which to tell the coverage of each, if it is of counts. Warns where the
    exclusion goes on beyond the couplings of the grid. Raises InputError for a grid of one
    coupling, and where data are missing.
    """
    setting = setting_of(card)
    judges = {}  # the data know nothing of the coupling that runs
    for choice in itertools.product(*(range(len(axis.values)) for axis in card.axes)):
        first = [_points(card, name, card.parameters[0], choice)[0] for name in judged(card)]
        edges = [grid.of(p.detector, p.parameter, p.choice)[0].edges for p in first]
        judges[choice] = criterion(setting, first, edges)
    return tuple(
        _curve(grid, card, judge, parameter, choice, toys)
        for parameter in card.parameters
        for choice, judge in judges.items()
    )


def _curve(
    grid: Grid,
    card: ScanCard,
    judge: Criterion,
    parameter: str,
    choice: tuple[int, ...],
    toys: int | None,
) -> Curve:
    columns = [grid.of(detector, parameter, choice) for detector in judged(card)]
    selected = [judge.select(series) for series in zip(*columns, strict=True)]
    couplings = np.asarray(grid.couplings)
    stacked = [np.concatenate(blocks) for blocks in zip(*(signal for signal, _ in selected))]
    ratios = judge.ratio(stacked).reshape(len(grid.masses), len(couplings))
    values = {axis.key: axis.values[k] for axis, k in zip(card.axes, choice, strict=True)}
    intervals = tuple(
        excluded_intervals(couplings, signal, variance, judge.ratio, at_mass)
        for (signal, variance), at_mass in zip(selected, ratios, strict=True)
    )
    curve = Curve(
        name=curve_name(card, parameter, values),
        parameter=parameter,
        choice=values,
        masses=np.asarray(grid.masses),
        couplings=couplings,
        ratios=ratios,
        intervals=intervals,
        bound=np.any([[series.bound for series in column] for column in columns], axis=0),
        told=judge.told,
        covered=None,
    )
    if toys is not None:
        signals = [signal for signal, _ in selected]
        # a stream of its own for every curve
        stream = np.random.default_rng([card.seed, card.parameters.index(parameter), *choice])
        curve = replace(curve, covered=_covered(curve, judge, signals, toys, stream))
    _warn_of_open_ends(curve, card.unit)
    return curve


def _covered(
    curve: Curve,
    judge: Criterion,
    signals: Sequence[Blocks],
    toys: int,
    stream: np.random.Generator,
) -> Covered | None:
    """Coverage at the median of the lower edges; None without such edges, or without counts."""
    edges = curve.edges("lower")
    known = np.flatnonzero(~np.isnan(edges))
    if judge.coverage is None or not known.size:
        return None
    number = known[np.argsort(edges[known], kind="stable")[(known.size - 1) // 2]]
    at = edges[[number]]
    # At the edge itself the counts observed decide by their rounding; beyond it they exclude.
    signal = [INSIDE * between(curve.couplings, block, at) for block in signals[number]]
    share, error = judge.coverage(signal, toys, stream)
    return Covered(float(curve.masses[number]), float(at[0]), share, error)


def _points(
    card: ScanCard, detector: str, parameter: str, choice: tuple[int, ...]
) -> list[ScanPoint]:
    """Points of a curve in one detector, along the masses."""
    wanted = (detector, parameter, choice)
    return [one for one in card.points if (one.detector, one.parameter, one.choice) == wanted]


def curve_name(card: ScanCard, parameter: str, values: Mapping[str, Any]) -> str:
    """What the curve of a coupling and of the values on the axes is called; empty if alone."""
    parts = [parameter] if len(card.parameters) > 1 else []
    parts += [
        f"{key} = {value if isinstance(value, str) else json.dumps(value)}"
        for key, value in values.items()
    ]
    return "; ".join(parts)


def _warn_of_open_ends(curve: Curve, unit: str) -> None:
    for side, end, name in (("lower", 0, "smallest"), ("upper", -1, "largest")):
        masses = [
            mass
            for mass, found in zip(curve.masses, curve.intervals, strict=True)
            if found and _outermost(found, side) is None
        ]
        if masses:
            where = f" of {curve.name}" if curve.name else ""
            warnings.warn(
                f"the exclusion{where} reaches the {name} coupling of the scan, "
                f"{curve.couplings[end]:g} {_over(unit)}".rstrip()
                + f", at {span(masses)} MeV: no {side} edge there; widen scan.coupling to find it",
                PhysicsWarning,
                stacklevel=2,
            )


def _over(unit: str) -> str:
    return f"/ {unit[2:]}" if unit.startswith("1/") else unit


def edge_at(curve: Curve, side: str, masses: Array) -> Array:
    """Edge of a curve at `masses` (n,) [MeV], ln(coupling) linear in ln(mass) between the grid's.

    NaN beyond the grid, and between masses of which one has no such edge.
    """
    at, edges = np.log(curve.masses), np.log(curve.edges(side))
    x = np.log(masses)
    if len(at) == 1:
        return np.where(np.isclose(x, at[0], rtol=0, atol=1e-9), np.exp(edges[0]), np.nan)
    k = np.clip(np.searchsorted(at, x, side="right") - 1, 0, len(at) - 2)
    t = (x - at[k]) / (at[k + 1] - at[k])
    result = np.exp((1 - t) * edges[k] + t * edges[k + 1])
    # at a mass of the grid its neighbour needs no edge
    result = np.where(t == 0, np.exp(edges[k]), np.where(t == 1, np.exp(edges[k + 1]), result))
    return np.where((t >= 0) & (t <= 1), result, np.nan)


def span(values: Sequence[float]) -> str:
    """Smallest and largest of some numbers in words."""
    low, high = min(values), max(values)
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
