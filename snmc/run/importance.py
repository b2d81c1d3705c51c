"""What a weighted run draws more of: as much of the fluence as of the counts and of each channel.

A third of the events each goes to three wishes: the fluence F, the number of reactions N, and the
numbers N_c of all C channels in equal parts. Arrivals are drawn with the density

    p R, R = 1/(3 F) + sum_c l_c A_c, l_c = 1/(3 N) + 1/(3 C N_c),

as nearly as their source can, p the fluence and A_c the areas of the channels; one that reacts does
so in channel c with chance l_c A_c / sum_d l_d A_d; weights undo both. So of n events no arrival
weighs more than 3 F/n and no reaction more than 3 N/n or, in its channel, 3 C N_c/n: each sum has
a third of the events to itself, and the weights inside a rare channel hardly vary (a mixture of
densities, one for each wish: Owen and Zhou, J. Am. Stat. Assoc. 95 (2000) 135). F and N_c are
those of a first block of events: they decide on errors, not on results.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from snmc.ground.columns import Columns
from snmc.ground.sampling import rounded
from snmc.roles.detector import Detector
from snmc.roles.generator import Response

Array = npt.NDArray[np.float64]
WISHES = 3


@dataclass(frozen=True)
class Importance:
    """How much a run wants of a particle that flies by, and of a reaction in each channel.

    `fluence` [cm2] and `channels` (channels,) [1], per unit of fluence and of reactions.
    """

    fluence: float
    channels: Array

    def response(self, detector: Detector) -> Response:
        """How much more an arrival is to be drawn than by its fluence, by particle and energy."""

        def wanted(pdg: npt.ArrayLike, energy: npt.ArrayLike) -> Array:
            codes, energies = np.broadcast_arrays(
                np.asarray(pdg, np.int32), np.asarray(energy, np.float64)
            )
            areas = detector.areas(codes.ravel(), energies.ravel())
            areas *= self.channels[:, None]
            return np.asarray(self.fluence + areas.sum(axis=0).reshape(energies.shape))

        return wanted


def importance_of(detector: Detector, arrivals: Columns) -> Importance | None:
    """Importance by a first sample of weighted arrivals; None if none of them can react.

    A channel that none of them chooses counts as one of no share of its own.
    """
    weight = np.asarray(arrivals["weight"], np.float64)
    areas = detector.areas(
        np.asarray(arrivals["pdg"], np.int32), np.asarray(arrivals["energy"], np.float64)
    )
    numbers = (areas * weight).sum(axis=1)
    if not numbers.sum() > 0:
        return None
    parts = WISHES * np.count_nonzero(numbers)
    own = np.divide(1 / parts, numbers, out=np.zeros_like(numbers), where=numbers > 0)
    fluence, *channels = rounded(
        np.append(1 / (WISHES * weight.sum()), own + 1 / (WISHES * numbers.sum()))
    )
    return Importance(float(fluence), np.array(channels))
