"""Emission rates of heavy neutral leptons against a direct Monte Carlo of the collision integral.

The Monte Carlo draws p_1 and p_2, lets them go to two bodies isotropically where their sum (with
the nucleons' potentials in it) is at rest, and weighs with |M|^2 of the four-vectors themselves.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import qmc

from snmc.generators.hnl import (
    ANTINEUTRINOS,
    CHARGED,
    EQUAL_NEUTRINOS,
    LEPTON,
    NEUTRINO,
    NEUTRINOS,
    NEUTRON,
    OWN_NEUTRINO,
    Couplings,
    HeavyNeutralLepton,
    annihilation,
    scattering,
)
from snmc.ground.errors import InputError
from snmc.ground.units import G_FERMI, M_ELECTRON, M_MUON
from snmc.production.emission import Scattering
from snmc.production.scattering import scattering_rate
from snmc.thermal import FERMI, Species

Array = npt.NDArray[np.float64]
T = 30.0


@dataclass(frozen=True)
class Gas:
    """A Fermi gas: mass, chemical potential without and potential of the medium [MeV]."""

    mass: float
    mu: float
    potential: float = 0.0

    def occupation(self, E: Array) -> Array:
        return np.asarray(1 / (np.exp(np.clip((E - self.mu) / T, -700, 700)) + 1))

    def draw(self, u: Array) -> tuple[Array, Array, Array]:
        """Momentum, energy, and p^2 f over the density of the draw, for uniform `u`."""
        top = np.sqrt((max(self.mu, self.mass) + 30 * T) ** 2 - self.mass**2)
        p = np.linspace(1e-3, top, 20001)
        weight = p * p * self.occupation(np.hypot(p, self.mass))
        cdf = np.concatenate([[0], np.cumsum(weight[1:] + weight[:-1])])
        cdf /= cdf[-1]
        i = np.clip(np.searchsorted(cdf, u) - 1, 0, len(p) - 2)
        share = cdf[i + 1] - cdf[i]
        momentum = p[i] + (u - cdf[i]) / share * (p[1] - p[0])
        energy = np.hypot(momentum, self.mass)
        return momentum, energy, momentum**2 * self.occupation(energy) * (p[1] - p[0]) / share

    def species(self) -> Species:
        return Species(
            "x", np.array([self.mass]), np.array([self.mu]), FERMI, np.array([self.potential])
        )


def product(a: Array, b: Array) -> Array:
    return np.asarray(a[0] * b[0] - np.sum(a[1:] * b[1:], axis=0))


def monte_carlo(
    couplings: Couplings, pair: bool, one: Gas, two: Gas, three: Gas, M: float
) -> tuple[float, float, float]:
    """Rate [MeV^4], its standard error, and the mean energy of N [MeV]."""
    runs, energy_sum = [], 0.0
    left, right = couplings
    shift = two.potential - three.potential
    for seed in range(6):
        u = qmc.Sobol(5, scramble=True, rng=np.random.default_rng(seed)).random_base2(15).T
        k1, E1, w1 = one.draw(u[0])
        k2, E2, w2 = two.draw(u[1])
        cos12, cosine, phi = 2 * u[2] - 1, 2 * u[3] - 1, 2 * np.pi * u[4]
        zero = np.zeros_like(E1)
        p1 = np.array([E1, zero, zero, k1])
        p2 = np.array([E2, k2 * np.sqrt(1 - cos12**2), zero, k2 * cos12])
        total = p1 + p2
        total[0] += shift
        s = product(total, total)
        open_ = s > (M + three.mass) ** 2
        s = np.where(open_, s, 1.1 * (M + three.mass) ** 2)
        root = np.sqrt(s)
        E_star = (s + M**2 - three.mass**2) / (2 * root)
        k_star = np.sqrt(E_star**2 - M**2)
        sine = np.sqrt(1 - cosine**2)
        n = k_star * np.array([sine * np.cos(phi), sine * np.sin(phi), cosine])
        along = np.sum(n * total[1:], axis=0)
        E = (E_star * total[0] + along) / root
        pX = np.array([E, *(n + total[1:] * (E + E_star) / (total[0] + root))])
        p3 = total - pX
        if pair:
            square = left**2 * product(p2, p3) * product(p1, pX)
            square += right**2 * product(p1, p3) * product(p2, pX)
            square += left * right * one.mass * two.mass * product(p3, pX)
        else:
            square = left**2 * product(p1, p2) * product(p3, pX)
            square += right**2 * product(p1, p3) * product(p2, pX)
            square -= left * right * two.mass * three.mass * product(p1, pX)
        # d^3p/((2 pi)^3 2E) each, two-body phase space k*/(4 pi sqrt(s))
        w = w1 / (4 * np.pi**2 * E1) * w2 / (4 * np.pi**2 * E2) * k_star / (4 * np.pi * root)
        w = w * 128 * G_FERMI**2 * square * (1 - three.occupation(p3[0]))
        w = np.where(open_, w, 0.0)
        runs.append(float(w.mean()))
        energy_sum += float(np.mean(w * E)) / 6
    mean = float(np.mean(runs))
    return mean, float(np.std(runs, ddof=1) / np.sqrt(6)), energy_sum / mean


NU_E, NU_X = Gas(0.0, 100.0), Gas(0.0, 0.0)
NEUTRON_GAS, PROTON_GAS = Gas(500.0, 560.0, 400.0), Gas(500.0, 480.0, 360.0)
ELECTRON, POSITRON = Gas(M_ELECTRON, 180.0), Gas(M_ELECTRON, -180.0)
MUON = Gas(M_MUON, 110.0)
CASES = {
    "nu n": (NEUTRON, False, NU_X, NEUTRON_GAS, NEUTRON_GAS),
    "nubar n": (NEUTRON[::-1], False, NU_X, NEUTRON_GAS, NEUTRON_GAS),
    "e- p": (CHARGED, False, ELECTRON, PROTON_GAS, NEUTRON_GAS),
    "mu- p": (CHARGED, False, MUON, PROTON_GAS, NEUTRON_GAS),
    "e+ n": (CHARGED[::-1], False, POSITRON, NEUTRON_GAS, PROTON_GAS),
    "nu e-": (LEPTON, False, NU_E, ELECTRON, ELECTRON),
    "e+ e-": (LEPTON, True, POSITRON, ELECTRON, NU_X),
}


@pytest.mark.parametrize("mass", [10.0, 200.0])
@pytest.mark.parametrize("case", CASES)
def test_rate_equals_full_phase_space(case: str, mass: float) -> None:
    """Would catch the amplitude called with wrong arguments, or lost potentials of the nucleons.

    T = 30 MeV, m* = 500 MeV. Also time-like transfers left out: with these potentials muon capture
    and pair annihilation need them.
    """
    couplings, pair, one, two, three = CASES[case]
    reference, error, mean_energy = monte_carlo(couplings, pair, one, two, three, mass)
    assert error < 0.01 * reference
    nodes, weights = np.polynomial.legendre.leggauss(48)
    u = (nodes + 1) / 2
    energies = mass + 900 * u**2
    amplitude = (annihilation if pair else scattering)(couplings)
    rate = scattering_rate(
        amplitude, energies.reshape(1, -1), mass, np.array([T]), np.array([0.0]),
        [one.species()], two.species(), three.species(),
    )[0, 0]  # fmt: skip
    measure = weights * 900 * u
    mine = float(rate @ measure)
    assert mine == pytest.approx(reference, rel=3e-3, abs=4 * error)
    assert float((rate * energies) @ measure) / mine == pytest.approx(mean_energy, rel=5e-3)


def model(**values: float | str | tuple[str, ...]) -> HeavyNeutralLepton:
    switches = {"nature": "majorana", "processes": ("neutron-scattering",), "secondaries": "no"}
    return HeavyNeutralLepton({"mass": 100.0, **switches, **values})


def test_majorana_from_both_signs_and_dirac_from_its_own() -> None:
    """Would catch a Dirac N made from antineutrinos, or a Majorana N counted once."""
    majorana = model(U2_mu=1e-6)
    dirac = model(U2_mu=1e-6, nature="dirac")
    for source in NEUTRINOS + ANTINEUTRINOS:
        expected = 1e-6 if source.startswith("nu_mu") else 0.0
        assert majorana.coupling_squared("N", "nu n -> N n", source) == expected
        own, other = ("Nbar", "N") if source.endswith("_bar") else ("N", "Nbar")
        assert dirac.coupling_squared(own, "nu n -> N n", source) == expected
        assert dirac.coupling_squared(other, "nu n -> N n", source) == 0.0


@pytest.mark.parametrize(
    ("process", "couplings"),
    [
        ("nu n -> N n", (NEUTRON, NEUTRON[::-1])),
        ("nu_mu e- -> N e-", (LEPTON, LEPTON[::-1])),
        ("nu_mu nu_mu -> N nu_mu", (EQUAL_NEUTRINOS, OWN_NEUTRINO[::-1])),
        ("nu_mu nu_mu_bar -> N nu_mu_bar", (OWN_NEUTRINO[::-1], EQUAL_NEUTRINOS)),
        ("nu_mu nu_e_bar -> N nu_e_bar", (NEUTRINO[::-1], NEUTRINO)),
    ],
)
def test_antineutrinos_have_the_couplings_of_their_own(
    process: str, couplings: tuple[Couplings, Couplings]
) -> None:
    """Would catch g_L and g_R that are exchanged, or not, where one process has both signs."""
    groups = ("neutron-scattering", "electron-scattering", "neutrino-scattering")
    (one,) = (p for p in model(U2_mu=1e-6, processes=groups).processes() if p.name == process)
    assert isinstance(one, Scattering)
    assert {"nu_mu", "nu_mu_bar"} <= set(one.sources)
    assert (one.amplitude, one.anti_amplitude) == tuple(scattering(pair) for pair in couplings)


def test_capture_needs_the_mixing_of_its_own_lepton() -> None:
    """Would catch e- p -> N n from U_mu, which dominates the emission where U_e is there."""
    names = [p.name for p in model(U2_mu=1e-6, processes=("charged-current",)).processes()]
    assert names == ["mu- p -> N n", "mu+ n -> N p"]
    with pytest.raises(InputError, match="another mixing"):
        model(U2_tau=1e-6, processes=("charged-current",))
    electron = model(U2_e=1e-6, processes=("charged-current",))
    assert electron.coupling_squared("N", "e- p -> N n", "e-") == 1e-6
