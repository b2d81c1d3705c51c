"""Several generators in a card, and data simulated reaction by reaction."""

import json
import re
import subprocess
import sys
from pathlib import Path

import awkward
import numpy as np
import pytest
import uproot

from snmc.ground.columns import ARRIVALS, DETECTIONS, PARTICLES
from snmc.ground.streams import BLOCK_EVENTS
from snmc.judgement.report import file_text, show_card, show_file, text_of
from snmc.roles.detector import Detections
from snmc.run import pipeline
from snmc.run.card import load_card
from snmc.run.pipeline import plan_run, run
from snmc.run.prepare import prepare
from snmc.run.sink import RootSink

KEYWORDS = {"workers": 2, "resume": False, "overwrite": False, "quiet": True}
DIPOLE = """
[[generator]]
name = "dipole"
label = "signal"
mass = "100 MeV"
d = "1e-14 / MeV"
"""
BURST = """
[[generator]]
name = "burst"
label = "the-burst"
energy = "1e53 erg"
"""


@pytest.fixture
def make(tmp_path, card_text):
    """Load a card with the given generators, on the one-zone core, for Hyper-Kamiokande."""

    def loaded(entries, *settings, name="card"):
        head, _, rest = card_text.partition("[generator]")
        path = tmp_path / f"{name}.toml"
        path.write_text(head + entries + rest[rest.index("[observation]") :])
        return load_card(
            path,
            [
                f"run.output={tmp_path / f'{name}.root'}", "observation.daughters=neutrino",
                "observation.detector=hyper-kamiokande", "run.events=70_000",
                "supernova.distance=10 kpc", *settings,
            ],
        )  # fmt: skip

    return loaded


def read(path, tree):
    """All branches of a tree."""
    with uproot.open(path) as file:
        return file[tree].arrays(library="ak")


def metadata(path):
    """Metadata of a file."""
    with uproot.open(path) as file:
        return json.loads(str(file["metadata"]))


def test_blocks_are_numbered_through_and_the_first_generator_is_undisturbed(make):
    """Catches shared random streams, event numbers given twice, and rows of another generator."""
    both = run(make(DIPOLE + BURST), **KEYWORDS)
    alone = run(make(DIPOLE, name="alone"), **KEYWORDS)
    for tree in ("arrivals", "detections"):
        rows, first = read(both.path, tree), read(alone.path, tree)
        assert awkward.array_equal(rows[rows.generator == 0], first)
        assert set(np.unique(awkward.to_numpy(rows.generator))) == {0, 1}
    rows = read(both.path, "arrivals")
    events = awkward.to_numpy(rows.event)
    assert np.all(np.diff(events) >= 0)
    burst = awkward.to_numpy(rows.generator) == 1
    assert events[burst].min() >= 2 * BLOCK_EVENTS > events[~burst].max()
    assert len(np.unique(events[burst])) == 70_000
    with uproot.open(both.path) as file:
        blocks = file["blocks"].arrays(library="np")
        names = {key.split(";")[0] for key in file.keys(recursive=False)}
    assert blocks["generator"].tolist() == [0, 1]
    assert blocks["first_block"].tolist() == [0, 2]
    assert {"parent_spectrum_signal", "parent_spectrum_the_burst"} <= names


def test_each_generator_has_its_sums(make):
    """Catches normalisations and tallies of one generator written for another, or added wrongly."""
    summary = run(make(DIPOLE + BURST), **KEYWORDS)
    told = metadata(summary.path)
    signal, burst = told["generators"]
    assert (signal["label"], signal["name"]) == ("signal", "dipole")
    assert (burst["label"], burst["name"]) == ("the-burst", "burst")
    assert signal["normalisation"]["modes"][0] == "nu_e gamma"
    assert burst["normalisation"]["modes"][1] == "nu_e_bar"
    assert burst["normalisation"]["parent_energy_erg"] == pytest.approx(1e53, rel=1e-9, abs=0)
    rows = read(summary.path, "arrivals")
    seen = read(summary.path, "detections")
    for number, one in enumerate(told["generators"]):
        own, found = rows[rows.generator == number], seen[seen.generator == number]
        assert awkward.sum(own.weight) == pytest.approx(one["tallies"]["fluence"], rel=1e-9, abs=0)
        counts = awkward.sum(found.weight[found.accepted])
        assert counts == pytest.approx(one["tallies"]["counts"], rel=1e-9, abs=0)
        with uproot.open(summary.path) as file:
            density, edges = file[one["parent_spectrum"]].to_numpy()
        emitted = (density * np.diff(edges)).sum()
        assert emitted == pytest.approx(one["normalisation"]["parents"], rel=1e-3, abs=0)
    for name, total in told["tallies"].items():
        assert total == pytest.approx(
            signal["tallies"][name] + burst["tallies"][name], rel=1e-12, abs=0
        )
    text = summary.text()
    assert "the-burst" in text
    assert "all together" in text
    assert "stable" in text
    shown = file_text(show_file(summary.path))
    assert_channels_told(summary.path, seen)
    assert "approximation neutrino-oxygen reactions" in shown
    assert "not followed" in shown
    assert "modes of generator 1 the-burst 0 nu_e, 1 nu_e_bar" in shown


def assert_channels_told(path, rows):
    """Fail unless `snmc show` gives rows, counts and effective number of each channel."""
    told = show_file(path)
    for number, name in enumerate(told["detector"]["channels"]):
        mine = rows[rows.channel == number]
        weight = awkward.to_numpy(mine.weight[mine.accepted])
        expected = {
            "rows": len(mine), "accepted": len(weight), "counts": weight.sum(),
            "effective": weight.sum() ** 2 / (weight**2).sum() if len(weight) else 0,
        }  # fmt: skip
        found = dict(told["by_channel"][number])
        assert found.pop("channel") == name
        assert found == pytest.approx(expected, rel=1e-9, abs=0)
        text = re.search(rf"{number} {name} +{len(mine)} +{len(weight)} ", file_text(told))
        assert text is not None


class StopError(Exception):
    """An interruption in the middle of a run."""


@pytest.mark.parametrize("extra", [(), ("run.supernovae=40",)])
def test_resume_across_generators_and_workers(make, monkeypatch, extra):
    """Catches a second generator that starts anew, or tallies that forget whose they are."""
    settings = ("run.events=140_000", "generator.the-burst.energy=3e52 erg", *extra)
    whole = run(make(DIPOLE + BURST, *settings, name="whole"), **(KEYWORDS | {"workers": 1}))
    monkeypatch.setattr(pipeline, "GROUP", 1)
    card = make(DIPOLE + BURST, *settings)
    written, groups = RootSink.write, 0

    def interrupted(self, *arguments):
        nonlocal groups
        if groups == (2 if extra else 4):
            raise StopError
        groups += 1
        written(self, *arguments)

    monkeypatch.setattr(RootSink, "write", interrupted)
    with pytest.raises(StopError):
        run(card, **KEYWORDS)
    monkeypatch.setattr(RootSink, "write", written)
    resumed = run(card, **(KEYWORDS | {"resume": True}))
    for tree in ("arrivals", "detections"):
        assert awkward.array_equal(read(whole.path, tree), read(resumed.path, tree))
    for one, other in zip(
        metadata(whole.path)["generators"], metadata(resumed.path)["generators"], strict=True
    ):
        assert one["tallies"] == pytest.approx(other["tallies"], rel=1e-12, abs=0)


def assert_linked(path):
    """Fail unless each detection is of its arrival, and the rows of one reaction of one arrival."""
    arrivals, found = read(path, "arrivals"), read(path, "detections")
    row = awkward.to_numpy(found.arrival)
    for name in ("event", "generator", *(["supernova"] if "supernova" in found.fields else [])):
        assert awkward.array_equal(arrivals[name][row], found[name])
    assert np.all(awkward.to_numpy(arrivals.time[row] <= found.time))
    reaction = awkward.to_numpy(found.reaction)
    numbers, first, signals = np.unique(reaction, return_index=True, return_counts=True)
    assert np.array_equal(numbers, np.arange(len(numbers)))
    assert set(signals) == {1, 2}  # muons and their decay electrons among them
    np.testing.assert_array_equal(row, row[first][reaction])
    np.testing.assert_array_equal(found.channel, found.channel[first][reaction])


@pytest.mark.parametrize("extra", [(), ("run.supernovae=40",)])
def test_detections_know_their_arrivals(make, monkeypatch, extra):
    """Catches numbers that count within a block, a generator or what was made after a resume."""
    monkeypatch.setattr(pipeline, "GROUP", 1)
    monkeypatch.setattr(pipeline, "PORTION", 2 * BLOCK_EVENTS)
    settings = ("run.events=140_000", "generator.the-burst.energy=3e52 erg", *extra)
    card = make(DIPOLE + BURST, *settings)
    written, groups = RootSink.write, []

    def interrupted(self, *arguments):
        if len(groups) == (2 if extra else 4):  # inside a portion
            raise StopError
        groups.append(arguments)
        written(self, *arguments)

    monkeypatch.setattr(RootSink, "write", interrupted)
    with pytest.raises(StopError):
        run(card, **KEYWORDS)
    monkeypatch.setattr(RootSink, "write", written)
    assert_linked(run(card, **(KEYWORDS | {"resume": True})).path)


def test_simulated_data_are_in_the_order_of_time(make, monkeypatch):
    """Catches explosions mixed, rows as they were drawn, and a portion that repeats explosions."""
    monkeypatch.setattr(pipeline, "PORTION", 15_000)
    card = make(DIPOLE + BURST, "generator.the-burst.energy=3e52 erg", "run.supernovae=8")
    plan = plan_run(card, prepare(card), 1, True)
    assert len(plan.explosions) > 3  # several portions
    found = run(card, **KEYWORDS)
    assert_linked(found.path)
    for tree in ("arrivals", "detections"):
        rows = read(found.path, tree)
        explosion, time = awkward.to_numpy(rows.supernova), awkward.to_numpy(rows.time)
        assert np.array_equal(np.unique(explosion), np.arange(8))
        assert np.all(np.diff(explosion) >= 0)
        assert np.all(np.diff(time)[np.diff(explosion) == 0] >= 0)
        assert set(rows.generator[explosion == 5]) == {0, 1}
    # Poisson numbers of one mean: chi-square of 7 degrees of freedom, 1e-5 at either end
    each = np.bincount(awkward.to_numpy(read(found.path, "arrivals").supernova))
    assert 0.1 < ((each - each.mean()) ** 2).sum() / each.mean() < 36


def test_simulated_data_are_not_called_fluence(make):
    """Catches counts of draws under the names and units of expectations."""
    path = run(make(BURST, "run.supernovae=1"), **KEYWORDS).path
    told = metadata(path)
    for tree in ("arrivals", "detections"):
        assert told["columns"][tree]["weight"]["unit"] == ""
        assert "drawn" in told["columns"][tree]["weight"]["meaning"]
    assert set(told["tallies"]) == {
        "events", "arrival_rows", "repeated_rows", "detection_rows", "accepted_rows",
        "reaction_rows",
    }  # fmt: skip
    shown = file_text(show_file(path))
    assert "simulated  1 supernovae" in shown
    assert "fluence" not in shown
    macro = Path(__file__).parents[2] / "macros" / "read_events.py"
    printed = subprocess.run(
        [sys.executable, str(macro), str(path)], check=True, capture_output=True, text=True
    ).stdout
    assert "a supernova" in printed
    for word in ("fluence", "expected", "weight", "fluence_squared"):
        assert word not in printed.replace(str(path), "")


def test_simulated_data_of_a_sum_is_the_sum(make):
    """Catches a generator left out of the data, or its trials drawn from another's rate."""
    settings = ("run.supernovae=4", "generator.the-burst.energy=3e52 erg")
    expected = run(make(DIPOLE + BURST, settings[1], name="weighted"), **KEYWORDS)
    found = run(make(DIPOLE + BURST, *settings), **KEYWORDS)
    rows = read(found.path, "detections")
    assert set(awkward.to_numpy(rows.supernova)) == {0, 1, 2, 3}
    for number, one in enumerate(metadata(expected.path)["generators"]):
        mean = 4 * one["tallies"]["counts"]
        error = 4 * np.sqrt(one["tallies"]["counts_squared"])
        seen = awkward.sum(rows.accepted[rows.generator == number])
        assert abs(seen - mean) < 4.5 * np.hypot(np.sqrt(mean), error)
    assert len(read(found.path, "arrivals")) == metadata(found.path)["tallies"]["reaction_rows"]


def batch():
    """Four arrivals of three events; five rows of three reactions, 3, 1 and 0, 0, 1 particles."""
    arrivals = {c.name: np.zeros(4, c.dtype) for c in ARRIVALS}
    arrivals |= {"event": np.array([5, 5, 6, 7]), "energy": np.array([1.0, 2.0, 3.0, 4.0])}
    origin = np.array([0, 1, 1, 3, 3])
    columns = {c.name: np.zeros(5, c.dtype) for c in DETECTIONS}
    columns |= {
        "event": arrivals["event"][origin],
        "arrival": origin,
        "reaction": np.array([0, 1, 1, 2, 2]),
        "weight": np.array([0.3, 1.5, 1.5, 0.4, 0.4]),
        "time": np.arange(5.0),
    }
    counts = np.array([3, 1, 0, 0, 1], np.int32)
    particles = {c.name: np.zeros(5, c.dtype) for c in PARTICLES} | {"energy": np.arange(5.0)}
    return arrivals, Detections(columns, counts, particles)


def test_reactions_are_kept_whole_and_in_one_explosion():
    """Catches a muon without its decay electron, in another explosion, or with lost particles."""
    stream = np.random.default_rng(3)
    kept = np.zeros(3)
    trials = 4000
    for _ in range(trials):
        arrivals, detections, repeated = pipeline._unweighted(*batch(), 2, (6, 8), stream)
        time, origin = detections.columns["time"], detections.columns["arrival"]
        np.testing.assert_array_equal(origin, detections.columns["reaction"])
        assert set(arrivals["supernova"]) <= {6, 7}
        assert np.sum(time == 1) == np.sum(time == 2) >= 3
        assert np.sum(time == 3) == np.sum(time == 4)
        assert repeated == np.sum(time == 1) - 1
        # one row of arrivals for each reaction, and the same explosion for all its rows
        np.testing.assert_array_equal(np.unique(origin), np.arange(len(arrivals["event"])))
        np.testing.assert_array_equal(
            arrivals["supernova"][origin], detections.columns["supernova"]
        )
        np.testing.assert_array_equal(arrivals["event"][origin], detections.columns["event"])
        energy = np.array([1.0, 2.0, 2.0, 4.0, 4.0])[time.astype(int)]
        np.testing.assert_array_equal(arrivals["energy"][origin], energy)
        ends = np.cumsum(detections.counts)
        for row, end in enumerate(ends):
            own = detections.particles["energy"][end - detections.counts[row] : end]
            first = {0: [0, 1, 2], 1: [3], 2: [], 3: [], 4: [4]}[int(time[row])]
            assert own.tolist() == first
        kept += [np.sum(time == t) for t in (0, 1, 3)]
    expected = 2 * np.array([0.3, 1.5, 0.4])
    np.testing.assert_allclose(kept / trials, expected, atol=5 / np.sqrt(trials))


def test_show_tells_of_each_generator(make):
    """Catches a report of the first generator only; keys that another program relies on."""
    told = show_card(make(DIPOLE + BURST))
    assert list(told["generators"]) == ["signal", "the-burst"]
    assert told["generators"]["the-burst"]["lifetime_s"] is None
    assert told["generators"]["signal"]["branching"]
    assert "Standard neutrino burst" in text_of(told)
    json.dumps(told, allow_nan=False)
    alone = show_card(make(BURST))
    assert alone["generator"]["name"] == "burst"
    assert {"title", "core", "parents", "processes", "width_MeV", "references"} <= set(alone)
    assert "decay" not in text_of(alone)


def test_plan_of_a_generator_that_shows_nothing(make):
    """Catches blocks counted twice, or a division by zero, where one generator has no trials."""
    card = make(BURST + DIPOLE, "generator.signal.d=1e-25 / MeV", "run.supernovae=1",
                "generator.the-burst.energy=1e50 erg")  # fmt: skip
    plan = plan_run(card, prepare(card), 1, True)
    assert plan.events == sum(part.events for part in plan.parts)
    for block in range(plan.blocks):
        assert plan.parts[plan.generator_of(block)].events > 0
    summary = run(card, **KEYWORDS)
    assert [one["label"] for one in summary.metadata["generators"]] == ["the-burst", "signal"]
