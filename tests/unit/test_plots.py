"""Pictures: histograms keep every weight, axes fit what is there, any file is answered."""

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

import snmc.core
from snmc.ground.columns import ARRIVALS, DETECTIONS, PARTICLES, SUPERNOVA, Columns, file_columns
from snmc.ground.errors import InputError
from snmc.judgement import plots
from snmc.judgement.plots import (
    Axis,
    Histogram,
    angle_unit,
    choose_axis,
    narrowed,
    plot_core,
    plot_file,
    with_margin,
)
from snmc.roles.detector import Detections
from snmc.run.sink import RootSink

PNG = b"\x89PNG"


def metadata(supernovae: int | None = None, **changes: Any) -> dict[str, Any]:
    """What `snmc run` records of a card, as far as pictures read it."""
    card = {
        "title": "A $5 title with 100 % of _everything_",
        "supernova": {"core": "pns-sfho-1.351", "distance": "1.586e+21 m"},
        "generator": [{"name": "dipole", "label": "x", "mass": "1e-06 MeV", "d": "2e-10 1/MeV"}],
        "observation": {"detector": "/somewhere/my_detector.toml", "window": "223.0 s"},
        "run": {"events": 400, "supernovae": supernovae},
    }
    detector = {"name": "my_detector", "channels": ["ibd", "oxygen"]}
    return {"identity": {}, "title": card["title"], "card": card, "detector": detector,
            "generators": [{"parent_spectrum": "parent_spectrum"}]} | changes  # fmt: skip


def rows(count: int, seed: int, theta: float = 1e-11) -> tuple[Columns, Detections]:
    """Arrivals of several species and detections in two channels."""
    random = np.random.default_rng(seed)
    made: Columns = {c.name: np.zeros(count, c.dtype) for c in file_columns(ARRIVALS, False)}
    made |= {
        "weight": random.exponential(2.0, count),
        "pdg": random.choice([22, 12, -12, 14, 999], count),
        "energy": random.exponential(60.0, count),
        "delay": 10 ** random.uniform(-8, 2, count),
        "theta": theta * random.exponential(1.0, count),
    }
    found: Columns = {c.name: np.zeros(count, c.dtype) for c in file_columns(DETECTIONS, False)}
    found |= {
        "weight": random.exponential(1e-3, count),
        "channel": random.integers(0, 3, count).astype(np.int16),
        "time": random.uniform(0, 200, count),
        "energy": random.normal(50.0, 30.0, count),
        "accepted": random.random(count) < 0.5,
    }
    particles: Columns = {c.name: np.zeros(0, c.dtype) for c in PARTICLES}
    return made, Detections(found, np.zeros(count, np.int32), particles)


def write(
    path: Path, counts: tuple[int, ...], *, finish: bool = True, supernovae: int | None = None,
    theta: float = 1e-11,
) -> tuple[float, float]:  # fmt: skip
    """Write a file of groups of `counts` rows; returns its fluence and its expected counts."""
    sink = RootSink(
        path, metadata(supernovae), with_detections=True, with_supernova=supernovae is not None
    )
    fluence = expected = 0.0
    for number, count in enumerate(counts):
        arrivals, detections = rows(count, number, theta)
        if supernovae is not None:
            for batch in (arrivals, detections.columns):
                batch["weight"] = np.ones(count)
                batch[SUPERNOVA.name] = np.zeros(count, np.int64)
        fluence += arrivals["weight"].sum()
        expected += detections.columns["weight"][detections.columns["accepted"]].sum()
        sink.write(number, 1, arrivals, detections, {"events": float(count)})
    if finish:
        spectrum = (np.exp(-np.arange(50.0)), np.linspace(1.0, 500.0, 51))
        sink.finish(metadata(supernovae, tallies={}), {"parent_spectrum": spectrum})
    else:
        sink.abandon()
    return fluence, expected


def words(svg: Path) -> str:
    """Text of a picture written as .svg, whose glyphs carry their text in comments."""
    return " ".join(re.findall(r"<!-- (.*?) -->", svg.read_text()))


@given(
    values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=50),
    log=st.booleans(),
    bins=st.integers(1, 30),
)
def test_an_axis_bins_like_numpy_and_loses_nothing(values, log, bins):
    """Catches a weight lost or counted twice at an edge, below, above, or at zero on a log axis."""
    axis = Axis(0.5, 200.0, bins, log)
    x = np.array(values)
    weights = np.arange(1.0, len(x) + 1)
    histogram = Histogram(axis)
    histogram.fill(weights, axis.index(x))
    assert histogram.total == pytest.approx(weights.sum(), rel=1e-12, abs=0)
    near = np.abs(x[:, None] / axis.edges - 1).min(axis=1) < 1e-9  # rounding may go either way
    if not near.any():
        expected, _ = np.histogram(x, axis.edges, weights=weights)
        np.testing.assert_allclose(histogram.contents, expected, rtol=1e-12)
        assert histogram.beyond == pytest.approx(weights.sum() - expected.sum(), abs=1e-9)


def test_ends_of_an_axis_belong_to_it():
    """Catches the largest value of a sample, which ends the axis, counted as beyond it."""
    axis = Axis(1.0, 3.0, 7)
    assert axis.index(np.array([0.999, 1.0, 3.0, 3.001, -1e300, 1e300])).tolist() == [
        0, 1, 7, 8, 0, 8,
    ]  # fmt: skip
    assert Axis(1e-8, 3.0, 7, log=True).index(np.array([0.0, -1.0, 3.0])).tolist() == [0, 0, 7]


def test_a_plane_sums_to_its_projections():
    """Catches axes exchanged, or rows beyond one axis lost from the sum over the other."""
    random = np.random.default_rng(1)
    x, y, w = random.normal(size=(3, 1000)) ** 2
    first, second = Axis(0.1, 2.0, 9, log=True), Axis(0.0, 1.0, 5)
    plane = Histogram(first, second)
    for part in np.array_split(np.arange(1000), 3):
        plane.fill(w[part], first.index(x[part]), second.index(y[part]))
    assert plane.total == pytest.approx(w.sum(), rel=1e-12, abs=0)
    inside = (y >= 0) & (y < 1)
    expected, _ = np.histogram(x[inside], first.edges, weights=w[inside])
    np.testing.assert_allclose(plane.contents.sum(axis=1), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("values", "log_above", "log", "low", "high"),
    [
        (np.geomspace(1e-8, 1e2, 500), 100, True, 1e-8, 1e2),  # delays over ten decades
        (np.linspace(90.0, 110.0, 500), 10, False, 90.0, 110.0),
        (np.linspace(3.0, 220.0, 500), 100, False, 0.0, 220.0),  # close to 0: shown from there
        (np.append(np.zeros(9), 1e-9), 0, True, 0.5e-9, 2e-9),  # zeros have no logarithm
        (np.zeros(9), 0, False, -0.5, 0.5),
        (np.linspace(-5.0, 90.0, 500), 30, False, -5.0, 90.0),  # smeared below zero
    ],
)
def test_axes_fit_the_sample(values, log_above, log, low, high):
    """Catches a logarithm of nothing, an axis of no width, decades squeezed into one bin."""
    axis = choose_axis(values, np.ones(len(values)), log_above=log_above)
    assert (axis.log, axis.low, axis.high) == (
        log,
        pytest.approx(low, rel=1e-6, abs=0),
        pytest.approx(high, rel=1e-6, abs=0),
    )


def test_a_stray_row_does_not_rule_the_axis():
    """Catches an axis stretched over decades by one row of next to no weight."""
    values = np.append(np.linspace(1.0, 2.0, 1000), 1e9)
    weights = np.append(np.ones(1000), 1e-9)
    assert choose_axis(values, weights, log_above=10).high == pytest.approx(2.0, rel=1e-6, abs=0)
    assert choose_axis(values, np.zeros(1001), log_above=10).high == pytest.approx(
        1e9, rel=1e-6, abs=0
    )


def test_noise_at_the_ends_is_not_drawn():
    """Catches single rows drawn as spikes, few rows of a small sample thrown away, a lost end."""
    contents = np.array([1, 0, 4, 1, 900, 900, 80, 5, 0, 2])  # rows of weight 1
    histogram = Histogram(Axis(1.0, 11.0, 10))
    bins = np.repeat(np.arange(1, 11), contents)
    histogram.fill(np.ones(len(bins)), bins)
    assert histogram.drawn == slice(4, 8)
    heavy = Histogram(Axis(1.0, 11.0, 10))  # one row in each bin, but no share of the sum is small
    heavy.fill(np.ones(10), np.arange(1, 11))
    assert heavy.drawn == slice(0, 10)
    unequal = Histogram(Axis(1.0, 11.0, 10))  # ten rows in the first bin, of which one weighs
    unequal.fill(np.append(np.full(9, 1e-6), 1.0), np.ones(10, np.intp))
    unequal.fill(np.full(900, 1.0), np.full(900, 5))
    assert unequal.drawn == slice(4, 5)
    assert Histogram(Axis(1.0, 11.0, 10)).drawn == slice(0, 10)
    log = Axis(1.0, 1024.0, 10, log=True)
    shown = Histogram(log)
    shown.fill(np.ones(len(bins)), bins)
    part = narrowed(log, [shown, Histogram(log)])
    assert (part.low, part.high) == (
        pytest.approx(16.0, rel=1e-12, abs=0),
        pytest.approx(256.0, rel=1e-12, abs=0),
    )


def test_the_energy_axis_follows_what_is_accepted():
    """Catches rejected recoils of 1 keV that stretch the axis by decades below the window."""
    _, found = rows(4000, 3)
    found.columns["energy"] = np.where(found.columns["accepted"], 20.0, 1e-3)
    found.columns["energy"][found.columns["accepted"]] += np.random.default_rng(1).uniform(
        0, 40, found.columns["accepted"].sum()
    )
    made = plots._Detections([found.columns])
    made.add(found.columns)
    (axis,) = made.everything.axes
    assert not axis.log
    assert 16 < axis.low < 20
    assert 60 < axis.high < 64
    assert made.everything.beyond == pytest.approx(
        found.columns["weight"][~found.columns["accepted"]].sum(), rel=1e-9, abs=0
    )


def test_margins_keep_zero_and_logarithms():
    """Catches an axis of energies that starts below zero, or at zero on a logarithm."""
    assert with_margin(Axis(0.0, 100.0, 40)) == Axis(0.0, 105.0, 42)
    assert with_margin(Axis(3.0, 103.0, 40)) == Axis(0.5, 105.0 + 3.0, 43)
    assert with_margin(Axis(-5.0, 95.0, 40)) == Axis(-10.0, 100.0, 44)
    log = with_margin(Axis(1.0, 1e20, 20, log=True))
    assert (log.low, log.high, log.bins) == (
        pytest.approx(0.1, rel=1e-12, abs=0),
        pytest.approx(1e21, rel=1e-12, abs=0),
        22,
    )


def test_parameters_are_set_as_formulas():
    """Catches underscores in headers, a flavour lost, words taken for a symbol."""
    assert plots._symbol("U2_mu") == r"$U_{\mu }^2$"
    assert plots._symbol("g_etau") == r"$g_{e\tau }$"
    assert plots._symbol("cooling_time") == "cooling time"
    assert plots._symbol("mass") == "mass"


def test_a_crowded_legend_lists_what_counts(tmp_path):
    """Catches eight channels that fill the panel, and one without counts among them."""
    path = tmp_path / "many.root"
    known = metadata(detector={"name": "d", "channels": [f"channel-{k}" for k in range(8)]})
    sink = RootSink(path, known, with_detections=True)
    arrivals, detections = rows(4000, 1)
    channel = np.arange(4000) % 8
    detections.columns["channel"] = channel.astype(np.int16)
    detections.columns["weight"] = np.where(channel == 7, 1e-9, 1.0)
    sink.write(0, 1, arrivals, detections, {"events": 4000.0})
    sink.finish(known | {"tallies": {}}, {})
    plot_file(path, tmp_path / "many.svg")
    told = words(tmp_path / "many.svg")
    assert all(f"channel-{k}: " in told for k in range(7))
    assert "channel-7" not in told


def test_angles_are_told_in_a_fitting_unit():
    """Catches a wrong size of a unit: 4.848e-12 rad are one microarcsecond, 0.01745 one degree."""
    assert angle_unit(np.full(3, 4.9e-12))[0] == r"$\mu$as"
    assert angle_unit(np.full(3, 4.9e-6))[0] == "arcsec"
    assert angle_unit(np.full(3, 0.0175)) == ("deg", pytest.approx(0.017453292, rel=1e-6, abs=0))
    assert angle_unit(np.zeros(3)) == ("rad", 1.0)


def test_a_file_is_drawn_with_its_sums(tmp_path, monkeypatch):
    """Catches a chunk left out or read twice, a species or channel without a line, a crash."""
    monkeypatch.setattr(plots, "CHUNK", 37)
    path = tmp_path / "a.root"
    fluence, expected = write(path, (150, 0, 250))
    plot_file(path, tmp_path / "a.svg")
    text = words(tmp_path / "a.svg")
    assert f"fluence {fluence:.4g}" in text
    assert f"expected counts {expected:.4g}" in text
    assert "400 arrivals" in text
    assert "A $5 title with 100 % of _everything_" in text.replace("\\", "")
    assert all(name in text for name in ("PDG 999", "ibd: ", "oxygen: ", "channel 2: "))


def test_simulated_data_are_counts_per_supernova(tmp_path):
    """Catches counts of all explosions shown as those of one; angles that are all 0 in the way."""
    write(tmp_path / "s.root", (400,), supernovae=10, theta=0.0)
    plot_file(tmp_path / "s.root", tmp_path / "s.svg")
    text = words(tmp_path / "s.svg")
    accepted = rows(400, 0)[1].columns["accepted"].sum()
    assert f"{accepted / 10:.4g} accepted counts per supernova" in text
    assert "cm" not in text.replace("cmr", "")


def test_a_partial_file_is_drawn_up_to_its_last_block(tmp_path):
    """Catches an unfinished run taken for a whole one; settings of matplotlib left changed."""
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    fluence, _ = write(tmp_path / "p.root", (50, 50), finish=False)
    plot_file(tmp_path / "p.root.part", tmp_path / "p.svg")
    assert dict(mpl.rcParams) == before
    text = words(tmp_path / "p.svg")
    assert "UNFINISHED RUN: sums of the 2 blocks done" in text
    assert f"fluence {fluence:.4g}" in text


@pytest.mark.parametrize(("finish", "counts"), [(False, ()), (True, (0,))])
def test_a_file_without_rows_is_drawn_and_says_so(tmp_path, finish, counts):
    """Catches a crash on the logarithm of nothing where no decay can be seen."""
    write(tmp_path / "e.root", counts, finish=finish)
    path = tmp_path / ("e.root" if finish else "e.root.part")
    plot_file(path, tmp_path / "e.svg")
    assert "no arrivals" in words(tmp_path / "e.svg")
    plot_file(path, tmp_path / "e.png")
    assert (tmp_path / "e.png").read_bytes().startswith(PNG)


def test_what_is_no_file_of_ours_ends_in_one_line(tmp_path):
    """Catches a traceback, or a picture of something else, for bad input."""
    text, foreign, cut = tmp_path / "t.root", tmp_path / "f.root", tmp_path / "c.root"
    text.write_text("root, but not really")
    with uproot.recreate(foreign) as file:
        file["x"] = "text"
    write(cut, (400,))
    os.truncate(cut, cut.stat().st_size // 2)
    for path, told in (
        (text, "cannot be read as a ROOT file"),
        (tmp_path / "none.root", "file not found"),
        (foreign, "found no 'metadata' in it, but x"),
        (cut, "cannot be read"),
    ):
        with pytest.raises(InputError, match=told) as caught:
            plot_file(path, tmp_path / "no.png")
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "no.png").exists()


def test_wrong_metadata_and_branches_are_named(tmp_path):
    """Catches a KeyError where a file looks like ours and is not."""

    def made(name: str, text: str, branch: str) -> Path:
        with uproot.recreate(tmp_path / name) as file:
            file["metadata"] = text
            file.mktree("arrivals", {branch: "f8"}).extend({branch: np.ones(3)})
        return tmp_path / name

    card = json.dumps({key: metadata()[key] for key in ("card", "generators")})
    for path, told in (
        (made("a.root", "{", "weight"), "no JSON"),
        (made("b.root", '{"card": {}}', "weight"), "metadata: card.supernova: missing"),
        (made("c.root", card, "weight"), "no branch 'pdg'"),
        (made("d.root", card, "supernova"), "run.supernovae = None"),
    ):
        with pytest.raises(InputError, match=told):
            plot_file(path, tmp_path / "no.png")


def test_cores_are_drawn(tmp_path):
    """Catches a state asked for outside the core, which shrinks with time, and a core unknown."""
    plot_core("pns-sfho-1.351", tmp_path / "c.svg")
    text = words(tmp_path / "c.svg")
    assert all(name in text for name in ("temperature [MeV]", "lapse", "0.25 s", "10 s"))
    snapshot = sorted((Path(snmc.core.__file__).parent / "data").rglob("*T=1.0000.txt"))[0]
    plot_core(str(snapshot), tmp_path / "s.svg")
    assert "1 s" in words(tmp_path / "s.svg")
    assert "10 s" not in words(tmp_path / "s.svg")
    with pytest.raises(InputError, match=r"pns-sfho-1\.351"):
        plot_core("pns-sfho", tmp_path / "no.png")


def test_several_generators_are_drawn_each_with_its_label(tmp_path):
    """Catches a component cut off by axes made for the first, or a sum that hides it."""
    path = tmp_path / "two.root"
    known = metadata()
    known["card"]["generator"] = [
        {"name": "dipole", "label": "signal", "mass": "1 MeV"},
        {"name": "burst", "label": "noise"},
    ]
    known["generators"] = [{"parent_spectrum": f"parent_spectrum_{k}"} for k in range(2)]
    sink = RootSink(path, known, with_detections=True)
    spectra = {}
    for number in range(2):
        arrivals, detections = rows(300, number)
        for batch in (arrivals, detections.columns):
            batch["generator"] = np.full(300, number, np.int16)
            batch["time"] = 10 ** np.random.default_rng(number).uniform(0, 1, 300) / 10**number
        arrivals["weight"] *= 1e9**number  # the first is a billionth of the second
        if number == 1:
            arrivals["theta"][:] = arrivals["delay"][:] = 0
        sink.write(number, 1, arrivals, detections, {"events": 300.0}, number)
        spectra[f"parent_spectrum_{number}"] = (np.exp(-np.arange(9.0)), np.linspace(1, 500, 10))
    sink.finish(known | {"tallies": {}}, spectra)
    plot_file(path, tmp_path / "two.svg")
    told = words(tmp_path / "two.svg")
    assert told.count("signal") >= 5
    assert told.count("noise") >= 4
    assert "arrival time" in told
    assert "signal: 50 and 90 % inside" in told
    assert "noise: fluence per bin" in told
    with uproot.open(path) as file:
        samples = plots._samples(path, file, "arrivals", plots.ARRIVAL_BRANCHES)
    assert [len(batch["weight"]) for batch in samples] == [300, 300]
    made = plots._Arrivals(samples)
    for batch in samples:
        made.add(batch)
    for histogram in made.when.values():  # rounding may put a first value below its edge
        assert histogram.beyond < 0.05 * histogram.total
