"""Events of a standard burst in scintillator and argon against published estimates."""

from pathlib import Path

import numpy as np
import pytest

import snmc.detectors
from snmc.ground.columns import ARRIVALS, Columns
from snmc.ground.errors import InputError
from snmc.ground.units import M_ELECTRON, M_MUON
from snmc.interactions.registry import channels_in
from snmc.roles.detector import Detector, load_detector

FOLDER = Path(next(iter(snmc.detectors.__path__)))


def shipped(name: str) -> Detector:
    """A shipped detector."""
    return load_detector(FOLDER / f"{name}.toml")


def burst(pdg: int, mean: float, kiloparsec: float, size: int = 20_000) -> Columns:
    """Arrivals of 5e52 erg in one kind, pinching 2.3, no oscillation."""
    energy = np.random.default_rng(3).gamma(3.3, mean / 3.3, size)
    number = 5e52 / 1.602e-6 / mean
    batch: Columns = {column.name: np.zeros(size, dtype=column.dtype) for column in ARRIVALS}
    batch["pdg"] = codes = np.full(size, pdg, dtype=np.int32)
    batch["energy"], batch["time"] = energy, np.ones(codes.size)
    batch["weight"] = np.full(size, number / (4 * np.pi * (kiloparsec * 3.0857e21) ** 2) / size)
    return batch


def counts(name: str, kiloparsec: float = 10.0) -> dict[str, float]:
    """Accepted events by channel for mean energies of 12, 15 and 15 MeV (nu_e, anti-nu_e, rest)."""
    detector = shipped(name)
    total = np.zeros(len(detector.channels))
    for pdg, mean in ((12, 12.0), (-12, 15.0), (14, 15.0), (-14, 15.0), (16, 15.0), (-16, 15.0)):
        found = detector.detect(burst(pdg, mean, kiloparsec), 10.0, np.random.default_rng(1))
        weights = np.asarray(found.columns["weight"] * found.columns["accepted"], dtype=np.float64)
        total += np.bincount(found.columns["channel"], weights, minlength=total.size)
    return dict(zip(detector.channels, total, strict=True))


def test_juno() -> None:
    """Would catch a wrong number of targets, threshold or quenching, by factors.

    JUNO, arXiv:2104.02565: about 5000 inverse beta decays, 2000 neutrino-proton and 300
    neutrino-electron elastic scatterings at 10 kpc; arXiv:1507.05613: some 300 gamma rays of 15 MeV
    and 100 charged currents of each kind on carbon.
    """
    found = counts("juno")
    assert found["ibd"] == pytest.approx(5000, rel=0.2, abs=0)
    assert found["proton-elastic"] == pytest.approx(2000, rel=0.4, abs=0)
    assert found["electron-elastic"] == pytest.approx(300, rel=0.2, abs=0)
    assert 200 < found["carbon-nc-gamma"] < 700
    assert 40 < found["nue-carbon-cc"] < 250
    assert 40 < found["nuebar-carbon-cc"] < 250


def test_dune() -> None:
    """Would catch a wrong number of argon nuclei: DUNE, arXiv:2008.06647, finds 3000 or so of nu_e.

    There 40 kt at 10 kpc see 2700-3300 nu_e, some 100-200 anti-nu_e and 250-350 electrons (table
    of event rates, from memory, not verified), for other spectra.
    """
    found = counts("dune")
    assert found["nue-argon-cc"] == pytest.approx(3000, rel=0.3, abs=0)
    assert 80 < found["nuebar-argon-cc"] < 300
    assert found["electron-elastic"] == pytest.approx(300, rel=0.25, abs=0)


def test_baksan() -> None:
    """Would catch a wrong mass: 1.88e31 protons (Vissani 2015), one to three events of SN 1987A."""
    baksan = shipped("baksan")
    assert baksan.targets[0] == pytest.approx(1.88e31, rel=5e-3, abs=0)  # type: ignore[attr-defined]
    assert 1 < counts("baksan", 51.4)["ibd"] < 3
    assert getattr(baksan.observed, "energy", ()) == (12, 17.9, 23.5, 17.6, 20.3)
    assert getattr(baksan.observed, "angle", ()) is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("hydrogen = 0.1201\n", "", "hydrogen: missing"),
        ('"liquid-scintillator"', '"water"', "hydrogen: found"),
        ('"ibd", ', '"nue-argon-cc", ', "needs argon; liquid-scintillator has carbon, electron"),
        ('"proton-elastic", ', "", "quenching: found"),
        ('"0.0098 cm / MeV"', '"0.0098 g"', "quenching.birks"),
    ],
)
def test_wrong_cards(tmp_path: Path, old: str, new: str, words: str) -> None:
    """Would catch a scintillator without its composition, or quenching that nothing uses."""
    text = (FOLDER / "juno.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "card.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=words):
        load_detector(path)


def test_protons_are_not_seen_in_water(tmp_path: Path) -> None:
    """Would catch slow protons that shine in water."""
    text = (FOLDER / "super-kamiokande.toml").read_text(encoding="utf-8")
    path = tmp_path / "card.toml"
    path.write_text(text.replace('"ibd"', '"proton-elastic"', 1), encoding="utf-8")
    with pytest.raises(InputError, match="which water does not show"):
        load_detector(path)


def test_a_scintillator_sees_what_ionises() -> None:
    """Would catch total energies taken for visible ones: e- T, e+ T + 2 m_e, mu+ T and its e+."""
    channels = channels_in("liquid-scintillator", None)
    random, energy = np.random.default_rng(9), np.full(300, 250.0)
    for name, pdg, shift in (("ibd", -12, M_ELECTRON), ("electron-elastic", 16, -M_ELECTRON)):
        states = channels[name].sample(np.full(300, pdg, dtype=np.int32), energy, random)
        assert states.signal_energy == pytest.approx(states.energy[::2] + shift, rel=1e-6, abs=0)
        assert abs(states.signal_cosine.mean()) < 0.15  # no direction
    codes = np.full(300, -14, dtype=np.int32)
    states = channels["numubar-proton-cc"].sample(codes, energy, random)
    assert np.all(states.signals == 2)
    assert states.signal_energy[::2] == pytest.approx(states.energy[::2] - M_MUON, rel=1e-6, abs=0)
    assert states.signal_energy[1::2].min() > 2 * M_ELECTRON
