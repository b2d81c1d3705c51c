"""Fits of the burst: templates, profile likelihood and toys against independent routes."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize

from snmc.ground.errors import InputError, PhysicsError
from snmc.judgement import burst_fit
from snmc.judgement.burst_fit import (
    SCALES,
    BurstFit,
    burst_templates,
    counts_seen,
    events_seen,
    observed_energies,
)
from snmc.roles.detector import Detector
from snmc.run.card import RunCard, load_card
from snmc.run.prepare import prepare

CARD = """
title = "Burst"
[supernova]
core = {type = "one-zone", radius = "10 km", temperature = "30 MeV", mu_e = "200 MeV", \
mu_nu_e = "0 MeV", rho = "3e14 g/cm^3", duration = "10 s"}
distance = "50 kpc"
[generator]
name = "burst"
[observation]
detector = "kamiokande-2-akita"
[run]
events = 1000
seed = 1987
"""
UNSCALED = int(np.flatnonzero(np.isclose(SCALES, 1, rtol=1e-12))[0])


@dataclass(frozen=True)
class Setup:
    """A detector of SN 1987A, bins 4 % wide over its window, and templates in them."""

    card: RunCard
    detector: Detector
    edges: np.ndarray
    templates: np.ndarray

    @property
    def centres(self):
        return (self.edges[1:] + self.edges[:-1]) / 2

    def events(self):
        """What the card says was seen, unbinned."""
        return events_seen(
            self.templates, self.edges, observed_energies(self.detector, 10.0, self.edges)
        )

    def hump(self, counts, centre=60.0, width=15.0):
        """A signal of so many counts."""
        shape = np.exp(-0.5 * ((self.centres - centre) / width) ** 2)
        return np.multiply.outer(counts, shape / shape.sum())


def load(folder: Path, *settings: str) -> RunCard:
    """The card above, changed."""
    path = folder / "burst.toml"
    path.write_text(CARD, encoding="utf-8")
    return load_card(path, [f"run.output={folder / 'out.root'}", *settings])


def make(folder: Path, name: str) -> Setup:
    """Templates of one detector."""
    card = load(folder, f"observation.detector={name}")
    detector = prepare(card).detector
    assert detector is not None
    low, high = detector.energy_window
    edges = np.geomspace(low, min(high, 200), math.ceil(25 * math.log(min(high, 200) / low)) + 1)
    return Setup(card, detector, edges, burst_templates(card, edges))


@pytest.fixture(scope="module")
def kamioka(tmp_path_factory: pytest.TempPathFactory) -> Setup:
    return make(tmp_path_factory.mktemp("kamioka"), "kamiokande-2-akita")


@pytest.fixture(scope="module")
def imb(tmp_path_factory: pytest.TempPathFactory) -> Setup:
    return make(tmp_path_factory.mktemp("imb"), "imb-akita")


@pytest.mark.parametrize("place", [22, UNSCALED, 45])
def test_templates_against_a_burst_of_that_mean_energy(imb: Setup, tmp_path: Path, place: int):
    """Would catch a total energy that grows with the scale, or a response of other energies.

    Here the model itself is given the scaled mean energy, and its events are detected one by one.
    """
    card = load(
        tmp_path,
        "observation.detector=imb-akita",
        f'generator.mean_energy="{float(12.7 * SCALES[place])!r} MeV"',
    )
    experiment = prepare(card)
    (generator,) = experiment.generators.values()
    source = generator.prepare(
        experiment.supernova, experiment.observation, "draft", 1, True
    ).drawn_by(imb.detector.effective_area)
    arrivals = source.arrivals(np.random.default_rng(4), 0, 600_000, 600_000)
    found = imb.detector.detect(arrivals, 10.0, np.random.default_rng(5)).columns
    kept = np.asarray(found["accepted"], dtype=bool)
    groups = np.array([19, 25, 32, 40, 60])
    energy, weight = found["energy"][kept], found["weight"][kept].astype(float)
    direct = np.histogram(energy, groups, weights=weight)[0]
    error = np.sqrt(np.histogram(energy, groups, weights=weight**2)[0])
    cumulative = np.append(0, np.cumsum(imb.templates[place]))
    ours = np.diff(np.interp(np.log(groups), np.log(imb.edges), cumulative))
    filled = direct > 20 * error  # bins of more than 400 events
    assert filled.sum() >= 2
    assert np.all(np.abs(ours - direct)[filled] < 4 * error[filled] + 0.02 * direct[filled])
    assert imb.templates[place].sum() == pytest.approx(weight.sum(), rel=0.02, abs=0)


def test_templates_are_smooth_in_the_scale(kamioka: Setup):
    """Would catch independent noise from scale to scale, in which a fit would find false maxima."""
    logs = np.log(kamioka.templates[8:, :30])
    assert np.abs(np.diff(logs, n=3, axis=0)).max() < 0.02


def direct_minimum(setups, data, signals):
    """-ln of the likelihood at its smallest, in two dimensions, by a simplex."""

    def value(x):
        total = 0.0
        for setup, seen, signal in zip(setups, data, signals, strict=True):
            burst = CubicSpline(np.log(SCALES), setup.templates)(x[1])
            density = np.exp(x[0]) * np.maximum(burst, 0) + signal
            if seen.ndim and seen.size == density.size:  # contents of bins
                filled = seen > 1e-3
                total += (
                    density.sum()
                    - (seen[filled] * np.log(np.maximum(density[filled], 1e-300))).sum()
                )
            else:
                per_mev = np.interp(seen, setup.centres, density / np.diff(setup.edges))
                total += density.sum() - np.log(np.maximum(per_mev, 1e-300)).sum()
        return total

    options = {"xatol": 1e-8, "fatol": 1e-10, "maxiter": 4000}
    starts = [(a, k) for a in (0.0, 1.5) for k in (-0.5, 0.0)]
    return min(minimize(value, x, method="Nelder-Mead", options=options).fun for x in starts)


def test_profile_against_direct_minimisation(kamioka: Setup, imb: Setup):
    """Would catch a local maximum, a strength that is not refitted, or a wrong sign of eq. 62."""
    setups = (kamioka, imb)
    fit = BurstFit([one.events() for one in setups])
    seen = [observed_energies(one.detector, 10.0, one.edges) for one in setups]
    counts = np.array([0.0, 0.3, 1.0, 3.0, 10.0, 40.0])
    signals = [kamioka.hump(0.2 * counts, 45), imb.hump(counts, 45)]
    found = fit.statistic(signals)
    base = direct_minimum(setups, seen, [0.0, 0.0])
    for k in range(counts.size):
        other = 2 * (direct_minimum(setups, seen, [s[k] for s in signals]) - base)
        assert found[k] == pytest.approx(other, rel=1e-4, abs=1e-4)
    best = fit.best()
    assert not best.at_end[0]
    assert -best.log_likelihood[0] == pytest.approx(base, rel=1e-6, abs=0)
    # without signal the burst makes as many events as were seen
    number = sum(CubicSpline(np.log(SCALES), one.templates.sum(1))(math.log(best.scale[0]))
                 for one in setups)  # fmt: skip
    assert best.strength[0] * number == pytest.approx(9 + 8, rel=1e-4, abs=0)


def test_expected_data_give_back_the_burst(imb: Setup):
    """Would catch bins counted twice or not at all, and a fit too coarse for many events."""
    many = Setup(imb.card, imb.detector, imb.edges, 5000 * imb.templates)
    contents = many.templates[UNSCALED]
    fit = BurstFit([counts_seen(many.templates, contents)])
    best = fit.best()
    assert best.strength[0] == pytest.approx(1, rel=1e-4, abs=0)
    assert best.scale[0] == pytest.approx(1, rel=1e-5, abs=0)
    counts = np.array([0.0, 10.0, 100.0, 1000.0])
    found = fit.statistic([many.hump(counts, 60)])
    base = direct_minimum([many], [contents], [0.0])
    for q, signal in zip(found, many.hump(counts, 60), strict=True):
        other = 2 * (direct_minimum([many], [contents], [signal]) - base)
        assert q == pytest.approx(other, rel=1e-3, abs=1e-3)
    fixed = fit.statistic([many.hump(counts, 60)], profile=False)
    filled = contents > 1e-3
    with_signal = (contents + many.hump(counts, 60))[:, filled]
    logs = (contents[filled] * np.log(with_signal / contents[filled])).sum(axis=1)
    assert fixed == pytest.approx(2 * (counts - logs), rel=1e-6, abs=1e-6)
    assert np.all(fixed >= found - 1e-6)  # freedom can only help the signal


def test_events_and_fine_bins_agree(kamioka: Setup):
    """Would catch counts taken for densities, and an interpolation off by a bin."""
    seen = observed_energies(kamioka.detector, 10.0, kamioka.edges)
    assert sorted(seen) == [7.5, 8.6, 9.2, 12.8, 13.5, 19.8, 20, 21, 35.4]  # 6.3 MeV and the late
    contents = np.histogram(seen, kamioka.edges)[0]
    centres = np.repeat(kamioka.centres, contents)  # there an event knows no more than its bin
    signals = [kamioka.hump(np.array([0.0, 2.0, 5.0, 10.0]), 40)]
    events = BurstFit([events_seen(kamioka.templates, kamioka.edges, centres)]).statistic(signals)
    bins = BurstFit([counts_seen(kamioka.templates, contents)]).statistic(signals)
    assert events == pytest.approx(bins, rel=1e-6, abs=1e-9)
    assert events[0] == 0
    flat = np.diff(kamioka.edges)  # one a MeV
    density = events_seen(kamioka.templates, kamioka.edges, [7.5, 20.0, 50.0]).points @ flat
    assert density == pytest.approx([1, 1, 1], rel=1e-12, abs=0)


def test_many_couplings_in_parts(imb: Setup, monkeypatch: pytest.MonkeyPatch):
    """Would catch a coupling lost, or fitted with its neighbour, where arrays are cut in parts."""
    fit, signals = BurstFit([imb.events()]), [imb.hump(np.linspace(0, 30, 57))]
    whole = fit.statistic(signals)
    monkeypatch.setattr(burst_fit, "_AT_ONCE", 5000)
    assert fit.statistic(signals) == pytest.approx(whole, rel=1e-12, abs=1e-12)
    assert np.all(np.diff(whole) > 0)


def test_toys(kamioka: Setup, imb: Setup):
    """Would catch toys without signal or without burst, and a burst fitted as signal.

    Far above the burst q = 2 s without an event and falls below 2.7 with one: of a true s = 2 the
    limit keeps those toys that have an event, 1 - exp(-2), and of s = 1 all.
    """
    fit = BurstFit([kamioka.events(), imb.events()])
    for counts, expected in ((2.0, 1 - math.exp(-2)), (1.0, 1.0)):
        signal = [kamioka.hump(0.0), imb.hump(counts, 130, 10)]
        held, error = fit.coverage(signal, 2.7, 400, np.random.default_rng(2))
        assert abs(held - expected) <= 4 * error
        assert error == pytest.approx(math.sqrt(held * (1 - held) / 400), rel=1e-12, abs=0)


def test_wrong_input(kamioka: Setup, tmp_path: Path):
    """Would catch a traceback, or a silent limit, where data and templates cannot be matched."""
    with pytest.raises(InputError, match=r"energies: found 60 MeV; needs 7\.5 to 50 MeV"):
        events_seen(kamioka.templates, kamioka.edges, [20.0, 60.0])
    with pytest.raises(InputError, match="contents"):
        counts_seen(kamioka.templates, np.full(kamioka.centres.size, -1.0))
    with pytest.raises(PhysicsError, match="no burst"):
        BurstFit([events_seen(np.zeros_like(kamioka.templates), kamioka.edges, [20.0])])
    unused = prepare(load(tmp_path, "observation.detector=hyper-kamiokande-akita")).detector
    assert unused is not None
    with pytest.raises(InputError, match="lists no observed events"):
        observed_energies(unused, 10.0, [10, 100])
    none = load(tmp_path, 'observation={window="10 s", daughters="neutrino"}')
    with pytest.raises(InputError, match="needs one generator and a detector"):
        burst_templates(none, kamioka.edges)
