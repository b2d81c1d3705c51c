"""Reactions of neutrinos with carbon 12, in a scintillator.

Charged current: the ground states of 12N and 12B by their beta decay (ft of 13120 s and 11640 s:
A. A. Alburger & A. M. Nathan, Phys. Rev. C 17 (1978) 280; B_GT = 3 x 6146 s/ft), then three
effective groups each that stand for all other transitions, fitted from 30 to 100 MeV to the cross
section of E. Kolbe, K. Langanke & P. Vogel, Nucl. Phys. A 652 (1999) 91, nucl-th/9903022, table 5,
as a polynomial in sntools: the sum is within 4 % of it (anti-nu_e at 30 MeV 9 %). For neutrinos of
muons at rest it gives 8.7e-42 cm2 to the ground state and 5.3e-42 cm2 to all others, as measured
(KARMEN: 9.1 and 5.1; LSND: 8.9 and 4.3). The Fermi gas takes over between 100 and 150 MeV.

Neutral current: excitation of the level at 15.11 MeV, the analogue of both ground states, which
decays by one gamma ray: sigma = (G^2/pi) (B_GT/2) (E - 15.11 MeV)^2, B_GT the mean of theirs and
1/2 that of isospin (T. W. Donnelly & R. D. Peccei, Phys. Rep. 50 (1979) 1). It gives 2.7e-42 cm2 at
29.8 MeV and 12.4e-42 cm2 for the nu_e and anti-nu_mu of muons at rest, where KARMEN measured 3.2 +-
0.6 and 10.4 +- 1.4 (Phys. Lett. B 423 (1998) 15). A form factor, which this lacks, must end its
rise: it is taken as flat from 100 MeV, as a named approximation.

The beta decays of 12N and 12B, after 10 to 20 ms, are not followed.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from snmc.ground.compiled import compiled
from snmc.ground.sampling import tilted_point
from snmc.ground.units import G_FERMI, M_ELECTRON, M_MUON
from snmc.interactions import fermi_gas, muons, nucleus, remains
from snmc.interactions.channel import (
    ISOTROPIC_LIGHT,
    Channel,
    FinalStates,
    Floats,
    Integers,
    one_signal,
)
from snmc.interactions.elastic import NEUTRINOS
from snmc.interactions.nucleus import OnNucleus, Transition
from snmc.interactions.quasielastic import CM2, checked_energies

APPROXIMATION = (
    "neutrino-carbon reactions: ground states and effective groups fitted to Kolbe et al. 1999 "
    "(10 %) to 100 MeV, relativistic Fermi gas (quasi-elastic only, 20-30 %) from 150 MeV, joined "
    "linearly in between; nothing is seen of emitted nucleons nor of the beta decay of 12N and 12B"
    f"; {remains.NOT_FOLLOWED}"
)
MUON_APPROXIMATION = (
    "muons on carbon: relativistic Fermi gas (quasi-elastic only, 20-30 %) from its threshold, "
    "130.7 MeV; visible energy the muon's kinetic energy; nothing seen of muon capture; decay "
    f"electrons with the spectrum of free muons; {remains.NOT_FOLLOWED}"
)
GAMMA_APPROXIMATION = (
    "gamma rays of 15.11 MeV: cross section without a form factor, flat from 100 MeV; the "
    "scattered neutrino has the angles of the allowed approximation"
)
RADIUS = 2.470  # fm, charge radius of 12C: Angeli & Marinova 2013
GAS = fermi_gas.Nucleus(6.0, 221.0, 25.0)  # of carbon 12: Smith & Moniz 1972
GROUND_NITROGEN, GROUND_BORON = 3 * 6146 / 13120, 3 * 6146 / 11640
# thresholds less the lepton's mass, and separation energies of a proton, a neutron: AME 2020
TO_NITROGEN = Transition(
    (
        (0.0, 0.0, GROUND_NITROGEN, 0.0),
        (4.0, 0.0, 0.0, 0.56),
        (12.0, 0.0, 0.0, 1.21),
        (20.0, 0.0, 0.0, 3.25),
        (35.0, 0.0, 0.0, 7.84),
    ),
    17.338 - M_ELECTRON,
    7.0,
    RADIUS,
    0.60,
    GAS,
    100.0,
    150.0,
)
TO_BORON = Transition(
    (
        (0.0, 0.0, GROUND_BORON, 0.0),
        (12.0, 0.0, 0.0, 0.93),
        (20.0, 0.0, 0.0, 1.38),
        (35.0, 0.0, 0.0, 1.27),
    ),
    14.39 - M_ELECTRON,
    -5.0,
    RADIUS,
    3.37,
    GAS,
    100.0,
    150.0,
)
GAMMA_ENERGY = 15.11  # MeV
GAMMA_STRENGTH = G_FERMI**2 / np.pi * CM2 * (GROUND_NITROGEN + GROUND_BORON) / 4  # cm2/MeV2
GAMMA_RISE_ENDS = 100.0  # MeV
STRUCK_NEUTRINO = remains.nucleus(6, 12, 1, TO_NITROGEN.difference)
STRUCK_ANTINEUTRINO = remains.nucleus(6, 12, -1, TO_BORON.difference)
STRUCK_NEUTRAL = remains.nucleus(6, 12, 0, 0.0, np.inf, ((0.0, {}), (GAMMA_ENERGY, {0: 1.0})))


def cross_section(
    energy: npt.ArrayLike, antineutrino: bool = False, mass: float = M_ELECTRON
) -> Floats:
    """Charged-current cross section per carbon-12 nucleus [cm2]; for what holds where see above.

    `energy` [MeV], any shape, 0 to 2000 (else PhysicsError); `mass` [MeV]: of the lepton. The
    thresholds are 17.34 MeV (nu_e), 14.39 MeV (anti-nu_e) and 130.7 MeV (muons).
    """
    return nucleus.cross_section(energy, TO_BORON if antineutrino else TO_NITROGEN, mass)


@compiled
def _scatter(
    pdg: Integers,
    energy: Floats,
    nucleus: remains.Nucleus,
    stream: np.random.Generator,
    particles: remains.Particles,
) -> None:
    """Put neutrino, gamma ray and nucleus of each reaction; density of the angle (1 - cos/3)/2."""
    for i in range(energy.size):
        left, at = energy[i] - GAMMA_ENERGY, 3 * i
        cosine = min(tilted_point(-1 / 3, stream.random()) - 1, 1.0)
        across = left * np.sqrt((1 - cosine) * (1 + cosine))
        remains.put(particles, at, pdg[i], left, across, 0.0, left * cosine)
        transfer = (-across, 0.0, energy[i] - left * cosine)
        remains.level_remains(transfer, GAMMA_ENERGY, nucleus, particles, at + 1, stream)


@dataclass(frozen=True)
class CarbonGamma:
    """The channel `carbon-nc-gamma`: all flavours, seen by the gamma ray of 15.11 MeV."""

    name: str = "carbon-nc-gamma"
    target: str = "carbon"
    meaning: str = "nu 12C -> nu 12C* (15.11 MeV), all flavours"
    approximation: str | None = GAMMA_APPROXIMATION

    def cross_section(self, pdg: Integers, energy: Floats) -> Floats:
        """Cross section [cm2 per nucleus]; PhysicsError beyond 2 GeV."""
        reacts = np.isin(np.abs(pdg), NEUTRINOS)
        checked_energies(energy[reacts])
        above = np.clip(energy, GAMMA_ENERGY, GAMMA_RISE_ENDS) - GAMMA_ENERGY
        return np.where(reacts, GAMMA_STRENGTH * above**2, 0.0)

    def sample(
        self,
        pdg: Integers,
        energy: Floats,
        stream: np.random.Generator,
        unseen: np.random.Generator | None = None,
    ) -> FinalStates:
        """Scattered neutrino, gamma ray and nucleus; the gamma's light shows no direction."""
        size = energy.size
        cosine, azimuth = stream.uniform(-1, 1, size), 2 * np.pi * stream.random(size)
        gamma = np.full(size, GAMMA_ENERGY)
        states = one_signal(ISOTROPIC_LIGHT, gamma, cosine, azimuth, remains.PHOTON)
        if unseen is None:
            return states
        particles = remains.room(size, 3)
        _scatter(pdg, energy, STRUCK_NEUTRAL, unseen, particles)
        turn = 2 * np.pi * unseen.random(size)
        return remains.listed(states, np.full(size, 3, dtype=np.int32), particles, turn)


def _channel(name: str, meaning: str, neutrino: int) -> OnNucleus:
    muon = abs(neutrino) == 14
    return OnNucleus(
        name,
        "carbon",
        meaning,
        MUON_APPROXIMATION if muon else APPROXIMATION,
        neutrino,
        M_MUON if muon else M_ELECTRON,
        TO_BORON if neutrino < 0 else TO_NITROGEN,
        STRUCK_ANTINEUTRINO if neutrino < 0 else STRUCK_NEUTRINO,
        muons.CARBON,
        directed=False,
    )


CHANNELS: tuple[Channel, ...] = (
    _channel("nue-carbon-cc", "nu_e 12C -> e- X", 12),
    _channel("nuebar-carbon-cc", "anti-nu_e 12C -> e+ X", -12),
    CarbonGamma(),
    _channel("numu-carbon-cc", "nu_mu 12C -> mu- X", 14),
    _channel("numubar-carbon-cc", "anti-nu_mu 12C -> mu+ X", -14),
)
