"""The neutrinos of a supernova itself: their type, and the readers of tables of them."""

from snmc.burst.emission import SPECIES, BurstEmission
from snmc.burst.load import load_burst

__all__ = ["SPECIES", "BurstEmission", "load_burst"]
