"""GR1D output (O'Connor, ApJS 219 (2015) 24): a folder of `.xg` files, one a variable.

Each file has blocks `"Time = <t>`, then lines of radius [cm] and value, parted by blank lines. Time
is that of the simulation, so the card gives the time of bounce.
"""

import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from snmc.core.profile import Raw
from snmc.ground.errors import InputError, PhysicsWarning
from snmc.ground.text_tables import Line, lines_of, number, read_text, rows_of
from snmc.ground.units import SOLAR_MASS_KG

Array = npt.NDArray[np.float64]

# file: name, factor to our unit (rho in g/cm3, temperature in MeV, mass in g)
_FILES = {
    "rho": ("density", 1.0),
    "temperature": ("temperature", 1.0),
    "ye": ("ye", 1.0),
    "alpha": ("lapse", 1.0),
    "mass_bary": ("enclosed_mass", 1 / (SOLAR_MASS_KG * 1e3)),
}


def recognises(head: str) -> bool:
    """Whether the beginning of a file is GR1D's."""
    return head.lstrip().startswith('"Time')


def read(folder: Path, bounce: float) -> list[Raw]:
    """Read every snapshot of a folder from `bounce` [s of simulation time] on.

    A last block that is cut off, or that one file lacks, is left out with a PhysicsWarning: the
    simulation may still run. Raises InputError for a missing file, blocks that do not parse, and
    files that differ in times or zones.
    """
    series: dict[str, list[_Block]] = {}
    broken: list[str] = []
    for stem, (name, _) in _FILES.items():
        path = folder / f"{stem}.xg"
        if path.exists():
            series[name], whole = _blocks(path)
            broken += [] if whole else [path.name]
        elif name in ("density", "temperature", "ye"):
            raise InputError(f"{folder}: no file {path.name}; needs rho.xg, temperature.xg, ye.xg")
    count = min(len(blocks) for blocks in series.values())
    if any(len(blocks) > count + 1 for blocks in series.values()):
        told = ", ".join(f"{len(blocks)} of {name}" for name, blocks in series.items())
        raise InputError(f"{folder}: found {told}; needs as many blocks of each")
    if broken or any(len(blocks) > count for blocks in series.values()):
        which = " and ".join(broken) or "one file"
        warnings.warn(
            f"{folder}: the last block of {which} is cut off or missing; the last snapshot is left"
            " out", PhysicsWarning, stacklevel=2,
        )  # fmt: skip
    snapshots = []
    for i in range(count):
        blocks = {name: every[i] for name, every in series.items()}
        time, radius = blocks["density"].time, blocks["density"].values[:, 0]
        for name, block in blocks.items():
            if block.time != time:
                raise InputError(f"{folder}: {name} has no block at {time:g} s, density has")
            if not np.array_equal(block.values[:, 0], radius):
                raise InputError(f"{folder}: radii of {name} and density differ at {time:g} s")
        if time >= bounce:
            snapshots.append(_snapshot(folder, blocks, bounce))
    return snapshots


class _Block(NamedTuple):
    """One block of a file: time [s], radius [cm] and value (n, 2), and the lines (n,) they are of.

    Ghost zones, at negative radii, are left out.
    """

    path: Path
    time: float
    values: Array
    lines: npt.NDArray[np.intp]


def _snapshot(folder: Path, blocks: Mapping[str, _Block], bounce: float) -> Raw:
    factor_of = dict(_FILES.values())
    first = blocks["density"]
    columns = {"radius": first.values[:, 0] * 1e-5} | {
        name: block.values[:, 1] * factor_of[name] for name, block in blocks.items()
    }

    def where(name: str, i: int) -> str:
        block = blocks.get(name, first)
        return f"{block.path}: line {block.lines[i]}, {name}"

    return Raw(first.time - bounce, columns, f"{folder} at {first.time:g} s", where)


def _blocks(path: Path) -> tuple[list[_Block], bool]:
    """The whole blocks of a file, and whether the last one is."""
    text = read_text(path, "the file of GR1D")
    lines = lines_of(text)
    heads = [i for i, line in enumerate(lines) if line.text.startswith('"Time')]
    blocks: list[_Block] = []
    whole = True
    if not heads:
        raise InputError(f'{path}: found no line "Time = <t>; needs one above each block')
    for head, stop in zip(heads, [*heads[1:], len(lines)], strict=True):
        time = number(re.sub(r"[=\s\"]|Time", "", lines[head].text))
        if time is None:
            raise InputError(
                f"{path}: line {lines[head].number}: found {lines[head].text!r}; needs a time"
            )
        rows = lines[head + 1 : stop]
        # A last row without the end of its line may lack digits, too.
        if stop == len(lines) and (not text.endswith("\n") or _cut(rows, blocks)):
            whole = False
            break
        values, numbers = rows_of(path, rows, 2, ("radius", "value"))
        kept = values[:, 0] > 0
        blocks.append(_Block(path, time, values[kept], numbers[kept]))
    if not blocks:
        raise InputError(f'{path}: no whole block; needs a line "Time = <t>, then its rows')
    return blocks, whole


def _cut(rows: Sequence[Line], blocks: Sequence[_Block]) -> bool:
    """Whether a last block is shorter than the one before it, or its last row than a row."""
    before = len(blocks[-1].values) if blocks else 0
    return not rows or len(rows) < before or len(rows[-1].words) < 2
