"""Tables for sampling final states: inverse cumulative distributions on a grid of energies.

Between two energies of the grid quantiles are interpolated, not densities: a distribution whose
ends move with the energy then keeps its shape and never leaks out of the kinematic range.
"""

import numpy as np
import numpy.typing as npt

from snmc.ground.compiled import compiled

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int32]


@compiled
def locate(x: float, first: float, step: float, size: int) -> tuple[int, float]:
    """Cell of an even grid and the place in it; outside, the end cell (place beyond 0..1)."""
    y = (x - first) / step
    cell = min(max(int(np.floor(y)), 0), size - 2)
    return cell, y - cell


@compiled
def mix(low: float, high: float, place: float) -> float:
    """Linear interpolation between `low` (place 0) and `high` (place 1)."""
    return low + (high - low) * place


@compiled
def invert(x: Floats, density: Floats, quantiles: Floats) -> None:
    """Fill `quantiles` with the x below which the shares sin^2(k pi/2(n-1)) of `density` lie.

    The shares crowd at both ends, so that interpolation keeps thin tails thin.
    `x`: increasing nodes; `density`: its values there, not negative, linear in between. Without
    any density the quantiles spread evenly over the nodes.
    """
    nodes = x.size
    share = np.zeros(nodes)
    for i in range(1, nodes):
        share[i] = share[i - 1] + (density[i] + density[i - 1]) * (x[i] - x[i - 1]) / 2
    if share[-1] <= 0:
        for i in range(nodes):
            share[i] = x[i] - x[0]
    cell, last = 0, quantiles.size - 1
    # the ends of the support, not those of the nodes
    low, high = 0, nodes - 1
    while share[low + 1] == 0:
        low += 1
    while share[high - 1] == share[-1]:
        high -= 1
    quantiles[0], quantiles[last] = x[low], x[high]
    for k in range(1, last):
        wanted = share[-1] * np.sin(np.pi / 2 * k / last) ** 2
        while share[cell + 1] < wanted:
            cell += 1
        left, right = density[cell], density[cell + 1]
        width = x[cell + 1] - x[cell]
        rest = (wanted - share[cell]) / width
        # the root of left p + (right - left) p^2/2 = rest, in a form without cancellation
        root = np.sqrt(max(left * left + 2 * (right - left) * rest, 0.0))
        place = 2 * rest / (left + root) if left + root > 0 else 0.5
        quantiles[k] = x[cell] + min(place, 1.0) * width


@compiled
def level(share: float, size: int) -> tuple[int, float]:
    """Cell and place of `share` (0..1) among `size` quantiles, those that `invert` fills."""
    return locate(np.arcsin(np.sqrt(share)) * 2 / np.pi * (size - 1), 0.0, 1.0, size)


@compiled
def quantile(row: Floats, cell: int, place: float) -> float:
    """Value of the quantile at `cell` and `place`, as `level` gives them."""
    return mix(row[cell], row[cell + 1], place)
