"""Kinematics of elastic scattering of neutrinos on targets at rest."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from snmc.interactions.channel import FinalStates, Floats, Integers
from snmc.interactions.quasielastic import checked_energies

NEUTRINOS = (12, 14, 16)


def neutrino_totals(
    kernel: Callable[[Integers, Floats, Floats], None], pdg: npt.ArrayLike, energy: npt.ArrayLike
) -> Floats:
    """Cross sections [cm2] that a compiled `kernel` fills in for flat `pdg` and `energy` [MeV].

    Arrays that broadcast; anything but a neutrino gives 0. Raises PhysicsError for neutrinos
    outside 0 to 2000 MeV.
    """
    codes, energies = np.broadcast_arrays(
        np.asarray(pdg, dtype=np.int32), np.asarray(energy, dtype=np.float64)
    )
    checked_energies(energies[np.isin(np.abs(codes), NEUTRINOS)])
    result = np.zeros(energies.shape)
    kernel(codes.ravel(), energies.ravel(), result.reshape(-1))
    return result


def recoil_cosine(energy: npt.ArrayLike, kinetic: npt.ArrayLike, mass: float) -> Floats:
    """Cosine between the neutrino and a target of `mass` that it struck at rest.

    cos = (E + m)/E sqrt(T/(T + 2 m)) from the conservation of energy and momentum. `energy` of
    the neutrino, `kinetic` of the target, `mass` [MeV]: arrays that broadcast.
    """
    energies, recoil = np.asarray(energy), np.asarray(kinetic)
    cosine = (energies + mass) / energies * np.sqrt(recoil / (recoil + 2 * mass))
    return np.asarray(np.minimum(cosine, 1.0))


def two_bodies(
    pdg: Integers, energy: Floats, target: int, mass: float, kinetic: Floats, azimuth: Floats
) -> tuple[Integers, Floats, Floats, Floats]:
    """Struck target and scattered neutrino of elastic reactions, two entries each.

    `pdg`, `energy` [MeV] (n,): neutrinos; `target`: PDG number of what they strike, of `mass`
    [MeV], with `kinetic` energy [MeV] and `azimuth` [rad] (n,) after it. Result: PDG numbers,
    total energies [MeV], cosines to the arrival and azimuths [rad], (2 n,).
    """
    cosine = recoil_cosine(energy, kinetic, mass)
    left = energy - kinetic
    across = np.sqrt(kinetic * (kinetic + 2 * mass) * (1 - cosine) * (1 + cosine))
    scattered = np.sqrt(np.maximum((left - across) * (left + across), 0.0))
    # backward where the target takes more momentum along the arrival than the neutrino brought
    scattered *= np.sign(energy - np.sqrt(kinetic * (kinetic + 2 * mass)) * cosine)
    return (
        np.stack([np.full(pdg.size, target, dtype=np.int32), pdg], axis=1).ravel(),
        np.stack([kinetic + mass, left], axis=1).ravel(),
        np.stack([cosine, np.divide(scattered, left)], axis=1).ravel(),
        np.stack([azimuth, azimuth + np.pi], axis=1).ravel(),
    )


def elastic_states(
    pdg: Integers,
    energy: Floats,
    target: int,
    mass: float,
    kinetic: Floats,
    azimuth: Floats,
    kind: int,
    visible: Floats,
) -> FinalStates:
    """Final states of elastic reactions: one signal `visible` [MeV] of `kind`, along the target.

    The other arguments are those of `two_bodies`.
    """
    size = energy.size
    return FinalStates(
        np.ones(size, dtype=np.int32),
        visible,
        recoil_cosine(energy, kinetic, mass),
        azimuth,
        np.zeros(size),
        np.full(size, kind, dtype=np.int8),
        np.full(size, 2, dtype=np.int32),
        *two_bodies(pdg, energy, target, mass, kinetic, azimuth),
    )
