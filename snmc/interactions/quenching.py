"""Light of protons in an organic scintillator: Birks' law with the stopping power of protons.

J. B. Birks, Proc. Phys. Soc. A 64 (1951) 874: light, in units of that of an electron of the same
energy, dL/dT = 1/(1 + kB dT/dx).

The stopping power of hydrocarbons adds those of hydrogen and carbon (Bragg's rule). Below 1.5 MeV
it is the fit of ICRU Report 49 (1993), of the form of Ziegler; above, Bethe's formula with ICRU's
mean excitation energies: the two agree there within 0.3 %. The nuclear reactions of protons above
some 100 MeV, which lower their light, are left out.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from snmc.ground.units import AVOGADRO, M_ELECTRON, M_PROTON
from snmc.interactions.channel import Floats
from snmc.interactions.materials import CARBON, HYDROGEN

# ICRU 49: coefficients of the fit, and the energy [keV/u] below which it goes as a square root
FIT_HYDROGEN = (1.440, 242.6, 1.2e4, 0.1159, 10.0)
FIT_CARBON = (2.601, 1701.0, 1279.0, 0.01638, 40.0)
PROTON_ATOMIC_MASS = 1.007276  # u
EXCITATION_HYDROGEN, EXCITATION_CARBON = 19.2e-6, 81.0e-6  # MeV, in condensed compounds, ICRU 49
BETHE = 0.307075  # MeV cm2/mol, 4 pi N_A r_e^2 m_e, PDG 2022
JOIN = 1.5  # MeV
LOWEST, HIGHEST = 1e-4, 3000.0  # MeV, of the table; below, the light goes on in proportion


def _fit(kinetic: Floats, fit: tuple[float, ...]) -> Floats:
    """Stopping cross section [eV per 1e15 atoms/cm2] of an element, ICRU 49."""
    a2, a3, a4, a5, least = fit
    energy = 1e3 * kinetic / PROTON_ATOMIC_MASS
    t = np.maximum(energy, least)
    slow, fast = a2 * t**0.45, np.log(1 + a4 / t + a5 * t) * a3 / t
    return slow * fast / (slow + fast) * np.sqrt(np.minimum(energy / least, 1.0))


def _bethe(kinetic: Floats, electrons: float, excitation: float) -> Floats:
    """Bethe's stopping power [MeV cm2/g] for `electrons` [mol/g], PDG 2022 eq. 34.5."""
    gamma = 1 + kinetic / M_PROTON
    square = 1 - 1 / gamma**2
    ratio = M_ELECTRON / M_PROTON
    slope = 2 * M_ELECTRON * square * gamma**2
    most = slope / (1 + 2 * gamma * ratio + ratio**2)  # energy given to one electron
    logarithm = 0.5 * np.log(slope * most / excitation**2)
    return BETHE * electrons / square * (logarithm - square)


def stopping_power(kinetic: npt.ArrayLike, hydrogen: float) -> Floats:
    """Mass stopping power of protons in a hydrocarbon [MeV cm2/g], by electrons.

    `kinetic` energy [MeV], above 0, any shape; `hydrogen`: its share of the mass. Within some 2 %
    from 0.5 MeV, 5-10 % at 0.1 MeV, where Bragg's rule fails.
    """
    energy = np.asarray(kinetic, dtype=np.float64)
    moles = hydrogen / HYDROGEN, (1 - hydrogen) / CARBON
    units = AVOGADRO * 1e-21  # MeV cm2/mol in eV per 1e15 atoms/cm2
    slow = units * (moles[0] * _fit(energy, FIT_HYDROGEN) + moles[1] * _fit(energy, FIT_CARBON))
    above = np.maximum(energy, JOIN)
    fast = _bethe(above, moles[0], EXCITATION_HYDROGEN)
    fast = fast + _bethe(above, 6 * moles[1], EXCITATION_CARBON)
    return np.where(energy < JOIN, slow, fast)


@dataclass(frozen=True)
class Scintillator:
    """An organic scintillator: `birks` constant kB [cm/MeV], `density` [g/cm3], `hydrogen`.

    `hydrogen`: its share of the mass, the rest is carbon.
    """

    birks: float
    density: float
    hydrogen: float

    def proton_light(self, kinetic: npt.ArrayLike) -> Floats:
        """Light of protons that stop, as the energy of electrons with the same light [MeV].

        `kinetic` [MeV], 0 to 3000, any shape. Electrons themselves are taken as unquenched.
        """
        energy = np.asarray(kinetic, dtype=np.float64)
        logs, ratio = _light_table(self)
        return energy * np.interp(np.log(np.maximum(energy, LOWEST)), logs, ratio)


@cache
def _light_table(scintillator: Scintillator) -> tuple[Floats, Floats]:
    """Logarithm of the kinetic energy [MeV], and light over energy there."""
    energy = np.geomspace(LOWEST, HIGHEST, 3001)
    loss = stopping_power(energy, scintillator.hydrogen) * scintillator.density
    rate = 1 / (1 + scintillator.birks * loss)
    steps = np.diff(energy) * (rate[1:] + rate[:-1]) / 2
    light = np.concatenate([[energy[0] * rate[0]], steps]).cumsum()
    return np.log(energy), light / energy
