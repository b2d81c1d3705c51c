"""Files by flavour as SNOwGLoBES ships for the "Garching" flux: a folder of curves.

`luminosity_*` [1e52 erg/s], `avgen_*` [MeV] and `alpha_*`, each of `nue`, `nuebar` and `numu` (or
`nux`, each of four species): rows of time [s] and value, each on a grid of its own.
"""

from pathlib import Path

import numpy as np

from snmc.burst.build import Array, Curves, Sources, pinched_emission
from snmc.burst.emission import KINDS, BurstEmission
from snmc.ground.errors import InputError

_UNIT = 1e52  # erg/s
_FILES = {"luminosity": "luminosity", "mean": "avgen", "pinching": "alpha"}
_FLAVOURS = (("nue",), ("nuebar",), ("numu", "nux"))


def recognises(folder: Path) -> bool:
    """Whether a folder holds a file of a luminosity."""
    return any(folder.glob("luminosity_*.txt"))


def read(folder: Path, sources: Sources) -> BurstEmission:
    """Read the emission on all instants of the curves; outside its own a luminosity is 0.

    Raises InputError for a curve that is missing or there twice, and see `pinched_emission`.
    """
    found = {
        (quantity, kind): _curve(folder, name, kind, sources)
        for quantity, name in _FILES.items()
        for kind in range(len(KINDS))
    }
    time = np.unique(np.concatenate([curve[0] for _, curve in found.values()]))

    def on_grid(quantity: str, outside: float | None) -> Array:
        return np.array(
            [
                np.interp(time, *found[quantity, kind][1], left=outside, right=outside)
                for kind in range(len(KINDS))
            ]
        )

    def where(quantity: str, kind: int, i: int) -> str:
        return f"{found[quantity, kind][0]}: at {time[i]:g} s"

    curves = Curves(
        folder, time, _UNIT * on_grid("luminosity", 0.0), on_grid("mean", None),
        on_grid("pinching", None), _UNIT, where,
    )  # fmt: skip
    return pinched_emission(curves, sources.content)


def _curve(
    folder: Path, name: str, kind: int, sources: Sources
) -> tuple[Path, tuple[Array, Array]]:
    """File, times [s] in ascending order, and values of one curve."""
    for flavour in _FLAVOURS[kind]:
        files = {*folder.glob(f"{name}_{flavour}.txt"), *folder.glob(f"{name}_{flavour}_*.txt")}
        found = sorted(files)
        if len(found) > 1:
            raise InputError(f"{folder}: found {found[0].name} and {found[1].name}; needs one")
        for one in found:
            table = sources.table(one)
            if table.values.shape[1] != 2:
                raise InputError(f"{one}: needs two numbers a row, time and value")
            time, values = table.values[np.argsort(table.values[:, 0], kind="stable")].T
            return one, (time, values)
    raise InputError(f"{folder}: found no {name}_{flavour}*.txt in it")
