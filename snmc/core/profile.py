"""One snapshot of a core: the columns a reader found, checked and completed."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from snmc.core import fill
from snmc.ground.errors import InputError
from snmc.ground.units import C_LIGHT, G_NEWTON, SOLAR_MASS_KG

Array = npt.NDArray[np.float64]

REQUIRED = ("radius", "density", "temperature", "ye")
OPTIONAL = (
    "ymu", "mu_e", "mu_mu", "mu_nu_e", "mu_nu_mu", "mu_n", "mu_p", "mass_n", "mass_p", "lapse",
    "enclosed_mass", "y_nu",
)  # fmt: skip
POSITIVE = ("radius", "density", "temperature", "mass_n", "mass_p", "lapse")
# Profiles are cut where the density [g/cm3] falls below this: production and trapping end far
# inside, and the surface of the cut profile follows the shrinking star.
SURFACE_DENSITY = 1e10
KM3_G_PER_CM3 = 1e12 / SOLAR_MASS_KG  # 1 km^3 g/cm^3 in solar masses
SCHWARZSCHILD = 2 * G_NEWTON * SOLAR_MASS_KG / C_LIGHT**2 / 1e3  # of the Sun [km]


@dataclass(frozen=True)
class Raw:
    """What a reader found in one snapshot.

    `time` [s after bounce], None where the file does not say; `columns`: arrays of one length by
    name, from REQUIRED and OPTIONAL, in km, g/cm3, MeV, solar masses, numbers per baryon;
    `source`: the file, for messages.
    """

    time: float | None
    columns: Mapping[str, Array]
    source: str


def complete(raw: Raw) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Check one snapshot, cut it at SURFACE_DENSITY and fill what is missing.

    Returns every column of `CoreState` plus `radius` [km] and `metric`, and the names filled.
    Raises InputError for missing columns, no numbers, values out of range, radii not ascending.
    """
    found = _checked(raw)
    density, temperature, ye = found["density"], found["temperature"], found["ye"]
    c = dict(found)
    c.setdefault("ymu", np.zeros_like(ye))
    c.setdefault("lapse", np.ones_like(ye))
    for name in ("mass_n", "mass_p"):
        c.setdefault(name, fill.effective_mass(density))
    c.setdefault("mu_e", fill.electron_potential(density, ye, temperature))
    if "mu_n" not in c:
        c["mu_n"], c["mu_p"] = fill.nucleon_potentials(density, ye + c["ymu"], temperature)
    if "mu_nu_e" not in c:
        if "y_nu" in c:
            c["mu_nu_e"] = fill.trapped_neutrino_potential(density, c["y_nu"], temperature)
        else:
            equilibrium = fill.beta_equilibrium(c["mu_e"], c["mu_n"], c["mu_p"])
            c["mu_nu_e"] = np.where(density >= fill.TRAPPING_DENSITY, equilibrium, 0.0)
    c.pop("y_nu", None)
    if "mu_mu" in c:
        c.setdefault("mu_nu_mu", c["mu_mu"] - (c["mu_e"] - c["mu_nu_e"]))
    else:
        c.setdefault("mu_nu_mu", np.zeros_like(ye))
        muons = c["mu_nu_mu"] + c["mu_e"] - c["mu_nu_e"]
        c["mu_mu"] = muons if np.any(c["ymu"] > 0) else np.zeros_like(ye)
    integral = _mass_integral(c["radius"], density)
    c.setdefault("enclosed_mass", integral)
    c["metric"] = _metric_factor(c["radius"], density, c["enclosed_mass"], integral, raw.source)
    return c, tuple(sorted(set(c) - set(found) - {"metric"}))


def _checked(raw: Raw) -> dict[str, Array]:
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
        raise InputError(
            f"{source}: found {len(dense)} points of density above {SURFACE_DENSITY:.0e} g/cm^3;"
            " a core needs at least 3"
        )
    kept = {name: np.array(column[: dense[-1] + 1]) for name, column in columns.items()}
    for name, column in kept.items():
        if not np.all(np.isfinite(column)):
            raise InputError(f"{source}: column {name!r} holds what is no finite number")
        if name in POSITIVE and not np.all(column > 0):
            raise InputError(f"{source}: column {name!r} falls to {column.min():g}; must be > 0")
        if name in ("ye", "ymu") and not np.all((column >= 0) & (column <= 1)):
            raise InputError(f"{source}: column {name!r} leaves the range 0 to 1")
    if not np.all(np.diff(kept["radius"]) > 0):
        raise InputError(f"{source}: radii do not ascend; needs each row once, from the centre out")
    if "lapse" in kept and kept["lapse"].max() > 1:
        raise InputError(f"{source}: lapse rises to {kept['lapse'].max():g}; must be at most 1")
    if "enclosed_mass" in kept:
        mass = kept["enclosed_mass"]
        if mass[0] < 0 or not np.all(np.diff(mass) >= 0):
            raise InputError(f"{source}: enclosed mass falls; must grow outward from 0")
    return kept


def _mass_integral(radius: Array, density: Array) -> Array:
    """Integral of 4 pi r^2 rho dr up to each radius [solar masses], rho a power law in each shell.

    The centre, inside the first radius, has the density of the first point.
    """
    inner, outer = radius[:-1], radius[1:]
    ratio = np.log(density[1:] / density[:-1]) / np.log(outer / inner) + 3
    flat = np.abs(ratio) < 1e-6
    shells = np.where(
        flat,
        density[:-1] * inner**3 * np.log(outer / inner),
        (density[1:] * outer**3 - density[:-1] * inner**3) / np.where(flat, 1.0, ratio),
    )
    centre = density[0] * radius[0] ** 3 / 3
    return 4 * np.pi * KM3_G_PER_CM3 * np.concatenate([[centre], centre + np.cumsum(shells)])


def _metric_factor(
    radius: Array, density: Array, mass: Array, integral: Array, source: str
) -> Array:
    """Proper over coordinate volume at each radius, from the baryonic mass the file states.

    The baryonic mass of a star is the integral of rho over its proper volume, whose factor in a
    static metric is g = 1/sqrt(1 - 2 G m / (r c^2)) with the gravitational mass m. The file knows
    rho and the baryonic mass; so m = k Integral(4 pi r^2 rho dr) with the one constant k
    (energy per rest energy, about 1.05) that makes the integral of rho g meet the stated mass at
    the outermost trapped point. A Newtonian profile gives k = 0 and g = 1. One constant, not the
    ratio shell by shell, because stated masses carry discretisation errors of tens of percent in
    single shells.
    Raises InputError where mass and density disagree beyond what a metric can do.
    """
    last = int(np.nonzero(density >= min(fill.TRAPPING_DENSITY, density.max()))[0][-1])
    compactness = SCHWARZSCHILD * integral / radius
    shells = np.diff(integral[: last + 1], prepend=0.0)
    middle = compactness[: last + 1] - np.diff(compactness[: last + 1], prepend=0.0) / 2
    target = mass[last]
    mismatch = target / integral[last] - 1

    def total(k: float) -> float:
        return float(np.sum(shells / np.sqrt(1 - k * middle)))

    low, high = 0.0, min(1.5, 0.9 / float(compactness.max()))
    if mismatch < -0.1 or total(high) < target:
        raise InputError(
            f"{source}: the enclosed mass, {target:.4g} solar masses at {radius[last]:.4g} km,"
            f" disagrees with the integral of the density, {integral[last]:.4g}; the first may"
            f" exceed the second by the metric, up to {total(high):.4g}"
        )
    for _ in range(50):  # bisection: total() grows with k
        k = (low + high) / 2
        low, high = (k, high) if total(k) < target else (low, k)
    return np.asarray(1 / np.sqrt(1 - low * compactness))
