"""Spectra told by groups of energy, as sums of narrow pinched spectra.

Every spectrum of an emission is pinched; one of any shape is a sum of many narrow ones, one for
each cell of a fine grid of energies, wide enough to overlap smoothly.
"""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from snmc.burst.emission import BurstEmission

Array = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.intp]

# Cells of the fine grid [MeV, share of the energy]: narrow beside what a spectrum changes over.
_CELL, _SHARE = 0.5, 1 / 40
_FAINT = 1e-12  # share of all neutrinos below which a cell is left out
_SLOPES = np.sinh(np.linspace(-9, 9, 20001))  # of an exponential across its group
with np.errstate(over="ignore", invalid="ignore"):
    _MEANS = np.where(
        np.abs(_SLOPES) < 1e-3,
        0.5 + _SLOPES / 12,
        -1 / np.expm1(-np.where(_SLOPES == 0, 1, _SLOPES)) - 1 / np.where(_SLOPES == 0, 1, _SLOPES),
    )


def fine_edges(edges: Array) -> Array:
    """Edges [MeV] of cells that divide the groups between `edges` finely."""
    parts = []
    for low, high in pairwise(edges.tolist()):
        width = max(_CELL, _SHARE * (low + high) / 2)
        parts.append(np.linspace(low, high, max(1, round((high - low) / width)) + 1)[:-1])
    return np.append(np.concatenate(parts), edges[-1])


def divided(edges: Array, numbers: Array, means: Array, fine: Array) -> Array:
    """Numbers in the cells between `fine` edges, from those in groups between `edges` [MeV].

    `numbers`, `means` [MeV] of each group, (..., groups); result (..., cells). Within a group the
    spectrum is the exponential that has its number and mean energy.
    """
    group = np.searchsorted(edges, (fine[1:] + fine[:-1]) / 2) - 1
    low, width = edges[group], np.diff(edges)[group]
    at = (means - edges[:-1]) / np.diff(edges)
    slope = np.interp(at, _MEANS, _SLOPES)[..., group]
    slope = np.where(np.abs(slope) < 1e-6, 1e-6, slope)
    start, stop = (fine[:-1] - low) / width, (fine[1:] - low) / width
    # (e^(c x2) - e^(c x1))/(e^c - 1), without overflow for either sign of c
    top = np.maximum(slope, 0.0)
    share = (np.exp(slope * stop - top) - np.exp(slope * start - top)) / (
        np.exp(slope - top) - np.exp(-top)
    )
    return np.asarray(numbers[..., group] * share)


def emission_of(
    time: Array, edges: Array, rates: Array, species: Numbers, which: Numbers, content: str,
    at_earth: bool = False,
) -> BurstEmission:  # fmt: skip
    """Emission of rates [1/s] in cells between `edges` [MeV], (spectra, cells, n) at `time` (n,).

    Emission k is of `species[k]` with the cells of `which[k]`. A cell becomes a pinched spectrum
    about its middle, whose standard deviation is half its width: neighbours then sum up to a level
    density within 1.4 %, and a spectrum is smeared by no more than it changes over a cell.
    """
    middle, width = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    # at least a pinching of 0, for a cell that begins at 0: mean = width / 2 = standard deviation
    pinching = np.maximum((2 * middle / width) ** 2 - 1, 0.0)
    amount = np.abs(rates).max(axis=2)
    kept = amount > _FAINT * amount.sum(axis=1, keepdims=True)
    spectrum, cell = np.nonzero(kept)
    pairs = [(s, row) for s, w in zip(species, which, strict=True)
             for row in np.flatnonzero(spectrum == w)]  # fmt: skip
    of, rows = np.array(pairs, dtype=np.intp).T
    level = np.ones(len(time))
    return BurstEmission(
        time, rates[spectrum, cell], np.outer(middle[cell], level), np.outer(pinching[cell], level),
        of, rows, content, at_earth,
    )  # fmt: skip
