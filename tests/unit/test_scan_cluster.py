"""A scan on a Dask cluster: the grid of one thread, whatever happens to the workers."""

import os
import signal

import numpy as np
import pytest

from snmc.ground.errors import InputError
from snmc.judgement import scan as scan_module
from snmc.judgement.grid import Grid, load_grid
from snmc.judgement.scan import partial, run_scan
from snmc.judgement.series import Series
from snmc.run.scan_card import load_scan

distributed = pytest.importorskip("distributed")

KEYWORDS = {
    "workers": 1, "scheduler": None, "resume": False, "overwrite": False, "quiet": True,
}  # fmt: skip
POINTS = 12
SCAN = """
[scan]
mass = {from = "40 MeV", to = "120 MeV", points = 6}
coupling = {parameter = "d", from = "1e-17 / MeV", to = "1e-13 / MeV", points = 6}
detectors = ["smm-grs"]
energy = true
events = 70_000
"""


@pytest.fixture(scope="module")
def cluster():
    """Give a cluster of two processes that all tests share."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, silence_logs="CRITICAL",
        scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
    ) as started:  # fmt: skip
        yield started


@pytest.fixture
def card(tmp_path, card_text):
    """Give a function that loads a card of twelve points, each of two blocks."""
    path = tmp_path / "c.toml"
    text = card_text.replace('d = "1e-15 / MeV"', 'processes = ["inverse-decay"]')
    path.write_text(text.replace('mass = "100 MeV"\n', "") + SCAN)

    def make(name):
        return load_scan(path, [f"scan.output={tmp_path / name}.root"])

    return make


def assert_same_numbers(one, other):
    """Fail unless the files of both hold the same numbers, bit for bit."""
    first, second = load_grid(one.output), load_grid(other.output)
    assert len(first.series) == len(second.series) == POINTS
    for number, series in first.series.items():
        assert series.counts.any()
        for name in Series.__dataclass_fields__:
            np.testing.assert_array_equal(
                getattr(series, name), getattr(second.series[number], name)
            )


def test_the_grid_does_not_depend_on_where_it_is_made(card, cluster, monkeypatch):
    """Catches streams, sums or an order of points that depend on the process that measures.

    One thread, two threads, a cluster of which a worker is killed at work, and a scan that is
    interrupted on threads and goes on there.
    """
    one = card("one")
    run_scan(one, **KEYWORDS)
    run_scan(card("two"), **(KEYWORDS | {"workers": 2}))
    assert_same_numbers(card("two"), one)

    add, killed = Grid.add, []

    def kill_at_third(self, point, series):
        if point == 2 and not killed:
            killed.append(cluster.workers[0].pid)
            os.kill(killed[0], signal.SIGKILL)
        add(self, point, series)

    on_cluster = KEYWORDS | {"scheduler": cluster.scheduler_address}
    with monkeypatch.context() as patch:
        patch.setattr(Grid, "add", kill_at_third)
        run_scan(card("lost"), **on_cluster)
    assert killed
    assert_same_numbers(card("lost"), one)

    def interrupt(self, point, series):
        add(self, point, series)
        if point == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Grid, "add", interrupt)
        patch.setattr(scan_module, "SAVED_EVERY", 1e9)
        with pytest.raises(KeyboardInterrupt):
            run_scan(card("stopped"), **KEYWORDS)
    part = partial(card("stopped").output)
    assert sorted(load_grid(part).series) == [0, 1, 2, 3, 4]
    run_scan(card("stopped"), **(on_cluster | {"resume": True}))
    assert not part.exists()
    assert_same_numbers(card("stopped"), one)


def test_other_files_on_a_worker_are_refused(card, cluster, monkeypatch):
    """Catches points of another core or detector that a worker finds under the same name."""
    monkeypatch.setattr(scan_module, "_digest", lambda point: "other")
    with pytest.raises(InputError, match=r"a worker on .* finds another core, detector or file"):
        run_scan(card("one"), **(KEYWORDS | {"scheduler": cluster.scheduler_address}))
    assert not card("one").output.exists()


def test_files_that_change_during_a_scan_are_refused(card, monkeypatch):
    """Catches a grid half of which is of the model, core or detector before it was changed."""
    digests = iter(["first"])
    monkeypatch.setattr(scan_module, "_digest", lambda point: next(digests, "then"))
    with pytest.raises(InputError, match="than the scan began with; needs the same files"):
        run_scan(card("one"), **KEYWORDS)
    assert not card("one").output.exists()
