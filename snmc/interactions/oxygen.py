"""Charged-current reactions of electron and muon neutrinos and antineutrinos on oxygen 16.

Electron neutrinos up to 100 MeV: the shell-model cross sections of Suzuki et al., Phys. Rev. C 98
(2018) 034613, in the fit of Nakazato, Suzuki & Sakuda, PTEP 2018 (2018) 123E02 (NSS), four groups
of levels each; the lepton takes what the level leaves, E_nu - E_g, at the angles of Tomas et al.,
Phys. Rev. D 68 (2003) 093013.

Above 150 MeV, a named approximation: the relativistic Fermi gas of Smith & Moniz, Nucl. Phys. B 43
(1972) 605 (eight neutrons or protons, Fermi momentum 225 MeV, binding 27 MeV) with the amplitude
of Llewellyn Smith 1972. It is quasi-elastic only: good to some 20-30 %, and above some 500 MeV
short of the reactions with pions.

Between 100 and 150 MeV a reaction follows the Fermi gas with a probability that rises linearly
from 0 to 1, so that cross section, energies and angles are continuous. The models differ there:
at 100 MeV the fit is 1.2 (nu_e) and 0.8 (anti-nu_e) times the Fermi gas.

Muon neutrinos: the Fermi gas from its threshold on, 132.7 MeV; the nucleus's own lies at 121 MeV
(nu_mu, to 16F) and 117 MeV (anti-nu_mu, to 16N), and near it, as for electrons, levels rule.
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
from snmc.interactions.tables import Floats, Integers, invert, level, locate, mix, quantile

FERMI_MOMENTUM = 225.0  # MeV, Smith & Moniz 1972 for oxygen's neighbour carbon, as usual for 16O
BINDING = 27.0  # MeV, as usual for 16O
FERMI_ENERGY = float(np.hypot(NUCLEON_MASS, FERMI_MOMENTUM))
NUCLEONS = 8  # neutrons, or protons, of 16O
APPROXIMATION = (
    "neutrino-oxygen reactions: shell-model fit (Nakazato et al. 2018) to 100 MeV, relativistic "
    "Fermi gas (quasi-elastic only, 20-30 %) from 150 MeV, joined linearly in between"
)
MUON_APPROXIMATION = (
    "muons on oxygen: relativistic Fermi gas (quasi-elastic only, 20-30 %) from its threshold, "
    "132.7 MeV, 12 to 16 MeV above the nucleus's own"
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
NO_GROUPS = np.empty((0, 4))
NODES, GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(64)
PAIR_NODE = 1 / np.sqrt(3.0)  # two-point Gauss-Legendre, exact for the quadratic integrand
GRID = 96


class Table(NamedTuple):
    """Fit groups, and the Fermi gas on a grid even in ln(E - origin)."""

    groups: Floats  # (4, 4), or (0, 4) if the gas is all
    mass: float  # of the lepton [MeV]
    origin: float  # [MeV]
    first_log: float
    log_step: float
    log_sigma: Floats  # (grid,) ln(sigma/cm2)
    lepton: Floats  # (grid, quantiles) of the lepton energy, from 0 (its mass) to 1 (highest)
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
def _gas_share(energy: float, groups: Floats) -> float:
    """Share of the Fermi gas in the cross section's two models, 0 to 1."""
    if groups.shape[0] == 0:
        return 1.0
    return min(max((energy - FIT_ENDS) / (GAS_BEGINS - FIT_ENDS), 0.0), 1.0)


@compiled
def _transfer_range(energy: float, lepton: float, mass: float) -> tuple[float, float]:
    """Smallest and largest momentum transfer [MeV] that the gas allows; empty if high <= low.

    The struck nucleon, below the Fermi surface, takes up the energy transfer less the binding.
    """
    taken = energy - lepton - BINDING
    if taken <= 0:
        return 0.0, 0.0
    momentum = np.sqrt((lepton - mass) * (lepton + mass))
    # momentum of a nucleon lifted from the Fermi surface
    final = np.sqrt((taken + FERMI_ENERGY - NUCLEON_MASS) * (taken + FERMI_ENERGY + NUCLEON_MASS))
    return (
        max(final - FERMI_MOMENTUM, energy - momentum),
        min(final + FERMI_MOMENTUM, energy + momentum),
    )


@compiled
def _gas(
    energy: float, lepton: float, transfer: float, sign: float, mass: float, isospin: float
) -> float:
    """Fermi-gas cross section d2 sigma/(dE dq) [cm2/MeV2] of the nucleus.

    `energy`, `lepton`: energies of neutrino and lepton; `transfer`: momentum transfer q (all MeV);
    `sign`: +1 neutrino, -1 antineutrino; `mass` [MeV]: of the lepton; `isospin`: 0 charged
    current, +1 and -1 neutral current on protons and neutrons. With n(p) filled evenly to the
    Fermi momentum and E_p the energy of the struck nucleon, the energy delta function fixes its
    angle to q:

    d2 sigma/(dE dq) = N/(32 pi E_nu^2) 3/(4 pi k_F^3) Int dE_p 2 pi <|M|^2>_phi
    """
    taken = energy - lepton - BINDING
    q, M, m = transfer, NUCLEON_MASS, mass
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
    t = (energy - lepton) ** 2 - q * q
    if isospin == 0:
        a, b, c = structure(t, 0.0, VECTOR_MASS_SQUARED, m)
    else:
        a, b, c = neutral_structure(t, isospin)
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
def _gas_spectrum(
    energy: float, lepton: float, sign: float, mass: float, isospin: float = 0.0
) -> float:
    """Fermi-gas cross section d sigma/dE [cm2/MeV], `_gas` integrated over q."""
    low, high = _transfer_range(energy, lepton, mass)
    if high <= low:
        return 0.0
    total = 0.0
    for i in range(NODES.size):
        transfer = mix(low, high, (1 + NODES[i]) / 2)
        total += GAUSS_WEIGHTS[i] * _gas(energy, lepton, transfer, sign, mass, isospin)
    return total * (high - low) / 2


@compiled
def _gas_total(energy: float, sign: float, mass: float, isospin: float = 0.0) -> float:
    """Fermi-gas cross section [cm2], the energies spaced as the square of the nodes.

    Small energy transfers carry most of it at high energies.
    """
    most = energy - BINDING - mass
    total = 0.0
    for i in range(NODES.size):
        x = (1 + NODES[i]) / 2
        lepton = energy - BINDING - most * x * x
        total += GAUSS_WEIGHTS[i] * x * most * _gas_spectrum(energy, lepton, sign, mass, isospin)
    return total


@compiled
def _totals(energy: Floats, groups: Floats, sign: float, mass: float, result: Floats) -> None:
    for i in range(energy.size):
        share = _gas_share(energy[i], groups)
        if share < 1:
            result[i] += (1 - share) * _fit(energy[i], groups)
        if share > 0 and energy[i] > BINDING + mass:
            result[i] += share * _gas_total(energy[i], sign, mass)


@compiled
def _neutral_totals(energy: Floats, sign: float, isospin: float, result: Floats) -> None:
    for i in range(energy.size):
        if energy[i] > BINDING:
            result[i] = _gas_total(energy[i], sign, 0.0, isospin) / COS_CABIBBO**2


@compiled
def _gas_differentials(
    energy: Floats, lepton: Floats, cosine: Floats, sign: float, mass: float, result: Floats
) -> None:
    for i in range(energy.size):
        if lepton[i] > mass:
            momentum = np.sqrt(lepton[i] ** 2 - mass * mass)
            scale = energy[i] * momentum
            q = np.sqrt((energy[i] - momentum) ** 2 + 2 * scale * (1 - cosine[i]))
            if q > 0:
                result[i] = _gas(energy[i], lepton[i], q, sign, mass, 0.0) * scale / q


def _groups(antineutrino: bool, mass: float) -> Floats:
    if mass > M_ELECTRON:
        return NO_GROUPS
    return GROUPS_ANTINEUTRINO if antineutrino else GROUPS_NEUTRINO


def _sum(
    energy: npt.ArrayLike, antineutrino: bool, mass: float, groups: Floats
) -> npt.NDArray[np.float64]:
    energies = checked_energies(energy)
    result = np.zeros(energies.shape)
    _totals(energies.ravel(), groups, -1.0 if antineutrino else 1.0, mass, result.reshape(-1))
    return result


def cross_section(
    energy: npt.ArrayLike, antineutrino: bool = False, mass: float = M_ELECTRON
) -> npt.NDArray[np.float64]:
    """Charged-current cross section per oxygen-16 nucleus [cm2], NSS and Fermi gas.

    `energy` [MeV], any shape, 0 to 2000 (else PhysicsError); the result has it too. `mass` [MeV]:
    of the lepton. The threshold is 15.72 MeV for nu_e, 11.74 MeV for anti-nu_e, 132.7 MeV for
    muons. For what holds where see the module.
    """
    return _sum(energy, antineutrino, mass, _groups(antineutrino, mass))


def fermi_gas(
    energy: npt.ArrayLike, antineutrino: bool = False, mass: float = M_ELECTRON
) -> npt.NDArray[np.float64]:
    """Cross section of the Fermi gas alone [cm2 per nucleus], at any energy [MeV] up to 2 GeV.

    `mass` [MeV]: of the lepton. Below some 100 MeV levels rule and the gas misleads: it is here
    for comparison.
    """
    return _sum(energy, antineutrino, mass, NO_GROUPS)


def neutral_gas(energy: npt.ArrayLike, antineutrino: bool, proton: bool) -> npt.NDArray[np.float64]:
    """Neutral-current cross section [cm2 per nucleus] of knocking out a proton or a neutron.

    The same Fermi gas with elastic scattering on its nucleons; `energy` [MeV], any shape, up to
    2 GeV (else PhysicsError).
    """
    energies = checked_energies(energy)
    result = np.zeros(energies.shape)
    _neutral_totals(
        energies.ravel(),
        -1.0 if antineutrino else 1.0,
        1.0 if proton else -1.0,
        result.reshape(-1),
    )
    return result


def fermi_gas_differential(
    energy: npt.ArrayLike,
    lepton_energy: npt.ArrayLike,
    cosine: npt.ArrayLike,
    antineutrino: bool = False,
    mass: float = M_ELECTRON,
) -> npt.NDArray[np.float64]:
    """Fermi-gas cross section d2 sigma/(dE dcos) [cm2/MeV per nucleus], Smith & Moniz 1972.

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
    _gas_differentials(
        energies.ravel(),
        leptons.ravel(),
        cosines.ravel(),
        -1.0 if antineutrino else 1.0,
        mass,
        result.reshape(-1),
    )
    return result


@compiled
def _fill(sign: float, table: Table) -> None:
    x = np.linspace(0.0, 1.0, 257)
    fraction = x * (2 - x)  # dense where energy transfers are small
    spectrum, density = np.empty(257), np.empty(257)
    last = table.lepton.shape[1] - 1
    transfers = np.empty(table.cosine.shape[2])
    mass = table.mass
    for i in range(table.log_sigma.size):
        energy = table.origin + np.exp(table.first_log + i * table.log_step)
        table.log_sigma[i] = np.log(_gas_total(energy, sign, mass))
        most = energy - BINDING - mass
        for k in range(257):
            spectrum[k] = _gas_spectrum(energy, mass + most * fraction[k], sign, mass)
        invert(fraction, spectrum, table.lepton[i])
        for k in range(last + 1):
            # at the very ends of the spectrum there is no distribution: take one close by
            beside = 0.5 if k == 0 or k == last else 0.0
            chosen = mass + most * quantile(table.lepton[i], min(k, last - 1), beside)
            low, high = _transfer_range(energy, chosen, mass)
            transfer = low + (high - low) * x
            for j in range(257):
                density[j] = _gas(energy, chosen, transfer[j], sign, mass, 0.0)
            invert(transfer, density, transfers)
            momentum = np.sqrt((chosen - mass) * (chosen + mass))
            for j in range(transfers.size):
                cosine = (energy**2 + momentum**2 - transfers[j] ** 2) / (2 * energy * momentum)
                table.cosine[i, k, j] = min(max(cosine, -1.0), 1.0)


@cache
def table(antineutrino: bool, mass: float = M_ELECTRON) -> Table:
    """The table that `sigma` and `sample` read; built once for each neutrino, in half a second.

    `mass` [MeV]: of the lepton. The electron's begins where its fit ends, a muon's at 0.1 MeV
    above the gas's threshold.
    """
    groups = _groups(antineutrino, mass)
    origin, first = (0.0, FIT_ENDS) if groups.size else (BINDING + mass, 0.1)
    first_log, last_log = float(np.log(first)), float(np.log(HIGHEST_ENERGY - origin))
    result = Table(
        groups,
        mass,
        origin,
        first_log,
        (last_log - first_log) / (GRID - 1),
        np.empty(GRID),
        np.empty((GRID, 97)),
        np.empty((GRID, 97, 33)),
    )
    _fill(-1.0 if antineutrino else 1.0, result)
    return result


@compiled
def _place(energy: float, table: Table) -> tuple[int, float]:
    """Cell of the gas's grid and place in it at `energy` [MeV], above the origin."""
    above = np.log(energy - table.origin)
    return locate(above, table.first_log, table.log_step, table.log_sigma.size)


@compiled
def _gas_sigma(energy: float, table: Table) -> float:
    if energy <= table.origin:
        return 0.0
    i, place = _place(energy, table)
    return float(np.exp(mix(table.log_sigma[i], table.log_sigma[i + 1], place)))


@compiled
def sigma(energy: float, table: Table) -> float:
    """Cross section [cm2 per nucleus] from the table, within 1e-3 of `cross_section`."""
    share = _gas_share(energy, table.groups)
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
    gas_share = _gas_share(energy, table.groups)
    gas = 0.0 if gas_share == 0 else gas_share * _gas_sigma(energy, table)
    fit = 0.0 if gas_share == 1 else (1 - gas_share) * _fit(energy, table.groups)
    if choice * (gas + fit) >= gas:
        return _sample_fit(energy, table.groups, share, other)
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
    return mix(table.mass, energy - BINDING, fraction), cosine


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
def samples(energy: Floats, table: Table, stream: np.random.Generator, leptons: Floats) -> None:
    """Fill `leptons` (2, n), total energy [MeV] and cosine, for `energy` (n,)."""
    for i in range(energy.size):
        lepton, cosine = sample(energy[i], table, stream.random(), stream.random(), stream.random())
        leptons[0, i], leptons[1, i] = lepton, cosine
