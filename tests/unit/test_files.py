"""Files: what may be read, how outputs take their place, and who may write them."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from snmc.ground.errors import InputError
from snmc.ground.files import OutputError, check_output, locked, read_bytes, replacing

HOLD = """
import sys, time
from pathlib import Path
from snmc.ground.files import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_only_regular_files_are_read(tmp_path):
    """Catches a run that waits for ever for a pipe, or reads a device without end."""
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    for path, found in ((pipe, "pipe or device"), (Path("/dev/zero"), "pipe or device"),
                        (tmp_path, "a folder")):  # fmt: skip
        with pytest.raises(InputError, match=f"cannot read the card: found .*{found}"):
            read_bytes(path, "the card")
    with pytest.raises(InputError, match="none: cannot read the card: No such file"):
        read_bytes(tmp_path / "none", "the card")


def test_a_link_to_nowhere_is_no_output(tmp_path):
    """Catches an output written where nobody looks for it."""
    (tmp_path / "link.root").symlink_to(tmp_path / "gone.root")
    with pytest.raises(OutputError, match=r"gone\.root, which is not there"):
        check_output(tmp_path / "link.root")
    with pytest.raises(OutputError, match="found a folder"):
        check_output(tmp_path)
    with pytest.raises(OutputError, match=r"folder .*none does not exist"):
        check_output(tmp_path / "none" / "a.root")


@pytest.mark.parametrize("name", ["a\x1b[31m.root", "a\nb.root", "a\0.root", "a\u202eb.root"])
def test_a_name_that_a_terminal_obeys_is_no_output(tmp_path, name):
    """Catches a name that reaches the terminal beside a progress bar, and one that no file has."""
    with pytest.raises(OutputError, match="found control characters in it") as error:
        check_output(tmp_path / name)
    assert str(error.value).isprintable()
    check_output(tmp_path / "ü µ 中\u00a0.root")


def test_a_failed_write_keeps_what_was_there(tmp_path):
    """Catches half a file under the final name, and temporary files that stay behind."""
    path = tmp_path / "out.json"
    path.write_text("old")

    def write_half():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_text() == "old"
    with replacing(path) as temporary:
        assert temporary.suffix == ".json"
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert [one.name for one in tmp_path.iterdir()] == ["out.json"]


def test_an_error_of_the_disk_names_the_output(tmp_path):
    """Catches 'No space left on device' without the file, or with the temporary one's name."""
    with (
        pytest.raises(OutputError, match=r"/out\.csv: No space left on device; nothing is lost$"),
        replacing(tmp_path / "out.csv", "nothing is lost"),
    ):
        raise OSError(28, "No space left on device")


def test_a_second_process_is_refused_until_the_first_ends(tmp_path):
    """Catches two runs that write one file, and a lock that outlives a killed process."""
    path = tmp_path / "same.root"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        refused = rf"same\.root: process {holder.pid} on .* is writing it"
        with pytest.raises(OutputError, match=refused), locked(path):
            pass
        (tmp_path / "link.root").symlink_to(path)
        path.touch()
        with pytest.raises(OutputError, match="is writing it"), locked(tmp_path / "link.root"):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert (tmp_path / ".same.root.lock").exists()
    with locked(path), pytest.raises(OutputError, match="is writing it"), locked(path):
        pass
    assert not (tmp_path / ".same.root.lock").exists()


def test_a_full_disk_does_not_hinder_the_lock(tmp_path, monkeypatch):
    """Catches a lock file left behind, and an error before anything is to be written."""

    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with locked(tmp_path / "a.root"), pytest.raises(OutputError), locked(tmp_path / "a.root"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_link_in_place_of_a_lock_is_not_followed(tmp_path):
    """Catches a file of ours that the note of a lock overwrites, where another put a link to it."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / ".o.root.lock").symlink_to(victim)
    with (
        pytest.raises(OutputError, match=r"o\.root: cannot be locked"),
        locked(tmp_path / "o.root"),
    ):
        pass
    assert victim.read_text() == "mine"


def test_many_processes_one_at_a_time(tmp_path):
    """Catches the race of a lock file removed by its holder while another opens it."""
    counter = tmp_path / "counter"
    counter.write_text("0")
    code = """
import sys, time
from pathlib import Path
from snmc.ground.files import OutputError, locked
path, done = Path(sys.argv[1]), 0
while done < 30:
    try:
        with locked(path):
            number = int(path.read_text())
            time.sleep(1e-4)
            path.write_text(str(number + 1))
        done += 1
    except OutputError:
        time.sleep(1e-4)
"""
    start = time.monotonic()
    workers = [subprocess.Popen([sys.executable, "-c", code, str(counter)]) for _ in range(4)]
    assert [worker.wait() for worker in workers] == [0] * 4
    assert counter.read_text() == "120", f"after {time.monotonic() - start:.1f} s"
