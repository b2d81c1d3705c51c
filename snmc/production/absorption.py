"""Absorption on the way out of the core: the share of particles that escapes, by place of birth.

The collision term of X is C[f] = Gamma_prod (1 +- f) - Gamma_abs f, upper sign for bosons. A beam
of X relaxes to equilibrium with Gamma = Gamma_abs -+ Gamma_prod, the effective absorption rate of
Akita et al. (arXiv:2312.13627, eq. 27), and Gamma_abs follows from the production rate by detailed
balance (their eq. 28). The share that escapes is the directional mean of exp(-tau) (their eq. 30,
where tau_abs inside the integral is a misprint for Gamma/beta).

Lines are straight in the areal radius, of proper length, with the energy at infinity constant along
them; their bending is left out. Light crosses the core in 1e-4 s, against seconds of cooling: tau
is that of the core at the time of emission. Nothing is absorbed outside the radius up to which the
core emits, and both helicities are taken to be equally opaque.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from snmc.core import CoreState, SupernovaCore
from snmc.ground.compiled import compiled
from snmc.ground.quadrature import unit_rule
from snmc.ground.units import HBAR_C, RATE_DENSITY
from snmc.production.coalescence import decay_energy, decay_momentum
from snmc.production.emission import CM3_IN_KM3, Coalescence, Grid, Process, cells, flat
from snmc.thermal import FERMI, Screening, Species, species

Array = npt.NDArray[np.float64]
Rescattering = Callable[[CoreState, Array], Array | None]

_OPAQUE, _EDGE = 0.5, 0.1  # share that escapes, and of it from the outermost shell
_TRANSPARENT = 1e-6  # optical depth below which nothing is absorbed
_PER_KM = 1e18 / HBAR_C  # 1 MeV as an inverse length [1/km]
_IMPACTS = 4  # impact parameters a shell


def is_upper_bound(escaping_share: float, edge_share: float) -> bool:
    """Whether a core is opaque up to its edge: what lies outside would absorb too.

    `escaping_share`: of the particles made; `edge_share`: of those that escape, from the outermost
    shell. The computed emission is then more than the true one.
    """
    return escaping_share < _OPAQUE and edge_share > _EDGE


@dataclass(frozen=True)
class Opacity:
    """Absorption per proper length along a line through the core [1/km], for unit strength.

    Strength stands for the square of all couplings, relative to those of the model. `edges` [km]:
    (times, radii + 1) of the shells; `stretch`: (times, radii) proper over coordinate length of
    radial lines; `linear`: (components, times, radii, energies) of the inverse of production, which
    grows with the strength; `squared`: of rescattering, which grows with its square, or None.
    """

    edges: Array
    stretch: Array
    linear: Array
    squared: Array | None

    def at(self, strength: float) -> Array:
        """Opacity [1/km] of a strength, (components, times, radii, energies)."""
        if self.squared is None:
            return strength * self.linear
        return strength * (self.linear + strength * self.squared)

    def longest(self, strength: float) -> float:
        """Largest optical depth of any line, through the centre."""
        steps = self.stretch * np.diff(self.edges, axis=1)
        return float(2 * np.max(np.sum(self.at(strength) * steps[..., None], axis=2)))

    def opaque(self, strength: float) -> bool:
        """Whether anything is absorbed that is worth the work."""
        return self.longest(strength) >= _TRANSPARENT


def escaping_share(
    core: SupernovaCore,
    grid: Grid,
    mass: float,
    screening: Screening,
    gravity: bool,
    production: Sequence[tuple[Process, Array, Array]],
    spin_states: int,
    statistics: float,
    rescattering: Rescattering,
) -> Array:
    """Share of the particles made in each cell that leave the core, mean over directions.

    Arguments as of `opacity`. Result: (components, times, radii, energies); exactly 1 where the
    optical depth of no line exceeds 1e-6.
    """
    found = opacity(
        core, grid, mass, screening, gravity, production, spin_states, statistics, rescattering
    )
    if not found.opaque(1.0):
        return np.ones_like(found.linear)
    return line_escape(found.edges, found.stretch, found.at(1.0))


def opacity(
    core: SupernovaCore,
    grid: Grid,
    mass: float,
    screening: Screening,
    gravity: bool,
    production: Sequence[tuple[Process, Array, Array]],
    spin_states: int,
    statistics: float,
    rescattering: Rescattering,
) -> Opacity:
    """Opacity of the cells of `grid` at its energies at infinity.

    `production`: each process with its table of `emitted_numbers` (sources, times, radii, energies)
    and its couplings squared (components, sources); `mass` [MeV]; `spin_states` g and `statistics`
    (FERMI or BOSE) of X; `rescattering`: further opacity [MeV] of flattened states (n,) at local
    energies (n, energies), or None.
    """
    state, volume = cells(core, grid, gravity)
    gamma = effective_absorption(
        state, volume, grid, mass, screening, production, spin_states, statistics
    )
    local = grid.energies / state.lapse[..., None]
    per_km = _PER_KM * local / np.sqrt((local - mass) * (local + mass))
    more = rescattering(flat(state), local.reshape(-1, local.shape[-1]))
    squared = None
    if more is not None:
        squared = np.broadcast_to(more.reshape(local.shape) * per_km, gamma.shape)
    edges = grid.radius_edges
    stretch = volume / (4 * np.pi / 3 * np.diff(edges**3, axis=1))
    return Opacity(edges, stretch, gamma * per_km, squared)


def effective_absorption(
    state: CoreState,
    volume: Array,
    grid: Grid,
    mass: float,
    screening: Screening,
    production: Sequence[tuple[Process, Array, Array]],
    spin_states: int,
    statistics: float,
) -> Array:
    """Effective absorption rate Gamma [MeV] at the energies at infinity of `grid`.

    Gamma_prod (exp((E - Delta mu)/T) -+ 1) with E the local energy, Delta mu = mu_1 + mu_2 - mu_3
    of the full chemical potentials and Gamma_prod = 2 pi^2/(g p E) dn/(dE dt). The inverse of a
    coalescence is the decay, which the flight of X already takes in vacuum: it counts only as far
    as it exceeds Gamma_vac M/E. Where the particles 1 and 2 are inverted (E < Delta mu, bosons) X
    is amplified; zero is taken instead. `state`, `volume` [km3]: of the cells (times, radii); the
    rest as `escaping_share`. Result: (components, times, radii, energies).
    """
    local = grid.energies / state.lapse[..., None]
    p = np.sqrt((local - mass) * (local + mass))
    duration = np.diff(grid.time_edges)[:, None]
    cell = volume * duration * CM3_IN_KM3 * RATE_DENSITY
    per_number = 2 * np.pi**2 / (spin_states * p * local) / cell[..., None]
    sign = 1.0 if statistics == FERMI else -1.0
    total = np.zeros((len(production[0][2]), *local.shape))
    known = cache(lambda name: species(name, state, screening))
    for process, numbers, couplings in production:
        rest = _rest_potential(process, state, known)
        vacuum = 0.0
        if isinstance(process, Coalescence):
            vacuum = vacuum_width(process, state, mass, spin_states)
        for source, table in enumerate(numbers):
            first = known(process.sources[source])
            delta_mu = first.mu + first.potential + rest
            x = (local - delta_mu[..., None]) / state.temperature[..., None]
            made = table * per_number
            gamma = made * np.exp(np.minimum(x, 700.0)) + sign * made
            if vacuum:
                gamma = gamma - vacuum * mass / local
            total += couplings[:, source, None, None, None] * np.maximum(gamma, 0.0)
    return total


def _rest_potential(process: Process, state: CoreState, known: Callable[[str], Species]) -> Array:
    """Full chemical potentials of the other particles of a process, mu_2 - mu_3 [MeV]."""
    if isinstance(process, Coalescence):
        partner = known(process.partner)
        return partner.mu + partner.potential
    if process.target == process.recoil:
        return np.zeros_like(state.temperature)
    target, recoil = known(process.target), known(process.recoil)
    return target.mu + target.potential - recoil.mu - recoil.potential


def vacuum_width(process: Coalescence, state: CoreState, mass: float, spin_states: int) -> float:
    """Width [MeV] of X -> 1 2 in vacuum for unit coupling, by detailed balance.

    Gamma = S|M|^2 p*/(8 pi g M^2) with the amplitude of the coalescence at rest; S|M|^2 =
    16 pi g M Gamma for massless daughters. Zero where X is not heavier than both daughters.
    """
    m1 = float(np.max(species(process.sources[0], state, "none").mass))
    m2 = float(np.max(species(process.partner, state, "none").mass))
    momentum = decay_momentum(mass, m1, m2)
    if momentum == 0.0:
        return 0.0
    squared = process.amplitude(mass, m2, decay_energy(mass, m1, m2), mass)
    return float(squared * momentum / (8 * np.pi * spin_states * mass**2))


def line_escape(edges: Array, stretch: Array, per_km: Array) -> Array:
    """Mean over directions and over a shell of exp(-tau) out of a sphere.

    `edges` [km]: (times, radii + 1) of the shells; `stretch`: (times, radii) proper over
    coordinate length of radial lines; `per_km`: (components, times, radii, energies) opacity,
    uniform inside a shell. Result: the shape of `per_km`.
    Emission is uniform inside a shell, so opaque shells shine from their surface. Integrated over
    the impact parameter of parallel lines, exactly along each.
    """
    result = np.empty_like(per_km)
    nodes, weights = (np.array(part) for part in unit_rule(_IMPACTS))
    for time in range(len(edges)):
        for component in range(len(per_km)):
            opacity = np.ascontiguousarray(per_km[component, time])
            share = np.empty_like(opacity)
            _escape(share, edges[time], stretch[time], opacity, nodes, weights)
            result[component, time] = share
    return result


@compiled
def _escape(
    share: Array, edges: Array, stretch: Array, per_km: Array, nodes: Array, weights: Array
) -> None:
    """Fill share[shell, energy] for one time and component."""
    shells, energies = per_km.shape
    length = np.empty(shells)
    proper = np.empty(shells)
    volume = np.zeros(shells)
    share[:] = 0.0
    for tangent in range(shells):
        span = edges[tangent + 1] ** 2 - edges[tangent] ** 2
        for node, weight in zip(nodes, weights):
            # b^2 = r_2^2 - span u^2: all chords are smooth in u
            b2 = edges[tangent + 1] ** 2 - span * node * node
            measure = weight * span * node  # b db
            inner = 0.0
            for k in range(tangent, shells):
                outer = np.sqrt(max(0.0, edges[k + 1] ** 2 - b2))
                length[k] = outer - inner
                middle2 = (0.5 * (outer + inner)) ** 2
                radial = middle2 / (middle2 + b2)  # (dr/ds)^2
                proper[k] = length[k] * np.sqrt(1 + (stretch[k] ** 2 - 1) * radial)
                volume[k] += 2 * measure * length[k]
                inner = outer
            for i in range(energies):
                outward = 1.0  # exp(-tau) from the outer edge of shell k to the surface
                for k in range(shells - 1, tangent - 1, -1):
                    depth = per_km[k, i] * proper[k]
                    share[k, i] += measure * length[k] * outward * _mean_transmission(depth)
                    outward *= np.exp(-depth)
                for k in range(tangent, shells):  # and back from the far side
                    depth = per_km[k, i] * proper[k]
                    share[k, i] += measure * length[k] * outward * _mean_transmission(depth)
                    outward *= np.exp(-depth)
    for k in range(shells):
        for i in range(energies):
            share[k, i] = min(1.0, share[k, i] / volume[k])


@compiled
def _mean_transmission(depth: float) -> float:
    """Mean of exp(-x) over 0 < x < depth."""
    return float(-np.expm1(-depth) / depth) if depth > 0.0 else 1.0
