"""Sampling of tables: the picked cell and the point inside it, against the inverted CDF."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from snmc.ground.sampling import guide_table, linear_point, pick_cell, rounded, tilted_point

WEIGHTS = st.lists(st.one_of(st.just(0.0), st.floats(1e-12, 1e12)), min_size=1, max_size=40).filter(
    lambda w: sum(w) > 0
)
U = st.floats(0, 1, exclude_max=True)


@settings(max_examples=400, derandomize=True)
@given(WEIGHTS, U)
def test_guide_table_equals_binary_search(weights: list[float], u: float) -> None:
    """Would catch a guide that starts beyond the cell, or a cell of no weight being drawn."""
    cdf, guide = guide_table(np.array(weights))
    cell = pick_cell(cdf, guide, u)
    assert cell == np.searchsorted(cdf, u, side="right") - 1
    assert cdf[cell] <= u < cdf[cell + 1]
    assert weights[cell] > 0


def test_cells_at_the_ends() -> None:
    """Would catch an index out of the table for u next to 0 or 1, with empty cells there."""
    cdf, guide = guide_table(np.array([0.0, 0.0, 3.0, 0.0, 1.0, 0.0]))
    assert pick_cell(cdf, guide, 0.0) == 2
    assert pick_cell(cdf, guide, np.nextafter(1.0, 0.0)) == 4
    assert pick_cell(cdf, guide, 0.75) == 4
    assert pick_cell(cdf, guide, np.nextafter(0.75, 0.0)) == 2


def test_frequencies_of_cells() -> None:
    """Would catch a table that picks with other than its weights, over 12 decades of them."""
    weights = np.append(np.geomspace(1e-6, 1e6, 30), np.full(70, 1e5))
    cdf, guide = guide_table(weights)
    u = (np.arange(200_000) + 0.5) / 200_000
    counts = np.bincount([pick_cell(cdf, guide, x) for x in u], minlength=100)
    assert counts == pytest.approx(weights / weights.sum() * len(u), abs=1.01)


@settings(max_examples=400, derandomize=True)
@given(st.one_of(st.just(0.0), st.floats(1e-60, 1e60)), st.floats(0, 1e60), U)
def test_linear_point_inverts_its_cdf(a: float, b: float, u: float) -> None:
    """Would catch a wrong root or loss of precision in a density that runs from a to b."""
    x = linear_point(a, b, u)
    assert 0 <= x <= 1
    if a + b > 1e-100:
        a, b = a / (a + b), b / (a + b)
        assert (2 * a * x + (b - a) * x * x) == pytest.approx(u, abs=1e-12)


def test_linear_point_of_nothing() -> None:
    """Would catch NaN for a piece without density."""
    assert linear_point(0.0, 0.0, 0.3) == 0.3
    assert linear_point(0.0, 1.0, 0.0) == 0.0
    assert linear_point(1.0, 0.0, 0.0) == 0.0


@settings(max_examples=400, derandomize=True)
@given(st.floats(-1, 1), U)
def test_tilted_point_inverts_its_cdf(asymmetry: float, u: float) -> None:
    """Would catch the wrong sign of the asymmetry or NaN at full polarisation.

    The CDF of (1 + A cos)/2 in y = 1 + cos is y/2 + A (y^2 - 2 y)/4.
    """
    y = tilted_point(asymmetry, u)
    assert 0 <= y <= 2
    assert y / 2 + asymmetry * (y * y - 2 * y) / 4 == pytest.approx(u, abs=1e-12)


@pytest.mark.parametrize("asymmetry", [-1.0, -0.4, 0.0, 0.7, 1.0])
def test_mean_of_the_tilted_distribution(asymmetry: float) -> None:
    """Would catch an asymmetry other than A/3 in the mean of the cosine."""
    u = (np.arange(20_000) + 0.5) / 20_000
    cosines = np.array([tilted_point(asymmetry, x) for x in u]) - 1
    assert cosines.mean() == pytest.approx(asymmetry / 3, abs=1e-4)
    assert kstest(cosines, lambda c: (1 + c) / 2 + asymmetry * (c * c - 1) / 4).statistic < 1e-4


def test_what_differs_in_the_last_digits_is_drawn_alike():
    """Catches events that differ between machines whose sums do, in the last digit of a weight."""
    values = np.array([[1.23456789e-40, 0.0], [7.7e55, 3.0]])
    np.testing.assert_array_equal(rounded(values), rounded(values * (1 + 4e-16)))
    np.testing.assert_allclose(rounded(values), values, rtol=5e-6)
