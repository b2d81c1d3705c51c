"""From a run card to the objects that do the work: supernova, model, detector, observation."""

import math
from dataclasses import dataclass

import numpy as np

from snmc.core import load_core
from snmc.ground.errors import InputError, PhysicsError
from snmc.roles.detector import Detector
from snmc.roles.generator import PDG_OF, Generator, Observation, Source, Supernova
from snmc.roles.registry import find_detector, find_generator
from snmc.run.card import RunCard


@dataclass(frozen=True)
class Experiment:
    """Everything a card names, ready to use."""

    supernova: Supernova
    generators: dict[str, Generator]  # by label, in the order of the card
    detector: Detector | None
    observation: Observation


def prepare_supernova(card: RunCard) -> Supernova:
    """Read the core and collect the distances of `[supernova]`. Raises InputError."""
    setting = card.supernova
    return Supernova(
        core=load_core(setting.core),
        distance=setting.distance_m,
        photosphere=setting.photosphere_m,
        neutrinosphere=setting.neutrinosphere_m,
        gravity=setting.gravity,
        absorption=setting.absorption,
        ordering=setting.ordering,
        oscillation=setting.oscillation,
    )


def prepare_generators(card: RunCard) -> dict[str, Generator]:
    """Make the models of the card with their values, by label. Raises InputError."""
    return {
        setting.label: find_generator(setting.name)(setting.values) for setting in card.generators
    }


def prepare(card: RunCard) -> Experiment:
    """Resolve what the detector decides for the card: the window and what is looked for.

    Raises InputError where card and detector contradict each other, and for a generator that sends
    nothing of what is looked for.
    """
    setting = card.observation
    detector = None if setting.detector is None else find_detector(setting.detector, card.path)
    window = setting.window_s
    if window is None and detector is not None:
        window = detector.default_window
    if window is None:
        raise InputError(f'{card.path}: observation.window: missing; needs a time, such as "10 s"')
    daughters = setting.daughters or ("all" if detector is None else detector.daughters)
    if detector is not None and daughters not in ("all", detector.daughters):
        raise InputError(
            f"{card.path}: observation.daughters: found {daughters!r}; {detector.name} sees the "
            f"{detector.daughters}: leave it out, or give {detector.daughters!r} or 'all'"
        )
    if card.run.supernovae is not None:
        if detector is None:
            raise InputError(
                f"{card.path}: run.supernovae: simulated data need observation.detector"
            )
        daughters = detector.daughters
    observation = Observation(
        window=window,
        photons=daughters in ("photon", "all"),
        neutrinos=daughters in ("neutrino", "all"),
        max_angle=math.pi if setting.max_angle_rad is None else setting.max_angle_rad,
    )
    generators = prepare_generators(card)
    sought = tuple(PDG_OF) if daughters == "all" else (daughters,)
    for label, generator in generators.items():
        if generator.sends.isdisjoint(sought):
            sent = "".join(f"{name}s" for name in generator.sends)
            does = f"sends {sent} alone" if sent else "gives nothing with its decays and couplings"
            raise InputError(
                f"{card.path}: generator {label!r} {does}; this run looks for "
                + " and ".join(f"{name}s" for name in sought)
            )
        if generator.highest_energy is not None:
            check_reach(card, label, generator.highest_energy, detector)
    return Experiment(prepare_supernova(card), generators, detector, observation)


def check_reach(card: RunCard, label: str, energy: float, detector: Detector | None) -> None:
    """InputError if a detector does not reach the `energy` [MeV] to which a generator sends."""
    if detector is None:
        return
    pdg = np.array(PDG_OF[detector.daughters], dtype=np.int32)
    try:
        detector.effective_area(pdg, np.full(pdg.shape, energy))
    except PhysicsError as error:
        raise InputError(
            f"{card.path}: generator {label!r}: its spectrum reaches {energy:.4g} MeV, beyond "
            f"{detector.name}: {error}"
        ) from error


def reach_of(source: Source) -> float:
    """Energy [MeV] that a share of 10^-12 of the parents of a source exceeds, 0 if there are none.

    No daughter has more than its parent.
    """
    energies, density = source.spectrum
    cells = (density[1:] + density[:-1]) / 2 * np.diff(energies)
    beyond = np.cumsum(cells[::-1])[::-1]
    last = np.flatnonzero(beyond > 1e-12 * beyond[0])
    return float(energies[last[-1] + 1]) if last.size else 0.0
