"""One sample for every coupling against runs made for each of them."""

import warnings

import numpy as np
import numpy.typing as npt
import pytest

from snmc.core import load_core
from snmc.decays.reweighting import Lines, ReweightableSampler, add_spectra
from snmc.generators.dipole import Dipole
from snmc.generators.majoron import Majoron
from snmc.ground.columns import Columns
from snmc.ground.errors import PhysicsWarning
from snmc.ground.streams import block_stream
from snmc.production.absorption import Opacity, line_escape
from snmc.production.emission import Emission, Grid
from snmc.roles.decaying_particle import leaving_energy
from snmc.roles.generator import Observation, Supernova

Array = npt.NDArray[np.float64]
EVENTS = 200_000
PHOTONS = Observation(window=223.0, photons=True, neutrinos=False, max_angle=np.pi)
NEUTRINOS = Observation(window=100.0, photons=False, neutrinos=True, max_angle=np.pi)


@pytest.fixture(scope="module")
def supernova() -> Supernova:
    core = load_core(
        {"type": "one-zone", "radius": "10 km", "temperature": "30 MeV", "mu_e": "200 MeV",
         "mu_nu_e": "50 MeV", "rho": "3e14 g/cm^3", "duration": "4 s"}
    )  # fmt: skip
    return Supernova(
        core, distance=1.5e21, photosphere=3e10, neutrinosphere=3e4, gravity=True,
        absorption=True, ordering="NO", oscillation="nufit-5.2",
    )  # fmt: skip


def area(energy: Array) -> Array:
    """Steeper than any cross section, so that rare parents matter."""
    return (energy / 100) ** 2


def response(pdg: npt.ArrayLike, energy: npt.ArrayLike) -> Array:
    """The same for all particles."""
    return np.asarray(area(np.asarray(energy)) + 0.0 * np.asarray(pdg))


def dipole(d: float) -> Dipole:
    return Dipole(
        {"mass": 60.0, "d": d, "nature": "majorana", "screening": "electron",
         "processes": ("inverse-decay",)}
    )  # fmt: skip


def dirac(d: float) -> Dipole:
    """Particles and antiparticles, emitted and polarised differently."""
    return Dipole(
        {"mass": 60.0, "d_e": d, "nature": "dirac", "screening": "electron",
         "processes": ("inverse-decay",)}
    )  # fmt: skip


def majoron(g: float) -> Majoron:
    return Majoron({"mass": 1.0, "g_emu": g})


CASES = [
    pytest.param(dipole, 1e-17, 3e-14, PHOTONS, id="photons"),
    pytest.param(dirac, 1e-14, 1e-10, NEUTRINOS, id="dirac"),
    pytest.param(majoron, 1e-12, 1e-6, NEUTRINOS, id="majoron"),
]


def folded(columns: Columns) -> tuple[float, float]:
    """Sum of weight times area and its error, events being independent."""
    value = columns["weight"] * area(columns["energy"])
    _, event = np.unique(columns["event"], return_inverse=True)
    return float(value.sum()), float(np.sqrt((np.bincount(event, value) ** 2).sum()))


@pytest.mark.parametrize(("make", "low", "high", "observation"), CASES)
def test_reweighted_counts_are_those_of_each_coupling(make, low, high, observation, supernova):
    """Would catch a wrong power of the coupling, a wrong window, or absorption left out.

    Ten couplings, from particles that outlive the window to such as decay or are absorbed before
    they are out; all from one sample, whose errors are correlated: each must agree by itself.
    """
    couplings = np.geomspace(low, high, 10)
    strengths = (couplings / low) ** 2
    sampler = make(low).reweightable(strengths, supernova, observation, "draft", response)
    sample = sampler.draw(block_stream(5, 0), 0, EVENTS, EVENTS)
    pulls = []
    for number, (coupling, strength) in enumerate(zip(couplings, strengths, strict=True)):
        columns = {**sample.columns, "weight": sample.weights(strength)}
        found, error = folded(columns)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PhysicsWarning)
            source = make(coupling).prepare(supernova, observation, "draft", 1, True)
            source = source.drawn_by(response)
        direct, direct_error = folded(source.arrivals(block_stream(6, number), 0, EVENTS, EVENTS))
        if found**2 > 100 * error**2:
            pulls.append((found - direct) / np.hypot(error, direct_error))
            assert found == pytest.approx(direct, rel=0.1, abs=0)
    assert len(pulls) >= 8
    assert max(map(abs, pulls)) < 3.5


def test_heavy_parents_of_soft_photons_are_drawn(supernova):
    """Would catch parents left out because their most energetic photon is beyond the detector.

    At 250 MeV a parent at rest sends photons of 125 MeV; the band ends at 100.
    """

    def band(energy: Array) -> Array:
        return np.where(energy < 100, 1.0, 0.0)

    model = Dipole(
        {"mass": 250.0, "d": 1e-15, "nature": "majorana", "screening": "electron",
         "processes": ("inverse-decay",)}
    )  # fmt: skip
    sums = []
    for tilted in (True, False):
        source = model.prepare(supernova, PHOTONS, "draft", 1, True)
        if tilted:
            source = source.drawn_by(lambda pdg, energy: band(np.asarray(energy)) + 0.0 * pdg)
        rows = source.arrivals(block_stream(4, 0), 0, 100_000, 100_000)
        value = rows["weight"] * band(rows["energy"])
        sums.append((value.sum(), np.sqrt((value**2).sum())))
    (with_band, error), (without, other) = sums
    assert without > 10 * other
    assert abs(with_band - without) < 4 * np.hypot(error, other)


def test_spectra_are_the_weights_in_bins(supernova):
    """Would catch rows in the wrong bin, or events whose rows are counted as independent."""
    strengths = np.array([1.0, 1e3])
    sampler = majoron(1e-10).reweightable(strengths, supernova, NEUTRINOS, "draft", response)
    sample = sampler.draw(block_stream(5, 0), 0, 20_000, 20_000)
    energy, event = sample.columns["energy"], sample.columns["event"]
    rows = np.flatnonzero(energy > 20)
    edges = np.array([20.0, 50.0, 100.0])
    place = np.searchsorted(edges, energy[rows], side="right") - 1
    spectrum, variance = np.zeros((2, 2, 2))
    sums, squares = np.zeros((2, 2))
    batches = np.zeros((2, 7))
    add_spectra(
        strengths, sample.columns["weight"], sample.decay, sample.depths, sample.decays,
        area(energy[rows]), rows, event[rows], place, spectrum, variance, sums, squares, batches,
    )  # fmt: skip
    for i, strength in enumerate(strengths):
        value = sample.weights(strength)[rows] * area(energy[rows])
        expected, _ = np.histogram(energy[rows], edges, weights=value)
        assert spectrum[i] == pytest.approx(expected, rel=1e-12, abs=0)
        assert sums[i] == pytest.approx(value.sum(), rel=1e-12, abs=0)
        of_event = np.bincount(event[rows].astype(np.int64), value)
        assert squares[i] == pytest.approx((of_event**2).sum(), rel=1e-12, abs=0)
        parts = np.bincount(event[rows].astype(np.int64) % 7, value)
        assert batches[i] == pytest.approx(parts, rel=1e-12, abs=0)
    assert squares[0] > 1.1 * np.sum((sample.weights(1.0)[rows] * area(energy[rows])) ** 2)


@pytest.mark.parametrize("strength", [0.01, 1.0, 30.0])
def test_lines_escape_as_by_quadrature(strength):
    """Would catch a wrong length of a line, or the far side crossed once too often."""
    edges = np.array([[0.0, 3.0, 5.0, 8.0, 10.0]])
    stretch = np.array([[1.3, 1.2, 1.1, 1.0]])
    linear = np.array([0.1, 0.5, 0.02, 0.2]).reshape(1, 1, 4, 1) * np.ones(3)
    squared = np.array([0.3, 0.0, 0.1, 0.05]).reshape(1, 1, 4, 1) * np.ones(3)
    grid = Grid(np.array([0.0, 1.0]), edges, np.array([12.0, 20.0, 40.0]))
    energies = np.array([10.0, 12.0, 20.0, 40.0])
    emission = Emission(("X",), grid, energies, np.ones((1, 1, 4, 4)), {})
    opacity = Opacity(edges, stretch, linear, squared)
    lines = Lines(opacity, emission, strength)
    exact = line_escape(edges, stretch, opacity.at(strength))[0, 0, :, 0]
    rows = 100_000
    for shell, middle in enumerate((edges[0, 1:] + edges[0, :-1]) / 2):
        depths = lines.depths(
            block_stream(3, shell), np.arange(rows), np.zeros(rows, np.int64), np.full(rows, 0.5),
            np.full(rows, middle), np.full(rows, 25.0),
        )  # fmt: skip
        own = strength * (depths[:, 0] + strength * depths[:, 2])
        rest = strength * (depths[:, 1] + strength * depths[:, 3])
        share = np.exp(-rest) * -np.expm1(-own) / own
        error = share.std() / np.sqrt(rows)
        assert share.mean() == pytest.approx(exact[shell], rel=0, abs=4 * error + 2e-4)


@pytest.mark.parametrize(
    ("make", "low", "high"),
    [
        pytest.param(dipole, 1e-13, 1e-8, id="dipole"),
        pytest.param(majoron, 1e-10, 1e-5, id="majoron"),
    ],
)
def test_energy_that_leaves_is_that_of_each_coupling(make, low, high, supernova):
    """Would catch a wrong measure of parents, or of decays before the neutrinosphere."""
    couplings = np.geomspace(low, high, 10)
    strengths = (couplings / low) ** 2
    sampler = make(low).reweightable_energy(strengths, supernova, "draft")
    sample = sampler.draw(block_stream(5, 0), 0, EVENTS, EVENTS)
    compared = 0
    for coupling, strength in zip(couplings, strengths, strict=True):
        weights = sample.weights(strength)
        error = np.sqrt((weights**2).sum())
        model = make(coupling)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PhysicsWarning)
            emission = model.emission(supernova, "draft", 1, True)
        exact = leaving_energy(emission, model.modes(), model.mass, supernova.neutrinosphere)
        if weights.sum() > 10 * error:
            compared += 1
            # opaque cores: between the nodes of the table two interpolations differ
            assert weights.sum() == pytest.approx(exact, rel=0.01, abs=4 * error)
    assert compared >= 7


def test_a_sample_needs_no_strength_to_be_drawn(supernova):
    """Would catch weights that remember the range of strengths asked for, beyond their errors."""
    observation, make = NEUTRINOS, dipole
    totals, errors = [], []
    for top in (1e2, 1e10):
        sampler = make(1e-15).reweightable(
            np.array([1.0, top]), supernova, observation, "draft", response
        )
        assert isinstance(sampler, ReweightableSampler)
        sample = sampler.draw(block_stream(5, 1), 0, EVENTS, EVENTS)
        total, error = folded({**sample.columns, "weight": sample.weights(50.0)})
        totals.append(total)
        errors.append(error)
    assert abs(totals[0] - totals[1]) < 4 * np.hypot(*errors)


def test_rescattering_scales_as_a_scan_counts_on():
    """Would catch a model whose rescattering grows otherwise than with the fourth power."""
    core = load_core(
        {"type": "one-zone", "radius": "10 km", "temperature": "30 MeV", "mu_e": "200 MeV",
         "mu_nu_e": "50 MeV", "rho": "3e14 g/cm^3", "duration": "4 s"}
    )  # fmt: skip
    state = core.state(np.array([5.0]), np.array([1.0]))
    energies = np.array([[50.0, 100.0]])
    weak, strong = (majoron(g).rescattering(state, energies) for g in (1e-6, 1e-5))
    assert strong == pytest.approx(1e4 * weak, rel=1e-12, abs=0)


def test_an_opaque_core_is_told(supernova):
    """Would catch a scan that says nothing where `snmc run` warns of an upper bound."""
    couplings = np.geomspace(1e-13, 1e-6, 9)
    sampler = dipole(couplings[0]).reweightable_energy(
        (couplings / couplings[0]) ** 2, supernova, "draft"
    )
    bound_from = couplings[0] * np.sqrt(sampler.bound_from)
    assert couplings[0] < bound_from < couplings[-1]
    for coupling, expected in ((bound_from / 4, 0), (bound_from * 4, 1)):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            dipole(coupling).emission(supernova, "draft", 1, True)
        assert sum("upper bound" in str(one.message) for one in told) == expected
