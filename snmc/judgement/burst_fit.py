"""The likelihood of spectra above a supernova's own burst, profiled over the burst.

Akita et al. (arXiv:2312.13627), eqs. 57 to 62. What a detector expects of the burst is taken from
events of a burst model, for many mean energies; its total and mean energy are nuisances.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline

from snmc.ground.columns import Columns
from snmc.ground.errors import InputError, PhysicsError
from snmc.ground.streams import BLOCK_EVENTS, block_stream
from snmc.judgement.statistics import best_strength
from snmc.roles.detector import Detector
from snmc.roles.generator import PDG_OF, Response, power_law
from snmc.run.card import RunCard
from snmc.run.prepare import Experiment, prepare

Array = npt.NDArray[np.float64]

STEP = math.log(1.04)  # between the scales of the burst's energies, logarithmic
SCALES = np.exp(STEP * np.arange(-31, 24))  # 0.30 to 2.46; of 12.7 MeV 3.8 to 31 MeV

_BLOCKS = 16  # of events, once for the burst and once for the detector
_CELLS = 4  # of neutrino energy to a step of scale
_LOWEST = 1.0  # MeV, of a neutrino; no detector here sees one below
_HIGHEST = 2000.0  # MeV, to which cross sections reach
_ZOOMS, _POINTS = 3, 9  # rounds of finer scales about the best, and their number in each
_NEGLIGIBLE = 1e-3  # counts of a bin of Asimov data
_AT_ONCE = 1_000_000  # numbers of the likelihood held in one array


# --- what a burst leaves in a detector -----------------------------------------------------------


def burst_templates(card: RunCard, edges: npt.ArrayLike) -> Array:
    """Expected counts of a burst in a detector, for its energies scaled by each of `SCALES`.

    `card`: a run card with one generator, the burst, and a detector of neutrinos; its seed decides
    the random numbers. `edges` (bins + 1,): of reconstructed energy [MeV]; counts of the card's
    window, efficiency and resolution (eqs. 57 and 59), shape (scales, bins). The total energy is
    the same for all scales, so the number of neutrinos falls as 1/scale; flavour conversion does
    not depend on it.

    The burst's arrivals, drawn once by E^2 and once by E^5 for the tail, are sorted into
    cells of neutrino energy 1 % wide, and one sample of reactions serves the cells for all scales:
    templates of neighbouring scales share their Monte Carlo error, and a fit is smooth in the
    scale. Neutrinos below 1 MeV are left out, as are those above 2 GeV. Raises InputError if there
    is not one generator, or no detector, and PhysicsError if it sees nothing of the burst.
    """
    experiment = prepare(card)
    detector = experiment.detector
    if detector is None or len(experiment.generators) != 1:
        raise InputError(f"{card.path}: the fit of a burst needs one generator and a detector")
    bins = np.asarray(edges, dtype=np.float64)
    # nearly all cross sections rise as E^2; the scales move low energies to where they are seen
    usual, hard = (
        _arrivals(card, experiment, power_law(exponent), purpose)
        for purpose, exponent in enumerate((2, 5))
    )
    between = math.exp((np.log(usual[1]).mean() + np.log(hard[1]).mean()) / 2)
    fluences = _fluences(
        *(
            np.concatenate([one[usual[1] < between], other[hard[1] >= between]])
            for one, other in zip(usual, hard, strict=True)
        )
    )
    response = _response(detector, fluences, bins, experiment.observation.window, card.run.seed)
    return np.asarray(fluences.reshape(SCALES.size, -1) @ response)


def _arrivals(
    card: RunCard, experiment: Experiment, response: Response, purpose: int
) -> tuple[Array, Array, Array]:
    """Particle, energy [MeV] and weight [1/cm2] of arrivals drawn to suit a response [cm2]."""
    (generator,) = experiment.generators.values()
    source = generator.prepare(
        experiment.supernova, experiment.observation, card.run.precision, 1, True
    ).drawn_by(response)
    if source.empty:
        raise PhysicsError(f"{card.path}: nothing of the burst arrives in the window")
    events = _BLOCKS * BLOCK_EVENTS
    blocks = [
        source.arrivals(
            block_stream(card.run.seed, block, purpose), block * BLOCK_EVENTS, BLOCK_EVENTS, events
        )
        for block in range(_BLOCKS)
    ]
    pdg, energy, weight = (
        np.concatenate([np.asarray(block[name], dtype=np.float64) for block in blocks])
        for name in ("pdg", "energy", "weight")
    )
    return pdg, energy, weight


def _fluences(pdg: Array, energy: Array, weight: Array) -> Array:
    """Fluence [1/cm2] at Earth by scale, kind of neutrino and cell of energy.

    The cells are logarithmic from 1 MeV and divide the step of the scales, so that a scale moves
    the spectrum by whole cells.
    """
    width, shifts = STEP / _CELLS, np.round(np.log(SCALES) * _CELLS / STEP).astype(int)
    highest = min(energy.max(initial=_LOWEST) * SCALES[-1], _HIGHEST)
    size = max(math.floor(math.log(highest / _LOWEST) / width), 1)
    before, after = int(shifts.max()), int(-shifts.min())  # cells that the scales move inside
    place = np.floor(np.log(energy / _LOWEST) / width).astype(int) + before
    kept = (place >= 0) & (place < before + size + after)
    unscaled = np.array(
        [
            np.bincount(place[mine], weight[mine], before + size + after)
            for mine in (kept & (pdg == code) for code in PDG_OF["neutrino"])
        ]
    )
    scaled = [
        unscaled[:, before - shift : before - shift + size] / scale
        for shift, scale in zip(shifts, SCALES, strict=True)
    ]
    return np.asarray(scaled)


def _response(detector: Detector, fluences: Array, edges: Array, window: float, seed: int) -> Array:
    """Expected counts (kind and cell, bins) of unit fluence [1/cm2] in each cell of `_fluences`.

    Energies are drawn where the bursts of all scales, one as important as another, make most
    reactions, uniform in the logarithm inside a cell.
    """
    _, kinds, size = fluences.shape
    width, codes = STEP / _CELLS, np.array(PDG_OF["neutrino"], dtype=np.int32)
    centres = _LOWEST * np.exp((np.arange(size) + 0.5) * width)
    reactions = (fluences * detector.effective_area(codes[:, None], centres)).reshape(
        SCALES.size, -1
    )
    totals = reactions.sum(axis=1, keepdims=True)
    chances = np.divide(reactions, totals, where=totals > 0, out=np.zeros_like(reactions)).sum(0)
    if not chances.sum() > 0:
        raise PhysicsError(f"{detector.name} sees nothing of the burst")
    chances /= chances.sum()
    cumulative = np.cumsum(chances)
    bins = edges.size - 1
    result = np.zeros(kinds * size * bins)
    for block in range(_BLOCKS):
        stream = block_stream(seed, block, 2)
        cell = np.searchsorted(
            cumulative, stream.random(BLOCK_EVENTS) * cumulative[-1], side="right"
        )
        kind, place = np.divmod(cell, size)
        nothing = np.zeros(BLOCK_EVENTS)
        arrivals: Columns = {
            "event": np.arange(BLOCK_EVENTS),
            "pdg": codes[kind],
            "energy": _LOWEST * np.exp((place + stream.random(BLOCK_EVENTS)) * width),
            "weight": 1 / (chances[cell] * _BLOCKS * BLOCK_EVENTS),
            "time": nothing,
            "theta": nothing,
            "phi": nothing,
        }
        found = detector.detect(arrivals, window, stream, complete=False)
        energy = np.asarray(found.columns["energy"], dtype=np.float64)
        kept = (energy >= edges[0]) & (energy <= edges[-1])
        kept &= np.asarray(found.columns["accepted"], dtype=np.bool_)
        into = np.minimum(np.searchsorted(edges, energy[kept], side="right") - 1, bins - 1)
        weight = np.asarray(found.columns["weight"], dtype=np.float64)[kept]
        result += np.bincount(
            cell[found.columns["arrival"][kept]] * bins + into, weight, result.size
        )
    return np.asarray(result.reshape(kinds * size, bins))


# --- what was seen -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """What one detector has seen, and what the burst is expected to leave there.

    `templates` (scales, bins): as of `burst_templates`; `points` (points, bins): turns expected
    counts in bins into what the likelihood takes the logarithm of, `counts` (points,) times each.
    """

    templates: Array
    points: Array
    counts: Array


def events_seen(templates: Array, edges: npt.ArrayLike, energies: npt.ArrayLike) -> Seen:
    """Single events, for the unbinned likelihood (second line of eq. 60).

    `templates` (scales, bins) in bins between `edges` (bins + 1,) [MeV]; `energies` (events,)
    [MeV]: reconstructed. The density at an event is linear between the centres of the bins, which
    for bins 4 % wide and resolutions of 10 to 20 % holds to 1 % (width^2/8 times the curvature).
    Raises InputError for an event outside the edges, which the expected number would not know.
    """
    bounds, seen = (np.asarray(values, dtype=np.float64) for values in (edges, energies))
    outside = (seen < bounds[0]) | (seen > bounds[-1])
    if outside.any():
        raise InputError(
            f"energies: found {seen[outside][0]:g} MeV; needs {bounds[0]:g} to {bounds[-1]:g} MeV"
        )
    width, centres = np.diff(bounds), (bounds[1:] + bounds[:-1]) / 2
    densities = [np.interp(seen, centres, column) for column in np.diag(1 / width)]
    return Seen(templates, np.array(densities).T, np.ones(seen.size))


def counts_seen(templates: Array, contents: npt.ArrayLike) -> Seen:
    """Contents (bins,) of the bins of `templates` (first line of eq. 60).

    They need not be whole: the expected counts themselves are Asimov data. Contents below 1e-3
    enter by the expected number alone, which moves the test statistic by 0.01 or so: so far out
    in its tail the Monte Carlo burst may have no events at all. Raises InputError for contents
    that are negative or not finite.
    """
    counts = np.asarray(contents, dtype=np.float64)
    if not np.all(np.isfinite(counts) & (counts >= 0)):
        raise InputError("contents: found a negative or infinite number; needs counts")
    filled = counts > _NEGLIGIBLE
    return Seen(templates, np.eye(counts.size)[filled], counts[filled])


def observed_energies(detector: Detector, window: float, edges: npt.ArrayLike) -> Array:
    """Energies [MeV] of the events of a detector's card inside `window` [s] and `edges` [MeV].

    `window` counts from the first event. Raises InputError if the card lists no events.
    """
    observed = detector.observed
    time, energy = getattr(observed, "time", None), getattr(observed, "energy", None)
    if time is None or energy is None:
        raise InputError(f"detector {detector.name}: its card lists no observed events")
    times, energies = np.array(time, dtype=np.float64), np.array(energy, dtype=np.float64)
    bounds = np.asarray(edges, dtype=np.float64)
    kept = (energies >= bounds[0]) & (energies <= bounds[-1])
    return np.asarray(energies[kept & (times >= 0) & (times <= window)])


# --- the fit -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Best:
    """The burst that fits best beside each signal, (signals,).

    `strength`: of its total energy, `scale`: of its mean energy, both relative to the burst of
    the templates; `log_likelihood` there, up to a constant of the data; `at_end`: the scale is the
    first or last of `SCALES`.
    """

    strength: Array
    scale: Array
    log_likelihood: Array
    at_end: npt.NDArray[np.bool_]


class BurstFit:
    """The likelihood of one or several detectors for a burst and a signal, eqs. 60 to 62."""

    def __init__(self, detectors: Sequence[Seen]) -> None:
        """Take what the detectors have seen, all of the same burst.

        Raises PhysicsError if no burst of `SCALES` makes all of it.
        """
        self._seen = tuple(detectors)
        self._counts = np.concatenate([one.counts for one in detectors])
        shapes = np.hstack([one.templates @ one.points.T for one in detectors])
        totals = np.sum([one.templates.sum(axis=1) for one in detectors], axis=0)
        if not np.any(np.all(shapes > 0, axis=1)):
            raise PhysicsError("no burst of the mean energies looked at makes all events observed")
        self._spline = CubicSpline(np.log(SCALES), np.column_stack([shapes, totals]))

    def best(self, signals: Sequence[npt.ArrayLike] | None = None) -> Best:
        """The best strength and scale of the burst (eq. 61), beside `signals` or without any.

        `signals`: for each detector expected counts (signals, bins) in the bins of its templates.
        For each scale the strength is a concave problem of one dimension (`best_strength`); the
        scales are looked at one by one, then three times finer about the best of them, and the
        last three are joined by a parabola.
        """
        if signals is None:
            signals = [np.zeros((1, one.templates.shape[1])) for one in self._seen]
        shapes, totals = self._signal(signals)
        at_once = max(1, _AT_ONCE // (SCALES.size * max(self._counts.size, 1)))
        parts = [
            self._profiled(shapes[first : first + at_once], totals[first : first + at_once])
            for first in range(0, len(totals), at_once)
        ]
        strength, place, value = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        first, last = np.log(SCALES[[0, -1]])
        return Best(strength, np.exp(place), value, (place <= first) | (place >= last))

    def statistic(self, signals: Sequence[npt.ArrayLike], *, profile: bool = True) -> Array:
        """Eq. 62: -2 ln of the likelihood with each signal over that without, (signals,).

        `signals`: as of `best`; without `profile` the burst is that of the templates at scale 1.
        As printed it is relative to no signal, not to the best fit: it is negative where the data
        prefer a signal.
        """
        none = [np.zeros((1, one.templates.shape[1])) for one in self._seen]
        if profile:
            values = [self.best(which).log_likelihood for which in (signals, none)]
        else:
            values = [
                self._log_likelihood(*self._signal(which), np.zeros((1, 1)), np.ones((1, 1)))[:, 0]
                for which in (signals, none)
            ]
        return np.asarray(2 * (values[1] - values[0]))

    def coverage(
        self,
        signal: Sequence[npt.ArrayLike],
        delta: float,
        toys: int,
        stream: np.random.Generator,
    ) -> tuple[float, float]:
        """How often the limit q <= `delta` keeps a true signal, and its statistical error.

        `signal`: for each detector expected counts (bins,). Each of `toys` experiments is drawn in
        the bins from the burst that fits the data best without signal, plus the signal, and is
        fitted in the bins anew.
        """
        true = [np.asarray(one, dtype=np.float64) for one in signal]
        best = self.best()
        expected = [
            best.strength[0] * _at_scale(one.templates, best.scale[0]) + spectrum
            for one, spectrum in zip(self._seen, true, strict=True)
        ]
        kept = 0
        for _ in range(toys):
            drawn = [stream.poisson(counts) for counts in expected]
            toy = [counts_seen(one.templates, n) for one, n in zip(self._seen, drawn, strict=True)]
            try:
                q = BurstFit(toy).statistic([one[None] for one in true])[0]
            except PhysicsError:  # an event that no burst alone makes: q is -infinity
                q = -math.inf
            kept += int(q <= delta)
        held = kept / toys
        return held, math.sqrt(held * (1 - held) / toys)

    def _signal(self, signals: Sequence[npt.ArrayLike]) -> tuple[Array, Array]:
        """Signals at the points (signals, points), and their expected numbers (signals,)."""
        spectra = [np.asarray(one, dtype=np.float64) for one in signals]
        shapes = [s @ one.points.T for s, one in zip(spectra, self._seen, strict=True)]
        return np.hstack(shapes), np.sum([s.sum(axis=-1) for s in spectra], axis=0)

    def _burst(self, places: Array) -> tuple[Array, Array]:
        """Burst of strength 1 at ln(scale): at the points (..., points), and its number (...)."""
        values = np.maximum(self._spline(places), 0.0)
        return values[..., :-1], values[..., -1]

    def _log_likelihood(
        self, shapes: Array, totals: Array, places: Array, strengths: Array
    ) -> Array:
        """Eq. 60, (signals, scales): `places` and `strengths` of the burst broadcast to that."""
        burst, number = self._burst(places)
        with np.errstate(divide="ignore"):  # what cannot be has the logarithm -infinity
            logs = np.log(strengths[..., None] * burst + shapes[:, None])
        return np.asarray(logs @ self._counts - strengths * number - totals[:, None])

    def _profiled(self, shapes: Array, totals: Array) -> tuple[Array, Array, Array]:
        """Strength, ln(scale) and log likelihood of the best bursts, (signals,) each."""
        first, last = np.log(SCALES[[0, -1]])
        rows = np.arange(totals.size)
        places, half = np.log(SCALES)[None], STEP
        for zoom in range(_ZOOMS + 1):
            burst, number = self._burst(places)
            strengths = best_strength(burst, shapes[:, None], self._counts, number)
            values = self._log_likelihood(shapes, totals, places, strengths)
            top = np.argmax(values, axis=1)
            places = np.broadcast_to(places, values.shape)
            if zoom < _ZOOMS:
                around = half * np.linspace(-1, 1, _POINTS)
                places = np.clip(places[rows, top][:, None] + around, first, last)
                half = around[-1] - around[-2]
        side = np.clip(top, 1, values.shape[1] - 2)
        low, middle, high = (values[rows, side + k] for k in (-1, 0, 1))
        with np.errstate(divide="ignore", invalid="ignore"):
            vertex = 0.5 * (low - high) / (low - 2 * middle + high)
        inside = (side == top) & (np.abs(vertex) <= 1)
        place = places[rows, top] + np.where(inside, vertex, 0.0) * half
        place = np.clip(place, first, last)[:, None]
        burst, number = self._burst(place)
        strength = best_strength(burst, shapes[:, None], self._counts, number)
        value = self._log_likelihood(shapes, totals, place, strength)
        return strength[:, 0], place[:, 0], value[:, 0]


def _at_scale(templates: Array, scale: float) -> Array:
    """Templates between their scales, by the same spline as in the fit."""
    return np.asarray(np.maximum(CubicSpline(np.log(SCALES), templates)(math.log(scale)), 0.0))
