"""A table with a header: time [s], and luminosity [erg/s], mean_energy and width of each flavour.

Columns `luminosity_`, `mean_energy_` [MeV], and one of `pinching_`, `rms_energy_` [MeV] and
`mean_square_energy_` [MeV^2], each of `nu_e`, `nu_e_bar` and `nu_x`, which is each of four species.
"""

from pathlib import Path

import numpy as np

from snmc.burst.build import Curves, Sources, pinched_emission, pinching_of
from snmc.burst.emission import KINDS, BurstEmission
from snmc.ground.errors import InputError
from snmc.ground.text_tables import Table

WIDTHS = {"pinching": "", "rms_energy": "MeV", "mean_square_energy": "MeV^2"}
_QUANTITIES = {"luminosity": "erg/s", "mean_energy": "MeV", **WIDTHS}
NAMES = {"time": "s"} | {
    f"{quantity}_{kind}": unit for quantity, unit in _QUANTITIES.items() for kind in KINDS
}
"""Names of the columns, and their units."""
LAYOUT = (
    "time, and luminosity_, mean_energy_ and pinching_ (or rms_energy_ or mean_square_energy_), "
    "each with nu_e, nu_e_bar, nu_x"
)


def recognises(table: Table) -> bool:
    """Whether a table names its columns."""
    return bool(table.names)


def read(path: Path, table: Table, sources: Sources) -> BurstEmission:
    """Read the emission. Raises InputError for other columns, and see `pinched_emission`."""
    width = next((width for width in WIDTHS if f"{width}_{KINDS[0]}" in table.names), "pinching")
    labels = {"luminosity": "luminosity", "mean": "mean_energy", "pinching": width}
    needed = {"time", *(f"{label}_{kind}" for label in labels.values() for kind in KINDS)}
    if sorted(needed) != sorted(table.names):
        raise InputError(f"{path}: found columns {', '.join(table.names)}; needs {LAYOUT}")
    luminosity, mean, third = (
        np.array([table[f"{label}_{kind}"] for kind in KINDS]) for label in labels.values()
    )

    def where(quantity: str, kind: int, i: int) -> str:
        return table.place(i, "time" if quantity == "time" else f"{labels[quantity]}_{KINDS[kind]}")

    if width != "pinching":
        square = third if width == "mean_square_energy" else third**2
        third = pinching_of(luminosity, mean, square, lambda kind, i: where("pinching", kind, i))
    curves = Curves(path, table["time"], luminosity, mean, third, 1.0, where)
    return pinched_emission(curves, sources.content)
