"""What a card can hope to see: where its particles are lost, and the coupling that is seen best."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from snmc.decays import PHOTON
from snmc.decays.fates import FATES, fates
from snmc.decays.fluence import Daughter, exact_fluence
from snmc.ground.streams import block_stream
from snmc.ground.text import quantity
from snmc.ground.units import MEV_IN_ERG
from snmc.judgement.measurement import accepted, countable, grows
from snmc.roles.decaying_particle import BINDING_ENERGY_ERG, DecayingParticle
from snmc.roles.detector import Detector
from snmc.roles.generator import PDG_OF, Generator, power_law
from snmc.run.card import RunCard
from snmc.run.prepare import Experiment, prepare

Array = npt.NDArray[np.float64]

EVENTS = 30_000  # of the sample from which all couplings are judged
DECADES = 12.0  # of the coupling, on each side of the card's
STEPS = 8  # couplings a decade: the best is known to 15 %
SEED, PURPOSE = 1, 7
ENERGIES = np.geomspace(1e-2, 2000.0, 801)  # MeV, where a detector is asked what it sees
LEAST = 1e-9  # share of the parents of which is told
TOLD = 1e-2  # share of what arrives from which energies out of reach are told
LIMITED = {
    None: "",
    "range": ", the largest that the model allows",
    "energy": ", beyond which the particles carry more energy than a supernova has",
    "opacity": ", beyond which the core is opaque up to its edge",
}
SPHERE = {"photon": "photosphere", "neutrino": "neutrinosphere"}


@dataclass(frozen=True)
class _Case:
    """One generator of a card, in what the card observes."""

    card: RunCard
    experiment: Experiment
    label: str
    model: DecayingParticle

    @property
    def kinds(self) -> list[Daughter]:
        """What is looked for and sent."""
        looked_for = self.experiment.observation
        kinds: list[Daughter] = []
        if looked_for.photons and "photon" in self.model.sends:
            kinds.append("photon")
        if looked_for.neutrinos and "neutrino" in self.model.sends:
            kinds.append("neutrino")
        return kinds


def prospects(
    card: RunCard, labels: Collection[str] | None = None, workers: int = 1
) -> dict[str, dict[str, Any]]:
    """For each generator of particles that decay: their fates, and the coupling seen best.

    Of the generators called `labels`, None: all. Keys: `escaping_share` of the particles made;
    `fates`: by photon and neutrino the shares of those that leave the core, see
    `snmc.decays.fates`; `in_reach`, with a detector: by the same, the share of what arrives that
    has an energy at which the detector sees anything, and those energies [MeV]; `expected`: counts,
    or the fluence [1/cm2] without a detector, at the card's couplings and `best`: at those that
    make it largest, all of them multiplied by `factor`. Couplings count for the best that the model
    allows, with which the particles carry no more energy than a supernova has, and the core is not
    opaque up to its edge; `limited_by` "range", "energy", "opacity" or None says whether that was
    what decided. From one weighted sample, good to some per cent. Raises InputError where the card
    names no window.
    """
    experiment = prepare(card)
    told = {}
    for label, model in experiment.generators.items():
        if isinstance(model, DecayingParticle) and (labels is None or label in labels):
            told[label] = _prospects(_Case(card, experiment, label, model), workers)
    return told


def _prospects(case: _Case, workers: int) -> dict[str, Any]:
    model, supernova = case.model, case.experiment.supernova
    flight = supernova.flight(case.experiment.observation)
    detector = case.experiment.detector
    emission = model.emission(supernova, case.card.run.precision, workers, True)
    modes = model.modes()
    report: dict[str, Any] = {
        "escaping_share": emission.escaping_share,
        "fates": {
            kind: fates(emission, modes, model.mass, flight, PDG_OF[kind][0]) for kind in case.kinds
        },
        "distances_m": {
            kind: flight.photosphere if PDG_OF[kind][0] == PHOTON else flight.neutrinosphere
            for kind in case.kinds
        },
        "window_s": flight.window,
        "detector": None if detector is None else detector.name,
    }
    if detector is not None:
        low, high = _reach(detector)
        edges = np.array([0.0, low, high, 10 * ENERGIES[-1]])
        report["reach_MeV"] = [low, high]
        report["in_reach"] = {}
        for kind in case.kinds:
            arriving = exact_fluence(emission, modes, model.mass, flight, kind, edges,
                                     secondaries=model.secondaries)  # fmt: skip
            if (total := float(arriving.sum())) > 0:
                report["in_reach"][kind] = float(arriving[1]) / total
    return report | _best(case)


def _reach(detector: Detector) -> tuple[float, float]:
    """Smallest and largest energy [MeV] at which a detector sees anything."""
    kinds = np.array(PDG_OF[detector.daughters])[:, None]
    seen = ENERGIES[countable(detector)(kinds, ENERGIES).max(axis=0) > 0]
    return float(seen[0]), float(seen[-1])


def _best(case: _Case) -> dict[str, Any]:
    """What is expected at the card's couplings, and at the multiple of them that is seen best."""
    found, power, most = _couplings(case.model)
    if power is None:
        return {"expected": float(_expected(case, np.ones(1))[0][0]), "best": None}
    factors = np.geomspace(10**-DECADES, 10**DECADES, int(2 * DECADES * STEPS) + 1)
    factors = factors[factors <= most * (1 + 1e-9)]
    strengths = factors**power
    (now, *expected), opaque_from = _expected(case, np.append(1.0, strengths))
    clear = strengths < opaque_from
    possible = clear & (_carried(case, strengths) <= BINDING_ENERGY_ERG)
    at = int(np.argmax(np.where(possible, expected, -1.0)))
    limited = None
    if expected[at] < max(expected):
        limited = (
            "opacity" if expected[at] == np.max(expected, where=clear, initial=0) else "energy"
        )
    if at == len(factors) - 1:
        limited = "range"
    return {
        "expected": float(now),
        "best": {
            "factor": float(factors[at]),
            "expected": float(expected[at]),
            "couplings": {name: quantity(value * factors[at], unit) for name, value, unit in found},
            "limited_by": limited,
        },
    }


def _carried(case: _Case, strengths: Array) -> Array:
    """Energy [erg] past the neutrinosphere at squares of the couplings over those of the card."""
    sampler = case.model.reweightable_energy(
        strengths, case.experiment.supernova, case.card.run.precision
    )
    sample = sampler.draw(block_stream(SEED, 1, PURPOSE), 0, EVENTS, EVENTS)
    return np.array([float(sample.weights(one).sum()) * MEV_IN_ERG for one in strengths])


def _couplings(model: DecayingParticle) -> tuple[list[tuple[str, float, str]], int | None, float]:
    """Couplings of a model with units, the power with which rates go, and the largest factor.

    The power is 2, or 1 for couplings that are squares already, such as |U|^2; None where neither
    holds for all rates.
    """
    found = []
    most = np.inf
    for parameter in model.parameters:
        value = model.values.get(parameter.name)
        if parameter.name != "mass" and isinstance(value, float | int) and value > 0:
            found.append((parameter.name, float(value), parameter.unit))
            most = min(most, parameter.high / float(value))
    halved = type(model)({**model.values, **{name: value / 2 for name, value, _ in found}})
    power = next((one for one in (1, 2) if grows(halved, model, 2.0**one)), None)
    return found, power, most


def _expected(case: _Case, strengths: Array) -> tuple[Array, float]:
    """Expected counts, or fluence [1/cm2], at squares of the couplings over those of the card.

    With it the strength from which these are upper bounds, see `ReweightableSampler`.
    """
    experiment, detector = case.experiment, case.experiment.detector
    observation = experiment.observation
    response = power_law(0) if detector is None else countable(detector)
    sampler = case.model.reweightable(
        strengths, experiment.supernova, observation, case.card.run.precision, response
    )
    stream = block_stream(SEED, 0, PURPOSE)
    sample = sampler.draw(stream, 0, EVENTS, EVENTS)
    if detector is None:
        factor, origin = np.ones(len(sample.decay)), np.arange(len(sample.decay))
    else:
        factor, origin, _ = accepted(sample, detector, observation.window, stream)
    sums = [float((sample.weights(one)[origin] * factor).sum()) for one in strengths]
    return np.array(sums), sampler.bound_from


def lines_of(report: Mapping[str, Any]) -> list[str]:
    """Lines of one generator's `prospects` for a reader."""
    lines, detector = [], report["detector"]
    if report["escaping_share"] < 0.995:
        lines.append(f"  absorbed            {_percent(1 - report['escaping_share'])} of the "
                     "particles made, in the core")  # fmt: skip
    for kind, shares in report["fates"].items():
        radius, window = report["distances_m"][kind], report["window_s"]
        words = {
            "inside": f"decay inside the {SPHERE[kind]} ({radius:.3g} m)",
            "seen": f"send a {kind} in time",
            "late": f"send it too late (after {window:.4g} s)",
            "wide": "send it from too wide an angle",
            "undecayed": "pass Earth undecayed",
        }
        told = sorted(FATES, key=lambda name: -shares[name])
        parts = [
            f"{_percent(shares[name])} {words[name]}"
            for name in told
            if shares[name] > LEAST or name == "seen"
        ]
        head = "of those that leave" if len(report["fates"]) == 1 else f"as for {kind}s"
        lines.append(f"  {head:<19} {'; '.join(parts)}")
        share = report.get("in_reach", {}).get(kind, 1.0)
        if share < 1 - TOLD:
            low, high = report["reach_MeV"]
            lines.append(
                f"  out of reach        {_percent(1 - share)} of the {kind}s have other energies "
                f"than the {low:.3g} to {high:.4g} MeV that {detector} sees"
            )
    return [*lines, *_expectations(report)]


def _expectations(report: Mapping[str, Any]) -> list[str]:
    detector = report["detector"]
    unit = "/cm2" if detector is None else f"counts in {detector}"
    best = report["best"]
    rare = " (too rare)" if detector is not None and 0 < report["expected"] < 1 else ""
    lines = [f"  expected            about {report['expected']:.2g} {unit}{rare}"]
    if best is None:
        return [*lines, "  seen best           not known: rates are no power of the couplings"]
    if best["expected"] == 0:
        return [*lines, "  seen best           nothing is expected with any coupling"]
    named = ", ".join(f"{name} = {value}" for name, value in best["couplings"].items())
    largest = LIMITED[best["limited_by"]]
    lines.append(
        f"  seen best           about {named} ({best['factor']:.2g} times the card's{largest}): "
        f"{best['expected']:.2g} {unit}"
    )
    return lines


def _percent(share: float) -> str:
    """A share in per cent, with the digits that tell it from 0 and from 100."""
    if share < 1e-99:
        return "none"
    if share > 0.99999:
        return f"all but {100 * (1 - share):.2g} %" if 1 - share > LEAST else "all"
    return f"{100 * share:.{5 if share > 0.999 else 3}g} %"


def text_of(card: RunCard, labels: Sequence[str]) -> str:
    """Lines on some generators of a card, of which a run saw nothing or next to nothing."""
    experiment = prepare(card)
    told = prospects(card, labels)
    lines = []
    for label in labels:
        if len(experiment.generators) > 1:
            lines.append(label)
        if label in told:
            lines += lines_of(told[label])
        else:
            lines.append(_stable(experiment.generators[label], experiment))
    return "\n".join(lines)


def _stable(model: Generator, experiment: Experiment) -> str:
    window, detector = experiment.observation.window, experiment.detector
    reach = ""
    if detector is not None:
        low, high = _reach(detector)
        reach = f", outside the {low:.3g} to {high:.4g} MeV that {detector.name} sees"
    return (
        f"  nothing decays      what {model.name} sends comes after {window:.4g} s{reach}, or is "
        "too rare at this distance"
    )
