"""The grid of a scan: expected counts by mass, coupling and choice, and its file.

The file is ROOT: one tree a detector with a row for each point and coupling, and the metadata. It
is small, so it is written anew each time, whole or not at all.
"""

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from snmc.ground.errors import InputError, PhysicsError
from snmc.ground.files import replacing
from snmc.ground.root_file import (
    METADATA,
    DamageError,
    checksum,
    described,
    new_tree,
    open_root,
    read_metadata,
    reading_root,
    sealed,
    to_json,
)
from snmc.judgement.series import Series
from snmc.run.metadata import GridMetadata, ReportedGrid, checked

if TYPE_CHECKING:
    from snmc.run.scan_card import ScanCard

KIND = "snmc grid"
CHECKSUMS = "points_crc32"  # key of the metadata: checksum of its rows by the number of the point
STORED = ("spectrum", "variance", "counts", "error", "effective")  # of a series
MEANING = {
    "point": ("", "number of the sample: mass and choice of the rest"),
    "mass": ("MeV", "mass of the particle"),
    "coupling": ("", "value of the coupling that runs"),
    "parameter": ("", "which coupling runs, numbered in the metadata"),
    "counts": ("events, or erg", "expected counts, or energy that leaves"),
    "error": ("as counts", "Monte Carlo standard error of the counts"),
    "effective": ("", "effective sample size, (Sum w)^2/Sum w^2"),
    "bound": ("", "whether the core is opaque up to its edge: the counts are an upper bound"),
    "thin": ("", "whether the sample is too small for the counts to be trusted"),
    "spectrum": ("as counts", "expected counts by bin, between the edges in the metadata"),
    "variance": ("its square", "squared Monte Carlo error of each bin"),
    "batches": ("as counts", "counts of every 16th event: points along an axis share their random "
                "numbers, and errors of their ratios are told from these"),
}  # fmt: skip


@dataclass(frozen=True)
class GridPoint:
    """One sample of a grid, as `snmc.run.scan_card.ScanPoint` without its card."""

    number: int
    mass: float
    parameter: str
    choice: tuple[int, ...]
    detector: str


@dataclass(frozen=True)
class Grid:
    """Expected counts of a scan; `series` by the number of the point, all or those done so far.

    `card`: the resolved card; `identity`: all that decides the numbers; `masses` [MeV],
    `couplings` [`unit`]; `parameters`, `axes` (key and values), `detectors`: as of
    `snmc.run.scan_card.ScanCard`; `provenance`: how the file was made.
    """

    card: dict[str, Any]
    identity: dict[str, Any]
    masses: tuple[float, ...]
    couplings: tuple[float, ...]
    parameters: tuple[str, ...]
    unit: str
    axes: tuple[tuple[str, tuple[Any, ...]], ...]
    detectors: tuple[str, ...]
    points: tuple[GridPoint, ...]
    series: dict[int, Series]
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether all points are measured."""
        return len(self.series) == len(self.points)

    def of(self, detector: str, parameter: str, choice: tuple[int, ...]) -> list[Series]:
        """Series of one detector, coupling and choice along the masses. Raises KeyError."""
        return [
            self.series[point.number]
            for point in self.points
            if (point.detector, point.parameter, point.choice) == (detector, parameter, choice)
        ]

    def add(self, point: int, series: Series) -> None:
        """Add what was measured at a point. Raises PhysicsError for NaN or infinity."""
        for name in STORED:
            if not np.isfinite(getattr(series, name)).all():
                at = self.points[point]
                raise PhysicsError(
                    f"{name} of {at.detector} at {at.mass:g} MeV, {at.parameter}: found NaN or "
                    "infinity"
                )
        self.series[point] = series

    def save(self, path: Path) -> None:
        """Write the file; what is there before stays until the new one is on the disk.

        Raises OutputError if it cannot be written.
        """
        content = self._file()
        kept = "what was saved before is kept" if path.exists() else ""
        with replacing(path, kept) as temporary:
            temporary.write_bytes(content)

    def _file(self) -> bytes:
        """Content of the ROOT file."""
        import uproot

        buffer = io.BytesIO()
        with uproot.recreate(buffer, compression=uproot.ZSTD(1)) as file:
            trees = {}
            edges = {}
            checksums: dict[str, int] = {}
            meaning = self._meaning()
            for detector, tree in zip(self.detectors, _tree_names(self.detectors), strict=True):
                done = self._done(detector)
                if not done:
                    continue
                columns, edges[detector] = self._rows(done)
                trees[detector] = tree
                types = {
                    name: np.dtype((values.dtype, values.shape[1:]))
                    for name, values in columns.items()
                }
                titles = {name: described(text, unit) for name, (unit, text) in meaning.items()}
                new_tree(
                    file, tree, types, {"": f"{label(detector)} by mass and coupling", **titles}
                )
                file[tree].extend(columns)
                for point, rows in zip(done, _by_point(columns, len(self.couplings)), strict=True):
                    checksums[str(point.number)] = checksum(rows)
            file[METADATA] = sealed(self._metadata(trees, edges) | {CHECKSUMS: checksums})
            return buffer.getvalue()  # uproot closes the buffer, with nothing left to write

    def _done(self, detector: str) -> list[GridPoint]:
        """Points of a detector that are measured, in the order of their rows."""
        return [p for p in self.points if p.detector == detector and p.number in self.series]

    def _rows(self, done: list[GridPoint]) -> tuple[dict[str, npt.NDArray[Any]], list[float]]:
        """Columns of the tree of a detector with these points, and the edges of its bins."""
        all_series = [self.series[point.number] for point in done]
        each = len(self.couplings)

        def repeated(values: Iterable[Any], dtype: str) -> npt.NDArray[Any]:
            return np.repeat(np.array(list(values), dtype), each)

        columns: dict[str, npt.NDArray[Any]] = {
            "point": repeated((point.number for point in done), "i4"),
            "mass": repeated((point.mass for point in done), "f8"),
            "coupling": np.tile(np.array(self.couplings, "f8"), len(done)),
            "parameter": repeated((self.parameters.index(p.parameter) for p in done), "i2"),
        }
        for place, name in enumerate(self._axis_columns()):
            columns[name] = repeated((point.choice[place] for point in done), "i2")
        known = all(series.batches is not None for series in all_series)
        for name in (*STORED, "thin", "bound", *["batches"] * known):
            columns[name] = np.concatenate([getattr(series, name) for series in all_series])
        return columns, all_series[0].edges.tolist()

    def _axis_columns(self) -> list[str]:
        return [re.sub(r"\W", "_", key, flags=re.ASCII) for key, _ in self.axes]

    def _meaning(self) -> dict[str, tuple[str, str]]:
        """Unit and meaning of each column."""
        axes = {
            name: ("", f"number of the value of {key}")
            for name, (key, _) in zip(self._axis_columns(), self.axes, strict=True)
        }
        return MEANING | {"coupling": (self.unit, MEANING["coupling"][1])} | axes

    def _metadata(self, trees: Mapping[str, str], edges: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "kind": KIND,
            "card": self.card,
            "identity": self.identity,
            "masses_MeV": list(self.masses),
            "couplings": list(self.couplings),
            "unit": self.unit,
            "parameters": list(self.parameters),
            "axes": [{"key": key, "values": list(values)} for key, values in self.axes],
            "detectors": list(self.detectors),
            "points": [
                [p.number, p.mass, p.parameter, list(p.choice), p.detector] for p in self.points
            ],
            "done": sorted(self.series),
            "trees": dict(trees),
            "edges": dict(edges),
            "columns": {
                name: {"unit": unit, "meaning": text}
                for name, (unit, text) in self._meaning().items()
            },
            **self.provenance,
        }


def empty_grid(
    card: "ScanCard", identity: Mapping[str, Any], provenance: Mapping[str, Any]
) -> Grid:
    """Grid of a scan of which nothing is measured yet."""
    return Grid(
        card=json.loads(to_json(card.resolved())),
        identity=json.loads(to_json(identity)),
        masses=card.masses,
        couplings=card.couplings,
        parameters=card.parameters,
        unit=card.unit,
        axes=tuple((axis.key, tuple(axis.values)) for axis in card.axes),
        detectors=card.detectors,
        points=tuple(
            GridPoint(p.number, p.mass, p.parameter, p.choice, p.detector) for p in card.points
        ),
        series={},
        provenance=dict(provenance),
    )


def load_grid(path: Path) -> Grid:
    """Read the file of a grid. Raises InputError if it is none, DamageError if it is damaged."""
    grid, damaged = read_grid(path)
    if damaged:
        raise DamageError(
            f"{path}: damaged: {named(damaged)}; --resume of `snmc scan` or `snmc limit` measures "
            f"{'it' if len(damaged) == 1 else 'them'} again"
        )
    return grid


def check_grid(path: Path) -> None:
    """Hold the file of a grid against its checksums.

    Raises DamageError where it is damaged, InputError where there are no checksums.
    """
    load_grid(path)
    if CHECKSUMS not in _metadata_in(path):
        raise InputError(f"{path}: has no checksums, as a file of version 0.3")


def read_grid(path: Path) -> tuple[Grid, list[GridPoint]]:
    """Read what is whole in the file of a grid, and tell which measured points are damaged.

    A grid of version 0.3, which has no checksums, is believed. Raises InputError if it is none,
    DamageError if nothing of it can be read.
    """
    with open_root(path) as file, reading_root(path):
        told = read_metadata(path, file)
        if told.get("kind") != KIND:
            raise InputError(f"{path}: found no grid of a scan in it")
        checked(path, told, GridMetadata)
        known = ("kind", "card", "identity", "masses_MeV", "couplings", "unit", "parameters",
                 "axes", "detectors", "points", "done", "trees", "edges", "columns",
                 CHECKSUMS)  # fmt: skip
        grid = Grid(
            card=told["card"],
            identity=told["identity"],
            masses=tuple(told["masses_MeV"]),
            couplings=tuple(told["couplings"]),
            parameters=tuple(told["parameters"]),
            unit=told["unit"],
            axes=tuple((axis["key"], tuple(axis["values"])) for axis in told["axes"]),
            detectors=tuple(told["detectors"]),
            points=tuple(
                GridPoint(number, mass, parameter, tuple(choice), detector)
                for number, mass, parameter, choice, detector in told["points"]
            ),
            series={},
            provenance={key: value for key, value in told.items() if key not in known},
        )
        damaged = []
        written = set(told["done"])
        checksums = told.get(CHECKSUMS)
        for detector, tree in told["trees"].items():
            done = [p for p in grid.points if p.detector == detector and p.number in written]
            edges = np.array(told["edges"][detector])
            found: list[dict[str, npt.NDArray[Any]]] = []
            with suppress(DamageError), reading_root(path, tree):
                found = list(_by_point(file[tree].arrays(library="np"), len(grid.couplings)))
            for point, rows in zip(done, [*found, *[{}] * len(done)], strict=False):
                if checksums is not None and checksum(rows) != checksums[str(point.number)]:
                    damaged.append(point)
                    continue
                stored = [*STORED, *["batches"] * ("batches" in rows)]
                grid.series[point.number] = Series(
                    edges,
                    bound=rows["bound"].astype(bool),
                    **{name: np.asarray(rows[name], np.float64) for name in stored},
                )
        return grid, damaged


def _by_point(
    columns: Mapping[str, npt.NDArray[Any]], each: int
) -> Iterator[dict[str, npt.NDArray[Any]]]:
    """Columns of each point in turn, of `each` rows."""
    for start in range(0, len(columns["point"]), each):
        yield {name: values[start : start + each] for name, values in columns.items()}


def named(points: list[GridPoint]) -> str:
    """Name the first of some points, and how many they are."""
    first = points[0]
    more = f" and {len(points) - 1} other points" if len(points) > 1 else ""
    return f"{label(first.detector)} at {first.mass:.3g} MeV, {first.parameter}{more}"


def is_grid(path: Path) -> bool:
    """Whether a ROOT file is a grid of a scan. Raises InputError if it cannot be read."""
    return _metadata_in(path).get("kind") == KIND


def grid_report(path: Path) -> dict[str, Any]:
    """What the file of a grid tells of itself, ready for JSON: all but the numbers."""
    told = checked(path, _metadata_in(path), ReportedGrid)
    return {"file": str(path), "complete": len(told["done"]) == len(told["points"]), **told}


def _metadata_in(path: Path) -> dict[str, Any]:
    with open_root(path) as file:
        return read_metadata(path, file)


def label(detector: str) -> str:
    """What a detector is called; one given by the path of its card by the name of the file."""
    return Path(detector).name.removesuffix(".toml")


def _tree_names(detectors: Iterable[str]) -> list[str]:
    """Names that ROOT and C++ take, all different."""
    names: list[str] = []
    for detector in detectors:
        name = "grid_" + re.sub(r"\W", "_", label(detector), flags=re.ASCII)
        while name in names:
            name += "_"
        names.append(name)
    return names
