"""Runs: blocks, workers, interruption and resume, metadata, refusals."""

import json
import os
import signal
import subprocess
import sys
import time

import awkward
import numpy as np
import pytest
import uproot

from snmc.ground.columns import ARRIVALS, file_columns
from snmc.ground.errors import InputError
from snmc.ground.files import OutputError, locked
from snmc.ground.streams import BLOCK_EVENTS
from snmc.run import pipeline
from snmc.run.card import load_card
from snmc.run.pipeline import groups_in_order, plan_run, run
from snmc.run.prepare import prepare
from snmc.run.sink import RootSink

# Couplings beyond the supernova's energy make short lives, and a warning.
pytestmark = pytest.mark.filterwarnings("ignore::snmc.ground.errors.PhysicsWarning")

KEYWORDS = {"workers": 2, "resume": False, "overwrite": False, "quiet": True}


def trees(path):
    """All branches of the event trees of a file."""
    with uproot.open(path) as file:
        return {
            name: file[name].arrays(library="ak")
            for name in ("arrivals", "detections")
            if name in file
        }


def assert_same_events(one, other):
    """Fail unless both files hold the same rows, bit for bit."""
    first, second = trees(one), trees(other)
    assert set(first) == set(second)
    for name in first:
        assert awkward.array_equal(first[name], second[name])


@pytest.mark.parametrize("extra", [(), ("run.supernovae=2", "generator.d=3e-16 / MeV")])
def test_events_do_not_depend_on_workers(make_card, tmp_path, extra):
    """Catches a random stream shared between blocks, or rows written as threads finish."""
    settings = ("observation.detector=smm-grs", *extra)
    files = []
    for workers in (1, 2):
        card = make_card(*settings, f"run.output={tmp_path / f'w{workers}.root'}")
        files.append(run(card, **(KEYWORDS | {"workers": workers})).path)
    assert_same_events(*files)


def test_seed_changes_the_events(make_card):
    """Catches a seed that is written to the file but not used."""
    weights = []
    for seed in (1, 2):
        card = make_card(f"run.seed={seed}", "run.events=1000")
        block = pipeline.make_block(plan_run(card, prepare(card), 1, True), 0)
        weights.append(block.arrivals["energy"])
    assert not np.array_equal(weights[0][:100], weights[1][:100])


def test_blocks_number_events_on(make_card, monkeypatch):
    """Catches event numbers that start again in each block, and a short last block left out."""
    monkeypatch.setattr(pipeline, "GROUP", 2)
    card = make_card(f"run.events={2 * BLOCK_EVENTS + 100}", "observation.daughters=neutrino")
    plan = plan_run(card, prepare(card), 2, True)
    groups = list(groups_in_order(plan, 0, 2))
    assert [(first, count) for first, count, _ in groups] == [(0, 2), (2, 1)]
    events = np.concatenate([group.arrivals["event"] for _, _, group in groups])
    assert np.all(np.diff(events) > 0)
    assert events[-1] == 2 * BLOCK_EVENTS + 99


def test_both_daughters_share_their_event(make_card):
    """Catches a photon and a neutrino of one decay with different parents or decay points."""
    card = make_card("observation.daughters=all", "run.events=20_000", "generator.d=1e-12 / MeV",
                     "supernova.photosphere=40 km")  # fmt: skip
    arrivals = pipeline.make_block(plan_run(card, prepare(card), 1, True), 0).arrivals
    event, first = np.unique(arrivals["event"], return_index=True)
    pairs = first[np.flatnonzero(np.diff(np.append(first, len(arrivals["event"]))) == 2)]
    assert len(pairs) > 1000
    for name in ("parent_energy", "decay_length", "emission_time", "emission_radius", "mode"):
        np.testing.assert_array_equal(arrivals[name][pairs], arrivals[name][pairs + 1])
    total = arrivals["energy"][pairs] + arrivals["energy"][pairs + 1]
    np.testing.assert_allclose(total, arrivals["parent_energy"][pairs], rtol=1e-12)
    assert len(event) <= 20_000


def test_arrivals_stay_inside_the_observation(make_card):
    """Catches rows before the photosphere, after the window or outside the angle."""
    card = make_card("observation.max_angle=2e-11 rad", "supernova.photosphere=5e10 m")
    arrivals = pipeline.make_block(plan_run(card, prepare(card), 1, True), 0).arrivals
    assert arrivals["decay_length"].min() >= 5e10 * (1 - 1e-12)
    assert arrivals["time"].min() > 0
    assert arrivals["time"].max() <= 223 * (1 + 1e-9)
    assert arrivals["theta"].max() <= 2e-11 * (1 + 1e-9)
    np.testing.assert_allclose(arrivals["time"], arrivals["emission_time"] + arrivals["delay"])


class StopError(Exception):
    """An interruption in the middle of a run."""


@pytest.mark.parametrize("stop", [StopError, KeyboardInterrupt])
@pytest.mark.parametrize("extra", [(), ("run.supernovae=4",)])
def test_resume_gives_the_same_file(make_card, tmp_path, monkeypatch, stop, extra):
    """Catches a resumed run that repeats or skips blocks, or loses tallies."""
    monkeypatch.setattr(pipeline, "GROUP", 1)
    settings = ("observation.detector=smm-grs", *extra)
    whole = run(make_card(*settings, f"run.output={tmp_path / 'whole.root'}"), **KEYWORDS)

    card = make_card(*settings)
    written = RootSink.write
    groups = 0

    def interrupted(self, *arguments):
        nonlocal groups
        if groups == 2:
            raise stop
        groups += 1
        written(self, *arguments)

    monkeypatch.setattr(RootSink, "write", interrupted)
    with pytest.raises(stop):
        run(card, **KEYWORDS)
    monkeypatch.setattr(RootSink, "write", written)
    assert not card.run.output.exists()
    part = card.run.output.with_name("events.root.part")
    with uproot.open(part) as file:
        assert 0 < file["arrivals"].num_entries < whole.metadata["tallies"]["arrival_rows"]
    with pytest.raises(InputError, match="--resume"):
        run(card, **KEYWORDS)
    resumed = run(card, **(KEYWORDS | {"resume": True}))
    assert_same_events(whole.path, resumed.path)
    assert resumed.metadata["tallies"] == pytest.approx(whole.metadata["tallies"], rel=1e-12, abs=0)
    assert not part.exists()


@pytest.mark.parametrize("option", ["none", "resume", "overwrite"])
def test_one_process_writes_a_file(make_card, monkeypatch, option):
    """Catches two runs that write one file, and tables computed before that is told."""
    monkeypatch.setattr(pipeline, "prepare", lambda card: pytest.fail("prepared"))
    card = make_card()
    with locked(card.run.output), pytest.raises(OutputError, match=r"events\.root: process \d+ on"):
        run(card, **(KEYWORDS | {option: True} if option != "none" else KEYWORDS))
    assert not list(card.run.output.parent.glob(".*"))


def test_resume_refuses_another_card(make_card, monkeypatch):
    """Catches two different runs glued into one file."""
    card = make_card()
    monkeypatch.setattr(RootSink, "finish", lambda *arguments: (_ for _ in ()).throw(StopError))
    with pytest.raises(StopError):
        run(card, **KEYWORDS)
    monkeypatch.undo()
    other = make_card("generator.mass=99 MeV")
    with pytest.raises(InputError, match=r"card\.generator\.dipole\.mass was 100.0 MeV"):
        run(other, **(KEYWORDS | {"resume": True}))


def test_kill_and_resume_from_the_command_line(make_card, tmp_path):
    """Catches a file that a kill -9 leaves unreadable, or events that differ after --resume."""
    card = make_card()
    command = [sys.executable, "-m", "snmc", "run", str(card.path), "--quiet", "--workers", "1",
               "--set", "run.events=1_500_000"]  # fmt: skip
    output = tmp_path / "killed.root"
    part = output.with_name("killed.root.part")
    process = subprocess.Popen([*command, "-o", str(output)], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if part.exists() and part.stat().st_size > 30_000_000:
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert part.exists(), "the run ended before it could be killed"
    with uproot.open(part) as file:
        assert file["arrivals"].num_entries > 0
    done = subprocess.run(
        [*command, "-o", str(output), "--resume"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    whole = tmp_path / "whole.root"
    subprocess.run([*command, "-o", str(whole)], check=True, stdout=subprocess.DEVNULL)
    with uproot.open(output) as one, uproot.open(whole) as other:
        for name in ("event", "energy", "weight"):
            np.testing.assert_array_equal(
                one["arrivals"][name].array(library="np"),
                other["arrivals"][name].array(library="np"),
            )


def test_full_disk_is_one_line_and_resumable(make_card, tmp_path):
    """Catches a traceback, or a lost file, when no more can be written."""
    card = make_card("run.events=1_000_000")
    limited = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000_000, 50_000_000)); "
        "from snmc.cli import main; main(sys.argv[1:])"
    )
    arguments = ["run", str(card.path), "--quiet", "-o", str(tmp_path / "full.root"),
                 "--set", "run.events=1_000_000"]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", limited, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--resume" in done.stderr
    again = subprocess.run(
        [sys.executable, "-m", "snmc", *arguments, "--resume"], capture_output=True, check=False
    )
    assert again.returncode == 0
    whole = run(card, **KEYWORDS)
    assert_same_events(whole.path, tmp_path / "full.root")


def test_metadata_says_how_the_file_was_made(make_card):
    """Catches a file that could not be made again: card, seed, versions, widths, column units."""
    card = make_card("observation.detector=smm-grs", "run.events=1000")
    path = run(card, **KEYWORDS).path
    with uproot.open(path) as file:
        metadata = json.loads(str(file["metadata"]))
        counts, edges = file["parent_spectrum"].to_numpy()
        branches = set(file["arrivals"].keys())
        types = {name: file["arrivals"][name].interpretation.to_dtype for name in branches}
        compression = file.file.compression
        squeezed = file["arrivals"]["event"]
        assert squeezed.compressed_bytes < squeezed.uncompressed_bytes / 2
    assert metadata["card"]["run"]["seed"] == 7
    assert metadata["card"]["generator"][0]["name"] == "dipole"
    assert metadata["detector"]["name"] == "smm-grs"
    (generator,) = metadata["generators"]
    assert generator["label"] == "dipole"
    assert generator["normalisation"]["parents"] == pytest.approx(
        (counts * np.diff(edges)).sum(),
        rel=1e-9,
        abs=0,
    )
    assert generator["normalisation"]["modes"][0] == "nu_e gamma"
    assert {"snmc", "numpy", "uproot", "numba"} <= set(metadata["versions"])
    assert metadata["columns"]["arrivals"]["weight"]["unit"] == "1/cm2"
    assert branches == {column.name for column in file_columns(ARRIVALS, False)}
    assert types["event"] == np.dtype("int64")
    assert types["mode"] == np.dtype("int16")
    assert (type(compression).__name__, compression.level) == ("ZSTD", 1)


def test_nothing_to_see_is_a_whole_file(make_card):
    """Catches a crash, NaN, or an unreadable file where every decay is inside the star."""
    card = make_card("generator.d=1e-10 / MeV", "observation.detector=smm-grs")
    summary = run(card, **KEYWORDS)
    assert "nothing can be seen" in summary.text()
    assert len(trees(summary.path)["arrivals"]) == 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (("observation.detector=smm-grs", "observation.daughters=neutrino"), "smm-grs"),
        (("run.supernovae=3",), "observation.detector"),
    ],
)
def test_contradictions_between_card_and_detector(make_card, settings, words):
    """Catches a run that would silently see nothing, or simulate data of no instrument."""
    with pytest.raises(InputError, match=words):
        prepare(make_card(*settings))


NEUTRINOS = "observation.daughters=neutrino"
MAJORON = ("generator={name = 'majoron', mass = '50 MeV', g_ee = 1e-10}",)
HEAVY_HNL = ("generator={name = 'hnl', mass = '200 MeV', U2_tau = 1e-9}",)
BURST = ("generator={name = 'burst', label = 'background'}",)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ((*MAJORON, "observation.detector=smm-grs"), "'majoron' sends neutrinos alone; .* photons"),
        (MAJORON, "'majoron' sends neutrinos alone; this run looks for photons"),
        (BURST, "'background' sends neutrinos alone; this run looks for photons"),
        ((MAJORON[0].replace("1e-10", "1e-200"), NEUTRINOS), "gives nothing with its decays"),
        ((MAJORON[0], NEUTRINOS), None),
        (HEAVY_HNL, None),
        ((NEUTRINOS,), None),
    ],
)
def test_what_can_never_be_seen_is_refused(make_card, settings, words):
    """Catches a run to its end that blames times and distances for particles never sent."""
    card = make_card(*settings)
    if words is None:
        assert prepare(card).generators
    else:
        with pytest.raises(InputError, match=words):
            prepare(card)


def test_summary_tells_what_decays_inside_the_neutrinosphere(make_card):
    """Catches an emitted energy that a reader takes for what leaves the supernova."""
    few = "run.events=1000"
    assert "neutrinosphere" not in run(make_card(few), **KEYWORDS).text()
    summary = run(make_card(few, "generator.d=1e-9 / MeV"), **(KEYWORDS | {"overwrite": True}))
    (generator,) = summary.metadata["generators"]
    leaving = generator["normalisation"]["leaving_energy_erg"]
    assert leaving < 0.9 * generator["normalisation"]["parent_energy_erg"]
    assert f"pass neutrinosphere {leaving:.4g} erg" in summary.text()


@pytest.mark.parametrize(("spread", "text"), [(3e-6, "50"), (1e-2, "50 +- 0.1 %")])
def test_rounding_is_no_error(spread, text):
    """Catches a statistical error of 1e-11 % printed for the sum of equal weights."""
    events = 100.0
    tallies = {"events": events, "counts": 50.0, "counts_squared": 25.0 * (1 + spread**2)}
    assert pipeline.with_error([tallies], "counts") == text


def test_output_folder_is_not_littered_after_an_early_error(make_card, tmp_path, monkeypatch):
    """Catches a partial file of a run that failed before its first block, in the next one's way."""
    card = make_card()

    def fails(*arguments, **keywords):
        raise InputError("no")

    monkeypatch.setattr(pipeline, "plan_run", fails)
    with pytest.raises(InputError, match="no"):
        run(card, **KEYWORDS)
    assert [path for path in os.listdir(tmp_path) if path.startswith("events.root")] == []


def test_simulated_data_beyond_all_bounds_are_refused(make_card):
    """Catches a traceback of numpy, or a run of years, for a coupling that gives 1e20 counts."""
    card = make_card(
        "observation.detector=smm-grs", "run.supernovae=3", "generator.mass=1 keV",
        "generator.d=1e-7 / MeV",
    )  # fmt: skip
    with pytest.raises(InputError, match=r"run\.supernovae: found 3"):
        plan_run(card, prepare(card), 2, True)


def test_a_core_too_hot_for_the_detector_is_refused_before_anything_is_written(tmp_path):
    """Catches a run that ends in its middle, when the first neutrino beyond 2 GeV is drawn."""
    card = tmp_path / "hot.toml"
    card.write_text(
        '[supernova]\ncore = {type = "one-zone", radius = "10 km", temperature = "150 MeV",'
        ' mu_e = "200 MeV", mu_nu_e = "0 MeV", rho = "9e14 g/cm^3", duration = "1 s"}\n'
        'distance = "10 kpc"\n[generator]\nname = "dipole"\nmass = "100 MeV"\nd = "1e-12 / MeV"\n'
        '[observation]\ndetector = "super-kamiokande"\nwindow = "100 s"\n'
        '[run]\nevents = 1000\nprecision = "draft"\n'
    )
    checked = load_card(card, [f'run.output="{tmp_path / "hot.root"}"'])
    with pytest.raises(InputError, match=r"'dipole': its spectrum reaches .* MeV, beyond super-k"):
        run(checked, workers=1, resume=False, overwrite=False, quiet=True)
    assert not [*tmp_path.glob("*hot.root*")]
