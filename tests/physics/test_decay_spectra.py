"""Rest-frame spectra and widths of decays against closed forms, and final states of the sampler."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy import integrate
from scipy.stats import kstest

from snmc.decays import DecayMode
from snmc.decays.final_state import amplitude_bound, secondaries_of, squared_amplitude, three_body
from snmc.decays.modes import MUON_AMPLITUDE, MUON_MASSES
from snmc.decays.spectra import (
    component_spectrum,
    mode_spectra,
    three_body_integral,
    three_body_spectrum,
)
from snmc.ground.compiled import compiled
from snmc.ground.units import (
    G_FERMI,
    M_ELECTRON,
    M_MUON,
    M_PION_CHARGED,
    M_PION_NEUTRAL,
    SIN2_THETA_W,
)

Array = npt.NDArray[np.float64]
FIRST = (1.0, 0.0, 0.0, 0.0)


def mode(*daughters: int, **more: object) -> DecayMode:
    return DecayMode("m", "N", daughters, 1e-20, **more)  # type: ignore[arg-type]


# --- widths -----------------------------------------------------------------------------------


def test_muon_width() -> None:
    """Catches a factor in the phase space: Gamma = G^2 m^5/(192 pi^3) f(x), f with the electron.

    |M|^2 = 64 G^2 (P.k)(e.nu_mu) for an average over the spin; f = 1 - 8x + 8x^3 - x^4 - 12x^2 ln x
    with x = (m_e/m_mu)^2.
    """
    found = (
        64 * G_FERMI**2 * three_body_integral(M_MUON, MUON_MASSES, MUON_AMPLITUDE) / (2 * M_MUON)
    )
    x = (M_ELECTRON / M_MUON) ** 2
    f = 1 - 8 * x + 8 * x**3 - x**4 - 12 * x**2 * math.log(x)
    assert found == pytest.approx(G_FERMI**2 * M_MUON**5 / (192 * math.pi**3) * f, rel=1e-9, abs=0)


@pytest.mark.parametrize("charged", [False, True])
@pytest.mark.parametrize("ratio", [0.005, 0.1, 0.3, 0.45, 0.499])
def test_width_with_two_leptons(ratio: float, charged: bool) -> None:
    """Catches lepton masses or the interference lost, or with the wrong sign.

    N -> nu l- l+ for one lepton-number sign: sum |M|^2/2 = 128 G^2 |U|^2/2 x [gL^2 (P.l+)(nu.l-) +
    gR^2 (P.l-)(nu.l+) + gL gR m^2 (P.nu)], against G^2 M^5/(192 pi^3) (C1 f1 + C2 f2) of Gorbunov
    and Shaposhnikov (JHEP 10 (2007) 015), with gL = s^2 - 1/2 (+ 1 if charged), gR = s^2,
    C1 = gL^2 + gR^2, C2 = gL gR.
    """
    M, x = 300.0, ratio
    gR = SIN2_THETA_W
    gL = gR - 0.5 + charged
    root = math.sqrt(1 - 4 * x * x)
    if x < 0.02:
        log = 4 * math.log(x) + 4 * x * x
    else:
        log = math.log((1 - 3 * x**2 - (1 - x**2) * root) / (x**2 * (1 + root)))
    f1 = (1 - 14 * x**2 - 2 * x**4 - 12 * x**6) * root + 12 * x**4 * (x**4 - 1) * log
    f2 = 4 * (
        x**2 * (2 + 10 * x**2 - 12 * x**4) * root + 6 * x**4 * (1 - 2 * x**2 + 2 * x**4) * log
    )
    expected = G_FERMI**2 * M**5 / (192 * math.pi**3) * ((gL**2 + gR**2) * f1 + gL * gR * f2)
    masses = (x * M, x * M, 0.0)  # l-, l+, nu
    amplitude = (gR**2, gL**2, 0.0, gL * gR)
    found = 64 * G_FERMI**2 * three_body_integral(M, masses, amplitude) / (2 * M)
    assert found == pytest.approx(expected, rel=1e-6 if x < 0.4 else 1e-4, abs=0)


def test_closed_decay_has_no_width() -> None:
    """Catches a root of a negative number below threshold."""
    assert three_body_integral(100.0, (60.0, 60.0, 0.0), FIRST) == 0.0


# --- spectra ----------------------------------------------------------------------------------


def test_spectra_of_massless_daughters() -> None:
    """Catches daughters mixed up: f_I and f_II of Akita et al., eqs. 41 and 42 (twice, norm 1).

    |M|^2 ~ (P.p3)(p1.p2): 1 and 2 have f_I, 3 has f_II.
    """
    M = 250.0
    E = np.linspace(1, 124, 40)
    amplitude = (0.0, 0.0, 1.0, 0.0)
    f_I = 16 * E**2 / M**3 * (3 - 4 * E / M)
    f_II = 96 * E**2 / M**3 * (1 - 2 * E / M)
    for which, expected in ((0, f_I), (1, f_I), (2, f_II)):
        found = three_body_spectrum(E, M, (0.0, 0.0, 0.0), amplitude, which)
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_michel_spectra() -> None:
    """Catches nu_e and nu_mu exchanged: x^2 (1 - x) and x^2 (3 - 2x), for a massless electron.

    The muons rest, so that their spectra are steps of 1/256 of the range.
    """
    spectra = mode_spectra(mode(13, -13), 2 * M_MUON * (1 + 1e-12), secondaries=True)
    assert set(spectra) == {12, -12, 14, -14}
    for pdg, closed in (
        (-12, lambda x: 4 * x**3 - 3 * x**4), (14, lambda x: 2 * x**3 - x**4),
        (12, lambda x: 4 * x**3 - 3 * x**4), (-14, lambda x: 2 * x**3 - x**4),
    ):  # fmt: skip
        one = spectra[pdg]
        x = np.minimum(1.0, 2 * one.energies / M_MUON)
        np.testing.assert_allclose(one.below, closed(x), atol=0.01)
        # <x> = 3/5 and 7/10, less O(m_e^2/m_mu^2)
        mean = 0.3 if abs(pdg) == 12 else 0.35
        assert one.mean_energy == pytest.approx(mean * M_MUON, rel=5e-4, abs=0)


def test_photon_box() -> None:
    """Catches a wrong boost: photons of the pi0 are flat between (E -+ p)/2, two a decay."""
    M = 300.0
    spectra = mode_spectra(mode(16, 111), M, secondaries=False)
    assert set(spectra) == {16, 22}
    (line,) = spectra[16].lines
    assert line.energy == pytest.approx((M**2 - M_PION_NEUTRAL**2) / (2 * M), rel=1e-6, abs=0)
    E = M - line.energy
    p = line.energy
    found = np.interp([(E - p) / 2, E / 2, (E + p) / 2], spectra[22].energies, spectra[22].below)
    assert found == pytest.approx([0, 1, 2], abs=5e-3)
    assert spectra[22].mean_energy == pytest.approx(E, rel=1e-6, abs=0)


def test_energies_of_all_products_add_up() -> None:
    """Catches a multiplicity or a boost of secondaries: means from conservation alone.

    Of a pion's energy the nu_mu takes (1 - r)/2 with r = (m_mu/m_pi)^2 on average; of a muon's the
    nu_e 3/10, the nu_mu 7/20 (massless electron), shifted by the polarisation in the pion.
    """
    M = 400.0
    spectra = mode_spectra(mode(16, 111), M, False)
    assert sum(one.mean_energy for one in spectra.values()) == pytest.approx(M, rel=1e-6, abs=0)
    r = (M_MUON / M_PION_CHARGED) ** 2
    E_pi = (M**2 + M_PION_CHARGED**2 - M_ELECTRON**2) / (2 * M)
    chain = mode_spectra(mode(11, 211), M, True)
    assert {pdg: one.number for pdg, one in chain.items()} == pytest.approx(
        {12: 1, -14: 1, 14: 1}, rel=1e-6, abs=0
    )
    assert chain[14].mean_energy == pytest.approx(E_pi * (1 - r) / 2, rel=1e-5, abs=0)
    beta = (1 - r) / (1 + r)  # of the muon
    for pdg, share, cosine in ((12, 0.3, 1 / 3), (-14, 0.35, -1 / 7)):
        # <x (1 + beta c)> with <x c> = <x> times 1/3 and -1/7 for the muon's two neutrinos
        expected = E_pi * (1 + r) / 2 * share * (1 + beta * cosine)
        assert chain[pdg].mean_energy == pytest.approx(expected, rel=3e-4, abs=0)


def test_lines_of_opposite_asymmetry_cancel() -> None:
    """Catches photons of a Majorana parent that are not isotropic, or a wrong branching ratio."""
    modes = (mode(12, 22, asymmetry=1.0), mode(-12, 22, asymmetry=-1.0), mode(11, -11))
    photons = component_spectrum(modes, "N", 10.0, True, False)
    (line,) = photons.lines
    assert (line.energy, line.number, line.asymmetry) == pytest.approx(
        (5.0, 2 / 3, 0.0), rel=1e-6, abs=0
    )


# --- the sampler's final states ---------------------------------------------------------------


@compiled
def many(
    rng: np.random.Generator, count: int, M: float, masses: Array, c: Array,
    axis: tuple[float, float, float], tilt: float,
) -> Array:  # fmt: skip
    out = np.empty((count, 3, 4))
    for i in range(count):
        three_body(
            rng, M, masses[0], masses[1], masses[2], c[0], c[1], c[2], c[3], axis, tilt, out[i]
        )
    return out


@compiled
def many_secondaries(rng: np.random.Generator, count: int, pdg: int, parent: Array) -> Array:
    out = np.zeros((count, 3, 4))
    for i in range(count):
        secondaries_of(rng, pdg, parent, out[i])
    return out


CASES = {
    "3 nu": (20.0, (0.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0)),
    "interference": (230.0, (M_MUON, M_MUON, 0.0), (0.3, 1.0, 0.0, -0.5)),
    "e mu nu": (150.0, (M_ELECTRON, M_MUON, 0.0), (0.0, 1.0, 0.0, 0.0)),
    "threshold": (211.33, (M_MUON, M_MUON, 0.0), (1.0, 1.0, 1.0, 1.0)),
}


@pytest.mark.parametrize("case", CASES)
def test_three_bodies_conserve_momentum_and_follow_the_amplitude(case: str) -> None:
    """Catches a wrong Dalitz density, a bound that cuts |M|^2, or an anisotropic orientation."""
    M, masses, amplitude = CASES[case]
    axis = (0.6, 0.0, -0.8)
    rows = many(
        np.random.default_rng(2), 20_000, M, np.array(masses), np.array(amplitude), axis, 0.0
    )
    np.testing.assert_allclose(rows.sum(axis=1), [[M, 0, 0, 0]] * len(rows), atol=1e-12 * M)
    shell = rows[..., 0] ** 2 - (rows[..., 1:] ** 2).sum(axis=-1)
    np.testing.assert_allclose(shell, [np.square(masses)] * len(rows), atol=1e-10 * M**2)
    for which in range(3):
        low = masses[which]
        high = rows[:, which, 0].max()
        grid = np.linspace(low, high * (1 + 1e-9), 4001)
        density = three_body_spectrum((grid[1:] + grid[:-1]) / 2, M, masses, amplitude, which)
        cdf = np.concatenate([[0], np.cumsum(density * np.diff(grid))])
        assert kstest(np.interp(rows[:, which, 0], grid, cdf / cdf[-1]), "uniform").pvalue > 1e-4
        cosine = rows[:, which, 1:] @ np.array(axis)
        cosine /= np.linalg.norm(rows[:, which, 1:], axis=1)
        assert kstest((1 + cosine) / 2, "uniform").pvalue > 1e-4
        assert kstest(np.arctan2(rows[:, which, 2], rows[:, which, 1]) / (2 * np.pi) + 0.5,
                      "uniform").pvalue > 1e-4  # fmt: skip


def test_bound_holds() -> None:
    """Catches an amplitude above the bound of the rejection, which would be sampled too rarely."""
    rng = np.random.default_rng(3)
    for M, masses, _ in CASES.values():
        for _ in range(10):
            c = rng.random(4)
            E1 = rng.uniform(masses[0], M, 20_000)
            E2 = rng.uniform(masses[1], M, 20_000)
            p1, p2 = (np.sqrt(E**2 - m**2) for E, m in zip((E1, E2), masses[:2], strict=True))
            E3 = M - E1 - E2
            p3 = np.sqrt(np.maximum(E3**2 - masses[2] ** 2, 0))
            inside = (masses[2] < E3) & (abs(p1 - p2) < p3) & (p3 < p1 + p2)
            values = [
                squared_amplitude(M, *masses, *c, a, b)
                for a, b in zip(E1[inside][:300], E2[inside][:300], strict=True)
            ]
            assert max(values, default=0.0) <= amplitude_bound(M, *masses, *c)


def test_polarised_muon_sends_its_electron_backward() -> None:
    """Catches the sign of V - A: e- of a mu- flies against the spin, <cos> = -1/9, nu_e +1/3.

    The electron's density x^2 [(3 - 2x) - (2x - 1) cos] is that of every textbook.
    """
    axis = (0.6, 0.0, -0.8)
    rows = many(
        np.random.default_rng(4), 200_000, M_MUON, np.array(MUON_MASSES), np.array(MUON_AMPLITUDE),
        axis, 1.0,
    )  # fmt: skip
    cosine = rows[..., 1:] @ np.array(axis) / rows[..., 0]
    assert cosine.mean(axis=0) == pytest.approx([1 / 3, -1 / 9, -1 / 9], abs=5e-3)


@pytest.mark.parametrize(("pdg", "mass"), [(111, M_PION_NEUTRAL), (-13, M_MUON),
                                           (211, M_PION_CHARGED)])  # fmt: skip
def test_secondaries_follow_their_spectra(pdg: int, mass: float) -> None:
    """Catches a wrong boost, a muon of the wrong polarisation, or neutrinos exchanged.

    Energies in flight against the box of the spectrum's lines and continua.
    """
    E = 300.0
    p = math.sqrt(E**2 - mass**2)
    rows = many_secondaries(
        np.random.default_rng(5), 50_000, pdg, np.array([E, 0.0, p * 0.6, p * 0.8])
    )
    # a parent that sends the particle with just this energy, beside a massless neutrino
    M = E + p
    spectra = mode_spectra(mode(16, pdg), M, secondaries=True)
    order = {111: (22, 22), -13: (12, -14), 211: (12, -14, 14)}[pdg]
    for k, product in enumerate(order):
        one = spectra[product]
        cdf = np.interp(rows[:, k, 0], one.energies, one.below / one.number)
        assert kstest(cdf, "uniform").pvalue > 1e-4
        momentum = np.linalg.norm(rows[:, k, 1:], axis=1)
        np.testing.assert_allclose(momentum, rows[:, k, 0], rtol=1e-9)
    if pdg == 111:
        total = rows[:, :2].sum(axis=1)
        np.testing.assert_allclose(total, [[E, 0, 0.6 * p, 0.8 * p]] * len(rows), atol=1e-9)


def test_integral_against_plain_quadrature() -> None:
    """Catches a phase space that is right only for massless daughters: Dalitz plane by hand.

    Int |M|^2 dPhi3 = Int |M|^2 dE1 dE2/(32 pi^3).
    """
    M, masses, c = 400.0, (M_MUON, M_PION_CHARGED, 50.0), (1.0, 0.4, 0.2, 0.7)
    m1, m2, m3 = masses

    def limits(E1: float) -> tuple[float, float]:
        s = M**2 + m1**2 - 2 * M * E1
        p1 = math.sqrt(max(E1**2 - m1**2, 0))
        a = (M - E1) * (s + m2**2 - m3**2)
        b = p1 * math.sqrt(max((s - (m2 + m3) ** 2) * (s - (m2 - m3) ** 2), 0))
        return (a - b) / (2 * s), (a + b) / (2 * s)

    highest = (M**2 + m1**2 - (m2 + m3) ** 2) / (2 * M)
    found = integrate.dblquad(
        lambda E2, E1: squared_amplitude(M, m1, m2, m3, *c, E1, E2), m1, highest,
        lambda E1: limits(E1)[0], lambda E1: limits(E1)[1], epsrel=1e-8,
    )[0] / (32 * math.pi**3)  # fmt: skip
    assert three_body_integral(M, masses, c) == pytest.approx(found, rel=1e-6, abs=0)
