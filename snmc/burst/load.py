"""Readers of tables of a burst."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from snmc.burst.emission import KIND_OF, KINDS, SPECIES, BurstEmission
from snmc.ground.errors import InputError
from snmc.ground.units import MEV_IN_ERG

Array = npt.NDArray[np.float64]

QUANTITIES = ("luminosity", "mean_energy", "pinching")
COLUMNS = ("time", *(f"{quantity}_{kind}" for quantity in QUANTITIES for kind in KINDS))
PARTS = 8  # of a cell of a table
LARGEST_MEAN = 200.0  # MeV
FILES_LUMINOSITY = 1e52  # erg/s, unit of the files by flavour of SNOwGLoBES


def load_burst(path: Path) -> BurstEmission:
    """Read luminosities, mean energies and pinchings against time; the format is told by content.

    A folder: SNOwGLoBES' digitised files by flavour, alpha_*, avgen_*, luminosity_* for nue,
    nuebar and numu (or nux), rows of time [s] and value, luminosities in 1e52 erg/s. A file of ten
    numbers a row: its "pinched" format, number, pinchings, mean energies [MeV] and energies [erg]
    of nu_e, nu_e_bar, nu_x for each step of time, with a file NAME_key beside it that tells number,
    time [s] and length [s] of the steps. A file with a header: columns time, and luminosity
    [erg/s], mean_energy, pinching, each _nu_e, _nu_e_bar, _nu_x. nu_x is each of four species.
    Raises InputError for files that are missing or none of these.
    """
    digest = hashlib.sha256()
    if path.is_dir():
        return _by_flavour(path, digest)
    names, rows = _rows(path, digest)
    if names:
        return _plain(path, names, rows, digest)
    if rows.shape[1] == 10:
        return _pinched_info(path, rows, digest)
    raise InputError(
        f"generator.table: {path}: found {rows.shape[1]} numbers a row without a header; needs a "
        "folder of files by flavour, a table of 10 numbers a row with its key, or named columns"
    )


def _rows(path: Path, digest: Any) -> tuple[list[str], Array]:
    """Names of the columns, if a header tells them, and the rows of numbers (n, columns)."""
    try:
        data = path.read_bytes()
        text = data.decode()
    except OSError as error:
        raise InputError(f"generator.table: {path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"generator.table: {path}: found bytes that are no text") from error
    digest.update(data)
    names: list[str] = []
    rows: list[list[float]] = []
    for line in text.splitlines():
        words = line.replace(",", " ").split()
        if not rows and words and "time" in [word.strip("#") for word in words]:
            names = [word for word in (word.strip("#") for word in words) if word]
        elif words and not words[0].startswith("#"):
            try:
                rows.append([float(word) for word in words])
            except ValueError as error:
                needs = "; needs numbers"
                if not rows:
                    needs = ", no known layout; needs numbers, or a header of " + ", ".join(COLUMNS)
                raise InputError(
                    f"generator.table: {path}: found {line.strip()[:40]!r}{needs}"
                ) from error
    width = len(names) or (len(rows[0]) if rows else 0)
    if len(rows) < 2 or any(len(row) != width for row in rows) or not np.isfinite(rows).all():
        raise InputError(
            f"generator.table: {path}: needs two or more rows of finite numbers, equally long"
        )
    return names, np.array(rows)


def _by_flavour(folder: Path, digest: Any) -> BurstEmission:
    tables = {
        (quantity, kind): _curve(folder, quantity, kind, digest)
        for quantity in ("luminosity", "avgen", "alpha")
        for kind in range(len(KINDS))
    }
    time = np.unique(np.concatenate([curve[0] for curve in tables.values()]))

    def on_grid(quantity: str, outside: float | None) -> Array:
        return np.array(
            [
                np.interp(time, *tables[quantity, kind], left=outside, right=outside)
                for kind in range(len(KINDS))
            ]
        )

    luminosity = FILES_LUMINOSITY * on_grid("luminosity", 0.0)
    return _emission(
        folder, time, luminosity, on_grid("avgen", None), on_grid("alpha", None), digest
    )


def _curve(folder: Path, quantity: str, kind: int, digest: Any) -> tuple[Array, Array]:
    for flavour in (("nue",), ("nuebar",), ("numu", "nux"))[kind]:
        found = sorted(
            {*folder.glob(f"{quantity}_{flavour}.txt"), *folder.glob(f"{quantity}_{flavour}_*.txt")}
        )
        if len(found) > 1:
            raise InputError(
                f"generator.table: {folder}: found {found[0].name} and {found[1].name}; needs one"
            )
        if found:
            _, rows = _rows(found[0], digest)
            if rows.shape[1] != 2:
                raise InputError(f"generator.table: {found[0]}: needs two numbers a row")
            rows = rows[np.argsort(rows[:, 0], kind="stable")]
            return rows[:, 0], rows[:, 1]
    raise InputError(f"generator.table: {folder}: found no {quantity}_{flavour}*.txt in it")


def _pinched_info(path: Path, rows: Array, digest: Any) -> BurstEmission:
    key = path.with_name(f"{path.stem}_key{path.suffix}")
    _, steps = _rows(key, digest)
    if steps.shape != (len(rows), 3) or not np.array_equal(steps[:, 0], rows[:, 0]):
        raise InputError(
            f"generator.table: {key}: needs number, time and length of the {len(rows)} steps of "
            f"{path.name}"
        )
    if not np.all(steps[:, 2] > 0):
        raise InputError(f"generator.table: {key}: found a step of no length")
    luminosity = rows[:, 7:10].T / steps[:, 2]
    return _emission(path, steps[:, 1], luminosity, rows[:, 4:7].T, rows[:, 1:4].T, digest)


def _plain(path: Path, names: list[str], rows: Array, digest: Any) -> BurstEmission:
    if sorted(names) != sorted(COLUMNS):
        raise InputError(
            f"generator.table: {path}: found columns {', '.join(names)}; needs {', '.join(COLUMNS)}"
        )
    columns = dict(zip(names, rows.T, strict=True))
    luminosity, mean, pinching = (
        np.array([columns[f"{quantity}_{kind}"] for kind in KINDS]) for quantity in QUANTITIES
    )
    return _emission(path, columns["time"], luminosity, mean, pinching, digest)


def _emission(
    path: Path, time: Array, luminosity: Array, mean: Array, pinching: Array, digest: Any
) -> BurstEmission:
    """Check a table; where nothing of a kind is emitted its spectrum is that of the nearest time.

    `luminosity` [erg/s], of one species.
    """
    if not np.all(np.diff(time) > 0):
        raise InputError(f"generator.table: {path}: needs times that rise")
    if np.any(luminosity < 0) or not np.all(np.any(luminosity > 0, axis=1)):
        raise InputError(
            f"generator.table: {path}: needs luminosities of each flavour, not below 0"
        )
    mean, pinching = mean.copy(), pinching.copy()
    for kind in range(len(KINDS)):
        emits = np.flatnonzero(luminosity[kind] > 0)
        nearest = emits[np.argmin(np.abs(np.arange(len(time))[:, None] - emits), axis=1)]
        mean[kind], pinching[kind] = mean[kind, nearest], pinching[kind, nearest]
    if not (np.all(mean > 0) and np.all(mean <= LARGEST_MEAN)):
        raise InputError(
            f"generator.table: {path}: found mean energies from {mean.min():g} to {mean.max():g} "
            f"MeV; needs values above 0, up to {LARGEST_MEAN:g} MeV"
        )
    if np.any(pinching < 0):
        raise InputError(f"generator.table: {path}: found a pinching below 0")
    # Luminosity, mean energy and pinching run linearly; their rate nearly so in a part of a cell.
    instants = np.arange(len(time))
    parts = np.arange(PARTS * (len(time) - 1) + 1) / PARTS
    time = np.interp(parts, instants, time)
    luminosity, mean, pinching = (
        np.array([np.interp(parts, instants, row) for row in table])
        for table in (luminosity, mean, pinching)
    )
    rate = luminosity / MEV_IN_ERG / mean
    species = np.arange(len(SPECIES))
    return BurstEmission(time, rate, mean, pinching, species, KIND_OF, digest.hexdigest())
