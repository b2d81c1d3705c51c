"""Lapse, mass and volume of stars of given density, against closed forms and other models."""

from pathlib import Path

import numpy as np
import pytest

from snmc.core import gravity, load_core
from snmc.core.profile import Raw, complete
from snmc.ground.errors import InputError

SHIPPED = "pns-sfho-1.351"
COLUMNS = ("density", "temperature", "ye", "ymu")


def uniform(compactness: float) -> tuple[np.ndarray, np.ndarray]:
    """Radii [km] to 12 km and the density [g/cm3] that gives 2 G M/(R c^2)."""
    radius = np.linspace(0.1, 12, 60)
    mass = compactness * 12 / gravity.SCHWARZSCHILD
    return radius, np.full(60, mass / (4 / 3 * np.pi * 12**3 * gravity.KM3_G_PER_CM3))


@pytest.mark.parametrize("compactness", [0.01, 0.3, 0.6])
def test_lapse_of_a_uniform_star(compactness: float) -> None:
    """Catches a lapse without the pressure, or with a wrong factor in it or outside.

    Schwarzschild's interior: alpha = (3 sqrt(1 - x) - sqrt(1 - x r^2/R^2))/2 for x = 2 G M/(R c^2).
    """
    radius, density = uniform(compactness)
    exact = 1.5 * np.sqrt(1 - compactness) - np.sqrt(1 - compactness * (radius / 12) ** 2) / 2
    lapse = gravity.hydrostatic_lapse(radius, density, "a star")
    np.testing.assert_allclose(lapse, exact, rtol=2e-4)


def test_no_pressure_holds_up_what_is_too_compact() -> None:
    """Catches a lapse made up beyond Buchdahl's 2 G M/(R c^2) = 8/9."""
    with pytest.raises(InputError, match="a star: no pressure holds up"):
        gravity.hydrostatic_lapse(*uniform(0.9), "a star")


def test_lapse_and_mass_of_the_shipped_core_without_them() -> None:
    """Catches a lapse of 1, and volumes that are flat, for stars that are relativistic.

    Their own lapse was integrated with their pressure and internal energy: 3 % apart.
    """
    core = load_core(SHIPPED)
    for time in core.times[[0, 4, -1]]:
        radius = np.linspace(0.1, 1, 80) * core.surface(time)
        state = core.state(radius, time)
        columns = {name: getattr(state, name) for name in COLUMNS}
        found, how = complete(Raw(0.0, {"radius": radius, **columns}, "a core"))
        assert {"lapse", "enclosed_mass"} <= set(how)
        assert 0.68 < state.lapse[0] < 0.73
        assert np.all(np.abs(found["lapse"] / state.lapse - 1) < 0.03)
        mass = found["enclosed_mass"][-1] / state.enclosed_mass[-1]
        assert mass == pytest.approx(1, abs=0.02)


def test_a_table_can_be_flat(tmp_path: Path) -> None:
    """Catches a proper volume for a table that says by its lapse of 1 that space is flat."""
    core = load_core(SHIPPED)
    radius = np.linspace(0.5, 15, 60)
    state = core.state(radius, 1.0)
    rows = np.column_stack([radius, state.density, state.temperature, state.ye, np.ones(60)])
    path = tmp_path / "flat.txt"
    np.savetxt(path, rows, header="radius_km density temperature ye lapse")
    flat = load_core({"path": str(path), "duration": "1 s"})
    volume = flat.shell_volume(radius[:-1], radius[1:], 0.5)
    np.testing.assert_allclose(volume, 4 * np.pi / 3 * np.diff(radius**3), rtol=1e-6)
    np.savetxt(path, rows[:, :4], header="radius_km density temperature ye")
    curved = load_core({"path": str(path), "duration": "1 s"})
    ratio = curved.shell_volume(0, 10, 0.5) / core.shell_volume(0, 10, 1.0)
    assert float(ratio) == pytest.approx(1, abs=0.02)
    assert curved.filled["lapse"] == "of a static star of this density"
