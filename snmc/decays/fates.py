"""What becomes of the particles a core emits, seen from Earth: lost inside, late, far, or seen."""

import numpy as np
import numpy.typing as npt

from snmc.decays.modes import PHOTON, DecayMode
from snmc.decays.sampler import (
    DISTANCE,
    MAX_SINE,
    NEUTRINOSPHERE,
    PHOTOSPHERE,
    WINDOW,
    Flight,
    seen_probability,
)
from snmc.ground.compiled import compiled
from snmc.ground.kinematics import seen_times
from snmc.ground.quadrature import unit_rule
from snmc.ground.units import C_LIGHT, HBAR
from snmc.production.emission import Emission

Array = npt.NDArray[np.float64]

FATES = ("inside", "seen", "late", "wide", "undecayed")
"""Decays inside the sphere from which its daughter would not come out; decays that are seen, too
late, or from too wide an angle; and parents that have not decayed when they pass Earth."""
_DIRECTIONS = 24  # Gauss points of the cosine at rest: shares are good to a per cent or so


def fates(
    emission: Emission, modes: tuple[DecayMode, ...], mass: float, flight: Flight, pdg: int
) -> dict[str, float]:
    """Shares of the parents by `FATES`, for a massless daughter `pdg`; they add up to 1.

    With t1, t2 and the end of `seen_times` and the time of escape t0 = R/(beta c), a decay at t is
    inside for t < t0; seen for t0 < t < t1 and t2 < t < end; late between these; wide from the end
    to Earth, D/(beta c); all with the density (1/gamma tau) exp(-t/(gamma tau)). Directions at rest
    are isotropic, as without polarisation, whatever the mode. `emission`: parents that leave the
    core; `mass` [MeV]; `modes`: for their widths.
    """
    width = sum(mode.width for mode in modes if mode.component == modes[0].component)
    nodes, weights = unit_rule(_DIRECTIONS)
    edges = emission.grid.time_edges
    parents = emission.density.sum(axis=(0, 2))  # (times, energies)
    sphere = PHOTOSPHERE if pdg == PHOTON else NEUTRINOSPHERE
    numbers = _fates(
        parents, emission.energies, (edges[1:] + edges[:-1]) / 2, mass, width / HBAR,
        np.array(flight.geometry), sphere, 2 * np.array(nodes), np.array(weights),
    )  # fmt: skip
    total = float(numbers.sum())
    return {name: float(one) / total for name, one in zip(FATES, numbers, strict=True)}


@compiled
def _fates(
    parents: Array, energies: Array, times: Array, M: float, rate_at_rest: float, flight: Array,
    sphere: int, directions: Array, weights: Array,
) -> Array:  # fmt: skip
    """Numbers of parents by fate; `directions`: 1 + cos(theta*), their weights sum to 1."""
    result = np.zeros(5)
    for j in range(len(energies) - 1):
        E = 0.5 * (energies[j] + energies[j + 1])
        p = np.sqrt((E - M) * (E + M))
        rate = rate_at_rest * M / E
        speed = p / E * C_LIGHT
        first, earth = flight[sphere] / speed, flight[DISTANCE] / speed
        for i in range(len(times)):
            number = 0.5 * (parents[i, j] + parents[i, j + 1]) * (energies[j + 1] - energies[j])
            if number <= 0.0:
                continue
            result[0] += number * -np.expm1(-rate * first)
            result[4] += number * np.exp(-rate * max(first, earth))
            for y, weight in zip(directions, weights):
                left = flight[WINDOW] - times[i]
                t1, t2, end = seen_times(E, p, M, y, left, flight[DISTANCE], flight[MAX_SINE])
                if left <= 0.0:
                    t2 = end = earth
                stop, again = max(first, t1), max(first, t2)
                share = number * weight
                result[1] += share * (
                    seen_probability(rate, first, t1) + seen_probability(rate, again, end)
                )
                result[2] += share * seen_probability(rate, stop, min(again, end))
                result[3] += share * seen_probability(rate, max(first, end), earth)
    return result
