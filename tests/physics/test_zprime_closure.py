"""The bosons Z' and majoron from card to arrivals, on a one-zone core."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate

from snmc.ground.units import RATE_DENSITY
from snmc.judgement.validation import validate
from snmc.roles.decaying_particle import DecayingParticle
from snmc.run.card import RunCard, load_card
from snmc.run.pipeline import make_block, plan_run
from snmc.run.prepare import prepare

# Couplings beyond the supernova's energy bring the upper edge of what can be seen, and a warning.
pytestmark = pytest.mark.filterwarnings("ignore::snmc.ground.errors.PhysicsWarning")

CARD = """
title = "Test"

[supernova]
distance = "10 kpc"
neutrinosphere = "20 km"

[supernova.core]
type = "one-zone"
radius = "10 km"
temperature = "30 MeV"
mu_e = "200 MeV"
mu_nu_e = "100 MeV"
rho = "3e14 g/cm^3"
duration = "5 s"

[generator]
{model}

[observation]
window = "{window}"
daughters = "neutrino"

[run]
events = 60_000
seed = 11
precision = "draft"
"""
MODELS = {
    "mu-tau": 'name = "zprime-mu-tau"\nmass = "10 MeV"\ng = {g}',
    "muons": 'name = "zprime-mu-tau"\nmass = "300 MeV"\ng = {g}\nsecondaries = "yes"',
    "b-minus-l": 'name = "zprime-b-minus-l"\nmass = "0.5 MeV"\ng = {g}',
    "majoron": 'name = "majoron"\nmass = "1 keV"\ng_ee = {g}\ng_mutau = {g}',
}

MakeCard = Callable[..., RunCard]


@pytest.fixture
def make_card(tmp_path: Path) -> MakeCard:
    """Return a function that loads the card above for a model, a coupling and a window."""

    def make(model: str, g: float, window: str = "1000 s") -> RunCard:
        path = tmp_path / "card.toml"
        path.write_text(CARD.format(model=MODELS[model].format(g=g), window=window))
        return load_card(path, [f"run.output={tmp_path / 'events.root'}"])

    return make


def fluence(card: RunCard) -> float:
    """Neutrinos per cm2 that arrive in the window."""
    return float(make_block(plan_run(card, prepare(card), 2, True), 0).arrivals["weight"].sum())


@pytest.mark.parametrize(
    ("model", "g", "window"),
    [("mu-tau", 1e-10, "10 s"), ("muons", 1e-10, "10 s"), ("b-minus-l", 1e-13, "1000 s"),
     ("majoron", 1e-8, "10 s"), ("majoron", 1e-5, "10 s")],
)  # fmt: skip
def test_sampled_fluence_follows_the_exact_window(
    make_card: MakeCard, model: str, g: float, window: str
) -> None:
    """Would catch wrong daughters, multiplicities or windows of these modes."""
    result = validate(make_card(model, g, window), workers=2, quiet=True)
    assert result.passed, result.text()


def test_emitted_number_in_closed_form(make_card: MakeCard) -> None:
    """Would catch a wrong rate of nu nubar -> Z': g^2 M^2/(16 pi^3) Int f f, volume and duration.

    Muon neutrinos have no chemical potential here, and the lapse is 1.
    """
    g, M, T = 1e-13, 100.0, 30.0
    card = load_card(
        make_card("mu-tau", g).path,
        ["generator.mass=100 MeV", 'generator.processes=["neutrino-pairs"]'],
    )
    experiment = prepare(card)
    (model,) = experiment.generators.values()
    assert isinstance(model, DecayingParticle)
    emission = model.emission(experiment.supernova, "draft", 2, True)

    def rate(E: float) -> float:
        p = np.sqrt(E * E - M * M)
        f = lambda x: 1 / (np.exp(x / T) + 1)  # noqa: E731
        return float(integrate.quad(lambda x: f(x) * f(E - x), (E - p) / 2, (E + p) / 2)[0])

    density = 2 * g**2 * M**2 / (16 * np.pi**3) * integrate.quad(rate, M, 1500)[0]
    expected = density * RATE_DENSITY * 4 / 3 * np.pi * 1e18 * 5
    assert emission.parents == pytest.approx(expected, rel=5e-3)


@pytest.mark.parametrize(
    ("model", "small", "large"),
    [("mu-tau", 1e-9, 3e-7), ("b-minus-l", 1e-9, 1e-6), ("majoron", 1e-6, 1e-3)],
)
def test_strong_coupling_hides_the_source(
    make_card: MakeCard, model: str, small: float, large: float
) -> None:
    """Would catch absorption, or decay inside the neutrinosphere, forgotten at large g."""
    weak = fluence(make_card(model, small / 10))
    seen = fluence(make_card(model, small))
    assert seen == pytest.approx(100 * weak, rel=0.5)
    assert fluence(make_card(model, large)) < 0.1 * seen
