"""The shipped core: interpolation, published means, equilibrium, metric, refusals."""

import time
from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

import snmc.core
from snmc.core import SupernovaCore, fill, hermite, list_cores, load_core
from snmc.ground.errors import PhysicsError
from snmc.ground.units import C_LIGHT, G_NEWTON, SOLAR_MASS_KG

FOLDER = Path(snmc.core.__file__).parent / "data" / "pns-sfho-1.351"
SUN = SOLAR_MASS_KG * 1e3 / 1e15  # solar mass in g/cm^3 km^3
# Means inside 10 km printed for this sequence: t [s]: baryonic mass over coordinate volume
# [1e14 g/cm3]; mass-weighted T, mu_nu_e [MeV], Ye, Ymu; lapse at the centre.
MEANS = {
    1: (4.0, 28, 112, 0.214, 0.005, 0.715),
    2: (3.9, 34, 69, 0.164, 0.028, 0.722),
    3: (4.3, 33, 31, 0.113, 0.037, 0.712),
    5: (5.0, 25, 5, 0.074, 0.035, 0.698),
    7: (5.4, 13, 0, 0.058, 0.025, 0.690),
}


@pytest.fixture(scope="module")
def core() -> SupernovaCore:
    """The shipped core."""
    return load_core("pns-sfho-1.351")


def _points(core: SupernovaCore, count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(20)
    times = rng.uniform(*core.time_range(), count)
    return rng.random(count) * core.surface(times), times


def test_nodes_are_reproduced(core: SupernovaCore) -> None:
    """Catches a column read under a wrong label or in a wrong unit, and inexact interpolation."""
    for when in (0.25, 2.0, 10.0):
        table = np.loadtxt(FOLDER / f"hydro-PNSdefault-SFHo-Mb1.351-T={when:.4f}.txt")
        state = core.state(table[:, 0] / 1e5, when)
        columns = {
            "enclosed_mass": 1, "density": 2, "temperature": 4, "lapse": 7, "mu_nu_e": 8, "mu_e": 9,
            "mu_n": 10, "mu_p": 11, "mu_mu": 12, "mu_nu_mu": 13, "ye": 19, "ymu": 20, "mass_n": 23,
            "mass_p": 24,
        }  # fmt: skip
        for name, number in columns.items():
            np.testing.assert_allclose(
                getattr(state, name), table[:, number], rtol=1e-10, atol=1e-10, err_msg=name
            )


@pytest.mark.parametrize("when", MEANS)
def test_means_inside_ten_kilometres(core: SupernovaCore, when: int) -> None:
    """Catches wrong weighting, times mixed up between files, and mu_nu read as mu_numu."""
    edges = np.linspace(0, 10, 401)
    state = core.state((edges[1:] + edges[:-1]) / 2, when)
    weight = np.diff(core.state(edges, when).enclosed_mass)
    mean = core.state(10.0, when).enclosed_mass * SUN / (4 * np.pi / 3 * 1e3)
    rho, temperature, mu_nu, ye, ymu, lapse = MEANS[when]
    assert mean / 1e14 == pytest.approx(rho, abs=0.06)
    for column, printed, digit in (
        (state.temperature, temperature, 1),
        (state.mu_nu_e, mu_nu, 1),
        (state.ye, ye, 1e-3),
        (state.ymu, ymu, 1e-3),
    ):
        expected = pytest.approx(printed, abs=0.6 * digit)  # half a printed digit, and 0.1 of it
        assert np.average(column, weights=weight) == expected
    assert core.state(0.0, when).lapse == pytest.approx(lapse, abs=6e-4)


def test_weak_equilibrium_between_snapshots(core: SupernovaCore) -> None:
    """Catches chemical potentials interpolated apart, which breaks equilibrium by several MeV."""
    state = core.state(*_points(core, 2000))
    beta = state.mu_e + 938.27208816 + state.mu_p - state.mu_n - 939.56542052
    np.testing.assert_allclose(state.mu_nu_e, beta, atol=1e-4)
    np.testing.assert_allclose(state.mu_nu_mu, state.mu_mu - state.mu_e + state.mu_nu_e, atol=1e-4)


def test_electron_density_is_that_of_the_potential(core: SupernovaCore) -> None:
    """Catches a wrong baryon mass or conversion of densities to MeV^3.

    The table itself keeps the relation to 4% in the dense core, and usually to half a percent.
    """
    radius, times = _points(core, 2000)
    state = core.state(radius, times)
    dense = state.density > 1.5e14
    ideal = fill.massless_density(state.mu_e, state.temperature, 2)
    ratio = (ideal / state.electron_density)[dense]
    assert np.median(ratio) == pytest.approx(1, abs=0.01)
    assert np.all(np.abs(ratio - 1) < 0.05)
    np.testing.assert_allclose(
        state.proton_density, (state.ye + state.ymu) * state.baryon_density, rtol=1e-14
    )


def test_metric_factor_is_that_of_the_star(core: SupernovaCore) -> None:
    """Catches Newtonian volumes: outside the star g = 1/lapse, as Schwarzschild requires.

    Inside, g = 1/sqrt(1 - 2 G m/(r c^2)) with m the gravitational mass 2M = r c^2 (1 - lapse^2)/G
    of the surface, shared out as the density is. The mass column is good to 1%.
    """
    for when in (0.3, 1.0, 4.5, 9.0):
        surface = float(core.surface(when))
        edges = np.linspace(0, surface, 301)
        middle = (edges[1:] + edges[:-1]) / 2
        coordinate = 4 * np.pi / 3 * np.diff(edges**3)
        factor = core.shell_volume(edges[:-1], edges[1:], when) / coordinate
        newtonian = np.cumsum(core.state(middle, when).density * coordinate)
        lapse = float(core.state(surface, when).lapse)
        mass = (1 - lapse**2) * surface * newtonian / newtonian[-1]
        expected = 1 / np.sqrt(1 - mass / edges[1:])
        np.testing.assert_allclose(factor[30:], expected[30:], rtol=0.013)
        assert factor[-1] == pytest.approx(1 / lapse, rel=0.01, abs=0)
        assert factor[0] == pytest.approx(1, abs=1e-3)
        compact = 2 * G_NEWTON * 1.29 * SOLAR_MASS_KG / C_LIGHT**2 / 1e3 / surface
        assert lapse == pytest.approx(np.sqrt(1 - compact), rel=0.01, abs=0)


def test_shells_hold_the_baryonic_mass(core: SupernovaCore) -> None:
    """Catches volumes that do not add up to the star's 1.351 solar baryonic masses."""
    for when in core.times:
        edges = np.linspace(0, float(core.surface(when)), 801)
        volume = core.shell_volume(edges[:-1], edges[1:], when)
        mass = np.sum(core.state((edges[1:] + edges[:-1]) / 2, when).density * volume) / SUN
        assert mass == pytest.approx(1.351, abs=3e-3)
        whole = float(core.shell_volume(0.0, edges[-1], when))
        assert np.sum(volume) == pytest.approx(whole, rel=1e-3, abs=0)


def test_enclosed_mass_grows_outward(core: SupernovaCore) -> None:
    """Catches interpolation in time that makes enclosed mass fall with radius."""
    times = np.random.default_rng(3).uniform(*core.time_range(), 200)
    radius = np.linspace(0, 1, 300) * core.surface(times)[:, None]
    mass = core.state(radius, times[:, None]).enclosed_mass
    assert np.all(np.diff(mass, axis=1) >= 0)
    assert np.all(mass[:, 0] == 0)


def test_smooth_in_time_and_regular_at_the_centre(core: SupernovaCore) -> None:
    """Catches kinks at snapshots (linear interpolation) and a centre that depends on r."""
    step = 1e-4
    for when in (1.0, 3.0, 8.0):
        t = np.array([when - step, when, when + step])
        rho = core.state(0.5 * core.surface(t), t).density
        before, after = np.diff(rho) / step
        assert before == pytest.approx(after, rel=0.01, abs=1e-3 * rho[1])
    centre = core.state([0.0, 1e-3, 0.01], 1.0)
    np.testing.assert_array_equal(centre.density, centre.density[0])
    assert centre.enclosed_mass[1] == pytest.approx(centre.enclosed_mass[2] / 1e3, rel=1e-9, abs=0)


def test_refuses_to_extrapolate(core: SupernovaCore) -> None:
    """Catches silent extrapolation in radius or time, and NaN going through."""
    for radius, when in ((17.21, 1.0), (-1.0, 1.0), (5.0, 0.2), (5.0, 10.1), (np.nan, 1.0)):
        with pytest.raises(PhysicsError, match="known from"):
            core.state(radius, when)
    with pytest.raises(PhysicsError, match=r"known from 0\.25 to 10 s"):
        core.surface(0.1)
    with pytest.raises(PhysicsError, match="inner radius"):
        core.shell_volume(3.0, 2.0, 1.0)
    assert core.state(core.surface(3.3), 3.3).density > 0


def test_shapes_broadcast(core: SupernovaCore) -> None:
    """Catches results flattened or scalars refused."""
    state = core.state(np.linspace(0, 10, 4), np.array([[1.0], [2.0], [3.0]]))
    assert state.temperature.shape == state.baryon_density.shape == (3, 4)
    assert core.state(1.0, 1.0).mu_p.shape == ()
    assert core.shell_volume(np.zeros((2, 1)), np.ones(3), 1.0).shape == (2, 3)


def test_content_is_a_hash_of_the_physics(core: SupernovaCore) -> None:
    """Catches a cache key blind to the data, or different from load to load."""
    assert core.content == load_core("pns-sfho-1.351").content
    other = load_core({"type": "chang-essig-mcdermott", "duration": "1 s"})
    longer = load_core({"type": "chang-essig-mcdermott", "duration": "2 s"})
    assert len({core.content, other.content, longer.content}) == 3


def test_fast_enough(core: SupernovaCore) -> None:
    """Catches Python loops over points: 2000 points took 8 ms when written; 50 ms is the limit."""
    radius, times = _points(core, 2000)
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        core.state(radius, times)
        taken.append(time.perf_counter() - start)
    assert min(taken) < 0.05


def test_hermite_agrees_with_scipy() -> None:
    """Catches wrong slopes or end conditions, by scipy's own PCHIP; both turns and plateaus."""
    rng = np.random.default_rng(7)
    for count in (2, 3, 9):
        x = np.cumsum(rng.uniform(0.1, 2, count))
        y = np.round(rng.normal(size=(count, 5)), 1)
        at = rng.uniform(x[0], x[-1], 50)
        ours = hermite.interpolate(x, y, hermite.node_slopes(x, y), at)
        np.testing.assert_allclose(ours, PchipInterpolator(x, y)(at), atol=1e-13)


def test_time_interpolation_agrees_with_scipy(core: SupernovaCore) -> None:
    """Catches a wrong stencil in time: at the centre it must be scipy's PCHIP of the snapshots."""
    t = np.linspace(0.25, 10, 83)
    central = np.array([float(core.state(0.0, when).mu_n) for when in core.times])
    expected = PchipInterpolator(core.times, central)(t)
    np.testing.assert_allclose(core.state(0.0, t).mu_n, expected, rtol=1e-12)


def test_list_names_every_core_and_its_keys() -> None:
    """Catches a core or format a user could not find."""
    listed = dict(list_cores())
    assert "no simulation" in listed["pns-sfho-1.351"]
    assert "mu_nu_e" in listed["one-zone"]
    assert {"chang-essig-mcdermott", "GR1D", "plain table"} <= set(listed)
