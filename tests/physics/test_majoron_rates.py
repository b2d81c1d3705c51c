"""Rates of majorons in matter: coalescence with potentials, rescattering."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import qmc

from snmc.core import CoreState
from snmc.generators.majoron import Majoron, coalescence
from snmc.ground.units import M_MUON
from snmc.production.coalescence import coalescence_rate
from snmc.thermal import FERMI, Species, neutrino_potential

Array = npt.NDArray[np.float64]
ONE = np.ones(1)
T = 30.0


def rate(energies: Array, mass: float, mu: float, potential: float) -> Array:
    """Rate of nu nu -> phi of one flavour for g = 1, without the factor of identical particles."""
    neutrino = Species("nu", 0 * ONE, mu * ONE, FERMI, potential * ONE)
    return coalescence_rate(coalescence, energies[None], mass, T * ONE, [neutrino], neutrino)[0, 0]


@pytest.mark.parametrize("mass", [1e-6, 1e-2, 0.1, 50.0])
@pytest.mark.parametrize("potential", [-2e-5, 2e-5])
def test_coalescence_in_matter(mass: float, potential: float) -> None:
    """Would catch the sign of the potential, or E_nu for E_phi in m^2 - 2 E (V + V).

    In a dilute gas dn/(dE dt) = M^2 p e^(-E/T)/(32 pi^3) with M^2 = m^2 - 4 E V. Antineutrinos,
    V > 0, make no majoron where that is negative.
    """
    mu = -900.0
    energies = mass + np.array([5.0, 60.0, 200.0])
    effective2 = mass**2 - 4 * energies * potential
    momentum = np.sqrt(np.maximum(energies**2 - effective2, 0))
    expected = effective2 * momentum * np.exp((2 * mu - energies) / T) / (32 * np.pi**3)
    expected = np.where(effective2 > 0, expected, 0.0)
    assert rate(energies, mass, mu, potential) == pytest.approx(expected, rel=1e-5)


def test_light_majorons_are_made_by_matter_alone() -> None:
    """Would catch a rate that falls as m^2 to nothing: below 10 keV Akita et al. find it flat."""
    energies = np.array([20.0, 80.0, 200.0])
    light, keV = (rate(energies, mass, 100.0, -1e-5) for mass in (1e-6, 1e-3))
    assert keV == pytest.approx(light, rel=2e-3)
    assert np.all(rate(energies, 0.1, 100.0, -1e-5) > 2 * light)


def state(mu_nu_e: float) -> CoreState:
    values = {
        "temperature": T, "density": 3e14, "ye": 0.2, "ymu": 0.02, "mu_e": 200.0,
        "mu_mu": M_MUON, "mu_nu_e": mu_nu_e, "mu_nu_mu": 0.0, "mu_n": 50.0, "mu_p": -50.0,
        "mass_n": 600.0, "mass_p": 600.0, "lapse": 0.7, "enclosed_mass": 0.5,
    }  # fmt: skip
    return CoreState(**{name: value * ONE for name, value in values.items()})


@pytest.mark.parametrize("mu_nu_e", [0.0, 100.0])
@pytest.mark.parametrize("mass", [1e-6, 1.0])
def test_rescattering_equals_the_thermal_average(mu_nu_e: float, mass: float) -> None:
    """Would catch a factor in the opacity: 30 % is what the estimate promises.

    Int d3p/(2 pi)^3 f (1 - cos) sigma(s) with the logarithm at each s, by quasi Monte Carlo.
    """
    g, energies = 1e-3, np.array([[20.0, 100.0, 300.0]])
    local = state(mu_nu_e)
    mine = Majoron({"mass": mass, "g_ee": g}).rescattering(local, energies)
    u, v = qmc.Sobol(2, rng=np.random.default_rng(6)).random_base2(14).T
    p, cosine = 900 * u, 2 * v - 1
    f = sum(1 / (np.exp((p - sign * mu_nu_e) / T) + 1) for sign in (-1, 1))
    potential = abs(neutrino_potential("nu_e", local)[0])
    for energy, opacity in zip(energies[0], mine[0], strict=True):
        s = 2 * energy * p * (1 - cosine)
        cut = max(mass**2, 2 * energy * potential)
        logarithm = np.log(np.maximum(s / cut, 1)) + 2.5
        sigma = g**4 / (16 * np.pi * s) * logarithm
        integrand = p**2 / (4 * np.pi**2) * f * (1 - cosine) * sigma
        assert opacity == pytest.approx(np.mean(integrand) * 900 * 2, rel=0.3)


def test_matter_decays_trap_before_rescattering() -> None:
    """Would catch an opacity of the wrong power of g.

    At g = 1e-4, where Akita et al. see trapping by rescattering, its mean free path is of the order
    of the core; that of the decay which matter allows is some thirty times shorter here.
    """
    local, energies = state(100.0), np.array([[100.0]])
    scattering = Majoron({"mass": 1e-6, "g_ee": 1e-4}).rescattering(local, energies)[0, 0]
    km = 1.0e18 / 197.327  # in 1/MeV
    assert 1 < 1 / (scattering * km) < 100
    effective2 = 4 * energies[0, 0] * abs(neutrino_potential("nu_e", local)[0])
    decay = 1e-8 * effective2 / (32 * np.pi * energies[0, 0])
    assert 10 < decay / scattering < 1e3
