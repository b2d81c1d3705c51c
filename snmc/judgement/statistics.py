"""Counts against a background: likelihood ratios, upper limits, and how often they hold.

All counts are expected or observed numbers of events, without unit; arrays broadcast.
"""

import math
import warnings
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.special import chdtri, gammaincc, gammainccinv, gammaln, xlogy

from snmc.ground.errors import InputError, PhysicsError, PhysicsWarning

Array = npt.NDArray[np.float64]
Limit = Callable[[Array], Array]  # from observed counts to the largest signal they allow

_STEPS = 200  # of Newton's method, which doubles the result in each at the worst
_ROUNDING = 1e-12  # relative, at which it stops
_TERMS = 18  # of the series of the arctangent, for arguments up to 1/3: 3^-36 of the first
_NOTHING = 1e-100  # of a signal: part in a detector that is none


def threshold(confidence_level: float) -> float:
    """Value that -2 ln of a likelihood ratio exceeds with chance 1 - `confidence_level`.

    Quantile of chi-square for one degree of freedom (Wilks): 3.841 at 0.95, two-sided. Of an upper
    limit, for which only too large a signal counts, half of the chance remains: 3.841 gives
    97.5 %. The 2.7 of Akita et al. (arXiv:2312.13627, eq. 62) is the one-sided 95 %,
    `threshold(0.9)`; the 76 photons of Brdar et al. (arXiv:2302.10965) are 4, two standard
    deviations. Raises InputError unless 0 < `confidence_level` < 1.
    """
    _check_level(confidence_level)
    return float(chdtri(1, 1 - confidence_level))


def likelihood_ratio(expected: npt.ArrayLike, observed: npt.ArrayLike) -> Array:
    """-2 ln of the Poisson likelihood of `observed` counts over its largest value.

    2 (N_exp - N_obs + N_obs ln(N_obs/N_exp)), Brdar et al. (arXiv:2302.10965), eq. 7, as printed;
    they add it over detectors. Grows to both sides of `expected` = `observed`; infinite where
    something was observed and nothing expected. Good to 1e-12 relative also where both nearly
    agree. `observed` need not be whole, so that it may be an expectation (Asimov data). Raises
    InputError for a count that is negative or not finite.
    """
    mu, n = np.broadcast_arrays(_counts(expected, "expected"), _counts(observed, "observed"))
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        excess = (mu - n) / n
        near = n * _x_minus_log1p(excess)
        far = mu - n - n * (np.log(mu) - np.log(n))
    return 2 * np.where(n == 0, mu, np.where(np.abs(excess - 0.25) > 0.75, far, near))


def best_strength(
    shape: npt.ArrayLike, offset: npt.ArrayLike, observed: npt.ArrayLike, total: npt.ArrayLike
) -> Array:
    """Strength A >= 0 that maximises -A total + Sum_i n_i ln(A shape_i + offset_i).

    The likelihood of n_i = `observed` counts (or events, then densities) for a multiple of `shape`
    on top of `offset`, both >= 0, along the last axis; `total` (the other axes): expected number
    for A = 1, also where nothing was observed. It is concave in A; Newton's method climbs from
    below the maximum and cannot pass it, because the slope is convex. 0 where `total` is 0. Raises
    PhysicsError if it does not converge.
    """
    shapes, offsets, counts = np.broadcast_arrays(
        *(np.asarray(values, dtype=np.float64) for values in (shape, offset, observed))
    )
    whole = np.broadcast_to(np.asarray(total, dtype=np.float64), shapes.shape[:-1])
    used = (shapes > 0) & (counts > 0)
    n = np.where(used, counts, 0.0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(used, offsets / shapes, np.inf)
        # Lower bounds of the root of Sum n/(A + ratio) = total: one term alone, and all by Jensen.
        number = n.sum(axis=-1)
        mean = np.where(used, n * ratio, 0.0).sum(axis=-1) / number
        alone = np.max(n / whole[..., None] - ratio, axis=-1, initial=0.0)
        strength = np.fmax(alone, number / whole - mean)
    strength = np.where((whole > 0) & (number > 0), strength, 0.0)
    moving = np.flatnonzero((whole.ravel() > 0) & (number.ravel() > 0))
    result, n, ratio = strength.ravel(), n.reshape(-1, n.shape[-1]), ratio.reshape(-1, n.shape[-1])
    n, ratio, aim = n[moving], ratio[moving], whole.ravel()[moving]
    for _ in range(_STEPS):
        if moving.size == 0:
            return result.reshape(whole.shape)
        here = result[moving]
        inverse = 1 / (here[:, None] + ratio)
        terms = n * inverse
        slope = terms.sum(axis=-1) - aim
        result[moving] = np.maximum(here + slope / (terms * inverse).sum(axis=-1), 0.0)
        going = (np.abs(slope) > _ROUNDING * aim) & (result[moving] > 0)
        moving, n, ratio, aim = moving[going], n[going], ratio[going], aim[going]
    raise PhysicsError(f"{moving.size} likelihoods have no maximum within {_STEPS} steps")


def exclusion(signal: npt.ArrayLike, background: npt.ArrayLike, observed: npt.ArrayLike) -> Array:
    """Test statistic q of a signal by the counts of one or several detectors.

    q(s) = L(s) - min over k >= 0 of L(k s), and 0 if that minimum lies at k >= 1;
    L = Sum over detectors of `likelihood_ratio(s + b, n)`. Only a signal larger than the best fit
    counts against itself (Cowan et al., arXiv:1007.1727, eq. 14, with k >= 0 as in eq. 16). Eq. 7
    of Brdar et al. as printed is L(s) alone: the same where n = b, but it would exclude s = 0 after
    a fluctuation, downward or upward; use `likelihood_ratio` for it. Several detectors share k: a
    coupling fixes the ratios of their signals.

    `signal` (..., detectors), `background` and `observed` (detectors,); result (...). Raises
    InputError for a count that is negative or not finite.
    """
    s, b = _counts(signal, "signal"), _counts(background, "background")
    n = _counts(observed, "observed")
    # In units of the whole signal, which may be too small to divide by.
    total = s.sum(axis=-1)
    shape = s / np.where(total > 0, total, 1.0)[..., None]
    shape = np.where(shape > _NOTHING, shape, 0.0)
    strength = best_strength(shape, b, n, np.where(total > 0, 1.0, 0.0))
    best = np.where(strength < total, strength / np.where(total > 0, total, 1.0), 1.0)[..., None]
    q = likelihood_ratio(s + b, n).sum(axis=-1)
    with np.errstate(invalid="ignore"):  # no detector can explain what was seen: infinity - itself
        q = q - likelihood_ratio(best * s + b, n).sum(axis=-1)
    return np.where(best[..., 0] < 1, np.nan_to_num(np.maximum(q, 0.0), posinf=np.inf), 0.0)


def signal_limit(observed: npt.ArrayLike, background: npt.ArrayLike, delta: npt.ArrayLike) -> Array:
    """Largest signal s with q(s) <= `delta`, q as of `exclusion` for one detector.

    1393 observed on a background of 1393 give 74.43 for 3.841 and 75.985 for 4 (Brdar et al.,
    arXiv:2302.10965, print 76). `signal_limit(b, b, delta)` is the median expected limit in the
    Asimov approximation (arXiv:1007.1727). `delta` is a `threshold`; how often the limit holds at
    small counts tells `exact_coverage`. Raises InputError for a number that is negative or not
    finite.
    """
    n, b, q = np.broadcast_arrays(
        _counts(observed, "observed"), _counts(background, "background"), _counts(delta, "delta")
    )
    top = np.maximum(n, b)  # expected at the best fit, where q = 0
    # q = 2 (t - n ln(1 + t/top)) for t above the best fit; convex, and x - ln(1+x) >= x^2/2(1+x)
    # puts the start above the root, from where Newton's method comes down without passing it.
    t = q / 2 + np.sqrt(q**2 / 4 + q * top)
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(_STEPS):
            x = np.where(top > 0, t / top, np.inf)
            value = 2 * (top - n) * x + 2 * n * _x_minus_log1p(x)
            slope = 2 * (t + top - n) / (t + top)
            step = np.where((q > 0) & (n > 0), (value - q) / slope, 0.0)
            t = np.where(n > 0, t - step, q / 2)
            if np.all(np.abs(step) <= _ROUNDING * t):
                return np.asarray(top - b + t)
    raise PhysicsError(f"no upper limit found within {_STEPS} steps")


def poisson_limit(
    observed: npt.ArrayLike, background: npt.ArrayLike, confidence_level: float
) -> Array:
    """Classical upper limit: the s for which so few counts come with chance 1 - CL.

    Sum over k <= n of Poisson(k; s + b) = 1 - CL, solved with the inverse of the incomplete gamma
    function. n = 0, b = 0: 2.9957 at 95 %; n = 2, b = 0: 5.3223 at 90 %, the N_sig of Herrera and
    Shoemaker (arXiv:2402.00719). Where the background alone already makes so few counts less likely
    than 1 - CL every signal is excluded: the limit is then 0, with a PhysicsWarning, and says more
    about the background than about the signal. Raises InputError for a number out of range.
    """
    _check_level(confidence_level)
    n, b = _counts(observed, "observed"), _counts(background, "background")
    limit = gammainccinv(n + 1, 1 - confidence_level) - b
    if np.any(limit < 0):
        warnings.warn(
            "fewer counts observed than the background allows at this confidence level: "
            "the classical upper limit is 0",
            PhysicsWarning,
            stacklevel=2,
        )
    return np.asarray(np.maximum(limit, 0.0))


def median_limit(background: npt.ArrayLike, limit: Callable[[Array, Array], Array]) -> Array:
    """Exact median of a limit over experiments without signal, n ~ Poisson(`background`).

    `limit`: from observed counts and background to the largest signal allowed, not falling with
    the counts, so that its median is the limit of the median count. Raises InputError for a
    background that is negative or not finite.
    """
    b = _counts(background, "background")
    n = np.maximum(np.floor(b - math.log(2)), 0.0)  # median of Poisson: b - ln 2 to b + 1/3
    for _ in range(3):
        n = np.where(gammaincc(n + 1, b) < 0.5, n + 1, n)
    return np.asarray(limit(n, b))


def coverage(
    true: float, background: float, limit: Limit, toys: int, stream: np.random.Generator
) -> tuple[float, float]:
    """How often an upper limit is not below the `true` signal, and the statistical error of that.

    `limit`: from observed counts to the largest signal allowed, with its background inside; `toys`
    experiments draw n ~ Poisson(`true` + `background`). Raises InputError for a negative number.
    """
    mean = float(_counts(true, "true signal")) + float(_counts(background, "background"))
    held = float(np.mean(_holds(limit, stream.poisson(mean, toys).astype(np.float64), true)))
    return held, math.sqrt(held * (1 - held) / toys)


def exact_coverage(true: float, background: float, limit: Limit) -> float:
    """As `coverage`, by the sum over all counts weighted with their Poisson chances."""
    mean = float(_counts(true, "true signal")) + float(_counts(background, "background"))
    n = np.arange(math.ceil(mean + 12 * math.sqrt(mean) + 40), dtype=np.float64)
    chance = np.exp(xlogy(n, mean) - mean - gammaln(n + 1))
    return float(chance[_holds(limit, n, true)].sum())


def _holds(limit: Limit, observed: Array, true: float) -> npt.NDArray[np.bool_]:
    with warnings.catch_warnings():  # of empty intervals, which are what is counted here
        warnings.simplefilter("ignore", PhysicsWarning)
        return np.asarray(limit(observed) >= true)


def _x_minus_log1p(x: Array) -> Array:
    """Without cancellation: x - ln(1 + x), x >= -1.

    ln(1 + x) = 2 artanh(y), y = x/(2 + x); for |y| <= 1/3 as the sum of the odd powers of y.
    """
    near = np.abs(x - 0.25) <= 0.75
    y = np.where(near, x, 0.0) / (2 + np.where(near, x, 0.0))
    square, series = y * y, np.zeros_like(y)
    for k in range(_TERMS, 0, -1):
        series = series * square + 1 / (2 * k + 1)
    with np.errstate(divide="ignore"):
        return np.where(near, y * np.where(near, x, 0.0) - 2 * y * square * series, x - np.log1p(x))


def _counts(values: npt.ArrayLike, name: str) -> Array:
    array = np.asarray(values, dtype=np.float64)
    wrong = ~(np.isfinite(array) & (array >= 0))
    if np.any(wrong):
        raise InputError(f"{name}: found {array[wrong].flat[0]}; needs a finite number, 0 or more")
    return array


def _check_level(confidence_level: float) -> None:
    if not 0 < confidence_level < 1:
        raise InputError(
            f"confidence_level: found {confidence_level!r}; needs a number between 0 and 1"
        )
