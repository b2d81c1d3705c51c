"""Amplitudes of the vector bosons Z', against explicit traces of gamma matrices.

Nothing here uses the closed forms: amplitudes are 4x4 matrices in the chiral basis, summed over
spins by matrix products and over polarisations with -g_{mu nu}, whose validity (a conserved
current) is tested. Metric (+, -, -, -).
"""

import itertools
from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import numpy.typing as npt
import pytest

from snmc.core import CoreState
from snmc.generators._vector import (
    ELECTRON_PAIRS,
    MUON_PAIRS,
    lepton_pair,
    lepton_width,
    neutrino_pair,
    neutrino_width,
)
from snmc.generators.zprime_b_minus_l import (
    DAMPING,
    G_AXIAL,
    PION_NUCLEON,
    capture,
    in_medium,
    pion_capture,
)
from snmc.generators.zprime_mu_tau import semi_compton
from snmc.ground.units import ALPHA, F_PION, M_ELECTRON, M_MUON, M_PION_CHARGED
from snmc.production.absorption import vacuum_width

Array = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]

METRIC = np.diag([1.0, -1.0, -1.0, -1.0])
PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
ZERO, ONE = np.zeros((2, 2)), np.eye(4)
GAMMA = [np.block([[ZERO, np.eye(2)], [np.eye(2), ZERO]]).astype(complex)] + [
    np.block([[ZERO, sigma], [-sigma, ZERO]]) for sigma in PAULI
]
GAMMA5 = 1j * GAMMA[0] @ GAMMA[1] @ GAMMA[2] @ GAMMA[3]
E2 = 4 * np.pi * ALPHA


def dot(a: Array, b: Array) -> float:
    return float(a @ METRIC @ b)


def slash(p: Array) -> Complex:
    return np.asarray(sum(GAMMA[i] * (METRIC @ p)[i] for i in range(4)))


def bar(matrix: Complex) -> Complex:
    return np.asarray(GAMMA[0] @ matrix.conj().T @ GAMMA[0])


def isotropic(rng: np.random.Generator) -> Array:
    direction = rng.normal(size=3)
    return direction / np.linalg.norm(direction)


def on_shell(mass: float, momentum: Array) -> Array:
    return np.array([np.sqrt(mass**2 + momentum @ momentum), *momentum])


def boost(p: Array, velocity: Array) -> Array:
    """Four-vector `p` seen from where its frame moves with `velocity`."""
    v2 = velocity @ velocity
    gamma = 1 / np.sqrt(1 - v2)
    along = velocity @ p[1:]
    space = p[1:] + velocity * ((gamma - 1) * along / v2 + gamma * p[0])
    return np.array([gamma * (p[0] + along), *space])


def random_point(rng: np.random.Generator, masses: Sequence[float]) -> tuple[Array, ...]:
    """Momenta of 1 2 -> 3 X at a random point of phase space, in a random frame."""
    m1, m2, m3, mass = masses
    while True:
        p1 = on_shell(m1, isotropic(rng) * 10 ** rng.uniform(1, 2.6))
        p2 = on_shell(m2, isotropic(rng) * 10 ** rng.uniform(1, 2.6))
        total = p1 + p2
        s = dot(total, total)
        if s > 1.01 * (m3 + mass) ** 2:
            break
    energy = (s + mass**2 - m3**2) / (2 * np.sqrt(s))
    momentum = np.sqrt(energy**2 - mass**2) * isotropic(rng)
    p = boost(np.array([energy, *momentum]), total[1:] / total[0])
    return p1, p2, total - p, p


def arguments(
    p1: Array, p2: Array, p: Array, masses: Sequence[float], k2: float = 0.0, shift: float = 0.0
) -> tuple[float, ...]:
    """What the collision integral hands to an amplitude."""
    s, t = dot(p1 + p2, p1 + p2), dot(p - p1, p - p1)
    along = float(p2[1:] @ p[1:] / np.linalg.norm(p[1:]))
    return (s, t, *masses, k2, p1[0], p2[0], p[0], along, shift)


def test_gamma_matrices_obey_the_algebra() -> None:
    """Would catch a wrong building block, on which the other tests here stand."""
    for a, b in itertools.product(range(4), repeat=2):
        anticommutator = GAMMA[a] @ GAMMA[b] + GAMMA[b] @ GAMMA[a]
        assert np.allclose(anticommutator, 2 * METRIC[a, b] * ONE)
    assert np.allclose(GAMMA5 @ GAMMA5, ONE)


def compton_trace(p1: Array, p2: Array, p3: Array, p: Array, m: float) -> float:
    a = dot(p1 + p2, p1 + p2) - m * m
    b = dot(p2 - p, p2 - p) - m * m
    s_line, u_line = slash(p1 + p2) + m * ONE, slash(p2 - p) + m * ONE
    total = 0.0
    for i, j in itertools.product(range(4), repeat=2):
        matrix = GAMMA[j] @ s_line @ GAMMA[i] / a + GAMMA[i] @ u_line @ GAMMA[j] / b
        squared = (slash(p3) + m * ONE) @ matrix @ (slash(p2) + m * ONE) @ bar(matrix)
        total += METRIC[i, i] * METRIC[j, j] * np.trace(squared).real
    return E2 * total


@pytest.mark.parametrize(
    ("plasmon", "m", "mass"),
    [(0.0, M_MUON, 1e-3), (0.0, M_MUON, 50.0), (14.0, M_MUON, 300.0), (20.0, M_ELECTRON, 7.0)],
)
def test_semi_compton_equals_explicit_traces(plasmon: float, m: float, mass: float) -> None:
    """Would catch a wrong term or factor of gamma mu -> mu Z', most of all in the masses."""
    rng = np.random.default_rng(1)
    masses = (plasmon, m, m, mass)
    for _ in range(10):
        p1, p2, p3, p = random_point(rng, masses)
        expected = compton_trace(p1, p2, p3, p, m)
        assert semi_compton(*arguments(p1, p2, p, masses)) == pytest.approx(expected, rel=1e-6)


def test_semi_compton_without_masses_is_table_2() -> None:
    """Would catch a limit that differs from table 2 of Akita et al., or from Klein-Nishina.

    Table 2, 8 e^2 g^2 {...} in products of p4 = p_Z' with p1, the muon before, and p3, the muon
    after; and the total cross section of Thomson, 8 pi alpha^2/(3 m^2), of soft photons at rest.
    """
    rng = np.random.default_rng(2)
    masses = (0.0, M_MUON, M_MUON, 0.0)
    m2 = M_MUON**2
    for _ in range(10):
        p1, p2, p3, p = random_point(rng, masses)
        before, after = dot(p2, p), dot(p3, p)
        table = before / after + after / before + 2 * m2 * (1 / after - 1 / before)
        table += m2**2 * (1 / after - 1 / before) ** 2
        assert semi_compton(*arguments(p1, p2, p, masses)) == pytest.approx(
            8 * E2 * table, rel=1e-6
        )
    soft = 1e-3
    cosines, weights = np.polynomial.legendre.leggauss(8)
    s = m2 + 2 * soft * M_MUON
    thomson = sum(
        w * semi_compton(s, -2 * soft * soft * (1 - c), *masses, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        for c, w in zip(cosines, weights)
    )
    cross_section = thomson * E2 / 4 * 2 * np.pi / (64 * np.pi**2 * s)
    assert cross_section == pytest.approx(8 * np.pi * ALPHA**2 / (3 * m2), rel=1e-4)


def capture_matrices(
    p1: Array, p2: Array, p3: Array, p: Array, m: float, charge_n: float, charge_p: float
) -> list[Complex]:
    """Amplitude of pi- p -> n V by index of V, with pseudovector coupling and contact term."""
    s_line, u_line = p3 + p, p2 - p
    a, b = dot(s_line, s_line) - m * m, dot(u_line, u_line) - m * m
    c = dot(p1 - p, p1 - p) - M_PION_CHARGED**2
    charge_pi = charge_n - charge_p
    axial = slash(p1) @ GAMMA5
    result = []
    for i in range(4):
        matrix = charge_n / a * GAMMA[i] @ (slash(s_line) + m * ONE) @ axial
        matrix = matrix + charge_p / b * axial @ (slash(u_line) + m * ONE) @ GAMMA[i]
        matrix = matrix + charge_pi / c * (2 * p1 - p)[i] * slash(p1 - p) @ GAMMA5
        result.append(PION_NUCLEON * (matrix - charge_pi * GAMMA[i] @ GAMMA5))
    return result


CHARGES = [(1.0, 1.0), (0.0, 1.0), (1.0, 0.0), (1.0, -0.4)]


@pytest.mark.parametrize("charges", CHARGES)
@pytest.mark.parametrize(("m", "mass"), [(939.0, 0.0), (600.0, 1e-3), (600.0, 100.0)])
def test_pion_capture_equals_explicit_traces(
    charges: tuple[float, float], m: float, mass: float
) -> None:
    """Would catch a wrong |M|^2 of pi- p -> n V, or a current that is not conserved.

    The closed form is that of a pseudoscalar coupling; here the coupling is pseudovector.
    """
    rng = np.random.default_rng(3)
    masses = (M_PION_CHARGED, m, m, mass)
    for _ in range(8):
        p1, p2, p3, p = random_point(rng, masses)
        matrices = capture_matrices(p1, p2, p3, p, m, *charges)
        before, after = slash(p2) + m * ONE, slash(p3) + m * ONE
        divergence = sum(METRIC[i, i] * p[i] * matrices[i] for i in range(4))
        scale = np.abs(after @ matrices[1] @ before).max() * p[0]
        assert np.abs(after @ divergence @ before).max() < 1e-9 * scale
        expected = -sum(
            METRIC[i, i] * np.trace(after @ matrices[i] @ before @ bar(matrices[i])).real
            for i in range(4)
        )
        b = dot(p2 - p, p2 - p) - m * m
        t = dot(p1 - p, p1 - p)
        mine = capture(*charges, b, t - M_PION_CHARGED**2, t, m, mass)
        assert mine == pytest.approx(expected, rel=1e-6)
        if charges == (1.0, 1.0):
            args = arguments(p1, p2, p, masses)
            assert pion_capture(*args) == pytest.approx(expected, rel=1e-6)


def test_photoproduction_at_threshold() -> None:
    """Would catch a factor in the pion-nucleon coupling: E0+ of gamma n -> pi- p at threshold.

    -32.7(6)e-3/m_pi of Bernard, Kaiser and Meissner, Phys. Lett. B 383 (1996) 116; their sum
    holds anomalous magnetic moments and loops, which tree level with point charges leaves out.
    """
    m = 938.9
    s = (m + M_PION_CHARGED) ** 2
    photon = (s - m * m) / (2 * np.sqrt(s))
    c = -2 * M_PION_CHARGED * photon
    squared = capture(0.0, 1.0, -2 * m * photon, c, c + M_PION_CHARGED**2, m, 0.0)
    multipole = np.sqrt(E2 * squared / 4 / (64 * np.pi**2 * s))
    assert 1e3 * multipole * M_PION_CHARGED == pytest.approx(32.7, rel=0.08)
    # Kroll and Ruderman: e g_A/(4 pi sqrt(2) F) for heavy nucleons
    static = np.sqrt(E2) * G_AXIAL / (4 * np.pi * F_PION) / (1 + M_PION_CHARGED / m)
    assert multipole == pytest.approx(static, rel=0.1)


def test_potential_step_keeps_the_current_conserved() -> None:
    """Would catch a sign of the potential step, which would shift the pion off its mass shell.

    With half the step on either nucleon the energies balance without it: the amplitude is that of
    free nucleons of those energies, whose invariants add up as on the mass shell.
    """
    rng = np.random.default_rng(4)
    masses = (M_PION_CHARGED, 600.0, 600.0, 20.0)
    step = -30.0
    p1, p2, _, p = random_point(rng, masses)
    half = np.array([step / 2, 0, 0, 0])
    inside = arguments(p1, p2 - half, p, masses, shift=step)
    assert pion_capture(*inside) == pytest.approx(
        pion_capture(*arguments(p1, p2, p, masses)), rel=1e-9
    )


def test_medium_takes_the_charge_of_the_proton() -> None:
    """Would catch mixing with the wrong sign or mass dependence.

    A Z' much lighter than the plasmon sees neutrons and pions only, a heavy one both nucleons.
    """
    mT2 = 14.0**2
    assert in_medium(1e-3, mT2) == pytest.approx((1.0, 0.0), abs=1e-6)
    assert in_medium(1e3, mT2) == pytest.approx((-(14.0**2) / 1e6, 0.0), abs=2e-4)
    assert in_medium(50.0, 0.0) == (0.0, 0.0)
    for mass in (3.0, 14.0, 20.0):
        photon = 14.0**2 * (1 - 1j * DAMPING)
        eta = photon / (photon - mass**2)
        assert in_medium(mass, mT2) == pytest.approx((eta.real, eta.imag), rel=1e-12)
    rng = np.random.default_rng(5)
    masses = (M_PION_CHARGED, 600.0, 600.0, 14.0)
    p1, p2, p3, p = random_point(rng, masses)
    photon = 14.0**2 * (1 - 1j * DAMPING)
    eta = photon / (photon - 14.0**2)
    amplitude = [
        sum(
            charge * capture_matrices(p1, p2, p3, p, 600.0, n, q)[i]
            for charge, n, q in ((1.0, 1.0, 1.0), (-eta, 0.0, 1.0))
        )
        for i in range(4)
    ]
    before, after = slash(p2) + 600 * ONE, slash(p3) + 600 * ONE
    expected = -sum(
        METRIC[i, i] * np.trace(after @ amplitude[i] @ before @ bar(amplitude[i])).real
        for i in range(4)
    )
    assert pion_capture(*arguments(p1, p2, p, masses, k2=mT2)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("mass", [1e-3, 30.0, 700.0])
def test_neutrino_pairs_obey_detailed_balance(mass: float) -> None:
    """Would catch the rate of one polarisation taken for all: S|M|^2 = 3 x 16 pi M Gamma.

    Also against the trace p1 gamma^a P_L p2 gamma^b P_L over polarisations with
    -g_{ab} + p_a p_b/M^2.
    """
    assert neutrino_pair(mass, 0.0, 1.0, 2.0) == pytest.approx(
        3 * 16 * np.pi * mass * neutrino_width(mass, 1.0), rel=1e-12
    )
    p1, p2 = mass / 2 * np.array([1.0, 0, 0, 1]), mass / 2 * np.array([1.0, 0, 0, -1])
    p, left = p1 + p2, (ONE - GAMMA5) / 2
    total = 0.0
    for a, b in itertools.product(range(4), repeat=2):
        polarisations = -METRIC[a, b] + (METRIC @ p)[a] * (METRIC @ p)[b] / mass**2
        trace = np.trace(slash(p2) @ GAMMA[a] @ left @ slash(p1) @ GAMMA[b] @ left)
        total += polarisations * trace.real
    assert neutrino_pair(mass, 0.0, 1.0, 2.0) == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize(("mass", "lepton"), [(1.1, M_ELECTRON), (230.0, M_MUON), (700.0, M_MUON)])
def test_lepton_pairs_obey_detailed_balance(mass: float, lepton: float) -> None:
    """Would catch a mass term of the wrong sign, or spins averaged: S|M|^2 = 3 x 8 pi M^2 Gamma/p*.

    Also against the trace (p2 - m) gamma^a (p1 + m) gamma^b over three polarisations, for a pair
    that moves.
    """
    momentum = np.sqrt((mass / 2) ** 2 - lepton**2)
    squared = lepton_pair(mass, lepton, mass / 2, mass)
    width = lepton_width(mass, 1.0, lepton)
    assert squared == pytest.approx(24 * np.pi * mass**2 * width / momentum, rel=1e-12)
    direction = momentum * np.array([0.48, 0.6, 0.64])
    p1, p2 = boosted(mass / 2, direction, 0.7), boosted(mass / 2, -direction, 0.7)
    p = p1 + p2
    assert dot(p, p) == pytest.approx(mass**2, rel=1e-12)
    total = 0.0
    for a, b in itertools.product(range(4), repeat=2):
        polarisations = -METRIC[a, b] + (METRIC @ p)[a] * (METRIC @ p)[b] / mass**2
        trace = np.trace(
            (slash(p2) - lepton * ONE) @ GAMMA[a] @ (slash(p1) + lepton * ONE) @ GAMMA[b]
        )
        total += polarisations * trace.real
    assert lepton_pair(mass, lepton, p1[0], p[0]) == pytest.approx(total, rel=1e-12)


def boosted(energy: float, momentum: Array, speed: float) -> Array:
    """Four-momentum seen from a frame that moves with -`speed` along z."""
    gamma = 1 / np.sqrt(1 - speed**2)
    E, z = gamma * (energy + speed * momentum[2]), gamma * (momentum[2] + speed * energy)
    return np.array([E, momentum[0], momentum[1], z])


def test_lepton_pairs_and_the_width_the_engine_takes() -> None:
    """Would catch an opacity by pairs that forgets the mass of one of the two."""
    state = CoreState(**{field.name: np.ones(1) for field in fields(CoreState)})
    for process, lepton in ((MUON_PAIRS, M_MUON), (ELECTRON_PAIRS, M_ELECTRON)):
        for mass in (1.1 * lepton, 2.01 * lepton, 3 * lepton, 20 * lepton):
            found = vacuum_width(process, state, mass, 3)
            assert found == pytest.approx(lepton_width(mass, 1.0, lepton), rel=1e-12, abs=0)
