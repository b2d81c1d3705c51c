"""The detector engine: expected counts, smearing, directions, windows, reproducibility."""

from pathlib import Path

import mpmath
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

import snmc.detectors
from snmc.ground.columns import ARRIVALS, DETECTIONS, PARTICLES, Columns
from snmc.ground.errors import InputError, PhysicsError
from snmc.ground.units import M_ELECTRON, M_NEUTRON, M_PROTON
from snmc.interactions import ibd, oxygen
from snmc.roles.detector import Detections, Detector, load_detector
from snmc.roles.directions import fisher, turned

FOLDER = Path(next(iter(snmc.detectors.__path__)))


def detector(name: str) -> Detector:
    """A shipped detector."""
    return load_detector(FOLDER / f"{name}.toml")


def arrivals(
    pdg: int, energy: npt.NDArray[np.float64], weight: float = 1.0, theta: float = 0.0
) -> Columns:
    """Arrivals of one kind at time 1 s."""
    batch: Columns = {column.name: np.zeros(energy.size, dtype=column.dtype) for column in ARRIVALS}
    batch["event"] = np.arange(energy.size)
    batch["weight"] = np.full(energy.size, weight)
    batch["pdg"] = np.full(energy.size, pdg, dtype=np.int32)
    batch["energy"] = energy
    batch["time"] = np.ones(energy.size)
    batch["theta"] = np.full(energy.size, theta)
    return batch


def flat(low: float, high: float, size: int, seed: int = 1) -> npt.NDArray[np.float64]:
    """Energies spread evenly."""
    return np.random.default_rng(seed).uniform(low, high, size)


def run(name: str, batch: Columns, window: float = 10.0, seed: int = 2) -> Detections:
    """Detections of a batch in a shipped detector."""
    return detector(name).detect(batch, window, np.random.default_rng(seed))


def accepted_weight(result: Detections) -> tuple[float, float]:
    """Expected counts and their statistical error."""
    weights = np.asarray(result.columns["weight"], dtype=np.float64) * result.columns["accepted"]
    return float(weights.sum()), float(np.sqrt((weights**2).sum()))


def kept_positrons(energy: float) -> float:
    """Share of inverse beta decays that Kamiokande-II keeps, by quadrature."""
    low, high = ibd.energy_range(energy)

    def density(positron: float) -> float:
        efficiency = 0.93 * (1 - 0.2 / positron - (2.5 / positron) ** 2) * (positron > 2.6)
        sigma = 1.27 * np.sqrt(positron / 10) + positron / 10
        inside = special.ndtr((positron - 7.5) / sigma)  # the upper end, 1 GeV, is out of reach
        return 1e41 * float(ibd.differential(energy, positron)) * max(efficiency, 0) * inside

    return float(integrate.quad(density, low, high, limit=200)[0]) * 1e-41


def test_expected_counts_of_inverse_beta_decay() -> None:
    """Would catch a lost factor between fluence and counts: area, efficiency, smearing, window.

    Anti-nu_e of 5-60 MeV, flat, on the protons of Kamiokande-II, against quadrature: 4 errors.
    """
    size, low, high = 200_000, 5.0, 60.0
    batch = arrivals(-12, flat(low, high, size), weight=1e10 / size)
    result = run("kamiokande-2", batch)
    on_protons = result.columns["channel"] == 0
    result.columns["accepted"] &= on_protons
    # the weight holds all channels; the share of this one is drawn
    counts, error = accepted_weight(result)
    energies = np.linspace(low, high, 56)
    protons = 2140e6 / 18.015 * 6.02214076e23 * 2
    rate = protons * integrate.simpson([kept_positrons(e) for e in energies], x=energies)
    assert abs(counts - 1e10 / (high - low) * rate) < 4 * error
    assert error < 0.01 * counts


def test_expected_counts_of_all_channels() -> None:
    """Would catch channels drawn in wrong shares, or oxygen lost (perfect detector: HK)."""
    size, low, high = 100_000, 30.0, 300.0
    energies = np.linspace(low, high, 541)
    molecules = 220e9 / 18.015 * 6.02214076e23
    for pdg, sigmas in (
        (12, {1: oxygen.cross_section(energies)}),
        (-12, {0: 2 * ibd.cross_section(energies), 2: oxygen.cross_section(energies, True)}),
    ):
        batch = arrivals(pdg, flat(low, high, size), weight=1 / size)
        result = run("hyper-kamiokande-akita", batch)
        for channel, sigma in sigmas.items():
            weights = np.where(result.columns["channel"] == channel, result.columns["weight"], 0)
            expected = molecules * integrate.simpson(sigma, x=energies) / (high - low)
            assert abs(weights.sum() - expected) < 4 * np.sqrt((weights**2).sum())
        assert set(np.unique(result.columns["channel"])) == set(sigmas)
        codes = {
            12: {11, 2212, 1000090160, 1000080150},
            -12: {-11, 2112, 1000070160, 1000070150},
        }[pdg]
        assert set(np.unique(result.particles["pdg"])) == codes


def test_telescope_counts() -> None:
    """Would catch a wrong band: flat photons of 1-200 MeV in SMM/GRS, 63 cm2 in 25-100 MeV."""
    size = 100_000
    counts, error = accepted_weight(
        run("smm-grs", arrivals(22, flat(1.0, 200.0, size), weight=1 / size))
    )
    assert abs(counts - 63 * 75 / 199) < 4 * error


def test_rows_and_types() -> None:
    """Would catch a row for what cannot react, a wrong type, or particles out of step."""
    energy = np.array([0.5, 30.0, 1.0, 500.0])
    result = run("kamiokande-2-akita", arrivals(-12, energy))
    assert list(result.columns["arrival"]) == [1, 3]
    assert list(result.columns["event"]) == [1, 3]
    for columns, contract in ((result.columns, DETECTIONS), (result.particles, PARTICLES)):
        assert [(name, values.dtype) for name, values in columns.items()] == [
            (column.name, np.dtype(column.dtype)) for column in contract
        ]
    assert result.counts.sum() == result.particles["pdg"].size
    assert result.counts.dtype == np.int32
    for other in (22, 11, 13, 2112):
        assert run("kamiokande-2-akita", arrivals(other, energy)).columns["event"].size == 0
    assert run("fermi-lat", arrivals(12, energy)).columns["event"].size == 0
    assert run("fermi-lat", arrivals(22, np.empty(0))).counts.size == 0


def test_final_state_conserves_momentum() -> None:
    """Would catch the neutron of inverse beta decay in the wrong place or direction."""
    energy = flat(3.0, 200.0, 2000)
    result = run("kamiokande-2", arrivals(-12, energy))
    rows = np.flatnonzero(result.columns["channel"] == 0)
    first = (np.cumsum(result.counts) - result.counts)[rows]
    particles = {key: np.asarray(value) for key, value in result.particles.items()}
    momenta = []
    for offset, mass, code in ((0, M_ELECTRON, -11), (1, M_NEUTRON, 2112)):
        at = first + offset
        assert np.all(particles["pdg"][at] == code)
        p = np.sqrt(particles["energy"][at] ** 2 - mass**2)
        c, phi = particles["cos_theta"][at], particles["phi"][at]
        s = np.sqrt(1 - c * c)
        momenta.append(p * np.array([s * np.cos(phi), s * np.sin(phi), c]))
    total = sum(momenta)
    neutrino = energy[np.asarray(result.columns["event"])[rows]]
    assert np.abs(total[2] / neutrino - 1).max() < 1e-6
    assert np.abs(total[:2] / neutrino).max() < 1e-5
    energies = particles["energy"][first] + particles["energy"][first + 1]
    assert energies == pytest.approx(neutrino + M_PROTON, rel=1e-12, abs=0)


def test_smearing_has_the_card_s_width() -> None:
    """Would catch a variance taken for a width: photons of 1 GeV in Fermi-LAT, 15 %."""
    result = run("fermi-lat", arrivals(22, np.full(100_000, 1000.0)))
    pulls = (result.columns["energy"] - result.columns["energy_true"]) / 150.0
    assert stats.kstest(pulls, "norm").pvalue > 1e-3


def test_angular_resolution_contains_68_percent() -> None:
    """Would catch a radius taken for a width: 5 degrees at 100 MeV, 0.79 at 1 GeV."""
    for energy, degrees in ((100.0, 5.0), (1000.0, 0.79)):
        result = run("fermi-lat", arrivals(22, np.full(50_000, energy), theta=1e-12))
        inside = (result.columns["theta"] < np.radians(degrees)).mean()
        assert abs(inside - 0.68) < 4 * np.sqrt(0.68 * 0.32 / 50_000)


def test_lepton_direction() -> None:
    """Would catch scattering and resolution not composed: mean cosines multiply."""
    energy = np.full(100_000, 60.0)
    result = run("kamiokande-2", arrivals(-12, energy, theta=0.0))
    on_protons = result.columns["channel"] == 0
    first = np.cumsum(result.counts) - result.counts
    true = np.asarray(result.particles["cos_theta"])[first][on_protons]
    measured = np.cos(np.asarray(result.columns["theta"], dtype=np.float64)[on_protons])
    # constant 16 degrees above 35.4 MeV: mean cosine of the Fisher distribution
    kappa = -np.log(0.32) / (1 - np.cos(np.radians(16)))
    expected = true.mean() * (1 / np.tanh(kappa) - 1 / kappa)
    assert abs(measured.mean() - expected) < 4 * measured.std() / np.sqrt(true.size)


def test_angular_bias_of_the_efficiency() -> None:
    """Would catch a bias by the measured direction, by the arrival's angle, or of wrong sign.

    IMB keeps 1 + 0.1 cos(theta) of the positrons, by their true angle to the line of sight: that
    of arrivals at 60 degrees is on average half their cosine to the arrival.
    """
    energy = np.full(400_000, 45.0)
    for theta in (0.0, np.pi / 3):
        result = run("imb", arrivals(-12, energy, theta=theta))
        on_protons = np.asarray(result.columns["channel"]) == 0
        true = np.asarray(result.columns["energy_true"], dtype=np.float64)[on_protons]
        first = (np.cumsum(result.counts) - result.counts)[on_protons]
        cosine = np.asarray(result.particles["cos_theta"], dtype=np.float64)[first]
        measured = np.asarray(result.columns["energy"], dtype=np.float64)[on_protons]
        chance = 0.9055 * (1 - 3 * np.exp(-true / 16)) * (measured >= 19)
        kept = np.asarray(result.columns["accepted"])[on_protons] / chance.mean()
        # covariance of the cosine and of what is kept: slope times variance
        slope = ((cosine - cosine.mean()) * (kept - chance / chance.mean())).mean() / cosine.var()
        error = np.sqrt(kept.mean() / chance.mean() / cosine.var() / cosine.size)
        assert abs(slope - 0.1 * np.cos(theta)) < 4 * error


def test_without_imaging() -> None:
    """Would catch a non-imaging instrument that reports a direction, or one beyond 5 degrees."""
    result = run("smm-grs", arrivals(22, np.full(10, 50.0), theta=0.08))
    assert np.all(result.columns["theta"] == 0)
    assert np.all(result.columns["accepted"])
    beside = run("smm-grs", arrivals(22, np.full(10, 50.0), theta=0.09))
    assert not np.any(beside.columns["accepted"])


def test_time_window_and_live_time() -> None:
    """Would catch events kept outside the window, or dead time lost (IMB: 0.9055)."""
    batch = arrivals(22, np.full(4, 50.0))
    batch["time"] = np.array([-0.1, 0.0, 10.0, 10.1])
    assert list(run("smm-grs", batch).columns["accepted"]) == [False, True, True, False]
    energy = np.full(50_000, 600.0)
    result = run("imb", arrivals(12, energy))
    high = (result.columns["energy_true"] > 300) & (result.columns["energy"] < 1000)
    high &= np.asarray(result.columns["theta"]) < 0.5  # forward, where the efficiency is 1
    share = result.columns["accepted"][high].mean()
    assert abs(share - 0.9055) < 4 * np.sqrt(0.9055 * 0.0945 / high.sum())
    with pytest.raises(InputError, match="window"):
        run("smm-grs", batch, window=0.0)


def test_out_of_range() -> None:
    """Would catch a cross section extrapolated; what cannot react may have any energy."""
    for pdg in (-12, 12, 14, -14, 16):
        with pytest.raises(PhysicsError, match="0 to 2000 MeV"):
            run("imb", arrivals(pdg, np.array([50.0, 2500.0])))
    assert run("imb", arrivals(22, np.array([2500.0]))).counts.size == 0
    # tau neutrinos do nothing with the charged current
    assert run("imb-akita", arrivals(16, np.array([2500.0]))).counts.size == 0


@pytest.mark.parametrize(("name", "pdg"), [("fermi-lat", 22), ("super-kamiokande", -12)])
def test_same_stream_same_events(name: str, pdg: int) -> None:
    """Would catch random numbers from anywhere but the stream."""
    batch = arrivals(pdg, flat(20.0, 500.0, 3000))
    one, two, other = (run(name, batch, seed=seed) for seed in (5, 5, 6))
    for key, values in one.columns.items():
        assert np.array_equal(values, two.columns[key])
    for key, values in one.particles.items():
        assert np.array_equal(values, two.particles[key])
    assert not np.array_equal(one.columns["energy"], other.columns["energy"])


ANGLES = st.one_of(st.floats(1e-15, 1e-6), st.floats(1e-6, 3.1))


@settings(max_examples=200)
@given(ANGLES, st.floats(0, 6.28), ANGLES, st.floats(0, 6.28))
def test_turned_against_many_digits(theta: float, phi: float, angle: float, azimuth: float) -> None:
    """Would catch cancellation at small angles, or a wrong sense of the azimuth (60 digits)."""
    sine, cosine = np.sin(angle), np.cos(angle)
    result, new_phi = turned(*(np.array([x]) for x in (theta, phi, cosine, sine, azimuth)))
    with mpmath.workdps(60):
        t, f, a, b = (mpmath.mpf(x) for x in (theta, phi, angle, azimuth))
        s, c, sa, ca = mpmath.sin(t), mpmath.cos(t), mpmath.sin(a), mpmath.cos(a)
        along = mpmath.matrix([s * mpmath.cos(f), s * mpmath.sin(f), c])
        outward = mpmath.matrix([c * mpmath.cos(f), c * mpmath.sin(f), -s])
        aside = mpmath.matrix([-mpmath.sin(f), mpmath.cos(f), 0])
        v = ca * along + sa * mpmath.cos(b) * outward + sa * mpmath.sin(b) * aside
        across = mpmath.hypot(v[0], v[1])
        exact = mpmath.atan2(across, v[2])
        # angles may cancel against each other, no further: relative to the larger
        assert abs(result[0] - exact) < 1e-14 * max(theta, angle)
        if across > 1e-3 * max(theta, angle) and 0.01 < exact < 3.1:
            assert abs(mpmath.sin(mpmath.atan2(v[1], v[0]) - new_phi[0])) < 1e-9


def test_no_deviation_changes_nothing() -> None:
    """Would catch a photon's angle of 1e-12 rad lost in the composition."""
    theta = np.array([1e-15, 1e-12, 1e-3, 2.0])
    cosine, sine = fisher(np.zeros(4), np.full(4, 0.5))
    result, phi = turned(theta, np.full(4, 3.0), cosine, sine, np.full(4, 1.0))
    assert result == pytest.approx(theta, rel=1e-15, abs=0)
    assert phi == pytest.approx(np.full(4, 3.0), rel=1e-6, abs=0)


@pytest.mark.parametrize("degrees", [1e-6, 1.0, 20.0, 59.0])
def test_fisher_distribution(degrees: float) -> None:
    """Would catch a containment that is not 68 %, also at wide angles."""
    shares = (np.arange(20_000) + 0.5) / 20_000
    cosine, sine = fisher(np.full(20_000, np.radians(degrees)), shares)
    assert np.hypot(cosine, sine) == pytest.approx(np.ones(20_000), abs=1e-12)
    assert (np.arctan2(sine, cosine) < np.radians(degrees)).mean() == pytest.approx(0.68, abs=2e-4)
