"""Masses of nuclei, and their PDG numbers.

Atomic masses: M. Wang et al., Chin. Phys. C 36 (2012) 1603 (AME 2012), to a keV; electrons are
taken off without their binding, 14 keV of argon's 18.
"""

from snmc.ground.units import M_ELECTRON

ATOMIC_MASS = 931.494_061  # MeV, of a unit: CODATA 2010, as AME 2012
# by number of protons and of nucleons [unified atomic mass units]
ATOMIC_MASSES = {
    (5, 11): 11.009_305_4,
    (6, 11): 11.011_433_6,
    (6, 12): 12.0,
    (7, 15): 15.000_108_899,
    (8, 15): 15.003_065_6,
    (8, 16): 15.994_914_620,
    (17, 39): 38.968_008_2,
    (18, 39): 38.964_313_0,
    (18, 40): 39.962_383_124,
}


def pdg_code(protons: int, nucleons: int) -> int:
    """PDG number of a nucleus, in its ground state or in any short-lived one."""
    return 1_000_000_000 + 10_000 * protons + 10 * nucleons


def mass(protons: int, nucleons: int) -> float:
    """Mass of a nucleus in its ground state [MeV]; KeyError for one that no reaction needs."""
    return ATOMIC_MASS * ATOMIC_MASSES[protons, nucleons] - protons * M_ELECTRON
