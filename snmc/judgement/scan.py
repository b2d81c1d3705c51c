"""A scan: all points of a card measured, saved on the way, continued after an interruption."""

import functools
import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from snmc.core import load_core
from snmc.ground.compiled import source_hash
from snmc.ground.errors import InputError
from snmc.judgement.grid import Grid, empty_grid, load_grid
from snmc.judgement.measurement import measure
from snmc.judgement.series import Series
from snmc.roles.registry import find_detector
from snmc.run.pipeline import versions
from snmc.run.prepare import prepare_generators
from snmc.run.scan_card import ENERGY, ScanCard
from snmc.run.scheduler import check_scheduler, ordered
from snmc.run.sink import difference, refuse_existing, to_json

SAVED_EVERY = 10.0  # s, while a scan runs
MATTERS = 0.1  # counts below which no limit depends on them

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
    `snmc.run.scheduler.ordered`; `resume`: go on with an unfinished grid; `overwrite`: replace what
    is there; `quiet`: no progress bar; `measure`: what measures a point. Raises InputError and
    OutputError.
    """
    from tqdm import tqdm

    path, part = card.output, partial(card.output)
    identity = json.loads(to_json(identity_of(card)))
    if path.exists() and not overwrite:
        return _same(load_grid(path), identity, path, "choose another output")
    grid = empty_grid(card, identity, _provenance())
    if resume and part.exists():
        grid = _same(load_grid(part), identity, part, "restore it")
    elif not resume:
        refuse_existing(path, overwrite)
    check_scheduler(scheduler)

    left = [point for point in card.points if point.number not in grid.series]
    work = functools.partial(
        measure, couplings=card.couplings, events=card.events, seed=card.seed,
        bin_width=card.bin_width,
    )  # fmt: skip
    results = ordered(
        work, left, workers=workers or os.cpu_count() or 1, scheduler=scheduler, ahead=2
    )
    saved = time.monotonic()
    bar = tqdm(
        total=len(card.points), initial=len(grid.series), unit="point", desc=path.name,
        disable=True if quiet else None, delay=1,
    )  # fmt: skip
    try:
        with bar:
            for point, series in zip(left, results, strict=True):
                grid.series[point.number] = series
                bar.set_postfix_str(f"{point.mass:.3g} MeV", refresh=False)
                bar.update()
                if time.monotonic() - saved > SAVED_EVERY:
                    grid.save(part)
                    saved = time.monotonic()
    except BaseException:
        results.close()
        if grid.series:
            grid.save(part)
        raise
    grid.save(path)
    part.unlink(missing_ok=True)
    return grid


def partial(path: Path) -> Path:
    """Where an unfinished grid is kept."""
    return path.with_name(path.name + ".part")


def identity_of(card: ScanCard) -> dict[str, Any]:
    """All that decides the numbers of a scan: card, and contents of what it names."""
    cores = {
        json.dumps(core): core for core in (point.card.supernova.core for point in card.points)
    }
    return {
        "card": card.resolved(),
        "cores": [load_core(core).content for core in cores.values()],
        "generators": {
            label: model.content for label, model in prepare_generators(card.points[0].card).items()
        },
        "detectors": {
            name: find_detector(name, card.path).card for name in card.detectors if name != ENERGY
        },
        "source": source_hash(),
    }


def _same(grid: Grid, identity: dict[str, Any], path: Path, otherwise: str) -> Grid:
    if (found := difference(grid.identity, identity)) is not None:
        raise InputError(f"{path}: of another scan: {found}; {otherwise}, or --overwrite")
    return grid


def _provenance() -> dict[str, Any]:
    return {
        "command": sys.argv,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "random": "block b of point k: SeedSequence(seed, spawn_key=(k, b)), PCG64",
    }


def summary(grid: Grid, path: Path) -> str:
    """Lines with what a grid holds, and where its samples are too thin."""
    cells = len(grid.series) * len(grid.couplings)
    along = f"{len(grid.masses)} masses x {len(grid.couplings)} couplings"
    others = [f"{len(grid.parameters)} couplings"] if len(grid.parameters) > 1 else []
    others += [f"{len(values)} of {key}" for key, values in grid.axes]
    lines = [f"{path}", f"  grid                {' x '.join([along, *others])}"]
    if not grid.complete:
        lines.append(f"  unfinished          {len(grid.series)} of {len(grid.points)} points")
    for detector in grid.detectors:
        own = [p for p in grid.points if p.detector == detector and p.number in grid.series]
        if not own:
            continue
        counts = np.array([grid.series[p.number].counts for p in own])
        thin = np.array([grid.series[p.number].thin for p in own])
        if detector != ENERGY:
            thin &= counts > MATTERS
        at, coupling = np.unravel_index(np.argmax(counts), counts.shape)
        unit = "erg" if detector == ENERGY else "counts"
        lines.append(
            f"  {detector:<19} at most {counts.max():.3g} {unit}, at {own[at].mass:.3g} MeV and "
            f"{own[at].parameter} = {with_unit(grid.couplings[coupling], grid.unit)}"
        )
        if thin.any():
            masses = [p.mass for p, row in zip(own, thin, strict=True) if row.any()]
            couplings = np.array(grid.couplings)[thin.any(axis=0)]
            lines.append(
                f"  too thin            {thin.sum()} of {cells // len(grid.detectors)} cells: "
                f"{min(masses):.3g} to {max(masses):.3g} MeV, "
                f"{couplings.min():.2g} to {with_unit(couplings.max(), grid.unit)}; "
                "more scan.events help"
            )
    return "\n".join(lines)


def with_unit(number: float, unit: str) -> str:
    """A coupling as text, `1e-15/MeV`."""
    return f"{number:.2g}{unit.removeprefix('1')}" if unit.startswith("1/") else f"{number:.2g}"
