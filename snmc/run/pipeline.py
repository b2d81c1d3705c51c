"""A run: blocks of events on threads, written in order, continued after an interruption."""

import os
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from snmc import __version__
from snmc.ground.columns import ARRIVALS, DETECTIONS, PARTICLES, SUPERNOVA, Columns
from snmc.ground.compiled import source_hash
from snmc.ground.errors import InputError
from snmc.ground.streams import BLOCK_EVENTS, block_stream
from snmc.roles.detector import Detections, Detector
from snmc.roles.generator import Source
from snmc.run.card import RunCard
from snmc.run.prepare import Experiment, prepare, response_of
from snmc.run.sink import RootSink, refuse_existing

GROUP = 4  # blocks written at once: baskets of 262,144 rows
MOST_EVENTS = 10**12  # of a run, as a card may ask for
_TRIALS = 1  # purpose of the stream that draws how many trials a simulated data set takes


@dataclass(frozen=True)
class Plan:
    """What every block of a run needs.

    `events`: trials in all; `supernovae`: simulated explosions, or None for weighted events.
    """

    source: Source
    detector: Detector | None
    window: float
    seed: int
    events: int
    mean_events: int
    supernovae: int | None

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-self.events // BLOCK_EVENTS)


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
        run, tallies = self.metadata["normalisation"], self.metadata["tallies"]
        lines = [
            f"{self.path}",
            f"  parents emitted     {run['parents']:.4g} with {run['parent_energy_erg']:.4g} erg, "
            f"mean energy {run['mean_energy_MeV']:.4g} MeV, lifetime {run['lifetime_s']:.4g} s",
            f"  arrivals            {tallies['arrival_rows']:.0f} rows of {tallies['events']:.0f} "
            "events",
        ]
        supernovae = self.metadata["card"]["run"]["supernovae"]
        if supernovae is not None:
            lines.append(
                f"  simulated           {supernovae} supernovae, {tallies['detection_rows']:.0f} "
                f"reactions, {tallies['accepted_rows']:.0f} accepted"
            )
            return "\n".join(lines)
        lines.append(f"  fluence [1/cm2]     {with_error(tallies, 'fluence')}")
        if self.metadata["detector"] is not None:
            lines.append(
                f"  expected counts     {with_error(tallies, 'counts')} in "
                f"{self.metadata['detector']['name']} ({tallies['reactions']:.5g} reactions "
                "before efficiency and windows)"
            )
        if tallies["arrival_rows"] == 0:
            lines.append("  nothing can be seen: every decay is too early, too late or too rare")
        return "\n".join(lines)


def with_error(tallies: Mapping[str, float], name: str) -> str:
    """Write the sum of weights called `name` with its statistical error."""
    total, events = tallies[name], tallies["events"]
    if total == 0 or events < 2:
        return f"{total:.5g}"
    # Events without a row count as zeros of the same sample.
    variance = (tallies[f"{name}_squared"] - total**2 / events) * events / (events - 1)
    return f"{total:.5g} +- {100 * np.sqrt(max(0.0, variance)) / total:.2g} %"


def plan_run(card: RunCard, experiment: Experiment, workers: int, quiet: bool) -> Plan:
    """Compute the tables of a run and how many events it takes."""
    run, detector = card.run, experiment.detector
    response = None
    if run.supernovae is not None and detector is not None:
        response = response_of(detector)
    source = experiment.generator.prepare(
        experiment.supernova, experiment.observation, run.precision, workers, quiet, response
    )
    events = mean = run.events
    if run.supernovae is not None:
        # A Poisson process: as many trials as leave each kept with probability below one.
        trials = run.supernovae * source.largest_weight(1)
        if trials > MOST_EVENTS:
            raise InputError(
                f"{card.path}: run.supernovae: found {run.supernovae}, which would take "
                f"{trials:.2g} events; at most {MOST_EVENTS:g}: take a smaller coupling, or "
                "weighted events"
            )
        mean = max(1, int(np.ceil(trials)))
        events = int(block_stream(run.seed, 0, _TRIALS).poisson(mean))
    return Plan(
        source, detector, experiment.observation.window, run.seed, events, mean, run.supernovae
    )


def make_block(plan: Plan, number: int) -> Block:
    """Events of block `number`: a pure function of plan and number."""
    stream = block_stream(plan.seed, number)
    first = number * BLOCK_EVENTS
    count = min(BLOCK_EVENTS, plan.events - first)
    arrivals = plan.source.arrivals(stream, first, count, plan.mean_events)
    detections = None
    if plan.detector is not None:
        detections = plan.detector.detect(arrivals, plan.window, stream)
    if plan.supernovae is not None and detections is not None:
        arrivals, detections = _unweighted(arrivals, detections, plan.supernovae, stream)
    weight = arrivals["weight"].astype(np.float64)
    # Daughters of one decay are not independent: squares of their sum.
    by_event = np.bincount(arrivals["event"].astype(np.int64) - first, weight, minlength=1)
    tallies = {
        "events": float(count),
        "arrival_rows": float(len(weight)),
        "fluence": float(weight.sum()),
        "fluence_squared": float((by_event**2).sum()),
    }
    if plan.supernovae is not None:
        # draws whose chance came out above one, and so taken twice: zero or a few in a thousand
        tallies["repeated_rows"] = float(np.sum(np.diff(arrivals["event"]) == 0))
    if detections is not None:
        counts, accepted = detections.columns["weight"], detections.columns["accepted"]
        tallies |= {
            "detection_rows": float(len(counts)),
            "accepted_rows": float(accepted.sum()),
            "reactions": float(counts.sum()),
            "counts": float(counts[accepted.astype(bool)].sum()),
            "counts_squared": float((counts[accepted.astype(bool)] ** 2).sum()),
        }
    return Block(arrivals, detections, tallies)


def _unweighted(
    arrivals: Columns, detections: Detections, supernovae: int, stream: np.random.Generator
) -> tuple[Columns, Detections]:
    """Thin weighted detections to Poisson draws; each goes to one of the explosions."""
    mean = detections.columns["weight"].astype(np.float64) * supernovae
    copies = np.floor(mean + stream.random(mean.size)).astype(np.int64)
    rows = np.repeat(np.arange(mean.size), copies)
    explosion = stream.integers(0, supernovae, rows.size)
    origin = detections.origin[rows]
    kept_arrivals = {name: values[origin] for name, values in arrivals.items()}
    columns = {name: values[rows] for name, values in detections.columns.items()}
    for batch in (kept_arrivals, columns):
        batch["weight"] = np.ones(rows.size)
        batch[SUPERNOVA.name] = explosion
    counts = detections.counts[rows]
    starts = np.concatenate([[0], np.cumsum(detections.counts)])[rows]
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    flat = np.repeat(starts, counts) + within
    particles = {name: values[flat] for name, values in detections.particles.items()}
    return kept_arrivals, Detections(columns, counts, particles, np.arange(rows.size))


def groups_in_order(plan: Plan, first: int, workers: int) -> Iterator[tuple[int, int, Block]]:
    """Events from block `first` on, made on `workers` threads, in order and a few groups ahead.

    Each item is the number of a group's first block, how many blocks it has, and their events.
    """
    starts = range(first, plan.blocks, GROUP)
    waiting: deque[tuple[int, int, Future[Block]]] = deque()

    def make(start: int, count: int) -> Block:
        return join([make_block(plan, number) for number in range(start, start + count)])

    with ThreadPoolExecutor(workers) as pool:
        try:
            for start in starts:
                count = min(GROUP, plan.blocks - start)
                waiting.append((start, count, pool.submit(make, start, count)))
                if len(waiting) >= workers:  # the writer keeps one core busy meanwhile
                    number, size, future = waiting.popleft()
                    yield number, size, future.result()
            while waiting:
                number, size, future = waiting.popleft()
                yield number, size, future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def run(
    card: RunCard, *, workers: int | None, resume: bool, overwrite: bool, quiet: bool
) -> RunSummary:
    """Simulate a card and write its file.

    `workers`: threads (default: the cores); `resume`: go on from a partial file; `overwrite`:
    replace an existing one; `quiet`: no progress bar. Raises InputError and OutputError.
    """
    from tqdm import tqdm

    workers = workers or os.cpu_count() or 1
    experiment = prepare(card)
    identity = _identity(card, experiment)
    metadata = _metadata(card, experiment, identity)
    kind = {
        "with_detections": experiment.detector is not None,
        "with_supernova": card.run.supernovae is not None,
    }
    if not resume:
        refuse_existing(card.run.output, overwrite)  # before the tables are computed
    plan = plan_run(card, experiment, workers, quiet)
    first = 0
    if resume:
        sink, first = RootSink.resume(card.run.output, metadata, **kind)
    else:
        sink = RootSink(card.run.output, metadata, overwrite=overwrite, **kind)
    try:
        bar = tqdm(
            total=plan.events, initial=min(plan.events, first * BLOCK_EVENTS), unit="event",
            unit_scale=True, desc=card.run.output.name, disable=True if quiet else None, delay=1,
        )  # fmt: skip
        with bar:
            for number, count, group in groups_in_order(plan, first, workers):
                sink.write(number, count, group.arrivals, group.detections, group.tallies)
                bar.update(int(group.tallies["events"]))
        final = metadata | _outcome(plan, sink.tallies)
        energies, density = plan.source.spectrum
        sink.finish(final, ((density[1:] + density[:-1]) / 2, energies))
    except BaseException:
        sink.abandon()
        raise
    return RunSummary(card.run.output, final)


def join(blocks: list[Block]) -> Block:
    """Several blocks as one; their order is kept."""
    if len(blocks) == 1:
        return blocks[0]
    tallies = {name: sum(b.tallies[name] for b in blocks) for name in blocks[0].tallies}
    detections = None
    parts = [b.detections for b in blocks if b.detections is not None]
    if parts:
        detections = Detections(
            _joined([part.columns for part in parts]),
            np.concatenate([part.counts for part in parts]),
            _joined([part.particles for part in parts]),
            _origins(blocks),
        )
    return Block(_joined([b.arrivals for b in blocks]), detections, tallies)


def _joined(parts: list[Columns]) -> Columns:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _origins(blocks: list[Block]) -> npt.NDArray[np.int64]:
    """Places of the detections' arrivals once those of all blocks stand in one batch."""
    sizes = [len(block.arrivals["event"]) for block in blocks]
    starts = np.cumsum(sizes) - sizes
    return np.concatenate(
        [
            block.detections.origin + start
            for block, start in zip(blocks, starts, strict=True)
            if block.detections is not None
        ]
    )


def _identity(card: RunCard, experiment: Experiment) -> dict[str, Any]:
    """What decides the events: a resumed run must agree in all of it."""
    return {
        "card": card.resolved(),
        "core": experiment.supernova.core.content,
        "detector": None if experiment.detector is None else experiment.detector.card,
        "source": source_hash(),
    }


def _metadata(card: RunCard, experiment: Experiment, identity: dict[str, Any]) -> dict[str, Any]:
    detector, core = experiment.detector, experiment.supernova.core
    model = type(experiment.generator)
    packages = ("numpy", "numba", "scipy", "awkward", "uproot")
    return {
        "identity": identity,
        "title": card.title,
        "card": card.resolved(),
        "command": sys.argv,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"snmc": __version__, "python": sys.version.split()[0]}
        | {name: version(name) for name in packages},
        "source_hash": source_hash(),
        "random": {
            "seed": card.run.seed,
            "bit_generator": "PCG64",
            "streams": f"block k of {BLOCK_EVENTS} events: SeedSequence(seed, spawn_key=(k,))",
        },
        "core": {"name": core.name, "description": core.description, "content": core.content},
        "detector": None
        if detector is None
        else {"name": detector.name, "channels": list(detector.channels), "card": detector.card,
              "approximations": list(detector.approximations)},
        "columns": {
            tree: {c.name: {"unit": c.unit, "meaning": c.meaning} for c in columns}
            for tree, columns in _trees(card, detector is not None).items()
        },
        "citations": [*model.references, *(detector.citations if detector else ())],
    }  # fmt: skip


def _trees(card: RunCard, with_detections: bool) -> dict[str, tuple[Any, ...]]:
    extra = () if card.run.supernovae is None else (SUPERNOVA,)
    trees: dict[str, tuple[Any, ...]] = {"arrivals": (*ARRIVALS, *extra)}
    if with_detections:
        trees["detections"] = (*DETECTIONS, *extra)
        trees["particles"] = PARTICLES
    return trees


def _outcome(plan: Plan, tallies: Mapping[str, float]) -> dict[str, Any]:
    return {
        "normalisation": plan.source.summary(),
        "blocks": plan.blocks,
        "events": plan.events,
        "tallies": dict(tallies) or make_block(replace(plan, events=0), 0).tallies,
    }
