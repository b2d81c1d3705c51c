"""The emission table and the decays that follow: closed forms, gravity, weights."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import integrate
from scipy.stats import kstest

from snmc.core import SupernovaCore, load_core
from snmc.decays import DecayMode, DecaySampler, Flight, branching, seen_probability
from snmc.generators.dipole import ACTIVE, Dipole, inverse_decay, scattering
from snmc.ground.compiled import compiled_formula
from snmc.ground.errors import InputError
from snmc.ground.kinematics import momentum, seen_times
from snmc.ground.units import C_LIGHT, HBAR, HBAR_C, PARSEC
from snmc.production.coalescence import coalescence_rate
from snmc.production.emission import (
    Coalescence,
    Emission,
    Grid,
    Scattering,
    combine,
    emission_grid,
    emitted_numbers,
)
from snmc.production.scattering import scattering_rate
from snmc.thermal import PIONS_IN_FIELD, debye_momentum_squared, plasmon_mass_squared, species

Array = npt.NDArray[np.float64]

ELECTRONS = Scattering("electron-scattering", ACTIVE, "e-", "e-", scattering, pole=True)
INVERSE = Coalescence("inverse-decay", ACTIVE, "gamma", inverse_decay)
MEV4_PER_CM3_S = 1 / (6.582119569e-22 * 197.3269804e-13**3)  # 1 MeV^4 as a rate density


pytestmark = pytest.mark.usefixtures("own_tables")


@pytest.fixture(scope="module")
def shipped() -> SupernovaCore:
    return load_core("pns-sfho-1.351")


@pytest.fixture(scope="module")
def one_zone() -> SupernovaCore:
    return load_core(
        {"type": "one-zone", "radius": "10 km", "temperature": "30 MeV", "mu_e": "200 MeV",
         "mu_nu_e": "80 MeV", "rho": "3e14 g/cm^3", "duration": "7 s"}
    )  # fmt: skip


def numbers(
    core: SupernovaCore,
    process: Any,
    mass: float,
    gravity: bool = True,
    precision: Any = "draft",
    grid: Grid | None = None,
) -> Array:
    cells = grid or emission_grid(core, mass, precision, (process,))
    return emitted_numbers(core, process, mass, "electron", gravity, precision, cells)


@pytest.mark.parametrize("process", [ELECTRONS, INVERSE], ids=["scattering", "coalescence"])
def test_one_zone_is_rate_times_volume_times_time(one_zone: SupernovaCore, process: Any) -> None:
    """Would catch a wrong unit, volume, duration or source in the table."""
    mass = 60.0
    grid = emission_grid(one_zone, mass, "draft", (process,))
    table = numbers(one_zone, process, mass)
    state = one_zone.state(np.array([5.0]), np.array([3.0]))
    sources = [species(name, state, "electron") for name in ACTIVE]
    if process is ELECTRONS:
        electron = species("e-", state, "electron")
        rate = scattering_rate(
            scattering, grid.energies[None], mass, state.temperature,
            debye_momentum_squared(state, "electron"), sources, electron, electron, (6, 6, 4),
            pole=True,
        )[0]  # fmt: skip
    else:
        photon = species("gamma", state, "electron")
        rate = coalescence_rate(
            inverse_decay, grid.energies[None], mass, state.temperature, sources, photon
        )[0]
    volume = 4 / 3 * np.pi * (10e5) ** 3
    assert table.sum(axis=(1, 2)) == pytest.approx(
        rate * volume * 7 * MEV4_PER_CM3_S, rel=1e-9, abs=0
    )
    assert numbers(one_zone, process, mass, gravity=False) == pytest.approx(table, rel=1e-12, abs=0)
    # nu_e and its antiparticle differ by the chemical potential, the other flavours only by the
    # potential of some 10 eV in matter
    peak = table[:, 0, 0, 8]
    assert peak[0] > 2 * peak[1]
    assert peak[2:] == pytest.approx(peak[2], rel=5e-4, abs=0)


@compiled_formula(12)
def scale_of_the_plasma(
    s: float, t: float, m1: float, m2: float, m3: float, M: float, k2: float,
    E1: float, E2: float, E: float, along: float, shift: float,
) -> float:  # fmt: skip
    """Return k^2 as it is handed to amplitudes."""
    return k2


def test_amplitudes_take_the_scale_they_ask_for(one_zone: SupernovaCore) -> None:
    """Would catch twice m_T^2 for k^2: true of electrons alone, not of protons, which are slow."""
    tables = {}
    for scale in ("screening", "plasmon"):
        process = Scattering("x", ("nu_tau",), "n", "n", scale_of_the_plasma, scale=scale)  # type: ignore[arg-type]
        grid = emission_grid(one_zone, 60.0, "draft", (process,))
        tables[scale] = emitted_numbers(one_zone, process, 60.0, "all", True, "draft", grid)
    state = one_zone.state(np.array([5.0]), np.array([3.0]))
    k2, mT2 = debye_momentum_squared(state, "all"), plasmon_mass_squared(state, "all")
    assert k2 > 2.5 * mT2
    assert tables["plasmon"] == pytest.approx(tables["screening"] * mT2 / k2, rel=1e-9, abs=0)


def test_cells_divide_the_volume(shipped: SupernovaCore) -> None:
    """Would catch shells that overlap or leave gaps, and time cells across a snapshot."""
    grid = emission_grid(shipped, 100.0, "draft", (INVERSE,))
    assert grid.time_edges[0] == shipped.times[0]
    assert grid.time_edges[-1] == shipped.times[-1]
    assert set(shipped.times) <= set(grid.time_edges)
    assert np.all(np.diff(grid.time_edges) > 0)
    middle = (grid.time_edges[1:] + grid.time_edges[:-1]) / 2
    outermost = grid.radius_edges[:, -1]
    assert np.all(outermost <= shipped.surface(middle) * (1 + 1e-12))
    shells = shipped.shell_volume(
        grid.radius_edges[:, :-1], grid.radius_edges[:, 1:], middle[:, None]
    )
    whole = shipped.shell_volume(0 * outermost, outermost, middle)
    assert shells.sum(axis=1) == pytest.approx(whole, rel=2e-3, abs=0)
    assert np.all(grid.energies > 100.0)


@pytest.mark.parametrize(
    ("source", "target", "recoil", "start"),
    [("pi-", "p", "n", 110.0), (PIONS_IN_FIELD, "p", "n", 140.0), ("e-", "p", "n", 230.0),
     ("nu_e", "n", "n", 150.0)],
)  # fmt: skip
def test_energies_reach_to_the_end_of_the_spectrum(
    shipped: SupernovaCore, source: str, target: str, recoil: str, start: float
) -> None:
    """Would catch a table that ends inside the spectrum for sources with a mass or Fermi energy.

    `start`: about the energy from which spectra of a light X fall as exp(-E/T) in this core.
    """
    process = Scattering("x", (source,), target, recoil, scattering)
    top = emission_grid(shipped, 1.0, "draft", (process,)).energies[-1]
    hottest = shipped.state(np.linspace(0, 11.5, 50)[:, None], np.linspace(0.3, 9, 40)).temperature
    assert start - 30 < top - 22 * hottest.max() < start + 60
    heavy = emission_grid(shipped, 500.0, "draft", (process,)).energies[-1]
    assert heavy == pytest.approx(500 + 22 * hottest.max(), abs=10)


def test_lapse_by_hand_in_one_cell(shipped: SupernovaCore) -> None:
    """Would catch the lapse the wrong way up, or counted twice, or the flat volume.

    Born with E_loc in a proper volume during a proper time a dt; arrives with a E_loc: so
    dN/dE = rate(E/a) V dt, and the number in all is that of E_loc > M/a times a.
    """
    mass = 100.0
    grid = emission_grid(shipped, mass, "draft", (INVERSE,))
    table = numbers(shipped, INVERSE, mass, grid=grid)
    i, j = 3, 5
    time = np.array([grid.time_edges[i : i + 2].mean()])
    inner, outer = grid.radius_edges[i, j], grid.radius_edges[i, j + 1]
    state = shipped.state(np.array([(inner + outer) / 2]), time)
    lapse = float(state.lapse[0])
    assert 0.5 < lapse < 0.9

    def rate(local: Array) -> Array:
        sources = [species(name, state, "electron") for name in ACTIVE]
        photon = species("gamma", state, "electron")
        everything = coalescence_rate(
            inverse_decay, local[None], mass, state.temperature, sources, photon
        )
        return np.asarray(everything[0])

    volume = float(shipped.shell_volume(inner, outer, time)[0]) * 1e15
    cell = volume * np.diff(grid.time_edges)[i] * MEV4_PER_CM3_S
    assert table[:, i, j] == pytest.approx(rate(grid.energies / lapse) * cell, rel=1e-9, abs=0)
    assert volume > 1e15 * 4 / 3 * np.pi * (outer**3 - inner**3) * 1.02

    # the number by local energies: everything below M/a stays bound, and a proper second lasts 1/a
    local = np.linspace(mass / lapse, 1500, 4001)
    unbound = np.trapezoid(rate(local).sum(axis=0), local) * cell * lapse
    at_infinity = np.linspace(mass, 1500 * lapse, 4001)
    seen = np.trapezoid(rate(at_infinity / lapse).sum(axis=0), at_infinity) * cell
    assert seen == pytest.approx(unbound, rel=1e-6, abs=0)


def test_gravity_shifts_and_binds(shipped: SupernovaCore) -> None:
    """Would catch gravity switched the wrong way: it lowers number and mean energy seen."""
    mass = 200.0
    grid = emission_grid(shipped, mass, "draft", (INVERSE,))
    emissions = {
        gravity: combine(
            ("N",), grid, mass,
            {"one": numbers(shipped, INVERSE, mass, gravity, grid=grid).sum(axis=0)[None]},
        )
        for gravity in (True, False)
    }  # fmt: skip
    with_, without = emissions[True], emissions[False]
    assert with_.parents < without.parents
    assert mass < with_.parent_energy / with_.parents < without.parent_energy / without.parents
    assert np.all(with_.energies >= mass)


def test_cache_gives_identical_numbers(shipped: SupernovaCore, own_tables: Path) -> None:
    """Would catch a cache that mixes models up, or stores something else than it computed."""
    first = numbers(shipped, INVERSE, 100.0)
    files = list(own_tables.iterdir())
    assert len(files) == 1
    assert np.array_equal(numbers(shipped, INVERSE, 100.0), first)
    assert list(own_tables.iterdir()) == files
    for other in (
        numbers(shipped, INVERSE, 100.5),
        numbers(shipped, INVERSE, 100.0, gravity=False),
        numbers(shipped, replace(INVERSE, sources=ACTIVE[::-1]), 100.0),
    ):
        assert not np.array_equal(other, first)
    assert len(list(own_tables.iterdir())) == 4
    grid = emission_grid(shipped, 100.0, "draft", (INVERSE,))
    threads = emitted_numbers(
        shipped, replace(INVERSE, name="x"), 100.0, "electron", True, "draft", grid, workers=3
    )
    assert np.array_equal(threads, first)


def test_precision_has_converged(shipped: SupernovaCore) -> None:
    """Would catch cells too coarse: number and energy in draft and standard agree to 2%."""
    found = {}
    for precision in ("draft", "standard"):
        grid = emission_grid(shipped, 100.0, precision, (INVERSE,))
        table = numbers(shipped, INVERSE, 100.0, precision=precision, grid=grid)
        emission = combine(("N",), grid, 100.0, {"x": table.sum(axis=0)[None]})
        found[precision] = np.array([emission.parents, emission.parent_energy])
    assert found["draft"] == pytest.approx(found["standard"], rel=0.02, abs=0)


@pytest.mark.parametrize(("nodes", "tolerance"), [(32, 2e-3), (48, 1e-3), (80, 5e-4)])
def test_refined_spectrum(nodes: int, tolerance: float) -> None:
    """Would catch an interpolation that changes number or energy of a thermal spectrum."""
    mass, T = 100.0, 25.0
    energies = mass + 800 * np.linspace(0, 1, nodes + 1)[1:] ** 2
    grid = Grid(np.array([0.0, 1.0]), np.array([[0.0, 1.0]]), energies)

    def spectrum(E: Array) -> Array:
        return np.asarray(np.sqrt((E - mass) * (E + mass)) * E / (np.exp(E / T) - 1))

    table = spectrum(energies).reshape(1, 1, 1, -1)
    emission = combine(("N",), grid, mass, {"one": 0.3 * table, "two": 0.7 * table})
    x = np.linspace(0, np.sqrt(800.0), 200_001)
    E = mass + x * x
    number = integrate.simpson(spectrum(E) * 2 * x, x=x)
    energy = integrate.simpson(spectrum(E) * E * 2 * x, x=x)
    assert emission.parents == pytest.approx(number, rel=tolerance, abs=0)
    assert emission.parent_energy == pytest.approx(energy, rel=tolerance, abs=0)
    # exact for the piecewise linear density it declares
    assert emission.parents == pytest.approx(
        np.trapezoid(emission.spectrum, emission.energies),
        rel=1e-12,
        abs=0,
    )
    fine = np.linspace(0, 1, 101)
    by_pieces = sum(
        integrate.simpson(
            (a + (b - a) * fine) * (low + (high - low) * fine), x=low + (high - low) * fine
        )
        for (a, b), (low, high) in zip(
            pairwise(emission.spectrum), pairwise(emission.energies), strict=True
        )
    )
    assert emission.parent_energy == pytest.approx(by_pieces, rel=1e-12, abs=0)
    assert emission.by_process["two"][0] == pytest.approx(0.7 * emission.parents, rel=1e-12, abs=0)


def test_nothing_emitted_is_an_error() -> None:
    """Would catch a supernova of no particles, or the mass blamed where a coupling vanishes."""
    grid = Grid(np.array([0.0, 1.0]), np.array([[0.0, 1.0]]), np.array([101.0, 110.0]))
    with pytest.raises(InputError, match=r"generator: no parent .* processes and couplings"):
        combine(("N",), grid, 100.0, {"one": np.zeros((1, 1, 1, 2))})


# --- decays -----------------------------------------------------------------------------------

MASS, ENERGY, PARENTS = 100.0, 150.0, 1e40
DISTANCE = 51.4e3 * PARSEC
PHOTOSPHERE, NEUTRINOSPHERE = 3e10, 3e4
P = momentum(ENERGY, MASS)
SPEED = P / ENERGY * C_LIGHT
WINDOW = 223.0


def line(components: tuple[str, ...] = ("N",)) -> Emission:
    """All parents at t = 0 with one energy, within 1e-9 of it."""
    width = 1e-9 * ENERGY
    energies = ENERGY + width * np.array([-1.0, 0.0, 1.0])
    density = np.tile(np.array([0.0, PARENTS / width, 0.0]), (len(components), 1, 1, 1))
    grid = Grid(np.array([0.0, 1e-9]), np.array([[0.0, 10.0]]), energies)
    return Emission(components, grid, energies, density, {"x": (PARENTS, PARENTS * ENERGY)})


def flight(**changes: Any) -> Flight:
    given: dict[str, Any] = {
        "distance": DISTANCE, "photosphere": PHOTOSPHERE, "neutrinosphere": NEUTRINOSPHERE,
        "window": WINDOW, "max_angle": np.pi, "photons": True, "neutrinos": False,
    }  # fmt: skip
    return Flight(**{**given, **changes})


def mode(lifetime: float, **changes: Any) -> DecayMode:
    """nu_e gamma with a lifetime [s] at rest."""
    return DecayMode(
        **{"name": "nu_e gamma", "component": "N", "daughters": (12, 22), "width": HBAR / lifetime,
           **changes}
    )  # fmt: skip


def draw(sampler: DecaySampler, seed: int, events: int) -> dict[str, Array]:
    """All rows of a run of so many events."""
    rows = sampler.sample(np.random.default_rng(seed), 0, events, events)
    return {name: np.asarray(values, dtype=np.float64) for name, values in rows.items()}


def seen_share(lifetime: float, escape: float, low: float = 0.0, high: float = 2.0) -> float:
    """Share of decays seen with y in the range: flat in y, delay t (M/E)^2/(1 + beta c) < window.

    The path is short against the distance, so that the angle adds nothing to the delay.
    """
    beta = P / ENERGY
    rate = MASS / ENERGY / lifetime
    first = escape / SPEED

    def seen(y: float) -> float:
        last = WINDOW * (1 + beta * (y - 1)) * (ENERGY / MASS) ** 2
        return float(max(0.0, np.exp(-rate * first) - np.exp(-rate * last))) / 2

    return float(integrate.quad(seen, low, high, epsabs=0, epsrel=1e-10, limit=200)[0])


@pytest.mark.parametrize("lifetime", [3.0, 30.0, 300.0, 1e8])
def test_weights_sum_to_the_expected_fluence(lifetime: float) -> None:
    """Would catch a wrong normalisation: fluence = N P/(4 pi D^2), P integrated by hand."""
    sampler = DecaySampler(line(), (mode(lifetime),), MASS, flight())
    events = 200_000
    rows = draw(sampler, 5, events)
    weights = rows["weight"]
    expected = PARENTS * seen_share(lifetime, PHOTOSPHERE) / (4 * np.pi * (100 * DISTANCE) ** 2)
    error = np.sqrt(np.sum(weights**2)) / np.sum(weights)
    assert weights.sum() == pytest.approx(expected, rel=max(5 * error, 1e-6), abs=0)
    # and in bins of the photon energy, E/2 (1 + beta c)
    edges = ENERGY / 2 * (1 + P / ENERGY * (np.linspace(0, 2, 6) - 1))
    found = np.histogram(rows["energy"], edges, weights=weights)[0]
    squares = np.histogram(rows["energy"], edges, weights=weights**2)[0]
    for k in range(5):
        part = seen_share(lifetime, PHOTOSPHERE, 0.4 * k, 0.4 * (k + 1))
        bin_ = PARENTS * part / (4 * np.pi * (100 * DISTANCE) ** 2)
        assert abs(found[k] - bin_) < 5 * np.sqrt(squares[k]) + 1e-6 * bin_


def test_tilts_leave_the_fluence_alone() -> None:
    """Would catch a tilt by the detector's area, or by energy, not taken back by the weights.

    A spectrum linear between nodes; the fluence is the integral over it of the share seen.
    """
    energies = np.array([110.0, 150.0, 300.0, 500.0])
    density = np.array([0.0, 3.0, 1.0, 0.2]).reshape(1, 1, 1, 4) * 1e38
    grid = Grid(np.array([0.0, 1e-9]), np.array([[0.0, 10.0]]), energies)
    emission = Emission(("N",), grid, energies, density, {})
    lifetime = 100.0

    def seen(E: float, cosine: float) -> float:
        p = momentum(E, MASS)
        rate = MASS / E / lifetime
        last = WINDOW * (1 + p / E * cosine) * (E / MASS) ** 2
        share = np.exp(-rate * PHOTOSPHERE * E / (p * C_LIGHT)) - np.exp(-rate * last)
        return float(max(0.0, share) * np.interp(E, energies, density[0, 0, 0]) / 2)

    x, w = np.polynomial.legendre.leggauss(60)
    by_hand = sum(
        w[i] * w[j] * (high - low) / 2 * seen(low + (high - low) * (x[i] + 1) / 2, x[j])
        for low, high in pairwise(energies)
        for i in range(60)
        for j in range(60)
    ) / (4 * np.pi * (100 * DISTANCE) ** 2)
    for response in (None, np.array([1e-3, 0.1, 5.0, 200.0])):
        sampler = DecaySampler(emission, (mode(lifetime),), MASS, flight(), response=response)
        weights = draw(sampler, 12, 200_000)["weight"]
        assert abs(weights.sum() - by_hand) < 5 * np.sqrt(np.sum(weights**2)) + 1e-3 * by_hand


def test_decay_times_follow_the_truncated_exponential() -> None:
    """Would catch decay times outside [escape, window] or of the wrong law inside."""
    lifetime = 60.0
    sampler = DecaySampler(line(), (mode(lifetime),), MASS, flight())
    rows = draw(sampler, 6, 20_000)
    y = (rows["energy"] * 2 / ENERGY - 1) * ENERGY / P + 1
    last = np.array([seen_times(ENERGY, P, MASS, v, WINDOW, DISTANCE, np.inf)[0] for v in y])
    time = rows["decay_length"] / SPEED
    first = PHOTOSPHERE / SPEED
    assert np.all(time >= first * (1 - 1e-8))
    assert np.all(rows["time"] <= WINDOW * (1 + 1e-8))
    rate = MASS / ENERGY / lifetime
    cdf = np.expm1(-rate * (time - first)) / np.expm1(-rate * (last - first))
    assert kstest(cdf, "uniform").pvalue > 1e-3
    assert kstest(cdf[y < 0.5], "uniform").pvalue > 1e-3
    assert seen_probability(rate, 5.0, 4.0) == 0.0
    assert seen_probability(1e-20, 1.0, 3.0) == pytest.approx(2e-20, rel=1e-12, abs=0)


def test_angle_limit_drops_what_it_must() -> None:
    """Would catch the limit on the arrival angle left out of the weights (light and long-lived)."""
    # a small distance makes the angles large
    near = 1e4 * PHOTOSPHERE
    kept = {}
    for limit in (np.pi, 1e-3):
        sampler = DecaySampler(line(), (mode(30.0),), MASS, flight(distance=near, max_angle=limit))
        rows = draw(sampler, 7, 300_000)
        inside = rows["theta"] <= 1e-3
        assert limit > 1 or inside.all()
        kept[limit] = rows["weight"][inside].sum()
    assert kept[1e-3] == pytest.approx(kept[np.pi], rel=0.02, abs=0)


@pytest.mark.parametrize("lifetime", [1e-4, 30.0, 1e8])
def test_both_daughters_give_the_fluences_of_separate_runs(lifetime: float) -> None:
    """Would catch a daughter counted outside its own escape radius or window, or lost inside."""
    events = 300_000
    fluence = {}
    for photons, neutrinos in ((True, True), (True, False), (False, True)):
        sampler = DecaySampler(
            line(), (mode(lifetime),), MASS, flight(photons=photons, neutrinos=neutrinos)
        )
        rows = draw(sampler, 8, events)
        weights, is_photon = rows["weight"], rows["pdg"] == 22
        for kind, chosen in (("photon", is_photon), ("neutrino", ~is_photon)):
            w = weights[chosen]
            fluence[photons, neutrinos, kind] = w.sum(), np.sqrt(np.sum(w**2))
    expected = {
        "photon": seen_share(lifetime, PHOTOSPHERE),
        "neutrino": seen_share(lifetime, NEUTRINOSPHERE),
    }
    sphere = 4 * np.pi * (100 * DISTANCE) ** 2
    for kind, alone in (("photon", (True, False)), ("neutrino", (False, True))):
        for total, error in (fluence[True, True, kind], fluence[*alone, kind]):
            by_hand = PARENTS * expected[kind] / sphere
            assert abs(total - by_hand) <= 5 * error + 1e-6 * by_hand
    # in the same decay the daughters are back to back in azimuth
    sampler = DecaySampler(line(), (mode(1000.0),), MASS, flight(neutrinos=True))
    rows = draw(sampler, 9, 1000)
    event, phi = rows["event"], rows["phi"]
    pairs = np.nonzero(event[1:] == event[:-1])[0]
    assert len(pairs) > 50
    assert np.abs(phi[pairs] - phi[pairs + 1]) == pytest.approx(np.pi, rel=1e-6, abs=0)
    assert rows["energy"][pairs] + rows["energy"][pairs + 1] == pytest.approx(
        ENERGY, rel=1e-8, abs=0
    )


@pytest.mark.parametrize("polarisation", [-0.6, 0.0, 0.9])
def test_polarised_decays(polarisation: float) -> None:
    """Would catch the asymmetry given to the wrong daughter: the first one has A P cos(theta*)."""
    sampler = DecaySampler(
        line(), (mode(0.5, asymmetry=0.8),), MASS, flight(photosphere=1.0, neutrinosphere=1.0,
                                                         neutrinos=True),
        polarisation=np.full((1, 3), polarisation),
    )  # fmt: skip
    events = 200_000
    rows = draw(sampler, 10, events)
    cosine = (rows["energy"] * 2 / ENERGY - 1) * ENERGY / P
    for first, sign in ((rows["pdg"] != 22, 1), (rows["pdg"] == 22, -1)):
        assert first.sum() == pytest.approx(events, rel=1e-3, abs=0)
        mean = np.average(cosine[first], weights=rows["weight"][first])
        assert mean == pytest.approx(sign * 0.8 * polarisation / 3, abs=0.006)


def test_modes_are_drawn_by_their_widths() -> None:
    """Would catch a branching ratio lost between modes, components and lifetime."""
    model = Dipole(
        {"mass": MASS, "d_e": 1e-13, "d_tau": 2e-13, "nature": "dirac", "processes": (),
         "screening": "none"}
    )  # fmt: skip
    modes = model.modes()
    assert branching(modes) == pytest.approx(
        {"nu_e gamma": 0.2, "nu_e_bar gamma": 0.2, "nu_tau gamma": 0.8, "nu_tau_bar gamma": 0.8},
        rel=1e-6,
        abs=0,
    )
    sampler = DecaySampler(line(("N", "Nbar")), modes, MASS, flight(photosphere=1.0))
    rows = draw(sampler, 11, 100_000)
    share = np.bincount(rows["mode"].astype(int), weights=rows["weight"], minlength=4)
    assert share / share.sum() == pytest.approx([0.1, 0.1, 0.4, 0.4], abs=0.01)


def test_unit_of_rate_density() -> None:
    """Would catch a slip in the conversion behind every number: 1 MeV^4 is 1.9773e53/cm3/s."""
    assert pytest.approx(1.9773e53, rel=1e-4, abs=0) == MEV4_PER_CM3_S
    assert pytest.approx(1 / (HBAR * (HBAR_C * 1e-13) ** 3), rel=1e-12, abs=0) == MEV4_PER_CM3_S
