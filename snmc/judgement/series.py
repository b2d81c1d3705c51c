"""What a scan measures at one mass: expected counts along the couplings."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

THIN = 100.0  # effective events below which a number is not to be trusted


@dataclass(frozen=True)
class Series:
    """Expected counts for one mass, along the couplings of a scan, from one weighted sample.

    `edges` (bins + 1,): reconstructed energy [MeV] of a detector, or emission time [s] where the
    energy that leaves is measured; `spectrum` (couplings, bins): expected counts in each bin (or
    energy [erg]) and `variance`, that of its Monte Carlo error; `counts` (couplings,): all of it,
    also what lies beyond the edges; `error`: its Monte Carlo standard error, events being
    independent; `effective`: effective sample size (Sum w)^2/Sum w^2 over events, 0 where nothing
    arrives; `bound` (couplings,): where the core is opaque up to its edge, so that the emission is
    an upper bound.
    """

    edges: Array
    spectrum: Array
    variance: Array
    counts: Array
    error: Array
    effective: Array
    bound: npt.NDArray[np.bool_]

    @property
    def thin(self) -> npt.NDArray[np.bool_]:
        """Where too few events carry the counts for them to be trusted."""
        return np.asarray((self.counts > 0) & (self.effective < THIN))
