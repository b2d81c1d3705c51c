"""Fill the columns a profile does not bring.

Chemical potentials here: leptons with, nucleons without the rest mass, nucleons with their
interaction potential. Beta equilibrium (p + e- <-> n + nu_e) then reads
mu_nu_e = mu_e - (mu_n - mu_p) - (m_n - m_p), and for muons mu_nu_mu = mu_mu - (mu_e - mu_nu_e).
"""

import numpy as np
import numpy.typing as npt

from snmc.ground.units import ATOMIC_MASS_G, HBAR_C, M_NEUTRON, M_PROTON

Array = npt.NDArray[np.float64]

MASS_DIFFERENCE = M_NEUTRON - M_PROTON  # MeV
SATURATION = 0.16  # nuclear saturation density [fm^-3]
# Above this density [g/cm3] neutrinos are trapped and have a chemical potential
# (H. A. Bethe, Rev. Mod. Phys. 62 (1990) 801).
TRAPPING_DENSITY = 1e12
# Protons or neutrons per baryon where there are none at all: with a potential that is finite.
SCARCEST = 1e-9
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(40)


def baryon_density(density: Array) -> Array:
    """Baryons per volume [MeV^3] of matter of rest-mass density `density` [g/cm3].

    n_b = rho / m_u with the atomic mass unit, the definition of rho in simulations.
    """
    return density / ATOMIC_MASS_G * (HBAR_C * 1e-13) ** 3


def baryon_density_fm3(density: Array) -> Array:
    """Baryons per fm^3 of matter of rest-mass density `density` [g/cm3]."""
    return density / ATOMIC_MASS_G * 1e-39


def massless_potential(net_density: Array, temperature: Array, states: int) -> Array:
    """Chemical potential [MeV] of massless fermions of given net density (particles less anti).

    `net_density` [MeV^3], `temperature` [MeV, > 0], `states`: spin states (2 electrons, 1
    neutrinos); broadcast. n = g (mu^3 + pi^2 T^2 mu) / (6 pi^2) is exact for massless fermions at
    every T; its one real root, without cancellation, is mu = 2 sqrt(p) sinh(asinh(q / p^1.5) / 3)
    with p = pi^2 T^2 / 3, q = 3 pi^2 n / g (Cardano in hyperbolic form). For electrons the mass is
    an error below 0.02 MeV wherever mu_e or T is above 10 MeV.
    """
    p = np.pi**2 * np.asarray(temperature) ** 2 / 3
    q = 3 * np.pi**2 * np.asarray(net_density) / states
    return np.asarray(2 * np.sqrt(p) * np.sinh(np.arcsinh(q / p**1.5) / 3))


def massless_density(potential: Array, temperature: Array, states: int) -> Array:
    """Net density [MeV^3] of massless fermions; the inverse of `massless_potential`."""
    return states * (potential**3 + np.pi**2 * temperature**2 * potential) / (6 * np.pi**2)


def electron_potential(density: Array, ye: Array, temperature: Array) -> Array:
    """Electron chemical potential [MeV], rest mass included, from n_e = Ye n_b.

    `density` [g/cm3], `ye` electrons less positrons per baryon, `temperature` [MeV].
    """
    return massless_potential(ye * baryon_density(density), temperature, 2)


def trapped_neutrino_potential(density: Array, y_nu: Array, temperature: Array) -> Array:
    """Electron-neutrino chemical potential [MeV] of trapped neutrinos.

    `y_nu`: neutrinos less antineutrinos per baryon. Zero below TRAPPING_DENSITY, where neutrinos
    stream and have none.
    """
    potential = massless_potential(y_nu * baryon_density(density), temperature, 1)
    return np.where(density >= TRAPPING_DENSITY, potential, 0.0)


def effective_mass(density: Array) -> Array:
    """Effective mass of a nucleon [MeV]: 939 / (1 + 0.333 n / 0.16 fm^-3).

    `density` [g/cm3]. A fit to the SFHo relativistic mean field (Steiner, Hempel, Fischer, ApJ 774
    (2013) 17), within 3% of it in the shipped sequence (up to 7.5e14 g/cm3).
    """
    return 939 / (1 + 0.333 * baryon_density_fm3(density) / SATURATION)


def kinetic_potential(number: Array, mass: Array, temperature: Array) -> Array:
    """Kinetic chemical potential [MeV], rest mass excluded, of free spin-1/2 fermions.

    `number` [MeV^3, > 0], `mass` [MeV], `temperature` [MeV]: one shape (n,). Inverts
    number = 1/pi^2 Int p^2 dp / (exp((sqrt(p^2 + m^2) - m - mu)/T) + 1) by Newton's method in
    ln(number), which converges from any start since ln(number) is concave in mu. Good to 0.02 MeV
    for mu below 100 T. Antiparticles are left out (m >> T).
    """
    mu = _nonrelativistic_potential(number, mass, temperature)
    for _ in range(8):
        # Gauss-Legendre on both sides of the Fermi momentum
        fermi = np.sqrt(np.maximum(mu, 0) * (np.maximum(mu, 0) + 2 * mass))
        energy = np.maximum(mu, 0) + 35 * temperature
        top = np.sqrt(energy * (energy + 2 * mass))
        density = np.zeros_like(mu)
        slope = np.zeros_like(mu)
        for low, high in ((np.zeros_like(mu), fermi), (fermi, top)):
            half = (high - low)[:, None] / 2
            p = low[:, None] + half * (1 + _NODES)
            kinetic = p * p / (np.sqrt(p * p + mass[:, None] ** 2) + mass[:, None])
            f = 1 / (np.exp((kinetic - mu[:, None]) / temperature[:, None]) + 1)
            weight = half * _WEIGHTS * p * p / np.pi**2
            density += np.sum(weight * f, axis=1)
            slope += np.sum(weight * f * (1 - f), axis=1) / temperature
        mu = mu - np.log(density / number) * density / slope
    return mu


def _nonrelativistic_potential(number: Array, mass: Array, temperature: Array) -> Array:
    """Start for `kinetic_potential`: the inverse Fermi integral of Nilsson.

    eta = ln(v) / (1 - v^2) + w / (1 + (0.24 + 1.08 w)^-2), v = n lambda^3 / 2,
    w = (3 sqrt(pi) v / 4)^(2/3) (N. G. Nilsson, Phys. Status Solidi A 19 (1973) K75).
    """
    v = number / (2 * (mass * temperature / (2 * np.pi)) ** 1.5)
    w = (0.75 * np.sqrt(np.pi) * v) ** (2 / 3)
    near = np.abs(v - 1) < 1e-6  # where ln(v) / (1 - v^2) tends to -1/2
    classical = np.where(near, -0.5, np.log(v) / np.where(near, 1.0, 1 - v * v))
    return np.asarray(temperature * (classical + w / (1 + (0.24 + 1.08 * w) ** -2)))


def nucleon_potentials(density: Array, yp: Array, temperature: Array) -> tuple[Array, Array]:
    """Chemical potentials (mu_n, mu_p) [MeV] of nucleons, rest mass excluded, potential included.

    `density` [g/cm3], `yp` protons per baryon, `temperature` [MeV], each (n,). Kinetic potential
    of free nucleons of mass m* (`kinetic_potential`, `effective_mass`) plus mean-field potentials
    fitted by us to the shipped SFHo sequence, n in fm^-3 (T from 0.9 to 38 MeV, Yp from 0.02 to
    0.25):
    U_n - U_p = 611.3 n (1 - 2 Yp) / (1 + (n/0.2264)^2.563), within 1.4 MeV;
    (U_n + U_p)/2 = -692.4 n + 1983.2 n^2 - 1047.7 n^3 - 46.9 n (1 - 2 Yp)^2 + 1.010 n T, within
    3.8 MeV.
    Against SFHo itself each potential is good to 5 MeV, mu_n - mu_p to 2 MeV above 1e14 g/cm3 and
    5 MeV from there down to 1e12 g/cm3; nuclei are not considered.
    """
    n = baryon_density_fm3(density)
    mass = effective_mass(density)
    number = baryon_density(density)
    split = 611.3 * n * (1 - 2 * yp) / (1 + (n / 0.2264) ** 2.563)
    asymmetry = (1 - 2 * yp) ** 2
    mean = n * (-692.4 + 1983.2 * n - 1047.7 * n * n - 46.9 * asymmetry + 1.010 * temperature)
    neutrons, protons = np.maximum(1 - yp, SCARCEST) * number, np.maximum(yp, SCARCEST) * number
    mu_n = kinetic_potential(neutrons, mass, temperature) + mean + split / 2
    mu_p = kinetic_potential(protons, mass, temperature) + mean - split / 2
    return mu_n, mu_p


def beta_equilibrium(mu_e: Array, mu_n: Array, mu_p: Array) -> Array:
    """mu_nu_e [MeV] in beta equilibrium: mu_e - (mu_n - mu_p) - (m_n - m_p); see the module."""
    return mu_e - (mu_n - mu_p) - MASS_DIFFERENCE
