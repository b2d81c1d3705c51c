"""ROOT files that snmc wrote: opened by their literal names, and held against their checksums.

A checksum is the CRC-32 of zlib and PNG: it finds any single changed bit and any damaged stretch of
up to four bytes for certain, and all but 2e-10 of the rest. It is of what a reader gets, not of
bytes on the disk, so it also finds pointers that lead to other data.
"""

import json
import math
import stat
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from snmc.ground.errors import InputError, PhysicsError

METADATA = "metadata"
DIGITS = 20  # and sign, of the longest integer of 64 bits
CHECKSUM = "crc32"  # key of the metadata: of the JSON text of all the others


class DamageError(InputError):
    """A file is not what was written to it: the message names the file and the part."""


@contextmanager
def reading_root(path: Path, part: str = "") -> Iterator[None]:
    """Turn what uproot says of a file that it cannot read into one line.

    `part`: what is read, such as "row 3 of the tree blocks"; by default the file as a whole.
    Raises InputError, and DamageError for what is no sound ROOT file.
    """
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{path}: file not found") from error
    except PermissionError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except Exception as error:  # whatever a damaged file makes uproot raise
        if part:
            raise DamageError(f"{path}: damaged: {part} cannot be read") from error
        raise DamageError(f"{path}: cannot be read as a ROOT file; is it damaged?") from error


def open_root(path: Path) -> Any:
    """Open a ROOT file for reading: uproot's directory, to be closed, as by `with`.

    The name is taken literally: neither the colons of an object in a file nor the addresses of
    other places mean anything in it. Raises InputError as `reading_root`, and for a pipe or device.
    """
    import uproot

    with reading_root(path):
        if not stat.S_ISREG(path.stat().st_mode):
            kind = "a folder" if path.is_dir() else "a pipe or device"
            raise InputError(f"{path}: found {kind}; needs a ROOT file")
        return uproot.open(
            path.absolute(), handler=uproot.MultithreadedFileSource,
            object_cache=None, array_cache=None,
        )  # fmt: skip


def checksum(columns: Mapping[str, npt.NDArray[Any]]) -> int:
    """CRC-32 of columns one after the other: of each `NAME:TYPE`, then its little-endian bytes.

    TYPE is as numpy spells it, such as `<f8`.
    """
    crc = 0
    for name, values in columns.items():
        little = values.dtype.newbyteorder("<")
        crc = zlib.crc32(f"{name}:{little.str}".encode(), crc)
        crc = zlib.crc32(np.ascontiguousarray(values, little).data, crc)
    return crc


def to_json(metadata: Mapping[str, Any]) -> str:
    """The metadata as one string. Raises PhysicsError for what is no JSON, such as NaN."""
    try:
        return json.dumps(metadata, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise PhysicsError(f"metadata: {error}") from error


def sealed(metadata: Mapping[str, Any]) -> str:
    """The metadata as one string of JSON, with their checksum as the last key, `crc32`."""
    return to_json({**metadata, CHECKSUM: zlib.crc32(to_json(metadata).encode())})


def read_metadata(path: Path, file: Any) -> dict[str, Any]:
    """The metadata of an open file of snmc without their checksum; empty where there are none.

    Those of version 0.3 have no checksum and are believed. Raises DamageError where it is wrong,
    InputError for metadata that are no JSON, such as others write.
    """
    if METADATA not in _keys(path, file):
        return {}
    with reading_root(path, "the metadata"):
        text = str(file[METADATA])
    try:
        metadata = json.loads(text, parse_int=_integer, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise DamageError(
            f"{path}: damaged: the metadata are no JSON; or is it no file of snmc?"
        ) from error
    if not isinstance(metadata, dict):
        raise InputError(f"{path}: found others' metadata in it; needs a file of snmc")
    written = metadata.pop(CHECKSUM, None)
    if written is not None and written != zlib.crc32(json.dumps(metadata).encode()):
        raise DamageError(f"{path}: damaged: the metadata are not those that were written")
    return metadata


def _integer(text: str) -> int:
    """An integer of JSON, if 64 bits hold it. Raises ValueError."""
    if len(text) > DIGITS:
        raise ValueError
    return int(text)


def _finite(text: str) -> float:
    """A number of JSON that is one. Raises ValueError for NaN and infinity, however written."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


def _keys(path: Path, file: Any) -> Iterable[str]:
    with reading_root(path):
        return list(file.keys(recursive=False, cycle=False))


def new_tree(
    file: Any, name: str, types: Mapping[str, Any], titles: Mapping[str, str], **options: Any
) -> Any:
    """Make an empty tree in a file that uproot writes, with a title for itself and its branches.

    `types`: as of uproot's `mktree`, and `options` its others; `titles`: by branch, as the file
    calls it; that of the tree under "". A branch that has none keeps what uproot gives it.
    """
    tree = file.mktree(name, types, title=titles[""], **options)
    # uproot takes no titles of branches. It keeps what it will write of them in dicts, and writes
    # all of a tree anew where it moves it: so they are set there, and the tree is moved once.
    cascade = tree._cascading
    for branch in cascade._branch_data:
        if branch["kind"] != "record":
            branch["fTitle"] = titles.get(branch["fName"], branch["fTitle"])
    place = cascade.key.seek_location
    cascade.write_anew(file.file.sink)
    file.file._move_tree(place, cascade.key.seek_location)
    return tree


def described(meaning: str, unit: str) -> str:
    """Title of a branch: what it means, and its unit in brackets."""
    return f"{meaning} [{unit}]" if unit else meaning
