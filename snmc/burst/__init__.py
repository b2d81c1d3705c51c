"""The neutrinos of a supernova itself: their type, and the readers of tables of them."""

from snmc.burst.emission import SPECIES, BurstEmission
from snmc.burst.load import FORMATS, load_burst

__all__ = ["FORMATS", "SPECIES", "BurstEmission", "load_burst"]
