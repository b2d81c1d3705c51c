"""The registry: plug-ins are found by their names, and by nothing else."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from snmc import detectors, generators
from snmc.ground.errors import InputError
from snmc.roles import registry
from snmc.run.card import load_card

MACROS = sorted(
    path
    for path in (Path(__file__).parents[2] / "macros").glob("*.toml")
    if not path.stem.startswith("limit-")  # scans, which have no mass
)
MODEL = '''
from snmc.roles.generator import Generator

class Base(Generator):
    """No name, so no model."""

    prepare = report = lambda self, *arguments: None

class Unfinished(Generator):
    """Abstract, so no model."""

    name = "unfinished"

class First(Base):
    name = "first-model"
    title = "The first"
    parameters = ()
    references = ()

class Second(First):
    name = "second"
'''

HEIR = """
from snmc.generators.first_model import First

class Heir(First):
    name = "heir"
"""

OUTSIDER = MODEL.replace("first-model", "outside").replace("second", "outside-too")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give a folder whose files are the only plug-ins, found by nobody once the test is over."""
    monkeypatch.setattr(generators, "__path__", [str(tmp_path)])
    monkeypatch.setattr(detectors, "__path__", [str(tmp_path)])
    monkeypatch.setattr(registry, "entry_points", lambda group: ())
    monkeypatch.syspath_prepend(tmp_path / "outside")
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith(("snmc.generators.", "outsider")):
            del sys.modules[name]


def outsider(folder: Path, monkeypatch, value: str) -> None:
    """Install another package with one entry point."""
    (folder / "outside").mkdir()
    (folder / "outside" / "outsider.py").write_text(OUTSIDER)
    entry = EntryPoint("mine", value, registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: (entry,))


def test_a_new_file_is_a_new_model(folder):
    """Catches a model that must be named elsewhere, an imported base listed twice."""
    (folder / "first_model.py").write_text(MODEL)
    (folder / "heir.py").write_text(HEIR)
    found = registry.generators()
    assert list(found) == ["first-model", "heir", "second"]
    assert found["heir"].__module__ == "snmc.generators.heir"


def test_only_the_file_of_the_model_is_loaded(folder):
    """Catches the start-up of one model paying for (or failing with) all others."""
    (folder / "first_model.py").write_text(MODEL)
    (folder / "broken.py").write_text("raise RuntimeError('loaded')")
    assert registry.find_generator("first-model").name == "first-model"
    with pytest.raises(RuntimeError, match="loaded"):
        registry.find_generator("second")


def test_an_unknown_model_is_told_with_the_nearest(folder):
    """Catches a KeyError in place of a line for the user."""
    (folder / "first_model.py").write_text(MODEL)
    assert registry.find_generator("second").name == "second"
    with pytest.raises(InputError) as error:
        registry.find_generator("fist-model")
    assert str(error.value) == (
        "generator.name: unknown 'fist-model'; allowed: first-model, second; "
        "did you mean 'first-model'?"
    )


@pytest.mark.parametrize("name", ["", ".", "os", "__init__", "../evil", "first_model"])
def test_a_name_is_no_module_path(folder, name):
    """Catches a name of the card that imports whatever it likes."""
    (folder / "first_model.py").write_text(MODEL)
    with pytest.raises(InputError, match=r"generator\.name: unknown"):
        registry.find_generator(name)


def test_two_models_of_one_name_are_refused(folder):
    """Catches a model that silently hides another."""
    (folder / "first_model.py").write_text(MODEL)
    (folder / "other.py").write_text(MODEL.replace("second", "third"))
    with pytest.raises(InputError, match=r"two models are named 'first-model': snmc\.generators\."):
        registry.generators()


@pytest.mark.parametrize(
    ("value", "names"),
    [("outsider", ["outside", "outside-too"]), ("outsider:Second", ["outside-too"])],
)
def test_models_of_other_packages(folder, monkeypatch, value, names):
    """Catches an entry point, module or class, that is not read."""
    outsider(folder, monkeypatch, value)
    assert list(registry.generators()) == names
    assert registry.find_generator("outside-too").__module__ == "outsider"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("outsider_gone", "cannot be loaded: No module named 'outsider_gone'"),
        ("outsider:Gone", "cannot be loaded: module 'outsider' has no attribute 'Gone'"),
        ("outsider:Generator", "needs a module or a class derived from"),
        ("outsider:__name__", "is 'outsider'; needs a module or a class derived from"),
    ],
)
def test_a_broken_package_is_named(folder, monkeypatch, value, said):
    """Catches a traceback from somebody else's package that does not say whose."""
    outsider(folder, monkeypatch, value)
    with pytest.raises(InputError) as error:
        registry.generators()
    assert str(error.value).startswith(f"generators: plug-in 'mine' ({value})")
    assert said in str(error.value)


def test_detectors_are_cards(folder, monkeypatch):
    """Catches a card that must be named elsewhere, a path sought in the wrong folder."""
    (folder / "smm-grs.toml").write_text("")
    (folder / "imb.toml").write_text("")
    (folder / "notes.txt").write_text("")
    (folder / "mine").mkdir()
    (folder / "mine" / "imb.toml").write_text("")
    assert list(registry.detector_cards()) == ["imb", "smm-grs"]
    module = type(sys)("snmc.roles.detector")
    module.load_detector = lambda path: path
    monkeypatch.setitem(sys.modules, "snmc.roles.detector", module)
    assert registry.find_detector("imb", folder / "mine") == folder / "imb.toml"
    own = registry.find_detector("./imb.toml", folder / "mine")
    assert own == folder / "mine" / "imb.toml"
    assert registry.find_detector(str(own), Path("/")) == own
    with pytest.raises(InputError) as error:
        registry.find_detector("smm-gsr", folder)
    assert str(error.value) == (
        "detector: unknown 'smm-gsr'; allowed: imb, smm-grs; did you mean 'smm-grs'?"
    )
    with pytest.raises(InputError, match=r"none/imb\.toml not found"):
        registry.find_detector("none/imb.toml", folder)


@pytest.mark.parametrize("path", MACROS, ids=lambda path: path.stem)
def test_every_shipped_card_is_right(path):
    """Catches a card in `macros/` that names what is not shipped, or a value out of range."""
    card = load_card(path)
    assert card.run.output.stem == path.stem
    assert card.observation.detector in registry.detector_cards()


@pytest.mark.parametrize("name", registry.detector_cards())
def test_every_shipped_detector_is_right(name):
    """Catches a wrong detector card, which `snmc detectors` would complain about."""
    detector = registry.find_detector(name, Path("/"))
    assert detector.title
    assert name in detector.describe()
