"""A scan: all points of a card measured, saved on the way, continued after an interruption."""

import functools
import hashlib
import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname
from typing import Any

import numpy as np
import numpy.typing as npt

from snmc.core import load_core
from snmc.ground.cache import source_hash
from snmc.ground.errors import InputError
from snmc.ground.files import locked, set_aside
from snmc.ground.root_file import DamageError, to_json
from snmc.ground.text import quantity
from snmc.judgement.grid import Grid, GridPoint, empty_grid, label, load_grid, named, read_grid
from snmc.judgement.measurement import check_scaling, measure
from snmc.judgement.series import Series, ratio_of
from snmc.roles.model_file import model_source
from snmc.roles.registry import find_detector
from snmc.run.pipeline import versions
from snmc.run.prepare import prepare_generators
from snmc.run.scan_card import ENERGY, ScanCard, ScanPoint
from snmc.run.scheduler import check_scheduler, ordered
from snmc.run.sink import difference, refuse_existing

SAVED_EVERY = 10.0  # s, while a scan runs
SAVING = 0.05  # most of the time that goes into it, where a grid is large
FEW = 0.1  # counts below which no limit depends on them
LITTLE = 1e48  # erg, the same of the energy that leaves

Measure = Callable[..., Series]


def run_scan(
    card: ScanCard,
    *,
    workers: int | None,
    scheduler: str | None,
    resume: bool,
    overwrite: bool,
    quiet: bool,
    measure: Measure = measure,
) -> Grid:
    """Measure all points of a card and save the grid in `card.output`.

    A complete grid of the same card is given back as it is. `workers`, `scheduler`: see
    `snmc.run.scheduler.ordered`; `resume`: go on with an unfinished grid, or begin where there is
    none; `overwrite`: replace what is there; `quiet`: no progress bar; `measure`: what measures a
    point. What is measured is saved every few seconds, and where an error or an interruption ends
    the scan. Raises InputError, OutputError also where another process writes the grid, and
    PhysicsError where a point gives NaN.
    """
    check_scheduler(scheduler)
    with locked(card.output):
        return fill_grid(
            card, workers=workers, scheduler=scheduler, resume=resume, overwrite=overwrite,
            quiet=quiet, measure=measure,
        )  # fmt: skip


def fill_grid(
    card: ScanCard,
    *,
    workers: int | None,
    scheduler: str | None,
    resume: bool,
    overwrite: bool,
    quiet: bool,
    measure: Measure = measure,
) -> Grid:
    """`run_scan` for those who hold the lock of the output, with the same arguments."""
    from tqdm import tqdm

    path, part = card.output, partial(card.output)
    going_on = resume and part.exists()
    grid = _begun(card, part if going_on else path, resume, overwrite)
    if grid.complete and not going_on:
        if not quiet:
            print(f"snmc: {path}: complete already; nothing is measured", file=sys.stderr)
        return grid
    check_scaling(card)
    if overwrite:
        part.unlink(missing_ok=True)

    left = [point for point in card.points if point.number not in grid.series]
    work = functools.partial(
        measure, couplings=card.couplings, events=card.events, seed=card.seed,
        bin_width=card.bin_width,
    )  # fmt: skip
    results = ordered(
        functools.partial(_assigned, work), _with_digests(left),
        workers=workers or os.cpu_count() or 1, scheduler=scheduler, ahead=2,
    )  # fmt: skip
    due = time.monotonic() + SAVED_EVERY
    bar = tqdm(
        total=len(card.points), initial=len(grid.series), unit="point", desc=path.name,
        disable=True if quiet else None, delay=1,
    )  # fmt: skip
    try:
        with bar, closing(results):
            for point, series in zip(left, results, strict=True):
                grid.add(point.number, series)
                bar.set_postfix_str(f"{point.mass:.3g} MeV", refresh=False)
                bar.update()
                if (start := time.monotonic()) > due:
                    grid.save(part)
                    now = time.monotonic()
                    due = now + max(SAVED_EVERY, (now - start) / SAVING)
        grid.save(path)
    except BaseException:
        if grid.series:
            grid.save(part)
        raise
    part.unlink(missing_ok=True)
    return grid


def _begun(card: ScanCard, source: Path, resume: bool, overwrite: bool) -> Grid:
    """The grid of this card that is in `source` already, as far as it goes, or an empty one.

    An unfinished one goes before a complete one, which an interrupted --overwrite leaves.
    """
    identity = json.loads(to_json(identity_of(card)))
    if overwrite or not source.exists():
        refuse_existing(card.output, overwrite)
        return empty_grid(card, identity, _provenance())
    if not resume:
        grid = load_grid(source)
    elif (salvaged := _salvaged(source, source != card.output)) is not None:
        grid = salvaged
    else:
        return empty_grid(card, identity, _provenance())
    if (found := difference(grid.identity, identity)) is not None:
        key = found.removeprefix("card.")
        raise InputError(
            f"{source}: of another scan: {key}; restore it, choose another output, or --overwrite"
        )
    if not (grid.complete or resume):
        raise InputError(
            f"{source}: an unfinished scan; continue it with --resume or drop it with --overwrite"
        )
    return grid


def is_begun(card: ScanCard, path: Path) -> bool:
    """Whether a file is a grid of this card, finished or not."""
    if not path.exists():
        return False
    try:
        grid, _ = read_grid(path)
    except InputError:
        return False
    return difference(grid.identity, json.loads(to_json(identity_of(card)))) is None


def _salvaged(source: Path, unfinished: bool) -> Grid | None:
    """What is whole of a grid, with a warning of what is damaged.

    None if nothing of an unfinished one can be read: it is set aside. Of a complete one this
    raises, for it may be somebody's file.
    """
    try:
        grid, damaged = read_grid(source)
    except DamageError as error:
        if not unfinished:
            raise
        aside = set_aside(source).name
        warnings.warn(f"{error}; kept as {aside}, and all is measured again", stacklevel=2)
        return None
    if damaged:
        warnings.warn(f"{source}: damaged: {named(damaged)}; measured again", stacklevel=2)
    return grid


def partial(path: Path) -> Path:
    """Where an unfinished grid is kept: beside the grid, behind a link if `path` is one."""
    path = Path(os.path.realpath(path))
    return path.with_name(path.name + ".part")


def identity_of(card: ScanCard) -> dict[str, Any]:
    """All that decides the numbers of a scan: card, and contents of what it names."""
    cores = {
        json.dumps(core): core for core in (point.card.supernova.core for point in card.points)
    }
    contents = [
        model.content + model_source(type(model))
        for point in card.points
        if point.mass == card.masses[0]
        for model in prepare_generators(point.card).values()
    ]
    return {
        "card": card.resolved(),
        "cores": [load_core(core).content for core in cores.values()],
        "generators": sorted(set(contents) - {""}),
        "detectors": {
            name: find_detector(name, card.path).card for name in card.detectors if name != ENERGY
        },
        "source": source_hash(),
    }


def _assigned(measure: Callable[[ScanPoint], Series], item: tuple[ScanPoint, str]) -> Series:
    """Measure, unless other files are now, or on this worker, under the names in the card."""
    point, digest = item
    if _digest(point) != digest:
        raise InputError(
            f"a worker on {gethostname()} finds another core, detector or file of the generator by "
            "the names in the card than the scan began with; needs the same files, unchanged until "
            "its end, on all machines"
        )
    return measure(point)


def _with_digests(points: Sequence[ScanPoint]) -> list[tuple[ScanPoint, str]]:
    """The points, each with the digest of its files, which are the same for all masses."""
    known: dict[Any, str] = {}
    for point in points:
        key = (point.detector, point.parameter, point.choice)
        known[key] = known.get(key) or _digest(point)
    return [(point, known[point.detector, point.parameter, point.choice]) for point in points]


def _digest(point: ScanPoint) -> str:
    """Hash of what a point's card names: core, detector, the generator's files."""
    contents = [
        load_core(point.card.supernova.core).content,
        *(
            model.content + model_source(type(model))
            for model in prepare_generators(point.card).values()
        ),
        None if point.detector == ENERGY else find_detector(point.detector, point.card.path).card,
    ]
    return hashlib.sha256(to_json({"contents": contents}).encode()).hexdigest()


def _provenance() -> dict[str, Any]:
    return {
        "command": sys.argv,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "random": "block b of point k: SeedSequence(seed, spawn_key=(k', b)), PCG64, k' the number "
        "of the point of that mass, parameter and detector with the first value of each axis",
    }


def summary(grid: Grid, path: Path) -> str:
    """Lines with what a grid holds, and where its samples are too thin."""
    along = [f"{len(grid.masses)} masses x {len(grid.couplings)} couplings"]
    if len(grid.parameters) > 1:
        along.append(" and ".join(grid.parameters))
    along += [f"{len(values)} of {key}" for key, values in grid.axes]
    lines = [f"{path}", f"  grid                {' x '.join(along)}"]
    if not grid.complete:
        lines.append(f"  unfinished          {len(grid.series)} of {len(grid.points)} points")
    for detector in grid.detectors:
        lines += _summary(grid, detector)
    return "\n".join(lines)


def _summary(grid: Grid, detector: str) -> list[str]:
    """Lines on one detector, or on the energy that leaves."""
    own = [p for p in grid.points if p.detector == detector and p.number in grid.series]
    if not own:
        return []
    counts = np.array([grid.series[p.number].counts for p in own])
    thin = np.array([doubtful(detector, grid.series[p.number]) for p in own])
    name = f"  {label(detector):<19} "
    if not counts.any():
        return [f"{name}nothing {'leaves' if detector == ENERGY else 'is expected'} anywhere"]
    at, coupling = np.unravel_index(np.argmax(counts), counts.shape)
    most = own[at]
    where = [
        f"{most.mass:.3g} MeV",
        f"{most.parameter} = {quantity(grid.couplings[coupling], grid.unit)}",
        *(f"{key} = {values[i]}" for (key, values), i in zip(grid.axes, most.choice, strict=True)),
    ]
    unit = "erg" if detector == ENERGY else "counts"
    lines = [f"{name}at most {counts.max():.3g} {unit}, at {', '.join(where)}"]
    if thin.any():
        masses = [p.mass for p, row in zip(own, thin, strict=True) if row.any()]
        couplings = np.array(grid.couplings)[thin.any(axis=0)]
        lines.append(
            f"  too thin            {thin.sum()} of {thin.size} cells, at "
            f"{_span(min(masses), max(masses), 'MeV')} and "
            f"{_span(couplings.min(), couplings.max(), grid.unit)}; more scan.events help"
        )
    for place, (_, values) in enumerate(grid.axes):
        if len(values) > 1:
            lines += _along(grid, own, most, place, int(coupling))
    return lines


def _along(
    grid: Grid, done: Sequence[GridPoint], most: GridPoint, place: int, coupling: int
) -> list[str]:
    """Lines on one axis at the point `most`: the numbers, and their ratios to the first of them."""
    key, values = grid.axes[place]

    def but_for_the_axis(point: GridPoint) -> tuple[Any, ...]:
        return point.mass, point.parameter, point.choice[:place], point.choice[place + 1 :]

    row = [p for p in done if but_for_the_axis(p) == but_for_the_axis(most)]
    first = grid.series[row[0].number]
    lines = [f"    along {key}, there; over the first of them"]
    for point in row:
        series = grid.series[point.number]
        ratio, error = (numbers[coupling] for numbers in ratio_of(series, first))
        text = "" if point is row[0] or np.isnan(ratio) else f"  {ratio:.5g}"
        if text and not np.isnan(error):
            text += f" +- {error:.2g}"
        counts = series.counts[coupling]
        percent = 100 * series.error[coupling] / counts if counts else 0.0
        shown = str(values[point.choice[place]])
        lines.append(f"      {shown:<15} {counts:.5g} +- {percent:.2g} %{text}")
    return lines


def doubtful(detector: str, series: Series) -> npt.NDArray[np.bool_]:
    """Where a sample is too thin, and the counts, or the energy, large enough to matter."""
    return np.asarray(series.thin & (series.counts > (LITTLE if detector == ENERGY else FEW)))


def _span(low: float, high: float, unit: str) -> str:
    last = quantity(high, unit)
    return last if low == high else f"{low:.3g} to {last}"
