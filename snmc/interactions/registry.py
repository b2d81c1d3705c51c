"""The channels that detectors' cards may name."""

from dataclasses import replace

from snmc.ground.units import M_ELECTRON
from snmc.interactions import argon, carbon, muons, oxygen_gamma, water
from snmc.interactions.calorimeter import Calorimetric
from snmc.interactions.channel import Channel
from snmc.interactions.electron import ElectronElastic
from snmc.interactions.proton import ProtonElastic
from snmc.interactions.quenching import Scintillator

_ON_PROTON = [channel for channel in water.CHANNELS if isinstance(channel, water.OnProton)]
MUONS_IN_SCINTILLATOR = (
    "muons on protons: visible energy the muon's kinetic energy, without quenching; decay "
    "electrons with the spectrum of free muons; nothing seen of the neutron"
)
IN_MATERIAL: dict[str, tuple[Channel, ...]] = {
    "water": (*water.CHANNELS, *oxygen_gamma.CHANNELS, ElectronElastic()),
    "liquid-argon": (*argon.CHANNELS, Calorimetric(ElectronElastic(), -M_ELECTRON, False)),
    "liquid-scintillator": (
        *(
            replace(channel, medium=muons.CARBON, approximation=MUONS_IN_SCINTILLATOR)
            if channel.mass > M_ELECTRON
            else Calorimetric(channel, M_ELECTRON, True)
            for channel in _ON_PROTON
        ),
        Calorimetric(ElectronElastic(), -M_ELECTRON, True),
        ProtonElastic(),
        *carbon.CHANNELS,
    ),
}
# one of each name, water's if it is among them
CHANNELS: dict[str, Channel] = {
    channel.name: channel for channels in reversed(IN_MATERIAL.values()) for channel in channels
}


def channels_in(material: str, scintillator: Scintillator | None) -> dict[str, Channel]:
    """The channels of a `material` by name, protons quenched as `scintillator` says."""
    result = {channel.name: channel for channel in IN_MATERIAL[material]}
    for name, channel in result.items():
        if isinstance(channel, ProtonElastic) and scintillator is not None:
            result[name] = replace(channel, scintillator=scintillator)
    return result
