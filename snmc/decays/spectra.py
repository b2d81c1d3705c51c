"""Single-particle spectra of decays in the parent's rest frame, by quadrature.

Independent of the event sampler. Three bodies by the chain P -> k + (ij): with s = m_ij^2,
dPhi3 = (ds/2pi) dPhi2(M; k, s) dPhi2(s; i, j), dPhi2 = sqrt(lambda)/(8 pi s) dcos/2, where all
products of momenta are linear in the cosine of i in the frame of (ij).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from snmc.decays.modes import (
    MASSES,
    MUON_AMPLITUDE,
    MUON_MASSES,
    NEUTRINOS,
    PHOTON,
    DecayMode,
)
from snmc.ground.compiled import compiled
from snmc.ground.quadrature import unit_rule
from snmc.ground.units import M_MUON, M_PION_CHARGED, M_PION_NEUTRAL

Array = npt.NDArray[np.float64]
Amplitude = tuple[float, float, float, float]
Masses = tuple[float, ...]  # of the three daughters

CELLS = 1000  # of a tabulated continuum
_MUON_LINES, _PION_LINES, _ENERGIES = 256, 256, 64  # nodes that stand for a continuum to be boosted


@dataclass(frozen=True)
class Line:
    """`number` particles a decay of one `energy` [MeV], of angle ~ 1 + asymmetry P cos(theta*)."""

    energy: float
    number: float
    asymmetry: float = 0.0


@dataclass(frozen=True)
class Spectrum:
    """Lines, and an isotropic continuum: particles a decay below each of `energies` [MeV] (n,)."""

    lines: tuple[Line, ...]
    energies: Array
    below: Array

    @property
    def number(self) -> float:
        """Particles a decay."""
        return sum(line.number for line in self.lines) + float(self.below[-1])

    @property
    def mean_energy(self) -> float:
        """Energy [MeV] a decay that these particles carry."""
        middles = (self.energies[1:] + self.energies[:-1]) / 2
        continuum = float(middles @ np.diff(self.below))
        return sum(line.number * line.energy for line in self.lines) + continuum


def _root_lambda(a: Array | float, b: Array | float, c: Array | float) -> Array:
    """sqrt(lambda(a^2, b^2, c^2)) of three masses, by factors that do not cancel."""
    product = (a - b - c) * (a + b + c) * (a - b + c) * (a + b - c)
    return np.asarray(np.sqrt(np.maximum(product, 0.0)))


def _chain(
    E: Array, M: float, masses: Masses, amplitude: Amplitude, which: int, order: int = 16
) -> tuple[Array, Array]:
    """d/dE of the integral of |M|^2 over phase space, and with cos(theta) to daughter 1 inside.

    `E` [MeV]: energies of daughter `which` (0, 1, 2). Results [MeV^5], of the shape of `E`.
    """
    i, j = [d for d in range(3) if d != which]
    mk, mi, mj = masses[which], masses[i], masses[j]
    E = np.asarray(E, dtype=np.float64)[..., None]
    s = np.maximum(M * M + mk * mk - 2 * M * E, max((mi + mj) ** 2, 1e-30 * M * M))
    pair = np.sqrt(s)
    nodes, weights = unit_rule(order)
    cosine = 2 * nodes - 1
    # in the frame of the pair: momentum of i, and the boost from it to the parent's rest frame
    q = _root_lambda(pair, mi, mj) / (2 * pair)
    Ei_pair = np.sqrt(q * q + mi * mi)
    p = np.sqrt(np.maximum((E - mk) * (E + mk), 0.0))
    gamma, boosted = (M - E) / pair, p / pair
    Ei = gamma * Ei_pair + boosted * q * cosine  # the pair flies opposite to k
    energies = {which: E + 0 * Ei, i: Ei, j: M - E - Ei}
    along = gamma * q * cosine + boosted * Ei_pair  # of i, against k
    c1, c2, c3, cm = amplitude
    square = cm * masses[0] * masses[1] * M * energies[2]
    for d, c in enumerate((c1, c2, c3)):
        a, b = [masses[e] for e in range(3) if e != d]
        square = square + c * M * energies[d] * (
            (M * M + masses[d] ** 2 - a * a - b * b) / 2 - M * energies[d]
        )
    if which == 0:
        angle = np.ones_like(Ei)
    else:  # daughter 1 is i; its cosine to k
        p1 = np.sqrt(np.maximum(Ei * Ei - mi * mi, 0.0))
        angle = np.clip(-along / np.maximum(p1, 1e-300), -1, 1)
    # ds = 2 M dE; the two factors of phase space
    space = (2 * M / (2 * np.pi)) * (2 * p / M / (8 * np.pi)) * (2 * q / pair / (8 * np.pi))
    return (space * square) @ weights, (space * square * angle) @ weights


def _highest(M: float, masses: Masses, which: int) -> float:
    others = sum(masses) - masses[which]
    return (M * M + (masses[which] - others) * (masses[which] + others)) / (2 * M)


def _energy_nodes(
    M: float, masses: Masses, amplitude: Amplitude, which: int, order: int
) -> tuple[Array, Array, Array]:
    """Energies of daughter `which`, weights of sum 1, mean cosines to daughter 1.

    With E = low + (high - low)(1 - cos(pi u))/2 the square roots at both ends are smooth.
    """
    nodes, weights = unit_rule(order)
    low, high = masses[which], _highest(M, masses, which)
    E = low + (high - low) * np.sin(np.pi * nodes / 2) ** 2
    density, turned = _chain(E, M, masses, amplitude, which)
    share = density * weights * np.pi / 2 * np.sin(np.pi * nodes) * (high - low)
    return E, share / share.sum(), turned / np.maximum(density, 1e-300)


def three_body_integral(M: float, masses: Masses, amplitude: Amplitude) -> float:
    """Integral of |M|^2 over three-body phase space [MeV^2 times the unit of |M|^2 in MeV^4].

    |M|^2 as `DecayMode.amplitude` writes it, with these coefficients; dPhi3 = (2 pi)^4 delta^4
    times d^3p/((2 pi)^3 2E) of each. The width is this over 2 M, where |M|^2 is averaged over the
    parent's spin. `M`, `masses` [MeV]; zero where the decay is closed. Good to 1e-9.
    """
    if sum(masses) >= M:
        return 0.0
    nodes, weights = unit_rule(64)
    low, high = masses[0], _highest(M, masses, 0)
    E = low + (high - low) * np.sin(np.pi * nodes / 2) ** 2
    density, _ = _chain(E, M, masses, amplitude, 0)
    return float(density @ (weights * np.pi / 2 * np.sin(np.pi * nodes)) * (high - low))


def three_body_spectrum(
    E: Array, M: float, masses: Masses, amplitude: Amplitude, which: int
) -> Array:
    """dN/dE [1/MeV] of daughter `which` (0, 1, 2) at energies `E` [MeV], normalised to one."""
    inside = (masses[which] <= E) & (_highest(M, masses, which) >= E)
    density = np.where(inside, _chain(E, M, masses, amplitude, which)[0], 0.0)
    return np.asarray(density / three_body_integral(M, masses, amplitude))


def _cumulative(edges: Array, M: float, masses: Masses, amplitude: Amplitude, which: int) -> Array:
    """Part of the massless daughters `which` below each of `edges` [MeV]."""
    nodes, weights = unit_rule(3)
    own = np.linspace(0, _highest(M, masses, which), CELLS + 1)
    density, _ = _chain(own[:-1, None] + own[1] * nodes, M, masses, amplitude, which)
    below = np.concatenate([[0.0], np.cumsum(density @ weights)])
    return np.asarray(np.interp(edges, own, below / below[-1]))


@compiled
def _boosted(
    edges: Array, mass: float, energies: Array, shares: Array, lines: Array, numbers: Array,
    tilts: Array,
) -> Array:  # fmt: skip
    """Particles below each of `edges` from lines of a particle of `mass` at `energies` [MeV].

    c = cos(theta*) = (m E'/w - E)/p is spread as (1 + a c)/2 about the flight.
    """
    below = np.zeros(len(edges))
    for j in range(len(energies)):
        p = np.sqrt(max(0.0, (energies[j] - mass) * (energies[j] + mass)))
        for i in range(len(lines)):
            for k in range(len(edges)):
                above = mass * edges[k] / lines[i] - energies[j]
                if above >= p:
                    below[k] += shares[j] * numbers[i]
                elif above > -p:
                    c = above / p
                    part = (1 + c) / 2 + tilts[i] * (c * c - 1) / 4
                    below[k] += shares[j] * numbers[i] * part
    return below


Lines = tuple[Array, Array, Array]
"""Energies [MeV] in a particle's rest frame, numbers a decay, asymmetries along its flight."""


@cache
def _muon_lines(which: int, polarised: bool) -> Lines:
    """nu_e (0) or nu_mu (2) of a muon at rest; polarised as a pion makes it: nu_e go forward."""
    E, share, cosine = _energy_nodes(M_MUON, MUON_MASSES, MUON_AMPLITUDE, which, _MUON_LINES)
    # the first goes as 1 + cos, so that a daughter at an angle to it goes as 1 + <cos> cos
    return E, share, cosine if polarised else np.zeros_like(E)


@cache
def _pion_lines(which: int) -> Lines:
    """Neutrinos of the muon (as `_muon_lines`) in the rest frame of the pion."""
    energy = M_PION_CHARGED - _pion_neutrino()
    edges = np.linspace(0, M_PION_CHARGED / 2, _PION_LINES + 1)
    below = _boosted(
        edges, M_MUON, np.array([energy]), np.ones(1), *_muon_lines(which, polarised=True)
    )
    return (edges[1:] + edges[:-1]) / 2, np.diff(below), np.zeros(_PION_LINES)


def _pion_neutrino() -> float:
    return (M_PION_CHARGED - M_MUON) * (M_PION_CHARGED + M_MUON) / (2 * M_PION_CHARGED)


def _secondary_lines(pdg: int, secondaries: bool) -> Mapping[int, Lines]:
    """What a daughter `pdg` becomes in its own rest frame, by PDG number of the product."""
    one, none = np.ones(1), np.zeros(1)
    sign = 1 if pdg > 0 else -1
    if pdg == 111:
        return {PHOTON: (one * M_PION_NEUTRAL / 2, 2 * one, none)}
    if secondaries and abs(pdg) == 13:
        return {-12 * sign: _muon_lines(0, False), 14 * sign: _muon_lines(2, False)}
    if secondaries and abs(pdg) == 211:
        return {
            12 * sign: _pion_lines(0),
            -14 * sign: _pion_lines(2),
            14 * sign: (one * _pion_neutrino(), one, none),
        }
    return {}


def mode_spectra(mode: DecayMode, mass: float, secondaries: bool) -> Mapping[int, Spectrum]:
    """Spectra of one decay by PDG number, at rest: all photons and neutrinos it ends in.

    `mass` [MeV] of the parent; `secondaries` as in `DecaySampler`. Normalised to particles a decay;
    continua on 1000 cells up to half the mass, good to 1e-5 at their edges, but for neutrinos of
    muons that hardly move: 256 lines in the muon's frame stand for them.
    """
    edges = np.linspace(0, mass / 2, CELLS + 1)
    lines: dict[int, list[Line]] = {}
    below: dict[int, Array] = {}
    for d, (pdg, own) in enumerate(zip(mode.daughters, mode.masses, strict=True)):
        massless = pdg == PHOTON or pdg in NEUTRINOS
        if len(mode.daughters) == 2:
            other = mode.masses[1 - d]
            energies = np.array([(mass**2 + (own - other) * (own + other)) / (2 * mass)])
            shares = np.ones(1)
            if massless:
                sign = 1 if d == 0 else -1
                lines.setdefault(pdg, []).append(
                    Line(float(energies[0]), 1.0, sign * mode.asymmetry)
                )
        else:
            amplitude = mode.amplitude or (0.0, 0.0, 0.0, 0.0)
            if massless:
                added = _cumulative(edges, mass, mode.masses, amplitude, d)
                below[pdg] = below.get(pdg, 0.0) + added
                continue
            energies, shares, _ = _energy_nodes(mass, mode.masses, amplitude, d, _ENERGIES)
        for product, rest in _secondary_lines(pdg, secondaries).items():
            added = _boosted(edges, MASSES[pdg], energies, shares, *rest)
            below[product] = below.get(product, 0.0) + added
    nothing = np.zeros(CELLS + 1)
    return {
        pdg: Spectrum(tuple(lines.get(pdg, ())), edges, below.get(pdg, nothing))
        for pdg in {*lines, *below}
    }


def component_spectrum(
    modes: tuple[DecayMode, ...], component: str, mass: float, photons: bool, secondaries: bool
) -> Spectrum:
    """All photons, or all neutrinos, of a kind of parent at rest, its modes by branching ratio.

    Lines of one energy are added up.
    """
    own = [mode for mode in modes if mode.component == component and mode.width > 0]
    width = sum(mode.width for mode in own)
    lines: dict[float, tuple[float, float]] = {}
    below = np.zeros(CELLS + 1)
    for mode in own:
        for pdg, spectrum in mode_spectra(mode, mass, secondaries).items():
            if (pdg == PHOTON) != photons:
                continue
            share = mode.width / width
            below += share * spectrum.below
            for line in spectrum.lines:
                number, tilt = lines.get(line.energy, (0.0, 0.0))
                added = share * line.number
                lines[line.energy] = (number + added, tilt + added * line.asymmetry)
    return Spectrum(
        tuple(Line(energy, number, tilt / number) for energy, (number, tilt) in lines.items()),
        np.linspace(0, mass / 2, CELLS + 1),
        below,
    )
