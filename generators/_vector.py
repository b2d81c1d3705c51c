"""What the models of a light vector boson Z' share: widths, and birth from a pair of leptons.

L = Z'_a sum_f c_f fbar gamma^a f, with P_L for neutrinos; c_f are couplings, signs included.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from snmc.decays import DecayMode
from snmc.ground.compiled import compiled_formula
from snmc.ground.errors import InputError
from snmc.ground.units import ALPHA, M_ELECTRON, M_MUON
from snmc.production.emission import Coalescence
from snmc.roles.decaying_particle import DecayingParticle
from snmc.roles.generator import Parameter, Switch, Value
from snmc.thermal import BOSE

CHARGE = math.sqrt(4 * math.pi * ALPHA)  # of the positron
NEUTRINOS = {"e": 12, "mu": 14, "tau": 16}
CHARGED = {"e": (11, M_ELECTRON), "mu": (13, M_MUON)}


@compiled_formula(4)
def neutrino_pair(M: float, m2: float, E1: float, E: float) -> float:
    """S|M|^2/c^2 of nu nubar -> Z', summed over three polarisations [MeV^2].

    4 p1.p2 = 2 M^2, hence the rate c^2 M^2/(16 pi^3) Int f f dE_nu, as detailed balance with
    c^2 M/(24 pi) has it. Akita et al. (arXiv:2312.13627), eq. 49, print a third of it: the rate of
    one polarisation. Arguments: `snmc.production.coalescence.AMPLITUDE_ARGUMENTS`.
    """
    return 2 * M * M


def neutrino_pairs(flavours: tuple[str, ...]) -> tuple[Coalescence, ...]:
    """Return nu nubar -> Z' of each flavour; potentials of the two are opposite and cancel."""
    return tuple(
        Coalescence(f"nu_{one} nu_{one}_bar", (f"nu_{one}",), f"nu_{one}_bar", neutrino_pair)
        for one in flavours
    )


@compiled_formula(4)
def lepton_pair(M: float, m2: float, E1: float, E: float) -> float:
    """S|M|^2/c^2 of l- l+ -> Z' for leptons of mass `m2`, summed over all spins [MeV^2].

    4 (M^2 + 2 m^2): detailed balance, 8 pi M^2 x 3 Gamma/p*, with Akita et al., eq. 44. Arguments:
    `snmc.production.coalescence.AMPLITUDE_ARGUMENTS`.
    """
    return 4 * (M * M + 2 * m2 * m2)


MUON_PAIRS = Coalescence("muon-pairs", ("mu-",), "mu+", lepton_pair)
ELECTRON_PAIRS = Coalescence("electron-pairs", ("e-",), "e+", lepton_pair)


def neutrino_width(mass: float, coupling: float) -> float:
    """Width of Z' -> nu nubar of one flavour [MeV], c^2 M/(24 pi): Akita et al., eq. 44."""
    return coupling**2 * mass / (24 * math.pi)


def lepton_width(mass: float, coupling: float, lepton: float) -> float:
    """Width of Z' -> l+ l- [MeV] for leptons of mass `lepton` [MeV]; 0 below threshold.

    c^2 M/(12 pi) (1 + 2 r^2) sqrt(1 - 4 r^2), r = m_l/M: Akita et al., eq. 44. Their eq. 47, for
    kinetic mixing, has a pi too many and a bracket misplaced.
    """
    if mass <= 2 * lepton:
        return 0.0
    r2 = (lepton / mass) ** 2
    return coupling**2 * mass / (12 * math.pi) * (1 + 2 * r2) * math.sqrt(1 - 4 * r2)


def vector_modes(mass: float, couplings: dict[str, float]) -> tuple[DecayMode, ...]:
    """Open decay modes of Z' for couplings by name: "nu_e", ..., "e", "mu"."""
    modes = []
    for flavour, pdg in NEUTRINOS.items():
        if coupling := couplings.get(f"nu_{flavour}", 0.0):
            width = neutrino_width(mass, coupling)
            modes.append(DecayMode(f"nu_{flavour} nu_{flavour}_bar", "Z'", (pdg, -pdg), width))
    for flavour, (pdg, lepton) in CHARGED.items():
        if width := lepton_width(mass, couplings.get(flavour, 0.0), lepton):
            modes.append(DecayMode(f"{flavour}- {flavour}+", "Z'", (pdg, -pdg), width))
    return tuple(modes)


SECONDARIES = Switch(
    "secondaries", ("no", "yes"), "no", "whether muons decay in turn, and give neutrinos"
)


def vector_parameters(highest: float, mixing: str) -> tuple[Parameter, ...]:
    """Mass [MeV] up to `highest`, gauge coupling, kinetic mixing as `mixing` describes it."""
    return (
        Parameter("mass", "MeV", 1e-6, highest, "mass of Z'"),
        Parameter("g", "", 1e-20, 1.0, "gauge coupling"),
        Parameter("kinetic_mixing", "", -1.0, 1.0, mixing, optional=True),
    )


class VectorBoson(DecayingParticle):
    """Z' of a gauge coupling g and kinetic mixing eps (`loops` times g if the card gives none)."""

    loops: ClassVar[float]
    spin_states: ClassVar[int] = 3
    statistics: ClassVar[float] = BOSE

    def __init__(self, values: Mapping[str, Value]) -> None:
        super().__init__(values)
        self.g = float(self.values["g"])  # type: ignore[arg-type]
        self.mixing = float(self.values.get("kinetic_mixing", self.loops * self.g))  # type: ignore[arg-type]
        if abs(self.mixing) > self.g:
            raise InputError(
                f"generator.kinetic_mixing: found {self.mixing:g}; needs at most g = {self.g:g} in "
                "size: production by mixing is not included"
            )

    @property
    def mass(self) -> float:
        """Mass of Z' [MeV]."""
        return float(self.values["mass"])  # type: ignore[arg-type]

    @property
    def secondaries(self) -> bool:
        """Whether muons decay in turn."""
        return self.values["secondaries"] == "yes"

    def coupling_squared(self, component: str, process: str, source: str) -> float:
        """g^2, or c^2 of the leptons in a pair: whatever else makes Z' has a charge of size 1."""
        if process == MUON_PAIRS.name:
            return self.lepton_coupling("mu") ** 2
        if process == ELECTRON_PAIRS.name:
            return self.lepton_coupling("e") ** 2
        return self.g**2

    @abstractmethod
    def lepton_coupling(self, flavour: str) -> float:
        """Coupling c, mixing included, of the charged lepton "e" or "mu"."""
