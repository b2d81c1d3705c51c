"""Weighted runs drawn by what a detector sees: the same sums, with errors fairly shared."""

from pathlib import Path

import numpy as np
import pytest

from snmc.burst import SPECIES
from snmc.burst.emission import pinched
from snmc.flavour import transition_probability
from snmc.run.card import RunCard, load_card
from snmc.run.importance import WISHES, importance_of
from snmc.run.pipeline import Block, make_group, plan_run
from snmc.run.prepare import prepare

EVENTS = 100_000
KILOPARSEC_CM = 3.0856775814913673e21
CARD = """
[supernova]
distance = "10 kpc"
[generator]
{generator}
[observation]
detector = "{detector}"
window = "100 s"
[run]
events = {events}
seed = 4
[supernova.core]
type = "one-zone"
radius = "10 km"
temperature = "30 MeV"
mu_e = "200 MeV"
mu_nu_e = "50 MeV"
rho = "3e14 g/cm^3"
duration = "4 s"
"""
BURST = 'name = "burst"\nenergy = "1.98e53 erg"\nmean_energy_nu_x = "16 MeV"'
DIPOLE = 'name = "dipole"\nmass = "100 MeV"\nd = "1e-14 / MeV"'


def card(folder: Path, generator: str, detector: str) -> RunCard:
    """A card of one generator and a detector."""
    path = folder / "card.toml"
    path.write_text(CARD.format(generator=generator, detector=detector, events=EVENTS))
    return load_card(path)


def sums(block: Block, channels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Reactions by channel, those with any signal, with their squares; and rows accepted."""
    assert block.detections is not None
    columns = block.detections.columns
    _, first = np.unique(columns["reaction"], return_index=True)
    channel, weight = columns["channel"][first], np.asarray(columns["weight"][first], np.float64)
    total, squares = (np.bincount(channel, weight**n, channels) for n in (1, 2))
    return total, squares, np.bincount(columns["channel"][columns["accepted"]], minlength=channels)


def burst_counts(loaded: RunCard) -> np.ndarray:
    """Reactions of the burst in each channel by quadrature over its spectrum at Earth."""
    detector = prepare(loaded).detector
    assert detector is not None
    energies = np.linspace(0.005, 150, 30_000)
    carried = 1.98e53 / 6 / 1.602176634e-6 / (4 * np.pi * (10 * KILOPARSEC_CM) ** 2)  # MeV/cm2
    spectra = [  # by flavour at birth; all but e^-33 of it in the window
        carried / mean * pinched(energies, np.array(mean), np.array(2.39))
        for mean in (12.7, 16.0, 16.0)
    ]
    total = np.zeros(len(detector.channels))
    for anti in (False, True):
        at_earth = transition_probability(1.0, 1e15, "NO", anti, "nufit-5.2").T @ spectra
        codes = [code for code in SPECIES.values() if (code < 0) == anti]
        for code, spectrum in zip(codes, at_earth, strict=True):
            areas = detector.areas(np.full(energies.size, code, np.int32), energies)
            total += np.trapezoid(spectrum * areas, energies, axis=1)
    return total


@pytest.mark.parametrize("detector", ["hyper-kamiokande", "juno", "dune"])
def test_burst_is_drawn_by_the_detector_and_sums_stay(tmp_path: Path, detector: str) -> None:
    """Would catch a weight that forgets a power, a flavour's own density or a channel's chance.

    Against the counts by quadrature; and an importance that leaves a channel or the fluence
    without its share of the events.
    """
    loaded = card(tmp_path, BURST, detector)
    plan = plan_run(loaded, prepare(loaded), 1, True)
    block = make_group(plan, (0, plan.blocks))
    expected = burst_counts(loaded)
    found, squares, _ = sums(block, expected.size)
    opened = expected > 1e-5 * expected.sum()  # muons are not
    assert np.all(np.abs(found - expected)[opened] <= 4.5 * np.sqrt(squares)[opened])
    effective = found[opened] ** 2 / squares[opened]
    assert np.all(effective > 0.9 * EVENTS / (WISHES * np.count_nonzero(opened)))
    weight = block.arrivals["weight"]
    assert weight.sum() ** 2 / (weight**2).sum() > 0.95 * EVENTS / WISHES
    assert weight.max() <= 1.05 * WISHES * weight.sum() / EVENTS
    counts = found.sum() ** 2 / squares.sum()
    assert counts > 0.9 * EVENTS / WISHES


def test_decays_are_drawn_by_the_detector_and_sums_stay(tmp_path: Path) -> None:
    """Would catch parents or channels drawn by importance whose weights do not undo it."""
    loaded = card(tmp_path, DIPOLE, "hyper-kamiokande")
    experiment = prepare(loaded)
    drawn = plan_run(loaded, experiment, 1, True)
    source = experiment.generators["dipole"].prepare(
        experiment.supernova, experiment.observation, loaded.run.precision, 1, True
    )
    plain = type(drawn)(
        (type(drawn.parts[0])(source, drawn.parts[0].trials, EVENTS),),
        drawn.detector, drawn.window, drawn.seed + 1,
    )  # fmt: skip
    blocks = [make_group(plan, (0, plan.blocks)) for plan in (plain, drawn)]
    size = len(experiment.detector.channels)  # type: ignore[union-attr]
    (plain_sums, plain_squares, _), (found, squares, _) = (sums(one, size) for one in blocks)
    assert np.all(np.abs(found - plain_sums) <= 4.5 * np.sqrt(squares + plain_squares))
    before, after = plain_sums.sum() ** 2 / plain_squares.sum(), found.sum() ** 2 / squares.sum()
    assert after > 2 * before
    fluences = [float(one.arrivals["weight"].sum()) for one in blocks]
    error = float(np.sqrt(np.sum(blocks[1].arrivals["weight"] ** 2)))
    assert abs(fluences[1] - fluences[0]) < 4.5 * error


def test_nothing_that_reacts_is_no_importance(tmp_path: Path) -> None:
    """Would catch a division by zero where no arrival of a first sample can react."""
    detector = prepare(card(tmp_path, BURST, "hyper-kamiokande")).detector
    assert detector is not None
    batch = {"pdg": np.array([22, 22]), "energy": np.array([5.0, 9.0]), "weight": np.ones(2)}
    assert importance_of(detector, batch) is None
