"""Quasi-elastic reactions on nuclei as a relativistic Fermi gas.

R. A. Smith & E. J. Moniz, Nucl. Phys. B 43 (1972) 605, with the amplitude of Llewellyn Smith 1972:
the struck nucleons fill a sphere of momenta, each costs a binding
energy, and Pauli's principle keeps the final one out of the sphere. Quasi-elastic only: good to
some 20-30 %, above some 500 MeV short of the reactions with pions, and below some 100 MeV, where
levels rule, misleading.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from snmc.ground.compiled import compiled
from snmc.ground.units import M_ELECTRON
from snmc.interactions.quasielastic import (
    CM2,
    COS_CABIBBO,
    COUPLING,
    HIGHEST_ENERGY,
    NUCLEON_MASS,
    VECTOR_MASS_SQUARED,
    checked_energies,
    neutral_structure,
    structure,
)
from snmc.interactions.tables import Floats, invert, level, locate, mix, quantile

NODES, GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(64)
PAIR_NODE = 1 / np.sqrt(3.0)  # two-point Gauss-Legendre, exact for the quadratic integrand
GRID = 96


class Nucleus(NamedTuple):
    """What the gas is made of."""

    nucleons: float  # that can be struck; by charged currents neutrons, of antineutrinos protons
    fermi_momentum: float  # MeV
    binding: float  # MeV
    isospin: float = 0.0  # 0 charged current, +1 and -1 neutral current on protons and neutrons


class Table(NamedTuple):
    """Cross section and leptons on a grid even in ln(E - origin)."""

    nucleus: Nucleus
    sign: float  # +1 neutrinos, -1 antineutrinos
    mass: float  # of the lepton [MeV]
    origin: float  # [MeV]
    first_log: float
    log_step: float
    log_sigma: Floats  # (grid,) ln(sigma/cm2)
    lepton: Floats  # (grid, quantiles) of the lepton energy, from 0 (its mass) to 1 (highest)
    cosine: Floats  # (grid, quantiles of the energy, quantiles) of the cosine


@compiled
def _surface(nucleus: Nucleus) -> float:
    """Total energy [MeV] of a nucleon at the Fermi surface."""
    return float(np.hypot(NUCLEON_MASS, nucleus.fermi_momentum))


@compiled
def _transfer_range(
    energy: float, lepton: float, nucleus: Nucleus, mass: float
) -> tuple[float, float]:
    """Smallest and largest momentum transfer [MeV] that the gas allows; empty if high <= low.

    The struck nucleon, below the Fermi surface, takes up the energy transfer less the binding.
    """
    taken = energy - lepton - nucleus.binding
    if taken <= 0:
        return 0.0, 0.0
    momentum = np.sqrt((lepton - mass) * (lepton + mass))
    # momentum of a nucleon lifted from the Fermi surface
    lifted = taken + _surface(nucleus)
    final = np.sqrt((lifted - NUCLEON_MASS) * (lifted + NUCLEON_MASS))
    return (
        max(final - nucleus.fermi_momentum, energy - momentum),
        min(final + nucleus.fermi_momentum, energy + momentum),
    )


@compiled
def _struck_range(taken: float, transfer: float, nucleus: Nucleus) -> tuple[float, float]:
    """Lowest and highest energy [MeV] of a nucleon that takes up `taken` and `transfer` [MeV].

    By the energy delta function and Pauli's principle for the final nucleon; empty if high <= low.
    """
    space = (transfer - taken) * (transfer + taken)  # -(nucleon's momentum transfer)^2
    if taken <= 0 or space <= 0:
        return 0.0, 0.0
    high = _surface(nucleus)
    slowest = (transfer * np.sqrt(1 + 4 * NUCLEON_MASS * NUCLEON_MASS / space) - taken) / 2
    return max(max(high - taken, slowest), NUCLEON_MASS), high


@compiled
def _across2(nucleon: float, along: float) -> float:
    """Square of a nucleon's momentum across [MeV^2], by its energy and momentum along [MeV]."""
    return max(nucleon * nucleon - NUCLEON_MASS * NUCLEON_MASS - along * along, 0.0)


@compiled
def _leptons(energy: float, lepton: float, transfer: float, mass: float) -> tuple[float, float]:
    """Of the sum of the leptons' momenta: along the transfer [MeV], and across, squared."""
    momentum, q = np.sqrt((lepton - mass) * (lepton + mass)), transfer
    cosine = (energy**2 + momentum**2 - q * q) / (2 * energy * momentum)
    across2 = (2 * energy * momentum / q) ** 2 * max(1 - cosine * cosine, 0.0)
    return (energy - momentum) * (energy + momentum) / q, across2


@compiled
def _structure(t: float, nucleus: Nucleus, mass: float) -> tuple[float, float, float]:
    """A, B, C of the squared amplitude on one of the nucleons; see `quasielastic.py`."""
    if nucleus.isospin == 0:
        return structure(t, 0.0, VECTOR_MASS_SQUARED, mass)
    return neutral_structure(t, nucleus.isospin)


@compiled
def _gas(
    energy: float, lepton: float, transfer: float, sign: float, nucleus: Nucleus, mass: float
) -> float:
    """Cross section d2 sigma/(dE dq) [cm2/MeV2] of the nucleus.

    `energy`, `lepton`: energies of neutrino and lepton; `transfer`: momentum transfer q (all MeV);
    `sign`: +1 neutrino, -1 antineutrino; `mass` [MeV]: of the lepton. With n(p) filled evenly to
    the Fermi momentum and E_p the energy of the struck nucleon, the energy delta function fixes
    its angle to q:

    d2 sigma/(dE dq) = N/(32 pi E_nu^2) 3/(4 pi k_F^3) Int dE_p 2 pi <|M|^2>_phi
    """
    taken, q = energy - lepton - nucleus.binding, transfer
    low, high = _struck_range(taken, q, nucleus)
    if low >= high:
        return 0.0
    space = (q - taken) * (q + taken)
    along, across2 = _leptons(energy, lepton, q, mass)
    both = energy + lepton
    a, b, c = _structure((energy - lepton) ** 2 - q * q, nucleus, mass)
    total = 0.0
    for node in (-PAIR_NODE, PAIR_NODE):
        nucleon = mix(low, high, (1 + node) / 2)
        p_along = (2 * nucleon * taken - space) / (2 * q)
        p_across2 = _across2(nucleon, p_along)
        mean = both * (2 * nucleon + taken) - along * (2 * p_along + q)  # of s - u over phi
        square = mean * mean + 2 * across2 * p_across2  # of (s - u)^2
        total += a + sign * mean * b + square * c
    total *= (high - low) / 2
    density = 3 * nucleus.nucleons / (4 * np.pi * nucleus.fermi_momentum**3)
    coupling = COUPLING if nucleus.isospin == 0 else COUPLING / COS_CABIBBO**2
    return float(CM2 * coupling * density * total / (16 * energy * energy))


@compiled
def _spectrum(energy: float, lepton: float, sign: float, nucleus: Nucleus, mass: float) -> float:
    """Cross section d sigma/dE [cm2/MeV], `_gas` integrated over q."""
    low, high = _transfer_range(energy, lepton, nucleus, mass)
    if high <= low:
        return 0.0
    total = 0.0
    for i in range(NODES.size):
        transfer = mix(low, high, (1 + NODES[i]) / 2)
        total += GAUSS_WEIGHTS[i] * _gas(energy, lepton, transfer, sign, nucleus, mass)
    return total * (high - low) / 2


@compiled
def total(energy: float, sign: float, nucleus: Nucleus, mass: float) -> float:
    """Cross section [cm2 per nucleus] at `energy` [MeV]; 0 below the gas's threshold.

    `sign`: +1 neutrino, -1 antineutrino; `mass` [MeV]: of the lepton. The lepton's energies are
    spaced as the square of the nodes: small transfers carry most of it at high energies.
    """
    most = energy - nucleus.binding - mass
    if most <= 0:
        return 0.0
    result = 0.0
    for i in range(NODES.size):
        x = (1 + NODES[i]) / 2
        lepton = mass + most * (1 - x * x)
        result += GAUSS_WEIGHTS[i] * x * most * _spectrum(energy, lepton, sign, nucleus, mass)
    return result


@compiled
def _totals(energy: Floats, sign: float, nucleus: Nucleus, mass: float, result: Floats) -> None:
    for i in range(energy.size):
        result[i] = total(energy[i], sign, nucleus, mass)


@compiled
def _differentials(
    energy: Floats,
    lepton: Floats,
    cosine: Floats,
    sign: float,
    nucleus: Nucleus,
    mass: float,
    result: Floats,
) -> None:
    for i in range(energy.size):
        if lepton[i] > mass:
            momentum = np.sqrt(lepton[i] ** 2 - mass * mass)
            scale = energy[i] * momentum
            q = np.sqrt((energy[i] - momentum) ** 2 + 2 * scale * (1 - cosine[i]))
            if q > 0:
                result[i] = _gas(energy[i], lepton[i], q, sign, nucleus, mass) * scale / q


def cross_section(
    energy: npt.ArrayLike, nucleus: Nucleus, antineutrino: bool, mass: float = M_ELECTRON
) -> Floats:
    """Cross section of the gas [cm2 per nucleus], at any energy [MeV] up to 2 GeV.

    `energy`: any shape, the result has it too; `mass` [MeV]: of the lepton. Raises PhysicsError
    outside 0 to 2000 MeV.
    """
    energies = checked_energies(energy)
    result = np.zeros(energies.shape)
    sign = -1.0 if antineutrino else 1.0
    _totals(energies.ravel(), sign, nucleus, mass, result.reshape(-1))
    return result


def differential(
    energy: npt.ArrayLike,
    lepton_energy: npt.ArrayLike,
    cosine: npt.ArrayLike,
    nucleus: Nucleus,
    antineutrino: bool,
    mass: float = M_ELECTRON,
) -> Floats:
    """Cross section d2 sigma/(dE dcos) [cm2/MeV per nucleus], Smith & Moniz 1972.

    `energy`, `lepton_energy` (total) [MeV] and `cosine` between neutrino and lepton: arrays that
    broadcast; `mass` [MeV]: of the lepton. Zero outside the kinematic range. Raises PhysicsError
    outside 0 to 2000 MeV.
    """
    energies, leptons, cosines = np.broadcast_arrays(
        checked_energies(energy),
        np.asarray(lepton_energy, dtype=np.float64),
        np.asarray(cosine, dtype=np.float64),
    )
    result = np.zeros(energies.shape)
    sign = -1.0 if antineutrino else 1.0
    _differentials(
        energies.ravel(), leptons.ravel(), cosines.ravel(), sign, nucleus, mass, result.reshape(-1)
    )
    return result


@compiled
def _fill(table: Table) -> None:
    x = np.linspace(0.0, 1.0, 257)
    fraction = x * (2 - x)  # dense where energy transfers are small
    spectrum, density = np.empty(257), np.empty(257)
    last = table.lepton.shape[1] - 1
    transfers = np.empty(table.cosine.shape[2])
    nucleus, mass, sign = table.nucleus, table.mass, table.sign
    for i in range(table.log_sigma.size):
        energy = table.origin + np.exp(table.first_log + i * table.log_step)
        table.log_sigma[i] = np.log(total(energy, sign, nucleus, mass))
        most = energy - nucleus.binding - mass
        for k in range(257):
            spectrum[k] = _spectrum(energy, mass + most * fraction[k], sign, nucleus, mass)
        invert(fraction, spectrum, table.lepton[i])
        for k in range(last + 1):
            # at the very ends of the spectrum there is no distribution: take one close by
            beside = 0.5 if k == 0 or k == last else 0.0
            chosen = mass + most * quantile(table.lepton[i], min(k, last - 1), beside)
            low, high = _transfer_range(energy, chosen, nucleus, mass)
            transfer = low + (high - low) * x
            for j in range(257):
                density[j] = _gas(energy, chosen, transfer[j], sign, nucleus, mass)
            invert(transfer, density, transfers)
            momentum = np.sqrt((chosen - mass) * (chosen + mass))
            for j in range(transfers.size):
                cosine = (energy**2 + momentum**2 - transfers[j] ** 2) / (2 * energy * momentum)
                table.cosine[i, k, j] = min(max(cosine, -1.0), 1.0)


@cache
def table(nucleus: Nucleus, antineutrino: bool, mass: float, lowest: float | None = None) -> Table:
    """The table that `sigma` and `sample` read; built once for each neutrino, in half a second.

    `mass` [MeV]: of the lepton. It begins at the energy `lowest` [MeV], or, without, at 0.1 MeV
    above the gas's threshold.
    """
    origin, first = (nucleus.binding + mass, 0.1) if lowest is None else (0.0, lowest)
    first_log, last_log = float(np.log(first)), float(np.log(HIGHEST_ENERGY - origin))
    result = Table(
        nucleus,
        -1.0 if antineutrino else 1.0,
        mass,
        origin,
        first_log,
        (last_log - first_log) / (GRID - 1),
        np.empty(GRID),
        np.empty((GRID, 97)),
        np.empty((GRID, 97, 33)),
    )
    _fill(result)
    return result


@compiled
def _place(energy: float, table: Table) -> tuple[int, float]:
    """Cell of the grid and place in it at `energy` [MeV], above the origin."""
    above = np.log(energy - table.origin)
    return locate(above, table.first_log, table.log_step, table.log_sigma.size)


@compiled
def sigma(energy: float, table: Table) -> float:
    """Cross section [cm2 per nucleus] from the table; 0 at or below its origin."""
    if energy <= table.origin:
        return 0.0
    i, place = _place(energy, table)
    return float(np.exp(mix(table.log_sigma[i], table.log_sigma[i + 1], place)))


@compiled
def sample(energy: float, table: Table, share: float, other: float) -> tuple[float, float]:
    """Lepton of one reaction: total energy [MeV] and cosine to the neutrino.

    `energy` [MeV] above the threshold; `share`, `other`: independent random numbers, even in 0 to
    1, for the energy and the angle.
    """
    i, place = _place(energy, table)
    place = min(max(place, 0.0), 1.0)
    k, beside = level(share, table.lepton.shape[1])
    j, across = level(other, table.cosine.shape[2])
    fraction = mix(
        quantile(table.lepton[i], k, beside), quantile(table.lepton[i + 1], k, beside), place
    )
    cosine = mix(
        mix(
            quantile(table.cosine[i, k], j, across),
            quantile(table.cosine[i, k + 1], j, across),
            beside,
        ),
        mix(
            quantile(table.cosine[i + 1, k], j, across),
            quantile(table.cosine[i + 1, k + 1], j, across),
            beside,
        ),
        place,
    )
    return mix(table.mass, energy - table.nucleus.binding, fraction), cosine


@compiled
def knocked_out(
    energy: float, lepton: float, transfer: float, table: Table, stream: np.random.Generator
) -> tuple[float, float, float, float]:
    """The nucleon of one reaction, given its lepton, in the gas: Smith & Moniz's distribution.

    `energy`, `lepton`: energies of neutrino and lepton; `transfer`: momentum transfer q (all MeV).
    Result: energy [MeV] of the struck nucleon; momentum [MeV] of the final one along q and across,
    and its azimuth [rad] about q, 0 on the neutrino's side. The energy is flat in its range and
    the azimuth in the circle but for |M|^2, by which both are kept or drawn again: with
    s - u = (k + k')(p + p') it is A +- (s - u) B + (s - u)^2 C, highest at an end of s - u.
    """
    taken, q = energy - lepton - table.nucleus.binding, transfer
    low, high = _struck_range(taken, q, table.nucleus)
    if low >= high:  # a lepton between those of the table may lie just outside the gas's range
        low = high = _surface(table.nucleus)
    space = (q - taken) * (q + taken)
    along, across2 = _leptons(energy, lepton, q, table.mass)
    across, both = np.sqrt(across2), energy + lepton
    a, b, c = _structure((energy - lepton) ** 2 - q * q, table.nucleus, table.mass)
    b *= table.sign
    least, most, widest = np.inf, -np.inf, 0.0
    for nucleon in (low, high):
        p_along = (2 * nucleon * taken - space) / (2 * q)
        mean = both * (2 * nucleon + taken) - along * (2 * p_along + q)  # of s - u over phi
        least, most = min(least, mean), max(most, mean)
        widest = max(widest, _across2(nucleon, p_along))
    widest = 2 * across * np.sqrt(widest)
    least, most = least - widest, most + widest
    highest = max(a + least * b + least * least * c, a + most * b + most * most * c)
    while True:
        nucleon = mix(low, high, stream.random())
        azimuth = 2 * np.pi * stream.random()
        p_along = (2 * nucleon * taken - space) / (2 * q)
        p_across = np.sqrt(_across2(nucleon, p_along))
        x = both * (2 * nucleon + taken) - along * (2 * p_along + q)
        x -= 2 * across * p_across * np.cos(azimuth)
        if highest <= 0 or stream.random() * highest <= a + x * b + x * x * c:
            return nucleon, p_along + q, p_across, azimuth
