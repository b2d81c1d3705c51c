"""Flavour conversion of neutrinos between their birth in the stellar envelope and Earth.

Conversion is adiabatic: a neutrino born as flavour a in matter leaves as a mixture of mass states
and reaches Earth decohered, so P(a->b) = sum_i |U^M_ai|^2 |U_bi|^2 (Akita et al. 2024, eq. 4).
U^M comes from the exact diagonalisation of the three-flavour Hamiltonian. Akita et al. 2024 is
Akita, Im and Masud, arXiv:2312.13627.
Earth's own matter is not crossed.
"""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from snmc.ground.compiled import compiled
from snmc.ground.errors import InputError, unknown_name
from snmc.ground.units import AVOGADRO, G_FERMI, HBAR_C

Array = npt.NDArray[np.float64]

# V = sqrt(2) G_F n_e for n_e = N_A rho Y_e: eV per g/cm3, 7.632e-14 (one gram holds N_A nucleons).
POTENTIAL = math.sqrt(2) * G_FERMI * AVOGADRO * (HBAR_C * 1e-13) ** 3 * 1e6
STRONG_MATTER = 1e5  # |2EV/dm31| above which P is a straight line in its inverse, to 1e-9

ORDERINGS = ("NO", "IO")


class Mixing(NamedTuple):
    """Mixing angles and CP phase in degrees; squared mass differences in eV^2, signed."""

    theta12: float
    theta13: float
    theta23: float
    delta: float
    dm21: float
    dm31: float


# Best fits with the Super-Kamiokande atmospheric data; for IO the fits quote dm32 = dm31 - dm21.
# nufit-5.2: NuFIT 5.2 (2022), www.nu-fit.org; Esteban et al., JHEP 09 (2020) 178.
# nufit-6.0: NuFIT 6.0 (2024), www.nu-fit.org; Esteban et al., JHEP 12 (2024) 216.
PARAMETERS = {
    "nufit-5.2": {
        "NO": Mixing(33.41, 8.58, 42.2, 232.0, 7.41e-5, 2.507e-3),
        "IO": Mixing(33.41, 8.57, 49.0, 276.0, 7.41e-5, -2.486e-3 + 7.41e-5),
    },
    "nufit-6.0": {
        "NO": Mixing(33.68, 8.56, 43.3, 212.0, 7.49e-5, 2.513e-3),
        "IO": Mixing(33.68, 8.59, 47.9, 274.0, 7.49e-5, -2.484e-3 + 7.49e-5),
    },
}


def mixing(ordering: str = "NO", parameters: str = "nufit-5.2") -> Mixing:
    """Return the oscillation parameters of one fit and ordering.

    `ordering`: "NO" or "IO"; `parameters`: a key of `PARAMETERS`. Raises InputError for others.
    """
    if parameters not in PARAMETERS:
        raise unknown_name("parameters", parameters, PARAMETERS)
    if ordering not in ORDERINGS:
        raise unknown_name("ordering", ordering, ORDERINGS)
    return PARAMETERS[parameters][ordering]


def mixing_matrix(mix: Mixing) -> npt.NDArray[np.complex128]:
    """Return the PMNS matrix, shape (3, 3), rows e, mu, tau, columns mass states 1, 2, 3.

    Parametrisation of the PDG (Review of Particle Physics 2022, eq. 14.33); Majorana phases
    drop out of the probabilities.
    """
    c12, c13, c23 = (math.cos(math.radians(t)) for t in (mix.theta12, mix.theta13, mix.theta23))
    s12, s13, s23 = (math.sin(math.radians(t)) for t in (mix.theta12, mix.theta13, mix.theta23))
    phase = np.exp(1j * math.radians(mix.delta))
    return np.array(
        [
            [c12 * c13, s12 * c13, s13 / phase],
            [-s12 * c23 - c12 * s13 * s23 * phase, c12 * c23 - s12 * s13 * s23 * phase, c13 * s23],
            [s12 * s23 - c12 * s13 * c23 * phase, -c12 * s23 - s12 * s13 * c23 * phase, c13 * c23],
        ]
    )


def transition_probability(
    energy: npt.ArrayLike,
    rho_ye: npt.ArrayLike,
    ordering: str = "NO",
    antineutrino: bool = False,
    parameters: str = "nufit-5.2",
) -> Array:
    """Probability that a neutrino born as flavour a in matter is flavour b at Earth.

    P(a->b) = sum_i |U^M_ai|^2 |U_bi|^2 (Akita et al. 2024, eq. 4), U^M diagonalising
    U M^2 U^dagger / 2E + V diag(1, 0, 0), with -V and U* for antineutrinos.

    `energy` [MeV] and `rho_ye` [g/cm3], density times electron fraction at birth, broadcast;
    the result has their shape and (3, 3), indexed [from, to] in the order e, mu, tau. Good to
    1e-8 from vacuum to any density (beyond |2EV| = 1e5 |dm31| it follows the expansion in the
    inverse density about the infinite limit). Muons in matter are neglected.
    Raises InputError for an unknown ordering or fit, and for values negative or not finite.
    """
    mix = mixing(ordering, parameters)
    product = _not_negative("energy", energy, "MeV") * _not_negative("rho_ye", rho_ye, "g/cm3")
    return _probability(product, mix, ordering, antineutrino)


def _not_negative(name: str, values: npt.ArrayLike, unit: str) -> Array:
    checked = np.asarray(values, dtype=np.float64)
    wrong = ~(np.isfinite(checked) & (checked >= 0))
    if wrong.any():
        raise InputError(
            f"{name}: found {checked[wrong].flat[0]}; needs finite numbers >= 0 in {unit}"
        )
    return checked


def _probability(product: Array, mix: Mixing, ordering: str, antineutrino: bool) -> Array:
    """P(a->b) as a function of energy times rho_ye [MeV g/cm3], on which alone it depends."""
    pmns = mixing_matrix(mix)
    if antineutrino:
        pmns = pmns.conj()
    scale = abs(mix.dm31)
    # Everything in units of dm31 / 2E: vacuum part and 2EV (1e6: MeV to eV).
    vacuum = (pmns * (np.array([0.0, mix.dm21, mix.dm31]) / scale)) @ pmns.conj().T
    matter = 2e6 * POTENTIAL * product / scale * (-1 if antineutrino else 1)
    # Sorted eigenvalues are the adiabatic levels: 1 < 2 < 3 (NO), 3 < 1 < 2 (IO).
    levels = [0, 1, 2] if ordering == "NO" else [2, 0, 1]
    at_earth = np.abs(pmns[:, levels].T) ** 2

    hamiltonian = np.broadcast_to(vacuum, (*product.shape, 3, 3)).copy()
    hamiltonian[..., 0, 0] += np.clip(matter, -STRONG_MATTER, STRONG_MATTER)
    exact: Array = np.abs(np.linalg.eigh(hamiltonian)[1]) ** 2 @ at_earth  # eq. 4

    # Where matter dwarfs the splittings, rounding would mix the two light levels. There P is
    # P_inf + (P(strong) - P_inf) strong/|matter|; at infinity nu_e decouples.
    limit = np.zeros((3, 3))
    heavy = 0 if antineutrino else 2
    limit[0, heavy] = 1.0
    light = [level for level in range(3) if level != heavy]
    limit[np.ix_([1, 2], light)] = np.abs(np.linalg.eigh(vacuum[1:, 1:])[1]) ** 2
    limit = limit @ at_earth
    nearness = np.minimum(1.0, STRONG_MATTER / np.maximum(np.abs(matter), STRONG_MATTER))
    result: Array = limit + (exact - limit) * nearness[..., None, None]
    return result


class FlavourTable(NamedTuple):
    """Transition probabilities for kernels, linear in log(energy * rho_ye).

    `probability`: shape (2, n, 3, 3), [neutrino or antineutrino, grid, from, to]; `log_lo`: the
    grid's first natural logarithm of energy * rho_ye [MeV g/cm3]; `dlog`: its step.
    """

    probability: Array
    log_lo: float
    dlog: float


@cache
def flavour_table(ordering: str = "NO", parameters: str = "nufit-5.2") -> FlavourTable:
    """Tabulate `transition_probability` for `flavour_at_earth`; interpolates to 1e-5.

    The grid spans 1e-3 to 1e11 MeV g/cm3; outside it P keeps its end values, which differ from
    the vacuum and infinite-density limits by less than 1e-5. Raises InputError as `mixing`.
    """
    mix = mixing(ordering, parameters)
    logs = np.linspace(math.log(1e-3), math.log(1e11), 12_001)
    product = np.exp(logs)
    both = np.stack([_probability(product, mix, ordering, anti) for anti in (False, True)])
    return FlavourTable(both, float(logs[0]), float(logs[1] - logs[0]))


@compiled
def flavour_at_earth(
    table: Array,
    log_lo: float,
    dlog: float,
    flavour_in: int,
    antineutrino: int,
    x: float,
    u: float,
) -> int:
    """Draw the flavour at Earth of one neutrino (compiled).

    `table`, `log_lo`, `dlog`: of a `FlavourTable`; `flavour_in`: 0, 1, 2 for e, mu, tau at birth;
    `antineutrino`: 0 or 1; `x` = energy * rho_ye [MeV g/cm3], 0 for vacuum; `u`: uniform in
    [0, 1). Returns 0, 1 or 2 with the probabilities of Akita et al. 2024, eq. 4.
    """
    last = table.shape[1] - 1
    position = 0.0
    if x > 0.0:
        position = min(max((math.log(x) - log_lo) / dlog, 0.0), float(last))
    low = min(int(position), last - 1)
    part = position - low
    below = table[antineutrino, low, flavour_in]
    above = table[antineutrino, low + 1, flavour_in]
    to_e = below[0] + part * (above[0] - below[0])
    if u < to_e:
        return 0
    to_mu = below[1] + part * (above[1] - below[1])
    return 1 if u < to_e + to_mu else 2


@compiled
def envelope_rho_ye(radius_m: float) -> float:
    """Density times electron fraction [g/cm3] of the progenitor's envelope (compiled).

    1e5 g/cm3 (r / 1e9 cm)^-3 (Akita et al. 2024, eq. 3); `radius_m` > 0 [m].
    """
    return 1e5 * (1e7 / radius_m) ** 3  # eq. 3; 1e9 cm = 1e7 m
