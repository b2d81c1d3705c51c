"""Physical constants, and units at the edge.

Inside snmc: energies, masses and temperatures in MeV, lengths in m unless a name says otherwise,
times in s, angles in rad. Only cards and messages carry other units; they are converted here.
"""

import math
import re
import warnings

from snmc.ground.errors import InputError
from snmc.ground.text import shown

# CODATA 2018 and PDG 2022; exact where the SI makes them so.
C_LIGHT = 299_792_458.0  # m/s
HBAR_C = 197.326_980_4  # MeV fm
HBAR = 6.582_119_569e-22  # MeV s
ALPHA = 1 / 137.035_999_084  # fine-structure constant
G_FERMI = 1.166_378_8e-11  # MeV^-2
MEV_IN_ERG = 1.602_176_634e-6
M_ELECTRON = 0.510_998_950_00  # MeV
M_MUON = 105.658_375_5  # MeV
M_PROTON = 938.272_088_16  # MeV
M_NEUTRON = 939.565_420_52  # MeV
M_PION_CHARGED = 139.570_39  # MeV
M_PION_NEUTRAL = 134.976_8  # MeV
M_TAU = 1776.86  # MeV
F_PION = 130.2  # MeV, decay constant: FLAG 2021, arXiv:2111.09849
V_UD = 0.973_73  # PDG 2022
SIN2_THETA_W = 0.231_21  # MS-bar at M_Z, PDG 2022
ATOMIC_MASS_G = 1.660_539_066_60e-24  # g
AVOGADRO = 6.022_140_76e23  # 1/mol
G_NEWTON = 6.674_30e-11  # m^3 kg^-1 s^-2
SOLAR_MASS_KG = 1.988_41e30  # IAU 2015 nominal GM over G
PARSEC = 3.085_677_581_491_367e16  # m

BOHR_MAGNETON = math.sqrt(4 * math.pi * ALPHA) / (2 * M_ELECTRON)  # 1/MeV, e/(2 m_e)
RATE_DENSITY = 1 / (HBAR * (HBAR_C * 1e-13) ** 3)  # 1 MeV^4 in cm^-3 s^-1


_ROUNDING = 1e-12  # relative; the end of a range given in another unit is still the end
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:_[0-9]+)*\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_EXPONENT = re.compile(r"(?<=[^\W\d_]|\))(?:\s*(?:\^|\*\*)\s*\(?[+-]?[0-9]+\)?|[+-]?[0-9]+)")


def quantity(value: object, unit: str, key: str) -> float:
    """Convert a card's value with a unit, such as `"51.4 kpc"`, to a number in `unit`.

    `value`: text with one number and a unit; a bare number is allowed only where `unit` is empty.
    `unit`: the unit of the result, in astropy's spelling. `key`: named in the error.
    Raises InputError for a missing or wrong dimension, for what is no number, and for NaN.
    """
    try:
        return converted(value, unit)
    except ValueError as error:
        such = f' with a unit of the dimension of {unit}, such as "1 {unit}"' if unit else ""
        raise InputError(f"{key}: found {shown(value)}{error}; needs a number{such}") from error


def converted(value: object, unit: str) -> float:
    """Convert as `quantity`, for callers that word the error themselves.

    Raises ValueError; its text, which may be empty, goes on after what was found.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError
    if isinstance(value, str):
        number, factor = _read(value.strip(), unit)
    elif unit:
        raise ValueError(" without a unit")
    else:
        number, factor = value, 1.0
    try:
        result = float(number) * factor
    except OverflowError:  # of an integer of hundreds of digits
        result = math.inf
    if not math.isfinite(result):
        raise ValueError(", which is not finite")
    return result


def number_within(value: object, unit: str, low: float, high: float) -> float:
    """Convert as `converted`, to a number from `low` to `high` [`unit`], ends included.

    Raises ValueError, whose text goes on after what was found.
    """
    number = converted(value, unit)
    if not low - _ROUNDING * abs(low) <= number <= high + _ROUNDING * abs(high):
        raise ValueError
    return min(max(number, low), high)


def range_of(unit: str, low: float, high: float) -> str:
    """Say what `number_within` takes."""
    number = f"a number with a unit like {unit}" if unit else "a number"
    upward = f"to {amount(high, unit)}" if math.isfinite(high) else "up"
    return f"{number}, from {amount(low, unit)} {upward}"


def amount(number: float, unit: str) -> str:
    """Write a number and its unit, `1e-15 / MeV` for 1/MeV."""
    if unit.startswith("1/"):
        return f"{number:g} / {unit[2:]}"
    return f"{number:g} {unit}".strip()


def unit_size(text: str, unit: str) -> float | None:
    """How many of `unit` are in the unit that `text` names, of the same quantity.

    Temperatures are energies times k_B, masses energies over c^2. None if `text` names no such
    unit, or none at all.
    """
    from astropy import units

    alike = [*units.temperature_energy(), *units.mass_energy()]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", units.UnitsWarning)  # of a / b / c
            return float(units.Unit(text).to(unit, equivalencies=alike))
    except (AttributeError, TypeError, ValueError, OverflowError):
        return None


def whole(value: object) -> object:
    """A float that is a whole number, such as 1e5, as an integer; anything else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _read(text: str, unit: str) -> tuple[float, float]:
    """The one number of a text, and how many of `unit` are in the unit behind it."""
    found = _NUMBER.match(text)
    if found is None:
        raise ValueError
    number, given = float(found[0]), text[found.end() :].strip()
    if not given and unit:
        raise ValueError(" without a unit")
    return number, _factor(given, unit) if given else 1.0


def _factor(given: str, unit: str) -> float:
    """How many of `unit` are in `given`, which may hold no number but exponents and the 1 of 1/s.

    A number that stands there, as in "51 400 pc", would be taken for a factor of the unit.
    """
    wrong = ValueError(f", where {shown(given)} is no unit")
    if re.search(r"\d", _EXPONENT.sub("", re.sub(r"^1\s*/", "/", given))):
        raise wrong
    from astropy import units

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", units.UnitsWarning)  # of a / b / c, whose meaning is plain
        try:
            read = units.Unit(given)
        except (TypeError, ValueError) as error:
            raise wrong from error
    if not isinstance(read, units.UnitBase):  # logarithmic units, lists of units
        raise wrong
    try:
        return float(read.to(unit or units.dimensionless_unscaled))
    except (units.UnitConversionError, OverflowError) as error:
        raise ValueError from error
