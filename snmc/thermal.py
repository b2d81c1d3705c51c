"""The hot medium: thermal species, Fermi and Bose occupation, screening.

A species in a core state is a mass, a chemical potential that includes it, and the potential U of
the medium: a particle of momentum p has the energy E + U with E = sqrt(p^2 + mass^2), and its
occupation is 1/(exp((E - mu)/T) +- 1), so that mu + U is its full chemical potential. Energies in
MeV, number densities in MeV^3.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from snmc.core import CoreState
from snmc.core.fill import SCARCEST
from snmc.ground.compiled import compiled
from snmc.ground.errors import PhysicsError, unknown_name
from snmc.ground.quadrature import unit_rule
from snmc.ground.units import (
    ALPHA,
    G_FERMI,
    M_ELECTRON,
    M_MUON,
    M_NEUTRON,
    M_PION_CHARGED,
    M_PROTON,
)

Array = npt.NDArray[np.float64]
Screening = Literal["electron", "electron+proton", "none"]

FERMI = 1.0
BOSE = -1.0
SPECIES = ("nu_e", "nu_e_bar", "nu_mu", "nu_mu_bar", "nu_tau", "nu_tau_bar",
           "e-", "e+", "mu-", "mu+", "pi-", "p", "n", "gamma")  # fmt: skip
_PION_MARGIN = 0.02  # times T: mu of pions at least so far below their mass


@dataclass(frozen=True)
class Species:
    """A thermal species in a set of core states.

    `mass`, `mu`, `potential`: [MeV], one value a state; `statistics`: FERMI or BOSE.
    """

    name: str
    mass: Array
    mu: Array
    statistics: float
    potential: Array


@compiled
def occupation(x: float, statistics: float) -> float:
    """Occupation number 1/(exp(x) +- 1) at x = (E - mu)/T.

    `statistics`: +1 Fermi-Dirac, -1 Bose-Einstein (x > 0). Accurate for small x with bosons.
    """
    if statistics < 0.0:
        return float(1.0 / np.expm1(x)) if x < 700.0 else 0.0
    if x > 700.0:
        return 0.0
    return float(1.0 / (np.exp(x) + 1.0))


def debye_momentum_squared(state: CoreState, screening: Screening) -> Array:
    """Static screening scale k^2 [MeV^2] of photon exchange, one value a state.

    Ultra-relativistic electrons, k_D^2 = (4 alpha/pi)(mu_e^2 + pi^2 T^2/3), and for
    "electron+proton" non-degenerate protons in addition, k_p^2 = 4 pi alpha n_p/T (Raffelt, Stars
    as Laboratories for Fundamental Physics, ch. 6). "none" gives zeros.
    """
    if screening == "none":
        return np.zeros_like(state.temperature)
    k2 = 4 * ALPHA / np.pi * (state.mu_e**2 + np.pi**2 * state.temperature**2 / 3)
    if screening == "electron+proton":
        k2 = k2 + 4 * np.pi * ALPHA * state.proton_density / state.temperature
    return np.asarray(k2)


def plasmon_mass_squared(state: CoreState, screening: Screening) -> Array:
    """Asymptotic transverse photon mass squared [MeV^2], m_T^2 = (3/2) omega_p^2 = k_D^2/2.

    For ultra-relativistic electrons (Braaten and Segel, PRD 48 (1993) 1478). Protons are too heavy
    to contribute more than a few per cent; "none" gives a massless photon.
    """
    if screening == "none":
        return np.zeros_like(state.temperature)
    return debye_momentum_squared(state, "electron") / 2


def fermion_density(mass: Array, mu: Array, temperature: Array) -> Array:
    """Number density [MeV^3] of a Fermi gas with two spin states, by quadrature.

    `mass`, `mu` (rest mass included), `temperature`: [MeV], arrays of one shape. The momentum
    integral runs to where the occupation falls below 1e-13; good to 1e-6 while the Fermi edge is
    not sharper than (mu - mass)/T = 20, to 1e-3 up to 60.
    """
    nodes, weights = unit_rule(96)
    top = np.sqrt(np.maximum(mu - mass, 0) ** 2 + 2 * np.maximum(mu - mass, 0) * mass)
    edge = top + np.sqrt((30 * temperature) ** 2 + 60 * temperature * mass)
    momentum = edge[..., None] * nodes
    energy = np.hypot(momentum, mass[..., None])
    x = np.clip((energy - mu[..., None]) / temperature[..., None], -700, 700)
    integrand = momentum**2 / (np.exp(x) + 1)
    return np.asarray(edge * (integrand @ weights) / np.pi**2)


def fermion_chemical_potential(density: Array, mass: Array, temperature: Array) -> Array:
    """Chemical potential [MeV], rest mass included, of a Fermi gas of given density.

    `density` [MeV^3], `mass`, `temperature` [MeV]: arrays of one shape. Inverts `fermion_density`
    by bisection to 1e-9 MeV. Raises PhysicsError for a density that is not positive.
    """
    if np.any(density <= 0):
        raise PhysicsError("a Fermi gas of zero or negative density has no chemical potential")
    fermi_momentum = (3 * np.pi**2 * density) ** (1 / 3)
    high = np.hypot(fermi_momentum, mass) + temperature
    low = mass - 200 * temperature
    for _ in range(60):
        middle = (low + high) / 2
        too_many = fermion_density(mass, middle, temperature) > density
        high = np.where(too_many, middle, high)
        low = np.where(too_many, low, middle)
    return np.asarray((low + high) / 2)


def neutrino_density(mu: Array, temperature: Array) -> Array:
    """Neutrinos less antineutrinos of one flavour per volume [MeV^3].

    mu (mu^2 + pi^2 T^2)/(6 pi^2), exact for one helicity without mass; `mu`, `temperature` [MeV].
    """
    return np.asarray(mu * (mu**2 + np.pi**2 * temperature**2) / (6 * np.pi**2))


def neutrino_potential(name: str, state: CoreState) -> Array:
    """Potential V [MeV] of a neutrino `name` in the core, one value a state.

    sqrt2 G (n_e delta_e + n_mu delta_mu - n_n/2 + n_nu + Sum_b n_nu_b) with net lepton densities,
    n_nu that of its own flavour, opposite for antineutrinos (Noetzold and Raffelt, NPB 307 (1988)
    924, without loops). Electrons, muons and protons cancel in the neutral current. Akita et al.
    (arXiv:2312.13627, below eq. 54) leave the neutrinos out.
    """
    flavour = name.removesuffix("_bar")
    charged = {"nu_e": state.ye, "nu_mu": state.ymu}.get(flavour, 0.0)
    neutrons = 1 - state.ye - state.ymu
    matter = (charged - neutrons / 2) * state.baryon_density
    neutrinos = {
        "nu_e": neutrino_density(state.mu_nu_e, state.temperature),
        "nu_mu": neutrino_density(state.mu_nu_mu, state.temperature),
    }
    background = neutrinos.get(flavour, 0.0) + sum(neutrinos.values())
    sign = -1.0 if name.endswith("_bar") else 1.0
    return np.asarray(sign * np.sqrt(2) * G_FERMI * (matter + background))


def pion_chemical_potential(state: CoreState) -> Array:
    """Chemical potential [MeV] of pi- in n <-> p pi-: mu_n - mu_p with rest masses.

    Held 0.02 T below the pion mass: no condensate. The occupation at rest is then 50 at most, and
    the density within a fifth of the critical one.
    """
    balance = state.mu_n + M_NEUTRON - state.mu_p - M_PROTON
    return np.minimum(balance, M_PION_CHARGED - _PION_MARGIN * state.temperature)


def species(name: str, state: CoreState, screening: Screening) -> Species:
    """The thermal species `name` (one of SPECIES) in the core states `state`.

    Leptons and pions have their vacuum masses; tau neutrinos have no chemical potential, pi- that
    of an ideal gas in equilibrium with the nucleons. Nucleons have the effective mass of the core,
    the chemical potential of a free gas of that mass and of their density, and the potential that
    makes up the difference to the core's. Photons have the transverse plasmon mass. Raises
    InputError for an unknown name.
    """
    zero = np.zeros_like(state.temperature)
    neutrino = {"nu_e": state.mu_nu_e, "nu_mu": state.mu_nu_mu, "nu_tau": zero}
    plain = name.removesuffix("_bar")
    if plain in neutrino:
        sign = -1.0 if name.endswith("_bar") else 1.0
        return Species(name, zero, sign * neutrino[plain], FERMI, neutrino_potential(name, state))
    charged = {"e": (M_ELECTRON, state.mu_e), "mu": (M_MUON, state.mu_mu)}
    if name[:-1] in charged and name[-1] in "-+":
        rest, lepton = charged[name[:-1]]
        return Species(name, zero + rest, lepton if name[-1] == "-" else -lepton, FERMI, zero)
    if name == "pi-":
        return Species(name, zero + M_PION_CHARGED, pion_chemical_potential(state), BOSE, zero)
    if name in {"p", "n"}:
        mass = state.mass_p if name == "p" else state.mass_n
        full = state.mu_p + M_PROTON if name == "p" else state.mu_n + M_NEUTRON
        number = state.proton_density
        density = number if name == "p" else state.baryon_density - number
        density = np.maximum(density, SCARCEST * state.baryon_density)
        mu = fermion_chemical_potential(density, mass, state.temperature)
        return Species(name, mass, mu, FERMI, full - mu)
    if name == "gamma":
        return Species(name, np.sqrt(plasmon_mass_squared(state, screening)), zero, BOSE, zero)
    raise unknown_name("species", name, SPECIES)
