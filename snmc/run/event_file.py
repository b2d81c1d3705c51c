"""Reading what `snmc.run.sink` wrote: groups of events, each held against its checksums."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from snmc.ground.columns import Columns
from snmc.ground.errors import InputError
from snmc.ground.root_file import (
    DamageError,
    checksum,
    open_root,
    read_metadata,
    reading_root,
)
from snmc.run.metadata import WrittenMetadata, checked

if TYPE_CHECKING:
    from snmc.roles.detector import Detections

TREES = ("arrivals", "detections")
COUNTER = "nparticles"  # branch with the number of particles of each row of detections
PARTICLE = "particles_"  # beginning of the names of their branches
SEAL = "record_crc32"  # of the rest of its row of `blocks`
RECORD = {  # columns of `blocks`, then tallies
    "first_block": "number of the group's first block",
    "blocks": "blocks of the group",
    "generator": "generator of the group, numbered in the metadata",
    "arrivals": "rows of the group in arrivals",
    "detections": "rows of the group in detections",
    "arrivals_crc32": "checksum of these rows of arrivals",
    "detections_crc32": "checksum of these rows of detections",
    SEAL: "checksum of the other columns of this row",
}
SEALED = {name for name in RECORD if name.endswith("_crc32")}


class Group(NamedTuple):
    """Events of consecutive blocks of one generator, as arguments of `RootSink.write`."""

    first_block: int
    blocks: int
    arrivals: Columns
    detections: "Detections | None"
    tallies: dict[str, float]
    generator: int


def sealed_record(
    numbers: Mapping[str, int], tallies: Mapping[str, npt.NDArray[Any]]
) -> dict[str, npt.NDArray[Any]]:
    """A row of `blocks`, as arrays of one number, with its checksum.

    `numbers`: those of RECORD but the last; `tallies`: likewise as arrays.
    """
    row = {name: np.array([number], np.int64) for name, number in numbers.items()}
    row |= tallies
    return {**row, SEAL: np.array([checksum(row)], np.int64)}


def read_records(path: Path, file: Any) -> Iterator[dict[str, Any]]:
    """Rows of `blocks` of an open event file, as numbers by column.

    Each is held against its checksum, which version 0.3 did not write, and must go on where the one
    before ends. Raises DamageError at the first that is damaged, and InputError where groups come
    twice, as in several files put together by ROOT's hadd.
    """
    with reading_root(path):
        if "blocks" not in file:
            return
    following = 0
    for number, row in enumerate(_rows(path, file)):
        seal = row.pop(SEAL, None)
        expected = checksum(row) if seal is not None or SEALED.intersection(row) else None
        if (None if seal is None else seal[0]) != expected:
            raise DamageError(f"{path}: damaged: row {number} of the tree blocks")
        record = {name: values[0].item() for name, values in row.items()}
        if record["first_block"] != following:
            raise InputError(
                f"{path}: found the blocks of several files in it, as hadd puts them together: "
                "events share their numbers and weights add up to a multiple of the fluence; read "
                "each of these files on its own"
            )
        following += record["blocks"]
        yield record


def _rows(path: Path, file: Any) -> Iterator[Columns]:
    """Rows of `blocks`, as arrays of one number; one by one where some cannot be read."""
    with reading_root(path, "the tree blocks"):
        tree = file["blocks"]
        rows = tree.num_entries
    columns = None
    with suppress(DamageError), reading_root(path, "the tree blocks"):
        columns = tree.arrays(library="np")
    for number in range(rows):
        if columns is not None:
            yield {name: values[number : number + 1] for name, values in columns.items()}
        else:
            with reading_root(path, f"row {number} of the tree blocks"):
                row = tree.arrays(entry_start=number, entry_stop=number + 1, library="np")
            yield row


def check_records(path: Path, file: Any) -> None:
    """Raise what `read_records` raises."""
    for _ in read_records(path, file):
        pass


def read_groups(path: Path, file: Any, with_detections: bool) -> Iterator[Group]:
    """Complete groups of an open event file in order, each as it was written.

    Raises DamageError at the first that is damaged, InputError as `read_records`.
    """
    from snmc.roles.detector import Detections

    ends = dict.fromkeys(TREES, 0)
    for number, record in zip(count(), read_records(path, file), strict=False):
        if missing := RECORD.keys() - record.keys() - {SEAL}:
            raise DamageError(f"{path}: damaged: found no {min(missing)} in the tree blocks")
        last = record["first_block"] + record["blocks"] - 1
        found: dict[str, Columns] = {"detections": {}}
        for tree in TREES if with_detections else TREES[:1]:
            start, ends[tree] = ends[tree], ends[tree] + record[tree]
            part = f"{tree} of group {number} (blocks {record['first_block']} to {last})"
            with reading_root(path, part):
                found[tree] = _flat_columns(file[tree], start, ends[tree])
                crc = checksum(found[tree])
            if crc != record[f"{tree}_crc32"]:
                raise DamageError(f"{path}: damaged: {part}")
        detections = None
        if with_detections:
            columns = found["detections"]
            particles = {
                name.removeprefix(PARTICLE): columns.pop(name)
                for name in list(columns) if name.startswith(PARTICLE)
            }  # fmt: skip
            counts = columns.pop(COUNTER).astype(np.int32)
            detections = Detections(columns, counts, particles)
        yield Group(
            record["first_block"],
            record["blocks"],
            found["arrivals"],
            detections,
            {name: float(value) for name, value in record.items() if name not in RECORD},
            record["generator"],
        )


def _flat_columns(tree: Any, start: int, stop: int) -> Columns:
    """Rows from `start` to `stop` of all branches in the tree's order, jagged ones flattened."""
    import awkward

    rows = tree.arrays(entry_start=start, entry_stop=stop, library="ak")
    names = tree.keys()
    return {name: awkward.to_numpy(awkward.flatten(rows[name], axis=None)) for name in names}


def spectrum_checksum(contents: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]) -> int:
    """Checksum of the histogram of a generator's parents."""
    return checksum({"contents": contents, "edges": edges})


def check_events(path: Path) -> None:
    """Read a file of events, finished or not, and hold all of it against its checksums.

    Raises DamageError naming the first part that is damaged, InputError for a file without
    checksums and for one that is no file of events.
    """
    with open_root(path) as file:
        metadata = read_metadata(path, file)
        with reading_root(path):
            present = [tree for tree in TREES if tree in file]
            columns = file["blocks"].keys() if "blocks" in file else RECORD
        if not metadata:
            raise InputError(f"{path}: found no metadata in it; needs a file written by snmc")
        checked(path, metadata, WrittenMetadata)
        if not SEALED.intersection(columns):
            raise InputError(f"{path}: has no checksums, as a file of version 0.3")
        check_records(path, file)  # rows that come twice are no damage
        blocks = sum(group.blocks for group in read_groups(path, file, "detections" in present))
        written = metadata.get("written")
        if written is None:  # of an unfinished run the rest is not known yet
            return
        with reading_root(path, "the list of trees"):
            rows = {tree: int(file[tree].num_entries) for tree in present}
        if written["rows"] != rows or written["blocks"] != blocks:
            raise DamageError(f"{path}: damaged: groups are missing, or rows that belong to none")
        for name, crc in written["spectra_crc32"].items():
            with reading_root(path, name):
                found = spectrum_checksum(*file[name].to_numpy())
            if found != crc:
                raise DamageError(f"{path}: damaged: {name}")
