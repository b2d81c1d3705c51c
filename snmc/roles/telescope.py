"""Gamma-ray telescopes: an effective area, and the resolutions in energy and angle."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from snmc.interactions.channel import GAMMA_LIKE, Floats, Integers, one_signal
from snmc.roles.detector import Detector, Reactions

if TYPE_CHECKING:
    from snmc.roles.card import ObservedCounts, TelescopeCard

PHOTON = 22


class Telescope(Detector):
    """A gamma-ray telescope; the one channel is the photon itself."""

    daughters: ClassVar[Literal["photon", "neutrino"]] = "photon"

    def __init__(self, name: str, card: "TelescopeCard", table: Mapping[str, Any]) -> None:
        """Take the checked card and the table it came from."""
        super().__init__(name, card, table)
        self._card = card

    @property
    def channels(self) -> tuple[str, ...]:
        """The photon."""
        return ("photon",)

    @property
    def observed(self) -> "ObservedCounts | None":
        """Counts seen, if the card says."""
        return self._card.observed

    def areas(self, pdg: Integers, energy: Floats) -> Floats:
        """Area [cm2] of the card's table for photons of `energy` [MeV], (1, n); else 0."""
        return np.where(pdg == PHOTON, self._card.effective_area(energy), 0.0)[None]

    def _react(
        self,
        pdg: Integers,
        energy: Floats,
        importance: Floats | None,
        stream: np.random.Generator,
        unseen: np.random.Generator | None,
    ) -> Reactions:
        (area,) = self.areas(pdg, energy)  # one channel: its importance changes nothing
        rows = np.flatnonzero(area > 0)
        forward, zero = np.ones(rows.size), np.zeros(rows.size)
        return Reactions(
            rows,
            area[rows],
            np.zeros(rows.size, dtype=np.int16),
            one_signal(GAMMA_LIKE, energy[rows], forward, zero, PHOTON),
        )

    def _containment(self, energy: Floats) -> Floats | None:
        resolution = self._card.angular_resolution
        return None if resolution is None else resolution(energy)

    def _efficiency(
        self, true: Floats, reconstructed: Floats, arrival: Floats, track: Floats
    ) -> Floats:
        view = self._card.field_of_view
        if view is None:
            return np.ones(arrival.size)
        return (arrival <= view.half_angle).astype(np.float64)
