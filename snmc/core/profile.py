"""One snapshot of a core: the columns a reader found, checked and completed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from snmc.core import fill, gravity
from snmc.ground.errors import InputError
from snmc.ground.text_tables import guess
from snmc.ground.units import ATOMIC_MASS_G

Array = npt.NDArray[np.float64]

REQUIRED = ("radius", "density", "temperature", "ye")
OPTIONAL = (
    "ymu", "mu_e", "mu_mu", "mu_nu_e", "mu_nu_mu", "mu_n", "mu_p", "mass_n", "mass_p", "lapse",
    "enclosed_mass", "y_nu",
)  # fmt: skip
# Profiles are cut where the density [g/cm3] falls below this: production and trapping end far
# inside, and the surface of the cut profile follows the shrinking star.
SURFACE_DENSITY = 1e10
LIGHTEST = 0.01  # solar masses; a proto-neutron star has a hundred times more
_CENTRE = 1e-3  # of the second radius: where a row at r = 0 is put


class Bound(NamedTuple):
    """What physics allows in a column: `low` to `high`, in `unit`, and mistaken units to ask for.

    `usual`: what a core has at its largest, to which a mistaken unit must lead; `least`: what it
    has there at least. Bounds are wide: merging or collapsing stars reach half of `high` at most,
    and neutron stars as cold as 10^9 K are no longer young.
    """

    low: float
    high: float
    unit: str
    usual: tuple[float, float] = (0.0, 0.0)
    units: Mapping[str, float] = {}
    above: bool = False  # whether `low` itself is forbidden
    note: str = ""
    least: float = 0.0


_KELVIN = 8.617_333e-11  # MeV, CODATA 2018
_ENERGIES = {"keV": 1e-3, "eV": 1e-6, "GeV": 1e3, "erg": 6.241_509e5}
_TEMPERATURES = {"kelvin": _KELVIN, "10^9 K": 1e9 * _KELVIN, **_ENERGIES}
_POTENTIAL = Bound(-3000, 3000, "MeV", (1, 1000), _ENERGIES)
_MASS = Bound(10, 1200, "MeV", (200, 1000), _ENERGIES)
_LENGTHS = {"metres": 1e-3, "cm": 1e-5, "km": 1e5}  # mistaken for km, the last one for cm
BOUNDS = {
    "radius": Bound(0, 1e7, "km", (5, 3000), _LENGTHS),
    "density": Bound(1, 1e16, "g/cm^3", (1e12, 5e15), {"kg/m^3": 1e-3}),
    "temperature": Bound(1e-4, 300, "MeV", (0.3, 150), _TEMPERATURES, least=0.1),
    "ye": Bound(0, 1, "", (0.05, 1), {"per cent": 0.01}),
    "ymu": Bound(0, 1, "", (1e-4, 0.5), {"per cent": 0.01}),
    "y_nu": Bound(-1, 1, "", (1e-4, 0.5), {"per cent": 0.01}),
    **dict.fromkeys(("mu_e", "mu_mu", "mu_nu_e", "mu_nu_mu"), _POTENTIAL),
    **dict.fromkeys(
        ("mu_n", "mu_p"), _POTENTIAL._replace(high=1000, note=", without the rest mass")
    ),
    **dict.fromkeys(("mass_n", "mass_p"), _MASS),
    "lapse": Bound(0, 1, "", above=True),
}
_LOGARITHMS = (12, 16)  # to base 10 of a core's largest density in g/cm3
_DENSITIES = {
    "1/fm^3": 1e39 * ATOMIC_MASS_G,
    "MeV/fm^3": 1.782_662e12,
    "kg/cm^3": 1e3,
}


@dataclass(frozen=True)
class Raw:
    """What a reader found in one snapshot.

    `time` [s after bounce], None where the file does not say; `columns`: arrays of one length by
    name, from REQUIRED and OPTIONAL, in km, g/cm3, MeV, solar masses, numbers per baryon;
    `source`: the file, for messages; `where(name, i)`: the file, line and column of a number.
    """

    time: float | None
    columns: Mapping[str, Array]
    source: str
    where: Callable[[str, int], str] | None = None

    def place(self, name: str, i: int) -> str:
        """File and place of number `i` of a column, for messages."""
        return self.where(name, i) if self.where else f"{self.source}: {name}, point {i + 1}"


def complete(raw: Raw) -> tuple[dict[str, Array], dict[str, str]]:
    """Check one snapshot, cut it at SURFACE_DENSITY and fill what is missing.

    Returns every column of `CoreState` plus `radius` [km] and `metric`, and what was filled in, by
    name, with how. A lapse of 1 everywhere says that space is flat. Raises InputError, naming file,
    line and column, for missing columns, no numbers, values that physics forbids, radii that do not
    ascend.
    """
    raw = _outward(raw)
    c = _Completed(_checked(raw))
    radius, density = c["radius"], c["density"]
    c.fill("ymu", lambda: np.zeros_like(radius), "0, no muons")
    flat = bool(np.all(c.get("lapse", radius) == 1))
    if not flat:
        _check_mass(raw, radius, density)
    c.fill("lapse", lambda: gravity.hydrostatic_lapse(radius, density, raw.source),
           "of a static star of this density")  # fmt: skip
    _fill_potentials(c, raw)
    if flat:
        c.fill("enclosed_mass", lambda: gravity.mass_integral(radius, density),
               "integral of the density")  # fmt: skip
        c["metric"] = np.ones_like(radius)
    elif "enclosed_mass" in c:
        c["metric"] = gravity.metric_factor(
            radius, density, c["enclosed_mass"], fill.TRAPPING_DENSITY, raw.source
        )
    else:
        c.fill("enclosed_mass", lambda: gravity.baryonic_mass(radius, density),
               "integral of the density over the proper volume")  # fmt: skip
        c["metric"] = 1 / np.sqrt(1 - gravity.compactness(radius, density))
    return dict(c), c.how


class _Completed(dict[str, Array]):
    """Columns by name, and `how` those were made that the source did not bring."""

    how: dict[str, str]

    def __init__(self, found: Mapping[str, Array]) -> None:
        super().__init__(found)
        self.how = {}

    def fill(self, name: str, value: Callable[[], Array], how: str) -> None:
        """Fill in a column that is not there."""
        if name not in self:
            self[name], self.how[name] = value(), how


def _fill_potentials(c: _Completed, raw: Raw) -> None:
    """Fill in chemical potentials and effective masses; drop y_nu, which is for that alone."""
    density, temperature, ye = c["density"], c["temperature"], c["ye"]
    protons, trapped = ye + c["ymu"], density >= fill.TRAPPING_DENSITY
    for name in ("mass_n", "mass_p"):
        c.fill(name, lambda: fill.effective_mass(density), "a fit to SFHo, by density")
    c.fill("mu_e", lambda: fill.electron_potential(density, ye, temperature),
           "free electrons, Ye per baryon")  # fmt: skip
    if "mu_n" not in c:
        nucleons = fill.nucleon_potentials(density, protons, temperature)
        for name, potential in zip(("mu_n", "mu_p"), nucleons, strict=True):
            c[name], c.how[name] = potential, "free nucleons with potentials fitted to SFHo"
    if "mu_nu_e" not in c and "y_nu" in c:
        c.fill("mu_nu_e", lambda: fill.trapped_neutrino_potential(density, c["y_nu"], temperature),
               "free neutrinos, y_nu per baryon; 0 below 1e12 g/cm^3")  # fmt: skip
    elif "mu_nu_e" not in c:
        _check_beta(raw, protons, trapped)
        equilibrium = fill.beta_equilibrium(c["mu_e"], c["mu_n"], c["mu_p"])
        c.fill("mu_nu_e", lambda: np.where(trapped, equilibrium, 0.0),
               "beta equilibrium; 0 below 1e12 g/cm^3")  # fmt: skip
    c.pop("y_nu", None)
    if "mu_mu" in c:
        c.fill("mu_nu_mu", lambda: c["mu_mu"] - (c["mu_e"] - c["mu_nu_e"]),
               "weak equilibrium of muons")  # fmt: skip
        return
    c.fill("mu_nu_mu", lambda: np.zeros_like(ye), "0")
    if np.any(c["ymu"] > 0):
        c.fill("mu_mu", lambda: c["mu_nu_mu"] + c["mu_e"] - c["mu_nu_e"],
               "weak equilibrium of muons")  # fmt: skip
    else:
        c.fill("mu_mu", lambda: np.zeros_like(ye), "0, no muons")


def _outward(raw: Raw) -> Raw:
    """The same snapshot from the centre out, if it is written from the surface inward."""
    radius = raw.columns.get("radius", np.zeros(1))
    if len(radius) < 2 or not np.all(np.diff(radius) < 0):
        return raw
    last = len(radius) - 1
    return Raw(raw.time, {name: column[::-1] for name, column in raw.columns.items()}, raw.source,
               lambda name, i: raw.place(name, last - i))  # fmt: skip


def _checked(raw: Raw) -> dict[str, Array]:
    """The columns from the centre to SURFACE_DENSITY, each value one that physics allows."""
    source, columns = raw.source, raw.columns
    for name in REQUIRED:
        if name not in columns:
            raise InputError(f"{source}: no column {name!r}; needs at least {', '.join(REQUIRED)}")
    for pair in (("mu_n", "mu_p"), ("mass_n", "mass_p")):
        if (pair[0] in columns) != (pair[1] in columns):
            raise InputError(
                f"{source}: found only one of {pair[0]}, {pair[1]}; needs both or none"
            )
    if "mu_mu" in columns and "ymu" not in columns:
        raise InputError(f"{source}: found mu_mu without ymu; needs both or none")
    dense = np.nonzero(columns["density"] >= SURFACE_DENSITY)[0]
    if len(dense) < 3:
        largest = float(np.max(columns["density"], initial=0.0))
        raise InputError(
            f"{source}: found {len(dense)} points of density above {SURFACE_DENSITY:.0e} g/cm^3;"
            " a core needs at least 3"
            + (
                "; is it the logarithm?"
                if _LOGARITHMS[0] <= largest <= _LOGARITHMS[1]
                else guess(largest, 1e12, 5e15, _DENSITIES, "g/cm^3")
            )
        )
    kept = {name: np.array(column[: dense[-1] + 1]) for name, column in columns.items()}
    for name, column in kept.items():
        finite = np.isfinite(column)
        if not np.all(finite):
            i = int(np.argmin(finite))
            raise InputError(f"{raw.place(name, i)}: found {column[i]:g}; needs a finite number")
        if name in BOUNDS:
            _check_bound(raw, name, column)
    radius = kept["radius"]
    if 0 <= radius[0] < _CENTRE * radius[1]:
        radius[0] = _CENTRE * radius[1]  # the centre itself, where powers of r end
    rising = np.diff(radius, prepend=0.0) > 0
    if not np.all(rising):
        i = int(np.argmin(rising))
        raise InputError(
            f"{raw.place('radius', i)}: radii do not ascend: found {radius[i]:g} km"
            f" after {radius[i - 1]:g}; needs each row once, from the centre out"
            if i
            else f"{raw.place('radius', 0)}: found {radius[0]:g} km; must be above 0"
        )
    if "enclosed_mass" in kept:
        mass = kept["enclosed_mass"]
        growing = np.diff(mass, prepend=0.0) >= 0
        if not np.all(growing):
            i = int(np.argmin(growing))
            raise InputError(
                f"{raw.place('enclosed_mass', i)}: found {mass[i]:g}; must grow outward from 0"
            )
    if "ymu" in kept and np.any(kept["ye"] + kept["ymu"] > 1):
        i = int(np.argmax(kept["ye"] + kept["ymu"]))
        raise InputError(
            f"{raw.place('ymu', i)}: ye + ymu, the protons per baryon, is"
            f" {kept['ye'][i] + kept['ymu'][i]:g}; must be at most 1"
        )
    return kept


def _check_bound(raw: Raw, name: str, column: Array) -> None:
    """InputError for the value farthest outside the column's bound, if one is.

    And for a largest one that is too small for any core.
    """
    bound = BOUNDS[name]
    low, high = int(np.argmin(column)), int(np.argmax(column))
    if column[high] > bound.high:
        i = high
    elif column[low] < bound.low or (bound.above and column[low] == bound.low):
        i = low
    elif bound.least and column[high] < bound.least:
        i = high
    else:
        return
    found = float(column[i])
    unit = f" {bound.unit}" if bound.unit else ""
    low_end = f"above {bound.low:g}, up" if bound.above else f"{bound.low:g}"
    needed = f"must be {low_end} to {bound.high:g}{bound.note}"
    if bound.low <= found < bound.least:
        needed = f"no more anywhere; a core has at least {bound.least:g} where it is largest"
    raise InputError(
        f"{raw.place(name, i)}: found {found:.4g}{unit}; {needed}"
        + guess(float(column[high]), *bound.usual, bound.units, bound.unit)
    )


def _check_mass(raw: Raw, radius: Array, density: Array) -> None:
    """InputError for what is inside its own horizon, and for what is too light to be a core."""
    compact = gravity.compactness(radius, density)
    mass = gravity.mass_integral(radius, density)
    i = int(np.argmax(compact))
    cubes = {unit: size**3 for unit, size in _LENGTHS.items()}
    if compact[i] >= 1:
        raise InputError(
            f"{raw.place('radius', i)}: {mass[i]:.3g} solar masses inside {radius[i]:.4g} km are"
            f" inside their own horizon, 2 G m/(r c^2) = {compact[i]:.3g}; must be below 1"
            + guess(float(mass[-1]), 0.05, 10, cubes, "solar masses")
        )
    if mass[-1] < LIGHTEST:
        raise InputError(
            f"{raw.place('radius', len(radius) - 1)}: {mass[-1]:.3g} solar masses inside"
            f" {radius[-1]:.4g} km; a core has at least {LIGHTEST:g}"
            + guess(float(mass[-1]), 0.05, 10, cubes, "solar masses")
        )


def _check_beta(raw: Raw, protons: Array, trapped: npt.NDArray[np.bool_]) -> None:
    """InputError where mu_nu_e cannot be that of beta equilibrium, for want of one nucleon."""
    alone = trapped & ((protons <= 0) | (protons >= 1))
    if np.any(alone):
        i = int(np.argmax(alone))
        lacks = "protons" if protons[i] <= 0 else "neutrons"
        raise InputError(
            f"{raw.place('ye', i)}: found {protons[i]:g}: without {lacks} there is no beta"
            " equilibrium, from which mu_nu_e would be filled in; give a column mu_nu_e or y_nu"
            " (0: no neutrinos)"
        )
