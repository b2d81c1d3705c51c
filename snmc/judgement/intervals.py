"""Where a test excludes a coupling: intervals between edges found on the grid of a scan."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from snmc.ground.errors import PhysicsError
from snmc.judgement.series import THIN

Array = npt.NDArray[np.float64]
Blocks = Sequence[Array]
Ratio = Callable[[Blocks], Array]
"""A test of a signal, over what the signal must reach to be excluded: 1 and above is excluded.

Takes for each detector the expected signal (n, columns), gives (n,).
"""

STEP = 1e-3  # of a cell of the grid, for derivatives at an edge


@dataclass(frozen=True)
class Edge:
    """End of an excluded interval, in the unit of the coupling.

    `error`: relative standard error from the number of sampled events; `thin`: whether the signal
    strength that decides here is known to worse than 10 %, as from fewer than 100 events.
    """

    coupling: float
    error: float
    thin: bool


@dataclass(frozen=True)
class Interval:
    """Excluded couplings at one mass; None where the exclusion reaches the end of the grid."""

    lower: Edge | None
    upper: Edge | None


def overlap(edges: Array, low: float, high: float) -> Array:
    """Share (bins,) of each bin between `edges` (bins + 1,) that lies between `low` and `high`.

    All in one unit; contents are taken as spread evenly over their bin.
    """
    inside = np.minimum(edges[1:], high) - np.maximum(edges[:-1], low)
    return np.asarray(np.clip(inside / np.diff(edges), 0.0, 1.0))


def between(couplings: Array, values: Array, wanted: Array) -> Array:
    """Values (m, columns) at couplings `wanted` (m,) from those at `couplings` (n,), n >= 2.

    `values` (n, columns), zero or above: ln(value) is a monotone cubic of ln(coupling) between
    neighbours (Fritsch and Butland, SIAM J. Sci. Stat. Comput. 5 (1984) 300); where one of them is
    zero, the value itself is linear. A power of the coupling comes out exactly. `wanted` lies
    within `couplings`.
    """
    at, x = np.log(couplings), np.log(wanted)
    k = np.clip(np.searchsorted(at, x, side="right") - 1, 0, len(at) - 2)
    width = (at[k + 1] - at[k])[:, None]
    t = (x - at[k])[:, None] / width
    logs = np.log(values, out=np.full_like(values, np.nan), where=values > 0)
    slopes = _slopes(np.diff(logs, axis=0) / np.diff(at)[:, None])
    cubic = (
        (1 - t) ** 2 * ((1 + 2 * t) * logs[k] + t * width * slopes[k])
        + t**2 * ((3 - 2 * t) * logs[k + 1] + (t - 1) * width * slopes[k + 1])
    )  # fmt: skip
    a, b = values[k], values[k + 1]
    return np.asarray(np.where((a > 0) & (b > 0), np.exp(cubic), (1 - t) * a + t * b))


def _slopes(secants: Array) -> Array:
    """Slopes (n, columns) at nodes between `secants` (n - 1, columns): their harmonic mean.

    Zero where they change sign; the only one there is, where the other side has no value.
    """
    left = np.concatenate([secants[:1], secants])
    right = np.concatenate([secants, secants[-1:]])
    left, right = np.where(np.isnan(left), right, left), np.where(np.isnan(right), left, right)
    rising = left * right > 0
    return np.asarray(
        np.divide(2 * left * right, left + right, where=rising, out=np.zeros_like(left))
    )


def excluded_intervals(
    couplings: Array, signal: Blocks, variance: Blocks, ratio: Ratio, ratios: Array
) -> tuple[Interval, ...]:
    """Excluded intervals at one mass, rising in the coupling.

    `couplings` (n,), rising; `signal`: for each detector the expected signal (n, columns), and
    `variance` that of its Monte Carlo error; `ratio`: the test, and `ratios` (n,) what it gives at
    the couplings. Between them the signal is interpolated (`between`), so that an edge lies where
    the test is passed and not at a node; an interval narrower than a cell can be missed only where
    the sum of detectors has a maximum inside the cell. Raises PhysicsError for a test that gives
    no number.
    """
    if np.any(np.isnan(ratios)):
        raise PhysicsError(
            f"limit: the test gives no number at coupling {couplings[np.isnan(ratios)][0]:.6g}"
        )
    cells = _Cells(couplings, signal, variance, ratio)
    inside = np.concatenate([[False], ratios >= 1, [False]])
    starts = np.flatnonzero(inside[1:] & ~inside[:-1])
    stops = np.flatnonzero(inside[:-1] & ~inside[1:])  # the first node outside again
    return tuple(
        Interval(
            lower=None if start == 0 else cells.edge(int(start) - 1),
            upper=None if stop == len(couplings) else cells.edge(int(stop) - 1),
        )
        for start, stop in zip(starts, stops, strict=True)
    )


@dataclass(frozen=True)
class _Cells:
    """The signal at one mass between the couplings of the grid."""

    couplings: Array
    signal: Blocks
    variance: Blocks
    ratio: Ratio

    def edge(self, cell: int) -> Edge:
        """Edge in the cell above coupling number `cell`, whose ends lie on its two sides."""
        from scipy.optimize import brentq

        low, high = np.log(self.couplings[cell : cell + 2])
        x = float(brentq(lambda x: self._test(np.array([x]))[0] - 1, low, high, xtol=1e-12))
        step = STEP * (high - low)
        sides = np.clip([x - step, x + step], low, high)
        slope = float(np.diff(self._test(sides))[0] / np.diff(sides)[0])
        noise, strength = self._noise(x)
        return Edge(
            coupling=math.exp(x),
            error=noise / abs(slope) if slope else math.inf,
            thin=noise * math.sqrt(THIN) > abs(strength),
        )

    def _test(self, x: Array) -> Array:
        return np.asarray(self.ratio([self._at(values, x) for values in self.signal]))

    def _at(self, values: Array, x: Array) -> Array:
        # exp(ln g) may leave the grid by rounding
        wanted = np.clip(np.exp(x), self.couplings[0], self.couplings[-1])
        return between(self.couplings, values, wanted)

    def _noise(self, x: float) -> tuple[float, float]:
        """Standard error of the test at ln(coupling) x, and its derivative by ln(signal).

        The signal of each detector, drawn apart from the others, moves as a whole.
        """
        here = [self._at(values, np.array([x])) for values in self.signal]
        squared, derivatives = 0.0, 0.0
        for number, (signal, values) in enumerate(zip(here, self.variance, strict=True)):
            total = float(signal.sum())
            if total == 0:
                continue
            up, down = (
                [block * factor if k == number else block for k, block in enumerate(here)]
                for factor in (1 + STEP, 1 - STEP)
            )
            derivative = float((self.ratio(up) - self.ratio(down))[0]) / (2 * STEP)
            squared += derivative**2 * float(self._at(values, np.array([x])).sum()) / total**2
            derivatives += derivative
        return math.sqrt(squared), derivatives
