"""The ROOT sink: what is written is read back, and nothing that kills a run loses a done block."""

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from snmc.ground.columns import ARRIVALS, DETECTIONS, PARTICLES, Column, Columns, file_columns
from snmc.ground.errors import InputError, PhysicsError
from snmc.ground.files import OutputError
from snmc.ground.root_file import read_metadata
from snmc.roles.detector import Detections
from snmc.run import sink as module
from snmc.run.sink import RootSink, _Part, _same_run

IDENTITY = {"identity": {"seed": 1987, "card": {"generator": {"mass": "100 MeV"}}}}
SPECTRUM = {"parent_spectrum": (np.arange(5.0), np.linspace(0.0, 250.0, 6))}


def columns(spec: tuple[Column, ...], rows: int, random: np.random.Generator) -> Columns:
    """Random numbers of every type, integers over their whole range."""
    made: Columns = {}
    for column in spec:
        dtype = np.dtype(column.dtype)
        if dtype.kind == "f":
            made[column.name] = random.lognormal(0, 20, rows)
        elif dtype.kind == "b":
            made[column.name] = random.random(rows) < 0.5
        else:
            limits = np.iinfo(dtype)
            made[column.name] = random.integers(limits.min, limits.max, rows, dtype, endpoint=True)
    return made


def group(number: int, rows: int = 50) -> tuple[Columns, Detections, dict[str, float]]:
    """Arrivals, detections and tallies of one group; every third has no detections."""
    random = np.random.default_rng(number)
    reactions = 0 if number % 3 == 2 else rows // 2
    counts = random.integers(0, 4, reactions, np.int32)
    return (
        columns(file_columns(ARRIVALS, True), rows, random),
        Detections(
            columns(file_columns(DETECTIONS, True), reactions, random),
            counts,
            columns(PARTICLES, int(counts.sum()), random),
        ),
        {"parents": float(number), "energy": 0.5},
    )


def fill(sink: RootSink, groups: range, rows: int = 50) -> None:
    """Write groups of two blocks."""
    for k in groups:
        arrivals, detections, tallies = group(k, rows)
        sink.write(2 * k, 2, arrivals, detections, tallies)


def new(path: Path, **options: Any) -> RootSink:
    """Make a sink with both trees."""
    return RootSink(path, IDENTITY, with_detections=True, with_supernova=True, **options)


def again(path: Path) -> tuple[RootSink, int]:
    """Resume it."""
    return RootSink.resume(path, IDENTITY, with_detections=True, with_supernova=True)


def part_of(path: Path) -> Path:
    """Name of the partial file."""
    return path.with_name(path.name + ".part")


def check(path: Path, groups: int | None, rows: int = 50, *, exact: bool = True) -> int:
    """Compare the first `groups` groups (default: those done) with what went in, bit by bit."""
    with uproot.open(path, object_cache=None, array_cache=None) as file:
        if "metadata" in file:
            assert json.loads(str(file["metadata"]))["identity"] == IDENTITY["identity"]
        complete = int(file["blocks"].num_entries) if "blocks" in file else 0
        groups = complete if groups is None else groups
        wanted = [group(k, rows) for k in range(groups)]
        batches = {
            "arrivals": (file_columns(ARRIVALS, True), [w[0] for w in wanted]),
            "detections": (file_columns(DETECTIONS, True), [w[1].columns for w in wanted]),
        }
        for tree, (spec, parts) in batches.items():
            total = sum(len(b["event"]) for b in parts)
            entries = file[tree].num_entries
            assert entries == total if exact else entries >= total
            names = [c.name for c in spec]
            found = file[tree].arrays(names, entry_stop=total, library="np")
            for column in spec:
                assert found[column.name].dtype == np.dtype(column.dtype)
                for values, stop in zip(
                    parts, np.cumsum([len(b["event"]) for b in parts]), strict=True
                ):
                    start = stop - len(values["event"])
                    assert np.array_equal(found[column.name][start:stop], values[column.name])
        total = sum(len(w[1].counts) for w in wanted)
        for column in PARTICLES:
            jagged = file["detections"][f"particles_{column.name}"].array(entry_stop=total)
            assert jagged.type.content.content.primitive == np.dtype(column.dtype).name
            if total:
                counts = np.concatenate([w[1].counts for w in wanted])
                assert np.array_equal(ak.to_numpy(ak.num(jagged)), counts)
                flat = np.concatenate([w[1].particles[column.name] for w in wanted])
                assert np.array_equal(ak.to_numpy(ak.flatten(jagged)), flat)
        return complete


def test_read_back(tmp_path: Path) -> None:
    """A column lost, cast or shifted; jagged particles torn from their rows; metadata doubled."""
    path = tmp_path / "a.root"
    sink = new(path)
    with uproot.open(part_of(path)) as file:
        assert read_metadata(part_of(path), file) == IDENTITY
    fill(sink, range(5))
    assert not path.exists()
    assert (sink.next_block, sink.tallies_of(0)) == (10, {"parents": 10.0, "energy": 2.5})
    sink.finish({**IDENTITY, "blocks": 10, "title": "ν̄ " * 500}, SPECTRUM)
    assert [p.name for p in tmp_path.iterdir()] == ["a.root"]
    check(path, 5)
    with uproot.open(path) as file:
        assert sorted(file.keys()) == [
            f"{name};1"
            for name in ("arrivals", "blocks", "detections", "metadata", "parent_spectrum")
        ]
        final = json.loads(str(file["metadata"]))
        assert final["blocks"] == 10
        assert final["title"] == "ν̄ " * 500
        assert [b.name for b in file["arrivals"].branches] == [
            c.name for c in file_columns(ARRIVALS, True)
        ]
        contents, edges = file["parent_spectrum"].to_numpy()
        assert np.array_equal(contents, SPECTRUM["parent_spectrum"][0])
        assert np.array_equal(edges, SPECTRUM["parent_spectrum"][1])
        blocks = file["blocks"].arrays(library="np")
        assert blocks["first_block"].tolist() == [0, 2, 4, 6, 8]
        assert blocks["blocks"].tolist() == [2] * 5
        assert blocks["arrivals"].tolist() == [50] * 5
        assert blocks["detections"].tolist() == [25, 25, 0, 25, 25]
        assert blocks["parents"].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_arrivals_only(tmp_path: Path) -> None:
    """A tree or a column that nobody asked for; an empty run."""
    path = tmp_path / "a.root"
    sink = RootSink(path, {}, with_detections=False)
    arrivals = columns(file_columns(ARRIVALS, False), 7, np.random.default_rng(1))
    sink.write(0, 3, arrivals, None, {})
    sink.write(3, 1, columns(file_columns(ARRIVALS, False), 0, np.random.default_rng(1)), None, {})
    sink.finish({}, SPECTRUM)
    with uproot.open(path) as file:
        assert "detections" not in file
        assert "supernova" not in file["arrivals"]
        assert file["arrivals"].num_entries == 7
        assert file["blocks"]["arrivals"].array().to_list() == [7, 0]


@pytest.mark.parametrize("groups", [0, 1, 4])
def test_resume(tmp_path: Path, groups: int) -> None:
    """A resumed run that differs in any event or tally from an uninterrupted one."""
    path = tmp_path / "a.root"
    sink = new(path)
    fill(sink, range(groups))
    sink.abandon()
    check(part_of(path), groups)
    sink, following = again(path)
    assert following == 2 * groups == sink.next_block
    fill(sink, range(groups, 6))
    assert sink.tallies_of(0) == {"parents": 15.0, "energy": 3.0}
    sink.finish(IDENTITY, SPECTRUM)
    assert check(path, 6) == 6
    assert [p.name for p in tmp_path.iterdir()] == ["a.root"]


def test_resume_without_a_file(tmp_path: Path) -> None:
    """A run killed before its first byte that can never be resumed."""
    sink, following = again(tmp_path / "a.root")
    assert following == 0
    sink.abandon()


def test_readable_after_every_single_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An order of writes in which some moment is fatal: stop after each one, all are tried.

    Room for two groups only, so that trees must also move inside the file; few columns, for time.
    """
    monkeypatch.setattr(module, "FIRST_BASKETS", 2)
    monkeypatch.setattr(module, "GROWTH", 2)
    for where in (module, sys.modules[__name__]):
        monkeypatch.setattr(where, "ARRIVALS", ARRIVALS[:3])
        monkeypatch.setattr(where, "DETECTIONS", DETECTIONS[:2])
        monkeypatch.setattr(where, "PARTICLES", PARTICLES[:2])
    writes: list[tuple[int, bytes, bool]] = []
    to_disk = module._OrderedFile._to_disk

    def record(self: Any, place: int, data: Any) -> None:
        writes.append((place, bytes(data), place < self._visible))
        to_disk(self, place, data)

    monkeypatch.setattr(module._OrderedFile, "_to_disk", record)
    sink = new(tmp_path / "a.root")
    born = len(writes)  # before that it has no name yet
    fill(sink, range(4), rows=6)
    sink.finish({**IDENTITY, "final": True}, SPECTRUM)
    image = bytearray()
    copy = tmp_path / "copy.root"
    complete = 0
    for i, (place, data, changes) in enumerate(writes):
        image[place : place + len(data)] = data
        if i >= born and (changes or i % 10 == 0):
            copy.write_bytes(image)
            now = check(copy, None, rows=6, exact=False)
            assert now in (complete, complete + 1)
            complete = now
    assert complete == 4
    assert bytes(image) == (tmp_path / "a.root").read_bytes()


CHILD = """
import sys
sys.path[:0] = sys.argv[2:]
from pathlib import Path
import test_sink
sink, following = test_sink.again(Path(sys.argv[1]))
for number in range(following // 2, 10_000):
    test_sink.fill(sink, range(number, number + 1), rows=2000)
    print(number, flush=True)
"""


def test_kill(tmp_path: Path) -> None:
    """A kill -9 at some moment of writing or of resuming that costs a group that was done."""
    path = tmp_path / "a.root"
    old = path.with_name("a.root.part.old")
    random = np.random.default_rng(9)
    safe = 0
    for copying in (False, True, False):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path), str(Path(__file__).parent), *sys.path],
            stdout=subprocess.PIPE,
        )
        assert child.stdout is not None
        if copying:
            while child.poll() is None and not old.exists():
                time.sleep(0.001)
            told = 0
        else:
            told = [int(child.stdout.readline()) for _ in range(10)][-1] + 1
        time.sleep(random.uniform(0.0, 0.03))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        complete = [
            check(p, None, rows=2000, exact=False) for p in (part_of(path), old) if p.exists()
        ]
        assert max(complete) >= max(safe, told)
        safe = max(complete)
    sink, following = again(path)
    assert following == 2 * safe
    fill(sink, range(safe, safe + 2), rows=2000)
    sink.finish(IDENTITY, SPECTRUM)
    check(path, safe + 2, rows=2000)


@pytest.mark.parametrize("room", [0, 3_000, 20_000, 34_000])
def test_full_disk(tmp_path: Path, room: int) -> None:
    """A full disk that ends in a traceback, an unreadable file or a hole in the events."""
    path = tmp_path / "a.root"
    sink = new(path)
    fill(sink, range(2))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (part_of(path).stat().st_size + room, hard))
        with pytest.raises(
            OutputError, match=r"a\.root\.part: File too large; \d+ blocks are safe"
        ):
            fill(sink, range(2, 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    safe = check(part_of(path), None, exact=False)
    assert sink.next_block == 2 * safe
    with pytest.raises(ValueError, match="earlier write failed"):
        fill(sink, range(safe, safe + 1))
    sink, following = again(path)
    assert following == 2 * safe
    fill(sink, range(safe, 6))
    sink.finish(IDENTITY, SPECTRUM)
    check(path, 6)


def test_full_disk_while_resuming(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed copy that replaces the good file: the longer of the two must win."""
    path = tmp_path / "a.root"
    sink = new(path)
    fill(sink, range(4))
    sink.abandon()
    written: list[int] = []
    write = RootSink.write

    def broken(self: RootSink, first_block: int, *rest: Any) -> None:
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(first_block)
        write(self, first_block, *rest)

    monkeypatch.setattr(RootSink, "write", broken)
    with pytest.raises(OutputError, match="No space left on device; 8 blocks are safe"):
        again(path)
    monkeypatch.undo()
    assert check(part_of(path), None) == 2
    sink, following = again(path)
    assert following == 8
    sink.finish(IDENTITY, SPECTRUM)
    check(path, 4)
    assert [p.name for p in tmp_path.iterdir()] == ["a.root"]


def test_interrupted_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C inside a write: the half-written group must not count."""
    path = tmp_path / "a.root"
    sink = new(path)
    fill(sink, range(3))
    extend = sink._detections.extend

    def interrupted(rows: Any) -> None:
        extend(rows)
        raise KeyboardInterrupt

    monkeypatch.setattr(sink._detections, "extend", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fill(sink, range(3, 4))
    sink.abandon()
    assert check(part_of(path), None, exact=False) == 3
    sink, following = again(path)
    assert following == 6
    sink.abandon()
    check(part_of(path), 3)


def test_another_run(tmp_path: Path) -> None:
    """Events of two different runs in one file."""
    path = tmp_path / "a.root"
    sink = new(path)
    fill(sink, range(1))
    sink.abandon()
    other = {"identity": {"seed": 1987, "card": {"generator": {"mass": "50 MeV"}}}}
    with pytest.raises(InputError, match=r"card\.generator\.mass was 100 MeV and is now 50 MeV"):
        RootSink.resume(path, other, with_detections=True, with_supernova=True)
    check(part_of(path), 1)


def test_another_order_of_generators() -> None:
    """Entries of a list told apart by their labels alone, so that two that changed places pass."""
    first, second = {"label": "a", "mass": 1}, {"label": "b", "mass": 2}
    part = _Part(Path("a.root.part"), {"card": {"generator": [first, second]}}, 0)
    _same_run(part, {"identity": part.identity})
    for other, told in (
        ([second, first], r"card\.generator was \['a', 'b'\] and is now \['b', 'a'\]"),
        ([first, second | {"mass": 3}], r"card\.generator\.b\.mass was 2 and is now 3"),
    ):
        with pytest.raises(InputError, match=told):
            _same_run(part, {"identity": {"card": {"generator": other}}})


def test_existing_files(tmp_path: Path) -> None:
    """A finished or unfinished run overwritten unasked."""
    path = tmp_path / "a.root"
    sink = new(path)
    fill(sink, range(1))
    sink.abandon()
    with pytest.raises(OutputError, match=r"a\.root\.part: an unfinished run.*--resume"):
        new(path)
    sink = new(path, overwrite=True)
    fill(sink, range(2))
    sink.finish(IDENTITY, SPECTRUM)
    with pytest.raises(OutputError, match=r"a\.root: exists.*--overwrite"):
        new(path)
    with pytest.raises(OutputError, match="complete"):
        again(path)
    sink = new(path, overwrite=True)
    fill(sink, range(1))
    check(path, 2)  # until the new one is whole
    sink.abandon()
    sink, following = again(path)
    assert following == 2
    fill(sink, range(1, 3))
    sink.finish(IDENTITY, SPECTRUM)
    check(path, 3)


def test_unusable_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback for a missing folder, a forbidden one, or a damaged partial file."""
    with pytest.raises(OutputError, match=r"folder .*nowhere does not exist"):
        new(tmp_path / "nowhere" / "a.root")
    with uproot.recreate(part_of(tmp_path / "b.root")) as file:
        file["metadata"] = '{"mine": 1}'
    with pytest.raises(OutputError, match="cannot be read as an unfinished run"):
        again(tmp_path / "b.root")

    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OutputError, match=r"a\.root\.part: Permission denied; nothing was written"):
        new(tmp_path / "a.root")


@pytest.mark.parametrize(
    ("column", "values", "error", "message"),
    [
        ("energy", [1.0, np.nan], PhysicsError, "arrivals.energy: 1 of 2 .* in row 1"),
        ("time", [-np.inf, np.inf], PhysicsError, "arrivals.time: 2 of 2 .* in row 0"),
        ("pdg", [22, 2**31], PhysicsError, "arrivals.pdg: found 22 to 2147483648"),
        ("mode", [-40_000, 1], PhysicsError, "arrivals.mode: found -40000"),
        ("mode", [0.5, 1.0], InputError, "arrivals.mode: found type float64; needs integers"),
        ("energy", ["a", "b"], InputError, "arrivals.energy: found type"),
        ("energy", [1.0], InputError, "columns of different lengths"),
        ("energy", [[1.0], [2.0]], InputError, "shape"),
        ("flux", [1.0, 2.0], InputError, r"unknown columns \['flux'\]"),
    ],
)
def test_refusals(
    tmp_path: Path, column: str, values: list[Any], error: type[Exception], message: str
) -> None:
    """NaN or a wrapped integer in a file; after the refusal nothing of the group is there."""
    path = tmp_path / "a.root"
    sink = RootSink(path, {}, with_detections=False)
    arrivals = columns(file_columns(ARRIVALS, False), 2, np.random.default_rng(1))
    with pytest.raises(error, match=message):
        sink.write(0, 1, {**arrivals, column: np.array(values)}, None, {})
    sink.write(0, 1, {**arrivals, "energy": np.array([1e308, 1e308])}, None, {})
    sink.finish({}, SPECTRUM)
    with uproot.open(path) as file:
        assert file["arrivals"].num_entries == 2


def test_misuse(tmp_path: Path) -> None:
    """Blocks out of order, tallies that change, particles that match no row, NaN at the edges."""
    sink = new(tmp_path / "a.root")
    arrivals, detections, tallies = group(0)
    with pytest.raises(ValueError, match="out of order"):
        sink.write(1, 1, arrivals, detections, tallies)
    with pytest.raises(ValueError, match="missing"):
        sink.write(0, 1, arrivals, None, tallies)
    with pytest.raises(ValueError, match="cannot be named"):
        sink.write(0, 1, arrivals, detections, {"blocks": 1.0})
    with pytest.raises(InputError, match=r"detections\.counts"):
        sink.write(0, 1, arrivals, replace(detections, counts=detections.counts + 1), tallies)
    with pytest.raises(PhysicsError, match=r"tallies\.parents"):
        sink.write(0, 1, arrivals, detections, {"parents": np.nan})
    sink.write(0, 1, arrivals, detections, tallies)
    with pytest.raises(ValueError, match="tallies changed"):
        sink.write(1, 1, arrivals, detections, {"others": 1.0})
    with pytest.raises(PhysicsError, match="parent_spectrum"):
        sink.finish({}, {"parent_spectrum": (np.array([np.nan]), np.array([0.0, 1.0]))})
    with pytest.raises(PhysicsError, match="metadata"):
        sink.finish({"width": np.inf}, SPECTRUM)
    sink.finish({}, SPECTRUM)
