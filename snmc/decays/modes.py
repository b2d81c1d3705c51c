"""Decay modes, the masses of their daughters, and which of them end in something seen."""

from collections.abc import Mapping
from dataclasses import dataclass

from snmc.ground.errors import PhysicsError
from snmc.ground.units import M_ELECTRON, M_MUON, M_PION_CHARGED, M_PION_NEUTRAL

PHOTON = 22
NEUTRINOS = (12, 14, 16, -12, -14, -16)
MASSES: Mapping[int, float] = {
    PHOTON: 0.0,
    **dict.fromkeys(NEUTRINOS, 0.0),
    **dict.fromkeys((11, -11), M_ELECTRON),
    **dict.fromkeys((13, -13), M_MUON),
    111: M_PION_NEUTRAL,
    **dict.fromkeys((211, -211), M_PION_CHARGED),
}
"""Mass [MeV] of every daughter known, by PDG number."""

# mu- -> anti-nu_e e- nu_mu: |M|^2 ~ (P.nu_e_bar)(e.nu_mu); the first flies along the spin.
MUON_MASSES = (0.0, M_ELECTRON, 0.0)
MUON_AMPLITUDE = (1.0, 0.0, 0.0, 0.0)

_CLOSE = 1e-9  # to threshold, relative: there energies of 16 digits tell no momenta


@dataclass(frozen=True)
class DecayMode:
    """A decay to two or three daughters.

    `component`: the kind of parent that decays so; `daughters`: two or three PDG numbers out of
    `MASSES`; `width` [MeV].
    `asymmetry`, for two massless daughters: a in dGamma/dcos(theta*) ~ 1 + a P cos(theta*) of the
    first, with P the parent's polarisation along its flight.
    `amplitude`, for three: (c1, c2, c3, cm) in |M|^2 ~ c1 (P.p1)(p2.p3) + c2 (P.p2)(p1.p3) +
    c3 (P.p3)(p1.p2) + cm m1 m2 (P.p3), averaged over the parent's spin, normalised by `width`.
    """

    name: str
    component: str
    daughters: tuple[int, ...]
    width: float
    asymmetry: float = 0.0
    amplitude: tuple[float, float, float, float] | None = None

    @property
    def masses(self) -> tuple[float, ...]:
        """Masses [MeV] of the daughters."""
        return tuple(MASSES[pdg] for pdg in self.daughters)

    def check(self, mass: float) -> None:
        """Raise PhysicsError for a mode that a parent of `mass` [MeV] cannot have."""
        unknown = [pdg for pdg in self.daughters if pdg not in MASSES]
        if unknown or len(self.daughters) not in (2, 3):
            raise PhysicsError(
                f"{self.name}: found the daughters {self.daughters}; needs two or three of "
                + ", ".join(str(pdg) for pdg in MASSES)
            )
        if self.width > 0 and sum(self.masses) >= mass * (1 - _CLOSE):
            raise PhysicsError(f"{self.name}: closed at {mass:g} MeV, yet it has a width")
        if (len(self.daughters) == 3) != (self.amplitude is not None):
            raise PhysicsError(f"{self.name}: three daughters, and they alone, need an amplitude")
        if self.asymmetry and (len(self.daughters) == 3 or any(self.masses)):
            raise PhysicsError(f"{self.name}: only two massless daughters can be asymmetric")


def branching(modes: tuple[DecayMode, ...]) -> Mapping[str, float]:
    """Branching ratio of each mode of its parent, by name."""
    total = {
        c: sum(m.width for m in modes if m.component == c) for c in {m.component for m in modes}
    }
    return {m.name: m.width / total[m.component] for m in modes}


def seen_daughters(daughters: tuple[int, ...], secondaries: bool) -> tuple[int, ...]:
    """PDG numbers of all photons and neutrinos in which `daughters` end.

    pi0 -> gamma gamma always; with `secondaries` pi -> mu nu and mu -> e nu nu too.
    """
    found: list[int] = []
    for pdg in daughters:
        sign = 1 if pdg > 0 else -1
        if pdg == PHOTON or pdg in NEUTRINOS:
            found.append(pdg)
        elif pdg == 111:
            found += [PHOTON, PHOTON]
        elif secondaries and abs(pdg) == 13:
            found += [14 * sign, -12 * sign]
        elif secondaries and abs(pdg) == 211:
            found += [14 * sign, *seen_daughters((-13 * sign,), True)]
    return tuple(found)
