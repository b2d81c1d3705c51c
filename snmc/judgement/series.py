"""What a scan measures at one mass: expected counts along the couplings."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

THIN = 100.0  # effective events below which a number is not to be trusted
BATCHES = 16  # parts of a sample from which errors of ratios are told: good to 20 %


@dataclass(frozen=True)
class Series:
    """Expected counts for one mass, along the couplings of a scan, from one weighted sample.

    `edges` (bins + 1,): reconstructed energy [MeV] of a detector, or emission time [s] where the
    energy that leaves is measured; `spectrum` (couplings, bins): expected counts in each bin (or
    energy [erg]) and `variance`, that of its Monte Carlo error; `counts` (couplings,): all of it,
    also what lies beyond the edges; `error`: its Monte Carlo standard error, events being
    independent; `effective`: effective sample size (Sum w)^2/Sum w^2 over events, 0 where nothing
    arrives; `bound` (couplings,): where the core is opaque up to its edge, so that the emission is
    an upper bound; `batches` (couplings, BATCHES): the counts from every BATCHES-th event, None in
    grids of version 0.3.
    """

    edges: Array
    spectrum: Array
    variance: Array
    counts: Array
    error: Array
    effective: Array
    bound: npt.NDArray[np.bool_]
    batches: Array | None = None

    @property
    def thin(self) -> npt.NDArray[np.bool_]:
        """Where too few events carry the counts for them to be trusted."""
        return np.asarray((self.counts > 0) & (self.effective < THIN))


def ratio_of(one: Series, other: Series) -> tuple[Array, Array]:
    """Counts (couplings,) of one series over another's, and the standard error of that.

    The error is from batches with n samples: r = A/B of sums a_i, b_i has the variance
    n/(n - 1) Sum (a_i - r b_i)^2/B^2, whether or not the two share their random numbers. NaN where
    the other is 0; errors NaN too where batches are not known.
    """
    known = other.counts > 0
    missing = np.full(other.counts.shape, np.nan)
    ratio = np.divide(one.counts, other.counts, where=known, out=missing.copy())
    if one.batches is None or other.batches is None:
        return ratio, missing
    n = one.batches.shape[1]
    apart = np.sum((one.batches - ratio[:, None] * other.batches) ** 2, axis=1)
    error = np.sqrt(n / (n - 1) * apart)
    return ratio, np.divide(error, other.counts, where=known, out=missing)
