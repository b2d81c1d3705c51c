"""What the metadata of our ROOT files hold, as far as it is read: believed only once checked.

A file may be damaged, of another program or of another version. Whoever reads metadata lets them
through `checked` first; then each key that a form names is there and of its type. Other keys, of
older or newer versions, pass.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
    model_validator,
)

from snmc.ground.errors import InputError
from snmc.ground.text import key_of, shown

Table = dict[str, Any]


def _measured(text: str) -> str:
    number, _, unit = text.partition(" ")
    if not unit or not math.isfinite(float(number)):
        raise ValueError
    return text


Measured = Annotated[str, AfterValidator(_measured)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Number = Annotated[int, Field(ge=0)]  # of a thing in a list, or how many there are

NEEDED = {  # by the beginning of pydantic's name of the error
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "list": "a list",
    "tuple": "a list",
    "dict": "a table",
    "model": "a table",
    "greater": "0 or more",
    "too_short": "one entry at least",
}


class Record(BaseModel):
    """A table of the metadata."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)


class Column(Record):
    """What a column of a tree means."""

    unit: str
    meaning: str


class CoreRecord(Record):
    """The core of a run, and how columns of it were filled in."""

    name: str
    filled: dict[str, str] = {}


class Random(Record):
    """Where the random numbers come from."""

    seed: int


class DetectorRecord(Record):
    """The detector of a run."""

    name: str
    channels: list[str]
    approximations: list[str] = []


class Normalisation(Record):
    """What a generator emits."""

    modes: list[str]


class SpectrumRecord(Record):
    """A generator of a run, by the name of the histogram of its parents."""

    parent_spectrum: str


class GeneratorRecord(SpectrumRecord):
    """A generator of a run, and what came of it once the run is complete."""

    label: str
    title: str
    tallies: dict[str, Finite] = {}
    normalisation: Normalisation = Normalisation(modes=[])


class GeneratorEntry(Record):
    """An entry [generator] of a card."""

    name: str
    label: str


class RunEntry(Record):
    """The table [run] of a card."""

    supernovae: Annotated[int, Field(ge=1)] | None = None


class RunCardRecord(Record):
    """The card of a run."""

    supernova: Table
    generator: Annotated[list[GeneratorEntry], Field(min_length=1)]
    observation: Table
    run: RunEntry


class DrawnMetadata(Record):
    """Metadata of a file of events, finished or not, as far as a picture needs them."""

    title: str = ""
    card: RunCardRecord
    generators: Annotated[Sequence[SpectrumRecord], Field(min_length=1)]
    detector: DetectorRecord | None = None
    tallies: dict[str, Finite] = {}

    @model_validator(mode="after")
    def _agree(self) -> "DrawnMetadata":
        if len(self.generators) != len(self.card.generator):
            raise ValueError(
                f"found {len(self.generators)} generators, {len(self.card.generator)} in card; "
                "needs as many of both"
            )
        return self


class EventMetadata(DrawnMetadata):
    """Metadata of a file of events, finished or not."""

    title: str
    command: list[str]
    created: str
    source_hash: str
    random: Random
    core: CoreRecord
    generators: Annotated[Sequence[GeneratorRecord], Field(min_length=1)]
    detector: DetectorRecord | None
    columns: dict[str, dict[str, Column]]
    citations: list[str]


class WrittenRecord(Record):
    """What was written in all, and its checksums."""

    rows: dict[str, Number]
    blocks: Number
    spectra_crc32: dict[str, Number]


class WrittenMetadata(Record):
    """Metadata of a file of events, as far as holding it against its checksums needs them."""

    identity: Table
    written: WrittenRecord | None = None


class SeedEntry(Record):
    """The table [run] of a scan's card."""

    seed: int


class WindowRecord(Record):
    """The window of a detector."""

    value: Measured


class DetectorTable(Record):
    """The card of a detector."""

    window: WindowRecord = WindowRecord(value="0 s")


class DetectorTables(Record):
    """What decides the numbers of a scan, as far as its grid needs it."""

    detectors: dict[str, DetectorTable] = {}


class ModelEntry(Record):
    """The table [generator] of a scan's card."""

    name: str


class SupernovaEntry(Record):
    """The table [supernova] of a scan's card, without what stands on an axis."""

    core: str | Table = ""
    distance: Measured = "0 m"


class ObservationEntry(Record):
    """The table [observation] of a scan's card, without what stands on an axis."""

    window: Measured | None = None


class CaptionRecord(Record):
    """The card of a scan, as far as a picture of its grid needs it."""

    title: str
    generator: ModelEntry = ModelEntry(name="")
    supernova: SupernovaEntry = SupernovaEntry()
    observation: ObservationEntry = ObservationEntry()


class ScanCardRecord(CaptionRecord):
    """The card of a scan."""

    run: SeedEntry


class IdentityRecord(DetectorTables):
    """All that decides the numbers of a scan."""

    source: str


class AxisRecord(Record):
    """A further key that is scanned, and its values."""

    key: str
    values: Annotated[list[Any], Field(min_length=1)]


def _rising(values: list[float]) -> list[float]:
    if values[0] < 0 or any(b <= a for a, b in pairwise(values)):
        raise ValueError(f"found {shown(values)}; needs rising numbers from 0")
    return values


Values = Annotated[list[Finite], Field(min_length=1), AfterValidator(_rising)]
Edges = Annotated[list[Finite], Field(min_length=2), AfterValidator(_rising)]
Point = Annotated[tuple[Number, Finite, str, list[Number], str], Strict(False)]  # JSON has lists


class GridMetadata(Record):
    """Metadata of the grid of a scan, as far as they say what its numbers are."""

    card: CaptionRecord
    identity: DetectorTables
    masses: Values = Field(alias="masses_MeV")
    couplings: Values
    unit: str
    parameters: Annotated[list[str], Field(min_length=1)]
    axes: list[AxisRecord]
    detectors: Annotated[list[str], Field(min_length=1)]
    points: list[Point]
    done: list[Number]
    trees: dict[str, str]
    edges: dict[str, Edges]

    @model_validator(mode="after")
    def _agree(self) -> "GridMetadata":
        sizes = [len(axis.values) for axis in self.axes]
        masses = {*self.masses}
        for place, (number, mass, parameter, choice, detector) in enumerate(self.points):
            fits = (
                number == place
                and mass in masses
                and parameter in self.parameters
                and detector in self.detectors
                and len(choice) == len(sizes)
                and all(one < size for one, size in zip(choice, sizes, strict=True))
            )
            if not fits:
                found = shown([number, mass, parameter, choice, detector])
                raise ValueError(
                    f"found point {found}; needs its number {place}, and a mass, parameter, choice "
                    "and detector of the grid"
                )
        if not {*self.done} <= {*range(len(self.points))}:
            raise ValueError(f"found {max(self.done)} in done; needs numbers of points")
        if not self.trees.keys() == self.edges.keys() <= {*self.detectors}:
            raise ValueError("found trees, edges and detectors that differ; needs the same names")
        return self


class ReportedGrid(GridMetadata):
    """Metadata of the grid of a scan, and how it was made."""

    card: ScanCardRecord
    identity: IdentityRecord
    command: list[str]
    created: str
    columns: dict[str, Column]


def checked(path: Path, metadata: Mapping[str, Any], form: type[Record]) -> Table:
    """The metadata as they stand, once all that `form` names is there and of its type.

    `path`: their file. Raises InputError naming file and key, what was found and what is needed.
    """
    needed = [key.alias or name for name, key in form.model_fields.items() if key.is_required()]
    if not any(name in metadata for name in needed):
        raise InputError(f"{path}: found metadata of another program; needs a file of snmc")
    try:
        form.model_validate(dict(metadata))
    except ValidationError as error:
        first = error.errors()[0]
        key = key_of(first["loc"])
        raise InputError(f"{path}: metadata: {key}{key and ': '}{_told(first)}") from error
    return dict(metadata)


def _told(error: Any) -> str:
    """Pydantic's words as ours."""
    if error["type"] == "missing":
        return "missing; is the file of another version of snmc?"
    if error["type"] == "value_error" and isinstance(error["input"], str):
        return f"found {shown(error['input'])}; needs a number with its unit"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    needed = next(
        (text for kind, text in NEEDED.items() if error["type"].startswith(kind)), error["msg"]
    )
    return f"found {shown(error['input'])}; needs {needed}"
