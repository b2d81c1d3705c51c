"""One weighted sample for every coupling: rows that remember what their weight depends on.

All couplings of a model scaled by g give production as the strength s = g^2, decay rates as s, the
optical depth out of the core as s (and s^2 for rescattering). A row drawn once, with decay times
spread for any rate and parents from a mixture that covers all strengths, has the weight

    w(s) = w s (s d) exp(-s d) T(s),    T(s) = exp(-tau_rest) (1 - exp(-tau_own))/tau_own

with d = t/tau, its decay time in lifetimes of strength 1; the line of flight through the core gives
the optical depths tau: in the parent's own shell, where it may stand anywhere along the line, and
over the rest. The sum of w(s) is the fluence of a model with the couplings g.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from snmc.decays.modes import DecayMode
from snmc.decays.sampler import DecaySampler, Flight
from snmc.ground.columns import ARRIVALS, Columns
from snmc.ground.compiled import compiled
from snmc.ground.sampling import guide_table, linear_point, pick_cell
from snmc.ground.units import C_LIGHT, HBAR
from snmc.production.absorption import Opacity, is_upper_bound
from snmc.production.emission import Emission

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

REFERENCES_A_DECADE = 1.5  # strengths whose parents the mixture is made of
GONE = 700.0  # exponents beyond which nothing is left


@dataclass(frozen=True)
class Sample:
    """A batch of weighted rows, ready for any strength.

    `columns`: those of ARRIVALS (for a sample of parents: event, weight [erg], emission_time), the
    weight without what depends on the strength; `decay` (rows,): d, or, for parents, the lifetimes
    until the neutrinosphere; `depths` (rows, 4): tau_own and tau_rest that grow as s, and those
    that grow as s^2; `decays`: whether rows are decays, with the factor s d.
    """

    columns: Columns
    decay: Array
    depths: Array
    decays: bool

    def weights(self, strength: float) -> Array:
        """Weights (rows,) at one strength."""
        rows = len(self.decay)
        return _weights(
            strength, np.asarray(self.columns["weight"]), self.decay, self.depths, self.decays,
            np.arange(rows),
        )  # fmt: skip


@compiled
def _weight(strength: float, base: float, decay: float, depths: Array, decays: bool) -> float:
    """w(s) of one row."""
    d = strength * decay
    rest = strength * (depths[1] + strength * depths[3])
    if d + rest > GONE:
        return 0.0
    own = strength * (depths[0] + strength * depths[2])
    result = base * strength * np.exp(-(d + rest))
    if decays:
        result *= d
    if own > 0.0:
        result *= -np.expm1(-own) / own
    return float(result)


@compiled
def _weights(
    strength: float, base: Array, decay: Array, depths: Array, decays: bool, rows: Integers
) -> Array:
    result = np.empty(len(rows))
    for i, row in enumerate(rows):
        result[i] = _weight(strength, base[row], decay[row], depths[row], decays)
    return result


@compiled
def add_spectra(
    strengths: Array, base: Array, decay: Array, depths: Array, decays: bool,
    factor: Array, origin: Integers, event: Integers, place: Integers,
    spectrum: Array, variance: Array, sums: Array, squares: Array, batches: Array,
) -> None:  # fmt: skip
    """Add what rows contribute at each of the `strengths` to spectra and sums.

    `base`, `decay`, `depths`, `decays`: of a `Sample`; `factor` (n,): expected counts per unit
    weight of row `origin` (n,); `event` (n,): rows of one stand together; `place` (n,): bin, or
    one outside. Added to: `spectrum`, `variance` (strengths, bins); `sums` (strengths,) and
    `squares`, of the events' weights; `batches` (strengths, n): of every n-th event.
    """
    bins, parts = spectrum.shape[1], batches.shape[1]
    for i in range(len(strengths)):
        of_event = 0.0
        for j in range(len(origin)):
            row = origin[j]
            weight = factor[j] * _weight(strengths[i], base[row], decay[row], depths[row], decays)
            if j > 0 and event[j] != event[j - 1]:
                squares[i] += of_event * of_event
                of_event = 0.0
            of_event += weight
            sums[i] += weight
            batches[i, event[j] % parts] += weight
            if 0 <= place[j] < bins:
                spectrum[i, place[j]] += weight
                variance[i, place[j]] += weight * weight
        squares[i] += of_event * of_event


def reference_strengths(strengths: Array) -> Array:
    """Strengths that cover the range of `strengths`, evenly in their logarithm."""
    low, high = float(strengths.min()), float(strengths.max())
    count = int(np.ceil(np.log10(high / low) * REFERENCES_A_DECADE)) + 1
    return np.geomspace(low, high, count)


class Lines:
    """Optical depths along lines of flight out of the core.

    The opacity is laid on the energies of the emission, linear in its logarithm between the nodes
    of the table.
    """

    def __init__(self, opacity: Opacity, emission: Emission, strongest: float) -> None:
        """Prepare; `strongest`: the largest strength asked for."""
        self._opacity = opacity
        self.emission, self.edges, self.stretch = emission, opacity.edges, opacity.stretch
        self.opaque = opacity.opaque(strongest)
        if not self.opaque:
            return
        self.linear = self._fine(opacity.linear)
        squared = opacity.squared
        self.squared = np.zeros_like(self.linear) if squared is None else self._fine(squared)

    def _fine(self, per_km: Array) -> Array:
        """Opacity at the emission's energies, (components, times, energies, radii)."""
        nodes = self.emission.grid.energies
        x, fine = np.sqrt(nodes - nodes[0]), self.emission.energies
        at = np.interp(np.sqrt(np.maximum(fine - nodes[0], 0.0)), x, np.arange(len(x)))
        low = np.minimum(at.astype(int), len(x) - 2)
        part = at - low
        log = np.log(np.maximum(per_km, 1e-300))
        result = np.exp(log[..., low] * (1 - part) + log[..., low + 1] * part)
        return np.ascontiguousarray(np.swapaxes(result, 2, 3))

    def straight_out(self, strength: float) -> Array:
        """Share that escapes along the radius, (components, times, radii, pieces), or (1, 1, 1, 1).

        For sampling: one where no line takes more than a hundredth.
        """
        if self._opacity.longest(strength) < 0.01:
            return np.ones((1, 1, 1, 1))
        depth = strength * (self.linear + strength * self.squared)[:, :, 1:]  # heads of pieces
        depth = depth * (self.stretch * np.diff(self.edges, axis=1))[:, None, :]
        beyond = np.cumsum(depth[..., ::-1], axis=-1)[..., ::-1] - depth
        own = np.maximum(depth, 1e-12)
        share = np.exp(-np.minimum(beyond, GONE)) * -np.expm1(-own) / own
        return np.ascontiguousarray(np.swapaxes(share, 2, 3))

    def bound_from(self, numbers: Array, strengths: Array) -> float:
        """Smallest of the `strengths` at which the core is opaque up to its edge; else infinite.

        `numbers`: (components, times, radii, pieces) of parents made. By the depth along the
        radius, doubled for the mean over directions: good to a factor of three in the coupling.
        """

        def bounded(strength: float) -> bool:
            escaping = numbers * self.straight_out(2 * strength)
            total, edge = float(escaping.sum()), float(escaping[:, :, -1].sum())
            return total > 0 and is_upper_bound(total / float(numbers.sum()), edge / total)

        if not self.opaque:
            return np.inf
        first = bisect_left(strengths, True, key=bounded)  # it grows with the strength
        return float(strengths[first]) if first < len(strengths) else np.inf

    def depths(
        self, stream: np.random.Generator, event: Integers, component: Integers, born: Array,
        radius: Array, energy: Array,
    ) -> Array:  # fmt: skip
        """Optical depths of strength 1 (rows, 4) along a random line from each event's shell.

        See `Sample`. `event`: rows of one stand together and share their line; `component` of the
        parent; `born` [s] and `radius` [km] of its birth; `energy` [MeV].
        """
        if not self.opaque:
            return np.zeros((len(event), 4))
        time = np.searchsorted(self.emission.grid.time_edges, born, side="right") - 1
        time = np.clip(time, 0, len(self.edges) - 1)
        return _depths(
            stream, event, component, time, radius, energy, self.edges, self.stretch,
            self.emission.energies, self.linear, self.squared,
        )  # fmt: skip


@compiled
def _depths(
    rng: np.random.Generator, event: Integers, component: Integers, time: Integers, radius: Array,
    energy: Array, edges: Array, stretch: Array, energies: Array, linear: Array, squared: Array,
) -> Array:  # fmt: skip
    rows, shells = len(event), stretch.shape[1]
    result = np.zeros((rows, 4))
    for i in range(rows):
        if i > 0 and event[i] == event[i - 1]:
            result[i] = result[i - 1]
            continue
        t, c = time[i], component[i]
        shell = min(np.searchsorted(edges[t], radius[i], side="right") - 1, shells - 1)
        inner, outer = edges[t, shell], edges[t, shell + 1]
        place = np.cbrt(inner**3 + rng.random() * (outer**3 - inner**3))
        cosine = 2 * rng.random() - 1
        b2 = place * place * (1 - cosine * cosine)
        piece = min(np.searchsorted(energies, energy[i], side="right") - 1, len(energies) - 2)
        part = (energy[i] - energies[piece]) / (energies[piece + 1] - energies[piece])
        near = 0.0
        for k in range(shells):
            if edges[t, k + 1] * edges[t, k + 1] <= b2:
                continue
            far = np.sqrt(edges[t, k + 1] * edges[t, k + 1] - b2)
            middle2 = (0.5 * (far + near)) ** 2
            radial = middle2 / (middle2 + b2)  # (dr/ds)^2
            length = (far - near) * np.sqrt(1 + (stretch[t, k] ** 2 - 1) * radial)
            near = far
            # inward, the line crosses what lies inside twice, and its own shell once more
            crossed = 0.0
            if k > shell:
                crossed = 1.0
            elif cosine < 0.0:
                crossed = 2.0 if k < shell else 1.0
            low, high = linear[c, t, piece, k], linear[c, t, piece + 1, k]
            first = length * (low + part * (high - low))
            low, high = squared[c, t, piece, k], squared[c, t, piece + 1, k]
            second = length * (low + part * (high - low))
            if k == shell:
                result[i, 0], result[i, 2] = first, second
            result[i, 1] += crossed * first
            result[i, 3] += crossed * second
    return result


class ReweightableSampler(DecaySampler):
    """Arrivals whose weights are known for every strength between those asked for.

    `bound_from`: strength from which, about, the emission is an upper bound, see `is_upper_bound`.
    """

    def __init__(
        self,
        emission: Emission,
        opacity: Opacity | None,
        strengths: Array,
        modes: tuple[DecayMode, ...],
        mass: float,
        flight: Flight,
        polarisation: Array | None,
        response: Array | None,
        secondaries: bool,
        flights: Sequence[Flight] = (),
    ) -> None:
        """Prepare the tables.

        `emission`: of strength 1, without absorption; `opacity`: of the core, None where it is left
        out; `strengths`: those that will be asked for; other arguments as of `DecaySampler`.
        """
        self._references = reference_strengths(strengths)
        self.bound_from = np.inf
        self._lines = None if opacity is None else Lines(opacity, emission, float(strengths.max()))
        super().__init__(
            emission, modes, mass, flight, polarisation, response, secondaries, flights
        )
        self._component = np.array(
            [emission.components.index(mode.component) for mode in modes], np.int64
        )

    def _tilt(self, numbers: Array, response: Array | None) -> Array:
        """Mixture of what each flight sees at each reference strength, all with equal weight."""
        lines = self._lines
        if lines is not None:
            self.bound_from = lines.bound_from(numbers, self._references)
        mixture = np.zeros(numbers.shape)
        for strength in self._references:
            escaping = np.ones((1, 1, 1, 1))
            if lines is not None:
                escaping = lines.straight_out(strength)
            by_cell = (numbers * escaping).sum(axis=(0, 2))
            rate = strength * self.width / HBAR
            for flight in self._flights:
                forward = self.seen_forward(flight, by_cell, rate, response)
                tilt = forward[None, :, None, :] * escaping
                if (total := float((numbers * tilt).sum())) > 0:
                    mixture += tilt / total
        return mixture

    def draw(
        self, stream: np.random.Generator, first_event: int, count: int, events: int
    ) -> Sample:
        """Draw `count` of `events` decays, numbered from `first_event`."""
        values = self._draw(stream, first_event, count, self.weight_unit(events), True)
        columns = {column.name: value for column, value in zip(ARRIVALS, values, strict=True)}
        energy = np.asarray(columns["parent_energy"], np.float64)
        p = np.sqrt((energy - self.mass) * (energy + self.mass))
        at_rest = np.asarray(columns["decay_length"], np.float64) / C_LIGHT * self.mass / p  # s
        decay = at_rest * self.width / HBAR
        depths = np.zeros((len(decay), 4))
        if self._lines is not None:
            depths = self._lines.depths(
                stream, np.asarray(columns["event"], np.int64), self._component[columns["mode"]],
                np.asarray(columns["emission_time"], np.float64),
                np.asarray(columns["emission_radius"], np.float64), energy,
            )  # fmt: skip
        return Sample(columns, decay, depths, True)


class ParentSampler:
    """Parents that leave the core, for the energy they carry past the neutrinosphere.

    `bound_from` as of `ReweightableSampler`.
    """

    def __init__(
        self,
        emission: Emission,
        opacity: Opacity | None,
        strengths: Array,
        width: float,
        mass: float,
        neutrinosphere: float,
        neutrinospheres: Sequence[float] = (),
    ) -> None:
        """Prepare the tables: arguments as of `ReweightableSampler`.

        `width` [MeV] of the parent at strength 1; `mass` [MeV]; `neutrinosphere` [m];
        `neutrinospheres`: all those for which parents shall be drawn with the same random numbers.
        """
        self.emission, self.mass = emission, mass
        per_metre = mass * width / HBAR / C_LIGHT  # lifetimes, times 1/p
        self._until = neutrinosphere * per_metre
        self._lines = None if opacity is None else Lines(opacity, emission, float(strengths.max()))
        E, density = emission.energies, emission.density
        numbers = np.diff(E) * (density[..., 1:] + density[..., :-1]) / 2
        p = np.sqrt((E[1:] - mass) * (E[1:] + mass))
        mixture = np.zeros(numbers.shape)
        references = reference_strengths(strengths)
        self.bound_from = np.inf
        if self._lines is not None:
            self.bound_from = self._lines.bound_from(numbers, references)
        radii = dict.fromkeys(neutrinospheres or (neutrinosphere,))
        for strength, radius in product(references, radii):
            lifetimes = strength * radius * per_metre / p
            tilt = np.broadcast_to(E[1:] * np.exp(-lifetimes), numbers.shape)
            if self._lines is not None:
                tilt = tilt * self._lines.straight_out(strength)
            if (total := float((numbers * tilt).sum())) > 0:
                mixture += tilt / total
        self._bias = mixture
        tilted = numbers * mixture
        tilted[tilted < 1e-12 * tilted.max()] = 0.0
        self._parents = float(tilted.sum())
        self._cdf, self._guide = guide_table(tilted.ravel())

    def draw(
        self, stream: np.random.Generator, first_event: int, count: int, events: int
    ) -> Sample:
        """Draw `count` of `events` parents; their weights are energies [MeV]."""
        grid, emission = self.emission.grid, self.emission
        component, born, radius, energy, weight = _draw_parents(
            stream, 0 if self._parents == 0 else count, self._parents / events, self._cdf,
            self._guide, self._bias, emission.density, emission.energies, grid.time_edges,
            grid.radius_edges,
        )  # fmt: skip
        event = first_event + np.arange(len(energy))
        depths = np.zeros((len(energy), 4))
        if self._lines is not None:
            depths = self._lines.depths(stream, event, component, born, radius, energy)
        p = np.sqrt((energy - self.mass) * (energy + self.mass))
        columns: Columns = {"event": event, "weight": weight * energy, "emission_time": born}
        return Sample(columns, self._until / p, depths, False)


@compiled
def _draw_parents(
    rng: np.random.Generator, count: int, norm: float, cdf: Array, guide: npt.NDArray[np.int32],
    bias: Array, density: Array, energies: Array, time_edges: Array, radius_edges: Array,
) -> tuple[Integers, Array, Array, Array, Array]:  # fmt: skip
    """Component, birth [s], shell's middle [km], energy [MeV] and weight of parents."""
    _, times, radii, nodes = density.shape
    component = np.empty(count, np.int64)
    born, radius, energy, weight = (
        np.empty(count), np.empty(count), np.empty(count), np.empty(count)
    )  # fmt: skip
    for i in range(count):
        cell = pick_cell(cdf, guide, rng.random())
        piece = cell % (nodes - 1)
        place = cell // (nodes - 1)
        r, t = place % radii, (place // radii) % times
        c = place // (radii * times)
        point = linear_point(density[c, t, r, piece], density[c, t, r, piece + 1], rng.random())
        component[i] = c
        energy[i] = energies[piece] + point * (energies[piece + 1] - energies[piece])
        born[i] = time_edges[t] + rng.random() * (time_edges[t + 1] - time_edges[t])
        radius[i] = 0.5 * (radius_edges[t, r] + radius_edges[t, r + 1])
        weight[i] = norm / bias[c, t, r, piece]
    return component, born, radius, energy, weight
