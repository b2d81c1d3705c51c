"""A scan that is interrupted anywhere: nothing measured is lost, nothing is replaced unasked."""

import os

import numpy as np
import pytest

from snmc.ground.errors import InputError
from snmc.ground.files import OutputError
from snmc.judgement import scan
from snmc.judgement.grid import load_grid
from snmc.judgement.scan import partial, run_scan
from snmc.judgement.series import Series
from snmc.run.scan_card import load_scan

SCAN = """
[scan]
mass = {from = "1 MeV", to = "100 MeV", points = 6}
coupling = {parameter = "d", from = "1e-17 / MeV", to = "1e-13 / MeV", points = 4}
detectors = ["smm-grs"]
"""
OPTIONS = {
    "workers": 2, "scheduler": None, "resume": False, "overwrite": False, "quiet": True
}  # fmt: skip
MASSES = 6


def fake(point, couplings, events, seed, bin_width):
    """Measure without physics: numbers that differ from point to point."""
    values = np.random.default_rng([seed, point.number]).random((len(couplings), 3))
    return Series(np.array([25.0, 50, 75, 100]), values, values**2, values.sum(axis=1),
                  values[:, 0], 1000 * values[:, 1], values[:, 2] > 0.5)  # fmt: skip


@pytest.fixture
def card(tmp_path, card_text):
    """Give a function that loads a scan of six points, changed by settings."""
    path = tmp_path / "c.toml"
    path.write_text(card_text.replace('daughters = "photon"', "") + SCAN)

    def load(*settings):
        return load_scan(path, [f'scan.output="{tmp_path / "c.grid.root"}"', *settings])

    return load


@pytest.fixture
def measured():
    """Give a list of the points that `counting` has measured, and `counting` itself."""
    points = []

    def counting(point, **rest):
        points.append(point.number)
        return fake(point, **rest)

    return points, counting


def same(grid, other):
    """Tell whether two grids hold the same numbers to the last bit."""
    return list(grid.series) == list(other.series) and all(
        np.array_equal(getattr(grid.series[number], name), getattr(other.series[number], name))
        for number in grid.series
        for name in ("edges", "spectrum", "variance", "counts", "error", "effective")
    )


@pytest.mark.parametrize("failing", ["c.grid.root", "c.grid.root.part"])
def test_an_interruption_while_saving_loses_nothing(card, monkeypatch, failing):
    """Catches a scan of hours that ends with nothing for a Ctrl-C in the last save, or in one."""
    monkeypatch.setattr(scan, "SAVED_EVERY", -1.0)
    replace, calls = scan.os.replace, []

    def interrupted(source, target):
        calls.append(target)
        if target.name == failing and [path.name for path in calls].count(failing) == 1:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr("os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_scan(card(), **OPTIONS, measure=fake)
    kept = load_grid(partial(card().output))
    assert len(kept.series) == (MASSES if failing == "c.grid.root" else 1)
    assert run_scan(card(), **OPTIONS | {"resume": True}, measure=fake).complete
    assert not partial(card().output).exists()


def test_an_interrupted_replacement_keeps_both(card, measured):
    """Catches a resumed --overwrite that is refused for the old grid, or takes it for its own."""
    points, counting = measured
    old, new = card(), card("run.seed=8")
    run_scan(old, **OPTIONS, measure=fake)

    def interrupted(point, **rest):
        if point.number == 3:
            raise KeyboardInterrupt
        return fake(point, **rest)

    with pytest.raises(KeyboardInterrupt):
        run_scan(new, **OPTIONS | {"overwrite": True}, measure=interrupted)
    # asked for again, the old one is given back, and the unfinished one stays
    assert run_scan(old, **OPTIONS, measure=counting).card["run"]["seed"] == 7
    assert not points
    assert partial(new.output).exists()
    with pytest.raises(InputError, match=r"run\.seed was 8 and is now 7"):
        run_scan(old, **OPTIONS | {"resume": True}, measure=counting)
    grid = run_scan(new, **OPTIONS | {"resume": True}, measure=counting)
    assert sorted(points) == [3, 4, 5]
    assert load_grid(new.output).card["run"]["seed"] == grid.card["run"]["seed"] == 8


def test_an_unfinished_grid_is_not_taken_for_a_whole_one(card, measured):
    """Catches a partial file, renamed by hand, given back as if all its points were there."""
    points, counting = measured

    def interrupted(point, **rest):
        if point.number == 3:
            raise KeyboardInterrupt
        return fake(point, **rest)

    with pytest.raises(KeyboardInterrupt):
        run_scan(card(), **OPTIONS, measure=interrupted)
    partial(card().output).rename(card().output)
    with pytest.raises(InputError, match="an unfinished scan; continue it with --resume"):
        run_scan(card(), **OPTIONS, measure=counting)
    assert run_scan(card(), **OPTIONS | {"resume": True}, measure=counting).complete
    assert sorted(points) == [3, 4, 5]


def test_a_folder_that_takes_no_file_is_told_at_once(card, measured, monkeypatch):
    """Catches hours of work whose result cannot be written."""
    points, counting = measured

    opened = os.open

    def refused(path, *options):
        if str(path).endswith(".lock"):
            raise PermissionError(13, "Permission denied")
        return opened(path, *options)

    monkeypatch.setattr("snmc.ground.files.os.open", refused)
    with pytest.raises(OutputError, match=r"c\.grid\.root: cannot be locked: Permission denied"):
        run_scan(card(), **OPTIONS, measure=counting)
    assert not points


def test_a_complete_grid_is_given_back_and_said_so(card, measured, capsys):
    """Catches a scan done again, and one that ends at once without a word why."""
    points, counting = measured
    first = run_scan(card(), **OPTIONS | {"quiet": False}, measure=fake)
    capsys.readouterr()
    again = run_scan(card(), **OPTIONS | {"quiet": False}, measure=counting)
    assert not points
    assert same(again, first)
    assert capsys.readouterr().err == (
        f"snmc: {card().output}: complete already; nothing is measured\n"
    )
