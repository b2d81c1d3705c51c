"""Charged-current channels in water: electrons, positrons and muons on hydrogen and oxygen."""

from dataclasses import dataclass, replace

import numpy as np

from snmc.ground.units import M_ELECTRON, M_MUON
from snmc.interactions import ibd, muons, oxygen, remains
from snmc.interactions.channel import (
    ELECTRON_LIKE,
    Channel,
    FinalStates,
    Floats,
    Integers,
    one_signal,
)
from snmc.interactions.quasielastic import checked_energies

ELECTRON, NU_E, NU_MU, NEUTRON = 11, 12, 14, 2112
MUONS = (
    "muons: visible energy the light-weighted energy above the Cherenkov threshold (15 %); nothing "
    "seen of muon capture; decay electrons isotropic, with the spectrum of free muons"
)

ON_OXYGEN = f"{oxygen.MUON_APPROXIMATION}; {MUONS}"


@dataclass(frozen=True)
class OnProton:
    """An antineutrino on a free proton: positron or mu+, and neutron (Strumia & Vissani 2003)."""

    name: str
    meaning: str
    neutrino: int  # PDG number
    mass: float  # of the lepton [MeV]
    approximation: str | None = None
    target: str = "proton"
    medium: muons.Medium = muons.WATER

    def cross_section(self, pdg: Integers, energy: Floats) -> Floats:
        """Cross section [cm2 per proton] from the table; PhysicsError beyond 2 GeV."""
        result = np.empty(energy.size)
        bad = ibd.sigmas(pdg, energy, self.neutrino, ibd.table(self.mass), result)
        if bad >= 0:
            checked_energies(energy[bad])
        return result

    def sample(
        self,
        pdg: Integers,
        energy: Floats,
        stream: np.random.Generator,
        unseen: np.random.Generator | None = None,
    ) -> FinalStates:
        """Lepton and neutron, back to back across the neutrino's direction."""
        lepton, neutron = np.empty((2, 2, energy.size))
        ibd.samples(energy, ibd.table(self.mass), stream, lepton, neutron)
        azimuth = 2 * np.pi * stream.random(energy.size)
        if self.mass > M_ELECTRON:
            states = muons.final_states(True, lepton[0], lepton[1], azimuth, stream, self.medium)
        else:
            states = one_signal(ELECTRON_LIKE, lepton[0], lepton[1], azimuth, -ELECTRON)
        return replace(
            states,
            particles=states.particles + np.int32(1),
            pdg=np.stack([states.pdg, np.full_like(states.pdg, NEUTRON)], axis=1).ravel(),
            energy=np.stack([lepton[0], neutron[0]], axis=1).ravel(),
            cosine=np.stack([lepton[1], neutron[1]], axis=1).ravel(),
            azimuth=np.stack([azimuth, azimuth + np.pi], axis=1).ravel(),
        )


@dataclass(frozen=True)
class OnOxygen:
    """Charged current on oxygen 16; seen is the lepton."""

    name: str
    meaning: str
    neutrino: int  # PDG number
    mass: float  # of the lepton [MeV]
    approximation: str | None
    target: str = "oxygen"

    def _table(self) -> oxygen.Table:
        return oxygen.table(self.neutrino < 0, self.mass)

    def cross_section(self, pdg: Integers, energy: Floats) -> Floats:
        """Cross section [cm2 per nucleus] from the table; PhysicsError beyond 2 GeV."""
        result = np.empty(energy.size)
        bad = oxygen.sigmas(pdg, energy, self.neutrino, self._table(), result)
        if bad >= 0:
            checked_energies(energy[bad])
        return result

    def sample(
        self,
        pdg: Integers,
        energy: Floats,
        stream: np.random.Generator,
        unseen: np.random.Generator | None = None,
    ) -> FinalStates:
        """Lepton, by the level or the Fermi gas, and what is left of the nucleus."""
        table, positive = self._table(), self.neutrino < 0
        lepton, cosine, _ = leptons = np.empty((3, energy.size))
        oxygen.samples(energy, table, stream, leptons)
        azimuth = 2 * np.pi * stream.random(energy.size)
        if self.mass > M_ELECTRON:
            states = muons.final_states(positive, lepton, cosine, azimuth, stream)
        else:
            code = -ELECTRON if positive else ELECTRON
            states = one_signal(ELECTRON_LIKE, lepton, cosine, azimuth, code)
        struck = oxygen.STRUCK_ANTINEUTRINO if positive else oxygen.STRUCK_NEUTRINO
        return remains.with_remains(states, energy, leptons, azimuth, struck, table.gas, unseen)


CHANNELS: tuple[Channel, ...] = (
    OnProton("ibd", "anti-nu_e p -> e+ n", -NU_E, M_ELECTRON),
    OnOxygen("nue-oxygen-cc", "nu_e 16O -> e- X", NU_E, M_ELECTRON, oxygen.APPROXIMATION),
    OnOxygen("nuebar-oxygen-cc", "anti-nu_e 16O -> e+ X", -NU_E, M_ELECTRON, oxygen.APPROXIMATION),
    OnProton("numubar-proton-cc", "anti-nu_mu p -> mu+ n", -NU_MU, M_MUON, MUONS),
    OnOxygen("numu-oxygen-cc", "nu_mu 16O -> mu- X", NU_MU, M_MUON, ON_OXYGEN),
    OnOxygen("numubar-oxygen-cc", "anti-nu_mu 16O -> mu+ X", -NU_MU, M_MUON, ON_OXYGEN),
)
