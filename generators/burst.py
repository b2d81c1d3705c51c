"""The neutrinos that every core-collapse supernova sends: pinched spectra, constant or from tables.

dN/dE = (L/E0^2) (1+a)^(1+a)/Gamma(1+a) (E/E0)^a exp(-(1+a) E/E0) for each species, with mean
energy E0 and pinching a (Keil, Raffelt and Janka, ApJ 590 (2003) 971; eq. 1 of Akita et al.,
arXiv:2312.13627): a gamma distribution of shape 1 + a. Between the instants of a table L, E0 and a
run linearly. Flavours mix adiabatically on the way out, from infinite density.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from snmc.burst import FORMATS, SPECIES, BurstEmission, load_burst
from snmc.burst.emission import KIND_OF, KINDS, STEEPEST, moment, pinched
from snmc.decays.fluence import Daughter
from snmc.flavour import transition_probability
from snmc.ground.columns import ARRIVALS, Columns
from snmc.ground.errors import InputError, PhysicsError
from snmc.ground.sampling import rounded
from snmc.ground.units import MEV_IN_ERG
from snmc.production.emission import Precision
from snmc.roles.generator import (
    File,
    Generator,
    Observation,
    Parameter,
    Response,
    Supernova,
    Value,
)

Array = npt.NDArray[np.float64]

# Akita et al., section 2: model SFHo-18.8, the same for all species.
TOTAL_ENERGY = 1.98e53  # erg
MEAN_ENERGY = 12.7  # MeV
PINCHING = 2.39
# The 20 events of Kamiokande-II and IMB came 2.8 s after their first on average.
COOLING_TIME = 3.0  # s

STEP, LAST = 0.02, 20.0  # of the exponential's table, in cooling times: all but e^-20
DENSE = 1e15  # MeV g/cm3, beyond all resonances
M2_IN_CM2 = 1e4
MARGIN = 1.002  # of the envelope of a response, for what lies between its points
OF_A_TABLE = ("table_distance", "table_duration")


def exponential(
    energy: float, mean_energies: tuple[float, float, float], pinching: float, cooling_time: float
) -> BurstEmission:
    """Emission of constant spectra whose luminosity falls as exp(-t/cooling_time).

    `energy` [erg] of all six species, shared equally; `mean_energies` [MeV] of the three kinds;
    `cooling_time` [s].
    """
    time = np.linspace(0.0, LAST, round(LAST / STEP) + 1)
    mean = np.repeat(np.array(mean_energies)[:, None], len(time), axis=1)
    shape = np.exp(-time) / mean
    unscaled = BurstEmission(
        time * cooling_time, shape, mean, np.full_like(mean, pinching), np.arange(6), KIND_OF
    )
    scale = energy / 6 / MEV_IN_ERG / unscaled.energies().sum(axis=1, keepdims=True)
    return replace(unscaled, rate=shape * scale)


class Burst(Generator):
    """The neutrinos of a supernova itself, signal of their own and background to decays."""

    name = "burst"
    title = "Standard neutrino burst: pinched spectra, constant or from tables"
    parameters = (
        Parameter("energy", "erg", 1e48, 1e55, "of all six species", default=TOTAL_ENERGY),
        Parameter("mean_energy", "MeV", 1, 100, "of a neutrino", default=MEAN_ENERGY),
        *(
            Parameter(f"mean_energy_{kind}", "MeV", 1, 100, f"of {kind} alone", optional=True)
            for kind in KINDS
        ),
        Parameter("pinching", "", 0, 20, "2 for Maxwell-Boltzmann", default=PINCHING),
        Parameter(
            "cooling_time", "s", 1e-3, 1e3, "in which the luminosity falls by a factor e",
            default=COOLING_TIME,
        ),
        Parameter("table_distance", "kpc", 1e-3, 1e5, "that a table of a fluence is for",
                  optional=True),
        Parameter("table_duration", "s", 1e-3, 1e3, "of the emission of a fluence", optional=True),
    )  # fmt: skip
    files = (
        File(
            "table",
            "luminosity and spectrum of each flavour against time, or a fluence, in place of the "
            "other parameters: " + ", ".join(FORMATS),
        ),
    )
    references = (
        "Keil, Raffelt, Janka, ApJ 590 (2003) 971, astro-ph/0208035",
        "Akita, Im, Masud, Yun, JHEP 07 (2024) 057, arXiv:2312.13627",
    )

    def __init__(self, values: Mapping[str, Value]) -> None:
        super().__init__(values)
        table = self.values.get("table")
        distance, duration = (self._optional(key) for key in OF_A_TABLE)
        if table is not None:
            others = ", ".join(sorted(set(self.values) - {"table", *OF_A_TABLE}))
            if others:
                raise InputError(f"generator.table: found beside {others}; needs one or the other")
            try:
                self.emission = load_burst(Path(str(table)), distance, duration)
            except InputError as error:
                raise InputError(f"generator.table: {error}") from error
            return
        if distance is not None or duration is not None:
            raise InputError(f"generator: found {' or '.join(OF_A_TABLE)} without a table")
        nu_e, nu_e_bar, nu_x = (
            self._number(key if key in self.values else "mean_energy")
            for key in (f"mean_energy_{kind}" for kind in KINDS)
        )
        self.emission = exponential(
            self._number("energy"),
            (nu_e, nu_e_bar, nu_x),
            self._number("pinching"),
            self._number("cooling_time"),
        )

    def _number(self, key: str) -> float:
        return float(self.values[key])  # type: ignore[arg-type]

    def _optional(self, key: str) -> float | None:
        return self._number(key) if key in self.values else None

    @property
    def sends(self) -> frozenset[Daughter]:
        """Neutrinos alone."""
        return frozenset({"neutrino"})

    @property
    def highest_energy(self) -> float:
        """Energy [MeV] that no neutrino of a run exceeds."""
        return self.emission.reach()

    @property
    def content(self) -> str:
        """Hash of the table's files."""
        return self.emission.content

    def prepare(
        self,
        supernova: Supernova,
        observation: Observation,
        precision: Precision,
        workers: int,
        quiet: bool,
    ) -> "BurstSource":
        """Make the source of this burst, see `Generator.prepare`; nothing has to be computed."""
        return BurstSource(self.emission, supernova, observation)

    def report(
        self, supernova: Supernova, precision: Precision, workers: int, quiet: bool
    ) -> dict[str, Any]:
        """Numbers for `snmc show CARD`, see `Generator.report`."""
        return burst_report(self.emission)


def burst_report(emission: BurstEmission) -> dict[str, Any]:
    """Emitted number and energy in all and by species; neutrinos are stable."""
    numbers, energies = (
        np.bincount(emission.species, of_one.sum(axis=1)[emission.row], minlength=len(SPECIES))
        for of_one in (emission.numbers(), emission.energies())
    )
    parents, energy = float(numbers.sum()), float(energies.sum())
    return {
        "parents": parents,
        "parent_energy_erg": energy * MEV_IN_ERG,
        "mean_energy_MeV": energy / parents,
        "processes": {
            species: {
                "parents": float(number),
                "parent_energy_erg": float(carried) * MEV_IN_ERG,
                "share": float(number) / parents,
            }
            for species, number, carried in zip(SPECIES, numbers, energies, strict=True)
        },
        "width_MeV": 0.0,
        "lifetime_s": None,
        "branching": {},
    }


class BurstSource:
    """The neutrinos of a burst that arrive in the window (see `snmc.roles.generator.Source`).

    Drawn by a response R they have, for each flavour f at Earth, a density steeper by the
    polynomial P_f(E) = sum_k a_fk E^k, the lowest that reaches R everywhere; a pinched spectrum
    times a power of E stays one.
    """

    def __init__(
        self,
        emission: BurstEmission,
        supernova: Supernova,
        observation: Observation,
        response: Response | None = None,
    ) -> None:
        """Prepare the tables; arguments as of `Generator.prepare` and `Source.drawn_by`."""
        self.emission, self.supernova, self.observation = emission, supernova, observation
        self._seen = seen = emission.within(0.0, observation.window)
        self._sphere = 4 * np.pi * supernova.distance**2 * M2_IN_CM2
        numbers = seen.numbers()
        at_earth = np.zeros((len(seen.species), len(SPECIES)))  # chances, (emission, flavour)
        for anti in (0, 1):
            born = np.flatnonzero(seen.species % 2 == anti)
            mixed = np.eye(3)
            if not emission.at_earth:
                mixed = transition_probability(
                    1.0, DENSE, supernova.ordering, bool(anti), supernova.oscillation
                )
            at_earth[born, anti::2] = mixed[seen.species[born] // 2]
        self._powers, self._steepness = np.zeros(1), np.ones((len(SPECIES), 1))
        self._limits = self._moments()
        if response is not None and not self.empty:
            self._powers = np.arange(STEEPEST + 1.0)
            self._limits = self._moments()
            drawn = np.einsum("krc,rc->kr", self._limits, numbers)[:, seen.row]
            self._steepness = self._envelopes(response, at_earth.T @ drawn.T)
            used = self._steepness.any(axis=0)
            self._powers, self._steepness = self._powers[used], self._steepness[:, used]
            self._limits = self._limits[used]
        # neutrinos of each emission, flavour at Earth, power and cell of time
        cells = np.einsum(
            "ef,fk,kec,ec->efkc", at_earth, self._steepness, self._limits[:, seen.row],
            numbers[seen.row],
        )  # fmt: skip
        self._shape = cells.shape
        self._cdf = np.cumsum(cells.ravel())
        self._drawn = float(self._cdf[-1]) if self._cdf.size else 0.0
        self._cdf /= self._drawn or 1.0

    @property
    def empty(self) -> bool:
        """True if nothing at all can arrive inside the observation."""
        return not self.observation.neutrinos or not np.any(self._seen.numbers() > 0)

    @property
    def spectrum(self) -> tuple[Array, Array]:
        """Neutrinos emitted: energies [MeV] and dN/dE [1/MeV], linear between them."""
        numbers, mean, pinching = self.emission.nodes()
        energies = np.linspace(0.0, self.emission.highest_energy(), 400)
        density = np.array(
            [
                self.emission.copies @ (numbers * pinched(E, mean, pinching)).sum(axis=1)
                for E in energies
            ]
        )
        return energies, density

    def arrivals(
        self, stream: np.random.Generator, first_event: int, count: int, events: int
    ) -> Columns:
        """Draw `count` of the run's `events`, numbered from `first_event`."""
        if self.empty or not self._drawn:
            count = 0
        seen = self._seen
        drawn = np.searchsorted(self._cdf, stream.random(count), side="right")
        which, flavour, power, cell = np.unravel_index(drawn, self._shape)
        species, row = seen.species[which], seen.row[which]

        low, high = seen.rate[row, cell], seen.rate[row, cell + 1]
        u = stream.random(count)
        part = u * (low + high) / (low + np.sqrt(low**2 + u * (high**2 - low**2)))
        time = seen.time[cell] + part * (seen.time[cell + 1] - seen.time[cell])
        mean, pinching = (
            table[row, cell] * (1 - part) + table[row, cell + 1] * part
            for table in (seen.mean_energy, seen.pinching)
        )
        energy = mean / (1 + pinching) * stream.standard_gamma(1 + pinching + self._powers[power])
        energy = np.maximum(energy, 1e-6)  # so far below all thresholds 1/E^power stays finite
        # density drawn from over that of the burst, of all powers together
        steeper = np.zeros(count)
        for k, exponent in enumerate(self._powers):
            bound = self._limits[k, row, cell] / moment(exponent, mean, pinching)
            steeper += self._steepness[flavour, k] * energy**exponent * bound

        codes = np.array(list(SPECIES.values()))
        nothing = np.zeros(count)
        values = {
            "event": first_event + np.arange(count),
            "weight": self._unit(events) / steeper,
            "pdg": codes[flavour],
            "pdg_decay": codes[species],
            "energy": energy,
            "time": time,
            "delay": nothing,
            "theta": nothing,
            "phi": nothing,
            "parent_energy": energy,
            "emission_time": time,
            "emission_radius": np.full(count, self.supernova.neutrinosphere / 1e3),
            "decay_length": nothing,
            "cos_alpha": np.ones(count),
            "mode": species,
        }
        return {column.name: values[column.name].astype(column.dtype) for column in ARRIVALS}

    def drawn_by(self, response: Response) -> "BurstSource":
        """The same burst, see `Source`; the weight times the response is the more even."""
        return BurstSource(self.emission, self.supernova, self.observation, response)

    def largest_weight(self, events: int) -> float:
        """Weight [1/cm2], times the response if drawn by one, that no row exceeds."""
        return 0.0 if self.empty else self._unit(events)

    def summary(self) -> dict[str, Any]:
        """Emission, and the species by the number of their mode, for the file's metadata."""
        return {**burst_report(self.emission), "modes": list(SPECIES)}

    def analytic(self, daughter: Daughter, edges: Array) -> Mapping[str, Array]:
        """Fluence [1/cm2] in the window in each bin of energy, see `Source`."""
        if daughter != "neutrino" or self.empty:
            return {"exact": np.zeros(len(edges) - 1)}
        return {"exact": np.asarray(self._seen.copies @ self._seen.between(edges)) / self._sphere}

    def _unit(self, events: int) -> float:
        return self._drawn / self._sphere / events

    def _moments(self) -> Array:
        """Bounds of <E^power> in each cell, (powers, spectra, cells).

        A moment grows with the mean energy and falls with the pinching.
        """
        mean, pinching = self._seen.mean_energy, self._seen.pinching
        hottest = np.maximum(mean[:, 1:], mean[:, :-1])
        broadest = np.minimum(pinching[:, 1:], pinching[:, :-1])
        return np.array([moment(power, hottest, broadest) for power in self._powers])

    def _envelopes(self, response: Response, drawn: Array) -> Array:
        """Coefficients a_fk [1/MeV^k] of the polynomials, (flavours, powers).

        `drawn` (flavours, powers): neutrinos drawn for a coefficient of 1.
        """
        energies = np.linspace(0.1, self._seen.highest_energy(), 1000)
        codes = np.array(list(SPECIES.values()))
        powers = energies[:, None] ** self._powers
        return np.array(
            [
                lowest_envelope(powers, wanted, costs)
                for wanted, costs in zip(response(codes[:, None], energies), drawn, strict=True)
            ]
        )


def lowest_envelope(functions: Array, wanted: Array, costs: Array) -> Array:
    """Factors a >= 0 of least total cost with which the sum of functions reaches what is wanted.

    `functions` (points, n) above 0, `wanted` (points,), `costs` (n,): a linear programme. The
    result is raised by `MARGIN`, for what lies between the points; zero if nothing is wanted.
    """
    from scipy.optimize import linprog

    some = wanted > 1e-9 * wanted.max()
    if not some.any() or not np.all(costs > 0):
        return np.zeros(costs.size)
    relative = costs / costs[0]
    scaled = functions[some] / relative / (wanted[some, None] / wanted.max())
    found = linprog(np.ones(costs.size), A_ub=-scaled, b_ub=-np.ones(len(scaled)), method="highs")
    if not found.success:
        raise PhysicsError(f"burst: no envelope of the response: {found.message}")
    shares = np.maximum(found.x, 0.0)
    shares *= MARGIN / np.min(scaled @ shares)
    return rounded(shares * wanted.max() / relative)
