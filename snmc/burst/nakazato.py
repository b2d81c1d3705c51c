"""Spectra of Nakazato et al. (ApJS 205 (2013) 2; ApJ 804 (2015) 75), `intp*.data`.

Blocks: a line with the time [s], then a line for each group of energy with its two ends [MeV],
dN/dE [1/s/MeV] and dL/dE [erg/s/MeV], each of nu_e, nu_e_bar, and nu_x, one of four species.
"""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from snmc.burst.build import Sources, checked
from snmc.burst.emission import KIND_OF, BurstEmission
from snmc.burst.groups import divided, emission_of, fine_edges
from snmc.ground.errors import InputError
from snmc.ground.text_tables import Line, rows_of
from snmc.ground.units import MEV_IN_ERG

Array = npt.NDArray[np.float64]

_WIDTH = 8


def recognises(lines: Sequence[Line]) -> bool:
    """Whether a line of one number is followed by one of eight."""
    rows = (len(line.words) for line in lines if line.is_row())
    return [*islice(rows, 2)] == [1, _WIDTH]


def read(path: Path, every: Sequence[Line], sources: Sources) -> BurstEmission:
    """Read the emission, its spectra linear in time.

    Within a group the spectrum is the exponential with the group's number and energy. Raises
    InputError for blocks that differ in their groups, times that do not rise, negative values, and
    a total energy that is no supernova's.
    """
    lines = [line for line in every if not line.comment]
    starts = [i for i, line in enumerate(lines) if len(line.words) == 1]
    times: list[float] = []
    blocks: list[Array] = []
    for start, stop in zip(starts, [*starts[1:], len(lines)], strict=True):
        head, rows = lines[start], lines[start + 1 : stop]
        ((time,),), _ = rows_of(path, [head], 1, ("time",))
        values, numbers = rows_of(path, rows, _WIDTH)
        if times and time <= times[-1]:
            raise InputError(
                f"{path}: line {head.number}: found {time:g} s after {times[-1]:g} s; times must"
                " rise"
            )
        if values.shape != (blocks or [values])[0].shape or not np.array_equal(
            values[:, :2], (blocks or [values])[0][:, :2]
        ):
            raise InputError(
                f"{path}: line {head.number}: the block at {time:g} s has {len(values)} groups of"
                f" energy that are not those of the first, {len(blocks[0])}; is it cut off?"
            )
        if np.any(values < 0):
            row, column = (int(k) for k in np.argwhere(values < 0)[0])
            raise InputError(
                f"{path}: line {numbers[row]}, column {column + 1}: found {values[row, column]:g};"
                " must not be below 0"
            )
        times.append(float(time))
        blocks.append(values)
    table = np.array(blocks)  # (n, groups, 8)
    low, high = table[0, :, 0], table[0, :, 1]
    if len(times) < 2 or not np.allclose(low[1:], high[:-1]) or not np.all(high > low):
        raise InputError(f"{path}: needs two or more blocks, of groups of energy that adjoin")
    edges = np.append(low, high[-1])
    numbers_of = table[:, :, 2:5].transpose(2, 0, 1) * np.diff(edges)  # (3, n, groups)
    energies = table[:, :, 5:8].transpose(2, 0, 1) * np.diff(edges) / MEV_IN_ERG
    middle = np.broadcast_to((low + high) / 2, numbers_of.shape)
    means = np.divide(energies, numbers_of, out=middle.copy(), where=numbers_of > 0)
    fine = fine_edges(edges)
    rates = divided(edges, numbers_of, means, fine).transpose(0, 2, 1)
    emission = emission_of(
        np.array(times), fine, rates, np.arange(len(KIND_OF)), KIND_OF, sources.content
    )
    return checked(emission, path)
