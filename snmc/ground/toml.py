"""Cards, TOML files, read from the disk: errors name the file and the line."""

import re
import tomllib
from pathlib import Path
from typing import Any

from snmc.ground.errors import InputError
from snmc.ground.files import read_bytes


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """Content of a TOML file in UTF-8, with or without a byte-order mark.

    `what`: what the file should be, for errors, such as "the card". Raises InputError, in one line,
    for what is no regular file, no UTF-8 or no TOML.
    """
    content = read_bytes(path, what)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}, line {line}: found bytes that are no UTF-8; needs {what} as UTF-8 text (TOML)"
        ) from error
    try:
        return tomllib.loads(text)
    except ValueError as error:  # also Python's own, for a number of too many digits
        raise InputError(_syntax_error(path, text, str(error))) from error
    except RecursionError as error:
        raise InputError(f"{path}: no valid TOML: tables or lists nested too deeply") from error


def _syntax_error(path: Path, text: str, message: str) -> str:
    """Name the file and the line of a syntax error, and guess at a missing quote."""
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", message, re.S)
    reason, line = (found[1], found[2]) if found else (message, None)
    number = int(line) if line else max(1, len(text.splitlines()))
    if "Cannot overwrite" in reason or "twice" in reason:
        reason = "the key or table is given twice"
    hint = ""
    if re.search(r"=\s*[-+.\d][^\"'#\[\]{},]*[a-zA-Z/]", _line(text, number)):
        hint = '; a value with a unit stands in quotes, such as "100 MeV"'
    return f"{path}, line {number}: no valid TOML: {reason}{hint}"


def _line(text: str, number: int) -> str:
    lines = text.splitlines()
    return lines[number - 1] if number <= len(lines) else ""
