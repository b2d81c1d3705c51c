"""The medium: temperature, density, composition, chemical potentials, lapse at (r, t)."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from snmc.core import hermite
from snmc.core.fill import MASS_DIFFERENCE, baryon_density
from snmc.ground.errors import PhysicsError

Array = npt.NDArray[np.float64]
Points = npt.NDArray[np.intp]

# What is interpolated, one column each; see SupernovaCore for why these.
_COLUMNS = (
    "log_temperature", "log_density", "ye", "ymu", "mu_e", "mu_nu_e", "mu_nu_mu", "mu_n",
    "off_beta_e", "off_beta_mu", "mass_n", "mass_p", "lapse", "cbrt_mass", "metric",
)  # fmt: skip
_INDEX = {name: number for number, name in enumerate(_COLUMNS)}
_GAUSS = np.polynomial.legendre.leggauss(6)  # for the volume of a shell


@dataclass(frozen=True)
class CoreState:
    """The state of matter at points (r, t); every array has the broadcast shape of r and t.

    `temperature` [MeV]; `density` of rest mass [g/cm3]; `ye`, `ymu`: electrons, muons less their
    antiparticles per baryon; `mu_e`, `mu_mu`, `mu_nu_e`, `mu_nu_mu`: chemical potentials [MeV],
    rest mass included; `mu_n`, `mu_p` [MeV]: rest mass excluded, interaction potential included;
    `mass_n`, `mass_p`: effective masses [MeV]; `lapse`; `enclosed_mass`: baryonic, as the source
    states it [solar masses].
    """

    temperature: Array
    density: Array
    ye: Array
    ymu: Array
    mu_e: Array
    mu_mu: Array
    mu_nu_e: Array
    mu_nu_mu: Array
    mu_n: Array
    mu_p: Array
    mass_n: Array
    mass_p: Array
    lapse: Array
    enclosed_mass: Array

    @property
    def baryon_density(self) -> Array:
        """Baryons per volume [MeV^3], rho over the atomic mass unit."""
        return baryon_density(self.density)

    @property
    def electron_density(self) -> Array:
        """Electrons less positrons per volume [MeV^3]."""
        return self.ye * self.baryon_density

    @property
    def proton_density(self) -> Array:
        """Protons per volume [MeV^3], free and bound: Yp = Ye + Ymu by charge neutrality."""
        return (self.ye + self.ymu) * self.baryon_density


class SupernovaCore:
    """A core between its first and last snapshot and inside its outermost radius.

    Interpolation is monotone cubic (continuous slopes, no new extrema), first along the radius
    inside each snapshot, in r over the surface radius of that snapshot, then in time at equal
    scaled radius, so that profiles of a shrinking star map onto each other. It is exact at every
    tabulated point. Temperature and density are interpolated in the logarithm, the enclosed mass
    in its cube root and linearly in time (so it cannot fall outward), and in place of mu_p and
    mu_mu their departures from weak equilibrium: a core in equilibrium at its snapshots is so
    between them. Inside the innermost point the state is the centre's, and the enclosed mass
    falls with r^3.
    """

    def __init__(
        self,
        name: str,
        description: str,
        times: Sequence[float],
        profiles: Sequence[Mapping[str, Array]],
        duration: float | None = None,
        filled: Mapping[str, str] | None = None,
    ) -> None:
        """Build from complete profiles (`snmc.core.profile.complete`), one for each of `times`.

        `times` [s after bounce] ascending. One profile stands unchanged for `duration` [s] and
        needs it; several take none. `filled`: columns that the source did not bring, and how they
        were made.
        """
        self.name = name
        self.description = description
        self.filled = dict(sorted((filled or {}).items()))
        start = float(times[0])
        self.times: Array = (
            np.array([start, start + duration]) if duration else np.array(times, dtype=np.float64)
        )
        self._has_muons = any(np.any(profile["mu_mu"] != 0) for profile in profiles)
        self._radii = np.array([profile["radius"][-1] for profile in profiles])
        self._x = [profile["radius"] / profile["radius"][-1] for profile in profiles]
        self._y = [_table(profile) for profile in profiles]
        self._slopes = [hermite.node_slopes(x, y) for x, y in zip(self._x, self._y, strict=True)]
        self.content = _hash([self.times, self._radii, *self._x, *self._y])

    def time_range(self) -> tuple[float, float]:
        """First and last time [s after bounce] at which the core has a state."""
        return float(self.times[0]), float(self.times[-1])

    def surface(self, time: npt.ArrayLike) -> Array:
        """Outermost radius [km] at `time` [s after bounce], in the shape of `time`.

        Raises PhysicsError outside `time_range`.
        """
        times = self._inside(np.asarray(time, dtype=np.float64))

        def radius(snapshot: int, points: Points) -> Array:
            return np.full((len(points), 1), self._radii[snapshot])

        return self._in_time(times.ravel(), radius).reshape(times.shape)

    def state(self, radius: npt.ArrayLike, time: npt.ArrayLike) -> CoreState:
        """State of matter at `radius` [km] and `time` [s after bounce], which broadcast.

        Raises PhysicsError for a radius outside 0 to `surface(time)` or a time outside
        `time_range`; nothing is extrapolated.
        """
        y, shape = self._interpolated(radius, time)
        c = {name: y[:, number].reshape(shape) for name, number in _INDEX.items()}
        mu_e, mu_nu_e, mu_n = c["mu_e"], c["mu_nu_e"], c["mu_n"]
        # beta equilibrium solved for mu_p and mu_mu, see snmc.core.fill
        mu_p = mu_nu_e - mu_e + mu_n + MASS_DIFFERENCE - c["off_beta_e"]
        mu_mu = c["mu_nu_mu"] + mu_e - mu_nu_e - c["off_beta_mu"]
        return CoreState(
            temperature=np.exp(c["log_temperature"]),
            density=np.exp(c["log_density"]),
            ye=c["ye"],
            ymu=c["ymu"],
            mu_e=mu_e,
            mu_mu=mu_mu if self._has_muons else np.zeros(shape),
            mu_nu_e=mu_nu_e,
            mu_nu_mu=c["mu_nu_mu"],
            mu_n=mu_n,
            mu_p=mu_p,
            mass_n=c["mass_n"],
            mass_p=c["mass_p"],
            lapse=c["lapse"],
            enclosed_mass=c["cbrt_mass"] ** 3,
        )

    def shell_volume(self, r1: npt.ArrayLike, r2: npt.ArrayLike, time: npt.ArrayLike) -> Array:
        """Proper volume [km^3] of the shell between radii `r1` <= `r2` [km] at `time` [s].

        Arguments broadcast. Integral of 4 pi r^2 g dr with the metric factor
        g = 1/sqrt(1 - 2 G m/(r c^2)), whose m meets the baryonic mass and density of the source
        (`snmc.core.profile`); 1 for a Newtonian source. By quadrature: good to 1e-3 for a
        whole star in one shell, to 1e-5 for shells of a tenth of it. Raises PhysicsError as `state`
        does, and for r1 > r2.
        """
        inner, outer, times = np.broadcast_arrays(
            np.asarray(r1, float), np.asarray(r2, float), np.asarray(time, float)
        )
        if np.any(inner > outer):
            raise PhysicsError("core: a shell's inner radius exceeds its outer radius")
        half = (outer - inner) / 2
        nodes, weights = (a.reshape(-1, *[1] * inner.ndim) for a in _GAUSS)
        radii = inner + half * (1 + nodes)
        y, shape = self._interpolated(radii, times)
        metric = y[:, _INDEX["metric"]].reshape(shape)
        return np.asarray(4 * np.pi * half * np.sum(weights * radii**2 * metric, axis=0))

    def _inside(self, times: Array) -> Array:
        first, last = self.time_range()
        inside = (times >= first) & (times <= last)
        if not np.all(inside):
            raise PhysicsError(
                f"core {self.name}: asked for a time of {times.flat[int(np.argmin(inside))]:g} s;"
                f" it is known from {first:g} to {last:g} s after bounce"
            )
        return times

    def _interpolated(
        self, radius: npt.ArrayLike, time: npt.ArrayLike
    ) -> tuple[Array, tuple[int, ...]]:
        """Interpolated columns (p, q) at the p points, and the shape of radius and time."""
        radii, times = np.broadcast_arrays(np.asarray(radius, float), np.asarray(time, float))
        surface = self.surface(times)
        # 1e-12: a radius computed as surface(t) may exceed it by rounding
        inside = (radii >= 0) & (radii <= surface * (1 + 1e-12))
        if not np.all(inside):
            bad = int(np.argmin(inside))
            raise PhysicsError(
                f"core {self.name}: asked for a radius of {radii.flat[bad]:g} km;"
                f" at {times.flat[bad]:g} s it is known from 0 to {surface.flat[bad]:g} km"
            )
        x = np.minimum((radii / surface).ravel(), 1.0)

        def along_radius(snapshot: int, points: Points) -> Array:
            nodes = self._x[snapshot]
            at = np.maximum(x[points], nodes[0])
            y = hermite.interpolate(nodes, self._y[snapshot], self._slopes[snapshot], at)
            y[:, _INDEX["cbrt_mass"]] *= x[points] / at  # r^3 inside the first point
            return y

        return self._in_time(times.ravel(), along_radius), radii.shape

    def _in_time(self, times: Array, at_snapshot: Callable[[int, Points], Array]) -> Array:
        """Monotone cubic in time of `at_snapshot(snapshot, points)` (p, q), to (len(times), q).

        The slopes at the two ends of an interval need the snapshots before and after it.
        """
        count = len(self._radii)
        everywhere = np.arange(len(times))
        if count == 1:
            return at_snapshot(0, everywhere)
        i = np.clip(np.searchsorted(self.times, times, side="right") - 1, 0, count - 2)
        stencil = np.clip(i[:, None] + np.arange(-1, 3), 0, count - 1)
        width = at_snapshot(0, everywhere[:0]).shape[1]
        y = np.empty((4, len(times), width))
        for snapshot in np.unique(stencil):
            hit = stencil == snapshot
            points = np.nonzero(hit.any(axis=1))[0]
            values = at_snapshot(int(snapshot), points)
            for place in range(4):
                here = hit[points, place]
                y[place, points[here]] = values[here]
        h = np.diff(self.times[stencil], axis=1).T[:, :, None]
        h = np.where(h > 0, h, 1.0)  # beyond the ends of the sequence; not used there
        d = np.diff(y, axis=0) / h
        before = after = d[1]
        if count > 2:
            first, last = (i == 0)[:, None], (i == count - 2)[:, None]
            before = np.where(
                first,
                hermite.end_slope(h[1], h[2], d[1], d[2]),
                hermite.inner_slope(h[0], h[1], d[0], d[1]),
            )
            after = np.where(
                last,
                hermite.end_slope(h[1], h[0], d[1], d[0]),
                hermite.inner_slope(h[1], h[2], d[1], d[2]),
            )
        if width > 1:  # enclosed mass linear in time: so it cannot fall outward
            mass = _INDEX["cbrt_mass"]
            before[:, mass] = after[:, mass] = d[1][:, mass]
        u = (times - self.times[i])[:, None] / h[1]
        return hermite.cubic(u, h[1], y[1], y[2], before, after)


def _table(profile: Mapping[str, Array]) -> Array:
    """Stack the interpolated columns (n, q) of one complete profile."""
    p = profile
    columns = {
        **p,
        "log_temperature": np.log(p["temperature"]),
        "log_density": np.log(p["density"]),
        "off_beta_e": p["mu_nu_e"] - (p["mu_e"] - (p["mu_n"] - p["mu_p"]) - MASS_DIFFERENCE),
        "off_beta_mu": p["mu_nu_mu"] - (p["mu_mu"] - (p["mu_e"] - p["mu_nu_e"])),
        "cbrt_mass": np.cbrt(p["enclosed_mass"]),
    }
    return np.stack([columns[name] for name in _COLUMNS], axis=1)


def _hash(arrays: Sequence[Array]) -> str:
    digest = hashlib.sha256(",".join(_COLUMNS).encode())
    for array in arrays:
        digest.update(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
