"""Detector cards: the shipped ones hold what papers print, and wrong ones are refused clearly."""

from pathlib import Path

import numpy as np
import pytest

import snmc.detectors
from snmc.ground.errors import InputError
from snmc.roles.detector import Detector, describe, load_detector

SHIPPED = sorted(Path(next(iter(snmc.detectors.__path__))).glob("*.toml"))

TELESCOPE = """\
title = "A telescope"
kind = "gamma-ray-telescope"
references = ["nobody"]
[effective_area]
interpolation = "linear"
energy = { values = [1, 10, 100], unit = "MeV" }
area = { values = [0, 10, 20], unit = "cm2" }
source = "s"
[energy_window]
low = "2 MeV"
high = "90 MeV"
source = "s"
[energy_resolution]
constant = "0 MeV"
stochastic = "0 MeV"
linear = 0.1
source = "s"
[live_time]
fraction = 1
source = "s"
"""

CHERENKOV = """\
title = "A tank"
kind = "neutrino-detector"
channels = ["ibd", "nue-oxygen-cc"]
references = ["nobody"]
[target]
material = "water"
mass = "1000 t"
source = "s"
[energy_window]
low = "5 MeV"
high = "900 MeV"
source = "s"
[efficiency]
form = "constant"
of = "true"
plateau = 0.5
source = "s"
[energy_resolution]
constant = "0 MeV"
stochastic = "0.1 MeV"
linear = 0
source = "s"
[angular_resolution]
energy = { values = [5, 50], unit = "MeV" }
containment_68 = { values = [30, 10], unit = "deg" }
source = "s"
[live_time]
fraction = 1
source = "s"
"""


def load(folder: Path, text: str) -> Detector:
    """The detector of a card with that text."""
    path = folder / "card.toml"
    path.write_text(text)
    return load_detector(path)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_cards_load_and_describe(path: Path) -> None:
    """Would catch a card that does not pass its own checks, or a number without a source."""
    detector = load_detector(path)
    assert detector.name == path.stem
    assert detector.citations
    text = describe(detector)
    sections = [key for key, value in detector.card.items() if isinstance(value, dict)]
    assert text.count("source: ") == len(sections)
    assert "1" in text


def test_shipped_set() -> None:
    """Would catch a detector gone missing."""
    wanted = {
        "smm-grs", "fermi-lat", "e-astrogam", "kamiokande-2", "imb", "super-kamiokande",
        "hyper-kamiokande", "kamiokande-2-akita", "imb-akita", "hyper-kamiokande-akita",
    }  # fmt: skip
    assert wanted <= {path.stem for path in SHIPPED}


def shipped(name: str) -> Detector:
    """A shipped detector."""
    return load_detector(next(path for path in SHIPPED if path.stem == name))


@pytest.mark.parametrize(
    ("name", "energy", "area"),
    [
        ("smm-grs", [4.0, 5.0, 8.0, 15.0, 50.0, 99.9, 100.1], [0, 28, 0, 115, 63, 63, 0]),
        ("fermi-lat-brdar", [99.0, 101.0, 5000.0], [0, 9500, 9500]),
        ("e-astrogam", [0.29, 1.0, 50.0, 1000.0], [0, 297, 1220, 1590]),
        ("fermi-lat", [25.48, 107.5, 1075.0], [1136.6, 6014.7, 9441.3]),
    ],
)
def test_effective_areas(name: str, energy: list[float], area: list[float]) -> None:
    """Would catch areas that differ from the published tables, or reach beyond their ends."""
    detector = shipped(name)
    assert detector.effective_area(np.full(len(energy), 22), energy) == pytest.approx(
        area,
        rel=1e-3,
        abs=0,
    )
    assert np.all(detector.effective_area(np.full(len(energy), 12), energy) == 0)


def test_interpolation_between_nodes(tmp_path: Path) -> None:
    """Would catch linear taken for log-log interpolation."""
    linear = load(tmp_path, TELESCOPE)
    assert linear.effective_area(22, 5.5) == pytest.approx(5.0, rel=1e-6, abs=0)
    text = TELESCOPE.replace('"linear"', '"log-log"').replace("[0, 10, 20]", "[1, 10, 20]")
    assert load(tmp_path, text).effective_area(22, 10**0.5) == pytest.approx(
        10**0.5, rel=1e-6, abs=0
    )


def test_targets_of_water() -> None:
    """Would catch a wrong number of protons: 6.69e31 and 3.35e31 per kt (Akita et al. 2024)."""
    tank = shipped("hyper-kamiokande")
    per_kt = dict(zip(tank.channels, tank.targets / 220, strict=True))  # type: ignore[attr-defined]
    assert per_kt["ibd"] == per_kt["numubar-proton-cc"] == pytest.approx(6.69e31, rel=2e-3, abs=0)
    for name in ("nue-oxygen-cc", "numubar-oxygen-cc", "oxygen-nc-gamma"):
        assert per_kt[name] == pytest.approx(3.35e31, rel=3e-3, abs=0)


def test_muons_are_described_as_they_are_seen() -> None:
    """Would catch a calorimeter that reports water's Cherenkov light for its muons."""
    for name, water in (("hyper-kamiokande", True), ("juno", False), ("dune", False)):
        text = " ".join(shipped(name).approximations)
        assert ("Cherenkov" in text, "the muon's kinetic energy" in text) == (water, not water)


def test_resolutions_as_published() -> None:
    """Would catch a misread resolution: Kamiokande-II 1.27 sqrt(E/10) + E/10, IMB, SK-IV."""
    energy = np.array([10.0, 40.0])
    published = {
        "kamiokande-2": 1.27 * np.sqrt(energy / 10) + energy / 10,
        "imb": 3 * np.sqrt(energy / 10) + 0.4 * energy / 10,
        "super-kamiokande": -0.0839 + 0.349 * np.sqrt(energy) + 0.0397 * energy,
    }
    for name, sigma in published.items():
        assert shipped(name)._energy_resolution(energy) == pytest.approx(sigma, rel=1e-5, abs=0)


def test_cards_of_akita() -> None:
    """Would catch a number that differs from Akita et al. 2024, or drifts from the full cards."""
    energy = np.array([5.0, 10.0, 20.0, 40.0])
    kamiokande, imb, hyper = (
        shipped(f"{name}-akita") for name in ("kamiokande-2", "imb", "hyper-kamiokande")
    )
    assert kamiokande._energy_resolution(energy) == pytest.approx(
        np.sqrt(0.75 * energy), rel=1e-6, abs=0
    )
    assert imb._energy_resolution(energy) == pytest.approx(np.sqrt(1.35 * energy), rel=1e-6, abs=0)
    efficiency, zero = 0.93 - np.exp(-((energy / 9) ** 2.5)), np.zeros(4)
    assert kamiokande._efficiency(energy, energy, zero, zero) == pytest.approx(efficiency, abs=2e-4)
    assert kamiokande.energy_window == (7.5, 50)
    assert (kamiokande.default_window, imb.default_window, hyper.default_window) == (10, 10, 1000)
    for one in (kamiokande, imb, hyper):
        assert one.card["muons"]["visible"] is False
        assert "oxygen-nc-gamma" not in one.channels
        full = shipped(one.name.removesuffix("-akita"))
        mass = "780 t" if one is kamiokande else full.card["target"]["mass"]
        assert one.card["target"]["mass"] == mass
        if "observed" in full.card:
            assert one.card["observed"] == full.card["observed"]


def test_efficiencies_as_published() -> None:
    """Would catch a wrong form of an efficiency: values worked out by hand."""
    energy, zero = np.array([1.0, 10.0, 40.0]), np.zeros(3)
    kamiokande = shipped("kamiokande-2")._efficiency(energy, energy, zero, zero)
    assert kamiokande == pytest.approx(
        [
            0,
            0.93 * (1 - 0.02 - 0.0625),
            0.9217,
        ],
        abs=2e-4,
    )
    for angle, bias in ((0.0, 1.1), (np.pi / 2, 1.0), (np.pi, 0.9)):
        imb = shipped("imb")._efficiency(energy, energy, zero + 1, zero + angle)
        assert imb == pytest.approx([0, 0, bias * (1 - 3 * np.exp(-2.5))], rel=1e-6, abs=0)
    forward = shipped("imb")._efficiency(np.array([200.0]), np.array([200.0]), zero[:1], zero[:1])
    assert forward == 1


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ('form = "table"\nenergy = { values = [4, 8], unit = "MeV" }\nvalue = [0.2, 0.6]',
         [0, 0.4, 0.6]),
        ('form = "stretched-exponential"\nplateau = 0.95\nb = "9.3 MeV"\npower = 4',
         [0.95 * (1 - np.exp(-((e / 9.3) ** 4))) for e in (1, 6, 50)]),
    ],
)  # fmt: skip
def test_other_efficiencies(tmp_path: Path, form: str, expected: list[float]) -> None:
    """Would catch a wrong form, or a table that reaches below its first energy."""
    text = CHERENKOV.replace('form = "constant"', form).replace("plateau = 0.5\n", "")
    energy, zero = np.array([1.0, 6.0, 50.0]), np.zeros(3)
    assert load(tmp_path, text)._efficiency(energy, energy, zero, zero) == pytest.approx(
        expected, rel=1e-6, abs=0
    )


def test_efficiency_of_the_reconstructed_energy(tmp_path: Path) -> None:
    """Would catch true and reconstructed energy exchanged."""
    text = CHERENKOV.replace("plateau = 0.5", 'plateau = 0.5\nthreshold = "10 MeV"')
    true, reconstructed, zero = np.array([5.0]), np.array([15.0]), np.zeros(1)
    assert load(tmp_path, text)._efficiency(true, reconstructed, zero, zero) == 0
    text = text.replace('of = "true"', 'of = "reconstructed"')
    assert load(tmp_path, text)._efficiency(true, reconstructed, zero, zero) == 0.5


def test_observed() -> None:
    """Would catch events or counts lost on the way from the card."""
    grs, imb = shipped("smm-grs").observed, shipped("imb").observed
    assert getattr(grs, "counts", None) == 1393
    assert sum(getattr(imb, "energy", ())) == 255
    assert shipped("kamiokande-2").default_window == 13
    assert shipped("fermi-lat").daughters == "photon"


WRONG = [
    (TELESCOPE, "[live_time]", "[live_tim]", ["unknown 'live_tim'", "did you mean 'live_time'?"]),
    (TELESCOPE, 'low = "2 MeV"', 'lo = "2 MeV"', ["[energy_window]", "did you mean 'low'?"]),
    (TELESCOPE, 'low = "2 MeV"', "", ["energy_window.low: missing"]),
    (TELESCOPE, 'low = "2 MeV"', "low = 2", ["energy_window.low", "without a unit", "like MeV"]),
    (TELESCOPE, 'low = "2 MeV"', 'low = "2 km"', ["energy_window.low", "'2 km'", "MeV"]),
    (TELESCOPE, 'low = "2 MeV"', 'low = "nan MeV"', ["energy_window.low", "needs a number with"]),
    (TELESCOPE, 'low = "2 MeV"', 'low = "-2 MeV"', ["energy_window.low", "from 0 MeV to 1e"]),
    (TELESCOPE, 'low = "2 MeV"', 'low = "95 MeV"', ["energy_window", "high must exceed"]),
    (TELESCOPE, "fraction = 1\n", "fraction = 1.2\n", ["live_time.fraction", "1.2", "from 0 to 1"]),
    (TELESCOPE, 'fraction = 1\nsource = "s"', "fraction = 1", ["live_time.source: missing"]),
    (TELESCOPE, 'fraction = 1\nsource = "s"', 'fraction = 1\nsource = ""', ["live_time.source"]),
    (TELESCOPE, '"gamma-ray-telescope"', '"gamma-telescope"',
     ["kind", "did you mean 'gamma-ray-telescope'?"]),
    (TELESCOPE, 'kind = "gamma-ray-telescope"\n', "", ["kind: missing", "neutrino-detector"]),
    (TELESCOPE, '"linear"', '"liner"', ["interpolation", "did you mean 'linear'?"]),
    (TELESCOPE, '"linear"', '"log-log"', ["effective_area", "above zero"]),
    (TELESCOPE, '"linear"', '"steps"', ["effective_area", "one energy more than areas"]),
    (TELESCOPE, "[0, 10, 20]", "[0, 10]", ["effective_area", "3 energies and 2 areas"]),
    (TELESCOPE, "[1, 10, 100]", "[1, 100, 10]", ["effective_area", "increase"]),
    (TELESCOPE, "[0, 10, 20]", "[0, -10, 20]", ["effective_area.area", "found -10 in the list"]),
    (TELESCOPE, "[0, 10, 20]", "[0, 1e300, 20]",
     ["effective_area.area: found 1e+300 in the list", "from 0 cm2 to 1e+12 cm2"]),
    (TELESCOPE, "[0, 10, 20]", f"[0, {'9' * 400}, 20]", ["which is not finite in the list"]),
    (TELESCOPE, 'unit = "cm2" }', 'unit = "2 cm2" }', ["found unit = '2 cm2'; needs a unit"]),
    (TELESCOPE, 'unit = "cm2" }', "unit = 3 }", ["found unit = 3; needs a unit like cm2"]),
    (TELESCOPE, "linear = 0.1", 'linear = "1 0"', ["found '1 0', where '0' is no unit; needs"]),
    (TELESCOPE, "linear = 0.1", "linear = 11", ["found 11; needs a number, from 0 to 10"]),
    (TELESCOPE, 'low = "2 MeV"', 'low = "1 2 MeV"', ["found '1 2 MeV', where '2 MeV' is no unit"]),
    (TELESCOPE, '[1, 10, 100], unit = "MeV"', '[1, 10, 100], unit = "ZeV"',
     ["effective_area.energy: found 1 in the list; needs", "from 0 MeV to 1e+09 MeV"]),
    (TELESCOPE, "[0, 10, 20]", '[0, "10", 20]', ["effective_area.area", "'10'"]),
    (TELESCOPE, "[0, 10, 20]", "[]", ["effective_area.area", "values"]),
    (TELESCOPE, '{ values = [0, 10, 20], unit = "cm2" }', "[0, 10, 20]",
     ["effective_area.area", 'unit = "cm2"']),
    (TELESCOPE, 'unit = "cm2"', 'unit = "cm"', ["effective_area.area", "cm2"]),
    (TELESCOPE, "linear = 0.1", "linear = true", ["energy_resolution.linear", "needs a number"]),
    (TELESCOPE, 'constant = "0 MeV"', 'constant = "-1 MeV"', ["energy_resolution", "negative"]),
    (TELESCOPE, 'references = ["nobody"]', "references = []", ["references", "at least one"]),
    (TELESCOPE, "[live_time]", "[live_time", ["line 18: no valid TOML"]),
    (TELESCOPE, "[live_time]", '[observed]\ncounts = 1.5\nsource = "s"\n[live_time]',
     ["observed.counts: found 1.5; needs a whole number from 0", "observed.window: missing"]),
    (TELESCOPE, "[live_time]", '[background]\nrate = "1 / as"\nsource = "s"\n[live_time]',
     ["background.rate: found '1 / as'; needs a number with a unit like 1/s, from 0 / s to"]),
    (CHERENKOV, '"ibd", "nue-oxygen-cc"', '"ibd", "nue-oxigen-cc"',
     ["channels[2]: unknown", "did you mean 'nue-oxygen-cc'?"]),
    (CHERENKOV, '"ibd", "nue-oxygen-cc"', '"ibd", "ibd"', ["each only once"]),
    (CHERENKOV, 'material = "water"', 'material = "watr"',
     ["target.material", "did you mean 'water'?"]),
    (CHERENKOV, 'material = "water"\n', "", ["target.material: missing"]),
    (CHERENKOV, "[target]", '[muons]\nvisible = "no"\nsource = "s"\n[target]', ["muons.visible"]),
    (CHERENKOV, '"ibd", "nue-oxygen-cc"', "", ["channels", "at least one"]),
    (CHERENKOV, "plateau = 0.5", "", ["efficiency", "'constant' needs plateau", "none"]),
    (CHERENKOV, "plateau = 0.5", 'plateau = 0.5\nb = "1 MeV"', ["efficiency", "b, plateau"]),
    (CHERENKOV, "plateau = 0.5", "plateau = 1.5", ["efficiency.plateau", "1.5"]),
    (CHERENKOV, "plateau = 0.5", "plateau = 0.5\nangular_slope = 1.1",
     ["efficiency.angular_slope", "1.1", "from -1 to 1"]),
    (CHERENKOV, '"1000 t"', '"1000 MeV"', ["target.mass", "1000 MeV"]),
    (CHERENKOV, '"1000 t"', '"0 t"', ["target.mass", "from 1 g to 1e+18 g"]),
    (CHERENKOV, '"1000 t"', '"1e300 t"', ["target.mass: found '1e300 t'; needs a number with a"]),
    (CHERENKOV, "[30, 10]", "[70, 10]", ["angular_resolution", "below 60 deg"]),
    (CHERENKOV, "[30, 10]", "[30]", ["angular_resolution", "2 energies and 1 values"]),
]  # fmt: skip


@pytest.mark.parametrize(("card", "old", "new", "parts"), WRONG)
def test_wrong_cards(tmp_path: Path, card: str, old: str, new: str, parts: list[str]) -> None:
    """Would catch a mistake in a card going through, or a message that does not help."""
    assert old in card
    with pytest.raises(InputError) as error:
        load(tmp_path, card.replace(old, new, 1))
    message = str(error.value)
    assert not [line for line in message.split("\n") if "card.toml" not in line]
    for part in parts:
        assert part in message


def test_missing_file(tmp_path: Path) -> None:
    """Would catch a traceback for a card that is not there."""
    with pytest.raises(InputError, match="cannot read the card of a detector"):
        load_detector(tmp_path / "none.toml")
    with pytest.raises(InputError, match="found a pipe or device; needs a file"):
        load_detector(Path("/dev/zero"))


def test_other_systems_write_the_same_card(tmp_path: Path) -> None:
    """Would catch a byte-order mark, or the ends of lines of Windows, taken for an error."""
    path = tmp_path / "windows.toml"
    path.write_bytes(TELESCOPE.replace("\n", "\r\n").encode("utf-8-sig"))
    assert load_detector(path).card == load(tmp_path, TELESCOPE).card


def test_every_error_of_a_card_is_told(tmp_path: Path) -> None:
    """Would catch a card that shows its next mistake only when the one before is corrected."""
    wrong = TELESCOPE.replace("fraction = 1", "fraction = 2").replace("low =", "lo =")
    wrong = wrong.replace("[0, 10, 20]", "[0, 10, 1e13]")
    with pytest.raises(InputError) as error:
        load(tmp_path, wrong)
    assert [one.split("card.toml: ")[1].split(":")[0] for one in error.value.messages] == [
        "[energy_window]", "energy_window.low", "live_time.fraction", "effective_area.area"
    ]  # fmt: skip
