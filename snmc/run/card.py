"""The run card: one TOML file that says what to simulate, checked before anything is computed.

Every value with a dimension carries its unit and is converted here to the units used inside. What
cannot be right ends in one InputError that names the file and the key, what was found and what is
allowed.
"""

import os
import re
import tomllib
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from snmc.ground.errors import InputError, PhysicsWarning, unknown_name
from snmc.ground.text import shown
from snmc.ground.toml import read_toml
from snmc.roles.generator import Value
from snmc.roles.model_file import is_model_file, located_model, model_label
from snmc.roles.registry import detector_cards, find_generator, is_path
from snmc.run.scan_tables import LimitTable, ScanTable
from snmc.run.values import (
    CompleteError,
    Problem,
    Section,
    Table,
    Whole,
    existing,
    generator_section,
    line_of_text,
    one_of,
    problem,
    root_file,
    with_unit,
    within,
)

Ordering = Literal["NO", "IO"]
Oscillation = Literal["nufit-5.2", "nufit-6.0"]
Daughters = Literal["photon", "neutrino", "all"]
Precision = Literal["draft", "scan", "standard", "high"]
Checked = TypeVar("Checked", bound=Section)


@dataclass(frozen=True)
class SupernovaSetting:
    """`[supernova]`: the core (a name, an absolute path or a table), lengths in m, choices."""

    core: str | Table
    distance_m: float
    photosphere_m: float
    neutrinosphere_m: float
    gravity: bool
    absorption: bool
    ordering: Ordering
    oscillation: Oscillation


@dataclass(frozen=True)
class GeneratorSetting:
    """`[generator]`: the model, its values in the units it declares, and the label of this entry.

    Defaults are filled in; `values` holds no other parameter that the card left out.
    """

    name: str
    values: dict[str, Value]
    label: str


@dataclass(frozen=True)
class ObservationSetting:
    """`[observation]`: None stands for "as the detector has it", or no limit on the angle."""

    detector: str | None
    window_s: float | None
    daughters: Daughters | None
    max_angle_rad: float | None


@dataclass(frozen=True)
class RunSetting:
    """`[run]`: how much to simulate and where it goes."""

    events: int
    seed: int
    output: Path
    workers: int | None
    supernovae: int | None
    precision: Precision


@dataclass(frozen=True)
class RunCard:
    """A run card with every value checked, converted and filled in."""

    title: str
    path: Path
    supernova: SupernovaSetting
    generators: tuple[GeneratorSetting, ...]
    observation: ObservationSetting
    run: RunSetting

    def resolved(self) -> Table:
        """All that decides the events, ready for JSON, each number with its unit in the text.

        Without the card's path, `output` and `workers`, which change no event. None stands for
        a value that the detector decides or that is not limited. Written back as TOML (without
        what is None) it is a card that means the same.
        """
        supernova, observation, run = self.supernova, self.observation, self.run
        return {
            "title": self.title,
            "supernova": {
                "core": supernova.core,
                "distance": f"{supernova.distance_m!r} m",
                "photosphere": f"{supernova.photosphere_m!r} m",
                "neutrinosphere": f"{supernova.neutrinosphere_m!r} m",
                "gravity": supernova.gravity,
                "absorption": supernova.absorption,
                "ordering": supernova.ordering,
                "oscillation": supernova.oscillation,
            },
            "generator": [_resolved_generator(setting) for setting in self.generators],
            "observation": {
                "detector": observation.detector,
                "window": with_unit(observation.window_s, "s"),
                "daughters": observation.daughters,
                "max_angle": with_unit(observation.max_angle_rad, "rad"),
            },
            "run": {
                "events": run.events,
                "seed": run.seed,
                "supernovae": run.supernovae,
                "precision": run.precision,
            },
        }


def load_card(path: Path, settings: Sequence[str] = (), removed: Sequence[str] = ()) -> RunCard:
    """Read and check a run card.

    `path`: the card; `removed`: keys taken out of it, such as `observation.window`; then
    `settings`: changes to it, each `KEY=VALUE` such as `generator.mass="50 MeV"`, the value read as
    TOML, or as text where it is no TOML; later ones win. Of several generators one is named by its
    label: `generator.LABEL.mass`. Relative paths in the card refer to the card's folder, those in
    `settings` to the working directory. Raises InputError for anything that is wrong, with a
    message for each key.
    """
    data, changed, several = read_card(path, settings, removed)
    return Check(Path(path), changed).card(data, several)


# --- reading -------------------------------------------------------------------------------------


def read_card(
    path: Path, settings: Sequence[str] = (), removed: Sequence[str] = ()
) -> tuple[Table, list[str], bool]:
    """Read a card with its changes, unchecked, see `load_card`.

    Result: the card as TOML gives it, with absolute paths, several generators as a table by label;
    the keys that were set or taken out; and whether there are several. Raises InputError for what
    is no TOML, and for a change that cannot be made.
    """
    path = Path(path)
    data = _read(path)
    _make_paths_absolute(data, path.parent)
    several = isinstance(data.get("generator"), list)
    if several:
        data["generator"] = _by_label(path, data["generator"])
    labels = list(data["generator"]) if several else None
    changed = [_taken_out(data, key) for key in removed]
    changed += [_apply(data, setting, labels) for setting in settings]
    return data, changed, several


def _read(path: Path) -> Table:
    data = read_toml(path, "the card")
    entries = data.get("generator")
    if entries == []:
        del data["generator"]
    elif isinstance(entries, list) and len(entries) == 1:
        data["generator"] = entries[0]
    return data


def _make_paths_absolute(data: Table, base: Path) -> None:
    """Turn every path into an absolute one; names of shipped things stay.

    What a card reads lies beside the card (`base`), what it writes goes where the command runs.
    """
    base = Path(os.path.abspath(base))
    supernova, observation, run = (data.get(key) for key in ("supernova", "observation", "run"))
    if isinstance(supernova, dict):
        core = supernova.get("core")
        if isinstance(core, str):
            supernova["core"] = _located(core, _core_names(), base)
        elif isinstance(core, dict) and isinstance(core.get("path"), str):
            core["path"] = _absolute(core["path"], base)
    if isinstance(observation, dict) and isinstance(observation.get("detector"), str):
        observation["detector"] = _located(observation["detector"], detector_cards(), base)
    for entry in _generators(data.get("generator")):
        if isinstance(entry.get("name"), str) and is_model_file(entry["name"]):
            entry["name"] = located_model(entry["name"], base)
    for table in (run, data.get("scan")):
        if isinstance(table, dict):
            output = table.get("output")
            if isinstance(output, str) and output.strip():
                table["output"] = _absolute(output, Path.cwd())
    _make_scan_paths_absolute(data, base)


def _generators(held: object) -> list[Table]:
    """Tables that may name a generator: one, several in a list, or several by their labels."""
    entries = [held, *held.values()] if isinstance(held, dict) else held
    return (
        [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    )


def _make_scan_paths_absolute(data: Table, base: Path) -> None:
    """Turn the paths in [scan] and [limit] into absolute ones."""
    scan, limit = data.get("scan"), data.get("limit")
    if isinstance(scan, dict):
        axes = scan.get("axes")
        outer = axes.get("supernova") if isinstance(axes, dict) else None
        for table, key, names in (
            (scan, "detectors", detector_cards()),
            (axes, "supernova.core", _core_names()),
            (outer, "core", _core_names()),  # the same axis, written as tables in tables
        ):
            if isinstance(table, dict) and isinstance(table.get(key), list):
                table[key] = [
                    _located(one, names, base) if isinstance(one, str) else one
                    for one in table[key]
                ]
    if isinstance(limit, dict):
        if isinstance(limit.get("data"), dict):
            limit["data"] = {
                _located(name, detector_cards(), base): held for name, held in limit["data"].items()
            }
        if isinstance(limit.get("compare"), list):
            for entry in limit["compare"]:
                if isinstance(entry, dict) and isinstance(entry.get("curve"), str):
                    entry["curve"] = _absolute(entry["curve"], base)


def _located(text: str, names: Iterable[str], base: Path) -> str:
    """Make a path absolute; a shipped name and anything else stay as they are."""
    if text in names or not text.strip():
        return text
    absolute = _absolute(text, base)
    return absolute if is_path(text) or os.path.exists(absolute) else text


def _absolute(text: str, base: Path) -> str:
    return os.path.abspath(base / os.path.expanduser(text))


def _core_names() -> Iterable[str]:
    """Names of shipped and analytic cores; `list_cores` also tells the formats that are read."""
    from snmc.core import list_cores

    return [name for name, text in list_cores() if not text.startswith("format")]


def _by_label(path: Path, entries: list[Any]) -> Table:
    """Several `[[generator]]` entries as a table by label (the name, where there is none)."""
    labelled: Table = {}
    for entry in entries:
        label = entry.get("label", entry.get("name")) if isinstance(entry, dict) else None
        if isinstance(label, str):
            label = model_label(label)
        if not isinstance(label, str):
            raise InputError(f"{path}: generator: found {shown(entry)}; needs a table with a name")
        if label in labelled:
            raise InputError(
                f"{path}: generator.label: found {label!r} twice; "
                "entries of the same model need a label each"
            )
        labelled[label] = entry
    return labelled


# --- changes from the command line ---------------------------------------------------------------


def _taken_out(data: Table, key: str) -> str:
    """Take a key out of the card's data; gives it back as errors name it."""
    named = f"command line: --unset {key}"
    *outer, last = key.strip().split(".")
    table: Any = data
    for depth, part in enumerate([*outer, last]):
        if not isinstance(table, dict):
            raise InputError(f"{named}: {'.'.join(outer[:depth])} is {shown(table)}, no table")
        if part not in table:
            raise unknown_name(named, part, table)
        if depth < len(outer):
            table = table[part]
    del table[last]
    return key.strip()


def _apply(data: Table, setting: str, labels: Sequence[str] | None) -> str:
    """Put one `KEY=VALUE` into the card's data; gives back the key as errors name it.

    `labels`: of the generators, where there are several.
    """
    key, equals, text = setting.partition("=")
    key = key.strip()
    parts = key.split(".")
    if not equals or not all(parts):
        raise InputError(
            f"command line: found --set {setting!r}; needs KEY=VALUE, "
            'such as --set generator.mass="50 MeV"'
        )
    if labels is not None and parts[0] == "generator" and len(parts) > 2 and parts[1] not in labels:
        raise unknown_name(f"command line: {key}: label", parts[1], labels)
    change: Table = {parts[-1]: _toml_or_text(text.strip())}
    for part in reversed(parts[:-1]):
        change = {part: change}
    _make_paths_absolute(change, Path.cwd())
    table = data
    for depth, part in enumerate(parts[:-1], start=1):
        table, change = table.setdefault(part, {}), change[part]
        if not isinstance(table, dict):
            raise InputError(
                f"command line: {key}: {'.'.join(parts[:depth])} is {shown(table)}, no table"
            )
    table[parts[-1]] = change[parts[-1]]
    return key


def _toml_or_text(text: str) -> object:
    try:
        read = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return read["value"] if read.keys() == {"value"} else text


# --- what each section may hold ------------------------------------------------------------------


def _core(value: object) -> object:
    if isinstance(value, str) and value.strip():
        return existing(value, _core_names(), "file or folder")
    if isinstance(value, dict) and isinstance(value.get("type"), str):
        return _analytic(value)
    if isinstance(value, dict) and isinstance(value.get("path"), str):
        return value
    raise ValueError


def _analytic(table: Table) -> Table:
    """Let through the table of an analytic core that can be built, which takes milliseconds."""
    from snmc.core import load_core

    try:
        load_core(table)
    except InputError as error:
        raise CompleteError(re.sub(r"^supernova\.core[.:]? ?", "", str(error))) from error
    return table


def _detector(value: object) -> object:
    if isinstance(value, str) and value.strip():
        return existing(value, detector_cards(), "file")
    raise ValueError


class _Supernova(Section):
    core: Annotated[str | Table, BeforeValidator(_core)] = Field(
        description="the name of a core (see `snmc cores`), the path of a profile, or a table "
        "with a type or a path"
    )
    distance: Annotated[float, within("m", "1 pc", "100 Mpc")] = Field(
        description='a length such as "51.4 kpc", from 1 pc to 100 Mpc'
    )
    photosphere: Annotated[float, within("m", "1 km", "1e14 m")] = Field(
        default=3e10, description='a length such as "3e10 m", from 1 km to 1e14 m'
    )
    neutrinosphere: Annotated[float, within("m", "1 km", "1000 km")] = Field(
        default=3e4, description='a length such as "30 km", from 1 km to 1000 km'
    )
    gravity: bool = Field(default=True, description="true or false")
    absorption: bool = Field(default=True, description="true or false")
    ordering: Annotated[Ordering, one_of(*get_args(Ordering))] = Field(
        default="NO", description='"NO" (normal) or "IO" (inverted)'
    )
    oscillation: Annotated[Oscillation, one_of(*get_args(Oscillation))] = Field(
        default="nufit-5.2", description='"nufit-5.2" or "nufit-6.0"'
    )


class _Observation(Section):
    detector: Annotated[str, BeforeValidator(_detector)] | None = Field(
        default=None,
        description="the name of a detector (see `snmc detectors`) or the path of its card",
    )
    window: Annotated[float, within("s", "1e-6 s", "1e10 s")] | None = Field(
        default=None, description='a time such as "223 s", from 1e-6 s to 1e10 s'
    )
    daughters: Annotated[Daughters, one_of(*get_args(Daughters))] | None = Field(
        default=None, description='"photon", "neutrino" or "all"'
    )
    max_angle: Annotated[float, within("rad", "1e-9 deg", "180 deg")] | None = Field(
        default=None, description='an angle such as "5 deg", from 1e-9 deg to 180 deg'
    )

    @model_validator(mode="after")
    def _window_from_somewhere(self) -> "_Observation":
        if self.detector is None and self.window is None:
            raise CompleteError(
                'found neither detector nor window; needs a detector or a window, such as "223 s"'
            )
        return self


class _Run(Section):
    events: Whole = Field(
        default=1_000_000, ge=1, le=10**12, description="a whole number from 1 to 10^12"
    )
    seed: Whole = Field(default=1, ge=0, lt=2**63, description="a whole number from 0 to 2^63 - 1")
    output: Annotated[Path, BeforeValidator(root_file)] | None = Field(
        default=None, description="the path of a file that ends in .root"
    )
    workers: Whole | None = Field(
        default=None, ge=1, le=1024, description="a whole number from 1 to 1024"
    )
    supernovae: Whole | None = Field(
        default=None, ge=1, le=10**9, description="a whole number from 1 to 10^9"
    )
    precision: Annotated[Precision, one_of(*get_args(Precision))] = Field(
        default="standard", description='"draft", "scan", "standard" or "high"'
    )


class CardTables(Section):
    """All tables of a card; [generator] is checked on its own, by what its model declares."""

    title: Annotated[str, BeforeValidator(line_of_text)] = Field(
        default="", description="a line of text, in quotes"
    )
    supernova: _Supernova = Field(description="a table [supernova]")
    generator: Table = Field(description="a table [generator]")
    observation: _Observation = Field(description="a table [observation]")
    run: _Run = Field(default=_Run(), description="a table [run]")
    scan: ScanTable | None = Field(default=None, description="a table [scan]")
    limit: LimitTable | None = Field(default=None, description="a table [limit]")


# --- checking ------------------------------------------------------------------------------------


@dataclass
class Check:
    """Collects what is wrong with a card, so that one error can tell all of it."""

    path: Path
    changed: Sequence[str]
    problems: list[Problem] = field(default_factory=list)

    def card(self, data: Table, several: bool) -> RunCard:
        """The run card that the data make; InputError if anything is wrong with it."""
        card = self.read(data, several)
        if card is None:
            raise self.error()
        return card

    def read(self, data: Table, several: bool) -> RunCard | None:
        """The run card that the data make; None, with the `problems` noted, if any is wrong."""
        card = self.valid(CardTables, data, "")
        entries = data.get("generator")
        settings: list[GeneratorSetting | None] = []
        if isinstance(entries, dict):
            keyed = {f"generator.{label}": entry for label, entry in entries.items()}
            tables = keyed if several else {"generator": entries}
            settings = [self.generator(key, entry, several) for key, entry in tables.items()]
        if card is None or self.problems:
            return None
        supernova, observation, run = card.supernova, card.observation, card.run
        return RunCard(
            title=card.title or self.path.stem,
            path=Path(os.path.abspath(self.path)),
            supernova=SupernovaSetting(
                core=supernova.core,
                distance_m=supernova.distance,
                photosphere_m=supernova.photosphere,
                neutrinosphere_m=supernova.neutrinosphere,
                gravity=supernova.gravity,
                absorption=supernova.absorption,
                ordering=supernova.ordering,
                oscillation=supernova.oscillation,
            ),
            generators=tuple(setting for setting in settings if setting is not None),
            observation=ObservationSetting(
                detector=observation.detector,
                window_s=observation.window,
                daughters=observation.daughters
                or ("all" if observation.detector is None else None),
                max_angle_rad=observation.max_angle,
            ),
            run=RunSetting(
                events=run.events,
                seed=run.seed,
                output=run.output or Path.cwd() / f"{self.path.stem}.root",
                workers=run.workers,
                supernovae=run.supernovae,
                precision=run.precision,
            ),
        )

    def generator(self, key: str, entry: object, several: bool) -> GeneratorSetting | None:
        """One `[generator]`: its model's keys, checked also by the model itself."""
        if not isinstance(entry, dict):
            hint = "; of several generators name one: generator.LABEL.KEY" if several else ""
            self.problems.append(Problem(key, f"found {shown(entry)}; needs a table{hint}"))
            return None
        name = entry.get("name")
        if not isinstance(name, str):
            found = f"found {shown(name)}" if "name" in entry else "missing"
            needs = "needs the name of a model (see `snmc generators`)"
            self.problems.append(Problem(f"{key}.name", f"{found}; {needs}"))
            return None
        try:
            model = find_generator(name)
        except InputError as error:
            text = str(error).removeprefix("generator.name: ")
            self.problems.append(Problem(f"{key}.name", text))
            return None
        located = {
            file.name: _absolute(entry[file.name], self._base(f"{key}.{file.name}"))
            for file in model.files
            if isinstance(entry.get(file.name), str) and entry[file.name].strip()
        }
        section = self.valid(generator_section(name, model), entry | located, f"{key}.")
        if section is None:
            return None
        values: Table = section.model_dump(by_alias=True, exclude_none=True)
        del values["name"]
        label = str(values.pop("label"))
        try:
            with warnings.catch_warnings():  # said when the model is made for the run
                warnings.simplefilter("ignore", PhysicsWarning)
                values = model(values).values
        except InputError as error:
            of_key, _, text = str(error).removeprefix("generator.").partition(": ")
            self.problems.append(Problem(f"{key}.{of_key}", text))
        return GeneratorSetting(name, values, label)

    def valid(self, model: type[Checked], data: Table, prefix: str) -> Checked | None:
        """Read the data as that model, or note what is wrong and give None."""
        try:
            return model.model_validate(data)
        except ValidationError as error:
            self.problems += [problem(model, detail, prefix) for detail in error.errors()]
            return None

    def refusal(self, key: str, text: str) -> InputError:
        """The error of one key that is found wrong later."""
        return replace(self, problems=[Problem(key, text)]).error()

    def error(self) -> InputError:
        """All problems, a message each; a misspelt key comes before those it explains."""
        ordered = sorted(self.problems, key=lambda problem: not problem.misspelt)
        return InputError(*dict.fromkeys(map(self._told, ordered)))

    def _told(self, problem: Problem) -> str:
        source = "command line" if self._set_by_hand(problem.key) else str(self.path)
        return " ".join(f"{source}: {problem.key}: {problem.text}".split())

    def _base(self, key: str) -> Path:
        """Folder from which a relative path in the card, or on the command line, leads."""
        return Path.cwd() if self._set_by_hand(key) else self.path.parent

    def _set_by_hand(self, key: str) -> bool:
        key = key.replace('"', "")
        return any(key == changed or key.startswith(f"{changed}.") for changed in self.changed)


# --- the card as a record ------------------------------------------------------------------------


def _resolved_generator(setting: GeneratorSetting) -> Table:
    units = {entry.name: entry.unit for entry in find_generator(setting.name).parameters}
    values = {
        key: with_unit(value, units[key])
        if isinstance(value, float)
        else list(value)
        if isinstance(value, tuple)
        else value
        for key, value in setting.values.items()
    }
    return {"name": setting.name, "label": setting.label, **values}
