"""Flavour conversion against limits, 40-digit arithmetic and the papers' approximate formulas."""

import itertools
import math

import mpmath
import numpy as np
import numpy.typing as npt
import pytest

from snmc.flavour import (
    PARAMETERS,
    POTENTIAL,
    envelope_rho_ye,
    flavour_at_earth,
    flavour_table,
    transition_probability,
)
from snmc.ground.compiled import compiled
from snmc.ground.errors import InputError

CASES = list(itertools.product(("nufit-5.2", "nufit-6.0"), ("NO", "IO"), (False, True)))


def test_potential() -> None:
    """A wrong power of hbar c or a factor sqrt 2: V = 7.632e-14 eV per g/cm3 (any textbook)."""
    assert pytest.approx(7.632e-14, rel=2e-4, abs=0) == POTENTIAL


def test_vacuum() -> None:
    """Matter left in at zero density: P(e->e) = sum |U_ei|^4 = 0.5525 for NuFIT 5.2, NO."""
    probability = transition_probability(10.0, 0.0)
    assert probability.shape == (3, 3)
    assert probability[0, 0] == pytest.approx(0.5525, abs=1e-4)
    assert probability == pytest.approx(probability.T, abs=1e-12)


@pytest.mark.parametrize(
    ("ordering", "antineutrino", "to_e"),
    [
        ("NO", False, (0.0223, 0.5071, 0.4706)),  # s13^2, ...
        ("NO", True, (0.6813, 0.1724, 0.1463)),  # c12^2 c13^2
        ("IO", False, (0.2965, 0.3058, 0.3978)),  # s12^2 c13^2
        ("IO", True, (0.0222, 0.5158, 0.4620)),  # s13^2
    ],
)
def test_infinite_density(
    ordering: str, antineutrino: bool, to_e: tuple[float, float, float]
) -> None:
    """Levels matched to the wrong mass states, or rounding at nuclear density."""
    probability = transition_probability(
        [1.0, 10.0, 300.0], [1e15, 1e14, 1e13], ordering, antineutrino
    )
    assert probability[..., 0] == pytest.approx(np.tile(to_e, (3, 1)), abs=1e-4)


@pytest.mark.parametrize(("parameters", "ordering", "antineutrino"), CASES)
def test_unitarity(parameters: str, ordering: str, antineutrino: bool) -> None:
    """Probability lost or made, at any density: rows and columns sum to one."""
    rho_ye = np.concatenate([[0.0], np.geomspace(1e-6, 1e15, 400)])
    probability = transition_probability(15.0, rho_ye, ordering, antineutrino, parameters)
    assert probability.shape == (401, 3, 3)
    assert np.all(probability >= 0)
    assert np.abs(probability.sum(axis=-1) - 1).max() < 1e-12
    assert np.abs(probability.sum(axis=-2) - 1).max() < 1e-12


def by_mpmath(
    energy: float, rho_ye: float, ordering: str, antineutrino: bool, parameters: str
) -> npt.NDArray[np.float64]:
    """Diagonalise with 40 digits, U built as a product of rotations, V from 7.632e-14 digits."""
    mix = PARAMETERS[parameters][ordering]
    with mpmath.workdps(40):
        t12, t13, t23, delta = (mpmath.radians(x) for x in mix[:4])
        phase = mpmath.expjpi(delta / mpmath.pi * (-1 if antineutrino else 1))
        c, s = mpmath.cos, mpmath.sin
        r23 = mpmath.matrix([[1, 0, 0], [0, c(t23), s(t23)], [0, -s(t23), c(t23)]])
        r13 = mpmath.matrix([[c(t13), 0, s(t13) / phase], [0, 1, 0], [-s(t13) * phase, 0, c(t13)]])
        r12 = mpmath.matrix([[c(t12), s(t12), 0], [-s(t12), c(t12), 0], [0, 0, 1]])
        pmns = r23 * r13 * r12
        masses = [mpmath.mpf(0), mpmath.mpf(mix.dm21), mpmath.mpf(mix.dm31)]
        hamiltonian = pmns * mpmath.diag(masses) * pmns.H
        hamiltonian[0, 0] += (
            2e6 * mpmath.mpf(energy) * POTENTIAL * rho_ye * (-1 if antineutrino else 1)
        )
        values, vectors = mpmath.eighe(hamiltonian)
        order = sorted(range(3), key=lambda k: values[k])
        states = sorted(range(3), key=lambda k: masses[k])
        return np.array(
            [
                [
                    float(
                        sum(
                            abs(vectors[a, level]) ** 2 * abs(pmns[b, state]) ** 2
                            for level, state in zip(order, states, strict=True)
                        )
                    )
                    for b in range(3)
                ]
                for a in range(3)
            ]
        )


@pytest.mark.parametrize(("parameters", "ordering", "antineutrino"), CASES)
def test_against_40_digits(parameters: str, ordering: str, antineutrino: bool) -> None:
    """A wrong phase, sign or level, or lost digits across the resonances and far above them."""
    for rho_ye in (1e-2, 5.0, 19.1, 60.0, 700.0, 1569.0, 2500.0, 1e6, 1e8, 4e8, 1e10, 3e14):
        found = transition_probability(10.0, rho_ye, ordering, antineutrino, parameters)
        wanted = by_mpmath(10.0, rho_ye, ordering, antineutrino, parameters)
        assert np.abs(found - wanted).max() < 2e-8, rho_ye


@pytest.mark.parametrize(
    ("ordering", "antineutrino"), list(itertools.product(("NO", "IO"), (0, 1)))
)
def test_against_two_successive_rotations(ordering: str, antineutrino: int) -> None:
    """A potential wrong by a factor: both resonances of Akita et al. 2024, eqs. 18-22.

    tan 2t13M = tan 2t13 / (1 - 2EV/(dm31 cos 2t13)); tan 2t12M = tan 2t12 cos t13M / (1 - h) with
    h = 2EV/(dm21 cos 2t12) below the high resonance; P(e->e) = sum |U^M_ei|^2 |U_ei|^2.
    """
    mix = PARAMETERS["nufit-5.2"][ordering]
    t12, t13 = math.radians(mix.theta12), math.radians(mix.theta13)
    for rho_ye in (0.1, 2.0, 10.0, 19.1, 40.0, 100.0, 300.0):
        potential = 2e6 * 15.0 * 7.632e-14 * rho_ye * (-1 if antineutrino else 1)
        m13 = 0.5 * math.atan2(math.sin(2 * t13), math.cos(2 * t13) - potential / mix.dm31)
        m12 = 0.5 * math.atan2(
            math.sin(2 * t12) * math.cos(m13), math.cos(2 * t12) - potential / mix.dm21
        )
        wanted = (
            (math.cos(m12) * math.cos(m13) * math.cos(t12) * math.cos(t13)) ** 2
            + (math.sin(m12) * math.cos(m13) * math.sin(t12) * math.cos(t13)) ** 2
            + (math.sin(m13) * math.sin(t13)) ** 2
        )
        found = transition_probability(15.0, rho_ye, ordering, bool(antineutrino))[0, 0]
        assert found == pytest.approx(wanted, rel=0.03, abs=0), rho_ye


@compiled
def draw_many(
    table: npt.NDArray[np.float64],
    log_lo: float,
    dlog: float,
    flavour: int,
    antineutrino: int,
    x: float,
    draws: int,
) -> npt.NDArray[np.int64]:
    """Count flavours at Earth for evenly spaced u."""
    counts = np.zeros(3, np.int64)
    for i in range(draws):
        u = (i + 0.5) / draws
        counts[flavour_at_earth(table, log_lo, dlog, flavour, antineutrino, x, u)] += 1
    return counts


@pytest.mark.parametrize("ordering", ["NO", "IO"])
def test_table(ordering: str) -> None:
    """A grid too coarse for the resonances: midpoints and outside the grid, to 1e-5."""
    table = flavour_table(ordering)
    n = table.probability.shape[1]
    middle = np.exp(table.log_lo + table.dlog * (np.arange(n - 1) + 0.5))
    for antineutrino in (0, 1):
        grid = table.probability[antineutrino]
        exact = transition_probability(middle, 1.0, ordering, bool(antineutrino))
        assert np.abs(exact - (grid[1:] + grid[:-1]) / 2).max() < 1e-5
        for end, x in ((0, 0.0), (-1, 1e30)):
            outside = transition_probability(1.0, x, ordering, bool(antineutrino))
            assert np.abs(grid[end] - outside).max() < 1e-5


@pytest.mark.parametrize(
    ("antineutrino", "flavour", "x"), [(0, 0, 0.0), (1, 2, 191.0), (0, 1, 1e4), (1, 0, 1e30)]
)
def test_lookup(antineutrino: int, flavour: int, x: float) -> None:
    """Rows and columns exchanged in the kernel, or a lookup off by one cell."""
    table = flavour_table()
    draws = 100_000
    counts = draw_many(*table, flavour, antineutrino, x, draws)
    wanted = transition_probability(1.0, x, "NO", bool(antineutrino))[flavour]
    assert counts / draws == pytest.approx(wanted, abs=3e-5)


def test_envelope() -> None:
    """Centimetres taken for metres: 1e5 g/cm3 at 1e9 cm, falling with the third power."""
    assert envelope_rho_ye(1e7) == pytest.approx(1e5, rel=1e-6, abs=0)
    assert envelope_rho_ye(2e7) == pytest.approx(1e5 / 8, rel=1e-6, abs=0)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((10.0, 1.0, "XO"), "ordering"),
        ((10.0, 1.0, "NO", False, "nufit-5.3"), "nufit-5.2"),
        ((-1.0, 1.0), "energy"),
        ((10.0, [1.0, -2.0]), "rho_ye: found -2.0"),
        ((10.0, math.nan), "rho_ye"),
    ],
)
def test_refusals(arguments: tuple[object, ...], named: str) -> None:
    """Nonsense accepted in silence."""
    with pytest.raises(InputError, match=named):
        transition_probability(*arguments)  # type: ignore[arg-type]
