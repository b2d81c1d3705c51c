"""The 2 -> 2 production rate against a direct Monte Carlo of the full phase space.

The Monte Carlo knows nothing of the reduced integral: it draws p_1 and p_2 from the medium, lets
the pair go to two bodies in its centre-of-mass frame, boosts back and weighs with |M|^2, the
propagator and the blocking of the recoil. Points come from scrambled Sobol sequences; the spread
of independent scramblings is the error.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import qmc

from snmc.generators.dipole import scattering
from snmc.ground.compiled import compiled_formula
from snmc.ground.errors import PhysicsError
from snmc.ground.units import ALPHA, M_ELECTRON
from snmc.production.scattering import dot_products, potential_step, scattering_rate
from snmc.thermal import BOSE, FERMI, Species

Array = npt.NDArray[np.float64]

TEMPERATURE = 30.0
MU_E = 200.0
K_DEBYE2 = 4 * ALPHA / np.pi * (MU_E**2 + np.pi**2 * TEMPERATURE**2 / 3)  # 19.98^2 MeV^2


@dataclass(frozen=True)
class Gas:
    """A thermal particle: mass, chemical potential [MeV], statistics."""

    mass: float
    mu: float
    statistics: float
    potential: float = 0.0

    def occupation(self, energy: Array) -> Array:
        x = np.clip((energy - self.mu) / TEMPERATURE, -700, 700)
        return 1 / (np.exp(x) + self.statistics)

    def species(self, count: int) -> Species:
        one = np.ones(count)
        return Species("x", self.mass * one, self.mu * one, self.statistics, self.potential * one)

    def draw(self, u: Array, power: float) -> tuple[Array, Array, Array]:
        """Momentum, energy, p^2 f over the density of the draw (p^2 f^power), for uniform `u`."""
        top = np.sqrt((max(self.mu, self.mass) + 60 * TEMPERATURE) ** 2 - self.mass**2)
        p = np.linspace(1e-3, top, 20001)
        weight = p * p * self.occupation(np.hypot(p, self.mass)) ** power
        cdf = np.concatenate([[0], np.cumsum(weight[1:] + weight[:-1])])
        cdf /= cdf[-1]
        i = np.clip(np.searchsorted(cdf, u) - 1, 0, len(p) - 2)
        share = cdf[i + 1] - cdf[i]
        momentum = p[i] + (u - cdf[i]) / share * (p[1] - p[0])
        energy = np.hypot(momentum, self.mass)
        density = share / (p[1] - p[0])
        return momentum, energy, momentum**2 * self.occupation(energy) / density


NEUTRINO = Gas(0.0, 100.0, FERMI)


@dataclass(frozen=True)
class Points:
    """Points of phase space: four-vectors (4, n) of all particles, s and t without cancellation."""

    p1: Array
    p2: Array
    p3: Array
    p: Array
    s: Array
    t: Array


def monte_carlo(
    square: Callable[[Points], Array],
    mass: float,
    spread: float,
    target: Gas,
    recoil: Gas,
    edges: Array,
    source: Gas = NEUTRINO,
) -> tuple[Array, Array]:
    """Rates [MeV^4] in bins of the energy of X and (last) in all, and their standard errors.

    `square`: S|M|^2; `spread`: points are drawn as 1/(spread - t).
    """
    runs = []
    m1, m2, m3 = source.mass, target.mass, recoil.mass
    threshold = mass + m3 - m2 - m1
    power = 1.0 if threshold < 150 else 0.3 if threshold < 500 else 0.15  # tails above it matter
    shift = source.potential + target.potential - recoil.potential
    for seed in range(8):
        u = qmc.Sobol(5, scramble=True, rng=np.random.default_rng(seed)).random_base2(15).T
        p1, E1, w1 = source.draw(u[0], power)
        p2, E2, w2 = target.draw(u[1], power)
        cos12 = 2 * u[2] - 1
        # d^3p/((2 pi)^3 2E), the mean over the angle between 1 and 2 left to u[2]
        w = w1 / (4 * np.pi**2 * E1) * w2 / (4 * np.pi**2 * E2)
        zero = np.zeros_like(E1)
        vector2 = np.stack([p2 * np.sqrt(1 - cos12**2), zero, p2 * cos12])
        vector1 = np.stack([zero, zero, p1])
        s = m1**2 + m2**2 + 2 * (E1 * E2 - p1 * p2 * cos12)
        # the pair with the energy the medium adds goes to 3 and X
        pair = s + shift * (shift + 2 * (E1 + E2))
        open_ = (pair > (mass + m3) ** 2) & (E1 + E2 + shift > 0)
        velocity = np.where(open_, (vector1 + vector2) / (E1 + E2 + shift), 0.3)
        pair = np.where(open_, pair, 1.1 * (mass + m3) ** 2 + 1)
        root = np.sqrt(pair)
        gamma = np.where(open_, (E1 + E2 + shift) / root, 1.0)
        v2 = np.sum(velocity**2, axis=0)
        along1 = np.sum(velocity * vector1, axis=0)
        axis = vector1 + velocity * ((gamma - 1) * along1 / v2 - gamma * E1)
        p_in = np.linalg.norm(axis, axis=0)
        axis /= p_in
        E_out = (pair + mass**2 - m3**2) / (2 * root)
        p_out = np.sqrt(np.maximum(E_out**2 - mass**2, 0))
        # log-uniform in offset - t, where offset - t > 0 for every t that can occur
        t_low = mass**2 + m1**2 - 2 * (np.hypot(p_in, m1) * E_out + p_in * p_out)
        t_high = t_low + 4 * p_in * p_out
        if m2 == m3 and m1 == shift == 0:
            t_high = m2**2 * mass**4 / (s * t_low)
        offset = spread + (np.max(t_high[open_]) + 100 if np.any(t_high[open_] >= spread) else 0.0)
        t_low, t_high = np.where(open_, t_low, -2.0), np.where(open_, t_high, -1.0)
        y_low, y_high = np.log(offset - t_high), np.log(offset - t_low)
        distance = np.exp(y_low + (y_high - y_low) * u[3])
        t = offset - distance
        # two-body phase space p_out/(16 pi^2 sqrt(s)) dcos dphi, dcos = dt/(2 p_in p_out)
        w *= open_ * 2 * np.pi / (16 * np.pi**2 * root) / (2 * p_in) * distance * (y_high - y_low)
        cosine = np.clip((t - t_low) / (2 * p_in * p_out) - 1, -1, 1)
        phi = 2 * np.pi * u[4]

        # from the frame of 3 and X back to the medium
        side = np.cross(axis, [0.3, 0.9, 0.1], axisa=0).T
        side /= np.linalg.norm(side, axis=0)
        third = np.cross(axis, side, axis=0)
        sine = np.sqrt(1 - cosine**2)
        out = p_out * (sine * (np.cos(phi) * side + np.sin(phi) * third) + cosine * axis)
        along = np.sum(velocity * out, axis=0)
        E = gamma * (E_out + along)
        p_lab = out + velocity * ((gamma - 1) * along / v2 + gamma * E_out)
        four = [np.vstack([E1, vector1]), np.vstack([E2, vector2]), np.vstack([E, p_lab])]
        p3 = four[0] + four[1] - four[2]
        p3[0] += shift
        w *= 1 - recoil.statistics * recoil.occupation(np.where(open_, p3[0], recoil.mass + 1))
        w *= square(Points(four[0], four[1], p3, four[2], s, t))
        w = np.where(open_, w, 0) / len(w)
        runs.append(np.append(np.histogram(E, edges, weights=w)[0], w.sum()))
    return np.mean(runs, axis=0), np.std(runs, axis=0, ddof=1) / np.sqrt(8)


def rate(
    amplitude: Any,
    energies: Array,
    mass: float,
    k2: float,
    target: Gas,
    recoil: Gas,
    source: Gas = NEUTRINO,
    **options: Any,
) -> Array:
    """`scattering_rate` of one state and one source; a pole if there is none of the options."""
    result = scattering_rate(
        amplitude, energies.reshape(1, -1), mass, np.array([TEMPERATURE]), np.array([k2]),
        [source.species(1)], target.species(1), recoil.species(1), **{"pole": True, **options},
    )  # fmt: skip
    return np.asarray(result[0, 0].reshape(energies.shape))


def binned(
    amplitude: Any,
    mass: float,
    k2: float,
    target: Gas,
    recoil: Gas,
    edges: Array,
    source: Gas = NEUTRINO,
    **options: Any,
) -> Array:
    """The rate integrated over each bin, and (last) in all."""
    x, w = np.polynomial.legendre.leggauss(16)
    energies = edges[:-1, None] + np.diff(edges)[:, None] * (x + 1) / 2
    bins = rate(amplitude, energies, mass, k2, target, recoil, source, **options)
    bins = bins @ w / 2 * np.diff(edges)
    return np.append(bins, bins.sum())


def dipole(m2: float, M: float, k2: float) -> Callable[[Points], Array]:
    """S|M|^2/d^2 of nu X -> N X from the published dsigma/dt, 16 pi a^2 times 2 dsigma/dt."""

    def square(at: Points) -> Array:
        s, t, a = at.s, at.t, at.s - m2**2
        bracket = -1 / t - 1 / a + M**2 * (2 * s + t) / (2 * t * a**2)
        bracket -= M**4 * (t + 2 * m2**2) / (2 * t**2 * a**2)
        return np.asarray(32 * np.pi * a**2 * 4 * ALPHA * bracket * (t / (t - k2)) ** 2)

    return square


def compare(mine: Array, reference: Array, error: Array, system: float) -> None:
    """Total within `system`, bins good to 3% within 5 standard errors and 1e-3 (few runs)."""
    assert abs(mine[-1] - reference[-1]) < 4 * error[-1] + system * reference[-1]
    good = error < 0.03 * reference
    assert good.sum() >= 3
    mine, reference, error = mine[good], reference[good], error[good]
    deviation = np.abs(mine - reference) / np.hypot(error, 1e-3 * reference)
    assert np.max(deviation) < 5, mine / reference


ELECTRON = Gas(M_ELECTRON, MU_E, FERMI)
PROTON = Gas(600.0, 560.0, FERMI)


@pytest.mark.parametrize("target", [ELECTRON, PROTON], ids=["electron", "proton"])
@pytest.mark.parametrize("mass", [1.0, 100.0, 300.0])
@pytest.mark.parametrize("k2", [K_DEBYE2, 0.0], ids=["screened", "bare"])
def test_rate_equals_full_phase_space(target: Gas, mass: float, k2: float) -> None:
    """Would catch any wrong factor of 2 pi, flux, statistics, blocking or bound of the integral."""
    edges = np.append(mass + 700 * np.linspace(0, 1, 7) ** 2, mass + 1100)
    reference, error = monte_carlo(dipole(target.mass, mass, k2), mass, k2, target, target, edges)
    mine = binned(scattering, mass, k2, target, target, edges)
    compare(mine, reference, error, 4e-4 if k2 else 3e-3)


@compiled_formula(12)
def primakoff(
    s: float, t: float, m1: float, m2: float, m3: float, M: float, k2: float,
    E1: float, E2: float, E: float, along: float, shift: float,
) -> float:  # fmt: skip
    """S|M|^2/g^2 of gamma p -> p a, a point proton, L = -(g/4) a F Ftilde, all polarisations.

    The photon's tensor, by its antisymmetry, is a Gram determinant of k, q and what it meets:
    4 e^2/(t - k^2)^2 [2 G(p2, k, q) + t (K^2 t - (k.q)^2)].
    """
    K2, kq, pq = m1 * m1, 0.5 * (M * M - m1 * m1 - t), 0.5 * t
    pk = 0.5 * (s - m2 * m2 - K2)
    plane = K2 * t - kq * kq
    gram = m2 * m2 * plane - pk * (pk * t - kq * pq) + pq * (pk * kq - K2 * pq)
    return 16 * np.pi * ALPHA / (t - k2) ** 2 * (2 * gram + t * plane)


def primakoff_points(m1: float, m2: float, M: float, k2: float) -> Callable[[Points], Array]:
    """Give it from four-vectors, with the tensor written out by the Levi-Civita symbol."""
    symbol = np.zeros((4, 4, 4, 4))
    for order in itertools.permutations(range(4)):
        symbol[order] = np.linalg.det(np.eye(4)[list(order)])
    metric = np.array([1.0, -1.0, -1.0, -1.0])

    def square(at: Points) -> Array:
        k, q = (metric[:, None] * v for v in (at.p1, at.p - at.p1))
        vertex = np.einsum("mnab,ai,bi->mni", symbol, k, q)
        # - Sum over the photon's index; hadrons: 4 [p2 p3 + p3 p2 + g (m^2 - p2.p3)]
        lowered = metric[:, None, None] * vertex
        before, after = (
            np.einsum("mni,ni->mi", vertex, metric[:, None] * v) for v in (at.p2, at.p3)
        )
        product = -2 * np.einsum("mi,mi->i", metric[:, None] * before, after)
        trace = -np.einsum("mni,mni->i", lowered, metric[None, :, None] * vertex)
        hadrons = 4 * (product + 0.5 * at.t * trace)
        return np.asarray(4 * np.pi * ALPHA / (at.t - k2) ** 2 * hadrons)

    return square


@pytest.mark.parametrize("target", ["electron", "proton"])
@pytest.mark.parametrize("plasmon", [0.0, 14.0, 60.0])
@pytest.mark.parametrize("mass", [1e-6, 1.0, 50.0, 200.0])
def test_photon_exchange_with_a_massive_source(mass: float, plasmon: float, target: str) -> None:
    """Would catch the smallest |t| of a plasmon in the wrong place, or lost for X of 1 eV.

    Primakoff production: a boson as particle 1, with a pole, against the full phase space.
    """
    gas = {"electron": ELECTRON, "proton": PROTON}[target]
    source = Gas(plasmon, 0.0, BOSE)
    edges = np.append(mass + 700 * np.linspace(0, 1, 7) ** 2, mass + 1100)
    square = primakoff_points(plasmon, gas.mass, mass, K_DEBYE2)
    reference, error = monte_carlo(square, mass, K_DEBYE2, gas, gas, edges, source)
    mine = binned(primakoff, mass, K_DEBYE2, gas, gas, edges, source)
    compare(mine, reference, error, 4e-4)


@pytest.mark.parametrize("k2", [K_DEBYE2, 0.0], ids=["screened", "bare"])
def test_a_light_source_is_as_good_as_a_massless_one(k2: float) -> None:
    """Would catch a jump, or lost digits, between a light plasmon and a massless photon.

    Bare, |t| reaches down to ((M^2 - m1^2)/2E)^2, 1e-29 MeV^2 for X of 1 eV.
    """
    energies = 1e-6 + 700 * np.linspace(0.05, 1, 12) ** 2
    without, light = (
        rate(primakoff, energies, 1e-6, k2, PROTON, PROTON, Gas(m1, 0.0, BOSE))
        for m1 in (0.0, 1e-7)
    )
    assert np.max(np.abs(light - without)) < (2e-3 if k2 else 4e-2) * without.max()
    # and X of 1 eV as one of 1 keV where the plasmon is much heavier
    eV, keV = (
        rate(primakoff, energies, mass, k2, PROTON, PROTON, Gas(14.0, 0.0, BOSE))
        for mass in (1e-6, 1e-3)
    )
    assert eV == pytest.approx(keV, rel=2e-5, abs=0)


@pytest.mark.parametrize(("mass", "plasmon"), [(1e-6, 14.0), (50.0, 14.0), (50.0, 49.9)])
def test_bare_pole_of_a_massive_source(mass: float, plasmon: float) -> None:
    """Would catch nodes that miss a pole nothing screens but |M^2 - m1^2|/2E."""
    energies = mass + 500 * np.linspace(0.1, 1, 8) ** 2
    mine, fine = (
        rate(primakoff, energies, mass, 0.0, PROTON, PROTON, Gas(plasmon, 0.0, BOSE), orders=n)
        for n in ((8, 8, 5), (24, 24, 12))
    )
    assert np.max(np.abs(mine - fine)) < 2e-3 * fine.max()


@pytest.mark.parametrize("k2", [20.0**2, 60.0**2])
def test_static_limit_of_primakoff(k2: float) -> None:
    """Would catch a factor: per photon n_p (g^2 alpha/8)[(1 + k^2/4E^2) ln(1 + 4E^2/k^2) - 1].

    Raffelt, PRD 33 (1986) 897, for targets at rest and |t| (|t| + k^2) in the propagator; our
    (|t| + k^2)^2 makes it (1 + k^2/2E^2) ln(1 + 4E^2/k^2) - 2, which is tested.
    """
    mass = 1e7  # of a target that takes no energy
    heavy = Gas(mass, mass - 300.0, FERMI)
    E = np.array([30.0, 100.0, 200.0])
    x = np.linspace(0, 40, 4001)
    number = np.exp(-10) * (mass * TEMPERATURE) ** 1.5 * np.sqrt(2) / np.pi**2
    number *= np.trapezoid(np.sqrt(x) * np.exp(-x), x)
    found = rate(primakoff, E, 1e-6, k2, heavy, heavy, Gas(0.0, 0.0, BOSE), orders=(32, 16, 8))
    photons = E**2 / np.pi**2 / np.expm1(E / TEMPERATURE)
    bracket = (1 + k2 / (2 * E**2)) * np.log(1 + 4 * E**2 / k2) - 2
    expected = number * photons * ALPHA / 8 * bracket
    assert found == pytest.approx(expected, rel=5e-3, abs=0)


@compiled_formula(12)
def contact(
    s: float, t: float, m1: float, m2: float, m3: float, M: float, k2: float,
    E1: float, E2: float, E: float, along: float, shift: float,
) -> float:  # fmt: skip
    """Return 1: nothing softens the soft bosons."""
    return 1.0


PHOTON = Gas(0.0, 0.0, BOSE)
SOFT = {
    "photon as target": (Gas(600.0, 560.0, FERMI), PHOTON, Gas(600.0, 560.0, FERMI), 100.0),
    "photon between neutrinos": (NEUTRINO, PHOTON, NEUTRINO, 10.0),
    "photon as recoil": (
        Gas(M_ELECTRON, -MU_E, FERMI), Gas(M_ELECTRON, MU_E, FERMI), PHOTON, 100.0,
    ),
    "photons alone": (PHOTON, PHOTON, PHOTON, 100.0),
    "pions near condensation": (
        NEUTRINO, Gas(139.57, 138.97, BOSE), Gas(600.0, 560.0, FERMI), 10.0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SOFT)
def test_soft_bosons_in_any_role(case: str) -> None:
    """Would catch T/E of soft bosons smeared over a panel: 1 to 6 % too few, and more for light X.

    Also stimulated emission left out.
    """
    source, target, recoil, mass = SOFT[case]
    edges = np.append(mass + 500 * np.linspace(0, 1, 6) ** 2, mass + 1500)

    def square(at: Points) -> Array:
        return np.ones_like(at.s)

    reference, error = monte_carlo(square, mass, 5e4, target, recoil, edges, source)
    mine = binned(contact, mass, 5e4, target, recoil, edges, source, pole=False)
    compare(mine, reference, error, 1.5e-3)


def test_rate_does_not_know_which_is_first() -> None:
    """Would catch the statistics of particle 1 and of the target exchanged."""
    energies = 50.0 + 400 * np.linspace(0.05, 1, 8) ** 2
    photon, proton = Gas(0.0, 0.0, BOSE), Gas(600.0, 560.0, FERMI)
    fine = {"pole": False, "orders": (20, 20, 10)}
    first = rate(gentle_sum, energies, 50.0, 0.0, proton, proton, photon, **fine)
    second = rate(gentle_sum, energies, 50.0, 0.0, photon, proton, proton, **fine)
    assert first == pytest.approx(second, rel=1e-3, abs=0)


@compiled_formula(12)
def gentle_sum(
    s: float, t: float, m1: float, m2: float, m3: float, M: float, k2: float,
    E1: float, E2: float, E: float, along: float, shift: float,
) -> float:  # fmt: skip
    """Return an amplitude that treats 1 and 2 alike."""
    return s - m1 * m1 - m2 * m2 + 3e-2 * E * E


@compiled_formula(12)
def invented(
    s: float, t: float, m1: float, m2: float, m3: float, M: float, k2: float,
    E1: float, E2: float, E: float, along: float, shift: float,
) -> float:  # fmt: skip
    """Return an invented amplitude with every product of momenta, of third degree in s."""
    p12, p13, p1X, p23, p2X, p3X = dot_products(s, t, m1, m2, m3, M, E1, E2, E, along, shift)
    return p12 * p3X + 2 * p13 * p2X + 3 * p1X * p23 + 1e-5 * p12 * p12 * p2X + 0.1 * m1 * m3 * p12


def invented_products(m1: float, m3: float) -> Callable[[Points], Array]:
    """Give the same from four-vectors."""

    def square(at: Points) -> Array:
        def dot(a: Array, b: Array) -> Array:
            return np.asarray(a[0] * b[0] - np.sum(a[1:] * b[1:], axis=0))

        p12, p2X = dot(at.p1, at.p2), dot(at.p2, at.p)
        result = p12 * dot(at.p3, at.p) + 2 * dot(at.p1, at.p3) * p2X
        result += 3 * dot(at.p1, at.p) * dot(at.p2, at.p3)
        return np.asarray(result + 1e-5 * p12**2 * p2X + 0.1 * m1 * m3 * p12)

    return square


NEUTRON = Gas(600.0, 650.0, FERMI, 350.0)
NEUTRON_AT_REST = Gas(600.0, 560.0, FERMI)
MUON = Gas(105.66, 90.0, FERMI)
PION = Gas(139.57, 100.0, BOSE)
GENERAL = {
    "boson to heavier fermion": (NEUTRINO, Gas(20.0, 0.0, BOSE), Gas(105.0, 60.0, FERMI), 80.0),
    "boson to boson": (NEUTRINO, Gas(20.0, 0.0, BOSE), Gas(20.0, 0.0, BOSE), 80.0),
    "nearly equal masses": (
        NEUTRINO, Gas(299.0, 100.0, FERMI), Gas(300.0, 100.0, FERMI), 50.0,
    ),
    "neutral current": (NEUTRINO, NEUTRON, NEUTRON, 300.0),
    "neutral current, heavy": (NEUTRINO, NEUTRON, NEUTRON, 800.0),
    "muon capture": (MUON, Gas(599.0, 580.0, FERMI, 320.0), NEUTRON, 150.0),
    "muon capture, heavy": (MUON, Gas(599.0, 580.0, FERMI, 320.0), NEUTRON, 800.0),
    "electron capture": (ELECTRON, Gas(599.0, 580.0, FERMI, 320.0), NEUTRON, 30.0),
    "pion capture, X light": (PION, Gas(599.0, 580.0, FERMI, 320.0), NEUTRON, 0.1),
    "pion capture, X heavy": (PION, Gas(599.0, 580.0, FERMI, 320.0), NEUTRON, 300.0),
    "upward shift": (MUON, NEUTRON, Gas(599.0, 580.0, FERMI, 320.0), 60.0),
    "neutral current off electrons": (NEUTRINO, ELECTRON, ELECTRON, 100.0),
    "pair annihilation": (
        Gas(M_ELECTRON, -MU_E, FERMI), ELECTRON, Gas(0.0, 100.0, FERMI), 100.0,
    ),
    "massless photon": (Gas(0.0, 0.0, BOSE), MUON, MUON, 1.0),
    "plasmon": (Gas(14.0, 0.0, BOSE), MUON, MUON, 1.0),
    "target heavier than the recoil": (
        Gas(0.0, 0.0, FERMI), Gas(300.0, 250.0, FERMI), Gas(100.0, 50.0, FERMI), 150.0,
    ),
    "recoil much heavier": (MUON, Gas(20.0, 0.0, FERMI), Gas(200.0, 150.0, FERMI), 10.0),
    "photon as target": (Gas(600.0, 560.0, FERMI), Gas(0.0, 0.0, BOSE), NEUTRON_AT_REST, 1.0),
    "photon as recoil": (
        Gas(M_ELECTRON, -MU_E, FERMI), ELECTRON, Gas(0.0, 0.0, BOSE), 100.0,
    ),
    "pions near condensation": (
        Gas(139.57, 138.97, BOSE), Gas(600.0, 560.0, FERMI), NEUTRON_AT_REST, 100.0,
    ),
    "pion in its field": (
        Gas(139.57, 100.0, BOSE, 30.0), Gas(599.0, 580.0, FERMI, 320.0), NEUTRON, 20.0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GENERAL)
def test_rate_with_general_masses_statistics_and_potentials(case: str) -> None:
    """Would catch formulas that assume a massless source, m2 = m3 or no potentials.

    Also stimulated emission with the wrong sign, two azimuths that do not average an amplitude of
    third degree, a shift given to the wrong side, and time-like transfers left out.
    """
    source, target, recoil, mass = GENERAL[case]
    edges = np.append(mass + 500 * np.linspace(0, 1, 6) ** 2, mass + 1500)
    square = invented_products(source.mass, recoil.mass)
    reference, error = monte_carlo(square, mass, 5e4, target, recoil, edges, source)
    mine = binned(invented, mass, 5e4, target, recoil, edges, source, pole=False)
    compare(mine, reference, error, 1e-3)


@compiled_formula(12)
def gentle(
    s: float, t: float, m1: float, m2: float, m3: float, M: float, k2: float,
    E1: float, E2: float, E: float, along: float, shift: float,
) -> float:  # fmt: skip
    """Return another invented amplitude."""
    return s - m2 * m2


@pytest.mark.parametrize("azimuths", [2, 3])
@pytest.mark.parametrize("case", ["neutral current", "neutral current off electrons"])
def test_particles_and_antiparticles_share_all_but_the_amplitude(case: str, azimuths: int) -> None:
    """Would catch the antiparticles' amplitude given to particles, or a flag lost on the way.

    Together both are taken on panels common to their chemical potentials, good to 1e-3.
    """
    _, target, recoil, mass = GENERAL[case]
    energies = mass + 500 * np.linspace(0.1, 1, 8) ** 2
    gases = {"nu": NEUTRINO, "nu_bar": Gas(0.0, -100.0, FERMI)}
    kinds = [replace(gas.species(1), name=name) for name, gas in gases.items()]
    together = scattering_rate(
        invented, energies[None], mass, np.array([TEMPERATURE]), np.zeros(1), kinds,
        target.species(1), recoil.species(1), azimuths=azimuths, anti_amplitude=gentle,
    )[0]  # fmt: skip
    for got, amplitude, source in zip(together, (invented, gentle), gases.values(), strict=True):
        alone = rate(
            amplitude, energies, mass, 0.0, target, recoil, source, azimuths=azimuths, pole=False
        )
        assert np.max(np.abs(got - alone)) < 2e-3 * alone.max()


@pytest.mark.parametrize("case", GENERAL)
def test_four_energies_of_the_target_are_enough(case: str) -> None:
    """Would catch a cubic lost by the four points that stand for all nodes of two azimuths."""
    source, target, recoil, mass = GENERAL[case]
    energies = mass + 800 * np.linspace(0.05, 1, 12) ** 2
    few, every = (
        rate(invented, energies, mass, 0.0, target, recoil, source, azimuths=n, pole=False)
        for n in (2, 3)
    )
    assert few == pytest.approx(every, rel=1e-8, abs=1e-12 * every.max())


@pytest.mark.parametrize("degeneracy", [300.0, 600.0])
def test_rate_is_smooth_in_the_degeneracy(degeneracy: float) -> None:
    """Would catch exponentials that overflow, or a jump where occupations are taken otherwise."""
    one = np.ones(1)
    electron = Species("e-", M_ELECTRON * one, MU_E * one, FERMI, 0 * one)
    neutrino = Species("nu", 0 * one, 250 * one, FERMI, 0 * one)
    rates = [
        scattering_rate(
            invented, np.array([[60.0, 120.0, 200.0]]), 50.0, np.array([MU_E / mu_over_T]),
            np.zeros(1), [neutrino], electron, electron,
        )[0, 0]
        for mu_over_T in degeneracy * np.array([0.98, 0.995, 1.005, 1.02])
    ]  # fmt: skip
    assert np.all(rates[0] > 0)
    for other in rates[1:]:
        assert other == pytest.approx(rates[0], rel=5e-3, abs=0)


def test_a_pole_needs_a_target_that_stays_what_it_is() -> None:
    """Catches the forward peak looked for in the wrong place, or a logarithm of a negative."""
    energies = np.array([200.0])
    for source, target, recoil in (
        (Gas(0.0, 100.0, FERMI, 30.0), NEUTRON, NEUTRON),
        (NEUTRINO, Gas(300.0, 100.0, FERMI), Gas(301.0, 100.0, FERMI)),
        (NEUTRINO, NEUTRON, Gas(600.0, 650.0, FERMI, 300.0)),
    ):
        with pytest.raises(PhysicsError, match="pole"):
            rate(invented, energies, 50.0, 5e4, target, recoil, source)


def test_sources_of_unlike_potentials_are_refused() -> None:
    """Would catch the energy step of one source given to another; those of neutrinos may differ."""
    p = PROTON.species(1)
    weak = [replace(NEUTRINO, potential=V).species(1) for V in (-1e-5, 2e-5)]
    assert np.all(potential_step(weak, p, p) == 0)
    strong = [replace(NEUTRINO, potential=V).species(1) for V in (0.0, 30.0)]
    with pytest.raises(PhysicsError, match="potentials differ"):
        potential_step(strong, p, p)
    assert potential_step(strong[1:], NEUTRON.species(1), p) == pytest.approx(380.0)


def total(mass: float, k2: float, recoil: Gas = ELECTRON, **options: Any) -> float:
    """Electron scattering rate [MeV^4] without a neutrino chemical potential."""
    x, w = np.polynomial.legendre.leggauss(40)
    u = (x + 1) / 2
    values = rate(
        scattering, mass + 900 * u**2, mass, k2, ELECTRON, recoil, Gas(0.0, 0.0, FERMI), **options
    )
    return float(values * 900 * u @ w)


@pytest.mark.parametrize(("mass", "ratio"), [(1.0, 12.8), (10.0, 9.0), (100.0, 4.9)])
def test_effect_of_screening(mass: float, ratio: float) -> None:
    """Would catch screening too weak or too strong (mu_e = 200 MeV, T = 30 MeV).

    The ratios were computed with an independent code from the closed cross section.
    """
    assert total(mass, 0.0) / total(mass, K_DEBYE2) == pytest.approx(ratio, rel=0.01, abs=0)


@pytest.mark.parametrize(
    ("mass", "factor"),
    [(1.0, 0.37), (10.0, 0.37), (50.0, 0.33), (100.0, 0.245), (150.0, 0.165), (200.0, 0.11)],
)
def test_effect_of_pauli_blocking(mass: float, factor: float) -> None:
    """Would catch blocking at the wrong energy, as for the target's instead of the recoil's.

    The factors were computed with an independent code.
    """
    empty = Gas(M_ELECTRON, -1e5, FERMI)
    blocked = total(mass, K_DEBYE2) / total(mass, K_DEBYE2, empty)
    assert blocked == pytest.approx(factor, abs=0.006)


@pytest.mark.parametrize("target", [ELECTRON, PROTON], ids=["electron", "proton"])
@pytest.mark.parametrize("mass", [1e-3, 1.0, 30.0, 100.0, 300.0])
def test_default_orders_are_good_to_a_thousandth(target: Gas, mass: float) -> None:
    """Would catch a quadrature too coarse with screening: peak-weighted error above 1e-3.

    Below a few MeV of kinetic energy the rate off protons is worse (per cent), where it is small.
    """
    energies = mass + 700 * np.linspace(0.05, 1, 20) ** 2
    coarse = rate(scattering, energies, mass, K_DEBYE2, target, target)
    fine = rate(scattering, energies, mass, K_DEBYE2, target, target, orders=(32, 32, 14))
    assert np.max(np.abs(coarse - fine)) < 1e-3 * fine.max()
    assert coarse.sum() == pytest.approx(fine.sum(), rel=6e-4, abs=0)


def test_no_production_at_or_below_the_mass() -> None:
    """Would catch NaN or a rate for a particle at rest."""
    energies = np.array([50.0, 99.0, 100.0])
    assert np.all(rate(scattering, energies, 100.0, K_DEBYE2, ELECTRON, ELECTRON) == 0.0)
