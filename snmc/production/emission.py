"""The emission table: how many particles leave the core, at which time, radius and energy.

d3N/(dE dr dt) seen from infinity. A particle born with energy E_loc where the lapse is a arrives
with E = a E_loc and is bound if a E_loc < M; a time dt there lasts dt/a here. The volume of a shell
is its proper volume.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from snmc.core import CoreState, SupernovaCore
from snmc.ground.cache import keep_table, load_table, source_hash
from snmc.ground.compiled import fingerprint
from snmc.ground.errors import NoEmissionError
from snmc.ground.units import RATE_DENSITY
from snmc.production.coalescence import coalescence_rate
from snmc.production.scattering import potential_step, scattering_rate
from snmc.thermal import Screening, debye_momentum_squared, plasmon_mass_squared, species

Array = npt.NDArray[np.float64]
Precision = Literal["draft", "scan", "standard", "high"]

CM3_IN_KM3 = 1e15
_COLDEST = 0.08  # shells colder than this part of the hottest emit less than 1e-5 of it (~ T^6)
_TAIL = 22.0  # spectra end where they fell by exp(-22)
_STATES_PER_TASK = 16
_SOURCES = ("ground", "core", "thermal.py", "production")  # what this module can reach by imports
_PROBE = np.linspace(
    0, 1, 13
)  # shares of the emitting radius at which chemical potentials are seen


@dataclass(frozen=True)
class Scattering:
    """A process 1 2 -> 3 X: species that may be particle 1, target 2, recoil 3, amplitude.

    The `sources` share mass, statistics and potential. `amplitude` as `snmc.production.scattering`
    describes it, for unit coupling; `azimuths`: points of the average over the azimuth, 2 for
    polynomials of degree 3 in p_2, more where a propagator depends on it; `pole`: photon exchange,
    1/(t - k^2)^2; `anti_amplitude`: that of the antineutrinos (names in _bar) among the sources,
    None if it is the same; `scale`: what of the plasma the amplitude takes as k^2, the static
    "screening" of exchanged photons or the "plasmon" mass squared of real ones.
    """

    name: str
    sources: tuple[str, ...]
    target: str
    recoil: str
    amplitude: Callable[..., float]
    azimuths: int = 2
    pole: bool = False
    anti_amplitude: Callable[..., float] | None = None
    scale: Literal["screening", "plasmon"] = "screening"


@dataclass(frozen=True)
class Coalescence:
    """A process 1 2 -> X: species that may be particle 1, the partner 2, amplitude.

    The `sources` share mass and statistics.
    `amplitude` as `snmc.production.coalescence` describes it, for unit coupling.
    """

    name: str
    sources: tuple[str, ...]
    partner: str
    amplitude: Callable[..., float]


Process = Scattering | Coalescence


@dataclass(frozen=True)
class Grid:
    """Cells of the table in time and radius, and the nodes in energy.

    `time_edges` [s]: (times + 1,); `radius_edges` [km]: (times, radii + 1), up to the radius
    beyond which the core is too cold to emit; `energies` [MeV] at infinity: (energies,).
    """

    time_edges: Array
    radius_edges: Array
    energies: Array


@dataclass(frozen=True)
class Resolution:
    """Cells: time steps a second (one a snapshot interval at least), radii, energies.

    `orders` of the quadrature of 2 -> 2 rates; `pole_orders` where a photon is exchanged.
    """

    steps_per_second: float
    radii: int
    energies: int
    orders: tuple[int, int, int]
    pole_orders: tuple[int, int, int]


RESOLUTION: Mapping[Precision, Resolution] = {
    "draft": Resolution(1.0, 16, 32, (6, 6, 4), (6, 6, 4)),
    "scan": Resolution(2.5, 20, 32, (6, 6, 4), (6, 6, 4)),  # good to 4e-3, summed over a core
    "standard": Resolution(2.5, 32, 48, (6, 7, 4), (8, 8, 5)),  # good to 2e-3, summed over a core
    "high": Resolution(5.0, 64, 80, (12, 12, 6), (12, 12, 6)),
}


def emission_grid(
    core: SupernovaCore, mass: float, precision: Precision, processes: Iterable[Process]
) -> Grid:
    """Choose the cells for a particle of `mass` [MeV] from `core`.

    Time cells divide the intervals between snapshots; energies lie quadratically above the mass up
    to where the spectrum of each of the `processes` has fallen by exp(-22).
    """
    time_edges, radius_edges, coarse, hottest = _space(core, precision)
    shoulder = max((_shoulder(process, coarse) for process in processes), default=0.0)
    kinetic_top = max(0.0, shoulder - mass) + _TAIL * hottest
    steps_up = np.linspace(0, 1, RESOLUTION[precision].energies + 1)[1:] ** 2
    return Grid(time_edges, radius_edges, mass + kinetic_top * steps_up)


@lru_cache(maxsize=8)
def _space(core: SupernovaCore, precision: Precision) -> tuple[Array, Array, CoreState, float]:
    """Edges in time [s] and radius [km], a few states, and the hottest temperature [MeV].

    The same for all masses of a scan, and not to be written to.
    """
    resolution = RESOLUTION[precision]
    steps = np.ceil(np.diff(core.times) * resolution.steps_per_second - 1e-9).astype(int)
    edges = [
        np.linspace(core.times[i], core.times[i + 1], max(1, n) + 1)[:-1]
        for i, n in enumerate(steps)
    ]
    time_edges = np.append(np.concatenate(edges), core.times[-1])
    middles = (time_edges[1:] + time_edges[:-1]) / 2

    fractions = np.linspace(0, 1, 400)
    probe = core.state(core.surface(middles)[:, None] * fractions, middles[:, None])
    hot = probe.temperature > _COLDEST * probe.temperature.max(axis=1, keepdims=True)
    outermost = fractions[np.max(np.where(hot, np.arange(400), 0), axis=1)]
    reach = core.surface(middles) * np.maximum(outermost, fractions[1])
    radius_edges = reach[:, None] * np.linspace(0, 1, resolution.radii + 1)

    coarse = flat(core.state(reach[:, None] * _PROBE, middles[:, None]))
    return time_edges, radius_edges, coarse, float(probe.temperature.max())


def _shoulder(process: Process, state: CoreState) -> float:
    """Energy [MeV] beyond which spectra of light X fall as exp(-E/T).

    Detailed balance, exp((mu_1 + mu_2 - mu_3 - E)/T) with full chemical potentials, holds the rate
    down from there; but the opposite process is blocked below the Fermi energy of 1, or closed
    below its mass.
    """
    sources = [species(name, state, "all") for name in process.sources]
    if isinstance(process, Coalescence):
        partner = species(process.partner, state, "all")
        return max(float(np.max(one.mu + partner.mu)) for one in sources)
    target = species(process.target, state, "all")
    same = process.recoil == process.target
    recoil = target if same else species(process.recoil, state, "all")
    shift = potential_step(sources, target, recoil)
    balance = target.mu - recoil.mu + shift
    at_rest = target.mass - recoil.mass + shift
    return max(
        float(np.max(np.maximum(one.mu + balance, np.maximum(one.mu, one.mass) + at_rest)))
        for one in sources
    )


def emitted_numbers(
    core: SupernovaCore,
    process: Process,
    mass: float,
    screening: Screening,
    gravity: bool,
    precision: Precision,
    grid: Grid,
    workers: int = 1,
    progress: Callable[[int], Any] = lambda states: None,
) -> Array:
    """Particles emitted by `process` per cell and energy, for unit coupling squared.

    Result: (sources, times, radii, energies), dN/dE [1/MeV] at infinity, in units of the coupling
    squared [MeV^2 for a coupling in 1/MeV]. `mass` [MeV]; `gravity`: lapse, proper volume and
    binding, else flat space; `workers`: threads; `progress`: told how many states are done. Kept
    on disk under a hash of everything that enters: core, process with all that its amplitudes
    call and read, mass, energies, switches, sources of snmc.
    """
    identity = {
        "source": source_hash(*_SOURCES), "core": core.content, "mass": mass,
        "screening": screening, "gravity": gravity, "precision": precision,
        "process": fingerprint(
            type(process).__name__, *(getattr(process, f.name) for f in fields(process))
        ),
        "energies": grid.energies.tolist(),
    }  # fmt: skip
    known = identity["process"] is not None
    numbers = load_table(identity) if known else None
    if numbers is not None:
        progress(numbers.shape[1] * numbers.shape[2])
        return numbers
    numbers = _compute(core, process, mass, screening, gravity, precision, grid, workers, progress)
    if known:
        keep_table(identity, numbers)
    return numbers


def cells(core: SupernovaCore, grid: Grid, gravity: bool) -> tuple[CoreState, Array]:
    """State in the middle and proper volume [km3] of each cell, (times, radii).

    Without `gravity` the lapse is 1 and volumes are flat.
    """
    middle_time = (grid.time_edges[1:] + grid.time_edges[:-1])[:, None] / 2
    inner, outer = grid.radius_edges[:, :-1], grid.radius_edges[:, 1:]
    state = core.state((inner + outer) / 2, middle_time)
    if gravity:
        return state, core.shell_volume(inner, outer, middle_time)
    flat_volume = 4 * np.pi / 3 * (outer**3 - inner**3)
    return replace(state, lapse=np.ones_like(state.lapse)), flat_volume


def _compute(
    core: SupernovaCore,
    process: Process,
    mass: float,
    screening: Screening,
    gravity: bool,
    precision: Precision,
    grid: Grid,
    workers: int,
    progress: Callable[[int], Any],
) -> Array:
    state, volume = cells(core, grid, gravity)
    state = flat(state)
    # Rates depend on place and time only through the local state: each state once.
    table = np.stack([getattr(state, field.name) for field in fields(state)], axis=1)
    rate_columns = [i for i, field in enumerate(fields(state)) if field.name != "enclosed_mass"]
    _, first, where = np.unique(
        table[:, rate_columns], axis=0, return_index=True, return_inverse=True
    )
    distinct = _take(state, first)
    cells_each = np.bincount(where, minlength=len(first))

    def task(begin: int) -> Array:
        chunk = slice(begin, begin + _STATES_PER_TASK)
        rate = _rate(process, _take(distinct, chunk), grid, mass, screening, precision)
        progress(int(cells_each[chunk].sum()))
        return rate

    pool = ThreadPoolExecutor(max(1, workers))
    try:
        rates = np.concatenate(list(pool.map(task, range(0, len(first), _STATES_PER_TASK))))
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C do not work through the rest

    shape = (*volume.shape, len(process.sources), len(grid.energies))
    local = rates[where].reshape(shape)
    # dN/dE at infinity: dt_loc = a dt and dE_loc = dE/a, so the lapse stays in E_loc alone.
    duration = np.diff(grid.time_edges)
    cell = volume * CM3_IN_KM3 * duration[:, None] * RATE_DENSITY
    return np.ascontiguousarray(np.moveaxis(local * cell[..., None, None], 2, 0))


def _rate(
    process: Process,
    state: CoreState,
    grid: Grid,
    mass: float,
    screening: Screening,
    precision: Precision,
) -> Array:
    """Local rates [MeV^3], (states, sources, energies), at what arrives as the grid's energies."""
    local_energies = grid.energies / state.lapse[:, None]
    sources = [species(name, state, screening) for name in process.sources]
    if isinstance(process, Scattering):
        resolution = RESOLUTION[precision]
        scale = plasmon_mass_squared if process.scale == "plasmon" else debye_momentum_squared
        return scattering_rate(
            process.amplitude,
            local_energies,
            mass,
            state.temperature,
            scale(state, screening),
            sources,
            species(process.target, state, screening),
            species(process.recoil, state, screening),
            resolution.pole_orders if process.pole else resolution.orders,
            process.azimuths,
            process.pole,
            process.anti_amplitude,
        )
    partner = species(process.partner, state, screening)
    return coalescence_rate(
        process.amplitude, local_energies, mass, state.temperature, sources, partner
    )


def flat(state: CoreState) -> CoreState:
    """Give the same states in one row."""
    return CoreState(**{f.name: np.ravel(getattr(state, f.name)) for f in fields(state)})


def _take(state: CoreState, rows: Any) -> CoreState:
    return CoreState(
        **{f.name: np.ascontiguousarray(getattr(state, f.name)[rows]) for f in fields(state)}
    )


@dataclass(frozen=True)
class Emission:
    """What leaves the core, all processes together, for the couplings of one model.

    `components`: the kinds of parent (one for a Majorana particle; particle and antiparticle);
    `grid`: its cells; `energies` [MeV]: (n,), the fine nodes between which the density is linear;
    `density`: (components, times, radii, n), dN/dE [1/MeV] of each cell; `by_process`: parents and
    their energy [MeV] for each process; `escaping_share`: of the number made, what
    leaves the core.
    """

    components: tuple[str, ...]
    grid: Grid
    energies: Array
    density: Array
    by_process: Mapping[str, tuple[float, float]]
    escaping_share: float = 1.0

    @property
    def spectrum(self) -> Array:
        """dN/dE [1/MeV] of all parents at `energies`."""
        return np.asarray(self.density.sum(axis=(0, 1, 2)))

    @property
    def edge_share(self) -> float:
        """Share of the parents that come from the outermost shell."""
        edge = np.asarray(self.density[:, :, -1].sum(axis=(0, 1)))
        return _trapezoid(edge, self.energies)[0] / self.parents

    @property
    def parents(self) -> float:
        """Number of parents emitted."""
        return float(_trapezoid(self.spectrum, self.energies)[0])

    @property
    def parent_energy(self) -> float:
        """Energy they carry [MeV]."""
        return float(_trapezoid(self.spectrum, self.energies)[1])


FINE_PER_NODE = 6


def combine(
    components: tuple[str, ...],
    grid: Grid,
    mass: float,
    tables: Mapping[str, Array],
    escaping: Array | None = None,
) -> Emission:
    """Sum processes and lay the spectra on a fine energy grid.

    `tables`: by process, (components, times, radii, energies) dN/dE [1/MeV] with couplings
    included; `escaping`: the share of them that leaves the core, of the same shape, None for all.
    Between the nodes of `grid` the logarithm of dN/dE is interpolated monotonically in
    the square root of the kinetic energy; below the first node (at most about an MeV above the
    mass) the density falls linearly to zero. Raises NoEmissionError if nothing
    at all is emitted.
    """
    from scipy.interpolate import PchipInterpolator

    total = np.sum(list(tables.values()), axis=0)
    if not np.any(total > 0):
        raise NoEmissionError(
            f"generator: no parent leaves this core: at mass {mass:g} MeV the chosen processes and "
            f"couplings give nothing up to {grid.energies[-1]:.4g} MeV, where its spectra end"
        )
    coarse = np.sqrt(grid.energies - mass)
    fine = np.linspace(coarse[0], coarse[-1], FINE_PER_NODE * (len(coarse) - 1) + 1)
    energies = np.concatenate([[mass], mass + fine**2])

    def refine(numbers: Array) -> Array:
        floor = 1e-60 * max(float(numbers.max()), 1e-200)
        log = np.log(np.maximum(numbers, floor))
        dense = np.exp(PchipInterpolator(coarse, log, axis=-1)(fine))
        dense[dense <= 2 * floor] = 0.0
        return np.concatenate([np.zeros_like(dense[..., :1]), dense], axis=-1)

    escaping_share = 1.0
    if escaping is not None:
        made, _ = _trapezoid(refine(total.sum(axis=(0, 1, 2))), energies)
        total = total * escaping
        left, _ = _trapezoid(refine(total.sum(axis=(0, 1, 2))), energies)
        escaping_share = left / made
        tables = {name: table * escaping for name, table in tables.items()}
    by_process = {}
    for name, table in tables.items():
        spectrum = refine(table.sum(axis=(0, 1, 2)))
        count, energy = _trapezoid(spectrum, energies)
        by_process[name] = (float(count), float(energy))
    return Emission(components, grid, energies, refine(total), by_process, escaping_share)


def _trapezoid(density: Array, energies: Array) -> tuple[float, float]:
    """Number and energy of a piecewise linear density, both exact."""
    low, high = energies[:-1], energies[1:]
    a, b = density[:-1], density[1:]
    width = high - low
    number = np.sum(width * (a + b) / 2)
    energy = np.sum(width * (a * (2 * low + high) + b * (low + 2 * high)) / 6)
    return float(number), float(energy)
