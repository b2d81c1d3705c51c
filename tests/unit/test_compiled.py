"""The cache of compiled functions: nothing stale, nothing exchanged, nothing damaged believed."""

import importlib
import os
import pickle
import pkgutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

import snmc
import snmc.generators
from snmc.core import load_core
from snmc.ground import cache
from snmc.ground.compiled import compiled, compiled_formula, fingerprint
from snmc.production.emission import Coalescence, emission_grid, emitted_numbers

FACTORY = """
from snmc.ground.compiled import compiled_as, compiled_formula, float64, function_type


def times(factor):
    @compiled_formula(1)
    def formula(x):
        return factor * x

    return formula


@compiled_as(float64(function_type(1), float64))
def called(formula, x):
    return formula(x)
"""


def test_formulas_of_one_factory_are_not_exchanged(tmp_path):
    """Catches numba's cache giving one formula for another that the same factory made.

    Compiled in different processes and loaded together, two functions of one name were exchanged:
    rates of heavy neutral leptons came out wrong by factors, and were kept.
    """
    (tmp_path / "factory.py").write_text(FACTORY)
    environment = {**os.environ, "SNMC_CACHE_DIR": str(tmp_path / "cache")}
    environment["PYTHONPATH"] = os.pathsep.join(
        [str(tmp_path), *filter(None, [environment.get("PYTHONPATH")])]
    )

    def values(*factors):
        script = (
            "from factory import called, times\n"
            f"formulas = [times(factor) for factor in {factors!r}]\n"
            "print(*[called(formula, 1.0) for formula in formulas])"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        return [float(word) for word in done.stdout.split()]

    for factor in (2.0, 3.0, 5.0):  # from the second on the caller comes from the cache
        assert values(factor) == [factor]
    assert values(5.0, 3.0, 2.0) == [5.0, 3.0, 2.0]


def test_threads_make_one_formula_between_them():
    """Catches two threads compiling one formula at once, which numba ended with a KeyError."""

    def times(factor: float) -> object:
        @compiled_formula(1)
        def formula(x: float) -> float:
            return factor * x

        return formula

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(times, [2.0, 3.0] * 20))
    assert [formula(1.0) for formula in made[:2]] == [2.0, 3.0]
    assert len({id(one) for one in made}) == 2


@pytest.fixture
def own_kernels(tmp_path, monkeypatch):
    """Give the folder of cached kernels while the test runs, empty at first."""
    folder = tmp_path / "own-cache" / "kernels"
    folder.mkdir(parents=True)
    folders = {"kernels": folder, "tables": tmp_path / "own-cache" / "tables"}
    folders["tables"].mkdir()
    monkeypatch.setattr(cache, "cache_folders", lambda: folders)
    return folder


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Give a function that writes a package `two` of two files, and imports its formula anew."""
    folder = tmp_path / "two"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def forget():
        for name in [name for name in sys.modules if name.partition(".")[0] == "two"]:
            del sys.modules[name]
        importlib.invalidate_caches()

    def write(first, second, data=()):
        (folder / "second.py").write_text(second)
        (folder / "first.py").write_text(first)
        np.savetxt(folder / "data.txt", np.array([*data, 0.0]))
        forget()
        return importlib.import_module("two.first").formula

    yield write
    forget()


FIRST = """
from snmc.ground.compiled import compiled, compiled_formula
from two{imports}

@compiled_formula(1)
def formula(x):
    return {value}
"""
READ = """
from pathlib import Path
import numpy as np
VALUES = np.loadtxt(Path(__file__).parent / "data.txt")
"""
FOREIGN = """
import numba
from two.third import K

@numba.njit("float64(float64)", cache=True)
def twice(x):
    return K * x
"""
# Ways in which a number of the second file comes to the formula of the first: what the first
# imports and computes, and the second.
WAYS = {
    "number": (".second import K", "K * x", "K = {0}"),
    "attribute": (" import second", "second.K * x", "K = {0}"),
    "long way": (" import second\nimport two", "two.second.K * x", "K = {0}"),
    "tuple": (".second import K", "K[1] * x", "K = (1.0, {0})"),
    "array": (".second import K", "K[0] * x", "import numpy as np\nK = np.array([{0}, 1.0])"),
    "callee": (
        ".second import twice", "twice(x)",
        "from snmc.ground.compiled import compiled\nK = {0}\n@compiled\ndef twice(x): return K * x",
    ),
    "callee of another module": (
        " import second", "second.twice(x)",
        "from snmc.ground.compiled import compiled\nK = {0}\n@compiled\ndef twice(x): return K * x",
    ),
    "default": (
        ".second import twice", "twice(x)",
        "from snmc.ground.compiled import compiled\n@compiled\ndef twice(x, y={0}): return y * x",
    ),
    "enclosed": (
        ".second import K\ndef make(k):\n  @compiled\n  def made(x): return k * x\n  return made\n"
        "made = make(K)",
        "made(x)", "K = {0}",
    ),
    "code": (
        ".second import twice", "twice(x)",
        "from snmc.ground.compiled import compiled\n@compiled\ndef twice(x): return x * {0}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_a_change_in_another_file_is_seen(own_kernels, package, way):
    """Catches stale physics: a formula that goes on with the old number of another file."""
    imports, value, second = WAYS[way]
    first = FIRST.format(imports=imports, value=value)
    for number in (2.0, 20.0, 2.0):
        assert package(first, second.format(number))(3.0) == 3 * number
    kept = set(own_kernels.iterdir())
    assert package(first, second.format(20.0))(3.0) == 60.0
    assert set(own_kernels.iterdir()) == kept  # and what is not changed comes from the cache


def test_a_change_in_a_data_file_is_seen(own_kernels, package):
    """Catches an array that the formula reads and whose file was changed, far from its ends."""
    first = FIRST.format(imports=".second import VALUES", value="VALUES[1000] * x")
    for number in (2.0, 20.0):
        data = np.ones(2000)
        data[1000] = number
        assert package(first, READ, data)(3.0) == 3 * number


def test_another_ones_cache_is_not_stale_either(own_kernels, package, tmp_path):
    """Catches numba's own cache, beside the file, of a helper that a formula calls."""
    first = FIRST.format(imports=".second import twice", value="twice(x)")
    for number in (2.0, 20.0):
        (tmp_path / "two" / "third.py").write_text(f"K = {number}")
        assert package(first, FOREIGN)(3.0) == 3 * number
    assert not list(tmp_path.rglob("*.nbi"))


def test_tables_of_a_package_follow_its_second_file(own_tables, package):
    """Catches the table of old physics, a factor wrong, after a change in the second file."""
    core = load_core(
        {"type": "one-zone", "radius": "10 km", "temperature": "30 MeV", "mu_e": "200 MeV",
         "mu_nu_e": "0 MeV", "rho": "3e14 g/cm^3", "duration": "1 s"}
    )  # fmt: skip
    first = FIRST.format(imports=".second import K", value="K").replace(
        "def formula(x)", "def formula(a, b, c, d)"
    )
    total = []
    for number in (1.0, 10.0):
        amplitude = package(first.replace("formula(1)", "formula(4)"), f"K = {number}")
        process = Coalescence("x", ("nu_e",), "nu_e_bar", amplitude)
        grid = emission_grid(core, 50.0, "draft", (process,))
        total.append(emitted_numbers(core, process, 50.0, "none", True, "draft", grid).sum())
    assert total[1] == pytest.approx(10 * total[0], rel=1e-12)


def test_functions_that_enclose_long_arrays_are_told_apart():
    """Catches two formulas of one factory exchanged because their arrays look alike in print."""

    def element(values):
        @compiled_formula(1)
        def formula(x):
            return values[1000] * x

        return formula

    one, other = np.zeros(2000), np.zeros(2000)
    other[1000] = 1.0
    assert (element(one)(3.0), element(other)(3.0)) == (0.0, 3.0)


def called(x):
    return 3.0 * x


DAMAGES = {
    "empty": lambda content: b"",
    "cut off": lambda content: content[: len(content) // 2],
    "zeros": lambda content: bytes(len(content)),
    "one bit": lambda content: content[:50] + bytes([content[50] ^ 1]) + content[51:],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_kernel_is_compiled_again(own_kernels, damage):
    """Catches a traceback of the compiler for a file that a crash or a disk damaged."""
    assert compiled(called)(2.0) == 6.0
    (path,) = own_kernels.iterdir()
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    again = compiled(called)
    assert again(2.0) == 6.0
    assert not again.stats.cache_hits
    last = compiled(called)
    assert last(2.0) == 6.0
    assert last.stats.cache_hits


@pytest.mark.parametrize(
    "content", [b"no pickle", pickle.dumps("no kernel"), pickle.dumps((1, 2, 3)), b"c__gone\nx\n."]
)
def test_a_kernel_that_is_none_is_compiled_again(own_kernels, content):
    """Catches a traceback where the entry is whole but holds something else."""
    compiled(called)(2.0)
    (path,) = own_kernels.iterdir()
    cache.keep("kernels", path.name, content)
    assert compiled(called)(2.0) == 6.0


def test_where_kernels_cannot_be_kept_nothing_is(own_kernels, package, tmp_path):
    """Catches numba's fall-back: kernels beside the source, which know no callee."""
    own_kernels.rmdir()
    first = FIRST.format(imports=".second import K", value="K * x")
    for number in (2.0, 20.0):
        assert package(first, f"K = {number}")(3.0) == 3 * number
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".nbi", ".nbc")]


def test_what_cannot_be_described_is_not_kept(own_kernels):
    """Catches a kernel kept under a key that leaves out something it was made of.

    A plain function gets its compiled form from a registry that its code does not show.
    """

    @numba.extending.register_jitable
    def helper(x):
        return 3.0 * x

    def calls(x):
        return helper(x)

    kernel = compiled(calls)
    assert kernel(2.0) == 6.0
    assert fingerprint(kernel) is None
    assert list(own_kernels.iterdir()) == []


def test_an_attribute_is_no_global(monkeypatch):
    """Catches a kernel that is not kept because an attribute bears the name of a function here."""

    def reads(x):
        return x.fixture_of_this_name

    monkeypatch.setitem(reads.__globals__, "fixture_of_this_name", lambda x: x)
    assert fingerprint(compiled(reads)) is not None


def test_every_kernel_of_snmc_can_be_kept():
    """Catches a kernel that is compiled at each start because something in it is unknown."""
    names = [
        module.name
        for package in (snmc, snmc.generators)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not module.name.endswith("__main__")
    ]
    kernels = {
        f"{name}.{key}": value
        for name in names
        for key, value in vars(importlib.import_module(name)).items()
        if isinstance(value, Dispatcher)
    }
    assert len(kernels) > 100
    assert [name for name, kernel in kernels.items() if fingerprint(kernel) is None] == []
