"""A run: blocks of events made by workers, written in order, continued after an interruption."""

import hashlib
import json
import os
import pickle
import re
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache, partial
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from socket import gethostname
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from snmc import __version__
from snmc.core import core_record
from snmc.ground.cache import source_hash
from snmc.ground.columns import (
    ARRIVALS,
    DETECTIONS,
    GENERATOR,
    PARTICLES,
    SUPERNOVA,
    Column,
    Columns,
    file_columns,
)
from snmc.ground.errors import InputError
from snmc.ground.files import locked
from snmc.ground.streams import BLOCK_EVENTS, block_stream
from snmc.roles.detector import Detections, Detector, spread
from snmc.roles.generator import Source
from snmc.roles.model_file import model_source
from snmc.run.card import RunCard
from snmc.run.importance import importance_of
from snmc.run.prepare import Experiment, check_reach, prepare, reach_of
from snmc.run.scheduler import check_scheduler, heard, ordered
from snmc.run.sink import RootSink, refuse_existing

GROUP = 4  # blocks written at once: baskets of 262,144 rows
PORTION = 4 * BLOCK_EVENTS  # trials of the explosions of simulated data that are sorted together
MOST_EVENTS = 10**12  # of a run, as a card may ask for
MOST_AT_ONCE = 10**8  # trials of one explosion, whose reactions are sorted in memory
MENTIONED = 0.9  # share of the energy that passes the neutrinosphere, if it is smaller
SMALLEST_ERROR = 1e-3  # per cent; equal weights leave rounding
# purposes of streams besides the events: trials of simulated data, the sample by which others are
# drawn
_TRIALS, _FIRST = 1, 2
# columns that number the rows of a file, and the tally of those before a group
_COUNTED = {"arrival": "arrival_rows", "reaction": "reaction_rows"}


@dataclass(frozen=True)
class Part:
    """One generator of a run: `trials` (portions,), how many it makes in each portion of the run.

    `mean_events`: of simulated data, whose trials are Poisson numbers, the mean of all of them;
    else their number. `importance` (channels,): by which reactions are drawn, see
    `Detector.detect`.
    """

    source: Source
    trials: npt.NDArray[np.int64]
    mean_events: int
    importance: npt.NDArray[np.float64] | None = None

    @property
    def events(self) -> int:
        """Trials in all portions."""
        return int(self.trials.sum())


@dataclass(frozen=True)
class Plan:
    """What every block of a run needs.

    `parts`: one a generator. Weighted events are one portion. Simulated data come in portions of
    whole explosions, as few as take PORTION trials, so that each can be put in the order of time:
    `explosions` (portions + 1,) tells the first of each portion and their number in all; it
    is None for weighted events. Blocks are numbered portion by portion, and inside it generator
    by generator: the blocks of one generator in one portion are a stretch.
    """

    parts: tuple[Part, ...]
    detector: Detector | None
    window: float
    seed: int
    explosions: npt.NDArray[np.int64] | None = None

    @cached_property
    def _trials(self) -> npt.NDArray[np.int64]:
        """Trials of each stretch."""
        return np.stack([part.trials for part in self.parts], axis=1).ravel()

    @cached_property
    def _starts(self) -> npt.NDArray[np.int64]:
        """First block of each stretch, and the number of blocks."""
        return np.concatenate([[0], np.cumsum(-(-self._trials // BLOCK_EVENTS))])

    @property
    def events(self) -> int:
        """Trials of all generators."""
        return int(self._trials.sum())

    @property
    def blocks(self) -> int:
        """Number of blocks of all generators."""
        return int(self._starts[-1])

    @property
    def supernovae(self) -> int | None:
        """Simulated explosions; None for weighted events."""
        return None if self.explosions is None else int(self.explosions[-1])

    def _stretch_of(self, block: int) -> int:
        return int(np.searchsorted(self._starts, block, side="right")) - 1

    def generator_of(self, block: int) -> int:
        """Number of the generator whose block it is."""
        return self._stretch_of(block) % len(self.parts)

    def portion_of(self, block: int) -> int:
        """Number of the portion in which it is."""
        return self._stretch_of(block) // len(self.parts)

    def explosions_of(self, block: int) -> tuple[int, int] | None:
        """First explosion of the block's portion and the first after it, of simulated data."""
        if self.explosions is None:
            return None
        portion = self.portion_of(block)
        return int(self.explosions[portion]), int(self.explosions[portion + 1])

    def blocks_of(self, generator: int) -> npt.NDArray[np.int64]:
        """First block of the generator in each portion, and how many there are, (2, portions)."""
        sizes = np.diff(self._starts).reshape(-1, len(self.parts))
        return np.stack([self._starts[:-1].reshape(sizes.shape), sizes])[..., generator]

    def trials_of(self, block: int) -> int:
        """Trials in that block."""
        stretch = self._stretch_of(block)
        done = (block - self._starts[stretch]) * BLOCK_EVENTS
        return int(min(BLOCK_EVENTS, self._trials[stretch] - done))

    def events_before(self, block: int) -> int:
        """Trials in the blocks before that one."""
        whole = np.maximum(0, block - self._starts[:-1]) * BLOCK_EVENTS
        return int(np.minimum(self._trials, whole).sum())

    def groups(self, first: int) -> Iterator[tuple[int, int]]:
        """First block and number of blocks of each group from block `first` on.

        A group has blocks of one stretch, at most GROUP of them.
        """
        for stretch in range(self._stretch_of(first), len(self._trials)):
            end = int(self._starts[stretch + 1])
            for start in range(max(first, int(self._starts[stretch])), end, GROUP):
                yield start, min(GROUP, end - start)


@dataclass(frozen=True)
class Block:
    """The events of one block (or of several, joined)."""

    arrivals: Columns
    detections: Detections | None
    tallies: dict[str, float]


@dataclass(frozen=True)
class RunSummary:
    """What a run gave; `text` is for people."""

    path: Path
    metadata: Mapping[str, Any]

    def text(self) -> str:
        """Lines with the numbers one wants to see first."""
        generators, core = self.metadata["generators"], self.metadata["core"]
        lines = [f"{self.path}"]
        if core["filled"]:
            lines.append(f"  core                {core['name']}, filled in: "
                         f"{', '.join(core['filled'])}")  # fmt: skip
        for generator in generators:
            if len(generators) > 1:
                lines.append(f"{generator['label']}")
            lines += _emitted(generator["normalisation"])
            lines += self._sums([generator])
        if len(generators) > 1:
            lines += ["all together", *self._sums(generators)]
        return "\n".join(lines)

    @property
    def faint(self) -> list[str]:
        """Labels of the generators of which nothing, or less than one count, is to be seen."""
        sum_of = "counts" if self.metadata["card"]["run"]["supernovae"] is None else "accepted_rows"
        return [
            generator["label"]
            for generator in self.metadata["generators"]
            if generator["tallies"].get(sum_of, generator["tallies"]["arrival_rows"]) < 1
        ]

    def _sums(self, generators: Sequence[Mapping[str, Any]]) -> list[str]:
        """Lines with the sums over some generators, whose errors are independent."""
        tallies = [generator["tallies"] for generator in generators]
        total = {name: sum(one[name] for one in tallies) for name in tallies[0]}
        lines = [
            f"  arrivals            {total['arrival_rows']:.0f} rows of {total['events']:.0f} "
            "events"
        ]
        supernovae = self.metadata["card"]["run"]["supernovae"]
        if supernovae is not None:
            lines.append(
                f"  simulated           {supernovae} supernovae, {total['reaction_rows']:.0f} "
                f"reactions, {total['accepted_rows']:.0f} accepted"
            )
            return lines
        lines.append(f"  fluence [1/cm2]     {with_error(tallies, 'fluence')}")
        if self.metadata["detector"] is not None:
            lines.append(
                f"  expected counts     {with_error(tallies, 'counts')} in "
                f"{self.metadata['detector']['name']} ({total['reactions']:.5g} reactions "
                "before efficiency and windows)"
            )
        if total["arrival_rows"] == 0:
            lines.append("  nothing can be seen")
        return lines


def _emitted(normalisation: Mapping[str, Any]) -> list[str]:
    lifetime, energy = normalisation["lifetime_s"], normalisation["parent_energy_erg"]
    lines = [
        f"  parents emitted     {normalisation['parents']:.4g} with {energy:.4g} erg, mean energy "
        f"{normalisation['mean_energy_MeV']:.4g} MeV, "
        + ("stable" if lifetime is None else f"lifetime {lifetime:.4g} s")
    ]
    leaving = normalisation.get("leaving_energy_erg", energy)  # of particles that decay
    if leaving < MENTIONED * energy:
        lines.append(f"  pass neutrinosphere {leaving:.4g} erg, the others decay before")
    return lines


def with_error(tallies: Sequence[Mapping[str, float]], name: str) -> str:
    """Write the sum of weights called `name` with its statistical error, where it has one.

    `tallies`: of each generator; their errors add in quadrature.
    """
    total = sum(one[name] for one in tallies)
    if total == 0 or not any(one["events"] >= 2 for one in tallies):
        return f"{total:.5g}"
    percent = 100 * np.sqrt(sum(_variance(one, name) for one in tallies)) / total
    return f"{total:.5g}" + (f" +- {percent:.2g} %" if percent >= SMALLEST_ERROR else "")


def _variance(tallies: Mapping[str, float], name: str) -> float:
    """Variance of the sum called `name`; events without a row count as zeros of the sample."""
    events, squares = tallies["events"], tallies[f"{name}_squared"]
    if events < 2:
        return 0.0
    spread = squares - tallies[name] ** 2 / events
    if spread < 1e-12 * squares:  # the same weight for all: what is left is rounding
        return 0.0
    return spread * events / (events - 1)


def plan_run(card: RunCard, experiment: Experiment, workers: int, quiet: bool) -> Plan:
    """Compute the tables of a run and how many events it takes."""
    run, detector = card.run, experiment.detector
    sources = [
        generator.prepare(
            experiment.supernova, experiment.observation, run.precision, workers, quiet
        )
        for generator in experiment.generators.values()
    ]
    for (label, generator), source in zip(experiment.generators.items(), sources, strict=True):
        if generator.highest_energy is None:  # of the others it was checked when they were made
            check_reach(card, label, reach_of(source), detector)
    window = experiment.observation.window
    if run.supernovae is None or detector is None:
        parts = tuple(
            _weighted(source, number, run.events, run.seed, detector)
            for number, source in enumerate(sources)
        )
        return Plan(parts, detector, window, run.seed)
    sources = [source.drawn_by(detector.effective_area) for source in sources]
    # A Poisson process: as many trials as leave each kept with probability below one.
    means = [run.supernovae * source.largest_weight(1) for source in sources]
    explosions = _portions(card, run.supernovae, sum(means))
    share = np.diff(explosions) / run.supernovae
    parts = tuple(
        Part(source, block_stream(run.seed, number, _TRIALS).poisson(mean * share), mean)
        for number, source in enumerate(sources)
        for mean in [max(1, int(np.ceil(means[number])))]
    )
    return Plan(parts, detector, window, run.seed, explosions)


def _weighted(
    source: Source, number: int, events: int, seed: int, detector: Detector | None
) -> Part:
    """Generator `number` of a run of weighted events, drawn by what a detector sees of it."""
    importance = None
    if detector is not None:
        stream = block_stream(seed, number, _FIRST)
        first = source.arrivals(stream, 0, BLOCK_EVENTS, BLOCK_EVENTS)
        importance = importance_of(detector, first)
    if detector is None or importance is None:
        return Part(source, np.array([events]), events)
    source = source.drawn_by(importance.response(detector))
    return Part(source, np.array([events]), events, importance.channels)


def _portions(card: RunCard, supernovae: int, trials: float) -> npt.NDArray[np.int64]:
    """First explosion of each portion of simulated data, and their number, for `trials` in all."""
    each = trials / supernovae
    if trials > MOST_EVENTS or each > MOST_AT_ONCE:
        raise InputError(
            f"{card.path}: run.supernovae: found {supernovae}, which would take {trials:.2g} "
            f"events, {each:.2g} for each; at most {MOST_EVENTS:g}, {MOST_AT_ONCE:g} for each: "
            "take a smaller coupling or a larger distance, or weighted events"
        )
    size = supernovae if trials <= PORTION else max(1, int(PORTION / each))
    return np.append(np.arange(0, supernovae, size), supernovae)


def make_block(plan: Plan, number: int) -> Block:
    """Events of block `number`: a pure function of plan and number.

    They are numbered from `number` times BLOCK_EVENTS, so that no two of a run share a number.
    Rows of simulated data are not in the order of time: a portion is put in order as a whole.
    """
    return _block(
        plan, plan.generator_of(number), number, plan.trials_of(number), plan.explosions_of(number)
    )


def _block(
    plan: Plan, generator: int, number: int, count: int, explosions: tuple[int, int] | None
) -> Block:
    part = plan.parts[generator]
    stream = block_stream(plan.seed, number)
    first = number * BLOCK_EVENTS
    arrivals = part.source.arrivals(stream, first, count, part.mean_events)
    detections, repeated = None, 0
    if plan.detector is not None:
        detections = plan.detector.detect(arrivals, plan.window, stream, importance=part.importance)
    if plan.supernovae is not None and explosions is not None and detections is not None:
        arrivals, detections, repeated = _unweighted(
            arrivals, detections, plan.supernovae, explosions, stream
        )
    for columns in (arrivals, *(() if detections is None else (detections.columns,))):
        columns[GENERATOR.name] = np.full(len(columns["event"]), generator, GENERATOR.dtype)
    tallies = {"events": float(count), "arrival_rows": float(len(arrivals["event"]))}
    if plan.supernovae is None:
        tallies |= _sum_of_weights(arrivals, first)
    else:
        # draws whose chance came out above one, and so taken twice: zero or a few in a thousand
        tallies["repeated_rows"] = float(repeated)
    if detections is not None:
        tallies |= {
            "detection_rows": float(len(detections.counts)),
            "accepted_rows": float(np.sum(detections.columns["accepted"])),
            "reaction_rows": float(len(_first_rows(detections))),
        }
        if plan.supernovae is None:
            tallies |= _sum_of_counts(detections, first)
    return Block(arrivals, detections, tallies)


def _sum_of_weights(arrivals: Columns, first: int) -> dict[str, float]:
    """Fluence [1/cm2] and its square of a block whose events are numbered from `first`."""
    weight = arrivals["weight"].astype(np.float64)
    return {
        "fluence": float(weight.sum()),
        "fluence_squared": _squares(arrivals["event"] - first, weight),
    }


def _sum_of_counts(detections: Detections, first: int) -> dict[str, float]:
    """Reactions expected and accepted counts with their square, as `_sum_of_weights`."""
    counts = detections.columns["weight"].astype(np.float64)
    accepted = detections.columns["accepted"].astype(bool)
    event = detections.columns["event"][accepted] - first
    return {
        "reactions": float(counts[_first_rows(detections)].sum()),
        "counts": float(counts[accepted].sum()),
        "counts_squared": _squares(event, counts[accepted]),
    }


def _squares(event: npt.NDArray[Any], weight: npt.NDArray[np.float64]) -> float:
    """Sum of squares of each event's weight: rows of one event are not independent."""
    return float((np.bincount(event.astype(np.int64), weight, minlength=1) ** 2).sum())


def _first_rows(detections: Detections) -> npt.NDArray[np.int64]:
    """First row of each reaction, where the rows of one stand together."""
    return np.flatnonzero(np.diff(detections.columns["reaction"], prepend=-1))


def _unweighted(
    arrivals: Columns,
    detections: Detections,
    supernovae: int,
    explosions: tuple[int, int],
    stream: np.random.Generator,
) -> tuple[Columns, Detections, int]:
    """Thin weighted reactions to Poisson draws; each goes, with all its rows, to one explosion.

    `supernovae`: those for which all trials of the run stand; `explosions`: the first of those
    for which these trials do, and the first after them. Arrivals are left with one row a reaction.
    The number tells how many draws are repetitions.
    """
    first = _first_rows(detections)
    mean = detections.columns["weight"][first].astype(np.float64) * supernovae
    copies = np.floor(mean + stream.random(mean.size)).astype(np.int64)
    kept = np.repeat(np.arange(mean.size), copies)  # reactions
    explosion = stream.integers(*explosions, kept.size)
    signals = np.diff(np.append(first, len(detections.counts)))[kept]  # rows of each
    origin = detections.columns["arrival"][first[kept]]

    kept_arrivals = {name: values[origin] for name, values in arrivals.items()}
    kept_arrivals |= {"weight": np.ones(kept.size), SUPERNOVA.name: explosion}
    rows = detections.take(spread(first[kept], signals))
    number = np.repeat(np.arange(kept.size), signals)
    columns = {
        "weight": np.ones(number.size), SUPERNOVA.name: explosion[number],
        "arrival": number, "reaction": number,
    }  # fmt: skip
    repeated = int(np.maximum(copies - 1, 0).sum())
    return kept_arrivals, replace(rows, columns={**rows.columns, **columns}), repeated


def in_time(block: Block) -> Block:
    """Rows of whole explosions in the order of their number, and inside each in that of time."""
    arrivals, found = block.arrivals, block.detections
    order = np.lexsort([arrivals["time"], arrivals[SUPERNOVA.name]])
    sorted_arrivals = {name: values[order] for name, values in arrivals.items()}
    if found is None:
        return replace(block, arrivals=sorted_arrivals)
    rows = found.take(np.lexsort([found.columns["time"], found.columns[SUPERNOVA.name]]))
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    number = place[rows.columns["arrival"]]  # one arrival, one reaction
    columns = rows.columns | {"arrival": number, "reaction": number}
    return replace(block, arrivals=sorted_arrivals, detections=replace(rows, columns=columns))


def _cut(whole: Block, like: Sequence[Block]) -> Iterator[Block]:
    """Stretches of the rows of `whole`, one after the other, as long as those of the blocks `like`.

    Their tallies are those of `like`. A detection may tell of an arrival in another stretch.
    """
    row = signal = 0
    for block in like:
        rows = slice(row, row + len(block.arrivals["event"]))
        arrivals = {name: values[rows] for name, values in whole.arrivals.items()}
        detections = None
        if whole.detections is not None and block.detections is not None:
            end = signal + len(block.detections.counts)
            own = whole.detections.take(np.arange(signal, end))
            detections = replace(own, columns=_shifted(own.columns, dict.fromkeys(_COUNTED, -row)))
            signal = end
        yield Block(arrivals, detections, block.tallies)
        row = rows.stop


def _shifted(columns: Columns, by: Mapping[str, int]) -> Columns:
    """The columns, those named in `by` so much larger."""
    return columns | {name: columns[name] + number for name, number in by.items()}


def groups_in_order(
    plan: Plan,
    first: int,
    workers: int,
    *,
    scheduler: str | None = None,
    make: Callable[[tuple[int, int]], Block] | None = None,
) -> Generator[tuple[int, int, Block], None, None]:
    """Events from block `first` on, in order and a few groups ahead.

    Each item is the number of a group's first block, how many blocks it has, and their events, all
    of one generator. Of simulated data the rows of a portion's groups are put in the order of
    explosion and time: a group then has as many rows as it made, but not the same.
    `workers` and `scheduler` as for `ordered`; `make`: gives the events of a group by these two
    numbers, by default from the plan itself, which stays in this process.
    """
    start = first
    if plan.explosions is not None and first < plan.blocks:  # the whole portion is made again
        start = int(plan.blocks_of(0)[0, plan.portion_of(first)])
    made = ordered(
        make or partial(make_group, plan),
        plan.groups(start),
        workers=workers,
        scheduler=scheduler,
        ahead=0,  # the writer keeps one core busy meanwhile
    )
    with closing(made):
        groups = zip(plan.groups(start), made, strict=True)
        for (number, count), block in groups if plan.explosions is None else _sorted(plan, groups):
            if number >= first:
                yield number, count, block


def _sorted(
    plan: Plan, groups: Iterable[tuple[tuple[int, int], Block]]
) -> Iterator[tuple[tuple[int, int], Block]]:
    """The groups of whole portions, their rows in the order of explosion and time."""
    for _, portion in groupby(groups, lambda group: plan.portion_of(group[0][0])):
        numbers, blocks = zip(*portion, strict=True)
        whole = in_time(join(list(blocks)))
        yield from zip(numbers, _cut(whole, blocks), strict=True)


def make_group(plan: Plan, group: tuple[int, int]) -> Block:
    """Events of a group, given by its first block and its number of blocks."""
    start, count = group
    return join([make_block(plan, number) for number in range(start, start + count)])


# --- on the workers of a cluster -----------------------------------------------------------------


@dataclass(frozen=True)
class _Assignment:
    """What a worker must know of a run, small enough to go with every group.

    `card`: the RunCard, pickled; `digests`: of each part of the run's identity by its name, for a
    worker may find other files under the names in the card.
    """

    card: bytes
    digests: tuple[tuple[str, str], ...]


def _digests(identity: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest())
        for name, part in identity.items()
    )


def _make_assigned(assignment: _Assignment, group: tuple[int, int]) -> Block:
    """Events of a group on a worker, by the plan that it makes itself once a run."""
    with _planning:  # of several threads one plans, the others wait for it
        plan = _assigned_plan(assignment)
    return make_group(plan, group)


_planning = Lock()


@lru_cache(maxsize=1)
def _assigned_plan(assignment: _Assignment) -> Plan:
    card: RunCard = pickle.loads(assignment.card)
    with heard():  # the process that asks says the same
        experiment = prepare(card)
        found = _digests(_identity(card, experiment))
        other = [name for name, _ in set(found) - set(assignment.digests)]
        if other:
            raise InputError(
                f"--scheduler: a worker on {gethostname()} finds another "
                f"{' and '.join(sorted(other))} by the names in the card than this process; needs "
                "the same files on all machines"
            )
        return plan_run(card, experiment, workers=1, quiet=True)


# --- the run -------------------------------------------------------------------------------------


def run(
    card: RunCard,
    *,
    workers: int | None,
    resume: bool,
    overwrite: bool,
    quiet: bool,
    scheduler: str | None = None,
) -> RunSummary:
    """Simulate a card and write its file.

    `workers`: threads (default: the cores); `resume`: go on from a partial file; `overwrite`:
    replace an existing one; `quiet`: no progress bar; `scheduler`: None, or where a cluster makes
    the events, as for `ordered`; they are the same. Raises InputError, and OutputError also where
    another process writes the file.
    """
    check_scheduler(scheduler)
    with locked(card.run.output):
        if not resume:
            refuse_existing(card.run.output, overwrite)  # before the tables are computed
        return _run(card, workers, resume, overwrite, quiet, scheduler)


def _run(
    card: RunCard,
    workers: int | None,
    resume: bool,
    overwrite: bool,
    quiet: bool,
    scheduler: str | None,
) -> RunSummary:
    """What `run` does while its output is locked."""
    from tqdm import tqdm

    workers = workers or os.cpu_count() or 1
    experiment = prepare(card)
    identity = _identity(card, experiment)
    metadata = _metadata(card, experiment, identity)
    kind = {
        "with_detections": experiment.detector is not None,
        "with_supernova": card.run.supernovae is not None,
    }
    plan = plan_run(card, experiment, workers, quiet)
    assignment = _Assignment(pickle.dumps(card), _digests(identity))
    make = None if scheduler is None else partial(_make_assigned, assignment)
    first = 0
    if resume:
        sink, first = RootSink.resume(card.run.output, metadata, **kind)
    else:
        sink = RootSink(card.run.output, metadata, overwrite=overwrite, **kind)
    try:
        bar = tqdm(
            total=plan.events, initial=plan.events_before(first), unit="event",
            unit_scale=True, desc=card.run.output.name, disable=True if quiet else None, delay=1,
        )  # fmt: skip
        groups = groups_in_order(plan, first, workers, scheduler=scheduler, make=make)
        with bar, closing(groups):
            for number, count, group in groups:
                sink.write(
                    number, count, group.arrivals, _numbered(plan, sink, group.detections),
                    group.tallies, plan.generator_of(number),
                )  # fmt: skip
                bar.update(int(group.tallies["events"]))
        final = metadata | _outcome(plan, metadata["generators"], sink)
        spectra = {}
        for generator, part in zip(final["generators"], plan.parts, strict=True):
            energies, density = part.source.spectrum
            spectra[generator["parent_spectrum"]] = (density[1:] + density[:-1]) / 2, energies
        sink.finish(final, spectra)
    except BaseException:
        sink.abandon()
        raise
    return RunSummary(card.run.output, final)


def _numbered(plan: Plan, sink: RootSink, detections: Detections | None) -> Detections | None:
    """Detections of the next group, their arrivals and reactions numbered through the file."""
    if detections is None:
        return None
    tallies = [sink.tallies_of(generator) for generator in range(len(plan.parts))]
    before = {
        name: int(sum(one.get(tally, 0.0) for one in tallies)) for name, tally in _COUNTED.items()
    }
    return replace(detections, columns=_shifted(detections.columns, before))


def join(blocks: list[Block]) -> Block:
    """Several blocks as one; their order is kept."""
    if len(blocks) == 1:
        return blocks[0]
    tallies = {name: sum(b.tallies[name] for b in blocks) for name in blocks[0].tallies}
    detections = None
    before = dict.fromkeys(_COUNTED, 0)
    parts: list[Detections] = []
    for block in blocks:
        if block.detections is not None:
            columns = _shifted(block.detections.columns, before)
            parts.append(replace(block.detections, columns=columns))
            before = {name: n + int(block.tallies[_COUNTED[name]]) for name, n in before.items()}
    if parts:
        detections = Detections(
            _joined([part.columns for part in parts]),
            np.concatenate([part.counts for part in parts]),
            _joined([part.particles for part in parts]),
        )
    return Block(_joined([b.arrivals for b in blocks]), detections, tallies)


def _joined(parts: list[Columns]) -> Columns:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _identity(card: RunCard, experiment: Experiment) -> dict[str, Any]:
    """What decides the events: a resumed run must agree in all of it."""
    return {
        "card": card.resolved(),
        "core": experiment.supernova.core.content,
        "generators": {
            label: model.content + model_source(type(model))
            for label, model in experiment.generators.items()
        },
        "detector": None if experiment.detector is None else experiment.detector.card,
        "source": source_hash(),
    }


def versions() -> dict[str, str]:
    """Versions of snmc, Python and the packages that make or write the numbers."""
    packages = ("numpy", "numba", "scipy", "awkward", "uproot")
    return {"snmc": __version__, "python": sys.version.split()[0]} | {
        name: version(name) for name in packages
    }


def _metadata(card: RunCard, experiment: Experiment, identity: dict[str, Any]) -> dict[str, Any]:
    detector, core = experiment.detector, experiment.supernova.core
    models = experiment.generators.values()
    return {
        "identity": identity,
        "title": card.title,
        "card": card.resolved(),
        "command": sys.argv,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "source_hash": source_hash(),
        "random": {
            "seed": card.run.seed,
            "bit_generator": "PCG64",
            "streams": f"block k of {BLOCK_EVENTS} events: SeedSequence(seed, spawn_key=(k,)); "
            "the blocks of a generator follow those of the one before; simulated data: in each "
            "portion of whole explosions",
        },
        "core": core_record(core),
        "generators": [
            {"label": label, "name": model.name, "title": model.title, "content": model.content,
             "parent_spectrum": name}
            for (label, model), name in zip(
                experiment.generators.items(), _spectrum_names(experiment.generators), strict=True
            )
        ],
        "detector": None
        if detector is None
        else {"name": detector.name, "channels": list(detector.channels), "card": detector.card,
              "approximations": list(detector.approximations)},
        "columns": {
            tree: {c.name: {"unit": c.unit, "meaning": c.meaning} for c in columns}
            for tree, columns in _trees(card, detector is not None).items()
        },
        "citations": list(
            dict.fromkeys(
                [
                    *(text for model in models for text in model.references),
                    *(detector.citations if detector else ()),
                ]
            )
        ),
    }  # fmt: skip


def _spectrum_names(labels: Iterable[str]) -> list[str]:
    """Names of the histograms of parents in the file, by what ROOT and its C++ take for a name."""
    labels = list(labels)
    if len(labels) == 1:
        return ["parent_spectrum"]
    names: list[str] = []
    for label in labels:
        name = "parent_spectrum_" + re.sub(r"\W", "_", label, flags=re.ASCII)
        while name in names:
            name += "_"
        names.append(name)
    return names


def _trees(card: RunCard, with_detections: bool) -> dict[str, tuple[Column, ...]]:
    simulated = card.run.supernovae is not None
    trees = {"arrivals": file_columns(ARRIVALS, simulated)}
    if with_detections:
        trees["detections"] = file_columns(DETECTIONS, simulated)
        trees["particles"] = PARTICLES
    return trees


def _outcome(plan: Plan, generators: Sequence[Mapping[str, Any]], sink: RootSink) -> dict[str, Any]:
    """Final entries of the metadata: what each generator gave, and the sums over them."""
    told = []
    for number, (generator, part) in enumerate(zip(generators, plan.parts, strict=True)):
        nothing = None if plan.supernovae is None else (0, plan.supernovae)
        tallies = sink.tallies_of(number) or _block(plan, number, 0, 0, nothing).tallies
        first, blocks = plan.blocks_of(number)
        told.append(
            {
                **generator,
                "events": part.events,
                "first_block": int(first[0]),
                "blocks": int(blocks.sum()),
                "normalisation": part.source.summary(),
                "tallies": tallies,
            }
        )
    names = told[0]["tallies"]
    return {
        "generators": told,
        "blocks": plan.blocks,
        "events": plan.events,
        "tallies": {name: sum(one["tallies"][name] for one in told) for name in names},
    }
