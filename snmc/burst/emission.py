"""Neutrinos of a burst: pinched spectra of each species against time.

dN/dE = (L/E0^2) (1+a)^(1+a)/Gamma(1+a) (E/E0)^a exp(-(1+a) E/E0) with mean energy E0 and pinching a
(Keil, Raffelt and Janka, ApJ 590 (2003) 971; eq. 1 of Akita et al., arXiv:2312.13627): a gamma
distribution of shape 1 + a.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import gammainc, gammainccinv, gammaincinv, gammaln

from snmc.ground.quadrature import unit_rule

Array = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.intp]

SPECIES = {"nu_e": 12, "nu_e_bar": -12, "nu_mu": 14, "nu_mu_bar": -14, "nu_tau": 16,
           "nu_tau_bar": -16}  # fmt: skip
KINDS = ("nu_e", "nu_e_bar", "nu_x")  # nu_x: each of the other four
KIND_OF = np.array([0, 1, 2, 2, 2, 2])  # of the species

TAIL = 1e-7  # share of the hottest spectrum beyond the energies looked at
STEEPEST = 6  # power of E by which events may be drawn, to suit a detector
BEYOND = 1e-12  # share of the hottest spectrum, so weighed, that a detector need not reach


@dataclass(frozen=True)
class BurstEmission:
    """Neutrinos emitted: spectra, each array (spectra, n) at `time` (n,) [s], linear in between.

    `rate` [1/s] of one species, `mean_energy` [MeV], `pinching`. Emission k is of `species[k]`, a
    number in SPECIES, with the spectrum `row[k]`; several species may share one spectrum, and one
    may have several. `content`: hash of the files it was read from. `at_earth`: whether the
    flavours are those at Earth already, where nothing mixes them any more.
    """

    time: Array
    rate: Array
    mean_energy: Array
    pinching: Array
    species: Numbers
    row: Numbers
    content: str = ""
    at_earth: bool = False

    @property
    def copies(self) -> Array:
        """Number of species that each spectrum is emitted of, (spectra,)."""
        return np.bincount(self.row, minlength=len(self.rate)).astype(np.float64)

    def within(self, start: float, stop: float) -> "BurstEmission":
        """The part from `start` to `stop` [s]; fewer than two instants if there is none."""
        start, stop = max(start, self.time[0]), min(stop, self.time[-1])
        if start >= stop:
            nothing = np.empty((len(self.rate), 0))
            return replace(
                self, time=np.empty(0), rate=nothing, mean_energy=nothing, pinching=nothing
            )
        inside = (self.time > start) & (self.time < stop)
        # The cells that begin at or before the start, and end at or behind the stop, have a width
        # also where an instant is there twice, for a step.
        first = int(np.searchsorted(self.time, start, side="right")) - 1
        last = int(np.searchsorted(self.time, stop, side="left")) - 1

        def at(table: Array, cell: int, time: float) -> Array:
            part = (time - self.time[cell]) / (self.time[cell + 1] - self.time[cell])
            return np.asarray(table[:, cell] * (1 - part) + table[:, cell + 1] * part)

        def cut(table: Array) -> Array:
            return np.column_stack([at(table, first, start), table[:, inside],
                                    at(table, last, stop)])  # fmt: skip

        return replace(
            self,
            time=np.concatenate([[start], self.time[inside], [stop]]),
            rate=cut(self.rate),
            mean_energy=cut(self.mean_energy),
            pinching=cut(self.pinching),
        )

    def numbers(self) -> Array:
        """Neutrinos of one species of each spectrum in each cell of time, (spectra, n - 1)."""
        cells: Array = (self.rate[:, 1:] + self.rate[:, :-1]) / 2 * np.diff(self.time)
        return cells

    def energies(self) -> Array:
        """Energy [MeV] they carry, (spectra, n - 1): the integral of rate times mean energy."""
        r, e = self.rate, self.mean_energy
        straight = 2 * (r[:, 1:] * e[:, 1:] + r[:, :-1] * e[:, :-1])
        crossed = r[:, 1:] * e[:, :-1] + r[:, :-1] * e[:, 1:]
        cells: Array = (straight + crossed) / 6 * np.diff(self.time)
        return cells

    def nodes(self) -> tuple[Array, Array, Array]:
        """Quadrature over time: numbers, mean energies and pinchings, each (spectra, nodes)."""
        if not any(np.ptp(table, axis=1).any() for table in (self.mean_energy, self.pinching)):
            first = slice(0, 1)  # spectra that stay need but one node
            return (self.numbers().sum(axis=1, keepdims=True), self.mean_energy[:, first],
                    self.pinching[:, first])  # fmt: skip
        points, weights = (np.array(part) for part in unit_rule(2))

        def between(table: Array) -> Array:
            low, high = table[:, :-1, None], table[:, 1:, None]
            return np.asarray((low + (high - low) * points).reshape(len(table), -1))

        widths = (np.diff(self.time)[:, None] * weights).ravel()
        return between(self.rate) * widths, between(self.mean_energy), between(self.pinching)

    def highest_energy(self) -> float:
        """Energy [MeV] that only a share TAIL of the hottest spectrum exceeds."""
        shape = 1 + self.pinching
        return float(np.max(self.mean_energy / shape * gammaincinv(shape, 1 - TAIL)))

    def reach(self) -> float:
        """Energy [MeV] that no draw exceeds: only a share BEYOND does, weighed with E^STEEPEST."""
        shape = 1 + self.pinching + STEEPEST
        return float(np.max(self.mean_energy / (1 + self.pinching) * gammainccinv(shape, BEYOND)))

    def between(self, edges: Array) -> Array:
        """Neutrinos of one species between energies `edges` [MeV], (spectra, len(edges) - 1)."""
        numbers, mean, pinching = self.nodes()
        below = np.empty((len(numbers), len(edges)))
        for i, edge in enumerate(edges):
            below[:, i] = (numbers * gammainc(1 + pinching, (1 + pinching) * edge / mean)).sum(1)
        return np.diff(below, axis=1)


def pinched(energy: Array, mean: Array, pinching: Array) -> Array:
    """Normalised pinched spectrum [1/MeV] at `energy` [MeV] of mean `mean` [MeV] (Akita, eq. 1)."""
    shape = 1 + pinching
    x = shape * energy / mean
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm = np.where(pinching == 0, 0.0, pinching * np.log(x)) - x - gammaln(shape)
    return np.asarray(shape / mean * np.exp(logarithm))


def moment(power: float, mean: Array, pinching: Array) -> Array:
    """<E^power> [MeV^power] of a pinched spectrum."""
    shape = 1 + pinching
    return np.asarray((mean / shape) ** power * np.exp(gammaln(shape + power) - gammaln(shape)))
