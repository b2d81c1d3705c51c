"""Amplitudes of heavy neutral leptons, against explicit spinors and Dirac matrices.

Nothing here uses the traces behind the formulas: amplitudes are products of spinors and 4x4
matrices, summed over spins one by one, for L = -(4G/sqrt2) [J+ J- + J_Z^2] with
J_Z = sum of T3 f_L-bar gamma f_L - s^2 Q f-bar gamma f and nu_a -> nu_a + U_a N.
"""

import math

import numpy as np
import numpy.typing as npt
import pytest

from snmc.generators.hnl import (
    CHARGED,
    EQUAL_NEUTRINOS,
    LEPTON,
    NEUTRINO,
    NEUTRON,
    OWN_LEPTON,
    OWN_NEUTRINO,
    PROTON,
    annihilation,
    decays,
    lepton_channels,
    nucleon_channels,
    scattering,
)
from snmc.ground.units import G_FERMI, M_ELECTRON, M_MUON, SIN2_THETA_W, V_UD

Array = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]

METRIC = np.diag([1.0, -1.0, -1.0, -1.0])
PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
SIGMA = np.concatenate([[np.eye(2)], PAULI])
SIGMA_BAR = np.concatenate([[np.eye(2)], -PAULI])
ZERO = np.zeros((2, 2))
GAMMA = np.array([np.block([[ZERO, a], [b, ZERO]]) for a, b in zip(SIGMA, SIGMA_BAR, strict=True)])
LEFT, RIGHT = np.diag([1, 1, 0, 0]), np.diag([0, 0, 1, 1])


def dot(a: Array, b: Array) -> float:
    return float(a @ METRIC @ b)


def spinors(p: Array, mass: float, sign: int = 1) -> Complex:
    """Both u (sign 1) or v (sign -1) of a particle, one a row, in the chiral basis."""
    lower = METRIC @ p
    parts = [
        (np.tensordot(lower, sigma, 1) + mass * np.eye(2)) / np.sqrt(2 * (p[0] + mass))
        for sigma in (SIGMA, SIGMA_BAR)
    ]
    return np.asarray(np.concatenate([parts[0], sign * parts[1]]).T)


def current(out: Complex, into: Complex, left: float, right: float) -> Complex:
    """out-bar gamma^mu (left P_L + right P_R) into, by (mu, spin of out, spin of into)."""
    vertex = GAMMA @ (left * LEFT + right * RIGHT)
    return np.asarray(np.einsum("ai,mij,bj->mab", out.conj() @ GAMMA[0], vertex, into))


def contract(one: Complex, two: Complex) -> Complex:
    """Contract two currents over mu: (spins of one, spins of two)."""
    return np.asarray(np.einsum("mab,mn,ncd->abcd", one, METRIC, two))


def squared(amplitude: Complex) -> float:
    return float(np.sum(np.abs(amplitude) ** 2)) * 8 * G_FERMI**2


def vector(mass: float, momentum: Array) -> Array:
    return np.array([np.sqrt(mass**2 + momentum @ momentum), *momentum])


def boosted(p: Array, frame: Array) -> Array:
    """Give `p`, known where `frame` is at rest, as seen where it is `frame`."""
    root = np.sqrt(dot(frame, frame))
    energy = (p[0] * frame[0] + p[1:] @ frame[1:]) / root
    return np.array([energy, *(p[1:] + frame[1:] * (p[0] + energy) / (frame[0] + root))])


def isotropic(rng: np.random.Generator) -> Array:
    direction = rng.normal(size=3)
    return np.asarray(direction / np.linalg.norm(direction))


def two_body(rng: np.random.Generator, frame: Array, m_a: float, m_b: float) -> tuple[Array, Array]:
    """Isotropic decay of `frame` to two bodies."""
    root = np.sqrt(dot(frame, frame))
    energy = (root**2 + m_a**2 - m_b**2) / (2 * root)
    a = np.array([energy, *(np.sqrt(energy**2 - m_a**2) * isotropic(rng))])
    a = boosted(a, frame)
    return a, frame - a


def reaction(
    rng: np.random.Generator, masses: tuple[float, float, float, float], shift: float = 0.0
) -> tuple[Array, Array, Array, Array]:
    """p1, p2, p3, pX at a random point of phase space, energy conserved with the shift."""
    m1, m2, m3, M = masses
    while True:
        p1 = vector(m1, isotropic(rng) * 10 ** rng.uniform(1, 2.7))
        p2 = vector(m2, isotropic(rng) * 10 ** rng.uniform(1, 2.7))
        total = p1 + p2 + np.array([shift, 0, 0, 0])
        if total[0] > 0 and dot(total, total) > (1.01 * (m3 + M)) ** 2:
            break
    p3, pX = two_body(rng, total, m3, M)
    return p1, p2, p3, pX


def arguments(
    momenta: tuple[Array, ...], masses: tuple[float, ...], shift: float
) -> tuple[float, ...]:
    p1, p2, _, pX = momenta
    along = float(p2[1:] @ pX[1:] / np.linalg.norm(pX[1:]))
    s, t = dot(p1 + p2, p1 + p2), dot(pX - p1, pX - p1)
    return (s, t, *masses, 0.0, p1[0], p2[0], pX[0], along, shift)


def test_spinors_are_complete() -> None:
    """Would catch a wrong building block, on which every other test here stands."""
    p = vector(3.0, np.array([1.0, -2.0, 0.5]))
    slash = np.tensordot(METRIC @ p, GAMMA, 1)
    for sign in (1, -1):
        both = spinors(p, 3.0, sign)
        total = sum(np.outer(one, one.conj() @ GAMMA[0]) for one in both)
        assert np.allclose(total, slash + sign * 3.0 * np.eye(4))


COUPLINGS = [NEUTRON, PROTON, CHARGED, LEPTON, OWN_LEPTON, NEUTRINO]
MASS_SETS = [
    (0.0, 600.0, 600.0, 100.0),  # nu n
    (M_ELECTRON, 550.0, 600.0, 300.0),  # e- p
    (M_MUON, 600.0, 550.0, 50.0),  # mu+ n
    (0.0, 0.0, 0.0, 30.0),  # nu nu
]


@pytest.mark.parametrize("masses", MASS_SETS)
@pytest.mark.parametrize("shift", [0.0, 40.0, -40.0])
def test_scattering_equals_explicit_spinors(
    masses: tuple[float, float, float, float], shift: float
) -> None:
    """Would catch the sign of (G_V^2 - G_A^2), which Akita et al. print as a plus.

    Also the antilepton with the lepton's V-A interference, the spin sum short of a factor 2, and
    momentum products that forget the potentials of the nucleons.
    """
    rng = np.random.default_rng(1)
    m1, m2, m3, M = masses
    for left, right in COUPLINGS:
        momenta = p1, p2, p3, pX = reaction(rng, masses, shift)
        target = current(spinors(p3, m3), spinors(p2, m2), left, right)
        lepton = current(spinors(pX, M), spinors(p1, m1), 1, 0)
        antilepton = current(spinors(p1, m1, -1), spinors(pX, M, -1), 1, 0)
        given = arguments(momenta, masses, shift)
        mine = scattering((left, right))(*given)
        assert mine == pytest.approx(squared(contract(lepton, target)), rel=1e-8)
        mine = scattering((right, left))(*given)
        assert mine == pytest.approx(squared(contract(antilepton, target)), rel=1e-8)


@pytest.mark.parametrize("mass", [M_ELECTRON, 0.0])
def test_annihilation_equals_explicit_spinors(mass: float) -> None:
    """Would catch a wrong crossing: fermion and antifermion exchanged, or the mass term's sign."""
    rng = np.random.default_rng(2)
    masses = (mass, mass, 0.0, 30.0)
    for left, right in (LEPTON, OWN_LEPTON, NEUTRINO):
        momenta = p1, p2, p3, pX = reaction(rng, masses)
        pair = current(spinors(p1, mass, -1), spinors(p2, mass), left, right)
        particle = current(spinors(pX, 30.0), spinors(p3, 0.0, -1), 1, 0)
        antiparticle = current(spinors(p3, 0.0), spinors(pX, 30.0, -1), 1, 0)
        given = arguments(momenta, masses, 0.0)
        mine = annihilation((left, right))(*given)
        assert mine == pytest.approx(squared(contract(particle, pair)), rel=1e-8)
        mine = annihilation((right, left))(*given)
        assert mine == pytest.approx(squared(contract(antiparticle, pair)), rel=1e-8)


def test_equal_particles_and_charged_currents_double_up() -> None:
    """Would catch factors 2 of equal neutrinos and the sign of the charged current's interference.

    Exchanged fermions bring a minus sign, which turns both Fierz-related terms the same way.
    """
    rng = np.random.default_rng(3)
    masses = (0.0, 0.0, 0.0, 30.0)
    momenta = p1, p2, p3, pX = reaction(rng, masses)
    given = arguments(momenta, masses, 0.0)
    N, nu1, nu2, nu3 = spinors(pX, 30.0), spinors(p1, 0.0), spinors(p2, 0.0), spinors(p3, 0.0)
    # nu_a nu_a -> N nu_a: either neutrino may turn into N; 1/2 for the equal initial ones
    direct = contract(current(N, nu1, 1, 0), current(nu3, nu2, 0.5, 0))
    crossed = contract(current(N, nu2, 1, 0), current(nu3, nu1, 0.5, 0))
    amplitude = direct - crossed.transpose(0, 3, 2, 1)
    mine = scattering(EQUAL_NEUTRINOS)(*given)
    assert mine == pytest.approx(squared(amplitude) / 2, rel=1e-8)
    # nu_a nu_a-bar -> N nu_a-bar
    anti2, anti3 = spinors(p2, 0.0, -1), spinors(p3, 0.0, -1)
    direct = contract(current(N, nu1, 1, 0), current(anti2, anti3, 0.5, 0))
    crossed = contract(current(N, anti3, 1, 0), current(anti2, nu1, 0.5, 0))
    amplitude = direct - crossed.transpose(0, 3, 2, 1)
    mine = scattering(OWN_NEUTRINO[::-1])(*given)
    assert mine == pytest.approx(squared(amplitude), rel=1e-8)
    # nu_e e- -> N e- with the W and the Z
    masses = (0.0, M_MUON, M_MUON, 80.0)
    momenta = p1, p2, p3, pX = reaction(rng, masses)
    N, nu = spinors(pX, 80.0), spinors(p1, 0.0)
    e_in, e_out = spinors(p2, M_MUON), spinors(p3, M_MUON)
    neutral = contract(
        current(N, nu, 1, 0), current(e_out, e_in, -0.5 + SIN2_THETA_W, SIN2_THETA_W)
    )
    charged = contract(current(N, e_in, 1, 0), current(e_out, nu, 1, 0))
    amplitude = neutral - charged.transpose(0, 3, 2, 1)
    mine = scattering(OWN_LEPTON)(*arguments(momenta, masses, 0.0))
    assert mine == pytest.approx(squared(amplitude), rel=1e-8)


@pytest.mark.parametrize("flavour", ["e", "mu", "tau"])
def test_three_body_decays_equal_explicit_spinors(flavour: str) -> None:
    """Would catch coefficients at the wrong daughter or of the wrong chirality.

    Also a W that does not interfere with the Z, and a mass term of the wrong sign.
    """
    rng = np.random.default_rng(4)
    M = 500.0
    masses_of = {11: M_ELECTRON, 13: M_MUON}
    own_lepton = {"e": 11, "mu": 13, "tau": 15}[flavour]
    own_neutrino = own_lepton + 1
    at_rest = np.array([M, 0.0, 0.0, 0.0])
    seen = 0
    for daughters, _, coefficients in decays(flavour, M):
        if coefficients is None:
            continue
        seen += 1
        m = [masses_of.get(abs(pdg), 0.0) for pdg in daughters]
        pair_mass = rng.uniform(m[1] + m[2], M - m[0])
        p1, pair = two_body(rng, at_rest, m[0], pair_mass)
        p2, p3 = two_body(rng, pair, m[1], m[2])
        N = spinors(at_rest, M)
        out = [
            spinors(p, mass, 1 if pdg > 0 else -1)
            for p, mass, pdg in zip((p1, p2, p3), m, daughters, strict=True)
        ]
        if daughters[0] in (11, 13):
            lepton, antilepton, neutrino = out
            amplitude = np.zeros((2, 2, 2, 2), complex)  # neutrino, N, lepton, antilepton
            if daughters[1] == -daughters[0] and daughters[2] == own_neutrino:
                amplitude += contract(
                    current(neutrino, N, 1, 0),
                    current(lepton, antilepton, -0.5 + SIN2_THETA_W, SIN2_THETA_W),
                )
            if daughters[0] == own_lepton:
                charged = contract(current(lepton, N, 1, 0), current(neutrino, antilepton, 1, 0))
                amplitude -= charged.transpose(2, 1, 0, 3)
        else:
            first, second, anti = out
            amplitude = contract(current(first, N, 1, 0), current(second, anti, 0.5, 0))
            if daughters[0] == daughters[1]:
                crossed = contract(current(second, N, 1, 0), current(first, anti, 0.5, 0))
                amplitude = amplitude - crossed.transpose(2, 1, 0, 3)
        c1, c2, c3, cm = coefficients
        P = at_rest
        mine = c1 * dot(P, p1) * dot(p2, p3) + c2 * dot(P, p2) * dot(p1, p3)
        mine += c3 * dot(P, p3) * dot(p1, p2) + cm * m[0] * m[1] * dot(P, p3)
        assert 128 * G_FERMI**2 * mine == pytest.approx(squared(amplitude), rel=1e-8), daughters
    assert seen == {"e": 6, "mu": 6, "tau": 5}[flavour]


def test_every_amplitude_has_a_name_of_its_own() -> None:
    """Would catch numba's cache giving one amplitude for another.

    Functions of one name made by one factory, loaded from the cache in one process, have been seen
    to be exchanged: e- p -> N n then had the amplitude of e+ n, a third too small.
    """
    channels = nucleon_channels() + [c for f in ("e", "mu", "tau") for c in lepton_channels(f)]
    made = {
        id(amplitude): amplitude
        for process in (channel.process() for channel in channels)
        for amplitude in (process.amplitude, process.anti_amplitude)
        if amplitude is not None
    }
    names = {amplitude.__qualname__ for amplitude in made.values()}
    assert len(names) == len(made) > 15


@pytest.mark.parametrize(
    ("couplings", "vector_axial"),
    [(NEUTRON, (0.5, 0.635)), (PROTON, (0.03758, 0.635)), (CHARGED, (V_UD, 1.27 * V_UD))],
)
def test_light_neutrinos_have_the_known_cross_section(
    couplings: tuple[float, float], vector_axial: tuple[float, float]
) -> None:
    """Would catch an overall factor: dsigma/dOmega is G^2 E^2/(4 pi^2) [...] off a heavy nucleon.

    For N and target without recoil it is G^2 E^2/(4 pi^2) (V^2 (1 + cos) + A^2 (3 - cos)), in all
    G^2 E^2 (V^2 + 3 A^2)/pi. With the plus sign of table 1 of Akita et al. V^2 (3 + cos) would
    come out.
    """
    E, M, nucleon = 1.0, 1e-6, 1e7
    amplitude = scattering(couplings)
    V, A = vector_axial
    total = 0.0
    nodes, weights = np.polynomial.legendre.leggauss(4)
    for cosine, weight in zip(nodes, weights, strict=True):
        s = nucleon**2 + 2 * E * nucleon
        t = -2 * E * E * (1 - cosine)
        square = amplitude(s, t, 0.0, nucleon, nucleon, M, 0.0, E, nucleon, E, 0.0, 0.0)
        density = square / 2 / (64 * math.pi**2 * nucleon**2)  # mean over the target's spins
        known = G_FERMI**2 * E**2 / (4 * math.pi**2) * (V**2 * (1 + cosine) + A**2 * (3 - cosine))
        assert density == pytest.approx(known, rel=1e-5)
        total += 2 * math.pi * weight * density
    assert total == pytest.approx(G_FERMI**2 * E**2 * (V**2 + 3 * A**2) / math.pi, rel=1e-5)


def test_electron_scattering_has_the_known_cross_section() -> None:
    """Would catch nu_e and nu_x couplings exchanged, or (g_L, g_R) for antineutrinos.

    Tree-level cross section off an electron at rest, dsigma/dT = (2 G^2 m/pi) [g_L^2 +
    g_R^2 (1 - T/E)^2 - g_L g_R m T/E^2], with g_L = +-1/2 + s^2.
    """
    E, m, s2 = 20.0, M_ELECTRON, SIN2_THETA_W
    cases = [
        (OWN_LEPTON, 0.5 + s2, s2),
        (OWN_LEPTON[::-1], s2, 0.5 + s2),
        (LEPTON, -0.5 + s2, s2),
        (LEPTON[::-1], s2, -0.5 + s2),
    ]
    s = m * m + 2 * E * m
    for couplings, left, right in cases:
        for T in (1.0, 10.0, 18.0):
            amplitude = scattering(couplings)(
                s, -2 * m * T, 0.0, m, m, 0.0, 0.0, E, m, E - T, 0.0, 0.0
            )
            mine = 2 * m * amplitude / 2 / (16 * math.pi * (s - m * m) ** 2)
            bracket = left**2 + right**2 * (1 - T / E) ** 2 - left * right * m * T / E**2
            assert mine == pytest.approx(2 * G_FERMI**2 * m / math.pi * bracket, rel=1e-9)


def test_every_channel_conserves_charge_and_lepton_number() -> None:
    """Would catch a recoil, lepton sign or flavour put at the wrong channel.

    Also antineutrinos with the amplitude of neutrinos, or neutrinos with that of antineutrinos.
    """
    charge = {"p": 1, "n": 0, "e-": -1, "e+": 1, "mu-": -1, "mu+": 1}
    number = {"p": 0, "n": 0, "e-": 1, "e+": -1, "mu-": 1, "mu+": -1}
    channels = nucleon_channels() + [c for f in ("e", "mu", "tau") for c in lepton_channels(f)]
    assert len({channel.name for channel in channels}) == len(channels)

    def lepton(name: str) -> int:
        return -1 if name.endswith("_bar") else number.get(name, 1)

    for channel in channels:
        antineutrinos = any(source.endswith("_bar") for source in channel.sources)
        assert (channel.anti_couplings is not None) == (antineutrinos and len(channel.sources) > 1)
        for source, mixed, sign in zip(channel.sources, channel.mixed, channel.signs, strict=True):
            assert charge.get(source, 0) + charge.get(channel.target, 0) == charge.get(
                channel.recoil, 0
            )
            balance = lepton(source) + lepton(channel.target) - lepton(channel.recoil)
            assert balance == sign, channel.name
            flavours = [
                name.removesuffix("_bar").removeprefix("nu_").rstrip("+-")
                for name in (source, channel.target, channel.recoil)
            ]
            own = [f for f in flavours if f == mixed]
            assert len(own) % 2 == 1, channel.name  # one turns into N
