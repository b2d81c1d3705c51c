"""The card of a scan: a run card with [scan], which says the grid, and [limit].

A scan measures, for each mass and each choice of the rest, one weighted sample that serves every
coupling. Each of these points has a run card of its own, made by the checks that `--set` goes
through, so that nothing wrong is found after hours.
"""

import copy
import itertools
import json
import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from snmc.ground.errors import InputError, PhysicsWarning
from snmc.ground.text import shown
from snmc.ground.units import number_within
from snmc.roles.decaying_particle import DecayingParticle
from snmc.roles.generator import PDG_OF, Generator, Parameter, Value
from snmc.roles.registry import detector_cards, find_generator
from snmc.run.card import CardTables, Check, RunCard, read_card
from snmc.run.limit_setting import Comparison, DataSetting, LimitSetting, detector_of, read_limit
from snmc.run.scan_tables import ENERGY, CouplingRange, LimitTable, MassRange, Range, ScanTable
from snmc.run.values import (
    CompleteError,
    Table,
    existing,
    needs,
    unlisted,
    with_unit,
)

__all__ = [
    "ENERGY",
    "Axis",
    "Comparison",
    "DataSetting",
    "LimitSetting",
    "ScanCard",
    "ScanPoint",
    "load_scan",
]

CELLS = 1_000_000  # largest grid, points times couplings
ALL_TIMES = "1e10 s"  # window of a card that names none, where the energy alone is measured
FLIGHT = (  # keys that decide what is seen of decays, and nothing before
    "supernova.distance", "supernova.photosphere", "supernova.neutrinosphere",
    "supernova.ordering", "supernova.oscillation", "observation.window", "observation.max_angle",
)  # fmt: skip
SCANNED = ("supernova", "generator", "observation")  # tables whose keys may be axes


@dataclass(frozen=True)
class Axis:
    """A further key of the card that is scanned, `supernova.ordering`, and its TOML values."""

    key: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class ScanPoint:
    """One mass and one choice of the rest, measured by one sample for all couplings.

    `number`: place in `ScanCard.points`; `stream`: number of the point of the first choice, of
    which all choices take the random numbers; `mass` [MeV]; `parameter`: the coupling that runs;
    `choice`: number of the value on each axis; `detector`: a name, an absolute path, or ENERGY;
    `card`: the run card, with the smallest coupling; `alike`: the cards of all choices that differ
    in distances and observation at most, its own too, at whatever mass.
    """

    number: int
    stream: int
    mass: float
    parameter: str
    choice: tuple[int, ...]
    detector: str
    card: RunCard
    alike: tuple[RunCard, ...]


@dataclass(frozen=True)
class ScanCard:
    """A scan with every value checked, converted and filled in.

    `masses` [MeV] and `couplings` [`unit`] rise; `parameters`: the couplings that run along them,
    one at a time; `detectors`: names, absolute paths, or ENERGY; `bin_width` [MeV] of the
    reconstructed energy, None: as fine as the detector; `events` of each point; `points`: by
    detector, parameter, axes (the last one fastest) and mass (fastest of all).
    """

    title: str
    path: Path
    model: str
    masses: tuple[float, ...]
    couplings: tuple[float, ...]
    parameters: tuple[str, ...]
    unit: str
    axes: tuple[Axis, ...]
    detectors: tuple[str, ...]
    bin_width: float | None
    events: int
    seed: int
    output: Path
    workers: int | None
    points: tuple[ScanPoint, ...]
    limit: LimitSetting | None

    def resolved(self) -> Table:
        """All that decides the grid, ready for JSON, each number with its unit in the text.

        What the scan fills in (mass, coupling, axes, detector, events) stands in `scan` alone.
        Without [limit], `output` and `workers`, which change no expected count.
        """
        record = self.points[0].card.resolved()
        (generator,) = record["generator"]
        record["generator"] = generator
        for key in (
            "generator.mass", f"generator.{self.parameters[0]}", "observation.detector",
            "run.events",
        ):  # fmt: skip
            _remove(record, key)
        for axis in self.axes:
            _remove(record, axis.key)
        record["scan"] = {
            "mass": [with_unit(mass, "MeV") for mass in self.masses],
            "coupling": {
                "parameter": list(self.parameters),
                "values": [with_unit(coupling, self.unit) for coupling in self.couplings],
            },
            "axes": {axis.key: list(axis.values) for axis in self.axes},
            "detectors": list(self.detectors),
            "events": self.events,
            "bin_width": with_unit(self.bin_width, "MeV"),
        }
        return record


def load_scan(path: Path, settings: Sequence[str] = (), removed: Sequence[str] = ()) -> ScanCard:
    """Read and check the card of a scan.

    Arguments as of `snmc.run.card.load_card`. Raises InputError for anything that is wrong, also
    for a point of the grid that could not be measured; what a model warns of is said once, however
    many points it concerns.
    """
    path = Path(path)
    data, changed, several = read_card(path, settings, removed)
    return _Loader(Check(path, changed), data, several).scan()


@dataclass(frozen=True)
class _Grid:
    """What is scanned: see `ScanCard`."""

    masses: tuple[float, ...]
    couplings: tuple[float, ...]
    parameters: tuple[str, ...]
    axes: tuple[Axis, ...]
    detectors: tuple[str, ...]

    @property
    def choices(self) -> list[tuple[int, ...]]:
        """Numbers of the values on the axes, in every combination."""
        return list(itertools.product(*(range(len(axis.values)) for axis in self.axes)))

    @property
    def cells(self) -> int:
        """Points times couplings."""
        along = (self.masses, self.couplings, self.parameters, self.detectors)
        return math.prod(map(len, along)) * math.prod(len(axis.values) for axis in self.axes)


@dataclass
class _Loader:
    """Goes from a card's data to a scan; all errors name keys of the card."""

    check: Check
    data: Table
    several: bool
    warned: dict[str, None] = field(default_factory=dict)

    def scan(self) -> ScanCard:
        if "scan" not in self.data:
            raise self.check.refusal("scan", "missing; needs a table [scan]")
        if self.several:
            raise self.check.refusal("generator", "found several; a scan has one signal")
        self._let_the_line_win()
        table, limit = self._tables()
        model = self._model()
        parameters = self._parameters(model, table.coupling)
        grid = _Grid(
            masses=self._along("scan.mass", table.mass, _parameter(model, "mass")),
            couplings=self._couplings(model, table.coupling, parameters),
            parameters=parameters,
            axes=self._axes(table, parameters),
            detectors=self._detectors(table),
        )
        if grid.cells > CELLS:
            raise self.check.refusal(
                "scan",
                f"found a grid of {grid.cells} points times couplings; needs at most {CELLS}",
            )
        points = tuple(self._points(grid, table))
        for text in self.warned:
            warnings.warn(text, PhysicsWarning, stacklevel=3)
        first = points[0].card
        scan = ScanCard(
            title=first.title,
            path=first.path,
            model=first.generators[0].name,
            masses=grid.masses,
            couplings=grid.couplings,
            parameters=parameters,
            unit=_parameter(model, parameters[0]).unit,
            axes=grid.axes,
            detectors=grid.detectors,
            bin_width=table.bin_width,
            events=table.events,
            seed=first.run.seed,
            output=table.output or Path.cwd() / f"{first.path.stem}.grid.root",
            workers=first.run.workers,
            points=points,
            limit=None,
        )
        return scan if limit is None else replace(scan, limit=read_limit(limit, scan, self.check))

    def _let_the_line_win(self) -> None:
        """Of confidence level and threshold the one set on the command line replaces the card's."""
        limit, either = self.data.get("limit"), {"confidence_level", "delta"}
        if not isinstance(limit, dict):
            return
        chosen = {key for key in either & limit.keys() if f"limit.{key}" in self.check.changed}
        if len(chosen) == 1:
            (other,) = either - chosen
            limit.pop(other, None)

    # --- errors ---

    def _tables(self) -> tuple[ScanTable, LimitTable | None]:
        """[scan] and [limit]; what is wrong in any table is told at once.

        What is missing in the others the scan may fill in: that is told for its points.
        """
        observation = _with(self.data.get("observation", {}), "window", ALL_TIMES)
        self.check.valid(CardTables, {**self.data, "observation": observation}, "")
        self.check.problems = [
            one
            for one in self.check.problems
            if not one.missing or one.key.partition(".")[0] in ("scan", "limit")
        ]
        if self.check.problems:
            raise self.check.error()
        limit = self.data.get("limit")
        return (
            ScanTable.model_validate(self.data["scan"]),
            None if limit is None else LimitTable.model_validate(limit),
        )

    # --- the grid ---

    def _model(self) -> type[Generator]:
        """The model of the card; whether it has a name is told with all else of the card."""
        entry = self.data.get("generator")
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            raise self.check.refusal("generator.name", "missing; needs the name of a model")
        try:
            model = find_generator(name)
        except InputError as error:
            text = str(error).removeprefix("generator.name: ")
            raise self.check.refusal("generator.name", text) from error
        if not issubclass(model, DecayingParticle):
            raise self.check.refusal(
                "generator.name", f"found {name!r}, which cannot be scanned: it has no coupling"
            )
        return model

    def _parameters(self, model: type[Generator], table: CouplingRange) -> tuple[str, ...]:
        names = [parameter.name for parameter in model.parameters if parameter.name != "mass"]
        for name in table.parameter:
            if name not in names:
                raise self.check.refusal("scan.coupling.parameter", str(unlisted(name, names)))
        first, *others = (_parameter(model, name) for name in table.parameter)
        for other in others:
            if (other.unit, other.low, other.high) != (first.unit, first.low, first.high):
                raise self.check.refusal(
                    "scan.coupling.parameter",
                    f"found {first.name} and {other.name}; needs couplings of one unit and range",
                )
        return table.parameter

    def _couplings(
        self, model: type[Generator], table: CouplingRange, parameters: tuple[str, ...]
    ) -> tuple[float, ...]:
        couplings = self._along("scan.coupling", table, _parameter(model, parameters[0]))
        if not couplings[0] > 0:
            key = "scan.coupling.from" if table.values is None else "scan.coupling.values"
            raise self.check.refusal(key, "found 0; needs couplings above 0")
        return couplings

    def _along(self, key: str, table: Range, parameter: Parameter) -> tuple[float, ...]:
        """The rising values of an axis, in the unit and the range of the model's parameter."""

        def number(key: str, value: object) -> float:
            try:
                return number_within(value, parameter.unit, parameter.low, parameter.high)
            except ValueError as error:
                text = f"found {shown(value)}{error}; needs {needs(parameter)}"
                raise self.check.refusal(key, text) from error

        if table.values is not None:
            where = key if isinstance(table, MassRange) else f"{key}.values"
            values = tuple(number(where, value) for value in table.values)
            if any(b <= a for a, b in itertools.pairwise(values)):
                raise self.check.refusal(
                    where, "found values that do not rise; needs rising values"
                )
            return values
        low, high = number(f"{key}.from", table.start), number(f"{key}.to", table.stop)
        if table.points == 1:
            return (low,)
        if not low < high:
            text = f"found {shown(table.start)} with to = {shown(table.stop)}; needs less than that"
            raise self.check.refusal(f"{key}.from", text)
        if table.spacing == "log" and low == 0:
            raise self.check.refusal(f"{key}.from", "found 0; spacing 'log' needs a number above 0")
        return tuple(_spaced(low, high, table.points or 1, table.spacing == "log"))

    def _axes(self, table: ScanTable, parameters: tuple[str, ...]) -> tuple[Axis, ...]:
        filled = {f"generator.{name}": "scan.coupling" for name in parameters}
        filled |= {"generator.mass": "scan.mass", "observation.detector": "scan.detectors"}
        for key in table.axes:
            named = f"scan.axes.{json.dumps(key)}"
            if key in filled:
                raise self.check.refusal(named, f"found {key}; {filled[key]} is the key for it")
            group, _, rest = key.partition(".")
            if group not in SCANNED or not all(rest.split(".")):
                raise self.check.refusal(
                    named,
                    f"found {key!r}; needs a key of [supernova], [generator] or [observation]",
                )
            if key in ("generator.name", "generator.label"):
                raise self.check.refusal(named, f"found {key}; a scan has one model")
        return tuple(Axis(key, values) for key, values in table.axes.items())

    def _detectors(self, table: ScanTable) -> tuple[str, ...]:
        observation = self.data.get("observation")
        own = observation.get("detector") if isinstance(observation, dict) else None
        if table.detectors is not None:
            for name in table.detectors:
                try:
                    existing(name, detector_cards(), "file")
                except CompleteError as error:
                    raise self.check.refusal("scan.detectors", str(error)) from error
            detectors = table.detectors
        else:
            detectors = (own,) if isinstance(own, str) else ()
        if not detectors and not table.energy:
            raise self.check.refusal(
                "scan.detectors", "missing; needs a list of detectors, or scan.energy = true"
            )
        return (*detectors, ENERGY) if table.energy else detectors

    def _points(self, grid: _Grid, table: ScanTable) -> Iterable[ScanPoint]:
        number = 0
        for detector, parameter in itertools.product(grid.detectors, grid.parameters):
            first = number
            cards = {
                choice: self._card(grid, table, detector, parameter, choice)
                for choice in grid.choices
            }
            alike: dict[str, list[RunCard]] = {}
            for card in cards.values():
                alike.setdefault(_emitted(card), []).append(card)
            for choice, card in cards.items():
                others = tuple(alike[_emitted(card)])
                for place, mass in enumerate(grid.masses):
                    own = self._at_mass(card, mass)
                    if mass in (grid.masses[0], grid.masses[-1]):
                        self._can_see(own, detector)
                    yield ScanPoint(
                        number, first + place, mass, parameter, choice, detector, own, others
                    )
                    number += 1

    def _card(
        self, grid: _Grid, table: ScanTable, detector: str, parameter: str, choice: tuple[int, ...]
    ) -> RunCard:
        """The run card of the first mass, through all checks; errors name the keys of the scan."""
        data = copy.deepcopy(self.data)
        data["run"] = _with(data.get("run", {}), "precision", "scan")
        generator = data["generator"]
        unit = _parameter(find_generator(generator["name"]), parameter).unit
        for name in grid.parameters:
            generator.pop(name, None)
        generator["mass"] = with_unit(grid.masses[0], "MeV")
        generator[parameter] = with_unit(grid.couplings[0], unit)
        names = {}
        if detector == ENERGY:
            data["observation"] = _with(data.get("observation", {}), "window", ALL_TIMES)
            _remove(data, "observation.detector")
        elif table.detectors is not None:
            self._put(data, "observation.detector", detector, "observation")
            names["observation.detector"] = "scan.detectors"
        for axis, place in zip(grid.axes, choice, strict=True):
            names[axis.key] = f"scan.axes.{json.dumps(axis.key)}"
            self._put(data, axis.key, copy.deepcopy(axis.values[place]), names[axis.key])
        check = replace(self.check, problems=[])
        card = check.read(data, False)
        if card is None:
            check.problems = [
                replace(one, key=names.get(one.key, one.key)) for one in check.problems
            ]
            raise check.error()
        if card.run.supernovae is not None:
            raise self.check.refusal("run.supernovae", "found in a scan, whose events are weighted")
        return replace(card, run=replace(card.run, events=table.events))

    def _put(self, data: Table, key: str, value: object, named: str) -> None:
        """Set a dotted key of the data; `named`: the key that an error names."""
        *outer, last = key.split(".")
        held = data
        for part in outer:
            held = held.setdefault(part, {})
            if not isinstance(held, dict):
                raise self.check.refusal(named, f"found {key}; {part} is {shown(held)}, no table")
        held[last] = value

    def _at_mass(self, card: RunCard, mass: float) -> RunCard:
        """The card at another mass, which the model takes; its warnings are kept for later."""
        (setting,) = card.generators
        values: dict[str, Value] = {**setting.values, "mass": mass}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", PhysicsWarning)
            try:
                find_generator(setting.name)(values)
            except InputError as error:
                key, _, text = str(error).partition(": ")
                raise self.check.refusal(key, f"{text} (at a mass of {mass:g} MeV)") from error
        self.warned |= {str(one.message): None for one in caught}
        return replace(card, generators=(replace(setting, values=values),))

    def _can_see(self, card: RunCard, name: str) -> None:
        """Refuse a detector that has no window, or sees nothing of what the decays send."""
        if name == ENERGY:
            return
        detector = detector_of(name, self.check)
        if card.observation.window_s is None and detector.default_window is None:
            raise self.check.refusal(
                "observation.window", f"missing; {detector.name} has none of its own"
            )
        sought = card.observation.daughters
        if sought not in (None, "all", detector.daughters):
            raise self.check.refusal(
                "observation.daughters",
                f"found {sought!r}; {detector.name} sees the {detector.daughters}",
            )
        (setting,) = card.generators
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PhysicsWarning)
            sent = find_generator(setting.name)(setting.values).sends
        if detector.daughters not in sent:
            sends = " and ".join(f"{one}s" for one in PDG_OF if one in sent) or "nothing"
            raise self.check.refusal(
                "scan.detectors",
                f"found {detector.name}, which sees {detector.daughters}s; "
                f"{setting.name} sends {sends}",
            )


def _emitted(card: RunCard) -> str:
    """All of a card that decides what is emitted and how it decays, as a key."""
    record = card.resolved()
    for key in FLIGHT:
        _remove(record, key)
    return json.dumps(record, sort_keys=True)


def _parameter(model: type[Generator], name: str) -> Parameter:
    return next(parameter for parameter in model.parameters if parameter.name == name)


def _spaced(low: float, high: float, points: int, logarithmic: bool) -> list[float]:
    """`points` values from `low` to `high`, the ends exactly."""
    shares = [place / (points - 1) for place in range(1, points - 1)]
    if logarithmic:
        between = [math.exp(math.log(low) + x * math.log(high / low)) for x in shares]
    else:
        between = [low + x * (high - low) for x in shares]
    return [low, *between, high]


def _with(table: object, key: str, default: object) -> object:
    """The table with a default; what is none is left for the checks to refuse."""
    return {key: default, **table} if isinstance(table, dict) else table


def _remove(data: Table, key: str) -> None:
    *outer, last = key.split(".")
    held: object = data
    for part in outer:
        held = held.get(part) if isinstance(held, dict) else None
    if isinstance(held, dict):
        held.pop(last, None)
