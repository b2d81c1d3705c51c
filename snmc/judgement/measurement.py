"""One point of a scan: a sample drawn once, and what a detector expects at every coupling."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from snmc.decays import Flight
from snmc.decays.reweighting import Sample, add_spectra
from snmc.ground.errors import InputError, NoEmissionError
from snmc.ground.streams import BLOCK_EVENTS, block_stream
from snmc.ground.units import MEV_IN_ERG
from snmc.judgement.series import BATCHES, Series
from snmc.roles.decaying_particle import DecayingParticle
from snmc.roles.detector import Detector
from snmc.roles.generator import Response
from snmc.run.prepare import prepare, prepare_generators, prepare_supernova
from snmc.run.scan_card import ENERGY

if TYPE_CHECKING:
    from snmc.run.card import RunCard
    from snmc.run.scan_card import ScanCard, ScanPoint

Array = npt.NDArray[np.float64]

BIN_RATIO = 1.04  # of the edges of a bin: finer than any detector's resolution
EMISSION_TIMES = np.linspace(0.0, 20.0, 41)  # s, bins of the energy that leaves
_SAME = 1e-9  # relative, of rates that should scale


def measure(
    point: "ScanPoint",
    couplings: Sequence[float],
    events: int,
    seed: int,
    bin_width: float | None,
) -> Series:
    """Expected counts of a point's detector, or energy [erg] that leaves, at each coupling.

    `couplings` (n,): values of the point's parameter, in the model's unit; `events`: sampled
    decays, at least one; `seed` and the point's stream decide the random numbers; `bin_width`
    [MeV]: of reconstructed energy, None for edges a constant ratio apart. A pure function: the
    same in any process. Raises InputError if the model's rates do not scale with the parameter.
    """
    scale = np.asarray(couplings, dtype=np.float64)
    model, strengths = _scaled(point.card, point.parameter, scale)
    if point.detector == ENERGY:
        return _energy(point, model, strengths, events, seed)
    return _counts(point, model, strengths, events, seed, bin_width)


def check_scaling(card: "ScanCard") -> None:
    """Raise InputError if a model's rates do not scale with the coupling that runs.

    At the smallest and the largest mass: `measure` looks at each.
    """
    ends = (card.masses[0], card.masses[-1])
    for point in card.points:
        if point.mass in ends:
            _scaled(point.card, point.parameter, np.array(card.couplings))


def energy_edges(window: tuple[float, float], width: float | None) -> Array:
    """Edges [MeV] of bins in reconstructed energy across a detector's window.

    `width` [MeV]: of each bin but the last, which ends with the window; None: a constant ratio.
    """
    low, high = window
    if width is None:
        count = int(np.ceil(np.log(high / low) / np.log(BIN_RATIO)))
        return np.geomspace(low, high, count + 1)
    count = max(1, int(np.ceil((high - low) / width - 1e-9)))
    return np.asarray(np.minimum(low + width * np.arange(count + 1), high))


def _counts(
    point: "ScanPoint",
    model: DecayingParticle,
    strengths: Array,
    events: int,
    seed: int,
    bin_width: float | None,
) -> Series:
    experiment = prepare(point.card)
    detector, observation = experiment.detector, experiment.observation
    if detector is None:
        raise InputError(f"{point.card.path}: observation.detector: missing; a scan needs one")
    tally = _Tally(strengths, energy_edges(detector.energy_window, bin_width))
    try:
        sampler = model.reweightable(
            strengths, experiment.supernova, observation, point.card.run.precision,
            countable(detector), _flights(point),
        )  # fmt: skip
    except NoEmissionError:
        return tally.series()
    for block, count in _blocks(events):
        stream = block_stream(seed, point.stream, block)
        sample = sampler.draw(stream, block * BLOCK_EVENTS, count, events)
        tally.add(sample, *accepted(sample, detector, observation.window, stream))
    return tally.series(sampler.bound_from)


def _flights(point: "ScanPoint") -> list[Flight]:
    """Flights of all points whose parents are the same, in the same order for each of them."""
    experiments = (
        prepare(replace(point.card, supernova=one.supernova, observation=one.observation))
        for one in point.alike
    )
    return [one.supernova.flight(one.observation) for one in experiments]


def countable(detector: Detector) -> Response:
    """Area [cm2] for particles that can be counted."""
    area = detector.effective_area
    return lambda pdg, energy: area(pdg, energy) * detector.within_reach(energy)


def accepted(
    sample: Sample, detector: Detector, window: float, stream: np.random.Generator
) -> tuple[Array, npt.NDArray[np.int64], Array]:
    """Expected counts per unit weight, the row and the reconstructed energy of what is kept."""
    # with weights of one, so that no strength can make them vanish
    arrivals = {**sample.columns, "weight": np.ones(len(sample.decay))}
    detections = detector.detect(arrivals, window, stream, complete=False)
    kept = np.flatnonzero(detections.columns["accepted"])
    columns = detections.columns
    return (
        np.asarray(columns["weight"][kept], np.float64),
        np.asarray(columns["arrival"][kept], np.int64),
        np.asarray(columns["energy"][kept], np.float64),
    )


def _energy(
    point: "ScanPoint", model: DecayingParticle, strengths: Array, events: int, seed: int
) -> Series:
    tally = _Tally(strengths, EMISSION_TIMES)
    try:
        sampler = model.reweightable_energy(
            strengths, prepare_supernova(point.card), point.card.run.precision,
            [one.supernova.neutrinosphere_m for one in point.alike],
        )  # fmt: skip
    except NoEmissionError:
        return tally.series()
    for block, count in _blocks(events):
        stream = block_stream(seed, point.stream, block)
        sample = sampler.draw(stream, block * BLOCK_EVENTS, count, events)
        rows = np.arange(len(sample.decay))
        born = np.asarray(sample.columns["emission_time"], np.float64)
        tally.add(sample, np.full(rows.size, MEV_IN_ERG), rows, born)
    return tally.series(sampler.bound_from)


def _blocks(events: int) -> list[tuple[int, int]]:
    """Number and size of each block."""
    return [
        (block, min(BLOCK_EVENTS, events - block * BLOCK_EVENTS))
        for block in range(-(-events // BLOCK_EVENTS))
    ]


class _Tally:
    """Sums over the rows of all blocks, at each strength."""

    def __init__(self, strengths: Array, edges: Array) -> None:
        self._strengths, self._edges = strengths, edges
        self._spectrum, self._variance = np.zeros((2, strengths.size, edges.size - 1))
        self._sums, self._squares = np.zeros((2, strengths.size))
        self._batches = np.zeros((strengths.size, BATCHES))

    def add(
        self, sample: Sample, factor: Array, origin: npt.NDArray[np.int64], value: Array
    ) -> None:
        """Add rows `origin` with their counts per unit weight, and the value that is binned."""
        place = np.searchsorted(self._edges, value, side="right") - 1
        place[value == self._edges[-1]] -= 1  # the last bin has both its ends
        add_spectra(
            self._strengths, np.asarray(sample.columns["weight"], np.float64), sample.decay,
            sample.depths, sample.decays, factor, origin,
            np.asarray(sample.columns["event"], np.int64)[origin], place,
            self._spectrum, self._variance, self._sums, self._squares, self._batches,
        )  # fmt: skip

    def series(self, bound_from: float = np.inf) -> Series:
        """The sums as a series; `bound_from`: strength from which they are upper bounds."""
        squares = self._squares
        share = np.divide(
            self._sums, np.sqrt(squares), where=squares > 0, out=np.zeros_like(squares)
        )
        return Series(
            self._edges, self._spectrum, self._variance, self._sums, np.sqrt(squares), share**2,
            self._strengths >= bound_from, self._batches,
        )  # fmt: skip


def _scaled(card: "RunCard", parameter: str, couplings: Array) -> tuple[DecayingParticle, Array]:
    """Make the model at the first coupling; and the strengths of all, relative to it.

    The strength is the square of what scales all couplings. Raises InputError if something does
    not scale.
    """
    weak, middle, strong = (
        _model(card, parameter, coupling)
        for coupling in (couplings[0], couplings[len(couplings) // 2], couplings[-1])
    )
    ratio = couplings / couplings[0]
    for power in (1, 2):
        strengths = ratio**power
        if grows(weak, middle, strengths[len(couplings) // 2]) and grows(
            weak, strong, strengths[-1]
        ):
            return weak, strengths
    raise InputError(
        f"{card.path}: scan.coupling.parameter: found {parameter!r}, with which not all rates "
        "scale; leave the model's other couplings out of [generator]"
    )


def _model(card: "RunCard", parameter: str, coupling: float) -> DecayingParticle:
    setting = replace(
        card.generators[0], values={**card.generators[0].values, parameter: float(coupling)}
    )
    # no warnings.catch_warnings here: it would change the filters of all threads
    (model,) = prepare_generators(replace(card, generators=(setting,))).values()
    if not isinstance(model, DecayingParticle):
        raise InputError(f"{card.path}: generator.name: found {setting.name!r}; it does not decay")
    return model


def grows(weak: DecayingParticle, strong: DecayingParticle, strength: float) -> bool:
    """Whether production and decays of `strong` are those of `weak` times the strength."""
    before, after = _rates(weak), _rates(strong)
    return before.keys() == after.keys() and np.allclose(
        list(after.values()), strength * np.array(list(before.values())), rtol=_SAME, atol=0
    )


def _rates(model: DecayingParticle) -> dict[tuple[str, ...], float]:
    """Couplings squared of all processes, and widths of all modes, by their names."""
    processes, modes = model.processes(), model.modes()
    rates: dict[tuple[str, ...], float] = {
        (component, process.name, source): model.coupling_squared(component, process.name, source)
        for component in model.components()
        for process in processes
        for source in process.sources
    }
    rates |= {(mode.name, str(place)): mode.width for place, mode in enumerate(modes)}
    return rates
