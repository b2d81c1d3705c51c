"""The figures of the papers: every region has its card, and is drawn."""

import importlib
import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from snmc.ground.errors import InputError
from snmc.judgement.curves import Curve
from snmc.judgement.intervals import Edge, Interval

MACROS = Path(__file__).parents[2] / "macros"
FIGURES = ["brdar_fig1", "akita_fig2", "akita_fig3", "akita_fig4", "akita_fig5"]


@pytest.fixture
def module(monkeypatch):
    """Give a function that imports a macro."""
    monkeypatch.syspath_prepend(MACROS)
    return importlib.import_module


def panels_of(macro):
    """Give the panels of a figure."""
    return macro.PANELS if hasattr(macro, "PANELS") else [macro.PANEL]


def limit(card: str) -> SimpleNamespace:
    """Make a limit of a card without its scan: a band at two masses."""
    table = tomllib.loads((MACROS / f"limit-{card}.toml").read_text())
    names = table["scan"]["coupling"]["parameter"]
    band = (Interval(Edge(1e-12, 0.01, False), Edge(1e-8, 0.01, False)),)
    curves = [
        Curve(
            name=name if isinstance(names, list) else "",
            parameter=name,
            choice={},
            masses=np.array([1.0, 100.0]),
            couplings=np.geomspace(1e-14, 1e-6, 20),
            ratios=np.ones((2, 20)),
            intervals=(band, band),
            bound=np.zeros((2, 20), bool),
            told={},
            covered=None,
        )
        for name in (names if isinstance(names, list) else [names])
    ]
    stated = SimpleNamespace(
        curve=curves[0].name, masses=np.array([10.0]), theirs=np.array([1e-10])
    )
    model = table["generator"]["name"]
    unit = "1/MeV" if model == "dipole" else ""
    return SimpleNamespace(curves=curves, compared=[stated], model=model, unit=unit)


@pytest.mark.parametrize("name", FIGURES)
def test_figure_is_drawn(module, tmp_path, name):
    """Catches a card that is gone, a coupling that it does not scan, an empty panel."""
    panels = panels_of(module(name))
    figure = module("figures").draw(panels, limit)
    figure.savefig(tmp_path / "a.png")
    for ax, panel in zip(figure.axes, panels, strict=True):
        labels = [text.get_text() for text in ax.get_legend().get_texts()]
        assert [region.label for region in panel.regions] == labels[: len(panel.regions)]
        assert "stated in the paper" in labels or panel.regions[0].parameter is not None


def test_other_card_than_those_of_the_figure(module):
    """Catches an empty picture for a misspelt card."""
    with pytest.raises(InputError, match="--only: found dune; no such card"):
        module("figures").draw(panels_of(module("akita_fig3")), limit, ["dune"])


def test_list_of_the_tables_keeps_its_order(module):
    """Catches a table listed twice, out of order, or others forgotten when one is made again."""
    limits = module("limits")
    text = (MACROS.parent / "docs" / "limits" / "README.md").read_text()
    bare = limits.with_row(text, "| [limit-b](limit-b.csv) | old |")
    made = ["| [limit-c](limit-c.csv) | c |", "| [limit-b](limit-b.csv) | new |"]
    for row in made:
        bare = limits.with_row(bare, row)
    rows = [line for line in bare.splitlines() if limits.ROW.match(line)]
    known = [line for line in text.splitlines() if limits.ROW.match(line)]
    expected = [*known, "| [limit-b](limit-b.csv) | new |", "| [limit-c](limit-c.csv) | c |"]
    assert rows == sorted(expected, key=lambda line: limits.ROW.match(line)[1])


def test_every_limit_card_has_its_table():
    """Catches a card whose limit nobody has made, and a table that no card makes."""
    folder = MACROS.parent / "docs" / "limits"
    cards = {path.stem for path in MACROS.glob("limit-*.toml")}
    assert {path.stem for path in folder.glob("*.csv")} == cards
    text = (folder / "README.md").read_text()
    assert all(f"| [{card}]({card}.csv) |" in text for card in cards)
