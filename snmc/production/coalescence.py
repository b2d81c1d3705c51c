"""Thermal production by 2 -> 1 coalescence, 1 2 -> X.

Detailed balance with the decay X -> 1 2 leaves one integral over the energy of 1,

    dn/(dE dt) = (1/(32 pi^3)) Int_{E1-}^{E1+} dE1 S|M|^2 f1(E1) f2(E - E1),

where E1-+ = [E (M^2 + m1^2 - m2^2) -+ p sqrt(lambda)]/(2 M^2), lambda = [M^2 - (m1 + m2)^2]
[M^2 - (m1 - m2)^2], for M > m1 + m2; f1 and f2 follow the statistics of either. With two massless
particles and S|M|^2 = 16 pi g M Gamma it is (g M Gamma/(2 pi^2)) Int f1 f2 dE1 between (E -+ p)/2.

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
from snmc.thermal import Species, occupation, shared_by

Array = npt.NDArray[np.float64]
Amplitude = Callable[..., float]

AMPLITUDE_ARGUMENTS = 4
"""An amplitude takes (M, m2, E1, E) [MeV]: the masses of X (sqrt(M^2 - 2 E (V_1 + V_2)) where
there are potentials) and 2, the energies of 1 and X in the frame of the medium. Particle 1 is
massless, or its mass is known to the amplitude: that of 2 in a pair, as of two photons. It returns
S|M|^2 summed over spins and over the polarisations the medium carries, with the factor 1/2 for
identical particles 1 and 2."""


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
def _bounds(E: float, p: float, M: float, m1: float, m2: float) -> tuple[float, float]:
    """Least and greatest energy [MeV] of 1.

    Their product (E1* ^2 + (p m1/M)^2) gives the lower one without cancellation for light X and
    light 1.
    """
    energy = decay_energy(M, m1, m2)  # E1*
    high = (energy * E + decay_momentum(M, m1, m2) * p) / M
    boosted = p * m1 / M
    return (energy * energy + boosted * boosted) / high, high


@compiled
def _soft_side(
    amplitude: Amplitude, first: bool, low: float, high: float, E: float, M: float, m2: float,
    temperature: float, mu: float, stat: float, mu_other: float, stat_other: float,
    nodes: Array, weights: Array,
) -> float:  # fmt: skip
    """Int dE_a S|M|^2 f_a f_b for E_a between `low` and `high`, a the soft one of the pair.

    a is particle 1 if `first`, else 2; `mu`, `stat` are those of a, the others those of b. In three
    panels: up to T, for 6 T, and to where f_a f_b has fallen by exp(-18) from its plateau between
    mu_a and E - mu_b.
    """
    pole = mu if stat < 0.0 else 0.0
    knee = min(max(low, pole + temperature), high)
    end = max(knee + 36 * temperature, max(mu, E - mu_other) + 18 * temperature)
    total = 0.0
    for panel in range(3):
        # f_a of a boson falls as T/(E_a - mu_a) at first: logarithmic nodes there.
        if panel == 0:
            start, width = np.log(low - pole), np.log((knee - pole) / (low - pole))
        elif panel == 1:
            start, width = knee, min(high, knee + 6 * temperature) - knee
        else:
            start = min(high, knee + 6 * temperature)
            width = min(high, end) - start
        if width <= 0.0:
            continue
        for node, weight in zip(nodes, weights):
            soft = start + width * node
            measure = weight * width
            if panel == 0:
                soft = np.exp(soft)
                measure *= soft
                soft += pole
            both = occupation((soft - mu) / temperature, stat)
            both *= occupation((E - soft - mu_other) / temperature, stat_other)
            total += measure * both * amplitude(M, m2, soft if first else E - soft, E)
    return total


@compiled
def _integral(
    amplitude: Amplitude, E: float, M: float, temperature: float, m1: float, mu1: float,
    m2: float, mu2: float, stat1: float, stat2: float, nodes: Array, weights: Array,
) -> float:  # fmt: skip
    """Int dE1 S|M|^2 f1 f2, from the side of 2, and from that of 1 too if it is a boson."""
    if E <= M:
        return 0.0
    p = np.sqrt((E - M) * (E + M))
    low, high = _bounds(E, p, M, m2, m1)
    total = 0.0
    if stat1 < 0.0:
        low1, high1 = _bounds(E, p, M, m1, m2)
        high = 0.5 * (low + high)
        total += _soft_side(
            amplitude, True, low1, 0.5 * (low1 + high1), E, M, m2, temperature,
            mu1, stat1, mu2, stat2, nodes, weights,
        )  # fmt: skip
    return total + _soft_side(
        amplitude, False, low, high, E, M, m2, temperature,
        mu2, stat2, mu1, stat1, nodes, weights,
    )  # fmt: skip


@compiled_as(
    void(
        function_type(AMPLITUDE_ARGUMENTS), float64[:, :, ::1], float64[:, ::1], float64,
        vector, vector, float64[:, ::1], float64[:, ::1], vector, vector, float64, float64,
        vector, vector,
    )
)  # fmt: skip
def _rates(
    amplitude: Amplitude, result: Array, energies: Array, mass: float,
    temperatures: Array, m1s: Array, mu1s: Array, potentials: Array, m2s: Array, mu2s: Array,
    stat1: float, stat2: float, nodes: Array, weights: Array,
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
                        m2, mu2, stat1, stat2, nodes, weights,
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
    energies of X; `mass`: of X [MeV]; `temperature`: [MeV], (states,); `sources`: species of one
    mass and statistics in the role of particle 1; `partner`: particle 2; `order`: points of each of
    three panels, six if 1 is a boson. The rate is zero where X is not heavier than both together. X
    is neither blocked nor stimulated (see `snmc.production.absorption`).
    Result: (states, sources, n), in MeV^4 per MeV. Raises PhysicsError for unlike sources.
    """
    alike = shared_by(sources)
    result = np.zeros((len(temperature), len(sources), energies.shape[1]))
    mu1 = np.ascontiguousarray(np.stack([one.mu for one in sources], axis=1))
    potentials = np.stack([one.potential + partner.potential for one in sources], axis=1)
    nodes, weights = (np.array(part) for part in unit_rule(order))
    _rates(
        amplitude, result, np.ascontiguousarray(energies), mass, temperature, alike.mass,
        mu1, np.ascontiguousarray(potentials), partner.mass, partner.mu,
        alike.statistics, partner.statistics, nodes, weights,
    )  # fmt: skip
    return result
