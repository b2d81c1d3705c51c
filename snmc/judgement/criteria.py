"""What decides whether a signal is excluded: counts, spectra, or the energy that leaves.

A criterion turns the expected signal into a ratio that excludes from 1 on: a test statistic over
its threshold, counts over their limit, or an energy over what may leave.
"""

import functools
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from snmc.ground.errors import InputError, PhysicsError, PhysicsWarning
from snmc.judgement.intervals import Array, Blocks, Ratio, overlap
from snmc.judgement.measurement import energy_edges
from snmc.judgement.series import Series
from snmc.judgement.statistics import coverage, exclusion, poisson_limit
from snmc.roles.card import ObservedCounts
from snmc.roles.detector import Detector
from snmc.roles.registry import find_detector
from snmc.run.scan_card import ENERGY, DataSetting, LimitSetting, ScanCard, ScanPoint

if TYPE_CHECKING:
    from snmc.judgement.burst_fit import BurstFit, Seen

AT_ONE_SECOND = (0.5, 1.5)  # s, over which the luminosity at 1 s is averaged
COARSE = 0.1  # of its energy: width of a bin whose inside is not known

Coverage = Callable[[Blocks, int, np.random.Generator], tuple[float, float]]
"""From a signal, a number of simulated observations and random numbers to share and error."""


@dataclass(frozen=True)
class Criterion:
    """How the masses of one curve are judged.

    `select`: takes the series of each detector at one mass and gives for each the signal
    (couplings, columns) and the variance of its Monte Carlo error; `ratio`: the test of it;
    `told`: what it compares with, by detector, ready for JSON; `coverage`: in which share of
    simulated observations a signal (blocks of one row) that is there is not excluded, and the
    statistical error of that; None where nothing is counted.
    """

    select: Callable[[Sequence[Series]], tuple[Blocks, Blocks]]
    ratio: Ratio
    told: dict[str, Any]
    coverage: Coverage | None = None


def criterion(
    setting: LimitSetting, points: Sequence[ScanPoint], edges: Sequence[Array]
) -> Criterion:
    """How a curve is judged, from `[limit]` and one point of the curve for each detector.

    The points' detectors are those of `judged`; `edges`: of the bins of their series. Raises
    InputError where a background is neither in the card nor in that of the detector, PhysicsError
    where no limit can be set.
    """
    if setting.method == "energy":
        return _energy(setting)
    if setting.method == "spectrum":
        return _spectrum(setting, points, edges)
    return _counting(setting, points)


def check_data(card: ScanCard) -> None:
    """Raise InputError for a `[limit]` that no grid could satisfy, before anything is measured."""
    setting = setting_of(card)
    points = [
        point
        for point in card.points
        if point.detector in judged(card)
        and (point.mass, point.parameter) == (card.masses[0], card.parameters[0])
    ]
    try:
        for point in points:
            if setting.method == "counting":
                _data(point, setting.data[point.detector])
            elif setting.method == "spectrum":
                window = find_detector(point.detector, card.path).energy_window
                edges = energy_edges(window, card.bin_width)
                _bins(point.detector, setting.data[point.detector], edges)
    except InputError as error:
        raise InputError(f"{card.path}: {error}") from error


def judged(card: ScanCard) -> tuple[str, ...]:
    """Which of a scan's detectors the limit looks at; the energy that leaves is none of them."""
    loss = setting_of(card).method == "energy"
    return tuple(name for name in card.detectors if (name == ENERGY) == loss)


def setting_of(card: ScanCard) -> LimitSetting:
    """The card's `[limit]`. Raises InputError where there is none, or no room for an edge."""
    if card.limit is None:
        raise InputError(f"{card.path}: limit: missing; needs a table [limit]")
    if len(card.couplings) < 2:
        raise InputError(f"{card.path}: scan.coupling: found one value; a limit needs two or more")
    return card.limit


def _energy(setting: LimitSetting) -> Criterion:
    """Energy that leaves the core [erg], or its luminosity at 1 s [erg/s], and what may leave."""
    if setting.energy_erg is not None:
        largest = setting.energy_erg

        def select(series: Sequence[Series]) -> tuple[Blocks, Blocks]:
            (one,) = series
            return [one.counts[:, None]], [one.error[:, None] ** 2]

        told = {"energy_erg": largest}
    else:
        assert setting.luminosity is not None  # the card has one of them
        largest, (low, high) = setting.luminosity, AT_ONE_SECOND

        def select(series: Sequence[Series]) -> tuple[Blocks, Blocks]:
            (one,) = series
            share = overlap(one.edges, low, high)[:, None] / (high - low)
            return [one.spectrum @ share], [one.variance @ share**2]

        told = {"luminosity_erg_per_s": largest}
    return Criterion(select, lambda blocks: blocks[0][:, 0] / largest, told)


def _spectrum(
    setting: LimitSetting, points: Sequence[ScanPoint], edges: Sequence[Array]
) -> Criterion:
    """Spectra above the supernova's own burst: Akita et al. 2024, eqs. 57 to 62."""
    from snmc.judgement.burst_fit import BurstFit

    delta, profile = setting.delta, setting.profile
    parts, seen = [], []
    told: dict[str, Any] = {}
    for point, bounds in zip(points, edges, strict=True):
        bins = _bins(point.detector, setting.data[point.detector], bounds)
        own = bounds[bins.start : bins.stop + 1]
        parts.append(bins)
        seen.append(_seen(point, setting, own))
        told[point.detector] = {
            "energy_MeV": [float(own[0]), float(own[-1])],
            "observed": float(seen[-1].counts.sum()),
        }
    fit = BurstFit(seen)
    if profile:
        told["best_burst"] = _best_burst(fit, setting)

    def select(series: Sequence[Series]) -> tuple[Blocks, Blocks]:
        pairs = list(zip(series, parts, strict=True))
        return (
            [one.spectrum[:, bins] for one, bins in pairs],
            [one.variance[:, bins] for one, bins in pairs],
        )

    def covers(blocks: Blocks, toys: int, stream: np.random.Generator) -> tuple[float, float]:
        return fit.coverage([block[0] for block in blocks], delta, toys, stream)

    return Criterion(
        select,
        lambda blocks: fit.statistic(blocks, profile=profile) / delta,
        told,
        covers if profile else None,
    )


def _bins(detector: str, setting: DataSetting, edges: Array) -> slice:
    """Bins whose centre lies in the window of `[limit.data.NAME]`."""
    for key in ("observed", "background"):
        if getattr(setting, key) is not None:
            raise InputError(
                f"limit.data.{detector}.{key}: found with method = 'spectrum', which takes the "
                "events of the detector's card, or the burst itself, and no background"
            )
    low = -math.inf if setting.low is None else setting.low
    high = math.inf if setting.high is None else setting.high
    centres = (edges[1:] + edges[:-1]) / 2
    inside = np.flatnonzero((centres > low) & (centres < high))
    if not inside.size:
        raise InputError(
            f"limit.data.{detector}.energy: found {low:g} to {high:g} MeV, less than one bin"
        )
    return slice(int(inside[0]), int(inside[-1]) + 1)


def _seen(point: ScanPoint, setting: LimitSetting, edges: Array) -> "Seen":
    """What the burst leaves in a detector between `edges`, and what the detector has seen."""
    from snmc.judgement.burst_fit import (
        SCALES,
        burst_templates,
        counts_seen,
        events_seen,
        observed_energies,
    )

    assert setting.burst is not None  # the card has it, with this method
    templates = burst_templates(replace(point.card, generators=(setting.burst,)), edges)
    if setting.expected:
        return counts_seen(templates, templates[np.argmin(np.abs(np.log(SCALES)))])
    detector = find_detector(point.detector, point.card.path)
    return events_seen(
        templates, edges, observed_energies(detector, _window(point, detector), edges)
    )


def _best_burst(fit: "BurstFit", setting: LimitSetting) -> dict[str, float]:
    """The burst that fits best without a signal: relative to `[limit.burst]`, and in its units."""
    best = fit.best()
    strength, scale = float(best.strength[0]), float(best.scale[0])
    values = {} if setting.burst is None else setting.burst.values
    told = {"strength": strength, "scale": scale}
    for name, key, factor in (
        ("energy_erg", "energy", strength),
        ("mean_energy_MeV", "mean_energy", scale),
    ):
        value = values.get(key)
        if isinstance(value, float):
            told[name] = factor * value
    return told


@dataclass(frozen=True)
class _Data:
    """What one detector has seen in a window of energy [MeV], and what is expected without us."""

    low: float
    high: float
    whole: bool  # the detector's own window: all counts are in it
    observed: float
    background: float


def _counting(setting: LimitSetting, points: Sequence[ScanPoint]) -> Criterion:
    """Counts in a window of each detector: Brdar et al. 2023, eq. 7, or the Poisson limit."""
    data = {point.detector: _data(point, setting.data[point.detector]) for point in points}
    observed = np.array([one.observed for one in data.values()])
    background = np.array([one.background for one in data.values()])

    def select(series: Sequence[Series]) -> tuple[Blocks, Blocks]:
        selected = [
            _counts(detector, one, within)
            for (detector, within), one in zip(data.items(), series, strict=True)
        ]
        return [counts for counts, _ in selected], [variance for _, variance in selected]

    def statistic(blocks: Blocks) -> Array:
        return exclusion(np.hstack(blocks), background, observed) / setting.delta

    def covers(blocks: Blocks, toys: int, stream: np.random.Generator) -> tuple[float, float]:
        signal = np.hstack(blocks)
        seen = stream.poisson(signal + background, (toys, len(data)))
        return _share(exclusion(signal, background, seen) < setting.delta)

    told: dict[str, Any] = {
        detector: {
            "energy_MeV": [one.low, one.high],
            "observed": one.observed,
            "background": one.background,
        }
        for detector, one in data.items()
    }
    if setting.statistic == "likelihood-ratio":
        return Criterion(select, statistic, told, covers)
    level = setting.confidence_level
    assert level is not None  # the card has it, and one detector

    def poisson_covers(
        blocks: Blocks, toys: int, stream: np.random.Generator
    ) -> tuple[float, float]:
        allowed = functools.partial(poisson_limit, background=background[0], confidence_level=level)
        return coverage(float(blocks[0][0, 0]), float(background[0]), allowed, toys, stream)

    largest = float(poisson_limit(observed[0], background[0], level))
    if largest <= 0:
        raise PhysicsError(
            f"limit: the background of {background[0]:g} alone is excluded by {observed[0]:g} "
            f'observed counts at {level:g}; use statistic "likelihood-ratio"'
        )
    told = {name: {**entry, "largest_signal": largest} for name, entry in told.items()}
    return Criterion(select, lambda blocks: blocks[0][:, 0] / largest, told, poisson_covers)


def _share(hits: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Share of what is true, and its statistical error."""
    share = float(np.mean(hits))
    return share, math.sqrt(share * (1 - share) / hits.size)


def _counts(detector: str, series: Series, data: _Data) -> tuple[Array, Array]:
    """Counts (couplings, 1) in the window, and the variance of their Monte Carlo error."""
    if data.whole:
        return series.counts[:, None], series.error[:, None] ** 2
    share = overlap(series.edges, data.low, data.high)
    for low, high in zip(series.edges[:-1], series.edges[1:], strict=True):
        for end in (data.low, data.high):
            if low < end < high and high - low > COARSE * end:
                warnings.warn(
                    f"limit.data.{detector}.energy: {end:g} MeV cuts the scan's bin from {low:g} "
                    f"to {high:g} MeV; its counts are shared as if spread evenly",
                    PhysicsWarning,
                    stacklevel=2,
                )
    # the events of a cut bin are in or out as a whole: their variance is shared as they are
    return (series.spectrum @ share)[:, None], (series.variance @ share)[:, None]


def _data(point: ScanPoint, setting: DataSetting) -> _Data:
    """Observed counts and background of one detector, from `[limit.data.NAME]` and its card.

    That the card's counts are of this window was checked when the scan was loaded.
    """
    detector = find_detector(point.detector, point.card.path)
    own = detector.energy_window
    low = own[0] if setting.low is None else setting.low
    high = own[1] if setting.high is None else setting.high
    whole = low <= own[0] and high >= own[1]
    window = _window(point, detector)
    background = setting.background
    if background is None:
        background = _background(detector, window, whole, point.detector)
    if setting.observed == "background":
        observed = float(background)
    elif setting.observed is None:
        observed = _observed(detector, low, high, window)
    else:
        observed = setting.observed
    return _Data(low, high, whole, observed, observed if background == "observed" else background)


def _window(point: ScanPoint, detector: Detector) -> float:
    """Time [s] in which a point's detector observes."""
    window = point.card.observation.window_s or detector.default_window
    assert window is not None  # checked with the card
    return window


def _observed(detector: Detector, low: float, high: float, window: float) -> float:
    """Counts that the detector's card has seen in the window of energy [MeV] and time [s]."""
    seen = detector.observed
    assert seen is not None  # checked with the card
    if isinstance(seen, ObservedCounts):
        return float(seen.counts)
    time, energy = np.asarray(seen.time), np.asarray(seen.energy)
    return float(np.sum((energy >= low) & (energy <= high) & (time <= window)))


def _background(detector: Detector, window: float, whole: bool, name: str) -> float:
    """Counts expected from the rate of the detector's card; none where it has no rate."""
    if detector.background_rate is None:
        return 0.0
    if not whole:
        raise InputError(
            f"limit.data.{name}.background: missing; the rate in the card of {detector.name} is "
            'that of its whole energy window; needs a number of counts, or a rate such as "2 / day"'
        )
    return detector.background_rate * window
