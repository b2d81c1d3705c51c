"""Detectors of channels: several signals a reaction, their times and weights, the card's keys."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import snmc.detectors
from snmc.ground.columns import ARRIVALS, Columns
from snmc.ground.errors import InputError
from snmc.ground.units import M_MUON
from snmc.interactions import ibd, oxygen, oxygen_gamma
from snmc.interactions.registry import CHANNELS
from snmc.roles.detector import Detector, describe, load_detector

FOLDER = Path(next(iter(snmc.detectors.__path__)))
MUONS = ("numubar-proton-cc", "numu-oxygen-cc", "numubar-oxygen-cc")
Make = Callable[..., Detector]


@pytest.fixture
def tank(tmp_path: Path) -> Make:
    """Makes a perfect tank of a kilotonne with the channels given, and a section [muons] if any."""

    def make(*channels: str, muons: str = "", high: str = "1 GeV") -> Detector:
        text = f"""
title = "A tank"
kind = "neutrino-detector"
channels = {list(channels)}
references = ["nobody"]
{muons and f'[muons]{chr(10)}{muons}{chr(10)}source = "s"'}
[target]
material = "water"
mass = "1000 t"
source = "s"
[energy_window]
low = "0 MeV"
high = "{high}"
source = "s"
[efficiency]
form = "constant"
of = "true"
plateau = 1
source = "s"
[energy_resolution]
constant = "0 MeV"
stochastic = "0 MeV"
linear = 0
source = "s"
[live_time]
fraction = 1
source = "s"
"""
        path = tmp_path / "tank.toml"
        path.write_text(text)
        return load_detector(path)

    return make


def batch(pdg: npt.ArrayLike, energy: npt.NDArray[np.float64]) -> Columns:
    """Arrivals at 1 s of weight 1e-35, numbered from 100."""
    rows: Columns = {column.name: np.zeros(energy.size, dtype=column.dtype) for column in ARRIVALS}
    rows["event"] = np.arange(100, 100 + energy.size)
    rows["pdg"] = np.broadcast_to(np.asarray(pdg, dtype=np.int32), energy.shape)
    rows["energy"] = energy
    rows["time"] = np.ones(energy.size)
    rows["weight"] = np.full(energy.size, 1e-35)
    return rows


def test_rows_of_one_reaction(tank: Make) -> None:
    """Would catch rows torn apart, of another weight, or a final state counted twice."""
    detector = tank("ibd", "nue-oxygen-cc", *MUONS, "oxygen-nc-gamma")
    random = np.random.default_rng(1)
    energy = random.uniform(10, 600, 20_000)
    pdg = random.choice([12, -12, 14, -14, 16, -16], energy.size)
    arrivals = batch(pdg, energy)
    found = detector.detect(arrivals, 10.0, np.random.default_rng(2))
    rows = found.columns
    assert np.all(np.diff(found.columns["arrival"]) >= 0)
    assert np.array_equal(rows["event"], arrivals["event"][found.columns["arrival"]])
    assert np.bincount(found.columns["arrival"]).max() == 2
    first = np.diff(found.columns["arrival"], prepend=-1) > 0
    second = np.flatnonzero(~first)
    assert second.size > 1000
    for name in ("event", "weight", "channel"):
        assert np.array_equal(rows[name][second], rows[name][second - 1])
    area = detector.effective_area(pdg, energy)
    assert rows["weight"] == pytest.approx(1e-35 * area[found.columns["arrival"]], rel=1e-12, abs=0)
    assert np.all(found.counts[~first] == 0)
    assert np.all(found.counts[first] >= 1)
    assert found.counts.sum() == len(found.particles["pdg"])
    late = np.asarray(rows["time"][second], dtype=np.float64) - 1
    assert np.all(late > 0)
    assert np.all(late < 5e-5)
    names = [detector.channels[number] for number in np.unique(rows["channel"][second])]
    assert set(names) == set(MUONS)
    # each row's own particles: a muon's reaction holds the muon, an electron's the electron
    starts = np.cumsum(found.counts) - found.counts
    lepton = np.asarray(found.particles["pdg"])[starts[first]]
    of = np.asarray(rows["channel"])[first]
    expected = {"ibd": -11, "nue-oxygen-cc": 11, "oxygen-nc-gamma": 22}
    expected |= dict(zip(MUONS, (-13, 13, -13), strict=True))
    for number, name in enumerate(detector.channels):
        assert np.all(lepton[of == number] == expected[name])


def test_invisible_muons(tank: Make) -> None:
    """Would catch light of a muon below threshold, or a row of a captured one.

    At 180 MeV every muon on oxygen is below 160.3 MeV: only electrons to 52.83 MeV, of 81.6 %.
    """
    size = 20_000
    detector = tank("numu-oxygen-cc")
    found = detector.detect(batch(14, np.full(size, 180.0)), 10.0, np.random.default_rng(3))
    assert found.columns["energy_true"].max() < M_MUON / 2
    assert len(found.columns["arrival"]) / size == pytest.approx(
        0.816, abs=4 * np.sqrt(0.15 / size)
    )
    assert np.all(found.counts == 3)  # muon, proton and 15O
    assert np.all(found.particles["pdg"][::3] == 13)
    assert np.all(np.diff(found.columns["arrival"]) > 0)


def test_light_of_muons_switched_off(tank: Make) -> None:
    """Would catch `visible = false` that also loses the electrons, or their final state."""
    energy = np.full(4000, 700.0)
    light = tank("numubar-proton-cc").detect(batch(-14, energy), 10.0, np.random.default_rng(4))
    dark = tank("numubar-proton-cc", muons="visible = false").detect(
        batch(-14, energy), 10.0, np.random.default_rng(4)
    )
    assert len(light.columns["arrival"]) > 1.9 * len(dark.columns["arrival"])
    assert np.array_equal(dark.columns["arrival"], np.arange(4000))
    assert dark.columns["energy_true"].max() < M_MUON / 2
    assert np.all(dark.counts == 2)


def test_expected_electrons_of_muons(tank: Make) -> None:
    """Would catch a lost factor in muon channels: targets, cross sections, decays."""
    energies = np.linspace(115.0, 159.0, 400)
    molecules = 1e9 / 18.015 * 6.02214076e23
    detector = tank(*MUONS)
    for pdg, sigma in (
        (14, 0.816 * oxygen.cross_section(energies, mass=M_MUON)),
        (-14, 2 * ibd.cross_section(energies, mass=M_MUON)
         + oxygen.cross_section(energies, True, M_MUON)),
    ):  # fmt: skip
        found = detector.detect(batch(pdg, energies), 10.0, np.random.default_rng(5))
        weights = np.asarray(found.columns["weight"])
        error = np.sqrt((weights**2).sum()) * (0.5 if pdg == 14 else 1e-3)
        assert weights.sum() == pytest.approx(1e-35 * molecules * sigma.sum(), abs=4 * error)


def test_expected_gamma_rays(tank: Make) -> None:
    """Would catch a channel drawn out of proportion: gamma rays beside electrons on oxygen."""
    energies = np.random.default_rng(7).uniform(40.0, 200.0, 60_000)
    found = tank("nue-oxygen-cc", "oxygen-nc-gamma").detect(
        batch(12, energies), 10.0, np.random.default_rng(8)
    )
    weights = np.where(found.columns["channel"] == 1, found.columns["weight"], 0.0)
    molecules = 1e9 / 18.015 * 6.02214076e23
    expected = 1e-35 * molecules * oxygen_gamma.cross_section(energies, False).sum()
    assert abs(weights.sum() - expected) < 4 * np.sqrt((weights**2).sum())


def test_window_cuts_the_electron_alone(tank: Make) -> None:
    """Would catch a decay electron accepted by the muon's time: the window ends between them."""
    arrivals = batch(-14, np.full(3000, 700.0))
    found = tank("numubar-proton-cc").detect(arrivals, 1 + 1e-9, np.random.default_rng(6))
    second = np.diff(found.columns["arrival"], prepend=-1) == 0
    bright = np.asarray(found.columns["accepted"])[~second]
    assert bright.mean() > 0.95
    assert not np.any(found.columns["accepted"][second & (found.columns["time"] > 1 + 1e-9)])


def test_one_channel(tank: Make) -> None:
    """Would catch channels that need one another: alone, each sees only its own particle."""
    energy = np.full(50, 300.0)
    for name, pdg in (("ibd", -12), ("nue-oxygen-cc", 12), ("numu-oxygen-cc", 14)):
        detector = tank(name)
        assert detector.channels == (name,)
        for other in (12, -12, 14, -14, 16):
            area = detector.effective_area(np.full(50, other), energy)
            assert np.all((area > 0) == (other == pdg))
        assert np.all(detector.detect(batch(16, energy), 1.0, np.random.default_rng(1)).counts == 0)
    assert tank("ibd").effective_area(-12, [[20.0], [30.0]]).shape == (2, 1)


def test_approximations_are_named(tank: Make) -> None:
    """Would catch a report that hides an approximation, or names one of a channel not there."""
    assert tank("ibd").approximations == ()
    both = tank("nue-oxygen-cc", "nuebar-oxygen-cc", "numubar-proton-cc")
    assert len(both.approximations) == 2
    text = describe(both)
    assert "shell-model fit" in text
    assert "decay electrons isotropic" in text
    assert "gamma rays of oxygen" in describe(tank("oxygen-nc-gamma"))


def test_channel_without_its_target(tank: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Would catch a channel on a target that the material has not: no rows, no error."""
    channel = replace(CHANNELS["ibd"], name="on-gold", target="gold")  # type: ignore[type-var]
    monkeypatch.setitem(CHANNELS, "on-gold", channel)
    with pytest.raises(InputError, match="'on-gold', which needs gold; water has electron"):
        tank("ibd", "on-gold")


def test_names_of_channels() -> None:
    """Would catch a channel registered under another name, or without a word of explanation."""
    for name, channel in CHANNELS.items():
        assert channel.name == name
        assert "->" in channel.meaning


@pytest.mark.parametrize("name", ["kamiokande-2", "imb", "super-kamiokande", "hyper-kamiokande"])
def test_shipped_tanks_see_all_flavours(name: str) -> None:
    """Would catch a card without one of water's channels."""
    detector = load_detector(FOLDER / f"{name}.toml")
    assert {*MUONS, "ibd", "nue-oxygen-cc", "nuebar-oxygen-cc", "oxygen-nc-gamma"} <= {
        *detector.channels
    }
    assert np.all(detector.effective_area([12, -12, 14, -14, 16, -16], 200.0) > 0)
