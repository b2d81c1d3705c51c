"""Tables in text files, as people and programs of all kinds write them; one reader for all.

Plain meanings are taken: byte-order marks, line ends of any system, latin-1, numbers with Fortran's
exponents (1D5, 1.23-101), commas, semicolons or blanks between the columns, comments (#, ! or %)
anywhere, names of columns in any case, with units in brackets behind them. All else is refused with
file, line, column, what was found and what is needed.
"""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from snmc.ground.errors import InputError
from snmc.ground.files import read_bytes
from snmc.ground.units import unit_size

Array = npt.NDArray[np.float64]

_COMMENT = re.compile(r"[#!]")  # % only at the beginning: within a line it says per cent
_MARKED = re.compile(r"[,;]")
_GAP = re.compile(r"\s*[,;]\s*|\s+")
_BRACKETS = re.compile(r"\[[^\]]*\]|\([^)]*\)")
_NAME_OR_UNIT = re.compile(r"\[([^\]]*)\]|\(([^)]*)\)|([^\s,;\[(]+)")
# the exponent of Fortran: D or Q for E, and no letter before three digits
_FORTRAN = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+))(?:[eEdDqQ]([-+]?\d+)|([-+]\d+))")
_BYTE_ORDERS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


@dataclass(frozen=True)
class Line:
    """One line of a file: `number` from 1, `text` without its comment, or the comment's own."""

    number: int
    text: str
    comment: bool

    @property
    def words(self) -> list[str]:
        """What commas, semicolons or blanks part, without quotes; empty between two commas."""
        parted = _GAP.split(self.text) if _MARKED.search(self.text) else self.text.split()
        return [word.strip("\"'") for word in parted]

    @property
    def names(self) -> list[str]:
        """The words in small letters, without units in brackets, as names of columns."""
        bare = _BRACKETS.sub(" ", self.text).strip(" ,;")
        return [word.strip("\"'").lower() for word in _GAP.split(bare)] if bare else []

    @property
    def units(self) -> dict[str, str]:
        """What stands in brackets behind each of the names, where something does."""
        found, name = dict[str, str](), ""
        for square, round_, word in _NAME_OR_UNIT.findall(self.text):
            if word:
                name = word.strip("\"'").lower()
            elif name:
                found[name] = (square or round_).strip()
        return found

    def is_row(self, columns: int | None = None) -> bool:
        """Whether its words, or the first `columns`, are numbers, of which some may be missing."""
        numbers = [number(word) for word in self.words[:columns] if word]
        return not self.comment and bool(numbers) and None not in numbers


@dataclass(frozen=True)
class Table:
    """Numbers of a file: `values` (rows, columns), `names` in small letters, empty if not told.

    `lines` (rows,): the number of each row's line. `head`: the lines above the numbers.
    """

    path: Path
    names: tuple[str, ...]
    values: Array
    lines: npt.NDArray[np.intp]
    head: tuple[Line, ...]

    def __getitem__(self, name: str) -> Array:
        """The column of that name (rows,)."""
        return self.values[:, self.names.index(name)]

    def place(self, row: int, column: int | str) -> str:
        """Where the number in that row and column stands, for an error."""
        named = _named(column, self.names) if isinstance(column, int) else repr(column)
        return f"{self.path}: line {self.lines[row]}, column {named}"


def decode(data: bytes) -> str | None:
    """The text of a file's bytes: UTF-8 or UTF-16 by their mark, else UTF-8, else latin-1.

    None for what is no text. Line ends of all systems become one.
    """
    try:
        for mark, encoding in _BYTE_ORDERS:
            if data.startswith(mark):
                text = data.decode(encoding)
                break
        else:
            text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return None if "\0" in text else text.replace("\r\n", "\n").replace("\r", "\n")


def read_text(path: Path, what: str) -> str:
    """Text of a regular file, see `decode`. `what` it should be, such as "the table", for errors.

    Raises InputError.
    """
    text = decode(read_bytes(path, what))
    if text is None:
        raise InputError(f"{path}: cannot read {what}: found bytes that are no text")
    return text


def number(word: str) -> float | None:
    """The number a word stands for, with Fortran's exponents; None if it is none."""
    word = word.replace("\N{MINUS SIGN}", "-")
    if "_" in word:  # a number of Python's own, which nobody means
        return None
    try:
        return float(word)
    except ValueError:
        match = _FORTRAN.fullmatch(word)
        return float(f"{match[1]}E{match[2] or match[3]}") if match else None


def lines_of(text: str) -> list[Line]:
    """The lines of a text that are not blank."""
    found = []
    for count, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        comment = line.startswith(("#", "!", "%"))
        line = line.lstrip("#!% \t") if comment else _COMMENT.split(line)[0].rstrip()
        if line:
            found.append(Line(count, line, comment))
    return found


def rows_of(
    path: Path,
    lines: Sequence[Line],
    width: int,
    names: Sequence[str] = (),
    *,
    gaps: bool = False,
    text_behind: bool = False,
) -> tuple[Array, npt.NDArray[np.intp]]:
    """Numbers (rows, `width`) of the lines that are no comments, and the lines' numbers (rows,).

    `names` of the columns, for errors; `gaps`: whether an empty place is a NaN; `text_behind`:
    whether more words may follow. Raises InputError for what is no finite number, and for a row
    that is shorter or longer.
    """
    kept = [line for line in lines if not line.comment]
    rows = np.empty((len(kept), width))
    for row, line in zip(rows, kept, strict=True):
        words = line.words
        while len(words) > width and not words[-1]:
            words.pop()
        if len(words) < width or (len(words) > width and not text_behind):
            cut = "; is the file cut off there?" if line is kept[-1] and len(kept) > 1 else ""
            raise InputError(
                f"{path}: line {line.number}: found {len(words)} numbers; needs {width}"
                + (f" ({', '.join(names)})" if names else "") + cut
            )  # fmt: skip
        for column, word in enumerate(words[:width]):
            value = float("nan") if gaps and not word else number(word)
            if value is None or (word and not np.isfinite(value)):
                needed = "number" if value is None else "finite number"
                raise InputError(
                    f"{path}: line {line.number}, column {_named(column, names)}: found {word!r};"
                    f" needs a {needed}"
                )
            row[column] = value
    return rows, np.array([line.number for line in kept], dtype=np.intp)


def _named(column: int, names: Sequence[str]) -> str:
    """A column by its name, in quotes, or by its number from 1."""
    return repr(names[column]) if column < len(names) else str(column + 1)


def read_table(
    path: Path,
    what: str = "the table",
    known: Collection[str] = (),
    *,
    columns: int | None = None,
    gaps: bool = False,
) -> Table:
    """Read one table of numbers from a file.

    `what` it should be, and `known`, the names that columns may have, in small letters, by which
    the header is told from comments; further names may be there. As a mapping from names to units
    in astropy's spelling it also says in which units the numbers are read: a header that has
    another one in brackets is refused. `columns`: how many there are, where text may follow;
    `gaps`: whether an empty place is a NaN.
    Raises InputError, naming file, line and column.
    """
    return table_of(path, read_text(path, what), known, columns=columns, gaps=gaps)


def table_of(
    path: Path,
    text: str,
    known: Collection[str] = (),
    *,
    columns: int | None = None,
    gaps: bool = False,
) -> Table:
    """The table in the text of a file, see `read_table`."""
    lines = lines_of(text)
    start = next((i for i, line in enumerate(lines) if line.is_row(columns)), len(lines))
    header = header_of(lines[:start], known, len(lines[start].words) if start < len(lines) else 0)
    names = tuple(header.names[:columns]) if header else ()
    if header and isinstance(known, Mapping):
        _check_units(path, header, known)
    for i, line in enumerate(lines[:start]):
        # Text above the header is a title, below it units; with a number, it is a damaged row.
        behind = header is not None and line.number > header.number and not line.comment
        if behind and any(number(word) is not None for word in line.words):
            start = i
            break
    if start == len(lines):
        raise InputError(f"{path}: found no row of numbers")
    width = columns or len(names) or len(lines[start].words)
    values, numbers = rows_of(
        path, lines[start:], width, names, gaps=gaps, text_behind=columns is not None
    )
    return Table(path, names, values, numbers, tuple(lines[:start]))


def _check_units(path: Path, header: Line, needed: Mapping[str, str]) -> None:
    """InputError for a unit in the header that is another one of the same quantity.

    What is no such unit, as the number of a column or a remark, is no matter.
    """
    for name, given in header.units.items():
        unit = needed.get(name, "")
        size = unit_size(given, unit) if unit else None
        if size is not None and not math.isclose(size, 1, rel_tol=1e-3):
            raise InputError(
                f"{path}: line {header.number}, column {name!r}: found the unit {given!r}; needs"
                f" {unit}"
            )


def header_of(head: Sequence[Line], known: Collection[str], width: int) -> Line | None:
    """The line above the numbers that names the columns, if there is one.

    It has the most `known` names; a comment must know all of its words, or half of them and have
    the `width` of the rows. If no line knows a name, the last that is no comment.
    """
    best, most = None, 0
    for line in head:
        names = line.names
        knows = sum(name in known for name in names)
        if line.comment and not (
            (knows == len(names) and knows > 1) or (2 * knows >= len(names) == width)
        ):
            continue
        if knows > most:
            best, most = line, knows
    plain = [line for line in head if not line.comment]
    return best or (plain[-1] if plain else None)


def guess(
    found: float,
    low: float,
    high: float,
    units: Mapping[str, float],
    needed: str,
    question: str = "is it in {}?",
) -> str:
    """The question which mistaken unit would explain a value, to be put behind an error.

    `found` lies outside what is allowed; `units`: name of a unit and its size in the one `needed`.
    The first that brings the value into `low` to `high` is asked for; empty if none does.
    """
    for unit, size in units.items():
        if low <= found * size <= high:
            value = f"{found * size:.3g} {needed}".strip()
            return f"; {question.format(unit)} ({value} then)"
    return ""
