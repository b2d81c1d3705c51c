"""Garching muonic models (Bollig et al., Phys. Rev. Lett. 125 (2020) 051104): 25-column text.

One file a time, named `...T=<t>.txt`: five label lines (the second may lack `#`), then one row a
zone. Columns are found by label, so their order and further columns do not matter.
"""

import re
from pathlib import Path

import numpy as np

from snmc.core.profile import Raw
from snmc.ground.errors import InputError

# label in the file: name, factor to our unit, unit in the file
_LABELS = {
    "radius": ("radius", 1e-5, "cm"),
    "mass_coordinate": ("enclosed_mass", 1.0, "m_sol"),
    "density": ("density", 1.0, "g/cm^3"),
    "temperature": ("temperature", 1.0, "MeV"),
    "grav._lapse": ("lapse", 1.0, "1"),
    "mu_nu": ("mu_nu_e", 1.0, "MeV"),
    "mu_e": ("mu_e", 1.0, "MeV"),
    "mu_n": ("mu_n", 1.0, "MeV"),
    "mu_p": ("mu_p", 1.0, "MeV"),
    "mu_mu": ("mu_mu", 1.0, "MeV"),
    "mu_numu": ("mu_nu_mu", 1.0, "MeV"),
    "Y_e": ("ye", 1.0, "1/by"),
    "Y_mu": ("ymu", 1.0, "1/by"),
    "m*_n": ("mass_n", 1.0, "MeV"),
    "m*_p": ("mass_p", 1.0, "MeV"),
}


def recognises(head: str) -> bool:
    """Whether the beginning of a file is a Garching table's."""
    return any("mass_coordinate" in line and "radius" in line for line in head.splitlines()[:8])


def read(path: Path, text: str) -> Raw:
    """Read one snapshot; the time from the name, `T=<t>`, else from the header, `t_pb= <t>`.

    Raises InputError naming the file for missing labels, other units, and rows that do not parse.
    """
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if "mass_coordinate" in line)
    labels = lines[at].lstrip("# ").split()
    units = "".join(lines[at + 1 : at + 2]).lstrip("# ").split()
    rows = [_numbers(path, number, line, len(labels))
            for number, line in enumerate(lines[at + 2 :], at + 3)
            if line.strip() and not line.lstrip().startswith("#")]  # fmt: skip
    if not rows or len(units) != len(labels):
        raise InputError(
            f"{path}: {len(labels)} labels, {len(units)} units, {len(rows)} rows of"
            " numbers; needs a unit for each label and at least one row"
        )
    table = np.array(rows)
    columns = {}
    for number, (label, unit) in enumerate(zip(labels, units, strict=True)):
        if label in _LABELS:
            name, factor, expected = _LABELS[label]
            if unit.strip("[]") != expected:
                raise InputError(f"{path}: column {label!r} in {unit}; needs [{expected}]")
            columns[name] = table[:, number] * factor
    return Raw(_time(path, lines[:at]), columns, str(path))


def _numbers(path: Path, number: int, line: str, count: int) -> list[float]:
    try:
        # Fortran drops the E of an exponent of three digits
        values = [float(re.sub(r"(\d)([+-]\d{3})$", r"\1E\2", word)) for word in line.split()]
    except ValueError as error:
        raise InputError(f"{path}: line {number}: {error}; needs numbers") from error
    if len(values) != count:
        raise InputError(f"{path}: line {number}: found {len(values)} numbers; needs {count}")
    return values


def _time(path: Path, header: list[str]) -> float | None:
    named = re.search(r"T=(\d*\.?\d+)", path.name)
    stated = re.search(r"t_pb\s*=\s*([-+\d.eE]+)", "\n".join(header))
    match = named or stated
    return float(match.group(1)) if match else None
