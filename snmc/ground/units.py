"""Physical constants, and units at the edge.

Inside snmc: energies, masses and temperatures in MeV, lengths in m unless a name says otherwise,
times in s, angles in rad. Only cards and messages carry other units; they are converted here.
"""

import math

from snmc.ground.errors import InputError

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


def quantity(value: object, unit: str, key: str) -> float:
    """Convert a card's value with a unit, such as `"51.4 kpc"`, to a number in `unit`.

    `value`: text with a number and a unit; a bare number is allowed only where `unit` is empty.
    `unit`: the unit of the result, in astropy's spelling. `key`: named in the error.
    Raises InputError for a missing or wrong dimension, for what is no number, and for NaN.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InputError(f"{key}: found {value!r}; needs a number" + _with_unit(unit))
    if isinstance(value, int | float):
        if unit:
            raise InputError(
                f"{key}: found {value!r} without a unit; needs a number" + _with_unit(unit)
            )
        return _finite(float(value), value, key, unit)
    from astropy import units

    try:
        number = units.Quantity(value).to_value(unit or units.dimensionless_unscaled)
    except (TypeError, ValueError) as error:
        raise InputError(f"{key}: found {value!r}; needs a number" + _with_unit(unit)) from error
    return _finite(float(number), value, key, unit)


def _with_unit(unit: str) -> str:
    return f' with a unit of the dimension of {unit}, such as "1 {unit}"' if unit else ""


def _finite(number: float, found: object, key: str, unit: str) -> float:
    if not math.isfinite(number):
        raise InputError(f"{key}: found {found!r}; needs a finite number" + _with_unit(unit))
    return number
