"""The gauge boson Z' of L_mu - L_tau.

L = g Z'_a (mubar gamma^a mu + nubar_mu gamma^a P_L nu_mu - (the same of tau)) + eps Z'_a J^a_EM
(Akita et al., arXiv:2312.13627, eqs. 43 and 45). Z' is born in nu nubar -> Z', mu- mu+ -> Z' and
mu- gamma -> mu- Z', and decays to muon and tau neutrinos, and to muons if it can.
"""

import math
import warnings
from collections.abc import Mapping

from snmc.decays import DecayMode
from snmc.ground.compiled import compiled_formula
from snmc.ground.errors import PhysicsWarning
from snmc.ground.units import ALPHA, M_MUON, M_TAU
from snmc.production.emission import Process, Scattering
from snmc.roles.generator import Switch, Value
from snmc.thermal import Screening

from ._vector import (
    CHARGE,
    CHARGED,
    MUON_PAIRS,
    SECONDARIES,
    VectorBoson,
    neutrino_pairs,
    vector_modes,
    vector_parameters,
)

FLAVOURS = ("mu", "tau")
PLASMA = 22.0  # MeV, above the transverse plasmon mass of the core, 5-22 MeV
ONE_LOOP = -CHARGE / (12 * math.pi**2) * math.log((M_TAU / M_MUON) ** 2)  # eps/g, eq. 46


@compiled_formula(12)
def semi_compton(
    s: float, t: float, m1: float, m2: float, m3: float, M: float, k2: float,
    E1: float, E2: float, E: float, along: float, shift: float,
) -> float:  # fmt: skip
    """S|M|^2/g^2 of gamma mu -> mu Z', summed over spins and polarisations.

    Tree level, both vectors with mass: c = m1^2 + M^2, a = s - m^2, b = u - m^2,
    8 e^2 {-[(a - c)^2 + (b - c)^2]/(a b) + 4 m^2 (1/a + 1/b) + 4 m^4 (1/a + 1/b)^2
    + (2 m^2 c + m1^2 M^2)(1/a^2 + 1/b^2)}. Without masses it is table 2 of Akita et al. A plasmon
    (m1 > 0) counts with three polarisations: the third adds of order (m1/E1)^2. Arguments:
    `snmc.production.scattering.AMPLITUDE_ARGUMENTS`.
    """
    mass2, c = m2 * m2, m1 * m1 + M * M
    a = s - mass2
    b = c - t - a
    poles = 1 / a + 1 / b
    square = -((a - c) * (a - c) + (b - c) * (b - c)) / (a * b)
    square += 4 * mass2 * poles * (1 + mass2 * poles)
    square += (2 * mass2 * c + m1 * m1 * M * M) * (1 / (a * a) + 1 / (b * b))
    return 32 * math.pi * ALPHA * square


class MuTauBoson(VectorBoson):
    """Gauge boson of L_mu - L_tau with coupling g and kinetic mixing eps."""

    name = "zprime-mu-tau"
    title = "Gauge boson of L_mu - L_tau, Z' -> nu nubar"
    parameters = vector_parameters(
        800.0, "mixing eps with the photon; if left out, -g/69 of muon and tau loops"
    )
    loops = ONE_LOOP
    switches = (
        Switch(
            "processes",
            ("neutrino-pairs", "muon-pairs", "semi-compton"),
            ("neutrino-pairs", "muon-pairs", "semi-compton"),
            "production processes taken into account",
            many=True,
        ),
        Switch(
            "screening", ("all", "electron", "none"), "all",
            "charges that give photons in the core their mass",
        ),
        SECONDARIES,
    )  # fmt: skip
    references = (
        "Akita, Im, Masud, Yun, arXiv:2312.13627",
        "Croon, Elor, Leane, McDermott, arXiv:2006.13942",
    )

    def __init__(self, values: Mapping[str, Value]) -> None:
        super().__init__(values)
        if self.mass < PLASMA:
            warnings.warn(
                f"generator.mass: below {PLASMA:g} MeV the plasma, whose muons mix Z' with the "
                "photon, adds production that is not included; numbers are lower bounds",
                PhysicsWarning,
                stacklevel=2,
            )

    @property
    def screening(self) -> Screening:
        """What gives photons their mass in the core."""
        return self.values["screening"]  # type: ignore[return-value]

    def processes(self) -> tuple[Process, ...]:
        """Processes chosen in the card."""
        known: dict[str, tuple[Process, ...]] = {
            "neutrino-pairs": neutrino_pairs(FLAVOURS),
            "muon-pairs": (MUON_PAIRS,),
            "semi-compton": (
                Scattering("semi-compton", ("gamma",), "mu-", "mu-", semi_compton, azimuths=6),
            ),
        }
        return tuple(
            process
            for name in self.values["processes"]  # type: ignore[union-attr]
            for process in known[name]
        )

    def lepton_coupling(self, flavour: str) -> float:
        """Of the muon g - eps e, of the electron -eps e; leptons have the charge -1."""
        return (self.g if flavour == "mu" else 0.0) - self.mixing * CHARGE

    def modes(self) -> tuple[DecayMode, ...]:
        """Z' -> neutrinos of mu and tau, muons, and electrons by kinetic mixing."""
        charged = {flavour: self.lepton_coupling(flavour) for flavour in CHARGED}
        return vector_modes(self.mass, {"nu_mu": self.g, "nu_tau": self.g, **charged})
