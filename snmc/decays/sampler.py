"""Events: parents, their decay point, delay, angle and flavour at Earth.

Every event is sampled inside what is observed. A parent is drawn from the emission table tilted by
the chance that its decay is seen, among the modes that end in something looked for; its decay time
from the exponential truncated to [escape radius, observation] for one of the daughters; the weight
is the probability so spent.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from snmc.decays.final_state import MOST, final_state, opposite
from snmc.decays.modes import NEUTRINOS, PHOTON, DecayMode, seen_daughters
from snmc.decays.spectra import three_body_integral
from snmc.flavour import envelope_rho_ye, flavour_at_earth, flavour_table
from snmc.ground.columns import ARRIVALS, Columns
from snmc.ground.compiled import compiled
from snmc.ground.errors import PhysicsError
from snmc.ground.kinematics import (
    arrival_angle,
    arrival_delay,
    cos_alpha,
    daughter_energy,
    momentum,
    seen_times,
    sin_alpha,
)
from snmc.ground.sampling import guide_table, linear_point, pick_cell, tilted_point
from snmc.ground.units import C_LIGHT, HBAR
from snmc.production.emission import Emission

Array = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
M2_IN_CM2 = 1e4
EXPONENTIAL, UNIFORM, LOGARITHMIC, EARLY = 0, 1, 2, 3  # laws of the decay time
NEAR = 0.02  # of the time of escape: how soon after it logarithmic draws begin to thin out
FAR = 30.0  # times of escape within which lie early draws
DISTANCE, PHOTOSPHERE, NEUTRINOSPHERE, WINDOW, MAX_SINE = range(5)  # columns of flights


@dataclass(frozen=True)
class Flight:
    """Distances and observation that decide which decays are seen.

    `distance`, `photosphere`, `neutrinosphere` [m]; `window` [s] from core bounce as seen at Earth;
    `max_angle` [rad] off the line of sight; `photons`, `neutrinos`: what is looked for; `ordering`
    and `oscillation`: see `snmc.flavour`.
    """

    distance: float
    photosphere: float
    neutrinosphere: float
    window: float
    max_angle: float
    photons: bool
    neutrinos: bool
    ordering: str = "NO"
    oscillation: str = "nufit-5.2"

    def looks_for(self, pdg: int) -> bool:
        """Whether `pdg` is a photon or a neutrino, and such are looked for."""
        return self.photons if pdg == PHOTON else self.neutrinos and pdg in NEUTRINOS

    def max_sine(self) -> float:
        """Largest sin(theta) accepted; infinite where the angle is not limited."""
        return float(np.sin(self.max_angle)) if self.max_angle < np.pi / 2 else np.inf

    @property
    def geometry(self) -> tuple[float, float, float, float, float]:
        """Numbers that decide which decays are seen, in the order of DISTANCE to MAX_SINE."""
        return (
            self.distance, self.photosphere, self.neutrinosphere, self.window, self.max_sine()
        )  # fmt: skip


@compiled
def seen_probability(rate: float, first: float, last: float) -> float:
    """Probability of a decay between `first` and `last` [s], at `rate` [1/s] in the lab."""
    if last <= first:
        return 0.0
    return float(-np.exp(-rate * first) * np.expm1(-rate * (last - first)))


@compiled
def _measure(law: int, rate: float, escape: float, start: float, stop: float) -> float:
    """How much of the law by which decay times are drawn lies between `start` and `stop` [s].

    Exponential with `rate` [1/s]; uniform; even in the logarithm of the time since just before
    `escape` [s], over all times or the early ones.
    """
    if law == EXPONENTIAL:
        return seen_probability(rate, start, stop)
    if law == EARLY:
        stop = min(stop, FAR * escape)
    if stop <= start:
        return 0.0
    if law == UNIFORM:
        return stop - start
    before = (1.0 - NEAR) * escape
    return float(np.log((stop - before) / (start - before)))


@compiled
def _decay_time(
    law: int, rate: float, escape: float, start: float, stop: float, share: float
) -> float:
    """Decay time [s] before which lies a `share` of the law between `start` and `stop` [s]."""
    if law == EXPONENTIAL:
        time = start - np.log1p(share * np.expm1(-rate * (stop - start))) / rate
    elif law == UNIFORM:
        time = start + share * (stop - start)
    else:
        before = (1.0 - NEAR) * escape
        since = share * _measure(law, rate, escape, start, stop)
        time = before + (start - before) * np.exp(since)
    return float(min(max(time, start), stop))


@compiled
def _seen_measure(
    law: int, rate: float, first: float, t1: float, late: float, end: float
) -> tuple[float, float]:
    """Measure of the times that are seen: from `first` to `t1`, and with those from `late` on."""
    early = _measure(law, rate, first, first, t1)
    return early, early + _measure(law, rate, first, late, end)


@compiled
def _any_rate_density(first: float, t1: float, late: float, end: float, time: float) -> float:
    """Density [1/s] at `time` of decay times drawn for any rate: three laws, a third each.

    Where no time is early, that third goes to the logarithmic law.
    """
    _, spread = _seen_measure(UNIFORM, 0.0, first, t1, late, end)
    _, logs = _seen_measure(LOGARITHMIC, 0.0, first, t1, late, end)
    _, early = _seen_measure(EARLY, 0.0, first, t1, late, end)
    each_log = 1.0 / logs
    if early <= 0.0:
        each_log += 1.0 / logs
    elif time <= FAR * first:
        each_log += 1.0 / early
    return float((1.0 / spread + each_log / (time - (1.0 - NEAR) * first)) / 3.0)


@compiled
def _seen_forward(
    energies: Array, emission_times: Array, M: float, rate_at_rest: float, escape: float,
    window: float, distance: float, max_sine: float,
) -> Array:  # fmt: skip
    """Probability to see a daughter sent forward, (times, energies): the best case of each cell."""
    result = np.zeros((len(emission_times), len(energies)))
    for j, E in enumerate(energies):
        p = momentum(E, M)
        if p <= 0.0:
            continue
        first = escape / (p / E * C_LIGHT)
        for i, t in enumerate(emission_times):
            last, _, _ = seen_times(E, p, M, 2.0, window - t, distance, max_sine)
            result[i, j] = seen_probability(rate_at_rest * M / E, first, last)
    return result


@compiled
def _sample(
    rng: np.random.Generator, count: int, first_event: int, norm: float, any_rate: bool,
    cdf: Array, guide: npt.NDArray[np.int32], bias: Array, bias_steps: tuple[int, int, int],
    density: Array, energies: Array, time_edges: Array, radius_edges: Array, polarisation: Array,
    mode_cdf: Array, mode_daughters: npt.NDArray[np.int32], mode_masses: Array,
    mode_wanted: Booleans, mode_lean: Booleans, mode_amplitude: Array, mode_asymmetry: Array,
    secondaries: bool, rows_each: int, M: float, rate_at_rest: float,
    flights: Array, own: int,
    photons: bool, neutrinos: bool, probability: Array, log_lo: float, dlog: float,
) -> tuple[npt.NDArray[np.generic], ...]:  # fmt: skip
    """Sample `count` decays; returns the arrival columns in the order of ARRIVALS.

    `bias` with `bias_steps` from one component, time and radius to the next: the tilt of each piece
    of energy. `any_rate`: draw decay times by three laws that suit any decay rate, and leave the
    factor (t/tau) exp(-t/tau) out of the weight. `flights` (n, 5), see DISTANCE to MAX_SINE: a
    decay is drawn for any of them; number `own` decides the columns, and what it does not see has
    weight 0. So all random numbers are the same whichever of the flights it is.
    """
    _, times, radii, nodes = density.shape
    room = count * rows_each
    event = np.empty(room, np.int64)
    weight = np.empty(room)
    pdg = np.empty(room, np.int32)
    pdg_decay = np.empty(room, np.int32)
    energy = np.empty(room)
    time = np.empty(room)
    delay = np.empty(room)
    theta = np.empty(room)
    phi = np.empty(room)
    parent_energy = np.empty(room)
    emission_time = np.empty(room)
    emission_radius = np.empty(room)
    decay_length = np.empty(room)
    cosine = np.empty(room)
    mode = np.empty(room, np.int16)
    # of each daughter
    born_as = np.empty(MOST, np.int32)
    rest_energy, y, azimuth = np.empty(MOST), np.empty(MOST), np.empty(MOST)
    # of each daughter on each flight
    places = MOST * len(flights)
    first, t1, late, end = np.empty(places), np.empty(places), np.empty(places), np.empty(places)
    early, chance, seen = np.empty(places), np.empty(places), np.empty(places, np.bool_)
    distance = flights[own, DISTANCE]
    law = UNIFORM if any_rate else EXPONENTIAL
    momenta, scratch = np.empty((3, 4)), np.empty((3, 4))
    row = 0
    for i in range(count):
        cell = pick_cell(cdf, guide, rng.random())
        piece = cell % (nodes - 1)
        place = cell // (nodes - 1)
        r_cell = place % radii
        t_cell = (place // radii) % times
        component = place // (radii * times)
        point = linear_point(
            density[component, t_cell, r_cell, piece],
            density[component, t_cell, r_cell, piece + 1],
            rng.random(),
        )
        E = energies[piece] + point * (energies[piece + 1] - energies[piece])
        born = time_edges[t_cell] + rng.random() * (time_edges[t_cell + 1] - time_edges[t_cell])
        radius = radius_edges[t_cell, r_cell] + rng.random() * (
            radius_edges[t_cell, r_cell + 1] - radius_edges[t_cell, r_cell]
        )
        steps = bias_steps[0] * component + bias_steps[1] * t_cell + bias_steps[2] * r_cell
        tilt = bias[steps + piece]
        u_mode = rng.random()
        m = 0
        while mode_cdf[component, m] <= u_mode:
            m += 1
        pol = (
            polarisation[component, piece] * (1 - point)
            + polarisation[component, piece + 1] * point
        )
        if mode_lean[m]:  # two massless daughters, the case of most models: no call, no vectors
            y0 = tilted_point(mode_asymmetry[m] * pol, rng.random())
            phi0 = (2 * rng.random() - 1) * np.pi
            daughters = 0
            if mode_wanted[m, 0]:
                born_as[0], rest_energy[0], y[0] = mode_daughters[m, 0], M / 2, y0
                azimuth[0] = phi0
                daughters = 1
            if mode_wanted[m, 1]:
                born_as[daughters], rest_energy[daughters] = mode_daughters[m, 1], M / 2
                y[daughters], azimuth[daughters] = 2.0 - y0, opposite(phi0)
                daughters += 1
        else:
            daughters = final_state(
                rng, M, m, mode_daughters, mode_masses,
                mode_amplitude, photons, neutrinos, secondaries,
                born_as, rest_energy, y, azimuth, momenta, scratch,
            )  # fmt: skip
        u_decay = rng.random()

        p = momentum(E, M)
        speed = p / E * C_LIGHT
        rate = rate_at_rest * M / E
        # Where each daughter is seen: from first to t1, and from late to the end.
        live, k = 0, 0
        for flight in flights:
            for d in range(daughters):
                sphere = PHOTOSPHERE if born_as[d] == PHOTON else NEUTRINOSPHERE
                first[k] = flight[sphere] / speed
                t1[k], t2, end[k] = seen_times(
                    E, p, M, y[d], flight[WINDOW] - born, flight[DISTANCE], flight[MAX_SINE]
                )
                late[k] = max(first[k], t2)
                early[k], chance[k] = _seen_measure(law, rate, first[k], t1[k], late[k], end[k])
                if chance[k] > 0.0:
                    live += 1
                k += 1
        if live == 0:
            continue
        # The decay time is drawn for one of them, all with equal chance.
        chosen = 0
        if live == 1:
            while chance[chosen] <= 0.0:
                chosen += 1
        else:
            u_decay *= live
            while chance[chosen] <= 0.0 or u_decay >= 1.0:
                u_decay -= 1.0 if chance[chosen] > 0.0 else 0.0
                chosen += 1
        drawn_by, before, total = law, early[chosen], chance[chosen]
        if any_rate:
            drawn_by = UNIFORM + int(3 * rng.random())
            span = first[chosen], t1[chosen], late[chosen], end[chosen]
            before, total = _seen_measure(drawn_by, rate, *span)
            if total <= 0.0:  # nothing is early
                drawn_by = LOGARITHMIC
                before, total = _seen_measure(drawn_by, rate, *span)
        share = u_decay * total
        if share < before or total <= before:
            start, stop, within = first[chosen], t1[chosen], share / before
        else:
            start, stop = late[chosen], end[chosen]
            within = (share - before) / (total - before)
        decay_time = _decay_time(drawn_by, rate, first[chosen], start, stop, within)
        # The weight is the exponential density over the one drawn from; for any rate, 1/t over it.
        drawn_from = 0.0
        for k in range(len(flights) * daughters):
            seen[k] = chance[k] > 0.0 and (
                k == chosen
                or (first[k] <= decay_time <= t1[k])
                or (late[k] <= decay_time <= end[k] and late[k] < end[k])
            )
            if seen[k]:
                if any_rate:
                    per_second = _any_rate_density(first[k], t1[k], late[k], end[k], decay_time)
                    drawn_from += decay_time * per_second / live
                else:
                    drawn_from += 1.0 / (live * chance[k])
        path = speed * decay_time
        for d in range(daughters):
            anywhere = False
            for flight_number in range(len(flights)):
                anywhere |= seen[flight_number * daughters + d]
            if not anywhere:
                continue
            E_d = daughter_energy(E, p, M, y[d], rest_energy[d])
            seen_as = born_as[d]
            if seen_as != PHOTON:
                anti = 1 if seen_as < 0 else 0
                out = flavour_at_earth(
                    probability, log_lo, dlog, (abs(seen_as) - 12) // 2, anti,
                    E_d * envelope_rho_ye(path), rng.random(),
                )  # fmt: skip
                seen_as = (12 + 2 * out) * (-1 if anti else 1)
            event[row] = first_event + i
            weight[row] = norm / (drawn_from * tilt) if seen[own * daughters + d] else 0.0
            pdg[row] = seen_as
            pdg_decay[row] = born_as[d]
            energy[row] = E_d
            delay[row] = arrival_delay(E, p, M, y[d], decay_time, distance)
            time[row] = born + delay[row]
            theta[row] = arrival_angle(path, sin_alpha(E, p, M, y[d]), distance)
            phi[row] = azimuth[d]
            parent_energy[row] = E
            emission_time[row] = born
            emission_radius[row] = radius
            decay_length[row] = path
            cosine[row] = cos_alpha(E, p, M, y[d])
            mode[row] = m
            row += 1
    return (
        event[:row], weight[:row], pdg[:row], pdg_decay[:row], energy[:row], time[:row],
        delay[:row], theta[:row], phi[:row], parent_energy[:row], emission_time[:row],
        emission_radius[:row], decay_length[:row], cosine[:row], mode[:row],
    )  # fmt: skip


class DecaySampler:
    """Arrivals of the decays of one emission, ready to be drawn block by block."""

    def __init__(
        self,
        emission: Emission,
        modes: tuple[DecayMode, ...],
        mass: float,
        flight: Flight,
        polarisation: Array | None = None,
        response: Array | None = None,
        secondaries: bool = False,
        flights: Sequence[Flight] = (),
    ) -> None:
        """Prepare the tables.

        `emission`: all parents; `modes`: every decay mode, in the order of the `mode` column; the
        widths of each component's modes sum to its total width, the same for all; `mass` [MeV];
        `polarisation`: (components, energies) along the flight, None for unpolarised; `response`:
        (energies,) largest detector area [cm2] for any daughter of a parent of that energy or
        less, by which parents are tilted too (for unweighted events); `secondaries`: let charged
        pions and muons decay too; `flights`: all those, `flight` among them, that look for the same
        and shall be drawn with the same random numbers, see `_sample`. Raises PhysicsError for a
        mode that cannot be.
        """
        self.emission, self.modes, self.mass, self.flight = emission, modes, mass, flight
        self.secondaries = secondaries
        geometries = list(dict.fromkeys(one.geometry for one in flights or (flight,)))
        self._flights, self._own = np.array(geometries), geometries.index(flight.geometry)
        for mode in modes:
            mode.check(mass)
            a = mode.amplitude
            if (
                a is not None
                and mode.width > 0
                and not three_body_integral(mass, mode.masses, a) > 0
            ):
                raise PhysicsError(
                    f"{mode.name}: found the amplitude {a}, which is nowhere positive"
                )
        components = emission.components
        widths = np.array(
            [[m.width if m.component == c else 0.0 for m in modes] for c in components]
        )
        self.width = float(widths[0].sum())
        products = [seen_daughters(mode.daughters, secondaries) for mode in modes]
        wanted = [[p for p in one if flight.looks_for(p)] for one in products]
        self.rows_each = max(len(one) for one in wanted)
        # Of the parents only those count whose mode ends in something looked for.
        widths *= np.array([bool(one) for one in wanted])
        cdf = np.cumsum(widths, axis=1)
        self._mode_cdf = cdf / np.maximum(cdf[:, -1:], 1e-300)
        visible = cdf[:, -1] / self.width
        self._daughters = np.zeros((len(modes), 3), np.int32)
        self._masses, self._amplitude = np.zeros((len(modes), 3)), np.zeros((len(modes), 4))
        for i, mode in enumerate(modes):
            self._daughters[i, : len(mode.daughters)] = mode.daughters
            self._masses[i, : len(mode.daughters)] = mode.masses
            self._amplitude[i] = mode.amplitude or 0.0
        self._wanted = np.array([[flight.looks_for(p) for p in m.daughters[:2]] for m in modes])
        self._lean = np.array([len(m.daughters) == 2 and not any(m.masses) for m in modes])
        self._asymmetry = np.array([m.asymmetry for m in modes])
        energies, density = emission.energies, emission.density
        self.polarisation = (
            np.zeros((len(components), len(energies))) if polarisation is None else polarisation
        )
        numbers = np.diff(energies) * (density[..., 1:] + density[..., :-1]) / 2
        numbers *= visible[:, None, None, None]
        self._sought = frozenset(p for one in wanted for p in one)
        bias = self._tilt(numbers, response)
        self._bias_steps = tuple(
            step // 8 * (size > 1) for step, size in zip(bias.strides, bias.shape[:3], strict=False)
        )
        self._bias = bias.ravel()
        tilted = numbers * bias
        tilted[tilted < 1e-12 * tilted.max()] = 0.0
        self.tilted_parents = float(tilted.sum())
        self._cdf, self._guide = guide_table(tilted.ravel())
        self._flavour = flavour_table(flight.ordering, flight.oscillation)

    def _tilt(self, numbers: Array, response: Array | None) -> Array:
        """Chance by which parents of each piece of energy are drawn more often or less.

        `numbers`: (components, times, radii, pieces) of parents. Result: that shape, or 1 where an
        axis does not matter; of any normalisation.
        """
        by_cell = numbers.sum(axis=(0, 2))
        rate = self.width / HBAR
        return self.seen_forward(self._flights[self._own], by_cell, rate, response)[
            None, :, None, :
        ]

    def seen_forward(
        self, flight: Array, by_cell: Array, rate_at_rest: float, response: Array | None
    ) -> Array:
        """Best chance to see a decay, by (times, pieces), for a decay rate at rest [1/s].

        `flight` (5,): see DISTANCE to MAX_SINE; `by_cell`: parents, of the result's shape. Each
        kind looked for gets its share of the parents, however rare it is.
        """
        emission = self.emission
        forward = np.zeros(by_cell.shape)
        spheres = (PHOTOSPHERE if p == PHOTON else NEUTRINOSPHERE for p in self._sought)
        for radius in sorted({float(flight[sphere]) for sphere in spheres}):
            kind = _seen_forward(
                emission.energies[1:], emission.grid.time_edges[:-1], self.mass, rate_at_rest,
                radius, flight[WINDOW], flight[DISTANCE], flight[MAX_SINE],
            )  # fmt: skip
            if response is not None:
                kind *= response[1:]
            if (total := (by_cell * kind).sum()) > 0:
                forward += kind * ((by_cell * forward).sum() / total if forward.any() else 1.0)
        return forward

    @property
    def empty(self) -> bool:
        """True if no decay at all can be seen in this observation."""
        return self.tilted_parents == 0

    def weight_unit(self, events: int) -> float:
        """Fluence [1/cm2] of a row per unit of (probability spent / tilt) in a run of `events`."""
        sphere = 4 * np.pi * self.flight.distance**2 * M2_IN_CM2
        return self.tilted_parents / (events * sphere)

    def sample(
        self, stream: np.random.Generator, first_event: int, count: int, events: int
    ) -> Columns:
        """Draw `count` decays out of a run of `events`; one row for each daughter seen.

        `first_event`: number of the first. Result: the columns of ARRIVALS; the weights of a whole
        run sum to the expected fluence [1/cm2].
        """
        columns = self._draw(stream, first_event, count, self.weight_unit(events), False)
        return {column.name: values for column, values in zip(ARRIVALS, columns, strict=True)}

    def _draw(
        self,
        stream: np.random.Generator,
        first_event: int,
        count: int,
        norm: float,
        any_rate: bool,
    ) -> tuple[npt.NDArray[np.generic], ...]:
        """Columns of `count` decays, see `_sample`; none if nothing can be seen."""
        flight, grid = self.flight, self.emission.grid
        return _sample(
            stream, 0 if self.empty else count, first_event, norm, any_rate,
            self._cdf, self._guide, self._bias, self._bias_steps,
            self.emission.density, self.emission.energies,
            grid.time_edges, grid.radius_edges, self.polarisation,
            self._mode_cdf, self._daughters, self._masses, self._wanted,
            self._lean, self._amplitude, self._asymmetry,
            self.secondaries, self.rows_each, self.mass, self.width / HBAR,
            self._flights, self._own, flight.photons, flight.neutrinos,
            self._flavour.probability, self._flavour.log_lo, self._flavour.dlog,
        )  # fmt: skip
