"""Decay kinematics against 60-digit arithmetic, from 1 eV to 1 GeV, up to both ends in angle."""

from collections.abc import Iterator

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snmc.ground.kinematics import (
    arrival_angle,
    arrival_delay,
    boost_factor,
    cos_alpha,
    daughter_energy,
    momentum,
    one_minus_beta,
    seen_times,
    sin_alpha,
)
from snmc.ground.units import C_LIGHT, PARSEC

DISTANCE = 51.4e3 * PARSEC
LIGHT = DISTANCE / C_LIGHT


class Exact:
    """The defining formulas, with 60 digits, for the same numbers in double precision."""

    def __init__(self, E: float, M: float, y: float) -> None:
        self.E, self.M, self.c = mpmath.mpf(E), mpmath.mpf(M), mpmath.mpf(y) - 1
        self.p = mpmath.sqrt(self.E**2 - self.M**2)
        self.beta = self.p / self.E
        self.gamma = self.E / self.M
        self.boost = 1 + self.beta * self.c
        self.cos_alpha = (self.c + self.beta) / self.boost
        self.sin_alpha = mpmath.sqrt(1 - self.c**2) / (self.gamma * self.boost)

    def triangle(self, decay_time: float) -> tuple[mpmath.mpf, mpmath.mpf]:
        """Delay L1/beta + L2 - D [s] and angle from D sin(theta) = L1 sin(alpha)."""
        light = mpmath.mpf(DISTANCE) / mpmath.mpf(C_LIGHT)
        L1 = self.beta * mpmath.mpf(decay_time)  # in light seconds
        theta = mpmath.asin(L1 * self.sin_alpha / light)
        L2 = light * mpmath.cos(theta) - L1 * self.cos_alpha
        return mpmath.mpf(decay_time) + L2 - light, theta


def points() -> Iterator[tuple[float, float, float]]:
    """E, M [MeV] and y over the whole range of the program."""
    rng = np.random.default_rng(1)
    ends = (1e-12, 1e-9, 1e-5, 0.1, 1.0, 1.9, 2 - 1e-5, 2 - 1e-9, 2 - 1e-12)
    for M in np.geomspace(1e-6, 999.0, 10):
        for above in (1e-9, 1e-4, 0.1, 1.0):
            E = M + above * (1000.0 - M)
            for y in (*ends, *rng.uniform(0, 2, 3)):
                yield float(E), float(M), float(y)


def relative(value: float, exact: mpmath.mpf) -> float:
    return float(abs((mpmath.mpf(value) - exact) / exact)) if exact else abs(value)


def test_every_form_against_60_digits() -> None:
    """Would catch 1 - beta, 1 + beta cos or sin(alpha) by a difference of nearly equal numbers."""
    with mpmath.workdps(60):
        for E, M, y in points():
            exact, p = Exact(E, M, y), momentum(E, M)
            assert relative(p, exact.p) < 1e-15 * 4
            assert relative(one_minus_beta(E, p, M), 1 - exact.beta) < 1e-14
            assert relative(boost_factor(E, p, M, y), exact.boost) < 1e-14
            energy = exact.gamma * exact.boost * mpmath.mpf(M) / 2
            assert relative(daughter_energy(E, p, M, y, M / 2), energy) < 1e-14
            assert relative(sin_alpha(E, p, M, y), exact.sin_alpha) < 1e-14
            # cos passes through 0, so the measure is the angle's absolute error
            assert float(abs(cos_alpha(E, p, M, y) - exact.cos_alpha)) < 1e-13


@pytest.mark.parametrize("window", [1e-3, 1.0, 223.0, 1e5, 1e9])
def test_delay_and_angle_against_60_digits(window: float) -> None:
    """Would catch the delay of L1/beta + L2 - D by subtraction, and a wrong arrival angle.

    Inside what `seen_times` lets through, where the program uses them.
    """
    with mpmath.workdps(60):
        for E, M, y in points():
            exact, p = Exact(E, M, y), momentum(E, M)
            latest = last_early(E, p, M, y, window, DISTANCE, np.inf)
            for part in (1e-6, 0.3, 0.9):
                decay_time = latest * part
                delay, theta = exact.triangle(decay_time)
                assert relative(arrival_delay(E, p, M, y, decay_time, DISTANCE), delay) < 1e-11
                path = p / E * C_LIGHT * decay_time
                angle = arrival_angle(path, sin_alpha(E, p, M, y), DISTANCE)
                assert relative(angle, theta) < 1e-11


@pytest.mark.parametrize("window", [1e-3, 1.0, 223.0, 1e5, 1e9])
def test_seen_times_invert_the_delay(window: float) -> None:
    """Would catch the wrong root, a window in light time confused, or a cap at the wrong place.

    The delay at the last decay equals the window, or else the parent reaches Earth and every
    decay on the way is in time.
    """
    reached = 0
    with mpmath.workdps(60):
        for E, M, y in points():
            exact, p = Exact(E, M, y), momentum(E, M)
            latest = last_early(E, p, M, y, window, DISTANCE, np.inf)
            assert 0 < latest <= LIGHT / (p / E) * (1 + 1e-15)
            if latest < LIGHT / (p / E) * (1 - 1e-12):
                delay, _ = exact.triangle(latest)
                # where the window touches the largest delay the root is ill-conditioned
                assert relative(window, delay) < 1e-10
            else:
                reached += 1
                for part in np.linspace(0.01, 0.999, 12):
                    assert exact.triangle(latest * part)[0] <= window * (1 + 1e-9)
    assert reached > 0


def test_angle_limit() -> None:
    """Would catch the limit on the angle applied to alpha instead of theta, or not at all."""
    E, M, y = 100.0, 60.0, 0.5
    p = momentum(E, M)
    latest = last_early(E, p, M, y, 1e20, DISTANCE, np.sin(0.1))
    path = p / E * C_LIGHT * latest
    assert arrival_angle(path, sin_alpha(E, p, M, y), DISTANCE) == pytest.approx(
        0.1, rel=1e-12, abs=0
    )
    assert last_early(E, p, M, y, 0.0, DISTANCE, np.inf) == 0.0
    assert last_early(E, p, M, y, -1.0, DISTANCE, np.inf) == 0.0
    assert last_early(M, 0.0, M, y, 1.0, DISTANCE, np.inf) == 0.0


MASS = st.floats(-6, 3).map(lambda x: 10.0**x)
ABOVE = st.floats(-12, 0).map(lambda x: 10.0**x)
Y = st.one_of(
    st.floats(0, 2),
    st.floats(-300, 0).map(lambda x: 10.0**x),
    st.floats(-15, 0).map(lambda x: 2 - 10.0**x),
)
WINDOW = st.floats(-6, 12).map(lambda x: 10.0**x)


@settings(max_examples=500, derandomize=True)
@given(MASS, ABOVE, Y, WINDOW, st.floats(0, 1))
def test_nothing_breaks_anywhere(
    M: float, above: float, y: float, window: float, part: float
) -> None:
    """Would catch NaN, an angle above a right angle, or a negative delay anywhere in range."""
    E = M + above * (1000.0 - M) if M < 1000.0 else M
    p = momentum(E, M)
    cosine = cos_alpha(E, p, M, y)
    assert -1 <= cosine <= 1
    if boost_factor(E, p, M, y) > 0:
        sine = sin_alpha(E, p, M, y)
        assert 0 <= sine <= 1 + 1e-12
        assert sine**2 + cosine**2 == pytest.approx(1, abs=1e-9)
    assert 0 <= daughter_energy(E, p, M, y, M / 2) <= E * (1 + 1e-12)
    latest = last_early(E, p, M, y, window, DISTANCE, np.inf)
    assert latest >= 0
    if p > 0:
        delay = arrival_delay(E, p, M, y, latest * part, DISTANCE)
        assert 0 <= delay <= window * (1 + 1e-7)
        path = p / E * C_LIGHT * latest * part
        assert 0 <= arrival_angle(path, sin_alpha(E, p, M, y), DISTANCE) <= np.pi / 2


@settings(max_examples=300, derandomize=True)
@given(MASS, ABOVE, Y, WINDOW, st.floats(1, 10), st.floats(0, 0.99))
def test_monotone(
    M: float, above: float, y: float, window: float, factor: float, part: float
) -> None:
    """Would catch a last decay that falls with a longer window, or a delay that is not earlier."""
    if M >= 999.0:
        return
    E = M + above * (1000.0 - M)
    p = momentum(E, M)
    latest = last_early(E, p, M, y, window, DISTANCE, np.inf)
    longer = last_early(E, p, M, y, window * factor, DISTANCE, np.inf)
    assert longer >= latest * (1 - 1e-12)
    full = arrival_delay(E, p, M, y, latest, DISTANCE)
    if latest < LIGHT / (p / E):
        assert arrival_delay(E, p, M, y, latest * part, DISTANCE) <= full * (1 + 1e-7)
    limited = last_early(E, p, M, y, window, DISTANCE, 0.01)
    assert limited <= latest


@pytest.mark.parametrize(("M", "y"), [(1e-3, 0.12), (1e-3, 1.5), (1e-3, 1e-6), (0.3, 0.12)])
def test_no_decay_in_time_is_left_out(M: float, y: float) -> None:
    """Catches decays in time beyond the larger root, near Earth, being lost, or late ones let in.

    The delay grows with the decay time, then falls to the parent's own at Earth: a backward
    daughter of a parent in time (1 keV at 150 MeV, 223 s) is in time in two intervals.
    """
    E, window = 150.0, 223.0
    p = momentum(E, M)
    times = np.linspace(0, LIGHT / (p / E), 2001)[1:-1]
    delays = np.array([arrival_delay(E, p, M, y, t, DISTANCE) for t in times])
    t1, t2, end = seen_times(E, p, M, y, window, DISTANCE, np.inf)
    assert end == pytest.approx(LIGHT / (p / E), rel=1e-15, abs=0)
    seen = (times <= t1) | ((times >= t2) & (t2 < end))
    clear = np.abs(delays / window - 1) > 1e-9
    np.testing.assert_array_equal(seen[clear], delays[clear] < window)
    if (M, y) == (1e-3, 0.12):
        assert t1 < t2 < end


def last_early(
    E: float, p: float, M: float, y: float, window: float, distance: float, max_sine: float
) -> float:
    """Last decay time of the first interval that `seen_times` gives."""
    return seen_times(E, p, M, y, window, distance, max_sine)[0]
