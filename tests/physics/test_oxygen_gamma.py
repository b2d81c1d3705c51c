"""Gamma rays of oxygen after neutral currents: published averages, form factors, lines."""

import numpy as np
import pytest
from scipy import integrate, stats

from snmc.ground.units import SIN2_THETA_W
from snmc.interactions import oxygen, oxygen_gamma
from snmc.interactions.quasielastic import G_AXIAL, NUCLEON_MASS, neutral_structure
from snmc.interactions.registry import CHANNELS

CHANNEL = CHANNELS["oxygen-nc-gamma"]


def thermal_mean(antineutrino: bool) -> float:
    """Cross section over a Fermi-Dirac spectrum of 8 MeV without chemical potential, to 150 MeV."""
    energies = np.linspace(15.0, 150.0, 1001)
    spectrum = energies**2 / (np.exp(energies / 8) + 1)
    norm = 8**3 * 1.5 * 1.2020569
    sigma = oxygen_gamma.cross_section(energies, antineutrino)
    return float(integrate.simpson(sigma * spectrum, x=energies) / norm)


@pytest.mark.parametrize(("antineutrino", "published"), [(False, 1.78e-42), (True, 1.37e-42)])
def test_thermal_average(antineutrino: bool, published: float) -> None:
    """Would catch a cross section per pair taken for one per neutrino: Langanke et al. 1996.

    p gamma and n gamma together; the tabulated totals are of a later calculation, 5 % below.
    """
    assert thermal_mean(antineutrino) == pytest.approx(published, rel=0.07, abs=0)


def test_fit_of_beacom_and_vogel() -> None:
    """Would catch the same slip once more: their fit holds for neutrino and antineutrino together.

    0.75e-47 cm2 (E - 15)^4, made to average right over supernova spectra, 25 to 80 MeV.
    """
    energies = np.array([35.0, 45.0, 55.0, 65.0])
    both = sum(oxygen_gamma.cross_section(energies, anti) for anti in (False, True))
    assert both == pytest.approx(0.75e-47 * (energies - 15) ** 4, rel=0.4, abs=0)


def test_neutral_form_factors_at_rest() -> None:
    """Would catch a wrong sign of isospin or a wrong mixing angle: amplitudes at t = 0.

    C = (f1^2 + g1^2)/4 with f1 = 1/2 - 2 sin^2 (proton), -1/2 (neutron), g1 = +-1.27/2; and B/t,
    which changes sign for antineutrinos, with the magnetic moments in it.
    """
    weak = {1.0: 0.5 - 2 * SIN2_THETA_W, -1.0: -0.5}
    magnetic = {
        1.0: 4.706 / 2 - 2 * SIN2_THETA_W * 2.793,
        -1.0: -4.706 / 2 - 2 * SIN2_THETA_W * -1.913,
    }
    for isospin in (1.0, -1.0):
        _, b, c = neutral_structure(-1e-3, isospin)
        axial = isospin * G_AXIAL / 2
        assert c == pytest.approx((weak[isospin] ** 2 + axial**2) / 4, rel=1e-6, abs=0)
        assert b / -1e-3 == pytest.approx(axial * magnetic[isospin], rel=1e-6, abs=0)


def test_cross_section_of_slow_neutrinos() -> None:
    """Would catch a wrong overall factor: G^2 E^2 (gV^2 + 3 gA^2)/pi on a heavy nucleon.

    Int dt 8 G^2 [A + ...]/(16 pi (2 M E)^2) with the A, B, C above; weak charge and axial coupling.
    """
    energy, M = 1.0, NUCLEON_MASS
    for isospin, weak in ((1.0, 0.5 - 2 * SIN2_THETA_W), (-1.0, -0.5)):

        def density(t: float, isospin: float = isospin) -> float:
            a, b, c = neutral_structure(t, isospin)
            x = 4 * M * energy + t
            return 8 * (a + x * b + x * x * c) / (16 * np.pi * (2 * M * energy) ** 2)

        total = integrate.quad(density, -4 * energy**2 / (1 + 2 * energy / M), 0)[0]
        static = energy**2 * (weak**2 + 3 * (G_AXIAL / 2) ** 2) / np.pi
        assert total == pytest.approx(static, rel=0.01, abs=0)


def test_knock_out() -> None:
    """Would catch a wrong neutral-current gas: shares and measured cross sections.

    44 % protons at 600 MeV (Ankowski, NuFact 2011); on oxygen 1.70 (+0.53 -0.42) and 0.98 (+0.31
    -0.25) e-38 cm2 at 0.82 and 0.68 GeV (T2K, Phys. Rev. D 100 (2019) 112009), within 2 errors.
    """
    proton, neutron = (float(oxygen.neutral_gas(600.0, False, kind)) for kind in (True, False))
    assert proton / (proton + neutron) == pytest.approx(0.44, abs=0.03)
    for antineutrino, energy, value, error in (
        (False, 820.0, 1.70e-38, 0.53e-38), (True, 680.0, 0.98e-38, 0.31e-38),
    ):  # fmt: skip
        total = sum(float(oxygen.neutral_gas(energy, antineutrino, kind)) for kind in (True, False))
        assert abs(total - value) < 2 * error


def test_all_flavours_alike() -> None:
    """Would catch a flavour left out, or one below the threshold that reacts; table within 1 %."""
    energies = np.append(np.geomspace(15.001, 1999, 300), [3.0, 14.9])
    for sign in (1, -1):
        exact = oxygen_gamma.cross_section(energies, sign < 0)
        for flavour in (12, 14, 16):
            codes = np.full(energies.size, sign * flavour, dtype=np.int32)
            assert CHANNEL.cross_section(codes, energies) == pytest.approx(exact, rel=0.01, abs=0)
    assert np.all(exact[-2:] == 0)
    assert np.all(np.diff(exact[:-2]) > -1e-42)


@pytest.mark.parametrize(("energy", "lines"), [(60.0, 10), (300.0, 2)])
def test_lines(energy: float, lines: int) -> None:
    """Would catch lines of the wrong model, wrong shares of 15N and 15O, or a direction."""
    size = 20_000
    pdg = np.full(size, 14, dtype=np.int32)
    random = np.random.default_rng(8)
    states = CHANNEL.sample(pdg, np.full(size, energy), random, random.spawn(1)[0])
    found, counts = np.unique(states.signal_energy, return_counts=True)
    assert found.size == lines
    assert found.min() > 5
    assert found.max() < 11
    share = dict(zip(found, counts / size, strict=True))
    expected = 0.44 if lines == 2 else 0.545 * 1.41 / 1.78
    line = 6.32 if lines == 2 else 6.33
    assert share[line] == pytest.approx(expected, abs=4 * np.sqrt(0.25 / size))
    assert stats.kstest((1 + states.signal_cosine) / 2, "uniform").pvalue > 1e-3
    first = np.cumsum(states.particles) - states.particles
    assert np.all(states.pdg[first] == 22)
    assert np.array_equal(states.energy[first], states.signal_energy)
    assert states.cosine[first] == pytest.approx(states.signal_cosine, abs=1e-12)
    turn = states.azimuth[first] - states.signal_azimuth
    assert np.cos(turn) == pytest.approx(1, abs=1e-12)
