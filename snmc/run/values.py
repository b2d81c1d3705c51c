"""What the keys of a card may hold, and how what they hold wrongly is told.

Every field's description completes the sentence "KEY: found X; needs ...".
"""

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from snmc.ground.errors import unknown
from snmc.ground.text import shown
from snmc.ground.units import number_within, quantity, range_of, whole
from snmc.roles.generator import File, Generator, Parameter, Switch
from snmc.roles.model_file import model_label

Table = dict[str, Any]

Whole = Annotated[int, BeforeValidator(whole)]


class CompleteError(ValueError):
    """An error whose text says all, in place of the field's description."""


def within(unit: str, low: str, high: str) -> BeforeValidator:
    """Make a validator: text with a unit to a number in `unit`, from `low` to `high` (included)."""

    def convert(value: object) -> float:
        return number_within(value, unit, quantity(low, unit, "low"), quantity(high, unit, "high"))

    return BeforeValidator(convert)


def one_of(*allowed: str) -> BeforeValidator:
    """Make a validator: one of some names; the error gives the nearest spelling."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError
        if value not in allowed:
            raise unlisted(value, allowed)
        return value

    return BeforeValidator(check)


def unlisted(found: str, allowed: Iterable[str]) -> CompleteError:
    """Error for a name that is none of the `allowed` ones, with the nearest spelling."""
    return CompleteError(unknown(found, allowed))


def existing(value: str, names: Iterable[str], kind: str) -> str:
    """Let through a shipped name, or an absolute path to something that is there."""
    if value in names:
        return value
    if not os.path.isabs(value):
        raise unlisted(value, names)
    if not os.path.exists(value):
        raise CompleteError(f"found {value!r}; there is no such {kind}")
    return value


def root_file(value: object) -> object:
    """Let through the absolute path of a ROOT file that can be written, by its name."""
    if not (isinstance(value, str) and value.isprintable() and value.endswith(".root")):
        raise ValueError
    if os.path.isdir(value):
        raise CompleteError(f"found {value!r}, a folder; needs the name of a file")
    if not os.path.isdir(os.path.dirname(value)):
        raise CompleteError(f"found {value!r}; there is no folder {os.path.dirname(value)!r}")
    return Path(value)


def line_of_text(value: object) -> object:
    """Let through one line of text that is not empty, without the blanks around it."""
    if isinstance(value, str) and value.strip() and value.isprintable():
        return value.strip()
    raise ValueError


class Section(BaseModel):
    """A table of the card: its keys with their types, defaults and descriptions."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def generator_section(name: str, model: type[Generator]) -> type[Section]:
    """Make a pydantic model of the keys a physics model declares.

    The keys are aliases, so that none can clash with a name that pydantic uses itself.
    """
    label = Annotated[str, BeforeValidator(_label)]
    fields: Table = {
        "name": (str, Field()),
        "label": (
            label,
            Field(default=model_label(name), description="text of letters, digits, - and _"),
        ),
    }
    for parameter in model.parameters:
        may_miss = parameter.optional or parameter.default is not None
        default: Table = {"default": None} if may_miss else {}
        entry = Field(alias=parameter.name, description=needs(parameter), **default)
        fields[f"parameter_{parameter.name}"] = (
            Annotated[float, _parameter(parameter)],
            entry,
        )
    for switch in model.switches:
        kind: Any = tuple[str, ...] if switch.many else str
        entry = Field(alias=switch.name, description=_choices(switch), default=switch.default)
        fields[f"switch_{switch.name}"] = (Annotated[kind, _switch(switch)], entry)
    for file in model.files:
        entry = Field(alias=file.name, default=None, description=_path(file))
        fields[f"file_{file.name}"] = (Annotated[str, BeforeValidator(_file)], entry)
    return cast(type[Section], cast(Any, create_model)(name, __base__=Section, **fields))


def _label(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_-]+", value):
        return value
    raise ValueError


def _parameter(parameter: Parameter) -> BeforeValidator:
    def convert(value: object) -> float:
        return number_within(value, parameter.unit, parameter.low, parameter.high)

    return BeforeValidator(convert)


def needs(parameter: Parameter) -> str:
    """Say what a parameter of a model may be."""
    span = range_of(parameter.unit, parameter.low, parameter.high)
    return f"{span} ({parameter.meaning})"


def _path(file: File) -> str:
    return f"the path of a file or folder ({file.meaning})"


def _file(value: object) -> str:
    if isinstance(value, str) and value.strip():
        return existing(value, (), "file or folder")
    raise ValueError


def _switch(switch: Switch) -> BeforeValidator:
    def check(value: object) -> str | tuple[str, ...]:
        if not switch.many:
            if not isinstance(value, str):
                raise ValueError
            if value not in switch.allowed:
                raise unlisted(value, switch.allowed)
            return value
        if not isinstance(value, list) or not value or len(value) != len(set(map(str, value))):
            raise ValueError
        for item in value:
            if item not in switch.allowed:
                raise unlisted(str(item), switch.allowed)
        # in the order of the declaration, so that the same choice is the same card
        return tuple(name for name in switch.allowed if name in value)

    return BeforeValidator(check)


def _choices(switch: Switch) -> str:
    names = ", ".join(json.dumps(name) for name in switch.allowed)
    kind = "a list of some of" if switch.many else "one of"
    return f"{kind} {names} ({switch.meaning})"


# --- what is wrong -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the card; a misspelt key comes first, for it explains a missing one."""

    key: str
    text: str
    misspelt: bool = False
    missing: bool = False


def problem(model: type[Section], detail: ErrorDetails, prefix: str) -> Problem:
    """One of pydantic's errors in our words; `prefix` leads from the card to the model.

    Entries of a list are counted from 1: `limit.compare[1].mass`.
    """
    holder: Any = model
    info: FieldInfo | None = None
    key = prefix.removesuffix(".")
    for part in detail["loc"]:
        key += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
        if isinstance(holder, type):  # a section; an entry of a list or table is told as the whole
            section, info = holder, fields_of(holder).get(str(part))
            holder = _inside(info.annotation) if info is not None else None
        else:
            holder = _inside(get_args(holder)[-1])
    key = key.removeprefix(".")
    if detail["type"] == "extra_forbidden":
        return Problem(key, str(unlisted(str(part), fields_of(section))), misspelt=True)
    assert info is not None
    if detail["type"] == "missing":
        return Problem(key, f"missing; needs {info.description}", missing=True)
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, CompleteError):
        return Problem(key, str(cause))
    found = f"{shown(detail['input'])}{cause if cause is not None else ''}"
    return Problem(key, f"found {found}; needs {info.description}")


def _inside(annotation: Any) -> Any:
    """The section, or the list or table of sections, that a field holds; None for a value."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    if get_origin(annotation) in (list, dict):
        return annotation
    return next(filter(None, map(_inside, get_args(annotation))), None)


def fields_of(model: type[Section]) -> dict[str, FieldInfo]:
    """Map the keys of the card to a section's fields."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def with_unit(number: float | None, unit: str) -> str | float | None:
    """Write a number in full with its unit, so that it reads back as the same number."""
    return f"{number!r} {unit}" if unit and number is not None else number
