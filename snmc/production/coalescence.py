"""Thermal production by 2 -> 1 coalescence, 1 2 -> X.

Detailed balance with the decay X -> 1 2 leaves one integral over the energy of 1,

    dn/(dE dt) = (1/(32 pi^3)) Int_{E1-}^{E1+} dE1 S|M|^2 f1(E1) f2(E - E1),

where E1-+ = [E (M^2 + m1^2 - m2^2) -+ p sqrt(lambda)]/(2 M^2), lambda = [M^2 - (m1 + m2)^2]
[M^2 - (m1 - m2)^2], for M > m1 + m2. With two massless particles and S|M|^2 = 16 pi g M Gamma it is
(g M Gamma/(2 pi^2)) Int f1 f2 dE1 between (E -+ p)/2.

Where 1 and 2 feel the potentials V_1 and V_2 of the medium, small against their energies,
M^2 - 2 E (V_1 + V_2) stands for M^2 throughout (Akita et al., arXiv:2312.13627, eq. 55; the E_nu of
its eq. 54 is a misprint for the energy of X). Nothing is made where that is not positive.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from snmc.ground.compiled import (
    compiled,
    compiled_as,
    float64,
    function_type,
    vector,
    void,
)
from snmc.ground.quadrature import unit_rule
from snmc.thermal import Species, occupation

Array = npt.NDArray[np.float64]
Amplitude = Callable[..., float]

AMPLITUDE_ARGUMENTS = 4
"""An amplitude takes (M, m2, E1, E) [MeV]: the masses of X (sqrt(M^2 - 2 E (V_1 + V_2)) where
there are potentials) and 2, the energies of 1 and X in the frame of the medium. Particle 1 is
massless, or its mass is known to the amplitude: that of 2 in a pair. It returns S|M|^2 summed over
spins and over the polarisations the medium carries, with the factor 1/2 for identical particles 1
and 2."""


@compiled
def decay_energy(M: float, m1: float, m2: float) -> float:
    """Energy [MeV] of 1 where X of mass `M` decays at rest to 1 and 2; masses in MeV."""
    return ((M - m2) * (M + m2) + m1 * m1) / (2 * M)


@compiled
def decay_momentum(M: float, m1: float, m2: float) -> float:
    """Momentum [MeV] of 1 and 2 there, sqrt(lambda)/(2M); 0 unless M > m1 + m2; masses in MeV."""
    plus, minus = m1 + m2, m1 - m2
    if plus >= M:
        return 0.0
    return float(np.sqrt((M - plus) * (M + plus) * (M - minus) * (M + minus)) / (2 * M))


@compiled
def _integral(
    amplitude: Amplitude, E: float, M: float, temperature: float, m1: float, mu1: float,
    m2: float, mu2: float, stat2: float, nodes: Array, weights: Array,
) -> float:  # fmt: skip
    """Int dE1 S|M|^2 f1 f2 in three panels of E2, up to 36 T above its lowest."""
    if E <= M:
        return 0.0
    p = np.sqrt((E - M) * (E + M))
    # Bounds of E2 = E - E1. Their product (E2* ^2 + (p m2/M)^2) gives the lower one without
    # cancellation for light X and light 2.
    energy = decay_energy(M, m2, m1)  # E2*
    high = (energy * E + decay_momentum(M, m1, m2) * p) / M
    boosted = p * m2 / M
    low = (energy * energy + boosted * boosted) / high
    total = 0.0
    knee = min(max(low, temperature), high)
    for panel in range(3):
        # f2 of a boson falls as T/E2 below T: logarithmic nodes there.
        if panel == 0:
            start, width = np.log(low), np.log(knee / low)
        elif panel == 1:
            start, width = knee, min(high, knee + 6 * temperature) - knee
        else:
            start = min(high, knee + 6 * temperature)
            width = min(high, start + 30 * temperature) - start
        if width <= 0.0:
            continue
        for node, weight in zip(nodes, weights):
            E2 = start + width * node
            measure = weight * width
            if panel == 0:
                E2 = np.exp(E2)
                measure *= E2
            f1 = occupation((E - E2 - mu1) / temperature, 1.0)
            f2 = occupation((E2 - mu2) / temperature, stat2)
            total += measure * f1 * f2 * amplitude(M, m2, E - E2, E)
    return total


@compiled_as(
    void(
        function_type(AMPLITUDE_ARGUMENTS), float64[:, :, ::1], float64[:, ::1], float64,
        vector, vector, float64[:, ::1], float64[:, ::1], vector, vector, float64, vector, vector,
    )
)  # fmt: skip
def _rates(
    amplitude: Amplitude, result: Array, energies: Array, mass: float,
    temperatures: Array, m1s: Array, mu1s: Array, potentials: Array, m2s: Array, mu2s: Array,
    stat2: float, nodes: Array, weights: Array,
) -> None:  # fmt: skip
    """Fill result[state, source, energy]."""
    sources = mu1s.shape[1]
    for state in range(len(temperatures)):
        temperature, m1, m2, mu2 = temperatures[state], m1s[state], m2s[state], mu2s[state]
        for i in range(energies.shape[1]):
            E = energies[state, i]
            for source in range(sources):
                squared = mass * mass - 2 * E * potentials[state, source]
                result[state, source, i] = 0.0
                if mass < E and squared > (m1 + m2) ** 2:
                    result[state, source, i] = _integral(
                        amplitude, E, np.sqrt(squared), temperature, m1, mu1s[state, source],
                        m2, mu2, stat2, nodes, weights,
                    ) / (32 * np.pi**3)  # fmt: skip


def coalescence_rate(
    amplitude: Amplitude,
    energies: Array,
    mass: float,
    temperature: Array,
    sources: list[Species],
    partner: Species,
    order: int = 24,
) -> Array:
    """Production rate density of X in 1 2 -> X per unit energy, dn/(dE dt) [MeV^3].

    `amplitude`: compiled formula, see AMPLITUDE_ARGUMENTS; `energies`: [MeV], (states, n), local
    energies of X; `mass`: of X [MeV]; `temperature`: [MeV], (states,); `sources`: fermions of one
    mass in the role of particle 1; `partner`: particle 2; `order`: points of each of three panels.
    The rate is zero where X is not heavier than both together.
    Result: (states, sources, n), in MeV^4 per MeV.
    """
    result = np.zeros((len(temperature), len(sources), energies.shape[1]))
    mu1 = np.ascontiguousarray(np.stack([one.mu for one in sources], axis=1))
    potentials = np.stack([one.potential + partner.potential for one in sources], axis=1)
    nodes, weights = (np.array(part) for part in unit_rule(order))
    _rates(
        amplitude, result, np.ascontiguousarray(energies), mass, temperature, sources[0].mass,
        mu1, np.ascontiguousarray(potentials), partner.mass, partner.mu,
        partner.statistics, nodes, weights,
    )  # fmt: skip
    return result
