"""The hot medium: thermal species, Fermi and Bose occupation, photons of the plasma, screening.

A species in a core state is a mass, a chemical potential that includes it, and the potential U of
the medium: a particle of momentum p has the energy E + U with E = sqrt(p^2 + mass^2), and its
occupation is 1/(exp((E - mu)/T) +- 1), so that mu + U is its full chemical potential. Energies in
MeV, number densities in MeV^3.
"""

from collections.abc import Sequence
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
Screening = Literal["all", "electron", "electron+proton", "none"]
"""Which charges of the plasma act on photons. "all": electrons, muons, protons and pions, on the
mass of real photons and on the static screening of exchanged ones. "electron": electrons alone, on
both, as most papers have it. "electron+proton": on the mass electrons, on the screening protons
too, as a dilute gas. "none": neither."""

FERMI = 1.0
BOSE = -1.0
PIONS_IN_FIELD = "pi-(rho-field)"
SPECIES = ("nu_e", "nu_e_bar", "nu_mu", "nu_mu_bar", "nu_tau", "nu_tau_bar",
           "e-", "e+", "mu-", "mu+", "pi-", PIONS_IN_FIELD, "p", "n", "gamma")  # fmt: skip
_NEWTON_STEPS = 60
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


def shared_by(sources: Sequence[Species]) -> Species:
    """Return the first of the species that may be particle 1, once all are alike.

    Raises PhysicsError unless they share mass and statistics.
    """
    first = sources[0]
    for one in sources[1:]:
        if one.statistics != first.statistics or np.any(one.mass != first.mass):
            raise PhysicsError(
                f"{first.name} and {one.name} cannot share a process: particle 1 has one mass and "
                "one statistics"
            )
    return first


def debye_momentum_squared(state: CoreState, screening: Screening) -> Array:
    """Static screening scale k^2 [MeV^2] of photon exchange, one value a state.

    "all": 4 pi alpha Sum dn/dmu over every charge. "electron": ultra-relativistic electrons,
    k_D^2 = (4 alpha/pi)(mu_e^2 + pi^2 T^2/3); "electron+proton": and protons as if they were not
    degenerate, k_p^2 = 4 pi alpha n_p/T (Raffelt, Stars as Laboratories for Fundamental Physics,
    ch. 6). "none" gives zeros.
    """
    if screening == "none":
        return np.zeros_like(state.temperature)
    k2 = _electron_debye(state)
    if screening == "electron+proton":
        k2 = k2 + 4 * np.pi * ALPHA * state.proton_density / state.temperature
    if screening == "all":
        k2 = k2 + _heavy_charges(state)[1]
    return np.asarray(k2)


def plasmon_mass_squared(state: CoreState, screening: Screening) -> Array:
    """Asymptotic transverse photon mass squared m_T^2 [MeV^2], one value a state.

    That of photons much harder than m_T, by forward scattering on every charge ("all"; see
    `charge_response`). Ultra-relativistic electrons give k_D^2/2 = (3/2) omega_p^2 (Braaten and
    Segel, PRD 48 (1993) 1478); "electron" and "electron+proton" stop there, "none" gives a massless
    photon.
    """
    if screening == "none":
        return np.zeros_like(state.temperature)
    mass2 = _electron_debye(state) / 2
    return mass2 + _heavy_charges(state)[0] if screening == "all" else mass2


def _electron_debye(state: CoreState) -> Array:
    return np.asarray(4 * ALPHA / np.pi * (state.mu_e**2 + np.pi**2 * state.temperature**2 / 3))


def charge_response(
    mass: Array, mu: Array, temperature: Array, statistics: float
) -> tuple[Array, Array]:
    """Part of a charged species in m_T^2 and in the static k^2 [MeV^2].

    Fermions of two spin states or bosons of one, of unit charge, without their antiparticles;
    `mass`, `mu` (rest mass included), `temperature`: [MeV], arrays of one shape. Exact at order
    alpha for free particles:
    m_T^2 = 2 e^2 g Int d3p/((2 pi)^3 2E) f, twice the forward amplitude e^2 of Compton scattering
    at K^2 = 0, which for either spin has no other term: (2 g alpha/pi) Int p^2/E f dp, and
    4 pi alpha n/m for a dilute gas. k^2 = 4 pi alpha dn/dmu = (2 g alpha/pi) Int (E + p^2/E) f dp,
    by parts. With effective masses it is that of quasi-particles; polarisabilities are left out.
    """
    factor = (2 if statistics == FERMI else 1) * 2 * ALPHA / np.pi
    _, still, moving = _momentum_integrals(mass, mu, temperature, statistics)
    return factor * moving, factor * still


def _heavy_charges(state: CoreState) -> tuple[Array, Array]:
    """Part of muons, protons and pions in m_T^2 and k^2 [MeV^2].

    Pions feel the rho field: the ideal gas at the edge of condensation would screen by what bounds
    its chemical potential alone.
    """
    transverse, static = np.zeros_like(state.temperature), np.zeros_like(state.temperature)
    pions, protons = (species(name, state, "none") for name in (PIONS_IN_FIELD, "p"))
    muon = np.broadcast_to(M_MUON, state.mu_mu.shape)
    for mass, mu, statistics in (
        (muon, state.mu_mu, FERMI),
        (muon, -state.mu_mu, FERMI),
        (pions.mass, pions.mu, BOSE),
        (protons.mass, protons.mu, FERMI),
    ):
        moving, still = charge_response(mass, mu, state.temperature, statistics)
        transverse, static = transverse + moving, static + still
    return transverse, static


def fermion_density(mass: Array, mu: Array, temperature: Array) -> Array:
    """Number density [MeV^3] of a Fermi gas with two spin states, by quadrature.

    `mass`, `mu` (rest mass included), `temperature`: [MeV], arrays of one shape. The momentum
    integral runs to where the occupation falls below 1e-13; good to 1e-6 while the Fermi edge is
    not sharper than (mu - mass)/T = 20, to 1e-3 up to 60.
    """
    return _momentum_integrals(mass, mu, temperature, FERMI)[0] / np.pi**2


def _momentum_integrals(
    mass: Array, mu: Array, temperature: Array, statistics: float
) -> tuple[Array, Array, Array]:
    """Int p^2 f dp [MeV^3], its derivative by mu, and Int p^2/E f dp [MeV^2].

    The derivative is Int (E + p^2/E) f dp, by parts.
    """
    nodes, weights = unit_rule(96)
    excess = np.maximum(mu - mass, 0)
    top = np.sqrt(excess**2 + 2 * excess * mass)
    edge = top + np.sqrt((30 * temperature) ** 2 + 60 * temperature * mass)
    momentum = edge[..., None] * nodes
    energy = np.hypot(momentum, mass[..., None])
    x = np.clip((energy - mu[..., None]) / temperature[..., None], -700, 700)
    f = 1 / (np.exp(x) + 1) if statistics == FERMI else 1 / np.expm1(x)
    f *= edge[..., None] * weights
    moving = np.sum(momentum**2 / energy * f, axis=-1)
    return np.sum(momentum**2 * f, axis=-1), np.sum(energy * f, axis=-1) + moving, moving


def fermion_chemical_potential(density: Array, mass: Array, temperature: Array) -> Array:
    """Chemical potential [MeV], rest mass included, of a Fermi gas of given density.

    `density` [MeV^3], `mass`, `temperature` [MeV]: arrays of one shape. Inverts `fermion_density`
    to 1e-9 T. Raises PhysicsError for a density that is not positive.
    """
    if np.any(density <= 0):
        raise PhysicsError("a Fermi gas of zero or negative density has no chemical potential")
    # Newton's method for the logarithm of n(mu), which rises ever less steeply: from the left it
    # never passes the root. There lies the mu of a dilute gas, whose f = e^((mu - E)/T) exceeds f.
    dilute, _, _ = _momentum_integrals(mass, mass - 40 * temperature, temperature, FERMI)
    mu = mass - 40 * temperature + temperature * np.log(density * np.pi**2 / dilute)
    for _ in range(_NEWTON_STEPS):
        number, slope, _ = _momentum_integrals(mass, mu, temperature, FERMI)
        step = np.log(density * np.pi**2 / number) * number / slope
        mu = mu + step
        if np.all(np.abs(step) < 1e-9 * temperature):
            break
    return np.asarray(mu)


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


def pion_chemical_potential(state: CoreState, potential: Array) -> Array:
    """Chemical potential [MeV] of pi- in n <-> p pi-, less their `potential` [MeV].

    mu_n - mu_p with rest masses is the full one, mu + U. mu is held 0.02 T below the pion mass: no
    condensate. The occupation at rest is then 50 at most, and the density of an ideal gas within a
    fifth of the critical one.
    """
    balance = state.mu_n + M_NEUTRON - state.mu_p - M_PROTON - potential
    return np.minimum(balance, M_PION_CHARGED - _PION_MARGIN * state.temperature)


def species(name: str, state: CoreState, screening: Screening) -> Species:
    """The thermal species `name` (one of SPECIES) in the core states `state`.

    Leptons and pions have their vacuum masses; tau neutrinos have no chemical potential. Nucleons
    have the effective mass of the core, the chemical potential of a free gas of that mass and of
    their density, and the potential that makes up the difference to the core's. pi- are in
    equilibrium with them: an ideal gas, or one in the rho field, whose potential U_n - U_p they
    feel by isospin as a neutron in place of a proton does. Photons have the transverse plasmon
    mass. Raises InputError for an unknown name.
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
    if name in {"pi-", PIONS_IN_FIELD}:
        field = zero
        if name == PIONS_IN_FIELD:
            neutron, proton = species("n", state, screening), species("p", state, screening)
            field = neutron.potential - proton.potential
        mu = pion_chemical_potential(state, field)
        return Species(name, zero + M_PION_CHARGED, mu, BOSE, field)
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
