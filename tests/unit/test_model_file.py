"""A model that is a file: found by its path, refused in one line, known by all it is made of."""

import sys
from pathlib import Path

import numpy as np
import pytest

from snmc.ground.errors import InputError
from snmc.judgement.limit_plots import mass_symbol
from snmc.roles import model_file
from snmc.roles.model_file import model_source
from snmc.roles.registry import find_generator
from snmc.run.card import load_card
from snmc.run.prepare import prepare

MODEL = """
from snmc.generators.dipole import Dipole

class MyModel(Dipole):
    name = "mine"
    title = "Mine"
"""
SECOND = """
class Second(MyModel):
    name = "second"
"""
UNFINISHED = """
from snmc.roles.decaying_particle import DecayingParticle

class Unfinished(DecayingParticle):
    name = "unfinished"
"""


@pytest.fixture
def folder(tmp_path):
    """Give a folder of models, of which nothing stays loaded."""
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith(("snmc_model_", "beside", "outside")):
            del sys.modules[name]


@pytest.fixture
def card(folder, card_text):
    """Give a function that loads a card whose generator has that name, with settings."""

    def load(name, *settings):
        path = folder / "card.toml"
        path.write_text(card_text.replace('name = "dipole"', f'name = "{name}"'))
        return load_card(path, settings)

    return load


@pytest.mark.parametrize("name", ["my_model.py", "my_model.py:MyModel", "./my_model.py"])
def test_a_path_is_one_from_the_folder_of_the_card(folder, card, monkeypatch, name):
    """Catches a model sought where the command runs, or an entry called by a whole path."""
    (folder / "my_model.py").write_text(MODEL)
    monkeypatch.chdir("/")
    (setting,) = card(name).generators
    assert setting.name == str(folder / "my_model.py") + name.partition(".py")[2]
    assert setting.label == "my_model"
    (model,) = prepare(card(name)).generators.values()
    assert (model.name, model.title) == ("mine", "Mine")
    assert not list(folder.glob("__pycache__"))


def test_a_path_on_the_command_line_is_one_from_here(folder, card, monkeypatch):
    """Catches a model of --set sought beside the card."""
    (folder / "here").mkdir()
    (folder / "here" / "my_model.py").write_text(MODEL)
    monkeypatch.chdir(folder / "here")
    (setting,) = card("dipole", "generator.name=my_model.py:MyModel").generators
    assert setting.name == f"{folder}/here/my_model.py:MyModel"


def test_one_of_several_generators(folder, card_text):
    """Catches a path of a list of generators that is not followed, or a label that is a path."""
    (folder / "my_model.py").write_text(MODEL)
    several = card_text.replace("[generator]", "[[generator]]").replace(
        "[observation]",
        '[[generator]]\nname = "my_model.py"\nmass = "50 MeV"\nd = "1e-15 / MeV"\n[observation]',
    )
    (folder / "card.toml").write_text(several)
    loaded = load_card(folder / "card.toml", ["generator.my_model.mass=60 MeV"])
    assert [setting.label for setting in loaded.generators] == ["dipole", "my_model"]
    assert loaded.generators[1].values["mass"] == 60.0


ERRORS = {
    "no file": (None, "", "/m.py: cannot read the model: No such file or directory"),
    "no such model": (
        MODEL, ":Mymodel", "/m.py: model: unknown 'Mymodel'; allowed: MyModel; did you mean 'My",
    ),
    "several": (
        MODEL + SECOND, "",
        "/m.py: holds the models MyModel, Second; needs one of them, as 'm.py:MyModel'",
    ),
    "none": ("x = 1", "", "/m.py: holds no model: needs a class derived from snmc.roles.generator"),
    "unfinished": (
        UNFINISHED, ":Unfinished",
        "/m.py: holds no model: Unfinished lacks title, parameters, references, coupling_squared, ",
    ),
    "imported only": ("from snmc.generators.dipole import Dipole", "", "/m.py: holds no model"),
    "syntax": (
        "x = 1\ny = = 2", "", "/m.py, line 2: cannot be loaded: SyntaxError: invalid syntax",
    ),
    "raises": (
        "def f():\n    return 1 / 0\nf()", "",
        "/m.py, line 2: cannot be loaded: ZeroDivisionError: division by zero",
    ),
    "not installed": (
        "import nothing_of_that_name", "",
        "/m.py, line 1: cannot be loaded: ModuleNotFoundError: No module named 'nothing_of_that_",
    ),
    "beside it": (
        "import beside", "",
        "No module named 'beside'; a file beside it is imported by: from .beside import ...",
    ),
    "raises beside it": (
        "from .beside import K", "", "/beside.py, line 1: cannot be loaded: NameError: name 'gone'",
    ),
    "too far up": ("from ..up import K", "", "/m.py, line 1: cannot be loaded: ImportError: "),
    "no text": ("x = '\0'", "", "/m.py"),
}  # fmt: skip


@pytest.mark.parametrize("fault", ERRORS)
def test_what_is_wrong_is_one_line(folder, card, fault):
    """Catches a traceback for a file that is not there, holds no model, or cannot be imported."""
    text, model, said = ERRORS[fault]
    (folder / "beside.py").write_text("gone")
    if text is not None:
        (folder / "m.py").write_text(text)
    with pytest.raises(InputError) as error:
        card(f"m.py{model}")
    assert str(error.value).startswith(f"{folder}/card.toml: generator.name: {folder}/")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_two_folders_and_two_times(folder):
    """Catches one file taken for another of its name, and an old one for what it has become."""

    def factor(place, number):
        (folder / place).mkdir(exist_ok=True)
        (folder / place / "numbers.py").write_text(f"FACTOR = {number}")
        (folder / place / "m.py").write_text(f"from .numbers import FACTOR\n{MODEL}    k = FACTOR")
        return find_generator(f"{folder}/{place}/m.py").k

    assert [factor("a", 1), factor("b", 2), factor("a", 3), factor("b", 2)] == [1, 2, 3, 2]


def source_of(path: Path) -> str:
    return model_source(find_generator(str(path)))


def test_the_source_of_a_model_is_all_it_imports(folder, monkeypatch):
    """Catches a run that is resumed, or a grid that is kept, though the model has changed.

    In its own file, in one beside it, in a package beside it that this imports, or in another one
    that is on the path but not installed; and one that changes with what it does not import.
    """
    monkeypatch.syspath_prepend(folder / "path")
    model = folder / "m.py"
    files = {
        model: f"from .beside import A\nimport outside_package.part\n{MODEL}",
        folder / "beside.py": "from .beside_package import A",
        folder / "beside_package" / "__init__.py": "from .deep import A",
        folder / "beside_package" / "deep.py": "A = 1",
        folder / "path" / "outside_package" / "__init__.py": "",
        folder / "path" / "outside_package" / "part.py": "def f():\n    from . import other",
        folder / "path" / "outside_package" / "other.py": "",
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    first = source_of(model)
    (folder / "unrelated.py").write_text("")
    assert source_of(model) == first
    found = {first}
    for path, text in files.items():
        path.write_text(f"{text}\n# changed")
        found.add(source_of(model))
    assert len(found) == len(files) + 1
    assert model_source(find_generator("dipole")) == ""


def test_the_source_of_a_package_is_all_its_files(folder, monkeypatch):
    """Catches a plug-in package known by the file of its model alone; its data count too."""
    monkeypatch.syspath_prepend(folder)
    package = folder / "outside_plugin"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "model.py").write_text(MODEL)
    np.savetxt(package / "data" / "table.txt", [1.0])
    from outside_plugin.model import MyModel

    found = {model_source(MyModel)}
    for path in (package / "data" / "table.txt", package / "__init__.py"):
        path.write_text("# changed")
        model_file._package_source.cache_clear()
        found.add(model_source(MyModel))
    assert len(found) == 3


@pytest.mark.parametrize(
    ("particle", "symbol"),
    [("N", "m_{N}"), ("Z'", "m_{Z'}"), ("phi", r"m_{\phi}"), ("my dark_1 particle", "m")],
)
def test_the_symbol_of_any_mass_can_be_drawn(folder, particle, symbol):
    """Catches a picture that ends in an error of TeX for the words of somebody's model."""
    named = f"""
from snmc.roles.generator import Parameter
{MODEL}    parameters = (Parameter("mass", "MeV", 0.1, 400.0, "mass of {particle}"),)
"""
    (folder / "m.py").write_text(named)
    assert mass_symbol(str(folder / "m.py")) == symbol
