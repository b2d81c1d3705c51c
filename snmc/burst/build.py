"""From the columns of a table to an emission: what physics allows, and what a unit may explain."""

import hashlib
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from snmc.burst.emission import KIND_OF, KINDS, BurstEmission
from snmc.ground.errors import InputError, PhysicsWarning
from snmc.ground.text_tables import Table, guess, read_text, table_of
from snmc.ground.units import MEV_IN_ERG

Array = npt.NDArray[np.float64]

FOE = 1e51  # erg
PARTS = 8  # of a cell of a table
LEAST_MEAN, LARGEST_MEAN = 0.5, 200.0  # MeV; the least of all neutrinos together
# Of all neutrinos [erg]: from the onset of a collapse alone to the rest energy of the Sun.
LEAST_ENERGY, MOST_ENERGY = 1e48, 1.8e54
_USUAL_ENERGY = (3e51, 1.5e54)  # erg, to which a mistaken unit must lead
_USUAL_MEAN = (3.0, 60.0)  # MeV
_LUMINOSITIES = {"erg/s": 1.0, "foe/s": FOE, "10^52 erg/s": 1e52, "MeV/s": MEV_IN_ERG, "W": 1e7}
_ENERGIES = {"keV": 1e-3, "eV": 1e-6, "GeV": 1e3}


@dataclass
class Sources:
    """Reads the files of one table, and keeps a hash of all that was read."""

    _digest: Any = field(default_factory=hashlib.sha256)

    def text(self, path: Path) -> str:
        """Text of a file. Raises InputError."""
        text = read_text(path, "the table")
        self._digest.update(text.encode())
        return text

    def table(self, path: Path, known: Collection[str] = ()) -> Table:
        """The one table of numbers in a file. Raises InputError."""
        return table_of(path, self.text(path), known)

    @property
    def content(self) -> str:
        """Hash of the texts read."""
        return str(self._digest.hexdigest())


@dataclass(frozen=True)
class Curves:
    """What a table tells of each of KINDS at `time` (n,) [s].

    `luminosity` [erg/s] of one species, `mean` energy [MeV], `pinching`: (3, n). `unit`: of the
    file's luminosities [erg/s]; `where(quantity, kind, instant)`: the place of a number of "time",
    "luminosity", "mean" or "pinching", for errors.
    """

    path: Path
    time: Array
    luminosity: Array
    mean: Array
    pinching: Array
    unit: float
    where: Callable[[str, int, int], str]


def pinched_emission(curves: Curves, content: str) -> BurstEmission:
    """Emission with luminosity, mean energy and pinching linear between the instants of a table.

    Where nothing of a kind is emitted its spectrum is that of the nearest instant at which some is;
    kinds that never are, are left out. Raises InputError for times that fall, for luminosities
    below 0 or all 0, mean energies outside 0 to LARGEST_MEAN, pinchings below 0, and for a total
    energy that is no supernova's.
    """
    time, luminosity = curves.time, curves.luminosity
    falls = np.diff(time) < 0
    if np.any(falls):
        i = int(np.argmax(falls)) + 1
        raise InputError(
            f"{curves.where('time', 0, i)}: found {time[i]:g} s after {time[i - 1]:g} s; times must"
            " not fall"
        )
    if len(time) < 2:
        raise InputError(f"{curves.path}: found one instant; needs two or more")
    _refuse(curves, "luminosity", luminosity, luminosity < 0, "a luminosity [erg/s] not below 0")
    shines = luminosity > 0
    if not np.any(shines):
        raise InputError(f"{curves.path}: found no luminosity above 0 of any flavour")
    cold, hot = shines & ~(curves.mean > 0), shines & (curves.mean > LARGEST_MEAN)
    question = guess(float(curves.mean[shines].max()), *_USUAL_MEAN, _ENERGIES, "MeV")
    _refuse(curves, "mean", curves.mean, cold | hot,
            f"a mean energy above 0, up to {LARGEST_MEAN:g} MeV{question}")  # fmt: skip
    _refuse(curves, "pinching", curves.pinching, shines & (curves.pinching < 0),
            "a pinching not below 0")  # fmt: skip
    kinds = np.flatnonzero(shines.any(axis=1))
    rows = []
    for kind in kinds:
        emits = np.flatnonzero(shines[kind])
        nearest = emits[np.argmin(np.abs(np.arange(len(time))[:, None] - emits), axis=1)]
        rows.append((luminosity[kind], curves.mean[kind, nearest], curves.pinching[kind, nearest]))
    # Luminosity, mean energy and pinching run linearly; their rate nearly so in a part of a cell.
    instants = np.arange(len(time))
    parts = np.arange(PARTS * (len(time) - 1) + 1) / PARTS
    shone, mean, pinching = (
        np.array([np.interp(parts, instants, values) for values in column])
        for column in zip(*rows, strict=True)
    )
    species = np.flatnonzero(np.isin(KIND_OF, kinds))
    emission = BurstEmission(
        np.interp(parts, instants, time), shone / MEV_IN_ERG / mean, mean, pinching, species,
        np.searchsorted(kinds, KIND_OF[species]), content,
    )  # fmt: skip
    return checked(emission, curves.path, curves.unit)


def pinching_of(
    luminosity: Array, mean: Array, square: Array, where: Callable[[int, int], str]
) -> Array:
    """Pinching from <E> [MeV] and <E^2> [MeV^2]: (2 <E>^2 - <E^2>)/(<E^2> - <E>^2), all (3, n).

    From <E^2>/<E>^2 = (2 + a)/(1 + a). Zero where the `luminosity` is 0, and with a PhysicsWarning
    where it would be below 0, of spectra broader than any pinched one. `where(kind, instant)`: the
    place of <E^2>, for the InputError where it does not exceed <E>^2.
    """
    given = (luminosity > 0) & (mean != 0)
    narrow = given & (square <= mean**2)
    if np.any(narrow):
        kind, i = (int(k) for k in np.argwhere(narrow)[0])
        raise InputError(
            f"{where(kind, i)}: found a mean square energy of {square[kind, i]:g} MeV^2 for"
            f" a mean of {mean[kind, i]:g} MeV; it must exceed {mean[kind, i] ** 2:g} MeV^2"
        )
    with np.errstate(invalid="ignore", divide="ignore"):
        pinching = np.where(given, (2 * mean**2 - square) / (square - mean**2), 0.0)
    broad = pinching < 0
    if np.any(broad):
        kind, i = (int(k) for k in np.argwhere(broad)[0])
        warnings.warn(
            f"{where(kind, i)}: {np.sum(broad)} spectra are broader than a pinched one can"
            " be, with a pinching below 0; 0 is taken for it",
            PhysicsWarning,
            stacklevel=2,
        )
    return np.maximum(pinching, 0.0)


def checked(emission: BurstEmission, path: Path, unit: float = 1.0) -> BurstEmission:
    """The emission, if it is a supernova's in its total energy and mean energy; else InputError.

    `unit`: of the file's luminosities [erg/s], for the question which other unit was meant.
    """
    energy = float(emission.copies @ emission.energies().sum(axis=1)) * MEV_IN_ERG
    if not LEAST_ENERGY <= energy <= MOST_ENERGY:
        units = {name: size / unit for name, size in _LUMINOSITIES.items() if size != unit}
        raise InputError(
            f"{path}: its neutrinos carry {energy:.3g} erg in all, which no supernova does; must be"
            f" {LEAST_ENERGY:g} to {MOST_ENERGY:g} erg"
            + (
                guess(energy, *_USUAL_ENERGY, {"ms": 1e-3}, "erg", "are the times in {}?")
                or guess(energy, *_USUAL_ENERGY, units, "erg", "are the luminosities in {}?")
            )
        )
    mean = energy / MEV_IN_ERG / float(emission.copies @ emission.numbers().sum(axis=1))
    if not LEAST_MEAN <= mean <= LARGEST_MEAN:
        raise InputError(
            f"{path}: its neutrinos have a mean energy of {mean:.3g} MeV; must be {LEAST_MEAN:g} to"
            f" {LARGEST_MEAN:g} MeV"
            + guess(mean, *_USUAL_MEAN, _ENERGIES, "MeV", "are the energies in {}?")
        )
    return emission


def _refuse(
    curves: Curves, quantity: str, values: Array, wrong: npt.NDArray[np.bool_], needed: str
) -> None:
    """InputError for the first value (kind, instant) that is wrong, if one is."""
    if np.any(wrong):
        kind, i = (int(k) for k in np.argwhere(wrong)[0])
        raise InputError(
            f"{curves.where(quantity, kind, i)}: found {values[kind, i]:g} of {KINDS[kind]}; needs"
            f" {needed}"
        )
