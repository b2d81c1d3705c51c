"""Thermal production by 2 -> 2 scattering, 1 2 -> 3 X.

With q = p_X - p_1 the collision integral over the phase space of 1, 2 and 3 becomes

    dn/(dE dt) = (p E/(2 pi^2)) (1/(2E)) (2 pi)^-5 (pi^2/(2p))
                 Int dE1 Int dq Int dE2 <S|M|^2>_phi f1 f2 (1 -+ f3)

with |p - p1| < q < p + p1 and E2 within its kinematic bounds; S|M|^2 is summed over all spins and
<>_phi averages the azimuth between p1 and p2 about q. Where particles feel potentials U of the
medium, energy is conserved as E1 + E2 + shift = E3 + E with shift = U_1 + U_2 - U_3: the target
takes up the energy W = E1 - E + shift, X gives E1 - E to the vertex of 1. Occupations follow the
statistics of each species, with 1 + f3 where the recoil is a boson.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from snmc.ground.compiled import (
    boolean,
    compiled,
    compiled_as,
    float64,
    function_type,
    vector,
    void,
)
from snmc.ground.errors import PhysicsError
from snmc.ground.quadrature import unit_rule
from snmc.thermal import Species, occupation, shared_by

Array = npt.NDArray[np.float64]
Amplitude = Callable[..., float]

AMPLITUDE_ARGUMENTS = 12
"""An amplitude takes (s, t, m1, m2, m3, M, k2, E1, E2, E, along, shift): s = (p_1 + p_2)^2 and
t = (p_X - p_1)^2 [MeV^2], the masses of 1, 2, 3 and X [MeV], the screening scale k^2 [MeV^2], the
medium-frame energies of 1, 2 and X without potentials [MeV], the component of p_2 along p_X [MeV]
and the shift U_1 + U_2 - U_3 [MeV]. It returns S|M|^2 summed over all spins. `dot_products` gives
the products of momenta. Two azimuths are for amplitudes that are polynomials of degree 3 at most in
the components of p_2 (in s, `along` and E2, at fixed t): their average over the azimuth is exact
and needs only four E2. Others, as with a pole in u, are taken at every node and need more."""

_SHOULDER = 4.0  # times T: end of the finer panel above a Fermi surface
_GROWTH = float(np.exp(_SHOULDER))
_REACH = 18.0  # thermal tails are cut where they fall to exp(-18) = 1.5e-8
_SCAN = 200  # energies of particle 1 at which the window of its panels is looked for
_WEAK = 1e-3  # MeV: potentials of particle 1 below this are those of neutrinos and left out


@compiled
def dot_products(
    s: float, t: float, m1: float, m2: float, m3: float, M: float,
    E1: float, E2: float, E: float, along: float, shift: float,
) -> tuple[float, float, float, float, float, float]:  # fmt: skip
    """Give (p1.p2, p1.p3, p1.pX, p2.p3, p2.pX, p3.pX) [MeV^2] of 1 2 -> 3 X.

    p_3 = p_1 + p_2 + (shift, 0) - p_X is on the shell m3. For use in compiled amplitudes, whose
    arguments (AMPLITUDE_ARGUMENTS) these are.
    """
    p12 = 0.5 * (s - m1 * m1 - m2 * m2)
    p1X = 0.5 * (m1 * m1 + M * M - t)
    p2X = E2 * E - along * np.sqrt(max(0.0, (E - M) * (E + M)))
    p13 = m1 * m1 + p12 + shift * E1 - p1X
    p23 = m2 * m2 + p12 + shift * E2 - p2X
    p3X = p1X + p2X + shift * E - M * M
    return p12, p13, p1X, p23, p2X, p3X


@compiled
def _target_bounds(W: float, q: float, x: float, m2: float, m3: float) -> tuple[float, float]:
    """Least and greatest E2 [MeV] for which 2 can take (W, q) and be 3, with x = q^2 - W^2.

    Roots of 2 p2 q = |2 E2 W - delta|. A space-like transfer (x > 0) has no upper bound; a
    time-like one, -(m2 - m3)^2 < x < 0, has both, and needs W of the sign of m3 - m2.
    """
    if x < -((m2 - m3) ** 2):
        return np.inf, np.inf
    delta = m3 * m3 - m2 * m2 + x
    root = q * np.sqrt(max(0.0, delta * delta + 4 * m2 * m2 * x))
    if W * delta > 0.0:
        low = 0.5 * (delta * delta + 4 * m2 * m2 * q * q) / (root + W * delta)
        return low, (np.inf if x >= 0.0 else (root + W * delta) / (-2 * x))
    if x <= 0.0:
        return np.inf, np.inf
    return (root - W * delta) / (2 * x), np.inf


@compiled
def _momentum_range(
    W: float, q_low: float, q_high: float, E2: float, m2: float, m3: float
) -> tuple[float, float]:
    """Range of x = q^2 - W^2 [MeV^2] that a target with energies up to E2 can take as it is 3.

    Inside q_low <= q <= q_high: |p3 - p2| < q < p3 + p2, with differences of nearly equal numbers
    written out.
    """
    p2 = np.sqrt(max(0.0, (E2 - m2) * (E2 + m2)))
    E3 = E2 + W
    p3 = np.sqrt(max(0.0, (E3 - m3) * (E3 + m3)))
    size, unequal = abs(W), (m3 - m2) * (m3 + m2)
    total = p2 + p3
    if W < 0.0:
        unequal = -unequal
    least = 0.0
    if W * (m3 - m2) > 0.0 and W * m2 / (m3 - m2) <= E2:  # equal velocities of 2 and 3
        least = -((m2 - m3) ** 2)
    elif total > 0.0:
        # |p3 - p2| = |size (E2 + E3) - unequal|/total; its excess over |W|
        if size * (E2 + E3) >= unequal:
            excess = (size * (m2 * m2 / (E2 + p2) + m3 * m3 / (E3 + p3)) - unequal) / total
        else:
            excess = (unequal - size * (E2 + E3)) / total - size
        least = excess * (excess + 2 * size)
    least = max(least, (q_low - size) * (q_low + size), -((m2 - m3) ** 2))
    greatest = (q_high - size) * (q_high + size)
    if total > 0.0:
        greatest = min(greatest, (total - size) * (total + size))
    return least, greatest


@compiled
def _lowest_target(W: float, q_low: float, q_high: float, m2: float, m3: float) -> float:
    """Least E2 [MeV] over all q in q_low to q_high; infinite if none can be taken."""
    if m3 - W > m2:  # the recoil at rest
        q = np.sqrt((m3 - W - m2) * (m3 - W + m2))
    else:  # the target at rest
        q = np.sqrt((m2 + W - m3) * (m2 + W + m3))
    if q_low <= q <= q_high:
        return float(max(m2, m3 - W))
    q = q_low if q < q_low else q_high
    low, _ = _target_bounds(W, q, (q - W) * (q + W), m2, m3)
    return float(max(low, m2, m3 - W))


@compiled
def _target_integral(
    amplitude: Amplitude, anti_amplitude: Amplitude, both: bool,
    E1: float, p1: float, E: float, p: float, W: float, gap: float, q: float, x: float, t: float,
    m1: float, M: float, shift: float, temperature: float, k2: float,
    m2: float, mu2: float, m3: float, mu3: float, stat2: float, stat3: float,
    azimuths: Array, rule: Array, points: Array,
) -> tuple[float, float]:  # fmt: skip
    """Int dE2 <S|M|^2>_phi f2 (1 -+ f3) at fixed E1 and q, split at both Fermi surfaces.

    For both amplitudes; 0 for the second unless `both`. `W`: energy the target takes; `gap`:
    p1 - p, without cancellation. `rule`: nodes, weights, and exp(E2/T) across each of the last two
    panels where it is whole; `points`: room for E2 and the measure of all nodes. Each is one array,
    for compiled functions count the references to each. Bosons have a panel of their own below T,
    logarithmic in the distance from where their occupation is singular.
    """
    least, greatest = _target_bounds(W, q, x, m2, m3)
    floor = max(least, m2, m3 - W)
    if stat3 > 0:  # below this the recoil is Pauli-blocked
        floor = max(floor, mu3 - W - _REACH * temperature)
    if not floor < greatest or floor == np.inf:
        return 0.0, 0.0
    bosons = stat2 < 0 or stat3 < 0
    soft = pole = floor
    if bosons:
        pole = max(mu2 if stat2 < 0 else -np.inf, mu3 - W if stat3 < 0 else -np.inf)
        soft = max(floor, pole + temperature)
    surface_a = max(soft, min(mu2, mu3 - W))
    surface_b = max(soft, max(mu2, mu3 - W))
    # f2 = fall2/(y + fall2) and 1 - f3 = y/(y + fall3) of fermions, y = exp((E2 - floor)/T)
    fall2 = np.exp((mu2 - floor) / temperature)
    fall3 = np.exp((mu3 - floor - W) / temperature)
    direct = bosons or mu2 - floor > 600 * temperature  # y would overflow
    y_low = np.exp((surface_b - floor) / temperature) if surface_b > floor else 1.0
    count = 0
    low = floor
    if soft > floor:
        high = min(soft, greatest)
        lowest = max(floor - pole, 1e-12 * temperature)
        spread = np.log(max((high - pole) / lowest, 1.0))
        for k in range(rule.shape[1]):
            above = lowest * np.exp(spread * rule[0, k])
            points[0, count] = pole + above
            points[1, count] = rule[1, k] * spread * above
            count += 1
        low = high
    for panel in range(4):
        if panel == 0:
            high = surface_a
        elif panel == 1:
            high = surface_b
        elif panel == 2:
            high = surface_b + _SHOULDER * temperature
        else:
            high = surface_b + _REACH * temperature
            y_low *= _GROWTH
        whole = panel > 1 and high < greatest and not direct
        high = min(high, greatest)
        width = high - low
        if width > 1e-12 * high:
            for k in range(rule.shape[1]):
                E2 = low + width * rule[0, k]
                points[0, count] = E2
                points[1, count] = rule[1, k] * width
                if not direct:
                    y = y_low * rule[panel, k] if whole else np.exp((E2 - floor) / temperature)
                    points[1, count] *= fall2 / (y + fall2) * y / (y + fall3)
                count += 1
        low = high
    if direct:
        for k in range(count):
            E2 = points[0, k]
            points[1, k] *= occupation((E2 - mu2) / temperature, stat2)
            points[1, k] *= 1 - stat3 * occupation((E2 + W - mu3) / temperature, stat3)
    if len(azimuths) == 2:
        _four_points(points, count, floor, low)
        count = 4
    p1_along = -(gap * (p1 + p) + q * q) / (2 * q)
    p1_across = np.sqrt(max(0.0, (p1 - p1_along) * (p1 + p1_along)))
    delta = m3 * m3 - m2 * m2 + x
    total = total_anti = 0.0
    for k in range(count):
        E2, measure = points[0, k], points[1, k] / len(azimuths)
        along_q = (delta - 2 * E2 * W) / (2 * q)
        across_q = np.sqrt(max(0.0, (E2 - m2) * (E2 + m2) - along_q * along_q))
        for i in range(len(azimuths)):
            dot = p1_along * along_q + azimuths[i] * p1_across * across_q
            s = m1 * m1 + m2 * m2 + 2 * (E1 * E2 - dot)
            along = (dot + q * along_q) / p
            total += measure * amplitude(s, t, m1, m2, m3, M, k2, E1, E2, E, along, shift)
            if both:
                square = anti_amplitude(s, t, m1, m2, m3, M, k2, E1, E2, E, along, shift)
                total_anti += measure * square
    return total, total_anti


@compiled
def _four_points(points: Array, count: int, low: float, high: float) -> None:
    """Put four points between low and high that integrate cubics in E2 as the first `count` do.

    Averaged over two azimuths, amplitudes are such cubics: the points of Lagrange's polynomials.
    """
    moment0 = moment1 = moment2 = moment3 = 0.0
    for k in range(count):
        u, measure = (points[0, k] - low) / (high - low), points[1, k]
        moment0 += measure
        moment1 += measure * u
        moment2 += measure * u * u
        moment3 += measure * u * u * u
    points[1, 0] = moment0 - 5.5 * moment1 + 9 * moment2 - 4.5 * moment3
    points[1, 1] = 9 * moment1 - 22.5 * moment2 + 13.5 * moment3
    points[1, 2] = -4.5 * moment1 + 18 * moment2 - 13.5 * moment3
    points[1, 3] = moment1 - 4.5 * moment2 + 4.5 * moment3
    for k in range(4):
        points[0, k] = low + (high - low) * k / 3


@compiled
def _from_peak(
    away: float, E1: float, p1: float, E: float, p: float, m1: float, M: float
) -> tuple[float, float, float]:
    """E1 - E and p1 - p [MeV], and -t [MeV^2] of parallel 1 and X, without cancellation.

    E1 lies `away` from where 1 and X can have E1 + p1 = E + p and t = 0, at
    E + (m1^2 - M^2)/(2 (E + p)). That is the forward peak, where |t| reaches down to 0.
    """
    cone = E + p
    offset = (m1 - M) * (m1 + M) / (2 * cone)
    p_peak = 0.5 * (cone - m1 * m1 / cone)  # antiparallel if negative: then nothing cancels
    along = p1 - p_peak
    excess = along - away
    if p_peak > 0.0:
        E_peak = 0.5 * (cone + m1 * m1 / cone)
        excess = away * m1 * m1 * (1 / (E1 + p1) + 1 / (E_peak + p_peak)) / (p1 + p_peak)
        along = away + excess
    # -t = q^2 - W^2 with q + W and q - W
    return away + offset, along - offset, (along + away) * (excess - 2 * offset)


@compiled
def _window(
    edges: Array, E: float, p: float, m1: float, lowest_mu: float, highest_mu: float, shift: float,
    temperature: float, m2: float, mu2: float, m3: float, mu3: float, stat3: float,
) -> None:  # fmt: skip
    """Fill `edges` (7,) [MeV] with panels of E1 where the occupations are not negligible.

    At the best E2 for each E1 their product has fallen by exp(-18) from its greatest value at the
    outermost edges, then by exp(-5) and exp(-1), seen together for the sources of lowest and of
    highest chemical potential. The one in the middle is at the Fermi surface of particle 1 if
    that lies between its neighbours. All are equal if nothing is open.
    """
    top = max(E - shift + max(m3, mu3) - m2, highest_mu, m1) + _REACH * temperature
    step = (top - m1) / _SCAN
    exponent = np.empty((2, _SCAN))
    for i in range(_SCAN):
        E1 = m1 + step * (i + 0.5)
        p1 = np.sqrt((E1 - m1) * (E1 + m1))
        W = E1 - E + shift
        E2 = max(_lowest_target(W, abs(p - p1), p + p1, m2, m3), min(mu2, mu3 - W))
        loss = max(0.0, E2 - mu2)
        if stat3 > 0.0:
            loss += max(0.0, mu3 - W - E2)
        exponent[0, i] = (loss + max(0.0, E1 - lowest_mu)) / temperature
        exponent[1, i] = (loss + max(0.0, E1 - highest_mu)) / temperature
    edges[:] = m1
    if exponent[1].min() == np.inf:
        return
    edges[:3], edges[4:] = top, m1
    for k in range(2):
        best = exponent[k].min()
        for i in range(_SCAN):
            low, high = m1 + step * i, m1 + step * (i + 1)
            for level, fall in enumerate((_REACH, 5.0, 1.0)):
                if exponent[k, i] < best + fall:
                    edges[level] = min(edges[level], low)
                    edges[6 - level] = max(edges[6 - level], high)
    edges[0] = max(m1, edges[0] - step)
    edges[3] = highest_mu if edges[2] < highest_mu < edges[4] else 0.5 * (edges[2] + edges[4])


@compiled
def _peaked(
    starts: Array, widths: Array, powers: Array, E: float, p: float, M: float, m1: float,
    highest_mu: float, temperature: float, gathering: float,
) -> float:  # fmt: skip
    """Fill the panels of E1 with nodes that gather at the forward peak, which is given back.

    Space-like transfers need E1 + p1 > E - p, and E1 - p1 < E + p.
    """
    cone = E + p
    peak = E + (m1 - M) * (m1 + M) / (2 * cone)
    above = max(highest_mu - peak, 2 * temperature)
    top = max(E, highest_mu, peak) + _REACH * temperature
    backward = M * M / cone  # E - p
    below = 0.0
    if m1 < backward:  # from E1 + p1 = E - p
        below = p * (1 - m1 * m1 / (cone * backward))
    elif m1 < cone:  # from rest
        below = peak - m1
    rest = 0.5 * below if m1 > 0.0 else 0.0
    starts[0], widths[0], powers[0] = peak, rest - below, gathering
    starts[1], widths[1], powers[1] = peak, above, gathering
    starts[2], widths[2], powers[2] = peak + above, top - peak - above, 1.0
    # the range of q opens as the momentum of 1, a square root at rest
    starts[3], widths[3], powers[3] = peak - below, rest, 2.0
    widths[4:] = 0.0
    return peak


@compiled_as(
    void(
        function_type(AMPLITUDE_ARGUMENTS), function_type(AMPLITUDE_ARGUMENTS), vector,
        float64[:, :, ::1], float64[:, ::1], float64,
        vector, vector, float64[:, ::1], *[vector] * 6, *[float64] * 4, boolean, *[vector] * 5,
        float64[:, ::1],
    )
)  # fmt: skip
def _rates(
    amplitude: Amplitude, anti_amplitude: Amplitude, anti: Array,
    result: Array, energies: Array, M: float,
    temperatures: Array, k2s: Array, mu1s: Array, m1s: Array, m2s: Array, mu2s: Array,
    m3s: Array, mu3s: Array, shifts: Array,
    stat1: float, stat2: float, stat3: float, gathering: float, pole: bool, azimuths: Array,
    nodes1: Array, weights1: Array, nodes_q: Array, weights_q: Array, rule2: Array,
) -> None:  # fmt: skip
    """Fill result[state, source, energy]; nodes gather at the forward peak as u**gathering.

    `anti`: 1 for sources that take `anti_amplitude`, else 0.
    """
    sources = mu1s.shape[1]
    both = anti.max() > 0.0
    bosons = not pole and (stat2 < 0.0 or stat3 < 0.0)  # soft ones gather at light-like transfers
    inner = np.empty(sources)
    points = np.empty((2, max(4, 5 * rule2.shape[1])))
    edges, starts, widths, powers = np.empty(7), np.empty(6), np.empty(6), np.empty(6)
    for state in range(len(temperatures)):
        temperature, k2, shift, m1 = temperatures[state], k2s[state], shifts[state], m1s[state]
        m2, mu2, m3, mu3 = m2s[state], mu2s[state], m3s[state], mu3s[state]
        highest_mu1 = max(m1, mu1s[state].max())
        lowest_mu1 = max(m1, mu1s[state].min())
        for i in range(energies.shape[1]):
            E = energies[state, i]
            result[state, :, i] = 0.0
            if E <= M:
                continue
            p = np.sqrt((E - M) * (E + M))
            peak = 0.0
            if pole:
                peak = _peaked(
                    starts, widths, powers, E, p, M, m1, highest_mu1, temperature, gathering
                )
            else:
                _window(
                    edges, E, p, m1, lowest_mu1, highest_mu1, shift, temperature,
                    m2, mu2, m3, mu3, stat3,
                )  # fmt: skip
                starts[:], widths[:], powers[:] = edges[:-1], edges[1:] - edges[:-1], 1.0
                for panel in range(6):
                    if widths[panel] > 0.0:
                        # the range of q opens as the momentum of 1, a square root at rest
                        powers[panel] = 2.0
                        break
            inner[:] = 0.0
            for panel in range(6):
                start, width, power = starts[panel], widths[panel], powers[panel]
                if width == 0.0:
                    continue
                for k1 in range(len(nodes1)):
                    node1 = nodes1[k1]
                    step = width * node1**power
                    E1 = start + step
                    jacobian1 = weights1[k1] * power * node1 ** (power - 1) * abs(width)
                    p1 = np.sqrt(max(0.0, (E1 - m1) * (E1 + m1)))
                    omega, gap, least_x = E1 - E, p1 - p, 0.0
                    if pole:
                        away = step + (start - peak)
                        omega, gap, least_x = _from_peak(away, E1, p1, E, p, m1, M)
                    W = omega + shift
                    q_low = abs(gap)
                    E2_top = _lowest_target(W, q_low, p + p1, m2, m3)
                    if E2_top == np.inf:
                        continue
                    E2_top = max(E2_top, mu2, mu3 - W) + _REACH * temperature
                    low_x, high_x = _momentum_range(W, q_low, p + p1, E2_top, m2, m3)
                    if pole:
                        low_x = max(low_x, least_x, 1e-32 * E * E)
                    if high_x <= low_x:
                        continue
                    over_q = over_q_anti = 0.0
                    if pole:
                        low_y = np.log(k2 + low_x)
                        width_y = np.log(k2 + high_x) - low_y
                    else:
                        low_y = np.sqrt(low_x + W * W)
                        width_y = np.sqrt(high_x + W * W) - low_y
                    for k_q in range(len(nodes_q)):
                        node_q, measure = nodes_q[k_q], weights_q[k_q] * width_y
                        if bosons:
                            measure *= 2 * node_q
                            node_q *= node_q
                        y = low_y + width_y * node_q
                        if pole:  # y = log(k^2 + x), dq = dx/(2q)
                            x = np.exp(y) - k2
                            q = np.sqrt(x + W * W)
                            measure *= (k2 + x) / (2 * q)
                            t = -x
                        else:
                            q = y
                            x = (q - W) * (q + W)
                            t = (omega - q) * (omega + q)
                        over_E2, over_E2_anti = _target_integral(
                            amplitude, anti_amplitude, both, E1, p1, E, p, W, gap, q, x, t,
                            m1, M, shift, temperature, k2,
                            m2, mu2, m3, mu3, stat2, stat3, azimuths, rule2, points,
                        )  # fmt: skip
                        over_q += measure * over_E2
                        over_q_anti += measure * over_E2_anti
                    for source in range(sources):
                        f1 = occupation((E1 - mu1s[state, source]) / temperature, stat1)
                        chosen = over_q_anti if anti[source] > 0.0 else over_q
                        inner[source] += jacobian1 * chosen * f1
            # (p E/(2 pi^2)) (1/(2E)) (2 pi)^-5 (pi^2/(2p))
            prefactor = 1.0 / (8 * (2 * np.pi) ** 5)
            for source in range(sources):
                result[state, source, i] = prefactor * inner[source]


def potential_step(sources: Sequence[Species], target: Species, recoil: Species) -> Array:
    """Energy [MeV] that the medium adds to 1 2 -> 3 X, U_1 + U_2 - U_3, one value a state.

    Raises PhysicsError for sources whose potentials differ by more than those of neutrinos do.
    """
    first = sources[0]
    if any(np.any(np.abs(one.potential - first.potential) > _WEAK) for one in sources):
        raise PhysicsError(f"{first.name} and others cannot share a process: potentials differ")
    own = np.where(np.abs(first.potential) > _WEAK, first.potential, 0.0)
    return np.asarray(own + target.potential - recoil.potential)


def scattering_rate(
    amplitude: Amplitude,
    energies: Array,
    mass: float,
    temperature: Array,
    screening_k2: Array,
    sources: list[Species],
    target: Species,
    recoil: Species,
    orders: tuple[int, int, int] = (8, 8, 5),
    azimuths: int = 2,
    pole: bool = False,
    anti_amplitude: Amplitude | None = None,
) -> Array:
    """Production rate density of X in 1 2 -> 3 X per unit energy, dn/(dE dt) [MeV^3].

    `amplitude`: compiled formula, see AMPLITUDE_ARGUMENTS; `energies`: [MeV], (states, n), local
    energies of X; `mass`: of X [MeV]; `temperature` [MeV], `screening_k2` [MeV^2]: (states,);
    `sources`: species in the role of particle 1, which share mass, statistics and potential (those
    of neutrinos, some 10 eV, are left out); `target`, `recoil`: particles 2 and 3; `orders`: points
    of a panel in E1 (3 panels, 6 without a pole), q, and E2 (4 panels, 5 with bosons); `azimuths`:
    Gauss-Chebyshev points of the average over the azimuth; `pole`: the amplitude has the pole
    1/(t - k^2)^2 of photon exchange, to which the points then gather; `anti_amplitude`: in place of
    `amplitude` for antineutrinos (names in _bar), None for the same.
    Result: (states, sources, n), in MeV^4 per MeV. Blocking of X is left out. Totals of the
    default orders are good to 1e-3; with a pole that nothing screens (`screening_k2` zero) the
    finer rule taken then is good to 1e-3 in total above 100 eV and to 2e-2 at 1 eV.
    Raises PhysicsError for unlike sources, and for a pole where the target changes its mass or
    energy is shifted.
    """
    alike = shared_by(sources)
    shift = potential_step(sources, target, recoil)
    if pole and (np.any(target.mass != recoil.mass) or np.any(shift != 0)):
        raise PhysicsError(
            f"scattering off {target.name} into {recoil.name}: a pole needs a target that stays "
            "what it is, and no potential of the source"
        )
    result = np.zeros((len(temperature), len(sources), energies.shape[1]))
    # Transfers near the pole take E1 - E of the order of sqrt(-t): nodes on a logarithmic scale.
    gathering = 2.0
    if pole and not screening_k2.any():
        orders, gathering = (6 * orders[0], 4 * orders[1], orders[2]), 16.0
    mu1 = np.ascontiguousarray(np.stack([one.mu for one in sources], axis=1))
    cosines = np.cos(np.pi * (np.arange(azimuths) + 0.5) / azimuths)
    rules = [np.array(part) for order in orders[:2] for part in unit_rule(order)]
    nodes2, weights2 = unit_rule(orders[2])
    growths = [np.exp(size * np.array(nodes2)) for size in (_SHOULDER, _REACH - _SHOULDER)]
    anti = np.array(
        [anti_amplitude is not None and one.name.endswith("_bar") for one in sources], dtype=float
    )
    _rates(
        amplitude, anti_amplitude or amplitude, anti, result, np.ascontiguousarray(energies), mass,
        temperature, screening_k2, mu1, alike.mass, target.mass, target.mu, recoil.mass, recoil.mu,
        shift, alike.statistics, target.statistics, recoil.statistics, gathering, pole, cosines,
        rules[0], rules[1], rules[2], rules[3], np.array([nodes2, weights2, *growths]),
    )  # fmt: skip
    return result
