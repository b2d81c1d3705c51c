"""The one reader of text tables: what people and programs write, and what is refused and why."""

import os
from pathlib import Path

import numpy as np
import pytest

from snmc.ground.errors import InputError
from snmc.ground.text_tables import decode, guess, lines_of, number, read_table

KNOWN = ("time", "height", "width")
PLAIN = "time height width\n0 1 2\n1.5 3e5 4e-101\n"
VALUES = np.array([[0, 1, 2], [1.5, 3e5, 4e-101]])

SAME = {
    "plain": PLAIN.encode(),
    "byte order mark": b"\xef\xbb\xbf" + PLAIN.encode(),
    "utf-16": PLAIN.encode("utf-16"),
    "windows": PLAIN.replace("\n", "\r\n").encode(),
    "old macintosh": PLAIN.replace("\n", "\r").encode(),
    "latin-1": ("# H\xf6he in \xb5m, width\n" + PLAIN).encode("latin-1"),
    "fortran": b"time height width\n0 1 2\n1.5 3D5 4.0-101\n",
    "capitals": b"Time HEIGHT Width\n0 1 2\n1.5 3e5 4e-101\n",
    "commas": b"time, height ,width\n0,1,2\n1.5, 3e5,4e-101,\n",
    "semicolons and tabs": b"time;height;width\n0\t1\t2\n1.5;3e5;4e-101\n",
    "quotes": b'"time","height","width"\n"0","1","2"\n1.5,3e5,4e-101\n',
    "header in a comment": b"#time height width\n0 1 2\n1.5 3e5 4e-101\n",
    "comment with a name": b"# the time after the bang, in s\n" + PLAIN.encode(),
    "comment as wide": b"# in time order\n" + PLAIN.encode(),
    "units below the header": PLAIN.replace("\n0", "\n# time [s], size [m]\n0").encode(),
    "row of units": PLAIN.replace("\n0", "\ns m m\n0").encode(),
    "units in brackets": PLAIN.replace("height width", "[s] height (m) width[m]").encode(),
    "prose above": b"made by nobody in 2012\n" + PLAIN.encode(),
    "comments behind": PLAIN.replace("1 2\n", "1 2 # the first\n\n! a note\n").encode(),
    "no end of line": PLAIN.rstrip().encode(),
}


@pytest.mark.parametrize("case", SAME)
def test_the_same_table(tmp_path: Path, case: str) -> None:
    """Catches a way of writing that is refused, read as other numbers, or loses the names."""
    path = tmp_path / "table.txt"
    path.write_bytes(SAME[case])
    table = read_table(path, known=KNOWN)
    assert table.names == KNOWN
    np.testing.assert_array_equal(table.values, VALUES)
    np.testing.assert_array_equal(table["height"], VALUES[:, 1])


def test_a_table_without_a_header(tmp_path: Path) -> None:
    """Catches a comment taken for names, or a first row lost to a header that is not there."""
    path = tmp_path / "table.txt"
    path.write_text("# time and more\n0 1 2\n1.5 3e5 4e-101\n")
    table = read_table(path, known=KNOWN)
    assert table.names == ()
    np.testing.assert_array_equal(table.values, VALUES)
    assert table.place(1, 2).endswith("line 3, column 3")


BAD = {
    "word": ("time height\n0 1\n1 x\n", r"line 3, column 'height': found 'x'; needs a number$"),
    "stars": ("time height\n0 1\n1 ****\n2 3\n", r"line 3, column 'height': found '\*\*\*\*'"),
    "first row": ("time height\n0 x\n1 2\n", r"line 2, column 'height': found 'x'"),
    "nan": ("0 1\n1 nan\n", "line 2, column 2: found 'nan'; needs a finite number"),
    "huge": ("0 1\n1 1.0+999\n", "needs a finite number"),
    "short": ("time height\n0 1\n1\n2 3\n", r"line 3: found 1 numbers; needs 2 \(time, height\)$"),
    "long": ("0 1\n1 2 3\n2 3\n", "line 2: found 3 numbers; needs 2$"),
    "cut off": ("# c\n0 1\n1 2\n2", "line 4: found 1 numbers; needs 2; is the file cut off"),
    "gap": ("0,1\n1,\n", "line 2, column 2: found ''; needs a number"),
    "python": ("0 1\n1 1_0\n", "found '1_0'"),
    "empty": ("# nothing\n", "found no row of numbers"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_told_where(tmp_path: Path, case: str) -> None:
    """Catches an untrue reason, a wrong line, and rows that are dropped in silence."""
    path = tmp_path / "table.txt"
    text, told = BAD[case]
    path.write_text(text)
    with pytest.raises(InputError, match=told) as caught:
        read_table(path, known=KNOWN)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_no_text_and_no_file(tmp_path: Path) -> None:
    """Catches bytes taken for numbers, and a pipe that is waited for without end."""
    (tmp_path / "bytes").write_bytes(b"0 1\n\0\1\2")
    with pytest.raises(InputError, match=r"cannot read the table: found bytes that are no text"):
        read_table(tmp_path / "bytes")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="found a pipe or device"):
        read_table(tmp_path / "pipe")
    assert decode(b"\x7fELF\0") is None


@pytest.mark.parametrize(
    ("word", "value"),
    [("1d5", 1e5), ("1.5D-03", 1.5e-3), ("-.5Q2", -50), ("1.23-101", 1.23e-101), ("2+100", 2e100),
     ("\N{MINUS SIGN}3", -3), ("15", 15), ("1-", None), ("", None), ("0x10", None), ("1e", None)],
)  # fmt: skip
def test_numbers(word: str, value: float | None) -> None:
    """Catches Fortran's exponents read as two numbers, and words taken for numbers."""
    assert number(word) == value


@pytest.mark.parametrize(
    ("given", "refused"),
    [("MeV", False), ("GeV", True), ("10^9 K", True), ("0.001 GeV", False), ("2", False),
     ("with rest mass", False), ("T", False), ("", False)],
)  # fmt: skip
def test_units_of_the_header_are_those_needed(tmp_path: Path, given: str, refused: bool) -> None:
    """Catches numbers read in one unit under a header that names another.

    Numbers of columns, remarks and other quantities are no such units.
    """
    path = tmp_path / "table.txt"
    path.write_text(f"# a title\n'time' [s], 'heat' ({given})\n1, 2\n3, 4\n")
    known = {"time": "s", "heat": "MeV"}
    if not refused:
        assert read_table(path, known=known)["heat"].tolist() == [2, 4]
        return
    with pytest.raises(InputError, match=r"line 2, column 'heat': found the unit .*needs MeV"):
        read_table(path, known=known)


def test_lines_keep_their_numbers() -> None:
    """Catches lines counted without the blank ones, so that errors point to others."""
    lines = lines_of("\n# a\n\n1 2\n")
    assert [(line.number, line.comment) for line in lines] == [(2, True), (4, False)]


def test_a_unit_is_guessed_only_where_it_explains() -> None:
    """Catches a guess at random: a value that no unit explains gets none."""
    units = {"kelvin": 8.617e-11, "keV": 1e-3}
    assert guess(3.5e11, 0.1, 100, units, "MeV") == "; is it in kelvin? (30.2 MeV then)"
    assert guess(3e4, 0.1, 100, units, "MeV") == "; is it in keV? (30 MeV then)"
    assert guess(1e30, 0.1, 100, units, "MeV") == ""
