"""Charged-current reactions of electron and muon neutrinos and antineutrinos on argon 40.

Electron neutrinos up to 100 MeV: a sum over levels of the final nucleus in the allowed
approximation, S. Gardiner, Phys. Rev. C 103 (2021) 044604 (G) eq. 13 without recoil,

sigma = (G^2 cos^2(theta_C)/pi) Sum_i (B_F + B_GT)_i p E F(Z, E),  E = E_nu - Q - E_i,

with the Coulomb correction F of Fermi, or, where it is closer to 1, of the effective momentum
(J. Engel, Phys. Rev. C 57 (1998) 2004), as G takes it.

nu_e, to 40K: strengths of the levels up to 6.1 MeV measured in the mirror decay of 40Ti, with the
isobaric analogue state (B_F = N - Z) at 4.38 MeV: M. Bhattacharya et al., Phys. Rev. C 58 (1998)
3677, without their levels beyond. Then three effective groups that stand for all other transitions,
allowed and forbidden, fitted to the cross section of the RPA calculation of E. Kolbe, K. Langanke,
G. Martinez-Pinedo & P. Vogel, J. Phys. G 29 (2003) 2569, as tabulated in SNOwGLoBES, 25-200 MeV:
the sum is within 5 % of it to 180 MeV. Below 20 MeV the measured strengths exceed the calculation,
by 10 % at 20 and 60 % at 10 MeV. (Strengths from (p, n) reactions, Bhattacharya et al., Phys. Rev.
C 80 (2009) 055501, would give another 20-30 % there: the cross section has never been measured.)

anti-nu_e, to 40Cl: four effective groups, fitted to the same calculation from 18 to 200 MeV, within
7 % to 180 MeV.

Above 200 MeV the relativistic Fermi gas, for muon neutrinos from its threshold on. From 100 to 200
MeV a reaction follows it with a probability that rises linearly from 0 to 1. At 150 MeV the gas is
0.8 (nu_e) and 1.5 (anti-nu_e), at 200 MeV 1.2 and 1.5 times the calculation.
"""

from dataclasses import dataclass
from functools import cache
from math import gamma
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from snmc.ground.compiled import compiled
from snmc.ground.sampling import tilted_point
from snmc.ground.units import ALPHA, G_FERMI, HBAR_C, M_ELECTRON, M_MUON
from snmc.interactions import fermi_gas, muons
from snmc.interactions.channel import ELECTRON_LIKE, Channel, FinalStates, Floats, Integers
from snmc.interactions.quasielastic import CM2, COS_CABIBBO, HIGHEST_ENERGY, checked_energies

ELECTRON, NU_E, NU_MU = 11, 12, 14
GAS_NEUTRINO = fermi_gas.Nucleus(22.0, 251.0, 28.0)  # of calcium 40, Smith & Moniz's neighbour
GAS_ANTINEUTRINO = fermi_gas.Nucleus(18.0, 251.0, 28.0)
LEVELS_END, GAS_ALONE = 100.0, 200.0  # MeV
# E_nu - E - E_i: difference of the nuclear masses; atomic ones of AME 2020, 1.505 and 7.48 MeV
Q_NEUTRINO, Q_ANTINEUTRINO = 1.5047 - M_ELECTRON, 7.482 + M_ELECTRON
CHARGE_NEUTRINO, CHARGE_ANTINEUTRINO = 19.0, -17.0  # of the final nucleus, times the lepton's sign
RADIUS = np.sqrt(5 / 3) * 3.427 / HBAR_C  # 1/MeV, even sphere; charge radius 3.427 fm of 40Ar
STRENGTH = (G_FERMI * COS_CABIBBO) ** 2 / np.pi * CM2  # cm2/MeV2
# excitation energy [MeV] and strengths: Fermi, Gamow-Teller (with g_A^2), effective
LEVELS_NEUTRINO = np.array(
    [
        [2.290, 0.0, 0.90, 0.0],
        [2.730, 0.0, 1.50, 0.0],
        [2.951, 0.0, 0.11, 0.0],
        [3.110, 0.0, 0.06, 0.0],
        [3.293, 0.0, 0.04, 0.0],
        [3.517, 0.0, 0.01, 0.0],
        [3.738, 0.0, 0.16, 0.0],
        [3.797, 0.0, 0.26, 0.0],
        [3.840, 0.0, 0.01, 0.0],
        [3.996, 0.0, 0.05, 0.0],
        [4.080, 0.0, 0.11, 0.0],
        [4.252, 0.0, 0.29, 0.0],
        [4.384, 4.0, 0.0, 0.0],
        [4.508, 0.0, 0.31, 0.0],
        [4.697, 0.0, 0.38, 0.0],
        [4.765, 0.0, 0.47, 0.0],
        [4.930, 0.0, 0.36, 0.0],
        [5.063, 0.0, 0.23, 0.0],
        [5.190, 0.0, 0.03, 0.0],
        [5.681, 0.0, 0.11, 0.0],
        [6.118, 0.0, 0.13, 0.0],
        [20.0, 0.0, 0.0, 5.9],
        [30.0, 0.0, 0.0, 13.9],
        [40.0, 0.0, 0.0, 17.0],
    ]
)
LEVELS_ANTINEUTRINO = np.array(
    [
        [0.5, 0.0, 0.0, 0.11],
        [7.0, 0.0, 0.0, 1.14],
        [12.0, 0.0, 0.0, 1.78],
        [20.0, 0.0, 0.0, 6.7],
    ]
)
NO_LEVELS = np.empty((0, 4))
# energy [MeV] at which the nucleus loses a nucleon: 40K a proton, 40Cl a neutron; AME 2020
BOUND_NEUTRINO, BOUND_ANTINEUTRINO = 7.58, 5.83
APPROXIMATION = (
    "neutrino-argon reactions: levels and effective groups fitted to an RPA calculation (Kolbe et "
    "al. 2003; 10 %, and 60 % at 10 MeV, with the levels measured) to 100 MeV, relativistic Fermi "
    "gas (quasi-elastic only, 20-50 %) from 200 MeV, joined linearly in between; seen are the "
    "lepton and the gamma rays of bound levels, nothing of emitted nucleons"
)
MUON_APPROXIMATION = (
    "muons on argon: relativistic Fermi gas (quasi-elastic only, 20-30 %) from its threshold, "
    "133.7 MeV; nothing seen of muon capture; decay electrons isotropic, with the spectrum of free "
    "muons"
)


class Table(NamedTuple):
    """Levels of the final nucleus and the Fermi gas."""

    levels: Floats  # (levels, 4), or (0, 4) if the gas is all
    q_value: float  # MeV
    charge: float
    gas: fermi_gas.Table


def _fermi_factor(charge: float) -> float:
    """The part of Fermi's function that depends on the charge alone, with its Gamma functions."""
    root = np.sqrt(1 - (ALPHA * charge) ** 2)
    return float(2 * (1 + root) * (gamma(root) / gamma(2 * root + 1)) ** 2)


FERMI_NEUTRINO, FERMI_ANTINEUTRINO = map(_fermi_factor, (CHARGE_NEUTRINO, CHARGE_ANTINEUTRINO))


@compiled
def coulomb(energy: float, charge: float) -> float:
    """Coulomb correction F of the lepton's density at the nucleus, G eqs. 16-19.

    `energy`: the electron's or positron's, total [MeV]; `charge` of the final nucleus, negative
    for positrons. |Gamma(g + i eta)|^2 is taken as Gamma(g)^2 pi eta/sinh(pi eta), its value for
    g = sqrt(1 - (alpha Z)^2) = 1, within 0.1 %.
    """
    momentum = np.sqrt((energy - M_ELECTRON) * (energy + M_ELECTRON))
    root = np.sqrt(1 - (ALPHA * charge) ** 2)
    y = 2 * np.pi * ALPHA * charge * energy / momentum  # e^(pi eta) pi eta/sinh(pi eta)
    factor = FERMI_NEUTRINO if charge > 0 else FERMI_ANTINEUTRINO
    fermi = factor * (2 * momentum * RADIUS) ** (2 * root - 2) * y / (-np.expm1(-y))
    felt = energy + 1.5 * charge * ALPHA / RADIUS  # in the centre of an evenly charged sphere
    if felt <= M_ELECTRON:
        return float(fermi)
    effective = felt * np.sqrt((felt - M_ELECTRON) * (felt + M_ELECTRON)) / (energy * momentum)
    return float(min(fermi, effective) if charge > 0 else max(fermi, effective))


@compiled
def _level(energy: float, level: Floats, q_value: float, charge: float) -> float:
    """Cross section [cm2] of one level; 0 unless a lepton can be made."""
    lepton = energy - q_value - level[0]
    if lepton <= M_ELECTRON:
        return 0.0
    momentum = np.sqrt((lepton - M_ELECTRON) * (lepton + M_ELECTRON))
    strength = level[1] + level[2] + level[3]
    return STRENGTH * strength * momentum * lepton * coulomb(lepton, charge)


@compiled
def _levels(energy: float, table: Table) -> float:
    total = 0.0
    for i in range(table.levels.shape[0]):
        total += _level(energy, table.levels[i], table.q_value, table.charge)
    return total


@compiled
def _gas_share(energy: float, levels: Floats) -> float:
    """Share of the Fermi gas in the cross section's two models, 0 to 1."""
    if levels.shape[0] == 0:
        return 1.0
    return min(max((energy - LEVELS_END) / (GAS_ALONE - LEVELS_END), 0.0), 1.0)


@compiled
def sigma(energy: float, table: Table) -> float:
    """Cross section [cm2 per nucleus] at `energy` [MeV], the gas's from its table."""
    share = _gas_share(energy, table.levels)
    total = 0.0
    if share < 1:
        total += (1 - share) * _levels(energy, table)
    if share > 0:
        total += share * fermi_gas.sigma(energy, table.gas)
    return total


@cache
def table(antineutrino: bool, mass: float = M_ELECTRON) -> Table:
    """The table that `sigma` and `sample` read; `mass` [MeV]: of the lepton."""
    if antineutrino:
        parts = LEVELS_ANTINEUTRINO, Q_ANTINEUTRINO, CHARGE_ANTINEUTRINO
    else:
        parts = LEVELS_NEUTRINO, Q_NEUTRINO, CHARGE_NEUTRINO
    gas = GAS_ANTINEUTRINO if antineutrino else GAS_NEUTRINO
    if mass > M_ELECTRON:
        return Table(NO_LEVELS, *parts[1:], fermi_gas.table(gas, antineutrino, mass))
    return Table(*parts, fermi_gas.table(gas, antineutrino, mass, LEVELS_END))


@compiled
def sample(
    energy: float, table: Table, choice: float, share: float, other: float
) -> tuple[float, float, float]:
    """Lepton of one reaction: total energy [MeV], cosine to the neutrino, and excitation [MeV].

    `energy` [MeV] above the threshold; `choice`, `share`, `other`: independent random numbers,
    even in 0 to 1, for the model, the energy and the angle. The excitation of the final nucleus
    is -1 where the gas, which has no levels, was chosen.

    A level's angles have the density (1 + a v cos)/2, v the lepton's speed: a = 1 (Fermi), -1/3
    (Gamow-Teller), 0 for effective groups, of unknown nature.
    """
    gas_share = _gas_share(energy, table.levels)
    gas = 0.0 if gas_share == 0 else gas_share * fermi_gas.sigma(energy, table.gas)
    rest = 0.0 if gas_share == 1 else _levels(energy, table)
    if choice * (gas + (1 - gas_share) * rest) >= gas:
        chosen, rest = 0, share * rest
        for i in range(table.levels.shape[0]):
            part = _level(energy, table.levels[i], table.q_value, table.charge)
            if part > 0:
                chosen = i
                if rest < part:
                    break
            rest -= part
        level = table.levels[chosen]
        lepton = energy - table.q_value - level[0]
        speed = np.sqrt((lepton - M_ELECTRON) * (lepton + M_ELECTRON)) / lepton
        slope = speed * (level[1] - level[2] / 3) / (level[1] + level[2] + level[3])
        return lepton, min(tilted_point(slope, other) - 1, 1.0), level[0]
    lepton, cosine = fermi_gas.sample(energy, table.gas, share, other)
    return lepton, cosine, -1.0


@compiled
def _sigmas(pdg: Integers, energy: Floats, code: int, table: Table, result: Floats) -> int:
    """Fill `result` with `sigma` where `pdg` is `code`; place of an energy out of range, or -1."""
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
def _samples(energy: Floats, table: Table, stream: np.random.Generator, result: Floats) -> None:
    for i in range(energy.size):
        lepton, cosine, excitation = sample(
            energy[i], table, stream.random(), stream.random(), stream.random()
        )
        result[0, i], result[1, i], result[2, i] = lepton, cosine, excitation


def cross_section(
    energy: npt.ArrayLike, antineutrino: bool = False, mass: float = M_ELECTRON
) -> Floats:
    """Charged-current cross section per argon-40 nucleus [cm2]; for what holds where see above.

    `energy` [MeV], any shape, 0 to 2000 (else PhysicsError); `mass` [MeV]: of the lepton. The
    thresholds are 3.79 MeV (nu_e), 9.0 MeV (anti-nu_e) and 133.7 MeV (muons).
    """
    energies = checked_energies(energy)
    result = np.zeros(energies.shape)
    codes = np.zeros(energies.size, dtype=np.int32)
    _sigmas(codes, energies.ravel(), 0, table(antineutrino, mass), result.reshape(-1))
    return result


@dataclass(frozen=True)
class OnArgon:
    """Charged current on argon 40, seen by a calorimeter; of the final state only the lepton."""

    name: str
    meaning: str
    neutrino: int  # PDG number
    mass: float  # of the lepton [MeV]
    approximation: str | None
    target: str = "argon"

    def cross_section(self, pdg: Integers, energy: Floats) -> Floats:
        """Cross section [cm2 per nucleus]; PhysicsError beyond 2 GeV."""
        result = np.empty(energy.size)
        own = table(self.neutrino < 0, self.mass)
        bad = _sigmas(pdg, energy, self.neutrino, own, result)
        if bad >= 0:
            checked_energies(energy[bad])
        return result

    def sample(self, pdg: Integers, energy: Floats, stream: np.random.Generator) -> FinalStates:
        """The lepton, with the energy that it and the nucleus's gamma rays leave."""
        lepton, cosine, excitation = states = np.empty((3, energy.size))
        _samples(energy, table(self.neutrino < 0, self.mass), stream, states)
        azimuth = 2 * np.pi * stream.random(energy.size)
        positive = self.neutrino < 0
        if self.mass > M_ELECTRON:
            return muons.final_states(positive, lepton, cosine, azimuth, stream, muons.ARGON)
        # what ionises: kinetic energy, and, of a positron, both photons of its annihilation
        deposit = lepton + M_ELECTRON if positive else lepton - M_ELECTRON
        bound = BOUND_ANTINEUTRINO if positive else BOUND_NEUTRINO
        deposit += np.where((excitation > 0) & (excitation < bound), excitation, 0.0)
        size = energy.size
        one = np.ones(size, dtype=np.int32)
        return FinalStates(
            one,
            deposit,
            cosine,
            azimuth,
            np.zeros(size),
            np.full(size, ELECTRON_LIKE, dtype=np.int8),
            one,
            np.full(size, -ELECTRON if positive else ELECTRON, dtype=np.int32),
            lepton,
            cosine,
            azimuth,
        )


CHANNELS: tuple[Channel, ...] = (
    OnArgon("nue-argon-cc", "nu_e 40Ar -> e- X", NU_E, M_ELECTRON, APPROXIMATION),
    OnArgon("nuebar-argon-cc", "anti-nu_e 40Ar -> e+ X", -NU_E, M_ELECTRON, APPROXIMATION),
    OnArgon("numu-argon-cc", "nu_mu 40Ar -> mu- X", NU_MU, M_MUON, MUON_APPROXIMATION),
    OnArgon("numubar-argon-cc", "anti-nu_mu 40Ar -> mu+ X", -NU_MU, M_MUON, MUON_APPROXIMATION),
)
