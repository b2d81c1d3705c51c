"""Charged-current reactions of electron and muon neutrinos and antineutrinos on argon 40.

nu_e, to 40K: strengths of the levels up to 6.1 MeV measured in the mirror decay of 40Ti, with the
isobaric analogue state (B_F = N - Z) at 4.38 MeV: M. Bhattacharya et al., Phys. Rev. C 58 (1998)
3677. Then three effective groups that stand for all other transitions, fitted to the cross section
of the RPA calculation of E. Kolbe, K. Langanke, G. Martinez-Pinedo & P. Vogel, J. Phys. G 29 (2003)
2569, as tabulated in SNOwGLoBES, 25-200 MeV: the sum is within 5 % of it to 180 MeV. Below 20 MeV
the measured strengths differ from the calculation, by + 10 % at 20 and + 60 % at 10 MeV. (Those
from (p, n) reactions, Bhattacharya et al., Phys. Rev. C 80 (2009) 055501, would give another 20 %
there: the cross section has never been measured.)

anti-nu_e, to 40Cl: four effective groups, fitted to the same calculation from 18 to 200 MeV, within
7 % to 180 MeV.

The Fermi gas takes over between 100 and 200 MeV. At 150 MeV it is 0.8 (nu_e) and 1.5 (anti-nu_e),
at 200 MeV 1.2 and 1.5 times the calculation.
"""

import numpy.typing as npt

from snmc.ground.units import M_ELECTRON, M_MUON
from snmc.interactions import fermi_gas, muons, nucleus, potassium, remains
from snmc.interactions.channel import Channel, Floats
from snmc.interactions.nucleus import OnNucleus, Transition

APPROXIMATION = (
    "neutrino-argon reactions: measured levels and effective groups fitted to an RPA calculation "
    "(Kolbe et al. 2003; 10 %, at 10 MeV 60 %) to 100 MeV, relativistic Fermi gas (quasi-elastic "
    "only, 20-50 %) from 200 MeV, joined linearly in between; nothing is seen of emitted "
    f"nucleons; {remains.NOT_FOLLOWED}, but for the gamma rays of the levels of 40K up to 6.1 MeV "
    "(ENSDF; partly estimated) and one of 0.5 MeV that stands for those of 40Cl"
)
MUON_APPROXIMATION = (
    "muons on argon: relativistic Fermi gas (quasi-elastic only, 20-30 %) from its threshold, "
    "133.7 MeV; visible energy the muon's kinetic energy; nothing seen of muon capture; decay "
    f"electrons isotropic, with the spectrum of free muons; {remains.NOT_FOLLOWED}"
)
RADIUS = 3.427  # fm, charge radius of 40Ar: Angeli & Marinova 2013
# Fermi momentum and binding of 40Ca, its neighbour: Smith & Moniz 1972
NEUTRONS, PROTONS = fermi_gas.Nucleus(22.0, 251.0, 28.0), fermi_gas.Nucleus(18.0, 251.0, 28.0)
LEVELS_NEUTRINO = (
    (2.29, 0.0, 0.9, 0.0),
    (2.73, 0.0, 1.5, 0.0),
    (2.951, 0.0, 0.11, 0.0),
    (3.11, 0.0, 0.06, 0.0),
    (3.293, 0.0, 0.04, 0.0),
    (3.517, 0.0, 0.01, 0.0),
    (3.738, 0.0, 0.16, 0.0),
    (3.797, 0.0, 0.26, 0.0),
    (3.84, 0.0, 0.01, 0.0),
    (3.996, 0.0, 0.05, 0.0),
    (4.08, 0.0, 0.11, 0.0),
    (4.252, 0.0, 0.29, 0.0),
    (4.384, 4.0, 0.0, 0.0),
    (4.508, 0.0, 0.31, 0.0),
    (4.697, 0.0, 0.38, 0.0),
    (4.765, 0.0, 0.47, 0.0),
    (4.93, 0.0, 0.36, 0.0),
    (5.063, 0.0, 0.23, 0.0),
    (5.19, 0.0, 0.03, 0.0),
    (5.681, 0.0, 0.11, 0.0),
    (6.118, 0.0, 0.13, 0.0),
    (20.0, 0.0, 0.0, 5.9),
    (30.0, 0.0, 0.0, 13.9),
    (40.0, 0.0, 0.0, 17.0),
)
LEVELS_ANTINEUTRINO = (
    (0.5, 0.0, 0.0, 0.11),
    (7.0, 0.0, 0.0, 1.14),
    (12.0, 0.0, 0.0, 1.78),
    (20.0, 0.0, 0.0, 6.7),
)
# atomic masses less the electrons', and separation energies of a proton, a neutron: AME 2020
TO_POTASSIUM = Transition(
    LEVELS_NEUTRINO, 1.5044 - M_ELECTRON, 19.0, RADIUS, 7.58, NEUTRONS, 100.0, 200.0
)
TO_CHLORINE = Transition(
    LEVELS_ANTINEUTRINO, 7.48 + M_ELECTRON, -17.0, RADIUS, 5.83, PROTONS, 100.0, 200.0
)
# 40Cl: an effective group stands for its bound levels, one gamma ray for theirs
LEVELS_CHLORINE: tuple[remains.Level, ...] = ((0.0, {}), (0.5, {0: 1.0}))
STRUCK_NEUTRINO = remains.nucleus(
    18, 40, 1, TO_POTASSIUM.difference, TO_POTASSIUM.separation, potassium.LEVELS
)
STRUCK_ANTINEUTRINO = remains.nucleus(
    18, 40, -1, TO_CHLORINE.difference, TO_CHLORINE.separation, LEVELS_CHLORINE
)


def cross_section(
    energy: npt.ArrayLike, antineutrino: bool = False, mass: float = M_ELECTRON
) -> Floats:
    """Charged-current cross section per argon-40 nucleus [cm2]; for what holds where see above.

    `energy` [MeV], any shape, 0 to 2000 (else PhysicsError); `mass` [MeV]: of the lepton. The
    thresholds are 3.79 MeV (nu_e), 9.0 MeV (anti-nu_e) and 133.7 MeV (muons).
    """
    return nucleus.cross_section(energy, TO_CHLORINE if antineutrino else TO_POTASSIUM, mass)


def _channel(name: str, meaning: str, neutrino: int) -> OnNucleus:
    muon = abs(neutrino) == 14
    return OnNucleus(
        name,
        "argon",
        meaning,
        MUON_APPROXIMATION if muon else APPROXIMATION,
        neutrino,
        M_MUON if muon else M_ELECTRON,
        TO_CHLORINE if neutrino < 0 else TO_POTASSIUM,
        STRUCK_ANTINEUTRINO if neutrino < 0 else STRUCK_NEUTRINO,
        muons.ARGON,
        directed=True,
    )


CHANNELS: tuple[Channel, ...] = (
    _channel("nue-argon-cc", "nu_e 40Ar -> e- X", 12),
    _channel("nuebar-argon-cc", "anti-nu_e 40Ar -> e+ X", -12),
    _channel("numu-argon-cc", "nu_mu 40Ar -> mu- X", 14),
    _channel("numubar-argon-cc", "anti-nu_mu 40Ar -> mu+ X", -14),
)
