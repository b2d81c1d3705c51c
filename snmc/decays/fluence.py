"""Analytic fluences by quadrature, independent of the event sampler.

A daughter of rest-frame energy E* has the lab energy x E*/M with x = E + p cos(theta*), between
E - p and E + p: whether it is seen depends on the parent's energy and x alone. Three laws of what
is seen:
- exact: eqs. 3 and 5 of Brdar et al. (arXiv:2302.10965) solved for L1, for each x and with the time
  that is left of the window after the parent's emission;
- "akita-36": eq. 36 of Akita et al. (arXiv:2312.13627) with eq. 26: the window for each x, no
  emission time, no angle at Earth, and no decay before the escape radius, in the product
  exp(-Gamma r/(gamma beta)) (1 - exp(-gamma (1 + beta cos(theta*)) t/tau)) as printed;
- "brdar-6": eq. 6 of Brdar et al. as printed: every daughter gets the window of one sent straight
  forward, L1 <= beta Dt/(1 - beta), without emission time. It counts too many late ones.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from snmc.decays.modes import DecayMode
from snmc.decays.sampler import Flight
from snmc.decays.spectra import component_spectrum
from snmc.ground.compiled import compiled
from snmc.ground.quadrature import unit_rule
from snmc.ground.units import C_LIGHT, HBAR
from snmc.production.emission import Emission

Array = npt.NDArray[np.float64]
Daughter = Literal["photon", "neutrino"]
PaperLaw = Literal["akita-36", "brdar-6"]

M2_IN_CM2 = 1e4
PAPERS = {"akita-36": "Akita et al. eq. 36", "brdar-6": "Brdar et al. eq. 6"}
_LAWS = {"exact": 0, "akita-36": 1, "brdar-6": 2}
_PANELS = 120  # of x, four an octave, below E + p: less than 1e-9 of the decays lie below
_PANEL = 2**0.25


@compiled
def _excess(path: float, slope: float, sine: float, distance: float, target: float) -> float:
    """Delay times c less the window times c [m] of a decay at L1: eq. 5 with the angle of eq. 3."""
    s = path * sine / distance
    return float(slope * path - distance * s * s / (1 + np.sqrt((1 - s) * (1 + s))) - target)


@compiled
def _path_limits(
    E: float, p: float, M: float, x: float, window: float, distance: float, max_sine: float
) -> tuple[float, float, float]:
    """Decay distances [m] whose daughter comes in time: below L1, and from L2 to the end.

    The delay Dt = L1/beta + L2 - D, L2 = D cos(theta) - L1 cos(alpha) (eq. 5), is concave in L1: it
    passes the window once, by Newton's method from the left, or falls below it again, by
    bisection. 1 - beta cos(alpha) = M^2/(E x) by eq. 3. The end is Earth or the angle.
    """
    beta = p / E
    slope = M * M / (E * x) / beta
    # 1 - cos(alpha) of eq. 3; x = E + p is straight forward
    one_minus = M * M / (x * p) * max(0.0, 1 - x / (E + p))
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
def _seen(
    law: int, E: float, p: float, M: float, x: float, rate_at_rest: float, radius: float,
    window: float, distance: float, max_sine: float,
) -> float:  # fmt: skip
    """Probability that the daughter sent to x = E + p cos(theta*) is seen, by one of the laws."""
    length = p / M * C_LIGHT / rate_at_rest
    if law == 1:  # eq. 36: gamma (1 + beta cos(theta*)) = x/M
        return float(-np.exp(-radius / length) * np.expm1(-x / M * window * rate_at_rest))
    if law == 2:  # eq. 6: 1 - beta = M^2/(E (E + p))
        longest = p * (E + p) / (M * M) * C_LIGHT * window
        return _decays_between(radius, min(longest, distance), length)
    near, far, end = _path_limits(E, p, M, x, window, distance, max_sine)
    return _decays_between(radius, near, length) + _decays_between(max(radius, far), end, length)


@compiled
def _number_below(energy: float, highest: float, below: Array) -> float:
    """Daughters below a rest-frame energy: `below`, linear on equal steps from 0 to `highest`."""
    position = energy / highest * (len(below) - 1)
    if position >= len(below) - 1:
        return float(below[-1])
    low = int(position)
    return float(below[low] + (position - low) * (below[low + 1] - below[low]))


@compiled
def _add_fluence(
    result: Array, edges: Array, line_energy: Array, line_number: Array, line_tilt: Array,
    highest_rest: float, below: Array, energies: Array, density: Array, polarisation: Array,
    times: Array, time_weights: Array, law: int, M: float, rate_at_rest: float, radius: float,
    window: float, distance: float, max_sine: float, nodes: Array, weights: Array,
) -> None:  # fmt: skip
    """Add up the fluence of each bin times 4 pi D^2.

    `density`: (times, energies) of parents; `polarisation` at `energies`; `line_...` and `below`
    (on equal steps up to `highest_rest` [MeV]) as in `snmc.decays.spectra`.
    """
    parents = np.empty(len(times))
    for j in range(len(energies) - 1):
        width = energies[j + 1] - energies[j]
        for node, weight in zip(nodes, weights):
            E = energies[j] + node * width
            if E <= M:
                continue
            p = np.sqrt((E - M) * (E + M))
            tilt = polarisation[j] * (1 - node) + polarisation[j + 1] * node
            for i in range(len(times)):
                at = density[i, j] * (1 - node) + density[i, j + 1] * node
                parents[i] = at * time_weights[i] * weight * width
            lowest, highest = M * M / (E + p), E + p
            for k in range(len(line_energy)):
                for b in range(len(edges) - 1):
                    bottom = max(lowest, edges[b] * M / line_energy[k])
                    top = min(highest, edges[b + 1] * M / line_energy[k])
                    if top <= bottom:
                        continue
                    for node_x, weight_x in zip(nodes, weights):
                        x = bottom + node_x * (top - bottom)
                        box = line_number[k] * (top - bottom) / (2 * p) * weight_x
                        box *= 1 + line_tilt[k] * tilt * (x - E) / p
                        for i in range(len(times)):
                            result[b] += box * parents[i] * _seen(
                                law, E, p, M, x, rate_at_rest, radius, window - times[i],
                                distance, max_sine,
                            )  # fmt: skip
            if below[-1] <= 0.0:
                continue
            top = highest
            for _ in range(_PANELS):
                bottom = max(lowest, top / _PANEL)
                if bottom >= top:
                    break
                for node_x, weight_x in zip(nodes, weights):
                    x = bottom + node_x * (top - bottom)
                    seen = 0.0
                    for i in range(len(times)):
                        seen += parents[i] * _seen(
                            law, E, p, M, x, rate_at_rest, radius, window - times[i], distance,
                            max_sine,
                        )  # fmt: skip
                    seen *= weight_x * (top - bottom) / (2 * p)
                    last = _number_below(edges[0] * M / x, highest_rest, below)
                    for b in range(len(edges) - 1):
                        here = _number_below(edges[b + 1] * M / x, highest_rest, below)
                        result[b] += seen * (here - last)
                        last = here
                top = bottom


def _fluence(
    law: str,
    emission: Emission,
    modes: tuple[DecayMode, ...],
    mass: float,
    flight: Flight,
    daughter: Daughter,
    edges: Array,
    polarisation: Array | None,
    secondaries: bool,
) -> Array:
    nodes, weights = (np.array(part) for part in unit_rule(4))
    result = np.zeros(len(edges) - 1)
    if law == "exact":
        start, stop = emission.grid.time_edges[:-1], emission.grid.time_edges[1:]
        stop = np.clip(flight.window, start, stop)  # cells after the window do not count
        share = (stop - start) / np.diff(emission.grid.time_edges)
        instants, parts = unit_rule(2)  # the window's edge moves little within a cell
        times = (start[:, None] + (stop - start)[:, None] * instants).ravel()
        time_weights = (share[:, None] * parts).ravel()
        kept = time_weights > 0
    else:
        times, time_weights, kept = np.zeros(1), np.ones(1), np.ones(1, bool)
    photon = daughter == "photon"
    radius = flight.photosphere if photon else flight.neutrinosphere
    for number, component in enumerate(emission.components):
        spectrum = component_spectrum(modes, component, mass, photon, secondaries)
        width = sum(mode.width for mode in modes if mode.component == component)
        cells = emission.density[number].sum(axis=1)
        if law == "exact":
            density = np.repeat(cells, 2, axis=0)[kept]
        else:
            density = cells.sum(axis=0, keepdims=True)
        degree = np.zeros_like(emission.energies) if polarisation is None else polarisation[number]
        lines = spectrum.lines
        _add_fluence(
            result, edges, np.array([line.energy for line in lines]),
            np.array([line.number for line in lines]), np.array([line.asymmetry for line in lines]),
            float(spectrum.energies[-1]), spectrum.below, emission.energies, density, degree,
            times[kept], time_weights[kept], _LAWS[law], mass, width / HBAR, radius, flight.window,
            flight.distance, flight.max_sine(), nodes, weights,
        )  # fmt: skip
    return result / (4 * np.pi * flight.distance**2 * M2_IN_CM2)


def exact_fluence(
    emission: Emission,
    modes: tuple[DecayMode, ...],
    mass: float,
    flight: Flight,
    daughter: Daughter,
    edges: Array,
    polarisation: Array | None = None,
    secondaries: bool = False,
) -> Array:
    """Expected fluence [1/cm2] of photons, or of all neutrinos, by energy, with the exact window.

    `emission`: parents; `modes`: decay modes; `mass` [MeV]; `flight`: distances and observation;
    `edges` [MeV]: (n + 1,); `polarisation`: (components, energies) or None; `secondaries` as in
    `DecaySampler`. Result: (n,). The integrals over parent energy and direction use 4-point Gauss
    rules, that over emission time 2 points, on the cells of the table; good to 1e-4 where bins are
    not wider than the spectrum's structure.
    """
    return _fluence(
        "exact", emission, modes, mass, flight, daughter, edges, polarisation, secondaries
    )


def paper_fluence(
    emission: Emission,
    modes: tuple[DecayMode, ...],
    mass: float,
    flight: Flight,
    daughter: Daughter,
    edges: Array,
    law: PaperLaw,
    secondaries: bool = False,
) -> Array:
    """Expected fluence [1/cm2] in each bin as a paper writes it, without polarisation.

    `law`: "akita-36", of which its eqs. 39, 50 and 56 are special cases, or "brdar-6", see above.
    Other arguments and result as for `exact_fluence`.
    """
    return _fluence(law, emission, modes, mass, flight, daughter, edges, None, secondaries)
