"""However snmc is installed, its models, detector cards, cores and examples come with it."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "snmc": "snmc",
    "generators": "snmc/generators",
    "detectors": "snmc/detectors",
    "macros": "snmc/macros",
}
SOURCES = (*FOLDERS, "pyproject.toml", "README.md", "LICENSE")

LIST_EVERYTHING = """
import site
site.addsitedir({installed!r})  # as for installed packages, .pth files are read
import json
from pathlib import Path
import snmc
from snmc.core import list_cores, load_core
from snmc.roles import registry
from snmc.run.examples import example, example_cards
print(json.dumps({{
    "package": snmc.__file__,
    "generators": sorted(registry.generators()),
    "detectors": sorted(registry.detector_cards()),
    "read": registry.find_detector("smm-grs", Path.cwd()).name,
    "cores": sorted(name for name, _ in list_cores()),
    "core": load_core("pns-sfho-1.351").content,
    "examples": {{name: example(name) for name in example_cards()}},
}}))
"""


def expected_files():
    """Give every file of the checkout that a wheel must hold, by its name in the wheel."""
    for folder, name in FOLDERS.items():
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".C":
                yield f"{name}/{path.relative_to(ROOT / folder).as_posix()}"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """Copy the sources: building leaves files behind, and nothing else must be needed."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy)
    return copy


def build(hook, checkout, folder):
    """Build a wheel as pip does, by the hook of PEP 517 or 660, and unpack it into `folder`."""
    pytest.importorskip("setuptools", minversion="77")
    program = f"from setuptools import build_meta; build_meta.{hook}({str(folder)!r})"
    subprocess.run(
        [sys.executable, "-c", program], cwd=checkout, check=True, capture_output=True, text=True
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    wheel.unlink()
    return folder


@pytest.fixture(scope="module")
def wheel(checkout, tmp_path_factory):
    """Unpack what `pip install .` would install."""
    return build("build_wheel", checkout, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def editable(checkout, tmp_path_factory):
    """Unpack what `pip install --editable .` would install."""
    return build("build_editable", checkout, tmp_path_factory.mktemp("editable"))


def seen_from(installed, elsewhere):
    """Tell what a new process finds of snmc when `installed` is where it lies.

    -S: an editable install of the running environment must not help.
    """
    libraries = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    path = os.pathsep.join([str(installed), *libraries])
    done = subprocess.run(
        [sys.executable, "-S", "-c", LIST_EVERYTHING.format(installed=str(installed))],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": path, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("layout", ["checkout", "wheel", "editable"])
def test_everything_is_found(layout, request, tmp_path):
    """A layout in which a model, a detector card or a core is missing or is another's."""
    installed = request.getfixturevalue(layout)
    seen = seen_from(installed, tmp_path)
    home = installed if layout == "wheel" else request.getfixturevalue("checkout")
    assert Path(seen["package"]).is_relative_to(home)
    assert seen["generators"] == sorted(
        path.stem.replace("_", "-")
        for path in (ROOT / "generators").glob("*.py")
        if not path.stem.startswith("_")
    )
    assert seen["detectors"] == sorted(path.stem for path in (ROOT / "detectors").glob("*.toml"))
    assert seen["read"] == "smm-grs"
    assert "pns-sfho-1.351" in seen["cores"]
    assert seen["examples"] == {
        path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "macros").glob("*.toml")
    }


def test_all_layouts_hold_the_same_core(checkout, wheel, tmp_path):
    """A wheel with a snapshot too few: its events would differ from those of the checkout."""
    assert seen_from(wheel, tmp_path)["core"] == seen_from(checkout, tmp_path)["core"]


def test_wheel_holds_every_file_and_no_other(wheel):
    """A package or a kind of data that pyproject.toml does not list, or a stray top level."""
    files = {
        path.relative_to(wheel).as_posix()
        for path in wheel.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    ours = {name for name in files if ".dist-info/" not in name}
    assert ours == set(expected_files())
    assert any(name.endswith("licenses/LICENSE") for name in files)


def test_command_is_installed(wheel):
    """A wheel whose installation gives no command `snmc`."""
    (entries,) = wheel.glob("*.dist-info/entry_points.txt")
    assert "snmc = snmc.cli:main" in entries.read_text(encoding="utf-8")
