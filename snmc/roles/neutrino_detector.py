"""Neutrino detectors: a mass of material, and the reaction channels that its card lists."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from snmc.ground.compiled import compiled
from snmc.interactions.channel import MUON_LIKE, Channel, FinalStates, Floats, Integers
from snmc.interactions.registry import channels_in
from snmc.roles.detector import Detector, Reactions

if TYPE_CHECKING:
    from snmc.roles.card import NeutrinoCard, ObservedEvents

SIGNALS = tuple(name for name in FinalStates.__annotations__ if name.startswith("signal_"))
PARTICLES = ("pdg", "energy", "cosine", "azimuth")
TYPES: dict[str, type[np.generic]] = {"signal_kind": np.int8, "pdg": np.int32}  # else float64


@compiled
def _draw(areas: Floats, shares: Floats, chosen: npt.NDArray[np.int16]) -> None:
    """Number of a channel for each column of `areas` (channels, n), in proportion to them."""
    channels, size = areas.shape
    for i in range(size):
        total = 0.0
        for k in range(channels):
            total += areas[k, i]
        rest = shares[i] * total
        for k in range(channels):
            if areas[k, i] > 0:
                chosen[i] = k
                if rest < areas[k, i]:
                    break
                rest -= areas[k, i]


@compiled
def _place(
    starts: npt.NDArray[np.int64],
    counts: Integers,
    values: npt.NDArray[np.generic],
    result: npt.NDArray[np.generic],
) -> None:
    """Copy runs of `values`, `counts` of them each, to their `starts` in `result`."""
    taken = 0
    for i in range(starts.size):
        for k in range(counts[i]):
            result[starts[i] + k] = values[taken]
            taken += 1


class NeutrinoDetector(Detector):
    """A detector of neutrinos: it sees what its channels' reactions leave in its material.

    `targets` (channels,): number of targets of each channel.
    """

    daughters: ClassVar[Literal["photon", "neutrino"]] = "neutrino"

    def __init__(self, name: str, card: "NeutrinoCard", table: Mapping[str, Any]) -> None:
        """Take the checked card and the table it came from."""
        super().__init__(name, card, table)
        self._card = card
        channels = channels_in(card.target.material, card.scintillator)
        self._channels: list[Channel] = [channels[name] for name in card.channels]
        material = card.target.composition
        self.targets = np.array(
            [card.target.mass * material.per_gram(channel.target) for channel in self._channels]
        )
        named = [channel.approximation for channel in self._channels]
        self.approximations = tuple(dict.fromkeys(text for text in named if text is not None))

    @property
    def channels(self) -> tuple[str, ...]:
        """The card's channels; `snmc.interactions.registry` holds all there are."""
        return self._card.channels

    @property
    def observed(self) -> "ObservedEvents | None":
        """Events seen, if the card says."""
        return self._card.observed

    def areas(self, pdg: Integers, energy: Floats) -> Floats:
        """Targets times cross section [cm2] by channel, (channels, n).

        Raises PhysicsError for an energy of a particle that reacts beyond 2 GeV.
        """
        areas = np.empty((len(self._channels), energy.size))
        for row, channel, targets in zip(areas, self._channels, self.targets, strict=True):
            np.multiply(channel.cross_section(pdg, energy), targets, out=row)
        return areas

    def _react(
        self,
        pdg: Integers,
        energy: Floats,
        importance: Floats | None,
        stream: np.random.Generator,
        unseen: np.random.Generator | None,
    ) -> Reactions:
        areas = self.areas(pdg, energy)
        if importance is not None:
            areas *= importance[:, None]
        area = areas.sum(axis=0)
        rows = np.flatnonzero(area > 0)
        if rows.size < area.size:
            areas, pdg, energy = areas[:, rows], pdg[rows], energy[rows]
        chosen = np.zeros(rows.size, dtype=np.int16)
        _draw(areas, stream.random(rows.size), chosen)
        parts = []
        for number, channel in enumerate(self._channels):
            at = np.flatnonzero(chosen == number)
            if at.size:
                parts.append((at, channel.sample(pdg[at], energy[at], stream, unseen)))
        states = _joined(parts, rows.size)
        if self._card.muons is not None and not self._card.muons.visible:
            states = _without(states, states.signal_kind == MUON_LIKE)
        area = area[rows] if importance is None else area[rows] / importance[chosen]
        return Reactions(rows, area, chosen, states)

    def _containment(self, energy: Floats) -> Floats | None:
        resolution = self._card.angular_resolution
        return None if resolution is None else resolution(energy)

    def _efficiency(
        self, true: Floats, reconstructed: Floats, arrival: Floats, track: Floats
    ) -> Floats:
        efficiency = self._card.efficiency
        return efficiency(true if efficiency.of == "true" else reconstructed, np.cos(track))


def _joined(parts: list[tuple[npt.NDArray[np.int64], FinalStates]], size: int) -> FinalStates:
    """Final states of `size` reactions from those of the channels, given with their places."""
    if len(parts) == 1:
        return parts[0][1]
    signals, particles = np.zeros((2, size), dtype=np.int32)
    for at, states in parts:
        signals[at], particles[at] = states.signals, states.particles
    fields = {}
    for counts, names in ((signals, SIGNALS), (particles, PARTICLES)):
        starts = np.cumsum(counts, dtype=np.int64) - counts
        for name in names:
            fields[name] = np.empty(int(counts.sum()), dtype=TYPES.get(name, np.float64))
        for at, states in parts:
            for name in names:
                _place(starts[at], counts[at], getattr(states, name), fields[name])
    return FinalStates(signals=signals, particles=particles, **fields)


def _without(states: FinalStates, lost: npt.NDArray[np.bool_]) -> FinalStates:
    """The same reactions without some of their signals."""
    reaction = np.repeat(np.arange(states.signals.size), states.signals)[~lost]
    counts = np.bincount(reaction, minlength=states.signals.size).astype(np.int32)
    kept = {name: getattr(states, name)[~lost] for name in SIGNALS}
    return replace(states, signals=counts, **kept)
