"""Sterile neutrinos of the magnetic-moment (dipole) portal.

L = sum_a d_a Nbar sigma_{mu nu} nu_a F^{mu nu} + h.c. (Brdar et al., arXiv:2302.10965, eq. 1). In
the convention with mu/2 in the Lagrangian d = mu/2. N is born in nu e- -> N e-, nu p -> N p and
gamma nu -> N, and decays to nu gamma.
"""

import math
import warnings
from collections.abc import Mapping
from typing import Any

from snmc.decays import PHOTON, DecayMode
from snmc.ground.compiled import compiled, compiled_formula
from snmc.ground.errors import InputError, PhysicsWarning
from snmc.ground.units import ALPHA
from snmc.production.emission import Coalescence, Process, Scattering
from snmc.roles.decaying_particle import DecayingParticle
from snmc.roles.generator import Parameter, Switch, Value
from snmc.thermal import Screening

FLAVOURS = {"e": 12, "mu": 14, "tau": 16}
ACTIVE = tuple(f"nu_{flavour}{bar}" for flavour in FLAVOURS for bar in ("", "_bar"))


@compiled
def _contraction(
    P_p1: float, P_p2: float, P_q: float, a: float, t: float, M2: float, m2: float
) -> float:
    """Lepton times hadron tensor over 32 t^0, linear in the four-vector P that stands for p_N.

    (P.p3)(R.p2) + (P.p2)(R.p3) - m^2 P.R with R = 2 (q.p1) q - t p1, from the trace of
    P sigma^{mu a} q_a p1 sigma^{nu b} q_b with the tensor of a point fermion of mass m;
    a = s - m^2, `m2` = m^2, `M2` = M^2.
    """
    return 0.5 * t * (P_p2 * (M2 - t - 2 * a) - P_q * (M2 - t - a)) - m2 * (
        (M2 - t) * P_q - t * P_p1
    )


@compiled_formula(12)
def scattering(
    s: float, t: float, m1: float, m2: float, m3: float, M: float, k2: float,
    E1: float, E2: float, E: float, along: float, shift: float,
) -> float:  # fmt: skip
    """S|M|^2/d^2 of nu X -> N X by photon exchange, X a point fermion of unit charge [MeV^2].

    256 pi alpha/(t - k^2)^2 times the contraction with P = p_N, summed over all spins. With mu = 2d
    and no screening it is the dsigma/dt behind the cross section of Herrera et al.
    (arXiv:2402.00719). Arguments: `snmc.production.scattering.AMPLITUDE_ARGUMENTS`.
    """
    M2 = M * M
    a = s - m2 * m2
    contraction = _contraction(0.5 * (M2 - t), 0.5 * (a + t), 0.5 * (M2 + t), a, t, M2, m2 * m2)
    return 256 * math.pi * ALPHA / (t - k2) ** 2 * contraction


@compiled_formula(12)
def scattering_flipped(
    s: float, t: float, m1: float, m2: float, m3: float, M: float, k2: float,
    E1: float, E2: float, E: float, along: float, shift: float,
) -> float:  # fmt: skip
    """Compute the part of `scattering` into negative helicity (positive for antineutrinos).

    N is right-handed in the interaction: for helicity h the trace takes (p_N + M s)/2 for p_N,
    which for h = -1 is (E - p)/2 times the light-like vector (1, -p_N/p).
    """
    M2 = M * M
    p = math.sqrt((E - M) * (E + M))
    half = 0.5 * M2 / (E + p)
    p1_along = (E1 * E - 0.5 * (M2 - t)) / p
    contraction = _contraction(
        half * (E1 + p1_along),
        half * (E2 + along),
        half * (E - E1 + p - p1_along),
        s - m2 * m2, t, M2, m2 * m2,
    )  # fmt: skip
    return 256 * math.pi * ALPHA / (t - k2) ** 2 * contraction


@compiled
def _transverse(nu_P: float, k_P: float, eps: float, M2: float, K2: float) -> float:
    """Sum over the two transverse photons of S|M|^2/d^2 in gamma nu -> N, linear in P for p_N.

    8 [4 (k.p_nu)(k.P) - K^2 (2 Sum (eps.p_nu)(eps.P) + 2 p_nu.P)] for a photon of mass^2 K^2,
    from the trace of P k eps p_nu eps k; `eps`: the sum over polarisations.
    """
    return 8 * (2 * (M2 - K2) * k_P - 2 * K2 * (eps + nu_P))


@compiled
def _across(M: float, m2: float, E1: float, E: float) -> float:
    """Squared momentum of the neutrino across the photon's [MeV^2]: Sum (eps.p_nu)^2."""
    k2 = (E - E1) * (E - E1) - m2 * m2
    if k2 <= 0.0:
        return 0.0
    along_k = ((E - E1) * E1 - 0.5 * (M * M - m2 * m2)) / math.sqrt(k2)
    return max(0.0, E1 * E1 - along_k * along_k)


@compiled_formula(4)
def inverse_decay(M: float, m2: float, E1: float, E: float) -> float:
    """S|M|^2/d^2 of gamma nu -> N with the transverse photons of a plasma [MeV^2].

    8 M^4 for massless photons, as 16 pi g M Gamma of detailed balance. `m2`: the plasmon mass.
    Arguments: `snmc.production.coalescence.AMPLITUDE_ARGUMENTS`.
    """
    M2, K2 = M * M, m2 * m2
    return _transverse(0.5 * (M2 - K2), 0.5 * (M2 + K2), _across(M, m2, E1, E), M2, K2)


@compiled_formula(4)
def inverse_decay_flipped(M: float, m2: float, E1: float, E: float) -> float:
    """Compute the part of `inverse_decay` into negative helicity, as in `scattering_flipped`."""
    M2, K2 = M * M, m2 * m2
    p = math.sqrt((E - M) * (E + M))
    half = 0.5 * M2 / (E + p)
    nu_along = (E1 * E - 0.5 * (M2 - K2)) / p
    return _transverse(
        half * (E1 + nu_along),
        half * (E - E1 + p - nu_along),
        -half * _across(M, m2, E1, E) / p,
        M2, K2,
    )  # fmt: skip


class Dipole(DecayingParticle):
    """Sterile neutrino N with transition magnetic moments d_e, d_mu, d_tau."""

    name = "dipole"
    title = "Sterile neutrino of the magnetic-moment (dipole) portal, N -> nu gamma"
    parameters = (
        Parameter("mass", "MeV", 1e-6, 1e3, "mass of N"),
        Parameter("d", "1/MeV", 1e-25, 1e-3, "the same moment for all flavours", optional=True),
        *(
            Parameter(
                f"d_{flavour}", "1/MeV", 0.0, 1e-3, f"moment with nu_{flavour}", optional=True
            )
            for flavour in FLAVOURS
        ),
    )
    switches = (
        Switch("nature", ("majorana", "dirac"), "majorana", "kind of fermion"),
        Switch(
            "processes",
            ("electron-scattering", "proton-scattering", "inverse-decay", "muon-scattering"),
            ("electron-scattering", "proton-scattering", "inverse-decay"),
            "production processes taken into account",
            many=True,
        ),
        Switch(
            "screening",
            ("all", "electron", "electron+proton", "none"),
            "all",
            "charges that screen photon exchange and give photons their mass; none: massless",
        ),
    )
    paper_law = "brdar-6"
    references = (
        "Brdar, de Gouvea, Li, Machado, arXiv:2302.10965",
        "Magill, Plestid, Pospelov, Tsai, arXiv:1803.03262",
    )

    def __init__(self, values: Mapping[str, Value]) -> None:
        super().__init__(values)
        given = [f"d_{flavour}" for flavour in FLAVOURS if f"d_{flavour}" in values]
        if ("d" in values) == bool(given):
            found = "both d and " + ", ".join(given) if given else "neither"
            raise InputError(
                f"generator.d: found {found}; needs either d (all flavours) or some of "
                "d_e, d_mu, d_tau"
            )
        self.moments = {
            flavour: float(self.values.get("d", self.values.get(f"d_{flavour}", 0.0)))  # type: ignore[arg-type]
            for flavour in FLAVOURS
        }
        if not any(self.moments.values()):
            raise InputError("generator.d_e, d_mu, d_tau: all 0; at least one must be positive")
        self.dirac = self.values["nature"] == "dirac"
        if self.screening == "none" and self.mass < 1e-3:
            warnings.warn(
                "generator.screening: without screening the rate grows as log(1/mass); below "
                "1 keV it is good to a few per cent and means little",
                PhysicsWarning,
                stacklevel=2,
            )

    @property
    def mass(self) -> float:
        """Mass of N [MeV]."""
        return float(self.values["mass"])  # type: ignore[arg-type]

    @property
    def screening(self) -> Screening:
        """What screens photon exchange and gives photons their mass."""
        return self.values["screening"]  # type: ignore[return-value]

    def processes(self) -> tuple[Process, ...]:
        """Processes chosen in the card."""
        return self._chosen(scattering, inverse_decay)

    def helicity_flipped(self) -> tuple[Process, ...]:
        """Amplitudes into the rarer helicity."""
        return self._chosen(scattering_flipped, inverse_decay_flipped)

    def _chosen(self, scatter: Any, coalesce: Any) -> tuple[Process, ...]:
        known: dict[str, Process] = {
            f"{name}-scattering": Scattering(
                f"{name}-scattering", ACTIVE, target, target, scatter, pole=True
            )
            for name, target in (("electron", "e-"), ("proton", "p"), ("muon", "mu-"))
        }
        known["inverse-decay"] = Coalescence("inverse-decay", ACTIVE, "gamma", coalesce)
        return tuple(known[name] for name in self.values["processes"])  # type: ignore[union-attr]

    def coupling_squared(self, component: str, process: str, source: str) -> float:
        """d^2 [1/MeV^2]; a Dirac N comes from neutrinos, Nbar from antineutrinos."""
        if self.dirac and (component == "Nbar") != source.endswith("_bar"):
            return 0.0
        return self.moments[source.removesuffix("_bar").removeprefix("nu_")] ** 2

    def modes(self) -> tuple[DecayMode, ...]:
        """N -> nu gamma of each flavour, with Gamma = d^2 M^3/(4 pi) for one sign.

        Majorana: nu gamma and antinu gamma, 6 d^2 M^3/(4 pi) in all for equal moments (Brdar et
        al.). The neutrino goes along the spin of N, dGamma/dcos(theta*_nu) ~ 1 + P cos(theta*_nu),
        the antineutrino against it. Neutrinos make N of mostly positive helicity, antineutrinos of
        negative: the (anti)neutrino of a Dirac N flies forward. The photons of a Majorana N are
        isotropic; its antineutrinos fly backward where the core holds more neutrinos.
        """
        modes = []
        for flavour, pdg in FLAVOURS.items():
            width = self.moments[flavour] ** 2 * self.mass**3 / (4 * math.pi)
            if width == 0.0:
                continue
            for sign, bar in ((1, ""), (-1, "_bar")):
                component = f"N{bar.removeprefix('_')}" if self.dirac else "N"
                modes.append(
                    DecayMode(
                        f"nu_{flavour}{bar} gamma",
                        component,
                        (sign * pdg, PHOTON),
                        width,
                        asymmetry=float(sign),
                    )
                )
        return tuple(modes)
