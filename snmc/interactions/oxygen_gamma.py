"""Gamma rays of 5 to 11 MeV from oxygen that a neutrino of any flavour broke: neutral current.

The nucleon knocked out leaves 15N or 15O, often in a level below its particle thresholds.

To 100 MeV: the total neutral-current cross section of Kolbe, Langanke & Vogel, Phys. Rev. D 66
(2002) 013007, as SNOwGLoBES (Scholberg et al.) tabulates it, the mean of neutrino and
antineutrino; the difference of the two, the share that ends in a gamma ray and the levels are
those of Langanke, Vogel & Kolbe, Phys. Rev. Lett. 76 (1996) 2629 (LVK), for a thermal spectrum of
8 MeV. Good to some 50 % between 25 and 80 MeV. An independent fit of the same cross sections,
0.75e-47 cm2 (E/MeV - 15)^4 for neutrino and antineutrino together (Beacom & Vogel, Phys. Rev. D 58
(1998) 053010), averages to the same within 5 % over that spectrum.

From 150 MeV: knock-out in the Fermi gas, of which 41 % give a gamma ray above 6 MeV, nearly all
from the p3/2 shell: Ankowski et al., Phys. Rev. Lett. 108 (2012) 052505, at 600 MeV; taken at all
energies, good to some 40 %. Gamma rays of nucleons that strike further nuclei are left out. In
between the two are joined linearly.

Of the final state the calculations give the gamma ray alone, the gas also neutrino, nucleon and
the nucleus, with the energy of the p3/2 hole that shines.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from snmc.ground.compiled import compiled
from snmc.interactions import fermi_gas, oxygen, remains
from snmc.interactions.channel import GAMMA_LIKE, Channel, FinalStates, Floats, Integers, one_signal
from snmc.interactions.quasielastic import HIGHEST_ENERGY, checked_energies
from snmc.interactions.remains import PHOTON
from snmc.interactions.tables import locate, mix

# SNOwGLoBES, xscns/xs_nc_nu*_O16.dat: neutrino energies [MeV], cross sections [cm2]
TOTAL_ENERGIES = np.array(
    [15, 18, 20, 22, 25, 28, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 100.0]
)
TOTALS = np.array(
    [
        5.1421e-46, 5.1713e-45, 1.6002e-44, 4.7146e-44, 1.6615e-43, 4.7084e-43, 8.2991e-43,
        2.5511e-42, 6.0084e-42, 1.1675e-41, 2.0903e-41, 3.4523e-41, 5.2807e-41, 7.6020e-41,
        1.0443e-40, 1.3832e-40, 1.7795e-40, 2.2359e-40, 2.7550e-40, 3.3397e-40, 3.9924e-40,
    ]
)  # fmt: skip
# LVK, thermal mean at 8 MeV [1e-42 cm2], neutrino and antineutrino: total, and with a gamma ray
# after a proton and after a neutron
LVK_TOTAL = np.array([5.90, 4.48])
LVK_PROTON, LVK_NEUTRON = np.array([1.41, 1.09]), np.array([0.37, 0.28])
LVK_SHARES = (LVK_PROTON + LVK_NEUTRON) / LVK_TOTAL.mean()  # 0.343, 0.264 of the mean total
# LVK: gamma energies [MeV] and branchings of 15N and 15O
NITROGEN = np.array(
    [[5.3, 6.33, 7.3, 9.1, 9.2, 9.9, 10.8], [0.066, 0.296, 0.073, 0.027, 0.020, 0.031, 0.030]]
)
OXYGEN = np.array([[5.2, 6.18, 6.79], [0.079, 0.214, 0.102]])
KNOCK_OUT_SHARE = 0.41  # Ankowski et al. 2012
P_SHELL = np.array([6.32, 6.18])  # MeV, of 15N and 15O after a p3/2 nucleon: Ankowski et al. 2012
PROTONS = 0.44  # share of protons among the nucleons knocked out: Ankowski, NuFact 2011
FIRST_LOG, GRID = float(np.log(15.0)), 512
LOG_STEP = (float(np.log(HIGHEST_ENERGY)) - FIRST_LOG) / (GRID - 1)
APPROXIMATION = (
    "gamma rays of oxygen: to 100 MeV the neutral-current cross section of Kolbe et al. 2002 with "
    "shares of Langanke et al. 1996 (50 %), from 150 MeV 41 % of the Fermi gas's knock-out (40 %), "
    "joined linearly; seen as an electron of the gamma's energy, an MeV or so too much; listed of "
    "the final state: the gamma ray, and of the gas's knock-out neutrino, nucleon and nucleus"
)
STRUCK = (  # a proton, a neutron
    remains.nucleus(8, 16, 0, proton=True),
    remains.nucleus(8, 16, 0),
)


def _gas_share(energy: Floats) -> Floats:
    width = oxygen.GAS_BEGINS - oxygen.FIT_ENDS
    return np.clip((energy - oxygen.FIT_ENDS) / width, 0.0, 1.0)


def cross_section(energy: Floats, antineutrino: bool) -> Floats:
    """Cross section [cm2 per oxygen nucleus] to leave a gamma ray, any flavour; see the module.

    `energy` [MeV] (n,), 0 to 2000 (else PhysicsError); zero below 15 MeV.
    """
    energies = checked_energies(energy)
    logs = np.log(np.clip(energies, TOTAL_ENERGIES[0], TOTAL_ENERGIES[-1]))
    levels = np.exp(np.interp(logs, np.log(TOTAL_ENERGIES), np.log(TOTALS)))
    gas = sum(oxygen.neutral_gas(energies, antineutrino, proton) for proton in (True, False))
    share = _gas_share(energies)
    low = LVK_SHARES[int(antineutrino)] * levels * (energies >= TOTAL_ENERGIES[0])
    return np.asarray((1 - share) * low + share * KNOCK_OUT_SHARE * gas)


@cache
def _table() -> Floats:
    """ln(sigma/cm2) on the grid, neutrinos and antineutrinos."""
    energies = np.minimum(np.exp(FIRST_LOG + LOG_STEP * np.arange(GRID)), HIGHEST_ENERGY)
    energies[0] = TOTAL_ENERGIES[0]
    return np.log([cross_section(energies, antineutrino) for antineutrino in (False, True)])


@compiled
def _sigmas(pdg: Integers, energy: Floats, table: Floats, result: Floats) -> int:
    """Fill `result` from `table`; gives the place of an energy beyond it, or -1."""
    bad = -1
    for i in range(energy.size):
        result[i] = 0.0
        if abs(pdg[i]) in (12, 14, 16):
            if not 0 <= energy[i] <= HIGHEST_ENERGY:
                bad = i
            elif np.log(energy[i]) > FIRST_LOG:
                cell, place = locate(np.log(energy[i]), FIRST_LOG, LOG_STEP, GRID)
                row = table[1 if pdg[i] < 0 else 0]
                result[i] = np.exp(mix(row[cell], row[cell + 1], place))
    return bad


def _gas_tables(antineutrino: bool) -> tuple[fermi_gas.Table, fermi_gas.Table]:
    """The scattered neutrino's energy and angle, of knocked-out protons and neutrons."""
    lowest = oxygen.FIT_ENDS
    proton, neutron = (oxygen.NUCLEUS._replace(isospin=isospin) for isospin in (1.0, -1.0))
    return (
        fermi_gas.table(proton, antineutrino, 0.0, lowest),
        fermi_gas.table(neutron, antineutrino, 0.0, lowest),
    )


@compiled
def _list(
    pdg: Integers,
    energy: Floats,
    gamma: tuple[Floats, Floats, Floats],
    struck: Integers,
    nuclei: tuple[remains.Nucleus, remains.Nucleus],
    tables: tuple[fermi_gas.Table, ...],
    stream: np.random.Generator,
    particles: remains.Particles,
) -> None:
    """Put all particles of reactions, four of those in the gas, else the gamma ray.

    `gamma`: energies, cosines and azimuths; `struck` (n,): place of the nucleus among `nuclei`,
    or -1 where only the gamma ray is known; `tables`: of both for neutrinos, then antineutrinos.
    """
    at = 0
    for i in range(energy.size):
        photon, cosine, azimuth = gamma[0][i], gamma[1][i], gamma[2][i]
        across, along = photon * np.sqrt((1 - cosine) * (1 + cosine)), photon * cosine
        x, y = across * np.cos(azimuth), across * np.sin(azimuth)
        remains.put(particles, at, PHOTON, photon, x, y, along)
        if struck[i] >= 0:
            table = tables[struck[i] + (2 if pdg[i] < 0 else 0)]
            nucleus = nuclei[struck[i]]
            left, angle = fermi_gas.sample(energy[i], table, stream.random(), stream.random())
            side = left * np.sqrt((1 - angle) * (1 + angle))
            remains.put(particles, at + 1, pdg[i], left, side, 0.0, left * angle)
            rest, _ = remains.knock_out(
                energy[i], (left, angle), photon, nucleus, table, particles, at + 2, stream
            )
            turn = 2 * np.pi * stream.random()
            particles.azimuth[at + 1] += turn
            particles.azimuth[at + 2] += turn
            c, s = np.cos(turn), np.sin(turn)
            momentum = (
                c * rest[0] - s * rest[1] - x,
                s * rest[0] + c * rest[1] - y,
                rest[2] - along,
            )
            remains.put_nucleus(momentum, nucleus.residue_mass, nucleus.residue, particles, at + 3)
            at += 3
        at += 1


@dataclass(frozen=True)
class OxygenGamma:
    """Neutral current on oxygen 16, seen by the gamma ray of what is left."""

    name: str = "oxygen-nc-gamma"
    target: str = "oxygen"
    meaning: str = "nu 16O -> nu p 15N* or nu n 15O*, then a gamma ray; all flavours"
    approximation: str | None = APPROXIMATION

    def cross_section(self, pdg: Integers, energy: Floats) -> Floats:
        """Cross section [cm2 per nucleus] from a table of `cross_section`, within 1 %."""
        result = np.empty(energy.size)
        bad = _sigmas(pdg, energy, _table(), result)
        if bad >= 0:
            checked_energies(energy[bad])
        return result

    def sample(
        self,
        pdg: Integers,
        energy: Floats,
        stream: np.random.Generator,
        unseen: np.random.Generator | None = None,
    ) -> FinalStates:
        """One gamma ray, isotropic, then what is known of the rest."""
        size = energy.size
        protons = (LVK_PROTON / (LVK_PROTON + LVK_NEUTRON))[(pdg < 0).astype(np.int64)]
        levels = np.where(
            stream.random(size) < protons,
            _drawn(NITROGEN, stream, size),
            _drawn(OXYGEN, stream, size),
        )
        neutrons = (stream.random(size) >= PROTONS).astype(np.int32)
        # where the models join, their weights stand for their shares: the lines are nearly alike
        gas = stream.random(size) < _gas_share(energy)
        gamma = np.where(gas, P_SHELL[neutrons], levels)
        cosine, azimuth = stream.uniform(-1, 1, size), 2 * np.pi * stream.random(size)
        states = one_signal(GAMMA_LIKE, gamma, cosine, azimuth, PHOTON)
        if unseen is None or not gas.any():
            return states
        counts, particles = np.where(gas, np.int32(4), np.int32(1)), remains.room(size, 4)
        _list(
            pdg,
            energy,
            (gamma, cosine, azimuth),
            np.where(gas, neutrons, np.int32(-1)),
            STRUCK,
            (*_gas_tables(False), *_gas_tables(True)),
            unseen,
            particles,
        )
        return remains.listed(states, counts, particles, np.zeros(size))


def _drawn(lines: Floats, stream: np.random.Generator, size: int) -> Floats:
    """Energies of `lines` (2, k), energies and branchings, drawn in proportion to the latter."""
    return stream.choice(lines[0], size, p=lines[1] / lines[1].sum())


CHANNELS: tuple[Channel, ...] = (OxygenGamma(),)
