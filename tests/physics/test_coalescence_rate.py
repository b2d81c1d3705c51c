"""The 2 -> 1 production rate against phase space done in other variables, and closed limits."""

from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
import pytest
from scipy import integrate
from scipy.stats import qmc

from snmc.generators._vector import lepton_pair
from snmc.generators.dipole import inverse_decay, inverse_decay_flipped, scattering
from snmc.ground.compiled import compiled_formula
from snmc.ground.units import ALPHA, M_ELECTRON, M_MUON, RATE_DENSITY
from snmc.production.coalescence import coalescence_rate
from snmc.production.scattering import scattering_rate
from snmc.thermal import BOSE, FERMI, Species

Array = npt.NDArray[np.float64]
ONE = np.ones(1)
T = 30.0


def rate(
    amplitude: Any,
    energies: Array,
    mass: float,
    mu1: float,
    m2: float,
    mu2: float,
    statistics: float,
    potential: float = 0.0,
    m1: float = 0.0,
    statistics1: float = FERMI,
    **options: Any,
) -> Array:
    """`coalescence_rate` of one state and one source at T = 30 MeV; `statistics` are those of 2."""
    result = coalescence_rate(
        amplitude, energies.reshape(1, -1), mass, T * ONE,
        [Species("1", m1 * ONE, mu1 * ONE, statistics1, potential * ONE)],
        Species("2", m2 * ONE, mu2 * ONE, statistics, 0 * ONE), **options,
    )  # fmt: skip
    return np.asarray(result[0, 0].reshape(energies.shape))


@compiled_formula(4)
def invented(M: float, m2: float, E1: float, E: float) -> float:
    """Return an amplitude that depends on both energies, without meaning."""
    return M * M * (1.0 + E1 / E) + 3.0 * E1


def invented_numpy(M: float, m2: float, E1: Array, E: Array) -> Array:
    return M * M * (1 + E1 / E) + 3 * E1


@compiled_formula(4)
def yukawa(M: float, m2: float, E1: float, E: float) -> float:
    """S|M|^2 = M^2 of a scalar and two neutrinos, where the medium enters through M."""
    return M * M


@compiled_formula(4)
def two_photons(M: float, m2: float, E1: float, E: float) -> float:
    """S|M|^2/g^2 of gamma gamma -> a for L = -(g/4) a F Ftilde: g^2 M^4/4 without masses.

    |eps(e1, k1, e2, k2)|^2 summed over three polarisations is 2 [(k1.k2)^2 - m^4]; 1/2 for
    identical photons.
    """
    return M * M * (M * M - 4 * m2 * m2) / 4


CASES: dict[str, tuple[Any, float, float, float, float, float, float]] = {
    "photon, massless": (inverse_decay, 50.0, 0.0, 80.0, 0.0, 0.0, BOSE),
    "plasmon": (inverse_decay, 50.0, 0.0, 80.0, 14.13, 0.0, BOSE),
    "plasmon, one helicity": (inverse_decay_flipped, 30.0, 0.0, 80.0, 14.13, 0.0, BOSE),
    "massless pair": (invented, 80.0, 0.0, 60.0, 0.0, -60.0, FERMI),
    "heavy partner": (invented, 150.0, 0.0, 60.0, 105.7, 90.0, FERMI),
    "muon pair": (lepton_pair, 300.0, M_MUON, 60.0, M_MUON, -60.0, FERMI),
    "electron pair": (lepton_pair, 60.0, M_ELECTRON, 100.0, M_ELECTRON, -100.0, FERMI),
    "unlike masses": (invented, 150.0, 90.0, 110.0, 20.0, 0.0, BOSE),
}
BOSONS_FIRST: dict[str, tuple[Any, float, float, float, float, float, float]] = {
    "two photons": (two_photons, 50.0, 0.0, 0.0, 0.0, 0.0, BOSE),
    "two plasmons": (two_photons, 50.0, 14.13, 0.0, 14.13, 0.0, BOSE),
    "two plasmons near threshold": (two_photons, 30.0, 14.13, 0.0, 14.13, 0.0, BOSE),
    "two pions": (invented, 300.0, 139.57, 139.0, 139.57, -139.0, BOSE),
    "photon first": (invented, 50.0, 0.0, 0.0, 0.0, 80.0, FERMI),
    "plasmon and muon": (invented, 150.0, 20.0, 0.0, M_MUON, 90.0, FERMI),
}


@pytest.mark.parametrize("case", [*CASES, *BOSONS_FIRST])
def test_rate_equals_full_phase_space(case: str) -> None:
    """Would catch a factor in front, wrong bounds of E1, or the wrong statistics of either.

    Monte Carlo: n = Int d3p1/((2 pi)^3 2E1) d3p2/((2 pi)^3 2E2) |M|^2 f1 f2 2 pi delta(s - M^2),
    the angle between 1 and 2 fixed by the delta function.
    """
    amplitude, mass, m1, mu1, m2, mu2, statistics = (CASES | BOSONS_FIRST)[case]
    statistics1 = BOSE if case in BOSONS_FIRST else FERMI
    u = qmc.Sobol(2, scramble=True, rng=np.random.default_rng(3)).random_base2(20).T
    scale, softest = 1500.0, 1e-2
    p1 = scale * (softest / scale) ** u[0]  # log-uniform momenta
    p2 = scale * (softest / scale) ** u[1]
    jacobian = np.log(scale / softest) ** 2 * p1 * p2
    E1, E2 = np.hypot(p1, m1), np.hypot(p2, m2)
    cosine = (m1**2 + m2**2 + 2 * E1 * E2 - mass**2) / (2 * p1 * p2)
    inside = np.abs(cosine) <= 1

    def occupation(x: Array, sign: float) -> Array:
        x = np.clip(x, -700, 700)
        return 1 / np.expm1(x) if sign == BOSE else 1 / (np.exp(x) + 1)

    f1, f2 = occupation((E1 - mu1) / T, statistics1), occupation((E2 - mu2) / T, statistics)
    formulas: dict[Any, Any] = {
        inverse_decay: np.vectorize(inverse_decay),
        inverse_decay_flipped: np.vectorize(inverse_decay_flipped),
        invented: invented_numpy,
        lepton_pair: np.vectorize(lepton_pair),
        two_photons: np.vectorize(two_photons),
    }
    E = E1 + E2
    squared = np.zeros_like(E)
    squared[inside] = formulas[amplitude](mass, m2, E1[inside], E[inside])
    # d3p1 d3p2 -> 8 pi^2 p1^2 p2^2 dp1 dp2 dcos, and delta(s - M^2) = delta(cos ..)/(2 p1 p2)
    weight = jacobian * squared * f1 * f2 * 8 * np.pi**2 * p1**2 * p2**2
    weight *= 2 * np.pi / ((2 * np.pi) ** 6 * 4 * E1 * E2 * 2 * p1 * p2)
    edges = mass + np.array([0.0, 20.0, 60.0, 120.0, 250.0, 600.0])
    reference = np.histogram(E, edges, weights=weight / len(E))[0]
    x, w = np.polynomial.legendre.leggauss(16)
    v = (x + 1) / 2
    energies = edges[:-1, None] + np.diff(edges)[:, None] * v**2
    spectrum = rate(
        amplitude, energies, mass, mu1, m2, mu2, statistics, m1=m1, statistics1=statistics1
    )
    mine = spectrum @ (w * v) * np.diff(edges)
    assert mine == pytest.approx(reference, rel=0.01, abs=0)
    assert mine.sum() == pytest.approx(reference.sum(), rel=2e-3, abs=0)


def test_photons_of_one_zone() -> None:
    """Would catch one of the photons taken for a fermion: 5.5e52 axions in place of 9.86e52.

    10 km, T = 30 MeV, 10 s; M = 50 MeV, g = 1e-13/MeV, massless photons. For two bosons the
    integral over E1 has a closed form, T f(E) 2 ln[sinh((E + p)/4T)/sinh((E - p)/4T)] with f =
    1/(exp(E/T) - 1); the rest by quadrature.
    """
    mass, g = 50.0, 1e-13
    zone = 4 / 3 * np.pi * 1e18 * 10 * RATE_DENSITY

    def integrand(E: float) -> float:
        p = np.sqrt(E * E - mass * mass)
        ratio = np.sinh((E + p) / (4 * T)) / np.sinh((E - p) / (4 * T))
        return float(2 * T * np.log(ratio) / np.expm1(E / T))

    exact = mass**4 / 4 / (32 * np.pi**3) * integrate.quad(integrand, mass, 1500)[0]
    assert g**2 * exact * zone == pytest.approx(9.86e52, rel=1e-3, abs=0)
    x, w = np.polynomial.legendre.leggauss(60)
    u = (x + 1) / 2
    energies, measure = mass + 1400 * u**2, 1400 * u * w
    spectrum = rate(two_photons, energies, mass, 0.0, 0.0, 0.0, BOSE, statistics1=BOSE)
    assert spectrum @ measure == pytest.approx(exact, rel=1e-5, abs=0)


@pytest.mark.parametrize("mass", [1e-6, 1e-3, 1.0, 50.0, 200.0])
def test_two_photons_in_closed_form(mass: float) -> None:
    """Would catch either soft end too coarse: both occupations are singular, at E1 and E2 -> 0."""
    energies = np.array([1.001 * mass, mass + 5, mass + 60, mass + 300.0, mass + 1200.0])
    found = rate(two_photons, energies, mass, 0.0, 0.0, 0.0, BOSE, statistics1=BOSE)
    for E, mine in zip(energies, found, strict=True):
        with mpmath.workdps(60):
            p = mpmath.sqrt(mpmath.mpf(E) ** 2 - mpmath.mpf(mass) ** 2)
            ratio = mpmath.sinh((E + p) / (4 * T)) / mpmath.sinh((E - p) / (4 * T))
            exact = float(2 * T * mpmath.log(ratio) / mpmath.expm1(E / T))
        assert mine == pytest.approx(mass**4 / 4 * exact / (32 * np.pi**3), rel=1e-5, abs=0)


@pytest.mark.parametrize("mass", [30.0, 100.0])
def test_rate_does_not_know_which_is_first(mass: float) -> None:
    """Would catch the statistics of the two exchanged."""
    energies = mass + np.geomspace(0.1, 500, 12)
    first = rate(yukawa, energies, mass, 0.0, 20.0, 60.0, FERMI, m1=5.0, statistics1=BOSE)
    second = rate(yukawa, energies, mass, 60.0, 5.0, 0.0, BOSE, m1=20.0)
    assert first == pytest.approx(second, rel=1e-4, abs=0)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_cold_shells_keep_the_whole_range(temperature: float) -> None:
    """Would catch the upper end of E2 cut some T above its lower one, where f1 f2 is still flat.

    f1 f2 = exp((mu1 + mu2 - E)/T) between mu2 and E - mu1; absorption multiplies it by the inverse.
    """
    E, mass, mu = 200.0, 1e-3, 20.0
    one = Species("1", 0 * ONE, mu * ONE, FERMI, 0 * ONE)
    found = coalescence_rate(yukawa, np.array([[E]]), mass, temperature * ONE, [one], one)[0, 0, 0]
    with mpmath.workdps(30):

        def integrand(E2: Any) -> Any:
            occupied = [1 / (mpmath.exp((e - mu) / temperature) + 1) for e in (E2, E - E2)]
            return occupied[0] * occupied[1]

        exact = mpmath.quad(integrand, [0, 10, 20, 30, 100, 170, 180, 190, 200])
    assert found == pytest.approx(mass**2 * float(exact) / (32 * np.pi**3), rel=0.02, abs=0)


@pytest.mark.parametrize("mass", [1e-3, 1.0, 50.0, 200.0])
def test_classical_limit(mass: float) -> None:
    """Would catch a wrong g or Gamma: without degeneracy dn/dEdt = g M Gamma p e^(-E/T)/(2 pi^2).

    In a dilute gas f1 f2 = exp((mu1 + mu2 - E)/T) is constant along the integral over E1.
    """
    width = mass**3 / (4 * np.pi)
    energies = mass * np.array([1.01, 1.5, 3.0])
    mu = -600.0
    dilute = rate(inverse_decay, energies, mass, mu, 0.0, mu, FERMI)
    p = np.sqrt(energies**2 - mass**2)
    expected = 2 * mass * width * p * np.exp((2 * mu - energies) / T) / (2 * np.pi**2)
    assert dilute == pytest.approx(expected, rel=1e-6, abs=0)


@pytest.mark.parametrize(
    ("mass", "lepton"),
    [(1.03, M_ELECTRON), (300.0, M_ELECTRON), (211.4, M_MUON), (300.0, M_MUON), (800.0, M_MUON)],
)
def test_massive_pair_in_a_dilute_gas(mass: float, lepton: float) -> None:
    """Would catch lambda with a wrong mass: dn/dEdt = S|M|^2 e^(-E/T) p sqrt(lambda)/(32 pi^3 M^2).

    sqrt(lambda) = M^2 sqrt(1 - 4 m^2/M^2) for a pair.
    """
    energies = mass * np.array([1.001, 1.1, 1.5])
    mu = -900.0
    dilute = rate(lepton_pair, energies, mass, mu, lepton, mu, FERMI, m1=lepton)
    p = np.sqrt(energies**2 - mass**2)
    expected = 4 * (mass**2 + 2 * lepton**2) * p * np.sqrt(1 - 4 * (lepton / mass) ** 2)
    expected *= np.exp((2 * mu - energies) / T) / (32 * np.pi**3)
    assert dilute == pytest.approx(expected, rel=1e-6, abs=0)


@pytest.mark.parametrize(("m1", "m2"), [(0.5, 1e-6), (40.0, 1e-6), (40.0, 1e-2), (0.0, 1e-6)])
def test_soft_bosons_beside_a_massive_source(m1: float, m2: float) -> None:
    """Would catch the lower bound of E2 lost to rounding: f2 = T/E2 feels its logarithm.

    The bound in 60 digits, from E and p as they stand above.
    """
    mass, mu1 = 50.0, 60.0
    energies = np.array([50.001, 60.0, 2e2, 1e3])
    mine = rate(yukawa, energies, mass, mu1, m2, 0.0, BOSE, m1=m1)
    for E, found in zip(energies, mine, strict=True):
        with mpmath.workdps(60):
            M, a, b = (mpmath.mpf(one) for one in (mass, m1, m2))
            half = mpmath.sqrt((M**2 - (a + b) ** 2) * (M**2 - (a - b) ** 2)) * mpmath.sqrt(
                mpmath.mpf(E) ** 2 - M**2
            )
            middle = mpmath.mpf(E) * (M**2 + b**2 - a**2)
            low, high = (float((middle + sign * half) / (2 * M**2)) for sign in (-1, 1))

        def integrand(y: float, E: float = E) -> float:
            E2 = np.exp(y)
            return float(E2 / (np.exp((E - E2 - mu1) / T) + 1) / np.expm1(E2 / T))

        exact = integrate.quad(integrand, np.log(low), np.log(high), epsrel=1e-10, limit=400)[0]
        assert found == pytest.approx(mass**2 * exact / (32 * np.pi**3), rel=1e-4, abs=0)


@pytest.mark.parametrize("mass", [1e-3, 1.0, 50.0, 200.0])
def test_photon_integral_by_adaptive_quadrature(mass: float) -> None:
    """Would catch three panels too coarse for the soft photons, f ~ T/E2, at high boost."""
    mu, width = 80.0, mass**3 / (4 * np.pi)
    energies = np.array([1.001 * mass, mass + 5, mass + 60, mass + 300.0])
    for E, mine in zip(energies, rate(inverse_decay, energies, mass, mu, 0.0, 0.0, BOSE)):
        p = np.sqrt((E - mass) * (E + mass))

        def integrand(y: float, E: float = E) -> float:
            E2 = np.exp(y)
            return float(E2 / (np.exp((E - E2 - mu) / T) + 1) / np.expm1(E2 / T))

        low, high = np.log(mass**2 / (2 * (E + p))), np.log((E + p) / 2)
        exact = integrate.quad(integrand, low, high, epsrel=1e-10, limit=400)[0]
        assert mine == pytest.approx(2 * mass * width / (2 * np.pi**2) * exact, rel=1e-5, abs=0)


@pytest.mark.parametrize("mass", [1e-5, 1e-2, 30.0])
@pytest.mark.parametrize("potential", [-2e-5, -1e-5, 0.0, 2e-5])
def test_potentials_of_the_pair(mass: float, potential: float) -> None:
    """Would catch M^2 - 2 E V with the wrong sign, factor or energy (Akita et al., eqs. 54, 55).

    For light X the potential V = V_1 + V_2 alone makes the rate; where it repels, there is none.
    """
    mu1, mu2 = 60.0, 30.0
    energies = np.array([mass + 1.0, mass + 50.0, mass + 300.0])
    mine = rate(yukawa, energies, mass, mu1, 0.0, mu2, FERMI, potential)
    for E, found in zip(energies, mine, strict=True):
        squared = mass**2 - 2 * E * potential
        if squared <= 0:
            assert found == 0.0
            continue

        def integrand(E2: float, E: float = E) -> float:
            return float(1 / (np.exp((E - E2 - mu1) / T) + 1) / (np.exp((E2 - mu2) / T) + 1))

        p = np.sqrt(E * E - squared)
        low = squared / (2 * (E + p))
        exact = integrate.quad(integrand, low, E - low, epsrel=1e-10, limit=200)[0]
        assert found == pytest.approx(squared * exact / (32 * np.pi**3), rel=1e-5, abs=0)


def test_default_order_has_converged() -> None:
    """Would catch an order too low where the neutrino's Fermi edge crosses the panels."""
    for mass, m2 in ((20.0, 14.1), (100.0, 14.1), (300.0, 25.0)):
        energies = mass + np.geomspace(0.1, 900, 30)
        few = rate(inverse_decay, energies, mass, 200.0, m2, 0.0, BOSE)
        many = rate(inverse_decay, energies, mass, 200.0, m2, 0.0, BOSE, order=96)
        assert few == pytest.approx(many, rel=1e-4, abs=0)


def test_threshold() -> None:
    """Would catch X made by heavier ones (a plasmon, two muons), or NaN at threshold, at rest."""
    energies = np.array([10.0, 14.0, 14.1, 20.0, 400.0])
    assert np.all(rate(inverse_decay, energies, 14.0, 80.0, 14.13, 0.0, BOSE) == 0)
    assert np.all(rate(inverse_decay, energies, 14.13, 80.0, 14.13, 0.0, BOSE) == 0)
    above = rate(inverse_decay, energies, 14.2, 80.0, 14.13, 0.0, BOSE)
    assert np.all(np.isfinite(above))
    assert np.all(above >= 0)
    for mass in (14.14, 105.0, 2 * M_MUON):
        pair = rate(lepton_pair, mass + energies, mass, 80.0, M_MUON, -80.0, FERMI, m1=M_MUON)
        assert np.all(pair == 0)
    pair = rate(lepton_pair, 212 + energies, 212.0, 80.0, M_MUON, -80.0, FERMI, m1=M_MUON)
    assert np.all(pair > 0)


@pytest.mark.parametrize(("mass", "ratio"), [(50.0, 1.2), (100.0, 6.7), (200.0, 27.0)])
def test_inverse_decay_over_electron_scattering(mass: float, ratio: float) -> None:
    """Would catch one process off against the other; massless photons, screened scattering.

    T = 30, mu_e = 200 MeV, mu_nu = 0. The ratios were computed with an independent code.
    """
    k2 = 4 * ALPHA / np.pi * (200**2 + np.pi**2 * T**2 / 3)
    x, w = np.polynomial.legendre.leggauss(40)
    u = (x + 1) / 2
    energies, measure = mass + 900 * u**2, 900 * u * w
    electron = Species("e-", M_ELECTRON * ONE, 200 * ONE, FERMI, 0 * ONE)
    scattered = scattering_rate(
        scattering, energies[None], mass, T * ONE, k2 * ONE,
        [Species("nu", 0 * ONE, 0 * ONE, FERMI, 0 * ONE)], electron, electron, pole=True,
    )[0, 0]  # fmt: skip
    coalesced = rate(inverse_decay, energies, mass, 0.0, 0.0, 0.0, BOSE)
    assert coalesced @ measure / (scattered @ measure) == pytest.approx(ratio, rel=0.03, abs=0)
