"""Water Cherenkov detectors: reactions of electron (anti)neutrinos on protons and oxygen."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from snmc.ground.compiled import compiled
from snmc.ground.units import AVOGADRO
from snmc.interactions import ibd, oxygen
from snmc.interactions.quasielastic import checked_energies
from snmc.roles.detector import Detector, Floats, Integers, Reactions, particle_columns

if TYPE_CHECKING:
    from snmc.roles.card import CherenkovCard, ObservedEvents

WATER_MOLAR_MASS = 18.015  # g/mol, IUPAC 2021 standard atomic weights
TARGETS = {"ibd": 2, "nue-oxygen-cc": 1, "nuebar-oxygen-cc": 1}  # a molecule of water
REACTIONS = tuple(TARGETS)  # numbers of the reactions inside the kernels
NU_E, ANTI_NU_E, ELECTRON, NEUTRON = 12, -12, 11, 2112


@compiled
def _areas(
    pdg: Integers,
    energy: Floats,
    targets: Floats,
    protons: ibd.Table,
    neutrinos: oxygen.Table,
    antineutrinos: oxygen.Table,
    area: Floats,
) -> None:
    for i in range(energy.size):
        if pdg[i] == ANTI_NU_E:
            area[i] = targets[0] * ibd.sigma(energy[i], protons) + targets[2] * oxygen.sigma(
                energy[i], antineutrinos
            )
        elif pdg[i] == NU_E:
            area[i] = targets[1] * oxygen.sigma(energy[i], neutrinos)


@compiled
def _leptons(
    pdg: Integers,
    energy: Floats,
    targets: Floats,
    protons: ibd.Table,
    neutrinos: oxygen.Table,
    antineutrinos: oxygen.Table,
    stream: np.random.Generator,
    reaction: npt.NDArray[np.int16],
    lepton: Floats,
    cosine: Floats,
    recoil: Floats,
    recoil_cosine: Floats,
) -> None:
    for i in range(energy.size):
        choice, share, other = stream.random(), stream.random(), stream.random()
        model = stream.random()
        if pdg[i] == NU_E:
            reaction[i] = 1
            lepton[i], cosine[i] = oxygen.sample(energy[i], neutrinos, model, share, other)
            continue
        on_proton = targets[0] * ibd.sigma(energy[i], protons)
        on_oxygen = targets[2] * oxygen.sigma(energy[i], antineutrinos)
        if choice * (on_proton + on_oxygen) < on_proton:
            reaction[i] = 0
            lepton[i], cosine[i] = ibd.sample(energy[i], protons, share)
            recoil[i], recoil_cosine[i] = ibd.neutron(energy[i], lepton[i], cosine[i])
        else:
            reaction[i] = 2
            lepton[i], cosine[i] = oxygen.sample(energy[i], antineutrinos, model, share, other)


class WaterCherenkov(Detector):
    """A water Cherenkov detector; it sees the electron or positron by its total energy."""

    daughters: ClassVar[Literal["photon", "neutrino"]] = "neutrino"

    def __init__(self, name: str, card: "CherenkovCard", table: Mapping[str, Any]) -> None:
        """Take the checked card and the table it came from."""
        super().__init__(name, card, table)
        self._card = card
        molecules = card.target.mass / WATER_MOLAR_MASS * AVOGADRO
        self.targets = np.array(
            [molecules * number * (key in card.channels) for key, number in TARGETS.items()]
        )
        # number in the card of each reaction; -1, never drawn, for those left out
        self._numbers = np.array(
            [card.channels.index(key) if key in card.channels else -1 for key in REACTIONS],
            dtype=np.int16,
        )
        if any("oxygen" in channel for channel in card.channels):
            self.approximations = (oxygen.APPROXIMATION,)

    @property
    def channels(self) -> tuple[str, ...]:
        """The card's channels: `ibd`, `nue-oxygen-cc`, `nuebar-oxygen-cc`."""
        return self._card.channels

    @property
    def observed(self) -> "ObservedEvents | None":
        """Events seen, if the card says."""
        return self._card.observed

    def _tables(self) -> tuple[ibd.Table, oxygen.Table, oxygen.Table]:
        return ibd.table(), oxygen.table(False), oxygen.table(True)

    def effective_area(self, pdg: npt.ArrayLike, energy: npt.ArrayLike) -> Floats:
        """Targets times cross section [cm2], summed over the channels.

        `pdg`, `energy` [MeV]: arrays that broadcast. Zero but for electron neutrinos and
        antineutrinos above the thresholds. Raises PhysicsError for those beyond 2 GeV.
        """
        codes, energies = np.broadcast_arrays(
            np.asarray(pdg, dtype=np.int32), np.asarray(energy, dtype=np.float64)
        )
        checked_energies(energies[np.abs(codes) == NU_E])
        area = np.zeros(energies.shape)
        _areas(codes.ravel(), energies.ravel(), self.targets, *self._tables(), area.reshape(-1))
        return area

    def _react(self, pdg: Integers, energy: Floats, stream: np.random.Generator) -> Reactions:
        size = energy.size
        reaction = np.empty(size, dtype=np.int16)
        lepton, cosine, recoil, recoil_cosine = np.zeros((4, size))
        _leptons(
            pdg, energy, self.targets, *self._tables(), stream,
            reaction, lepton, cosine, recoil, recoil_cosine,
        )  # fmt: skip
        azimuth = 2 * np.pi * stream.random(size)
        with_neutron = reaction == REACTIONS.index("ibd")
        counts = (1 + with_neutron).astype(np.int32)
        first = np.cumsum(counts) - counts
        second = first[with_neutron] + 1
        total = int(counts.sum())
        codes = np.empty(total, dtype=np.int32)
        codes[first] = np.where(pdg == NU_E, ELECTRON, -ELECTRON)
        codes[second] = NEUTRON
        values = []
        for of_lepton, of_neutron in (
            (lepton, recoil), (cosine, recoil_cosine), (azimuth, azimuth + np.pi)
        ):  # fmt: skip
            flat = np.empty(total)
            flat[first] = of_lepton
            flat[second] = of_neutron[with_neutron]
            values.append(flat)
        return Reactions(
            channel=self._numbers[reaction],
            energy=lepton,
            cosine=cosine,
            azimuth=azimuth,
            counts=counts,
            particles=particle_columns(codes, *values),
        )

    def _containment(self, energy: Floats) -> Floats:
        return self._card.angular_resolution(energy)

    def _efficiency(self, true: Floats, reconstructed: Floats, theta: Floats) -> Floats:
        efficiency = self._card.efficiency
        return efficiency(true if efficiency.of == "true" else reconstructed)
