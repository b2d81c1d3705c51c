"""Analytic cores, the formulas that fill columns, and bad core tables of a card."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit

from snmc.core import fill, load_core
from snmc.ground.errors import InputError, PhysicsError

ONE_ZONE: dict[str, object] = {
    "type": "one-zone", "radius": "10 km", "temperature": "30 MeV", "mu_e": "190 MeV",
    "mu_nu_e": "100 MeV", "rho": "3e14 g/cm^3", "duration": "10 s",
}  # fmt: skip
CEM: dict[str, object] = {"type": "chang-essig-mcdermott", "duration": "10 s"}


def fermi_density(mu: float, mass: float, temperature: float, states: int) -> float:
    """Net number density [MeV^3] of free fermions by quadrature."""

    def integrand(p: float) -> float:
        energy = np.hypot(p, mass)
        return (
            p * p * float(expit((mu - energy) / temperature) - expit((-mu - energy) / temperature))
        )

    top = abs(mu) + 40 * temperature
    value = quad(integrand, 0, top, points=[abs(mu)], limit=200, epsabs=0, epsrel=1e-11)[0]
    return states * float(value) / (2 * np.pi**2)


@pytest.mark.parametrize("temperature", [8.0, 30.0])
@pytest.mark.parametrize("mu", [12.0, 60.0, 190.0])
def test_electron_potential_against_the_fermi_integral(mu: float, temperature: float) -> None:
    """Catches a wrong root of the cubic, spin states, or a mass that matters (0.02 MeV)."""
    density = fermi_density(mu, 0.51099895, temperature, 2)
    found = fill.massless_potential(np.array(density), np.array(temperature), 2)
    assert found == pytest.approx(mu, abs=0.01 if mu > 20 else 0.02)
    massless = fermi_density(mu, 0.0, temperature, 1)
    exact = fill.massless_potential(np.array(massless), np.array(temperature), 1)
    assert exact == pytest.approx(mu, rel=1e-8, abs=0)


def test_massless_potential_does_not_cancel() -> None:
    """Catches Cardano's difference of nearly equal roots at small or negative net density."""
    n = np.array([-1e6, -1e-9, 0.0, 1e-9, 1e6])
    mu = fill.massless_potential(n, np.full(5, 20.0), 2)
    np.testing.assert_allclose(fill.massless_density(mu, np.full(5, 20.0), 2), n, rtol=1e-12)


def test_kinetic_potential_against_the_fermi_integral() -> None:
    """Catches a wrong inversion, dilute to degenerate; nonrelativistic it is 15 MeV off at 150."""
    for mass, temperature in ((600.0, 10.0), (520.0, 35.0), (939.0, 2.0)):
        mu = np.array([-6.0, -1.0, 0.0, 0.35, 4.0]) * temperature
        mu = np.append(mu, 150.0)
        # free particles of this kinetic potential; antiparticles are negligible
        number = np.array([fermi_density(m + mass, mass, temperature, 2) for m in mu])
        same = np.full(len(mu), mass), np.full(len(mu), temperature)
        np.testing.assert_allclose(fill.kinetic_potential(number, *same), mu, atol=0.02)


def test_filled_columns_against_the_mean_field_model() -> None:
    """Catches wrong signs or units of the fits: the shipped core was solved with SFHo itself."""
    core = load_core("pns-sfho-1.351")
    times = np.repeat(core.times, 20)
    state = core.state(np.tile(np.linspace(0, 11.6, 20), len(core.times)), times)
    dense = state.density > 1e12
    yp = state.ye + state.ymu
    mu_n, mu_p = fill.nucleon_potentials(state.density, yp, state.temperature)
    difference = (mu_n - mu_p) - (state.mu_n - state.mu_p)
    assert np.all(np.abs(difference[dense]) < 5)
    assert np.sqrt(np.mean(difference[dense] ** 2)) < 2
    assert np.all(np.abs(mu_n - state.mu_n)[dense] < 12)
    np.testing.assert_allclose(fill.effective_mass(state.density), state.mass_n, rtol=0.03)
    electrons = fill.electron_potential(state.density, state.ye, state.temperature)
    np.testing.assert_allclose(electrons[dense], state.mu_e[dense], rtol=0.1)


def test_one_zone() -> None:
    """Catches a wrong electron density (190 MeV at 30 MeV is Ye ~ 0.21), mass, or volume."""
    core = load_core(ONE_ZONE)
    assert core.time_range() == (0.0, 10.0)
    assert core.surface(3.0) == 10.0
    state = core.state(np.linspace(0, 10, 7), 4.0)
    for name, value in (("temperature", 30), ("mu_e", 190), ("mu_nu_e", 100), ("lapse", 1),
                        ("ymu", 0), ("mu_nu_mu", 0), ("mu_mu", 0), ("density", 3e14)):  # fmt: skip
        np.testing.assert_allclose(getattr(state, name), value, rtol=1e-12, err_msg=name)
    np.testing.assert_allclose(state.electron_density, fermi_density(190, 0.511, 30, 2), rtol=1e-4)
    assert state.ye[0] == pytest.approx(0.21, abs=0.02)
    radius = np.array([0.3, 5.0, 10.0])
    mass = 4 * np.pi / 3 * (radius * 1e5) ** 3 * 3e14 / 1.98841e33
    np.testing.assert_allclose(core.state(radius, 4.0).enclosed_mass, mass, rtol=1e-9)
    assert core.shell_volume(2.0, 9.0, 1.0) == pytest.approx(
        4 * np.pi / 3 * (729 - 8), rel=1e-12, abs=0
    )
    with pytest.raises(PhysicsError, match="known from 0 to 10 s"):
        core.state(1.0, 10.5)


def test_chang_essig_mcdermott() -> None:
    """Catches a formula of the profile mistyped: values by hand at 5, 10, 20, 40 km."""
    core = load_core(CEM)
    state = core.state([0.0, 5.0, 10.0, 20.0, 40.0], 1.0)
    rho = 3e14 * np.array([1.2, 1.1, 1, 1 / 32, 1 / 1024])
    temperature = 30 * np.array([0.5, 0.75, 1, 2 ** (-5 / 3), 4 ** (-5 / 3)])
    np.testing.assert_allclose(state.density[1:], rho[1:], rtol=1e-6)
    np.testing.assert_allclose(state.temperature[1:], temperature[1:], rtol=1e-6)
    assert state.temperature[0] == pytest.approx(
        15, rel=3e-3, abs=0
    )  # value of the innermost point
    np.testing.assert_allclose(state.proton_density, 0.3 * state.baryon_density)
    np.testing.assert_array_equal(state.mu_nu_e, 0)
    np.testing.assert_array_equal(state.lapse, 1)
    np.testing.assert_allclose(
        fermi_density(float(state.mu_e[2]), 0.511, 30, 2), state.electron_density[2], rtol=1e-4
    )
    between = core.state([3.3333, 13.7], 1.0)
    np.testing.assert_allclose(
        between.density, [3e14 * (1 + 0.2 * 0.66667), 3e14 * 1.37**-5], rtol=1e-5
    )
    wider = load_core({**CEM, "proton_fraction": 0.2, "outer_radius": "60 km"})
    assert wider.surface(1.0) == pytest.approx(60, rel=1e-6, abs=0)


BAD: dict[str, tuple[object, str]] = {
    "name": ("pns-sfho-1.35", "did you mean 'pns-sfho-1.351'"),
    "path": ("cores/mine", "no file or folder"),
    "bare-type": ("one-zone", "needs its parameters"),
    "type": ({"type": "onezone"}, "did you mean 'one-zone'"),
    "key": ({**ONE_ZONE, "temprature": "1 MeV"}, "did you mean 'temperature'"),
    "missing": ({k: v for k, v in ONE_ZONE.items() if k != "rho"}, r"core\.rho: missing"),
    "unit": ({**ONE_ZONE, "radius": "10 MeV"}, r"core\.radius: found '10 MeV'"),
    "no-unit": ({**ONE_ZONE, "temperature": 30}, "without a unit"),
    "negative": ({**ONE_ZONE, "temperature": "-3 MeV"}, "must be > 0"),
    "too-many-electrons": ({**ONE_ZONE, "mu_e": "500 MeV"}, "electrons per baryon"),
    "thin": ({**CEM, "core_density": "1 g/cm^3"}, "density above"),
    "duration": ({"type": "chang-essig-mcdermott"}, r"core\.duration: missing"),
    "outer": ({**CEM, "outer_radius": "5 km"}, "must exceed"),
    "fraction": ({**CEM, "proton_fraction": 1.5}, "must lie in 0 to 1"),
    "k": ({**CEM, "k_temperature": -2}, "must exceed -1"),
    "table-key": ({"file": "x"}, "unknown 'file'"),
    "no-path": ({"duration": "1 s"}, "needs a path"),
    "path-type": ({"path": 3}, "needs a path"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_cards_give_one_line(case: str) -> None:
    """Catches misspelt keys ignored, wrong units accepted, or tracebacks for the user."""
    spec, message = BAD[case]
    with pytest.raises(InputError, match=message) as caught:
        load_core(spec)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert "core" in str(caught.value)
