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


# molar masses: IUPAC 2021 standard atomic weights
MATERIALS: dict[str, Material] = {
    "water": Material(18.015, {"proton": 2, "oxygen": 1, "electron": 10}),
}
