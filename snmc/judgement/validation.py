"""Monte Carlo against the analytic flux, bin by bin."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from snmc.decays import PHOTON
from snmc.decays.fluence import Daughter
from snmc.ground.columns import Columns
from snmc.ground.errors import InputError, PhysicsError
from snmc.roles.generator import Observation, Source
from snmc.run.card import RunCard
from snmc.run.pipeline import Part, Plan, groups_in_order, plan_run
from snmc.run.prepare import prepare

Array = npt.NDArray[np.float64]

BINS = 40
WORST_P = 1e-4
_FEW = 25  # effective events below which a bin is joined to its neighbour
_TAIL = 1e-4  # part of the fluence outside the range of the bins, at each end
_STIFF = 0.02  # of the mean variance: below it the error of the quadrature would be judged


@dataclass(frozen=True)
class Comparison:
    """One kind of daughter of one generator: fluences [1/cm2] between `edges` [MeV] (n + 1,).

    `covariance`: (n, n) of `sampled`; `papers`: printed formulas by name.
    """

    generator: str
    daughter: Daughter
    edges: Array
    sampled: Array
    covariance: Array
    exact: Array
    papers: Mapping[str, Array]
    chi_square: float
    freedom: int
    p_value: float

    @property
    def error(self) -> Array:
        """Statistical error of each bin [1/cm2]."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))

    @property
    def pull(self) -> Array:
        """(Monte Carlo - exact) over the statistical error."""
        return (self.sampled - self.exact) / self.error

    def text(self) -> str:
        """A table, and the verdict."""
        heads = [f"MC/({name})" for name in self.papers]
        lines = [
            f"{self.generator}, {self.daughter}s: fluence [1/cm2] by energy [MeV]",
            f"{'from':>9} {'to':>9} {'Monte Carlo':>12} {'exact':>12} {'pull':>6} "
            + " ".join(heads),
        ]
        for i, pull in enumerate(self.pull):
            ratios = [
                f"{self.sampled[i] / paper[i] if paper[i] > 0 else np.nan:{len(head)}.4f}"
                for head, paper in zip(heads, self.papers.values(), strict=True)
            ]
            lines.append(
                f"{self.edges[i]:9.4g} {self.edges[i + 1]:9.4g} {self.sampled[i]:12.5g} "
                f"{self.exact[i]:12.5g} {pull:6.2f} " + " ".join(ratios)
            )
        printed = "".join(f", {name} {paper.sum():.6g}" for name, paper in self.papers.items())
        lines.append(
            f"total: Monte Carlo {self.sampled.sum():.6g}, exact {self.exact.sum():.6g}{printed}; "
            f"chi-square {self.chi_square:.1f} for {self.freedom} degrees of freedom, "
            f"p = {self.p_value:.3g}"
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
    """Sample the events of each of the card's generators; compare with its analytic fluences.

    `workers`: threads (default: the cores); `quiet`: no progress bar. The bins hold all but 1e-4
    of the exact fluence at either end; bins of fewer than 25 effective events are joined. Raises
    InputError if nothing can be seen or the model has no analytic form, PhysicsError if too few
    events are left to judge.
    """
    workers = workers or os.cpu_count() or 1
    experiment = prepare(card)
    weighted = replace(card, run=replace(card.run, supernovae=None))
    plan = plan_run(weighted, experiment, workers, quiet)
    comparisons: list[Comparison] = []
    for label, part in zip(experiment.generators, plan.parts, strict=True):
        comparisons += compare(
            part.source, label, experiment.observation, card.run.seed, card.run.events, workers,
            quiet,
        )  # fmt: skip
    return Validation(tuple(comparisons))


def compare(
    source: Source,
    name: str,
    observation: Observation,
    seed: int,
    events: int,
    workers: int,
    quiet: bool,
) -> tuple[Comparison, ...]:
    """Compare `events` of one source, of the generator `name`, with its analytic fluences.

    One comparison for each kind of daughter that is looked for and sent. Raises as `validate`.
    """
    from tqdm import tqdm

    if source.empty:
        raise InputError(f"generator.{name}: nothing to validate: none can be seen in the window")
    wanted: tuple[tuple[Daughter, bool], ...] = (
        ("photon", observation.photons), ("neutrino", observation.neutrinos),
    )  # fmt: skip
    edges: dict[Daughter, Array] = {}
    for daughter, looked_for in wanted:
        if looked_for and (found := _edges(source, daughter, name)) is not None:
            edges[daughter] = found
    sums = {daughter: np.zeros(BINS) for daughter in edges}
    products = {daughter: np.zeros((BINS, BINS)) for daughter in edges}

    plan = Plan((Part(source, np.array([events]), events),), None, observation.window, seed)
    with tqdm(
        total=events, unit="event", unit_scale=True, desc="validate",
        disable=True if quiet else None, delay=1,
    ) as bar:  # fmt: skip
        for _, _, block in groups_in_order(plan, 0, workers):
            for daughter in edges:
                total, product = _by_event(block.arrivals, daughter, edges[daughter])
                sums[daughter] += total
                products[daughter] += product
            bar.update(int(block.tallies["events"]))
    return tuple(
        _judge(source, name, daughter, edges[daughter], sums[daughter], product)
        for daughter, product in products.items()
    )


def _by_event(arrivals: Columns, daughter: Daughter, edges: Array) -> tuple[Array, Array]:
    """Sum of v and of v v^T over the events, v the weights of one event's daughters by bin.

    Daughters of one decay are not independent: events are what varies.
    """
    from scipy.sparse import csr_array

    kind = (arrivals["pdg_decay"] == PHOTON) == (daughter == "photon")
    weight = arrivals["weight"][kind].astype(np.float64)
    bins = np.searchsorted(edges, arrivals["energy"][kind], side="right") - 1
    inside = (bins >= 0) & (bins < BINS)
    _, event = np.unique(arrivals["event"][kind][inside], return_inverse=True)
    by_event = csr_array(
        (weight[inside], (event, bins[inside])), shape=(int(event.max(initial=-1)) + 1, BINS)
    )  # repeated entries add up
    return np.asarray(by_event.sum(axis=0)), (by_event.T @ by_event).toarray()


def _edges(source: Source, daughter: Daughter, name: str) -> Array | None:
    """Logarithmic bins over the range that holds nearly all of the fluence; None if there is none.

    Raises InputError if the model has no analytic form.
    """
    top = float(source.spectrum[0][-1])
    trial = np.geomspace(1e-7 * top, top, 100)
    analytic = source.analytic(daughter, trial)
    if "exact" not in analytic:
        raise InputError(f"generator.{name}: this model has no analytic fluence")
    fluence = analytic["exact"]
    if fluence.sum() <= 0:
        return None
    cumulative = np.cumsum(fluence) / fluence.sum()
    low = trial[np.searchsorted(cumulative, _TAIL)]
    high = trial[min(len(trial) - 1, int(np.searchsorted(cumulative, 1 - _TAIL)) + 1)]
    return np.geomspace(low, high, BINS + 1)


def _judge(
    source: Source, name: str, daughter: Daughter, edges: Array, sampled: Array, product: Array
) -> Comparison:
    from scipy.stats import chi2

    squares = np.diag(product)
    if sampled.sum() ** 2 < _FEW * squares.sum() or not squares.any():
        raise PhysicsError(
            f"{daughter}s: fewer than {_FEW} effective events, too few to judge; raise run.events, "
            f'or look for them alone with observation.daughters = "{daughter}"'
        )
    starts = _joined(sampled, squares)
    sampled = np.add.reduceat(sampled, starts)
    covariance = np.add.reduceat(np.add.reduceat(product, starts, axis=0), starts, axis=1)
    edges = np.append(edges[starts], edges[-1])
    analytic = dict(source.analytic(daughter, edges))
    exact = analytic.pop("exact")
    chi_square, freedom = _chi_square(sampled - exact, covariance)
    return Comparison(
        name, daughter, edges, sampled, covariance, exact, analytic, chi_square, freedom,
        float(chi2.sf(chi_square, freedom)),
    )  # fmt: skip


def _chi_square(difference: Array, covariance: Array) -> tuple[float, int]:
    """Chi-square and its degrees of freedom.

    `covariance` is the sum of v v^T over events, as if their number were Poisson; it is fixed, so
    that the chi-square comes out smaller by at most one. Combinations of bins that hardly vary
    from event to event, such as the two halves of decays at one energy, are left out.
    """
    scale = np.sqrt(np.diag(covariance))
    variances, axes = np.linalg.eigh(covariance / np.outer(scale, scale))
    kept = variances > _STIFF
    along = (axes.T @ (difference / scale))[kept]
    return float((along**2 / variances[kept]).sum()), int(kept.sum())


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
