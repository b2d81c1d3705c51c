"""Read a table of a burst; the format is told by content."""

from pathlib import Path

import numpy as np

from snmc.burst import by_flavour, fluence, gamma, garching, nakazato, plain, steps
from snmc.burst.build import Sources
from snmc.burst.emission import BurstEmission
from snmc.ground.errors import InputError
from snmc.ground.text_tables import lines_of, table_of

FORMATS = {
    "named columns": plain.LAYOUT,
    "Garching archive": "three files NAME_nue, _nuebar, _nux of time, L [foe/s], <E>, <E^2>",
    "gamma of sntools": "ten numbers a row: time, then <E>, <E^2>, L [erg/s] of three flavours",
    "Nakazato": "blocks of a time and groups of energy, intp*.data",
    "SNOwGLoBES fluence": "seven numbers a row, energy [GeV] and six flavours per cm2 and bin",
    "SNOwGLoBES pinched": "ten numbers a row, with a NAME_key file of their times",
    "SNOwGLoBES by flavour": "a folder of luminosity_*, avgen_*, alpha_*.txt",
}


def load_burst(
    path: Path, distance: float | None = None, duration: float | None = None
) -> BurstEmission:
    """Read the neutrinos of a burst from a file or folder of one of FORMATS.

    `distance` [kpc] and `duration` [s] of a fluence, which other formats do not take. Raises
    InputError for what is none of the formats or not a supernova's.
    """
    # What overflows cannot pass the check of the total energy, which ends all readers.
    with np.errstate(all="ignore"):
        return _load(path, distance, duration)


def _load(path: Path, distance: float | None, duration: float | None) -> BurstEmission:
    sources = Sources()
    if path.is_dir():
        _refuse(path, distance, duration)
        if by_flavour.recognises(path):
            return by_flavour.read(path, sources)
        if files := garching.files_of(path):
            return garching.read(files[0], sources)
        raise InputError(f"{path}: found no files of a known format in it; {_known()}")
    text = sources.text(path)
    lines = lines_of(text)
    if nakazato.recognises(lines):
        _refuse(path, distance, duration)
        return nakazato.read(path, lines, sources)
    table = table_of(path, text, plain.NAMES)
    if fluence.recognises(table) and "time" not in table.names:
        return fluence.read(path, table, sources, distance, duration)
    _refuse(path, distance, duration)
    if garching.recognises(table) and "time" not in table.names and garching.files_of(path):
        return garching.read(path, sources)
    if plain.recognises(table):
        return plain.read(path, table, sources)
    if gamma.recognises(table):
        return gamma.read(path, table, sources)
    if steps.recognises(table):
        return steps.read(path, table, sources)
    raise InputError(
        f"{path}: found {table.values.shape[1]} numbers a row, no header of known names; {_known()}"
    )


def _refuse(path: Path, distance: float | None, duration: float | None) -> None:
    if distance is not None or duration is not None:
        raise InputError(
            f"{path}: is no fluence; table_distance and table_duration belong to one alone"
        )


def _known() -> str:
    return "needs one of: " + "; ".join(f"{name} ({text})" for name, text in FORMATS.items())
