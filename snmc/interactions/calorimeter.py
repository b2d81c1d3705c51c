"""Channels made for water as a calorimeter sees them: by the energy that ionises."""

from dataclasses import dataclass, replace

import numpy as np

from snmc.interactions.channel import ISOTROPIC_LIGHT, Channel, FinalStates, Floats, Integers


@dataclass(frozen=True)
class Calorimetric:
    """A `channel` whose reactions give one electron or positron, seen by its total energy.

    `shift` [MeV] of what it leaves: an electron its kinetic energy, - m_e; a positron also both
    photons of its annihilation, + m_e. `isotropic`: the light has no direction.
    """

    channel: Channel
    shift: float
    isotropic: bool

    @property
    def name(self) -> str:
        """The channel's own."""
        return self.channel.name

    @property
    def target(self) -> str:
        """The channel's own."""
        return self.channel.target

    @property
    def meaning(self) -> str:
        """The channel's own."""
        return self.channel.meaning

    @property
    def approximation(self) -> str | None:
        """The channel's own."""
        return self.channel.approximation

    def cross_section(self, pdg: Integers, energy: Floats) -> Floats:
        """The channel's own [cm2 per target]."""
        return self.channel.cross_section(pdg, energy)

    def sample(
        self,
        pdg: Integers,
        energy: Floats,
        stream: np.random.Generator,
        unseen: np.random.Generator | None = None,
    ) -> FinalStates:
        """The channel's final states, with the energy left in place of the total energy."""
        states = self.channel.sample(pdg, energy, stream, unseen)
        states = replace(states, signal_energy=states.signal_energy + self.shift)
        return without_direction(states, stream) if self.isotropic else states


def without_direction(states: FinalStates, stream: np.random.Generator) -> FinalStates:
    """The same final states, their signals light that shows no direction."""
    size = states.signal_energy.size
    return replace(
        states,
        signal_cosine=stream.uniform(-1, 1, size),
        signal_azimuth=2 * np.pi * stream.random(size),
        signal_kind=np.full(size, ISOTROPIC_LIGHT, dtype=np.int8),
    )
