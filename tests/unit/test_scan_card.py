"""The card of a scan: what it makes of [scan] and [limit], and every line it refuses with."""

import contextlib
import json
import math
import pickle
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snmc.ground.errors import InputError, PhysicsWarning
from snmc.run.card import load_card
from snmc.run.scan_card import ENERGY, ScanCard, load_scan
from snmc.run.scan_tables import CouplingRange, DataTable, LimitTable, MassRange, ScanTable
from snmc.run.values import fields_of

ROOT = Path(__file__).parents[2]
LIMIT_CARDS = sorted((ROOT / "macros").glob("limit-*.toml"))

CARD = """
title = "A scan"
[supernova]
core = "pns-sfho-1.351"
distance = "51.4 kpc"
[generator]
name = "dipole"
[observation]
detector = "smm-grs"
window = "223 s"
[run]
seed = 7
workers = 2
[scan]
mass = {from = "1 MeV", to = "100 MeV", points = 3}
coupling = {parameter = "d", from = "1e-17 / MeV", to = "1e-13 / MeV", points = 5}
"""
COUNTING = """
[limit]
method = "counting"
"""
DATA = """
[limit.data.smm-grs]
"""
TWO = CARD.replace('detector = "smm-grs"\nwindow = "223 s"', 'window = "1 day"').replace(
    "[scan]", '[scan]\ndetectors = ["kamiokande-2", "imb"]'
)
SPECTRUM = """
[limit]
method = "spectrum"
delta = 2.7
"""
ENERGY_LOSS = """
[limit]
method = "energy"
[limit.energy]
total = "2e52 erg"
"""
COMPARE = """
[[limit.compare]]
source = "A. Nobody 1999"
reason = "another core"
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Load a card's text from `cards/c.toml`; the command runs in `work`."""
    (tmp_path / "cards").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def loaded(text: str = CARD, *settings: str, removed: Sequence[str] = ()) -> ScanCard:
        path = tmp_path / "cards" / "c.toml"
        path.write_text(text, encoding="utf-8")
        return load_scan(path, settings, removed)

    return loaded


def refusal(load, text: str = CARD, *settings: str) -> str:
    """Give the lines a card is refused with, one an error, without the folder of the card."""
    with pytest.raises(InputError) as error:
        load(text, *settings)
    lines = str(error.value).split("\n")
    assert len(lines) == len(error.value.messages)
    return "\n".join(line.removeprefix(f"{Path.cwd().parent}/cards/") for line in lines)


def test_the_grid_is_spaced_as_the_card_says(load, tmp_path):
    """Catches linear for logarithmic steps, an end that rounding moved, a unit not converted."""
    card = load(CARD, 'scan.coupling.from="1e-14 / GeV"')
    assert (card.masses[0], card.masses[-1]) == (1.0, 100.0)
    assert card.masses[1] == pytest.approx(10.0, rel=1e-14, abs=0)
    steps = [b / a for a, b in zip(card.couplings, card.couplings[1:], strict=False)]
    assert steps == pytest.approx([10.0] * 4, rel=1e-12, abs=0)
    assert card.couplings[0] == pytest.approx(1e-17, rel=1e-14, abs=0)
    assert (card.model, card.parameters, card.unit) == ("dipole", ("d",), "1/MeV")
    assert (card.detectors, card.axes, card.limit) == (("smm-grs",), (), None)
    assert (card.events, card.seed, card.workers, card.bin_width) == (200_000, 7, 2, None)
    assert card.output == tmp_path / "work" / "c.grid.root"
    linear = load(CARD, "scan.mass.spacing=linear").masses
    assert linear == pytest.approx((1.0, 50.5, 100.0), rel=1e-14, abs=0)
    assert load(CARD, 'scan.mass=["1 MeV", "20 keV"]'.replace("20", "2000")).masses == (1.0, 2.0)
    assert load(CARD, "scan.mass.points=1").masses == (1.0,)
    listed = 'scan.coupling={parameter = "d", values = ["1e-16 / MeV", "1e-12 / GeV"]}'
    assert load(CARD, listed).couplings == pytest.approx((1e-16, 1e-15), rel=1e-14, abs=0)


def test_points_run_over_the_mass_fastest(load):
    """Catches points in another order than the grid is read back in, and a card of another point.

    Each detector and parameter has random streams of its own, all choices of the axes the same.
    """
    text = CARD.replace('name = "dipole"', 'name = "hnl"').replace(
        '{parameter = "d", from = "1e-17 / MeV", to = "1e-13 / MeV", points = 5}',
        '{parameter = ["U2_mu", "U2_tau"], from = 1e-12, to = 1e-6, points = 4}',
    )
    text = text.replace('detector = "smm-grs"', 'detector = "imb"') + (
        '[scan.axes]\n"supernova.ordering" = ["NO", "IO"]\n'
        '"observation.window" = ["10 s", "20 s"]\n'
    )
    card = load(text, "scan.detectors=['imb', 'kamiokande-2']", "scan.energy=true")
    points = card.points
    assert card.detectors == ("imb", "kamiokande-2", ENERGY)
    assert [point.number for point in points] == list(range(3 * 2 * 4 * 3))
    assert [point.mass for point in points[:4]] == [*card.masses, card.masses[0]]
    assert [point.choice for point in points[:12:3]] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert [point.parameter for point in points[:36:12]] == ["U2_mu", "U2_tau", "U2_mu"]
    assert [point.detector for point in points[::24]] == ["imb", "kamiokande-2", ENERGY]
    one = points[24 + 12 + 2 * 3 + 1]  # kamiokande-2, U2_tau, (1, 0), second mass
    assert (one.detector, one.parameter, one.choice) == ("kamiokande-2", "U2_tau", (1, 0))
    (setting,) = one.card.generators
    assert (setting.values["mass"], setting.values["U2_tau"]) == (one.mass, 1e-12)
    assert "U2_mu" not in setting.values
    assert (one.card.supernova.ordering, one.card.observation.window_s) == ("IO", 10.0)
    assert one.card.observation.detector == "kamiokande-2"
    assert points[-1].card.observation.detector is None
    assert one.card.run.precision == "scan"
    assert load(text, "run.precision=draft").points[0].card.run.precision == "draft"
    assert pickle.loads(pickle.dumps(one)) == one


def test_the_record_tells_all_that_decides_the_grid(load):
    """Catches a grid resumed with other physics, or refused because of where it is written."""
    record = json.loads(json.dumps(load().resolved(), allow_nan=False))
    assert record["scan"]["mass"][0] == "1.0 MeV"
    assert record["scan"]["coupling"]["values"][0] == "1e-17 1/MeV"
    assert {"mass", "d"}.isdisjoint(record["generator"])
    same = load(CARD + COUNTING, "scan.output=o.root", "run.workers=1").resolved()
    assert same == record
    for setting in (
        "run.seed=8",
        "scan.events=7",
        "scan.mass.points=4",
        "scan.coupling.points=6",
        "scan.bin_width=5 MeV",
        "scan.energy=true",
        "scan.detectors=['e-astrogam']",
        "scan.axes={'supernova.gravity' = [true, false]}",
        "supernova.distance=10 kpc",
        "generator.nature=dirac",
        "observation.window=5 s",
        "run.precision=standard",
    ):
        assert load(CARD, setting).resolved() != record, setting


def test_a_key_may_be_written_as_tables_in_tables(load):
    """Catches an axis lost because TOML made a table of the dot in its key."""
    card = load(CARD, "scan.axes.supernova.ordering=['NO', 'IO']")
    assert [(axis.key, axis.values) for axis in card.axes] == [("supernova.ordering", ("NO", "IO"))]
    zone = "{type = 'one-zone', radius = '10 km', temperature = '30 MeV', mu_e = '200 MeV', " + (
        "mu_nu_e = '0 MeV', rho = '3e14 g/cm^3', duration = '10 s'}"
    )
    card = load(CARD, f"supernova.core={zone}", "scan.axes.supernova.core.radius=['9 km', '11 km']")
    assert [point.card.supernova.core["radius"] for point in card.points[::3]] == ["9 km", "11 km"]


def test_paths_of_a_scan_refer_to_the_card(load, tmp_path):
    """Catches a detector, core or curve beside the card that is sought where the command runs."""
    for name in ("own.toml", "curve.csv", "a.txt", "b.txt"):
        (tmp_path / "cards" / name).write_text("mass_MeV,lower,upper\n")
    (tmp_path / "cards" / "own.toml").write_text((ROOT / "detectors" / "smm-grs.toml").read_text())
    text = CARD.replace("[scan]", '[scan]\ndetectors = ["own.toml"]') + COUNTING
    text += '[limit.data."own.toml"]\nobserved = 5\n' + COMPARE + 'curve = "curve.csv"\n'
    text += '[scan.axes]\n"supernova.core" = ["a.txt", "b.txt"]\n'
    nested = text.replace('[scan.axes]\n"supernova.core"', "[scan.axes.supernova]\ncore")
    card = load(text, "scan.output=mine.root")
    assert load(nested).axes == card.axes
    own = str(tmp_path / "cards" / "own.toml")
    assert card.detectors == (own,)
    assert card.limit.data[own].observed == 5.0
    assert card.limit.compare[0].curve == tmp_path / "cards" / "curve.csv"
    cores = {point.card.supernova.core for point in card.points}
    assert cores == {str(tmp_path / "cards" / name) for name in ("a.txt", "b.txt")}
    assert card.output == tmp_path / "work" / "mine.root"


def test_a_detector_without_a_window_needs_one(load, tmp_path):
    """Catches a window of nothing, which would count nothing."""
    text = (ROOT / "detectors" / "e-astrogam.toml").read_text()
    start = text.index("[window]")
    (tmp_path / "cards" / "own.toml").write_text(text[:start])
    card = CARD.replace('"smm-grs"\nwindow = "223 s"', '"./own.toml"')
    assert "c.toml: observation.window: missing; own has none of its own" in refusal(load, card)


def test_the_energy_that_leaves_needs_no_detector(load):
    """Catches an observation asked for where nothing is observed."""
    text = CARD.replace('[observation]\ndetector = "smm-grs"\nwindow = "223 s"', "")
    card = load(text + ENERGY_LOSS, "scan.energy=true")
    assert card.detectors == (ENERGY,)
    assert (card.limit.energy_erg, card.limit.luminosity) == (2e52, None)
    share = load(
        text + ENERGY_LOSS, "scan.energy=true", "limit.energy={share = 0.1, of = '1.64e53 erg'}"
    ).limit
    assert share.energy_erg == pytest.approx(1.64e52, rel=1e-14, abs=0)
    power = load(
        text + ENERGY_LOSS, "scan.energy=true", "limit.energy={luminosity = '3e45 W'}"
    ).limit
    assert power.energy_erg is None
    assert power.luminosity == pytest.approx(3e52, rel=1e-12, abs=0)


def test_warnings_of_the_model_are_said_once(load):
    """Catches a warning for each point of the grid, or one that is lost."""
    text = CARD.replace('"dipole"', '"zprime-mu-tau"').replace('"d"', '"g"')
    text = text.replace("e-17 / MeV", "e-12").replace("e-13 / MeV", "e-9").replace("1 / MeV", "1")
    text = text.replace('"smm-grs"', '"imb"').replace('"1e-12"', "1e-12").replace('"1e-9"', "1e-9")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        load(text)
    assert [one.category for one in caught] == [PhysicsWarning]
    assert " MeV the plasma, " in str(caught[0].message)


def test_counts_and_backgrounds_are_filled_in(load):
    """Catches a rate that is not multiplied with the window, or a detector left out."""
    text = TWO + COUNTING + "confidence_level = 0.95\n"
    text += '[limit.data.imb]\nenergy = ["70 MeV", "1 GeV"]\nobserved = "background"\n'
    text += 'background = "2 / day"\n'
    limit = load(text).limit
    assert (limit.method, limit.statistic) == ("counting", "likelihood-ratio")
    assert limit.confidence_level == 0.95
    assert limit.delta == pytest.approx(3.841458820694124, rel=1e-12, abs=0)
    imb, other = limit.data["imb"], limit.data["kamiokande-2"]
    assert (imb.low, imb.high, imb.observed) == (70.0, 1000.0, "background")
    assert imb.background == pytest.approx(2.0, rel=1e-12, abs=0)
    assert (other.low, other.high, other.observed, other.background) == (None,) * 4
    limit = load(text, "limit.data.imb.background=3", "observation.window=1 hr").limit
    assert limit.data["imb"].background == 3.0
    # the window of the detector's card, where the observation has none
    own = text.replace('window = "1 day"', "daughters = 'neutrino'")
    limit = load(own).limit
    assert limit.data["imb"].background == pytest.approx(2 * 6 / 86400, rel=1e-12, abs=0)


def test_data_go_by_the_stem_of_a_path(load, tmp_path):
    """Catches data lost, or told unknown, for a detector that is named by the path of its card."""
    for folder in ("mine", "other"):
        (tmp_path / "cards" / folder).mkdir()
        copy = tmp_path / "cards" / folder / "my-grs.toml"
        copy.write_bytes((ROOT / "detectors" / "smm-grs.toml").read_bytes())
    mine = str(tmp_path / "cards" / "mine" / "my-grs.toml")
    text = CARD.replace('"smm-grs"', '"mine/my-grs.toml"') + COUNTING
    data = "[limit.data.{}]\nobserved = 7\nbackground = 3\n"
    for name in ("my-grs", '"mine/my-grs.toml"'):
        found = load(text + data.format(name)).limit.data
        assert {key: (one.observed, one.background) for key, one in found.items()} == {mine: (7, 3)}
    assert "limit.data.smm-grs: unknown 'smm-grs'; allowed: " in refusal(
        load, text + data.format("smm-grs")
    )
    assert "limit.data.my-grs.observed: found -1; needs" in refusal(
        load, text + data.format("my-grs").replace("7", "-1")
    )
    both = data.format("my-grs") + data.format('"mine/my-grs.toml"')
    assert "found beside limit.data.my-grs, the same detector" in refusal(load, text + both)
    two = text.replace("[scan]", '[scan]\ndetectors = ["mine/my-grs.toml", "other/my-grs.toml"]')
    assert "limit.data.my-grs: unknown 'my-grs'" in refusal(load, two + data.format("my-grs"))


def test_a_threshold_takes_the_place_of_a_level(load):
    """Catches a level that is stated beside a threshold it does not belong to."""
    limit = load(CARD + COUNTING, "limit.delta=4").limit
    assert (limit.confidence_level, limit.delta) == (None, 4.0)
    limit = load(CARD + COUNTING).limit
    assert limit.confidence_level == 0.95


def test_the_burst_has_all_its_values(load):
    """Catches defaults of the burst that the limit would have to know."""
    limit = load(TWO + SPECTRUM).limit
    assert limit.burst.name == "burst"
    assert limit.burst.values["mean_energy"] == 12.7
    assert (limit.profile, limit.expected) == (True, False)
    limit = load(
        TWO + SPECTRUM, "limit.burst.mean_energy=15 MeV", "limit.expected=true",
        "limit.profile=false",
    ).limit  # fmt: skip
    assert limit.burst.values["mean_energy"] == 15.0
    assert (limit.profile, limit.expected) == (False, True)


def test_comparisons_are_converted(load):
    """Catches a printed coupling left in another unit, or the wrong edge."""
    text = CARD + COUNTING + COMPARE
    one = load(text + 'mass = "0.01 GeV"\ncoupling = "1e-12 / GeV"\nedge = "upper"\n').limit
    (compared,) = one.compare
    assert (compared.source, compared.reason) == ("A. Nobody 1999", "another core")
    assert compared.mass == pytest.approx(10.0, rel=1e-14, abs=0)
    assert compared.coupling == pytest.approx(1e-15, rel=1e-14, abs=0)
    assert (compared.edge, compared.curve, compared.parameter) == ("upper", None, None)


MASSES = "from 1e-06 MeV to 1000 MeV (mass of N)"
REFUSED = [
    # [scan]: what is missing, misspelt or of the wrong kind
    (CARD.split("[scan]")[0], "c.toml: scan: missing; needs a table [scan]"),
    ("scan=5", "command line: scan: found 5; needs a table [scan]"),
    ("scan.events=0", "command line: scan.events: found 0; needs a whole number from 1 to 10^9"),
    ("scan.events=1.5", "command line: scan.events: found 1.5; needs a whole number from 1 to"),
    ("scan.mass.from=1 5 MeV", "scan.mass.from: found '1 5 MeV', where '5 MeV' is no unit; needs"),
    ("scan.event=5", "command line: scan.event: unknown 'event'; allowed: axes, bin_width,"),
    ("scan.energy=1", "command line: scan.energy: found 1; needs true or false"),
    ("scan.bin_width=3 s", "command line: scan.bin_width: found '3 s'; needs an energy such as"),
    ("scan.output=a.txt", "needs the path of a file that ends in .root"),
    # masses
    ("scan.mass=5 MeV", "command line: scan.mass: found '5 MeV'; needs a table {from"),
    ("scan.mass=[]", "command line: scan.mass.values: found []; needs a list of 1 to 1000"),
    ("scan.mass.from=5 s", "command line: scan.mass.from: found '5 s'; needs a number with a unit"),
    ("scan.mass.from=1e-9 MeV", f"scan.mass.from: found '1e-9 MeV'; needs a number with a unit "
     f"like MeV, {MASSES}"),
    ("scan.mass.to=2 GeV", f"scan.mass.to: found '2 GeV'; needs a number with a unit like MeV, "
     f"{MASSES}"),
    ("scan.mass.from=[1]", "command line: scan.mass.from: found [1]; needs a number with its unit"),
    ("scan.mass.to=1 MeV", "scan.mass.from: found '1 MeV' with to = '1 MeV'; needs less than that"),
    ("scan.mass.points=0", "command line: scan.mass.points: found 0; needs a whole number from 1"),
    ("scan.mass.points=1001", "scan.mass.points: found 1001; needs a whole number from 1 to 1000"),
    ("scan.mass.spacing=lin", "scan.mass.spacing: unknown 'lin'; allowed: linear, log; did you"),
    ("scan.mass={from = '1 MeV'}", "scan.mass: missing to, points; needs from, to and points, or"),
    ("scan.mass.values=['1 MeV']", "scan.mass: found values and from, to, points; needs one or"),
    ("scan.mass=['2 MeV', '1 MeV']", "scan.mass: found values that do not rise; needs rising"),
    ("scan.mass=['1 MeV', '1 MeV']", "found ['1 MeV', '1 MeV']; needs values that differ"),
    ("scan.mass=['1 MeV', '9 GeV']", "command line: scan.mass: found '9 GeV'; needs a number"),
    # couplings
    ("scan.coupling.parameter=dd", "scan.coupling.parameter: unknown 'dd'; allowed: d, d_e, d_mu"),
    ("scan.coupling.parameter=mass", "scan.coupling.parameter: unknown 'mass'; allowed: d, d_e"),
    ("scan.coupling.parameter=['d', 'd_e']",
     "scan.coupling.parameter: found d and d_e; needs couplings of one unit and range"),
    ("scan.coupling.parameter=5", "scan.coupling.parameter: found 5; needs the name of a coupling"),
    ("scan.coupling.to=1e-14 / GeV", "scan.coupling.from: found '1e-17 / MeV' with to = '1e-14"),
    ("scan.coupling.to=1 MeV", "scan.coupling.to: found '1 MeV'; needs a number with a unit like"),
    ("scan.coupling={parameter = 'd_e', from = '0 / MeV', to = '1e-9 / MeV', points = 3}",
     "scan.coupling.from: found 0; spacing 'log' needs a number above 0"),
    ("scan.coupling={parameter = 'd_e', values = ['0 / MeV']}",
     "scan.coupling.values: found 0; needs couplings above 0"),
    # detectors
    ("scan.detectors=['smm-gsr']", "scan.detectors: unknown 'smm-gsr'; allowed:"),
    ("scan.detectors=[]", "command line: scan.detectors: found []; needs a list of detectors"),
    ("scan.detectors=['./no.toml']", "there is no such file"),
    ("observation.detector=smm-gsr", "observation.detector: unknown 'smm-gsr'; allowed:"),
    (CARD.replace('detector = "smm-grs"', ""), "scan.detectors: missing; needs a list of"),
    ("observation.daughters=neutrino", "observation.daughters: found 'neutrino'; smm-grs sees the"),
    (CARD.replace("dipole", "majoron").replace('"d"', '"g_ee"').replace(" / MeV", "").replace(
        '"1e-17"', "1e-12").replace('"1e-13"', "1e-7"),
     "scan.detectors: found smm-grs, which sees photons; majoron sends neutrinos"),
    # axes
    ("scan.axes={'supernova.orderin' = ['NO']}",
     "command line: scan.axes.\"supernova.orderin\": unknown 'orderin'; allowed: absorption, core"),
    ("scan.axes={'supernova.ordering' = ['NO', 'XX']}",
     "command line: scan.axes.\"supernova.ordering\": unknown 'XX'; allowed: IO, NO"),
    ("scan.axes={'supernova.ordering' = 'NO'}",
     "scan.axes: supernova.ordering: found 'NO'; needs a list of values of that key"),
    ("scan.axes={'supernova.ordering' = ['NO', 'NO']}", "found ['NO', 'NO']; needs values that"),
    ("scan.axes=5", "command line: scan.axes: found 5; needs a table of keys of the card"),
    ("scan.axes={'generator.mass' = ['1 MeV']}", "found generator.mass; scan.mass is the key for"),
    ("scan.axes={'generator.d' = ['1 / MeV']}", "found generator.d; scan.coupling is the key for"),
    ("scan.axes={'observation.detector' = ['imb']}", "scan.detectors is the key for it"),
    ("scan.axes={'run.seed' = [1]}", "scan.axes.\"run.seed\": found 'run.seed'; needs a key of"),
    ("scan.axes={'generator.name' = ['hnl']}", "found generator.name; a scan has one model"),
    ("scan.axes={'supernova.core.radius' = ['1 km']}",
     "found supernova.core.radius; core is 'pns-sfho-1.351', no table"),
    # the rest of the card
    (CARD.replace('name = "dipole"', ""), "generator.name: missing; needs the name of a model"),
    ("generator.name=dipol", "command line: generator.name: unknown 'dipol'; allowed:"),
    ("generator.name=burst", "generator.name: found 'burst', which cannot be scanned: it has no"),
    ("generator.d_e=1e-9 / MeV", "generator.d: found both d and d_e; needs either d"),
    ("supernova.distance=3 s", "command line: supernova.distance: found '3 s'; needs a length"),
    (CARD.replace('[generator]\nname = "dipole"', '[[generator]]\nname = "dipole"\n'
                  '[[generator]]\nname = "burst"'), "generator: found several; a scan has one"),
    ("run.supernovae=3", "run.supernovae: found in a scan, whose events are weighted"),
    ("scan.coupling.points=1000\nx", "scan.coupling.points: found '1000\\nx'; needs a whole"),
]  # fmt: skip
LIMIT_REFUSED = [
    (CARD + "limit = 5", "unknown 'limit'"),  # in [scan], where the line ends up
    ("limit=5", "command line: limit: found 5; needs a table [limit]"),
    ("limit.dlta=4", "command line: limit.dlta: unknown 'dlta'; allowed: burst, compare,"),
    ("limit.method=count", "limit.method: unknown 'count'; allowed: counting, energy, spectrum"),
    (CARD + "[limit]\ndelta = 4", "c.toml: limit.method: missing; needs \"counting\""),
    ("limit.delta=0", "command line: limit.delta: found 0; needs a number above 0, up to 1000"),
    ("limit.delta='4'", "command line: limit.delta: found '4'; needs a number above 0"),
    ("limit.confidence_level=1.0", "found 1.0; needs a number from 0.5, below 1"),
    ("limit.profile=true", "limit.profile: found with method = 'counting', which does not know it"),
    ("limit.burst={}", "limit.burst: found with method = 'counting', which does not know it"),
    ("limit.energy={total = '1e52 erg'}", "limit.energy: found with method = 'counting', which"),
    ("limit.method=energy", "limit.method: found 'energy'; needs scan.energy = true"),
    ("limit.method=spectrum", "limit.method: found 'spectrum'; smm-grs sees no neutrinos"),
    # data
    ("limit.data=3", "command line: limit.data: found 3; needs a table by detector"),
    ("limit.data.smm-gsr={}", "limit.data.smm-gsr: unknown 'smm-gsr'; allowed: smm-grs; did you"),
    ("limit.data.smm-grs.obs=3", "limit.data.smm-grs.obs: unknown 'obs'; allowed: background,"),
    ("limit.data.smm-grs.observed=-1", "limit.data.smm-grs.observed: found -1; needs a number of"),
    ("limit.data.smm-grs.observed=true", "limit.data.smm-grs.observed: found true; needs"),
    ("limit.data.smm-grs.background=2 m", "limit.data.smm-grs.background: found '2 m'; needs a"),
    ("limit.data.smm-grs.background=-2", "limit.data.smm-grs.background: found -2; needs a"),
    ("limit.data.smm-grs={observed = 'background', background = 'observed'}",
     "limit.data.smm-grs: found observed as the background and background as observed; one must"),
    ("limit.data.smm-grs.energy=['25 MeV']", "limit.data.smm-grs.energy: found ['25 MeV']; needs"),
    ("limit.data.smm-grs.energy=['9 MeV', '3 MeV']", "needs the lower energy first"),
    ("limit.data.smm-grs.energy=['1 GeV', '3 GeV']", "found 1000 to 3000 MeV; smm-grs sees 25 to"),
    ("limit.data.smm-grs.energy=['25 MeV', '50 MeV']",
     "limit.data.smm-grs.observed: missing; the card of smm-grs has the counts of 25-100 MeV and"),
    ("observation.window=100 s", "limit.data.smm-grs.observed: missing; the card of smm-grs has"),
    (TWO.replace('"imb"]', '"juno"]') + COUNTING,
     "limit.data.juno.observed: missing; the card of juno has none: needs a number, or \"backg"),
    (TWO + COUNTING + 'statistic = "poisson"',
     "limit.statistic: found 'poisson' with 2 detectors; needs one"),
    (TWO + COUNTING + '[limit.data.imb]\nbackground = "2 / day"\n[scan.axes]\n'
     '"observation.window" = ["1 s", "2 s"]', "limit.data.imb.background: found a rate with"),
    # thresholds
    (CARD + COUNTING + "delta = 4\nconfidence_level = 0.9",
     "limit.delta: found beside confidence_level; needs one"),
    (CARD + COUNTING + 'delta = 4\nstatistic = "poisson"',
     "limit.delta: found with statistic = 'poisson'; needs confidence_level"),
    # spectrum
    (TWO + SPECTRUM + 'statistic = "poisson"', "limit.statistic: found with method = 'spectrum'"),
    (TWO + SPECTRUM + "[limit.burst]\nmean = 3", "limit.burst.mean: unknown 'mean'; allowed:"),
    (TWO + SPECTRUM + '[limit.burst]\nmean_energy = "3 s"', "limit.burst.mean_energy: found '3 s'"),
    (TWO + SPECTRUM + '[limit.burst]\nname = "brust"', "limit.burst.name: unknown 'brust'"),
    (TWO.replace('"imb"]', '"juno"]') + SPECTRUM,
     "limit.expected: missing; juno has no observed events: needs true"),
    (TWO.replace('"imb"]', '"juno"]') + SPECTRUM + "expected = false",
     "limit.expected: found false; juno has no observed events: needs true"),
    # energy
    (CARD.replace("[scan]", "[scan]\nenergy = true") + '[limit]\nmethod = "energy"',
     "c.toml: limit.energy: missing; needs a table [limit.energy]"),
    (CARD.replace("[scan]", "[scan]\nenergy = true") + ENERGY_LOSS + "share = 0.1",
     "limit.energy: found share, total; needs total, or share and of, or luminosity"),
    (CARD.replace("[scan]", "[scan]\nenergy = true") + ENERGY_LOSS.replace("2e52 erg", "2e52 s"),
     "limit.energy.total: found '2e52 s'; needs an energy such as"),
    (CARD.replace("[scan]", "[scan]\nenergy = true") + ENERGY_LOSS.replace(
        '[limit.energy]', 'delta = 4\n[limit.energy]'),
     "limit.delta: found with method = 'energy', which does not know it"),
    (CARD.replace('detector = "smm-grs"', "").replace("[scan]", "[scan]\nenergy = true") + COUNTING,
     "limit.method: found 'counting'; needs a detector"),
    # comparisons
    ("limit.compare=3", "command line: limit.compare: found 3; needs a list of tables"),
    (CARD + COUNTING + COMPARE, "limit.compare[1]: found neither; needs mass and coupling, or"),
    (CARD + COUNTING + COMPARE + 'mass = "1 MeV"', "limit.compare[1]: found mass; needs mass and"),
    (CARD + COUNTING + '[[limit.compare]]\nmass = "1 MeV"\ncoupling = "1 / MeV"\nreason = "x"',
     "limit.compare[1].source: missing; needs a line of text"),
    (CARD + COUNTING + COMPARE + 'mass = "1 s"\ncoupling = "1 / MeV"',
     "limit.compare[1].mass: found '1 s'; needs a number"),
    (CARD + COUNTING + COMPARE + 'mass = "1 MeV"\ncoupling = "-1 / MeV"',
     "limit.compare[1].coupling: found '-1 / MeV'; needs a number above 0"),
    (CARD + COUNTING + COMPARE + 'mass = "1 MeV"\ncoupling = "1 / MeV"\nedge = "low"',
     "limit.compare[1].edge: unknown 'low'; allowed: lower, upper"),
    (CARD + COUNTING + COMPARE + 'mass = "1 MeV"\ncoupling = "1 / MeV"\nparameter = "d_e"',
     "limit.compare[1].parameter: unknown 'd_e'; allowed: d"),
    (CARD + COUNTING + COMPARE + 'curve = "no.csv"', "limit.compare[1].curve: found"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_a_wrong_scan_is_refused_in_one_line(load, change, said):
    """Catches what is wrong with a grid and comes to light only after hours, or as a traceback."""
    line = refusal(load, change) if "\n[" in change else refusal(load, CARD, change)
    assert said in line


@pytest.mark.parametrize(("change", "said"), LIMIT_REFUSED, ids=[said for _, said in LIMIT_REFUSED])
def test_a_wrong_limit_is_refused_in_one_line(load, change, said):
    """Catches a key that a method ignores, and data that do not fit the detector."""
    line = refusal(load, change) if "\n[" in change else refusal(load, CARD + COUNTING, change)
    assert said in line


VALUES = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-(10**20), 10**20),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(
            ["", "5 MeV", "-5 MeV", "1e400 m", "2 / day", "background", "observed", "smm-grs", "d"]
        ),
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["from", "to", "points", "values", "parameter", "smm-grs", "mass", "source",
                 "reason", "supernova.ordering", "observed", "energy", "x"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=5,
)  # fmt: skip
EVERY_KEY = sorted(
    [
        "generator", "observation", "run", "scan", "limit", "limit.data.smm-grs", "scan.axes.a",
        *(f"scan.{key}" for key in fields_of(ScanTable)),
        *(f"scan.mass.{key}" for key in fields_of(MassRange)),
        *(f"scan.coupling.{key}" for key in fields_of(CouplingRange)),
        *(f"limit.{key}" for key in fields_of(LimitTable)),
        *(f"limit.data.smm-grs.{key}" for key in fields_of(DataTable)),
    ]
)  # fmt: skip


@settings(
    max_examples=200, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(key=st.sampled_from(EVERY_KEY), value=VALUES)
def test_whatever_stands_in_a_scan_it_is_read_or_refused(load, tmp_path, key, value):
    """Catches a type, a number or a nesting that the checks did not think of, and a traceback."""
    with contextlib.chdir(tmp_path / "work"):
        try:
            card = load(CARD + COUNTING, f"{key}={_toml(value)}")
        except InputError as error:
            said = error.messages
        else:
            said = (json.dumps(card.resolved(), allow_nan=False),)
    assert not [line for line in said if "\n" in line]


def _toml(value):
    """Write a value as TOML, inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}" = {_toml(one)}' for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return repr(value) if isinstance(value, float) else json.dumps(value)


def test_the_largest_grid_is_a_million(load):
    """Catches a grid that no memory holds."""
    assert "scan: found a grid of 2000000 points times couplings; needs at most 1000000" in refusal(
        load, CARD, "scan.mass.points=1000", "scan.coupling.points=1000",
        "scan.axes={'supernova.gravity' = [true, false]}",
    )  # fmt: skip


def test_a_run_ignores_the_tables_of_a_scan_but_checks_them(load, tmp_path):
    """Catches a card that cannot be run because it also says a scan, or whose slips are unseen."""
    text = CARD.replace('"dipole"', '"dipole"\nmass = "5 MeV"\nd = "1e-15 / MeV"') + COUNTING
    path = tmp_path / "cards" / "c.toml"
    path.write_text(text)
    run = load_card(path)
    assert run.generators[0].values["mass"] == 5.0
    assert run.run.precision == "standard"
    assert load(text).masses[0] == 1.0  # overridden
    with pytest.raises(InputError, match=r"scan\.mass\.points: found 0; needs"):
        load_card(path, ["scan.mass.points=0"])
    with pytest.raises(InputError, match=r"limit\.data\.smm-grs\.observed: found -1; needs"):
        load_card(path, ["limit.data.smm-grs.observed=-1"])


def test_every_key_of_a_scan_stands_in_the_manual():
    """Catches a key added to the card and not to docs/cards.md."""
    manual = (ROOT / "docs" / "cards.md").read_text(encoding="utf-8")
    keys = {*fields_of(ScanTable), *fields_of(LimitTable), *fields_of(DataTable)}
    assert sorted(key for key in keys if f"| `{key}" not in manual) == []


@pytest.mark.parametrize("path", LIMIT_CARDS, ids=lambda path: path.stem)
def test_every_shipped_limit_is_right(path):
    """Catches a card in `macros/` that names what is not shipped, or a grid that is no map."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PhysicsWarning)
        card = load_scan(path)
    assert card.output.name == f"{path.stem}.grid.root"
    assert 30 <= len(card.masses) <= 40
    assert 40 <= len(card.couplings) <= 60
    assert all(math.isfinite(value) for value in card.couplings)


def test_the_line_chooses_between_level_and_threshold(load):
    """Catches a confidence level that cannot be asked for because the card gives delta."""
    card = load(CARD + COUNTING + "delta = 4", "limit.confidence_level=0.9")
    assert card.limit.confidence_level == 0.9
    assert card.limit.delta == pytest.approx(2.7055, rel=1e-4, abs=0)
    card = load(CARD + COUNTING + "delta = 4", removed=["limit.delta"])
    assert card.limit.confidence_level == 0.95


def test_all_that_is_wrong_is_told_at_once(load):
    """Catches a card that shows its next mistake only when the one before is corrected."""
    wrong = ["run.seed=-1", "scan.mass.points=0", "scan.event=3", "supernova.distance=1 s"]
    said = refusal(load, CARD + COUNTING + "delta = -1", *wrong).splitlines()
    assert [line.split(": ")[1] for line in said] == [
        "scan.event", "supernova.distance", "run.seed", "scan.mass.points", "limit.delta"
    ]  # fmt: skip


def test_what_the_scan_fills_in_may_be_missing(load):
    """Catches a key told to be missing that stands on an axis, or among the detectors."""
    text = CARD.replace('distance = "51.4 kpc"\n', "").replace(
        "[observation]\n", "[observation]\n#"
    )
    text = text.replace('window = "223 s"\n', "") + (
        'detectors = ["smm-grs"]\n[scan.axes]\n"supernova.distance" = ["1 kpc", "10 kpc"]\n'
    )
    assert len(load(text).points) == 2 * 3
    assert refusal(load, text, "scan.axes={}") == (
        'c.toml: supernova.distance: missing; needs a length such as "51.4 kpc", '
        "from 1 pc to 100 Mpc"
    )
    back = load(CARD + COUNTING + "confidence_level = 0.9", "limit.delta=4")
    assert (back.limit.confidence_level, back.limit.delta) == (None, 4.0)
