"""Monotone piecewise cubic interpolation (PCHIP), which makes no new maxima or minima.

Slopes: Fritsch and Butland, SIAM J. Sci. Stat. Comput. 5 (1984) 300, with the three-point end
condition of Moler, Numerical Computing with MATLAB (2004), section 3.6. Written here, not taken
from scipy, because between snapshots every point has its own four neighbours in time, and because
loading a core then needs no import of scipy.
"""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def inner_slope(h0: Array, h1: Array, d0: Array, d1: Array) -> Array:
    """Slope at a node between two intervals: weighted harmonic mean of their secants.

    `h0`, `h1`: lengths of the interval before and after; `d0`, `d1`: the secants there. All
    broadcast. Zero where the secants differ in sign (a turning point).
    """
    same = d0 * d1 > 0
    w0, w1 = 2 * h1 + h0, h1 + 2 * h0
    mean = (w0 + w1) / (w0 / np.where(same, d0, 1.0) + w1 / np.where(same, d1, 1.0))
    return np.where(same, mean, 0.0)


def end_slope(h0: Array, h1: Array, d0: Array, d1: Array) -> Array:
    """Slope at an end of the table: parabola through three nodes, limited to stay monotone.

    `h0`, `d0`: length and secant of the interval at the end; `h1`, `d1`: of the next one inward.
    """
    slope = ((2 * h0 + h1) * d0 - h0 * d1) / (h0 + h1)
    slope = np.where((d0 * d1 < 0) & (np.abs(slope) > 3 * np.abs(d0)), 3 * d0, slope)
    return np.where(slope * d0 > 0, slope, 0.0)


def node_slopes(x: Array, y: Array) -> Array:
    """Slopes of a table at its nodes.

    `x`: (n,), ascending, n >= 2; `y`: (n, q). Returns (n, q), in units of y over x.
    """
    h = np.diff(x)[:, None]
    d = np.diff(y, axis=0) / h
    if len(x) == 2:
        return np.repeat(d, 2, axis=0)
    first = end_slope(h[0], h[1], d[0], d[1])[None]
    last = end_slope(h[-1], h[-2], d[-1], d[-2])[None]
    return np.concatenate([first, inner_slope(h[:-1], h[1:], d[:-1], d[1:]), last])


def cubic(u: Array, h: Array, y0: Array, y1: Array, s0: Array, s1: Array) -> Array:
    """Cubic Hermite polynomial on one interval.

    `u`: place in the interval, 0 to 1; `h`: its length; `y0`, `y1`: values and `s0`, `s1`: slopes
    at its ends. All broadcast.
    """
    v = 1 - u
    return v * v * ((1 + 2 * u) * y0 + h * u * s0) + u * u * ((1 + 2 * v) * y1 - h * v * s1)


def interpolate(x: Array, y: Array, slopes: Array, at: Array) -> Array:
    """Value of a table with slopes: `x` (n,), `y` and `slopes` (n, q), `at` (p,) -> (p, q).

    `at` must lie inside the table; the caller checks.
    """
    i = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    h = x[i + 1] - x[i]
    u = (at - x[i]) / h
    return cubic(u[:, None], h[:, None], y[i], y[i + 1], slopes[i], slopes[i + 1])
