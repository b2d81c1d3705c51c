"""Charged-current reactions of electron neutrinos and antineutrinos on oxygen 16.

Up to 100 MeV: the shell-model cross sections of Suzuki et al., Phys. Rev. C 98 (2018) 034613, in
the fit of Nakazato, Suzuki & Sakuda, PTEP 2018 (2018) 123E02 (NSS), four groups of levels each;
the lepton takes what the level leaves, E_nu - E_g, at the angles of Tomas et al., Phys. Rev. D 68
(2003) 093013.

Above 150 MeV, a named approximation: the relativistic Fermi gas of Smith & Moniz, Nucl. Phys. B 43
(1972) 605 (eight neutrons or protons, Fermi momentum 225 MeV, binding 27 MeV) with the amplitude
of Llewellyn Smith 1972. It is quasi-elastic only: good to some 20-30 %, and above some 500 MeV
short of the reactions with pions.

Between 100 and 150 MeV a reaction follows the Fermi gas with a probability that rises linearly
from 0 to 1, so that cross section, energies and angles are continuous. The models differ there:
at 100 MeV the fit is 1.2 (nu_e) and 0.8 (anti-nu_e) times the Fermi gas.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from snmc.ground.compiled import compiled
from snmc.ground.units import M_ELECTRON
from snmc.interactions.quasielastic import (
    CM2,
    COUPLING,
    HIGHEST_ENERGY,
    NUCLEON_MASS,
    VECTOR_MASS_SQUARED,
    checked_energies,
    structure,
)
from snmc.interactions.tables import Floats, invert, level, locate, mix, quantile

FERMI_MOMENTUM = 225.0  # MeV, Smith & Moniz 1972 for oxygen's neighbour carbon, as usual for 16O
BINDING = 27.0  # MeV, as usual for 16O
FERMI_ENERGY = float(np.hypot(NUCLEON_MASS, FERMI_MOMENTUM))
NUCLEONS = 8  # neutrons, or protons, of 16O
APPROXIMATION = (
    "neutrino-oxygen reactions: shell-model fit (Nakazato et al. 2018) to 100 MeV, relativistic "
    "Fermi gas (quasi-elastic only, 20-30 %) from 150 MeV, joined linearly in between"
)
FIT_ENDS, GAS_BEGINS = 100.0, 150.0  # MeV

# NSS table 4: excitation energy of the group [MeV] and a, b, c of its cross section
GROUPS_NEUTRINO = np.array(
    [
        [15.21, -40.008, 4.918, 1.036],
        [22.47, -39.305, 4.343, 0.961],
        [25.51, -39.655, 5.263, 1.236],
        [29.35, -39.166, 3.947, 0.901],
    ]
)
GROUPS_ANTINEUTRINO = np.array(
    [
        [11.23, -40.656, 4.528, 0.887],
        [18.50, -40.026, 4.117, 0.895],
        [21.54, -40.060, 3.743, 0.565],
        [25.38, -39.862, 3.636, 0.846],
    ]
)
NODES, GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(64)
PAIR_NODE = 1 / np.sqrt(3.0)  # two-point Gauss-Legendre, exact for the quadratic integrand
FIRST_LOG = float(np.log(FIT_ENDS))  # the gas's grid is even in ln(E/MeV)
GRID = 96
LOG_STEP = (float(np.log(HIGHEST_ENERGY)) - FIRST_LOG) / (GRID - 1)


class Table(NamedTuple):
    """Fit groups, and the Fermi gas on a grid even in ln E."""

    groups: Floats  # (4, 4)
    log_sigma: Floats  # (grid,) ln(sigma/cm2)
    lepton: Floats  # (grid, quantiles) of the lepton energy [MeV]
    cosine: Floats  # (grid, quantiles of the energy, quantiles) of the cosine


@compiled
def _group(energy: float, group: Floats) -> float:
    """Cross section [cm2] of one group of levels, NSS table 4; 0 unless a lepton can be made."""
    if energy <= group[0] + M_ELECTRON:
        return 0.0
    d = np.log10(np.sqrt(np.sqrt(energy)) - np.sqrt(np.sqrt(group[0])))
    return float(10.0 ** (group[1] + group[2] * d + group[3] * d * d))


@compiled
def _fit(energy: float, groups: Floats) -> float:
    total = 0.0
    for i in range(groups.shape[0]):
        total += _group(energy, groups[i])
    return total


@compiled
def _gas_share(energy: float) -> float:
    """Share of the Fermi gas in the cross section's two models, 0 to 1."""
    return min(max((energy - FIT_ENDS) / (GAS_BEGINS - FIT_ENDS), 0.0), 1.0)


@compiled
def _transfer_range(energy: float, lepton: float) -> tuple[float, float]:
    """Smallest and largest momentum transfer [MeV] that the gas allows; empty if high <= low.

    The struck nucleon, below the Fermi surface, takes up the energy transfer less the binding.
    """
    taken = energy - lepton - BINDING
    if taken <= 0:
        return 0.0, 0.0
    momentum = np.sqrt((lepton - M_ELECTRON) * (lepton + M_ELECTRON))
    # momentum of a nucleon lifted from the Fermi surface
    final = np.sqrt((taken + FERMI_ENERGY - NUCLEON_MASS) * (taken + FERMI_ENERGY + NUCLEON_MASS))
    return (
        max(final - FERMI_MOMENTUM, energy - momentum),
        min(final + FERMI_MOMENTUM, energy + momentum),
    )


@compiled
def _gas(energy: float, lepton: float, transfer: float, sign: float) -> float:
    """Fermi-gas cross section d2 sigma/(dE dq) [cm2/MeV2] of the nucleus.

    `energy`, `lepton`: energies of neutrino and lepton; `transfer`: momentum transfer q (all MeV);
    `sign`: +1 neutrino, -1 antineutrino. With n(p) filled evenly to the Fermi momentum and E_p
    the energy of the struck nucleon, the energy delta function fixes its angle to q:

    d2 sigma/(dE dq) = N/(32 pi E_nu^2) 3/(4 pi k_F^3) Int dE_p 2 pi <|M|^2>_phi
    """
    taken = energy - lepton - BINDING
    q, M, m = transfer, NUCLEON_MASS, M_ELECTRON
    space = (q - taken) * (q + taken)  # -(nucleon's momentum transfer)^2
    if taken <= 0 or space <= 0:
        return 0.0
    # lowest energy: delta function and Pauli's principle for the final one
    low = max(FERMI_ENERGY - taken, (q * np.sqrt(1 + 4 * M * M / space) - taken) / 2)
    low = max(low, M)
    if low >= FERMI_ENERGY:
        return 0.0
    momentum = np.sqrt((lepton - m) * (lepton + m))
    # of the sum of the leptons' momenta, along q and across
    along = (energy - momentum) * (energy + momentum) / q
    cosine = (energy**2 + momentum**2 - q * q) / (2 * energy * momentum)
    across2 = (2 * energy * momentum / q) ** 2 * max(1 - cosine * cosine, 0.0)
    both = energy + lepton
    a, b, c = structure((energy - lepton) ** 2 - q * q, 0.0, VECTOR_MASS_SQUARED)
    total = 0.0
    for node in (-PAIR_NODE, PAIR_NODE):
        nucleon = mix(low, FERMI_ENERGY, (1 + node) / 2)
        p_along = (2 * nucleon * taken - space) / (2 * q)
        p_across2 = max(nucleon * nucleon - M * M - p_along * p_along, 0.0)
        mean = both * (2 * nucleon + taken) - along * (2 * p_along + q)  # of s - u over phi
        square = mean * mean + 2 * across2 * p_across2  # of (s - u)^2
        total += a + sign * mean * b + square * c
    total *= (FERMI_ENERGY - low) / 2
    density = 3 / (4 * np.pi * FERMI_MOMENTUM**3)
    return float(CM2 * COUPLING * NUCLEONS * density * total / (16 * energy * energy))


@compiled
def _gas_spectrum(energy: float, lepton: float, sign: float) -> float:
    """Fermi-gas cross section d sigma/dE [cm2/MeV], `_gas` integrated over q."""
    low, high = _transfer_range(energy, lepton)
    if high <= low:
        return 0.0
    total = 0.0
    for i in range(NODES.size):
        total += GAUSS_WEIGHTS[i] * _gas(energy, lepton, mix(low, high, (1 + NODES[i]) / 2), sign)
    return total * (high - low) / 2


@compiled
def _gas_total(energy: float, sign: float) -> float:
    """Fermi-gas cross section [cm2], the energies spaced as the square of the nodes.

    Small energy transfers carry most of it at high energies.
    """
    most = energy - BINDING - M_ELECTRON
    total = 0.0
    for i in range(NODES.size):
        x = (1 + NODES[i]) / 2
        lepton = energy - BINDING - most * x * x
        total += GAUSS_WEIGHTS[i] * x * most * _gas_spectrum(energy, lepton, sign)
    return total


@compiled
def _totals(energy: Floats, groups: Floats, sign: float, result: Floats) -> None:
    for i in range(energy.size):
        share = _gas_share(energy[i])
        if share < 1:
            result[i] += (1 - share) * _fit(energy[i], groups)
        if share > 0:
            result[i] += share * _gas_total(energy[i], sign)


@compiled
def _gas_totals(energy: Floats, sign: float, result: Floats) -> None:
    for i in range(energy.size):
        if energy[i] > BINDING + M_ELECTRON:
            result[i] = _gas_total(energy[i], sign)


@compiled
def _gas_differentials(
    energy: Floats, lepton: Floats, cosine: Floats, sign: float, result: Floats
) -> None:
    for i in range(energy.size):
        if lepton[i] > M_ELECTRON:
            momentum = np.sqrt(lepton[i] ** 2 - M_ELECTRON**2)
            scale = energy[i] * momentum
            q = np.sqrt((energy[i] - momentum) ** 2 + 2 * scale * (1 - cosine[i]))
            if q > 0:
                result[i] = _gas(energy[i], lepton[i], q, sign) * scale / q


def cross_section(energy: npt.ArrayLike, antineutrino: bool = False) -> npt.NDArray[np.float64]:
    """Charged-current cross section per oxygen-16 nucleus [cm2], NSS and Fermi gas.

    `energy` [MeV], any shape, 0 to 2000 (else PhysicsError); the result has it too. The threshold
    is 15.72 MeV for nu_e, 11.74 MeV for anti-nu_e. For what holds where see the module.
    """
    energies = checked_energies(energy)
    result = np.zeros(energies.shape)
    groups = GROUPS_ANTINEUTRINO if antineutrino else GROUPS_NEUTRINO
    _totals(energies.ravel(), groups, -1.0 if antineutrino else 1.0, result.reshape(-1))
    return result


def fermi_gas(energy: npt.ArrayLike, antineutrino: bool = False) -> npt.NDArray[np.float64]:
    """Cross section of the Fermi gas alone [cm2 per nucleus], at any energy [MeV] up to 2 GeV.

    Below some 100 MeV levels rule and the gas misleads: it is here for comparison.
    """
    energies = checked_energies(energy)
    result = np.zeros(energies.shape)
    _gas_totals(energies.ravel(), -1.0 if antineutrino else 1.0, result.reshape(-1))
    return result


def fermi_gas_differential(
    energy: npt.ArrayLike,
    lepton_energy: npt.ArrayLike,
    cosine: npt.ArrayLike,
    antineutrino: bool = False,
) -> npt.NDArray[np.float64]:
    """Fermi-gas cross section d2 sigma/(dE dcos) [cm2/MeV per nucleus], Smith & Moniz 1972.

    `energy`, `lepton_energy` (total) [MeV] and `cosine` between neutrino and lepton: arrays that
    broadcast. Zero outside the kinematic range. Raises PhysicsError outside 0 to 2000 MeV.
    """
    energies, leptons, cosines = np.broadcast_arrays(
        checked_energies(energy),
        np.asarray(lepton_energy, dtype=np.float64),
        np.asarray(cosine, dtype=np.float64),
    )
    result = np.zeros(energies.shape)
    _gas_differentials(
        energies.ravel(),
        leptons.ravel(),
        cosines.ravel(),
        -1.0 if antineutrino else 1.0,
        result.reshape(-1),
    )
    return result


@compiled
def _fill(sign: float, log_sigma: Floats, leptons: Floats, cosines: Floats) -> None:
    x = np.linspace(0.0, 1.0, 257)
    lepton, spectrum = np.empty(257), np.empty(257)
    last = leptons.shape[1] - 1
    transfers = np.empty(cosines.shape[2])
    for i in range(log_sigma.size):
        energy = np.exp(FIRST_LOG + i * LOG_STEP)
        log_sigma[i] = np.log(_gas_total(energy, sign))
        most = energy - BINDING - M_ELECTRON
        for k in range(257):
            lepton[k] = M_ELECTRON + most * x[k] * (2 - x[k])  # dense where E transfers are small
            spectrum[k] = _gas_spectrum(energy, lepton[k], sign)
        invert(lepton, spectrum, leptons[i])
        for k in range(last + 1):
            # at the very ends of the spectrum there is no distribution: take one close by
            beside = 0.5 if k == 0 or k == last else 0.0
            chosen = quantile(leptons[i], min(k, last - 1), beside)
            low, high = _transfer_range(energy, chosen)
            transfer = low + (high - low) * x
            density = np.empty(257)
            for j in range(257):
                density[j] = _gas(energy, chosen, transfer[j], sign)
            invert(transfer, density, transfers)
            momentum = np.sqrt((chosen - M_ELECTRON) * (chosen + M_ELECTRON))
            for j in range(transfers.size):
                cosine = (energy**2 + momentum**2 - transfers[j] ** 2) / (2 * energy * momentum)
                cosines[i, k, j] = min(max(cosine, -1.0), 1.0)


@cache
def table(antineutrino: bool) -> Table:
    """The table that `sigma` and `sample` read; built once for each kind of neutrino."""
    groups = GROUPS_ANTINEUTRINO if antineutrino else GROUPS_NEUTRINO
    result = Table(groups, np.empty(GRID), np.empty((GRID, 97)), np.empty((GRID, 97, 33)))
    _fill(-1.0 if antineutrino else 1.0, result.log_sigma, result.lepton, result.cosine)
    return result


@compiled
def _gas_sigma(energy: float, table: Table) -> float:
    i, place = locate(np.log(energy), FIRST_LOG, LOG_STEP, table.log_sigma.size)
    return float(np.exp(mix(table.log_sigma[i], table.log_sigma[i + 1], place)))


@compiled
def sigma(energy: float, table: Table) -> float:
    """Cross section [cm2 per nucleus] from the table, within 1e-3 of `cross_section`."""
    share = _gas_share(energy)
    total = 0.0
    if share < 1:
        total += (1 - share) * _fit(energy, table.groups)
    if share > 0:
        total += share * _gas_sigma(energy, table)
    return total


@compiled
def _sample_fit(energy: float, groups: Floats, share: float, other: float) -> tuple[float, float]:
    rest = share * _fit(energy, groups)
    chosen = 0
    for i in range(groups.shape[0]):
        part = _group(energy, groups[i])
        if part > 0:
            chosen = i
            if rest < part:
                break
        rest -= part
    # Tomas et al. 2003: density (1 - k cos)/2, k = (1 + y)/(3 + y), y = ((E - E_g1)/25 MeV)^4,
    # between 1/3 and 1: positive everywhere, and normalised
    y = ((energy - groups[0, 0]) / 25.0) ** 4
    k = (1 + y) / (3 + y)
    cosine = (1 - np.sqrt(max((1 + k) ** 2 - 4 * k * other, 0.0))) / k
    return energy - groups[chosen, 0], min(max(cosine, -1.0), 1.0)


@compiled
def sample(
    energy: float, table: Table, choice: float, share: float, other: float
) -> tuple[float, float]:
    """Lepton of one reaction: total energy [MeV] and cosine to the neutrino.

    `energy` [MeV] above the threshold; `choice`, `share`, `other`: independent random numbers,
    even in 0 to 1, for the model, the energy and the angle.
    """
    gas_share = _gas_share(energy)
    gas = 0.0 if gas_share == 0 else gas_share * _gas_sigma(energy, table)
    fit = 0.0 if gas_share == 1 else (1 - gas_share) * _fit(energy, table.groups)
    if choice * (gas + fit) >= gas:
        return _sample_fit(energy, table.groups, share, other)
    i, place = locate(np.log(energy), FIRST_LOG, LOG_STEP, table.log_sigma.size)
    place = min(max(place, 0.0), 1.0)
    k, beside = level(share, table.lepton.shape[1])
    j, across = level(other, table.cosine.shape[2])
    lepton = mix(
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
    return lepton, cosine
