"""The gauge boson Z' of B - L.

L = g Z'_a (1/3 qbar gamma^a q - lbar gamma^a l) + eps Z'_a J^a_EM (Akita et al., arXiv:2312.13627,
eqs. 45 and 51), right-handed neutrinos heavy. Z' is born in pi- p -> n Z' and from pairs of
leptons, and decays to neutrinos, electrons and muons. In the core the plasma mixes Z' with the
photon.
"""

import math

from snmc.decays import DecayMode
from snmc.ground.compiled import compiled, compiled_formula
from snmc.ground.units import F_PION
from snmc.production.emission import Process, Scattering
from snmc.roles.generator import Switch
from snmc.thermal import PIONS_IN_FIELD, Screening

from ._vector import (
    CHARGE,
    CHARGED,
    ELECTRON_PAIRS,
    MUON_PAIRS,
    NEUTRINOS,
    SECONDARIES,
    VectorBoson,
    neutrino_pairs,
    vector_modes,
    vector_parameters,
)

G_AXIAL = 1.2754  # axial coupling of the nucleon, PDG 2022
PION_NUCLEON = G_AXIAL / F_PION  # g_A/(sqrt(2) F), of charged pions [1/MeV]; F = F_PION/sqrt(2)
ELECTRONS_OPEN = 20.0  # MeV, twice the asymptotic mass of electrons in the core, 8-12 MeV
DAMPING = 0.5  # width of a photon in the core, omega Gamma over m_T^2; see `in_medium`


@compiled
def capture(
    charge_n: float, charge_p: float, b: float, c: float, t: float, m: float, M: float
) -> float:
    """S|M|^2 of pi- p -> n V for a vector boson V of mass M that couples to charges [pure number].

    Tree level with the pseudovector coupling (g_A/(2F)) Nbar gamma^a gamma_5 tau.d_a pi N: nucleon
    poles a = s - m^2 and b = u - m^2, pion pole c = t - m_pi^2 of the pion's charge `charge_n` -
    `charge_p`, and contact term, summed over spins and three polarisations. a + b + c = M^2.
    Contact terms cancel, as with a pseudoscalar coupling 2m times larger. `m`: of the nucleons.
    """
    m2, M2 = m * m, M * M
    a = M2 - b - c
    s_wave = charge_n / a
    u_wave = charge_p / b
    t_wave = (charge_n - charge_p) / c
    square = (
        4
        * (2 * m2 * (a + b - M2) + t * (M2 + 2 * m2) - (a - M2) * (b - M2))
        * (s_wave + u_wave) ** 2
    )
    square += 8 * t * (c - t) * s_wave * u_wave
    square += 2 * t * (4 * t - M2 - 2 * c) * t_wave * t_wave
    square += 4 * t * t_wave * ((2 * (t - c) - a) * s_wave - (2 * (t - c) - b) * u_wave)
    return 4 * m2 * PION_NUCLEON * PION_NUCLEON * square


@compiled
def in_medium(M: float, mT2: float) -> tuple[float, float]:
    """Share of electric charge eta (real, imaginary part) that the plasma takes off Z' charges.

    A Z' in the plasma couples to (B - L) - eta Q with eta = Pi_AZ'/(Pi_AA - M^2), Pi_AA the
    photon's self-energy and Pi_AZ' its mixing with Z' of unit coupling, e^2 Sum Q (B - L) over the
    species where Pi_AA has e^2 Sum Q^2. Electrons, muons and protons have B - L = Q; pions have
    not, but make at most 5 % of Pi_AA, and are counted in both. So a light Z' sees neutrons and
    not protons. Pi = m_T^2 (1 - i DAMPING) with m_T^2 = `mT2` [MeV^2], for transverse
    polarisations; longitudinal ones matter little at energies far above M. The damping is of the
    order that gamma n -> pi- p gives; it matters only for M within a factor of 2 of m_T.
    """
    if mT2 <= 0.0:
        return 0.0, 0.0
    away = mT2 - M * M
    width = DAMPING * mT2
    size2 = away * away + width * width
    return (mT2 * away + width * width) / size2, width * M * M / size2


@compiled_formula(12)
def pion_capture(
    s: float, t: float, m1: float, m2: float, m3: float, M: float, k2: float,
    E1: float, E2: float, E: float, along: float, shift: float,
) -> float:  # fmt: skip
    """S|M|^2/g^2 of pi- p -> n Z' in the medium [pure number].

    `capture` for charges 1 - eta of the proton and 1 of the neutron; nucleons of the mean of their
    effective masses. The step `shift` of their potential is taken half before and half after the
    emission, which keeps the pion on its mass shell and the current conserved. Pions in the rho
    field bring that step themselves: there is none, and the amplitude is that of free particles.
    Arguments: `snmc.production.scattering.AMPLITUDE_ARGUMENTS`, with m_T^2 for k^2.
    """
    p = math.sqrt((E - M) * (E + M))
    b = M * M - 2 * (E2 * E - along * p) - shift * E
    c = t - m1 * m1
    m = 0.5 * (m2 + m3)
    real, imaginary = in_medium(M, k2)
    square = capture(1.0, 1.0 - real, b, c, t, m, M)
    if imaginary != 0.0:
        square += imaginary * imaginary * capture(0.0, 1.0, b, c, t, m, M)
    return square


class BMinusLBoson(VectorBoson):
    """Gauge boson of B - L with coupling g."""

    name = "zprime-b-minus-l"
    title = "Gauge boson of B - L, Z' -> nu nubar"
    parameters = vector_parameters(400.0, "mixing eps with the photon, in decays; 0 if left out")
    loops = 0.0
    switches = (
        Switch(
            "processes",
            ("pion-capture", "neutrino-pairs", "electron-pairs", "muon-pairs"),
            ("pion-capture", "neutrino-pairs", "electron-pairs", "muon-pairs"),
            "production processes taken into account",
            many=True,
        ),
        Switch(
            "plasma", ("mixing", "none"), "mixing",
            "whether the plasma of the core mixes Z' with the photon",
        ),
        Switch(
            "pions", ("ideal", "rho-field"), "ideal",
            "pions of the core: an ideal gas, or with the potential U_n - U_p of the rho field",
        ),
        SECONDARIES,
    )  # fmt: skip
    references = (
        "Akita, Im, Masud, Yun, arXiv:2312.13627",
        "Shin, Yun, arXiv:2211.15677",
    )

    @property
    def screening(self) -> Screening:
        """Whether photons, with which Z' mixes, feel the plasma."""
        return "all" if self.values["plasma"] == "mixing" else "none"

    def processes(self) -> tuple[Process, ...]:
        """Processes chosen in the card; electron pairs only where the plasma leaves them open.

        Electrons and positrons of the core have an asymptotic mass of about 10 MeV, and lighter Z'
        couple to their charge less eta. Above `ELECTRONS_OPEN` neither is taken into account.
        """
        open_ = self.screening == "none" or self.mass > ELECTRONS_OPEN
        pions = "pi-" if self.values["pions"] == "ideal" else PIONS_IN_FIELD
        known: dict[str, tuple[Process, ...]] = {
            "pion-capture": (
                Scattering(
                    "pion-capture", (pions,), "p", "n", pion_capture, azimuths=3, scale="plasmon"
                ),
            ),
            "neutrino-pairs": neutrino_pairs(tuple(NEUTRINOS)),
            "electron-pairs": (ELECTRON_PAIRS,) if open_ else (),
            "muon-pairs": (MUON_PAIRS,),
        }
        return tuple(
            process
            for name in self.values["processes"]  # type: ignore[union-attr]
            for process in known[name]
        )

    def lepton_coupling(self, flavour: str) -> float:
        """Of either -g - eps e: both charges of a lepton are -1."""
        return -self.g - self.mixing * CHARGE

    def modes(self) -> tuple[DecayMode, ...]:
        """Z' -> neutrinos, electrons, muons."""
        neutrinos = {f"nu_{flavour}": self.g for flavour in NEUTRINOS}
        charged = {flavour: self.lepton_coupling(flavour) for flavour in CHARGED}
        return vector_modes(self.mass, {**neutrinos, **charged})
