"""Detectors: arrivals in, detections out. Everything numeric comes from the detector's card."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from snmc.ground.columns import DETECTIONS, PARTICLES, Columns
from snmc.ground.errors import InputError
from snmc.roles.directions import fisher, turned

if TYPE_CHECKING:
    from snmc.roles.card import Card, ObservedCounts, ObservedEvents

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Detections:
    """A batch of detections: `columns` (rows), `counts` of particles a row, `particles` (flat).

    `origin` (rows,): index in the batch of the arrival that made the row. The rows of one reaction
    stand together and share origin, event and weight.
    """

    columns: Columns
    counts: Integers
    particles: Columns
    origin: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Reactions:
    """What a batch of arrivals makes in the detector, before any measurement.

    `channel` (n,) its number; `energy` (n,) [MeV] of the visible particle; `cosine` (n,) and
    `azimuth` (n,) [rad] of it, about the arrival; `counts` (n,) particles a row and `particles`
    (flat): the whole final state.
    """

    channel: npt.NDArray[np.int16]
    energy: Floats
    cosine: Floats
    azimuth: Floats
    counts: Integers
    particles: Columns


class Detector(ABC):
    """A detector read from its card.

    `channels`: names, the place is the channel's number; `daughters`: what it sees;
    `default_window` [s] or None; `energy_window` (low, high) [MeV] of the reconstructed energy;
    `background_rate` [1/s] or None; `observed`: counts or events of the card, or None;
    `citations`; `approximations` named in reports; `card`: the card as it stands.
    """

    daughters: ClassVar[Literal["photon", "neutrino"]]
    approximations: tuple[str, ...] = ()

    def __init__(self, name: str, card: "Card", table: Mapping[str, Any]) -> None:
        """Take the checked card and the table it came from."""
        self.name = name
        self.card = dict(table)
        self.title = card.title
        self.kind = card.kind
        self.citations = card.references
        self.energy_window = (card.energy_window.low, card.energy_window.high)
        self.default_window = None if card.window is None else card.window.value
        self.background_rate = None if card.background is None else card.background.rate
        self._live = card.live_time.fraction
        self._energy_resolution = card.energy_resolution

    @property
    @abstractmethod
    def channels(self) -> tuple[str, ...]:
        """Names of the reaction channels."""

    @property
    @abstractmethod
    def observed(self) -> "ObservedCounts | ObservedEvents | None":
        """What the detector has seen, if the card says."""

    @abstractmethod
    def effective_area(self, pdg: npt.ArrayLike, energy: npt.ArrayLike) -> Floats:
        """Expected reactions per unit fluence [cm2], before efficiency and windows.

        `pdg`: particles, `energy` [MeV]: arrays that broadcast. Particles it cannot see give 0.
        Raises PhysicsError where a cross section is beyond its range.
        """

    @abstractmethod
    def _react(self, pdg: Integers, energy: Floats, stream: np.random.Generator) -> Reactions:
        """Final states of arrivals whose effective area is above zero."""

    @abstractmethod
    def _containment(self, energy: Floats) -> Floats | None:
        """Angular resolution, 68 % containment [rad] at true energy [MeV]; None: no imaging."""

    @abstractmethod
    def _efficiency(self, true: Floats, reconstructed: Floats, theta: Floats) -> Floats:
        """Probability to keep an event, by its energies [MeV] and arrival angle [rad]."""

    def detect(self, arrivals: Columns, window: float, stream: np.random.Generator) -> Detections:
        """Turn a batch of arrivals into detections.

        Each arrival that can react gives one row, in the order of the arrivals, weighted with the
        expected number of its reactions: weight [1/cm2] times `effective_area`. Its channel is
        drawn in proportion to the channels' shares. `accepted` says whether the event is kept:
        efficiency and live time (drawn), reconstructed energy inside the energy window, and time
        in 0 to `window` [s]; weights of accepted rows sum to the expected count. An instrument
        without imaging reports the supernova's own direction.

        `arrivals`: columns of `ground.columns.ARRIVALS`; `stream`: random numbers, to which the
        result is bound. Raises InputError for a window that is not positive.
        """
        if not window > 0:
            raise InputError(f"window: found {window!r} s; needs a positive time")
        area = self.effective_area(arrivals["pdg"], arrivals["energy"])
        rows = np.flatnonzero(area > 0)
        seen = {name: arrivals[name][rows] for name in ("event", "pdg", "time")}
        weight, energy, theta, phi = (
            np.asarray(arrivals[name][rows], dtype=np.float64)
            for name in ("weight", "energy", "theta", "phi")
        )
        time = np.asarray(seen["time"], dtype=np.float64)
        size = rows.size

        reaction = self._react(seen["pdg"].astype(np.int32), energy, stream)
        measured = reaction.energy + self._energy_resolution(
            reaction.energy
        ) * stream.standard_normal(size)
        measured = np.maximum(measured, 0.0)
        sine = np.sqrt((1 - reaction.cosine) * (1 + reaction.cosine))
        track = turned(theta, phi, reaction.cosine, sine, reaction.azimuth)
        containment = self._containment(reaction.energy)
        if containment is None:
            track = np.zeros(size), np.zeros(size)
        else:
            deviation = fisher(containment, stream.random(size))
            track = turned(*track, *deviation, 2 * np.pi * stream.random(size))
        kept = stream.random(size) < self._live * self._efficiency(reaction.energy, measured, theta)
        low, high = self.energy_window
        kept &= (measured >= low) & (measured <= high) & (time >= 0) & (time <= window)
        values = (
            seen["event"],
            weight * area[rows],
            reaction.channel,
            time,
            reaction.energy,
            measured,
            *track,
            kept,
        )
        columns: Columns = {
            column.name: np.asarray(value, dtype=column.dtype)
            for column, value in zip(DETECTIONS, values, strict=True)
        }
        return Detections(columns, reaction.counts, reaction.particles, rows)

    def describe(self) -> str:
        """The card in lines for a reader; see `describe`."""
        return describe(self)


def particle_columns(
    pdg: npt.ArrayLike, energy: Floats, cosine: Floats, azimuth: Floats
) -> Columns:
    """Columns of final-state particles, in the types of the event contract."""
    values = (pdg, energy, cosine, np.mod(azimuth, 2 * np.pi))
    return {
        column.name: np.broadcast_to(np.asarray(value, dtype=column.dtype), energy.shape)
        for column, value in zip(PARTICLES, values, strict=True)
    }


def load_detector(path: Path) -> Detector:
    """Read a detector's card (TOML); its name is the file's.

    Raises InputError, one line naming file and key, for a card that cannot be read or is not right.
    """
    from snmc.roles.card import TelescopeCard, check, read_table
    from snmc.roles.cherenkov import WaterCherenkov
    from snmc.roles.telescope import Telescope

    table = read_table(path)
    card = check(table, path)
    if isinstance(card, TelescopeCard):
        return Telescope(path.stem, card, table)
    return WaterCherenkov(path.stem, card, table)


def describe(detector: Detector) -> str:
    """Lines on a detector: title, channels, and every entry of its card with its source."""
    lines = [f"{detector.name}: {detector.title}", f"  kind: {detector.kind}"]
    lines.append(f"  channels: {', '.join(detector.channels)}")
    for key, section in detector.card.items():
        if isinstance(section, Mapping):
            entries = "; ".join(
                f"{name} = {_entry(value)}" for name, value in section.items() if name != "source"
            )
            lines += [f"  {key.replace('_', ' ')}: {entries}", f"    source: {section['source']}"]
    lines += [f"  approximation: {text}" for text in detector.approximations]
    lines += [f"  reference: {text}" for text in detector.citations]
    return "\n".join(lines)


def _entry(value: object) -> str:
    if isinstance(value, Mapping):
        return f"{_entry(value['values'])} {value['unit']}"
    if isinstance(value, list) and len(value) > 6:
        return f"{len(value)} values from {value[0]} to {value[-1]}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
