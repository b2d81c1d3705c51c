"""Majorons: a scalar phi coupled to Majorana neutrinos.

L = (1/2) g_ab nubar_b nu_a phi, summed over a and b (Akita et al., arXiv:2312.13627, eq. 52), so an
off-diagonal coupling g_ab = g_ba appears twice. phi is born in nu_a nu_b -> phi and
nubar_a nubar_b -> phi, with the matter potentials of the core, and decays the same way.
"""

import itertools
import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from snmc.core import CoreState
from snmc.decays import DecayMode
from snmc.ground.compiled import compiled_formula
from snmc.ground.errors import InputError
from snmc.production.emission import Coalescence, Process
from snmc.roles.decaying_particle import DecayingParticle
from snmc.roles.generator import Parameter, Value
from snmc.thermal import BOSE, Screening, species

Array = npt.NDArray[np.float64]

FLAVOURS = {"e": 12, "mu": 14, "tau": 16}
PAIRS = tuple(itertools.combinations_with_replacement(FLAVOURS, 2))


@compiled_formula(4)
def coalescence(M: float, m2: float, E1: float, E: float) -> float:
    """|M|^2/g^2 of nu_a nu_b -> phi [MeV^2]: M^2, with neutrinos of one helicity each.

    Two left-handed fields, 2 p1.p2; in matter M^2 = m^2 - 2 E (V_a + V_b), which is 2 p1.p2 of the
    momenta there (Akita et al., eqs. 54-55, where the factor printed 2 E_nu in eq. 54 is 2 E_phi).
    Arguments: `snmc.production.coalescence.AMPLITUDE_ARGUMENTS`.
    """
    return M * M


class Majoron(DecayingParticle):
    """Scalar phi with couplings g_ab to neutrinos."""

    name = "majoron"
    title = "Majoron, phi -> nu nu and antinu antinu"
    parameters = (
        Parameter("mass", "MeV", 1e-6, 1e3, "mass of phi"),
        *(
            Parameter(f"g_{a}{b}", "", 0.0, 1.0, f"coupling to nu_{a} nu_{b}", optional=True)
            for a, b in PAIRS
        ),
    )
    references = (
        "Akita, Im, Masud, Yun, arXiv:2312.13627",
        "Heurtier, Zhang, arXiv:1609.05882",
    )
    spin_states: ClassVar[int] = 1
    statistics: ClassVar[float] = BOSE

    def __init__(self, values: Mapping[str, Value]) -> None:
        super().__init__(values)
        given = {(a, b): float(self.values.get(f"g_{a}{b}", 0.0)) for a, b in PAIRS}  # type: ignore[arg-type]
        self.couplings = {pair: g for pair, g in given.items() if g > 0}
        if not self.couplings:
            raise InputError(
                f"generator.{', '.join(f'g_{a}{b}' for a, b in PAIRS)}: none is positive; at least "
                "one of them must be"
            )

    @property
    def mass(self) -> float:
        """Mass of phi [MeV]."""
        return float(self.values["mass"])  # type: ignore[arg-type]

    @property
    def screening(self) -> Screening:
        """No photon takes part."""
        return "none"

    def processes(self) -> tuple[Process, ...]:
        """Both helicities of each pair of flavours that is coupled."""
        return tuple(
            Coalescence(_pair(a, b, bar), (f"nu_{a}{bar}",), f"nu_{b}{bar}", coalescence)
            for a, b in self.couplings
            for bar in ("", "_bar")
        )

    def coupling_squared(self, component: str, process: str, source: str) -> float:
        """S g^2 with S = 1/2 for identical neutrinos."""
        return next(
            _identical(a, b) * g**2
            for (a, b), g in self.couplings.items()
            if process in (_pair(a, b), _pair(a, b, "_bar"))
        )

    def modes(self) -> tuple[DecayMode, ...]:
        """Phi -> nu_a nu_b and its mirror, S g^2 m/(16 pi) each (Akita et al., eq. 53)."""
        return tuple(
            DecayMode(
                _pair(a, b, bar),
                "phi",
                (sign * FLAVOURS[a], sign * FLAVOURS[b]),
                _identical(a, b) * g**2 * self.mass / (16 * math.pi),
            )
            for (a, b), g in self.couplings.items()
            for bar, sign in (("", 1), ("_bar", -1))
        )

    def rescattering_strength(self) -> Array:
        """g^4 of nu_a phi -> any neutrino, for a = e, mu, tau: the diagonal of (g g)^2."""
        g = np.zeros((3, 3))
        for (a, b), value in self.couplings.items():
            i, j = list(FLAVOURS).index(a), list(FLAVOURS).index(b)
            g[i, j] = g[j, i] = value
        return np.asarray(np.sum((g @ g) ** 2, axis=1))

    def rescattering(self, state: CoreState, energies: Array) -> Array:
        """Opacity [MeV] of nu phi -> nu phi, in the shape of `energies` [MeV], (states, n).

        |M|^2 = -g^4 (s - u)^2/(s u) of massless particles gives
        sigma = g^4/(16 pi s) [ln(s/mu^2) + 5/2], with the pole at u = 0 cut at
        mu^2 = max(m^2, 2 E |V|); so Gamma = Sum_nu g^4 L/(64 pi^3 E) Int f p dp. The logarithm is
        taken at the mean s of p = 3T, and the blocking of the neutrino left out: good to some 30 %.
        """
        temperature = state.temperature[:, None]
        opacity = np.zeros_like(energies)
        for flavour, g4 in zip(FLAVOURS, self.rescattering_strength(), strict=True):
            neutrino = species(f"nu_{flavour}", state, "none")
            potential = np.abs(neutrino.potential)[:, None]
            cut = np.maximum(self.mass**2, 2 * energies * potential)
            logarithm = np.log(np.maximum(6 * energies * temperature / cut, 1.0)) + 2.5
            # Int f p dp of neutrino and antineutrino together
            number = neutrino.mu[:, None] ** 2 / 2 + np.pi**2 * temperature**2 / 6
            opacity += g4 * logarithm * number / (64 * np.pi**3 * energies)
        return opacity


def _pair(a: str, b: str, bar: str = "") -> str:
    return f"nu_{a}{bar} nu_{b}{bar}"


def _identical(a: str, b: str) -> float:
    return 0.5 if a == b else 1.0
