"""Garching muonic models (Bollig et al., Phys. Rev. Lett. 125 (2020) 051104): 25-column text.

One file a time, named `...T=<t>.txt`: five label lines (the second may lack `#`), then one row a
zone. Columns are found by label, so their order and further columns do not matter.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from snmc.core.profile import Raw
from snmc.ground.errors import InputError
from snmc.ground.text_tables import Line, lines_of, number, rows_of

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
    return _label_line(lines_of(head)[:8]) is not None


def read(path: Path, text: str) -> Raw:
    """Read one snapshot; the time from the name, `T=<t>`, else from the header, `t_pb= <t>`.

    Raises InputError for missing labels, other units, and rows that do not parse.
    """
    lines = lines_of(text)
    at = _label_line(lines)
    assert at is not None
    labels = lines[at].text.split()
    units = lines[at + 1].text.split() if at + 1 < len(lines) else []
    if len(lines) < at + 3 or len(units) != len(labels):
        raise InputError(
            f"{path}: {len(labels)} labels, {len(units)} units, {max(len(lines) - at - 2, 0)} rows"
            " of numbers; needs a unit for each label and at least one row"
        )
    values, numbers = rows_of(path, lines[at + 2 :], len(labels), labels)
    columns, label_of = {}, {}
    for i, (label, unit) in enumerate(zip(labels, units, strict=True)):
        if label in _LABELS:
            name, factor, expected = _LABELS[label]
            if unit.strip("[]") != expected:
                raise InputError(f"{path}: column {label!r} in {unit}; needs [{expected}]")
            columns[name] = values[:, i] * factor
            label_of[name] = label

    def where(name: str, i: int) -> str:
        return f"{path}: line {numbers[i]}, column {label_of[name]!r}"

    return Raw(_time(path, [line.text for line in lines[:at]]), columns, str(path), where)


def _label_line(lines: Sequence[Line]) -> int | None:
    """Number of the line of labels."""
    for i, line in enumerate(lines):
        if {"mass_coordinate", "radius"} <= set(line.text.split()):
            return i
    return None


def _time(path: Path, header: list[str]) -> float | None:
    named = re.search(r"T=(\d*\.?\d+)", path.name)
    stated = re.search(r"t_pb\s*=\s*([-+\d.eEdD]+)", "\n".join(header))
    match = named or stated
    return number(match.group(1)) if match else None
