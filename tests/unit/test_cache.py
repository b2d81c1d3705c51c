"""The cache of tables and kernels: where it lies, what of it is believed, how large it grows."""

import ast
import os
import stat
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import platformdirs
import pytest

import snmc
from snmc.core import load_core
from snmc.generators.dipole import ACTIVE, inverse_decay, scattering, scattering_flipped
from snmc.ground import cache
from snmc.ground.errors import InputError
from snmc.production import emission
from snmc.production.emission import Coalescence, Scattering, emission_grid, emitted_numbers

ONE_ZONE = {
    "type": "one-zone", "radius": "10 km", "temperature": "30 MeV", "mu_e": "200 MeV",
    "mu_nu_e": "0 MeV", "rho": "3e14 g/cm^3", "duration": "1 s",
}  # fmt: skip


def emitted(mass: float) -> np.ndarray:
    core = load_core(ONE_ZONE)
    process = Coalescence("inverse-decay", ACTIVE, "gamma", inverse_decay)
    grid = emission_grid(core, mass, "draft", (process,))
    return emitted_numbers(core, process, mass, "electron", True, "draft", grid)


# --- what is believed ----------------------------------------------------------------------------

DAMAGES = {
    "empty": lambda content: b"",
    "of one byte": lambda content: content[:1],
    "cut off": lambda content: content[: len(content) // 2],
    "half zeros": lambda content: content[: len(content) // 2] + bytes(len(content) // 2),
    "one bit": lambda content: content[:-3] + bytes([content[-3] ^ 1]) + content[-2:],
    "longer": lambda content: content + b"\0",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_table_is_made_again(own_tables, damage):
    """Catches a traceback, or wrong numbers, from a table that a crash or a disk damaged."""
    numbers = emitted(77.0)
    (path,) = own_tables.iterdir()
    whole = path.read_bytes()
    path.write_bytes(DAMAGES[damage](whole))
    np.testing.assert_array_equal(emitted(77.0), numbers)
    assert path.read_bytes() == whole


def test_a_table_times_two_is_not_believed(own_tables):
    """Catches a whole table of wrong numbers, and one under the name of another."""
    numbers = emitted(77.0)
    (path,) = own_tables.iterdir()
    content = cache.load("tables", path.name)
    assert content.endswith(numbers.tobytes())
    double = content[: -numbers.nbytes] + (2 * numbers).tobytes()
    path.write_bytes(path.read_bytes().replace(content, double))
    np.testing.assert_array_equal(emitted(77.0), numbers)
    other = emitted(78.0)
    (second,) = set(own_tables.iterdir()) - {path}
    second.write_bytes(path.read_bytes())
    np.testing.assert_array_equal(emitted(78.0), other)


def test_what_is_no_file_is_no_entry(own_tables):
    """Catches a wait for a pipe in place of an entry, and a link that is written through."""
    os.mkfifo(own_tables / "pipe")
    assert cache.load("tables", "pipe") is None
    aim = own_tables.parent / "aim"
    aim.write_text("mine")
    (own_tables / "link").symlink_to(aim)
    cache.keep("tables", "link", b"numbers")
    assert cache.load("tables", "link") == b"numbers"
    assert aim.read_text() == "mine"


def test_a_full_disk_costs_only_the_cache(monkeypatch, own_tables):
    """Catches a run that dies, or a torn table left behind, because its cache cannot grow."""

    def full(*names):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    numbers = emitted(77.0)
    assert np.isfinite(numbers).all()
    assert numbers.sum() > 0
    assert list(own_tables.iterdir()) == []
    monkeypatch.undo()
    own_tables.rmdir()  # nor can one that is gone
    np.testing.assert_array_equal(emitted(77.0), numbers)


# --- its key -------------------------------------------------------------------------------------


def test_all_that_a_table_is_made_by_enters_its_key():
    """Catches a part of snmc that the emission can import, and whose change would go unnoticed."""
    package = Path(snmc.__file__).parent
    reached, left = set(), [Path(emission.__file__)]
    while left:
        path = left.pop()
        if path in reached:
            continue
        reached.add(path)
        names = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, "relative imports are not followed here"
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        for name in names - {"snmc", "snmc.generators", "snmc.detectors"}:
            words = name.split(".")
            if words[0] == "snmc":
                place = package.joinpath(*words[1:])
                candidates = (place.with_suffix(".py"), place / "__init__.py")
                left += [one for one in candidates if one.is_file()]
    hashed = [package / part for part in emission._SOURCES]
    assert len(reached) > 10
    outside = [path for path in reached if not any(path.is_relative_to(one) for one in hashed)]
    assert outside == []


def test_parts_of_the_sources_have_a_hash_of_their_own():
    """Catches a hash of a part that is the same whatever it holds."""
    whole = cache.source_hash()
    parts = {
        cache.source_hash("ground"),
        cache.source_hash("core"),
        cache.source_hash("thermal.py"),
    }
    assert len(parts | {whole}) == 4


@pytest.mark.parametrize("change", ["mass", "screening", "gravity"])
def test_tables_of_different_settings_do_not_mix(own_tables, change):
    """Catches a cache key that leaves out a setting."""
    core = load_core(ONE_ZONE)
    process = Coalescence("inverse-decay", ACTIVE, "gamma", inverse_decay)
    settings = {"mass": 100.0, "screening": "electron", "gravity": True}
    other = {"mass": 101.0, "screening": "none", "gravity": False}
    for chosen in (settings, settings | {change: other[change]}):
        grid = emission_grid(core, chosen["mass"], "draft", (process,))
        emitted_numbers(
            core, process, chosen["mass"], chosen["screening"], chosen["gravity"], "draft", grid
        )
    assert len(list(own_tables.iterdir())) == 2


def test_tables_of_different_amplitudes_do_not_mix(own_tables):
    """Catches a cache key that leaves out the amplitude of the antineutrinos."""
    core = load_core(ONE_ZONE)
    one = Scattering("nu p", ("nu_e", "nu_e_bar"), "p", "p", scattering, pole=True)
    other = replace(one, anti_amplitude=scattering_flipped)
    grid = emission_grid(core, 100.0, "draft", (one,))
    same, different = (
        emitted_numbers(core, process, 100.0, "electron", True, "draft", grid)
        for process in (one, other)
    )
    np.testing.assert_allclose(same[0], different[0])
    assert same[1].sum() > 2 * different[1].sum() > 0


# --- where it lies -------------------------------------------------------------------------------


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Give the places where a cache may come to lie: chosen, usual, and for temporary files."""
    monkeypatch.delenv("SNMC_CACHE_DIR", raising=False)
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda name: str(tmp_path / "home" / name))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    cache.cache_folders.cache_clear()
    yield tmp_path
    cache.cache_folders.cache_clear()


def both(folder):
    return {"kernels": folder / "kernels", "tables": folder / "tables"}


def test_the_usual_folder_is_private(places):
    """Catches a folder of kernels, which are code, that a wide umask opens to others."""
    before = os.umask(0)
    try:
        assert cache.cache_folders() == both(places / "home" / "snmc")
        cache.keep("kernels", "a" * 64, b"code")
    finally:
        os.umask(before)
    for path in (places / "home" / "snmc").rglob("*"):
        assert not path.stat().st_mode & 0o077


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
@pytest.mark.parametrize("part", ["snmc", "snmc/kernels"])
def test_a_folder_that_others_write_to_is_refused(places, part, mode):
    """Catches code of others that is run because it lies in the usual folder."""
    folder = places / "home" / part
    folder.mkdir(parents=True)
    folder.chmod(mode)
    with pytest.raises(InputError) as error:
        cache.cache_folders()
    assert str(error.value).startswith(f"{folder}: others may write")
    assert f"chmod -R go-w '{folder}'" in str(error.value)


def test_a_folder_of_somebody_else_is_not_used(places, monkeypatch):
    """Catches code of the owner of `snmc-UID` under /tmp, or of a home that is not ours, run."""
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)  # so that all is of another
    (places / "home" / "snmc").mkdir(parents=True)
    (places / "temporary" / f"snmc-{os.geteuid()}").mkdir()
    with pytest.warns(UserWarning, match="nothing compiled is kept for the next start; set SNMC_"):
        folder = cache._own_folder()
    assert folder.parent == places / "temporary"
    assert folder.name != f"snmc-{os.geteuid()}"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_home_that_cannot_be_written_to(places, monkeypatch):
    """Catches a traceback, or no cache at all, where the home is of no use."""
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda name: "/dev/null/snmc")
    folder = places / "temporary" / f"snmc-{os.geteuid()}"
    assert cache.cache_folders() == both(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_without_a_home(places, monkeypatch):
    """Catches a traceback of a library, or a folder named `~`, for a user who has no home.

    As on a batch system that knows the user by number alone.
    """

    def none():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("HOME", "kept")  # and so put back afterwards
    monkeypatch.setattr(Path, "home", none)
    cache.cache_folders()
    assert os.environ["HOME"] == str(places / "temporary" / f"snmc-{os.geteuid()}")
    assert stat.S_IMODE(Path(os.environ["HOME"]).stat().st_mode) == 0o700


def test_a_link_in_the_temporary_folder_is_not_followed(places, monkeypatch):
    """Catches a cache that somebody puts where he likes by a link in /tmp."""
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda name: "/dev/null/snmc")
    (places / "aim").mkdir(mode=0o700)
    (places / "temporary" / f"snmc-{os.geteuid()}").symlink_to(places / "aim")
    with pytest.warns(UserWarning, match="is no folder of your own"):
        cache.cache_folders()
    assert list((places / "aim").iterdir()) == []


def test_a_folder_of_a_group_holds_tables_alone(places, monkeypatch):
    """Catches kernels shared with whoever may replace them, and tables that the group cannot read.

    Or cannot write, because the first user's umask was narrow.
    """
    shared = places / "shared"
    shared.mkdir()
    shared.chmod(0o2770)
    monkeypatch.setenv("SNMC_CACHE_DIR", str(shared))
    before = os.umask(0o077)
    try:
        assert cache.cache_folders() == {
            "kernels": places / "home" / "snmc" / "kernels",
            "tables": shared / "tables",
        }
        cache.keep("tables", "b" * 64, b"numbers")
    finally:
        os.umask(before)
    assert stat.S_IMODE((shared / "tables").stat().st_mode) == 0o2770
    assert stat.S_IMODE((shared / "tables" / ("b" * 64)).stat().st_mode) == 0o660


@pytest.mark.parametrize(
    ("mode", "said"), [(0o777, "everybody may write to"), (0o1777, "everybody may write to")]
)
def test_a_chosen_folder_that_is_open_to_all_is_refused(places, monkeypatch, mode, said):
    """Catches tables of anybody believed because the user chose /tmp."""
    (places / "open").mkdir()
    (places / "open").chmod(mode)
    monkeypatch.setenv("SNMC_CACHE_DIR", str(places / "open"))
    with pytest.raises(InputError, match=f"SNMC_CACHE_DIR: found '.*/open', which {said}"):
        cache.cache_folders()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SNMC_CACHE_DIR", "/dev/null/none", "needs a folder one can write to"),
        ("SNMC_CACHE_SIZE", "much", "found 'much'; needs a size, such as \"2 GB\""),
    ],
)
def test_a_cache_that_cannot_be_is_one_line(name, value, said):
    """Catches a traceback from deep inside the compiler for a wrong setting of the cache."""
    done = subprocess.run(
        [sys.executable, "-m", "snmc", "show", "none.toml"],
        env={**os.environ, name: value},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith(f"snmc: error: {name}: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


# --- its size ------------------------------------------------------------------------------------


def test_what_was_not_used_for_longest_goes_first(places, monkeypatch):
    """Catches a cache that grows for ever, forgets what is in use, or deletes what is not its own.

    Entries of version 0.3 are its own: whole folders of kernels, tables with another ending.
    """
    root = places / "home" / "snmc"
    old_kernels = root / "kernels" / "0123456789abcdef"
    old_table = root / "emission" / f"{'c' * 24}.npy"
    cache.cache_folders()
    (old_kernels / "snmc_x").mkdir(parents=True)
    old_table.parent.mkdir()
    content = bytes(300_000)
    names = [f"{number:064d}" for number in range(4)]
    for name in names:
        cache.keep("tables", name, content)
    foreign = [root / "notes.txt", root / "tables" / "notes.txt", root / "kernels" / "mine"]
    for path in [*foreign, old_table, old_kernels / "snmc_x" / "f.nbc"]:
        path.write_bytes(content)
    for age, path in enumerate([*foreign, old_kernels / "snmc_x" / "f.nbc", old_table]):
        os.utime(path, (age, age))
    for folder in (old_kernels / "snmc_x", old_kernels):
        os.utime(folder, (1, 1))
    for age, name in enumerate(names, start=1000):
        os.utime(root / "tables" / name, (age, age))
    assert cache.load("tables", names[0]) == content  # so it is the latest in use
    monkeypatch.setenv("SNMC_CACHE_SIZE", "1 MB")
    cache.keep("kernels", "d" * 64, content)
    assert not old_kernels.exists()
    assert not old_table.exists()
    assert [name for name in names if (root / "tables" / name).exists()] == [names[0], names[3]]
    assert cache.load("kernels", "d" * 64) == content
    assert all(path.exists() for path in foreign)


def test_what_is_gone_already_is_no_error(places, monkeypatch):
    """Catches a run that fails where two processes make room at the same time."""
    for number in range(3):
        cache.keep("tables", f"{number:064d}", bytes(1000))
    entries = list(cache._entries(places / "home" / "snmc"))
    assert len(entries) == 3
    for _, _, path in entries:
        path.unlink()
    monkeypatch.setattr(cache, "_entries", lambda root: iter(entries))
    monkeypatch.setenv("SNMC_CACHE_SIZE", "0 MB")
    cache.keep("tables", "e" * 64, b"numbers")
    assert cache.load("tables", "e" * 64) == b"numbers"
