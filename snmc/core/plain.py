"""A plain table: one header line of column names, then rows of numbers, by commas or blanks.

Names: `radius_km` or `radius_cm`, and density [g/cm3], temperature [MeV], ye; optionally time [s
after bounce; rows of one time are one snapshot], ymu, mu_e, mu_mu, mu_nu_e, mu_nu_mu, mu_n, mu_p,
mass_n, mass_p [MeV], lapse, enclosed_mass [solar masses], y_nu [net electron neutrinos per baryon].
"""

from pathlib import Path

import numpy as np

from snmc.core.profile import OPTIONAL, Raw
from snmc.ground.errors import InputError, unknown_name

_NAMES = ("radius_km", "radius_cm", "density", "temperature", "ye", "time", *OPTIONAL)


def recognises(head: str) -> bool:
    """Whether a file begins with a header naming a radius and a density, and a row of numbers."""
    names = _header(head)
    rows = [line for line in head.splitlines() if _is_row(line)]
    return bool(rows) and "density" in names and any(name.startswith("radius") for name in names)


def read(path: Path, text: str) -> list[Raw]:
    """Read every snapshot; the time is None where the table has no column `time`.

    Raises InputError for unknown or repeated names, both or no radius, rows that do not parse.
    """
    names = _header(text)
    for name in names:
        if name not in _NAMES:
            raise unknown_name(f"{path}: column", name, _NAMES)
    if len(set(names)) != len(names) or ("radius_km" in names) == ("radius_cm" in names):
        raise InputError(
            f"{path}: columns {', '.join(names)}; needs each once, and radius_km or radius_cm"
        )
    lines = [line for line in text.splitlines() if line.strip()]
    start = next(i for i, line in enumerate(lines) if _header(line))
    rows = [
        _numbers(path, line, len(names))
        for line in lines[start + 1 :]
        if not line.lstrip().startswith("#")
    ]
    table = dict(zip(names, np.array(rows).T, strict=True))
    table["radius"] = (
        table.pop("radius_km") if "radius_km" in table else (table.pop("radius_cm") / 1e5)
    )
    if "time" not in table:
        return [Raw(None, table, str(path))]
    times = table.pop("time")
    return [
        Raw(float(t), {name: column[times == t] for name, column in table.items()},
            f"{path} at {t:g} s")
        for t in np.unique(times)
    ]  # fmt: skip


def _header(text: str) -> list[str]:
    """Names of the first line that is one, or none: a header has no number and names a radius."""
    for line in text.splitlines():
        names = line.lstrip("# ").replace(",", " ").split()
        if any(name.startswith("radius") for name in names):
            return names
        if line.strip() and not line.startswith("#"):
            break
    return []


def _is_row(line: str) -> bool:
    try:
        return bool([float(word) for word in line.replace(",", " ").split()])
    except ValueError:
        return False


def _numbers(path: Path, line: str, count: int) -> list[float]:
    try:
        values = [float(word) for word in line.replace(",", " ").split()]
    except ValueError as error:
        raise InputError(f"{path}: {error} in the row {line.strip()!r}") from error
    if len(values) != count:
        raise InputError(
            f"{path}: found {len(values)} numbers in the row {line.strip()!r}; needs {count}"
        )
    return values
