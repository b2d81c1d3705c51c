"""From parents to arrivals: decay modes, rest-frame final states, events and analytic fluences."""

from snmc.decays.modes import PHOTON, DecayMode, branching, seen_daughters
from snmc.decays.sampler import DecaySampler, Flight, seen_probability

__all__ = [
    "PHOTON",
    "DecayMode",
    "DecaySampler",
    "Flight",
    "branching",
    "seen_daughters",
    "seen_probability",
]
