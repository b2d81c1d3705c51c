"""The format `gamma` of sntools (Migenda et al., JOSS 6 (2021) 2877): ten numbers a row.

Time [s], then <E> [MeV], <E^2> [MeV^2] and luminosity [erg/s] of nu_e, of nu_e_bar, and of nu_x,
which is each of four species.
"""

from pathlib import Path

from snmc.burst.build import Curves, Sources, pinched_emission, pinching_of
from snmc.burst.emission import BurstEmission
from snmc.ground.text_tables import Table

HUGE = 1e6  # MeV, erg/s or erg: no mean energy, and no luminosity
_COLUMNS = {"time": 0, "mean": 1, "pinching": 2, "luminosity": 3}


def recognises(table: Table) -> bool:
    """Whether ten unnamed columns hold energies and luminosities where this format has them."""
    if table.names or table.values.shape[1] != 10:
        return False
    largest = table.values.max(axis=0)
    return bool(largest[3::3].max() > HUGE > largest[1::3].max())


def read(path: Path, table: Table, sources: Sources) -> BurstEmission:
    """Read the emission; raises InputError as `pinched_emission` does."""
    time = table.values[:, 0]
    mean, square, luminosity = (table.values[:, first::3].T for first in (1, 2, 3))

    def where(quantity: str, kind: int, i: int) -> str:
        return table.place(i, _COLUMNS[quantity] + (3 * kind if quantity != "time" else 0))

    pinching = pinching_of(luminosity, mean, square, lambda kind, i: where("pinching", kind, i))
    curves = Curves(path, time, luminosity, mean, pinching, 1.0, where)
    return pinched_emission(curves, sources.content)
