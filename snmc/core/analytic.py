"""Analytic cores, one profile standing for a duration, given in the card as a table."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from snmc.core import fill
from snmc.core.profile import Raw
from snmc.ground.errors import InputError, unknown_name
from snmc.ground.units import quantity

Array = npt.NDArray[np.float64]

# parameter: unit, default (None: must be given)
Parameters = Mapping[str, tuple[str, str | float | None]]

ONE_ZONE: Parameters = {
    "radius": ("km", None),
    "temperature": ("MeV", None),
    "mu_e": ("MeV", None),
    "mu_nu_e": ("MeV", None),
    "rho": ("g/cm^3", None),
    "duration": ("s", None),
}
# values of the fiducial profile as published, arXiv:1611.03864
CHANG_ESSIG_MCDERMOTT: Parameters = {
    "core_radius": ("km", "10 km"),
    "core_density": ("g/cm^3", "3e14 g/cm^3"),
    "core_temperature": ("MeV", "30 MeV"),
    "k_density": ("", 0.2),
    "k_temperature": ("", -0.5),
    "exponent": ("", 5.0),
    "proton_fraction": ("", 0.3),
    "outer_radius": ("km", "40 km"),
    "duration": ("s", None),
}
_POINTS = 400  # on each side of the core radius; interpolation is good to 1e-6


def one_zone(p: Mapping[str, float]) -> dict[str, Array]:
    """One temperature, density and set of chemical potentials out to a radius.

    `p`: the parameters of ONE_ZONE in their units. Ye = n_e(mu_e, T) / n_b; no muons; lapse 1.
    """
    _positive("one-zone", p, ("radius", "temperature", "mu_e", "rho", "duration"))
    radius = p["radius"] * np.linspace(0.1, 1, 10)
    one = np.ones_like(radius)
    electrons = fill.massless_density(p["mu_e"] * one, p["temperature"] * one, 2)
    ye = electrons / fill.baryon_density(p["rho"] * one)
    if ye[0] > 1:
        raise InputError(
            f"supernova.core.mu_e: {p['mu_e']:g} MeV gives {ye[0]:.3g} electrons per baryon at"
            f" {p['rho']:g} g/cm^3; must give at most 1"
        )
    return {
        "radius": radius,
        "temperature": p["temperature"] * one,
        "density": p["rho"] * one,
        "ye": ye,
        "mu_e": p["mu_e"] * one,
        "mu_nu_e": p["mu_nu_e"] * one,
        "lapse": one,
    }


def chang_essig_mcdermott(p: Mapping[str, float]) -> dict[str, Array]:
    """Fiducial profile of Chang, Essig and McDermott (arXiv:1611.03864).

    r < Rc: rho = rho_c (1 + k_rho (1 - r/Rc)), T = T_c (1 + k_T (1 - r/Rc));
    r >= Rc: rho = rho_c (r/Rc)^-nu, T = T_c (r/Rc)^(-nu/3). Ye = Yp, mu_nu_e = 0, lapse 1.
    `p`: the parameters of CHANG_ESSIG_MCDERMOTT in their units.
    """
    kind = "chang-essig-mcdermott"
    _positive(kind, p, ("core_radius", "core_density", "core_temperature", "exponent", "duration"))
    if not 0 < p["proton_fraction"] < 1:
        raise InputError(
            f"supernova.core.proton_fraction: found {p['proton_fraction']:g}; must lie in 0 to 1"
        )
    for key in ("k_density", "k_temperature"):
        if p[key] <= -1:
            raise InputError(f"supernova.core.{key}: found {p[key]:g}; must exceed -1")
    if p["outer_radius"] <= p["core_radius"]:
        raise InputError(
            f"supernova.core.outer_radius: found {p['outer_radius']:g} km; must exceed the"
            f" core_radius, {p['core_radius']:g} km"
        )
    scaled = np.concatenate([
        np.linspace(1 / _POINTS, 1, _POINTS),
        np.geomspace(1, p["outer_radius"] / p["core_radius"], _POINTS)[1:],
    ])  # fmt: skip
    inside = scaled < 1
    nu = p["exponent"]
    rho = np.where(inside, 1 + p["k_density"] * (1 - scaled), scaled**-nu)
    temperature = np.where(inside, 1 + p["k_temperature"] * (1 - scaled), scaled ** (-nu / 3))
    return {
        "radius": scaled * p["core_radius"],
        "density": rho * p["core_density"],
        "temperature": temperature * p["core_temperature"],
        "ye": np.full_like(scaled, p["proton_fraction"]),
        "mu_nu_e": np.zeros_like(scaled),
        "lapse": np.ones_like(scaled),
    }


TYPES: dict[str, tuple[Parameters, Callable[[Mapping[str, float]], dict[str, Array]]]] = {
    "one-zone": (ONE_ZONE, one_zone),
    "chang-essig-mcdermott": (CHANG_ESSIG_MCDERMOTT, chang_essig_mcdermott),
}


def build(table: Mapping[str, object]) -> tuple[Raw, float]:
    """Build the profile of a card's table with key `type`; also give its duration [s].

    Raises InputError for an unknown type, unknown or missing keys, wrong units, values out of
    range.
    """
    kind = str(table["type"])
    if kind not in TYPES:
        raise unknown_name("supernova.core.type", kind, TYPES)
    parameters, profile = TYPES[kind]
    for key in table:
        if key not in parameters and key != "type":
            raise unknown_name(f"supernova.core ({kind})", key, [*parameters, "type"])
    values = {}
    for key, (unit, default) in parameters.items():
        value = table.get(key, default)
        if value is None:
            raise InputError(
                f"supernova.core.{key}: missing; {kind} needs {', '.join(_needed(parameters))}"
            )
        values[key] = quantity(value, unit, f"supernova.core.{key}")
    columns = profile(values)
    return Raw(0.0, columns, f"supernova.core ({kind})"), values["duration"]


def _needed(parameters: Parameters) -> list[str]:
    return [key for key, (_, default) in parameters.items() if default is None]


def _positive(kind: str, p: Mapping[str, float], keys: tuple[str, ...]) -> None:
    for key in keys:
        if p[key] <= 0:
            raise InputError(f"supernova.core.{key} ({kind}): found {p[key]:g}; must be > 0")
