"""`snmc scan` from end to end on a small card, and what a point of it measures."""

import json
import warnings

import numpy as np
import pytest
import uproot

from snmc.cli import main
from snmc.ground.errors import InputError
from snmc.judgement import scan as scan_module
from snmc.judgement.grid import load_grid
from snmc.judgement.measurement import check_scaling, energy_edges, measure
from snmc.judgement.scan import run_scan
from snmc.judgement.series import Series
from snmc.run.prepare import prepare_generators
from snmc.run.scan_card import load_scan

SCAN = """
[scan]
mass = {from = "40 MeV", to = "120 MeV", points = 3}
coupling = {parameter = "d", from = "1e-17 / MeV", to = "1e-13 / MeV", points = 6}
detectors = ["smm-grs"]
energy = true
events = 5000
"""
GENERATOR = """name = "dipole"
mass = "100 MeV"
d = "1e-15 / MeV"
"""
CHEAP = """name = "dipole"
processes = ["inverse-decay"]
"""


@pytest.fixture
def text(card_text):
    """Give the text of a card with one cheap process."""
    return card_text.replace(GENERATOR, CHEAP) + SCAN


@pytest.fixture
def here(tmp_path, monkeypatch, text):
    """Give the folder that the command runs in; it holds the card `c.toml`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.toml").write_text(text)
    return tmp_path


def status(*arguments):
    """Run the command and give its exit status."""
    with pytest.raises(SystemExit) as end:
        main([str(one) for one in arguments])
    return end.value.code


def test_a_scan_from_card_to_picture(here, capsys):
    """Catches a file in the wrong place, another grid than the card's, and tables of nothing."""
    assert status("scan", "c.toml", "--quiet", "--workers", "2") == 0
    output = capsys.readouterr()
    assert output.err == ""
    lines = output.out.splitlines()
    assert lines[:2] == [
        str(here / "c.grid.root"),
        "  grid                3 masses x 6 couplings",
    ]
    assert lines[2].startswith("  smm-grs             at most ")
    assert any(line.startswith("  energy              at most ") for line in lines)

    assert status("show", "c.grid.root") == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[1 : len(lines)] == lines[1:]
    assert "  title               Test" in shown
    assert any(line.startswith("grid_smm_grs: 36 bins from 25 to 100") for line in shown)
    assert "  coupling           value of the coupling that runs [1/MeV]" in shown
    assert status("show", "c.grid.root", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["complete"]
    assert told["detectors"] == ["smm-grs", "energy"]
    assert told["card"]["scan"]["events"] == 5000
    assert told["card"]["run"]["seed"] == 7
    assert status("plot", "c.grid.root") == 0
    assert (here / "c.grid.png").stat().st_size > 10_000

    grid = load_grid(here / "c.grid.root")
    for detector in grid.detectors:
        for series in grid.of(detector, "d", ()):
            # production and the chance to decay grow with d^2 each while nothing is trapped
            power = 4 if detector == "smm-grs" else 2
            assert series.counts[1] / series.counts[0] == pytest.approx(
                (grid.couplings[1] / grid.couplings[0]) ** power, rel=0.02, abs=0
            )
            inside = series.spectrum.sum(axis=1)
            np.testing.assert_allclose(inside, series.counts, rtol=1e-9)
    # a grid that is there is given back, a changed card refused, and --overwrite obeyed
    capsys.readouterr()
    assert status("scan", "c.toml", "--quiet") == 0
    assert capsys.readouterr().out.splitlines() == lines
    assert status("scan", "c.toml", "--quiet", "--set", "scan.events=1000") == 2
    assert "scan.events was 5000 and is now 1000" in capsys.readouterr().err
    again = ("--set", "scan.events=1000", "--set", "scan.mass.points=2")
    assert status("scan", "c.toml", "--quiet", *again, "-o", "other.root") == 0
    assert status("scan", "c.toml", "--quiet", *again, "--overwrite") == 0
    first, second = load_grid(here / "other.root"), load_grid(here / "c.grid.root")
    assert len(first.series) == len(second.series) == 4
    for number, series in first.series.items():
        np.testing.assert_array_equal(series.counts, second.series[number].counts)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["--set", "scan.evnts=1"], "scan.evnts: unknown 'evnts'"),
        (["--set", "scan.coupling.from=1e-17"], "needs a number with a unit like 1/MeV"),
        (["--set", "scan.mass.to=1 s"], "scan.mass.to: found '1 s'; needs a number with a unit"),
        (["-o", "no/such.root"], "there is no folder"),
        (["-o", "grid.txt"], "scan.output: found"),
        (["--resume", "--overwrite"], "found --resume and --overwrite"),
        (["--workers", "0"], "Invalid value for '--workers'"),
        (["--scheduler", "host"], "needs the address of a Dask scheduler"),
        (["--set", "generator.d_e=1e-14/MeV", "--set", "scan.coupling.parameter=d_mu"],
         "scan.coupling.parameter: found 'd_mu', with which not all rates scale"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_status_2(here, capsys, line, said):
    """Catches a traceback, or a scan that starts and fails after hours."""
    pytest.importorskip("distributed")
    assert status("scan", "c.toml", *line) == 2
    error = capsys.readouterr().err
    assert error.startswith("snmc: error: ") or error.startswith("Usage")
    assert said in error
    assert error.count("\n") == 1
    assert not list(here.glob("*.root*"))


def nothing(point, couplings, **_):
    """Stand for `measure`: make the model, and no events."""
    prepare_generators(point.card)
    zero = np.zeros(len(couplings))
    return Series(np.array([0.0, 1.0]), zero[:, None], zero[:, None], zero, zero, zero, zero > 0)


def test_a_full_disk_is_one_line(here, capsys, monkeypatch):
    """Catches a traceback where the grid cannot be written."""

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_scan, "__kwdefaults__", {"measure": nothing})
    monkeypatch.setattr("os.fsync", full)
    assert status("scan", "c.toml", "--quiet") == 2
    error = capsys.readouterr().err
    assert error.startswith("snmc: error: ")
    assert error.endswith("No space left on device\n")
    assert [one.name for one in here.iterdir()] == ["c.toml"]


def test_a_warning_is_told_once(here, card_text, capsys, monkeypatch):
    """Catches a limitation of the model told again for every point, or never."""
    monkeypatch.setattr(run_scan, "__kwdefaults__", {"measure": nothing})
    text = card_text.replace(GENERATOR, 'name = "zprime-mu-tau"\n') + SCAN
    text = text.replace('daughters = "photon"\n', "").replace('"smm-grs"', '"imb"')
    text = text.replace('"d", from = "1e-17 / MeV", to = "1e-13 / MeV"', '"g", from=1e-9, to=1e-8')
    (here / "z.toml").write_text(text.replace('"40 MeV", to = "120', '"4 MeV", to = "12'))
    assert status("scan", "z.toml", "--quiet") == 0
    error = capsys.readouterr().err
    assert error.count("\n") == error.count(" MeV the plasma, ") == 1


# --- a point ---------------------------------------------------------------------------------


def test_a_point_counts_what_a_run_counts(here, capsys):
    """Catches a window, a daughter or an efficiency that the scan leaves out.

    The events of the run are other ones, so both agree within their errors, at p = 1e-4.
    """
    d = "1e-14 / MeV"
    assert status(
        "run", "c.toml", "--quiet", "-o", "events.root", "--set", f"generator.d={d}",
        "--set", "generator.mass=69.28203230275508 MeV", "--set", "run.events=40000",
        "--set", "observation.detector=smm-grs", "--set", "run.precision=draft",
    ) == 0  # fmt: skip
    with uproot.open(here / "events.root") as file:
        rows = file["detections"].arrays(["event", "weight", "energy", "accepted"], library="np")
    kept = {name: rows[name][rows["accepted"]] for name in ("event", "weight", "energy")}
    card = load_scan(here / "c.toml", [f"scan.coupling.from={d}", "scan.coupling.points=2"])
    point = card.points[1]
    assert point.mass == pytest.approx(69.28203230275508, rel=1e-12)
    series = measure(point, card.couplings, 40_000, 3, None)
    _, event = np.unique(kept["event"], return_inverse=True)
    expected = kept["weight"].sum()
    error = np.hypot(series.error[0], np.sqrt((np.bincount(event, kept["weight"]) ** 2).sum()))
    assert error < 0.03 * expected
    assert abs(series.counts[0] - expected) < 3.9 * error
    mean = (series.spectrum[0] @ np.sqrt(series.edges[1:] * series.edges[:-1])) / series.counts[0]
    assert mean == pytest.approx(np.average(kept["energy"], weights=kept["weight"]), rel=0.03)


def test_numbers_depend_on_point_seed_and_events_alone(here):
    """Catches the same random numbers for two masses, or state kept between two measurements."""
    card = load_scan(here / "c.toml", ["scan.mass.points=2"])
    one, other = card.points[0], card.points[1]

    def counts(point, seed=7, events=2000):
        return measure(point, card.couplings, events, seed, None).counts

    first = counts(one)
    counts(other)
    np.testing.assert_array_equal(counts(one), first)
    assert not np.array_equal(counts(one, seed=8), first)
    assert not np.array_equal(counts(one, events=2001), first)


def test_what_is_too_heavy_gives_zeros(here):
    """Catches a scan that stops, or NaN, where the core makes none of the heaviest."""
    text = (
        (here / "c.toml").read_text().replace('"40 MeV", to = "120 MeV"', '"900 MeV", to = "1 GeV"')
    )
    text = text.replace('temperature = "30 MeV"', 'temperature = "1 MeV"')
    (here / "c.toml").write_text(text)
    card = load_scan(here / "c.toml")
    for point in (card.points[2], card.points[-1]):
        series = measure(point, card.couplings, 100, 7, None)
        assert not series.counts.any()
        assert not series.effective.any()
        assert not series.thin.any()
        assert series.spectrum.shape == (6, len(series.edges) - 1)


@pytest.mark.parametrize(
    ("generator", "scan"),
    [
        (CHEAP + 'd_e = "1e-14 / MeV"', 'coupling = {parameter = "d_mu", values = '
         '["1e-17 / MeV", "1e-15 / MeV"]}'),
        ('name = "zprime-mu-tau"\nkinetic_mixing = 1e-10',
         'coupling = {parameter = "g", values = [1e-9, 1e-8]}'),
        ('name = "majoron"\ng_ee = 1e-9',
         'coupling = {parameter = "g_mumu", values = [1e-9, 1e-7]}'),
        ('name = "hnl"\nU2_e = 1e-9', 'coupling = {parameter = "U2_mu", values = [1e-9, 1e-7]}'),
    ],
    ids=["dipole", "mixing", "majoron", "hnl"],
)  # fmt: skip
def test_couplings_that_do_not_scale_are_refused(here, card_text, generator, scan):
    """Catches one sample reweighted as if all couplings ran, where one of them stands still."""
    text = card_text.replace(GENERATOR, generator + "\n").replace('daughters = "photon"\n', "")
    masses = '[scan]\nmass = ["30 MeV", "60 MeV"]\nenergy = true\n'
    (here / "c.toml").write_text(f"{text}\n{masses}{scan}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        card = load_scan(here / "c.toml")
        match = r"scan\.coupling\.parameter: found .* with which not all rates scale"
        with pytest.raises(InputError, match=match):
            check_scaling(card)
        with pytest.raises(InputError, match=match):
            measure(card.points[0], card.couplings, 10, 1, None)


def test_couplings_are_checked_before_the_first_point(here, text, monkeypatch):
    """Catches a second parameter that does not scale, found after the first was scanned."""
    both = text.replace('parameter = "d"', 'parameter = ["d_e", "d_mu"]')
    (here / "c.toml").write_text(
        both.replace('name = "dipole"', 'name = "dipole"\nd_tau = "1e-14/MeV"')
    )
    monkeypatch.setattr(scan_module, "ordered", None)
    with pytest.raises(InputError, match="not all rates scale"):
        run_scan(
            load_scan(here / "c.toml"), workers=1, scheduler=None, resume=False, overwrite=False,
            quiet=True,
        )  # fmt: skip


@pytest.mark.parametrize("window", [(25.0, 100.0), (7.5, 50.0), (0.2, 3000.0)])
@pytest.mark.parametrize("width", [None, 10.0, 7.5, 1e5, 0.1])
def test_bins_reach_from_end_to_end_of_the_window(window, width):
    """Catches events at the ends of the window that fall into no bin, and bins of no width."""
    edges = energy_edges(window, width)
    assert edges[0] == pytest.approx(window[0], rel=1e-12)
    assert edges[-1] == pytest.approx(window[1], rel=1e-12)
    steps = np.diff(edges)
    assert (steps > 0).all()
    if width is None:
        assert (edges[1:] / edges[:-1] < 1.0401).all()
    else:
        np.testing.assert_allclose(steps[:-1], width, rtol=1e-9)
        assert steps[-1] <= width * (1 + 1e-9)
