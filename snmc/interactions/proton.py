"""Elastic scattering on free protons, nu p -> nu p, of all neutrinos and antineutrinos.

L. A. Ahrens et al., Phys. Rev. D 35 (1987) 785 (A), which is Llewellyn Smith 1972 for the neutral
current: with Q^2 = 2 M T, tau = Q^2/(4 M^2) and s - u = 4 M E - Q^2,

d sigma/dQ^2 = G^2 M^2/(8 pi E^2) [a +- b (s - u)/M^2 + c (s - u)^2/M^4],

upper sign for neutrinos. The form factors of the neutral current follow from those of the charged
one and of the electromagnetic current, F^Z = (1/2 - 2 sin^2(theta_W)) F^p - F^n/2 and
G^Z = -g_A/2 (1 + Q^2/M_A^2)^-2, dipoles with the electric form factor of the neutron zero. At low
energy this is J. F. Beacom, W. M. Farr & P. Vogel, Phys. Rev. D 66 (2002) 033001 (BFV).

The strange quarks' part of the axial form factor, which BFV put at 0.15 +- 0.07 of it (its effect
on the cross section of protons is +24 %), is taken as zero.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from snmc.ground.compiled import compiled
from snmc.ground.units import G_FERMI, M_PROTON, SIN2_THETA_W
from snmc.interactions.calorimeter import without_direction
from snmc.interactions.channel import ISOTROPIC_LIGHT, FinalStates, Floats, Integers
from snmc.interactions.elastic import NEUTRINOS, elastic_states
from snmc.interactions.quasielastic import (
    AXIAL_MASS,
    CM2,
    G_AXIAL,
    HIGHEST_ENERGY,
    VECTOR_MASS_SQUARED,
    checked_energies,
)
from snmc.interactions.quenching import Scintillator
from snmc.interactions.tables import invert, level, locate, mix, quantile

MOMENT_PROTON, MOMENT_NEUTRON = 2.792847, -1.913043  # nuclear magnetons, PDG 2022
APPROXIMATION = (
    "neutrino-proton elastic scattering without the strange quarks' axial part, which may raise "
    "it by some 20 %"
)
UNQUENCHED = Scintillator(birks=0.0, density=1.0, hydrogen=0.12)  # until a card says more
NODES, GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(48)
GRID = 192
FIRST_LOG = float(np.log(0.1))  # the table's grid is even in ln(E/MeV)
LOG_STEP = (float(np.log(HIGHEST_ENERGY)) - FIRST_LOG) / (GRID - 1)


class Table(NamedTuple):
    """Cross section and recoil energies on a grid even in ln E, of neutrinos or antineutrinos."""

    log_sigma: Floats  # (grid,) ln(sigma/cm2)
    place: Floats  # (grid, quantiles) of the proton's energy, in units of the largest


@compiled
def _highest(energy: float) -> float:
    """Largest kinetic energy of the proton [MeV], struck head-on."""
    return 2 * energy * energy / (M_PROTON + 2 * energy)


@compiled
def _differential(energy: float, kinetic: float, sign: float) -> float:
    """Cross section d sigma/dT [cm2/MeV]; `sign` +1 for neutrinos, -1 for antineutrinos."""
    if not 0 <= kinetic <= _highest(energy):
        return 0.0
    tau = kinetic / (2 * M_PROTON)
    square = 2 * M_PROTON * kinetic
    dipole = 1 / (1 + square / VECTOR_MASS_SQUARED) ** 2
    # Sachs' form factors of both nucleons, and Dirac's and Pauli's from them
    electric = (0.5 - 2 * SIN2_THETA_W) * dipole
    magnetic = ((0.5 - 2 * SIN2_THETA_W) * MOMENT_PROTON - 0.5 * MOMENT_NEUTRON) * dipole
    f1 = (electric + tau * magnetic) / (1 + tau)
    f2 = (magnetic - electric) / (1 + tau)
    axial = -G_AXIAL / 2 / (1 + square / AXIAL_MASS**2) ** 2
    a = 4 * tau * (
        axial**2 * (1 + tau) - f1**2 * (1 - tau) + f2**2 * tau * (1 - tau) + 4 * tau * f1 * f2
    )  # fmt: skip
    b = 4 * tau * axial * (f1 + f2)
    c = (axial**2 + f1**2 + tau * f2**2) / 4
    w = 4 * (energy / M_PROTON - tau)  # (s - u)/M^2
    bracket = a + sign * b * w + c * w * w
    return CM2 * G_FERMI**2 * M_PROTON**3 / (4 * np.pi * energy**2) * bracket


@compiled
def _total(energy: float, sign: float) -> float:
    if energy <= 0:
        return 0.0
    most, total = _highest(energy), 0.0
    for i in range(NODES.size):
        x = (1 + NODES[i]) / 2  # recoils spaced as its square: the form factors favour small ones
        total += GAUSS_WEIGHTS[i] * x * _differential(energy, most * x * x, sign)
    return float(total * most)


@compiled
def _totals(pdg: Integers, energy: Floats, result: Floats) -> None:
    for i in range(energy.size):
        if abs(pdg[i]) in NEUTRINOS:
            result[i] = _total(energy[i], 1.0 if pdg[i] > 0 else -1.0)


def cross_section(pdg: npt.ArrayLike, energy: npt.ArrayLike) -> Floats:
    """Total cross section per free proton [cm2], A integrated over Q^2.

    `pdg`: 12, 14, 16 and their negatives, anything else gives 0; `energy` [MeV]: arrays that
    broadcast. Raises PhysicsError for neutrinos outside 0 to 2000 MeV.
    """
    codes, energies = np.broadcast_arrays(
        np.asarray(pdg, dtype=np.int32), np.asarray(energy, dtype=np.float64)
    )
    checked_energies(energies[np.isin(np.abs(codes), NEUTRINOS)])
    result = np.zeros(energies.shape)
    _totals(codes.ravel(), energies.ravel(), result.reshape(-1))
    return result


@compiled
def _differentials(energy: Floats, kinetic: Floats, sign: float, result: Floats) -> None:
    for i in range(energy.size):
        if energy[i] > 0:
            result[i] = _differential(energy[i], kinetic[i], sign)


def differential(
    energy: npt.ArrayLike, kinetic: npt.ArrayLike, antineutrino: bool = False
) -> Floats:
    """Cross section by the proton's kinetic energy, d sigma/dT [cm2/MeV], A with Q^2 = 2 M T.

    `energy`, `kinetic` [MeV]: arrays that broadcast. Zero beyond the largest recoil. Raises
    PhysicsError outside 0 to 2000 MeV.
    """
    energies, recoil = np.broadcast_arrays(
        checked_energies(energy), np.asarray(kinetic, dtype=np.float64)
    )
    result = np.zeros(energies.shape)
    sign = -1.0 if antineutrino else 1.0
    _differentials(energies.ravel(), recoil.ravel(), sign, result.reshape(-1))
    return result


@compiled
def _fill(sign: float, log_sigma: Floats, places: Floats) -> None:
    fraction = np.linspace(0.0, 1.0, 257) ** 2
    density = np.empty(257)
    for i in range(log_sigma.size):
        energy = np.exp(FIRST_LOG + i * LOG_STEP)
        log_sigma[i] = np.log(_total(energy, sign))
        for k in range(257):
            density[k] = _differential(energy, min(fraction[k], 1 - 1e-15) * _highest(energy), sign)
        invert(fraction, density, places[i])


@cache
def table(antineutrino: bool) -> Table:
    """The table that `sample` reads; built once for each kind of neutrino."""
    result = Table(np.empty(GRID), np.empty((GRID, 97)))
    _fill(-1.0 if antineutrino else 1.0, *result)
    return result


@compiled
def _sigmas(
    pdg: Integers, energy: Floats, neutrinos: Table, antineutrinos: Table, result: Floats
) -> None:
    for i in range(energy.size):
        if abs(pdg[i]) in NEUTRINOS and energy[i] > 0:
            one = neutrinos if pdg[i] > 0 else antineutrinos
            k, place = locate(np.log(energy[i]), FIRST_LOG, LOG_STEP, one.log_sigma.size)
            result[i] = np.exp(mix(one.log_sigma[k], one.log_sigma[k + 1], place))


@compiled
def _recoils(
    pdg: Integers,
    energy: Floats,
    share: Floats,
    neutrinos: Table,
    antineutrinos: Table,
    kinetic: Floats,
) -> None:
    for i in range(energy.size):
        one = neutrinos if pdg[i] > 0 else antineutrinos
        k, place = locate(np.log(energy[i]), FIRST_LOG, LOG_STEP, one.log_sigma.size)
        j, beside = level(share[i], one.place.shape[1])
        x = mix(
            quantile(one.place[k], j, beside),
            quantile(one.place[k + 1], j, beside),
            min(max(place, 0.0), 1.0),
        )
        kinetic[i] = x * _highest(energy[i])


def sample(pdg: Integers, energy: Floats, stream: np.random.Generator) -> Floats:
    """Kinetic energies [MeV] of the struck protons, as `differential` says.

    `pdg`, `energy` [MeV] (n,): neutrinos, all with a cross section.
    """
    kinetic = np.empty(energy.size)
    _recoils(pdg, energy, stream.random(energy.size), table(False), table(True), kinetic)
    return kinetic


@dataclass(frozen=True)
class ProtonElastic:
    """The channel `proton-elastic`: the proton makes light, quenched, in a `scintillator`."""

    scintillator: Scintillator = UNQUENCHED
    name: str = "proton-elastic"
    target: str = "proton"
    meaning: str = "nu p -> nu p, all flavours, by the quenched light of the proton"
    approximation: str | None = APPROXIMATION

    def cross_section(self, pdg: Integers, energy: Floats) -> Floats:
        """Cross section [cm2 per proton], from the table; see the module's."""
        checked_energies(energy[np.isin(np.abs(pdg), NEUTRINOS)])
        result = np.zeros(energy.shape)
        _sigmas(pdg, energy, table(False), table(True), result)
        return result

    def sample(self, pdg: Integers, energy: Floats, stream: np.random.Generator) -> FinalStates:
        """Proton and scattered neutrino; the proton's light has no direction."""
        kinetic = sample(pdg, energy, stream)
        azimuth = 2 * np.pi * stream.random(energy.size)
        light = self.scintillator.proton_light(kinetic)
        states = elastic_states(
            pdg, energy, 2212, M_PROTON, kinetic, azimuth, ISOTROPIC_LIGHT, light
        )
        return without_direction(states, stream)
