"""What a physics model declares: its parameters, its switches, its references."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from snmc.core import SupernovaCore
from snmc.decays import Flight
from snmc.decays.fluence import Daughter
from snmc.ground.columns import Columns
from snmc.production.emission import Precision

Array = npt.NDArray[np.float64]
Value = float | str | tuple[str, ...]
Response = Callable[[npt.ArrayLike, npt.ArrayLike], Array]
"""How much is wanted of particles (PDG numbers) of energies [MeV] that broadcast, such as the area
[cm2] that a detector shows to them; not below 0."""
PDG_OF: Mapping[Daughter, tuple[int, ...]] = {
    "photon": (22,),
    "neutrino": (12, -12, 14, -14, 16, -16),
}


def power_law(exponent: int) -> Response:
    """E^exponent for particles of any kind; with 0 the response of what takes all alike."""

    def response(pdg: npt.ArrayLike, energy: npt.ArrayLike) -> Array:
        return np.broadcast_arrays(np.asarray(energy, np.float64) ** exponent, pdg)[0]

    return response


@dataclass(frozen=True)
class Observation:
    """What is looked for: `window` [s] from bounce, `max_angle` [rad] off the line of sight."""

    window: float
    photons: bool
    neutrinos: bool
    max_angle: float


@dataclass(frozen=True)
class Supernova:
    """The explosion: its core, and the distances [m] and switches of the card's `[supernova]`."""

    core: SupernovaCore
    distance: float
    photosphere: float
    neutrinosphere: float
    gravity: bool
    absorption: bool
    ordering: str
    oscillation: str

    def flight(self, observation: Observation) -> Flight:
        """Distances and observation in one, as the decays need them."""
        return Flight(
            distance=self.distance,
            photosphere=self.photosphere,
            neutrinosphere=self.neutrinosphere,
            window=observation.window,
            max_angle=observation.max_angle,
            photons=observation.photons,
            neutrinos=observation.neutrinos,
            ordering=self.ordering,
            oscillation=self.oscillation,
        )


class Source(Protocol):
    """A generator made ready for one run."""

    @property
    def empty(self) -> bool:
        """True if nothing at all can arrive inside the observation."""

    @property
    def spectrum(self) -> tuple[Array, Array]:
        """Parents emitted: energies [MeV] and dN/dE [1/MeV], linear between them."""

    def arrivals(
        self, stream: np.random.Generator, first_event: int, count: int, events: int
    ) -> Columns:
        """Draw `count` of the run's `events`, numbered from `first_event`."""

    def drawn_by(self, response: Response) -> "Source":
        """The same source, whose events are drawn in proportion to `response` where it can.

        Weights undo it: sums do not change but in their errors.
        """

    def largest_weight(self, events: int) -> float:
        """Weight [1/cm2], times the response if drawn by one, that few rows exceed."""

    def analytic(self, daughter: Daughter, edges: Array) -> Mapping[str, Array]:
        """Fluence [1/cm2] of photons, or of all neutrinos, in bins between `edges` [MeV] by name.

        "exact" is what the weights must add up to; others are printed formulas to compare with.
        Empty if the model has none.
        """

    def summary(self) -> dict[str, Any]:
        """Normalisation, widths and `modes`, their names, for the file's metadata.

        Keys as of `Generator.report`, and modes.
        """


@dataclass(frozen=True)
class Parameter:
    """A number of a model, given in the card's `[generator]` table.

    `unit` as astropy spells it (empty for a pure number); `low` and `high` the allowed range,
    ends included, in that unit; `optional` if the card may leave it out; `default`, in that unit:
    the value where the card leaves it out, unless a file of the model is given in place of numbers.
    """

    name: str
    unit: str
    low: float
    high: float
    meaning: str
    optional: bool = False
    default: float | None = None


@dataclass(frozen=True)
class Switch:
    """A choice of a model among named values; `many` if a list of them may be given."""

    name: str
    allowed: tuple[str, ...]
    default: str | tuple[str, ...]
    meaning: str
    many: bool = False


@dataclass(frozen=True)
class File:
    """A file or folder that a model reads, given in the card by its path; it may be left out.

    A relative path is one from the folder of the card. The model gets the absolute path as text.
    """

    name: str
    meaning: str


class Generator(ABC):
    """Base of all physics models: facts as class attributes, values from the card.

    A subclass in `generators/<file>.py` is found by the registry under its `name`.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    parameters: ClassVar[tuple[Parameter, ...]]
    switches: ClassVar[tuple[Switch, ...]] = ()
    files: ClassVar[tuple[File, ...]] = ()
    references: ClassVar[tuple[str, ...]]

    def __init__(self, values: Mapping[str, Value]) -> None:
        """Take the model's values: numbers in the declared units, switches filled in.

        The defaults of parameters are filled in here; what else the card left out is absent.
        Subclasses that forbid some combination raise InputError here.
        """
        defaults: dict[str, Value] = {}
        if not any(file.name in values for file in self.files):
            defaults = {one.name: one.default for one in self.parameters if one.default is not None}
        self.values = {**defaults, **values}

    @property
    def sends(self) -> frozenset[Daughter]:
        """What can reach Earth at all; a run that looks for nothing of it is refused."""
        return frozenset({"photon", "neutrino"})

    @property
    def highest_energy(self) -> float | None:
        """Energy [MeV] that nothing it sends exceeds; None if its emission alone tells.

        A run is refused before it starts if its detector does not reach there.
        """
        return None

    @property
    def content(self) -> str:
        """Hash of the bytes of all `files` read, part of what makes two runs the same run."""
        return ""

    @abstractmethod
    def prepare(
        self,
        supernova: Supernova,
        observation: Observation,
        precision: Precision,
        workers: int,
        quiet: bool,
    ) -> Source:
        """Compute all that one run needs and return the source of its arrivals.

        `workers`: threads; `quiet`: no progress bar.
        """

    @abstractmethod
    def report(
        self, supernova: Supernova, precision: Precision, workers: int, quiet: bool
    ) -> dict[str, Any]:
        """Numbers for `snmc show CARD`: what is emitted, and how it decays.

        Keys at least: parents, parent_energy_erg, mean_energy_MeV, processes, width_MeV,
        lifetime_s (None where nothing decays), branching.
        """
