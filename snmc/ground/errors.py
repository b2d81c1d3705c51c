"""The errors a user can meet: one clear line each, exit status 2."""

import difflib
from collections.abc import Iterable

from snmc.ground.text import shown


class InputError(Exception):
    """Bad input: each message names the key or file, what was found and what is allowed.

    There are as many messages as things are wrong, one a line of the text.
    """

    @property
    def messages(self) -> tuple[str, ...]:
        """What is wrong, one message a thing."""
        return tuple(map(str, self.args))

    def __str__(self) -> str:
        return "\n".join(self.messages)


class NoEmissionError(InputError):
    """A model that makes no particle at all in its core: where it is too heavy, for one."""


class PhysicsError(Exception):
    """A calculation that cannot be trusted: no convergence, or outside its range of validity."""


class PhysicsWarning(UserWarning):
    """A result that stands, with a limitation the user must know by name."""


def unknown_name(key: str, found: str, allowed: Iterable[str]) -> InputError:
    """Error for a name that is none of the allowed ones, with the nearest spelling.

    `key`: where the name was given; `found`: the name; `allowed`: every name that would do.
    """
    return InputError(f"{key}: {unknown(found, allowed)}")


def unknown(found: str, allowed: Iterable[str]) -> str:
    """Say that a name is none of the allowed ones, with the nearest spelling.

    If none is near, the longest of which it is the beginning, or the other way round, if that
    beginning has three letters or more.
    """
    names = sorted(allowed)
    near = difflib.get_close_matches(found, names, n=1)
    near += sorted((name for name in names if _one_starts(name, found)), key=len, reverse=True)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown {shown(found)}; allowed: {', '.join(names) or 'none'}{hint}"


def _one_starts(name: str, other: str) -> bool:
    short, long = sorted((name, other), key=len)
    return len(short) >= 3 and long.startswith(short)
