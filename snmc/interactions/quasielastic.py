"""Charged-current quasi-elastic scattering on one nucleon: form factors and squared amplitude.

Shared by inverse beta decay and by the Fermi gas of oxygen. Strumia & Vissani, Phys. Lett. B 564
(2003) 42 (SV), which writes out Llewellyn Smith, Phys. Rep. 3 (1972) 261 without neglecting the
neutron-proton mass difference.
"""

import numpy as np
import numpy.typing as npt

from snmc.ground.compiled import compiled
from snmc.ground.errors import PhysicsError
from snmc.ground.units import (
    G_FERMI,
    HBAR_C,
    M_ELECTRON,
    M_NEUTRON,
    M_PION_CHARGED,
    M_PROTON,
    SIN2_THETA_W,
)

COS_CABIBBO = 0.9746  # SV section 2
G_AXIAL = -1.270  # axial coupling at t = 0, SV section 2
AXIAL_MASS = 1030.0  # MeV; SV section 2
VECTOR_MASS_SQUARED = 0.71e6  # MeV^2; SV section 2
MAGNETIC_EXCESS = 3.706  # kappa_p - kappa_n, SV section 2
KAPPA_PROTON, KAPPA_NEUTRON = 1.793, -1.913  # anomalous magnetic moments, PDG 2022
MASS_DIFFERENCE = M_NEUTRON - M_PROTON
NUCLEON_MASS = (M_NEUTRON + M_PROTON) / 2
COUPLING = 8 * (G_FERMI * COS_CABIBBO) ** 2  # |M|^2 = COUPLING [A -+ (s-u) B + (s-u)^2 C], 1/MeV^4
CM2 = (HBAR_C * 1e-13) ** 2  # 1/MeV^2 in cm^2
HIGHEST_ENERGY = 2000.0  # MeV; above, the tables end and inelastic channels dominate


@compiled
def structure(
    t: float, splitting: float, vector_mass_squared: float, mass: float = M_ELECTRON
) -> tuple[float, float, float]:
    """A, B, C of the squared amplitude, SV section 2.

    `t` [MeV^2] < 0: momentum transfer squared; `splitting` [MeV]: mass of the final minus that of
    the initial nucleon (0 in an isospin-symmetric gas); `vector_mass_squared` [MeV^2];
    `mass` [MeV]: of the charged lepton.
    Result: A [MeV^4], B [MeV^2], C [1], normalised so that |M|^2, averaged over the initial
    nucleon's spin, is 8 G^2 cos^2(theta_C) [A -+ (s - u) B + (s - u)^2 C], upper sign for
    antineutrinos.
    """
    x = t / (4 * NUCLEON_MASS**2)
    dipole = (1 - x) * (1 - t / vector_mass_squared) ** 2
    f1 = (1 - (1 + MAGNETIC_EXCESS) * x) / dipole
    f2 = MAGNETIC_EXCESS / dipole
    g1 = G_AXIAL / (1 - t / AXIAL_MASS**2) ** 2
    g2 = 2 * NUCLEON_MASS**2 * g1 / (M_PION_CHARGED**2 - t)  # partially conserved axial current
    return _combined(t, splitting, mass, f1, f2, g1, g2)


@compiled
def neutral_structure(t: float, isospin: float) -> tuple[float, float, float]:
    """A, B, C of neutral-current elastic scattering, as `structure` for the charged current.

    `t` [MeV^2] < 0; `isospin`: +1 proton, -1 neutron. The coupling of |M|^2 is that of the charged
    current without cos^2(theta_C). Form factors (Ahrens et al., Phys. Rev. D 35 (1987) 785): half
    the isovector ones, with the sign of the isospin, less 2 sin^2(theta_W) those of the nucleon's
    charge (dipoles; no electric one of the neutron); nothing of strange quarks.
    """
    x = t / (4 * NUCLEON_MASS**2)
    dipole = (1 - x) * (1 - t / VECTOR_MASS_SQUARED) ** 2
    f1, f2 = (1 - (1 + MAGNETIC_EXCESS) * x) / dipole, MAGNETIC_EXCESS / dipole
    charge, kappa = (1.0, KAPPA_PROTON) if isospin > 0 else (0.0, KAPPA_NEUTRON)
    f1_charge = (charge - (charge + kappa) * x) / dipole
    f1 = isospin * f1 / 2 - 2 * SIN2_THETA_W * f1_charge
    f2 = isospin * f2 / 2 - 2 * SIN2_THETA_W * kappa / dipole
    g1 = isospin * G_AXIAL / (1 - t / AXIAL_MASS**2) ** 2 / 2
    return _combined(t, 0.0, 0.0, f1, f2, g1, 0.0)


@compiled
def _combined(
    t: float, splitting: float, mass: float, f1: float, f2: float, g1: float, g2: float
) -> tuple[float, float, float]:
    """A, B, C from the form factors, SV section 2."""
    M2, m2, M, D = NUCLEON_MASS**2, mass * mass, NUCLEON_MASS, splitting
    f1f1, f2f2, g1g1, g2g2, f1f2, g1g2 = f1 * f1, f2 * f2, g1 * g1, g2 * g2, f1 * f2, g1 * g2
    a = (t - m2) * (
        4 * f1f1 * (4 * M2 + t + m2)
        + 4 * g1g1 * (-4 * M2 + t + m2)
        + f2f2 * (t * t / M2 + 4 * t + 4 * m2)
        + 4 * m2 * t * g2g2 / M2
        + 8 * f1f2 * (2 * t + m2)
        + 16 * m2 * g1g2
    )
    a -= (
        D
        * D
        * (
            (4 * f1f1 + t * f2f2 / M2) * (4 * M2 + t - m2)
            + 4 * g1g1 * (4 * M2 - t + m2)
            + 4 * m2 * g2g2 * (t - m2) / M2
            + 8 * f1f2 * (2 * t - m2)
            + 16 * m2 * g1g2
        )
    )
    a -= 32 * m2 * M * D * g1 * (f1 + f2)
    b = 16 * t * g1 * (f1 + f2) + 4 * m2 * D * (f2f2 + f1f2 + 2 * g1g2) / M
    c = 4 * (f1f1 + g1g1) - t * f2f2 / M2
    return a / 16, b / 16, c / 16


def checked_energies(energy: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Neutrino energies [MeV] as an array; PhysicsError unless all lie in 0 to 2000 MeV."""
    energies = np.asarray(energy, dtype=np.float64)
    bad = ~((energies >= 0) & (energies <= HIGHEST_ENERGY))
    if bad.any():
        raise PhysicsError(
            f"neutrino energy {energies[bad].flat[0]:g} MeV: the cross sections hold from 0 to "
            f"{HIGHEST_ENERGY:g} MeV"
        )
    return energies
