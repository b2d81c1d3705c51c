"""What tests share: a small card on a one-zone core, fast and known in closed form."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from snmc.ground import cache
from snmc.run.card import RunCard, load_card

if find_spec("hypothesis"):  # the environments of other programs and of benchmarks have none
    from hypothesis import settings

    # A machine that is busy fails no test: the first example may import astropy or compile.
    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")

CARD = """
title = "Test"

[supernova]
distance = "51.4 kpc"

[supernova.core]
type = "one-zone"
radius = "10 km"
temperature = "30 MeV"
mu_e = "200 MeV"
mu_nu_e = "0 MeV"
rho = "3e14 g/cm^3"
duration = "10 s"

[generator]
name = "dipole"
mass = "100 MeV"
d = "1e-15 / MeV"

[observation]
window = "223 s"
daughters = "photon"

[run]
events = 200_000
seed = 7
precision = "draft"
"""

MakeCard = Callable[..., RunCard]


@pytest.fixture
def card_text() -> str:
    """The text of the card above."""
    return CARD


@pytest.fixture
def make_card(tmp_path: Path) -> MakeCard:
    """A function that writes the card above, changes it by settings, and loads it."""

    def make(*settings: str) -> RunCard:
        path = tmp_path / "card.toml"
        path.write_text(CARD)
        return load_card(path, [f"run.output={tmp_path / 'events.root'}", *settings])

    return make


@pytest.fixture
def own_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of cached tables while the test runs, empty at first; kernels stay shared."""
    folder = tmp_path / "own-cache" / "tables"
    folder.mkdir(parents=True)
    folders = {**cache.cache_folders(), "tables": folder}
    monkeypatch.setattr(cache, "cache_folders", lambda: folders)
    return folder
