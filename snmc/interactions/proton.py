"""Elastic scattering on free protons, nu p -> nu p, of all neutrinos and antineutrinos.

The amplitude and form factors of the neutral current, L. A. Ahrens et al., Phys. Rev. D 35 (1987)
785, in the notation of Strumia & Vissani, and d sigma/dT = 2 M d sigma/d(-t) with -t = 2 M T. At
low energy this is J. F. Beacom, W. M. Farr & P. Vogel, Phys. Rev. D 66 (2002) 033001 (BFV):

d sigma/dT = (G^2 M/pi) [(1 - M T/(2 E^2)) c_V^2 + (1 + M T/(2 E^2)) c_A^2],

c_V = 1/2 - 2 sin^2(theta_W), c_A = 1.27/2. The strange quarks' part of the axial form factor is
taken as zero; Delta s = -0.15, as BFV consider, would add 25 %.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from snmc.ground.compiled import compiled
from snmc.ground.units import G_FERMI, M_PROTON
from snmc.interactions.calorimeter import without_direction
from snmc.interactions.channel import ISOTROPIC_LIGHT, FinalStates, Floats, Integers
from snmc.interactions.elastic import NEUTRINOS, elastic_states, neutrino_totals
from snmc.interactions.quasielastic import (
    CM2,
    HIGHEST_ENERGY,
    checked_energies,
    neutral_structure,
)
from snmc.interactions.quenching import Scintillator
from snmc.interactions.tables import invert, level, locate, mix, quantile

APPROXIMATION = (
    "neutrino-proton elastic scattering without the strange quarks' axial part, which may raise "
    "it by some 25 %"
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
    a, b, c = neutral_structure(-2 * M_PROTON * kinetic, 1.0)
    s_minus_u = 2 * M_PROTON * (2 * energy - kinetic)
    amplitude = 8 * G_FERMI**2 * (a + sign * s_minus_u * b + s_minus_u**2 * c)
    return float(CM2 * amplitude / (32 * np.pi * M_PROTON * energy**2))


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
    """Total cross section per free proton [cm2], over all recoils.

    `pdg`: 12, 14, 16 and their negatives, anything else gives 0; `energy` [MeV]: arrays that
    broadcast. Raises PhysicsError for neutrinos outside 0 to 2000 MeV.
    """
    return neutrino_totals(_totals, pdg, energy)


@compiled
def _differentials(energy: Floats, kinetic: Floats, sign: float, result: Floats) -> None:
    for i in range(energy.size):
        if energy[i] > 0:
            result[i] = _differential(energy[i], kinetic[i], sign)


def differential(
    energy: npt.ArrayLike, kinetic: npt.ArrayLike, antineutrino: bool = False
) -> Floats:
    """Cross section by the proton's kinetic energy, d sigma/dT [cm2/MeV].

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

    def sample(
        self,
        pdg: Integers,
        energy: Floats,
        stream: np.random.Generator,
        unseen: np.random.Generator | None = None,
    ) -> FinalStates:
        """Proton and scattered neutrino; the proton's light has no direction."""
        kinetic = sample(pdg, energy, stream)
        azimuth = 2 * np.pi * stream.random(energy.size)
        light = self.scintillator.proton_light(kinetic)
        states = elastic_states(
            pdg, energy, 2212, M_PROTON, kinetic, azimuth, ISOTROPIC_LIGHT, light
        )
        return without_direction(states, stream)
