"""Muons in detectors: their own signal, and the electrons of their decay at rest.

In water a muon above the Cherenkov threshold shines at once, in a calorimeter any muon does; it
then stops, within nanoseconds, and decays, or, if negative, may be captured. Not followed: what a
capture leaves (a neutron, gamma rays of a few MeV), the recoil and Coulomb field in the spectrum of
bound muons' electrons, and the electron's direction, which remembers the muon's polarisation a
little.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from snmc.ground.units import M_ELECTRON, M_MUON
from snmc.interactions.channel import ELECTRON_LIKE, MUON_LIKE, FinalStates, Floats

REFRACTIVE_INDEX = 1.33  # of water, visible light: Akita et al. 2024
THRESHOLD = M_MUON / np.sqrt(1 - REFRACTIVE_INDEX**-2)  # total energy [MeV]: 160.3
LIFETIME = 2.1969811e-6  # s, PDG 2022
OXYGEN_LIFETIME = 1.7954e-6  # s, of mu- bound to 16O: Suzuki et al., Phys. Rev. C 35 (1987) 2212
CAPTURED = 0.184  # share of mu- captured by 16O, rate times lifetime: Suzuki et al. 1987
MUON = 13


def visible_energy(energy: npt.ArrayLike) -> Floats:
    """Energy [MeV] at which an electron gives the Cherenkov light of a muon that stops; 0 below.

    `energy`: the muon's total energy [MeV], any shape. An approximation: the energy above the
    Cherenkov threshold p_0 = m/sqrt(n^2 - 1), each part weighted with the light yield
    sin^2(theta_C) relative to the highest, 1 - p_0^2/p^2 (Frank & Tamm), which has the integral
    E - E_0 - p_0^2/(2 m) ln[(E - m)(E_0 + m)/((E + m)(E_0 - m))]. It takes a muon and an electron
    to lose as much energy in a length of track: good to some 15 %.
    """
    total = np.maximum(np.asarray(energy, dtype=np.float64), THRESHOLD)
    p0_squared = M_MUON**2 / (REFRACTIVE_INDEX**2 - 1)
    slow = (THRESHOLD + M_MUON) / (THRESHOLD - M_MUON)
    logarithm = np.log((total - M_MUON) / (total + M_MUON) * slow)
    light = total - THRESHOLD - p0_squared / (2 * M_MUON) * logarithm
    return np.asarray(np.maximum(light, 0.0))


@dataclass(frozen=True)
class Medium:
    """What a muon meets.

    `threshold`: total energy [MeV] above which it is seen, by `light`(total energy) [MeV];
    `lifetime` [s] of negative ones, and the share of them `captured`; `calorimeter`: whether
    electrons are seen by the energy that they leave, or, in water, by their total energy.
    """

    threshold: float
    light: Callable[[Floats], Floats]
    lifetime: float
    captured: float
    calorimeter: bool


WATER = Medium(THRESHOLD, visible_energy, OXYGEN_LIFETIME, CAPTURED, False)


def _kinetic(energy: Floats) -> Floats:
    return energy - M_MUON


# argon: from memory of measurements in liquid argon, not verified; carbon: Suzuki et al. 1987,
# from memory, not verified
ARGON = Medium(M_MUON, _kinetic, 0.54e-6, 0.75, True)
CARBON = Medium(M_MUON, _kinetic, 2.026e-6, 0.077, True)


def michel_energies(size: int, stream: np.random.Generator) -> Floats:
    """Total energies [MeV] of electrons from muons at rest, (`size`,); they end at 52.83 MeV.

    The Michel spectrum, Akita et al. eq. 58, in x = 2 E/m: 2 x^2 (3 - 2 x) is 2/3 of 3 x^2 and 1/3
    of 12 x^2 (1 - x), two beta distributions.
    """
    second = np.where(stream.random(size) < 2 / 3, 1.0, 2.0)
    return np.asarray(M_MUON / 2 * stream.beta(3.0, second))


def final_states(
    positive: bool,
    muon: Floats,
    cosine: Floats,
    azimuth: Floats,
    stream: np.random.Generator,
    medium: Medium = WATER,
) -> FinalStates:
    """Signals of muons of one charge; the final state of each reaction is the muon.

    `muon` total energy [MeV], `cosine`, `azimuth` [rad] (n,); `medium`: where it stops. The
    first signal is the muon's, if visible; the next its electron's, unless it was captured.
    """
    size = muon.size
    visible = muon > medium.threshold
    decays = np.ones(size, dtype=np.bool_) if positive else stream.random(size) >= medium.captured
    signals = visible.astype(np.int32) + decays
    first = np.cumsum(signals) - signals
    prompt, late = first[visible], (first + visible)[decays]
    electrons, total = late.size, int(signals.sum())
    kind = np.full(total, ELECTRON_LIKE, dtype=np.int8)
    kind[prompt] = MUON_LIKE
    light, directions, turns, delays = np.zeros((4, total))
    light[prompt], light[late] = (
        medium.light(muon[visible]),
        michel_energies(electrons, stream),
    )
    if medium.calorimeter:  # positrons annihilate
        light[late] += M_ELECTRON if positive else -M_ELECTRON
    directions[prompt], directions[late] = cosine[visible], stream.uniform(-1, 1, electrons)
    turns[prompt], turns[late] = azimuth[visible], 2 * np.pi * stream.random(electrons)
    delays[late] = stream.exponential(LIFETIME if positive else medium.lifetime, electrons)
    return FinalStates(
        signals,
        light,
        directions,
        turns,
        delays,
        kind,
        np.ones(size, dtype=np.int32),
        np.full(size, -MUON if positive else MUON, dtype=np.int32),
        muon,
        cosine,
        azimuth,
    )
