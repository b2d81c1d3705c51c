"""Thermal production by 2 -> 2 scattering, 1 2 -> 3 X.

With q = p_X - p_1 the collision integral over the phase space of 1, 2 and 3 becomes

    dn/(dE dt) = (p E/(2 pi^2)) (1/(2E)) (2 pi)^-5 (pi^2/(2p))
                 Int dE1 Int dq Int dE2 <S|M|^2>_phi f1 f2 (1 -+ f3)

with E3 = E1 + E2 - E, |p - p1| < q < p + p1 and E2 above its kinematic bound; S|M|^2 is summed
over all spins and <>_phi averages the azimuth between p1 and p2 about q.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from snmc.ground.compiled import compiled, compiled_as, float64, function_type, vector, void
from snmc.ground.errors import PhysicsError
from snmc.ground.quadrature import unit_rule
from snmc.thermal import Species, occupation

Array = npt.NDArray[np.float64]
Amplitude = Callable[..., float]

AMPLITUDE_ARGUMENTS = 10
"""An amplitude takes (s, t, m2, m3, M, k2, E1, E2, E, p2_along): the Mandelstam variables s and
t = (p_X - p_1)^2 < 0 [MeV^2], the masses of 2, 3 and X [MeV], the screening scale k^2 [MeV^2], the
medium-frame energies of 1, 2 and X [MeV] and the component of p_2 along p_X [MeV]. It returns
S|M|^2 summed over all spins, a polynomial in s and p2_along of degree 3 at most (so that two
azimuths average it exactly); particle 1 is massless."""


_REACH = 18.0  # thermal tails are cut where they fall to exp(-18) = 1.5e-8


@compiled
def _target_bound(omega: float, q: float, t: float, m2: float, m3: float) -> float:
    """Least E2 [MeV] for which 2 can absorb the space-like transfer (-omega, -q), t < 0."""
    delta = m3 * m3 - m2 * m2 - t
    return float((q * np.sqrt(delta * delta - 4 * m2 * m2 * t) - omega * delta) / (-2 * t))


@compiled
def _target_integral(
    amplitude: Amplitude, E1: float, E: float, p: float, q: float, t: float, M: float,
    temperature: float, k2: float, m2: float, mu2: float, m3: float, mu3: float,
    stat2: float, stat3: float, nodes: Array, weights: Array,
) -> float:  # fmt: skip
    """Int dE2 <S|M|^2>_phi f2 (1 -+ f3) at fixed E1 and q, split at both Fermi surfaces."""
    omega = E1 - E
    floor = max(_target_bound(omega, q, t, m2, m3), m2, m3 - omega)
    if stat3 > 0:  # below this the recoil is Pauli-blocked
        floor = max(floor, mu3 - omega - _REACH * temperature)
    surface_a = max(floor, min(mu2, mu3 - omega))
    surface_b = max(floor, max(mu2, mu3 - omega))
    delta = m3 * m3 - m2 * m2 - t
    cos_1q = (E1 * E1 + q * q - p * p) / (2 * E1 * q)  # angle of p1 to -q
    sin_1q = np.sqrt(max(0.0, 1 - cos_1q * cos_1q))
    total = 0.0
    low = floor
    for panel in range(4):
        if panel == 0:
            high = surface_a
        elif panel == 1:
            high = surface_b
        elif panel == 2:
            high = surface_b + 4 * temperature
        else:
            high = surface_b + _REACH * temperature
        width = high - low
        if width > 1e-12 * high:
            for node, weight in zip(nodes, weights):
                E2 = low + width * node
                p2 = np.sqrt(max(0.0, E2 * E2 - m2 * m2))
                E3 = E2 + omega
                cos_2q = (delta - 2 * E2 * omega) / (2 * p2 * q)  # angle of p2 to q
                if cos_2q > 1.0 or cos_2q < -1.0:
                    continue
                sin_2q = np.sqrt(1 - cos_2q * cos_2q)
                dot_mean = -E1 * cos_1q * p2 * cos_2q
                dot_swing = E1 * sin_1q * p2 * sin_2q * np.sqrt(0.5)
                square = 0.0
                for sign in (-1.0, 1.0):  # Gauss-Chebyshev azimuths, cos(phi) = +-1/sqrt(2)
                    dot = dot_mean + sign * dot_swing
                    s = m2 * m2 + 2 * (E1 * E2 - dot)
                    along = (dot + q * p2 * cos_2q) / p
                    square += 0.5 * amplitude(s, t, m2, m3, M, k2, E1, E2, E, along)
                f2 = occupation((E2 - mu2) / temperature, stat2)
                f3 = occupation((E3 - mu3) / temperature, stat3)
                total += weight * width * square * f2 * (1 - stat3 * f3)
        low = high
    return total


@compiled_as(
    void(
        function_type(AMPLITUDE_ARGUMENTS), float64[:, :, ::1], float64[:, ::1], float64,
        vector, vector, float64[:, ::1], vector, vector, vector, vector, float64, float64,
        float64, vector, vector, vector, vector, vector, vector,
    )
)  # fmt: skip
def _rates(
    amplitude: Amplitude, result: Array, energies: Array, M: float,
    temperatures: Array, k2s: Array, mu1s: Array, m2s: Array, mu2s: Array, m3s: Array, mu3s: Array,
    stat2: float, stat3: float, gathering: float,
    nodes1: Array, weights1: Array, nodes_q: Array, weights_q: Array,
    nodes2: Array, weights2: Array,
) -> None:  # fmt: skip
    """Fill result[state, source, energy]; nodes gather at the forward peak as u**gathering."""
    sources = mu1s.shape[1]
    inner = np.empty(sources)
    for state in range(len(temperatures)):
        temperature, k2 = temperatures[state], k2s[state]
        m2, mu2, m3, mu3 = m2s[state], mu2s[state], m3s[state], mu3s[state]
        highest_mu1 = max(0.0, mu1s[state].max())
        for i in range(energies.shape[1]):
            E = energies[state, i]
            result[state, :, i] = 0.0
            if E <= M:
                continue
            p = np.sqrt((E - M) * (E + M))
            one_minus = M * M / (E + p)  # E - p without cancellation
            top = max(E, highest_mu1) + _REACH * temperature
            inner[:] = 0.0
            for panel in range(3):
                # Nodes gather at E1 = (E + p)/2, where |t| reaches down to 0: the forward peak.
                start = E - 0.5 * one_minus
                if panel == 0:
                    width = -p  # below (E - p)/2 no transfer is space-like
                elif panel == 1:
                    width = max(highest_mu1 - start, 2 * temperature)
                else:
                    start += max(highest_mu1 - start, 2 * temperature)
                    width = top - start
                for node1, weight1 in zip(nodes1, weights1):
                    if panel == 2:
                        E1 = start + width * node1
                        jacobian1 = weight1 * width
                    else:
                        E1 = start + width * node1**gathering
                        jacobian1 = weight1 * gathering * node1 ** (gathering - 1) * abs(width)
                    omega = E1 - E
                    # -t = q^2 - omega^2 between its values for collinear and opposite p1, p_X.
                    low_t = max(0.0, one_minus * (2 * E1 - (E + p)))
                    high_t = 2 * E1 * (E + p) - M * M
                    # ... and large enough for a target of the highest thermal energy to absorb it.
                    E2_top = max(mu2, mu3 - omega, m2, m3 - omega) + 2 * _REACH * temperature
                    reach = 2 * E2_top + omega
                    low_t = max(low_t, 4 * m2 * m2 * omega * omega / (reach * reach))
                    low_t = max(low_t, 1e-32 * E * E)
                    if high_t <= low_t:
                        continue
                    y_low = np.log(k2 + low_t)
                    y_width = np.log(k2 + high_t) - y_low
                    over_q = 0.0
                    for node_q, weight_q in zip(nodes_q, weights_q):
                        minus_t = np.exp(y_low + y_width * node_q) - k2
                        q = np.sqrt(minus_t + omega * omega)
                        # dq = d(-t)/(2q), d(-t) = (k^2 - t) dy
                        measure = weight_q * y_width * (k2 + minus_t) / (2 * q)
                        over_q += measure * _target_integral(
                            amplitude, E1, E, p, q, -minus_t, M, temperature, k2,
                            m2, mu2, m3, mu3, stat2, stat3, nodes2, weights2,
                        )  # fmt: skip
                    for source in range(sources):
                        f1 = occupation((E1 - mu1s[state, source]) / temperature, 1.0)
                        inner[source] += jacobian1 * over_q * f1
            # (p E/(2 pi^2)) (1/(2E)) (2 pi)^-5 (pi^2/(2p))
            prefactor = 1.0 / (8 * (2 * np.pi) ** 5)
            for source in range(sources):
                result[state, source, i] = prefactor * inner[source]


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
) -> Array:
    """Production rate density of X in 1 2 -> 3 X per unit energy, dn/(dE dt) [MeV^3].

    `amplitude`: compiled formula, see AMPLITUDE_ARGUMENTS; `energies`: [MeV], (states, n), local
    energies of X; `mass`: of X [MeV]; `temperature` [MeV], `screening_k2` [MeV^2]: (states,);
    `sources`: massless fermions in the role of particle 1, which share all else; `target`,
    `recoil`: particles 2 and 3; `orders`: points of a panel in E1 (3 panels), q, and E2 (4 panels).
    Result: (states, sources, n), in MeV^4 per MeV. Blocking of X is left out. Totals of the
    default orders are good to 1e-3; without screening (`screening_k2` zero) the photon pole needs
    the finer rule taken then, good to 1e-3 in total above 100 eV and to 2e-2 at 1 eV.
    Raises PhysicsError if the target is heavier than the recoil: time-like transfers, which only
    then exist, are not included.
    """
    if np.any(target.mass > 1.01 * recoil.mass):
        raise PhysicsError(
            f"scattering off {target.name} into {recoil.name}: the target is heavier than the "
            "recoil, whose time-like transfers are not included"
        )
    result = np.zeros((len(temperature), len(sources), energies.shape[1]))
    # Transfers near the pole take E1 - E of the order of sqrt(-t): nodes on a logarithmic scale.
    gathering = 2.0
    if not screening_k2.any():
        orders, gathering = (6 * orders[0], 4 * orders[1], orders[2]), 16.0
    mu1 = np.ascontiguousarray(np.stack([one.mu for one in sources], axis=1))
    rules = [np.array(part) for order in orders for part in unit_rule(order)]
    _rates(
        amplitude, result, np.ascontiguousarray(energies), mass, temperature, screening_k2, mu1,
        target.mass, target.mu, recoil.mass, recoil.mu, target.statistics, recoil.statistics,
        gathering, *rules,
    )  # fmt: skip
    return result
