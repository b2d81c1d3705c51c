"""AGILE-BOLTZTRAN and VERTEX tables of Liebendoerfer et al., ApJ 620 (2005) 840.

Self-describing tables of the CDS (`Byte-by-byte Description`). A file with matter (names with `h`)
brings radius, rho, T, Ye, lapse, enclosed mass; its companion with neutrinos (names with `r`, the
same post-bounce time) brings the number of neutrinos per baryon.
"""

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from snmc.core.profile import Raw
from snmc.ground.errors import InputError
from snmc.ground.files import read_bytes
from snmc.ground.text_tables import decode, lines_of, number
from snmc.ground.units import SOLAR_MASS_KG

Array = npt.NDArray[np.float64]

_MATTER = ("Rad", "Den", "Temp", "Ye")
_LABELS = {"radius": "Rad", "density": "Den", "temperature": "Temp", "ye": "Ye", "lapse": "1-alp",
           "enclosed_mass": "EMass"}  # fmt: skip
SOLAR_MASS_G = 1e3 * SOLAR_MASS_KG
HEAD = 8192  # characters that tell the format
_UNITS = {"Rad": "cm", "Den": "g / cm3", "Temp": "MeV", "EMass": "solMass"}


def recognises(head: str) -> bool:
    """Whether the beginning of a file is a CDS table's."""
    return "Byte-by-byte Description of file" in head


def is_matter(head: str) -> bool:
    """Whether a CDS table has the columns of matter (else it has neutrinos only)."""
    return all(re.search(rf"^ .{{20,}}\b{label}\b", head, re.MULTILINE) for label in _MATTER)


def bounce_time(path: Path, head: str) -> float | None:
    """Time after bounce [s], from the header, else from the name (`+050`), both in ms."""
    match = re.search(r"bounce time of\s*([-+\d.]+)\s*ms", head) or re.search(
        r"([+-]\d+)\.", path.name
    )
    return float(match.group(1) + "e-3") if match else None


def read(path: Path, text: str) -> Raw:
    """Read a file of matter, with the file of neutrinos of the same time beside it if there is one.

    Zones padded with zeros are dropped. Raises InputError naming the file for missing columns and
    for a table that does not parse.
    """
    matter = _columns(path, text, _MATTER)
    kept = np.flatnonzero((matter["Rad"] > 0) & (matter["Den"] > 0))
    if not kept.size:
        raise InputError(f"{path}: found no zone with a radius and a density above 0")
    first = len(lines_of(text)) - len(matter["Rad"])
    numbers = [line.number for line in lines_of(text)[first:]]
    matter = {label: column[kept] for label, column in matter.items()}
    columns = {
        "radius": matter["Rad"] / 1e5,
        "density": matter["Den"],
        "temperature": matter["Temp"],
        "ye": matter["Ye"],
    }
    if "1-alp" in matter:
        columns["lapse"] = 1 - matter["1-alp"]
    if "EMass" in matter:
        columns["enclosed_mass"] = _mass_at_radius(matter)
    time = bounce_time(path, text)
    for other in sorted(path.parent.iterdir()):
        neutrinos = _neutrinos(path, other, time)
        if neutrinos is not None:
            radius, fraction = neutrinos
            columns["y_nu"] = np.interp(columns["radius"], radius, fraction)
            break

    def where(name: str, i: int) -> str:
        return f"{path}: line {numbers[kept[i]]}, column {_LABELS.get(name, name)!r}"

    return Raw(time, columns, str(path), where)


def _mass_at_radius(matter: dict[str, Array]) -> Array:
    """Enclosed mass at the radius of each zone.

    AGILE-BOLTZTRAN states both at the middle of the zone's mass. VERTEX states the mass at the
    zone's outer edge and the radius at its middle: the first enclosed mass is the whole first zone.
    """
    enclosed, radius = matter["EMass"], matter["Rad"]
    zone = matter.get("ZMass", np.zeros(1))[0] / SOLAR_MASS_G
    if not abs(zone - enclosed[0]) <= 0.1 * enclosed[0]:
        return enclosed
    edges = np.concatenate([[0.0], (radius[1:] + radius[:-1]) / 2, [np.nan]])
    edges[-1] = 2 * radius[-1] - edges[-2]
    with np.errstate(all="ignore"):  # radii that do not ascend are refused when all are read
        within = (radius**3 - edges[:-1] ** 3) / np.diff(edges**3)
    inner = np.concatenate([[0.0], enclosed[:-1]])
    return np.asarray(inner + within * (enclosed - inner))


def _neutrinos(path: Path, other: Path, time: float | None) -> tuple[Array, Array] | None:
    """Radius [km] and net electron neutrinos per baryon, if `other` is the companion of `path`."""
    if other == path or not other.is_file():
        return None
    text = decode(read_bytes(other, "the file of neutrinos")) or ""
    head = text[:HEAD]
    if not recognises(head) or "Ynue" not in head or bounce_time(other, head) != time:
        return None
    c = _columns(other, text, ("Rad", "Ynue", "Ynuebar"))
    kept = c["Rad"] > 0
    return c["Rad"][kept] / 1e5, (c["Ynue"] - c["Ynuebar"])[kept]


def _columns(path: Path, text: str, needed: tuple[str, ...]) -> dict[str, Array]:
    from astropy.io import ascii as tables
    from astropy.units import UnitsWarning

    try:
        with warnings.catch_warnings():
            # the original units of columns we do not read are no astropy units
            warnings.simplefilter("ignore", UnitsWarning)
            table = tables.read(text.split("\n"), format="cds")
    except (ValueError, IndexError, KeyError, tables.InconsistentTableError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: no readable CDS table: {reason}") from error
    for label in needed:
        if label not in table.colnames:
            raise InputError(f"{path}: no column {label!r}; needs {', '.join(needed)}")
    for label, unit in _UNITS.items():
        if label in table.colnames and str(table[label].unit) != unit:
            raise InputError(f"{path}: column {label!r} in {table[label].unit}; needs {unit}")
    return {name: _floats(path, name, table[name]) for name in table.colnames}


def _floats(path: Path, label: str, column: Any) -> Array:
    """Numbers of a column; astropy leaves those with Fortran's exponents as text."""
    if column.dtype.kind in "if":
        return np.asarray(np.ma.filled(np.ma.asarray(column.data, dtype=np.float64), np.nan))
    numbers = [number(str(word).strip()) for word in column]
    if None in numbers:
        found = str(column[numbers.index(None)])
        raise InputError(f"{path}: column {label!r}: found {found!r}; needs a number")
    return np.array(numbers, dtype=np.float64)
