"""What a reaction leaves of a nucleus: knocked-out nucleon, gamma rays, residual nucleus.

After a transition between levels: the gamma rays of the level, each isotropic, and the nucleus,
which takes up all momentum left. The cross sections of levels neglect its recoil; it is on its
mass shell here, so that energy is conserved but for the recoil's kinetic energy, q^2/(2 M): in
oxygen at most 0.1 MeV at 30 MeV, 2.7 MeV at 150 MeV. A level without gamma rays stays in the
nucleus's energy.

After a reaction of the Fermi gas: one nucleon and the nucleus that lacks it. A nucleon of kinetic
energy T below that of the Fermi surface, T_F, leaves a hole, which is an excitation T_F - T; so the
nucleon costs S + T_F - T, S the separation energy, on average S + 0.4 T_F, which is the binding
energy of the gas within 5 MeV. In the gas the nucleon feels a constant potential; on its way out it
loses the rest. It keeps the direction that the gas gives it, in the frame in which
nucleon and nucleus together rest, and its energy follows from the conservation of energy and
momentum, which are exact. It meets no other nucleon on its way.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from snmc.ground.compiled import compiled
from snmc.ground.units import M_NEUTRON, M_PROTON
from snmc.interactions import fermi_gas, nuclides
from snmc.interactions.channel import FinalStates, Floats, Integers
from snmc.interactions.quasielastic import NUCLEON_MASS

PHOTON, NEUTRON, PROTON = 22, 2112, 2212
NOT_FOLLOWED = (
    "listed of the final state: lepton, the nucleon that the gas loses, nucleus (after a level its "
    "recoil comes on top of the energy); not followed: collisions of that nucleon inside, and what "
    "an excited nucleus emits"
)
Level = tuple[float, dict[int, float]]


class Cascade(NamedTuple):
    """Levels of a nucleus, from 0 [MeV], and to which level each falls, with what chance."""

    energy: Floats  # (levels,)
    first: Integers  # (levels + 1,) places in the lists of transitions
    final: Integers  # (transitions,) numbers of levels
    chance: Floats  # (transitions,) cumulative


class Nucleus(NamedTuple):
    """A nucleus that is struck, and what can become of it.

    `mass` [MeV]; `daughter`: PDG number after a transition between levels; `ground` [MeV]: mass
    from which the excitations of its levels count; `bound` [MeV]: excitation up to which gamma rays
    carry all of it off, by the `cascade` and so many at most; `nucleon`: PDG number of what the gas
    knocks out; `nucleon_mass` [MeV]; `residue`, `residue_mass` [MeV]: PDG number and mass of what
    is then left.
    """

    mass: float
    daughter: int
    ground: float
    bound: float
    cascade: Cascade
    most_gammas: int
    nucleon: int
    nucleon_mass: float
    residue: int
    residue_mass: float


def cascade(scheme: Sequence[Level]) -> Cascade:
    """The `scheme`, levels as energy [MeV] and {number of a lower level: branching}, for kernels.

    It begins with the ground state and rises; branchings need not add up to 1.
    """
    first = np.cumsum([0, *(len(falls) for _, falls in scheme)], dtype=np.int32)
    sums = [np.cumsum(list(falls.values())) for _, falls in scheme[1:]]
    return Cascade(
        np.array([energy for energy, _ in scheme]),
        first,
        np.array([number for _, falls in scheme for number in falls], dtype=np.int32),
        np.concatenate([*(row / row[-1] for row in sums), np.empty(0)]),
    )


def _longest(scheme: Sequence[Level]) -> int:
    """Number of gamma rays in the longest cascade of the scheme."""
    lengths = [0]
    for _, falls in scheme[1:]:
        lengths.append(1 + max(lengths[number] for number in falls))
    return max(lengths)


def nucleus(
    protons: int,
    nucleons: int,
    charge: int,
    difference: float = 0.0,
    bound: float = 0.0,
    scheme: Sequence[Level] = ((0.0, {}),),
    *,
    proton: bool = False,
) -> Nucleus:
    """A nucleus of so many `protons` and `nucleons`, to which the current gives a `charge`.

    `charge`: +1 from neutrinos, -1 from antineutrinos, 0 in a neutral current, which strikes a
    `proton` or else a neutron; `difference` [MeV]: what the excitations of levels count from, less
    the mass of the struck nucleus; `bound` [MeV] and `scheme`: of the daughter.
    """
    mass = nuclides.mass(protons, nucleons)
    struck = 1 if charge < 0 or (charge == 0 and proton) else 0
    out, residue = struck + charge, (protons - struck, nucleons - 1)
    return Nucleus(
        mass,
        nuclides.pdg_code(protons + charge, nucleons),
        mass + difference,
        bound,
        cascade(scheme),
        _longest(scheme),
        PROTON if out else NEUTRON,
        M_PROTON if out else M_NEUTRON,
        nuclides.pdg_code(*residue),
        nuclides.mass(*residue),
    )


class Particles(NamedTuple):
    """Room for the particles of final states, flat."""

    pdg: Integers
    energy: Floats  # total [MeV]
    cosine: Floats  # to the arrival
    azimuth: Floats  # [rad] about it


@compiled
def put(
    particles: Particles, at: int, pdg: int, energy: float, x: float, y: float, z: float
) -> None:
    """A particle of momentum (x, y, z) [MeV], z along the arrival, at place `at`."""
    momentum = np.sqrt(x * x + y * y + z * z)
    particles.pdg[at] = pdg
    particles.energy[at] = energy
    particles.cosine[at] = min(max(z / momentum, -1.0), 1.0) if momentum > 0 else 1.0
    particles.azimuth[at] = np.arctan2(y, x)


@compiled
def put_nucleus(
    momentum: tuple[float, float, float], mass: float, code: int, particles: Particles, at: int
) -> int:
    """Put a nucleus of `momentum` [MeV], mass [MeV] and PDG number; gives the place behind it."""
    x, y, z = momentum
    put(particles, at, code, np.sqrt(mass * mass + x * x + y * y + z * z), x, y, z)
    return at + 1


@compiled
def level_remains(
    transfer: tuple[float, float, float],
    excitation: float,
    nucleus: Nucleus,
    particles: Particles,
    at: int,
    stream: np.random.Generator,
) -> int:
    """Put gamma rays and nucleus of one transition at place `at`; gives the place behind them.

    `transfer` [MeV]: momentum given to the nucleus, z along the arrival; `excitation` [MeV] of
    the daughter.
    """
    x, y, z = transfer
    if 0 < excitation < nucleus.bound:
        scheme = nucleus.cascade
        level = 0
        for k in range(scheme.energy.size):  # the nearest: strengths and scheme round differently
            if abs(scheme.energy[k] - excitation) < abs(scheme.energy[level] - excitation):
                level = k
        while level > 0:
            share, place = stream.random(), scheme.first[level]
            while scheme.chance[place] <= share:
                place += 1
            level = scheme.final[place]
            gamma = excitation - scheme.energy[level]
            excitation = scheme.energy[level]
            cosine, azimuth = 2 * stream.random() - 1, 2 * np.pi * stream.random()
            across = gamma * np.sqrt((1 - cosine) * (1 + cosine))
            dx, dy, dz = across * np.cos(azimuth), across * np.sin(azimuth), gamma * cosine
            put(particles, at, PHOTON, gamma, dx, dy, dz)
            x, y, z, at = x - dx, y - dy, z - dz, at + 1
    return put_nucleus((x, y, z), nucleus.ground + excitation, nucleus.daughter, particles, at)


@compiled
def knock_out(
    energy: float,
    lepton: tuple[float, float],
    level: float,
    nucleus: Nucleus,
    table: fermi_gas.Table,
    particles: Particles,
    at: int,
    stream: np.random.Generator,
) -> tuple[tuple[float, float, float], float]:
    """Put the nucleon that the gas loses at place `at`; momentum and excitation of what is left.

    `energy` [MeV] of the neutrino; `lepton`: energy [MeV] and cosine of the lepton, whose azimuth
    is 0; `level` [MeV]: excitation of what is left, or -1 for that of the hole. Result in MeV, the
    momentum in components, z along the neutrino.
    """
    left, cosine = lepton
    momentum = np.sqrt((left - table.mass) * (left + table.mass))
    across = momentum * np.sqrt((1 - cosine) * (1 + cosine))
    along = energy - momentum * cosine
    q = np.hypot(across, along)
    struck, final_along, final_across, azimuth = fermi_gas.knocked_out(
        energy, left, q, table, stream
    )
    final = np.sqrt(NUCLEON_MASS**2 + final_along**2 + final_across**2)
    # nucleon and nucleus together: their mass W, and the boost along q to the frame they rest in
    total = nucleus.mass + energy - left
    both = np.sqrt((total - q) * (total + q))
    gamma, gamma_beta = total / both, q / both
    surface = np.hypot(NUCLEON_MASS, table.nucleus.fermi_momentum)
    m = nucleus.nucleon_mass
    excitation = level if level >= 0 else max(surface - struck, 0.0)
    excitation = min(excitation, both - m - nucleus.residue_mass)
    rest = nucleus.residue_mass + excitation
    own = (both - m - rest) * (both + m + rest) * (both - m + rest) * (both + m - rest)
    own = np.sqrt(max(own, 0.0)) / (2 * both)
    ahead = gamma * final_along - gamma_beta * final
    length = np.hypot(ahead, final_across)
    ahead, aside = own * ahead / length, own * final_across / length
    out = np.hypot(m, own)
    a, b = gamma * ahead + gamma_beta * out, aside * np.cos(azimuth)
    s, c = across / q, along / q  # q points to (-s, 0, c), the neutrino's side is (c, 0, s)
    x, y, z = b * c - a * s, aside * np.sin(azimuth), a * c + b * s
    put(particles, at, nucleus.nucleon, gamma * out + gamma_beta * ahead, x, y, z)
    return (-across - x, -y, along - z), excitation


@compiled
def _fill(
    energy: Floats,
    leptons: Floats,
    code: int,
    nucleus: Nucleus,
    table: fermi_gas.Table,
    stream: np.random.Generator,
    counts: Integers,
    particles: Particles,
) -> None:
    """Put all particles of reactions, azimuths from the lepton's, and count them."""
    at = 0
    for i in range(energy.size):
        first = at
        lepton, cosine = leptons[0, i], leptons[1, i]
        momentum = np.sqrt((lepton - table.mass) * (lepton + table.mass))
        across = momentum * np.sqrt((1 - cosine) * (1 + cosine))
        put(particles, at, code, lepton, across, 0.0, momentum * cosine)
        if leptons[2, i] < 0:
            left, hole = knock_out(
                energy[i], (lepton, cosine), -1.0, nucleus, table, particles, at + 1, stream
            )
            mass = nucleus.residue_mass + hole
            at = put_nucleus(left, mass, nucleus.residue, particles, at + 2)
        else:
            transfer = (-across, 0.0, energy[i] - momentum * cosine)
            at = level_remains(transfer, leptons[2, i], nucleus, particles, at + 1, stream)
        counts[i] = at - first


def room(reactions: int, most: int) -> Particles:
    """Room for the particles of so many reactions, so many of each at most."""
    size = reactions * most
    return Particles(np.empty(size, dtype=np.int32), *np.empty((3, size)))


def with_remains(
    states: FinalStates,
    energy: Floats,
    leptons: Floats,
    azimuth: Floats,
    nucleus: Nucleus,
    table: fermi_gas.Table,
    unseen: np.random.Generator | None,
) -> FinalStates:
    """The same reactions with all particles that their models know: lepton, remains, nucleus last.

    `states`: their particles are the leptons; `energy` [MeV] (n,) of the neutrinos; `leptons`
    (3, n): total energy [MeV], cosine, and excitation of the daughter [MeV], -1 where the gas,
    `table`, was struck; `azimuth` [rad] (n,): theirs; `unseen`: random numbers, without which the
    list stays as it is.
    """
    if unseen is None:
        return states
    counts = np.empty(energy.size, dtype=np.int32)
    particles = room(energy.size, max(3, 2 + nucleus.most_gammas))
    code = int(states.pdg[0]) if energy.size else 0
    _fill(energy, leptons, code, nucleus, table, unseen, counts, particles)
    return listed(states, counts, particles, azimuth)


def listed(
    states: FinalStates, counts: Integers, particles: Particles, azimuth: Floats
) -> FinalStates:
    """The same reactions with these particles, `counts` (n,) each, in place of theirs.

    The particles' azimuths count from `azimuth` [rad] (n,); room at their end may be left.
    """
    size = int(counts.sum())
    return replace(
        states,
        particles=counts,
        pdg=particles.pdg[:size],
        energy=particles.energy[:size],
        cosine=particles.cosine[:size],
        azimuth=particles.azimuth[:size] + np.repeat(azimuth, counts),
    )
