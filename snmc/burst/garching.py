"""The three files of a model of the Garching archive: NAME_nue, NAME_nuebar, NAME_nux.

Each has rows of time [s], luminosity of one species [foe/s], <E> [MeV] and <E^2> [MeV^2].
"""

import re
from pathlib import Path

import numpy as np

from snmc.burst.build import FOE, Curves, Sources, pinched_emission, pinching_of
from snmc.burst.emission import BurstEmission
from snmc.ground.errors import InputError
from snmc.ground.text_tables import Table

_FLAVOURS = ("nue", "nuebar", "nux")
_NAMED = re.compile(r"(?<![a-z])(nuebar|nue|nux)(?![a-z])")
_COLUMNS = {"time": 0, "luminosity": 1, "mean": 2, "pinching": 3}


def files_of(path: Path) -> list[Path]:
    """The files of the three flavours: of the folder, or those beside the one that is `path`.

    Empty where there are none. Raises InputError for a folder with several models, and for a file
    of one flavour without the others.
    """
    if path.is_dir():
        files = [file for file in sorted(path.iterdir()) if file.is_file()]
        firsts = [file for file in files if _NAMED.findall(file.name)[:1] == ["nue"]]
        if len(firsts) > 1:
            raise InputError(
                f"{path}: found {firsts[0].name} and {firsts[1].name}; give the file of one model"
            )
        return files_of(firsts[0]) if firsts else []
    if not _NAMED.search(path.name):
        return []
    files = [path.with_name(_NAMED.sub(flavour, path.name)) for flavour in _FLAVOURS]
    for file in files:
        if not file.is_file():
            raise InputError(f"{path}: found no {file.name} beside it; needs the three flavours")
    return files


def recognises(table: Table) -> bool:
    """Whether a table has four columns, as those of one flavour do."""
    return bool(table.values.shape[1] == len(_COLUMNS))


def read(path: Path, sources: Sources) -> BurstEmission:
    """Read the emission from the three files.

    Raises InputError for other columns and for times that differ, and see `pinched_emission`.
    """
    files = files_of(path)
    tables = [sources.table(file) for file in files]
    for file, table in zip(files, tables, strict=True):
        if not recognises(table):
            raise InputError(
                f"{file}: found {table.values.shape[1]} columns; needs time [s], luminosity "
                "[foe/s], <E> [MeV], <E^2> [MeV^2]"
            )
        if not np.array_equal(table.values[:, 0], tables[0].values[:, 0]):
            raise InputError(f"{file}: its times differ from those of {files[0].name}")
    _, luminosity, mean, square = np.array([table.values.T for table in tables]).swapaxes(0, 1)

    def where(quantity: str, kind: int, i: int) -> str:
        return tables[kind].place(i, _COLUMNS[quantity])

    pinching = pinching_of(luminosity, mean, square, lambda kind, i: where("pinching", kind, i))
    curves = Curves(path, tables[0].values[:, 0], FOE * luminosity, mean, pinching, FOE, where)
    return pinched_emission(curves, sources.content)
