"""What a detector's card may say: sections of numbers, each with its source.

Every section is read into a small frozen model; a bad entry becomes an InputError of one line that
names file and key. Numbers with a dimension carry their unit: `"7.5 MeV"`, or, for a table,
`{ values = [1, 2], unit = "MeV" }`.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import numpy as np
import numpy.typing as npt
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    ValidationError,
    model_validator,
)

from snmc.ground.errors import InputError, unknown, unknown_name
from snmc.ground.text import key_of, shown
from snmc.ground.toml import read_toml
from snmc.ground.units import converted, number_within, range_of, whole
from snmc.interactions.materials import MATERIALS, SCINTILLATOR, Material, hydrocarbon
from snmc.interactions.quenching import Scintillator
from snmc.interactions.registry import CHANNELS, IN_MATERIAL

Floats = npt.NDArray[np.float64]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


def _number(unit: str, low: float, high: float) -> BeforeValidator:
    def convert(value: object) -> float:
        try:
            return number_within(value, unit, low, high)
        except ValueError as error:
            needed = range_of(unit, low, high)
            raise ValueError(f"found {shown(value)}{error}; needs {needed}") from error

    return BeforeValidator(convert)


def _list(unit: str, low: float, high: float) -> BeforeValidator:
    form = f'{{ values = [...], unit = "{unit}" }}' if unit else "a list of numbers"

    def convert(value: object) -> tuple[float, ...]:
        values, factor = value, 1.0
        if unit:
            if not isinstance(value, Mapping) or set(value) != {"values", "unit"}:
                raise ValueError(f"found {shown(value)}; needs {form}")
            values = value["values"]
            try:
                factor = converted(f"1 {value['unit']}", unit)
            except ValueError as error:
                text = f"found unit = {shown(value['unit'])}; needs a unit like {unit}"
                raise ValueError(text) from error
        if not isinstance(values, list) or not values:
            raise ValueError(f"found {shown(values)}; needs {form}")
        return tuple(map(partial(number, factor), values))

    def number(factor: float, value: object) -> float:
        try:
            if isinstance(value, str):  # its unit is that of the list
                raise ValueError
            return number_within(converted(value, "") * factor, "", low, high)
        except ValueError as error:
            text = f"found {shown(value)}{error} in the list; needs {range_of(unit, low, high)}"
            raise ValueError(text) from error

    return BeforeValidator(convert)


def _count(value: object) -> int:
    number = whole(value)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= 10**15:
        raise ValueError(f"found {shown(value)}; needs a whole number from 0 to 10^15")
    return number


# What no instrument exceeds, with room: 1 PeV; 300 years; 1 g to 1000 km3 of water; 100 km2; a
# count a nanosecond.
_ENERGY = ("MeV", 0.0, 1e9)
_TIME = ("s", 0.0, 1e10)
_ANGLE = ("rad", 0.0, math.pi)
_SHARE = ("", 0.0, 1.0)

Energy = Annotated[float, _number(*_ENERGY)]
Duration = Annotated[float, _number("s", 1e-6, 1e10)]
Angle = Annotated[float, _number(*_ANGLE)]
Mass = Annotated[float, _number("g", 1.0, 1e18)]
Rate = Annotated[float, _number("1/s", 0.0, 1e9)]
Share = Annotated[float, _number(*_SHARE)]
Energies = Annotated[tuple[float, ...], _list(*_ENERGY)]
Areas = Annotated[tuple[float, ...], _list("cm2", 0.0, 1e12)]
Angles = Annotated[tuple[float, ...], _list(*_ANGLE)]
Times = Annotated[tuple[float, ...], _list(*_TIME)]
Shares = Annotated[tuple[float, ...], _list(*_SHARE)]
Counts = Annotated[int, BeforeValidator(_count)]


class Section(BaseModel):
    """A part of the card, with the source of its numbers beside them."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    source: Text


def _known(names: Collection[str]) -> Callable[[str], str]:
    def checked(value: str) -> str:
        if value not in names:
            raise ValueError(unknown(value, names))
        return value

    return checked


def _increasing(values: tuple[float, ...]) -> None:
    if any(b <= a for a, b in pairwise(values)):
        raise ValueError(f"found energies {', '.join(f'{v:g}' for v in values)} MeV; must increase")


def _paired(energies: tuple[float, ...], values: tuple[float, ...]) -> None:
    if len(energies) != len(values):
        raise ValueError(
            f"found {len(energies)} energies and {len(values)} values; needs as many of both"
        )
    _increasing(energies)


class Window(Section):
    """The time window [s] in which events count unless a run says otherwise."""

    value: Duration


class EnergyWindow(Section):
    """The range of reconstructed energy [MeV] that is accepted."""

    low: Energy
    high: Energy

    @model_validator(mode="after")
    def _ordered(self) -> "EnergyWindow":
        if self.high <= self.low:
            raise ValueError(
                f"found low {self.low:g} MeV, high {self.high:g} MeV; high must exceed low"
            )
        return self


class Efficiency(Section):
    """Probability to keep an event, at its true or its reconstructed energy [MeV].

    `form` and its parameters:
    `constant` (plateau); `table` (energy, value; linear, zero below, constant above);
    `inverse-powers` plateau [1 - a/E - (b/E)^2]; `exponential` plateau [1 - a exp(-E/b)];
    `stretched-exponential` plateau [1 - exp(-(E/b)^power)]. Each is held to 0..1, multiplied
    with 1 + `angular_slope` cos(theta), theta between the signal's true direction and that of
    particles from the supernova, and held to 0..1 again; zero below `threshold` where given.
    """

    form: Literal["constant", "table", "inverse-powers", "exponential", "stretched-exponential"]
    of: Literal["true", "reconstructed"]
    threshold: Energy | None = None
    angular_slope: Annotated[float, _number("", -1.0, 1.0)] = 0.0
    plateau: Share | None = None
    a: float | None = None
    b: Annotated[float, _number("MeV", 1e-9, 1e9)] | None = None
    power: Annotated[float, _number("", 1e-3, 1e3)] | None = None
    energy: Energies | None = None
    value: Shares | None = None

    @model_validator(mode="before")
    @classmethod
    def _units(cls, data: Any) -> Any:
        """`a` is an energy in one form and a pure number in another."""
        if isinstance(data, dict) and "a" in data:
            span = _ENERGY if data.get("form") == "inverse-powers" else ("", 0.0, 1e9)
            try:
                data = {**data, "a": number_within(data["a"], *span)}
            except ValueError as error:
                text = f"a: found {shown(data['a'])}{error}; needs {range_of(*span)}"
                raise ValueError(text) from error
        return data

    @model_validator(mode="after")
    def _complete(self) -> "Efficiency":
        needed = {
            "constant": {"plateau"},
            "table": {"energy", "value"},
            "inverse-powers": {"plateau", "a", "b"},
            "exponential": {"plateau", "a", "b"},
            "stretched-exponential": {"plateau", "b", "power"},
        }[self.form]
        given = {
            key
            for key in ("plateau", "a", "b", "power", "energy", "value")
            if getattr(self, key) is not None
        }
        if given != needed:
            raise ValueError(
                f"form {self.form!r} needs {', '.join(sorted(needed))}; "
                f"found {', '.join(sorted(given)) or 'none'}"
            )
        if self.energy is not None and self.value is not None:
            _paired(self.energy, self.value)
        return self

    def __call__(self, energy: Floats, cosine: Floats) -> Floats:
        """Probability at `energy` [MeV], which may be 0 or below after smearing (then 0).

        `cosine`: of the angle theta of the signal's direction.
        """
        positive = np.maximum(energy, 1e-3)
        if self.energy is not None and self.value is not None:
            result = np.interp(energy, self.energy, self.value, left=0.0)
        else:
            a, b, plateau = self.a or 0.0, self.b or 1.0, self.plateau or 0.0
            if self.form == "constant":
                result = np.full(energy.shape, plateau)
            elif self.form == "inverse-powers":
                result = plateau * (1 - a / positive - (b / positive) ** 2)
            elif self.form == "exponential":
                result = plateau * (1 - a * np.exp(-positive / b))
            else:
                result = -plateau * np.expm1(-((positive / b) ** (self.power or 1.0)))
        result = np.clip(result, 0.0, 1.0) * (1 + self.angular_slope * cosine)
        result = np.minimum(result, 1.0)
        result[energy < (self.threshold or 0.0)] = 0.0
        return np.asarray(result)


class EnergyResolution(Section):
    """Standard deviation of the reconstructed energy, constant + sqrt(stochastic E) + linear E.

    `constant` [MeV] may be negative; `stochastic` [MeV], the number under the root times E; all
    three zero mean a perfect measurement.
    """

    constant: Annotated[float, _number("MeV", -1e3, 1e9)]
    stochastic: Energy
    linear: Annotated[float, _number("", 0.0, 10.0)]

    @model_validator(mode="after")
    def _positive(self) -> "EnergyResolution":
        if self.constant < 0 and self(np.array([0.3]))[0] < 0:
            raise ValueError("the resolution is negative at 0.3 MeV; raise the constant")
        return self

    def __call__(self, energy: Floats) -> Floats:
        """Standard deviation [MeV] at `energy` [MeV]."""
        return self.constant + np.sqrt(self.stochastic * energy) + self.linear * energy


class AngularResolution(Section):
    """Angle about the true direction that holds 68 % of the reconstructed ones.

    At each `energy` the angle of `containment_68` (below 60 degrees), logarithmic in energy in
    between, constant beyond the first and last; one entry holds at any energy. Directions scatter
    as a Fisher distribution, the Gaussian of the sphere.
    """

    energy: Energies
    containment_68: Angles

    @model_validator(mode="after")
    def _valid(self) -> "AngularResolution":
        _paired(self.energy, self.containment_68)
        if min(self.energy) <= 0:
            raise ValueError("energies must be positive")
        if max(self.containment_68) >= np.pi / 3:
            raise ValueError("the 68 % containment angle must lie below 60 deg")
        return self

    def __call__(self, energy: Floats) -> Floats:
        """Containment angle [rad] at `energy` [MeV]."""
        positive = np.maximum(energy, 1e-9)
        return np.interp(np.log(positive), np.log(self.energy), self.containment_68)


class EffectiveArea(Section):
    """Area [cm2] that turns a fluence of photons into counts, against the true energy.

    `interpolation`: `log-log`, `linear`, or `steps` (one energy more than areas: the edges).
    Zero outside the energies given.
    """

    interpolation: Literal["log-log", "linear", "steps"]
    energy: Energies
    area: Areas

    @model_validator(mode="after")
    def _valid(self) -> "EffectiveArea":
        edges = self.interpolation == "steps"
        if len(self.energy) != len(self.area) + edges:
            raise ValueError(
                f"found {len(self.energy)} energies and {len(self.area)} areas; "
                f"needs {'one energy more than areas' if edges else 'as many of both'}"
            )
        _increasing(self.energy)
        if min(self.energy) <= 0:
            raise ValueError("energies must be positive")
        if self.interpolation == "log-log" and min(self.area) == 0:
            raise ValueError("log-log needs areas above zero; use linear or steps")
        return self

    def __call__(self, energy: Floats) -> Floats:
        """Area [cm2] at `energy` [MeV]."""
        inside = (energy >= self.energy[0]) & (energy <= self.energy[-1])
        if self.interpolation == "steps":
            cell = np.searchsorted(self.energy, energy, side="right") - 1
            area = np.asarray(self.area)[np.clip(cell, 0, len(self.area) - 1)]
        elif self.interpolation == "linear":
            area = np.interp(energy, self.energy, self.area)
        else:
            logs = np.log(np.maximum(energy, self.energy[0]))
            area = np.exp(np.interp(logs, np.log(self.energy), np.log(self.area)))
        return np.where(inside, area, 0.0)


class FieldOfView(Section):
    """Largest true angle off the supernova, at which the telescope points, that is seen."""

    half_angle: Angle


class LiveTime(Section):
    """Share of the time in which the detector can take an event."""

    fraction: Share


class Target(Section):
    """Mass [g] in which reactions count, and of what material.

    `hydrogen`: its share of the mass of a liquid scintillator, the rest of which is carbon.
    """

    mass: Mass
    material: Annotated[str, AfterValidator(_known(MATERIALS))]
    hydrogen: Annotated[Share, Field(gt=0, lt=1)] | None = None

    @model_validator(mode="after")
    def _stated(self) -> "Target":
        if (self.material == SCINTILLATOR) != (self.hydrogen is not None):
            raise ValueError(
                f"hydrogen: {'missing' if self.hydrogen is None else 'found'}; material "
                f"{SCINTILLATOR!r} needs it, no other has it"
            )
        return self

    @property
    def composition(self) -> Material:
        """What a gram holds."""
        if self.hydrogen is not None:
            return hydrocarbon(self.hydrogen)
        return MATERIALS[self.material]


class Muons(Section):
    """Whether the Cherenkov light of muons counts as an event; their decay electrons always do."""

    visible: StrictBool


class Quenching(Section):
    """Birks' constant [cm/MeV] and density [g/cm3] of a liquid scintillator, for protons' light."""

    birks: Annotated[float, _number("cm / MeV", 0.0, 1.0)]
    density: Annotated[float, _number("g / cm3", 0.01, 30.0)]


class Background(Section):
    """Mean rate [1/s] of accepted events from anything else."""

    rate: Rate


class ObservedCounts(Section):
    """Number of events seen in the energy window during `window` [s]."""

    counts: Counts
    window: Duration


class ObservedEvents(Section):
    """List of events seen: time after the first [s], energies [MeV], angles [rad], with errors.

    Without angles if the detector shows none.
    """

    time: Times
    energy: Energies
    energy_error: Energies
    angle: Angles | None = None
    angle_error: Angles | None = None

    @model_validator(mode="after")
    def _aligned(self) -> "ObservedEvents":
        columns = {
            key: getattr(self, key)
            for key in ("time", "energy", "energy_error", "angle", "angle_error")
        }
        lengths = {key: len(column) for key, column in columns.items() if column is not None}
        if len(lengths) == 4:
            raise ValueError("angle and angle_error go together; found one of them")
        if len(set(lengths.values())) > 1:
            raise ValueError(f"the columns differ in length: {lengths}")
        return self


class Card(BaseModel):
    """What every card has."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    title: Text
    kind: Text
    references: Annotated[tuple[Text, ...], Field(min_length=1)]
    energy_window: EnergyWindow
    energy_resolution: EnergyResolution
    live_time: LiveTime
    window: Window | None = None
    background: Background | None = None


class TelescopeCard(Card):
    """Card of a gamma-ray telescope."""

    kind: Literal["gamma-ray-telescope"]
    effective_area: EffectiveArea
    angular_resolution: AngularResolution | None = None
    field_of_view: FieldOfView | None = None
    observed: ObservedCounts | None = None


class NeutrinoCard(Card):
    """Card of a neutrino detector."""

    kind: Literal["neutrino-detector"]
    channels: Annotated[
        tuple[Annotated[str, AfterValidator(_known(CHANNELS))], ...], Field(min_length=1)
    ]
    target: Target
    efficiency: Efficiency
    angular_resolution: AngularResolution | None = None
    muons: Muons | None = None
    quenching: Quenching | None = None
    observed: ObservedEvents | None = None

    @model_validator(mode="after")
    def _possible(self) -> "NeutrinoCard":
        if len(set(self.channels)) < len(self.channels):
            raise ValueError(f"channels: found {', '.join(self.channels)}; each only once")
        material, composition = self.target.material, self.target.composition
        possible = [channel.name for channel in IN_MATERIAL[material]]
        for name in self.channels:
            if not composition.per_gram(CHANNELS[name].target):
                raise ValueError(
                    f"channels: found {name!r}, which needs {CHANNELS[name].target}; "
                    f"{material} has {', '.join(sorted(composition.targets))}"
                )
            if name not in possible:
                raise ValueError(
                    f"channels: found {name!r}, which {material} does not show; "
                    f"it shows {', '.join(possible)}"
                )
        if ("proton-elastic" in self.channels) != (self.quenching is not None):
            raise ValueError(
                f"quenching: {'missing' if self.quenching is None else 'found'}; channel "
                "'proton-elastic' needs it, no other uses it"
            )
        return self

    @property
    def scintillator(self) -> Scintillator | None:
        """How the light of protons is quenched, if the card says."""
        if self.quenching is None or self.target.hydrogen is None:
            return None
        return Scintillator(self.quenching.birks, self.quenching.density, self.target.hydrogen)


KINDS: dict[str, type[TelescopeCard] | type[NeutrinoCard]] = {
    "gamma-ray-telescope": TelescopeCard,
    "neutrino-detector": NeutrinoCard,
}


def read_table(path: Path) -> dict[str, Any]:
    """The card's TOML as it stands; InputError if it cannot be read."""
    return read_toml(path, "the card of a detector")


def check(table: Mapping[str, Any], path: Path) -> TelescopeCard | NeutrinoCard:
    """The card of `table`; InputError of one line, naming `path` and key, if it is not right."""
    kind = table.get("kind")
    if kind is None:
        raise InputError(f"{path}: kind: missing; allowed: {', '.join(sorted(KINDS))}")
    if not isinstance(kind, str) or kind not in KINDS:
        raise unknown_name(f"{path}: kind", str(kind), KINDS)
    return _validated(KINDS[kind], table, path)


AnyCard = TypeVar("AnyCard", bound=Card)


def _validated(model: type[AnyCard], table: Mapping[str, Any], path: Path) -> AnyCard:
    try:
        return model.model_validate(dict(table))
    except ValidationError as error:
        # a wrongly spelt key is the cause, the missing one only its consequence
        found = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    raise InputError(*(f"{path}: {_told(model, one)}" for one in found))


def _told(model: type[BaseModel], error: Any) -> str:
    """One of pydantic's errors in our words."""
    *outer, last = error["loc"] or ("",)
    key = key_of(error["loc"])
    if error["type"] == "extra_forbidden":
        where = f"[{key_of(outer)}]: " if outer else ""
        return f"{where}{unknown(last, _fields(model, outer))}"
    if error["type"] == "missing":
        return f"{key}: missing"
    if error["type"] == "literal_error" and isinstance(error["input"], str):
        return f"{key}: {unknown(error['input'], _choices(error))}"
    if error["type"] == "value_error":
        return f"{key}{key and ': '}{error['ctx']['error']}"
    if error["type"] == "too_short":
        return f"{key}: found {shown(error['input'])}; needs at least one"
    return f"{key}: found {shown(error['input'])}; {error['msg'][0].lower()}{error['msg'][1:]}"


def _choices(error: Any) -> list[str]:
    """The words a literal allows, from pydantic's `'a', 'b' or 'c'`."""
    words: list[str] = error["ctx"]["expected"].split("'")[1::2]
    return words


def _fields(model: type[BaseModel], place: Iterable[str]) -> list[str]:
    """Keys that a section at `place` may have."""
    for part in place:
        annotation = model.model_fields[part].annotation
        options = [annotation, *get_args(annotation)]
        model = next(o for o in options if isinstance(o, type) and issubclass(o, BaseModel))
    return list(model.model_fields)
