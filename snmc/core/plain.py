"""A plain table: one header line of column names, then rows of numbers, by commas or blanks.

Names: `radius_km` or `radius_cm`, and density [g/cm3], temperature [MeV], ye; optionally time [s
after bounce; rows of one time are one snapshot], ymu, mu_e, mu_mu, mu_nu_e, mu_nu_mu, mu_n, mu_p,
mass_n, mass_p [MeV], lapse, enclosed_mass [solar masses], y_nu [net electron neutrinos per baryon].
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from snmc.core.profile import BOUNDS, OPTIONAL, Raw
from snmc.ground.errors import InputError, unknown_name
from snmc.ground.text_tables import Table, header_of, lines_of, table_of

_NAMES = {"radius_km": "km", "radius_cm": "cm", "time": "s", "enclosed_mass": "solMass"} | {
    name: BOUNDS[name].unit
    for name in ("density", "temperature", "ye", *OPTIONAL)
    if name in BOUNDS
}  # and the units
_TIMES = (-10.0, 1e4)  # s after bounce


def recognises(head: str) -> bool:
    """Whether a file begins with a header naming a radius and a density, and a row of numbers."""
    lines = lines_of(head)
    rows = [i for i, line in enumerate(lines) if line.is_row()]
    header = header_of(lines[: rows[0]], _NAMES, len(lines[rows[0]].words)) if rows else None
    names = header.names if header else []
    return "density" in names and any(name.startswith("radius") for name in names)


def read(path: Path, text: str) -> list[Raw]:
    """Read every snapshot; the time is None where the table has no column `time`.

    Raises InputError for unknown or repeated names, both or no radius, rows that do not parse,
    snapshots that come twice.
    """
    table = table_of(path, text, _NAMES)
    names = table.names
    for name in names:
        if name not in _NAMES:
            raise unknown_name(f"{path}: column", name, _NAMES)
    if len(set(names)) != len(names) or ("radius_km" in names) == ("radius_cm" in names):
        raise InputError(
            f"{path}: columns {', '.join(names)}; needs each once, and radius_km or radius_cm"
        )
    if "time" not in names:
        return [_snapshot(table, np.arange(len(table.values)), None)]
    times = table["time"]
    for worst in (int(np.argmax(times)), int(np.argmin(times))):
        if not _TIMES[0] <= times[worst] <= _TIMES[1]:
            raise InputError(
                f"{table.place(worst, 'time')}: found {times[worst]:g} s after bounce; must be "
                f"{_TIMES[0]:g} to {_TIMES[1]:g}"
            )
    starts = np.flatnonzero(np.diff(times, prepend=np.nan))
    blocks = np.split(np.arange(len(times)), starts[1:])
    seen = set[float]()
    for block in blocks:
        if times[block[0]] in seen:
            raise InputError(
                f"{table.place(int(block[0]), 'time')}: found {times[block[0]]:g} s again; needs "
                "the rows of one snapshot together, once"
            )
        seen.add(float(times[block[0]]))
    return [_snapshot(table, block, float(times[block[0]])) for block in blocks]


def _snapshot(table: Table, rows: npt.NDArray[np.intp], time: float | None) -> Raw:
    """The snapshot in some rows of a table."""
    label = next(name for name in table.names if name.startswith("radius"))
    columns = {name: table[name][rows] for name in table.names if name not in ("time", label)}
    columns["radius"] = table[label][rows] * (1e-5 if label == "radius_cm" else 1)

    def where(name: str, i: int) -> str:
        return table.place(int(rows[i]), label if name == "radius" else name)

    source = str(table.path) if time is None else f"{table.path} at {time:g} s"
    return Raw(time, columns, source, where)
