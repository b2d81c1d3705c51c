"""The cache on disk: compiled kernels and tables of numbers, each under a hash of all that enters.

An entry is one file: a SHA-256 of its name and content, then the content. What is not there, cannot
be read or does not agree with its hash counts as missing and is made again; what cannot be written
costs only the next start. Kernels are code, so they lie in a folder that is ours and that nobody
else may write to; tables are data, which a group may share.
"""

import atexit
import hashlib
import io
import json
import os
import re
import shutil
import stat
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import platformdirs

from snmc.ground.errors import InputError
from snmc.ground.files import read_bytes

Kind = Literal["kernels", "tables"]

DIGEST = 32  # bytes of a SHA-256
LARGEST = "2 GB"
_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
_NEW = ".new-"
# What `_prune` may remove; the first two are of version 0.3.
_OURS = re.compile(
    rf"kernels/[0-9a-f]{{16}}|emission/[0-9a-f]{{24}}\.npy"
    rf"|(kernels|tables)/([0-9a-f]{{64}}|{re.escape(_NEW)}\w+)"
)
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@cache
def source_hash(*parts: str) -> str:
    """SHA-256 (first 16 hex digits) of the sources of snmc.

    `parts`: folders and files of the package alone; without any, all of it with the shipped models
    and detector cards.
    """
    import snmc.detectors
    import snmc.generators

    package = Path(__file__).parent.parent
    places = [package / part for part in parts] or [
        package,
        *map(Path, [*snmc.generators.__path__, *snmc.detectors.__path__]),
    ]
    digest = hashlib.sha256()
    for place in places:
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        for path in files:
            if path.suffix in {".py", ".toml"}:
                digest.update(str(path.relative_to(place.parent)).encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


# --- entries -------------------------------------------------------------------------------------


def load(kind: Kind, key: str) -> bytes | None:
    """Content of the entry `key`, as it was kept; None if it is missing or damaged."""
    path = cache_folders()[kind] / key
    try:
        stored = memoryview(read_bytes(path, "an entry of the cache"))
    except InputError:
        return None
    if stored[:DIGEST] != _digest(key, stored[DIGEST:]):
        return None
    with suppress(OSError):
        os.utime(path)  # its last use, by which the oldest are removed
    return bytes(stored[DIGEST:])


def keep(kind: Kind, key: str, content: bytes) -> None:
    """Write an entry, whole or not at all; a disk that is full or read-only is no error.

    Then remove the entries that were not used for longest, down to the size that
    `$SNMC_CACHE_SIZE` allows.
    """
    folder = cache_folders()[kind]
    with suppress(OSError):
        # A new file beside it takes its place: a link that somebody put there is not followed.
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=_NEW)
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(descriptor, folder.stat().st_mode & 0o666)
                file.write(_digest(key, content))
                file.write(content)
            os.replace(name, folder / key)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    _note_written(folder.parent, len(content))


def _digest(key: str, content: bytes | memoryview) -> bytes:
    digest = hashlib.sha256(key.encode())
    digest.update(content)
    return digest.digest()


def load_table(identity: Mapping[str, Any]) -> npt.NDArray[np.float64] | None:
    """Table of numbers of that identity, see `keep_table`; None if there is none."""
    content = load("tables", _key(identity))
    if content is None:
        return None
    table: npt.NDArray[np.float64] = np.load(io.BytesIO(content), allow_pickle=False)
    return table


def keep_table(identity: Mapping[str, Any], table: npt.NDArray[np.float64]) -> None:
    """Keep a table under its `identity`: all that decides its numbers, ready for JSON.

    That includes the sources of what computes it (`source_hash`).
    """
    content = io.BytesIO()
    np.save(content, table, allow_pickle=False)
    keep("tables", _key(identity), content.getvalue())


def _key(identity: Mapping[str, Any]) -> str:
    text = json.dumps({"numpy": np.__version__, **identity}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


# --- where they lie ------------------------------------------------------------------------------


@cache
def cache_folders() -> Mapping[Kind, Path]:
    """Folders of the entries of each kind; they may be deleted at any time.

    In `$SNMC_CACHE_DIR`, else the user's cache folder, else one for temporary files. Kernels do
    not go where somebody else may write. Raises InputError if `$SNMC_CACHE_DIR` cannot be written
    to, or everybody may, for a folder of ours that others may write to, and for a wrong
    `$SNMC_CACHE_SIZE`. Sets `$HOME` for a user who has none.
    """
    _largest()
    _give_home()
    chosen = _chosen_folder()
    tables = chosen or _own_folder()
    kernels = tables if chosen is None or _private(chosen) else _own_folder()
    folders: dict[Kind, Path] = {"kernels": kernels / "kernels", "tables": tables / "tables"}
    for folder in folders.values():
        with suppress(OSError):  # it is there, or the disk is full: then nothing is kept
            folder.mkdir()
            # a group that shares one shares the other, whatever the umask
            folder.chmod(stat.S_IMODE(folder.parent.stat().st_mode))
    if folders["kernels"].exists():
        _refuse_shared(folders["kernels"])
    return folders


def _chosen_folder() -> Path | None:
    chosen = os.environ.get("SNMC_CACHE_DIR")
    if not chosen:
        return None
    folder = Path(chosen).absolute()  # also for processes that are started elsewhere
    if not _writable(folder):
        raise InputError(f"SNMC_CACHE_DIR: found '{chosen}'; needs a folder one can write to")
    if folder.stat().st_mode & stat.S_IWOTH:
        raise InputError(
            f"SNMC_CACHE_DIR: found '{chosen}', which everybody may write to; needs a folder of "
            "your own, or of a group (chmod o-w)"
        )
    return folder


def _own_folder() -> Path:
    """Make or find a folder that is ours and that nobody else may write to."""
    usual = Path(platformdirs.user_cache_dir("snmc"))
    if _writable(usual) and usual.stat().st_uid == os.geteuid():
        _refuse_shared(usual)
        return usual
    return _temporary_folder(f"{usual} is no")


def _give_home() -> None:
    """Give a home to a user who has none, neither by `$HOME` nor in the system's list.

    Without one libraries cannot even be imported (astropy), or make a folder named `~`.
    """
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = str(_temporary_folder("there is no home, and no"))


def _temporary_folder(why: str) -> Path:
    """Make or find a folder as private as `_own_folder`, in the system's for temporary files.

    One of a name for each user if it can be, else one that lasts as long as this process; then a
    warning says why.
    """
    with suppress(OSError):
        lasting = Path(tempfile.gettempdir()) / f"snmc-{os.geteuid()}"
        if _writable(lasting) and not lasting.is_symlink() and _private(lasting):
            return lasting
        fleeting = Path(tempfile.mkdtemp(prefix="snmc-"))
        atexit.register(shutil.rmtree, fleeting, ignore_errors=True)
        warnings.warn(
            f"{why} folder of your own, nor is {lasting}: nothing compiled is kept for the next "
            "start; set SNMC_CACHE_DIR",
            stacklevel=2,
        )
        return fleeting
    raise InputError("found no folder to write the cache to; set SNMC_CACHE_DIR to one")


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _private(folder: Path) -> bool:
    found = folder.stat()
    return found.st_uid == os.geteuid() and not found.st_mode & _OTHERS_WRITE


def _refuse_shared(folder: Path) -> None:
    if not _private(folder):
        raise InputError(
            f"{folder}: others may write to this folder of the cache, and could run their code as "
            f"you; remove it, or: chmod -R go-w '{folder}'"
        )


# --- its size ------------------------------------------------------------------------------------

_unpruned = float("inf")  # bytes that this process wrote since it last looked at the size


def _note_written(root: Path, size: int) -> None:
    global _unpruned
    _unpruned += size
    if _unpruned > _largest() / 20:
        _unpruned = 0.0
        _prune(root, _largest())


def _largest() -> float:
    """Size [bytes] the cache may have. Raises InputError for a wrong `$SNMC_CACHE_SIZE`."""
    text = os.environ.get("SNMC_CACHE_SIZE") or LARGEST
    found = re.fullmatch(r"(\d{1,9}(?:\.\d+)?) ?([MGT]B)", text.strip())
    if found is None:
        raise InputError(f"SNMC_CACHE_SIZE: found '{text}'; needs a size, such as \"{LARGEST}\"")
    return float(found[1]) * _UNITS[found[2]]


def _prune(root: Path, largest: float) -> None:
    """Remove entries, those not used for longest first, until `largest` bytes are left.

    Other processes may do so, or write, at the same time. What is not of the cache stays.
    """
    entries = sorted(_entries(root))
    size = sum(entry[1] for entry in entries)
    for _, own, path in entries:
        if size <= largest:
            break
        with suppress(OSError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        size -= own


def _entries(root: Path) -> Iterator[tuple[float, int, Path]]:
    """Give last use, size [bytes] and path of each entry."""
    for path in root.glob("*/*"):
        if _OURS.fullmatch(path.relative_to(root).as_posix()):
            with suppress(OSError):
                files = [one.stat() for one in [path, *path.rglob("*")]]
                yield max(one.st_mtime for one in files), sum(one.st_size for one in files), path
