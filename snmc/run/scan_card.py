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

from snmc.ground.errors import InputError, PhysicsWarning, unknown_name
from snmc.ground.units import quantity
from snmc.roles.card import ObservedCounts
from snmc.roles.decaying_particle import DecayingParticle
from snmc.roles.detector import Detector
from snmc.roles.generator import Generator, Parameter, Value
from snmc.roles.registry import detector_cards, find_detector, find_generator
from snmc.run.card import Check, GeneratorSetting, RunCard, read_card
from snmc.run.prepare import PDG_OF
from snmc.run.scan_tables import (
    Background,
    CompareTable,
    Counts,
    CouplingRange,
    DataTable,
    Edge,
    EnergyTable,
    LimitTable,
    MassRange,
    Method,
    Range,
    ScanTable,
    Statistic,
)
from snmc.run.values import (
    CompleteError,
    Problem,
    Table,
    existing,
    needs,
    number_of,
    shown,
    unlisted,
    with_unit,
)

ENERGY = "energy"
"""Stands for a detector: the energy [erg] that leaves the core with the particles."""

CELLS = 1_000_000  # largest grid, points times couplings
CONFIDENCE = 0.95  # unless the card says otherwise
ALL_TIMES = "1e10 s"  # window of a card that names none, where the energy alone is measured
BURST = "limit.burst"  # the model is the one that the table is called after
SCANNED = ("supernova", "generator", "observation")  # tables whose keys may be axes
SAME_WINDOW = 0.01  # relative difference of windows for which a card's counts hold


@dataclass(frozen=True)
class Axis:
    """A further key of the card that is scanned, `supernova.ordering`, and its TOML values."""

    key: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class ScanPoint:
    """One mass and one choice of the rest, measured by one sample for all couplings.

    `number`: place in `ScanCard.points`, which decides the random stream; `mass` [MeV];
    `parameter`: the coupling that runs; `choice`: number of the value on each axis; `detector`: a
    name, an absolute path, or ENERGY; `card`: the run card, with the smallest coupling.
    """

    number: int
    mass: float
    parameter: str
    choice: tuple[int, ...]
    detector: str
    card: RunCard


@dataclass(frozen=True)
class DataSetting:
    """`[limit.data.NAME]`: what a detector has seen.

    `low`, `high` [MeV] of the reconstructed energy, None: the detector's window; `observed`
    counts, None: those of the detector's card, "background": as many as the background;
    `background` counts, None: the rate of the detector's card times the window, or 0, "observed":
    as many as were observed.
    """

    low: float | None = None
    high: float | None = None
    observed: Counts | None = None
    background: Background | None = None


@dataclass(frozen=True)
class Comparison:
    """`[[limit.compare]]`: a printed value, or a curve, and why ours differs.

    `mass` [MeV] and `coupling` at the `edge` of the excluded region, or `curve`: a CSV file with
    the header mass_MeV,lower,upper; `parameter`: the coupling it belongs to, None: all.
    """

    source: str
    reason: str
    mass: float | None
    coupling: float | None
    edge: Edge
    curve: Path | None
    parameter: str | None = None


@dataclass(frozen=True)
class LimitSetting:
    """`[limit]`: how expected counts become a limit.

    `delta`: threshold of the test statistic, that of `confidence_level` for one degree of freedom
    unless the card gives it (then the level is None); 0 for energy loss. `data`: by detector.
    `burst`: model of the neutrinos that are there anyway; `profile`: whether their total and mean
    energy float; `expected`: whether they are the data, in bins, in place of the observed events.
    `energy_erg`: largest energy [erg] that may leave the core, or `luminosity`: largest energy a
    second [erg/s], at 1 s.
    """

    method: Method
    statistic: Statistic
    confidence_level: float | None
    delta: float
    data: dict[str, DataSetting]
    burst: GeneratorSetting | None
    profile: bool
    expected: bool
    energy_erg: float | None
    luminosity: float | None
    compare: tuple[Comparison, ...]


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

        What the scan fills in (mass, coupling, axes, detector) stands in `scan` alone. Without
        [limit], `output` and `workers`, which change no expected count.
        """
        record = self.points[0].card.resolved()
        (generator,) = record["generator"]
        record["generator"] = generator
        for key in ("generator.mass", f"generator.{self.parameters[0]}", "observation.detector"):
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
            "bin_width": with_unit(self.bin_width, "MeV"),
        }
        return record


def load_scan(path: Path, settings: Sequence[str] = ()) -> ScanCard:
    """Read and check the card of a scan.

    `path` and `settings` as of `snmc.run.card.load_card`. Raises InputError, in one line, for
    anything that is wrong, also for a point of the grid that could not be measured; what a model
    warns of is said once, however many points it concerns.
    """
    path = Path(path)
    data, changed, several = read_card(path, settings)
    return _Loader(Check(path, changed), data, several).scan()


@dataclass
class _Loader:
    """Goes from a card's data to a scan; all errors name keys of the card."""

    check: Check
    data: Table
    several: bool
    warned: dict[str, None] = field(default_factory=dict)

    def scan(self) -> ScanCard:
        if "scan" not in self.data:
            raise self._refused("scan", "missing; needs a table [scan]")
        if self.several:
            raise self._refused("generator", "found several; a scan has one signal")
        table = self._table("scan", ScanTable)
        limit = self._table("limit", LimitTable) if "limit" in self.data else None
        model = self._model()
        parameters = self._parameters(model, table.coupling)
        masses = self._along("scan.mass", table.mass, _parameter(model, "mass"))
        couplings = self._couplings(model, table.coupling, parameters)
        axes = self._axes(table, parameters)
        detectors = self._detectors(table)
        cells = (
            len(masses) * len(couplings) * len(parameters) * len(detectors)
            * math.prod(len(axis.values) for axis in axes)
        )  # fmt: skip
        if cells > CELLS:
            raise self._refused(
                "scan", f"found a grid of {cells} points times couplings; needs at most {CELLS}"
            )
        points = tuple(self._points(table, masses, couplings, parameters, axes, detectors))
        for text in self.warned:
            warnings.warn(text, PhysicsWarning, stacklevel=3)
        first = points[0].card
        scan = ScanCard(
            title=first.title,
            path=first.path,
            model=first.generators[0].name,
            masses=masses,
            couplings=couplings,
            parameters=parameters,
            unit=_parameter(model, parameters[0]).unit,
            axes=axes,
            detectors=detectors,
            bin_width=table.bin_width,
            events=table.events,
            seed=first.run.seed,
            output=table.output or Path.cwd() / f"{first.path.stem}.grid.root",
            workers=first.run.workers,
            points=points,
            limit=None,
        )
        return scan if limit is None else replace(scan, limit=self._limit(limit, scan))

    # --- errors ---

    def _refused(self, key: str, text: str) -> InputError:
        return replace(self.check, problems=[Problem(key, text)]).error()

    def _table(self, key: str, model: Any) -> Any:
        held = self.data[key]
        if not isinstance(held, dict):
            raise self._refused(key, f"found {shown(held)}; needs a table [{key}]")
        table = self.check.valid(model, held, f"{key}.")
        if table is None:
            raise self.check.error()
        return table

    # --- the grid ---

    def _model(self) -> type[Generator]:
        """The model of the card; whether it has a name is told with all else of the card."""
        entry = self.data.get("generator")
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            raise self._refused("generator.name", "missing; needs the name of a model")
        try:
            model = find_generator(name)
        except InputError as error:
            text = str(error).removeprefix("generator.name: ")
            raise self._refused("generator.name", text) from error
        if not issubclass(model, DecayingParticle):
            raise self._refused(
                "generator.name", f"found {name!r}, which cannot be scanned: it has no coupling"
            )
        return model

    def _parameters(self, model: type[Generator], table: CouplingRange) -> tuple[str, ...]:
        names = [parameter.name for parameter in model.parameters if parameter.name != "mass"]
        for name in table.parameter:
            if name not in names:
                raise self._refused("scan.coupling.parameter", str(unlisted(name, names)))
        first, *others = (_parameter(model, name) for name in table.parameter)
        for other in others:
            if (other.unit, other.low, other.high) != (first.unit, first.low, first.high):
                raise self._refused(
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
            raise self._refused(key, "found 0; needs couplings above 0")
        return couplings

    def _along(self, key: str, table: Range, parameter: Parameter) -> tuple[float, ...]:
        """The rising values of an axis, in the unit and the range of the model's parameter."""

        def number(key: str, value: object) -> float:
            try:
                return number_of(value, parameter.unit, parameter.low, parameter.high)
            except ValueError as error:
                text = f"found {shown(value)}; needs {needs(parameter)}"
                raise self._refused(key, text) from error

        if table.values is not None:
            where = key if isinstance(table, MassRange) else f"{key}.values"
            values = tuple(number(where, value) for value in table.values)
            if any(b <= a for a, b in itertools.pairwise(values)):
                raise self._refused(where, "found values that do not rise; needs rising values")
            return values
        low, high = number(f"{key}.from", table.start), number(f"{key}.to", table.stop)
        if table.points == 1:
            return (low,)
        if not low < high:
            text = f"found {shown(table.start)} with to = {shown(table.stop)}; needs less than that"
            raise self._refused(f"{key}.from", text)
        if table.spacing == "log" and low == 0:
            raise self._refused(f"{key}.from", "found 0; spacing 'log' needs a number above 0")
        return tuple(_spaced(low, high, table.points or 1, table.spacing == "log"))

    def _axes(self, table: ScanTable, parameters: tuple[str, ...]) -> tuple[Axis, ...]:
        filled = {f"generator.{name}": "scan.coupling" for name in parameters}
        filled |= {"generator.mass": "scan.mass", "observation.detector": "scan.detectors"}
        for key in table.axes:
            named = f"scan.axes.{json.dumps(key)}"
            if key in filled:
                raise self._refused(named, f"found {key}; {filled[key]} is the key for it")
            group, _, rest = key.partition(".")
            if group not in SCANNED or not all(rest.split(".")):
                raise self._refused(
                    named,
                    f"found {key!r}; needs a key of [supernova], [generator] or [observation]",
                )
            if key in ("generator.name", "generator.label"):
                raise self._refused(named, f"found {key}; a scan has one model")
        return tuple(Axis(key, values) for key, values in table.axes.items())

    def _detectors(self, table: ScanTable) -> tuple[str, ...]:
        observation = self.data.get("observation")
        own = observation.get("detector") if isinstance(observation, dict) else None
        if table.detectors is not None:
            for name in table.detectors:
                try:
                    existing(name, detector_cards(), "file")
                except CompleteError as error:
                    raise self._refused("scan.detectors", str(error)) from error
            detectors = table.detectors
        else:
            detectors = (own,) if isinstance(own, str) else ()
        if not detectors and not table.energy:
            raise self._refused(
                "scan.detectors", "missing; needs a list of detectors, or scan.energy = true"
            )
        return (*detectors, ENERGY) if table.energy else detectors

    def _points(
        self,
        table: ScanTable,
        masses: tuple[float, ...],
        couplings: tuple[float, ...],
        parameters: tuple[str, ...],
        axes: tuple[Axis, ...],
        detectors: tuple[str, ...],
    ) -> Iterable[ScanPoint]:
        choices = list(itertools.product(*(range(len(axis.values)) for axis in axes)))
        number = itertools.count()
        for detector, parameter, choice in itertools.product(detectors, parameters, choices):
            changes = {
                axis.key: axis.values[place] for axis, place in zip(axes, choice, strict=True)
            }
            card = self._card(
                table, masses[0], couplings[0], parameters, parameter, changes, detector
            )
            for mass in masses:
                own = self._at_mass(card, mass)
                if mass in (masses[0], masses[-1]):
                    self._can_see(own, detector)
                yield ScanPoint(next(number), mass, parameter, choice, detector, own)

    def _card(
        self,
        table: ScanTable,
        mass: float,
        coupling: float,
        parameters: tuple[str, ...],
        parameter: str,
        changes: Table,
        detector: str,
    ) -> RunCard:
        """The run card of a point, through all checks; errors name the keys of the scan."""
        data = copy.deepcopy(self.data)
        data["run"] = _with(data.get("run", {}), "precision", "scan")
        for name in parameters:
            data["generator"].pop(name, None)
        model = find_generator(data["generator"]["name"])
        data["generator"]["mass"] = with_unit(mass, "MeV")
        data["generator"][parameter] = with_unit(coupling, _parameter(model, parameter).unit)
        names = {}
        if detector == ENERGY:
            data["observation"] = _with(data.get("observation", {}), "window", ALL_TIMES)
            _remove(data, "observation.detector")
        else:
            data.setdefault("observation", {})
            changes = {**changes, "observation.detector": detector}
            if table.detectors is not None:
                names["observation.detector"] = "scan.detectors"
        for key, value in changes.items():
            self._put(data, key, copy.deepcopy(value))
            names.setdefault(key, f"scan.axes.{json.dumps(key)}")
        if table.detectors is None:
            names.pop("observation.detector", None)
        check = replace(self.check, problems=[])
        card = check.read(data, False)
        if card is None:
            check.problems = [
                replace(one, key=names.get(one.key, one.key)) for one in check.problems
            ]
            raise check.error()
        if card.run.supernovae is not None:
            raise self._refused("run.supernovae", "found in a scan, whose events are weighted")
        return replace(card, run=replace(card.run, events=table.events))

    def _put(self, data: Table, key: str, value: object) -> None:
        *outer, last = key.split(".")
        held = data
        for part in outer:
            held = held.setdefault(part, {})
            if not isinstance(held, dict):
                raise self._refused(
                    f"scan.axes.{json.dumps(key)}",
                    f"found {key}; {part} is {shown(held)}, no table",
                )
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
                raise self._refused(key, f"{text} (at a mass of {mass:g} MeV)") from error
        self.warned |= {str(one.message): None for one in caught}
        return replace(card, generators=(replace(setting, values=values),))

    def _can_see(self, card: RunCard, name: str) -> None:
        """Refuse a detector that has no window, or sees nothing of what the decays send."""
        if name == ENERGY:
            return
        detector = self._detector(name)
        if card.observation.window_s is None and detector.default_window is None:
            raise self._refused(
                "observation.window", f"missing; {detector.name} has none of its own"
            )
        sought = card.observation.daughters
        if sought not in (None, "all", detector.daughters):
            raise self._refused(
                "observation.daughters",
                f"found {sought!r}; {detector.name} sees the {detector.daughters}",
            )
        (setting,) = card.generators
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PhysicsWarning)
            sent = find_generator(setting.name)(setting.values).sends
        if detector.daughters not in sent:
            sends = " and ".join(f"{one}s" for one in PDG_OF if one in sent) or "nothing"
            raise self._refused(
                "scan.detectors",
                f"found {detector.name}, which sees {detector.daughters}s; "
                f"{setting.name} sends {sends}",
            )

    def _detector(self, name: str) -> Detector:
        try:
            return find_detector(name, self.check.path)
        except InputError as error:
            raise self._refused("scan.detectors", str(error)) from error

    # --- the limit ---

    def _limit(self, table: LimitTable, scan: ScanCard) -> LimitSetting:
        telescopes = [name for name in scan.detectors if name != ENERGY]
        self._fitting(table, scan, telescopes)
        statistic = table.statistic or "likelihood-ratio"
        level, delta = self._threshold(table, statistic)
        expected = bool(table.expected)
        data = {name: self._data(name, table, scan) for name in scan.detectors}
        if table.method == "spectrum" and not expected:
            for name in telescopes:
                if self._detector(name).observed is None:
                    raise self._refused(
                        "limit.expected",
                        f"{'found false' if table.expected is False else 'missing'}; "
                        f"{name} has no observed events: needs true",
                    )
        burst = self._burst(table) if table.method == "spectrum" else None
        energy, luminosity = self._energy(table.energy)
        return LimitSetting(
            method=table.method,
            statistic=statistic,
            confidence_level=level,
            delta=delta,
            data=data,
            burst=burst,
            profile=table.method == "spectrum" and table.profile is not False,
            expected=expected,
            energy_erg=energy,
            luminosity=luminosity,
            compare=tuple(
                self._comparison(place, entry, scan)
                for place, entry in enumerate(table.compare, start=1)
            ),
        )

    def _fitting(self, table: LimitTable, scan: ScanCard, telescopes: list[str]) -> None:
        """Refuse tables and keys that the method does not know."""
        method = table.method
        allowed = {
            "counting": {"statistic", "confidence_level", "delta", "data"},
            "spectrum": LimitTable.model_fields.keys() - {"statistic", "energy"},
            "energy": {"energy"},
        }[method]
        for key in sorted(table.model_fields_set - {"method", "compare"} - allowed):
            raise self._refused(
                f"limit.{key}", f"found with method = {method!r}, which does not know it"
            )
        if method == "energy" and ENERGY not in scan.detectors:
            raise self._refused("limit.method", "found 'energy'; needs scan.energy = true")
        if method == "energy" and table.energy is None:
            raise self._refused("limit.energy", "missing; needs a table [limit.energy]")
        if method != "energy" and not telescopes:
            raise self._refused("limit.method", f"found {method!r}; needs a detector")
        if method == "spectrum":
            for name in telescopes:
                if self._detector(name).daughters != "neutrino":
                    raise self._refused(
                        "limit.method", f"found 'spectrum'; {name} sees no neutrinos"
                    )
        if table.statistic == "poisson" and len(telescopes) > 1:
            raise self._refused(
                "limit.statistic", f"found 'poisson' with {len(telescopes)} detectors; needs one"
            )
        for name in table.data:
            if name not in telescopes:
                problem = str(unknown_name("", name, telescopes)).removeprefix(": ")
                raise self._refused(f"limit.data.{name}", problem)

    def _threshold(self, table: LimitTable, statistic: Statistic) -> tuple[float | None, float]:
        from scipy.special import chdtri

        if table.method == "energy":
            return None, 0.0
        if table.delta is not None:
            if table.confidence_level is not None:
                raise self._refused("limit.delta", "found beside confidence_level; needs one")
            if statistic == "poisson":
                raise self._refused(
                    "limit.delta", "found with statistic = 'poisson'; needs confidence_level"
                )
            return None, table.delta
        level = CONFIDENCE if table.confidence_level is None else table.confidence_level
        return level, float(chdtri(1, 1 - level))

    def _data(self, name: str, table: LimitTable, scan: ScanCard) -> DataSetting:
        if name == ENERGY or table.method == "energy":
            return DataSetting()
        entry, key = table.data.get(name, DataTable()), f"limit.data.{name}"
        detector = self._detector(name)
        low, high = entry.energy or (None, None)
        if entry.energy is not None:
            ends = detector.energy_window
            if not (entry.energy[0] < ends[1] and entry.energy[1] > ends[0]):
                raise self._refused(
                    f"{key}.energy",
                    f"found {entry.energy[0]:g} to {entry.energy[1]:g} MeV; {name} sees "
                    f"{ends[0]:g} to {ends[1]:g} MeV",
                )
        if table.method == "counting":
            self._observed(key, name, entry, detector, scan)
        background = entry.background
        if isinstance(background, tuple):
            background = background[1] * self._window(key, name, detector, scan)
        return DataSetting(low, high, entry.observed, background)  # type: ignore[arg-type]

    def _observed(
        self, key: str, name: str, entry: DataTable, detector: Detector, scan: ScanCard
    ) -> None:
        """Refuse counts left to a detector's card that has none for this energy and window."""
        if entry.observed is not None:
            return
        seen = detector.observed
        if seen is None:
            raise self._refused(
                f"{key}.observed",
                f'missing; the card of {name} has none: needs a number, or "background"',
            )
        if isinstance(seen, ObservedCounts):
            windows = self._windows(name, detector, scan)
            other = [one for one in windows if abs(one / seen.window - 1) > SAME_WINDOW]
            if other or entry.energy not in (None, detector.energy_window):
                low, high = detector.energy_window
                raise self._refused(
                    f"{key}.observed",
                    f"missing; the card of {name} has the counts of {low:g}-{high:g} MeV and "
                    f"{seen.window:g} s alone",
                )

    def _window(self, key: str, name: str, detector: Detector, scan: ScanCard) -> float:
        """The window [s] with which a rate is multiplied."""
        first, *others = self._windows(name, detector, scan)
        if others:
            raise self._refused(
                f"{key}.background", "found a rate with several windows; needs a number of counts"
            )
        return first

    def _windows(self, name: str, detector: Detector, scan: ScanCard) -> list[float]:
        """The windows [s] in which a detector observes, over the scan."""
        own = [one.card.observation.window_s for one in scan.points if one.detector == name]
        found = {detector.default_window if one is None else one for one in own}
        return sorted(window for window in found if window is not None)

    def _burst(self, table: LimitTable) -> GeneratorSetting:
        """The model that competes with the signal, through the checks of [generator]."""
        entry = {"name": BURST.rpartition(".")[2], **(table.burst or {})}
        check = replace(self.check, problems=[])
        setting = check.generator(BURST, entry, False)
        if setting is None or check.problems:
            raise check.error()
        return setting

    def _energy(self, table: EnergyTable | None) -> tuple[float | None, float | None]:
        if table is None:
            return None, None
        if table.share is not None and table.of is not None:
            return table.share * table.of, None
        return table.total, table.luminosity

    def _comparison(self, place: int, entry: CompareTable, scan: ScanCard) -> Comparison:
        key = f"limit.compare[{place}]"
        mass = coupling = None
        if entry.mass is not None:
            mass = self._quantity(f"{key}.mass", entry.mass, "MeV")
            coupling = self._quantity(f"{key}.coupling", entry.coupling, scan.unit)
            low, high = scan.masses[0], scan.masses[-1]
            if not low * (1 - 1e-9) <= mass <= high * (1 + 1e-9):
                raise self._refused(
                    f"{key}.mass",
                    f"found {shown(entry.mass)}; the scan runs from {low:g} to {high:g} MeV",
                )
        if entry.parameter is not None and entry.parameter not in scan.parameters:
            text = str(unlisted(entry.parameter, scan.parameters))
            raise self._refused(f"{key}.parameter", text)
        curve = None if entry.curve is None else Path(entry.curve)
        return Comparison(
            entry.source, entry.reason, mass, coupling, entry.edge, curve, entry.parameter
        )

    def _quantity(self, key: str, value: object, unit: str) -> float:
        try:
            number = quantity(value, unit, key)
        except InputError as error:
            raise self._refused(key, str(error).removeprefix(f"{key}: ")) from error
        if not number > 0:
            raise self._refused(key, f"found {shown(value)}; needs a number above 0")
        return number


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
