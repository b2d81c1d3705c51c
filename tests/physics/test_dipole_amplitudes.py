"""The dipole portal's amplitudes, against explicit spinors and gamma matrices.

Nothing here uses the traces behind the formulas: every amplitude is the product of spinors of
definite helicity in the chiral basis, squared and summed one by one. Lagrangian and conventions:
L = d Nbar sigma_{mu nu} nu_L F^{mu nu} + h.c. (Brdar et al., arXiv:2302.10965, eq. 1), metric
(+, -, -, -). The vertex of a photon that brings momentum q and index nu is 2 d sigma_{mu nu} q^mu.
"""

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from snmc.generators.dipole import (
    Dipole,
    inverse_decay,
    inverse_decay_flipped,
    scattering,
    scattering_flipped,
)
from snmc.ground.units import ALPHA, BOHR_MAGNETON, HBAR, M_ELECTRON, M_PROTON

Array = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]

METRIC = np.diag([1.0, -1.0, -1.0, -1.0])
PAULI = [
    np.array([[0, 1], [1, 0]], complex),
    np.array([[0, -1j], [1j, 0]], complex),
    np.array([[1, 0], [0, -1]], complex),
]
ZERO, ONE = np.zeros((2, 2)), np.eye(2)
GAMMA = [np.block([[ZERO, ONE], [ONE, ZERO]])] + [
    np.block([[ZERO, sigma], [-sigma, ZERO]]) for sigma in PAULI
]
GAMMA5 = 1j * GAMMA[0] @ GAMMA[1] @ GAMMA[2] @ GAMMA[3]
LEFT, RIGHT = (np.eye(4) - GAMMA5) / 2, (np.eye(4) + GAMMA5) / 2
SIGMA = [[0.5j * (a @ b - b @ a) for b in GAMMA] for a in GAMMA]


def dot(a: Array, b: Array) -> float:
    return float(a @ METRIC @ b)


def vector(mass: float, momentum: Array) -> Array:
    return np.array([np.sqrt(mass**2 + momentum @ momentum), *momentum])


def helicity_spinor(direction: Array, helicity: int) -> Complex:
    """Two-component eigenvector of sigma.n with eigenvalue `helicity`."""
    n = direction / np.linalg.norm(direction)
    sigma_n = sum(PAULI[i] * n[i] for i in range(3))
    values, vectors = np.linalg.eigh(sigma_n)
    return np.asarray(vectors[:, int(np.argmin(np.abs(values - helicity)))])


def particle(p: Array, helicity: int) -> Complex:
    """Spinor u of a particle: the left-handed part sqrt(E - h |p|), the right sqrt(E + h |p|)."""
    size, chi = np.linalg.norm(p[1:]), helicity_spinor(p[1:], helicity)
    return np.concatenate(
        [np.sqrt(max(0, p[0] - helicity * size)) * chi, np.sqrt(p[0] + helicity * size) * chi]
    )


def antiparticle(p: Array, helicity: int) -> Complex:
    """Spinor v of an antiparticle of that helicity, C ubar^T with C = i gamma^2 gamma^0."""
    charge_conjugation = 1j * GAMMA[2] @ GAMMA[0]
    return np.asarray(charge_conjugation @ (particle(p, helicity).conj() @ GAMMA[0]))


def bar(spinor: Complex) -> Complex:
    return np.asarray(spinor.conj() @ GAMMA[0])


def dipole_vertex(q: Array) -> list[Complex]:
    """2 sigma_{mu nu} q^mu with the index nu lowered, for d = 1."""
    lowered = METRIC @ q
    return [
        2 * METRIC[nu, nu] * sum(SIGMA[mu][nu] * lowered[mu] for mu in range(4)) for nu in range(4)
    ]


def test_gamma_matrices_obey_the_algebra() -> None:
    """Would catch a wrong building block, on which every other test here stands."""
    for a, b in itertools.product(range(4), repeat=2):
        anticommutator = GAMMA[a] @ GAMMA[b] + GAMMA[b] @ GAMMA[a]
        assert np.allclose(anticommutator, 2 * METRIC[a, b] * np.eye(4))
    p = vector(3.0, np.array([1.0, -2.0, 0.5]))
    slash = sum(GAMMA[i] * (METRIC @ p)[i] for i in range(4))
    total = sum(np.outer(particle(p, h), bar(particle(p, h))) for h in (-1, 1))
    assert np.allclose(total, slash + 3.0 * np.eye(4))
    total = sum(np.outer(antiparticle(p, h), bar(antiparticle(p, h))) for h in (-1, 1))
    assert np.allclose(total, slash - 3.0 * np.eye(4))


def squared_scattering(p1: Array, p2: Array, p3: Array, p: Array, mass: float, anti: bool) -> Array:
    """|M|^2 of nu X -> N X (or nubar X -> Nbar X) for each helicity (-, +) of N, d = 1."""
    q = p - p1
    e_squared = 4 * np.pi * ALPHA
    vertex = dipole_vertex(q)
    result = np.zeros(2)
    for (i, h), h2, h3 in itertools.product(enumerate((-1, 1)), (-1, 1), (-1, 1)):
        amplitude = 0.0j
        for nu in range(4):
            if anti:  # the hermitian conjugate: nubar_L ... N, with v for both antiparticles
                dipole_line = bar(antiparticle(p1, 1)) @ RIGHT @ vertex[nu] @ antiparticle(p, h)
            else:
                dipole_line = bar(particle(p, h)) @ vertex[nu] @ LEFT @ particle(p1, -1)
            amplitude += dipole_line * (bar(particle(p3, h3)) @ GAMMA[nu] @ particle(p2, h2))
        result[i] += abs(amplitude) ** 2 * e_squared / dot(q, q) ** 2
    return result


def boost(p: Array, velocity: Array) -> Array:
    """Four-vector `p` seen from where its frame moves with `velocity`."""
    v2 = velocity @ velocity
    gamma = 1 / np.sqrt(1 - v2)
    along = velocity @ p[1:]
    return np.array(
        [
            gamma * (p[0] + along),
            *(p[1:] + velocity * ((gamma - 1) * along / v2 + gamma * p[0])),
        ]
    )


def isotropic(rng: np.random.Generator) -> Array:
    direction = rng.normal(size=3)
    return direction / np.linalg.norm(direction)


def random_scattering(
    rng: np.random.Generator, m: float, mass: float
) -> tuple[Array, Array, Array, Array]:
    """Momenta of 1 2 -> 3 X at a random point of phase space, in a random frame."""
    while True:
        p1 = vector(0.0, isotropic(rng) * 10 ** rng.uniform(1, 2.5))
        p2 = vector(m, isotropic(rng) * 10 ** rng.uniform(0, 2.5))
        s = dot(p1 + p2, p1 + p2)
        if s > (m + mass) ** 2 * 1.01:
            break
    energy = (s + mass**2 - m**2) / (2 * np.sqrt(s))
    momentum = np.sqrt(energy**2 - mass**2) * isotropic(rng)
    velocity = (p1 + p2)[1:] / (p1 + p2)[0]
    p = boost(np.array([energy, *momentum]), velocity)
    return p1, p2, p1 + p2 - p, p


def arguments(
    p1: Array, p2: Array, p3: Array, p: Array, m: float, mass: float, k2: float = 0.0
) -> tuple[float, ...]:
    s, t = dot(p1 + p2, p1 + p2), dot(p - p1, p - p1)
    along = float(p2[1:] @ p[1:] / np.linalg.norm(p[1:]))
    return (s, t, 0.0, m, m, mass, k2, p1[0], p2[0], p[0], along, 0.0)


@pytest.mark.parametrize("m", [M_ELECTRON, 105.7, 600.0])
@pytest.mark.parametrize("mass", [0.1, 20.0, 150.0])
def test_scattering_equals_explicit_spinors(m: float, mass: float) -> None:
    """Would catch a wrong factor or term in |M|^2 of nu X -> N X, summed or of one helicity.

    It also catches the wrong helicity called rare: a particle N made from nu_L is mostly
    right-handed, an antiparticle left-handed.
    """
    rng = np.random.default_rng(7)
    for _ in range(15):
        p1, p2, p3, p = random_scattering(rng, m, mass)
        particles = squared_scattering(p1, p2, p3, p, mass, anti=False)
        antiparticles = squared_scattering(p1, p2, p3, p, mass, anti=True)
        assert antiparticles == pytest.approx(particles[::-1], rel=1e-6, abs=0)
        args = arguments(p1, p2, p3, p, m, mass)
        assert scattering(*args) == pytest.approx(particles.sum(), rel=1e-6, abs=0)
        scale = 1e-9 * particles.sum()  # the rare helicity may vanish
        assert scattering_flipped(*args) == pytest.approx(particles[0], rel=2e-5, abs=scale)


def test_screening_divides_by_the_screened_propagator() -> None:
    """Would catch k^2 with the wrong sign, or screening in one power of the propagator only."""
    rng = np.random.default_rng(8)
    momenta = random_scattering(rng, M_ELECTRON, 20.0)
    bare = arguments(*momenta, M_ELECTRON, 20.0)
    dressed = arguments(*momenta, M_ELECTRON, 20.0, k2=400.0)
    t = bare[1]
    for formula in (scattering, scattering_flipped):
        assert formula(*dressed) == pytest.approx(
            formula(*bare) * (t / (t - 400)) ** 2, rel=1e-12, abs=0
        )


def test_helicity_flip_vanishes_with_the_mass() -> None:
    """Would catch the two helicities exchanged: without mass only the right-handed N is made."""
    rng = np.random.default_rng(9)
    for mass in (1.0, 1e-3):
        args = arguments(*random_scattering(rng, M_ELECTRON, mass), M_ELECTRON, mass)
        energy = args[9]
        assert 0 <= scattering_flipped(*args) < 20 * (mass / energy) ** 2 * scattering(*args)


def dsigma_dt(s: float, t: float, m: float, mass: float) -> float:
    """From |M|^2: averaged over two spins of the target, d = 1 (mu = 2)."""
    a = s - m * m
    squared = scattering(s, t, 0.0, m, m, mass, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0)
    return float(squared / 2 / (16 * np.pi * a * a))


@pytest.mark.parametrize("mass", [0.0, 0.3, 1.0, 5.0])
@pytest.mark.parametrize("energy", [20.0, 150.0])
def test_recoil_spectrum_of_herrera_et_al(mass: float, energy: float) -> None:
    """Would catch mu confused with d or a wrong term: Herrera et al., arXiv:2402.00719, eq. 20."""
    m, mu = M_ELECTRON, 2.0
    for recoil in np.geomspace(0.02, 0.5, 5) * energy:
        bracket = (
            1 / recoil
            - 1 / energy
            - mass**2 / (2 * energy * recoil * m) * (1 - recoil / (2 * energy) + m / (2 * energy))
            + mass**4 * (recoil - m) / (8 * energy**2 * recoil**2 * m**2)
        )
        mine = 2 * m * dsigma_dt(m * m + 2 * m * energy, -2 * m * recoil, m, mass)
        assert mine == pytest.approx(ALPHA * mu**2 * bracket, rel=1e-9, abs=0)


@pytest.mark.parametrize(
    ("m", "mass", "energy"),
    [(M_ELECTRON, 5.0, 100.0), (M_ELECTRON, 0.05, 30.0), (M_PROTON, 100.0, 250.0)],
)
def test_total_cross_section(m: float, mass: float, energy: float) -> None:
    """Would catch a wrong total cross section, compared with the integral done by hand.

    sigma = alpha mu^2 {L [1 - (2 s M^2 - M^4)/(2 a^2)] - sqrt(lambda)/(s a) (2 s - m^2 - M^2/2)},
    L = ln(t_-/t_+), from the terms of dsigma/dt in 1/t, 1, t^0 and 1/t^2 between t_- and t_+.
    """
    s = m * m + 2 * m * energy
    a = s - m * m
    root = np.sqrt((s - (m + mass) ** 2) * (s - (m - mass) ** 2))
    t_minus = mass**2 - a * (s + mass**2 - m**2) / (2 * s) - a * root / (2 * s)
    t_plus = m**2 * mass**4 / (s * t_minus)
    u, weights = np.polynomial.legendre.leggauss(200)
    log_t = np.log(-t_plus) + (u + 1) / 2 * np.log(t_minus / t_plus)
    numeric = sum(
        w * np.exp(y) * dsigma_dt(s, -np.exp(y), m, mass) for y, w in zip(log_t, weights)
    ) * (np.log(t_minus / t_plus) / 2)
    closed = np.log(t_minus / t_plus) * (1 - (2 * s * mass**2 - mass**4) / (2 * a * a))
    closed -= root / (s * a) * (2 * s - m**2 - mass**2 / 2)
    assert numeric == pytest.approx(4 * ALPHA * closed, rel=1e-9, abs=0)


def photon_polarisations(k: Array) -> list[Array]:
    """Return the two transverse polarisation vectors in the frame of the medium."""
    n = k[1:] / np.linalg.norm(k[1:])
    first = np.cross(n, [1.0, 0, 0] if abs(n[0]) < 0.9 else [0, 1.0, 0])
    first /= np.linalg.norm(first)
    return [np.array([0, *first]), np.array([0, *np.cross(n, first)])]


def squared_coalescence(p1: Array, k: Array) -> Array:
    """|M|^2 of gamma nu -> N for each helicity (-, +) of N, two polarisations summed, d = 1."""
    p = p1 + k
    vertex = dipole_vertex(k)
    result = np.zeros(2)
    for i, h in enumerate((-1, 1)):
        for eps in photon_polarisations(k):
            line = sum(vertex[nu] * eps[nu] for nu in range(4))
            result[i] += abs(bar(particle(p, h)) @ line @ LEFT @ particle(p1, -1)) ** 2
    return result


@pytest.mark.parametrize("plasmon", [0.0, 2.0, 14.0, 40.0])
def test_inverse_decay_equals_explicit_spinors(plasmon: float) -> None:
    """Would catch a wrong |M|^2 of gamma nu -> N with massive transverse photons.

    Also a sum over three polarisations, or over vectors transverse in another frame than the
    medium's.
    """
    rng = np.random.default_rng(11)
    for _ in range(40):
        p1 = vector(0.0, isotropic(rng) * 10 ** rng.uniform(0, 2.5))
        k = vector(plasmon, isotropic(rng) * 10 ** rng.uniform(0, 2.5))
        mass = float(np.sqrt(dot(p1 + k, p1 + k)))
        if mass < 1.02 * plasmon + 0.1:
            continue
        expected = squared_coalescence(p1, k)
        args = (mass, plasmon, p1[0], p1[0] + k[0])
        assert inverse_decay(*args) == pytest.approx(expected.sum(), rel=1e-7, abs=0)
        scale = 1e-8 * expected.sum()
        assert inverse_decay_flipped(*args) == pytest.approx(expected[0], rel=1e-5, abs=scale)
        assert 0 <= inverse_decay_flipped(*args) <= inverse_decay(*args)


def decay_amplitudes(mass: float, cos_theta: float, spin: int, anti: bool) -> dict[int, float]:
    """|M|^2 of N -> nu gamma at rest by photon helicity, for N with spin along +-z, d = 1.

    `cos_theta`: of the neutrino to +z; `anti`: Nbar -> nubar gamma.
    """
    sin_theta = np.sqrt(1 - cos_theta**2)
    p1 = mass / 2 * np.array([1, sin_theta, 0, cos_theta])
    k = mass / 2 * np.array([1, -sin_theta, 0, -cos_theta])
    # At rest helicity along z is spin along z: take the limit of a particle moving slowly along z.
    rest = np.array([mass, 0, 0, mass * 1e-9])
    vertex = dipole_vertex(-k)  # the photon leaves
    first, second = (eps[1:] for eps in photon_polarisations(k))
    result = {}
    for helicity in (-1, 1):
        circular = (first + helicity * 1j * second) / np.sqrt(2)
        eps = np.array([0, *circular.conj()])
        line = sum(vertex[nu] * eps[nu] for nu in range(4))
        if anti:
            amplitude = bar(antiparticle(rest, spin)) @ line @ LEFT @ antiparticle(p1, 1)
        else:
            amplitude = bar(particle(p1, -1)) @ RIGHT @ line @ particle(rest, spin)
        result[helicity] = abs(amplitude) ** 2
    return result


@pytest.mark.parametrize("cos_theta", [-1.0, -0.6, 0.0, 0.3, 0.99, 1.0])
def test_direction_of_the_dirac_decay(cos_theta: float) -> None:
    """Would catch the sign of the asymmetry: the neutrino goes along the spin of N.

    |M|^2 = 4 d^2 M^4 (1 + cos(theta_nu)) for N with its spin along z, and 1 - cos(theta_nu) for
    Nbar, whose spin in flight is opposite too, so that both neutrinos go forward.
    """
    mass = 50.0
    for anti, sign in ((False, 1), (True, -1)):
        for spin in (-1, 1):
            squared = sum(decay_amplitudes(mass, cos_theta, spin, anti).values())
            expected = 4 * mass**4 * (1 + sign * spin * cos_theta)
            assert squared == pytest.approx(expected, rel=1e-6, abs=1e-6 * mass**4)


def model(mass: float, nature: str, **moments: float) -> Dipole:
    return Dipole({"mass": mass, "nature": nature, "processes": (), "screening": "none", **moments})


def test_polarised_parents_send_the_neutrino_forward() -> None:
    """Would catch an asymmetry that contradicts the helicity in which N and Nbar are made.

    The spin along the flight that the amplitudes of production give, through the decay amplitudes
    of N at rest, must equal 1 + P a cos(theta) with P = 1 - 2 x (share of the rare helicity) for N
    and the opposite for Nbar.
    """
    rng = np.random.default_rng(12)
    mass, m = 60.0, M_ELECTRON
    p1, p2, p3, p = random_scattering(rng, m, mass)
    args = arguments(p1, p2, p3, p, m, mass)
    degree = 1 - 2 * scattering_flipped(*args) / scattering(*args)
    modes = model(mass, "dirac", d_e=1.0).modes()
    assert [mode.component for mode in modes] == ["N", "Nbar"]
    for mode, anti in zip(modes, (False, True), strict=True):
        polarisation = -degree if anti else degree
        helicities = squared_scattering(p1, p2, p3, p, mass, anti)
        share = helicities / helicities.sum()  # spin against, along the flight
        for cos_theta in (-0.8, 0.4, 1.0):
            rate = sum(
                w * sum(decay_amplitudes(mass, cos_theta, spin, anti).values())
                for w, spin in zip(share, (-1, 1))
            )
            mine = 4 * mass**4 * (1 + mode.asymmetry * polarisation * cos_theta)
            assert rate == pytest.approx(mine, rel=1e-5, abs=0)
        assert abs(mode.daughters[0]) == 12  # the asymmetry is the neutrino's, not the photon's
        assert mode.daughters[1] == 22


def test_width_and_detailed_balance() -> None:
    """Would catch a width off by 2 or 4: d^2 M^3/(4 pi) per sign, 6 of them for Majorana.

    Also detailed balance of the inverse decay broken: S|M|^2 = 16 pi g M Gamma with g = 2.
    """
    mass = 80.0
    squared = sum(sum(decay_amplitudes(mass, 0.3, spin, False).values()) for spin in (-1, 1)) / 2
    width = squared / (16 * np.pi * mass)  # |p|/(8 pi M^2) with |p| = M/2, isotropic when averaged
    assert width == pytest.approx(mass**3 / (4 * np.pi), rel=1e-7, abs=0)
    assert inverse_decay(mass, 0.0, 30.0, 100.0) == pytest.approx(
        16 * np.pi * 2 * mass * width,
        rel=1e-7,
        abs=0,
    )
    d = 1e-12
    dirac = model(mass, "dirac", d_mu=d).modes()
    assert [mode.width for mode in dirac] == pytest.approx([d * d * width] * 2, rel=1e-6, abs=0)
    majorana = model(mass, "majorana", d=d).modes()
    assert sum(mode.width for mode in majorana) == pytest.approx(
        6 * d * d * mass**3 / (4 * np.pi),
        rel=1e-7,
        abs=0,
    )
    assert {mode.component for mode in majorana} == {"N"}


def test_lifetime_of_brdar_slides() -> None:
    """Would catch d confused with mu: tau = 3760 s (1e-11 mu_B/mu)^2 (MeV/M)^3 for a Dirac N."""
    d = 1e-11 * BOHR_MAGNETON / 2
    (width,) = (m.width for m in model(1.0, "dirac", d_tau=d).modes() if m.component == "N")
    assert HBAR / width == pytest.approx(3760, rel=0.005, abs=0)


def test_majorana_decays_are_isotropic_only_in_the_sum_of_signs() -> None:
    """Would catch a photon asymmetry of a Majorana N: nu and nubar asymmetries cancel in it."""
    mass = 50.0
    for cos_photon in (-0.9, 0.2, 0.7):
        both = sum(
            sum(decay_amplitudes(mass, -cos_photon, 1, anti).values()) for anti in (False, True)
        )
        assert both == pytest.approx(8 * mass**4, rel=1e-6, abs=0)
