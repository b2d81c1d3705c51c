"""Materials of detectors: how many targets of each kind a gram holds."""

from collections.abc import Mapping
from dataclasses import dataclass

from snmc.ground.units import AVOGADRO


@dataclass(frozen=True)
class Material:
    """A material by its formula: `molar_mass` [g/mol] and `targets` in one formula unit."""

    molar_mass: float
    targets: Mapping[str, float]

    def per_gram(self, target: str) -> float:
        """Number of targets in a gram; 0 for those that are not in it."""
        return self.targets.get(target, 0.0) * AVOGADRO / self.molar_mass


def hydrocarbon(hydrogen: float) -> Material:
    """Carbon, with the share `hydrogen` of hydrogen in its mass; a formula unit is that of 1 g."""
    protons, carbon = hydrogen / HYDROGEN, (1 - hydrogen) / CARBON
    return Material(1.0, {"proton": protons, "carbon": carbon, "electron": protons + 6 * carbon})


# molar masses [g/mol]: IUPAC 2021 standard atomic weights
HYDROGEN, CARBON = 1.008, 12.011
SCINTILLATOR = "liquid-scintillator"  # of which cards state the hydrogen
MATERIALS: dict[str, Material] = {
    "water": Material(18.015, {"proton": 2, "oxygen": 1, "electron": 10}),
    "liquid-argon": Material(39.95, {"argon": 1, "electron": 18}),
    SCINTILLATOR: hydrocarbon(0.12),
}
