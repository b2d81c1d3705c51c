"""The "pinched" format of SNOwGLoBES: a numbered row a step of time, and a key to their times.

Ten numbers a row: number, pinchings, mean energies [MeV] and energies [erg] in that step of nu_e,
nu_e_bar, and nu_x, which is each of four species. Beside NAME.dat lies NAME_key.dat, with number,
time [s] and length [s] of each step.
"""

from pathlib import Path

import numpy as np

from snmc.burst.build import Curves, Sources, pinched_emission
from snmc.burst.emission import BurstEmission
from snmc.burst.gamma import HUGE
from snmc.ground.errors import InputError
from snmc.ground.text_tables import Table

_COLUMNS = {"pinching": 1, "mean": 4, "luminosity": 7}


def recognises(table: Table) -> bool:
    """Whether ten unnamed columns hold pinchings, mean energies and energies in this order."""
    if table.names or table.values.shape[1] != 10:
        return False
    largest = table.values.max(axis=0)
    return bool(largest[7:].max() > HUGE > largest[1:7].max())


def read(path: Path, table: Table, sources: Sources) -> BurstEmission:
    """Read the emission; the luminosity is the energy of a step over its length.

    Raises InputError for a key that is missing or of other steps, and see `pinched_emission`.
    """
    key = path.with_name(f"{path.stem}_key{path.suffix}")
    rows = table.values
    steps = sources.table(key)
    if steps.values.shape != (len(rows), 3) or not np.array_equal(steps.values[:, 0], rows[:, 0]):
        raise InputError(
            f"{key}: needs number, time and length of the {len(rows)} steps of {path.name}"
        )
    length = steps.values[:, 2]
    if not np.all(length > 0):
        i = int(np.argmin(length > 0))
        raise InputError(f"{steps.place(i, 2)}: found {length[i]:g} s; needs a length above 0")

    def where(quantity: str, kind: int, i: int) -> str:
        if quantity == "time":
            return steps.place(i, 1)
        return table.place(i, _COLUMNS[quantity] + kind)

    curves = Curves(
        path, steps.values[:, 1], rows[:, 7:10].T / length, rows[:, 4:7].T, rows[:, 1:4].T, 1.0,
        where,
    )  # fmt: skip
    return pinched_emission(curves, sources.content)
