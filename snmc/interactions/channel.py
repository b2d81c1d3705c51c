"""Reaction channels: a cross section on one kind of target, and a sampler of what it leaves.

A detector counts targets and draws channels; a channel knows one target and the visible signals.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int32]
Kinds = npt.NDArray[np.int8]

ELECTRON_LIKE, MUON_LIKE, GAMMA_LIKE, ISOTROPIC_LIGHT = range(4)  # kinds of signal


@dataclass(frozen=True)
class FinalStates:
    """What n reactions leave: visible signals and true particles, flat, in the reactions' order.

    `signals` (n,): visible signals of each reaction; then one entry a signal: `signal_energy`
    [MeV], visible, which efficiency and resolution act on; `signal_cosine` of its direction to
    the arrival's and `signal_azimuth` [rad] about it (light without direction: random ones);
    `signal_delay` [s] after the reaction; `signal_kind`, one of `ELECTRON_LIKE`, `MUON_LIKE`,
    `GAMMA_LIKE`, `ISOTROPIC_LIGHT`.
    `particles` (n,): particles of each reaction's final state; then one entry a particle: `pdg`,
    total `energy` [MeV], `cosine` to the arrival and `azimuth` [rad] about it.
    """

    signals: Integers
    signal_energy: Floats
    signal_cosine: Floats
    signal_azimuth: Floats
    signal_delay: Floats
    signal_kind: Kinds
    particles: Integers
    pdg: Integers
    energy: Floats
    cosine: Floats
    azimuth: Floats


class Channel(Protocol):
    """A reaction channel, as the cards of detectors name it.

    `name`: as cards spell it; `target`: what a material counts of it, such as "proton";
    `meaning`: one line for reports; `approximation`: what reports must name, or None.
    """

    @property
    def name(self) -> str:
        """The name by which cards know it."""

    @property
    def target(self) -> str:
        """What a material counts: "proton", "oxygen", "electron", ..."""

    @property
    def meaning(self) -> str:
        """The reaction, in one line."""

    @property
    def approximation(self) -> str | None:
        """What reports must name, or None."""

    def cross_section(self, pdg: Integers, energy: Floats) -> Floats:
        """Cross section [cm2 per target]; zero for particles that do not react.

        `pdg`, `energy` [MeV] (n,). Raises PhysicsError where one that reacts has an energy beyond
        the channel's range.
        """

    def sample(
        self,
        pdg: Integers,
        energy: Floats,
        stream: np.random.Generator,
        unseen: np.random.Generator | None = None,
    ) -> FinalStates:
        """Final states of reactions of `pdg`, `energy` [MeV] (n,), all with a cross section.

        `stream`: random numbers of the signals; `unseen`: those of further particles, of which the
        signals do not depend; without it such particles may be left out.
        """


def one_signal(
    kind: int, energy: Floats, cosine: Floats, azimuth: Floats, pdg: int | Integers
) -> FinalStates:
    """Final states that are one prompt particle, seen by its total energy.

    `energy` [MeV], `cosine`, `azimuth` [rad], `pdg` (n,) or the same for all.
    """
    size = energy.size
    ones = np.ones(size, dtype=np.int32)
    return FinalStates(
        signals=ones,
        signal_energy=energy,
        signal_cosine=cosine,
        signal_azimuth=azimuth,
        signal_delay=np.zeros(size),
        signal_kind=np.full(size, kind, dtype=np.int8),
        particles=ones,
        pdg=np.full(size, pdg, dtype=np.int32),
        energy=energy,
        cosine=cosine,
        azimuth=azimuth,
    )
