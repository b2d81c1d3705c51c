"""What becomes of the parents, against decays drawn one by one with the exact delay."""

import numpy as np
import pytest

from snmc.decays import DecayMode, Flight
from snmc.decays.fates import FATES, fates
from snmc.ground.kinematics import arrival_angle, arrival_delay, sin_alpha
from snmc.ground.units import C_LIGHT, HBAR
from snmc.production.emission import Emission, Grid

MASS, ENERGY = 100.0, 150.0
P = np.sqrt(ENERGY**2 - MASS**2)
DRAWN = 40_000


def line() -> Emission:
    """All parents at one energy and at the bounce."""
    energies = ENERGY + 1e-6 * np.array([-1.0, 0.0, 1.0])
    grid = Grid(np.array([0.0, 1e-9]), np.array([[0.0, 10.0]]), energies)
    return Emission(("N",), grid, energies, np.array([[[[0.0, 1e6, 0.0]]]]), {"x": (1.0, ENERGY)})


def drawn(lifetime: float, flight: Flight) -> dict[str, float]:
    """Shares of decays drawn from the exponential, isotropic at rest, by the delay of eq. 5."""
    rng = np.random.default_rng(3)
    times = rng.exponential(lifetime * ENERGY / MASS, DRAWN)
    counts = dict.fromkeys(FATES, 0)
    for t, y in zip(times, 2 * rng.random(DRAWN), strict=True):
        path = P / ENERGY * C_LIGHT * t
        if path < flight.photosphere:
            counts["inside"] += 1
        elif path > flight.distance:
            counts["undecayed"] += 1
        elif path * sin_alpha(ENERGY, P, MASS, y) > flight.distance * flight.max_sine():
            counts["wide"] += 1
        else:
            arrival_angle(path, sin_alpha(ENERGY, P, MASS, y), flight.distance)
            delay = arrival_delay(ENERGY, P, MASS, y, t, flight.distance)
            counts["seen" if delay <= flight.window else "late"] += 1
    return {name: count / DRAWN for name, count in counts.items()}


@pytest.mark.parametrize(
    ("lifetime", "changes"),
    [
        (100.0, {}),
        (1e3, {"max_angle": 0.05}),
        (3e3, {"window": 3e3}),
        (1e5, {"window": 3e3, "max_angle": 0.3}),
        (30.0, {"window": 1e-3}),
    ],
)
def test_shares_are_those_of_decays_drawn(lifetime: float, changes: dict[str, float]) -> None:
    """Would catch decays counted twice or nowhere, late ones for wide ones, a wrong density."""
    given = {
        "distance": 3e12, "photosphere": 3e10, "neutrinosphere": 3e4, "window": 223.0,
        "max_angle": np.pi, "photons": True, "neutrinos": False, **changes,
    }  # fmt: skip
    flight = Flight(**given)  # type: ignore[arg-type]
    mode = DecayMode("nu_e gamma", "N", (12, 22), HBAR / lifetime)
    found = fates(line(), (mode,), MASS, flight, 22)
    assert sum(found.values()) == pytest.approx(1.0, rel=1e-9, abs=0)
    for name, share in drawn(lifetime, flight).items():
        error = np.sqrt(max(share * (1 - share), 1 / DRAWN) / DRAWN)
        assert abs(found[name] - share) < 4 * error + 2e-3


def test_what_is_emitted_after_the_window_is_late() -> None:
    """Would catch decays of the last seconds counted as wide, or as never."""
    emission = line()
    late = Emission(
        ("N",), Grid(np.array([20.0, 30.0]), emission.grid.radius_edges, emission.energies),
        emission.energies, emission.density, emission.by_process,
    )  # fmt: skip
    flight = Flight(1e21, 3e10, 3e4, 10.0, np.pi, True, False)
    mode = DecayMode("nu_e gamma", "N", (12, 22), HBAR / 1e3)
    found = fates(late, (mode,), MASS, flight, 22)
    assert found["seen"] == found["wide"] == 0
    assert found["late"] == pytest.approx(1 - found["inside"], rel=1e-9, abs=0)
