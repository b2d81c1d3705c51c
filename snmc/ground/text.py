"""Words for a reader: what was found, and what a terminal can show without obeying it."""

import unicodedata
from collections.abc import Iterable

LONGEST = 60  # characters of what was found that an error shows


def shown(value: object) -> str:
    """Show what was found, as a card would spell it, short enough for one line."""
    if isinstance(value, bool):
        return str(value).lower()
    try:
        text = repr(value)
    except ValueError:  # Python writes no integer of thousands of digits
        text = f"{value:#x}" if isinstance(value, int) else f"a {type(value).__name__}"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def key_of(place: Iterable[str | int]) -> str:
    """A key in tables and lists as cards write it, `limit.compare[1].mass`, counted from 1."""
    parts = (f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in place)
    return "".join(parts).removeprefix(".")


def quantity(number: float, unit: str) -> str:
    """A number with its unit, to three digits: `1e-15/MeV`, `10 MeV`."""
    per = unit.startswith("1/")
    return f"{number:.3g}{unit.removeprefix('1') if per else ' ' + unit}".rstrip()


def printable(text: str) -> str:
    r"""Text with its control characters escaped, as `\x1b`, but for the ends of lines.

    What comes from a file may hold what a terminal obeys: colours, a new title, the direction of
    writing. Letters and blanks of all scripts stay.
    """
    return "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if character.isprintable() or character == "\n" or unicodedata.category(character) == "Zs":
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
