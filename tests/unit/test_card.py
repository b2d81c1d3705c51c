"""The run card: what it accepts, what it makes of it, and every line it refuses with."""

import contextlib
import json
import math
import os
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snmc.ground.errors import InputError, unknown_name
from snmc.ground.units import PARSEC
from snmc.roles.generator import Generator, Parameter, Switch
from snmc.run import card as card_module
from snmc.run.card import RunCard, load_card

ROOT = Path(__file__).parents[2]


class Toy(Generator):
    """A model of every kind of key: with and without unit, optional, single and many choices."""

    name = "toy"
    title = "A toy"
    parameters = (
        Parameter("mass", "MeV", 1e-6, 1000.0, "mass of the toy"),
        Parameter("d", "1/MeV", 0.0, 1.0, "coupling"),
        Parameter("mixing", "", 0.0, 1.0, "mixing", optional=True),
        Parameter("model_config", "", 0.0, math.inf, "name that pydantic uses", optional=True),
    )
    switches = (
        Switch("nature", ("majorana", "dirac"), "majorana", "nature"),
        Switch("processes", ("electron", "proton", "decay"), ("electron", "decay"), "births", True),
    )
    references = ("arXiv:0000.00000",)

    def __init__(self, values):
        super().__init__(values)
        if values.get("mixing") and values["nature"] == "dirac":
            raise InputError("generator.mixing: found with nature = 'dirac'; needs 'majorana'")

    def prepare(self, *arguments, **options):
        """Make no source: nothing is run here."""
        raise NotImplementedError

    def report(self, *arguments, **options):
        """Tell nothing: nothing is emitted here."""
        raise NotImplementedError


ONE_ZONE = (
    '{type = "one-zone", radius = "10 km", temperature = "30 MeV", mu_e = "200 MeV", '
    'mu_nu_e = "0 MeV", rho = "3e14 g/cm^3", duration = "10 s"}'
)

CARD = """
title = "A title"

[supernova]
core = "shipped"
distance = "51.4 kpc"

[generator]
name = "toy"
mass = "100 MeV"
d = "1e-15 / MeV"

[observation]
window = "223 s"

[run]
events = 1_000
seed = 1987
output = "out.root"
"""

TWO = CARD.replace(
    '[generator]\nname = "toy"\nmass = "100 MeV"\nd = "1e-15 / MeV"',
    '[[generator]]\nname = "toy"\nlabel = "light"\nmass = "1 MeV"\nd = "1e-15 / MeV"\n'
    '[[generator]]\nname = "toy"\nlabel = "heavy"\nmass = "100 MeV"\nd = "1e-15 / MeV"',
)


@pytest.fixture(autouse=True)
def _plugins(monkeypatch):
    """One model, one core, one detector, so that the tests need none of the shipped ones."""

    def find(name):
        if name != "toy":
            raise unknown_name("generator.name", name, ["toy"])
        return Toy

    monkeypatch.setattr(card_module, "find_generator", find)
    monkeypatch.setattr(card_module, "_core_names", lambda: ["shipped", "one-zone"])
    monkeypatch.setattr(card_module, "detector_cards", lambda: {"smm-grs": Path("smm-grs.toml")})


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Load a card's text from `cards/c.toml`; the command runs in `work`."""
    (tmp_path / "cards").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def loaded(text: str = CARD, *settings: str, removed: Sequence[str] = ()) -> RunCard:
        path = tmp_path / "cards" / "c.toml"
        path.write_text(text, encoding="utf-8")
        return load_card(path, settings, removed)

    return loaded


def refusal(load, text: str = CARD, *settings: str, removed: Sequence[str] = ()) -> str:
    """Give the lines a card is refused with, one an error, without the folder of the card."""
    with pytest.raises(InputError) as error:
        load(text, *settings, removed=removed)
    lines = str(error.value).split("\n")
    assert len(lines) == len(error.value.messages)
    return "\n".join(line.removeprefix(f"{Path.cwd().parent}/cards/") for line in lines)


def test_values_are_converted_to_the_units_inside(load, tmp_path):
    """Catches a distance left in kpc, a coupling not inverted, a default that is not filled in."""
    card = load()
    assert card.title == "A title"
    assert card.path == tmp_path / "cards" / "c.toml"
    assert card.supernova.distance_m == pytest.approx(51.4e3 * PARSEC, rel=1e-14, abs=0)
    assert card.supernova.photosphere_m == 3e10
    assert card.supernova.neutrinosphere_m == 3e4
    assert (card.supernova.gravity, card.supernova.ordering) == (True, "NO")
    assert card.supernova.oscillation == "nufit-5.2"
    (generator,) = card.generators
    assert (generator.name, generator.label) == ("toy", "toy")
    assert generator.values == {
        "mass": 100.0,
        "d": 1e-15,
        "nature": "majorana",
        "processes": ("electron", "decay"),
    }
    assert card.observation.window_s == 223.0
    assert (card.observation.detector, card.observation.daughters) == (None, "all")
    assert card.observation.max_angle_rad is None
    assert (card.run.events, card.run.seed, card.run.precision) == (1000, 1987, "standard")
    assert (card.run.workers, card.run.supernovae) == (None, None)


def test_other_units_of_the_same_dimension(load):
    """Catches a unit that is checked but not converted."""
    card = load(
        CARD,
        "generator.mass=0.1 GeV",
        "generator.d=1e-12 / GeV",
        "supernova.distance=167642 lyr",
        "observation.window=1 hr",
        "observation.max_angle=180 deg",
        "supernova.photosphere=3e7 km",
    )
    assert card.generators[0].values["mass"] == pytest.approx(100, rel=1e-14, abs=0)
    assert card.generators[0].values["d"] == pytest.approx(1e-15, rel=1e-14, abs=0)
    assert card.supernova.distance_m == pytest.approx(51.4e3 * PARSEC, rel=1e-4, abs=0)
    assert card.observation.window_s == 3600
    assert card.observation.max_angle_rad == math.pi
    assert card.supernova.photosphere_m == pytest.approx(3e10, rel=1e-14, abs=0)


def test_the_end_of_a_range_belongs_to_it(load):
    """Catches a range whose end is refused, also where the unit's conversion rounds."""
    assert load(CARD, "generator.mass=1 GeV").generators[0].values["mass"] == 1000.0
    assert load(CARD, "generator.mass=1 eV").generators[0].values["mass"] == 1e-6
    assert load(CARD, "generator.d=0 / MeV").generators[0].values["d"] == 0.0
    far = load(CARD, "supernova.distance=1e5 kpc").supernova.distance_m
    assert far == load(CARD, "supernova.distance=100 Mpc").supernova.distance_m


REFUSED = [
    # the dimension
    (
        'distance = "51.4 kg"',
        "c.toml: supernova.distance: found '51.4 kg'; needs a length such as \"51.4 kpc\", "
        "from 1 pc to 100 Mpc",
    ),
    (
        "distance = 51.4",
        'c.toml: supernova.distance: found 51.4 without a unit; needs a length such as "51.4 kpc", '
        "from 1 pc to 100 Mpc",
    ),
    ('distance = "far"', "c.toml: supernova.distance: found 'far'; needs a length"),
    ('distance = "nan kpc"', "c.toml: supernova.distance: found 'nan kpc'; needs a length"),
    ("distance = nan", "c.toml: supernova.distance: found nan without a unit; needs a length"),
    ('distance = "1e999 kpc"', "found '1e999 kpc', which is not finite; needs a length"),
    ('distance = "51 400 pc"', "found '51 400 pc', where '400 pc' is no unit; needs a length"),
    ('distance = "[1, 2] kpc"', "supernova.distance: found '[1, 2] kpc'; needs a length"),
    (f"distance = {'9' * 400}", f"supernova.distance: found {'9' * 57}... without a unit; needs"),
    (f"seed = 0x1{'0' * 5000}", f"c.toml: run.seed: found 0x1{'0' * 54}...; needs a whole number"),
    ("distance = true", "c.toml: supernova.distance: found true; needs a length"),
    (
        "distance = 1987-02-23",
        "c.toml: supernova.distance: found datetime.date(1987, 2, 23); needs",
    ),
    (
        'mass = "100 s"',
        "c.toml: generator.mass: found '100 s'; needs a number with a unit like MeV, "
        "from 1e-06 MeV to 1000 MeV (mass of the toy)",
    ),
    ("mass = nan", "c.toml: generator.mass: found nan without a unit; needs a number with a unit"),
    ('d = "1e-15 MeV"', "c.toml: generator.d: found '1e-15 MeV'; needs a number with a unit like"),
    # the range
    ('distance = "0 kpc"', "c.toml: supernova.distance: found '0 kpc'; needs a length such as"),
    ('distance = "-1 kpc"', "c.toml: supernova.distance: found '-1 kpc'; needs a length such as"),
    (
        'mass = "2 GeV"',
        "c.toml: generator.mass: found '2 GeV'; needs a number with a unit like MeV, "
        "from 1e-06 MeV to 1000 MeV",
    ),
    ('d = "-1 / MeV"', "(coupling)"),
    (
        'd = "1 / MeV"\nmixing = 1.5',
        "c.toml: generator.mixing: found 1.5; needs a number, from 0 to 1",
    ),
    ("events = 0", "c.toml: run.events: found 0; needs a whole number from 1 to 10^12"),
    ("seed = -1", "c.toml: run.seed: found -1; needs a whole number from 0 to 2^63 - 1"),
    ("seed = 1\nworkers = 0", "c.toml: run.workers: found 0; needs a whole number from 1 to 1024"),
    ('window = "0 s"', "c.toml: observation.window: found '0 s'; needs a time such as"),
    # the type
    ("events = 1.5", "c.toml: run.events: found 1.5; needs a whole number from 1 to 10^12"),
    ("events = 1e13", "c.toml: run.events: found 10000000000000; needs a whole number"),
    ("events = inf", "c.toml: run.events: found inf; needs a whole number"),
    ('events = "100k"', "c.toml: run.events: found '100k'; needs a whole number"),
    ('events = "many"', "c.toml: run.events: found 'many'; needs a whole number"),
    ("events = true", "c.toml: run.events: found true; needs a whole number"),
    ("title = 1987", "c.toml: title: found 1987; needs a line of text, in quotes"),
    ("core = 5", "c.toml: supernova.core: found 5; needs the name of a core"),
    (
        "core = {radius = 5}",
        "c.toml: supernova.core: found {'radius': 5}; needs the name of a core",
    ),
    ('core = ""', "c.toml: supernova.core: found ''; needs the name of a core"),
    ('core = {type = "one-zon"}', "c.toml: supernova.core: type: unknown 'one-zon'; allowed"),
    (f"core = {ONE_ZONE.replace('30 MeV', '30 s')}", "supernova.core: temperature: found '30 s'"),
    ('core = "shipped"\ngravity = 1', "c.toml: supernova.gravity: found 1; needs true or false"),
    # a name
    (
        'core = "shiped"',
        "c.toml: supernova.core: unknown 'shiped'; allowed: one-zone, shipped; "
        "did you mean 'shipped'?",
    ),
    (
        'name = "toi"',
        "c.toml: generator.name: unknown 'toi'; allowed: toy; did you mean 'toy'?",
    ),
    ("name = 3", "c.toml: generator.name: found 3; needs the name of a model"),
    (
        'window = "1 s"\ndetector = "smm-gsr"',
        "c.toml: observation.detector: unknown 'smm-gsr'; allowed: smm-grs; "
        "did you mean 'smm-grs'?",
    ),
    (
        'window = "1 s"\ndaughters = "photons"',
        "c.toml: observation.daughters: unknown 'photons'; allowed: all, neutrino, photon; "
        "did you mean 'photon'?",
    ),
    (
        'name = "toy"\nnature = "Dirac"',
        "c.toml: generator.nature: unknown 'Dirac'; allowed: dirac, majorana; "
        "did you mean 'dirac'?",
    ),
    (
        'name = "toy"\nprocesses = ["electron", "neutron"]',
        "c.toml: generator.processes: unknown 'neutron'; allowed: decay, electron, proton",
    ),
    ('name = "toy"\nprocesses = []', "c.toml: generator.processes: found []; needs a list of some"),
    (
        'name = "toy"\nprocesses = "decay"',
        "c.toml: generator.processes: found 'decay'; needs a list of some of "
        '"electron", "proton", "decay" (births)',
    ),
    ('name = "toy"\nlabel = "a b"', "c.toml: generator.label: found 'a b'; needs text of letters"),
    # a combination that the model forbids
    (
        'name = "toy"\nmixing = 0.1\nnature = "dirac"',
        "c.toml: generator.mixing: found with nature = 'dirac'; needs 'majorana'",
    ),
    # files
    (
        'output = "/out.dat"',
        "c.toml: run.output: found '/out.dat'; needs the path of a file that ends in .root",
    ),
    (
        'output = "/none/out.root"',
        "c.toml: run.output: found '/none/out.root'; there is no folder '/none'",
    ),
    ('core = "missing/profile.txt"', "missing/profile.txt'; there is no such file or folder"),
    # a misspelt key comes before the missing one it explains
    (
        'distence = "51.4 kpc"',
        "c.toml: supernova.distence: unknown 'distence'; allowed: absorption, core, distance, "
        "gravity, neutrinosphere, ordering, oscillation, photosphere; did you mean 'distance'?"
        "\nc.toml: supernova.distance: missing; needs a length",
    ),
    (
        'Mass = "100 MeV"',
        "c.toml: generator.Mass: unknown 'Mass'; allowed: d, label, mass, mixing, model_config, "
        "name, nature, processes; did you mean 'mass'?\nc.toml: generator.mass: missing; needs",
    ),
    ("[runn]", "c.toml: runn: unknown 'runn'; allowed: generator, limit, observation, run, scan"),
]


@pytest.mark.parametrize(("line", "said"), REFUSED, ids=[line for line, _ in REFUSED])
def test_a_wrong_line_is_refused_in_one_line(load, line, said):
    """Catches a wrong value let through, or refused without file, key, value and range."""
    key = line.split(" =")[0]
    aliases = {"distence": "distance", "Mass": "mass", "[runn]": "[run]"}
    old = aliases.get(key, key)
    lines = [line if had.split(" =")[0] == old else had for had in CARD.splitlines()]
    assert line in lines
    assert said in refusal(load, "\n".join(lines))


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("core", "c.toml: supernova.core: missing; needs the name of a core"),
        ("distance", "c.toml: supernova.distance: missing; needs a length such as"),
        ("name", "c.toml: generator.name: missing; needs the name of a model"),
        ("mass", "c.toml: generator.mass: missing; needs a number with a unit like MeV"),
        ("window", "c.toml: observation: found neither detector nor window; needs"),
    ],
)
def test_a_missing_key_is_told(load, key, said):
    """Catches a key that is needed but silently takes some default."""
    text = "\n".join(line for line in CARD.splitlines() if line.split(" =")[0] != key)
    assert said in refusal(load, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "",
            "c.toml: supernova: missing; needs a table [supernova]\n"
            "c.toml: generator: missing; needs a table [generator]\n"
            "c.toml: observation: missing; needs a table [observation]",
        ),
        ("supernova = 5\n", "c.toml: supernova: found 5; needs a table [supernova]"),
        (
            'generator = 5\nsupernova = {core = "shipped", distance = "1 kpc"}\n'
            'observation = {window = "1 s"}',
            "c.toml: generator: found 5; needs a table [generator]",
        ),
        ("[a]\nx = 1\nx = 2\n", "c.toml, line 3: no valid TOML: the key or table is given twice"),
        ("[run]\n[run]\n", "c.toml, line 2: no valid TOML: the key or table is given twice"),
        (
            "[generator]\nmass = 100 MeV\n",
            "c.toml, line 2: no valid TOML: Expected newline or end of document after a statement; "
            'a value with a unit stands in quotes, such as "100 MeV"',
        ),
        ('a = 1\nb = "x', "c.toml, line 2: no valid TOML: Unterminated string"),
        (f"a = {'9' * 5000}", "c.toml, line 1: no valid TOML: Exceeds the limit"),
        (f"a = {'[' * 5000}", "c.toml: no valid TOML: tables or lists nested too deeply"),
        (
            'generator = []\nsupernova = {core = "shipped", distance = "1 kpc"}\n'
            'observation = {window = "1 s"}',
            "c.toml: generator: missing; needs a table [generator]",
        ),
    ],
)
def test_a_card_that_is_none_is_refused(load, text, said):
    """Catches a traceback of the TOML reader, and an error without the number of the line."""
    line = refusal(load, text)
    assert said in line


TOML_VALUES = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-(10**20), 10**20),
        st.floats(),
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8),
        st.sampled_from(["100 MeV", "1e400 m", "toy", "shipped", "~", "/", "1e-15 / MeV", "-5 s"]),
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "type", "path", "mass", "label"]), inner)
    ),
    max_leaves=4,
)
KEYS = [line.split(" =")[0] for line in CARD.splitlines() if "=" in line]


@settings(
    max_examples=300, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(key=st.sampled_from([*KEYS, "generator", "supernova"]), value=TOML_VALUES)
def test_whatever_stands_in_a_card_it_is_read_or_refused(load, tmp_path, key, value):
    """Catches a type, a number or a path that the checks did not think of, and a traceback."""
    data = tomllib.loads(CARD)
    tables = [inner for inner in data.values() if isinstance(inner, dict)]
    next((table for table in tables if key in table), data)[key] = value
    with contextlib.chdir(tmp_path / "work"):
        try:
            card = load("\n".join(_toml(data)))
        except InputError as error:
            said = error.messages
        else:
            said = (json.dumps(card.resolved(), allow_nan=False),)
    assert not [line for line in said if "\n" in line]


def test_a_file_that_cannot_be_read_is_refused_in_one_line(tmp_path):
    """Catches a traceback for a card that is not there, and a pipe that is waited for for ever."""
    (tmp_path / "latin.toml").write_bytes("# Zürich\n# Genève\n".encode("latin-1"))
    os.mkfifo(tmp_path / "pipe.toml")
    for name, said in [
        ("none.toml", "none.toml: cannot read the card: No such file or directory"),
        ("", ": cannot read the card: found a folder; needs a file"),
        ("pipe.toml", "pipe.toml: cannot read the card: found a pipe or device; needs a file"),
        (
            "latin.toml",
            "latin.toml, line 1: found bytes that are no UTF-8; needs the card as",
        ),
    ]:
        with pytest.raises(InputError) as error:
            load_card(tmp_path / name)
        assert said in str(error.value)
    with pytest.raises(InputError, match="found a pipe or device"):
        load_card(Path("/dev/zero"))


def test_other_systems_write_the_same_card(load, tmp_path):
    """Catches a byte-order mark or the ends of lines of Windows taken for an error."""
    path = tmp_path / "cards" / "windows.toml"
    path.write_bytes(CARD.replace("\n", "\r\n").encode("utf-8-sig"))
    assert load_card(path).resolved() == load().resolved()


def test_counts_may_be_written_as_powers_of_ten(load):
    """Catches 1e5 events refused, or kept as a float, which would change the run's identity."""
    card = load(CARD, "run.events=1e5", "run.supernovae=1E3", "run.workers=2.0", "run.seed=1e18")
    assert (
        card.resolved()
        == load(CARD, "run.events=100_000", "run.supernovae=1000", f"run.seed={10**18}").resolved()
    )
    assert [type(n) for n in (card.run.events, card.run.seed, card.run.workers)] == [int] * 3


def test_settings_win_over_the_card_and_later_ones_over_earlier(load):
    """Catches a setting that is dropped, or applied in the wrong order."""
    card = load(CARD, 'generator.mass="20 MeV"', "generator.mass=50 MeV", "run.events = 7")
    assert card.generators[0].values["mass"] == 50.0
    assert card.run.events == 7
    assert card.run.seed == 1987


def test_settings_are_toml_or_else_text(load):
    """Catches a list, a table or a boolean that stays text, and text that must be quoted twice."""
    card = load(
        CARD,
        'generator.processes=["decay", "electron"]',
        "supernova.gravity=false",
        f"supernova.core={ONE_ZONE}",
        "supernova.core.radius=12 km",
        "title=no = TOML",
        "observation.daughters=photon",
    )
    assert card.generators[0].values["processes"] == ("electron", "decay")
    assert card.supernova.gravity is False
    core = tomllib.loads(f"core = {ONE_ZONE}")["core"]
    assert card.supernova.core == {**core, "radius": "12 km"}
    assert card.title == "no = TOML"
    assert card.observation.daughters == "photon"


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("run.events=1e5.0", "command line: run.events: found '1e5.0'; needs a whole number"),
        ("generator.mass", "command line: found --set 'generator.mass'; needs KEY=VALUE"),
        ("=5", "command line: found --set '=5'; needs KEY=VALUE"),
        ("generator..mass=5", "command line: found --set 'generator..mass=5'; needs KEY=VALUE"),
        ("generator.mass=5 s", "command line: generator.mass: found '5 s'; needs a number"),
        (
            "generator.mas=5 s",
            "command line: generator.mas: unknown 'mas'; allowed: d, label, mass",
        ),
        ("supernova.core.radius=1 km", "command line: supernova.core.radius: supernova.core is"),
        ("run.events=1\nrun.seed = 2", "command line: run.events: found '1\\nrun.seed = 2'; needs"),
        ("observation.window=", "command line: observation.window: found ''; needs a time"),
    ],
)
def test_a_wrong_setting_names_the_command_line(load, setting, said):
    """Catches an error that blames the file for what stood on the command line."""
    assert said in refusal(load, CARD, setting)


def test_keys_are_taken_out_before_others_are_set(load):
    """Catches a key that cannot be unset, a default that is not used then, the wrong order."""
    plain = load(CARD.replace("seed = 1987\n", ""))
    assert load(CARD, removed=["run.seed"]).resolved() == plain.resolved()
    card = load(CARD, "run.seed=3", "run.supernovae=5", removed=["run"])
    assert (card.run.seed, card.run.events, card.run.supernovae) == (3, 1_000_000, 5)
    (left,) = load(TWO, removed=["generator.heavy"]).generators
    assert left.label == "light"


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("run.sed", "command line: --unset run.sed: unknown 'sed'; allowed: events, output, seed; "
         "did you mean 'seed'?"),
        ("rum.seed", "--unset rum.seed: unknown 'rum'; allowed: generator, observation, run,"),
        ("run.seed.low", "command line: --unset run.seed.low: run.seed is 1987, no table"),
        ("run.seed=5", "command line: --unset run.seed=5: unknown 'seed=5'; allowed"),
        ("", "command line: --unset : unknown ''; allowed"),
        ("generator.mass", "command line: generator.mass: missing; needs a number"),
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_taken_out_is_told(load, key, said):
    """Catches a misspelt key that is silently not unset, and what is missing blamed on the file."""
    assert said in refusal(load, CARD, removed=[key])


def test_paths_refer_to_the_card_or_to_the_working_directory(load, tmp_path):
    """Catches a path in the card sought where the command runs, or the other way round."""
    for folder in ("cards", "work"):
        (tmp_path / folder / "profile.txt").write_text("")
        (tmp_path / folder / "mine.toml").write_text("")
    text = CARD.replace('"shipped"', '"profile.txt"').replace(
        'window = "223 s"', 'detector = "./mine.toml"'
    )
    card = load(text)
    assert card.supernova.core == str(tmp_path / "cards" / "profile.txt")
    assert card.observation.detector == str(tmp_path / "cards" / "mine.toml")
    assert card.run.output == tmp_path / "work" / "out.root"
    assert (card.observation.window_s, card.observation.daughters) == (None, None)
    card = load(
        text,
        "supernova.core=profile.txt",
        "observation.detector=mine.toml",
        "run.output=new.root",
    )
    assert card.supernova.core == str(tmp_path / "work" / "profile.txt")
    assert card.observation.detector == str(tmp_path / "work" / "mine.toml")
    assert card.run.output == tmp_path / "work" / "new.root"
    table = load(CARD, 'supernova.core={path = "profile.txt", duration = "1 s"}').supernova.core
    assert table == {"path": str(tmp_path / "work" / "profile.txt"), "duration": "1 s"}


@pytest.mark.parametrize(
    ("found", "near"),
    [
        ("U2_electron", "; did you mean 'U2_e'?"),
        ("neutrino-energy-in-MeV", "; did you mean 'neutrino-energy'?"),
        ("mas", "; did you mean 'mass'?"),
        ("dimension", ""),  # starts with d, as much does
        ("", ""),
    ],
)
def test_a_name_spelled_out_is_understood(found, near):
    """Catches a long form left without the key it stands for, or a hint that is a guess."""
    names = ["U2_e", "U2_mu", "d", "mass", "neutrino", "neutrino-energy"]
    said = f"k: unknown {found!r}; allowed: {', '.join(names)}{near}"
    assert str(unknown_name("k", found, names)) == said


def test_a_shipped_name_is_no_path(load, tmp_path):
    """Catches a folder that happens to bear the name of a shipped core and hides it."""
    (tmp_path / "cards" / "shipped").mkdir()
    assert load().supernova.core == "shipped"


def test_output_and_title_default_to_the_card(load, tmp_path):
    """Catches a default output beside the card in place of where the command runs."""
    text = CARD.replace('output = "out.root"', "").replace('title = "A title"', "")
    card = load(text)
    assert card.run.output == tmp_path / "work" / "c.root"
    assert card.title == "c"


def test_several_generators_go_by_their_labels(load):
    """Catches an entry lost, the order changed, a setting of the wrong entry or of a new one."""
    card = load(TWO, "generator.heavy.mass=200 MeV")
    assert [entry.label for entry in card.generators] == ["light", "heavy"]
    assert [entry.values["mass"] for entry in card.generators] == [1.0, 200.0]
    assert "c.toml: generator.label: found 'toy' twice" in refusal(
        load, TWO.replace('label = "light"', "").replace('label = "heavy"', "")
    )
    assert "generator.mass: found '5 MeV'; needs a table; of several generators name one" in (
        refusal(load, TWO, "generator.mass=5 MeV")
    )
    assert "command line: generator.light.mixing: found with nature = 'dirac'; needs" in refusal(
        load, TWO, "generator.light.mixing=0.1", "generator.light.nature=dirac"
    )
    assert refusal(load, TWO, "generator.haevy.mass=5 MeV") == (
        "command line: generator.haevy.mass: label: unknown 'haevy'; allowed: heavy, light; "
        "did you mean 'heavy'?"
    )
    wrong = TWO.replace('mass = "1 MeV"', 'mass = "1 s"')
    assert "c.toml: generator.light.mass: found '1 s'; needs" in refusal(load, wrong)
    single = CARD.replace("[generator]", "[[generator]]")
    assert load(single, "generator.mass=5 MeV").generators[0].values["mass"] == 5.0


def test_resolved_is_json_and_reads_back_as_the_same_card(load):
    """Catches a value that the file's record leaves out, rounds, or gives without its unit."""
    text = TWO.replace('"shipped"', ONE_ZONE)
    card = load(text, "generator.light.mixing=0.1", "observation.max_angle=5 deg")
    record = json.loads(json.dumps(card.resolved(), allow_nan=False))
    assert record["supernova"]["distance"].endswith(" m")
    assert record["generator"][0]["mass"] == "1.0 MeV"
    assert record["generator"][0]["mixing"] == 0.1
    assert record["observation"]["daughters"] == "all"
    again = load("\n".join(_toml(record)))
    assert again.supernova == card.supernova
    assert again.generators == card.generators
    assert again.observation == card.observation
    assert again.resolved() == card.resolved()


def test_resolved_does_not_know_where_and_by_how_many_it_is_done(load):
    """Catches a record that differs between machines that simulate the same events."""
    here = load(CARD, "run.workers=1", "run.output=a.root").resolved()
    there = load(CARD, "run.workers=2", "run.output=b.root").resolved()
    assert here == there
    assert here != load(CARD, "run.seed=2").resolved()


def _toml(record):
    """Write a record as TOML, inline, without what is None."""
    for key, value in record.items():
        yield f"{key} = {_inline(value)}"


def _inline(value):
    if isinstance(value, dict):
        inner = (f"{key} = {_inline(one)}" for key, one in value.items() if one is not None)
        return "{" + ", ".join(inner) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)


def test_every_key_stands_in_the_manual():
    """Catches a key added to the card and not to docs/cards.md."""
    manual = (ROOT / "docs" / "cards.md").read_text(encoding="utf-8")
    sections = [card_module._Supernova, card_module._Observation, card_module._Run]
    keys = [key for section in sections for key in section.model_fields]
    assert [key for key in ["title", "name", "label", *keys] if f"| `{key}` |" not in manual] == []
