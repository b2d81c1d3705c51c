"""Inverse beta decay against published numbers, limits and its own sampler."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from snmc.ground.errors import PhysicsError
from snmc.ground.units import G_FERMI, HBAR_C, M_ELECTRON, M_NEUTRON, M_PROTON
from snmc.interactions import ibd

SAMPLE_CODE = 710.0**2  # MeV^2, M_V^2 in the code that Strumia & Vissani gave out

# neutrino energy, cross section [1e-41 cm2], mean positron energy, mean cosine: reference values
# of that code (printed in the tests of SNEWS2/sntools), with its radiative correction
REFERENCE = [
    (2.01, 0.003439, 0.7144, -0.0208),
    (3.12, 0.03032, 1.820, -0.0273),
    (5.40, 0.1552, 4.082, -0.0230),
    (8.83, 0.5111, 7.465, -0.0150),
    (12.3, 1.062, 10.86, -0.00662),
    (17.0, 2.085, 15.43, 0.00481),
    (29.4, 6.068, 27.29, 0.0354),
    (53.7, 17.59, 49.88, 0.0965),
    (74.6, 29.63, 68.78, 0.149),
    (104.0, 47.68, 94.84, 0.221),
    (160.0, 81.30, 143.7, 0.346),
]


def means(
    energy: float, vector_mass_squared: float = ibd.VECTOR_MASS_SQUARED
) -> tuple[float, float, float]:
    """Cross section, mean positron energy and mean cosine by adaptive quadrature."""
    low, high = ibd.energy_range(energy)

    def moment(weight: object) -> float:
        assert callable(weight)
        return float(
            integrate.quad(
                lambda e: (
                    weight(e) * 1e41 * float(ibd.differential(energy, e, vector_mass_squared))
                ),
                low,
                high,
                epsrel=1e-9,
            )[0]
        )

    total = moment(lambda e: 1.0)
    return (
        total * 1e-41,
        moment(lambda e: e) / total,
        moment(lambda e: ibd.cos_theta(energy, e)) / total,
    )


@pytest.mark.parametrize(("energy", "sigma", "positron", "cosine"), REFERENCE)
def test_reference_points(energy: float, sigma: float, positron: float, cosine: float) -> None:
    """Would catch a wrong term in the amplitude, the kinematics or the radiative correction."""
    assert ibd.cross_section(energy, SAMPLE_CODE) == pytest.approx(sigma * 1e-41, rel=5e-4, abs=0)
    # the form factor of the paper instead of the code's: 1 % at 200 MeV, nothing at low energy
    assert ibd.cross_section(energy) == pytest.approx(
        sigma * 1e-41, rel=5e-4 + 3e-7 * energy**2, abs=0
    )
    total, mean_energy, mean_cosine = means(energy, SAMPLE_CODE)
    assert total == pytest.approx(float(ibd.cross_section(energy, SAMPLE_CODE)), rel=1e-7, abs=0)
    assert mean_energy == pytest.approx(positron, rel=6e-4, abs=0)
    assert mean_cosine == pytest.approx(cosine, abs=6e-4)


def test_vector_mass_difference() -> None:
    """Would catch the two vector masses exchanged: the code's is higher by 0.24 % at 104 MeV."""
    ratio = ibd.cross_section(104.0, SAMPLE_CODE) / ibd.cross_section(104.0)
    assert ratio == pytest.approx(1.0024, abs=2e-4)


def test_threshold() -> None:
    """Would catch a threshold of free kinematics gone wrong, or a negative value below it."""
    assert abs(ibd.THRESHOLD - 1.8061) < 5e-5  # MeV
    assert np.all(ibd.cross_section([0.0, 1.0, ibd.THRESHOLD * (1 - 1e-12)]) == 0)
    low, high = ibd.energy_range(ibd.THRESHOLD * (1 + 1e-12))
    assert high - low < 1e-5
    # phase space: sigma ~ p_e just above the threshold
    near, far = ibd.cross_section(ibd.THRESHOLD + np.array([1e-7, 4e-7]))
    assert far / near == pytest.approx(2, rel=1e-3, abs=0)


def test_static_limit() -> None:
    """Would catch a wrong overall factor: G^2 cos^2 (1 + 3 g_A^2) p_e E_e/pi at low energies.

    The limit of infinitely heavy nucleons, corrected for radiation (2.7 %) and recoil (a few %).
    """
    energy = 4.0
    positron = energy - (M_NEUTRON - M_PROTON)
    momentum = math.sqrt(positron**2 - M_ELECTRON**2)
    static = (G_FERMI * 0.9746) ** 2 / math.pi * (1 + 3 * 1.27**2) * positron * momentum
    static *= (HBAR_C * 1e-13) ** 2
    assert ibd.cross_section(energy) / static == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("energy", [-1.0, 2000.1, math.nan, math.inf])
def test_out_of_range(energy: float) -> None:
    """Would catch a silent extrapolation, or NaN going through."""
    with pytest.raises(PhysicsError, match="0 to 2000 MeV"):
        ibd.cross_section([10.0, energy])


def test_kinematics_conserve_momentum() -> None:
    """Would catch a recoil neutron off its mass shell, or a wrong cosine."""
    for energy in (2.0, 30.0, 500.0):
        low, high = ibd.energy_range(energy)
        for x in (0.05, 0.5, 0.95):
            positron = low + x * (high - low)
            cosine = ibd.cos_theta(energy, positron)
            neutron, neutron_cosine = ibd.neutron(energy, positron, cosine)
            p_e = math.sqrt(positron**2 - M_ELECTRON**2)
            p_n = math.sqrt(neutron**2 - M_NEUTRON**2)
            assert p_e * cosine + p_n * neutron_cosine == pytest.approx(energy, rel=1e-7, abs=0)
            assert p_e * math.sqrt(1 - cosine**2) == pytest.approx(
                p_n * math.sqrt(1 - neutron_cosine**2),
                rel=1e-5,
                abs=0,
            )


def test_events_near_threshold() -> None:
    """Would catch NaN where the positron can be at rest, just above the threshold."""
    for above in np.geomspace(1e-15, 1e-2, 60):
        energy = ibd.THRESHOLD * (1 + above)
        for share in (0.0, 1e-9, 0.5, 1 - 1e-16):
            positron, cosine = ibd.sample(energy, ibd.table(), share)
            assert positron >= M_ELECTRON * (1 - 1e-12)
            assert -1 <= cosine <= 1
            assert -1 <= ibd.neutron(energy, positron, cosine)[1] <= 1


def test_ends_of_the_range_are_forward_and_backward() -> None:
    """Would catch limits of the positron energy that do not belong to cos = -1 and 1."""
    for energy in (5.0, 50.0, 1000.0):
        low, high = ibd.energy_range(energy)
        assert ibd.cos_theta(energy, low) == pytest.approx(-1, abs=1e-6)
        assert ibd.cos_theta(energy, high) == pytest.approx(1, abs=1e-6)


def test_table_agrees_with_the_integral() -> None:
    """Would catch a table too coarse, or read in the wrong cell."""
    energies = np.geomspace(1.8061, 1999.9, 2000)
    tabulated = np.array([ibd.sigma(energy, ibd.table()) for energy in energies])
    assert tabulated == pytest.approx(ibd.cross_section(energies), rel=1e-4, abs=0)


@pytest.mark.parametrize("energy", [2.2, 12.34, 71.3, 300.1, 1500.0])
def test_sampler_follows_the_cross_section(energy: float) -> None:
    """Would catch a sampler whose energies do not follow d sigma/d E_e (chi-square, p > 1e-3)."""
    shares = np.random.default_rng(7).random(100_000)
    events = np.array([ibd.sample(energy, ibd.table(), share) for share in shares])
    low, high = ibd.energy_range(energy)
    edges = np.quantile(events[:, 0], np.linspace(0, 1, 41))
    edges[0], edges[-1] = low, high
    fine = np.linspace(low, high, 20_001)
    cumulative = integrate.cumulative_simpson(ibd.differential(energy, fine), x=fine, initial=0)
    expected = np.diff(np.interp(edges, fine, cumulative / cumulative[-1])) * shares.size
    observed = np.histogram(events[:, 0], edges)[0]
    assert stats.chisquare(observed, expected * shares.size / expected.sum()).pvalue > 1e-3
    _, mean_energy, mean_cosine = means(energy)
    error = events.std(axis=0) / math.sqrt(shares.size)
    assert abs(events[:, 0].mean() - mean_energy) < 4 * error[0]
    assert abs(events[:, 1].mean() - mean_cosine) < 4 * error[1]
