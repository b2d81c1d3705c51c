"""Majoron couplings, widths and scattering, against two-component spinors written out.

A Majorana neutrino of definite helicity is one left-handed two-component spinor x(p); the vertex of
L = (g/2) phi nu nu + h.c. is g x(1) eps x(2) for particles 1 and 2, alike or not.
"""

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from snmc.generators.majoron import Majoron, coalescence
from snmc.ground.errors import InputError

Array = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]

PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
EPSILON = np.array([[0, 1], [-1, 0]])
METRIC = np.diag([1.0, -1.0, -1.0, -1.0])


def dot(a: Array, b: Array) -> float:
    return float(a @ METRIC @ b)


def light_like(momentum: Array) -> Array:
    return np.array([np.linalg.norm(momentum), *momentum])


def left_handed(p: Array) -> Complex:
    """Spinor x(p) of helicity -1/2, normalised to x x^dagger = p.sigma."""
    matrix = p[0] * np.eye(2) - np.tensordot(p[1:], PAULI, axes=1)
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray(np.sqrt(values[1]) * vectors[:, 1])


def isotropic(rng: np.random.Generator) -> Array:
    direction = rng.normal(size=3)
    return direction / np.linalg.norm(direction)


def test_coalescence_of_two_neutrinos() -> None:
    """Would catch |M|^2 summed over helicities that the medium does not hold: M^2, not 2 M^2."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        p1, p2 = (light_like(isotropic(rng) * 10 ** rng.uniform(0, 2)) for _ in range(2))
        mass = np.sqrt(dot(p1 + p2, p1 + p2))
        squared = abs(left_handed(p1) @ EPSILON @ left_handed(p2)) ** 2
        assert coalescence(mass, 0.0, p1[0], p1[0] + p2[0]) == pytest.approx(squared, rel=1e-9)


def potential_shifted(p1: Array, p2: Array, potentials: float) -> float:
    """m^2 of phi when the energies of the pair are raised by V_1 + V_2."""
    energy = p1[0] + p2[0] + potentials
    return float(energy**2 - np.sum((p1 + p2)[1:] ** 2))


def test_effective_mass_in_matter() -> None:
    """Would catch M^2 = m^2 - 2 E_nu (V + V) as printed in eq. 54 in place of 2 E_phi.

    The amplitude holds the momenta, 2 p1.p2 of light-like vectors, the mass of phi the energies.
    """
    rng = np.random.default_rng(2)
    potentials = -4e-5
    for _ in range(10):
        p1, p2 = (light_like(isotropic(rng) * 30) for _ in range(2))
        mass2 = potential_shifted(p1, p2, potentials)
        energy = p1[0] + p2[0] + potentials
        squared = abs(left_handed(p1) @ EPSILON @ left_handed(p2)) ** 2
        assert squared == pytest.approx(mass2 - 2 * energy * potentials, rel=1e-9)


def model(mass: float = 1.0, **couplings: float) -> Majoron:
    return Majoron({"mass": mass, **couplings})


def test_widths() -> None:
    """Would catch the factor of identical neutrinos: g^2 m/(32 pi) for aa, g^2 m/(16 pi) for ab.

    From the amplitude in the rest frame: Gamma = S |M|^2/(16 pi m), each helicity.
    """
    mass, g = 3.0, 1e-3
    p1, p2 = mass / 2 * np.array([1.0, 0, 0, 1]), mass / 2 * np.array([1.0, 0, 0, -1])
    squared = g**2 * abs(left_handed(p1) @ EPSILON @ left_handed(p2)) ** 2
    for names, identical in ((("g_ee", "g_mumu", "g_tautau"), 0.5), (("g_emu", "g_mutau"), 1.0)):
        for name in names:
            modes = model(mass, **{name: g}).modes()
            assert [mode.width for mode in modes] == pytest.approx(
                [identical * squared / (16 * np.pi * mass)] * 2, rel=1e-9
            )
    daughters = {mode.name: mode.daughters for mode in model(mass, g_emu=g).modes()}
    assert daughters == {"nu_e nu_mu": (12, 14), "nu_e_bar nu_mu_bar": (-12, -14)}


def test_coupling_squared_obeys_detailed_balance() -> None:
    """Would catch a symmetry factor in the width but not in the rate: S|M|^2 = 16 pi m Gamma."""
    mass = 5.0
    particle = model(mass, g_ee=1e-3, g_etau=2e-3, g_mumu=3e-3)
    widths = {mode.name: mode.width for mode in particle.modes()}
    processes = particle.processes()
    assert sorted(widths) == sorted(process.name for process in processes)
    for process in processes:
        squared = coalescence(mass, 0.0, 1.0, 10.0) * particle.coupling_squared(
            "phi", process.name, process.sources[0]
        )
        assert squared == pytest.approx(16 * np.pi * mass * widths[process.name], rel=1e-12)


def test_one_coupling_at_least() -> None:
    """Would catch a majoron that couples to nothing and is never made."""
    with pytest.raises(InputError, match=r"^generator\.g_ee, g_emu, .*: none is positive"):
        model(g_ee=0.0)


def scattering(p: Array, k: Array, p_out: Array, k_out: Array) -> float:
    """|M|^2 of nu phi -> nu phi for g = 1: exchange of the neutrino in s and u, no mass."""
    exchanged = (p + k) / dot(p + k, p + k) + (p - k_out) / dot(p - k_out, p - k_out)
    # between left-handed spinors stands q.sigma_bar = q0 + q.sigma_vector
    matrix = exchanged[0] * np.eye(2) + np.tensordot(exchanged[1:], PAULI, axes=1)
    return float(abs(left_handed(p_out).conj() @ matrix @ left_handed(p)) ** 2)


def test_rescattering_amplitude_and_cross_section() -> None:
    """Would catch a wrong |M|^2 = -(s - u)^2/(s u), or its integral ln(s/mu^2) + 5/2."""
    energy = 10.0
    s = 4 * energy**2
    p, k = energy * np.array([1.0, 0, 0, 1]), energy * np.array([1.0, 0, 0, -1])
    for cosine in (-0.9, -0.2, 0.5, 0.99):
        sine = np.sqrt(1 - cosine**2)
        p_out = energy * np.array([1.0, sine, 0, cosine])
        u = dot(p - (p + k - p_out), p - (p + k - p_out))
        assert scattering(p, k, p_out, p + k - p_out) == pytest.approx(
            -((s - u) ** 2) / (s * u), rel=1e-9
        )
    cut = 1e-9 * s
    nodes, weights = np.polynomial.legendre.leggauss(60)
    y = np.log(cut / s) * (1 - nodes) / 2  # -u/s on a logarithmic scale
    u = -s * np.exp(y)
    integral = np.sum(weights * -u * -((s - u) ** 2) / (s * u)) * np.log(s / cut) / 2
    cross_section = integral / (16 * np.pi * s * s)
    assert cross_section == pytest.approx((np.log(s / cut) + 2.5) / (16 * np.pi * s), rel=1e-6)


@pytest.mark.parametrize("names", [("g_ee",), ("g_emu",), ("g_ee", "g_emu", "g_tautau")])
def test_flavours_in_rescattering(names: tuple[str, ...]) -> None:
    """Would catch wrong flavour sums: nu_a phi -> nu_c goes through every b, amplitude (g g)_ac."""
    g = dict.fromkeys(names, 1e-3)
    matrix = np.zeros((3, 3))
    flavours = ("e", "mu", "tau")
    for i, j in itertools.product(range(3), repeat=2):
        matrix[i, j] = g.get(f"g_{flavours[i]}{flavours[j]}", 0.0)
        matrix[i, j] = matrix[i, j] or g.get(f"g_{flavours[j]}{flavours[i]}", 0.0)
    expected = [
        sum(sum(matrix[a, b] * matrix[b, c] for b in range(3)) ** 2 for c in range(3))
        for a in range(3)
    ]
    assert model(**g).rescattering_strength() == pytest.approx(expected, rel=1e-12)
