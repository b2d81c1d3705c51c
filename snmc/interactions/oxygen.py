"""Charged-current reactions of electron and muon neutrinos and antineutrinos on oxygen 16.

Electron neutrinos up to 100 MeV: the shell-model cross sections of Suzuki et al., Phys. Rev. C 98
(2018) 034613, in the fit of Nakazato, Suzuki & Sakuda, PTEP 2018 (2018) 123E02 (NSS), four groups
of levels each; the lepton takes what the level leaves, E_nu - E_g, at the angles of Tomas et al.,
Phys. Rev. D 68 (2003) 093013.

Above 150 MeV, a named approximation: the relativistic Fermi gas (eight neutrons or protons, Fermi
momentum 225 MeV, binding 27 MeV).

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
from snmc.interactions import fermi_gas as gas
from snmc.interactions import remains
from snmc.interactions.quasielastic import HIGHEST_ENERGY, checked_energies
from snmc.interactions.tables import Floats, Integers

FERMI_MOMENTUM = 225.0  # MeV, Smith & Moniz 1972 for oxygen's neighbour carbon, as usual for 16O
BINDING = 27.0  # MeV, as usual for 16O
NUCLEONS = 8  # neutrons, or protons, of 16O
NUCLEUS = gas.Nucleus(NUCLEONS, FERMI_MOMENTUM, BINDING)
APPROXIMATION = (
    "neutrino-oxygen reactions: shell-model fit (Nakazato et al. 2018) to 100 MeV, relativistic "
    "Fermi gas (quasi-elastic only, 20-30 %) from 150 MeV, joined linearly in between; "
    f"{remains.NOT_FOLLOWED}: of the fit's groups the whole break-up of 16F and 16N"
)
MUON_APPROXIMATION = (
    "muons on oxygen: relativistic Fermi gas (quasi-elastic only, 20-30 %) from its threshold, "
    f"132.7 MeV, 12 to 16 MeV above the nucleus's own; {remains.NOT_FOLLOWED}"
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
# excitations count from oxygen itself, as NSS give them, and stay in the nucleus
STRUCK_NEUTRINO, STRUCK_ANTINEUTRINO = remains.nucleus(8, 16, 1), remains.nucleus(8, 16, -1)


class Table(NamedTuple):
    """Fit groups and the Fermi gas."""

    groups: Floats  # (4, 4), or (0, 4) if the gas is all
    gas: gas.Table


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
def _totals(energy: Floats, groups: Floats, sign: float, mass: float, result: Floats) -> None:
    for i in range(energy.size):
        share = _gas_share(energy[i], groups)
        if share < 1:
            result[i] += (1 - share) * _fit(energy[i], groups)
        if share > 0:
            result[i] += share * gas.total(energy[i], sign, NUCLEUS, mass)


def _groups(antineutrino: bool, mass: float) -> Floats:
    if mass > M_ELECTRON:
        return NO_GROUPS
    return GROUPS_ANTINEUTRINO if antineutrino else GROUPS_NEUTRINO


def cross_section(
    energy: npt.ArrayLike, antineutrino: bool = False, mass: float = M_ELECTRON
) -> npt.NDArray[np.float64]:
    """Charged-current cross section per oxygen-16 nucleus [cm2], NSS and Fermi gas.

    `energy` [MeV], any shape, 0 to 2000 (else PhysicsError); the result has it too. `mass` [MeV]:
    of the lepton. The threshold is 15.72 MeV for nu_e, 11.74 MeV for anti-nu_e, 132.7 MeV for
    muons. For what holds where see the module.
    """
    energies = checked_energies(energy)
    result = np.zeros(energies.shape)
    groups = _groups(antineutrino, mass)
    _totals(energies.ravel(), groups, -1.0 if antineutrino else 1.0, mass, result.reshape(-1))
    return result


def fermi_gas(
    energy: npt.ArrayLike, antineutrino: bool = False, mass: float = M_ELECTRON
) -> npt.NDArray[np.float64]:
    """Cross section of the Fermi gas alone [cm2 per nucleus], at any energy [MeV] up to 2 GeV.

    `mass` [MeV]: of the lepton. Below some 100 MeV levels rule and the gas misleads: it is here
    for comparison.
    """
    return gas.cross_section(energy, NUCLEUS, antineutrino, mass)


def neutral_gas(energy: npt.ArrayLike, antineutrino: bool, proton: bool) -> npt.NDArray[np.float64]:
    """Neutral-current cross section [cm2 per nucleus] of knocking out a proton or a neutron.

    The same Fermi gas with elastic scattering on its nucleons; `energy` [MeV], any shape, up to
    2 GeV (else PhysicsError).
    """
    nucleus = NUCLEUS._replace(isospin=1.0 if proton else -1.0)
    return gas.cross_section(energy, nucleus, antineutrino, 0.0)


def fermi_gas_differential(
    energy: npt.ArrayLike,
    lepton_energy: npt.ArrayLike,
    cosine: npt.ArrayLike,
    antineutrino: bool = False,
    mass: float = M_ELECTRON,
) -> npt.NDArray[np.float64]:
    """Fermi-gas cross section d2 sigma/(dE dcos) [cm2/MeV per nucleus], see `fermi_gas.py`."""
    return gas.differential(energy, lepton_energy, cosine, NUCLEUS, antineutrino, mass)


@cache
def table(antineutrino: bool, mass: float = M_ELECTRON) -> Table:
    """The table that `sigma` and `sample` read; `mass` [MeV]: of the lepton."""
    groups = _groups(antineutrino, mass)
    lowest = FIT_ENDS if groups.size else None
    return Table(groups, gas.table(NUCLEUS, antineutrino, mass, lowest))


@compiled
def sigma(energy: float, table: Table) -> float:
    """Cross section [cm2 per nucleus] from the table, within 1e-3 of `cross_section`."""
    share = _gas_share(energy, table.groups)
    total = 0.0
    if share < 1:
        total += (1 - share) * _fit(energy, table.groups)
    if share > 0:
        total += share * gas.sigma(energy, table.gas)
    return total


@compiled
def _sample_fit(
    energy: float, groups: Floats, share: float, other: float
) -> tuple[float, float, float]:
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
    step = groups[chosen, 0]
    return energy - step, min(max(cosine, -1.0), 1.0), step


@compiled
def sample(
    energy: float, table: Table, choice: float, share: float, other: float
) -> tuple[float, float, float]:
    """Lepton of one reaction: total energy [MeV], cosine to the neutrino, and E_g [MeV].

    `energy` [MeV] above the threshold; `choice`, `share`, `other`: independent random numbers,
    even in 0 to 1, for the model, the energy and the angle. E_g, the energy that the group of
    levels takes up, is -1 where the gas was chosen.
    """
    gas_share = _gas_share(energy, table.groups)
    of_gas = 0.0 if gas_share == 0 else gas_share * gas.sigma(energy, table.gas)
    fit = 0.0 if gas_share == 1 else (1 - gas_share) * _fit(energy, table.groups)
    if choice * (of_gas + fit) >= of_gas:
        return _sample_fit(energy, table.groups, share, other)
    lepton, cosine = gas.sample(energy, table.gas, share, other)
    return lepton, cosine, -1.0


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
    """Fill `leptons` (3, n), total energy [MeV], cosine and E_g [MeV], for `energy` (n,)."""
    for i in range(energy.size):
        lepton, cosine, step = sample(
            energy[i], table, stream.random(), stream.random(), stream.random()
        )
        leptons[0, i], leptons[1, i], leptons[2, i] = lepton, cosine, step
