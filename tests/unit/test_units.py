"""Quantities of cards: one number and its unit, read as what they mean or refused."""

import math
from pathlib import Path

import pytest
from astropy import units
from hypothesis import given, settings
from hypothesis import strategies as st

from snmc.ground.errors import InputError
from snmc.ground.text import LONGEST, printable, shown
from snmc.ground.units import amount, quantity, range_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("51.4 kpc", "m", 51.4e3 * 3.0856775814913673e16),
        ("51_400 pc", "m", 51.4e3 * 3.0856775814913673e16),
        ("100MeV", "GeV", 0.1),
        ("5 eV", "eV", 5.0),
        ("5e3eV", "keV", 5.0),
        ("1e-15 / MeV", "1/MeV", 1e-15),
        ("1e-15 1/MeV", "1/MeV", 1e-15),
        ("1e-12 1 / GeV", "1/MeV", 1e-15),
        ("1e-12 GeV^-1", "1/MeV", 1e-15),
        ("1e-12 GeV**(-1)", "1/MeV", 1e-15),
        ("1e-12 GeV-1", "1/MeV", 1e-15),
        ("3e14 g/cm^3", "kg/m3", 3e17),
        ("2 erg / s / cm2", "erg / (cm2 s)", 2.0),
        ("1 cm²", "m2", 1e-4),
        ("+.5 deg", "rad", math.pi / 360),
        ("1. hr\n", "s", 3600.0),
        ("50 %", "", 0.5),
        ("0.25", "", 0.25),
        (3, "", 3.0),
        (10**300, "", 1e300),
    ],
)
def test_what_is_meant_is_read(text, unit, value):
    """Catches a unit that is not converted, and a spelling of astropy or TOML that is refused."""
    assert quantity(text, unit, "key") == pytest.approx(value, rel=1e-14, abs=0)


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        # a second number, which astropy takes for a factor of the unit
        ("51 400 pc", "m", "'51 400 pc', where '400 pc' is no unit"),
        ("1 500 MeV", "MeV", "'1 500 MeV', where '500 MeV' is no unit"),
        ("1e3 10 kpc", "m", "'1e3 10 kpc', where '10 kpc' is no unit"),
        ("10 1e-3 kpc", "m", "where '1e-3 kpc' is no unit"),
        ("1 1/2 kpc", "m", "where '1/2 kpc' is no unit"),
        ("2 1 kpc", "m", "where '1 kpc' is no unit"),
        ("10 kpc 3", "m", "where 'kpc 3' is no unit"),
        ("10 cm 2", "cm2", "where 'cm 2' is no unit"),
        ("5 / 2 MeV", "1/MeV", "where '/ 2 MeV' is no unit"),
        ("1,000 kpc", "m", "where ',000 kpc' is no unit"),
        ("1.5.2 kpc", "m", "where '.2 kpc' is no unit"),
        ("1\n2 kpc", "m", "where '2 kpc' is no unit"),
        ("10³ kpc", "m", "where '³ kpc' is no unit"),
        ("1 ٣ kpc", "m", "where '٣ kpc' is no unit"),
        ("1__0 kpc", "m", "where '__0 kpc' is no unit"),
        ("1 _0 kpc", "m", "where '_0 kpc' is no unit"),
        # no number, or none that a computer holds
        ("[1,2] MeV", "MeV", "'[1,2] MeV'; needs"),
        ("", "MeV", "''; needs"),
        ("  ", "MeV", "'  '; needs"),
        ("MeV", "MeV", "'MeV'; needs"),
        ("nan MeV", "MeV", "'nan MeV'; needs"),
        ("-inf MeV", "MeV", "'-inf MeV'; needs"),
        ("1+2j MeV", "MeV", "where '+2j MeV' is no unit"),
        ("1j", "", "where 'j' is no unit"),
        ("1e400 MeV", "MeV", "'1e400 MeV', which is not finite"),
        ("1e308 Mpc", "m", "'1e308 Mpc', which is not finite"),
        (math.nan, "", "nan, which is not finite"),
        (10**400, "", "..., which is not finite"),
        pytest.param(16**9999, "", "0x1000", id="hexadecimal"),
        pytest.param(16**9999, "MeV", "... without a unit", id="hexadecimal without a unit"),
        ([1], "", "[1]; needs"),
        ({"a": 1}, "MeV", "{'a': 1}; needs"),
        (True, "", "true; needs"),
        # no unit, or another
        ("1", "MeV", "'1' without a unit"),
        (1, "MeV", "1 without a unit"),
        ("1 MeVV", "MeV", "where 'MeVV' is no unit"),
        ("1 MeV MeV", "MeV", "'1 MeV MeV'; needs"),
        ("1 s", "MeV", "'1 s'; needs"),
        ("1 MeV", "", "'1 MeV'; needs"),
        ("1d5 kpc", "m", "'1d5 kpc'; needs"),
        ("2 dex(MeV)", "MeV", "where 'dex(MeV)' is no unit"),
        ("1 kpc,", "m", "where 'kpc,' is no unit"),
        ("1 m^1e400", "m", "where 'm^1e400' is no unit"),
        ("1 m^" + "9" * 400, "m", "is no unit"),
        ("1 m^-99999999999", "m", "'1 m^-99999999999'; needs"),
        ("1 \x1b[31m", "m", "where '\\x1b[31m' is no unit"),
    ],
)
def test_what_is_no_quantity_is_refused_in_one_line(value, unit, said):
    """Catches a number silently read as another one, and a traceback of astropy or Python."""
    with pytest.raises(InputError) as error:
        quantity(value, unit, "key")
    line = str(error.value)
    assert line.startswith("key: found ")
    assert said in line
    assert len(line) < 250
    assert line.isprintable()


@settings(max_examples=400, derandomize=True)
@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.sampled_from("0123456789 _.,e+-/*^()kMpcVs\n"), max_size=12),
)
def test_a_text_never_means_another_number(number, rest):
    """Catches any text whose number is not the one it begins with, read in the unit behind it."""
    text = f"{number!r} {rest}"
    try:
        read = quantity(text, "m", "key")
    except InputError:
        return
    given = units.Unit(rest.strip(" \n"))
    assert read == number * given.to("m")
    assert units.CompositeUnit(1, given.bases, given.powers) == given  # without a factor


def test_nobody_else_reads_units():
    """Catches a second reader of quantities, with rules of its own."""
    files = [*(ROOT / "snmc").rglob("*.py"), *(ROOT / "generators").glob("*.py")]
    assert [
        path.name for path in files if "astropy import" in path.read_text(encoding="utf-8")
    ] == ["units.py"]


def test_ranges_are_worded():
    """Catches an inverse unit that reads `1 1/MeV`, and a range without end that names infinity."""
    assert amount(1e-15, "1/MeV") == "1e-15 / MeV"
    assert range_of("MeV", 0, 10) == "a number with a unit like MeV, from 0 MeV to 10 MeV"
    assert range_of("", 0.5, math.inf) == "a number, from 0.5 up"


def test_what_was_found_fits_into_a_line():
    """Catches a line of megabytes, and the ValueError of Python for integers without end."""
    for value in ("x" * 100, list(range(100)), 10**100, 16**9999, [16**9999]):
        assert 0 < len(shown(value)) <= LONGEST


def test_letters_stay_and_controls_are_escaped():
    """Catches umlauts or Chinese escaped, and any character that a terminal obeys let through."""
    assert printable("a ü µ 中\u00a0\u2003b\nc") == "a ü µ 中\u00a0\u2003b\nc"
    for code in [*range(10), *range(11, 32), *range(127, 160), 0x200E, 0x202E, 0x2066, 0xD800]:
        escaped = printable(chr(code))
        assert escaped.startswith("\\")
        assert escaped.isascii()
        assert escaped.isprintable()
