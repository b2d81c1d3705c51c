"""Heavy neutral leptons N that mix with the active neutrinos.

nu_a -> nu_a + U_a N in the weak currents, L = -(4G/sqrt2) [J+ J- + J_Z^2]. N is born where a
neutrino scatters on a nucleon or a charged lepton is captured (Akita et al., arXiv:2312.13627,
table 1), and decays through the same currents. Every four-fermion amplitude here has the form

    L = -(4G/sqrt2) U [N-bar gamma P_L nu] [f-bar gamma (g_L P_L + g_R P_R) f].
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from snmc.decays import PHOTON, DecayMode
from snmc.ground.compiled import compiled_formula
from snmc.ground.errors import InputError
from snmc.ground.quadrature import unit_rule
from snmc.ground.units import (
    ALPHA,
    F_PION,
    G_FERMI,
    M_ELECTRON,
    M_MUON,
    M_PION_CHARGED,
    M_PION_NEUTRAL,
    SIN2_THETA_W,
    V_UD,
)
from snmc.production.emission import Process, Scattering
from snmc.production.scattering import dot_products
from snmc.roles.decaying_particle import DecayingParticle
from snmc.roles.generator import Parameter, Switch, Value
from snmc.thermal import Screening

FLAVOURS = {"e": 12, "mu": 14, "tau": 16}
LEPTONS = {"e": 11, "mu": 13}
MASSES = {11: M_ELECTRON, 13: M_MUON, 111: M_PION_NEUTRAL, 211: M_PION_CHARGED}
NAMES = {
    11: "e-", -11: "e+", 13: "mu-", -13: "mu+", 12: "nu_e", -12: "nu_e_bar", 14: "nu_mu",
    -14: "nu_mu_bar", 16: "nu_tau", -16: "nu_tau_bar", 211: "pi+", -211: "pi-", 111: "pi0",
    22: "gamma",
}  # fmt: skip
NEUTRINOS = tuple(f"nu_{flavour}" for flavour in FLAVOURS)
ANTINEUTRINOS = tuple(f"{neutrino}_bar" for neutrino in NEUTRINOS)

# Weak couplings of the fermion at the other vertex, (g_L, g_R); g_V, g_A = g_L +- g_R.
AXIAL = 1.27
NEUTRON = ((0.5 + AXIAL / 2) / 2, (0.5 - AXIAL / 2) / 2)
PROTON = ((0.5 - 2 * SIN2_THETA_W + AXIAL / 2) / 2, (0.5 - 2 * SIN2_THETA_W - AXIAL / 2) / 2)
CHARGED = (V_UD * (1 + AXIAL) / 2, V_UD * (1 - AXIAL) / 2)
LEPTON = (-0.5 + SIN2_THETA_W, SIN2_THETA_W)
OWN_LEPTON = (0.5 + SIN2_THETA_W, SIN2_THETA_W)  # with the charged current, by Fierz
NEUTRINO = (0.5, 0.0)
OWN_NEUTRINO = (1.0, 0.0)  # two equal fields: twice the amplitude
EQUAL_NEUTRINOS = (math.sqrt(0.5), 0.0)  # and 1/2 in |M|^2 for particles 1 and 2 alike

Couplings = tuple[float, float]
Amplitude = Callable[..., float]
Squared = tuple[float, float, float, float]
"""Coefficients (c1, c2, c3, cm) of |M|^2 of a three-body decay, see `DecayMode`."""


@cache
def scattering(couplings: Couplings) -> Amplitude:
    """Make the compiled S|M|^2/U^2 of l f -> N f' for a lepton l of left-handed current [MeV^2].

    128 G^2 [g_L^2 (p1.p2)(p3.pX) + g_R^2 (p1.p3)(p2.pX) - g_L g_R m2 m3 (p1.pX)], summed over all
    spins, both helicities of N among them. With g_V, g_A it is 32 G^2 times the bracket of table 1
    of Akita et al., whose last term there has the sign of g_A^2 wrong and whose 16 G^2 stands for
    one helicity. An antilepton takes (g_R, g_L).
    """
    left, right = (128 * G_FERMI**2 * g * g for g in couplings)
    mixed = 128 * G_FERMI**2 * couplings[0] * couplings[1]

    @compiled_formula(12)
    def amplitude(
        s: float, t: float, m1: float, m2: float, m3: float, M: float, k2: float,
        E1: float, E2: float, E: float, along: float, shift: float,
    ) -> float:  # fmt: skip
        p1p2, p1p3, p1pX, _, p2pX, p3pX = dot_products(s, t, m1, m2, m3, M, E1, E2, E, along, shift)
        return left * p1p2 * p3pX + right * p1p3 * p2pX - mixed * m2 * m3 * p1pX

    return amplitude


@cache
def annihilation(couplings: Couplings) -> Amplitude:
    """Make the compiled S|M|^2/U^2 of f-bar f -> nu-bar N, 1 2 -> 3 X, by crossing `scattering`.

    128 G^2 [g_L^2 (p2.p3)(p1.pX) + g_R^2 (p1.p3)(p2.pX) + g_L g_R m1 m2 (p3.pX)] [MeV^2]. With an
    antiparticle N and a neutrino it takes (g_R, g_L).
    """
    left, right = (128 * G_FERMI**2 * g * g for g in couplings)
    mixed = 128 * G_FERMI**2 * couplings[0] * couplings[1]

    @compiled_formula(12)
    def amplitude(
        s: float, t: float, m1: float, m2: float, m3: float, M: float, k2: float,
        E1: float, E2: float, E: float, along: float, shift: float,
    ) -> float:  # fmt: skip
        _, p1p3, p1pX, p2p3, p2pX, p3pX = dot_products(s, t, m1, m2, m3, M, E1, E2, E, along, shift)
        return left * p2p3 * p1pX + right * p1p3 * p2pX + mixed * m1 * m2 * p3pX

    return amplitude


@dataclass(frozen=True)
class Channel:
    """A production process l f -> N f' or f-bar f -> nu-bar N before its amplitude is compiled.

    `group`: the switch it belongs to; `mixed`, `signs`: flavour of N's mixing and lepton number of
    the N made, for each of `sources`; `make` and `couplings`: its amplitude; `anti_couplings`:
    those of the antineutrinos among the sources, None if there are none.
    """

    group: str
    sources: tuple[str, ...]
    target: str
    recoil: str
    mixed: tuple[str, ...]
    signs: tuple[int, ...]
    make: Callable[[Couplings], Amplitude]
    couplings: Couplings
    anti_couplings: Couplings | None = None

    @property
    def name(self) -> str:
        """The reaction, as reports spell it, that of the neutrinos for those with both signs."""
        source = "nu" if set(NEUTRINOS) <= set(self.sources) else self.sources[0]
        return f"{source} {self.target} -> N {self.recoil}"

    def process(self) -> Scattering:
        """Return the process with its compiled amplitudes."""
        anti = None if self.anti_couplings is None else self.make(self.anti_couplings)
        return Scattering(
            self.name, self.sources, self.target, self.recoil, self.make(self.couplings),
            anti_amplitude=anti,
        )  # fmt: skip


def of_sign(sign: int, couplings: Couplings) -> Couplings:
    """Give (g_L, g_R) for leptons, (g_R, g_L) for antileptons at the other vertex."""
    return couplings if sign > 0 else (couplings[1], couplings[0])


def nucleon_channels() -> list[Channel]:
    """Scattering on nucleons and capture of charged leptons, for leptons and antileptons."""
    flavours = tuple(FLAVOURS)
    channels = [
        Channel(group, NEUTRINOS + ANTINEUTRINOS, nucleon, nucleon, flavours + flavours,
                (1, 1, 1, -1, -1, -1), scattering, pair, of_sign(-1, pair))
        for group, nucleon, pair in (
            ("neutron-scattering", "n", NEUTRON),
            ("proton-scattering", "p", PROTON),
        )
    ]  # fmt: skip
    for sign, charge, target, recoil in ((1, "-", "p", "n"), (-1, "+", "n", "p")):
        channels += [
            Channel("charged-current", (flavour + charge,), target, recoil, (flavour,), (sign,),
                    scattering, of_sign(sign, CHARGED))
            for flavour in LEPTONS
        ]  # fmt: skip
    return channels


def lepton_channels(flavour: str) -> list[Channel]:
    """Scattering on charged leptons and neutrinos, and their annihilation, by U_flavour alone.

    Charged currents between electrons and muons (nu_e mu- -> N e- by U_mu, mu+ e- -> N nu_mu-bar
    by U_e and their like) are left out.
    """
    own, other = f"nu_{flavour}", f"nu_{flavour}_bar"
    channels = []

    def scatter(group: str, target: str, pair: Couplings, anti_pair: Couplings) -> None:
        channels.append(
            Channel(group, (own, other), target, target, (flavour, flavour), (1, -1),
                    scattering, pair, anti_pair)
        )  # fmt: skip

    def annihilate(group: str, source: str, target: str, pair: Couplings) -> None:
        channels.extend(
            Channel(group, (source,), target, recoil, (flavour,), (sign,),
                    annihilation, of_sign(sign, pair))
            for sign, recoil in ((1, other), (-1, own))
        )  # fmt: skip

    for lepton, group in (("e", "electron-scattering"), ("mu", "muon-scattering")):
        pair = OWN_LEPTON if lepton == flavour else LEPTON
        scatter(group, f"{lepton}-", pair, of_sign(-1, pair))
    annihilate("pair-annihilation", "e+", "e-", OWN_LEPTON if flavour == "e" else LEPTON)
    for partner in NEUTRINOS:
        alike, unlike = NEUTRINO, of_sign(-1, NEUTRINO)
        if partner == own:
            alike, unlike = EQUAL_NEUTRINOS, of_sign(-1, OWN_NEUTRINO)
        scatter("neutrino-scattering", partner, alike, unlike)
        scatter("neutrino-scattering", f"{partner}_bar", unlike, alike)
    for partner in NEUTRINOS:
        if partner != own:
            annihilate("neutrino-scattering", f"{partner}_bar", partner, NEUTRINO)
    return channels


def three_body_width(mass: float, masses: tuple[float, float, float], squared: Squared) -> float:
    """Width [MeV] over U^2 of N -> 1 2 3 for the coefficients `squared`, one lepton number.

    |M|^2 summed over all spins is 128 G^2 [c1 (P.p1)(p2.p3) + c2 (P.p2)(p1.p3) + c3 (P.p3)(p1.p2)
    + cm m1 m2 (P.p3)]; each term leaves one integral over the mass of a pair, G^2 M^5/(192 pi^3)
    times (in units of M, Bondarenko et al., arXiv:1805.08567, the function I)
    12 Int ds/s (s - x_i^2 - x_j^2)(1 + x_k^2 - s) sqrt(lambda(s, x_i^2, x_j^2)
    lambda(1, s, x_k^2)), 1 without masses; in the last term 2 x_1 x_2 stands for the first bracket.
    `masses` [MeV]: of 1, 2, 3, whose sum must lie below `mass`, else the width is 0.
    """
    if sum(masses) >= mass:
        return 0.0
    x = [m / mass for m in masses]
    nodes, weights = unit_rule(200)

    def integral(k: int, interference: bool) -> float:
        i, j = (n for n in range(3) if n != k)
        low, high = (x[i] + x[j]) ** 2, (1 - x[k]) ** 2
        s = low + (high - low) * np.sin(np.pi / 2 * nodes) ** 2  # both roots smooth
        ds = weights * (high - low) * np.pi / 2 * np.sin(np.pi * nodes)
        pair = (s - low) * (s - (x[i] - x[j]) ** 2)
        rest = (high - s) * ((1 + x[k]) ** 2 - s)
        bracket = 2 * x[0] * x[1] if interference else s - x[i] ** 2 - x[j] ** 2
        return float(12 * np.sum(ds / s * bracket * (1 + x[k] ** 2 - s) * np.sqrt(pair * rest)))

    total = sum(c * integral(k, False) for k, c in enumerate(squared[:3]) if c)
    if squared[3]:
        total += squared[3] * integral(2, True)
    return G_FERMI**2 * mass**5 / (192 * math.pi**3) * total


def pion_width(mass: float, lepton: float, pion: float, constant: float) -> float:
    """Width [MeV] over U^2 of N -> lepton pion, one lepton number.

    G^2 F^2 M^3/(16 pi) [(1 - x_l)^2 - x_pi (1 + x_l)] sqrt(lambda(1, x_pi, x_l)), x = m^2/M^2, with
    `constant` F = V_ud f_pi for the charged pion and f_pi/sqrt2 for the neutral one.
    """
    if lepton + pion >= mass:
        return 0.0
    a, b = (lepton / mass) ** 2, (pion / mass) ** 2
    root = math.sqrt((1 - a - b) ** 2 - 4 * a * b)
    bracket = (1 - a) ** 2 - b * (1 + a)
    return G_FERMI**2 * constant**2 * mass**3 / (16 * math.pi) * bracket * root


def decays(flavour: str, mass: float) -> list[tuple[tuple[int, ...], float, Squared | None]]:
    """Daughters, width [MeV] and coefficients of each decay of N by U_flavour^2 = 1, L = +1."""
    own = FLAVOURS[flavour]
    found: list[tuple[tuple[int, ...], float, Squared | None]] = []

    def three(daughters: tuple[int, int, int], squared: Squared, symmetry: float = 1.0) -> None:
        first, second, third = (MASSES.get(abs(pdg), 0.0) for pdg in daughters)
        found.append(
            (daughters, symmetry * three_body_width(mass, (first, second, third), squared), squared)
        )

    for other in FLAVOURS.values():
        couplings = OWN_NEUTRINO if other == own else NEUTRINO
        three((own, other, -other), (0, 0, couplings[0] ** 2, 0), 0.5 if other == own else 1.0)
    for name, lepton in LEPTONS.items():
        left, right = OWN_LEPTON if name == flavour else LEPTON
        three((lepton, -lepton, own), (right**2, left**2, 0, left * right))
    if flavour in LEPTONS:
        lepton = LEPTONS[flavour]
        for name, partner in LEPTONS.items():
            if name != flavour:
                three((lepton, -partner, FLAVOURS[name]), (0, 1, 0, 0))
        found.append(
            ((lepton, 211), pion_width(mass, MASSES[lepton], M_PION_CHARGED, V_UD * F_PION), None)
        )
    found.append(((own, 111), pion_width(mass, 0, M_PION_NEUTRAL, F_PION / math.sqrt(2)), None))
    radiative = 9 * ALPHA * G_FERMI**2 * mass**5 / (512 * math.pi**4)
    found.append(((own, PHOTON), radiative, None))
    return [decay for decay in found if decay[1] > 0]


class HeavyNeutralLepton(DecayingParticle):
    """Heavy neutral lepton N with mixings |U_e|^2, |U_mu|^2, |U_tau|^2."""

    name = "hnl"
    title = "Heavy neutral lepton that mixes with the active neutrinos"
    parameters = (
        Parameter("mass", "MeV", 1.0, 800.0, "mass of N"),
        *(
            Parameter(f"U2_{flavour}", "", 0.0, 1e-2, f"|U|^2 with nu_{flavour}", optional=True)
            for flavour in FLAVOURS
        ),
    )
    switches = (
        Switch("nature", ("majorana", "dirac"), "majorana", "kind of fermion"),
        Switch(
            "processes",
            (
                "neutron-scattering", "proton-scattering", "charged-current",
                "electron-scattering", "muon-scattering", "pair-annihilation",
                "neutrino-scattering",
            ),
            ("neutron-scattering", "proton-scattering", "charged-current"),
            "production processes taken into account",
            many=True,
        ),
        Switch("secondaries", ("no", "yes"), "no", "neutrinos of the muons and pions it leaves"),
    )  # fmt: skip
    references = (
        "Akita, Im, Masud, Yun, arXiv:2312.13627",
        "Bondarenko, Boyarsky, Gorbunov, Ruchayskiy, arXiv:1805.08567",
        "Pal, Wolfenstein, PRD 25 (1982) 766",
    )

    def __init__(self, values: Mapping[str, Value]) -> None:
        super().__init__(values)
        self.mixings = {
            flavour: float(self.values.get(f"U2_{flavour}", 0.0))  # type: ignore[arg-type]
            for flavour in FLAVOURS
        }
        if not any(self.mixings.values()):
            raise InputError(
                "generator.U2_e, U2_mu, U2_tau: none is positive; at least one of them must be"
            )
        self.dirac = self.values["nature"] == "dirac"
        self._channels = {channel.name: channel for channel in self._chosen()}
        if not self._channels:
            raise InputError(
                "generator.processes: found only processes that need another mixing; "
                "tau mixing has no charged current here"
            )

    @property
    def mass(self) -> float:
        """Mass of N [MeV]."""
        return float(self.values["mass"])  # type: ignore[arg-type]

    @property
    def screening(self) -> Screening:
        """No photon is exchanged."""
        return "none"

    @property
    def secondaries(self) -> bool:
        """Whether the muons and pions of the decays go on to decay."""
        return self.values["secondaries"] == "yes"

    def _chosen(self) -> list[Channel]:
        """Channels of the chosen processes to which any of the mixings contributes."""
        mixed = [flavour for flavour, value in self.mixings.items() if value > 0]
        known = nucleon_channels()
        known += [channel for flavour in mixed for channel in lepton_channels(flavour)]
        return [
            channel
            for group in self.values["processes"]  # type: ignore[union-attr]
            for channel in known
            if channel.group == group and set(channel.mixed) & set(mixed)
        ]

    def processes(self) -> tuple[Process, ...]:
        """Processes chosen in the card."""
        return tuple(channel.process() for channel in self._channels.values())

    def coupling_squared(self, component: str, process: str, source: str) -> float:
        """|U|^2 of the flavour; a Dirac N comes from leptons, Nbar from antileptons."""
        channel = self._channels[process]
        which = channel.sources.index(source)
        if self.dirac and (component == "Nbar") != (channel.signs[which] < 0):
            return 0.0
        return self.mixings[channel.mixed[which]]

    def modes(self) -> tuple[DecayMode, ...]:
        """All decays; a Majorana N has those of both lepton numbers, a Dirac N those of its own.

        Decays are isotropic, as in Akita et al.: exact for the sum over lepton numbers of a
        Majorana N made as often from leptons as from antileptons.
        """
        modes = []
        for flavour, mixing in self.mixings.items():
            if mixing == 0.0:
                continue
            for daughters, width, squared in decays(flavour, self.mass):
                for sign in (1, -1):
                    final = tuple(pdg if pdg in (111, PHOTON) else sign * pdg for pdg in daughters)
                    modes.append(
                        DecayMode(
                            " ".join(NAMES[pdg] for pdg in final),
                            "Nbar" if self.dirac and sign < 0 else "N",
                            final,
                            mixing * width,
                            amplitude=squared,
                        )
                    )
        return tuple(modes)
