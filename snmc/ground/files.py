"""Files on the disk: regular ones read, outputs written whole or not at all, by one process."""

import errno
import fcntl
import os
import secrets
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from socket import gethostname

from snmc.ground.errors import InputError
from snmc.ground.text import printable

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}  # of some file systems of clusters


class OutputError(InputError):
    """The output cannot be written: the message names the file, the cause and what is safe."""


def read_bytes(path: Path, what: str) -> bytes:
    """Content of a regular file: pipes and devices, which may never end, are refused.

    `what`: what the file should be, for the error, such as "the card". Raises InputError naming the
    file and the cause.
    """
    try:
        # not to wait for whoever may write to a pipe
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            kind = "a folder" if path.is_dir() else "a pipe or device"
            raise InputError(f"{path}: cannot read {what}: found {kind}; needs a file")
        with os.fdopen(descriptor, "rb") as file:
            return file.read()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path}: cannot read {what}: {reason}") from error


def check_output(path: Path) -> None:
    """Raise OutputError unless `path` could be the name of a file to write.

    Its folder must exist, and it must not be a folder, a pipe or a device, or a symbolic link that
    leads nowhere, behind which nobody would look for the file. A name that a terminal would obey,
    beside a progress bar for one, is refused.
    """
    if "\n" in str(path) or printable(str(path)) != str(path):
        raise OutputError(f"{str(path)!r}: found control characters in it; choose another output")
    if not path.absolute().parent.is_dir():
        raise OutputError(f"{path}: the folder {path.parent} does not exist")
    if path.is_symlink() and not path.exists():
        raise OutputError(f"{path}: found a symbolic link to {os.readlink(path)}, which is not "
                          "there; remove it, or choose another output")  # fmt: skip
    if path.exists() and not path.is_file():
        found = "a folder" if path.is_dir() else "a pipe or device"
        raise OutputError(f"{path}: found {found}; choose another output")


@contextmanager
def replacing(path: Path, safe: str = "") -> Iterator[Path]:
    """Give the name of a temporary file beside `path`, which takes its place when the block ends.

    The temporary file ends as `path` does, for those who choose a format by it. What was there
    before stays until the new content is on the disk, and for good if the block raises.
    `safe`: what the error tells to be safe. Raises OutputError naming `path`.
    """
    check_output(path)
    path = Path(os.path.realpath(path))  # what a link leads to is replaced, not the link
    temporary = path.with_name(f".{secrets.token_hex(4)}.{path.name}")
    try:
        try:
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"{path}: {error.strerror or error}{safe and f'; {safe}'}") from error


def set_aside(path: Path) -> Path:
    """Give a damaged file the name NAME.damaged, in place of an earlier one; the new name.

    Raises OutputError.
    """
    aside = path.with_name(path.name + ".damaged")
    try:
        os.replace(path, aside)
    except OSError as error:
        raise OutputError(f"{path}: cannot be set aside: {error.strerror or error}") from error
    return aside


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the only right to write the output `path` while the block runs.

    The lock is the system's on a hidden file beside it, .NAME.lock, and ends with the process,
    however that ends. Where the file system has no locks a warning says so. Raises OutputError that
    tells which process holds it, and where the file cannot be made.
    """
    check_output(path)
    real = Path(os.path.realpath(path))
    lock = real.with_name(f".{real.name}.lock")
    try:
        descriptor = _held(lock, path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be locked: {error.strerror or error}") from error
    try:
        yield
    finally:
        with suppress(OSError):
            lock.unlink()  # before it is let go: whoever waits for it makes a new one
        os.close(descriptor)


def _held(lock: Path, path: Path) -> int:
    """Open and lock the file `lock` for `path`; the descriptor that holds it."""
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                warnings.warn(f"{path}: its file system has no locks; let no other process write "
                              "it", stacklevel=3)  # fmt: skip
                return descriptor
            holder = os.pread(descriptor, 1000, 0).decode(errors="replace").strip()
            os.close(descriptor)
            if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
                raise
            raise OutputError(
                f"{path}: {holder or 'another process'} is writing it; wait for its end, or choose "
                "another output"
            ) from error
        # Its holder may have removed it between our two calls: then it locks nothing.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(lock)):
                break
        os.close(descriptor)
    since = datetime.now().isoformat(" ", "seconds")
    with suppress(OSError):  # on a full disk the lock holds without its note
        os.ftruncate(descriptor, 0)
        note = f"process {os.getpid()} on {gethostname()}, since {since},"
        os.pwrite(descriptor, note.encode(), 0)
    return descriptor
