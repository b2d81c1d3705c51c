"""Inverse beta decay, anti-nu_e + p -> e+ + n, in full: Strumia & Vissani 2003 (SV).

A. Strumia, F. Vissani, Phys. Lett. B 564 (2003) 42, astro-ph/0302055: the exact tree amplitude
with form factors, the final-state kinematics without expansion, and the radiative correction of
Kurylov, Ramsey-Musolf & Vogel, Phys. Rev. C 67 (2003) 035502, as in SV eq. 14.

The vector form factor has M_V^2 = 0.71 GeV^2, as the paper prints it. The sample code its authors
gave out, and the programs that follow it, take M_V = 0.71 GeV (M_V^2 = 0.504 GeV^2): their cross
section agrees within 1e-4 below 50 MeV and is higher by 0.2 % at 100 MeV and 1 % at 200 MeV.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from snmc.ground.compiled import compiled
from snmc.ground.units import ALPHA, M_ELECTRON, M_NEUTRON, M_PROTON
from snmc.interactions.quasielastic import (
    CM2,
    COUPLING,
    HIGHEST_ENERGY,
    MASS_DIFFERENCE,
    VECTOR_MASS_SQUARED,
    checked_energies,
    structure,
)
from snmc.interactions.tables import Floats, invert, level, locate, mix, quantile

THRESHOLD = ((M_NEUTRON + M_ELECTRON) ** 2 - M_PROTON**2) / (2 * M_PROTON)  # MeV, proton at rest
NODES, GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(48)
FIRST_LOG = float(np.log(1e-6))  # the table's grid is even in ln((E - threshold)/MeV)
LOG_STEP = (float(np.log(HIGHEST_ENERGY - THRESHOLD)) - FIRST_LOG) / 1023


class Table(NamedTuple):
    """Cross section and positron energies on a grid even in ln(E - threshold)."""

    log_sigma: Floats  # (grid,) ln(sigma/cm2)
    place: Floats  # (grid, quantiles) of the positron energy, from 0 (lowest) to 1 (highest)


@compiled
def energy_range(energy: float) -> tuple[float, float]:
    """Lowest and highest positron energy [MeV] at neutrino energy `energy` [MeV], SV eq. 12.

    Written as the boost of the centre-of-mass energy; both are equal at the threshold, and below
    it both are NaN.
    """
    root_s = np.sqrt(M_PROTON * (M_PROTON + 2 * energy))
    excess = 2 * M_PROTON * (energy - THRESHOLD)  # s - (m_n + m_e)^2
    momentum = np.sqrt(excess * (excess + 4 * M_NEUTRON * M_ELECTRON)) / (2 * root_s)
    positron = np.sqrt(momentum * momentum + M_ELECTRON**2)
    gamma, gamma_beta = (energy + M_PROTON) / root_s, energy / root_s
    return gamma * positron - gamma_beta * momentum, gamma * positron + gamma_beta * momentum


@compiled
def _differential(energy: float, positron: float, vector_mass_squared: float) -> float:
    low, high = energy_range(energy)
    if not low <= positron <= high:
        return 0.0
    t = M_NEUTRON**2 - M_PROTON**2 - 2 * M_PROTON * (energy - positron)
    s_minus_u = 2 * M_PROTON * (energy + positron) - M_ELECTRON**2  # SV eq. 11
    a, b, c = structure(t, MASS_DIFFERENCE, vector_mass_squared)
    amplitude = COUPLING * (a - s_minus_u * b + s_minus_u**2 * c)
    born = 2 * M_PROTON * amplitude / (16 * np.pi * (2 * M_PROTON * energy) ** 2)  # SV eq. 3
    radiative = 1 + ALPHA / np.pi * (  # SV eq. 14
        6.00352 + 1.5 * np.log(M_PROTON / (2 * positron)) + 1.2 * (M_ELECTRON / positron) ** 1.5
    )
    return float(CM2 * born * radiative)


@compiled
def _total(energy: float, vector_mass_squared: float) -> float:
    if energy <= THRESHOLD:
        return 0.0
    low, high = energy_range(energy)
    total = 0.0
    for i in range(NODES.size):
        positron = mix(low, high, (1 + NODES[i]) / 2)
        total += GAUSS_WEIGHTS[i] * _differential(energy, positron, vector_mass_squared)
    return float(total * (high - low) / 2)


@compiled
def _totals(energy: Floats, vector_mass_squared: float, result: Floats) -> None:
    for i in range(energy.size):
        result[i] = _total(energy[i], vector_mass_squared)


@compiled
def _differentials(
    energy: Floats, positron: Floats, vector_mass_squared: float, result: Floats
) -> None:
    for i in range(energy.size):
        if energy[i] > THRESHOLD:
            result[i] = _differential(energy[i], positron[i], vector_mass_squared)


def cross_section(
    energy: npt.ArrayLike, vector_mass_squared: float = VECTOR_MASS_SQUARED
) -> npt.NDArray[np.float64]:
    """Total cross section per free proton [cm2], SV eq. 11 and 14 integrated over E_e.

    `energy` [MeV], any shape; the result has it too, and is 0 below the threshold (1.806 MeV).
    `vector_mass_squared` [MeV^2]: of the vector form factor; 0.504e6 gives the authors' code.
    Good to 0.4 % below 60 MeV (SV section 3). Above some 300 MeV reactions with pions, not counted
    here, come on top; the quasi-elastic part holds up to 2 GeV, where it ends with a PhysicsError.
    """
    energies = checked_energies(energy)
    result = np.zeros(energies.shape)
    _totals(energies.ravel(), vector_mass_squared, result.reshape(-1))
    return result


def differential(
    energy: npt.ArrayLike,
    positron_energy: npt.ArrayLike,
    vector_mass_squared: float = VECTOR_MASS_SQUARED,
) -> npt.NDArray[np.float64]:
    """Cross section by positron energy, d sigma/d E_e [cm2/MeV] per proton, SV eq. 11, 14.

    `energy`, `positron_energy` (total) [MeV]: arrays that broadcast; `vector_mass_squared` as in
    `cross_section`. Zero outside the kinematic range. Raises PhysicsError outside 0 to 2000 MeV.
    """
    energies, positrons = np.broadcast_arrays(
        checked_energies(energy), np.asarray(positron_energy, dtype=np.float64)
    )
    result = np.zeros(energies.shape)
    _differentials(energies.ravel(), positrons.ravel(), vector_mass_squared, result.reshape(-1))
    return result


@compiled
def cos_theta(energy: float, positron: float) -> float:
    """Cosine between positron and neutrino, from t at fixed energies [MeV], SV eq. 11."""
    t = M_NEUTRON**2 - M_PROTON**2 - 2 * M_PROTON * (energy - positron)
    # a positron at rest, just above the threshold, has no direction: any will do
    momentum = np.sqrt(max((positron - M_ELECTRON) * (positron + M_ELECTRON), 1e-30))
    cosine = (2 * energy * positron + t - M_ELECTRON**2) / (2 * energy * momentum)
    return float(min(max(cosine, -1.0), 1.0))


@compiled
def _fill(log_sigma: Floats, places: Floats) -> None:
    fraction = np.linspace(0.0, 1.0, 257)
    density = np.empty(257)
    for i in range(log_sigma.size):
        energy = THRESHOLD + np.exp(FIRST_LOG + i * LOG_STEP)
        low, high = energy_range(energy)
        log_sigma[i] = np.log(_total(energy, VECTOR_MASS_SQUARED))
        for k in range(257):
            positron = min(max(mix(low, high, fraction[k]), low), high)
            density[k] = _differential(energy, positron, VECTOR_MASS_SQUARED)
        invert(fraction, density, places[i])


@cache
def table() -> Table:
    """The table that `sigma` and `sample` read; built once, in some 50 ms."""
    result = Table(np.empty(1024), np.empty((1024, 129)))
    _fill(*result)
    return result


@compiled
def sigma(energy: float, table: Table) -> float:
    """Total cross section [cm2] from the table, within 1e-4 of `cross_section`; 0 below."""
    if energy <= THRESHOLD:
        return 0.0
    i, place = locate(np.log(energy - THRESHOLD), FIRST_LOG, LOG_STEP, table.log_sigma.size)
    return float(np.exp(mix(table.log_sigma[i], table.log_sigma[i + 1], place)))


@compiled
def sample(energy: float, table: Table, share: float) -> tuple[float, float]:
    """Positron of one reaction: total energy [MeV] and cosine to the neutrino.

    `energy` [MeV] above the threshold; `share`: a random number, even in 0 to 1.
    """
    i, place = locate(np.log(energy - THRESHOLD), FIRST_LOG, LOG_STEP, table.log_sigma.size)
    k, beside = level(share, table.place.shape[1])
    x = mix(
        quantile(table.place[i], k, beside),
        quantile(table.place[i + 1], k, beside),
        min(max(place, 0.0), 1.0),
    )
    low, high = energy_range(energy)
    positron = mix(low, high, x)
    return positron, cos_theta(energy, positron)


@compiled
def neutron(energy: float, positron: float, cosine: float) -> tuple[float, float]:
    """The recoiling neutron: total energy [MeV] and cosine to the neutrino.

    `energy`, `positron` [MeV]: of neutrino and positron; `cosine` between them. Its azimuth is
    the positron's + pi.
    """
    momentum = np.sqrt(max((positron - M_ELECTRON) * (positron + M_ELECTRON), 0.0))
    along = energy - momentum * cosine
    across = momentum * np.sqrt((1 - cosine) * (1 + cosine))
    return energy + M_PROTON - positron, along / np.hypot(along, across)
