"""Decay widths and spectra of heavy neutral leptons, by routes of their own.

The generator reduces each width to one integral over the mass of a pair; here the coefficients of
|M|^2, which test_hnl_amplitudes.py checks against spinors, are integrated over the Dalitz plot, and
the results compared with the closed forms of the literature.
"""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snmc.generators.hnl import HeavyNeutralLepton, decays, pion_width, three_body_width
from snmc.ground.errors import InputError
from snmc.ground.units import (
    F_PION,
    G_FERMI,
    HBAR,
    M_ELECTRON,
    M_MUON,
    M_PION_CHARGED,
    M_PION_NEUTRAL,
    SIN2_THETA_W,
    V_UD,
)

Array = npt.NDArray[np.float64]
MASSES = {11: M_ELECTRON, 13: M_MUON}


def unit(mass: float) -> float:
    """G^2 M^5/(192 pi^3) [MeV]."""
    return G_FERMI**2 * mass**5 / (192 * math.pi**3)


def model(mass: float, nature: str = "majorana", **mixings: float) -> HeavyNeutralLepton:
    switches = {"nature": nature, "processes": ("neutron-scattering",), "secondaries": "no"}
    return HeavyNeutralLepton({"mass": mass, **mixings, **switches})  # type: ignore[arg-type]


def widths(flavour: str, mass: float) -> dict[tuple[int, ...], float]:
    return {daughters: width for daughters, width, _ in decays(flavour, mass)}


def dalitz_width(
    M: float, m: tuple[float, float, float], c: tuple[float, float, float, float]
) -> float:
    """(1/(2M)) Int dPhi3 of 128 G^2 [...]/2 over the energies of daughters 1 and 2."""
    nodes, weights = np.polynomial.legendre.leggauss(120)
    nodes, weights = (nodes + 1) / 2, weights / 2
    top = (M * M + m[0] ** 2 - (m[1] + m[2]) ** 2) / (2 * M)
    E1 = m[0] + (top - m[0]) * np.sin(np.pi / 2 * nodes)[:, None] ** 2
    dE1 = weights * (top - m[0]) * np.pi / 2 * np.sin(np.pi * nodes)
    p1 = np.sqrt(np.maximum(E1**2 - m[0] ** 2, 0))
    s23 = M * M + m[0] ** 2 - 2 * M * E1
    star = (s23 + m[1] ** 2 - m[2] ** 2) / (2 * np.sqrt(s23))
    p_star = np.sqrt(np.maximum(star**2 - m[1] ** 2, 0))
    middle = (M - E1) * star / np.sqrt(s23)
    half = p1 * p_star / np.sqrt(s23)
    E2 = middle + half * (2 * nodes - 1)
    E3 = M - E1 - E2
    dot12 = (M * M + m[2] ** 2 - 2 * M * E3 - m[0] ** 2 - m[1] ** 2) / 2
    dot13 = (M * M + m[1] ** 2 - 2 * M * E2 - m[0] ** 2 - m[2] ** 2) / 2
    dot23 = (M * M + m[0] ** 2 - 2 * M * E1 - m[1] ** 2 - m[2] ** 2) / 2
    square = M * (c[0] * E1 * dot23 + c[1] * E2 * dot13 + c[2] * E3 * dot12)
    square += c[3] * m[0] * m[1] * M * E3
    inner = (square * 2 * half) @ weights
    phase_space = float(inner @ dE1) / (4 * (2 * math.pi) ** 3)
    return 128 * G_FERMI**2 / 2 * phase_space / (2 * M)


@pytest.mark.parametrize("flavour", ["e", "mu", "tau"])
@pytest.mark.parametrize("mass", [20.0, 107.0, 215.0, 400.0, 800.0])
def test_widths_are_the_integral_over_the_dalitz_plot(flavour: str, mass: float) -> None:
    """Would catch a width whose events follow another amplitude, or a factor 2 of equal nu's."""
    for daughters, width, coefficients in decays(flavour, mass):
        if coefficients is None:
            continue
        m = tuple(MASSES.get(abs(pdg), 0.0) for pdg in daughters)
        symmetry = 0.5 if daughters[0] == daughters[1] else 1.0
        known = symmetry * dalitz_width(mass, m, coefficients)  # type: ignore[arg-type]
        assert width == pytest.approx(known, rel=3e-6), daughters


def closed_form(mass: float, lepton: float, own: bool) -> float:
    """N -> nu l+ l-, C1 f1 + C2 f2 (Gorbunov and Shaposhnikov, JHEP 10 (2007) 015; HNLCalc)."""
    s2, x = SIN2_THETA_W, lepton / mass
    C1 = (1 - 4 * s2 + 8 * s2**2) / 4 + (2 * s2 if own else 0)
    C2 = s2 * (2 * s2 - 1) / 2 + (s2 if own else 0)
    root = math.sqrt(1 - 4 * x * x)
    L = math.log((1 - 3 * x * x - (1 - x * x) * root) / (x * x * (1 + root)))
    f1 = (1 - 14 * x**2 - 2 * x**4 - 12 * x**6) * root + 12 * x**4 * (x**4 - 1) * L
    f2 = 4 * (x**2 * (2 + 10 * x**2 - 12 * x**4) * root + 6 * x**4 * (1 - 2 * x**2 + 2 * x**4) * L)
    return unit(mass) * (C1 * f1 + C2 * f2)


@pytest.mark.parametrize("mass", [220.0, 300.0, 500.0, 800.0])
def test_charged_pairs_have_the_closed_width(mass: float) -> None:
    """Would catch g_L and g_R of the wrong flavour or mass terms left out."""
    for flavour, neutrino in (("e", 12), ("mu", 14), ("tau", 16)):
        mine = widths(flavour, mass)
        assert mine[13, -13, neutrino] == pytest.approx(
            closed_form(mass, M_MUON, flavour == "mu"), rel=1e-6
        )
    assert widths("e", 10.0)[11, -11, 12] == pytest.approx(
        closed_form(10.0, M_ELECTRON, True), rel=1e-5
    )


def test_three_neutrinos() -> None:
    """Would catch a factor 2 or 4: G^2 M^5/(768 pi^3) per other flavour, twice that for its own.

    In all G^2 M^5/(192 pi^3) for one lepton number (Barger, Phillips, Sarkar 1995 and others).
    """
    mine = widths("mu", 100.0)
    assert mine[14, 12, -12] == pytest.approx(unit(100.0) / 4, rel=1e-10)
    assert mine[14, 16, -16] == pytest.approx(unit(100.0) / 4, rel=1e-10)
    assert mine[14, 14, -14] == pytest.approx(unit(100.0) / 2, rel=1e-10)


def test_charged_current_is_the_crossed_muon_decay() -> None:
    """Would catch the wrong massive pair: with M = m_mu it is mu -> e nu nu, known in closed form.

    Gamma = G^2 m^5/(192 pi^3) (1 - 8x + 8x^3 - x^4 - 12 x^2 ln x), x = m_e^2/m_mu^2, which gives
    the muon's lifetime of 2.1970 us but for radiative corrections of 0.42 %.
    """
    x = (M_ELECTRON / M_MUON) ** 2
    known = unit(M_MUON) * (1 - 8 * x + 8 * x**3 - x**4 - 12 * x * x * math.log(x))
    # the electron may stand anywhere: the phase space integral is symmetric in this amplitude
    mine = three_body_width(M_MUON, (0.0, M_ELECTRON, 0.0), (0, 1, 0, 0))
    assert mine == pytest.approx(known, rel=1e-9)
    assert HBAR / mine == pytest.approx(2.1970e-6, rel=5e-3)


def test_one_heavy_and_one_light_lepton() -> None:
    """Would catch exchanged daughters: mpmath quadrature of I(0, x_a^2, x_b^2) of cHNLdecay."""
    import mpmath

    M = 300.0
    xa, xb = (M_MUON / M) ** 2, (M_ELECTRON / M) ** 2

    def lam(a: float, b: float, c: float) -> float:
        return mpmath.sqrt(max(0, a * a + b * b + c * c - 2 * (a * b + a * c + b * c)))  # type: ignore[no-any-return]

    def integrand(s: float) -> float:
        return 12 / s * (s - xa) * (1 + xb - s) * lam(s, 0, xa) * lam(1, s, xb)

    known = unit(M) * float(mpmath.quad(integrand, [xa, 0.5, (1 - math.sqrt(xb)) ** 2]))
    assert widths("mu", M)[13, -11, 12] == pytest.approx(known, rel=1e-6)


def test_pions() -> None:
    """Would catch f_pi in the convention of 92 MeV, V_ud forgotten, or the 2x of HNLCalc's pi0.

    pi0: G^2 f^2 M^3 (1 - m^2/M^2)^2/(32 pi). For a massless lepton the charged pion is twice that
    with V_ud^2; with masses the amplitude is sqrt2... f p_pi between spinors, squared by hand:
    sum |M|^2 = 2 G^2 F^2 [(M^2 - m^2)^2 - m_pi^2 (M^2 + m^2)].
    """
    M = 300.0
    x2 = (M_PION_NEUTRAL / M) ** 2
    known = G_FERMI**2 * F_PION**2 * M**3 * (1 - x2) ** 2 / (32 * math.pi)
    assert widths("tau", M)[16, 111] == pytest.approx(known, rel=1e-12)
    assert pion_width(M, 0, M_PION_NEUTRAL, F_PION) == pytest.approx(2 * known, rel=1e-12)
    m, pi = M_MUON, M_PION_CHARGED
    square = 2 * (G_FERMI * V_UD * F_PION) ** 2 * ((M**2 - m**2) ** 2 - pi**2 * (M**2 + m**2))
    momentum = math.sqrt((M**2 - (m + pi) ** 2) * (M**2 - (m - pi) ** 2)) / (2 * M)
    known = square / 2 * momentum / (8 * math.pi * M**2)
    assert widths("mu", M)[13, 211] == pytest.approx(known, rel=1e-12)


def test_pion_and_muon_against_a_printed_number() -> None:
    """Would catch the Majorana 2 in or out of the wrong place.

    FairShip's python/hnl.py prints, for 1 GeV and U^2 = 1e-8, 2e-8, 1e-9, a lifetime of 4.77772e-5
    s and a branching ratio of 0.118267 for pi mu of both charges, 0.9 % above ours: with the pion
    constant of 130.7 MeV of that time it would be the same.
    """
    mine = 2 * 2e-8 * pion_width(1000.0, M_MUON, M_PION_CHARGED, V_UD * F_PION)
    assert mine == pytest.approx(0.118267 * HBAR / 4.77772e-5, rel=0.015)


def test_radiative_decay() -> None:
    """Would catch a factor of 2 or 4: 5.44e-22/s at 1 keV and U^2 = 1 for a Majorana N.

    That is the usual 1.36e-22 sin^2(2 theta)/s of keV sterile neutrinos (Pal and Wolfenstein).
    """
    width = widths("e", 50.0)[12, 22] * 2 * (1e-3 / 50.0) ** 5
    assert width / HBAR == pytest.approx(5.44e-22, rel=5e-3)


def spectrum(daughter: int, c: tuple[float, float, float, float], E: Array) -> Array:
    """dGamma/dE of a daughter of three massless ones, M = 1, up to a factor, by summing |M|^2."""
    order = [daughter, (daughter + 1) % 3, (daughter + 2) % 3]
    nodes, weights = np.polynomial.legendre.leggauss(20)
    low = 0.5 - E[:, None]
    other = low + (0.5 - low) * (nodes + 1) / 2  # of the next daughter
    energies = np.empty((3, *other.shape))
    energies[order[0]], energies[order[1]] = E[:, None], other
    energies[order[2]] = 1 - E[:, None] - other
    square = sum(c[k] * energies[k] * (0.5 - energies[k]) for k in range(3))
    return np.asarray((square @ weights) * E)


def test_neutrino_spectra_are_those_of_akita() -> None:
    """Would catch the soft and the hard spectrum exchanged (Akita et al., eqs. 41 and 42)."""
    E = np.linspace(0.01, 0.49, 9)
    hard, soft = E**2 * (3 - 4 * E), E**2 * (1 - 2 * E)
    found = {daughters: c for daughters, _, c in decays("mu", 100.0) if c is not None}
    for other in (12, 14, 16):
        coefficients = found[14, other, -other]
        for daughter, shape in ((0, hard), (1, hard), (2, soft)):
            mine = spectrum(daughter, coefficients, E)
            assert mine / mine[4] == pytest.approx(shape / shape[4], rel=1e-9)


@pytest.mark.parametrize(
    ("flavour", "mass", "lifetime"),
    [("e", 100.0, 9.02487e-7), ("mu", 100.0, 1.270555e-6), ("tau", 400.0, 2.309126e-10)],
)
def test_lifetime_of_the_majorana_particle(flavour: str, mass: float, lifetime: float) -> None:
    """Would catch a decay lost or counted twice: [s] for U^2 = 1, from the formulas above by hand.

    At 100 MeV three neutrinos, e+ e- and the photon are all there is.
    """
    modes = model(mass, **{f"U2_{flavour}": 1e-3}).modes()
    assert HBAR / sum(mode.width for mode in modes) * 1e-3 == pytest.approx(lifetime, rel=1e-4)
    if mass == 100.0:
        own = flavour == "e"
        photon = 9 / 137.036 * G_FERMI**2 * mass**5 / (512 * math.pi**4)
        total = 2 * (unit(mass) + closed_form(mass, M_ELECTRON, own) + photon)
        assert HBAR / total == pytest.approx(lifetime, rel=1e-4)


def test_majorana_has_both_signs_and_dirac_one() -> None:
    """Would catch antineutrinos from a Dirac N, or one that decays as fast as a Majorana N."""
    majorana = model(300.0, U2_mu=1e-6).modes()
    dirac = model(300.0, nature="dirac", U2_mu=1e-6).modes()
    assert {mode.component for mode in majorana} == {"N"}
    assert sum(mode.width for mode in majorana) == pytest.approx(
        2 * sum(mode.width for mode in dirac if mode.component == "N")
    )
    number = {11: 1, 12: 1, 13: 1, 14: 1, 16: 1}
    for mode in dirac:
        total = sum(number.get(pdg, 0) - number.get(-pdg, 0) for pdg in mode.daughters)
        assert total == (1 if mode.component == "N" else -1), mode.name
    charge = {11: -1, 13: -1, 211: 1}
    for mode in majorana:
        assert sum(charge.get(pdg, 0) - charge.get(-pdg, 0) for pdg in mode.daughters) == 0
    assert len({mode.name for mode in majorana}) == len(majorana)


@settings(max_examples=40)
@given(mass=st.floats(1.0, 800.0), mixings=st.lists(st.floats(1e-12, 1e-2), min_size=3, max_size=3))
def test_every_mode_is_one_the_engine_can_sample(mass: float, mixings: list[float]) -> None:
    """Would catch a closed mode with a width, a missing amplitude, or NaN at some mass."""
    names = ("U2_e", "U2_mu", "U2_tau")
    for mode in model(mass, **dict(zip(names, mixings, strict=True))).modes():
        mode.check(mass)
        assert 0 < mode.width < math.inf


@pytest.mark.parametrize(
    ("flavour", "daughters", "threshold"),
    [
        ("e", (11, 211), M_ELECTRON + M_PION_CHARGED),
        ("mu", (13, 211), M_MUON + M_PION_CHARGED),
        ("tau", (16, 111), M_PION_NEUTRAL),
        ("mu", (13, -11, 12), M_MUON + M_ELECTRON),
        ("e", (13, -13, 12), 2 * M_MUON),
    ],
)
def test_thresholds(flavour: str, daughters: tuple[int, ...], threshold: float) -> None:
    """Would catch NaN or a width below the threshold, and channels that never open."""
    assert daughters not in widths(flavour, threshold * (1 - 1e-9))
    assert 0 < widths(flavour, threshold * (1 + 1e-4))[daughters] < 1e-3 * unit(threshold) * 1e3


def test_no_mixing_is_refused() -> None:
    """Would catch a run without any coupling, which has nothing to sample."""
    with pytest.raises(InputError, match="at least one"):
        model(100.0)
    with pytest.raises(InputError, match="at least one"):
        model(100.0, U2_e=0.0)
