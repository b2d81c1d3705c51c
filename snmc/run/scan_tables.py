"""The tables [scan] and [limit] of a card: their keys, and what can be said of each alone.

What needs the model or the detectors, such as the range of masses, is checked when the scan is
loaded (`snmc.run.scan_card`).
"""

import os
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator

from snmc.ground.text import shown
from snmc.ground.units import number_within
from snmc.run.values import (
    CompleteError,
    Section,
    Table,
    Whole,
    line_of_text,
    one_of,
    root_file,
    within,
)

Spacing = Literal["log", "linear"]
Method = Literal["counting", "spectrum", "energy"]
Statistic = Literal["likelihood-ratio", "poisson"]
Edge = Literal["lower", "upper"]
Counts = float | Literal["background"]
Background = float | Literal["observed"]

ENERGY = "energy"
"""Stands for a detector: the energy [erg] that leaves the core with the particles."""

LARGEST = 1000  # values along mass or coupling
RATE = "1/s"

Number = Annotated[Any, BeforeValidator(lambda value: _number_or_text(value))]


def _number_or_text(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError
    return value


def _values(value: object) -> object:
    """Let through a list of values that differ."""
    if not isinstance(value, list) or not value:
        raise ValueError
    if len({repr(item) for item in value}) < len(value):
        raise CompleteError(f"found {shown(value)}; needs values that differ")
    return tuple(value)


def _numbers(value: object) -> object:
    values = _values(value)
    if not isinstance(values, tuple) or len(values) > LARGEST:
        raise ValueError
    return tuple(_number_or_text(one) for one in values)


class Range(Section):
    """Values along an axis: from and to with a number of points, or each of them."""

    start: Number = Field(default=None, alias="from", description="a number with its unit")
    stop: Number = Field(default=None, alias="to", description="a number with its unit")
    points: Whole | None = Field(
        default=None, ge=1, le=LARGEST, description=f"a whole number from 1 to {LARGEST}"
    )
    spacing: Annotated[Spacing, one_of(*get_args(Spacing))] = Field(
        default="log", description='"log" or "linear"'
    )
    values: Annotated[tuple[Any, ...], BeforeValidator(_numbers)] | None = Field(
        default=None, description=f"a list of 1 to {LARGEST} numbers with their unit"
    )

    @model_validator(mode="after")
    def _complete(self) -> "Range":
        given = {"from": self.start, "to": self.stop, "points": self.points}
        found = [key for key, value in given.items() if value is not None]
        if self.values is not None and found:
            raise CompleteError(f"found values and {', '.join(found)}; needs one or the other")
        if self.values is None and len(found) < len(given):
            missing = ", ".join(key for key in given if key not in found)
            raise CompleteError(f"missing {missing}; needs from, to and points, or values")
        return self


class MassRange(Range):
    """The masses; a list alone gives each of them."""

    @model_validator(mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        return {"values": value} if isinstance(value, list) else value


def _names(value: object) -> object:
    names = (value,) if isinstance(value, str) else _values(value)
    if not isinstance(names, tuple) or not all(isinstance(n, str) and n.strip() for n in names):
        raise ValueError
    return names


class CouplingRange(Range):
    """The couplings, and the model's parameters that run along them, one at a time."""

    parameter: Annotated[tuple[str, ...], BeforeValidator(_names)] = Field(
        description="the name of a coupling of the model, or a list of them"
    )


def _axes(value: object) -> object:
    """Axes by their dotted keys, also where the card wrote these as tables in tables."""
    if not isinstance(value, dict):
        raise ValueError
    flat: dict[str, tuple[Any, ...]] = {}
    for key, inner in value.items():
        if isinstance(inner, dict):
            nested = _axes(inner)
            assert isinstance(nested, dict)
            flat |= {f"{key}.{rest}": values for rest, values in nested.items()}
            continue
        try:
            values = _values(inner)
        except CompleteError as error:
            raise CompleteError(f"{key}: {error}") from error
        except ValueError as error:
            raise CompleteError(
                f"{key}: found {shown(inner)}; needs a list of values of that key"
            ) from error
        assert isinstance(values, tuple)
        flat[key] = values
    return flat


class ScanTable(Section):
    """`[scan]`."""

    mass: MassRange = Field(
        description='a table {from = "1 MeV", to = "400 MeV", points = 40} or a list of masses'
    )
    coupling: CouplingRange = Field(
        description='a table {parameter = "g", from = ..., to = ..., points = 60}'
    )
    detectors: Annotated[tuple[str, ...], BeforeValidator(_names)] | None = Field(
        default=None, description="a list of detectors, names (see `snmc detectors`) or paths"
    )
    energy: bool = Field(default=False, description="true or false")
    events: Whole = Field(
        default=200_000, ge=1, le=10**9, description="a whole number from 1 to 10^9"
    )
    bin_width: Annotated[float, within("MeV", "1 keV", "10 GeV")] | None = Field(
        default=None, description='an energy such as "10 MeV", from 1 keV to 10 GeV'
    )
    output: Annotated[Any, BeforeValidator(root_file)] = Field(
        default=None, description="the path of a file that ends in .root"
    )
    axes: Annotated[dict[str, tuple[Any, ...]], BeforeValidator(_axes)] = Field(
        default_factory=dict, description="a table of keys of the card, a list of values each"
    )


def _counts(word: str) -> BeforeValidator:
    def convert(value: object) -> float | str:
        if value == word:
            return word
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError
        return number_within(value, "", 0.0, 1e15)

    return BeforeValidator(convert)


def _background(value: object) -> object:
    """Counts as a number, a rate as ("rate", 1/s), or "observed"."""
    if isinstance(value, str) and value != "observed":
        return ("rate", number_within(value, RATE, 0.0, 1e15))
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError
    return number_within(value, "", 0.0, 1e15)


def _energies(value: object) -> object:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError
    low, high = (number_within(one, "MeV", 0.0, 1e6) for one in value)
    if not low < high:
        raise CompleteError(f"found {shown(value)}; needs the lower energy first")
    return (low, high)


class DataTable(Section):
    """`[limit.data.NAME]`: what a detector has seen, and where."""

    energy: Annotated[tuple[float, float] | None, BeforeValidator(_energies)] = Field(
        default=None, description='two energies such as ["25 MeV", "100 MeV"]'
    )
    observed: Annotated[Counts | None, _counts("background")] = Field(
        default=None, description='a number of counts from 0, or "background"'
    )
    background: Annotated[float | tuple[str, float] | str | None, BeforeValidator(_background)] = (
        Field(
            default=None,
            description='a number of counts from 0, a rate such as "2 / day", or "observed"',
        )
    )

    @model_validator(mode="after")
    def _one_is_known(self) -> "DataTable":
        if self.observed == "background" and self.background == "observed":
            raise CompleteError(
                "found observed as the background and background as observed; one must be a number"
            )
        return self


class EnergyTable(Section):
    """`[limit.energy]`: what may leave the core."""

    total: Annotated[float, within("erg", "1e40 erg", "1e56 erg")] | None = Field(
        default=None, description='an energy such as "2e52 erg", from 1e40 erg to 1e56 erg'
    )
    share: float | None = Field(default=None, gt=0, le=1, description="a number above 0, up to 1")
    of: Annotated[float, within("erg", "1e40 erg", "1e56 erg")] | None = Field(
        default=None, description='an energy such as "2e53 erg", from 1e40 erg to 1e56 erg'
    )
    luminosity: Annotated[float, within("erg/s", "1e40 erg/s", "1e60 erg/s")] | None = Field(
        default=None,
        description='a luminosity such as "3e52 erg / s", from 1e40 erg/s to 1e60 erg/s',
    )

    @model_validator(mode="after")
    def _one_criterion(self) -> "EnergyTable":
        given = {key for key in type(self).model_fields if getattr(self, key) is not None}
        if given not in ({"total"}, {"share", "of"}, {"luminosity"}):
            raise CompleteError(
                f"found {', '.join(sorted(given)) or 'none of its keys'}; "
                "needs total, or share and of, or luminosity"
            )
        return self


class CompareTable(Section):
    """`[[limit.compare]]`: a printed value, or a curve."""

    source: Annotated[str, BeforeValidator(line_of_text)] = Field(
        description="a line of text, in quotes"
    )
    reason: Annotated[str, BeforeValidator(line_of_text)] = Field(
        description="a line of text, in quotes"
    )
    parameter: str | None = Field(default=None, description="the name of a scanned coupling")
    mass: Number = Field(default=None, description='a mass such as "100 MeV"')
    coupling: Number = Field(default=None, description="a coupling with its unit")
    edge: Annotated[Edge, one_of(*get_args(Edge))] = Field(
        default="lower", description='"lower" or "upper"'
    )
    curve: Annotated[str | None, BeforeValidator(lambda value: _curve(value))] = Field(
        default=None, description="the path of a CSV file with columns mass_MeV,lower,upper"
    )

    @model_validator(mode="after")
    def _value_or_curve(self) -> "CompareTable":
        given = {key for key in ("mass", "coupling", "curve") if getattr(self, key) is not None}
        if given not in ({"mass", "coupling"}, {"curve"}):
            raise CompleteError(
                f"found {', '.join(sorted(given)) or 'neither'}; needs mass and coupling, or curve"
            )
        return self


def _curve(value: object) -> object:
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    if not os.path.isfile(value):
        raise CompleteError(f"found {value!r}; there is no such file")
    return value


class LimitTable(Section):
    """`[limit]`; its inner tables are checked on their own."""

    method: Annotated[Method, one_of(*get_args(Method))] = Field(
        description='"counting", "spectrum" or "energy"'
    )
    statistic: Annotated[Statistic, one_of(*get_args(Statistic))] | None = Field(
        default=None, description='"likelihood-ratio" or "poisson"'
    )
    confidence_level: float | None = Field(
        default=None, ge=0.5, lt=1, description="a number from 0.5, below 1"
    )
    delta: Annotated[float, BeforeValidator(lambda value: _delta(value))] | None = Field(
        default=None, description="a number above 0, up to 1000"
    )
    profile: bool | None = Field(default=None, description="true or false")
    expected: bool | None = Field(default=None, description="true or false")
    data: dict[str, DataTable] = Field(
        default_factory=dict, description="a table by detector, [limit.data.NAME]"
    )
    burst: Table | None = Field(default=None, description="a table [limit.burst]")
    energy: EnergyTable | None = Field(default=None, description="a table [limit.energy]")
    compare: list[CompareTable] = Field(
        default=[], description="a list of tables [[limit.compare]]"
    )


def _delta(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError
    number = number_within(value, "", 0.0, 1000.0)
    if not number > 0:
        raise ValueError
    return number
