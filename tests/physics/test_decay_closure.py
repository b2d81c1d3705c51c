"""Event samples of every kind of decay against fluences integrated from rest-frame spectra.

A small emission table made by hand stands for the core. Chi-squares with a fixed seed; p below
1e-4 fails.
"""

import math

import numpy as np
import pytest

from snmc.decays import DecayMode, DecaySampler
from snmc.decays.fluence import PaperLaw, _seen, exact_fluence
from snmc.decays.sampler import Flight
from snmc.ground.units import HBAR, M_PION_NEUTRAL, PARSEC
from snmc.judgement.validation import WORST_P, Comparison, compare
from snmc.production.emission import Emission, Grid
from snmc.roles.decaying_particle import DecaySource
from snmc.roles.generator import Observation

DISTANCE = 10e3 * PARSEC
V_MINUS_A = (1.0, 0.0, 0.0, 0.0)


def emission(mass: float) -> Emission:
    """Two components, 4 s in 4 steps, dN/dE ~ k exp(-k/40 MeV) with k the kinetic energy."""
    kinetic = 800 * np.linspace(0, 1, 60) ** 2
    spectrum = 1e52 * kinetic * np.exp(-kinetic / 40)
    edges = np.linspace(0, 4, 5)
    grid = Grid(edges, np.tile([0.0, 10.0], (4, 1)), mass + kinetic)
    density = np.exp(-edges[:-1] / 2)[:, None, None] * spectrum
    return Emission(("N",), grid, mass + kinetic, density[None], {})


def compared(
    mass: float, modes: tuple[DecayMode, ...], window: float, *, photons: bool = False,
    neutrinos: bool = True, secondaries: bool = False, law: PaperLaw = "akita-36",
    events: int = 130_000,
) -> tuple[Comparison, ...]:  # fmt: skip
    flight = Flight(DISTANCE, 3e8, 2e4, window, math.pi, photons, neutrinos)
    sampler = DecaySampler(emission(mass), modes, mass, flight, secondaries=secondaries)
    observation = Observation(window, photons, neutrinos, math.pi)
    source = DecaySource(sampler, law)
    return compare(source, "test", observation, 11, events, 2, True)


def mode(daughters: tuple[int, ...], lifetime: float, share: float = 1.0, **more) -> DecayMode:  # type: ignore[no-untyped-def]
    return DecayMode(str(daughters), "N", daughters, share * HBAR / lifetime, **more)


LEPTONS = (1.0, 0.7, 0.0, 0.9)  # nu mu+ mu- with interference, coefficients of no model
CASES = {
    "nu pi0": (200.0, (mode((16, 111), 30.0),), 50.0, {"photons": True}),
    "3 nu light": (20.0, (mode((14, 12, -12), 1e3, amplitude=(0, 0, 1.0, 0)),), 30.0, {}),
    "3 nu": (300.0, (mode((14, 12, -12), 20.0, amplitude=(0, 0, 1.0, 0)),), 10.0, {}),
    "nu e e": (20.0, (mode((11, -11, 12), 20.0, amplitude=(1.0, 0.3, 0, 0.5)),), 30.0, {}),
    "nu mu mu": (300.0, (mode((13, -13, 14), 5.0, amplitude=LEPTONS),), 30.0,
                 {"secondaries": True}),
    "e mu nu": (150.0, (mode((11, -13, 14), 5.0, amplitude=V_MINUS_A),), 9.0,
                {"secondaries": True}),
    "mu pi": (300.0, (mode((13, 211), 5.0),), 30.0, {"secondaries": True}),
    "all": (300.0,
            (mode((13, 211), 5.0, 0.2), mode((16, 111), 5.0, 0.3), mode((11, 211), 5.0, 0.1),
             mode((14, 12, -12), 5.0, 0.2, amplitude=V_MINUS_A), mode((11, -11), 5.0, 0.1),
             mode((14, 22), 5.0, 0.1)),
            30.0, {"secondaries": True, "photons": True}),
    "nu nu": (1e-3, (mode((14, -14), 1e-3),), 30.0, {}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_events_close_with_the_rest_frame_spectra(case: str) -> None:
    """Catches a wrong final state, boost, branching, multiplicity or window of any daughter."""
    mass, modes, window, more = CASES[case]
    found = compared(mass, modes, window, **more)
    assert len(found) == 1 + bool(more.get("photons"))
    for one in found:
        assert one.p_value > WORST_P, one.text()
        error = math.sqrt(one.covariance.sum())
        assert abs(one.sampled.sum() - one.exact.sum()) < 4 * error + 2e-4 * one.exact.sum()


def test_another_amplitude_would_fail() -> None:
    """Shows that the closure can fail: f_I in place of f_II for the neutrino of N -> nu e e."""
    mass, window = 100.0, 30.0
    (found,) = compared(mass, (mode((11, -11, 12), 20.0, amplitude=(0, 0, 1.0, 0)),), window)
    flight = Flight(DISTANCE, 3e8, 2e4, window, math.pi, False, True)
    other = (mode((11, -11, 12), 20.0, amplitude=V_MINUS_A),)
    wrong = exact_fluence(emission(mass), other, mass, flight, "neutrino", found.edges)
    assert (((found.sampled - wrong) / found.error) ** 2).sum() > 10 * found.freedom
    assert found.p_value > WORST_P


def test_continua_are_integrated_through_the_kinks_of_the_window() -> None:
    """Catches too few directions for a continuum: softest photons of pi0 were wrong by 9 %.

    Decays inside the photosphere cut the directions sharply. Parents of 280 to 380 MeV, at bounce,
    on 4,000 directions each by the midpoint rule, with the box of two photons between
    (E -+ p)/2 of pi0.
    """
    mass, lifetime, window, photosphere = 200.0, 5e3, 223.0, 3e10
    flight = Flight(DISTANCE, photosphere, 2e4, window, math.pi, True, False)
    energies = np.linspace(280.0, 380.0, 21)
    grid = Grid(np.array([0.0, 1e-6]), np.array([[0.0, 10.0]]), energies)
    parents = Emission(("N",), grid, energies, np.full((1, 1, 1, 21), 1e52), {})
    edges = np.geomspace(21.0, 300.0, 30)
    found = exact_fluence(parents, (mode((16, 111), lifetime),), mass, flight, "photon", edges)

    pion = (mass**2 + M_PION_NEUTRAL**2) / (2 * mass)
    momentum = math.sqrt(pion**2 - M_PION_NEUTRAL**2)
    low, high = (pion - momentum) / 2, (pion + momentum) / 2
    wanted = np.zeros(len(edges) - 1)
    for E in np.arange(280.5, 380.0):  # middles of steps of 1 MeV
        p = math.sqrt(E**2 - mass**2)
        x = E + p * (2 * (np.arange(4_000) + 0.5) / 4_000 - 1)  # E + p cos(theta*)
        chance = [
            _seen(0, E, p, mass, one, 1 / lifetime, photosphere, window, DISTANCE, np.inf)
            for one in x
        ]
        below = 2 * np.clip((edges[:, None] * mass / x - low) / (high - low), 0, 1)
        wanted += (np.diff(below, axis=0) * chance).mean(axis=1)
    wanted *= 1e52 / (4 * np.pi * DISTANCE**2 * 1e4)
    large = wanted > 1e-3 * wanted.sum()
    assert large.sum() > 20
    np.testing.assert_allclose(found[large], wanted[large], rtol=2e-3)
