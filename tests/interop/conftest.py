"""One event file of random numbers, made by the sink itself, for all readers."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from snmc.ground.columns import ARRIVALS, DETECTIONS, PARTICLES, Column, Columns, file_columns
from snmc.roles.detector import Detections
from snmc.run.sink import RootSink

METADATA = {"title": "interoperability, ν and √s", "identity": {"seed": 1}}
SPECTRUM = (np.array([0.5, 2.5, 1e-300]), np.array([0.0, 10.0, 50.0, 300.0]))


def needed(found: object, program: str) -> None:
    """Skip a test whose program is not here; fail it where SNMC_INTEROP says it must be."""
    if not found:
        if os.environ.get("SNMC_INTEROP"):
            pytest.fail(f"{program} is not installed")
        pytest.skip(f"{program} is not installed")


def columns(spec: tuple[Column, ...], rows: int, random: np.random.Generator) -> Columns:
    """Numbers of the size that events have, integers over the range of their type."""
    made: Columns = {}
    for column in spec:
        dtype = np.dtype(column.dtype)
        if dtype.kind == "f":
            made[column.name] = random.lognormal(0, 3, rows)
        elif dtype.kind == "b":
            made[column.name] = random.random(rows) < 0.5
        else:
            # 64-bit columns number things: from 0; jsroot misreads negative ones, by 2**32.
            limits = np.iinfo(dtype)
            low, high = (0, 2**53) if dtype.itemsize == 8 else (limits.min, limits.max)
            made[column.name] = random.integers(low, high, rows, dtype)
    return made


def write_group(sink: RootSink, number: int) -> None:
    """Write a group; some without detections, some without particles, some quite empty."""
    random = np.random.default_rng(number)
    rows, reactions = (0 if number % 7 == 3 else 40), (0 if number % 3 == 1 else 25)
    counts = random.integers(0, 1 if number % 5 == 2 else 4, reactions, np.int32)
    detections = Detections(
        columns(file_columns(DETECTIONS, False), reactions, random),
        counts,
        columns(PARTICLES, int(counts.sum()), random),
    )
    arrivals = columns(file_columns(ARRIVALS, False), rows, random)
    sink.write(number, 1, arrivals, detections, {"parents": 1.0})


@pytest.fixture(scope="session")
def event_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a whole file, of so many groups that its trees had to grow."""
    path = tmp_path_factory.mktemp("whole") / "events.root"
    sink = RootSink(path, METADATA, with_detections=True)
    for number in range(120):
        write_group(sink, number)
    sink.finish(METADATA, {"parent_spectrum": SPECTRUM})
    return path


@pytest.fixture(scope="session")
def killed_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what is on disk while a group is half written, as after a kill."""
    folder = tmp_path_factory.mktemp("killed")
    sink = RootSink(folder / "events.root", METADATA, with_detections=True)
    for number in range(5):
        write_group(sink, number)
    copy = folder / "killed.root.part"

    def killed(_: object) -> None:
        shutil.copy(folder / "events.root.part", copy)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        # All baskets of the detections are on disk, nothing of them is visible yet.
        patch.setattr(sink._detections._cascading, "write_updates", killed)
        with pytest.raises(KeyboardInterrupt):
            write_group(sink, 5)
    sink.abandon()
    return copy
