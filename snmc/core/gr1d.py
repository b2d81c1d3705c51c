"""GR1D output (O'Connor, ApJS 219 (2015) 24): a folder of `.xg` files, one a variable.

Each file has blocks `"Time = <t>`, then lines of radius [cm] and value, parted by blank lines. Time
is that of the simulation, so the card gives the time of bounce.
"""

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from snmc.core.profile import Raw
from snmc.ground.errors import InputError
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

    Raises InputError for a missing file, blocks that do not parse, and files that differ in times
    or zones.
    """
    columns: dict[str, list[tuple[float, Array]]] = {}
    for stem, (name, factor) in _FILES.items():
        path = folder / f"{stem}.xg"
        if path.exists():
            columns[name] = [(t, block * [1e-5, factor]) for t, block in _blocks(path)]
        elif name in ("density", "temperature", "ye"):
            raise InputError(f"{folder}: no file {path.name}; needs rho.xg, temperature.xg, ye.xg")
    snapshots = []
    for number, (time, block) in enumerate(columns["density"]):
        kept = block[:, 0] > 0  # ghost zones lie at negative radii
        found = {"radius": block[kept, 0]}
        for name, series in columns.items():
            if len(series) <= number or series[number][0] != time:
                raise InputError(f"{folder}: {name} has no block at {time:g} s, density has")
            if not np.array_equal(series[number][1][:, 0], block[:, 0]):
                raise InputError(f"{folder}: radii of {name} and density differ at {time:g} s")
            found[name] = series[number][1][kept, 1]
        if time >= bounce:
            snapshots.append(Raw(time - bounce, found, f"{folder} at {time:g} s"))
    return snapshots


def _blocks(path: Path) -> list[tuple[float, Array]]:
    blocks: list[tuple[float, Array]] = []
    for chunk in path.read_text(encoding="utf-8", errors="replace").split('"Time')[1:]:
        head, *lines = chunk.strip().splitlines()
        try:
            time = float(re.sub(r"[=\s\"]", "", head))
            rows = np.array([line.split() for line in lines if line.strip()], dtype=np.float64)
        except ValueError as error:
            raise InputError(f"{path}: block {len(blocks) + 1}: {error}") from error
        if rows.ndim != 2 or rows.shape[1] != 2:
            raise InputError(f"{path}: block {len(blocks) + 1}: needs lines of radius and value")
        blocks.append((time, rows))
    return blocks
