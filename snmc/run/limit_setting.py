"""How expected counts become a limit: the table [limit] of a card, checked against its scan."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from snmc.ground.errors import InputError, unknown
from snmc.ground.text import shown
from snmc.ground.units import converted
from snmc.roles.card import ObservedCounts
from snmc.roles.detector import Detector
from snmc.roles.registry import find_detector
from snmc.run.card import Check, GeneratorSetting
from snmc.run.scan_tables import (
    ENERGY,
    Background,
    CompareTable,
    Counts,
    DataTable,
    Edge,
    LimitTable,
    Method,
    Statistic,
)
from snmc.run.values import unlisted

if TYPE_CHECKING:
    from snmc.run.scan_card import ScanCard

CONFIDENCE = 0.95  # unless the card says otherwise
BURST = "limit.burst"  # the model is the one that the table is called after
SAME_WINDOW = 0.01  # relative difference of windows for which a card's counts hold


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


def read_limit(table: LimitTable, scan: "ScanCard", check: Check) -> LimitSetting:
    """Check [limit] against the grid of its scan, convert it and fill it in.

    `check`: that of the card, which words the errors. Raises InputError, in one line, for tables
    and keys that do not fit the method, and for data that do not fit a detector.
    """
    return _Loader(table, scan, check).limit()


def detector_of(name: str, check: Check) -> Detector:
    """The detector of a scan, by its name or absolute path. Raises InputError."""
    try:
        return find_detector(name, check.path)
    except InputError as error:
        raise check.refusal("scan.detectors", str(error)) from error


@dataclass(frozen=True)
class _Loader:
    """Goes from the table to the setting; all errors name keys of the card."""

    table: LimitTable
    scan: "ScanCard"
    check: Check

    @property
    def instruments(self) -> list[str]:
        """All that the scan measures but the energy that leaves."""
        return [name for name in self.scan.detectors if name != ENERGY]

    @property
    def keys(self) -> dict[str, str]:
        """Detectors by what [limit.data] may call them: name, path, or a path's stem if its own."""
        stems = [Path(one).stem if os.path.isabs(one) else one for one in self.instruments]
        own = {
            stem: one
            for stem, one in zip(stems, self.instruments, strict=True)
            if stems.count(stem) == 1
        }
        return own | {one: one for one in self.instruments}

    def limit(self) -> LimitSetting:
        self._fitting()
        statistic = self.table.statistic or "likelihood-ratio"
        level, delta = self._threshold(statistic)
        expected = bool(self.table.expected)
        data = {name: self._data(name) for name in self.scan.detectors}
        if self.table.method == "spectrum" and not expected:
            for name in self.instruments:
                if detector_of(name, self.check).observed is None:
                    raise self.check.refusal(
                        "limit.expected",
                        f"{'found false' if self.table.expected is False else 'missing'}; "
                        f"{name} has no observed events: needs true",
                    )
        burst = self._burst() if self.table.method == "spectrum" else None
        energy, luminosity = self._energy()
        return LimitSetting(
            method=self.table.method,
            statistic=statistic,
            confidence_level=level,
            delta=delta,
            data=data,
            burst=burst,
            profile=self.table.method == "spectrum" and self.table.profile is not False,
            expected=expected,
            energy_erg=energy,
            luminosity=luminosity,
            compare=tuple(
                self._comparison(place, entry)
                for place, entry in enumerate(self.table.compare, start=1)
            ),
        )

    def _fitting(self) -> None:
        """Refuse tables and keys that the method does not know."""
        method = self.table.method
        allowed = {
            "counting": {"statistic", "confidence_level", "delta", "data"},
            "spectrum": LimitTable.model_fields.keys() - {"statistic", "energy"},
            "energy": {"energy"},
        }[method]
        for key in sorted(self.table.model_fields_set - {"method", "compare"} - allowed):
            raise self.check.refusal(
                f"limit.{key}", f"found with method = {method!r}, which does not know it"
            )
        if method == "energy" and ENERGY not in self.scan.detectors:
            raise self.check.refusal("limit.method", "found 'energy'; needs scan.energy = true")
        if method == "energy" and self.table.energy is None:
            raise self.check.refusal("limit.energy", "missing; needs a table [limit.energy]")
        if method != "energy" and not self.instruments:
            raise self.check.refusal("limit.method", f"found {method!r}; needs a detector")
        if method == "spectrum":
            for name in self.instruments:
                if detector_of(name, self.check).daughters != "neutrino":
                    raise self.check.refusal(
                        "limit.method", f"found 'spectrum'; {name} sees no neutrinos"
                    )
        if self.table.statistic == "poisson" and len(self.instruments) > 1:
            raise self.check.refusal(
                "limit.statistic",
                f"found 'poisson' with {len(self.instruments)} detectors; needs one",
            )
        keys, seen = self.keys, dict[str, str]()
        for name in self.table.data:
            if name not in keys:
                raise self.check.refusal(f"limit.data.{name}", unknown(name, keys))
            if (other := seen.setdefault(keys[name], name)) != name:
                raise self.check.refusal(
                    f"limit.data.{name}", f"found beside limit.data.{other}, the same detector"
                )

    def _threshold(self, statistic: Statistic) -> tuple[float | None, float]:
        from scipy.special import chdtri

        if self.table.method == "energy":
            return None, 0.0
        if self.table.delta is not None:
            if self.table.confidence_level is not None:
                raise self.check.refusal("limit.delta", "found beside confidence_level; needs one")
            if statistic == "poisson":
                raise self.check.refusal(
                    "limit.delta", "found with statistic = 'poisson'; needs confidence_level"
                )
            return None, self.table.delta
        level = CONFIDENCE if self.table.confidence_level is None else self.table.confidence_level
        return level, float(chdtri(1, 1 - level))

    def _data(self, name: str) -> DataSetting:
        if name == ENERGY or self.table.method == "energy":
            return DataSetting()
        called, entry = next(
            (item for item in self.table.data.items() if self.keys[item[0]] == name),
            (name, DataTable()),
        )
        key = f"limit.data.{called}"
        detector = detector_of(name, self.check)
        low, high = entry.energy or (None, None)
        if entry.energy is not None:
            ends = detector.energy_window
            if not (entry.energy[0] < ends[1] and entry.energy[1] > ends[0]):
                raise self.check.refusal(
                    f"{key}.energy",
                    f"found {entry.energy[0]:g} to {entry.energy[1]:g} MeV; {name} sees "
                    f"{ends[0]:g} to {ends[1]:g} MeV",
                )
        if self.table.method == "counting":
            self._observed(key, name, entry, detector)
        background = entry.background
        if isinstance(background, tuple):
            background = background[1] * self._window(key, name, detector)
        return DataSetting(low, high, entry.observed, background)  # type: ignore[arg-type]

    def _observed(self, key: str, name: str, entry: DataTable, detector: Detector) -> None:
        """Refuse counts left to a detector's card that has none for this energy and window."""
        if entry.observed is not None:
            return
        seen = detector.observed
        if seen is None:
            raise self.check.refusal(
                f"{key}.observed",
                f'missing; the card of {name} has none: needs a number, or "background"',
            )
        if isinstance(seen, ObservedCounts):
            windows = self._windows(name, detector)
            other = [one for one in windows if abs(one / seen.window - 1) > SAME_WINDOW]
            if other or entry.energy not in (None, detector.energy_window):
                low, high = detector.energy_window
                raise self.check.refusal(
                    f"{key}.observed",
                    f"missing; the card of {name} has the counts of {low:g}-{high:g} MeV and "
                    f"{seen.window:g} s alone",
                )

    def _window(self, key: str, name: str, detector: Detector) -> float:
        """The window [s] with which a rate is multiplied."""
        first, *others = self._windows(name, detector)
        if others:
            raise self.check.refusal(
                f"{key}.background", "found a rate with several windows; needs a number of counts"
            )
        return first

    def _windows(self, name: str, detector: Detector) -> list[float]:
        """The windows [s] in which a detector observes, over the scan."""
        own = [one.card.observation.window_s for one in self.scan.points if one.detector == name]
        found = {detector.default_window if one is None else one for one in own}
        return sorted(window for window in found if window is not None)

    def _burst(self) -> GeneratorSetting:
        """The model that competes with the signal, through the checks of [generator]."""
        entry = {"name": BURST.rpartition(".")[2], **(self.table.burst or {})}
        check = replace(self.check, problems=[])
        setting = check.generator(BURST, entry, False)
        if setting is None or check.problems:
            raise check.error()
        return setting

    def _energy(self) -> tuple[float | None, float | None]:
        table = self.table.energy
        if table is None:
            return None, None
        if table.share is not None and table.of is not None:
            return table.share * table.of, None
        return table.total, table.luminosity

    def _comparison(self, place: int, entry: CompareTable) -> Comparison:
        key = f"limit.compare[{place}]"
        mass = coupling = None
        if entry.mass is not None:
            mass = self._quantity(f"{key}.mass", entry.mass, "MeV")
            coupling = self._quantity(f"{key}.coupling", entry.coupling, self.scan.unit)
        if entry.parameter is not None and entry.parameter not in self.scan.parameters:
            text = str(unlisted(entry.parameter, self.scan.parameters))
            raise self.check.refusal(f"{key}.parameter", text)
        curve = None if entry.curve is None else Path(entry.curve)
        return Comparison(
            entry.source, entry.reason, mass, coupling, entry.edge, curve, entry.parameter
        )

    def _quantity(self, key: str, value: object, unit: str) -> float:
        like = f" with a unit like {unit}" if unit else ""
        try:
            number = converted(value, unit)
            if not number > 0:
                raise ValueError
        except ValueError as error:
            text = f"found {shown(value)}{error}; needs a number above 0{like}"
            raise self.check.refusal(key, text) from error
        return number
