"""The cache of kernels and tables: where it lies, and what happens when it cannot be written."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from snmc.core import load_core
from snmc.generators.dipole import ACTIVE, inverse_decay, scattering, scattering_flipped
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


def test_a_full_disk_costs_only_the_cache(monkeypatch, tmp_path):
    """Catches a run that dies, or a torn table left behind, because its cache cannot grow."""
    monkeypatch.setattr(emission, "cache_folder", lambda: tmp_path)

    def full(file, numbers):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    numbers = emitted(77.0)
    assert np.isfinite(numbers).all()
    assert numbers.sum() > 0
    assert list((tmp_path / "emission").iterdir()) == []
    monkeypatch.undo()
    monkeypatch.setattr(emission, "cache_folder", lambda: tmp_path)
    np.testing.assert_array_equal(emitted(77.0), numbers)
    assert len(list((tmp_path / "emission").iterdir())) == 1


def test_a_cache_that_cannot_be_is_one_line():
    """Catches a traceback from deep inside the compiler for a wrong SNMC_CACHE_DIR."""
    done = subprocess.run(
        [sys.executable, "-m", "snmc", "show", "none.toml"],
        env={**os.environ, "SNMC_CACHE_DIR": "/dev/null/none"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("snmc: error: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("change", ["mass", "screening", "gravity"])
def test_tables_of_different_settings_do_not_mix(monkeypatch, tmp_path, change):
    """Catches a cache key that leaves out a setting."""
    monkeypatch.setattr(emission, "cache_folder", lambda: tmp_path)
    core = load_core(ONE_ZONE)
    process = Coalescence("inverse-decay", ACTIVE, "gamma", inverse_decay)
    settings = {"mass": 100.0, "screening": "electron", "gravity": True}
    other = {"mass": 101.0, "screening": "none", "gravity": False}
    for chosen in (settings, settings | {change: other[change]}):
        grid = emission_grid(core, chosen["mass"], "draft", (process,))
        emitted_numbers(
            core, process, chosen["mass"], chosen["screening"], chosen["gravity"], "draft", grid
        )
    assert len(list((tmp_path / "emission").iterdir())) == 2


def test_tables_of_different_amplitudes_do_not_mix(monkeypatch, tmp_path):
    """Catches a cache key that leaves out the amplitude of the antineutrinos."""
    monkeypatch.setattr(emission, "cache_folder", lambda: tmp_path)
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
