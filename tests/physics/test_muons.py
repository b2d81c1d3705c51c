"""Muon neutrinos in water: cross sections, samplers, Cherenkov light and decay electrons."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from snmc.ground.units import M_ELECTRON, M_MUON, M_NEUTRON, M_PION_CHARGED, M_PROTON
from snmc.interactions import ibd, muons, oxygen
from snmc.interactions.channel import ELECTRON_LIKE, MUON_LIKE
from snmc.interactions.quasielastic import (
    AXIAL_MASS,
    CM2,
    COUPLING,
    G_AXIAL,
    MAGNETIC_EXCESS,
    NUCLEON_MASS,
    VECTOR_MASS_SQUARED,
    structure,
)
from snmc.interactions.registry import CHANNELS

KINDS = pytest.mark.parametrize("antineutrino", [False, True])


def llewellyn_smith(q2: float, mass: float) -> tuple[float, float, float]:
    """A, B, C of Llewellyn Smith 1972, eq. 3.22, from Sachs form factors, equal nucleon masses."""
    M = NUCLEON_MASS
    tau = q2 / (4 * M * M)
    electric = 1 / (1 + q2 / VECTOR_MASS_SQUARED) ** 2
    magnetic = (1 + MAGNETIC_EXCESS) * electric
    f1 = (electric + tau * magnetic) / (1 + tau)
    f2 = (magnetic - electric) / (1 + tau)
    axial = G_AXIAL / (1 + q2 / AXIAL_MASS**2) ** 2
    pseudo = 2 * M * M * axial / (M_PION_CHARGED**2 + q2)
    a = (1 + tau) * axial**2 - (1 - tau) * f1**2 + tau * (1 - tau) * f2**2 + 4 * tau * f1 * f2
    a -= (mass / (2 * M)) ** 2 * (
        (f1 + f2) ** 2 + (axial + 2 * pseudo) ** 2 - 4 * (1 + tau) * pseudo**2
    )
    return (
        (mass**2 + q2) / M**2 * a,
        q2 / M**2 * axial * (f1 + f2),
        (axial**2 + f1**2 + tau * f2**2) / 4,
    )


@pytest.mark.parametrize("mass", [M_ELECTRON, M_MUON])
@pytest.mark.parametrize("q2", [1e3, 3e4, 5e5])
def test_amplitude_with_the_lepton_s_mass(q2: float, mass: float) -> None:
    """Would catch a mass term of Strumia & Vissani mistyped: the same from Llewellyn Smith."""
    a, b, c = structure(-q2, 0.0, VECTOR_MASS_SQUARED, mass)
    ours = (a / NUCLEON_MASS**4, -b / NUCLEON_MASS**2, c)
    assert ours == pytest.approx(llewellyn_smith(q2, mass), rel=1e-10, abs=0)


def free_nucleon(energy: float, mass: float, sign: float) -> float:
    """Quasi-elastic cross section [cm2] on a free nucleon, equal masses, by adaptive quadrature."""
    M = NUCLEON_MASS
    s = M * M + 2 * M * energy
    lepton = (s + mass**2 - M * M) / (2 * math.sqrt(s))
    momentum = math.sqrt(lepton**2 - mass**2)
    neutrino = (s - M * M) / (2 * math.sqrt(s))
    middle, half = 2 * neutrino * lepton - mass**2, 2 * neutrino * momentum

    def density(q2: float) -> float:
        a, b, c = llewellyn_smith(q2, mass)
        x = (4 * M * energy - q2 - mass**2) / M**2  # (s - u)/M^2
        return M**4 * (a - sign * b * x + c * x * x)

    total = integrate.quad(density, middle - half, middle + half, epsrel=1e-10)[0]
    return COUPLING * total / (16 * math.pi * (2 * M * energy) ** 2) * CM2


def test_free_nucleons() -> None:
    """Would catch a wrong coupling: nu_mu n at 1 GeV is some 1.1e-38 cm2 (Formaggio & Zeller 2012).

    And for antineutrinos the full kinematics must agree to the order of the mass difference.
    """
    assert free_nucleon(1000.0, M_MUON, 1.0) == pytest.approx(1.10e-38, rel=0.02, abs=0)
    for energy, tolerance in ((200.0, 0.02), (500.0, 5e-3), (1500.0, 2e-3)):
        assert ibd.cross_section(energy, mass=M_MUON) == pytest.approx(
            free_nucleon(energy, M_MUON, -1.0),
            rel=tolerance,
            abs=0,
        )


def test_threshold_of_muons_on_protons() -> None:
    """Would catch the positron's threshold kept for the muon: 113.05 MeV, then p-wave free rise."""
    threshold = ibd.threshold(M_MUON)
    assert threshold == pytest.approx(113.05, abs=5e-3)
    assert np.all(ibd.cross_section([20.0, threshold], mass=M_MUON) == 0)
    near, far = ibd.cross_section(threshold + np.array([1e-5, 4e-5]), mass=M_MUON)
    assert far / near == pytest.approx(2, rel=1e-3, abs=0)
    energies = np.geomspace(threshold + 1e-4, 1999, 300)
    tabulated = [ibd.sigma(energy, ibd.table(M_MUON)) for energy in energies]
    assert tabulated == pytest.approx(ibd.cross_section(energies, mass=M_MUON), rel=1e-4, abs=0)


@KINDS
def test_muons_on_oxygen(antineutrino: bool) -> None:
    """Would catch a wrong Fermi gas: values of an independent program at 200 and 300 MeV.

    It has slightly other form factors (5 to 10 %); 6.5e-39 and 2.5e-38, 1.9e-39 and 5.4e-39 cm2.
    """
    expected = [1.9e-39, 5.4e-39] if antineutrino else [6.5e-39, 2.5e-38]
    found = oxygen.cross_section([200.0, 300.0], antineutrino, M_MUON)
    assert found == pytest.approx(expected, rel=0.13, abs=0)
    # far above both masses leptons are alike
    ratio = oxygen.cross_section(1900.0, antineutrino, M_MUON) / oxygen.fermi_gas(
        1900.0, antineutrino
    )
    assert ratio == pytest.approx(1, abs=0.04)
    assert np.all(oxygen.cross_section([60.0, 132.6], antineutrino, M_MUON) == 0)


@KINDS
def test_table_of_muons_on_oxygen(antineutrino: bool) -> None:
    """Would catch a table too coarse above the threshold, where the cross section runs fast."""
    energies = np.geomspace(133.2, 1999, 150)
    table = oxygen.table(antineutrino, M_MUON)
    tabulated = [oxygen.sigma(energy, table) for energy in energies]
    exact = oxygen.cross_section(energies, antineutrino, M_MUON)
    assert tabulated == pytest.approx(exact, rel=3e-3, abs=0)
    assert oxygen.sigma(132.6, table) == 0


@pytest.mark.parametrize("energy", [133.0, 151.0, 240.0, 900.0])
@KINDS
def test_sampled_muons_follow_the_cross_section(antineutrino: bool, energy: float) -> None:
    """Would catch muons outside the kinematic range, or off d2 sigma/(dE dcos): 4 errors."""
    size = 40_000
    events = np.empty((3, size))
    stream = np.random.default_rng(5)
    oxygen.samples(np.full(size, energy), oxygen.table(antineutrino, M_MUON), stream, events)
    most = energy - oxygen.BINDING - M_MUON
    assert np.all((events[0] >= M_MUON) & (events[0] <= M_MUON + most))
    if energy < 140:
        return
    nodes, weights = np.polynomial.legendre.leggauss(140)
    x = (1 + nodes) / 2
    lepton = M_MUON + most * (1 - x * x)
    density = oxygen.fermi_gas_differential(
        energy, lepton[:, None], 1 - 2 * x * x, antineutrino, M_MUON
    )
    share = density * np.outer(weights * x * most, weights * 2 * x)
    exact = float(oxygen.cross_section(energy, antineutrino, M_MUON))
    assert share.sum() == pytest.approx(exact, rel=5e-3, abs=0)
    share /= share.sum()
    error = events.std(axis=1) / math.sqrt(size)
    assert abs(events[0].mean() - (share.sum(axis=1) * lepton).sum()) < 4 * error[0]
    assert abs(events[1].mean() - (share.sum(axis=0) * (1 - 2 * x * x)).sum()) < 4 * error[1]


def test_muon_and_neutron_conserve_momentum() -> None:
    """Would catch the positron's mass left in the kinematics of anti-nu_mu p -> mu+ n."""
    energy = np.random.default_rng(1).uniform(113.5, 1900, 2000)
    channel = CHANNELS["numubar-proton-cc"]
    states = channel.sample(np.full(2000, -14, np.int32), energy, np.random.default_rng(2))
    assert np.all(states.particles == 2)
    assert np.array_equal(states.pdg.reshape(-1, 2), np.tile([-13, 2112], (2000, 1)))
    total = states.energy.reshape(-1, 2).sum(axis=1)
    assert total == pytest.approx(energy + M_PROTON, rel=1e-12, abs=0)
    mass = np.tile([M_MUON, M_NEUTRON], 2000)
    p = np.sqrt(np.maximum(states.energy**2 - mass**2, 0))
    along = (p * states.cosine).reshape(-1, 2).sum(axis=1)
    across = p * np.sqrt(1 - states.cosine**2) * np.exp(1j * states.azimuth)
    assert along == pytest.approx(energy, rel=1e-6, abs=0)
    assert np.abs(across.reshape(-1, 2).sum(axis=1) / energy).max() < 1e-5


@pytest.mark.parametrize("momentum", [121.0, 150.0, 300.0, 1400.0])
def test_light_of_a_muon(momentum: float) -> None:
    """Would catch a wrong integral: Frank & Tamm's yield over the energy, by quadrature."""
    energy = math.hypot(momentum, M_MUON)

    def relative(total: float) -> float:
        beta2 = 1 - (M_MUON / total) ** 2
        n2 = muons.REFRACTIVE_INDEX**2
        return (1 - 1 / (beta2 * n2)) / (1 - 1 / n2)

    expected = integrate.quad(relative, muons.THRESHOLD, energy)[0]
    assert muons.visible_energy(energy) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_light_begins_at_the_threshold() -> None:
    """Would catch a wrong threshold: 160.3 MeV in water (Akita et al. 2024)."""
    assert pytest.approx(160.3, abs=0.05) == muons.THRESHOLD
    energies = np.array([M_MUON, 150.0, muons.THRESHOLD])
    assert np.all(muons.visible_energy(energies) == 0)
    assert muons.visible_energy(muons.THRESHOLD + 1) > 0


def test_michel_spectrum() -> None:
    """Would catch a wrong spectrum of decay electrons (Akita et al. eq. 58) or its end point."""
    size = 100_000
    energies = muons.michel_energies(size, np.random.default_rng(3))
    assert 52.0 < energies.max() <= M_MUON / 2
    edges = np.linspace(0, M_MUON / 2, 31)

    def density(energy: float) -> float:
        return 4 / M_MUON * (2 * energy / M_MUON) ** 2 * (3 - 4 * energy / M_MUON)

    expected = [integrate.quad(density, *edges[i : i + 2])[0] * size for i in range(30)]
    observed = np.histogram(energies, edges)[0]
    assert stats.chisquare(observed, expected).pvalue > 1e-3


@pytest.mark.parametrize(
    ("positive", "lifetime", "decays"), [(True, 2.197e-6, 1.0), (False, 1.795e-6, 0.816)]
)
def test_decays_of_muons(positive: bool, lifetime: float, decays: float) -> None:
    """Would catch mu+ captured, mu- not, a wrong lifetime, or a signal of an invisible muon."""
    size = 40_000
    energy = np.full(size, 150.0)
    zero = np.zeros(size)
    states = muons.final_states(positive, energy, zero, zero, np.random.default_rng(4))
    assert np.all(states.signal_kind == ELECTRON_LIKE)
    error = math.sqrt(decays * (1 - decays) / size)
    assert states.signals.mean() == pytest.approx(decays, abs=4 * error + 1e-15)
    assert stats.kstest(states.signal_delay, "expon", (0, lifetime)).pvalue > 1e-3
    assert stats.kstest((1 + states.signal_cosine) / 2, "uniform").pvalue > 1e-3
    bright = muons.final_states(positive, energy + 100, zero + 0.3, zero, np.random.default_rng(4))
    assert bright.signals.mean() == pytest.approx(1 + decays, abs=4 * error + 1e-15)
    first = np.cumsum(bright.signals) - bright.signals
    assert np.all(bright.signal_kind[first] == MUON_LIKE)
    assert np.all(bright.signal_delay[first] == 0)
    assert np.all(bright.signal_cosine[first] == 0.3)
    assert bright.signal_energy[first] == pytest.approx(
        np.broadcast_to(muons.visible_energy(250.0), size),
        rel=1e-6,
        abs=0,
    )
