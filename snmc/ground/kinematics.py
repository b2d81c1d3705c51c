"""Decay kinematics, delay and arrival angle, without differences of nearly equal numbers.

A parent (mass M, energy E, momentum p) flies out from the supernova and decays after the lab time
t; a massless daughter leaves at the rest-frame angle theta* to the flight direction. Every function
takes y = 1 + cos(theta*) in [0, 2], so that both ends keep their relative precision. Lengths are in
m, times in s. Equations: Brdar et al. (arXiv:2302.10965) 3 and 5, Akita et al. (arXiv:2312.13627)
34, rewritten; good to 1e-12 relative from M = 1 eV to 1 GeV at 100 MeV.
"""

import numpy as np

from snmc.ground.compiled import compiled
from snmc.ground.units import C_LIGHT


@compiled
def momentum(E: float, M: float) -> float:
    """Momentum [MeV] of a particle of energy `E` >= `M` [MeV]."""
    return float(np.sqrt((E - M) * (E + M)))


@compiled
def one_minus_beta(E: float, p: float, M: float) -> float:
    """1 - beta = M^2/(E (E + p)), with energies in MeV."""
    return M * M / (E * (E + p))


@compiled
def boost_factor(E: float, p: float, M: float, y: float) -> float:
    """1 + beta cos(theta*) = (1 - beta) + beta y, with energies in MeV."""
    return one_minus_beta(E, p, M) + p / E * y


@compiled
def daughter_energy(E: float, p: float, M: float, y: float, rest_energy: float) -> float:
    """Lab energy [MeV] of a massless daughter, E_d = gamma (1 + beta cos(theta*)) E*.

    `rest_energy`: E* [MeV] in the parent's rest frame.
    """
    return E / M * boost_factor(E, p, M, y) * rest_energy


@compiled
def cos_alpha(E: float, p: float, M: float, y: float) -> float:
    """Cosine of the lab angle between parent and daughter, (c + beta)/(1 + beta c)."""
    return min(1.0, (y - one_minus_beta(E, p, M)) / boost_factor(E, p, M, y))


@compiled
def sin_alpha(E: float, p: float, M: float, y: float) -> float:
    """Sine of the lab angle between parent and daughter, sin(theta*)/(gamma (1 + beta c))."""
    return float(M / E * np.sqrt(y * (2 - y)) / boost_factor(E, p, M, y))


@compiled
def arrival_angle(path: float, sin_a: float, distance: float) -> float:
    """Angle theta [rad] to the supernova at Earth, D sin(theta) = L sin(alpha).

    `path`: decay length L [m]; `sin_a`: sin(alpha); `distance`: D [m].
    """
    return float(np.arcsin(min(1.0, path * sin_a / distance)))


@compiled
def arrival_delay(
    E: float, p: float, M: float, y: float, decay_time: float, distance: float
) -> float:
    """Delay [s] at Earth behind light of the same emission.

    t/(gamma^2 (1 + beta c)) - (D/c)(1 - cos(theta)); the last with D (1 - cos(theta)) =
    D sin(theta)^2/(1 + cos(theta)). `decay_time`: t [s] in the lab; `distance`: D [m].
    """
    straight = decay_time * (M / E) ** 2 / boost_factor(E, p, M, y)
    sine = min(1.0, p / E * C_LIGHT * decay_time * sin_alpha(E, p, M, y) / distance)
    cosine = np.sqrt((1 - sine) * (1 + sine))
    return float(straight - distance / C_LIGHT * sine * sine / (1 + cosine))


@compiled
def seen_times(
    E: float, p: float, M: float, y: float, window: float, distance: float, max_sine: float
) -> tuple[float, float, float]:
    """Lab decay times [s] whose daughter reaches Earth within the window and the angle.

    Result (t1, t2, end): all times below t1, and those from t2 to end; t2 = end if there are no
    such. With a = 1/(gamma^2 (1 + beta c)), b = beta sin(alpha) and the light time T = D/c, the
    delay equals `window` W [s] at the roots of (a^2 + b^2) t^2 - 2 a (W + T) t + W (W + 2T) = 0,
    the smaller written without cancellation. It can fall again towards Earth: where the parent
    itself would come in time, so do the decays beyond the larger root. Parents decay before Earth,
    t < T/beta, and sin(theta) <= `max_sine`. `distance`: D [m]. Zeros if the window is not
    positive.
    """
    if window <= 0.0 or p <= 0.0:
        return 0.0, 0.0, 0.0
    light = distance / C_LIGHT
    beta = p / E
    a = (M / E) ** 2 / boost_factor(E, p, M, y)
    b = beta * sin_alpha(E, p, M, y)
    end = light / beta
    if b > 0:
        end = min(end, light * max_sine / b)
    reach = window * (window + 2 * light)
    discriminant = (a * light) ** 2 - b * b * reach
    if discriminant < 0:  # the delay never grows to the window
        return end, end, end
    root = np.sqrt(discriminant)
    t1 = reach / (a * (window + light) + root)
    if t1 >= end:
        return end, end, end
    if light * one_minus_beta(E, p, M) / beta > window:  # the parent itself comes late
        return t1, end, end
    t2 = (a * (window + light) + root) / (a * a + b * b)
    if t2 >= end or arrival_delay(E, p, M, y, end, distance) > window:
        t2 = end
    return t1, t2, end
