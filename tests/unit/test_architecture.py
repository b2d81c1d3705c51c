"""The house: imports run downward, the engine knows no plug-in, help is instant."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = {
    "_source_tree": 0,
    "ground": 1,
    "burst": 2,
    "core": 2,
    "thermal": 2,
    "production": 3,
    "decays": 3,
    "flavour": 3,
    "interactions": 3,
    "roles": 4,
    "run": 5,
    "judgement": 6,
    "cli": 7,
    "__main__": 8,
}
PLUGINS = ("generators", "detectors")
SOURCES = sorted((ROOT / "snmc").rglob("*.py"))
MODELS = sorted((ROOT / "generators").glob("*.py"))


def imported(path: Path, package: str) -> Iterator[str]:
    """Give the full name of all that a file imports, wherever in the file it does so."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*(above if node.level else []), *([node.module] * bool(node.module))])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def package_of(path: Path) -> str:
    """Give the package that a file of snmc belongs to, as Python names it."""
    return ".".join(path.relative_to(ROOT).parent.parts)


def part(name: str) -> str | None:
    """Give the part of snmc that a name is imported from; None for what is not ours."""
    words = name.split(".")
    return words[1] if words[0] == "snmc" and len(words) > 1 else None


def own_part(path: Path) -> str:
    """Give the part of snmc that a file is of: its folder in snmc, or its own name."""
    return path.relative_to(ROOT / "snmc").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downward(path):
    """Catches a lower floor that needs a higher one, also inside a function."""
    if path == ROOT / "snmc" / "__init__.py":
        assert set(imported(path, "snmc")) == {"snmc._source_tree.bind_plugins"}
        return
    floor = FLOORS[own_part(path)]
    for name in imported(path, package_of(path)):
        other = part(name)
        if other is None or other in PLUGINS or other == "__version__":
            continue
        assert FLOORS[other] <= floor, f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_models_stand_on_the_floors_up_to_roles(path):
    """Catches a model that reaches into the run, and could not be used without it."""
    for name in imported(path, "snmc.generators"):
        other = part(name)
        if other is not None and other not in PLUGINS:
            assert FLOORS[other] <= FLOORS["roles"], f"{path.name} imports {name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_engine_names_no_plugin(path):
    """Catches a model or detector that the engine knows by name, so that a new one needs a change.

    Only the package itself may be imported, to look for files in it.
    """
    models = {model.stem for model in MODELS} - {"__init__"}
    for name in imported(path, package_of(path)):
        words = name.split(".")
        assert words[:2] not in (["snmc", "generators"], ["snmc", "detectors"]) or len(words) == 2
        assert words[0] not in PLUGINS
    cards = {card.stem for card in (ROOT / "detectors").glob("*.toml")}
    texts = {
        node.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert texts.isdisjoint(models | cards)
    assert not [text for text in texts if text.startswith(("snmc.generators.", "snmc.detectors."))]


@pytest.mark.parametrize("command", [[], ["run"], ["show"], ["detectors"]])
def test_help_is_light(command):
    """Catches an import at the top of the command line that makes help slow."""
    script = (
        "import sys\n"
        "from snmc.cli import main\n"
        "try:\n"
        f"    main([*{command!r}, '--help'])\n"
        "finally:\n"
        "    heavy = {'numpy', 'numba', 'scipy', 'astropy', 'pydantic', 'uproot', 'matplotlib',\n"
        "             'distributed'}\n"
        "    print('loaded:', sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "Usage: snmc" in done.stdout
    assert done.stderr == "loaded: []\n"
