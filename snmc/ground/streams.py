"""Random streams: one seed, one independent stream for every block of events."""

import numpy as np

BLOCK_EVENTS = 65_536  # events in a block


def block_stream(seed: int, block: int, *purpose: int) -> np.random.Generator:
    """Generator of random numbers for one block, the same on any machine and thread.

    `seed`: of the run; `block`: number of the block, from 0; `purpose`: further numbers that
    separate independent uses inside a block (none for the events themselves).
    """
    return np.random.Generator(
        np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(block, *purpose)))
    )
