"""Antineutrinos on free protons, anti-nu + p -> l+ + n, in full: Strumia & Vissani 2003 (SV).

A. Strumia, F. Vissani, Phys. Lett. B 564 (2003) 42, astro-ph/0302055: the exact tree amplitude
with form factors, the final-state kinematics without expansion, and the radiative correction of
Kurylov, Ramsey-Musolf & Vogel, Phys. Rev. C 67 (2003) 035502, as in SV eq. 14. The lepton is a
positron (inverse beta decay) unless the mass says otherwise; for a muon the same amplitude holds
with its mass, without the radiative correction, a per cent or two, which is the positron's.

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
from snmc.interactions.tables import Floats, Integers, invert, level, locate, mix, quantile

NODES, GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(48)
FIRST_LOG = float(np.log(1e-6))  # the table's grid is even in ln((E - threshold)/MeV)


class Table(NamedTuple):
    """Cross section and lepton energies on a grid even in ln(E - threshold)."""

    mass: float  # of the lepton [MeV]
    log_step: float
    log_sigma: Floats  # (grid,) ln(sigma/cm2)
    place: Floats  # (grid, quantiles) of the lepton energy, from 0 (lowest) to 1 (highest)


@compiled
def threshold(mass: float) -> float:
    """Lowest neutrino energy [MeV] that makes a lepton of `mass` [MeV] on a proton at rest."""
    return ((M_NEUTRON + mass) ** 2 - M_PROTON**2) / (2 * M_PROTON)


THRESHOLD = threshold(M_ELECTRON)  # MeV


@compiled
def energy_range(energy: float, mass: float = M_ELECTRON) -> tuple[float, float]:
    """Lowest and highest lepton energy [MeV] at neutrino energy `energy` [MeV], SV eq. 12.

    Written as the boost of the centre-of-mass energy; both are equal at the threshold, and below
    it both are NaN.
    """
    root_s = np.sqrt(M_PROTON * (M_PROTON + 2 * energy))
    excess = 2 * M_PROTON * (energy - threshold(mass))  # s - (m_n + m_l)^2
    momentum = np.sqrt(excess * (excess + 4 * M_NEUTRON * mass)) / (2 * root_s)
    positron = np.sqrt(momentum * momentum + mass * mass)
    gamma, gamma_beta = (energy + M_PROTON) / root_s, energy / root_s
    return gamma * positron - gamma_beta * momentum, gamma * positron + gamma_beta * momentum


@compiled
def _differential(energy: float, positron: float, vector_mass_squared: float, mass: float) -> float:
    low, high = energy_range(energy, mass)
    if not low <= positron <= high:
        return 0.0
    t = M_NEUTRON**2 - M_PROTON**2 - 2 * M_PROTON * (energy - positron)
    s_minus_u = 2 * M_PROTON * (energy + positron) - mass * mass  # SV eq. 11
    a, b, c = structure(t, MASS_DIFFERENCE, vector_mass_squared, mass)
    amplitude = COUPLING * (a - s_minus_u * b + s_minus_u**2 * c)
    born = 2 * M_PROTON * amplitude / (16 * np.pi * (2 * M_PROTON * energy) ** 2)  # SV eq. 3
    radiative = 1.0
    if mass == M_ELECTRON:
        radiative += (
            ALPHA
            / np.pi
            * (  # SV eq. 14
                6.00352 + 1.5 * np.log(M_PROTON / (2 * positron)) + 1.2 * (mass / positron) ** 1.5
            )
        )
    return float(CM2 * born * radiative)


@compiled
def _total(energy: float, vector_mass_squared: float, mass: float) -> float:
    if energy <= threshold(mass):
        return 0.0
    low, high = energy_range(energy, mass)
    total = 0.0
    for i in range(NODES.size):
        positron = mix(low, high, (1 + NODES[i]) / 2)
        total += GAUSS_WEIGHTS[i] * _differential(energy, positron, vector_mass_squared, mass)
    return float(total * (high - low) / 2)


@compiled
def _totals(energy: Floats, vector_mass_squared: float, mass: float, result: Floats) -> None:
    for i in range(energy.size):
        result[i] = _total(energy[i], vector_mass_squared, mass)


@compiled
def _differentials(
    energy: Floats, positron: Floats, vector_mass_squared: float, mass: float, result: Floats
) -> None:
    for i in range(energy.size):
        if energy[i] > threshold(mass):
            result[i] = _differential(energy[i], positron[i], vector_mass_squared, mass)


def cross_section(
    energy: npt.ArrayLike,
    vector_mass_squared: float = VECTOR_MASS_SQUARED,
    mass: float = M_ELECTRON,
) -> npt.NDArray[np.float64]:
    """Total cross section per free proton [cm2], SV eq. 11 and 14 integrated over E_e.

    `energy` [MeV], any shape; the result has it too, and is 0 below the threshold (1.806 MeV for a
    positron, 113.0 MeV for a muon). `vector_mass_squared` [MeV^2]: of the vector form factor;
    0.504e6 gives the authors' code. `mass` [MeV]: of the lepton.
    Good to 0.4 % below 60 MeV (SV section 3). Above some 300 MeV reactions with pions, not counted
    here, come on top; the quasi-elastic part holds up to 2 GeV, where it ends with a PhysicsError.
    """
    energies = checked_energies(energy)
    result = np.zeros(energies.shape)
    _totals(energies.ravel(), vector_mass_squared, mass, result.reshape(-1))
    return result


def differential(
    energy: npt.ArrayLike,
    positron_energy: npt.ArrayLike,
    vector_mass_squared: float = VECTOR_MASS_SQUARED,
    mass: float = M_ELECTRON,
) -> npt.NDArray[np.float64]:
    """Cross section by lepton energy, d sigma/d E_e [cm2/MeV] per proton, SV eq. 11, 14.

    `energy`, `positron_energy` (total) [MeV]: arrays that broadcast; `vector_mass_squared` and
    `mass` as in `cross_section`. Zero outside the kinematic range. Raises PhysicsError outside 0
    to 2000 MeV.
    """
    energies, positrons = np.broadcast_arrays(
        checked_energies(energy), np.asarray(positron_energy, dtype=np.float64)
    )
    result = np.zeros(energies.shape)
    _differentials(
        energies.ravel(), positrons.ravel(), vector_mass_squared, mass, result.reshape(-1)
    )
    return result


@compiled
def cos_theta(energy: float, positron: float, mass: float = M_ELECTRON) -> float:
    """Cosine between lepton and neutrino, from t at fixed energies [MeV], SV eq. 11."""
    t = M_NEUTRON**2 - M_PROTON**2 - 2 * M_PROTON * (energy - positron)
    # a lepton at rest, just above the threshold, has no direction: any will do
    momentum = np.sqrt(max((positron - mass) * (positron + mass), 1e-30))
    cosine = (2 * energy * positron + t - mass * mass) / (2 * energy * momentum)
    return float(min(max(cosine, -1.0), 1.0))


@compiled
def _fill(table: Table) -> None:
    fraction = np.linspace(0.0, 1.0, 257)
    density = np.empty(257)
    for i in range(table.log_sigma.size):
        energy = threshold(table.mass) + np.exp(FIRST_LOG + i * table.log_step)
        low, high = energy_range(energy, table.mass)
        table.log_sigma[i] = np.log(_total(energy, VECTOR_MASS_SQUARED, table.mass))
        for k in range(257):
            positron = min(max(mix(low, high, fraction[k]), low), high)
            density[k] = _differential(energy, positron, VECTOR_MASS_SQUARED, table.mass)
        invert(fraction, density, table.place[i])


@cache
def table(mass: float = M_ELECTRON) -> Table:
    """The table that `sigma` and `sample` read; built once for each lepton, in some 50 ms."""
    log_step = (float(np.log(HIGHEST_ENERGY - threshold(mass))) - FIRST_LOG) / 1023
    result = Table(mass, log_step, np.empty(1024), np.empty((1024, 129)))
    _fill(result)
    return result


@compiled
def sigma(energy: float, table: Table) -> float:
    """Total cross section [cm2] from the table, within 1e-4 of `cross_section`; 0 below."""
    above = energy - threshold(table.mass)
    if above <= 0:
        return 0.0
    i, place = locate(np.log(above), FIRST_LOG, table.log_step, table.log_sigma.size)
    return float(np.exp(mix(table.log_sigma[i], table.log_sigma[i + 1], place)))


@compiled
def sample(energy: float, table: Table, share: float) -> tuple[float, float]:
    """Lepton of one reaction: total energy [MeV] and cosine to the neutrino.

    `energy` [MeV] above the threshold; `share`: a random number, even in 0 to 1.
    """
    above = energy - threshold(table.mass)
    i, place = locate(np.log(above), FIRST_LOG, table.log_step, table.log_sigma.size)
    k, beside = level(share, table.place.shape[1])
    x = mix(
        quantile(table.place[i], k, beside),
        quantile(table.place[i + 1], k, beside),
        min(max(place, 0.0), 1.0),
    )
    low, high = energy_range(energy, table.mass)
    positron = mix(low, high, x)
    return positron, cos_theta(energy, positron, table.mass)


@compiled
def neutron(
    energy: float, positron: float, cosine: float, mass: float = M_ELECTRON
) -> tuple[float, float]:
    """The recoiling neutron: total energy [MeV] and cosine to the neutrino.

    `energy`, `positron` [MeV]: of neutrino and lepton; `cosine` between them; `mass` [MeV] of the
    lepton. The neutron's azimuth is the lepton's + pi.
    """
    momentum = np.sqrt(max((positron - mass) * (positron + mass), 0.0))
    along = energy - momentum * cosine
    across = momentum * np.sqrt((1 - cosine) * (1 + cosine))
    return energy + M_PROTON - positron, along / np.hypot(along, across)


@compiled
def sigmas(pdg: Integers, energy: Floats, code: int, table: Table, result: Floats) -> int:
    """Fill `result` with `sigma` where `pdg` is `code`, and with 0 elsewhere; all (n,).

    Gives the place of an energy beyond the table, or -1 if there is none.
    """
    bad = -1
    for i in range(energy.size):
        result[i] = 0.0
        if pdg[i] == code:
            if 0 <= energy[i] <= HIGHEST_ENERGY:
                result[i] = sigma(energy[i], table)
            else:
                bad = i
    return bad


@compiled
def samples(
    energy: Floats, table: Table, stream: np.random.Generator, leptons: Floats, neutrons: Floats
) -> None:
    """Fill `leptons` and `neutrons` (2, n), total energy [MeV] and cosine, for `energy` (n,)."""
    for i in range(energy.size):
        lepton, cosine = sample(energy[i], table, stream.random())
        leptons[0, i], leptons[1, i] = lepton, cosine
        recoil, recoil_cosine = neutron(energy[i], lepton, cosine, table.mass)
        neutrons[0, i], neutrons[1, i] = recoil, recoil_cosine
