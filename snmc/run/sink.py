"""The ROOT file of a run: two trees of events, a record of what is complete, the metadata.

A run is written to NAME.root.part and renamed to NAME.root when whole. The partial file is a valid
ROOT file at every moment, whatever kills the program or fills the disk. Two rules make it so:

- `_OrderedFile` lies between uproot and the disk. New bytes go to the end of the file at once,
  where nothing refers to them yet. Bytes that change what a reader would find wait in memory until
  `commit` applies them in the reverse of the order in which uproot wrote them. uproot writes a
  tree's number of entries before the places of its baskets, so in reverse the places come first
  and each number that makes them visible afterwards. Changes near each other go as one.
- The tree `blocks` is extended after the others: a group of blocks counts as done when its row is
  there. Rows of events beyond those it counts are left over from an interruption.

No space is used twice inside a file, so nothing that is referred to is ever overwritten. Nothing is
forced to the platters before the end: this is about programs that die, not about power that fails.
"""

import json
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from snmc.ground.columns import ARRIVALS, DETECTIONS, PARTICLES, Column, Columns, file_columns
from snmc.ground.errors import InputError, PhysicsError
from snmc.ground.files import OutputError, check_output, set_aside
from snmc.ground.root_file import (
    DamageError,
    checksum,
    described,
    new_tree,
    open_root,
    read_metadata,
    sealed,
    to_json,
)
from snmc.run.event_file import (
    COUNTER,
    PARTICLE,
    RECORD,
    read_groups,
    read_records,
    sealed_record,
    spectrum_checksum,
)

if TYPE_CHECKING:
    from snmc.roles.detector import Detections

FIRST_BASKETS = 100  # groups a tree's header has room for before it must be rewritten
GROWTH = 10  # factor by which that room then grows
DIRECTORY_BYTES = 2048  # room for the names of all objects
STREAMER_BYTES = 16_384  # room for the descriptions of all classes
TITLES = {  # of the trees
    "arrivals": "particles at Earth that the observation can see",
    "detections": "visible signals of reactions in the detector",
    "blocks": "groups of blocks that are done",
}
REACTED = "particles that reacted, one row a reaction"  # title of simulated arrivals
NEAR = 32  # bytes between two changes below which they reach the disk as one


class _OrderedFile:
    """A file for uproot whose visible content changes only in `commit`, in a safe order."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._position = 0
        self._visible = 0  # readers follow pointers to bytes below: changes to them wait
        self._tail = b""  # what follows: the list of free space, of no use to readers
        self._end = 0
        self._waiting: list[tuple[int, bytearray]] = []  # oldest first, none near another
        self.closed = False

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._end}[whence]
        self._position = base + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        stop = self._end if size < 0 else min(self._position + size, self._end)
        start = self._position
        found = bytearray(os.pread(self._descriptor, max(0, stop - start), start))
        for place, data in self._waiting:
            low, high = max(start, place), min(stop, place + len(data))
            if low < high:
                found[low - start : high - start] = data[low - place : high - place]
        self._position = start + len(found)
        return bytes(found)

    def write(self, data: bytes) -> int:
        if self._position > self._end:  # no holes: later changes in place must need no space
            self._to_disk(self._end, bytes(self._position - self._end))
        inside = max(0, min(len(data), self._visible - self._position))
        if inside:
            self._wait(self._position, bytearray(memoryview(data)[:inside]))
        if inside < len(data):
            self._to_disk(self._position + inside, memoryview(data)[inside:])
        self._position += len(data)
        self._end = max(self._end, self._position)
        return len(data)

    def _wait(self, place: int, data: bytearray) -> None:
        """Keep a change; one close to earlier ones joins the oldest, to be applied as one.

        So the two numbers of a branch that readers compare, 11 bytes apart, change together.
        """
        untouched: list[tuple[int, bytearray]] = []
        at = None
        for old_place, old in self._waiting:
            if place > old_place + len(old) + NEAR or old_place > place + len(data) + NEAR:
                untouched.append((old_place, old))
                continue
            at = len(untouched) if at is None else at
            low = min(place, old_place)
            high = max(place + len(data), old_place + len(old))
            joined = bytearray(os.pread(self._descriptor, high - low, low))
            joined[old_place - low : old_place - low + len(old)] = old
            joined[place - low : place - low + len(data)] = data
            place, data = low, joined
        untouched.insert(len(untouched) if at is None else at, (place, data))
        self._waiting = untouched

    def _to_disk(self, place: int, data: bytes | bytearray | memoryview) -> None:
        view = memoryview(data)
        while len(view):
            written = os.pwrite(self._descriptor, view, place)
            place, view = place + written, view[written:]

    def flush(self) -> None:
        """Nothing is buffered; what waits is for `commit`."""

    def commit(self, visible: int) -> None:
        """Let readers see all that was written so far, newest change first.

        `visible`: where the list of free space begins; uproot keeps it at the end of the file and
        writes the next object in its place.
        """
        while self._waiting:
            self._to_disk(*self._waiting[-1])
            self._waiting.pop()
        self._visible = visible
        self._tail = os.pread(self._descriptor, self._end - visible, visible)

    def is_at(self, path: Path) -> bool:
        """Whether the file that is open here is the one called `path`."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.stat(path))
        except FileNotFoundError:
            return False

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Close; what was not committed is cut off."""
        if not self.closed:
            self.closed = True
            with suppress(OSError):
                self._to_disk(self._visible, self._tail)
                os.ftruncate(self._descriptor, self._visible + len(self._tail))
            os.close(self._descriptor)


class _Part(NamedTuple):
    """What a partial file holds for certain."""

    path: Path
    identity: dict[str, Any]
    next_block: int


class RootSink:
    """Writes NAME.root.part, renamed to NAME.root when whole.

    Trees `arrivals` and, if wanted, `detections` as in `snmc.ground.columns`; `blocks`, one row a
    group of blocks (first_block, blocks, generator, rows of arrivals and detections, tallies);
    `metadata`, one JSON string; a TH1D of each generator's parents. Compressed with zstd, level 1.
    """

    def __init__(
        self,
        path: Path,
        metadata: Mapping[str, Any],
        *,
        with_detections: bool,
        with_supernova: bool = False,
        overwrite: bool = False,
    ) -> None:
        """Create the partial file.

        `path`: the final file; `metadata`: what is known at the start, JSON; its entry "identity"
        (a dict) decides later whether a resumed run is the same run. `with_detections`: write the
        tree of detections; `with_supernova`: both trees carry the column `supernova`;
        `overwrite`: replace an existing final or partial file (the final one at the end).
        Raises OutputError if the file cannot be made, or exists and `overwrite` is not set.
        """
        refuse_existing(path, overwrite)
        _, _, old = _paths(path)
        with _writing(old, "nothing was written"):
            old.unlink(missing_ok=True)
        self._start(path, metadata, with_detections, with_supernova)

    @classmethod
    def resume(
        cls,
        path: Path,
        metadata: Mapping[str, Any],
        *,
        with_detections: bool,
        with_supernova: bool = False,
    ) -> tuple["RootSink", int]:
        """Go on from a partial file: returns the sink and the number of the next block.

        Arguments as for the constructor. Complete groups are copied into a new partial file, the
        one before kept beside it (NAME.root.part.old) until the copy holds as much: an
        interruption of the copy loses nothing. With no partial file a new one starts at block 0.
        What is damaged is told in a warning: the copy ends before the first damaged group, and a
        partial file that cannot be read at all is set aside, as NAME.root.part.damaged.
        Raises OutputError if only the final file exists or the partial one is none of ours,
        InputError naming the first key of metadata["identity"] that differs from that of the
        partial file.
        """
        path, part, old = _paths(path)
        found = [p for p in (_read_part(part), _read_part(old)) if p is not None]
        if not found:
            if path.exists():
                raise OutputError(f"{path}: exists and is complete; nothing to resume")
            fresh = cls.__new__(cls)
            fresh._start(path, metadata, with_detections, with_supernova)
            return fresh, 0
        source = max(found, key=lambda p: p.next_block)  # the first, .part, if equal
        _same_run(source, metadata)
        if source.path == part:
            with _writing(part, f"its {source.next_block} blocks are safe"):
                os.replace(part, old)
        sink = cls.__new__(cls)
        sink._start(path, metadata, with_detections, with_supernova)
        sink._safe_before = source.next_block
        try:
            with _writing(part, sink._safe()):
                sink._copy(old, with_detections)
                old.unlink()
        except BaseException:
            sink.abandon()
            raise
        sink._safe_before = 0
        return sink, sink._next_block

    def _copy(self, source: Path, with_detections: bool) -> None:
        """Write the groups of a partial file again, up to the first that is damaged."""
        try:
            with open_root(source) as file:
                for group in read_groups(self._part, file, with_detections):
                    self.write(*group)
        except DamageError as error:
            _warn(f"{error}; the blocks from {self._next_block} on are made again")

    def _start(
        self,
        path: Path,
        metadata: Mapping[str, Any],
        with_detections: bool,
        with_supernova: bool,
    ) -> None:
        import uproot

        self._path, self._part, _ = _paths(path)
        self._arrival_columns = file_columns(ARRIVALS, with_supernova)
        self._detection_columns = (
            file_columns(DETECTIONS, with_supernova) if with_detections else ()
        )
        self._next_block = 0
        self._safe_before = 0  # blocks in the file a resumed run copies
        self._tallies: dict[int, dict[str, float]] = {}  # by generator
        self._blocks: Any = None
        trees = ("arrivals", "detections") if with_detections else ("arrivals",)
        self._written = dict.fromkeys(trees, 0)  # rows
        self._busy = False
        # The partial file appears under its name only when it is a valid file.
        newborn = self._part.with_name(self._part.name + ".new")
        with _writing(self._part, "nothing was written"):
            newborn.unlink(missing_ok=True)
            self._disk = _OrderedFile(os.open(newborn, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666))
            try:
                self._file = uproot.recreate(
                    self._disk,
                    compression=uproot.ZSTD(1),
                    initial_directory_bytes=DIRECTORY_BYTES,
                    initial_streamers_bytes=STREAMER_BYTES,
                )
                # Freed space would be used again, under the eyes of a reader after a crash.
                self._file.file._cascading.freesegments.release = lambda start, stop: None
                self._file["metadata"] = sealed(metadata)
                columns = self._arrival_columns
                titles = _titles(columns) | ({"": REACTED} if with_supernova else {})
                self._arrivals = self._tree("arrivals", _branch_types(columns), titles)
                if with_detections:
                    particles = {c.name: np.dtype(c.dtype).name for c in PARTICLES}
                    record = ", ".join(f"{name}: {dtype}" for name, dtype in particles.items())
                    columns = (*self._detection_columns, *_PARTICLE_BRANCHES)
                    types = _branch_types(self._detection_columns)
                    self._detections = self._tree(
                        "detections",
                        types | {PARTICLE.rstrip("_"): f"var * {{{record}}}"},
                        _titles(columns),
                    )
                self._commit()
                self._check_own(newborn)
                os.replace(newborn, self._part)
            except BaseException:
                self._disk.close()
                newborn.unlink(missing_ok=True)
                raise

    def _tree(self, name: str, types: Mapping[str, Any], titles: Mapping[str, str]) -> Any:
        return new_tree(
            self._file,
            name,
            types,
            {"": TITLES[name], **titles},
            initial_basket_capacity=FIRST_BASKETS,
            resize_factor=GROWTH,
        )

    def _check_own(self, written: Path) -> None:
        """Raise OutputError unless the file called `written` is the one that is open here."""
        if not self._disk.is_at(written):
            raise OutputError(
                f"{written}: another process has removed or replaced it; two of them wrote "
                f"{self._path} at the same time"
            )

    def _safe(self) -> str:
        blocks = max(self._next_block, self._safe_before)
        return f"{blocks} blocks are safe, go on with --resume"

    def _commit(self) -> None:
        self._disk.commit(self._file.file.fSeekFree)

    @property
    def next_block(self) -> int:
        """Number of the first block not yet written."""
        return self._next_block

    def tallies_of(self, generator: int) -> dict[str, float]:
        """Sums of a generator's tallies in all groups written, a resumed file's included."""
        return dict(self._tallies.get(generator, {}))

    def write(
        self,
        first_block: int,
        blocks: int,
        arrivals: Columns,
        detections: "Detections | None",
        tallies: Mapping[str, float],
        generator: int = 0,
    ) -> None:
        """Write one group of consecutive blocks; when it returns the group is safe from a kill.

        `first_block`: must be `next_block`; `blocks`: how many; `arrivals`: the columns of the
        contract, equally long; `detections`: likewise, None without the tree; `tallies`: numbers
        that add up over the groups of a generator, the same names each time; `generator`: the
        number of the one whose blocks they are.
        Raises PhysicsError for NaN, infinity or an integer outside its column's type, InputError
        for a missing, unknown or ill-typed column, OutputError if the disk is full or fails. The
        partial file then holds all earlier groups.
        """
        if first_block != self._next_block or blocks < 1:
            raise ValueError(f"blocks {first_block}+{blocks} out of order: {self._next_block} next")
        if (detections is not None) != bool(self._detection_columns):
            raise ValueError("detections given for a file without them, or missing")
        if set(tallies) & set(RECORD):
            raise ValueError(f"tallies cannot be named {RECORD}")
        for before in self._tallies.values():
            if set(tallies) != set(before):
                raise ValueError(f"tallies changed from {sorted(before)} to {sorted(tallies)}")
        sums = _checked(
            "tallies",
            tuple(Column(name, "f8", "", "") for name in tallies),
            {name: np.array([number]) for name, number in tallies.items()},
        )
        _rows("arrivals", arrivals)
        rows = _checked("arrivals", self._arrival_columns, arrivals)
        reactions = {} if detections is None else self._with_particles(detections)
        numbers = {
            "first_block": first_block,
            "blocks": blocks,
            "generator": generator,
            "arrivals": len(rows["event"]),
            "detections": 0 if detections is None else len(reactions["event"]),
            "arrivals_crc32": checksum(rows),
            "detections_crc32": checksum(reactions),
        }
        record = sealed_record(numbers, sums)

        with self._writing_now():
            self._extend(self._arrivals, rows)
            if detections is not None:
                self._extend(self._detections, _jagged(reactions))
            if self._blocks is None:
                titles = RECORD | {name: f"sum over the group: {name}" for name in tallies}
                self._blocks = self._tree(
                    "blocks", {name: value.dtype for name, value in record.items()}, titles
                )
                self._commit()
            self._extend(self._blocks, record)
        self._next_block = first_block + blocks
        self._written = {tree: self._written[tree] + numbers[tree] for tree in self._written}
        total = self._tallies.setdefault(generator, dict.fromkeys(tallies, 0.0))
        for name, number in tallies.items():
            total[name] += float(number)

    def _extend(self, tree: Any, rows: Mapping[str, Any]) -> None:
        if len(next(iter(rows.values()))):  # an empty basket is one that ROOT and jsroot trip over
            tree.extend(rows)
            self._commit()

    def _with_particles(self, detections: "Detections") -> Columns:
        """Columns by branch of the file; those of the particles one after the other."""
        _rows("detections", detections.columns)
        columns = _checked("detections", self._detection_columns, detections.columns)
        particles = _checked("detections.particles", PARTICLES, detections.particles)
        counts = np.asarray(detections.counts).astype(np.int32)
        if len(counts) != len(columns["event"]) or counts.sum() != _rows(
            "detections.particles", detections.particles
        ):
            raise InputError("detections.counts: does not match the rows and their particles")
        branches = {PARTICLE + name: values for name, values in particles.items()}
        return {**columns, COUNTER: counts, **branches}

    @contextmanager
    def _writing_now(self) -> Iterator[None]:
        """Mark the time in which an interruption leaves uproot's own picture of the file wrong."""
        if self._busy:
            raise ValueError(f"{self._part}: an earlier write failed; the file can be resumed")
        self._busy = True
        try:
            with _writing(self._part, self._safe()):
                yield
        except OutputError:
            self.abandon()
            raise
        self._busy = False

    def finish(
        self,
        metadata: Mapping[str, Any],
        spectra: Mapping[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]],
    ) -> None:
        """Write the final metadata and the parents' spectra, and give the file its name.

        `metadata`: JSON, replaces that of the start; `spectra`: by the name in the file, contents
        [1/MeV] and bin edges [MeV], one longer. Raises as `write`; the partial file then stays.
        """
        for name, (contents, edges) in spectra.items():
            if not (np.isfinite(contents).all() and np.isfinite(edges).all()):
                raise PhysicsError(f"{name}: holds NaN or infinity")
        written = {
            "rows": self._written,
            "blocks": self._next_block,
            "spectra_crc32": {name: spectrum_checksum(*one) for name, one in spectra.items()},
        }
        text = sealed({**metadata, "written": written})
        with self._writing_now():
            for name, (contents, edges) in spectra.items():
                self._file[name] = _histogram(contents, edges)
                self._commit()
            del self._file["metadata;1"]
            self._file["metadata"] = text
            self._commit()
            self._disk.sync()
            self._check_own(self._part)
            self._file.close()
            os.replace(self._part, self._path)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def abandon(self) -> None:
        """Close after an interruption or an error: the partial file keeps all complete groups."""
        self._busy = True
        self._disk.close()


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raise OutputError if `path` or its partial file exists and may not be replaced."""
    path, part, old = _paths(path)
    if overwrite:
        return
    if path.exists():
        raise OutputError(f"{path}: exists; choose another output or --overwrite")
    if part.exists() or old.exists():
        raise OutputError(
            f"{part}: an unfinished run; continue it with --resume or drop it with --overwrite"
        )


def _paths(path: Path) -> tuple[Path, Path, Path]:
    """The final file, behind a symbolic link if `path` is one; the partial files beside it.

    Raises OutputError for what can be no output.
    """
    check_output(path)
    path = Path(os.path.realpath(path))
    return path, path.with_name(path.name + ".part"), path.with_name(path.name + ".part.old")


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=2)


@contextmanager
def _writing(path: Path, safe: str) -> Iterator[None]:
    """Turn the system's errors into one line that says what is safe."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path}: {error.strerror or error}; {safe}") from error


def _branch_types(columns: tuple[Column, ...]) -> dict[str, np.dtype[Any]]:
    return {column.name: np.dtype(column.dtype) for column in columns}


def _titles(columns: tuple[Column, ...]) -> dict[str, str]:
    return {column.name: described(column.meaning, column.unit) for column in columns}


_PARTICLE_BRANCHES = (
    Column(COUNTER, "i4", "", "number of particles in the final state"),
    *(column._replace(name=PARTICLE + column.name) for column in PARTICLES),
)


def _jagged(columns: Columns) -> dict[str, Any]:
    """Columns of detections as uproot writes them, the particles as one column of records."""
    import awkward

    flat, counts = dict(columns), columns[COUNTER]
    del flat[COUNTER]
    jagged = {
        column.name: awkward.unflatten(flat.pop(PARTICLE + column.name), counts)
        for column in PARTICLES
    }
    return {**flat, PARTICLE.rstrip("_"): awkward.zip(jagged)}


def _histogram(contents: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]) -> Any:
    """TH1D of dN/dE [1/MeV] between edges [MeV]; each bin counts as one entry.

    uproot would take the sum of contents as the number of entries, which ROOT cannot count so far.
    """
    from uproot.writing.identify import to_TAxis, to_TH1x

    middles = (edges[1:] + edges[:-1]) / 2
    axis = to_TAxis("xaxis", "energy [MeV]", len(contents), edges[0], edges[-1], edges)
    return to_TH1x(
        fName=None,
        fTitle="dN/dE of the parents at infinity [1/MeV]",
        data=np.concatenate([[0.0], contents, [0.0]]),  # nothing below, nothing above
        fEntries=float(len(contents)),
        fTsumw=contents.sum(),
        fTsumw2=(contents**2).sum(),
        fTsumwx=(contents * middles).sum(),
        fTsumwx2=(contents * middles**2).sum(),
        fSumw2=None,
        fXaxis=axis,
    )


def _rows(tree: str, columns: Columns) -> int:
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) != 1:
        raise InputError(f"{tree}: columns of different lengths: {lengths}")
    return next(iter(lengths.values()))


def _checked(tree: str, wanted: tuple[Column, ...], given: Columns) -> dict[str, Any]:
    """Return the columns in the contract's types and order, every number fit to be written."""
    names = {column.name for column in wanted}
    if names != set(given):
        raise InputError(
            f"{tree}: missing columns {sorted(names - set(given))}, "
            f"unknown columns {sorted(set(given) - names)}"
        )
    return {
        column.name: _fit(f"{tree}.{column.name}", column, given[column.name]) for column in wanted
    }


def _fit(key: str, column: Column, values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    target = np.dtype(column.dtype)
    if values.ndim != 1:
        raise InputError(f"{key}: found shape {values.shape}; needs one dimension")
    if target.kind == "f":
        if values.dtype.kind not in "fiu":
            _wrong_type(key, values, "numbers")
        with np.errstate(over="ignore", invalid="ignore"):
            total = values.sum()  # NaN and infinity survive the sum: a quick look first
        if not np.isfinite(total):
            wrong = ~np.isfinite(values)
            if wrong.any():
                raise PhysicsError(
                    f"{key}: {np.count_nonzero(wrong)} of {len(values)} values are NaN or "
                    f"infinite, the first in row {int(np.argmax(wrong))}"
                )
    elif target.kind == "b":
        if values.dtype.kind != "b":
            _wrong_type(key, values, "true or false")
    else:
        if values.dtype.kind not in "iu":
            _wrong_type(key, values, "integers")
        limits = np.iinfo(target)
        if values.dtype != target and len(values):
            low, high = int(values.min()), int(values.max())
            if low < limits.min or high > limits.max:
                raise PhysicsError(
                    f"{key}: found {low} to {high}; its type holds {limits.min} to {limits.max}"
                )
    return values.astype(target, copy=False)


def _wrong_type(key: str, values: npt.NDArray[np.generic], needed: str) -> NoReturn:
    raise InputError(f"{key}: found type {values.dtype}; needs {needed}")


def _read_part(path: Path) -> _Part | None:
    """Return what a partial file holds; None if there is none, or none that can be read any more.

    The latter is set aside, with a warning. Raises OutputError if it is none of ours.
    """
    if not path.exists():
        return None
    following = 0
    try:
        with open_root(path) as file:
            metadata = read_metadata(path, file)
            if not isinstance(metadata.get("identity"), dict):
                raise OutputError(f"{path}: cannot be read as an unfinished run of snmc")
            with suppress(DamageError):  # told when the groups are copied
                for record in read_records(path, file):
                    following = record["first_block"] + record["blocks"]
    except DamageError as error:
        _warn(f"{error}; kept as {set_aside(path).name}, and all it held is made again")
        return None
    return _Part(path, metadata["identity"], following)


def _same_run(part: _Part, metadata: Mapping[str, Any]) -> None:
    """Raise InputError naming the first key in which the partial file is of another run."""
    wanted = json.loads(to_json(metadata)).get("identity", {})
    if (found := difference(part.identity, wanted)) is not None:
        raise InputError(
            f"{part.path}: cannot resume: {found}; restore it, or start again with --overwrite"
        )


def difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Tell the first key, in order, in which two identities (JSON) differ; None if in none."""
    was, is_now = _flat(before), _flat(now)
    for key in sorted(was.keys() | is_now.keys()):
        old, new = (side.get(key, "absent") for side in (was, is_now))
        if old != new:
            return f"{key} was {_short(old)} and is now {_short(new)}"
    return None


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Values by dotted key; those of a list of tables by label, and the labels in order."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            labels = [str(one.get("label", place)) for place, one in enumerate(value)]
            flat[prefix + key] = labels
            value = dict(zip(labels, value, strict=True))
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat
