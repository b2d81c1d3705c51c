"""Elastic scattering on electrons and protons: published values, spectra, kinematics."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy import integrate, stats

from snmc.ground.errors import PhysicsError
from snmc.ground.units import G_FERMI, M_ELECTRON, M_PROTON, SIN2_THETA_W
from snmc.interactions import electron, proton
from snmc.interactions.elastic import recoil_cosine
from snmc.interactions.quasielastic import AXIAL_MASS, CM2, VECTOR_MASS_SQUARED

Floats = npt.NDArray[np.float64]
ALL = pytest.mark.parametrize("pdg", [12, -12, 14, -14, 16, -16])


def codes(pdg: int, size: int) -> npt.NDArray[np.int32]:
    """That many of one kind."""
    return np.full(size, pdg, dtype=np.int32)


# cm2 at 10 MeV for nu_e, anti-nu_e, nu_mu, anti-nu_mu with sin^2(theta_W) = 0.2387; the tables of
# SNOwGLoBES, with radiative corrections
@pytest.mark.parametrize(
    ("pdg", "tree", "corrected"),
    [
        (12, 9.42e-44, 8.95e-44),
        (-12, 4.02e-44, 3.80e-44),
        (14, 1.50e-44, 1.58e-44),
        (-16, 1.38e-44, 1.36e-44),
    ],
)
def test_electron_totals(pdg: int, tree: float, corrected: float) -> None:
    """Would catch couplings of the wrong flavour, or exchanged between neutrino and antineutrino.

    The published tree values are recomputed from ours by the ratio of the couplings' squares, at
    10 MeV, where the interference term is below 1 %; the corrected ones agree within 4 %.
    """

    def squares(sine: float) -> float:
        left, right = sine + (0.5 if abs(pdg) == 12 else -0.5), sine
        left, right = (left, right) if pdg > 0 else (right, left)
        return left**2 + right**2 / 3

    ours = float(electron.cross_section(pdg, 10.0))
    assert ours * squares(0.2387) / squares(SIN2_THETA_W) == pytest.approx(tree, abs=0, rel=6e-3)
    assert ours == pytest.approx(corrected, abs=0, rel=0.04)


@ALL
@pytest.mark.parametrize("energy", [0.05, 1.0, 30.0, 1900.0])
def test_electron_total_is_the_integral(pdg: int, energy: float) -> None:
    """Would catch a wrong closed form, or a largest recoil that is not 2 E^2/(m + 2 E)."""
    most = 2 * energy**2 / (M_ELECTRON + 2 * energy)
    value, _ = integrate.quad(
        lambda kinetic: float(electron.differential(pdg, energy, kinetic)) * 1e44, 0, most
    )
    assert electron.cross_section(pdg, energy) * 1e44 == pytest.approx(value, abs=0, rel=1e-7)
    assert electron.differential(pdg, energy, most * 1.001) == 0


def dirac_electron(left: float, right: float, energy: float, kinetic: float) -> float:
    """Cross section d sigma/dT [cm2/MeV] from traces of Dirac matrices, numerically.

    |M|^2 = (8 G^2) L_{mu nu} E^{mu nu} with the currents nu gamma (1 - gamma5)/2 nu and
    e gamma (g_L (1 - gamma5) + g_R (1 + gamma5)) e, averaged over the electron's two spins.
    """
    one, zero = np.eye(2), np.zeros((2, 2))
    sigma = [
        np.array([[0, 1], [1, 0]]),
        np.array([[0, -1j], [1j, 0]]),
        np.array([[1, 0], [0, -1]]),
    ]
    gamma = [np.block([[one, zero], [zero, -one]])]
    gamma += [np.block([[zero, s], [-s, zero]]) for s in sigma]
    five = 1j * gamma[0] @ gamma[1] @ gamma[2] @ gamma[3]
    metric, unit = np.diag([1.0, -1, -1, -1]), np.eye(4)

    def slash(p: Floats) -> npt.NDArray[np.complex128]:
        total = np.zeros((4, 4), dtype=np.complex128)
        for i in range(4):
            total += metric[i, i] * p[i] * gamma[i]
        return total

    cosine = float(recoil_cosine(energy, kinetic, M_ELECTRON))
    momentum = np.sqrt(kinetic * (kinetic + 2 * M_ELECTRON))
    k, p = np.array([energy, 0, 0, energy]), np.array([M_ELECTRON, 0, 0, 0])
    after = np.array(
        [kinetic + M_ELECTRON, momentum * np.sqrt(1 - cosine**2), 0, momentum * cosine]
    )
    vertex = left * (unit - five) + right * (unit + five)
    mass = M_ELECTRON * unit
    amplitude = 0.0
    for mu in range(4):
        for nu in range(4):
            sign = metric[mu, mu] * metric[nu, nu]
            neutrino = np.trace(
                slash(k + p - after) @ gamma[mu] @ (unit - five) @ slash(k) @ gamma[nu]
                @ (unit - five)
            )  # fmt: skip
            # bar conjugation turns gamma (a + b gamma5) into itself
            charged = np.trace(
                (slash(after) + mass) @ gamma[mu] @ vertex @ (slash(p) + mass) @ gamma[nu] @ vertex
            )
            amplitude += float((sign * neutrino * charged).real)
    square = G_FERMI**2 / 2 * amplitude / 2  # L = G/sqrt2 [nu gamma (1-g5) nu][e gamma vertex e]
    return float(CM2 * square / (32 * np.pi * M_ELECTRON * energy**2))


@pytest.mark.parametrize(("energy", "kinetic"), [(0.4, 0.1), (10.0, 2.0), (10.0, 9.5)])
@pytest.mark.parametrize("pdg", [12, 14])
def test_electron_amplitude(pdg: int, energy: float, kinetic: float) -> None:
    """Would catch a wrong prefactor or sign in the formula: explicit traces of Dirac matrices."""
    left, right = electron.couplings(pdg)
    expected = dirac_electron(left, right, energy, kinetic)
    assert electron.differential(pdg, energy, kinetic) == pytest.approx(expected, abs=0, rel=1e-9)


@ALL
@pytest.mark.parametrize("energy", [0.3, 12.0, 900.0])
def test_electrons_follow_the_spectrum(pdg: int, energy: float) -> None:
    """Would catch a sampler that does not invert the distribution: chi-square of 40 bins."""
    size, most = 40_000, 2 * energy**2 / (M_ELECTRON + 2 * energy)
    kinetic = electron.sample(codes(pdg, size), np.full(size, energy), np.random.default_rng(8))
    assert kinetic.min() > 0
    assert kinetic.max() < most
    edges = np.linspace(0, most * (1 - 1e-12), 41)
    nodes, weights = np.polynomial.legendre.leggauss(4)
    points = edges[:-1, None] + np.diff(edges)[:, None] * (1 + nodes) / 2
    expected = (electron.differential(pdg, energy, points) * weights).sum(axis=1)
    observed = np.histogram(kinetic, edges)[0]
    assert stats.chisquare(observed, expected / expected.sum() * observed.sum()).pvalue > 1e-3


@pytest.mark.parametrize("energy", [0.5, 15.0, 1500.0])
def test_momentum_is_conserved(energy: float) -> None:
    """Would catch a wrong angle of electron, proton or scattered neutrino."""
    size = 400
    given = np.full(size, energy)
    channels = ((electron.ElectronElastic(), M_ELECTRON), (proton.ProtonElastic(), M_PROTON))
    for channel, mass in channels:
        states = channel.sample(codes(14, size), given, np.random.default_rng(1))  # type: ignore[attr-defined]
        total = states.energy.reshape(-1, 2)
        cosine = states.cosine.reshape(-1, 2)
        azimuth = states.azimuth.reshape(-1, 2)
        momentum = np.sqrt(total**2 - np.array([mass, 0]) ** 2)
        across = momentum * np.sqrt((1 - cosine) * (1 + cosine))
        assert total.sum(axis=1) == pytest.approx(energy + mass, rel=1e-6, abs=0)
        assert (momentum * cosine).sum(axis=1) == pytest.approx(energy, abs=0, rel=1e-6)
        for turned in (np.cos(azimuth), np.sin(azimuth)):
            assert np.abs((across * turned).sum(axis=1)).max() < 1e-6 * energy
        assert np.all(states.pdg.reshape(-1, 2)[:, 1] == 14)


def test_electrons_go_forward() -> None:
    """Would catch an angle that does not shrink: theta^2 < 2 m_e/T (exactly, times 1 - y)."""
    energy, kinetic = 50.0, np.array([5.0, 20.0, 45.0])
    theta = np.arccos(recoil_cosine(energy, kinetic, M_ELECTRON))
    small = np.sqrt(2 * M_ELECTRON / kinetic * (1 - kinetic / energy))
    assert theta == pytest.approx(small, abs=0, rel=0.1)
    head_on = 2 * energy**2 / (M_PROTON + 2 * energy)
    assert recoil_cosine(energy, head_on, M_PROTON) == pytest.approx(1, rel=1e-6, abs=0)


def test_proton_at_low_energy() -> None:
    """Would catch a wrong coupling: Beacom, Farr & Vogel 2002, eq. 2, at 1 MeV, both kinds.

    d sigma/dT = (G^2 M/pi) [(1 - M T/(2 E^2)) c_V^2 + (1 + M T/(2 E^2)) c_A^2].
    """
    energy = 1.0
    kinetic = np.linspace(0.05, 0.95, 10) * 2 * energy**2 / (M_PROTON + 2 * energy)
    c_v, c_a, x = 0.5 - 2 * SIN2_THETA_W, 1.27 / 2, M_PROTON * kinetic / (2 * energy**2)
    expected = CM2 * G_FERMI**2 * M_PROTON / np.pi * ((1 - x) * c_v**2 + (1 + x) * c_a**2)
    for antineutrino in (False, True):
        assert proton.differential(energy, kinetic, antineutrino) == pytest.approx(
            expected, abs=0, rel=0.01
        )


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("energy", [20.0, 300.0, 1500.0])
def test_proton_as_ahrens_writes_it(energy: float, sign: int) -> None:
    """Would catch a slip in the amplitude: the form of Ahrens et al. 1987, in Sachs' form factors.

    d sigma/dQ^2 = G^2 M^2/(8 pi E^2) [a +- b (s - u)/M^2 + c (s - u)^2/M^4].
    """
    kinetic = np.linspace(0.02, 0.98, 8) * 2 * energy**2 / (M_PROTON + 2 * energy)
    square = 2 * M_PROTON * kinetic
    tau = square / (4 * M_PROTON**2)
    dipole = (1 + square / VECTOR_MASS_SQUARED) ** -2
    charge = 0.5 - 2 * SIN2_THETA_W
    electric, magnetic = charge * dipole, (charge * 2.793 + 0.5 * 1.913) * dipole
    f1, f2 = (electric + tau * magnetic) / (1 + tau), (magnetic - electric) / (1 + tau)
    axial = 1.27 / 2 * (1 + square / AXIAL_MASS**2) ** -2
    a = axial**2 * (1 + tau) - f1**2 * (1 - tau) + f2**2 * tau * (1 - tau) + 4 * tau * f1 * f2
    w = 4 * (energy / M_PROTON - tau)
    bracket = 4 * tau * a + sign * 4 * tau * axial * (f1 + f2) * w
    bracket += (axial**2 + f1**2 + tau * f2**2) / 4 * w**2
    expected = CM2 * G_FERMI**2 * M_PROTON**3 / (4 * np.pi * energy**2) * bracket
    assert proton.differential(energy, kinetic, sign < 0) == pytest.approx(
        expected, abs=0, rel=2e-3
    )


def test_proton_recoil_ends() -> None:
    """Would catch a wrong largest recoil, 2 E^2/(M + 2 E)."""
    energy = np.array([1.0, 40.0, 800.0])
    most = 2 * energy**2 / (M_PROTON + 2 * energy)
    assert np.all(proton.differential(energy, most * (1 - 1e-9)) > 0)
    assert np.all(proton.differential(energy, most * (1 + 1e-9)) == 0)


@pytest.mark.parametrize("pdg", [14, -12])
@pytest.mark.parametrize("energy", [3.1, 47.0, 460.0, 1900.0])
def test_protons_follow_the_spectrum(pdg: int, energy: float) -> None:
    """Would catch a table too coarse, for the total or the recoils: 1e-3, chi-square of 25 bins."""
    size = 40_000
    channel = proton.ProtonElastic()
    table = channel.cross_section(codes(pdg, 1), np.array([energy]))
    assert table[0] == pytest.approx(float(proton.cross_section(pdg, energy)), abs=0, rel=1e-3)
    kinetic = proton.sample(codes(pdg, size), np.full(size, energy), np.random.default_rng(4))
    edges = np.linspace(0, 2 * energy**2 / (M_PROTON + 2 * energy) * (1 - 1e-12), 26)
    nodes, weights = np.polynomial.legendre.leggauss(6)
    points = edges[:-1, None] + np.diff(edges)[:, None] * (1 + nodes) / 2
    expected = (proton.differential(energy, points, pdg < 0) * weights).sum(axis=1)
    kept = expected > 1e-3 * expected.sum()
    observed = np.histogram(kinetic, edges)[0][kept]
    expected = expected[kept] / expected[kept].sum() * observed.sum()
    assert stats.chisquare(observed, expected).pvalue > 1e-3


def test_range_and_other_particles() -> None:
    """Would catch a reaction of photons, or energies beyond the form factors' range."""
    for cross_section in (electron.cross_section, proton.cross_section):
        assert np.all(cross_section([22, 11, 111], [10.0, 10.0, 3000.0]) == 0)
        assert cross_section(12, 0.0) == 0
        with pytest.raises(PhysicsError, match="0 to 2000 MeV"):
            cross_section(16, 2500.0)
