"""Files of events that are not as they were written: damaged, put together, of version 0.3."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import test_sink
import uproot
from test_metadata import EVENTS
from test_sink import IDENTITY, SPECTRUM, again, check, fill, new, part_of

from snmc.cli import main
from snmc.ground.columns import ARRIVALS, DETECTIONS, PARTICLES, file_columns
from snmc.ground.errors import InputError
from snmc.ground.files import OutputError, locked
from snmc.ground.root_file import DamageError, open_root, read_metadata
from snmc.judgement.plots import plot_file
from snmc.judgement.report import show_file
from snmc.run import sink as sink_module
from snmc.run.event_file import SEALED, check_events
from snmc.run.sink import RootSink

GROUPS, ROWS = 4, 100
METADATA = {**EVENTS, **IDENTITY, "tallies": {}, "title": "by hand", "padding": "x" * 500}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files with little room and few columns: more of their bytes mean something."""
    monkeypatch.setattr(sink_module, "FIRST_BASKETS", GROUPS + 2)
    for where in (sink_module, test_sink):
        monkeypatch.setattr(where, "ARRIVALS", ARRIVALS[:3])
        monkeypatch.setattr(where, "DETECTIONS", DETECTIONS[:2])
        monkeypatch.setattr(where, "PARTICLES", PARTICLES[:2])


def made(path: Path, groups: int, *, whole: bool) -> bytes:
    """Write a file of events, finished or not, and give its content."""
    sink = RootSink(path, METADATA, with_detections=True, with_supernova=True)
    fill(sink, range(groups), ROWS)
    if whole:
        sink.finish(METADATA, SPECTRUM)
        return path.read_bytes()
    sink.abandon()
    return part_of(path).read_bytes()


def damages(content: bytes, number: int, seed: int) -> list[bytes]:
    """Copies of a file with a bit that is flipped, a page of zeros, or a part cut off."""
    random = np.random.default_rng(seed)
    copies = []
    for kind in range(number):
        copy = bytearray(content)
        place = int(random.integers(len(copy) // 2, len(copy)))
        if kind % 5 < 3:
            copy[place] ^= 1 << int(random.integers(8))
        elif kind % 5 == 3:
            copy[place : place + 512] = bytes(len(copy[place : place + 512]))
        else:
            del copy[place:]
        copies.append(bytes(copy))
    return copies


def as_it_was(path: Path) -> bool:
    """Whether all events and metadata can be read as they were written."""
    with uproot.open(path, object_cache=None) as file:
        assert read_metadata(path, file)["padding"] == METADATA["padding"]
    return check(path, GROUPS, ROWS) == GROUPS


@pytest.mark.usefixtures("small")
def test_all_damage_is_found(tmp_path: Path) -> None:
    """A changed number that is believed, or a traceback, for whatever becomes of the bytes."""
    path = tmp_path / "a.root"
    content = made(path, GROUPS, whole=True)
    check_events(path)
    found = 0
    for copy in damages(content, 20, seed=1):
        path.write_bytes(copy)
        try:
            check_events(path)
        except DamageError:
            found += 1
        else:
            assert as_it_was(path)  # in space that nothing refers to
    assert found > 6


@pytest.mark.usefixtures("small")
def test_resume_makes_again_what_is_damaged(tmp_path: Path) -> None:
    """A damaged event that goes into the final file, or a file that cannot be resumed any more."""
    path = tmp_path / "a.root"
    content = made(path, GROUPS - 1, whole=False)
    told = []
    for copy in (*damages(content, 20, seed=2), content[:200]):
        for old in tmp_path.iterdir():
            old.unlink()
        part_of(path).write_bytes(copy)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            sink, following = RootSink.resume(
                path, METADATA, with_detections=True, with_supernova=True
            )
        lines = [str(one.message) for one in caught if one.category is UserWarning]
        assert lines or following == 2 * (GROUPS - 1)
        told += lines
        fill(sink, range(following // 2, GROUPS), ROWS)
        sink.finish(METADATA, SPECTRUM)
        assert as_it_was(path)
        check_events(path)
        assert {p.name for p in tmp_path.iterdir()} <= {"a.root", "a.root.part.damaged"}
    assert any(re.search(r"a\.root\.part: damaged: \w+ of group \d \(blocks \d to \d\)", line)
               for line in told)  # fmt: skip
    assert any("kept as a.root.part.damaged" in line for line in told)


def changed(path: Path, tree: str, branch: str, row: int) -> None:
    """Flip the lowest bit of a number in a file of which no basket is compressed."""
    with uproot.open(path, object_cache=None) as file:
        values = file[tree][branch]
        entries = values.member("fBasketEntry")
        basket = int(np.searchsorted(entries[: values.num_baskets], row, "right")) - 1
        place = values.basket_key(basket).data_cursor.index
        place += (row - int(entries[basket])) * values.interpretation.from_dtype.itemsize
        place += values.interpretation.from_dtype.itemsize - 1
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("tree", "branch", "row", "said"),
    [
        ("arrivals", "weight", ROWS, r"arrivals of group 1 \(blocks 2 to 3\)"),
        ("detections", "channel", 0, r"detections of group 0 \(blocks 0 to 1\)"),
        ("blocks", "energy", 2, "row 2 of the tree blocks"),
    ],
)
def test_one_flipped_bit_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tree: str, branch: str, row: int, said: str
) -> None:
    """A check of the events alone, or of the first group alone; a wrong group told."""
    monkeypatch.setattr(uproot, "ZSTD", lambda level: None)
    path = tmp_path / "a.root"
    made(path, GROUPS, whole=True)
    changed(path, tree, branch, row)
    with pytest.raises(DamageError, match=rf"a\.root: damaged: {said}$"):
        check_events(path)


def test_the_command_tells_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong exit status; a damaged spectrum or text of the metadata that passes."""
    monkeypatch.setattr(uproot, "ZSTD", lambda level: None)
    path = tmp_path / "a.root"
    content = made(path, GROUPS, whole=True)

    def status(*more: str) -> int:
        with pytest.raises(SystemExit) as end:
            main(["show", str(path), "--check", *more])
        return int(end.value.code or 0)

    assert status() == 0
    assert "as it was written" in capsys.readouterr().out
    assert status("--json") == 2
    assert "--check: found with other options" in capsys.readouterr().err
    # the last of each: the metadata of the start are left in the file as unused bytes
    for found, said in ((b"by hand", "the metadata"), (np.float64(3).tobytes()[::-1], "parent_sp")):
        place = content.rindex(found)
        path.write_bytes(content[:place] + bytes(len(found)) + content[place + len(found) :])
        assert status() == 1
        assert f"a.root: damaged: {said}" in capsys.readouterr().err


def copied(source: Path, target: Path, times: int, drop: set[str], seal: bool) -> None:
    """Write the trees of a file again as others do, so many times, without some columns."""
    with uproot.open(source) as file, uproot.recreate(target) as other:
        for name in ("arrivals", "detections", "blocks"):
            rows = file[name].arrays(
                [key for key in file[name].keys() if key not in drop],  # noqa: SIM118
                library="ak",
            )
            plain = {key: rows[key] for key in rows.fields if rows[key].ndim == 1}
            other.mktree(name, {key: np.asarray(value).dtype for key, value in plain.items()})
            for _ in range(times):
                other[name].extend(plain)
        text = str(file["metadata"])
        other["metadata"] = text if seal else text[: text.rindex(', "crc32"')] + "}"


def test_files_put_together_are_refused(tmp_path: Path) -> None:
    """Weights that are doubled by hadd and told as those of one run."""
    made(tmp_path / "a.root", GROUPS, whole=True)
    both = tmp_path / "both.root"
    copied(tmp_path / "a.root", both, times=2, drop=set(), seal=True)
    part_of(tmp_path / "c.root").write_bytes(both.read_bytes())
    attempts: list[Callable[[], Any]] = [
        lambda: show_file(both),
        lambda: check_events(both),
        lambda: again(tmp_path / "c.root"),
    ]
    for attempt in attempts:
        with pytest.raises(InputError, match="found the blocks of several files in it, as hadd"):
            attempt()
    assert part_of(tmp_path / "c.root").exists()


def test_files_of_version_03_are_read(tmp_path: Path) -> None:
    """Old files called damaged, or new checks that claim to have found them whole."""
    made(tmp_path / "a.root", GROUPS, whole=True)
    old = tmp_path / "old.root"
    copied(tmp_path / "a.root", old, times=1, drop=SEALED, seal=False)
    assert show_file(old)["entries"] == {"arrivals": GROUPS * ROWS, "detections": 3 * ROWS // 2}
    with pytest.raises(InputError, match=r"has no checksums, as a file of version 0\.3"):
        check_events(old)


def test_titles_and_entries(tmp_path: Path) -> None:
    """Branches without meaning and unit for ROOT's users; a histogram that hadd cannot add."""
    path = tmp_path / "a.root"
    made(path, GROUPS, whole=True)
    with uproot.open(path) as file:
        assert file["arrivals"].title == "particles that reacted, one row a reaction"
        assert file["detections"].title == "visible signals of reactions in the detector"
        for tree, spec in (("arrivals", ARRIVALS), ("detections", DETECTIONS)):
            for column in file_columns(spec, True):
                unit = f" [{column.unit}]" if column.unit else ""
                assert file[tree][column.name].title == column.meaning + unit
        assert file["detections"]["particles_energy"].title == "its total energy [MeV]"
        assert all(branch.title for branch in file["blocks"].branches)
        assert file["parent_spectrum"].member("fEntries") == 5


def test_only_an_own_file_gets_the_name(tmp_path: Path) -> None:
    """Where nothing can be locked: the events of another process under this run's name."""
    path = tmp_path / "a.root"
    first = new(path)
    fill(first, range(2))
    second = new(path, overwrite=True)
    with pytest.raises(OutputError, match="another process has removed or replaced it"):
        first.finish(IDENTITY, SPECTRUM)
    fill(second, range(1))
    second.finish(IDENTITY, SPECTRUM)
    assert check(path, 1) == 1


def test_what_a_link_leads_to_is_written(tmp_path: Path) -> None:
    """A link to another disk replaced by the file, or an output where nobody looks for it."""
    (tmp_path / "far").mkdir()
    far, link = tmp_path / "far" / "a.root", tmp_path / "link.root"
    link.symlink_to(far)
    with pytest.raises(OutputError, match=r"far/a\.root, which is not there"):
        new(link)
    far.touch()
    sink = new(link, overwrite=True)
    assert part_of(far).exists()
    fill(sink, range(1))
    sink.finish(IDENTITY, SPECTRUM)
    assert link.is_symlink()
    assert check(far, 1) == 1


def test_names_are_taken_literally(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is written and then not found, for uproot splits its name."""
    monkeypatch.chdir(tmp_path)
    for name in ("a::b.root", "file:c.root", "d:e.root", "x*[1]?.root"):
        path = Path(name)
        made(path, 2, whole=True)
        assert show_file(path)["entries"]["arrivals"] == 2 * ROWS
        check_events(path)
    with pytest.raises(InputError, match="found a folder; needs a ROOT file"):
        open_root(tmp_path)
    with pytest.raises(InputError, match="none: file not found"):
        open_root(tmp_path / "none")


def test_a_picture_is_drawn_by_one_process(tmp_path: Path) -> None:
    """Half a picture of each of two processes."""
    path, picture = tmp_path / "a.root", tmp_path / "a.png"
    path.write_bytes(b"root")
    with locked(picture), pytest.raises(SystemExit) as end:
        main(["plot", str(path), "-o", str(picture)])
    assert end.value.code == 2
    picture.write_text("old")
    with pytest.raises(InputError):
        plot_file(path, picture)
    assert picture.read_text() == "old"
