"""Likelihood ratios and upper limits of counts against numbers in papers and 50-digit roots."""

from functools import partial

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from snmc.ground.errors import InputError, PhysicsWarning
from snmc.judgement.statistics import (
    best_strength,
    coverage,
    exact_coverage,
    exclusion,
    likelihood_ratio,
    median_limit,
    poisson_limit,
    signal_limit,
    threshold,
)

TWO_SIDED = 3.841458820694124


def precise_ratio(expected, observed):
    """Eq. 7 of Brdar et al. in 50 digits, of the very same binary numbers."""
    with mpmath.workdps(50):
        mu, n = mpmath.mpf(expected), mpmath.mpf(observed)
        return 2 * (mu - n + (n * mpmath.log(n / mu) if n else 0))


def precise_limit(observed, background, delta):
    """The root of q = delta above the best fit, by bisection in 50 digits."""
    best = max(observed, background)
    base = precise_ratio(best, observed)
    with mpmath.workdps(50):
        root = mpmath.findroot(
            lambda mu: precise_ratio(mu, observed) - base - delta,
            (best, best + 2 * delta + 4 * mpmath.sqrt(delta * (best + 1))),
            solver="anderson",
        )
        return float(root - background)


def test_thresholds():
    """Would catch a one-sided quantile taken for the two-sided one, or other degrees of freedom."""
    assert threshold(0.95) == pytest.approx(TWO_SIDED, rel=1e-12, abs=0)
    assert threshold(0.9) == pytest.approx(2.705543454095404, rel=1e-12, abs=0)  # Akita's 2.7
    assert threshold(0.9544997361036416) == pytest.approx(4, rel=1e-10, abs=0)  # Brdar's 76
    for level in (0.0, 1.0, float("nan")):
        with pytest.raises(InputError, match="confidence_level"):
            threshold(level)


@given(
    observed=some.floats(1e-6, 1e7),
    shift=some.floats(-1, 8).filter(lambda x: abs(x) > 1e-9),
)
def test_likelihood_ratio_keeps_its_digits(observed, shift):
    """Would catch cancellation where expected and observed nearly agree, and a wrong sign."""
    expected = observed * (1 + shift)
    exact = float(precise_ratio(expected, observed)) if expected > 0 else np.inf
    assert float(likelihood_ratio(expected, observed)) == pytest.approx(exact, rel=1e-12, abs=0)


def test_likelihood_ratio_at_the_ends():
    """Would catch NaN or a warning at zero counts, and counts below zero let through."""
    assert likelihood_ratio([0, 3, 0, 1e300], [0, 0, 2, 1e-300]).tolist() == [0, 6, np.inf, 2e300]
    for wrong in (-1, np.nan, np.inf):
        with pytest.raises(InputError, match="expected: found"):
            likelihood_ratio([1, wrong], 1)
        with pytest.raises(InputError, match="observed: found"):
            likelihood_ratio(1, wrong)


def test_photons_of_sn1987a():
    """Would catch another threshold or likelihood than that of the 76 photons of Brdar et al."""
    found = signal_limit(1393, 1393, [3.841, 4])
    assert found == pytest.approx([74.433, 75.985], rel=1e-5, abs=0)
    for value, delta in zip(found, (3.841, 4), strict=True):
        assert value == pytest.approx(precise_limit(1393, 1393, delta), rel=1e-12, abs=0)
    # "2.5, 4.9, 4.4 photons" of the same paper are what 0.188, 2.99 and 2.16 on n = b give
    background = np.array([0.188, 2.99, 2.16])
    found = signal_limit(background, background, 4)
    assert found == pytest.approx([2.5, 4.9, 4.4], rel=0.01, abs=0)


@given(
    observed=some.one_of(some.just(0.0), some.floats(1e-3, 1e6)),
    background=some.one_of(some.just(0.0), some.floats(1e-3, 1e6)),
    delta=some.floats(0.01, 100),
)
def test_limits_are_roots(observed, background, delta):
    """Would catch a limit on the wrong side of the best fit, and slow or false convergence."""
    limit = float(signal_limit(observed, background, delta))
    assert limit == pytest.approx(precise_limit(observed, background, delta), rel=1e-9, abs=0)
    q = exclusion([[limit], [0.999 * max(observed - background, 0)]], [background], [observed])
    assert q[0] == pytest.approx(delta, rel=1e-6, abs=0)
    assert q[1] == 0


def test_a_fluctuation_excludes_no_weak_signal():
    """Would catch eq. 7 itself taken for the test: it excludes s = 0 where n is far from b."""
    assert likelihood_ratio(10.0, 2.0) > 4
    assert exclusion([[0.0]], [10.0], [2.0]) == 0
    assert exclusion([[0.0], [5.0]], [10.0], [20.0]).tolist() == [0, 0]  # an excess excludes none
    assert 0 < float(signal_limit(2, 10, 4)) < float(signal_limit(10, 10, 4))


def test_several_detectors_share_the_strength():
    """Would catch each detector fitted alone, and a likelihood taken from one of them."""
    background, observed = np.array([2.0, 0.64, 5.0]), np.array([3.0, 0.0, 5.0])
    signal = np.geomspace(0.1, 100, 40)[:, None] * np.array([1.0, 0.32, 0.0])
    strengths = np.linspace(0, 30, 300_001)[:, None]
    scan = likelihood_ratio(strengths * signal[0] + background, observed).sum(axis=-1)
    best = float(best_strength(signal[0], background, observed, signal[0].sum()))
    assert best == pytest.approx(strengths[np.argmin(scan), 0], rel=1e-3, abs=0)
    excess = likelihood_ratio(signal + background, observed).sum(axis=-1) - scan.min()
    expected = np.where(signal[:, 0] > best * signal[0, 0], excess, 0)
    assert exclusion(signal, background, observed) == pytest.approx(expected, rel=1e-6, abs=1e-9)
    same = exclusion(signal[:, :1], background[:1], background[:1])  # n = b: as printed
    printed = likelihood_ratio(signal[:, 0] + 2, 2)
    assert same == pytest.approx(printed, rel=1e-12, abs=0)


def test_signals_too_small_to_divide_by():
    """Catches an overflow, or no convergence, where decays on the way leave next to nothing."""
    signal = [[5e-324, 0.0], [1e-288, 1e-320], [2.5e-219, 1e-3], [8.43e-7, 1e-200], [0.0, 1e-9]]
    assert exclusion(signal, [1393.0, 2.0], [1393.0, 2.0]) == pytest.approx(0, rel=0, abs=1e-6)
    assert exclusion(signal, [0.0, 0.63], [0.0, 0.63]) == pytest.approx(0, rel=0, abs=1e-5)


def test_strengths_without_background():
    """Would catch a division by zero, or a maximum below zero, at the ends of the likelihood."""
    assert best_strength([2.0, 1.0], [0.0, 0.0], [4, 2], 3.0) == pytest.approx(2, rel=1e-12, abs=0)
    assert best_strength([2.0, 1.0], [1.0, 1.0], [0, 0], 3.0) == 0
    assert best_strength([0.0, 0.0], [1.0, 1.0], [3, 4], 0.0) == 0
    assert best_strength([1.0, 1.0], [5.0, 5.0], [3, 4], 2.0) == 0
    far = best_strength([1.0, 1.0, 1.0], [0.0, 1e6, 1e-6], [1, 900, 30], 1e-5)
    slope = 1 / far + 900 / (far + 1e6) + 30 / (far + 1e-6)
    assert slope == pytest.approx(1e-5, rel=1e-10, abs=0)


def test_poisson_limits():
    """Would catch n for n + 1, or a lower tail for the upper: numbers of the textbooks."""
    assert poisson_limit(0, 0, 0.95) == pytest.approx(2.995732, rel=1e-6, abs=0)
    assert poisson_limit(2, 0, 0.9) == pytest.approx(5.3223, rel=1e-5, abs=0)  # XENONnT, Herrera
    assert poisson_limit([2, 3], 1, 0.9) == pytest.approx([4.3223, 5.6808], rel=1e-4, abs=0)
    with pytest.warns(PhysicsWarning, match="fewer counts"):
        assert poisson_limit(0, 3, 0.9) == 0


def test_median_limits():
    """Would catch the mean taken for the median, which at small counts lies elsewhere."""
    background = np.array([0.0, 0.5, 0.7, 1.5, 3.0, 12.3, 400.0])
    median = median_limit(background, lambda n, b: n)
    toys = np.random.default_rng(5).poisson(background, (400_001, background.size))
    assert median.tolist() == np.median(toys, axis=0).tolist()
    limit = median_limit(3.0, lambda n, b: poisson_limit(n, b, 0.9))
    assert limit == poisson_limit(3, 3, 0.9)


@pytest.mark.parametrize("background", [0.0, 3.0])
@pytest.mark.parametrize("true", [0.5, 2.7, 10.0])
def test_coverage_by_toys_and_by_sum(background, true):
    """Would catch toys without background, and a classical limit that holds too seldom.

    Toys and sum within 4 standard errors. The classical limit holds at least as often as its
    level; that of the likelihood ratio does not always: docs/limits.md.
    """
    stream = np.random.default_rng(11)

    def classical(n):
        return poisson_limit(n, background, 0.95)

    def ratio(n):
        return signal_limit(n, background, threshold(0.9))

    for limit in (classical, ratio):
        exact = exact_coverage(true, background, limit)
        sampled, error = coverage(true, background, limit, 40_000, stream)
        assert abs(sampled - exact) <= 4 * max(error, 1e-4)
        if limit is classical:
            assert exact >= 0.95


def test_coverage_of_many_counts():
    """Would catch a limit whose level is not that of its threshold: 95 and 97.5 % one-sided."""
    for delta, expected in ((threshold(0.9), 0.95), (threshold(0.95), 0.975)):
        held = exact_coverage(500, 1000, partial(signal_limit, background=1000, delta=delta))
        assert held == pytest.approx(expected, rel=0.003, abs=0)
