"""The common shape of most models: a particle born in the core that decays in flight."""

import warnings
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from snmc.core import CoreState
from snmc.decays import PHOTON, DecayMode, DecaySampler, Flight, branching, seen_daughters
from snmc.decays.fluence import PAPERS, Daughter, PaperLaw, exact_fluence, paper_fluence
from snmc.decays.reweighting import ParentSampler, ReweightableSampler
from snmc.ground.columns import Columns
from snmc.ground.errors import PhysicsError, PhysicsWarning
from snmc.ground.quadrature import unit_rule
from snmc.ground.units import C_LIGHT, HBAR, MEV_IN_ERG
from snmc.production.absorption import Opacity, escaping_share, is_upper_bound, opacity
from snmc.production.emission import (
    Emission,
    Grid,
    Precision,
    Process,
    combine,
    emission_grid,
    emitted_numbers,
)
from snmc.roles.generator import PDG_OF, Generator, Observation, Response, Supernova
from snmc.thermal import FERMI, Screening

Array = npt.NDArray[np.float64]
Production = tuple[Process, Array, Array]
"""A process, its table of `emitted_numbers`, and its couplings squared (components, sources)."""

_SOFTER = 400  # steps of a daughter's energy below half the parent's mass
BINDING_ENERGY_ERG = 5e53  # of the heaviest neutron stars, Lattimer and Prakash, ApJ 550 (2001) 426


class DecayingParticle(Generator):
    """A model given by its mass, processes with couplings, and decay modes.

    The subclass says those; production, absorption, flight and decay follow here. `spin_states`
    and `statistics` (FERMI or BOSE) are those of the particle; `paper_law`: the printed formula of
    the fluence with which `snmc validate` compares (see `snmc.decays.fluence`).
    """

    spin_states: ClassVar[int] = 2
    statistics: ClassVar[float] = FERMI
    paper_law: ClassVar[PaperLaw] = "akita-36"

    @property
    @abstractmethod
    def mass(self) -> float:
        """Mass [MeV]."""

    @property
    @abstractmethod
    def screening(self) -> Screening:
        """Screening of photon exchange, see `snmc.thermal`."""

    @abstractmethod
    def processes(self) -> tuple[Process, ...]:
        """Production processes chosen in the card, with amplitudes for unit coupling."""

    @abstractmethod
    def coupling_squared(self, component: str, process: str, source: str) -> float:
        """Coupling squared with which `process` makes a `component` from the species `source`.

        `process`: its name; `source`: the thermal species in the role of particle 1.
        """

    @abstractmethod
    def modes(self) -> tuple[DecayMode, ...]:
        """Decay modes; their components are the kinds of parent."""

    @property
    def secondaries(self) -> bool:
        """Whether charged muons and pions among the daughters decay in turn."""
        return False

    @property
    def sends(self) -> frozenset[Daughter]:
        """Photons or neutrinos: those in which the open decays end."""
        return frozenset(
            "photon" if pdg == PHOTON else "neutrino"
            for mode in self.modes()
            if mode.width > 0
            for pdg in seen_daughters(mode.daughters, self.secondaries)
        )

    def rescattering(self, state: CoreState, energies: Array) -> Array | None:
        """Opacity [MeV] besides the inverse of production, couplings included, or None.

        It must grow as the fourth power of the couplings: a scan counts on it.
        `state`: n states; `energies` [MeV]: (n, energies) local energies. Result: the same shape.
        """
        return None

    def helicity_flipped(self) -> tuple[Process, ...]:
        """The same processes, in order, with the amplitude into the rarer helicity.

        That is negative helicity from particles, positive from antiparticles. Needed if a mode has
        an asymmetry.
        """
        return ()

    def prepare(
        self,
        supernova: Supernova,
        observation: Observation,
        precision: Precision,
        workers: int,
        quiet: bool,
    ) -> "DecaySource":
        """Compute emission and decay tables, see `Generator.prepare`."""
        emission = self.emission(supernova, precision, workers, quiet)
        sampler = DecaySampler(
            emission, self.modes(), self.mass, supernova.flight(observation),
            self._polarisation_for(observation, supernova, emission, workers),
            secondaries=self.secondaries,
        )  # fmt: skip
        return DecaySource(sampler, self.paper_law)

    def emission(
        self, supernova: Supernova, precision: Precision, workers: int, quiet: bool
    ) -> Emission:
        """Emission table of all processes with the model's couplings, less what is absorbed.

        Raises InputError if nothing is emitted; warns if more energy passes the neutrinosphere
        than a supernova has (what decays before gives its energy back), or if the core is so opaque
        that its edge alone emits.
        """
        grid, production = self._production(supernova, precision, workers, quiet)
        escaping = None
        if supernova.absorption and production:
            escaping = escaping_share(*self._absorbing(supernova, grid, production))
        emission = combine(self.components(), grid, self.mass, _tables(production), escaping)
        leaving = leaving_energy(emission, self.modes(), self.mass, supernova.neutrinosphere)
        if (energy := leaving * MEV_IN_ERG) > BINDING_ENERGY_ERG:
            warnings.warn(
                f"the particles carry {energy:.2g} erg, more than the {BINDING_ENERGY_ERG:g} erg "
                "of a whole supernova, whose cooling by them is not included",
                PhysicsWarning,
                stacklevel=2,
            )
        if is_upper_bound(emission.escaping_share, emission.edge_share):
            warnings.warn(
                "the core is opaque up to its edge, and what lies outside would absorb too: the "
                "emission is an upper bound",
                PhysicsWarning,
                stacklevel=2,
            )
        return emission

    def reweightable(
        self,
        strengths: Array,
        supernova: Supernova,
        observation: Observation,
        precision: Precision,
        response: Response,
        flights: Sequence[Flight] = (),
    ) -> ReweightableSampler:
        """Prepare one sample for all `strengths`: squares of the couplings over those of the model.

        `flights`: as of `DecaySampler`. Other arguments as of `Generator.prepare`. Raises
        InputError if nothing is emitted.
        """
        emission, opacity = self._unabsorbed(supernova, precision)
        return ReweightableSampler(
            emission, opacity, strengths, self.modes(), self.mass, supernova.flight(observation),
            self._polarisation_for(observation, supernova, emission, 1),
            largest_response(emission, self.mass, response), self.secondaries, flights,
        )  # fmt: skip

    def reweightable_energy(
        self,
        strengths: Array,
        supernova: Supernova,
        precision: Precision,
        neutrinospheres: Sequence[float] = (),
    ) -> ParentSampler:
        """Prepare one sample of the energy that leaves the core, for all `strengths`.

        `neutrinospheres` [m]: as of `ParentSampler`.
        """
        emission, opacity = self._unabsorbed(supernova, precision)
        return ParentSampler(
            emission, opacity, strengths, total_width(self.modes()), self.mass,
            supernova.neutrinosphere, neutrinospheres,
        )  # fmt: skip

    def _unabsorbed(
        self, supernova: Supernova, precision: Precision
    ) -> tuple[Emission, Opacity | None]:
        """Emission without absorption, and the opacity that would take from it."""
        grid, production = self._production(supernova, precision, 1, True)
        emission = combine(self.components(), grid, self.mass, _tables(production))
        if not supernova.absorption:
            return emission, None
        return emission, opacity(*self._absorbing(supernova, grid, production))

    def _production(
        self, supernova: Supernova, precision: Precision, workers: int, quiet: bool
    ) -> tuple[Grid, list[Production]]:
        """Cells of the table; and each process with its numbers for unit coupling and couplings."""
        from tqdm import tqdm

        processes = self.processes()
        grid = emission_grid(supernova.core, self.mass, precision, processes)
        states = grid.radius_edges[:, 1:].size
        with tqdm(
            total=states * len(processes), desc="emission table", unit="state",
            disable=True if quiet else None, leave=False, delay=1,
        ) as bar:  # fmt: skip
            return grid, [
                (
                    process,
                    self._numbers(process, supernova, precision, grid, workers, bar.update),
                    self._couplings(process),
                )
                for process in processes
            ]

    def _absorbing(
        self, supernova: Supernova, grid: Grid, production: Sequence[Production]
    ) -> tuple[Any, ...]:
        """Arguments of `opacity` and of `escaping_share`."""
        return (
            supernova.core, grid, self.mass, self.screening, supernova.gravity, production,
            self.spin_states, self.statistics, self.rescattering,
        )  # fmt: skip

    def components(self) -> tuple[str, ...]:
        """Kinds of parent, in the order of the decay modes."""
        return tuple(dict.fromkeys(mode.component for mode in self.modes()))

    def report(
        self, supernova: Supernova, precision: Precision, workers: int, quiet: bool
    ) -> dict[str, Any]:
        """Numbers for `snmc show CARD`, see `Generator.report`."""
        return emission_report(
            self.emission(supernova, precision, workers, quiet),
            self.modes(),
            self.mass,
            supernova.neutrinosphere,
        )

    def _polarisation_for(
        self, observation: Observation, supernova: Supernova, emission: Emission, workers: int
    ) -> Array | None:
        """Degree of polarisation, where it matters for what is looked for."""
        if not any(self._tilt(component, observation) for component in self.components()):
            return None
        return self._polarisation(supernova, emission, workers)

    def _tilt(self, component: str, observation: Observation) -> bool:
        """Whether what is looked for is sent asymmetrically by any mode of a component."""
        own = [mode for mode in self.modes() if mode.component == component]
        photons = sum(mode.width * mode.asymmetry for mode in own)
        neutrinos = any(mode.asymmetry for mode in own)
        return bool((observation.photons and photons) or (observation.neutrinos and neutrinos))

    def _numbers(
        self,
        process: Process,
        supernova: Supernova,
        precision: Precision,
        grid: Grid,
        workers: int,
        progress: Any = lambda states: None,
    ) -> Array:
        numbers = emitted_numbers(
            supernova.core, process, self.mass, self.screening, supernova.gravity, precision,
            grid, workers, progress,
        )  # fmt: skip
        if not np.isfinite(numbers).all():
            raise PhysicsError(f"{process.name}: the rate is not finite at {self.mass:g} MeV")
        return numbers

    def _couplings(self, process: Process) -> Array:
        return np.array(
            [
                [
                    self.coupling_squared(component, process.name, source)
                    for source in process.sources
                ]
                for component in self.components()
            ]
        )

    def _polarisation(self, supernova: Supernova, emission: Emission, workers: int) -> Array:
        """Degree of polarisation of each component along its flight, at the emission's energies.

        Averaged over place and time, on a coarse grid: it varies slowly. Antiparticles make the
        opposite helicity.
        """
        grid = emission_grid(supernova.core, self.mass, "draft", self.processes())
        net = np.zeros((len(emission.components), len(grid.energies)))
        every = np.zeros_like(net)
        for process, flipped in zip(self.processes(), self.helicity_flipped(), strict=True):
            both, rare = (
                emitted_numbers(
                    supernova.core, one, self.mass, self.screening, supernova.gravity, "draft",
                    grid, workers,
                ).sum(axis=(1, 2))
                for one in (process, flipped)
            )  # fmt: skip
            couplings = self._couplings(process)
            sign = np.array([-1.0 if name.endswith("_bar") else 1.0 for name in process.sources])
            net += couplings @ (sign[:, None] * (both - 2 * rare))
            every += couplings @ both
        degree = np.clip(net / np.maximum(every, 1e-300), -1, 1)
        return np.stack([np.interp(emission.energies, grid.energies, row) for row in degree])


def _tables(production: Sequence[Production]) -> dict[str, Array]:
    """Numbers of each process with its couplings, (components, times, radii, energies)."""
    return {
        process.name: np.tensordot(couplings, numbers, axes=1)
        for process, numbers, couplings in production
    }


def total_width(modes: tuple[DecayMode, ...]) -> float:
    """Width [MeV] of a parent, the same for all components."""
    return sum(mode.width for mode in modes if mode.component == modes[0].component)


def leaving_energy(
    emission: Emission, modes: tuple[DecayMode, ...], mass: float, neutrinosphere: float
) -> float:
    """Energy [MeV] of the parents that pass the radius `neutrinosphere` [m] before they decay.

    Int E dN/dE exp(-Gamma r/(gamma beta)) dE from the centre, with gamma beta = p/`mass` [MeV].
    """
    nodes, weights = unit_rule(8)
    steps = np.diff(emission.energies)[:, None]
    E = emission.energies[:-1, None] + steps * nodes
    density = np.interp(E, emission.energies, emission.spectrum)
    decays = total_width(modes) / HBAR * neutrinosphere / C_LIGHT  # with gamma beta = 1
    passed = np.exp(-decays * mass / np.sqrt((E - mass) * (E + mass)))
    return float(np.sum(steps * weights * E * density * passed))


def emission_report(
    emission: Emission, modes: tuple[DecayMode, ...], mass: float, neutrinosphere: float
) -> dict[str, Any]:
    """What leaves the core, in all and by process, and the decay: width, lifetime, branching.

    `escaping_share`: of the number made, what is not absorbed on the way out;
    `leaving_energy_erg`: energy of the parents that also pass the `neutrinosphere` [m] before they
    decay; `mass` [MeV].
    """
    width = total_width(modes)
    parents, energy = emission.parents, emission.parent_energy
    return {
        "parents": parents,
        "parent_energy_erg": energy * MEV_IN_ERG,
        "leaving_energy_erg": leaving_energy(emission, modes, mass, neutrinosphere) * MEV_IN_ERG,
        "mean_energy_MeV": energy / parents,
        "escaping_share": emission.escaping_share,
        "processes": {
            name: {
                "parents": number,
                "parent_energy_erg": carried * MEV_IN_ERG,
                "share": number / parents,
            }
            for name, (number, carried) in emission.by_process.items()
        },
        "width_MeV": width,
        "lifetime_s": HBAR / width,
        "branching": dict(branching(modes)),
    }


def largest_response(emission: Emission, mass: float, response: Response) -> Array:
    """Largest response to any daughter of a parent of each energy of the emission, or less."""
    E = emission.energies
    highest = (E + np.sqrt((E - mass) * (E + mass))) / 2
    lower = np.linspace(0, highest[0], _SOFTER)[1:-1]  # of parents at rest, or sent backward
    kinds = np.concatenate(list(PDG_OF.values()))[:, None]
    largest = response(kinds, np.concatenate([lower, highest])).max(axis=0)
    return np.asarray(np.maximum.accumulate(largest)[lower.size :])


class DecaySource:
    """The decays of one emission as a source of arrivals (see `snmc.roles.generator.Source`)."""

    def __init__(self, sampler: DecaySampler, paper_law: PaperLaw) -> None:
        self.sampler, self.paper_law = sampler, paper_law

    @property
    def empty(self) -> bool:
        """True if nothing at all can arrive inside the observation."""
        return self.sampler.empty

    @property
    def spectrum(self) -> tuple[Array, Array]:
        """Parents emitted: energies [MeV] and dN/dE [1/MeV], linear between them."""
        return self.sampler.emission.energies, self.sampler.emission.spectrum

    def arrivals(
        self, stream: np.random.Generator, first_event: int, count: int, events: int
    ) -> Columns:
        """Draw `count` of the run's `events`, numbered from `first_event`."""
        return self.sampler.sample(stream, first_event, count, events)

    def drawn_by(self, response: Response) -> "DecaySource":
        """The same decays, of parents drawn by the largest response to any of their daughters."""
        one = self.sampler
        return DecaySource(
            DecaySampler(
                one.emission, one.modes, one.mass, one.flight, one.polarisation,
                largest_response(one.emission, one.mass, response), one.secondaries,
            ),
            self.paper_law,
        )  # fmt: skip

    def largest_weight(self, events: int) -> float:
        """Weight that only rows beyond the tilt's best case exceed, see `Source`.

        The decay time is drawn for one of the daughters: a row that it alone makes counts for all.
        """
        return self.sampler.weight_unit(events) * self.sampler.rows_each

    def analytic(self, daughter: Daughter, edges: Array) -> Mapping[str, Array]:
        """Fluence in bins of energy: exact, and as the paper prints it, see `Source`."""
        one = self.sampler
        given = (one.emission, one.modes, one.mass, one.flight, daughter, edges)
        return {
            "exact": exact_fluence(*given, one.polarisation, one.secondaries),
            PAPERS[self.paper_law]: paper_fluence(*given, self.paper_law, one.secondaries),
        }

    def summary(self) -> dict[str, Any]:
        """Normalisation, widths and mode names for the file's metadata."""
        one = self.sampler
        report: Mapping[str, Any] = emission_report(
            one.emission, one.modes, one.mass, one.flight.neutrinosphere
        )
        return {**report, "modes": [mode.name for mode in one.modes]}
