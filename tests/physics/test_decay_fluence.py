"""Fluences as the papers print them, in closed form, and rows of one event taken together."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy import integrate

from snmc.decays import DecayMode, DecaySampler, Flight
from snmc.decays.fluence import paper_fluence
from snmc.ground.errors import PhysicsError
from snmc.ground.units import C_LIGHT, HBAR, M_PION_NEUTRAL, PARSEC
from snmc.judgement.validation import _by_event, _chi_square
from snmc.production.emission import Emission, Grid
from snmc.roles.decaying_particle import DecaySource

Array = npt.NDArray[np.float64]
DISTANCE = 10e3 * PARSEC
RADIUS = 2e7
SPHERE = 4 * math.pi * (100 * DISTANCE) ** 2


def emission(mass: float) -> Emission:
    """Half of the parents at 0 to 2 s, half at 2 to 4 s, dN/dE ~ k exp(-k/40 MeV), k = E - M."""
    kinetic = 800 * np.linspace(0, 1, 300) ** 2
    spectrum = 1e52 * kinetic * np.exp(-kinetic / 40)
    grid = Grid(np.array([0.0, 2.0, 4.0]), np.tile([0.0, 10.0], (2, 1)), mass + kinetic)
    density = np.tile(spectrum, (1, 2, 1, 1))
    return Emission(("N",), grid, mass + kinetic, density, {})


def parents(mass: float) -> Callable[[float], float]:
    return lambda E: 2e52 * (E - mass) * math.exp(-(E - mass) / 40)


def flight(window: float, **more: float) -> Flight:
    given = {"photosphere": RADIUS, "neutrinosphere": RADIUS, "max_angle": math.pi, **more}
    return Flight(DISTANCE, window=window, photons=False, neutrinos=True, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("equation", ["39", "50", "56"])
def test_special_cases_of_eq_36(equation: str) -> None:
    """Catches a wrong window factor or E_min: eqs. 39 (nu pi0), 50 (Z' -> nu nubar), 56 (majoron).

    dN/dE = Br n [1 - exp(-E t/(Ebar tau))] M/(2 Ebar) Int_Emin dE' (1/p') dN/dE' with
    E_min = M (E^2 + Ebar^2)/(2 E Ebar), Ebar = (M^2 - m^2)/(2M), where dN/dE' holds
    exp(-Gamma r/(gamma beta)) of eq. 26. Eq. 39 counts the one neutrino, eq. 50 either of two with
    Br for each, eq. 56 has two alike and no window.
    """
    mass, lifetime, window = 200.0, 0.3, 0.2
    other = M_PION_NEUTRAL if equation == "39" else 0.0
    if equation == "56":
        window = 1e6
    daughters = {"39": (16, 111), "50": (14, -14), "56": (14, 14)}[equation]
    share = 0.6
    modes = (
        DecayMode("seen", "N", daughters, share * HBAR / lifetime),
        DecayMode("e e", "N", (11, -11), (1 - share) * HBAR / lifetime),
    )
    bar = (mass**2 - other**2) / (2 * mass)
    number = 1 if equation == "39" else 2

    def printed(E: float) -> float:
        lowest = mass * (E**2 + bar**2) / (2 * E * bar)

        def integrand(k: float) -> float:  # E' = E_min + k^2: the root at p = 0 is harmless
            parent = lowest + k * k
            p = math.sqrt((parent - mass) * (parent + mass))
            inside = math.exp(-RADIUS * mass / (p * C_LIGHT * lifetime)) if p > 0 else 0.0
            return 2 * k * inside * parents(mass)(parent) / p if p > 0 else 0.0

        integral = integrate.quad(integrand, 0, 25, limit=200)[0]
        late = 1.0 if equation == "56" else -math.expm1(-E * window / (bar * lifetime))
        return share * number * late * mass / (2 * bar) * integral

    edges = np.array([25.0, 27.0, 40.0, 45.0, 150.0, 160.0, 300.0, 310.0])
    found = paper_fluence(
        emission(mass), modes, mass, flight(window), "neutrino", edges, "akita-36"
    )
    for i in (0, 2, 4, 6):
        expected = integrate.quad(printed, edges[i], edges[i + 1], epsrel=1e-6)[0] / SPHERE
        assert found[i] == pytest.approx(expected, rel=2e-3, abs=0)


def test_eq_6_of_brdar() -> None:
    """Catches a window of the daughter's own in place of the forward one."""
    mass, lifetime, window = 100.0, 50.0, 20.0
    modes = (DecayMode("nu gamma", "N", (12, 22), HBAR / lifetime),)

    def printed(E: float) -> float:
        lowest = E + mass**2 / (4 * E)

        def integrand(k: float) -> float:
            parent = lowest + k * k
            p = math.sqrt(max(0.0, (parent - mass) * (parent + mass)))
            if p == 0:
                return 0.0
            length = p / mass * C_LIGHT * lifetime
            longest = p / parent * C_LIGHT * window / (1 - p / parent)
            seen = math.exp(-RADIUS / length) - math.exp(-max(longest, RADIUS) / length)
            return 2 * k * seen * parents(mass)(parent) / p

        return integrate.quad(integrand, 0, 25, limit=200)[0]

    edges = np.array([10.0, 11.0, 60.0, 70.0, 200.0, 220.0])
    found = paper_fluence(emission(mass), modes, mass, flight(window), "photon", edges, "brdar-6")
    for i in (0, 2, 4):
        expected = integrate.quad(printed, edges[i], edges[i + 1], epsrel=1e-6)[0] / SPHERE
        assert found[i] == pytest.approx(expected, rel=2e-3, abs=0)


FINAL_STATES = {
    "two": ((14, -14), None, False),
    "three": ((14, 12, -12), (0.2, 0.0, 1.0, 0.0), False),
    "pi0": ((16, 111), None, False),
}


@pytest.mark.parametrize("case", FINAL_STATES)
def test_rows_of_an_event_conserve_momentum(case: str) -> None:
    """Catches azimuths drawn for each daughter alone, or an energy of another event.

    All daughters are massless and seen: energies sum to the parent's, momenta along the flight to
    its momentum, those across to nothing.
    """
    daughters, amplitude, secondaries = FINAL_STATES[case]
    mass = 200.0
    modes = (DecayMode("m", "N", daughters, HBAR / 1.0, amplitude=amplitude),)
    near = Flight(DISTANCE, 2e4, 2e4, 1e6, math.pi, True, True)
    sampler = DecaySampler(emission(mass), modes, mass, near, secondaries=secondaries)
    rows = sampler.sample(np.random.default_rng(1), 0, 5000, 5000)
    each = 2 if case == "two" else 3
    count = len(rows["event"]) // each
    assert count > 4900
    event, energy, cosine, phi, parent = (
        np.asarray(rows[name], float)
        for name in ("event", "energy", "cos_alpha", "phi", "parent_energy")
    )
    whole = np.bincount(event.astype(int), minlength=5000)[event.astype(int)] == each
    event, energy, cosine, phi, parent = (
        column[whole].reshape(-1, each) for column in (event, energy, cosine, phi, parent)
    )
    across = energy * np.sqrt((1 - cosine) * (1 + cosine))
    np.testing.assert_allclose(energy.sum(axis=1), parent[:, 0], rtol=1e-9)
    momentum = np.sqrt(parent[:, 0] ** 2 - mass**2)
    np.testing.assert_allclose((energy * cosine).sum(axis=1), momentum, atol=1e-6)
    for part in (np.cos(phi), np.sin(phi)):
        np.testing.assert_allclose((across * part).sum(axis=1), 0, atol=1e-4)


def test_no_weight_exceeds_the_largest() -> None:
    """Catches simulated data with repeated rows: of three daughters one may be seen alone."""
    mass = 200.0
    modes = (DecayMode("3 nu", "N", (14, 12, -12), HBAR / 50.0, amplitude=(1.0, 0.0, 0.0, 0.0)),)
    sampler = DecaySampler(emission(mass), modes, mass, flight(5.0))
    source = DecaySource(sampler, "akita-36")
    weights = np.asarray(source.arrivals(np.random.default_rng(3), 0, 20_000, 20_000)["weight"])
    assert np.mean(weights > sampler.weight_unit(20_000)) > 0.05
    assert np.mean(weights > source.largest_weight(20_000)) < 1e-3


def test_modes_that_send_nothing_are_not_drawn() -> None:
    """Catches events spent on e+ e-, or a branching ratio counted twice."""
    mass, events = 50.0, 20_000
    modes = (
        DecayMode("e e", "N", (11, -11), 0.9 * HBAR / 1.0),
        DecayMode("nu nu", "N", (14, -14), 0.1 * HBAR / 1.0),
    )
    near = flight(1e6, neutrinosphere=1.0)
    sampler = DecaySampler(emission(mass), modes, mass, near)
    rows = sampler.sample(np.random.default_rng(2), 0, events, events)
    assert set(rows["mode"]) == {1}
    assert len(np.unique(rows["event"])) > 0.999 * events
    kinetic = emission(mass).energies - mass
    total = np.trapezoid(emission(mass).spectrum, kinetic)
    expected = 2 * 0.1 * total / SPHERE
    assert rows["weight"].sum() == pytest.approx(expected, rel=2e-3, abs=0)
    blind = DecaySampler(emission(mass), modes[:1], mass, near)
    assert blind.empty
    assert len(blind.sample(np.random.default_rng(2), 0, 10, 10)["event"]) == 0


@pytest.mark.parametrize(
    ("daughters", "more", "message"),
    [
        ((14, 15), {}, "needs two or three of"),
        ((14,), {}, "needs two or three of"),
        ((13, 211), {}, "closed at 200 MeV"),
        ((14, 11, -11), {}, "need an amplitude"),
        ((14, 22), {"amplitude": (1.0, 0.0, 0.0, 0.0)}, "need an amplitude"),
        ((14, 11, -11), {"amplitude": (0.0, 0.0, 0.0, 0.0)}, "nowhere positive"),
        ((14, 111), {"asymmetry": 0.5}, "only two massless"),
    ],
)
def test_impossible_modes_are_refused(
    daughters: tuple[int, ...], more: dict[str, object], message: str
) -> None:
    """Catches a mode that would run on into NaN or be sampled as another."""
    mode = DecayMode("wrong", "N", daughters, 1e-20, **more)  # type: ignore[arg-type]
    with pytest.raises(PhysicsError, match=message):
        DecaySampler(emission(200.0), (mode,), 200.0, flight(10.0))


def test_errors_are_those_of_events() -> None:
    """Catches two daughters of one event in one bin counted as independent."""
    edges = np.linspace(0, 40, 41)
    arrivals = {
        "event": np.array([0, 0, 1, 2, 2]),
        "pdg_decay": np.array([12, -12, 12, 12, 22]),
        "energy": np.array([1.5, 1.7, 1.2, 7.5, 1.5]),
        "weight": np.array([1.0, 1.0, 1.0, 2.0, 9.0]),
    }
    total, product = _by_event(arrivals, "neutrino", edges)
    assert total[[1, 7]] == pytest.approx([3, 2], rel=1e-6, abs=0)
    assert product[1, 1] == 5  # (1 + 1)^2 + 1^2
    assert product[7, 7] == 4
    assert product[1, 7] == 0


def test_bins_that_move_together_count_once() -> None:
    """Catches a singular covariance that turns rounding into a huge chi-square.

    Two bins filled by the same events always: one degree of freedom.
    """
    covariance = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 4.0]])
    chi_square, freedom = _chi_square(np.array([1.0, 1.0 + 1e-9, 2.0]), covariance)
    assert freedom == 2
    assert chi_square == pytest.approx(2.0, rel=1e-6, abs=0)
