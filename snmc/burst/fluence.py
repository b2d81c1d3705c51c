"""Fluences of SNOwGLoBES (fluxes/NAME.dat; as SNEWPY writes them): at Earth, without times.

Seven numbers a row: energy [GeV], then the neutrinos per cm2 in the bin about it of nu_e, nu_mu,
nu_tau, nu_e_bar, nu_mu_bar, nu_tau_bar, for a supernova at some distance. They enter as a burst
that is even over some time; their flavours are those at Earth.
"""

import re
from pathlib import Path

import numpy as np

from snmc.burst.build import Sources, checked
from snmc.burst.emission import SPECIES, BurstEmission
from snmc.burst.groups import emission_of
from snmc.ground.errors import InputError
from snmc.ground.text_tables import Table, guess
from snmc.ground.units import PARSEC

_ORDER = ("nu_e", "nu_mu", "nu_tau", "nu_e_bar", "nu_mu_bar", "nu_tau_bar")
_HIGHEST = 2.0  # GeV
_TIME = re.compile(r"(?i)TBinMid=\s*([-+.\deE]+)\s*s.*TBinWidth=\s*([.\deE+]+)\s*s")
_KPC_IN_CM = 1e5 * PARSEC


def recognises(table: Table) -> bool:
    """Whether there are seven columns, without names that others would know."""
    return bool(table.values.shape[1] == 1 + len(_ORDER))


def read(
    path: Path, table: Table, sources: Sources, distance: float | None, duration: float | None
) -> BurstEmission:
    """Read the emission of a source at `distance` [kpc], even over `duration` [s] from bounce.

    Without a duration over the bin of time that SNEWPY's header tells. Raises InputError where
    distance or duration are missing, for energies that do not rise or are not in GeV, negative
    values, and a total energy that is no supernova's.
    """
    start, stop = _times(path, table, duration)
    if distance is None:
        raise InputError(
            f"{path}: a fluence, which belongs to a distance the file does not tell; give it: "
            'table_distance = "10 kpc"'
        )
    energy = table.values[:, 0]
    if len(energy) < 3 or not np.all(np.diff(energy) > 0) or energy[0] < 0:
        i = int(np.argmin(np.diff(energy, prepend=-1e-300) > 0))
        raise InputError(f"{table.place(i, 0)}: found {energy[i]:g} GeV; energies must rise from 0")
    if energy[-1] > _HIGHEST:
        raise InputError(
            f"{table.place(len(energy) - 1, 0)}: found {energy[-1]:g} GeV; must be up to "
            f"{_HIGHEST:g}" + guess(float(energy[-1]), 0.02, _HIGHEST, {"MeV": 1e-3}, "GeV")
        )
    if np.any(table.values < 0):
        row, column = (int(k) for k in np.argwhere(table.values < 0)[0])
        raise InputError(
            f"{table.place(row, column)}: found {table.values[row, column]:g}; must not be below 0"
        )
    energy = 1e3 * energy
    between = (energy[1:] + energy[:-1]) / 2
    edges = np.concatenate([[max(0.0, 2 * energy[0] - between[0])], between,
                            [2 * energy[-1] - between[-1]]])  # fmt: skip
    sphere = 4 * np.pi * (distance * _KPC_IN_CM) ** 2
    rates = table.values[:, 1:].T * sphere / (stop - start)  # (6, bins)
    emission = emission_of(
        np.array([start, stop]), edges, np.repeat(rates[:, :, None], 2, axis=2),
        np.array([list(SPECIES).index(name) for name in _ORDER]), np.arange(len(_ORDER)),
        sources.content, at_earth=True,
    )  # fmt: skip
    return checked(emission, path)


def _times(path: Path, table: Table, duration: float | None) -> tuple[float, float]:
    """Begin and end [s] of the emission."""
    if duration is not None:
        return 0.0, duration
    for line in table.head:
        if match := _TIME.search(line.text):
            middle, width = float(match[1]), float(match[2])
            return middle - width / 2, middle + width / 2
    raise InputError(
        f"{path}: a fluence, which has no times; give the time over which it is emitted evenly: "
        'table_duration = "10 s"'
    )
