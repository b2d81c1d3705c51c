"""Directions on the sphere: composition of scattering angles, and angular resolution.

Angles near zero keep full relative accuracy: photons arrive within 1e-12 rad of the line of sight.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def turned(
    theta: Floats, phi: Floats, cosine: Floats, sine: Floats, azimuth: Floats
) -> tuple[Floats, Floats]:
    """Direction at an angle and azimuth about the direction (theta, phi).

    `theta`, `phi` [rad]: polar angle and azimuth of the axis; `cosine`, `sine`: of the angle to
    the axis; `azimuth` [rad] about it, from the direction in which theta grows. Result: polar
    angle in 0 to pi and azimuth in 0 to 2 pi [rad].
    """
    across, aside = sine * np.cos(azimuth), sine * np.sin(azimuth)
    outward = across * np.cos(theta) + cosine * np.sin(theta)
    along = cosine * np.cos(theta) - across * np.sin(theta)
    new_phi = phi + np.arctan2(aside, outward)
    return np.arctan2(np.hypot(outward, aside), along), np.mod(new_phi, 2 * np.pi)


def fisher(containment: Floats, share: Floats) -> tuple[Floats, Floats]:
    """Cosine and sine of a deviation with 68 % below `containment`, from the Fisher distribution.

    R. A. Fisher, Proc. R. Soc. A 217 (1953) 295: density exp(kappa cos psi), the sphere's Gaussian.
    `containment` [rad], below 60 degrees, 0 for none; `share`: random numbers, even in 0 to 1.
    """
    reach = np.where(containment > 0, 2 * np.sin(containment / 2) ** 2, 1.0)  # 1 - cos
    kappa = -np.log(0.32) / reach
    for _ in range(4):  # the far side of the sphere lacks exp(-2 kappa): a contraction by < 0.1
        kappa = -np.log1p(0.68 * np.expm1(-2 * kappa)) / reach
    versed = -np.log1p(share * np.expm1(-2 * kappa)) / kappa  # 1 - cos psi
    versed = np.where(containment > 0, np.clip(versed, 0.0, 2.0), 0.0)
    return 1 - versed, np.sqrt(versed * (2 - versed))
