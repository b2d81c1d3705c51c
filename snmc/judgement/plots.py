"""Pictures of what a run wrote, and of a supernova core.

A file is read once, a chunk at a time, into histograms: memory does not depend on its size. The
axes are chosen from the first chunk of each generator, whose blocks are draws of one distribution;
what falls beyond them is kept apart, as ROOT does, and told where it matters. Of a histogram's ends
the bins with next to no rows, which are noise, are not drawn.
"""

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from snmc.core import SupernovaCore, load_core
from snmc.ground.columns import SUPERNOVA
from snmc.ground.errors import InputError
from snmc.ground.root_file import open_root, read_metadata, reading_root
from snmc.judgement.canvas import (
    BLACK,
    BLUE,
    CHANNEL_COLOURS,
    GREEN,
    GREY,
    MAP,
    ORANGE,
    PURPLE,
    RED,
    Figure,
    Line2D,
    save,
    styled,
)
from snmc.judgement.caption import kiloparsec
from snmc.run.event_file import read_records
from snmc.run.metadata import DrawnMetadata, checked

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis as MatplotlibAxis
    from matplotlib.layout_engine import LayoutEngine

Array = npt.NDArray[np.float64]
Batch = Mapping[str, npt.NDArray[Any]]

CHUNK = 1 << 18  # rows read at once
TAIL = 1e-5  # share of the weight that may lie beyond each end of an axis
MOST_BINS = 80
FEWEST = 3  # effective rows in the first and the last bin drawn
NOISE = 5e-3  # most that the bins not drawn for this hold at each end, as a share of the sum
LISTED = 1e-4  # share of the counts from which a legend lists a channel
CONTOURS = (0.9, 0.5)  # what lines over a map hold
WIDTH = 130  # characters of a line over the whole picture
DECADES = 6  # most decades a logarithmic ordinate shows
ARRIVAL_BRANCHES = ("weight", "pdg", "energy", "time", "delay", "theta", "generator")
DETECTION_BRANCHES = ("weight", "channel", "time", "energy", "accepted", "generator")

SPECIES = {  # PDG number: name, colour, line
    22: (r"$\gamma$", RED, "-"),
    12: (r"$\nu_e$", BLUE, "-"),
    -12: (r"$\bar\nu_e$", BLUE, "--"),
    14: (r"$\nu_\mu$", GREEN, "-"),
    -14: (r"$\bar\nu_\mu$", GREEN, "--"),
    16: (r"$\nu_\tau$", ORANGE, "-"),
    -16: (r"$\bar\nu_\tau$", ORANGE, "--"),
}
CROWDED: Any = {  # legend of many lines
    "ncols": 2, "fontsize": 6.6, "handlelength": 1.1, "handletextpad": 0.3, "columnspacing": 0.6,
    "borderaxespad": 0.3, "borderpad": 0.2,
}  # fmt: skip
ANGLES = (  # name and size [rad] of units, the largest first
    ("deg", np.pi / 180),
    ("arcmin", np.pi / 180 / 60),
    ("arcsec", np.pi / 180 / 3600),
    ("mas", np.pi / 180 / 3600e3),
    (r"$\mu$as", np.pi / 180 / 3600e6),
    ("nas", np.pi / 180 / 3600e9),
)


# --- histograms ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Axis:
    """`bins` equal bins from `low` to `high`, in the logarithm if `log` (then low > 0)."""

    low: float
    high: float
    bins: int
    log: bool = False

    @property
    def edges(self) -> Array:
        """Bin edges, bins + 1 of them."""
        if self.log:
            return np.geomspace(self.low, self.high, self.bins + 1)
        return np.linspace(self.low, self.high, self.bins + 1)

    @property
    def widths(self) -> Array:
        """Width of each bin, in the unit of the axis."""
        return np.diff(self.edges)

    @property
    def decades(self) -> float:
        """Width of each bin of a logarithmic axis, in decades."""
        return float(np.log10(self.high / self.low)) / self.bins

    def index(self, values: npt.ArrayLike) -> npt.NDArray[np.intp]:
        """Number of the bin of each value: 1 to bins; 0 below the axis, bins + 1 above it.

        Values may be of any shape; `high` itself belongs to the last bin, 0 and below to 0 on a
        logarithmic axis.
        """
        x = np.asarray(values, dtype=np.float64)
        low, high = self.low, self.high
        if self.log:
            x = np.log(np.maximum(x, np.finfo(np.float64).tiny))
            low, high = np.log(low), np.log(high)
        place = (x - low) * (self.bins / (high - low))
        number = np.clip(np.floor(place), -1, self.bins).astype(np.intp) + 1
        number[place == self.bins] = self.bins
        return np.asarray(number)


class Histogram:
    """Sums of weights in the bins of one or more axes, those beyond the axes kept apart."""

    def __init__(self, *axes: Axis) -> None:
        self.axes = axes
        self._shape = tuple(axis.bins + 2 for axis in axes)
        self._sums: Array = np.zeros(int(np.prod(self._shape)))
        self._squares = np.zeros_like(self._sums)

    def fill(self, weights: Array, *numbers: npt.NDArray[np.intp]) -> None:
        """Add rows: their weights (n,), and for each axis their bins (n,) from `Axis.index`."""
        flat = np.ravel_multi_index(numbers, self._shape)
        self._sums += np.bincount(flat, weights, len(self._sums))
        self._squares += np.bincount(flat, weights**2, len(self._sums))

    @property
    def contents(self) -> Array:
        """Sum of weights in each bin, in the shape of the axes."""
        inside: Array = self._sums.reshape(self._shape)[(slice(1, -1),) * len(self._shape)]
        return inside

    @property
    def drawn(self) -> slice:
        """Of one axis, the bins without those at its ends that are noise.

        At each end as far as the last bin with fewer than `FEWEST` effective rows,
        (sum w)^2 / sum w^2, before which, with it, lies no more than `NOISE` of the sum; and what
        remains of the tails at the edge of a cut.
        """
        contents = self.contents
        few = contents**2 < FEWEST * self._squares[1:-1]
        few |= contents == 0
        total = contents.sum()
        upwards, downwards = np.cumsum(contents), np.cumsum(contents[::-1])[::-1]
        below = np.flatnonzero((few & (upwards <= NOISE * total)) | (upwards <= 3 * TAIL * total))
        above = np.flatnonzero(
            (few & (downwards <= NOISE * total)) | (downwards <= 3 * TAIL * total)
        )
        first = int(below[-1]) + 1 if len(below) else 0
        stop = int(above[0]) if len(above) else len(contents)
        return slice(first, stop) if first < stop else slice(0, len(contents))

    @property
    def total(self) -> float:
        """Sum of all weights, those beyond the axes included."""
        return float(self._sums.sum())

    @property
    def beyond(self) -> float:
        """Sum of the weights beyond the axes."""
        return self.total - float(self.contents.sum())


def choose_axis(values: Array, weights: Array, *, log_above: float) -> Axis:
    """Axis on which `values` (n,) with `weights` (n,), n >= 1, are seen well.

    It leaves out a share `TAIL` of the weight at each end, and is logarithmic if what it spans is
    positive and its ends have a ratio of `log_above` or more; with `log_above` = 0 values that are
    not positive count for nothing, unless all are. The number of bins grows with that of the
    values, from 20 to `MOST_BINS`.
    """
    if log_above == 0 and np.any(values > 0):
        values, weights = values[values > 0], weights[values > 0]
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order])
    if cumulative[-1] == 0:
        cumulative = np.arange(1.0, len(order) + 1)
    ends = np.searchsorted(cumulative, np.array([TAIL, 1 - TAIL]) * cumulative[-1])
    low, high = (float(value) for value in values[order][ends])
    log = low > 0 and high >= log_above * low
    if low == high:
        low, high = (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
    elif not log and 0 < low < high / 4:
        low = 0.0  # a distribution close to 0 is seen best with it
    number = int(np.clip(2 * len(values) ** (1 / 3), 20, MOST_BINS))
    return Axis(low, high, number, log)


def narrowed(axis: Axis, histograms: Iterable[Histogram]) -> Axis:
    """The part of an axis on which some of the histograms over it are drawn, for its limits.

    The low end of a linear axis stays. `histograms`: of this one axis.
    """
    parts = [histogram.drawn for histogram in histograms if np.any(histogram.contents > 0)]
    if not parts:
        return axis
    first = min(part.start for part in parts) if axis.log else 0
    stop = max(part.stop for part in parts)
    return Axis(float(axis.edges[first]), float(axis.edges[stop]), stop - first, axis.log)


def with_margin(axis: Axis) -> Axis:
    """An axis longer by 5 % of its bins at each end; a linear one from above 0 at most to 0."""
    more = -(-axis.bins // 20)
    if axis.log:
        ratio = 10 ** (axis.decades * more)
        return Axis(axis.low / ratio, axis.high * ratio, axis.bins + 2 * more, log=True)
    width = (axis.high - axis.low) / axis.bins
    below = more if axis.low < 0 else min(more, int(axis.low / width))
    return Axis(axis.low - below * width, axis.high + more * width, axis.bins + below + more)


def angle_unit(angles: Array) -> tuple[str, float]:
    """Name and size [rad] of the largest unit in which the median of `angles` [rad] exceeds 1."""
    middle = float(np.median(angles))
    return next(((name, size) for name, size in ANGLES if middle >= size), ("rad", 1.0))


# --- reading a file ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Facts:
    """What is told in words: the metadata, and what was written so far."""

    metadata: Mapping[str, Any]
    done: Mapping[str, int] | None  # blocks, and rows of either tree; None if nothing is known
    supernovae: int | None  # number of simulated explosions; None for weighted events

    @property
    def card(self) -> Mapping[str, Any]:
        card: Mapping[str, Any] = self.metadata["card"]
        return card

    @property
    def finished(self) -> bool:
        return "tallies" in self.metadata

    @property
    def labels(self) -> list[str]:
        """What the generators are called, by number."""
        return [_plain(str(entry["label"])) for entry in self.card["generator"]]

    @property
    def scale(self) -> float:
        """Factor from sums of weights to what is drawn: per explosion, for simulated data."""
        return 1.0 if self.supernovae is None else 1 / self.supernovae


class _Arrivals:
    """Histograms of the tree of arrivals, their axes chosen from the first rows of each generator.

    Against the delay, or against the time of arrival if there are several generators or no delays.
    """

    def __init__(self, samples: Sequence[Batch]) -> None:
        late = len(samples) == 1 and bool(np.any(samples[0]["delay"] != 0))
        self._when = "delay" if late else "time"
        self.when_name = "delay behind light" if late else "arrival time after bounce"
        angles = np.concatenate([batch["theta"] for batch in samples])
        self.angles = bool(np.any(angles > 0))  # else all come straight from the supernova
        self.unit, self._size = angle_unit(angles[angles > 0] if self.angles else angles)
        self._energy = _joint_axis(samples, lambda rows: rows["energy"], log_above=10)
        self._time = _joint_axis(samples, lambda rows: rows[self._when], log_above=100)
        bent = [rows for rows in samples if np.any(rows["theta"] > 0)] or samples
        self._theta = _joint_axis(bent, lambda rows: rows["theta"] / self._size, log_above=0)
        self.energy: dict[int, Histogram] = {}  # by PDG number
        self.energy_of: dict[int, Histogram] = {}  # by generator, as the next four
        self.when: dict[int, Histogram] = {}
        self.theta: dict[int, Histogram] = {}
        self.when_energy: dict[int, Histogram] = {}
        self.theta_energy: dict[int, Histogram] = {}
        self.rows, self.fluence = 0, 0.0

    def add(self, rows: Batch) -> None:
        weight, kind = rows["weight"], rows["generator"]
        energy = self._energy.index(rows["energy"])
        time = self._time.index(rows[self._when])
        self.rows += len(weight)
        self.fluence += float(weight.sum())
        _fill_by(rows["pdg"], self.energy, weight, (self._energy, energy))
        _fill_by(kind, self.energy_of, weight, (self._energy, energy))
        _fill_by(kind, self.when, weight, (self._time, time))
        _fill_by(kind, self.when_energy, weight, (self._time, time), (self._energy, energy))
        bent = rows["theta"] > 0 if self.angles else np.ones(len(weight), np.bool_)
        theta = self._theta.index(rows["theta"][bent] / self._size)
        kind, weight = kind[bent], weight[bent]
        _fill_by(kind, self.theta, weight, (self._theta, theta))
        _fill_by(
            kind, self.theta_energy, weight, (self._theta, theta), (self._energy, energy[bent])
        )


class _Detections:
    """Histograms of the tree of detections, their axes chosen from those accepted."""

    def __init__(self, samples: Sequence[Batch]) -> None:
        seen = [
            {name: rows[name][rows["accepted"]] for name in rows}
            for rows in samples
            if np.any(rows["accepted"])
        ] or samples
        self._energy = with_margin(_joint_axis(seen, lambda rows: rows["energy"], log_above=50))
        above = 1000 if len(samples) == 1 else 100
        self._time = _joint_axis(seen, lambda rows: rows["time"], log_above=above)
        self.everything = Histogram(self._energy)  # energy, accepted or not
        self.accepted: dict[int, Histogram] = {}  # energy, by channel
        self.accepted_of: dict[int, Histogram] = {}  # energy, by generator
        self.time: dict[int, Histogram] = {}  # by generator
        self.time_energy: dict[int, Histogram] = {}  # by generator
        self.rows = self.accepted_rows = 0

    @property
    def counts(self) -> float:
        """Sum of the weights of what is accepted."""
        return sum(histogram.total for histogram in self.time.values())

    def add(self, rows: Batch) -> None:
        weight, seen = rows["weight"], rows["accepted"]
        energy = self._energy.index(rows["energy"])
        kind, kept = rows["generator"][seen], weight[seen]
        self.rows += len(weight)
        self.everything.fill(weight, energy)
        _fill_by(rows["channel"][seen], self.accepted, kept, (self._energy, energy[seen]))
        _fill_by(kind, self.accepted_of, kept, (self._energy, energy[seen]))
        time = self._time.index(rows["time"][seen])
        self.accepted_rows += len(time)
        _fill_by(kind, self.time, kept, (self._time, time))
        _fill_by(kind, self.time_energy, kept, (self._time, time), (self._energy, energy[seen]))


def _joint_axis(
    samples: Sequence[Batch], value: Callable[[Batch], Array], *, log_above: float
) -> Axis:
    """Axis that holds those `choose_axis` would choose for each sample."""
    axes = [choose_axis(value(rows), rows["weight"], log_above=log_above) for rows in samples]
    if len(axes) == 1:
        return axes[0]
    low, high = min(axis.low for axis in axes), max(axis.high for axis in axes)
    return Axis(low, high, MOST_BINS, log=low > 0 and high >= log_above * low)


def _fill_by(
    kinds: npt.NDArray[Any],
    made: dict[int, Histogram],
    weights: Array,
    *places: tuple[Axis, npt.NDArray[np.intp]],
) -> None:
    """Fill one histogram for each kind (a PDG number, a channel), making those not yet there.

    `places`: each axis of the histograms, and the bin of each row on it.
    """
    axes = [axis for axis, _ in places]
    for kind in np.unique(kinds):
        rows = kinds == kind
        histogram = made.setdefault(int(kind), Histogram(*axes))
        histogram.fill(weights[rows], *(numbers[rows] for _, numbers in places))


def _arrivals(samples: Sequence[Batch], chunks: Iterator[Batch]) -> _Arrivals | None:
    if not samples:
        return None
    made = _Arrivals(samples)
    for chunk in chunks:
        made.add(chunk)
    return made


def _detections(samples: Sequence[Batch], chunks: Iterator[Batch]) -> _Detections | None:
    if not samples:
        return None
    made = _Detections(samples)
    for chunk in chunks:
        made.add(chunk)
    return made


def _facts(path: Path, file: Any) -> _Facts:
    names = file.keys(recursive=False, cycle=False)
    for needed in ("metadata", "arrivals"):
        if needed not in names:
            found = ", ".join(names) or "nothing"
            raise InputError(
                f"{path}: found no {needed!r} in it, but {found}; needs a file written by snmc run"
            )
    metadata = _metadata(path, file)
    done = None
    if "blocks" in names:
        records = list(read_records(path, file))
        generators = 1 + max((record["generator"] for record in records), default=0)
        if generators > len(metadata["generators"]):
            raise InputError(
                f"{path}: metadata: generators: found {len(metadata['generators'])}; the file has "
                f"events of {generators}"
            )
        done = {
            name: sum(record[name] for record in records)
            for name in ("blocks", "arrivals", "detections")
        }
    with reading_root(path):
        simulated = SUPERNOVA.name in file["arrivals"]
    supernovae = None
    if simulated:
        supernovae = metadata["card"]["run"].get("supernovae")
        if supernovae is None:
            raise InputError(
                f"{path}: metadata: found run.supernovae = {supernovae!r} with simulated data; "
                "needs the number of simulated explosions"
            )
    return _Facts(metadata, done, supernovae)


def _metadata(path: Path, file: Any) -> dict[str, Any]:
    return checked(path, read_metadata(path, file), DrawnMetadata)


def _samples(path: Path, file: Any, tree: str, branches: Sequence[str]) -> list[Batch]:
    """First rows of each generator in a tree, up to `CHUNK`; of those that have any."""
    if "blocks" not in file:
        first = next(_chunks(path, file, tree, branches, None), None)
        return [] if first is None else [first]
    with reading_root(path):
        blocks = file["blocks"].arrays(["generator", tree], library="np")
    stops = np.cumsum(blocks[tree])
    samples = []
    for number in np.unique(blocks["generator"]):
        own = blocks["generator"] == number
        stop = int(stops[own][-1])
        start = stop - int(blocks[tree][own].sum())
        rows = _chunks(path, file, tree, branches, min(stop, start + CHUNK), start)
        samples += [batch for batch in [next(rows, None)] if batch is not None]
    return samples


def _chunks(
    path: Path, file: Any, tree: str, branches: Sequence[str], stop: int | None, start: int = 0
) -> Iterator[Batch]:
    """Yield the rows of a tree from `start` to `stop`, `CHUNK` at a time, none empty."""
    with reading_root(path):
        found = file[tree]
        missing = [name for name in branches if name not in found]
    if missing:
        raise InputError(f"{path}: tree {tree!r}: found no branch {missing[0]!r}")
    rows = found.iterate(
        list(branches), step_size=CHUNK, entry_start=start, entry_stop=stop, library="np"
    )
    while True:
        with reading_root(path):
            chunk = next(rows, None)
        if chunk is None:
            return
        if len(chunk["weight"]):
            yield chunk


# --- the picture of a file -----------------------------------------------------------------------


def plot_file(path: Path, output: Path) -> None:
    """Draw the events of a ROOT file of `snmc run`, finished or not (NAME.root.part).

    Spectra by species (of several generators: by generator), delays, angles and their planes, the
    parents' spectrum, and for a detector reconstructed energy and time. Fluences in 1/cm2; of
    simulated data, the particles that react and the counts per supernova. `path`: the file;
    `output`: the picture, .png, .pdf or .svg.
    Raises InputError for a file that is none of snmc's, or damaged.
    """
    with open_root(path) as file:
        facts = _facts(path, file)
        done = facts.done or {}
        arrivals = _arrivals(
            _samples(path, file, "arrivals", ARRIVAL_BRANCHES),
            _chunks(path, file, "arrivals", ARRIVAL_BRANCHES, done.get("arrivals")),
        )
        with_detections = "detections" in file
        detections = None
        if with_detections:
            detections = _detections(
                _samples(path, file, "detections", DETECTION_BRANCHES),
                _chunks(path, file, "detections", DETECTION_BRANCHES, done.get("detections")),
            )
        with reading_root(path):
            parents = [
                file[entry["parent_spectrum"]].to_numpy()
                for entry in facts.metadata["generators"]
                if entry["parent_spectrum"] in file
            ]

    with styled():
        rows = 3 if with_detections else 2
        figure = Figure(figsize=(13, 0.9 + 3.7 * rows), layout=_layout())
        lines = _wrapped(_setting(facts)) + _wrapped(_sums(facts, arrivals, detections))
        header = 0.24 + 0.06 * (len(lines) - 2)
        grid = figure.add_gridspec(rows + 1, 3, height_ratios=[header, *[1] * rows])
        _draw_header(figure.add_subplot(grid[0, :]), facts, lines)
        axes = [figure.add_subplot(grid[1 + k // 3, k % 3]) for k in range(3 * rows)]
        if arrivals is None:
            for ax in (*axes[:3], *axes[4:6]):
                _say(ax, "no arrivals")
        else:
            _draw_spectra(axes[0], arrivals, facts)
            _draw_delay_and_angle((axes[1], axes[4]), (axes[2], axes[5]), arrivals, facts)
        _draw_parents(axes[3], parents, facts.labels)
        if detections is not None:
            _draw_detections(axes[6:], detections, facts)
        else:
            for ax in axes[6:]:
                _say(ax, "no detections")
        save(figure, output, dpi=100)


def _draw_header(ax: "Axes", facts: _Facts, lines: Sequence[str]) -> None:
    ax.axis("off")
    title = str(facts.metadata.get("title") or facts.card.get("title") or "untitled run")
    ax.text(0, 1, _plain(title), size=15, weight="bold", va="top", transform=ax.transAxes)
    below = 1 - 0.12 / (0.24 + 0.06 * (len(lines) - 2))
    ax.text(0, below, "\n".join(lines), size=12, va="top", linespacing=1.5, transform=ax.transAxes)


def _wrapped(parts: Sequence[str]) -> list[str]:
    """Lines of parts, none longer than the picture is wide."""
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + len(part) > WIDTH:
            lines.append(part)
        else:
            lines[-1] += f"   |   {part}"
    return lines


def _setting(facts: _Facts) -> list[str]:
    """What was simulated: models with their numbers, core and distance, detector, window."""
    card = facts.card
    parts = []
    for entry in card["generator"]:
        numbers = [
            f"{_symbol(key)} = {text}" for key, value in entry.items() if (text := _tex(value))
        ]
        name = _plain(str(entry.get("name")))
        parts.append(f"{name}: {', '.join(numbers)}" if numbers else name)
    core = card["supernova"].get("core")
    parts.append(
        _plain(str(core.get("type", core.get("path")) if isinstance(core, dict) else core))
    )
    metres = str(card["supernova"].get("distance", "")).removesuffix(" m")
    if _is_number(metres):
        parts[-1] += f" at {kiloparsec(metres):.4g} kpc"
    observation = card["observation"]
    if observation.get("detector"):
        parts.append(_plain(Path(str(observation["detector"])).stem))
    if text := _tex(observation.get("window")):
        parts.append(f"window {text}")
    return parts


def _sums(facts: _Facts, arrivals: _Arrivals | None, detections: _Detections | None) -> list[str]:
    """What came of it: fluence, expected counts, rows; and whether the run is unfinished."""
    rows = 0 if arrivals is None else arrivals.rows
    fluence = 0.0 if arrivals is None else arrivals.fluence
    counts = 0.0 if detections is None else detections.counts
    if facts.supernovae is None:
        parts = [f"fluence {_number(fluence)} cm$^{{-2}}$"]
        if facts.card["observation"].get("detector"):
            parts.append(f"expected counts {_number(counts)}")
        parts.append(f"{_grouped(rows)} arrivals")
        if detections is not None:
            parts.append(f"{_grouped(detections.accepted_rows)} accepted rows")
    else:
        parts = [
            f"simulated data: {facts.supernovae} supernovae",
            f"{_number(counts * facts.scale)} accepted counts per supernova",
            f"{_grouped(rows)} arrivals in all, only those detected",
        ]
    if not facts.finished:
        done = (facts.done or {}).get("blocks", 0)
        parts.append(f"UNFINISHED RUN: sums of the {done} blocks done")
    return parts


def _draw_spectra(ax: "Axes", arrivals: _Arrivals, facts: _Facts) -> None:
    if len(facts.labels) > 1:
        spectra = sorted(arrivals.energy_of.items())
        styles = [(facts.labels[kind], _colour(kind), "-") for kind, _ in spectra]
    else:  # photons, then each neutrino before its antineutrino
        spectra = sorted(
            arrivals.energy.items(), key=lambda item: (item[0] != 22, abs(item[0]), -item[0])
        )
        styles = [SPECIES.get(pdg, (f"PDG {pdg}", GREY, "-")) for pdg, _ in spectra]
    for (name, colour, line), (_, histogram) in zip(styles, spectra, strict=True):
        _stairs(ax, histogram, facts.scale, label=name, color=colour, ls=line)
    histograms = [histogram for _, histogram in spectra]
    (axis,) = histograms[0].axes
    _scale_abscissa(ax, narrowed(axis, histograms))
    drawn = [_density(histogram, axis.widths, facts.scale) for histogram in histograms]
    columns = 1 if len(spectra) == 1 else 3
    _finish_log(
        ax, *drawn, legend=-(-len(spectra) // columns), decades=_decades(drawn, facts.labels)
    )
    weighted = r"$dF/dE$ [cm$^{-2}$ MeV$^{-1}$]"
    simulated = "reactions per supernova [MeV$^{-1}$]"
    ax.set(xlabel="energy at Earth $E$ [MeV]")
    ax.set(ylabel=weighted if facts.supernovae is None else simulated)
    ax.legend(ncols=columns, loc="upper right")


def _draw_delay_and_angle(
    axes: "tuple[Axes, Axes]", planes: "tuple[Axes, Axes]", arrivals: _Arrivals, facts: _Facts
) -> None:
    per_bin = "fluence per bin [cm$^{-2}$]"
    if facts.supernovae is not None:
        per_bin = "reactions per supernova and bin"
    for ax, plane, histograms, mapped, name, symbol, unit in (
        (
            axes[0], planes[0], arrivals.when, arrivals.when_energy, arrivals.when_name, "t", "s",
        ),
        (
            axes[1], planes[1], arrivals.theta, arrivals.theta_energy,
            "angle off the line of sight", r"\theta", arrivals.unit,
        ),
    ):  # fmt: skip
        if name.startswith("angle") and not arrivals.angles:
            for panel in (ax, plane):
                _say(panel, "all arrivals come straight\nfrom the supernova")
            continue
        axis, ordinate = next(iter(mapped.values())).axes
        widths: float | Array = axis.widths
        variable, inverse = symbol, f" {unit}$^{{-1}}$"
        if axis.log:
            widths, variable, inverse = axis.decades, r"\log_{10}" + symbol, ""
        drawn = {
            kind: _density(histogram, widths, facts.scale)
            for kind, histogram in sorted(histograms.items())
        }
        seen = narrowed(axis, histograms.values())
        _components(ax, drawn, axis, facts.labels)
        _scale_abscissa(ax, seen)
        _tell_beyond(ax, *histograms.values())
        ax.set(xlabel=f"{name} ${symbol}$ [{unit}]")
        if facts.supernovae is None:
            ax.set(ylabel=f"$dF/d{variable}$ [cm$^{{-2}}${inverse}]")
        else:
            per = "and decade" if axis.log else f"[{unit}$^{{-1}}$]"
            ax.set(ylabel=f"reactions per supernova {per}")
        ordinate = narrowed(ordinate, [arrivals.energy_of[kind] for kind in mapped])
        _plane(plane, mapped, (seen, ordinate), facts, per_bin)
        plane.set(xlabel=f"{name} ${symbol}$ [{unit}]", ylabel="energy at Earth $E$ [MeV]")


def _draw_parents(
    ax: "Axes", spectra: Sequence[tuple[Array, Array]], labels: Sequence[str]
) -> None:
    if not any(np.any(density > 0) for density, _ in spectra):
        _say(ax, "no parents emitted" if spectra
             else "spectrum of the parents:\nwritten when the run is finished")  # fmt: skip
        return
    lows, highs, drawn = [], [], []
    for number, (density, edges) in enumerate(spectra):
        colour = PURPLE if len(spectra) == 1 else _colour(number)
        ax.stairs(density, edges, color=colour, label=labels[number])
        inside = np.cumsum(density * np.diff(edges))
        first, last = np.searchsorted(inside, np.array([TAIL, 1 - TAIL]) * inside[-1])
        lows.append(float(edges[first]))
        highs.append(float(edges[min(last, len(density) - 1) + 1]))
        drawn.append(density[first : last + 1])
    low, high = min(lows), max(highs)
    _scale_abscissa(ax, Axis(low, high, 1, log=low > 0 and high > 20 * low))
    legend = 0 if len(spectra) == 1 else len(spectra)
    _finish_log(ax, *drawn, legend=legend, decades=_decades(drawn, labels))
    if legend:
        ax.legend(loc="upper right")
    ax.set(xlabel="energy of the parent $E$ [MeV]", ylabel="parents emitted $dN/dE$ [MeV$^{-1}$]")


def _draw_detections(axes: "Sequence[Axes]", detections: _Detections, facts: _Facts) -> None:
    energy, time, plane = axes
    detector = facts.metadata.get("detector") or {}
    channels = detector.get("channels", [])
    each = "" if facts.supernovae is None else " per supernova"
    expected = "expected" if facts.supernovae is None else "simulated"

    several = len(facts.labels) > 1
    parts = sorted((detections.accepted_of if several else detections.accepted).items())
    names = facts.labels if several else channels
    listed = [several or part.total > LISTED * detections.counts for _, part in parts]
    crowded = 1 + sum(listed) > 5
    everything, (axis,) = detections.everything, detections.everything.axes
    seen = with_margin(narrowed(axis, detections.accepted_of.values()))
    seen = replace(seen, low=max(seen.low, axis.low), high=min(seen.high, axis.high))
    whole = everything.contents / axis.widths * facts.scale
    energy.stairs(whole, axis.edges, label="all reactions", color=GREY, ls=":")
    for number, (kind, histogram) in enumerate(parts):
        name = names[kind] if 0 <= kind < len(names) else f"channel {kind}"
        sum_ = histogram.total * facts.scale
        label = f"{_plain(str(name))}: {_short(sum_) if crowded else _number(sum_)}"
        _stairs(energy, histogram, facts.scale, label=label if listed[number] else None,
                **_style(number))  # fmt: skip
    accepted = [_density(histogram, axis.widths, facts.scale) for _, histogram in parts]
    _scale_abscissa(energy, seen)
    # what is rejected does not rule the ordinate, but shall not run into the legend
    kept = np.any([heights > 0 for heights in accepted], axis=0) if accepted else whole > 0
    _finish_log(
        energy,
        *accepted,
        np.where(kept, whole, 0.0),
        legend=0.65 * -(-(1 + sum(listed)) // 2) if crowded else 1 + sum(listed),
        decades=_decades(accepted, facts.labels),
    )
    energy.set(xlabel="reconstructed energy [MeV]", ylabel=f"counts{each} [MeV$^{{-1}}$]")
    energy.set_title("accepted by " + ("generator" if several else "channel"))
    energy.legend(loc="upper right", **(CROWDED if crowded else {}))

    if detections.accepted_rows == 0:
        for ax in (time, plane):
            _say(ax, "no accepted counts")
        return
    axis = next(iter(detections.time.values())).axes[0]
    drawn = {
        kind: _density(histogram, axis.widths, facts.scale)
        for kind, histogram in sorted(detections.time.items())
    }
    _components(time, drawn, axis, facts.labels)
    abscissa = narrowed(axis, detections.time.values())
    _scale_abscissa(time, abscissa)
    time.set(
        xlabel="time of the count after bounce [s]", ylabel=f"accepted counts{each} [s$^{{-1}}$]"
    )
    if not axis.log and not several:
        time.set(yscale="linear", ylim=(0, 1.15 * float(max(map(np.max, drawn.values())))))
    total = _number(detections.counts * facts.scale)
    time.set_title(f"{total} accepted counts{each} {expected}")

    _plane(plane, detections.time_energy, (abscissa, seen), facts, f"accepted counts{each} per bin")
    plane.set(xlabel="time of the count after bounce [s]", ylabel="reconstructed energy [MeV]")


# --- parts of a picture --------------------------------------------------------------------------


def _layout() -> "LayoutEngine":
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    return ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.06)


def _density(histogram: Histogram, widths: float | Array, scale: float) -> Array:
    """Contents per width of a histogram of one axis, 0 in the bins not drawn."""
    result = np.zeros_like(histogram.contents)
    result[histogram.drawn] = (histogram.contents / widths * scale)[histogram.drawn]
    return result


def _stairs(ax: "Axes", histogram: Histogram, scale: float, **style: Any) -> None:
    """Draw a histogram per unit of its axis."""
    (axis,) = histogram.axes
    ax.stairs(_density(histogram, axis.widths, scale), axis.edges, **style)


def _scale_abscissa(ax: "Axes", axis: Axis) -> None:
    ax.set_xlim(axis.low, axis.high)
    if axis.log:
        ax.set(xscale="log")
        _label_logarithm(ax.xaxis, axis.low, axis.high)


def _label_logarithm(axis: "MatplotlibAxis", low: float, high: float) -> None:
    """Plain numbers at 1, 2, 5 on a logarithmic axis of few decades; else powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    if high < 300 * low and low >= 1e-3 and high < 1e5:
        subs = (1.0, 2.0, 5.0) if high < 100 * low else (1.0, 3.0)
        axis.set_major_locator(LogLocator(subs=subs))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_locator(LogLocator(subs=range(2, 10)))
    axis.set_minor_formatter(NullFormatter())


def _colour(number: int) -> str:
    return CHANNEL_COLOURS[number % len(CHANNEL_COLOURS)]


def _style(number: int) -> dict[str, str]:
    """Colour and line of a channel; lines that take a colour again are dashed."""
    return {"color": _colour(number), "ls": ("-", "--")[number // len(CHANNEL_COLOURS) % 2]}


def _components(ax: "Axes", drawn: Mapping[int, Array], axis: Axis, labels: Sequence[str]) -> None:
    """Draw a density of each generator over an axis; with a legend if there are several."""
    several = len(labels) > 1
    for kind, density in drawn.items():
        colour = _colour(kind) if several else BLACK
        ax.stairs(density, axis.edges, color=colour, label=labels[kind])
    heights = list(drawn.values())
    legend = len(drawn) if several else 0
    _finish_log(ax, *heights, legend=legend, decades=_decades(heights, labels))
    if several:
        ax.legend(loc="upper right")


def _decades(drawn: Sequence[Array], labels: Sequence[str]) -> float:
    """Decades of an ordinate: of several generators so many that each shows three at least."""
    tops = [float(heights.max()) for heights in drawn if np.any(heights > 0)]
    if len(labels) == 1 or not tops:
        return DECADES
    return max(DECADES, float(np.log10(max(tops) / min(tops))) + DECADES / 2)


def _finish_log(ax: "Axes", *drawn: Array, legend: float = 0, decades: float = DECADES) -> None:
    """Logarithmic ordinate from the smallest to the largest of what is drawn, `decades` at most.

    `legend`: lines of a legend for which to leave room above.
    """
    heights = np.concatenate(drawn)
    heights = heights[heights > 0]
    if len(heights):
        top = 2 * float(heights.max())
        bottom = max(float(heights.min()) / 2, top / 10**decades)
        room = min(0.4, 0.03 + 0.08 * legend)  # share of the height
        ax.set(yscale="log")
        top *= (top / bottom) ** (room / (1 - room))
        ax.set_ylim(bottom, top)
        _label_logarithm(ax.yaxis, bottom, top)


def _plane(
    ax: "Axes", parts: Mapping[int, Histogram], limits: tuple[Axis, Axis], facts: _Facts, label: str
) -> None:
    """Draw histograms of two axes by generator: the largest as a map, lines round the others.

    The map's colour is logarithmic if it spans much; `limits` of what is shown.
    """
    from matplotlib.colors import LogNorm, Normalize

    strongest = max(parts, key=lambda kind: parts[kind].total)
    x, y = parts[strongest].axes
    density = parts[strongest].contents.T * facts.scale
    if np.any(density > 0):
        top = float(density.max())
        low = max(float(density[density > 0].min()), top * 1e-5)
        norm = LogNorm(low, top) if top > 20 * low else Normalize(0, top)
        mesh = ax.pcolormesh(
            x.edges, y.edges, np.ma.masked_equal(density, 0), norm=norm, cmap=MAP, rasterized=True
        )
        name = f"{facts.labels[strongest]}: " if len(facts.labels) > 1 else ""
        ax.figure.colorbar(mesh, ax=ax, label=name + label, pad=0.02)
    others = [kind for kind in parts if kind != strongest and np.any(parts[kind].contents > 0)]
    for kind in others:
        _contours(ax, parts[kind], _colour(kind))
    if others:
        told = " and ".join(f"{100 * share:.0f}" for share in sorted(CONTOURS)) + " % inside"
        handles = [
            Line2D([], [], color=_colour(kind), label=f"{facts.labels[kind]}: {told}")
            for kind in others
        ]
        ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), borderpad=0, ncols=2)
    _scale_abscissa(ax, limits[0])
    ax.set_ylim(limits[1].low, limits[1].high)
    if y.log:
        ax.set(yscale="log")
        _label_logarithm(ax.yaxis, limits[1].low, limits[1].high)
    _tell_beyond(ax, *parts.values())


def _contours(ax: "Axes", histogram: Histogram, colour: str) -> None:
    """Draw lines round the densest bins that hold `CONTOURS` of the histogram's sum, smoothed."""
    from matplotlib.patheffects import withStroke

    smooth = np.pad(histogram.contents, 2)  # the lines close within it
    for k in (0, 1):
        smooth = (np.roll(smooth, 1, k) + 2 * smooth + np.roll(smooth, -1, k)) / 4
    descending = np.sort(smooth, axis=None)[::-1]
    held = np.cumsum(descending)
    levels = np.unique(descending[np.searchsorted(held, np.array(CONTOURS) * held[-1])])
    places = []
    for axis in histogram.axes:
        share = (np.arange(-2, axis.bins + 2) + 0.5) / axis.bins
        step = axis.high - axis.low
        places.append(
            axis.low * (axis.high / axis.low) ** share if axis.log else axis.low + step * share
        )
    lines = ax.contour(*places, smooth.T, levels=levels, colors=[colour], linewidths=1.6)
    lines.set_path_effects([withStroke(linewidth=3.6, foreground="white")])


def _tell_beyond(ax: "Axes", *histograms: Histogram) -> None:
    """Write how much lies beyond the axes, where it is more than the tails cut on purpose."""
    from matplotlib.patheffects import withStroke

    total = sum(histogram.total for histogram in histograms)
    share = sum(histogram.beyond for histogram in histograms) / total if total else 0.0
    if share > 10 * TAIL * max(len(histogram.axes) for histogram in histograms):
        ax.text(
            0.98, 0.97, f"{100 * share:.2g} % beyond the axes", ha="right", va="top",
            size=9, color=GREY, transform=ax.transAxes,
            path_effects=[withStroke(linewidth=3, foreground="white")],
        )  # fmt: skip


def _say(ax: "Axes", text: str) -> None:
    ax.text(0.5, 0.5, text, ha="center", va="center", color=GREY, transform=ax.transAxes)
    ax.set(xticks=[], yticks=[])


def _plain(text: str) -> str:
    """Text of the user, in which matplotlib shall see no formula; long titles on one line."""
    return textwrap.shorten(text, 110, placeholder=" ...").replace("$", r"\$")


def _symbol(key: str) -> str:
    """A parameter of a card set as a formula, such as U2_mu or g_emu; else its words."""
    if found := re.fullmatch(r"([A-Za-z])(\d?)_((?:e|mu|tau)+)", key):
        letter, power, flavours = found.groups()
        index = re.sub("mu|tau", lambda greek: rf"\{greek[0]} ", flavours)
        return f"${letter}_{{{index}}}" + (f"^{power}$" if power else "$")
    return _plain(key.replace("_", " "))


def _number(value: float) -> str:
    """Write a number to four digits, with powers of ten where they are shorter."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
    return _power(f"{value:.3e}")


def _short(value: float) -> str:
    """Write a number in few characters: an integer, or three digits."""
    return f"{value:.0f}" if 100 <= value < 1e6 else f"{value:.3g}"


def _grouped(rows: int) -> str:
    return f"{rows:,}".replace(",", " ")


def _power(text: str) -> str:
    mantissa, exponent = text.split("e")
    power = f"10^{{{int(exponent)}}}"
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"${power}$" if mantissa == "1" else rf"${mantissa}\times{power}$"


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _tex(value: object) -> str:
    """A card's number with its unit, set as a formula; empty for what is no number."""
    number, _, unit = str(value).partition(" ")
    if isinstance(value, bool) or not _is_number(number):
        return ""
    inverse = unit.startswith("1/")
    unit = _plain(unit.removeprefix("1/")) + ("$^{-1}$" if inverse else "")
    short = f"{float(number):.4g}"
    return f"{_power(short) if 'e' in short else short} {unit}".rstrip()


# --- the picture of a core -----------------------------------------------------------------------


def plot_core(name_or_path: str, output: Path) -> None:
    """Draw a core against radius at up to five of its times.

    Temperature, density, chemical potentials, electrons and muons per baryon, lapse, effective
    masses. `name_or_path`: as in a card, a shipped core or a file or folder in a format that
    `snmc cores` lists; `output`: the picture, .png, .pdf or .svg. Raises InputError where
    `snmc.core.load_core` does.
    """
    import matplotlib as mpl

    core = _load_core(name_or_path)
    times = _some_times(core)
    colours = mpl.colormaps["plasma"](np.linspace(0.0, 0.88, len(times)))
    with styled():
        figure = Figure(figsize=(13, 8.2), layout=_layout())
        axes = figure.subplots(2, 3)
        for time, colour in zip(times, colours, strict=True):
            _draw_state(axes.ravel(), core, float(time), colour)
        for ax, (label, log, lines) in zip(axes.flat, PANELS, strict=True):
            ax.set(ylabel=label, yscale="log" if log else "linear")
            if len(lines) > 1:
                handles = [Line2D([], [], color=GREY, ls=ls, label=name) for name, _, ls in lines]
                ax.legend(handles=handles)
        outermost = float(np.max(core.surface(times)))
        for ax in axes.flat:
            ax.set_xlabel("radius [km]")
            _scale_abscissa(ax, _radial_axis(outermost))
        figure.suptitle(_plain(core.name), weight="bold", size=15)
        handles = [
            Line2D([], [], color=colour, label=f"{time:.3g} s")
            for time, colour in zip(times, colours, strict=True)
        ]
        figure.legend(
            handles=handles, title="time after bounce", loc="outside lower center",
            ncols=len(times), alignment="center",
        )  # fmt: skip
        save(figure, output, dpi=100)


PANELS = (  # label, logarithmic, lines: name, attribute of CoreState, style
    ("temperature [MeV]", False, (("", "temperature", "-"),)),
    ("rest-mass density [g cm$^{-3}$]", True, (("", "density", "-"),)),
    (
        "chemical potential [MeV]",
        False,
        (
            (r"$\mu_e$", "mu_e", "-"),
            (r"$\mu_{\nu_e}$", "mu_nu_e", "--"),
            (r"$\mu_{\nu_\mu}$", "mu_nu_mu", ":"),
        ),
    ),
    ("leptons per baryon", False, ((r"$Y_e$", "ye", "-"), (r"$Y_\mu$", "ymu", "--"))),
    ("lapse", False, (("", "lapse", "-"),)),
    ("effective mass [MeV]", False, (("neutron", "mass_n", "-"), ("proton", "mass_p", "--"))),
)


def _load_core(name_or_path: str) -> SupernovaCore:
    try:
        return load_core(name_or_path)
    except InputError as error:
        try:  # one snapshot? for how long it would stand is no matter here
            return load_core({"path": name_or_path, "duration": "1 s"})
        except InputError:
            raise error from None


def _draw_state(axes: "Sequence[Axes]", core: SupernovaCore, time: float, colour: Any) -> None:
    radius = _radial_axis(float(core.surface(time))).edges
    radius[-1] = core.surface(time)  # no rounding beyond it
    state = core.state(radius, time)
    for ax, (_, _, lines) in zip(axes, PANELS, strict=True):
        for _, name, line in lines:
            ax.plot(radius, getattr(state, name), color=colour, ls=line)


def _radial_axis(outermost: float) -> Axis:
    """Radii [km] from the centre, or from 1 km in the logarithm where the core is a whole star."""
    return Axis(1.0, outermost, 400, log=True) if outermost > 300 else Axis(0.0, outermost, 400)


def _some_times(core: SupernovaCore) -> Array:
    """Up to five of the core's times, denser at the start; one of a core that stands still."""
    times = core.times
    if len(times) == 2 and _stands_still(core):
        return times[:1]
    if len(times) <= 5:
        return times
    wanted = times[0] + (times[-1] - times[0]) * np.linspace(0, 1, 5) ** 2
    nearest = np.argmin(np.abs(times[:, None] - wanted), axis=0)
    return np.asarray(times[np.unique(nearest)])


def _stands_still(core: SupernovaCore) -> bool:
    """Whether the core is one snapshot that stands for a duration."""
    first, last = core.time_range()
    radii = np.linspace(0.0, 1.0, 20) * min(float(core.surface(first)), float(core.surface(last)))
    return np.array_equal(core.state(radii, first).density, core.state(radii, last).density)
