"""Monte Carlo against the analytic flux, bin by bin."""

import os
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from snmc.decays import PHOTON
from snmc.ground.errors import InputError, PhysicsError
from snmc.judgement.fluence import Daughter, exact_fluence, forward_fluence
from snmc.roles.decaying_particle import DecaySource
from snmc.run.card import RunCard
from snmc.run.pipeline import Part, Plan, groups_in_order
from snmc.run.prepare import prepare

Array = npt.NDArray[np.float64]

BINS = 40
WORST_P = 1e-4
_FEW = 25  # effective events below which a bin is joined to its neighbour
_TAIL = 1e-4  # part of the fluence outside the range of the bins, at each end


@dataclass(frozen=True)
class Comparison:
    """One kind of daughter: `edges` [MeV] (n + 1,), fluences [1/cm2] and pulls (n,)."""

    daughter: Daughter
    edges: Array
    sampled: Array
    error: Array
    exact: Array
    forward: Array
    chi_square: float
    p_value: float

    @property
    def pull(self) -> Array:
        """(Monte Carlo - exact) over the statistical error."""
        return (self.sampled - self.exact) / self.error

    def text(self) -> str:
        """A table, and the verdict."""
        lines = [
            f"{self.daughter}s: fluence [1/cm2] by energy [MeV]",
            f"{'from':>9} {'to':>9} {'Monte Carlo':>12} {'exact':>12} {'pull':>6} {'MC/eq. 6':>9}",
        ]
        for i, pull in enumerate(self.pull):
            ratio = self.sampled[i] / self.forward[i] if self.forward[i] > 0 else np.nan
            lines.append(
                f"{self.edges[i]:9.4g} {self.edges[i + 1]:9.4g} {self.sampled[i]:12.5g} "
                f"{self.exact[i]:12.5g} {pull:6.2f} {ratio:9.4f}"
            )
        lines.append(
            f"total: Monte Carlo {self.sampled.sum():.6g}, exact {self.exact.sum():.6g}, eq. 6 as "
            f"printed {self.forward.sum():.6g}; chi-square {self.chi_square:.1f} for "
            f"{len(self.exact)} bins, p = {self.p_value:.3g}"
        )
        return "\n".join(lines)


@dataclass(frozen=True)
class Validation:
    """The comparisons of one card."""

    comparisons: tuple[Comparison, ...]

    @property
    def passed(self) -> bool:
        """Whether every p-value is at least 1e-4."""
        return all(one.p_value >= WORST_P for one in self.comparisons)

    def text(self) -> str:
        """All tables and the verdict."""
        verdict = "passed" if self.passed else f"FAILED: p < {WORST_P:g}"
        return "\n\n".join([*(one.text() for one in self.comparisons), f"validation {verdict}"])


def validate(card: RunCard, *, workers: int | None, quiet: bool) -> Validation:
    """Sample the card's events and compare them with the analytic fluences.

    `workers`: threads (default: the cores); `quiet`: no progress bar. The bins hold all but 1e-4
    of the exact fluence at either end; bins of fewer than 25 effective events are joined. Raises
    InputError if nothing can be seen or the model's decays have no analytic form here, PhysicsError
    if too few events are left to judge.
    """
    from tqdm import tqdm

    workers = workers or os.cpu_count() or 1
    experiment = prepare(card)
    if len(experiment.generators) != 1:
        raise InputError(
            f"{card.path}: generator: found {len(experiment.generators)} of them; "
            "validate takes one at a time"
        )
    (generator,) = experiment.generators.values()
    source = generator.prepare(
        experiment.supernova, experiment.observation, card.run.precision, workers, quiet
    )
    if not isinstance(source, DecaySource):
        raise InputError(f"{card.path}: generator.name: this model has no analytic fluence")
    if source.empty:
        raise InputError(f"{card.path}: nothing to validate: no decay can be seen in the window")
    sampler = source.sampler
    daughters: list[Daughter] = []
    if sampler.flight.photons:
        daughters.append("photon")
    if sampler.flight.neutrinos:
        daughters.append("neutrino")
    edges = {daughter: _edges(source, daughter) for daughter in daughters}
    sums = {daughter: np.zeros((2, BINS)) for daughter in daughters}

    part = Part(source, card.run.events, card.run.events)
    plan = Plan((part,), None, experiment.observation.window, card.run.seed, None)
    with tqdm(
        total=card.run.events, unit="event", unit_scale=True, desc="validate",
        disable=True if quiet else None, delay=1,
    ) as bar:  # fmt: skip
        for _, _, block in groups_in_order(plan, 0, workers):
            for daughter in daughters:
                kind = (block.arrivals["pdg_decay"] == PHOTON) == (daughter == "photon")
                energy, weight = block.arrivals["energy"][kind], block.arrivals["weight"][kind]
                sums[daughter][0] += np.histogram(energy, edges[daughter], weights=weight)[0]
                sums[daughter][1] += np.histogram(energy, edges[daughter], weights=weight**2)[0]
            bar.update(int(block.tallies["events"]))
    return Validation(
        tuple(
            _compare(source, daughter, edges[daughter], sums[daughter], card.run.events)
            for daughter in daughters
        )
    )


def _edges(source: DecaySource, daughter: Daughter) -> Array:
    """Logarithmic bins over the range that holds nearly all of the fluence."""
    sampler = source.sampler
    top = float(sampler.emission.energies[-1])
    trial = np.geomspace(1e-7 * top, top, 100)
    fluence = _exact(source, daughter, trial)
    cumulative = np.cumsum(fluence) / fluence.sum()
    low = trial[np.searchsorted(cumulative, _TAIL)]
    high = trial[min(len(trial) - 1, int(np.searchsorted(cumulative, 1 - _TAIL)) + 1)]
    return np.geomspace(low, high, BINS + 1)


def _exact(source: DecaySource, daughter: Daughter, edges: Array) -> Array:
    sampler = source.sampler
    return exact_fluence(
        sampler.emission, sampler.modes, sampler.mass, sampler.flight, daughter, edges,
        sampler.polarisation,
    )  # fmt: skip


def _compare(
    source: DecaySource, daughter: Daughter, edges: Array, sums: Array, events: int
) -> Comparison:
    from scipy.stats import chi2

    sampler = source.sampler
    sampled, squares = sums
    few = sampled.sum() ** 2 < _FEW * squares.sum() or not squares.any()
    if few:
        raise PhysicsError(
            f"{daughter}s: fewer than {_FEW} effective events, too few to judge; raise run.events, "
            f'or look for them alone with observation.daughters = "{daughter}"'
        )
    starts = _joined(sampled, squares)
    sampled, squares = np.add.reduceat(sampled, starts), np.add.reduceat(squares, starts)
    edges = np.append(edges[starts], edges[-1])
    exact = _exact(source, daughter, edges)
    forward = forward_fluence(
        sampler.emission, sampler.modes, sampler.mass, sampler.flight, daughter, edges
    )
    error = np.sqrt(np.maximum(squares - sampled**2 / events, 1e-300))
    chi_square = float((((sampled - exact) / error) ** 2).sum())
    p_value = float(chi2.sf(chi_square, len(exact)))
    return Comparison(daughter, edges, sampled, error, exact, forward, chi_square, p_value)


def _joined(sampled: Array, squares: Array) -> npt.NDArray[np.int64]:
    """First bins of groups that hold enough effective events each."""
    starts, total, square = [0], 0.0, 0.0
    for i in range(len(sampled)):
        total, square = total + sampled[i], square + squares[i]
        if i + 1 < len(sampled) and square > 0 and total**2 / square >= _FEW:
            starts.append(i + 1)
            total = square = 0.0
    if len(starts) > 1 and (square == 0 or total**2 / square < _FEW):
        starts.pop()
    return np.array(starts)
