"""Speed and memory of snmc. `make bench` runs this file and prints the table of its figures.

Every benchmark leaves in `extra_info` what the table needs: `what` is measured, the `target`, and
either the `amount` of things done in the time measured, or a `value` that is no time, in `unit`.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from snmc.ground import cache
from snmc.run import pipeline
from snmc.run.card import RunCard, load_card
from snmc.run.prepare import prepare

ROOT = Path(__file__).parents[2]
GAMMA = ROOT / "macros" / "sn1987a-gamma.toml"
NEUTRINOS = ROOT / "macros" / "sn1987a-neutrinos.toml"
MODELS = (
    "hnl-mu-imb", "hnl-tau-hyper-kamiokande", "zprime-mu-tau-imb",
    "zprime-b-minus-l-hyper-kamiokande", "majoron-hyper-kamiokande",
)  # fmt: skip
BLOCKS = 16
WITNESS = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
full = pytest.mark.skipif(not os.environ.get("FULL"), reason="long: make bench FULL=1")


def plan_of(card: RunCard) -> pipeline.Plan:
    """Make the plan of a card, tables and all."""
    return pipeline.plan_run(card, prepare(card), workers=2, quiet=True)


def repeat(
    benchmark: Any, action: Callable[..., object], rounds: int, setup: Any = None, warmup: int = 1
) -> None:
    """Time an action, after `warmup` rounds that compile kernels and fill caches."""
    benchmark.pedantic(action, setup=setup, rounds=rounds, warmup_rounds=warmup)


@pytest.mark.parametrize("card", [GAMMA, NEUTRINOS], ids=["photons", "neutrinos"])
def test_arrivals(benchmark, card, request):
    """Arrivals in memory, on one core."""
    plan = replace(plan_of(load_card(card, [f"run.events={BLOCKS * 65536}"])), detector=None)
    rows = 0

    def generate():
        nonlocal rows
        rows = sum(len(pipeline.make_block(plan, n).arrivals["weight"]) for n in range(plan.blocks))

    repeat(benchmark, generate, rounds=7)
    what = f"arrivals ({request.node.callspec.id}), no file, one core"
    benchmark.extra_info.update(what=what, amount=rows, target="3 M/s")


@pytest.mark.parametrize("card", [GAMMA, NEUTRINOS], ids=["telescope", "water Cherenkov"])
def test_detections(benchmark, card, request):
    """Arrivals and their detections in memory, on one core."""
    plan = plan_of(load_card(card, [f"run.events={BLOCKS * 65536}"]))
    rows = 0.0

    def generate():
        nonlocal rows
        rows = sum(
            len(pipeline.make_block(plan, n).detections.columns["weight"])
            for n in range(plan.blocks)
        )

    repeat(benchmark, generate, rounds=7)
    what = f"detections ({request.node.callspec.id}) with their arrivals, no file, one core"
    benchmark.extra_info.update(what=what, amount=rows, target="0.5 M/s")


@pytest.mark.parametrize(
    ("card", "detector", "daughters", "target"),
    [
        (GAMMA, "smm-grs", "photon", "1.5 M/s"),
        (NEUTRINOS, "kamiokande-2", "neutrino", "1.5 M/s"),
        (GAMMA, "smm-grs", None, "0.5 M/s"),
        (NEUTRINOS, "kamiokande-2", None, "0.5 M/s"),
    ],
    ids=["photons", "neutrinos", "photons and detections", "neutrinos and detections"],
)
def test_file(benchmark, card, detector, daughters, target, tmp_path, request):
    """A whole run of 5e6 events with two workers, from the checked card to the closed file."""
    text = card.read_text(encoding="utf-8")
    if daughters:  # arrivals alone: name what to look for in place of the detector
        text = text.replace(f'detector = "{detector}"', f'daughters = "{daughters}"')
    copy = tmp_path / card.name
    copy.write_text(text, encoding="utf-8")
    checked = load_card(copy, ["run.events=5_000_000", f"run.output={tmp_path}/events.root"])
    summary = None

    def run():
        nonlocal summary
        summary = pipeline.run(checked, workers=2, resume=False, overwrite=True, quiet=True)

    repeat(benchmark, run, rounds=3)
    what = f"{request.node.callspec.id}, ROOT file (zstd 1), two workers"
    benchmark.extra_info.update(what=what, amount=rows_in(summary.path), target=target)


def rows_in(path: Path) -> int:
    """Count the arrivals in a file."""
    import uproot

    with uproot.open(path) as file:
        return int(file["arrivals"].num_entries)


def emission_table(benchmark, card, rounds, folders, monkeypatch):
    """Time the emission table of a card's only generator, each round with the next cache folder."""
    experiment = prepare(card)
    (generator,) = experiment.generators.values()

    def next_cache():
        folder = next(folders)
        folder.mkdir(exist_ok=True)
        folders_now = {**cache.cache_folders(), "tables": folder}
        monkeypatch.setattr(cache, "cache_folders", lambda: folders_now)

    def table():
        generator.emission(experiment.supernova, card.run.precision, 2, True)

    repeat(benchmark, table, rounds=rounds, setup=next_cache)


@pytest.mark.parametrize("kept", [False, True], ids=["computed", "from cache"])
def test_emission_table(benchmark, kept, tmp_path, monkeypatch, request):
    """The emission table of the demonstration: three processes, one mass, compiled kernels."""
    folders = (tmp_path / ("same" if kept else str(i)) for i in range(100))
    emission_table(benchmark, load_card(GAMMA, []), 9 if kept else 3, folders, monkeypatch)
    what = f"emission table, one mass, three processes, {request.node.callspec.id}"
    benchmark.extra_info.update(what=what, target="0.2 s" if kept else "15 s")


@pytest.mark.filterwarnings("ignore::snmc.ground.errors.PhysicsWarning")  # limits of a model
@pytest.mark.parametrize("macro", MODELS)
def test_emission_table_of_models(benchmark, macro, tmp_path, monkeypatch):
    """The emission table of a run card: one mass, the model's own processes, compiled kernels."""
    card = load_card(ROOT / "macros" / f"{macro}.toml", [])
    folders = (tmp_path / str(i) for i in range(100))
    emission_table(benchmark, card, 3, folders, monkeypatch)
    (setting,) = card.generators
    what = f"emission table, `{setting.name}` at {setting.values['mass']:g} MeV, computed"
    benchmark.extra_info.update(what=what, target="20 s")


def command(*words: object, cache: Path | None = None) -> float:
    """Run snmc in a process of its own; gives its peak memory [MB].

    By way of a small process: on Linux the peak of a child includes that of the process it was
    forked from.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if cache is not None:
        environment["SNMC_CACHE_DIR"] = str(cache)
    done = subprocess.run(
        [sys.executable, "-S", "-c", WITNESS, sys.executable, "-m", "snmc", *map(str, words)],
        env=environment, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    unit = 1 if sys.platform == "darwin" else 1024
    return int(done.stdout) * unit / 2**20


def test_help(benchmark):
    """The shortest command."""
    repeat(benchmark, lambda: command("--help"), rounds=9)
    benchmark.extra_info.update(what="`snmc --help`", target="0.5 s")


def test_startup(benchmark, tmp_path):
    """A run of a thousand events with everything cached."""
    words = ("run", GAMMA, "--set", "run.events=1000", "--overwrite", "-o", tmp_path / "e.root")
    repeat(benchmark, lambda: command(*words), rounds=5)
    benchmark.extra_info.update(what="`snmc run` of 1000 events, all cached", target="")


def test_first_run(benchmark, tmp_path):
    """The same on a machine that has never run snmc: kernels and table are made."""
    words = ("run", GAMMA, "--set", "run.events=1000", "--overwrite", "-o", tmp_path / "e.root")
    caches = iter(range(100))
    repeat(
        benchmark, lambda: command(*words, cache=tmp_path / str(next(caches))), rounds=2, warmup=0
    )
    benchmark.extra_info.update(
        what="`snmc run` of 1000 events, nothing cached (kernels compiled)", target=""
    )


@pytest.mark.parametrize("cached", [False, True], ids=["nothing cached", "tables cached"])
def test_scan(benchmark, cached, tmp_path, request):
    """A grid of the dipole portal, 40 masses and 60 couplings, three processes, SMM/GRS.

    With nothing cached kernels are compiled and tables computed.
    """
    card = ROOT / "macros" / "limit-sn1987a-gamma.toml"
    words = (
        "scan", card, "--set", "scan.mass.points=40", "--workers", 2, "--overwrite", "--quiet",
        "-o", tmp_path / "grid.root",
    )  # fmt: skip
    caches = (tmp_path / ("same" if cached else str(i)) for i in range(100))
    repeat(
        benchmark, lambda: command(*words, cache=next(caches)), rounds=3 if cached else 1,
        warmup=int(cached),
    )  # fmt: skip
    what = f"`snmc scan`, 40 masses x 60 couplings, two workers, {request.node.callspec.id}"
    benchmark.extra_info.update(what=what, target="10 s" if cached else "90 s")


@pytest.mark.parametrize("events", ["1e6", "1e7", pytest.param("1.06e8", marks=full)])
def test_memory(benchmark, events, tmp_path):
    """Peak memory of a run into a file with detections, which takes 120 bytes an event."""
    number = int(float(events))
    if shutil.disk_usage(tmp_path).free < 200 * number:
        pytest.skip(f"needs {200 * number / 1e9:.0f} GB in {tmp_path}")
    output = tmp_path / "events.root"
    peak = 0.0

    def run():
        nonlocal peak
        peak = command(
            "run", GAMMA, "--set", f"run.events={number}", "--workers", 2, "-o", output, "--quiet"
        )

    try:
        repeat(benchmark, run, rounds=1, warmup=0)
        rows = rows_in(output)
    finally:
        output.unlink(missing_ok=True)
    benchmark.extra_info.update(
        what=f"peak memory, file of {rows:.3g} arrivals and detections",
        value=peak, unit="MB", target="600 MB",
    )  # fmt: skip


@full
def test_demo(benchmark, tmp_path):
    """`make demo` in a fresh clone, no wheel, kernel or table at hand."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    environment |= {"SNMC_CACHE_DIR": str(tmp_path / "cache"), "PIP_NO_CACHE_DIR": "1"}
    python = Path(sys.base_prefix) / "bin" / "python3"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(tmp_path / "snmc")], check=True)

    def demo():
        subprocess.run(
            ["make", "demo", f"PYTHON={python}"], cwd=tmp_path / "snmc", env=environment,
            stdout=subprocess.DEVNULL, check=True,
        )  # fmt: skip

    repeat(benchmark, demo, rounds=1, warmup=0)
    benchmark.extra_info.update(what="`make demo` from nothing, network included", target="180 s")
