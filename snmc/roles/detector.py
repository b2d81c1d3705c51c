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
from snmc.interactions.channel import FinalStates, Floats, Integers
from snmc.roles.directions import fisher, turned

if TYPE_CHECKING:
    from snmc.roles.card import Card, ObservedCounts, ObservedEvents


@dataclass(frozen=True)
class Detections:
    """A batch of detections, one row a visible signal.

    `columns` (rows) of `ground.columns.DETECTIONS`, in which `arrival` is the place in the batch of
    the arrival that made the row, and `reaction` counts the reactions that show anything, from 0;
    `counts` (rows,) of particles a row and `particles` (flat): the first row of a reaction holds
    its final state, further ones (a decay electron) none.
    """

    columns: Columns
    counts: Integers
    particles: Columns

    def take(self, rows: npt.NDArray[np.int64]) -> "Detections":
        """The rows of these numbers, in their order, with their particles."""
        starts = np.cumsum(self.counts, dtype=np.int64) - self.counts
        counts = self.counts[rows]
        flat = spread(starts[rows], counts)
        return Detections(
            {name: values[rows] for name, values in self.columns.items()},
            counts,
            {name: values[flat] for name, values in self.particles.items()},
        )


def spread(starts: npt.NDArray[Any], sizes: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Indices start, start + 1, ... of stretches of given sizes, one after the other."""
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.asarray(np.repeat(starts, sizes) + within)


@dataclass(frozen=True)
class Reactions:
    """What a batch of arrivals makes in the detector, before any measurement.

    `rows` (n,): the arrivals that can react; `area` (n,) [cm2]: expected reactions per unit
    fluence for which each stands; `channel` (n,): number of each one's channel; `states`: what they
    leave.
    """

    rows: npt.NDArray[np.int64]
    area: Floats
    channel: npt.NDArray[np.int16]
    states: FinalStates


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
    def areas(self, pdg: Integers, energy: Floats) -> Floats:
        """Expected reactions per unit fluence [cm2] in each channel, (channels, n).

        `pdg`: particles, `energy` [MeV] (n,). Before efficiency and windows; particles it cannot
        see give 0. Raises PhysicsError where a cross section is beyond its range.
        """

    def effective_area(self, pdg: npt.ArrayLike, energy: npt.ArrayLike) -> Floats:
        """Expected reactions per unit fluence [cm2], the sum over the channels of `areas`.

        `pdg`, `energy` [MeV]: arrays that broadcast.
        """
        codes, energies = np.broadcast_arrays(
            np.asarray(pdg, dtype=np.int32), np.asarray(energy, dtype=np.float64)
        )
        areas = self.areas(codes.ravel(), energies.ravel())
        return np.asarray(areas.sum(axis=0).reshape(energies.shape))

    def within_reach(self, energy: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether a particle of `energy` [MeV] can leave a signal inside the energy window at all.

        No signal holds more energy than the particle; six standard deviations of the resolution
        are let through.
        """
        energies = np.asarray(energy, dtype=np.float64)
        return np.asarray(energies + 6 * self._energy_resolution(energies) >= self.energy_window[0])

    @abstractmethod
    def _react(
        self,
        pdg: Integers,
        energy: Floats,
        importance: Floats | None,
        stream: np.random.Generator,
        unseen: np.random.Generator | None,
    ) -> Reactions:
        """Reactions of the arrivals whose effective area is above zero, in their order.

        `importance`: as of `detect`; `unseen`: as of `snmc.interactions.channel.Channel.sample`.
        """

    @abstractmethod
    def _containment(self, energy: Floats) -> Floats | None:
        """Angular resolution, 68 % containment [rad] at true energy [MeV]; None: no imaging."""

    @abstractmethod
    def _efficiency(
        self, true: Floats, reconstructed: Floats, arrival: Floats, track: Floats
    ) -> Floats:
        """Probability to keep an event, by its energies [MeV] and true angles [rad].

        `arrival`, `track`: of the arrival and of the signal, off the supernova's direction.
        """

    def detect(
        self,
        arrivals: Columns,
        window: float,
        stream: np.random.Generator,
        *,
        importance: Floats | None = None,
        complete: bool = True,
    ) -> Detections:
        """Turn a batch of arrivals into detections.

        Each arrival that can react makes one reaction, its channel drawn in proportion to the
        channels' shares, and each visible signal of it one row; rows keep the arrivals' order,
        those of one reaction stand together, and a reaction without any signal gives none. A row is
        weighted with the expected number of the reactions: weight [1/cm2] times `effective_area`.
        With an `importance` (channels,) of a reaction in each channel, channels are drawn in
        proportion to area times importance, and the weights undo it. `accepted` says whether the
        event is kept: efficiency and live time (drawn for each row), reconstructed energy inside
        the energy window, and time in 0 to `window` [s]; weights of accepted rows sum to the
        expected count. An instrument without imaging reports the supernova's own direction.

        `arrivals`: columns of `ground.columns.ARRIVALS`; `stream`: random numbers, to which the
        result is bound; `complete`: whether particles are wanted that do not show, which takes
        time and changes nothing else. Raises InputError for a window that is not positive,
        PhysicsError where a cross section is beyond its range.
        """
        if not window > 0:
            raise InputError(f"window: found {window!r} s; needs a positive time")
        reactions = self._react(
            np.asarray(arrivals["pdg"], dtype=np.int32),
            np.asarray(arrivals["energy"], dtype=np.float64),
            importance,
            stream,
            stream.spawn(1)[0] if complete else None,
        )
        states = reactions.states
        reaction = np.repeat(np.arange(states.signals.size), states.signals)
        origin = reactions.rows[reaction]
        weight, time, theta, phi = (
            np.asarray(arrivals[name][origin], dtype=np.float64)
            for name in ("weight", "time", "theta", "phi")
        )
        time += states.signal_delay
        true, cosine, size = states.signal_energy, states.signal_cosine, origin.size

        measured = true + self._energy_resolution(true) * stream.standard_normal(size)
        measured = np.maximum(measured, 0.0)
        sine = np.sqrt((1 - cosine) * (1 + cosine))
        track = turned(theta, phi, cosine, sine, states.signal_azimuth)
        efficiency = self._efficiency(true, measured, theta, track[0])
        containment = self._containment(true)
        if containment is None:
            track = np.zeros(size), np.zeros(size)
        else:
            deviation = fisher(containment, stream.random(size))
            track = turned(*track, *deviation, 2 * np.pi * stream.random(size))
        kept = stream.random(size) < self._live * efficiency
        low, high = self.energy_window
        kept &= (measured >= low) & (measured <= high) & (time >= 0) & (time <= window)
        first = np.diff(reaction, prepend=-1) > 0
        values = (
            arrivals["event"][origin],
            origin,
            np.cumsum(first) - 1,
            weight * reactions.area[reaction],
            reactions.channel[reaction],
            time,
            true,
            measured,
            *track,
            kept,
        )
        columns: Columns = {
            column.name: np.asarray(value, dtype=column.dtype)
            for column, value in zip(DETECTIONS, values, strict=True)
        }
        return Detections(columns, *_final_particles(states, reaction, first))

    def describe(self) -> str:
        """The card in lines for a reader; see `describe`."""
        return describe(self)


def _final_particles(
    states: FinalStates, reaction: npt.NDArray[np.int64], first: npt.NDArray[np.bool_]
) -> tuple[Integers, Columns]:
    """Number of particles of each row, and their columns.

    `reaction`: of each row; `first`: whether the row is its first, which has them all.
    """
    counts = np.where(first, states.particles[reaction], 0).astype(np.int32)
    values = (states.pdg, states.energy, states.cosine, np.mod(states.azimuth, 2 * np.pi))
    columns: Columns = {
        column.name: np.asarray(value, dtype=column.dtype)
        for column, value in zip(PARTICLES, values, strict=True)
    }
    if counts.sum() < states.pdg.size:  # reactions that show nothing take theirs along
        shown = np.repeat(states.signals > 0, states.particles)
        columns = {name: value[shown] for name, value in columns.items()}
    return counts, columns


def load_detector(path: Path) -> Detector:
    """Read a detector's card (TOML); its name is the file's.

    Raises InputError, one line naming file and key, for a card that cannot be read or is not right.
    """
    from snmc.roles.card import TelescopeCard, check, read_table
    from snmc.roles.neutrino_detector import NeutrinoDetector
    from snmc.roles.telescope import Telescope

    table = read_table(path)
    card = check(table, path)
    if isinstance(card, TelescopeCard):
        return Telescope(path.stem, card, table)
    return NeutrinoDetector(path.stem, card, table)


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
