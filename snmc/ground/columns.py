"""The columns of the event contract: name, type, unit and meaning of every branch of a file.

A batch of events is a plain dict of equally long arrays keyed by these names. A generator gives
ARRIVALS, a detector DETECTIONS; the run adds the generator's number and the explosion's.
`arrival` and `reaction` count within a batch; the run makes them those of the file.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Columns = dict[str, npt.NDArray[np.generic]]


class Column(NamedTuple):
    """One branch: `dtype` as numpy spells it, `unit` empty for a pure number."""

    name: str
    dtype: str
    unit: str
    meaning: str


ARRIVALS = (
    Column("event", "i8", "", "number of the sampled decay, the same for all its daughters"),
    Column("weight", "f8", "1/cm2", "expected fluence this row stands for"),
    Column("pdg", "i4", "", "particle at Earth (PDG number), after flavour conversion"),
    Column("pdg_decay", "i4", "", "particle at birth in the decay (PDG number)"),
    Column("energy", "f8", "MeV", "energy at Earth"),
    Column("time", "f8", "s", "arrival time: emission time + delay; 0 is core bounce at Earth"),
    Column("delay", "f8", "s", "arrival behind light from the same emission"),
    Column("theta", "f8", "rad", "arrival direction off the line of sight to the supernova"),
    Column("phi", "f8", "rad", "azimuth of the arrival direction"),
    Column("parent_energy", "f8", "MeV", "energy of the parent, at infinity"),
    Column("emission_time", "f8", "s", "time after bounce at which the parent was born"),
    Column("emission_radius", "f8", "km", "radius at which the parent was born"),
    Column("decay_length", "f8", "m", "distance from the supernova at which the parent decayed"),
    Column("cos_alpha", "f8", "", "cosine of the lab angle between parent and daughter"),
    Column("mode", "i2", "", "decay mode, numbered in the metadata"),
)

DETECTIONS = (
    Column("event", "i8", "", "number of the arrival's decay"),
    Column("arrival", "i8", "", "row of the tree arrivals, from 0, whose particle has reacted"),
    Column("reaction", "i8", "", "number of the reaction, from 0, the same for all its signals"),
    Column("weight", "f8", "counts", "expected counts this row stands for"),
    Column("channel", "i2", "", "reaction channel, numbered in the metadata"),
    Column("time", "f8", "s", "time of the detection"),
    Column("energy_true", "f8", "MeV", "energy of the visible particle before smearing"),
    Column("energy", "f8", "MeV", "reconstructed energy"),
    Column("theta", "f8", "rad", "reconstructed direction off the supernova's"),
    Column("phi", "f8", "rad", "azimuth of the reconstructed direction"),
    Column("accepted", "?", "", "passes efficiency, energy window, time window and live time"),
)

PARTICLES = (
    Column("pdg", "i4", "", "final-state particle (PDG number)"),
    Column("energy", "f8", "MeV", "its total energy"),
    Column("cos_theta", "f8", "", "cosine of its true direction to the arrival's"),
    Column("phi", "f8", "rad", "azimuth of its true direction about the arrival's"),
)

GENERATOR = Column("generator", "i2", "", "generator of the row, numbered in the metadata")
SUPERNOVA = Column("supernova", "i8", "", "number of the simulated explosion, from 0")
UNWEIGHTED = "1: the row is drawn, not an expectation"


def file_columns(columns: tuple[Column, ...], with_supernova: bool) -> tuple[Column, ...]:
    """Columns of a tree of events in a file: a batch's own, and what the run adds to them.

    `columns`: ARRIVALS or DETECTIONS; `with_supernova`: for simulated data, whose weight is a pure
    number.
    """
    if not with_supernova:
        return (*columns, GENERATOR)
    plain = (
        one._replace(unit="", meaning=UNWEIGHTED) if one.name == "weight" else one
        for one in columns
    )
    return (*plain, GENERATOR, SUPERNOVA)
