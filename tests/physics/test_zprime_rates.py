"""Production rates of the vector bosons, against a Monte Carlo over the full phase space.

n = Int dPi_1 dPi_2 f1 f2 (p*/(16 pi^2 sqrt(s))) Int dOmega* S|M|^2 (1 -+ f3): momenta of 1 and 2 in
the medium, the pair 3 X isotropic in its own frame. It shares with the engine the amplitude alone.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import qmc

from snmc.generators._vector import neutrino_pair
from snmc.generators.zprime_b_minus_l import pion_capture
from snmc.generators.zprime_mu_tau import semi_compton
from snmc.ground.units import M_MUON, M_PION_CHARGED
from snmc.production.coalescence import coalescence_rate
from snmc.production.scattering import scattering_rate
from snmc.thermal import BOSE, FERMI, Species

Array = npt.NDArray[np.float64]
ONE = np.ones(1)
T = 30.0
K2 = 14.0**2  # m_T^2, what pion capture takes of the plasma


def species(
    name: str, mass: float, mu: float, statistics: float, potential: float = 0.0
) -> Species:
    return Species(name, mass * ONE, mu * ONE, statistics, potential * ONE)


def occupation(energy: Array, one: Species) -> Array:
    x = np.clip((energy - one.mu) / T, -700, 700)
    return np.asarray(1 / (np.exp(x) + one.statistics))


def unit_vector(cosine: Array, azimuth: Array) -> Array:
    sine = np.sqrt(1 - cosine**2)
    return np.stack([sine * np.cos(azimuth), sine * np.sin(azimuth), cosine])


def phase_space(
    amplitude: Any, mass: float, one: Species, two: Species, three: Species, edges: Array
) -> Array:
    """Number of X per volume and time in bins of energy [MeV^4], 2^18 points."""
    u = qmc.Sobol(6, scramble=True, rng=np.random.default_rng(5)).random_base2(18).T
    m1, m2, m3 = one.mass[0], two.mass[0], three.mass[0]
    shift = one.potential[0] + two.potential[0] - three.potential[0]
    x1, x2 = 40 * u[0] ** 1.5, 30 * u[1]  # momenta in units of T or of sqrt(2 m T)
    scale2 = max(T, np.sqrt(2 * m2 * T) / 4)
    p1, p2 = T * x1, scale2 * x2
    measure = T * 40 * 1.5 * np.sqrt(u[0]) * scale2 * 30
    E1, E2 = np.hypot(p1, m1), np.hypot(p2, m2)
    cosine = 2 * u[2] - 1
    measure = measure * 2 * 4 * np.pi * 2 * np.pi * p1**2 * p2**2 / ((2 * np.pi) ** 6 * 4 * E1 * E2)
    v1 = p1 * unit_vector(np.ones_like(p1), np.zeros_like(p1))
    v2 = p2 * unit_vector(cosine, 2 * np.pi * u[5])
    total, energy = v1 + v2, E1 + E2 + shift
    s = energy**2 - np.sum(total**2, axis=0)
    open_ = s > (m3 + mass) ** 2
    root = np.sqrt(np.where(open_, s, (m3 + mass + 1.0) ** 2))
    eX = (root**2 + mass**2 - m3**2) / (2 * root)
    star = np.sqrt(eX**2 - mass**2)
    vX = star * unit_vector(2 * u[3] - 1, 2 * np.pi * u[4])
    velocity = total / energy
    v_squared = np.clip(np.sum(velocity**2, axis=0), 1e-12, 1 - 1e-12)
    gamma = 1 / np.sqrt(1 - v_squared)
    along = np.sum(velocity * vX, axis=0)
    E = gamma * (eX + along)
    vX = vX + velocity * ((gamma - 1) * along / v_squared + gamma * eX)
    p = np.sqrt(np.sum(vX**2, axis=0))
    E3 = energy - E
    t = (E - E1) ** 2 - np.sum((vX - v1) ** 2, axis=0)
    free = m1**2 + m2**2 + 2 * (E1 * E2 - np.sum(v1 * v2, axis=0))
    along2 = np.sum(v2 * vX, axis=0) / p
    squared = np.vectorize(amplitude)(
        free, t, m1, m2, m3, mass, K2, E1, E2, E, along2, shift
    )  # fmt: skip
    blocking = 1 - three.statistics * occupation(E3, three)
    weight = measure * occupation(E1, one) * occupation(E2, two) * squared * blocking
    weight *= star / (16 * np.pi**2 * root) * 4 * np.pi
    weight = np.where(open_, weight, 0.0) / len(E)
    return np.histogram(np.where(open_, E, 0.0), edges, weights=weight)[0]


MUON = species("mu-", M_MUON, 100.0, FERMI)
PLASMON = species("gamma", 14.0, 0.0, BOSE)
PION = species("pi-", M_PION_CHARGED, 100.0, BOSE)
FIELD_PION = species("pi-", M_PION_CHARGED, 70.0, BOSE, 30.0)
PROTON = species("p", 600.0, 560.0, FERMI, -20.0)
NEUTRON = species("n", 600.0, 640.0, FERMI, 10.0)
CASES: dict[str, tuple[Any, float, Species, Species, Species, int]] = {
    "semi-Compton, light": (semi_compton, 1.0, PLASMON, MUON, MUON, 6),
    "semi-Compton, heavy": (semi_compton, 100.0, PLASMON, MUON, MUON, 6),
    "pion capture": (pion_capture, 1.0, PION, PROTON, NEUTRON, 3),
    "pion capture, heavy": (pion_capture, 60.0, PION, PROTON, NEUTRON, 3),
    "pions in the rho field": (pion_capture, 1.0, FIELD_PION, PROTON, NEUTRON, 3),
}


@pytest.mark.parametrize("case", CASES)
def test_rate_equals_full_phase_space(case: str) -> None:
    """Would catch wrong factors, bounds or blocking with massive bosons as particle 1.

    Also too few azimuths for the u-channel pole, or a potential step with the wrong sign: the field
    of the pions makes up for that of the nucleons, and all their energy goes to Z' and n.
    """
    amplitude, mass, one, two, three, azimuths = CASES[case]
    edges = mass + np.array([0.0, 60.0, 120.0, 180.0, 260.0, 420.0, 700.0])
    reference = phase_space(amplitude, mass, one, two, three, edges)
    x, w = np.polynomial.legendre.leggauss(8)
    energies = edges[:-1, None] + np.diff(edges)[:, None] * (x + 1) / 2
    rate = scattering_rate(
        amplitude, energies.reshape(1, -1), mass, T * ONE, K2 * ONE, [one], two, three,
        azimuths=azimuths, pole=False,
    )[0, 0].reshape(energies.shape)  # fmt: skip
    mine = rate @ w * np.diff(edges) / 2
    assert mine.sum() == pytest.approx(reference.sum(), rel=0.01)
    assert mine == pytest.approx(reference, rel=0.03, abs=0.01 * reference.sum())


@pytest.mark.parametrize("mass", [1e-3, 20.0, 300.0])
def test_coalescence_in_a_dilute_gas(mass: float) -> None:
    """Would catch the coefficient of eq. 49 as printed, which is that of one polarisation.

    Without degeneracy dn/(dE dt) = g^2 M^2 p exp(-E/T)/(16 pi^3).
    """
    energies = mass * np.array([[1.01, 1.5, 3.0]])
    mu = -900.0
    rate = coalescence_rate(
        neutrino_pair, energies, mass, T * ONE,
        [species("nu_mu", 0.0, mu, FERMI)], species("nu_mu_bar", 0.0, mu, FERMI),
    )[0, 0]  # fmt: skip
    p = np.sqrt(energies[0] ** 2 - mass**2)
    expected = mass**2 * p * np.exp((2 * mu - energies[0]) / T) / (16 * np.pi**3)
    assert rate == pytest.approx(expected, rel=1e-6)
