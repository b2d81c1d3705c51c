"""Elastic scattering on electrons at rest, nu e- -> nu e-, of all neutrinos and antineutrinos.

G. 't Hooft, Phys. Lett. B 37 (1971) 195; as in Bahcall, Kamionkowski & Sirlin, Phys. Rev. D 51
(1995) 6146, eq. 1 (BKS), at tree level: with T the electron's kinetic energy and y = T/E,

d sigma/dT = (2 G^2 m_e/pi) [g_L^2 + g_R^2 (1 - y)^2 - g_L g_R m_e y/E],  0 < T < 2 E^2/(m_e + 2 E).

g_L = sin^2(theta_W) + 1/2 for nu_e and - 1/2 for the others, g_R = sin^2(theta_W); antineutrinos
have the two exchanged. Atomic binding is neglected.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from snmc.ground.compiled import compiled
from snmc.ground.units import G_FERMI, M_ELECTRON, SIN2_THETA_W
from snmc.interactions.channel import ELECTRON_LIKE, FinalStates, Floats, Integers
from snmc.interactions.elastic import NEUTRINOS, elastic_states, neutrino_totals
from snmc.interactions.quasielastic import CM2, checked_energies

STRENGTH = 2 * G_FERMI**2 * M_ELECTRON / np.pi * CM2  # cm2/MeV
APPROXIMATION = (
    "neutrino-electron scattering at tree level with sin^2(theta_W) of the Z mass; radiative "
    "corrections, a few per cent, are left out"
)


@compiled
def couplings(pdg: int) -> tuple[float, float]:
    """Left- and right-handed couplings (g_L, g_R) of an electron to the neutrino `pdg`, BKS."""
    left = SIN2_THETA_W + (0.5 if abs(pdg) == 12 else -0.5)
    if pdg > 0:
        return left, SIN2_THETA_W
    return SIN2_THETA_W, left


@compiled
def _cumulative(y: float, left: float, right: float, ratio: float) -> float:
    """Integral from 0 to y = T/E of BKS eq. 1 without its factor; `ratio` is m_e/E."""
    slow = y * (1 - y + y * y / 3)  # (1 - (1 - y)^3)/3 without cancellation
    return left * left * y + right * right * slow - left * right * ratio * y * y / 2


@compiled
def _highest(energy: float) -> float:
    """Largest y = T/E, of an electron struck head-on."""
    return 2 * energy / (M_ELECTRON + 2 * energy)


@compiled
def _totals(pdg: Integers, energy: Floats, result: Floats) -> None:
    for i in range(energy.size):
        if abs(pdg[i]) in NEUTRINOS and energy[i] > 0:
            left, right = couplings(pdg[i])
            share = _cumulative(_highest(energy[i]), left, right, M_ELECTRON / energy[i])
            result[i] = STRENGTH * energy[i] * share


@compiled
def _recoils(pdg: Integers, energy: Floats, share: Floats, kinetic: Floats) -> None:
    """Kinetic energies that invert the cumulative distribution, a cubic, at `share`."""
    for i in range(energy.size):
        left, right = couplings(pdg[i])
        ratio = M_ELECTRON / energy[i]
        low, high = 0.0, _highest(energy[i])
        wanted = share[i] * _cumulative(high, left, right, ratio)
        y = share[i] * high
        for _ in range(60):  # Newton's steps, held inside the shrinking bracket
            excess = _cumulative(y, left, right, ratio) - wanted
            if excess > 0:
                high = y
            else:
                low = y
            density = left * left + right * right * (1 - y) ** 2 - left * right * ratio * y
            following = y - excess / density if density > 0 else -1.0
            if not low <= following <= high:
                following = (low + high) / 2
            if abs(following - y) <= 1e-15 * y:
                break
            y = following
        kinetic[i] = y * energy[i]


def cross_section(pdg: npt.ArrayLike, energy: npt.ArrayLike) -> Floats:
    """Total cross section per electron [cm2], BKS eq. 1 integrated in closed form.

    `pdg`: 12, 14, 16 and their negatives, anything else gives 0; `energy` [MeV]: arrays that
    broadcast. Raises PhysicsError for neutrinos outside 0 to 2000 MeV.
    """
    return neutrino_totals(_totals, pdg, energy)


def differential(pdg: int, energy: npt.ArrayLike, kinetic: npt.ArrayLike) -> Floats:
    """Cross section by the electron's kinetic energy, d sigma/dT [cm2/MeV], BKS eq. 1.

    `pdg`: one neutrino; `energy`, `kinetic` [MeV]: arrays that broadcast. Zero beyond the largest
    recoil. Raises PhysicsError outside 0 to 2000 MeV.
    """
    energies, recoil = np.broadcast_arrays(
        checked_energies(energy), np.asarray(kinetic, dtype=np.float64)
    )
    left, right = couplings(pdg)
    y = recoil / energies
    value = left**2 + right**2 * (1 - y) ** 2 - left * right * M_ELECTRON * y / energies
    inside = (recoil >= 0) & (recoil <= 2 * energies**2 / (M_ELECTRON + 2 * energies))
    return np.where(inside, STRENGTH * value, 0.0)


def sample(pdg: Integers, energy: Floats, stream: np.random.Generator) -> Floats:
    """Kinetic energies [MeV] of the struck electrons, exactly as `differential` says.

    `pdg`, `energy` [MeV] (n,): neutrinos, all with a cross section.
    """
    kinetic = np.empty(energy.size)
    _recoils(pdg, energy, stream.random(energy.size), kinetic)
    return kinetic


@dataclass(frozen=True)
class ElectronElastic:
    """The channel `electron-elastic`."""

    name: str = "electron-elastic"
    target: str = "electron"
    meaning: str = "nu e- -> nu e-, all flavours"
    approximation: str | None = APPROXIMATION

    def cross_section(self, pdg: Integers, energy: Floats) -> Floats:
        """Cross section [cm2 per electron]; see the module's."""
        return cross_section(pdg, energy)

    def sample(
        self,
        pdg: Integers,
        energy: Floats,
        stream: np.random.Generator,
        unseen: np.random.Generator | None = None,
    ) -> FinalStates:
        """Electron and scattered neutrino; the electron is seen, by its total energy."""
        kinetic = sample(pdg, energy, stream)
        azimuth = 2 * np.pi * stream.random(energy.size)
        return elastic_states(
            pdg, energy, 11, M_ELECTRON, kinetic, azimuth, ELECTRON_LIKE, kinetic + M_ELECTRON
        )
