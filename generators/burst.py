"""The neutrinos that every core-collapse supernova sends: pinched spectra, constant or from tables.

dN/dE = (L/E0^2) (1+a)^(1+a)/Gamma(1+a) (E/E0)^a exp(-(1+a) E/E0) for each species, with mean
energy E0 and pinching a (Keil, Raffelt and Janka, ApJ 590 (2003) 971; eq. 1 of Akita et al.,
arXiv:2312.13627): a gamma distribution of shape 1 + a. Between the instants of a table L, E0 and a
run linearly. Flavours mix adiabatically on the way out, from infinite density.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import gammainc, gammaincinv, gammaln

from snmc.decays.fluence import Daughter
from snmc.flavour import transition_probability
from snmc.ground.columns import ARRIVALS, Columns
from snmc.ground.errors import InputError
from snmc.ground.quadrature import unit_rule
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

SPECIES = {"nu_e": 12, "nu_e_bar": -12, "nu_mu": 14, "nu_mu_bar": -14, "nu_tau": 16,
           "nu_tau_bar": -16}  # fmt: skip
KINDS = ("nu_e", "nu_e_bar", "nu_x")  # nu_x: each of the other four
QUANTITIES = ("luminosity", "mean_energy", "pinching")
COLUMNS = ("time", *(f"{quantity}_{kind}" for quantity in QUANTITIES for kind in KINDS))
KIND_OF = np.array([0, 1, 2, 2, 2, 2])  # of the species
NUMBER_OF = np.array([1.0, 1.0, 4.0])  # species of a kind

# Akita et al., section 2: model SFHo-18.8, the same for all species.
TOTAL_ENERGY = 1.98e53  # erg
MEAN_ENERGY = 12.7  # MeV
PINCHING = 2.39
# The 20 events of Kamiokande-II and IMB came 2.8 s after their first on average.
COOLING_TIME = 3.0  # s

STEP, LAST = 0.02, 20.0  # of the exponential's table, in cooling times: all but e^-20
PARTS = 8  # of a cell of a table
TAIL = 1e-7  # share of the hottest spectrum beyond the energies looked at
DENSE = 1e15  # MeV g/cm3, beyond all resonances
LARGEST_MEAN = 200.0  # MeV
FILES_LUMINOSITY = 1e52  # erg/s, unit of the files by flavour of SNOwGLoBES
M2_IN_CM2 = 1e4


@dataclass(frozen=True)
class Emission:
    """Neutrinos emitted, each array (3, n) for the kinds at `time` (n,) [s], linear in between.

    `rate` [1/s] of one species of the kind, `mean_energy` [MeV], `pinching`; `content`: hash of the
    files it was read from.
    """

    time: Array
    rate: Array
    mean_energy: Array
    pinching: Array
    content: str = ""

    def within(self, start: float, stop: float) -> "Emission":
        """The part from `start` to `stop` [s]; fewer than two instants if there is none."""
        start, stop = max(start, self.time[0]), min(stop, self.time[-1])
        inside = self.time[(self.time > start) & (self.time < stop)]
        time = np.concatenate([[start], inside, [stop]]) if start < stop else np.empty(0)
        rate, energy, pinching = (
            np.array([np.interp(time, self.time, row) for row in table])
            for table in (self.rate, self.mean_energy, self.pinching)
        )
        return Emission(time, rate, energy, pinching, self.content)

    def numbers(self) -> Array:
        """Neutrinos of one species of each kind in each cell of time, (3, n - 1)."""
        cells: Array = (self.rate[:, 1:] + self.rate[:, :-1]) / 2 * np.diff(self.time)
        return cells

    def energies(self) -> Array:
        """Energy [MeV] they carry, (3, n - 1): the integral of rate times mean energy."""
        r, e = self.rate, self.mean_energy
        straight = 2 * (r[:, 1:] * e[:, 1:] + r[:, :-1] * e[:, :-1])
        crossed = r[:, 1:] * e[:, :-1] + r[:, :-1] * e[:, 1:]
        cells: Array = (straight + crossed) / 6 * np.diff(self.time)
        return cells

    def nodes(self) -> tuple[Array, Array, Array]:
        """Quadrature over time: numbers, mean energies and pinchings, each (3, 2 (n - 1))."""
        points, weights = (np.array(part) for part in unit_rule(2))

        def between(table: Array) -> Array:
            low, high = table[:, :-1, None], table[:, 1:, None]
            return np.asarray((low + (high - low) * points).reshape(len(KINDS), -1))

        widths = (np.diff(self.time)[:, None] * weights).ravel()
        return between(self.rate) * widths, between(self.mean_energy), between(self.pinching)

    def highest_energy(self) -> float:
        """Energy [MeV] that only a share TAIL of the hottest spectrum exceeds."""
        shape = 1 + self.pinching
        return float(np.max(self.mean_energy / shape * gammaincinv(shape, 1 - TAIL)))

    def between(self, edges: Array) -> Array:
        """Neutrinos of one species of each kind with energies between `edges` [MeV], (3, bins)."""
        numbers, mean, pinching = self.nodes()
        below = np.empty((len(KINDS), len(edges)))
        for i, edge in enumerate(edges):
            below[:, i] = (numbers * gammainc(1 + pinching, (1 + pinching) * edge / mean)).sum(1)
        return np.diff(below, axis=1)


def pinched(energy: Array, mean: Array, pinching: Array) -> Array:
    """Normalised pinched spectrum [1/MeV] at `energy` [MeV] of mean `mean` [MeV] (Akita, eq. 1)."""
    shape = 1 + pinching
    x = shape * energy / mean
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm = np.where(pinching == 0, 0.0, pinching * np.log(x)) - x - gammaln(shape)
    return np.asarray(shape / mean * np.exp(logarithm))


def _moment(power: int, mean: Array, pinching: Array) -> Array:
    """<E^power> [MeV^power] of a pinched spectrum."""
    shape = 1 + pinching
    return np.asarray((mean / shape) ** power * np.exp(gammaln(shape + power) - gammaln(shape)))


def exponential(
    energy: float, mean_energies: tuple[float, float, float], pinching: float, cooling_time: float
) -> Emission:
    """Emission of constant spectra whose luminosity falls as exp(-t/cooling_time).

    `energy` [erg] of all six species, shared equally; `mean_energies` [MeV] of the three kinds;
    `cooling_time` [s].
    """
    time = np.linspace(0.0, LAST, round(LAST / STEP) + 1)
    mean = np.repeat(np.array(mean_energies)[:, None], len(time), axis=1)
    shape = np.exp(-time) / mean
    unscaled = Emission(time * cooling_time, shape, mean, np.full_like(mean, pinching))
    scale = energy / 6 / MEV_IN_ERG / unscaled.energies().sum(axis=1, keepdims=True)
    return Emission(unscaled.time, shape * scale, mean, unscaled.pinching)


# --- tables --------------------------------------------------------------------------------------


def read_table(path: Path) -> Emission:
    """Read luminosities, mean energies and pinchings against time; the format is told by content.

    A folder: SNOwGLoBES' digitised files by flavour, alpha_*, avgen_*, luminosity_* for nue,
    nuebar and numu (or nux), rows of time [s] and value, luminosities in 1e52 erg/s. A file of ten
    numbers a row: its "pinched" format, number, pinchings, mean energies [MeV] and energies [erg]
    of nu_e, nu_e_bar, nu_x for each step of time, with a file NAME_key beside it that tells number,
    time [s] and length [s] of the steps. A file with a header: columns time, and luminosity
    [erg/s], mean_energy, pinching, each _nu_e, _nu_e_bar, _nu_x. nu_x is each of four species.
    Raises InputError for files that are missing or none of these.
    """
    digest = hashlib.sha256()
    if path.is_dir():
        return _by_flavour(path, digest)
    names, rows = _rows(path, digest)
    if names:
        return _plain(path, names, rows, digest)
    if rows.shape[1] == 10:
        return _pinched_info(path, rows, digest)
    raise InputError(
        f"generator.table: {path}: found {rows.shape[1]} numbers a row without a header; needs a "
        "folder of files by flavour, a table of 10 numbers a row with its key, or named columns"
    )


def _rows(path: Path, digest: Any) -> tuple[list[str], Array]:
    """Names of the columns, if a header tells them, and the rows of numbers (n, columns)."""
    try:
        data = path.read_bytes()
        text = data.decode()
    except OSError as error:
        raise InputError(f"generator.table: {path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"generator.table: {path}: found bytes that are no text") from error
    digest.update(data)
    names: list[str] = []
    rows: list[list[float]] = []
    for line in text.splitlines():
        words = line.replace(",", " ").split()
        if not rows and words and "time" in [word.strip("#") for word in words]:
            names = [word for word in (word.strip("#") for word in words) if word]
        elif words and not words[0].startswith("#"):
            try:
                rows.append([float(word) for word in words])
            except ValueError as error:
                needs = "; needs numbers"
                if not rows:
                    needs = ", no known layout; needs numbers, or a header of " + ", ".join(COLUMNS)
                raise InputError(
                    f"generator.table: {path}: found {line.strip()[:40]!r}{needs}"
                ) from error
    width = len(names) or (len(rows[0]) if rows else 0)
    if len(rows) < 2 or any(len(row) != width for row in rows) or not np.isfinite(rows).all():
        raise InputError(
            f"generator.table: {path}: needs two or more rows of finite numbers, equally long"
        )
    return names, np.array(rows)


def _by_flavour(folder: Path, digest: Any) -> Emission:
    tables = {
        (quantity, kind): _curve(folder, quantity, kind, digest)
        for quantity in ("luminosity", "avgen", "alpha")
        for kind in range(len(KINDS))
    }
    time = np.unique(np.concatenate([curve[0] for curve in tables.values()]))

    def on_grid(quantity: str, outside: float | None) -> Array:
        return np.array(
            [
                np.interp(time, *tables[quantity, kind], left=outside, right=outside)
                for kind in range(len(KINDS))
            ]
        )

    luminosity = FILES_LUMINOSITY * on_grid("luminosity", 0.0)
    return _emission(
        folder, time, luminosity, on_grid("avgen", None), on_grid("alpha", None), digest
    )


def _curve(folder: Path, quantity: str, kind: int, digest: Any) -> tuple[Array, Array]:
    for flavour in (("nue",), ("nuebar",), ("numu", "nux"))[kind]:
        found = sorted(
            {*folder.glob(f"{quantity}_{flavour}.txt"), *folder.glob(f"{quantity}_{flavour}_*.txt")}
        )
        if len(found) > 1:
            raise InputError(
                f"generator.table: {folder}: found {found[0].name} and {found[1].name}; needs one"
            )
        if found:
            _, rows = _rows(found[0], digest)
            if rows.shape[1] != 2:
                raise InputError(f"generator.table: {found[0]}: needs two numbers a row")
            rows = rows[np.argsort(rows[:, 0], kind="stable")]
            return rows[:, 0], rows[:, 1]
    raise InputError(f"generator.table: {folder}: found no {quantity}_{flavour}*.txt in it")


def _pinched_info(path: Path, rows: Array, digest: Any) -> Emission:
    key = path.with_name(f"{path.stem}_key{path.suffix}")
    _, steps = _rows(key, digest)
    if steps.shape != (len(rows), 3) or not np.array_equal(steps[:, 0], rows[:, 0]):
        raise InputError(
            f"generator.table: {key}: needs number, time and length of the {len(rows)} steps of "
            f"{path.name}"
        )
    if not np.all(steps[:, 2] > 0):
        raise InputError(f"generator.table: {key}: found a step of no length")
    luminosity = rows[:, 7:10].T / steps[:, 2]
    return _emission(path, steps[:, 1], luminosity, rows[:, 4:7].T, rows[:, 1:4].T, digest)


def _plain(path: Path, names: list[str], rows: Array, digest: Any) -> Emission:
    if sorted(names) != sorted(COLUMNS):
        raise InputError(
            f"generator.table: {path}: found columns {', '.join(names)}; needs {', '.join(COLUMNS)}"
        )
    columns = dict(zip(names, rows.T, strict=True))
    luminosity, mean, pinching = (
        np.array([columns[f"{quantity}_{kind}"] for kind in KINDS]) for quantity in QUANTITIES
    )
    return _emission(path, columns["time"], luminosity, mean, pinching, digest)


def _emission(
    path: Path, time: Array, luminosity: Array, mean: Array, pinching: Array, digest: Any
) -> Emission:
    """Check a table; where nothing of a kind is emitted its spectrum is that of the nearest time.

    `luminosity` [erg/s], of one species.
    """
    if not np.all(np.diff(time) > 0):
        raise InputError(f"generator.table: {path}: needs times that rise")
    if np.any(luminosity < 0) or not np.all(np.any(luminosity > 0, axis=1)):
        raise InputError(
            f"generator.table: {path}: needs luminosities of each flavour, not below 0"
        )
    mean, pinching = mean.copy(), pinching.copy()
    for kind in range(len(KINDS)):
        emits = np.flatnonzero(luminosity[kind] > 0)
        nearest = emits[np.argmin(np.abs(np.arange(len(time))[:, None] - emits), axis=1)]
        mean[kind], pinching[kind] = mean[kind, nearest], pinching[kind, nearest]
    if not (np.all(mean > 0) and np.all(mean <= LARGEST_MEAN)):
        raise InputError(
            f"generator.table: {path}: found mean energies from {mean.min():g} to {mean.max():g} "
            f"MeV; needs values above 0, up to {LARGEST_MEAN:g} MeV"
        )
    if np.any(pinching < 0):
        raise InputError(f"generator.table: {path}: found a pinching below 0")
    # Luminosity, mean energy and pinching run linearly; their rate nearly so in a part of a cell.
    instants = np.arange(len(time))
    parts = np.arange(PARTS * (len(time) - 1) + 1) / PARTS
    time = np.interp(parts, instants, time)
    luminosity, mean, pinching = (
        np.array([np.interp(parts, instants, row) for row in table])
        for table in (luminosity, mean, pinching)
    )
    return Emission(time, luminosity / MEV_IN_ERG / mean, mean, pinching, digest.hexdigest())


# --- the model -----------------------------------------------------------------------------------


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
    )  # fmt: skip
    files = (
        File(
            "table",
            "luminosity, mean energy and pinching of each flavour against time, in place of all "
            "parameters",
        ),
    )
    references = (
        "Keil, Raffelt, Janka, ApJ 590 (2003) 971, astro-ph/0208035",
        "Akita, Im, Masud, Yun, JHEP 07 (2024) 057, arXiv:2312.13627",
    )

    def __init__(self, values: Mapping[str, Value]) -> None:
        super().__init__(values)
        table = self.values.get("table")
        if table is not None:
            if len(self.values) > 1:
                others = ", ".join(sorted(set(self.values) - {"table"}))
                raise InputError(f"generator.table: found beside {others}; needs one or the other")
            self.emission = read_table(Path(str(table)))
            return
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

    @property
    def sends(self) -> frozenset[Daughter]:
        """Neutrinos alone."""
        return frozenset({"neutrino"})

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
        response: Response | None = None,
    ) -> "BurstSource":
        """Make the source of this burst, see `Generator.prepare`; nothing has to be computed."""
        return BurstSource(self.emission, supernova, observation, response)

    def report(
        self, supernova: Supernova, precision: Precision, workers: int, quiet: bool
    ) -> dict[str, Any]:
        """Numbers for `snmc show CARD`, see `Generator.report`."""
        return burst_report(self.emission)


def burst_report(emission: Emission) -> dict[str, Any]:
    """Emitted number and energy in all and by species; neutrinos are stable."""
    numbers, energies = emission.numbers().sum(axis=1), emission.energies().sum(axis=1)
    parents, energy = float(NUMBER_OF @ numbers), float(NUMBER_OF @ energies)
    return {
        "parents": parents,
        "parent_energy_erg": energy * MEV_IN_ERG,
        "mean_energy_MeV": energy / parents,
        "processes": {
            species: {
                "parents": float(numbers[kind]),
                "parent_energy_erg": float(energies[kind]) * MEV_IN_ERG,
                "share": float(numbers[kind]) / parents,
            }
            for species, kind in zip(SPECIES, KIND_OF, strict=True)
        },
        "width_MeV": 0.0,
        "lifetime_s": None,
        "branching": {},
    }


class BurstSource:
    """The neutrinos of a burst that arrive in the window (see `snmc.roles.generator.Source`).

    For unweighted events energies are drawn with a density steeper by E^power, the power for which
    the fewest draws are thrown away; a pinched spectrum stays one.
    """

    def __init__(
        self,
        emission: Emission,
        supernova: Supernova,
        observation: Observation,
        response: Response | None,
    ) -> None:
        """Prepare the tables; arguments as of `Generator.prepare`."""
        self.emission = emission
        self._seen = emission.within(0.0, observation.window)
        self._neutrinos = observation.neutrinos
        self._sphere = 4 * np.pi * supernova.distance**2 * M2_IN_CM2
        self._radius = supernova.neutrinosphere
        self._power, self._largest = 0, 1.0
        if response is not None and not self.empty:
            self._power, self._largest = self._best_power(response)
        self._limits = self._moments(self._power)
        self._cells = (self._seen.numbers() * self._limits)[KIND_OF]  # (species, time)
        self._cdf = np.cumsum(self._cells.ravel()) / max(self._cells.sum(), 1e-300)
        self._at_earth = np.array(
            [
                transition_probability(
                    1.0, DENSE, supernova.ordering, antineutrino, supernova.oscillation
                )
                for antineutrino in (False, True)
            ]
        )

    @property
    def empty(self) -> bool:
        """True if nothing at all can arrive inside the observation."""
        return not self._neutrinos or not np.any(self._seen.numbers() > 0)

    @property
    def spectrum(self) -> tuple[Array, Array]:
        """Neutrinos emitted: energies [MeV] and dN/dE [1/MeV], linear between them."""
        numbers, mean, pinching = self.emission.nodes()
        energies = np.linspace(0.0, self.emission.highest_energy(), 400)
        density = np.array(
            [NUMBER_OF @ (numbers * pinched(E, mean, pinching)).sum(axis=1) for E in energies]
        )
        return energies, density

    def arrivals(
        self, stream: np.random.Generator, first_event: int, count: int, events: int
    ) -> Columns:
        """Draw `count` of the run's `events`, numbered from `first_event`."""
        if self.empty:
            count = 0
        seen, cells = self._seen, len(self._seen.time) - 1
        drawn = np.searchsorted(self._cdf, stream.random(count), side="right")
        drawn = np.minimum(drawn, len(self._cdf) - 1)
        species, cell = np.divmod(drawn, max(cells, 1))
        kind = KIND_OF[species]

        low, high = seen.rate[kind, cell], seen.rate[kind, cell + 1]
        u = stream.random(count)
        part = u * (low + high) / (low + np.sqrt(low**2 + u * (high**2 - low**2)))
        time = seen.time[cell] + part * (seen.time[cell + 1] - seen.time[cell])
        mean, pinching = (
            table[kind, cell] * (1 - part) + table[kind, cell + 1] * part
            for table in (seen.mean_energy, seen.pinching)
        )
        energy = mean / (1 + pinching) * stream.standard_gamma(1 + pinching + self._power)
        energy = np.maximum(energy, 1e-6)  # so far below all thresholds 1/E^power stays finite
        weight = np.full(count, self._unit(events))
        if self._power:
            moment = _moment(self._power, mean, pinching)
            weight *= moment / self._limits[kind, cell] / energy**self._power

        born = np.array(list(SPECIES.values()))[species]
        mixed = self._at_earth[(born < 0).astype(int), species // 2].cumsum(axis=-1)
        flavour = (stream.random(count)[:, None] >= mixed[:, :2]).sum(axis=1)
        nothing = np.zeros(count)
        values = {
            "event": first_event + np.arange(count),
            "weight": weight,
            "pdg": np.sign(born) * np.array([12, 14, 16])[flavour],
            "pdg_decay": born,
            "energy": energy,
            "time": time,
            "delay": nothing,
            "theta": nothing,
            "phi": nothing,
            "parent_energy": energy,
            "emission_time": time,
            "emission_radius": np.full(count, self._radius / 1e3),
            "decay_length": nothing,
            "cos_alpha": np.ones(count),
            "mode": species,
        }
        return {column.name: values[column.name].astype(column.dtype) for column in ARRIVALS}

    def largest_weight(self, events: int) -> float:
        """Weight [1/cm2], or expected counts where a response was given, that few rows exceed."""
        return 0.0 if self.empty else self._unit(events) * self._largest

    def summary(self) -> dict[str, Any]:
        """Emission, and the species by the number of their mode, for the file's metadata."""
        return {**burst_report(self.emission), "modes": list(SPECIES)}

    def analytic(self, daughter: Daughter, edges: Array) -> Mapping[str, Array]:
        """Fluence [1/cm2] in the window in each bin of energy, see `Source`."""
        if daughter != "neutrino" or self.empty:
            return {"exact": np.zeros(len(edges) - 1)}
        return {"exact": np.asarray(NUMBER_OF @ self._seen.between(edges)) / self._sphere}

    def _unit(self, events: int) -> float:
        return float(self._cells.sum()) / self._sphere / events

    def _moments(self, power: int) -> Array:
        """Bound of <E^power> in each cell, (3, cells): it grows with E0 and falls with pinching."""
        mean, pinching = self._seen.mean_energy, self._seen.pinching
        return _moment(
            power,
            np.maximum(mean[:, 1:], mean[:, :-1]),
            np.minimum(pinching[:, 1:], pinching[:, :-1]),
        )

    def _best_power(self, response: Response) -> tuple[int, float]:
        """Steepness with the fewest draws, and the largest response/E^power [cm2/MeV^power]."""
        energies = np.linspace(0.1, self._seen.highest_energy(), 2000)
        areas = response(energies)
        numbers = self._seen.numbers()
        draws, power, largest = min(
            (float(NUMBER_OF @ (numbers * self._moments(k)).sum(axis=1)) * bound, k, bound)
            for k in range(7)
            for bound in [float(np.max(areas / energies**k))]
        )
        return (power, largest) if draws > 0 else (0, 0.0)
