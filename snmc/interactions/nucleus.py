"""Charged-current reactions on nuclei: levels at low, a Fermi gas at high energies.

Electron neutrinos at low energies: a sum over levels of the final nucleus in the allowed
approximation, S. Gardiner, Phys. Rev. C 103 (2021) 044604 (G) eq. 13 without recoil,

sigma = (G^2 cos^2(theta_C)/pi) Sum_i (B_F + B_GT)_i p E F(Z, E),  E = E_nu - Q - E_i,

with the Coulomb correction F of Fermi, or, where it is closer to 1, of the effective momentum
(J. Engel, Phys. Rev. C 57 (1998) 2004), as G takes it. Effective groups of levels stand for
transitions of which only the sum is known, allowed and forbidden.

At high energies, and for muon neutrinos from its threshold on, the relativistic Fermi gas. In
between a reaction follows the gas with a probability that rises linearly from 0 to 1, so that cross
section, energies and angles are continuous.
"""

from dataclasses import dataclass, replace
from functools import cache
from math import gamma
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from snmc.ground.compiled import compiled
from snmc.ground.sampling import tilted_point
from snmc.ground.units import ALPHA, G_FERMI, HBAR_C, M_ELECTRON
from snmc.interactions import fermi_gas, muons, remains
from snmc.interactions.calorimeter import without_direction
from snmc.interactions.channel import ELECTRON_LIKE, FinalStates, Floats, Integers, one_signal
from snmc.interactions.quasielastic import CM2, COS_CABIBBO, HIGHEST_ENERGY, checked_energies

ELECTRON = 11
STRENGTH = (G_FERMI * COS_CABIBBO) ** 2 / np.pi * CM2  # cm2/MeV2
NO_LEVELS = np.empty((0, 4))


class Transition(NamedTuple):
    """What a nucleus turns into, by a neutrino or an antineutrino.

    `levels`: excitation energy [MeV] and strengths, Fermi, Gamow-Teller (with g_A^2), effective;
    `difference` [MeV]: mass of the final nucleus, in its ground state, minus that of the initial
    one; `charge` of the final nucleus, negative for antineutrinos; `radius` [fm]: root mean square
    of the charge; `separation` [MeV]: excitation energy above which the nucleus loses a nucleon;
    the levels' cross section holds alone to `levels_end` [MeV], the `gas` alone from `gas_alone`.
    """

    levels: tuple[tuple[float, float, float, float], ...]
    difference: float
    charge: float
    radius: float
    separation: float
    gas: fermi_gas.Nucleus
    levels_end: float
    gas_alone: float


class Table(NamedTuple):
    """A transition's numbers, as the kernels take them."""

    levels: Floats  # (levels, 4), or (0, 4) if the gas is all
    difference: float
    charge: float
    radius: float  # 1/MeV, of an evenly charged sphere
    fermi: float  # part of Fermi's function that depends on the charge alone
    levels_end: float
    gas_alone: float
    gas: fermi_gas.Table


@compiled
def coulomb(energy: float, table: Table) -> float:
    """Coulomb correction F of the lepton's density at the nucleus, G eqs. 16-19.

    `energy`: the electron's or positron's, total [MeV]. With g = sqrt(1 - (alpha Z)^2), close to 1,
    |Gamma(g + i eta)|^2 is taken as Gamma(g)^2 pi eta/sinh(pi eta), within 0.1 %.
    """
    charge, radius = table.charge, table.radius
    momentum = np.sqrt((energy - M_ELECTRON) * (energy + M_ELECTRON))
    root = np.sqrt(1 - (ALPHA * charge) ** 2)
    y = 2 * np.pi * ALPHA * charge * energy / momentum  # e^(pi eta) pi eta/sinh(pi eta)
    fermi = table.fermi * (2 * momentum * radius) ** (2 * root - 2) * y / (-np.expm1(-y))
    felt = energy + 1.5 * charge * ALPHA / radius  # in the centre of an evenly charged sphere
    if felt <= M_ELECTRON:
        return float(fermi)
    effective = felt * np.sqrt((felt - M_ELECTRON) * (felt + M_ELECTRON)) / (energy * momentum)
    return float(min(fermi, effective) if charge > 0 else max(fermi, effective))


@compiled
def _level(energy: float, level: Floats, table: Table) -> float:
    """Cross section [cm2] of one level; 0 unless a lepton can be made."""
    lepton = energy - table.difference - level[0]
    if lepton <= M_ELECTRON:
        return 0.0
    momentum = np.sqrt((lepton - M_ELECTRON) * (lepton + M_ELECTRON))
    strength = level[1] + level[2] + level[3]
    return float(STRENGTH * strength * momentum * lepton * coulomb(lepton, table))


@compiled
def _levels(energy: float, table: Table) -> float:
    total = 0.0
    for i in range(table.levels.shape[0]):
        total += _level(energy, table.levels[i], table)
    return total


@compiled
def _gas_share(energy: float, table: Table) -> float:
    """Share of the Fermi gas in the cross section's two models, 0 to 1."""
    if table.levels.shape[0] == 0:
        return 1.0
    return min(max((energy - table.levels_end) / (table.gas_alone - table.levels_end), 0.0), 1.0)


@compiled
def sigma(energy: float, table: Table) -> float:
    """Cross section [cm2 per nucleus] at `energy` [MeV], the gas's from its table."""
    share = _gas_share(energy, table)
    total = 0.0
    if share < 1:
        total += (1 - share) * _levels(energy, table)
    if share > 0:
        total += share * fermi_gas.sigma(energy, table.gas)
    return total


@cache
def table(transition: Transition, mass: float = M_ELECTRON) -> Table:
    """The table that `sigma` and `sample` read; `mass` [MeV]: of the lepton."""
    antineutrino = transition.charge < 0
    root = np.sqrt(1 - (ALPHA * transition.charge) ** 2)
    muon = mass > M_ELECTRON
    return Table(
        NO_LEVELS if muon else np.array(transition.levels),
        transition.difference,
        transition.charge,
        float(np.sqrt(5 / 3) * transition.radius / HBAR_C),
        float(2 * (1 + root) * (gamma(root) / gamma(2 * root + 1)) ** 2),
        transition.levels_end,
        transition.gas_alone,
        fermi_gas.table(
            transition.gas, antineutrino, mass, None if muon else transition.levels_end
        ),
    )


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
    gas_share = _gas_share(energy, table)
    gas = 0.0 if gas_share == 0 else gas_share * fermi_gas.sigma(energy, table.gas)
    rest = 0.0 if gas_share == 1 else _levels(energy, table)
    if choice * (gas + (1 - gas_share) * rest) >= gas:
        chosen, rest = 0, share * rest
        for i in range(table.levels.shape[0]):
            part = _level(energy, table.levels[i], table)
            if part > 0:
                chosen = i
                if rest < part:
                    break
            rest -= part
        level = table.levels[chosen]
        lepton = energy - table.difference - level[0]
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
    energy: npt.ArrayLike, transition: Transition, mass: float = M_ELECTRON
) -> Floats:
    """Cross section per nucleus [cm2].

    `energy` [MeV], any shape, 0 to 2000 (else PhysicsError); `mass` [MeV]: of the lepton.
    """
    energies = checked_energies(energy)
    result = np.zeros(energies.shape)
    codes = np.zeros(energies.size, dtype=np.int32)
    _sigmas(codes, energies.ravel(), 0, table(transition, mass), result.reshape(-1))
    return result


@dataclass(frozen=True)
class OnNucleus:
    """Charged current on a nucleus in a calorimeter.

    Seen are the lepton and the gamma rays of the nucleus's bound levels; `struck`: what becomes of
    the nucleus; `directed`: whether the signal shows the lepton's direction.
    """

    name: str
    target: str
    meaning: str
    approximation: str | None
    neutrino: int  # PDG number
    mass: float  # of the lepton [MeV]
    transition: Transition
    struck: remains.Nucleus
    medium: muons.Medium
    directed: bool

    def cross_section(self, pdg: Integers, energy: Floats) -> Floats:
        """Cross section [cm2 per nucleus]; PhysicsError beyond 2 GeV."""
        result = np.empty(energy.size)
        bad = _sigmas(pdg, energy, self.neutrino, table(self.transition, self.mass), result)
        if bad >= 0:
            checked_energies(energy[bad])
        return result

    def sample(
        self,
        pdg: Integers,
        energy: Floats,
        stream: np.random.Generator,
        unseen: np.random.Generator | None = None,
    ) -> FinalStates:
        """Lepton, seen by what ionises of it and of the gamma rays, and the nucleus's remains."""
        numbers = table(self.transition, self.mass)
        lepton, cosine, excitation = leptons = np.empty((3, energy.size))
        _samples(energy, numbers, stream, leptons)
        azimuth = 2 * np.pi * stream.random(energy.size)
        positive = self.neutrino < 0
        if self.mass > M_ELECTRON:
            states = muons.final_states(positive, lepton, cosine, azimuth, stream, self.medium)
            return remains.with_remains(
                states, energy, leptons, azimuth, self.struck, numbers.gas, unseen
            )
        # what ionises: kinetic energy, and, of a positron, both photons of its annihilation
        deposit = lepton + M_ELECTRON if positive else lepton - M_ELECTRON
        bound = (excitation > 0) & (excitation < self.transition.separation)
        deposit += np.where(bound, excitation, 0.0)
        code = -ELECTRON if positive else ELECTRON
        states = one_signal(ELECTRON_LIKE, lepton, cosine, azimuth, code)
        states = replace(states, signal_energy=deposit)
        states = remains.with_remains(
            states, energy, leptons, azimuth, self.struck, numbers.gas, unseen
        )
        return states if self.directed else without_direction(states, stream)
