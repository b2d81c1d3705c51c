"""Gauss-Legendre rules on the unit interval."""

from functools import cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@cache
def unit_rule(order: int) -> tuple[Array, Array]:
    """Nodes and weights of the Gauss-Legendre rule of `order` points on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(order)
    return (nodes + 1) / 2, weights / 2
