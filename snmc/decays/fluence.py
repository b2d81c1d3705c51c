"""Analytic fluences by quadrature, independent of the event sampler.

Two forms. The exact one limits the decay distance daughter by daughter: eq. 5 of Brdar et al.
(arXiv:2302.10965) with the angle of eq. 3 is solved for L1 at each daughter energy, with the time
that is left of the window after the parent's emission. The forward one is eq. 6 as printed: every
daughter gets the window of one sent straight forward, L1 <= beta Dt/(1 - beta), and the emission is
instantaneous. It counts too many late daughters of low energy.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from snmc.decays.modes import DecayMode
from snmc.decays.sampler import Flight
from snmc.ground.compiled import compiled
from snmc.ground.quadrature import unit_rule
from snmc.ground.units import C_LIGHT, HBAR
from snmc.production.emission import Emission

Array = npt.NDArray[np.float64]
Daughter = Literal["photon", "neutrino"]

M2_IN_CM2 = 1e4


@compiled
def _excess(path: float, slope: float, sine: float, distance: float, target: float) -> float:
    """Delay times c less the window times c [m] of a decay at L1: eq. 5 with the angle of eq. 3."""
    s = path * sine / distance
    return float(slope * path - distance * s * s / (1 + np.sqrt((1 - s) * (1 + s))) - target)


@compiled
def _path_limits(
    E: float, p: float, M: float, E_d: float, window: float, distance: float, max_sine: float
) -> tuple[float, float, float]:
    """Decay distances [m] whose daughter of energy E_d comes in time: below L1, and L2 to the end.

    The delay Dt = L1/beta + L2 - D, L2 = D cos(theta) - L1 cos(alpha) (eq. 5), is concave in L1: it
    passes the window once, by Newton's method from the left, or falls below it again, by
    bisection. 1 - beta cos(alpha) = M^2/(2 E_N E_d) by eq. 3. The end is Earth or the angle.
    """
    beta = p / E
    slope = M * M / (2 * E * E_d) / beta
    # 1 - cos(alpha) of eq. 3, with (E_N + p_N)/2 the largest daughter energy
    one_minus = M * M / (2 * E_d * p) * max(0.0, 1 - 2 * E_d / (E + p))
    sine = np.sqrt(one_minus * (2 - one_minus))
    end = distance
    if sine > 0.0:
        end = min(end, distance * max_sine / sine)
    target = window * C_LIGHT
    path = target / slope
    for _ in range(200):
        if path >= end:
            return end, end, end
        s = path * sine / distance
        steepness = slope - sine * s / np.sqrt((1 - s) * (1 + s))
        if steepness <= 0.0:
            return end, end, end
        step = -_excess(path, slope, sine, distance, target) / steepness
        path += step
        if step < 1e-13 * path:
            break
    if path >= end or _excess(end, slope, sine, distance, target) > 0:
        return min(path, end), end, end
    low, high = path * (1 + 1e-9), end
    for _ in range(60):
        middle = 0.5 * (low + high)
        if _excess(middle, slope, sine, distance, target) > 0:
            low = middle
        else:
            high = middle
    return path, high, end


@compiled
def _decays_between(start: float, stop: float, length: float) -> float:
    """Probability to decay between two distances [m], with decay length [m]."""
    if stop <= start:
        return 0.0
    return float(-np.exp(-start / length) * np.expm1((start - stop) / length))


@compiled
def _exact(
    result: Array, edges: Array, energies: Array, density: Array, times: Array,
    time_weights: Array, tilt: Array, M: float, rate_at_rest: float, radius: float,
    window: float, distance: float, max_sine: float, nodes: Array, weights: Array,
) -> None:  # fmt: skip
    """Add up the fluence of each bin times 4 pi D^2.

    `density`: (times, energies) per time cell; `tilt`: asymmetry of the daughter at `energies`.
    """
    for j in range(len(energies) - 1):
        width = energies[j + 1] - energies[j]
        for node, weight in zip(nodes, weights):
            E = energies[j] + node * width
            if E <= M:
                continue
            p = np.sqrt((E - M) * (E + M))
            low, high = M * M / (2 * (E + p)), (E + p) / 2
            length = p / M * C_LIGHT / rate_at_rest
            asymmetry = tilt[j] * (1 - node) + tilt[j + 1] * node
            for b in range(len(edges) - 1):
                bottom, top = max(low, edges[b]), min(high, edges[b + 1])
                if top <= bottom:
                    continue
                for node_d, weight_d in zip(nodes, weights):
                    E_d = bottom + node_d * (top - bottom)
                    box = (top - bottom) / p * (1 + asymmetry * (2 * E_d - E) / p)
                    for i in range(len(times)):
                        left = window - times[i]
                        if left <= 0.0:
                            continue
                        parents = density[i, j] * (1 - node) + density[i, j + 1] * node
                        near, far, end = _path_limits(E, p, M, E_d, left, distance, max_sine)
                        seen = _decays_between(radius, near, length)
                        seen += _decays_between(max(radius, far), end, length)
                        result[b] += (
                            weight * width * weight_d * box * time_weights[i] * parents * seen
                        )


def exact_fluence(
    emission: Emission,
    modes: tuple[DecayMode, ...],
    mass: float,
    flight: Flight,
    daughter: Daughter,
    edges: Array,
    polarisation: Array | None = None,
) -> Array:
    """Expected fluence [1/cm2] of one kind of daughter in each bin of its energy, exact window.

    `emission`: parents; `modes`: decay modes; `mass` [MeV]; `flight`: distances and observation;
    `edges` [MeV]: (n + 1,); `polarisation`: (components, energies) or None. Result: (n,). The
    integrals over parent energy and daughter energy use 4-point Gauss rules, that over emission
    time 2 points, on the cells of the table; good to 1e-4 where bins are not wider than the
    spectrum's structure.
    """
    nodes, weights = (np.array(part) for part in unit_rule(4))
    result = np.zeros(len(edges) - 1)
    start, stop = emission.grid.time_edges[:-1], emission.grid.time_edges[1:]
    stop = np.clip(flight.window, start, stop)  # cells after the window do not count
    share = (stop - start) / np.diff(emission.grid.time_edges)
    instants, parts = unit_rule(2)  # the window's edge moves little within a cell
    times = (start[:, None] + (stop - start)[:, None] * instants).ravel()
    time_weights = (share[:, None] * parts).ravel()
    for number, component in enumerate(emission.components):
        width, tilt = _width_and_tilt(modes, component, daughter)
        if polarisation is not None:
            slope = tilt * polarisation[number]
        else:
            slope = np.zeros_like(emission.energies)
        density = np.repeat(emission.density[number].sum(axis=1), len(parts), axis=0)
        _exact(
            result, edges, emission.energies, density, times, time_weights, slope, mass,
            width / HBAR, _escape_radius(flight, daughter), flight.window, flight.distance,
            flight.max_sine(), nodes, weights,
        )  # fmt: skip
    return result / (4 * np.pi * flight.distance**2 * M2_IN_CM2)


def forward_fluence(
    emission: Emission,
    modes: tuple[DecayMode, ...],
    mass: float,
    flight: Flight,
    daughter: Daughter,
    edges: Array,
) -> Array:
    """Expected fluence [1/cm2] in each bin by eq. 6 of Brdar et al. as printed.

    Arguments and result as for `exact_fluence`; box spectrum between E-+ = (E_N -+ p_N)/2, window
    of the forward daughter L1 <= beta Dt/(1 - beta), no emission time, no asymmetry, and no decay
    behind Earth.
    """
    energies, spectrum = emission.energies, emission.spectrum
    nodes, weights = unit_rule(4)
    E = (energies[:-1, None] + np.diff(energies)[:, None] * nodes).ravel()
    parents = (spectrum[:-1, None] * (1 - nodes) + spectrum[1:, None] * nodes).ravel()
    measure = (np.diff(energies)[:, None] * weights).ravel()
    p = np.sqrt((E - mass) * (E + mass))
    width, _ = _width_and_tilt(modes, emission.components[0], daughter)
    length = p / mass * C_LIGHT * HBAR / width
    one_minus_beta = mass**2 / (E * (E + p))
    longest = np.minimum(p / E * C_LIGHT * flight.window / one_minus_beta, flight.distance)
    radius = _escape_radius(flight, daughter)
    span = np.maximum(longest - radius, 0.0)  # none where the window ends inside the star
    seen = -np.exp(-radius / length) * np.expm1(-span / length)
    low, high = mass**2 / (2 * (E + p)), (E + p) / 2
    overlap = np.clip(
        np.minimum(high[:, None], edges[1:]) - np.maximum(low[:, None], edges[:-1]), 0, None
    )
    return np.asarray((measure * parents * seen / p) @ overlap) / (
        4 * np.pi * flight.distance**2 * M2_IN_CM2
    )


def _escape_radius(flight: Flight, daughter: Daughter) -> float:
    return flight.photosphere if daughter == "photon" else flight.neutrinosphere


def _width_and_tilt(
    modes: tuple[DecayMode, ...], component: str, daughter: Daughter
) -> tuple[float, float]:
    """Total width [MeV] of a component, and the mean asymmetry with which it sends the daughter."""
    own = [mode for mode in modes if mode.component == component]
    width = sum(mode.width for mode in own)
    tilt = sum(
        mode.width
        * mode.asymmetry
        * (1 if (mode.daughters[0] == 22) == (daughter == "photon") else -1)
        for mode in own
    )
    return width, tilt / width
