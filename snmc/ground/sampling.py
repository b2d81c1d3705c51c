"""Sampling of tabulated distributions: cells by a guide table, points inside a cell."""

import numpy as np
import numpy.typing as npt

from snmc.ground.compiled import compiled

Array = npt.NDArray[np.float64]


def guide_table(weights: Array) -> tuple[Array, npt.NDArray[np.int32]]:
    """Cumulative distribution and guide of `weights` (n,), not negative, for `pick_cell`.

    Result: cdf (n + 1,) from 0 to 1, and guide (n,): the first cell at or above each n-th part
    of the unit interval (Chen and Asau, AIIE Trans. 6 (1974) 163). Exact for any weights. If all
    weights are zero the table is too, and there is nothing to pick.
    """
    cdf = np.concatenate([[0.0], np.cumsum(weights, dtype=np.float64)])
    cdf /= cdf[-1] if cdf[-1] > 0 else 1.0
    starts = np.arange(len(weights)) / len(weights)
    guide = np.searchsorted(cdf, starts, side="right") - 1
    return cdf, np.minimum(guide, len(weights) - 1).astype(np.int32)


def rounded(values: Array) -> Array:
    """The values to six digits.

    For what decides how events are drawn, not what they add up to: it is then the same on machines
    whose sums and logarithms differ in their last digits, and so are the events.
    """
    return np.array([float(f"{value:.6g}") for value in values.ravel()]).reshape(values.shape)


@compiled
def pick_cell(cdf: Array, guide: npt.NDArray[np.int32], u: float) -> int:
    """Number of the cell with cdf[i] <= u < cdf[i + 1], for u in [0, 1)."""
    i = guide[int(u * len(guide))]
    while cdf[i + 1] <= u:
        i += 1
    return int(i)


@compiled
def linear_point(a: float, b: float, u: float) -> float:
    """Point in [0, 1] of a density that runs linearly from `a` to `b`, for uniform `u`."""
    root = a + np.sqrt(a * a + u * (b * b - a * a))
    return float(u * (a + b) / root) if root > 0.0 else u


@compiled
def tilted_point(asymmetry: float, u: float) -> float:
    """Point y = 1 + cos(theta) in [0, 2] of the density (1 + A cos(theta))/2, for uniform `u`."""
    base = 1.0 - asymmetry
    root = base + np.sqrt(base * base + 4 * asymmetry * u)
    return float(4 * u / root) if root > 0.0 else 0.0
