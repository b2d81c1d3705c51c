"""The errors a user can meet: one clear line each, exit status 2."""

import difflib
from collections.abc import Iterable


class InputError(Exception):
    """Bad input: the message names the key or file, what was found and what is allowed."""


class NoEmissionError(InputError):
    """A model that makes no particle at all in its core: where it is too heavy, for one."""


class PhysicsError(Exception):
    """A calculation that cannot be trusted: no convergence, or outside its range of validity."""


class PhysicsWarning(UserWarning):
    """A result that stands, with a limitation the user must know by name."""


def unknown_name(key: str, found: str, allowed: Iterable[str]) -> InputError:
    """Error for a name that is none of the allowed ones, with the nearest spelling.

    If none is near, the longest of which it is the beginning, or the other way round, if that
    beginning has three letters or more.
    `key`: where the name was given; `found`: the name; `allowed`: every name that would do.
    """
    names = sorted(allowed)
    near = difflib.get_close_matches(found, names, n=1)
    near += sorted((name for name in names if _one_starts(name, found)), key=len, reverse=True)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return InputError(f"{key}: unknown {found!r}; allowed: {', '.join(names)}{hint}")


def _one_starts(name: str, other: str) -> bool:
    short, long = sorted((name, other), key=len)
    return len(short) >= 3 and long.startswith(short)
