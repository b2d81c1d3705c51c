"""Events of heavy neutral leptons against their analytic fluence, and their place in the run."""

from pathlib import Path

import pytest

from snmc.judgement.validation import validate
from snmc.run.card import RunCard, load_card

FIRST = """name = "hnl"
mass = "300 MeV"
U2_mu = 1e-9
"""


def make(card_text: str, folder: Path, *changes: str) -> RunCard:
    """Load the shared card with this model in place of its own."""
    head, rest = card_text.split("[generator]")
    _, tail = rest.split("[observation]")
    path = folder / "card.toml"
    path.write_text(f"{head}[generator]\n{FIRST}\n[observation]{tail}")
    output = f"run.output={folder / 'events.root'}"
    return load_card(path, [output, "run.events=100000", *changes])


@pytest.mark.parametrize(
    ("daughters", "changes"),
    [
        ("neutrino", ["generator.secondaries=yes"]),
        ("neutrino", ["generator.mass=20 MeV", "generator.nature=dirac"]),
        ("photon", ["generator.mass=200 MeV", "generator.U2_mu=1e-11"]),
    ],
)
def test_sampled_fluence_follows_the_exact_one(
    card_text: str, tmp_path: Path, daughters: str, changes: list[str]
) -> None:
    """Would catch modes whose daughters, coefficients or signs do not reach the events.

    Once with massive three-body decays and what they leave, once with three neutrinos and the
    window, once with the photons of nu pi0 and nu gamma.
    """
    card = make(card_text, tmp_path, f"observation.daughters={daughters}", *changes)
    result = validate(card, workers=1, quiet=True)
    assert result.passed, result.text()
