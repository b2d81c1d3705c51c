"""Runs on a cluster: the events of threads, whatever happens to the workers."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import awkward
import pytest
import uproot

from snmc.ground.errors import InputError, PhysicsWarning
from snmc.run import pipeline
from snmc.run.pipeline import run
from snmc.run.sink import RootSink

distributed = pytest.importorskip("distributed")

RECIPE = Path(__file__).parents[2] / "macros" / "cluster.py"
KEYWORDS = {"workers": 2, "resume": False, "overwrite": False, "quiet": True}
DETECTOR = "observation.detector=smm-grs"
CARDS = [(DETECTOR,), (DETECTOR, "run.supernovae=2", "generator.d=3e-16 / MeV")]


@pytest.fixture(scope="module")
def cluster():
    """Give a cluster of two processes that all tests share."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, silence_logs="CRITICAL",
        scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
    ) as started:  # fmt: skip
        yield started


@pytest.fixture
def address(cluster):
    """Give the address of its scheduler."""
    return cluster.scheduler_address


@pytest.fixture(autouse=True)
def one_block_a_group(monkeypatch):
    """Make four groups of the four blocks of the card, so that there is something to order."""
    monkeypatch.setattr(pipeline, "GROUP", 1)


def events(path):
    """All branches of the event trees of a file."""
    with uproot.open(path) as file:
        return {name: file[name].arrays(library="ak") for name in ("arrivals", "detections")}


def tallies(path):
    """Sums in the metadata of a file."""
    with uproot.open(path) as file:
        return json.loads(str(file["metadata"]))["tallies"]


def assert_same_events(one, other):
    """Fail unless both files hold the same rows, bit for bit."""
    first, second = events(one), events(other)
    for name, rows in first.items():
        assert len(rows) > 100
        assert awkward.array_equal(rows, second[name])


@pytest.fixture(scope="module")
def threads_folder(tmp_path_factory):
    """Give the folder of what threads have made."""
    return tmp_path_factory.mktemp("threads")


@pytest.fixture
def on_threads(make_card, threads_folder):
    """Give a function that runs the card, changed by settings, on one thread; each card once."""

    def make(*settings):
        card = make_card(
            *settings, f"run.output={threads_folder / f'{CARDS.index(settings)}.root'}"
        )
        if not card.run.output.exists():
            run(card, **(KEYWORDS | {"workers": 1}))
        return card.run.output

    return make


@pytest.mark.parametrize("settings", CARDS, ids=["weighted", "simulated"])
def test_events_do_not_depend_on_where_they_are_made(make_card, on_threads, address, settings):
    """Catches streams, event numbers or sums that depend on the process that makes a block."""
    threads = on_threads(*settings)
    for place in ("local", address) if settings == CARDS[0] else (address,):
        made = run(make_card(*settings), **(KEYWORDS | {"overwrite": True}), scheduler=place)
        assert_same_events(threads, made.path)
        assert made.metadata["tallies"] == tallies(threads)


class StopError(Exception):
    """An interruption in the middle of a run."""


MODEL = """
from snmc.generators.dipole import Dipole
from .numbers import FACTOR

class MyModel(Dipole):
    name = "mine"

    def coupling_squared(self, component, process, source):
        return FACTOR * super().coupling_squared(component, process, source)
"""


def test_a_model_in_a_file_of_two(make_card, on_threads, tmp_path, monkeypatch):
    """Catches a model, named by its file, that a worker does not find, or finds without the other.

    And a run of it that goes on after the other has changed.
    """
    (tmp_path / "my_model.py").write_text(MODEL)
    (tmp_path / "numbers.py").write_text("FACTOR = 10.0")
    named = f"generator.name={tmp_path / 'my_model.py'}:MyModel"
    made = run(make_card(DETECTOR, named), **KEYWORDS, scheduler="local")
    here = make_card(DETECTOR, named, f"run.output={tmp_path / 'threads.root'}")
    assert_same_events(run(here, **KEYWORDS).path, made.path)
    fluence = [made.metadata["tallies"]["fluence"], tallies(on_threads(DETECTOR))["fluence"]]
    assert fluence[0] / fluence[1] == pytest.approx(10, rel=1e-3)
    written = RootSink.write

    def stop_at_second(self, first, *arguments):
        if first == 1:
            raise StopError
        written(self, first, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(RootSink, "write", stop_at_second)
        with pytest.raises(StopError):
            run(here, **(KEYWORDS | {"overwrite": True}))
    (tmp_path / "numbers.py").write_text("FACTOR = 20.0")
    with pytest.raises(InputError, match="generators"):
        run(here, **(KEYWORDS | {"resume": True}))


def test_a_worker_may_die(make_card, on_threads, cluster, monkeypatch):
    """Catches events lost, doubled or out of order where a worker is killed during the run."""
    written = RootSink.write
    killed = []

    def kill_first(self, *arguments):
        if not killed:
            killed.append(cluster.workers[0].pid)
            os.kill(killed[0], signal.SIGKILL)
        written(self, *arguments)

    threads = on_threads(DETECTOR)
    monkeypatch.setattr(RootSink, "write", kill_first)
    made = run(make_card(DETECTOR), **KEYWORDS, scheduler=cluster.scheduler_address)
    assert killed
    assert_same_events(threads, made.path)


def test_a_run_goes_on_elsewhere(make_card, on_threads, address, monkeypatch):
    """Catches a run that can be resumed only where it was begun, or gives other events then."""
    written = RootSink.write

    def stop_at_third(self, first, *arguments):
        if first == 2:
            raise StopError
        written(self, first, *arguments)

    threads = on_threads(DETECTOR)
    card = make_card(DETECTOR)
    with monkeypatch.context() as patch:
        patch.setattr(RootSink, "write", stop_at_third)
        with pytest.raises(StopError):
            run(card, **KEYWORDS)
    made = run(card, **(KEYWORDS | {"resume": True}), scheduler=address)
    assert_same_events(threads, made.path)


def test_ctrl_c_ends_in_one_line(make_card, tmp_path):
    """Catches tracebacks of the workers, whom a terminal interrupts as well."""
    card = make_card()
    part = tmp_path / "long.root.part"
    process = subprocess.Popen(
        [sys.executable, "-m", "snmc", "run", card.path, "--workers", "2", "--quiet",
         "--set", "run.events=100_000_000", "-o", tmp_path / "long.root", "--scheduler"],
        stderr=subprocess.PIPE, text=True, start_new_session=True,
        # a shell's job in the background ignores it, and so would its children
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    while process.poll() is None and not (part.exists() and part.stat().st_size > 10_000_000):
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert told.startswith("snmc: interrupted; go on with: snmc run ")
    assert told.count("\n") == 1


def test_other_files_on_a_worker_are_refused(make_card, address, monkeypatch):
    """Catches events of another core or detector that a worker finds under the same name.

    Also by a worker that has made the plan of this card before.
    """
    card = make_card("run.seed=5")
    run(card, **KEYWORDS, scheduler=address)
    ours = pipeline._digests
    others = {"core": "other", "detector": "other"}
    monkeypatch.setattr(pipeline, "_digests", lambda identity: ours(identity | others))
    with pytest.raises(InputError, match=r"a worker on .* finds another core and detector by the"):
        run(card, **(KEYWORDS | {"overwrite": True}), scheduler=address)


def test_a_limitation_is_told_once(make_card, address):
    """Catches the same warning again from every worker, or from none."""
    card = make_card(DETECTOR, "generator.d=1e-9 / MeV", "run.seed=11")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        run(card, **KEYWORDS, scheduler=address)
    assert [one.category for one in told] == [PhysicsWarning]


def test_a_wrong_address_costs_nothing(make_card, tmp_path):
    """Catches a partial file in the way of the next run, or tables computed for nothing."""
    with pytest.raises(InputError, match="--scheduler"):
        run(make_card(), **KEYWORDS, scheduler="card.toml")
    assert not list(tmp_path.glob("events.root*"))


def test_the_recipe_for_batch_systems(make_card, on_threads, tmp_path):
    """Catches jobs that do not start, or do not end, by macros/cluster.py."""
    pytest.importorskip("dask_jobqueue")
    threads = on_threads(DETECTOR)
    card = make_card(DETECTOR)
    output = tmp_path / "jobs.root"
    done = subprocess.run(
        [sys.executable, RECIPE, "local", "--jobs", "2", "--memory", "4GB", "--",
         "run", card.path, "--quiet", "-o", output, "--set", DETECTOR],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.match(r"scheduler at tcp://\S+:\d+", done.stdout)
    assert f"{output}\n" in done.stdout
    assert_same_events(threads, output)
