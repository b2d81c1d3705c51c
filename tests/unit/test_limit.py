"""Limits from grids of counts known in closed form: a g^4 exp(-b g^2), both edges by mpmath."""

import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import mpmath
import numpy as np
import pytest
from scipy.special import chdtri

from snmc.cli import main
from snmc.ground.errors import InputError, PhysicsError, PhysicsWarning
from snmc.ground.files import OutputError, locked
from snmc.judgement.comparison import read_curves
from snmc.judgement.criteria import criterion, judged
from snmc.judgement.curves import edge_at, find_curves
from snmc.judgement.grid import Grid, empty_grid
from snmc.judgement.intervals import between, excluded_intervals, overlap
from snmc.judgement.limit import find_limit, output_of, read_limit, run_limit
from snmc.judgement.limit_plots import draw_limit, plot_limit, region, symbol
from snmc.judgement.series import Series
from snmc.judgement.statistics import exact_coverage, poisson_limit, signal_limit
from snmc.run.scan_card import (
    ENERGY,
    Axis,
    Comparison,
    DataSetting,
    LimitSetting,
    ScanCard,
    ScanPoint,
    load_scan,
)

MASSES = (1.0, 10.0, 100.0)
FINE = tuple(np.geomspace(1e-3, 10.0, 801))
COARSE = tuple(np.geomspace(1e-3, 10.0, 41))
EDGES = np.geomspace(25.0, 100.0, 37)
SETTING = LimitSetting(
    method="counting",
    statistic="likelihood-ratio",
    confidence_level=None,
    delta=4.0,
    data={"smm-grs": DataSetting(observed=10.0, background=10.0)},
    burst=None,
    profile=False,
    expected=False,
    energy_erg=None,
    luminosity=None,
    compare=(),
)


class Card(ScanCard):
    """A scan without a file, known by its title."""

    def resolved(self):
        """Give what decides the grid."""
        return {"title": self.title, "couplings": list(self.couplings)}


def scan(limit=SETTING, *, couplings=FINE, detectors=("smm-grs",), window=223.2, **changes) -> Card:
    """Make the card of a scan, its points in the order of the grid."""
    fields = {"masses": MASSES, "parameters": ("d",), "axes": (), **changes}
    choices = [()]
    for axis in fields["axes"]:
        choices = [(*choice, k) for choice in choices for k in range(len(axis.values))]
    run_card = SimpleNamespace(path=Path("card.toml"), observation=SimpleNamespace(window_s=window))
    places = [
        (detector, parameter, choice, mass)
        for detector in detectors
        for parameter in fields["parameters"]
        for choice in choices
        for mass in fields["masses"]
    ]
    points = tuple(
        ScanPoint(number, number, mass, parameter, choice, detector, run_card, (run_card,))
        for number, (detector, parameter, choice, mass) in enumerate(places)
    )
    return Card(
        title="A limit",
        path=Path("card.toml"),
        model="dipole",
        couplings=couplings,
        unit="1/MeV",
        detectors=detectors,
        bin_width=None,
        events=1000,
        seed=1,
        output=Path("card.grid.root"),
        workers=None,
        points=points,
        limit=limit,
        **fields,
    )


def series(counts, *, edges=EDGES, effective=1e4, bound_from=np.inf) -> Series:
    """Counts (couplings,) spread over the logarithm of the energy."""
    counts = np.asarray(counts)
    share = np.diff(np.log(edges)) / np.log(edges[-1] / edges[0])
    spectrum = counts[:, None] * share
    return Series(
        edges,
        spectrum,
        spectrum * counts[:, None] / effective,
        counts,
        counts / np.sqrt(effective),
        np.where(counts > 0, effective, 0.0),
        np.arange(len(counts)) >= bound_from,
    )


def grid(card: ScanCard, counts, **options) -> Grid:
    """Make a grid of `counts(mass, couplings)`."""
    found = empty_grid(card, {}, {})
    for point in card.points:
        values = counts(point.mass, np.array(card.couplings))
        found.series[point.number] = series(values, **options)
    return found


def humped(mass, g):
    """Expected counts that rise with the fourth power and are cut off by decays on the way."""
    return 1e4 * mass * g**4 * np.exp(-3 * g**2)


def exact_edges(mass: float, threshold: mpmath.mpf) -> tuple[float, float]:
    """Couplings at which `humped` is at a threshold."""

    def excess(g):
        return mpmath.log(1e4 * mass * g**4) - 3 * g**2 - mpmath.log(threshold)

    top = mpmath.sqrt(mpmath.mpf(2) / 3)
    return tuple(
        float(mpmath.findroot(excess, ends, solver="anderson"))
        for ends in ((mpmath.mpf("1e-4"), top), (top, 10))
    )


def signal_at(n: int, delta: float) -> mpmath.mpf:
    """Signal over a background n, with n counts, at which eq. 7 of Brdar et al. is delta."""
    return mpmath.findroot(lambda s: 2 * (s + n * mpmath.log(n / (n + s))) - delta, 8)


def test_both_edges_are_the_exact_ones():
    """Catches edges put at the nodes of the grid, a wrong threshold, and edges exchanged."""
    card = scan()
    (curve,) = find_curves(grid(card, humped), card)
    threshold = signal_at(10, 4.0)
    for mass, (interval,) in zip(MASSES, curve.intervals, strict=True):
        lower, upper = exact_edges(mass, threshold)
        assert interval.lower.coupling == pytest.approx(lower, rel=2e-5, abs=0)
        assert interval.upper.coupling == pytest.approx(upper, rel=1e-4, abs=0)
    assert curve.told == {
        "smm-grs": {"energy_MeV": [25.0, 100.0], "observed": 10.0, "background": 10.0}
    }


def test_coarse_grid_keeps_both_edges():
    """Catches an interpolation linear in the counts, some per cent off for a power law."""
    card = scan(couplings=COARSE)
    (curve,) = find_curves(grid(card, humped), card)
    lower, upper = exact_edges(1.0, signal_at(10, 4.0))
    assert curve.edges("lower")[0] == pytest.approx(lower, rel=5e-3, abs=0)
    # straight lines would miss it by step^2/4, a hundredth
    assert curve.edges("upper")[0] == pytest.approx(upper, rel=2e-3, abs=0)


def test_interpolation_knows_zero():
    """Catches the logarithm of an empty bin, and a power law that is not exact."""
    couplings = np.array([1.0, 2.0, 4.0])
    values = np.array([[1.0, 0.0], [16.0, 0.0], [256.0, 8.0]])
    found = between(couplings, values, np.array([1.0, 2**0.5, 2 * 2**0.5, 4.0]))
    assert found[:, 0] == pytest.approx([1, 4, 64, 256], rel=1e-12, abs=0)
    assert found[:, 1] == pytest.approx([0, 0, 4, 8], rel=1e-12, abs=1e-300)


def test_share_of_bins():
    """Catches a bin counted whole that the window cuts."""
    assert overlap(np.array([0.0, 10, 20, 30]), 5, 22).tolist() == [0.5, 1.0, 0.2]


def test_open_ends_are_left_empty_and_said():
    """Catches the end of the grid written as if it were a limit."""
    card = scan(masses=(1.0, 2.0))
    with pytest.warns(PhysicsWarning) as caught:
        found = find_limit(grid(card, lambda mass, g: 1e9 / g if mass == 2 else 1e4 * g**4), card)
    said = [str(one.message) for one in caught]
    assert [text.split(",")[0] for text in said] == [
        "the exclusion reaches the smallest coupling of the scan",
        "the exclusion reaches the largest coupling of the scan",
    ]
    assert "0.001 / MeV, at 2 MeV" in said[0]
    header, first, second = found.rows()
    assert header == ["mass_MeV", "lower", "upper"]
    assert first[0] == "1"
    assert float(first[1]) > 0
    assert first[2] == ""
    # excluded everywhere: two empty cells would say that nothing is
    assert second == ["2", "0.001", "10"]


def test_nothing_excluded_is_two_empty_cells():
    """Catches a mass that is left out of the table."""
    card = scan()
    found = find_limit(grid(card, lambda mass, g: 0.01 * humped(mass, g) * (mass < 50)), card)
    assert found.rows()[3] == ["100", "", ""]
    nothing = find_limit(grid(card, lambda mass, g: 0 * g), card)
    assert nothing.rows()[1:] == [["1", "", ""], ["10", "", ""], ["100", "", ""]]
    assert "excludes nothing inside the scan" in nothing.text()


def test_two_intervals_are_two_lines():
    """Catches the gap between two excluded intervals taken for excluded."""
    card = scan(masses=(1.0,))

    def twice(mass, g):
        x = np.log10(g)
        return 100 * (np.exp(-(((x + 2) / 0.2) ** 2)) + np.exp(-((x / 0.2) ** 2)))

    found = find_limit(grid(card, twice), card)
    width = 0.2 * np.sqrt(np.log(100 / float(signal_at(10, 4.0))))
    edges = np.array([[float(cell) for cell in row[1:]] for row in found.rows()[1:]])
    expected = [[-2 - width, -2 + width], [-width, width]]
    assert np.log10(edges) == pytest.approx(np.array(expected), rel=1e-4, abs=1e-4)
    (curve,) = found.curves
    assert np.log10(curve.edges("lower"))[0] == pytest.approx(-2 - width, rel=1e-4, abs=0)
    assert np.log10(curve.edges("upper"))[0] == pytest.approx(width, rel=1e-4, abs=0)


def test_error_of_an_edge_is_that_of_the_counts_over_their_power():
    """Catches an error of the counts given for one of the coupling, and a thin edge not flagged."""
    card = scan(masses=(1.0,))
    power = grid(card, lambda mass, g: 1e4 * g**4 * (g < 5), effective=400.0)
    (curve,) = find_curves(power, card)
    edge = curve.intervals[0][0].lower
    assert edge.error == pytest.approx(1 / np.sqrt(400) / 4, rel=1e-3, abs=0)
    assert not edge.thin
    thin = find_limit(grid(card, humped, effective=99.0), card)
    (interval,) = thin.curves[0].intervals[0]
    assert interval.lower.thin

    assert interval.upper.thin
    assert "2 of 2 edges rest on fewer than 100 effective events" in thin.text()


def test_edges_of_an_opaque_core_are_told():
    """Catches an edge where the emission is an upper bound, given without a word."""
    card = scan()
    told = find_limit(grid(card, humped, bound_from=3), card)
    free = find_limit(grid(card, humped), card)
    assert told.curves[0].bounded_edges
    assert "upper bound" in told.text()
    assert not free.curves[0].bounded_edges
    assert "upper bound" not in free.text()


def test_two_detectors_add_their_statistics():
    """Catches detectors of which one alone is judged, and counts added before the test."""
    data = {name: DataSetting(observed=10.0, background=10.0) for name in ("smm-grs", "dune")}
    one = scan(replace(SETTING, data=data))
    two = scan(replace(SETTING, data=data), detectors=("smm-grs", "dune"))
    single = find_curves(grid(one, humped), one)[0].edges("lower")
    both = find_curves(grid(two, humped), two)[0].edges("lower")
    lower = [exact_edges(mass, signal_at(10, 4.0))[0] for mass in MASSES]
    half = [exact_edges(mass, signal_at(10, 2.0))[0] for mass in MASSES]
    assert single == pytest.approx(lower, rel=2e-5, abs=0)
    assert both == pytest.approx(half, rel=2e-5, abs=0)


def test_energy_window_takes_its_share():
    """Catches counts outside the window of the limit taken as signal."""
    data = {"smm-grs": DataSetting(low=EDGES[18], high=200.0, observed=10.0, background=10.0)}
    card = scan(replace(SETTING, data=data))
    (curve,) = find_curves(grid(card, humped), card)
    lower = exact_edges(1.0, 2 * signal_at(10, 4.0))[0]
    assert curve.edges("lower")[0] == pytest.approx(lower, rel=2e-5, abs=0)


def test_coarse_bin_that_is_cut_is_said():
    """Catches a bin of 25 MeV shared by width without a word."""
    data = {"smm-grs": DataSetting(low=60.0, high=100.0, observed=10.0, background=10.0)}
    card = scan(replace(SETTING, data=data), masses=(1.0,))
    wide = np.array([25.0, 50.0, 75.0, 100.0])
    with pytest.warns(PhysicsWarning, match=r"60 MeV cuts the scan's bin from 50 to 75 MeV"):
        find_curves(grid(card, humped, edges=wide), card)


@pytest.mark.parametrize(
    ("detector", "entry", "window", "observed", "background"),
    [
        ("smm-grs", DataSetting(), 223.2, 1393.0, 6.4 * 223.2),
        ("smm-grs", DataSetting(background="observed"), 223.2, 1393.0, 1393.0),
        ("smm-grs", DataSetting(observed="background"), 100.0, 640.0, 640.0),
        ("smm-grs", DataSetting(observed="background", background=2.5), None, 2.5, 2.5),
        ("kamiokande-2-akita", DataSetting(), None, 9.0, 0.0),
        ("kamiokande-2-akita", DataSetting(low=15.0, high=50.0), 13.0, 4.0, 0.0),
        ("kamiokande-2-akita", DataSetting(observed=0.0), 13.0, 0.0, 0.0),
    ],
)
def test_data_come_from_the_limit_or_the_detector(detector, entry, window, observed, background):
    """Catches events beyond the window counted, and a rate taken for counts."""
    card = scan(replace(SETTING, data={detector: entry}), detectors=(detector,), window=window)
    told = criterion(card.limit, card.points[:1], [EDGES]).told[detector]
    assert told["observed"] == pytest.approx(observed, rel=1e-12, abs=0)
    assert told["background"] == pytest.approx(background, rel=1e-12, abs=0)


def test_rate_of_a_whole_window_is_not_that_of_a_part():
    """Catches the background of 25-100 MeV used for a part of it."""
    entry = DataSetting(low=50.0, high=100.0, observed=3.0)
    card = scan(replace(SETTING, data={"smm-grs": entry}))
    with pytest.raises(InputError, match=r"limit\.data\.smm-grs\.background: missing"):
        criterion(card.limit, card.points[:1], [EDGES])


def test_poisson_limit():
    """Catches the likelihood ratio used in place of the classical limit: 2.9957 at 95 %."""
    setting = replace(
        SETTING,
        statistic="poisson",
        confidence_level=0.95,
        data={"smm-grs": DataSetting(observed=0.0, background=0.0)},
    )
    card = scan(setting)
    (curve,) = find_curves(grid(card, humped), card)
    lower, _ = exact_edges(10.0, mpmath.log(20))
    assert curve.edges("lower")[1] == pytest.approx(lower, rel=2e-5, abs=0)


def test_coverage_is_that_of_the_counts():
    """Catches toys without the background, and exclusion and coverage exchanged."""
    card = scan(replace(SETTING, delta=float(chdtri(1, 0.1))))
    (curve,) = find_curves(grid(card, humped), card, toys=100_000)
    signal = (1 + 1e-6) * humped(curve.covered.mass, curve.covered.coupling)
    assert curve.covered.mass == 10.0  # of the median edge
    exact = exact_coverage(signal, 10.0, lambda n: signal_limit(n, 10.0, card.limit.delta))
    assert curve.covered.share == pytest.approx(exact, rel=0, abs=5 * curve.covered.error)
    assert 0 < curve.covered.error < 2e-3
    found = find_limit(grid(card, humped), card, toys=1000)
    assert "coverage at the median lower edge" in found.text()
    poisson = replace(card.limit, statistic="poisson", confidence_level=0.9)
    (curve,) = find_curves(grid(card, humped), replace(card, limit=poisson), toys=100_000)
    signal = (1 + 1e-6) * humped(curve.covered.mass, curve.covered.coupling)
    exact = exact_coverage(signal, 10.0, lambda n: poisson_limit(n, 10.0, 0.9))
    assert curve.covered.share == pytest.approx(exact, rel=0, abs=5 * curve.covered.error)
    assert exact == pytest.approx(0.9, rel=1e-4, abs=0)


def test_energy_loss():
    """Catches the luminosity taken from all times, and counts of a detector taken for energy."""
    setting = replace(SETTING, method="energy", energy_erg=2e52, data={})
    card = scan(setting, detectors=("smm-grs", ENERGY))
    assert judged(card) == (ENERGY,)
    lost = grid(card, lambda mass, g: 1e50 * humped(mass, g))
    (curve,) = find_curves(lost, card)
    assert curve.edges("lower")[0] == pytest.approx(
        exact_edges(1.0, mpmath.mpf(200))[0], rel=2e-5, abs=0
    )
    times = np.linspace(0, 20, 41)
    bright = replace(card, limit=replace(setting, energy_erg=None, luminosity=1e51))
    flat = grid(card, lambda mass, g: 1e50 * humped(mass, g))
    for number, one in flat.series.items():
        even = np.repeat(one.counts[:, None] / 40, 40, axis=1)
        flat.series[number] = replace(one, edges=times, spectrum=even, variance=even * 0)
    (curve,) = find_curves(flat, bright)
    assert curve.edges("lower")[2] == pytest.approx(
        exact_edges(100.0, mpmath.mpf(10 * 20))[0], rel=2e-5, abs=0
    )
    assert "luminosity_erg_per_s" in curve.told


MAJORON = Path(__file__).parents[2] / "macros" / "limit-majoron.toml"


def test_spectrum_far_above_the_burst():
    """Catches bins of the signal beside others of the burst: 1.35 counts there are q = 2.7."""
    settings = ['scan.mass=["1 MeV", "10 MeV"]', 'scan.detectors=["imb-akita"]']
    settings += ["limit.compare=[]", 'scan.coupling.parameter="g_ee"']
    card = load_scan(MAJORON, settings)
    card = replace(card, couplings=FINE[::8])
    edges = np.geomspace(19.0, 1000.0, 103)
    far = edges[:-1] > 300
    filled = empty_grid(card, {}, {})
    for point in card.points:
        one = series(humped(point.mass, np.array(card.couplings)), edges=edges)
        spectrum = one.counts[:, None] * far / far.sum()
        filled.series[point.number] = replace(one, spectrum=spectrum, variance=spectrum / 100)
    (curve,) = find_curves(filled, card)
    lower = [exact_edges(mass, mpmath.mpf("1.35"))[0] for mass in (1, 10)]
    assert curve.edges("lower") == pytest.approx(lower, rel=1e-3, abs=0)
    assert curve.told["imb-akita"]["observed"] == 8
    # IMB alone, as in docs/limits.md
    assert curve.told["best_burst"]["mean_energy_MeV"] == pytest.approx(13.7, rel=0.02, abs=0)


def test_spectrum_has_its_own_data():
    """Catches observed counts of the card that are read and dropped."""
    data = {"imb-akita": DataSetting(observed=8.0)}
    card = scan(replace(SETTING, method="spectrum", data=data), detectors=("imb-akita",))
    with pytest.raises(InputError, match=r"limit\.data\.imb-akita\.observed: found with method"):
        criterion(card.limit, card.points[:1], [EDGES])
    narrow = {"imb-akita": DataSetting(low=30.0, high=30.1)}
    card = scan(replace(SETTING, method="spectrum", data=narrow), detectors=("imb-akita",))
    with pytest.raises(InputError, match="less than one bin"):
        criterion(card.limit, card.points[:1], [EDGES])


def test_curves_of_parameters_and_axes_are_named():
    """Catches curves mixed up: each has its own counts, and its name in the table."""
    axes = (Axis("supernova.ordering", ("NO", "IO")),)
    card = scan(parameters=("d_e", "d_mu"), axes=axes, masses=(1.0,))
    filled = grid(card, humped)
    for number in range(4):
        counts = humped(10.0**number, np.array(card.couplings))
        filled.series[number] = series(counts)
    rows = find_limit(filled, card).rows()
    assert rows[0] == ["mass_MeV", "lower", "upper", "curve"]
    assert [row[3] for row in rows[1:]] == [
        "d_e; supernova.ordering = NO",
        "d_e; supernova.ordering = IO",
        "d_mu; supernova.ordering = NO",
        "d_mu; supernova.ordering = IO",
    ]
    for number, row in enumerate(rows[1:]):
        lower, _ = exact_edges(10.0**number, signal_at(10, 4.0))
        assert float(row[1]) == pytest.approx(lower, rel=1e-5, abs=0)


def printed(**changes) -> Comparison:
    """Make a printed limit."""
    fields = {"mass": 10.0, "coupling": 0.1, "edge": "lower", "curve": None, "parameter": None}
    return Comparison(source="A. Nobody", reason="another core", **{**fields, **changes})


def test_comparison_is_ours_over_theirs():
    """Catches the inverse ratio, and a mass of the grid where a neighbour's edge is asked for."""
    card = scan(replace(SETTING, compare=(printed(), printed(mass=1000.0), printed(mass=30.0))))
    found = find_limit(grid(card, lambda mass, g: 0.1 * humped(mass, g) * (mass < 50)), card)
    at_node, beyond, between_nodes = found.compared
    lower, _ = exact_edges(1.0, signal_at(10, 4.0))
    assert at_node.ours[0] == pytest.approx(lower, rel=2e-5, abs=0)
    assert at_node.ratios[0] == pytest.approx(lower / 0.1, rel=2e-5, abs=0)
    assert np.isnan(beyond.ratios[0])
    assert np.isnan(between_nodes.ratios[0])  # at 100 MeV nothing is excluded
    assert f"{lower:.3g}, 0.1, ratio {lower / 0.1:.3g} (A. Nobody; another core)" in found.text()
    assert found.record()["comparison"][1]["ratio"] == [None]


def test_edges_between_masses_are_straight_in_the_logarithms():
    """Catches an interpolation in the mass itself."""
    card = scan()
    (curve,) = find_curves(grid(card, humped), card)
    edges = curve.edges("lower")
    middle = edge_at(curve, "lower", np.array([1.0, np.sqrt(10.0), 100.0]))
    expected = [edges[0], np.sqrt(edges[0] * edges[1]), edges[2]]
    assert middle == pytest.approx(expected, rel=1e-12, abs=0)


def test_printed_curve_is_compared_at_its_masses(tmp_path):
    """Catches empty cells read as zero, and the upper edge compared with the lower."""
    path = tmp_path / "theirs.csv"
    path.write_text("mass_MeV,lower,upper\n1,0.1,\n5,0.05,2\n10,,2\n")
    card = scan(replace(SETTING, compare=(printed(curve=path, mass=None, coupling=None),)))
    found = find_limit(grid(card, humped), card)
    lower, upper = found.compared
    assert lower.masses.tolist() == [1, 5]
    assert upper.masses.tolist() == [5, 10]
    (curve,) = found.curves
    assert upper.ratios[1] == pytest.approx(curve.edges("upper")[1] / 2, rel=1e-12, abs=0)
    assert "upper at 5 to 10 MeV: at 2 of 2 masses" in found.text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mass,lower,upper\n1,2,3\n", "needs 'mass_MeV,lower,upper'"),
        ("1,2,3\n", "found the header ''"),
        ("", "found no row of numbers"),
        ("mass_MeV,lower,upper\n", "found no row of numbers"),
        ("mass_MeV,lower,upper\n1,2,3\n1,x,3\n", "line 3, column 'lower': found 'x'"),
        ("mass_MeV,lower,upper\n-1,2,3\n", "line 2, column 'mass_mev': found -1;"),
        ("mass_MeV,lower,upper\n1,0,3\n", "line 2, column 'lower': found 0;"),
        ("mass_MeV,lower,upper\n1,2\n", "line 2: found 2 numbers; needs 3"),
        ("mass_MeV,lower,upper\n,2,3\n", "line 2, column 'mass_mev': found nan;"),
    ],
)
def test_printed_curve_that_is_none_is_refused(tmp_path, text, said):
    """Catches a table of another kind compared with, or a traceback."""
    path = tmp_path / "theirs.csv"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read_curves(path)
    assert said in str(error.value)


def test_tables_of_limits_are_compared_curve_by_curve(tmp_path):
    """Catches the rows of several couplings taken for one curve, and comments for numbers."""
    path = tmp_path / "theirs.csv"
    path.write_text(
        "# by hand, 2026\nmass_MeV,lower,upper,curve\n1,0.1,,d_e\n1,0.2,,d_mu\n5,0.3,,d_mu\n"
    )
    compared = (printed(curve=path, mass=None, coupling=None),)
    card = scan(replace(SETTING, compare=compared), parameters=("d_e", "d_mu", "d_tau"))
    found = find_limit(grid(card, humped), card).compared
    assert {one.curve: one.theirs.tolist() for one in found} == {"d_e": [0.1], "d_mu": [0.2, 0.3]}
    other = scan(replace(SETTING, compare=compared))
    with pytest.raises(InputError, match=r"found the curves d_e, d_mu; needs one called d$"):
        find_limit(grid(other, humped), other)


@pytest.mark.filterwarnings("ignore::snmc.ground.errors.PhysicsWarning")
def test_a_table_gives_the_limit_back(tmp_path):
    """Catches a table whose regions are not those it was written of: gaps, open ends, curves."""
    axes = (Axis("supernova.ordering", ("NO", "IO")),)

    def two_bumps(mass, g):
        bumps = 1e3 * np.exp(-2 * np.log(g / 0.01) ** 2) + 1e3 * np.exp(-2 * np.log(g) ** 2)
        return (bumps if mass < 50 else 1e4 * g**4) * (mass != 10)

    for changes in ({}, {"parameters": ("d_e", "d_mu"), "axes": axes}):
        card = scan(couplings=COARSE, **changes)
        found = find_limit(grid(card, two_bumps), card)
        path = tmp_path / "a.csv"
        path.write_text("\n".join(map(",".join, found.rows())) + "\n")
        read = read_limit(card, path)
        assert read.rows() == found.rows()
        assert [len(one) for one in read.curves[0].intervals] == [2, 0, 1]
        for one, other in zip(read.curves, found.curves, strict=True):
            assert (one.name, one.parameter, one.choice) == (
                other.name, other.parameter, dict(other.choice)
            )  # fmt: skip
        draw_limit(read)
    with pytest.raises(InputError, match=r"found 'd_e; .*needs the curve '' of card\.toml"):
        read_limit(scan(couplings=COARSE), path)


def test_every_mass_is_told_or_said_to_be_left_out(tmp_path):
    """Catches masses dropped from the summary in silence."""
    for count, left in ((60, None), (61, 1), (100, 40)):
        card = scan(masses=tuple(np.geomspace(1.0, 100.0, count)), couplings=COARSE)
        found = replace(find_limit(grid(card, humped), card), table=tmp_path / "a.csv")
        lines = found.text().splitlines()
        rows = [line for line in lines if line.split()[1:3] and line.count("+-") == 2]
        assert len(rows) == min(count, 60)
        said = [line.strip() for line in lines if "not listed" in line]
        told = f"{left} of the {count} masses are not listed here; all are in a.csv"
        assert said == ([] if left is None else [told])


def test_printed_curves_look_different_without_colour(tmp_path):
    """Catches two comparisons that one cannot tell apart in a grey print, or by the legend."""
    files = []
    for name in ("first", "second", "third"):
        files.append(tmp_path / f"{name}.csv")
        files[-1].write_text("mass_MeV,lower,upper\n1,0.1,2\n10,0.05,3\n")
    numbers = {"mass": None, "coupling": None}
    compared = (
        *(printed(curve=path, **numbers) for path in files[:2]),
        replace(printed(curve=files[2], **numbers), source="B. Somebody"),
        printed(),
    )
    card = scan(replace(SETTING, compare=compared), couplings=COARSE)
    limit = find_limit(grid(card, humped), card)
    figure = draw_limit(limit)
    (ax,) = figure.axes
    drawn = [line for line in ax.lines if line.get_marker() != "None"]
    looks = {(line.get_marker(), str(line.get_linestyle())) for line in drawn}
    assert len(drawn) == 7  # a lower and an upper edge of each curve, and a number
    assert len({mark for mark, _ in looks}) == 4
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == [
        "excluded", "A. Nobody (first)", "A. Nobody (second)", "B. Somebody", "A. Nobody"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "mass_MeV,lower,upper,curve\n1,2,,gamma rays 1\n3,,4,gamma rays 1\n",
        '\ufeff"mass_MeV","lower","upper"\r\n# digitised\r\n1D0,2,\r\n3,,4\r\n',
    ],
)
def test_printed_curves_are_read_as_people_write_them(tmp_path, text):
    """Catches text behind, a byte-order mark or Fortran's exponents refused, gaps closed up."""
    path = tmp_path / "theirs.csv"
    path.write_text(text, encoding="utf-8", newline="")
    ((masses, lower, upper),) = read_curves(path).values()
    np.testing.assert_array_equal(masses, [1, 3])
    np.testing.assert_array_equal(lower, [2, np.nan])
    np.testing.assert_array_equal(upper, [np.nan, 4])


def test_parameter_of_a_comparison_chooses_the_curve():
    """Catches a limit on one coupling compared with that on another."""
    card = scan(replace(SETTING, compare=(printed(parameter="d_mu"),)), parameters=("d_e", "d_mu"))
    assert [one.curve for one in find_limit(grid(card, humped), card).compared] == ["d_mu"]


def test_no_number_is_an_error():
    """Catches NaN taken for "not excluded"."""
    couplings = np.array([1.0, 2.0])
    blocks = [np.ones((2, 1))]
    with pytest.raises(PhysicsError, match="gives no number at coupling 2"):
        excluded_intervals(couplings, blocks, blocks, lambda b: b[0][:, 0], np.array([0, np.nan]))


def test_one_coupling_is_no_grid():
    """Catches an index error where one line is due."""
    card = scan(couplings=(1.0,))
    with pytest.raises(InputError, match=r"scan\.coupling: found one value"):
        find_curves(grid(card, humped), card)


@pytest.fixture
def runs(monkeypatch, tmp_path):
    """Give a function that runs a limit in an empty folder, with a grid that is there."""
    monkeypatch.chdir(tmp_path)
    cards = []

    def run_scan(card, **options):
        cards.append((card, options))
        return grid(card, humped)

    monkeypatch.setattr("snmc.judgement.scan.fill_grid", run_scan)

    def run(card, name=None, **changes):
        options = {
            "workers": 1, "scheduler": None, "resume": False, "overwrite": False, "quiet": True,
        }  # fmt: skip
        return run_limit(card, name, **{**options, **changes})

    return SimpleNamespace(run=run, cards=cards, folder=tmp_path)


def test_files_of_a_limit(runs):
    """Catches another header or line end, an edge that differs from the one reported."""
    card = scan()
    found = runs.run(card, Path("here"))
    assert sorted(path.name for path in runs.folder.iterdir()) == [
        "here.csv",
        "here.json",
        "here.png",
    ]
    edges = [found.curves[0].edges(side) for side in ("lower", "upper")]
    lines = [f"{m:g},{a:.6g},{b:.6g}\n" for m, a, b in zip(MASSES, *edges, strict=True)]
    table = (runs.folder / "here.csv").read_bytes().decode()
    assert table == "mass_MeV,lower,upper\n" + "".join(lines)
    record = json.loads((runs.folder / "here.json").read_text())
    assert record["curves"][0]["excluded"][0]["lower"]["coupling"] == edges[0][0]
    assert runs.cards[0][0].output == runs.folder / "here.grid.root"
    assert (runs.folder / "here.png").read_bytes().startswith(b"\x89PNG")


def test_a_limit_that_cannot_be_is_told_before_the_scan(runs):
    """Catches hours of scanning that end in an error of [limit]."""
    part = DataSetting(low=30.0, high=100.0)  # the card's counts are those of the whole window
    card = scan(replace(SETTING, data={"smm-grs": part}))
    with pytest.raises(InputError, match=r"card\.toml: limit\.data\.smm-grs"):
        runs.run(card)
    assert runs.cards == []


def test_files_of_another_scan_are_kept(runs):
    """Catches the table of somebody else overwritten; and a new delta that would need a flag."""
    card = scan()
    runs.run(card)
    runs.run(replace(card, limit=replace(SETTING, delta=2.7)))
    other = replace(card, title="Another")
    with pytest.raises(InputError, match=r"not of this scan; use --overwrite"):
        runs.run(other)
    assert len(runs.cards) == 2
    runs.run(other, overwrite=True)
    (runs.folder / "mine.csv").write_text("mine")
    with pytest.raises(InputError, match=r"mine\.csv"):
        runs.run(card, Path("mine.pdf"))


def test_a_record_cut_off_counts_as_absent(runs):
    """Catches a limit that is stuck after a full disk, or a foreign file beside it replaced."""
    card = scan()
    (runs.folder / "here.json").write_text('{"title": ')
    runs.run(card, Path("here"))
    (runs.folder / "here.json").write_text("{")
    with pytest.raises(InputError, match=r"here\.png: found a file that is not of this scan"):
        runs.run(card, Path("here"))
    (runs.folder / "mine.json").write_text("[1, 2]")
    with pytest.raises(InputError, match=r"mine\.json: found a file that is not of this scan"):
        runs.run(card, Path("mine"))


@pytest.mark.parametrize("failing", ["here.json", "here.csv", "here.png"])
def test_a_full_disk_leaves_whole_files(runs, monkeypatch, failing):
    """Catches half a table under its name, an error that names no file, and a limit that is stuck.

    The disk is full where the file that fails takes its name.
    """
    replace_file = os.replace

    def full(source, target):
        if Path(target).name == failing:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace_file(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(OutputError, match=rf"{failing}: No space left on device"):
            runs.run(scan(), Path("here"))
    names = ["here.json", "here.csv", "here.png"]
    left = {path.name for path in runs.folder.iterdir()}
    assert left == set(names[: names.index(failing)])
    runs.run(scan(), Path("here"))
    assert {path.name for path in runs.folder.iterdir()} == set(names)


def test_two_limits_of_one_name(runs):
    """Catches files of two limits mixed, and a limit that waits for its own scan."""
    for name in ("here.json", "here.grid.root"):
        with locked(runs.folder / name), pytest.raises(OutputError, match=f"{name}: process"):
            runs.run(scan(), Path("here"))
    assert runs.cards == []
    runs.run(scan(), Path("here.pdf"))


def test_a_link_to_nowhere_is_told_before_the_scan(runs):
    """Catches hours of scanning that end in a picture that cannot be written."""
    (runs.folder / "here.png").symlink_to("gone.png")
    with pytest.raises(OutputError, match=r"here\.png: found a symbolic link to gone\.png"):
        runs.run(scan(), Path("here"))
    assert runs.cards == []


def test_toys_of_an_energy_are_refused(runs):
    """Catches a scan of hours before the line that says so."""
    setting = replace(SETTING, method="energy", energy_erg=1e52, data={})
    with pytest.raises(InputError, match=r"found with limit\.method = 'energy'"):
        runs.run(scan(setting, detectors=(ENERGY,)), toys=10)
    fixed = scan(replace(SETTING, method="spectrum", profile=False))
    with pytest.raises(InputError, match=r"found with limit\.profile = false"):
        runs.run(fixed, toys=10)
    assert runs.cards == []


SCAN = """
[scan]
mass = ["100 MeV"]
coupling = {parameter = "d", from = "1e-18 / MeV", to = "1e-12 / MeV", points = 13}
detectors = ["smm-grs"]
events = 2000

[limit]
method = "counting"
delta = 4

[limit.data.smm-grs]
background = "observed"
"""


def status(*arguments):
    """Run the command and give its exit status."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return end.value.code


def test_from_a_card_to_a_limit(card_text, tmp_path, monkeypatch, capsys):
    """Catches a part of the chain that does not fit the next, and a grid that is not used again."""
    monkeypatch.chdir(tmp_path)
    Path("my.toml").write_text(card_text + SCAN)
    assert status("limit", "my.toml", "--quiet", "--toys", "100") == 0
    first = capsys.readouterr().out
    assert "energy 25 to 100 MeV, observed 1393, background 1393" in first
    assert "coverage at the median lower edge" in first
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"my.toml", "my.grid.root", "my.png", "my.csv", "my.json"}
    ((mass, lower, upper),) = [row.split(",") for row in Path("my.csv").read_text().split()[1:]]
    assert float(mass) == 100
    assert 1e-17 < float(lower) < float(upper)
    grid_file = Path("my.grid.root").read_bytes()
    assert status("limit", "my.toml", "--quiet", "--set", "limit.delta=16", "-o", "my.svg") == 0
    assert Path("my.grid.root").read_bytes() == grid_file
    assert status("limit", "my.toml", "--quiet", "--overwrite") == 0
    assert Path("my.grid.root").read_bytes() == grid_file  # measured again only for another scan
    assert status("limit", "my.toml", "--quiet", "--set", "limit.delta=16", "-o", "my.svg") == 0
    ((_, higher, _),) = [row.split(",") for row in Path("my.csv").read_text().split()[1:]]
    assert float(higher) > float(lower)
    assert Path("my.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["c.toml"], "limit: missing; needs a table [limit]"),
        (["c.toml", "--resume", "--overwrite"], "found --resume and --overwrite; give one"),
        (["c.toml", "-o", "no/such"], "--output: found 'no/such'; there is no folder 'no'"),
        (["c.toml", "--toys", "0"], "Invalid value for '--toys'"),
    ],
)
def test_bad_input_is_one_line_and_status_2(card_text, tmp_path, monkeypatch, capsys, line, said):
    """Catches a traceback, and a scan before an error that could be told at once."""
    monkeypatch.chdir(tmp_path)
    text = SCAN if "no/such" in line else SCAN[: SCAN.index("[limit]")]
    Path("c.toml").write_text(card_text + text)
    assert status("limit", *line) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said in error


@pytest.mark.parametrize("ending", [".png", ".pdf", ".svg"])
def test_names_of_files(runs, ending):
    """Catches a dot in a name taken for the kind of picture."""
    found = output_of(Path(f"run.v2{ending}"))
    assert found.picture.name == f"run.v2{ending}"
    assert found.table.name == "run.v2.csv"
    assert output_of(Path("run.v2")).picture.name == "run.v2.png"
    for other in (".csv", ".json", ".root", ".grid.root"):
        assert output_of(Path(f"run.v2{other}")) == output_of(Path("run.v2"))
    with pytest.raises(InputError, match="there is no folder 'no'"):
        output_of(Path("no/such"))


@pytest.mark.filterwarnings("ignore::snmc.ground.errors.PhysicsWarning")
@pytest.mark.parametrize(
    "counts",
    [
        humped,
        lambda mass, g: 0 * g,
        lambda mass, g: 1e9 + 0 * g,
        lambda mass, g: humped(mass, g) * (mass != 10),
        lambda mass, g: 1e4 * g**4,
    ],
)
@pytest.mark.parametrize("masses", [MASSES, (1.0,)])
def test_every_shape_of_region_is_drawn(tmp_path, counts, masses):
    """Catches matplotlib's warnings and errors for empty, full, open and broken regions."""
    card = scan(replace(SETTING, compare=(printed(mass=1.0),)), couplings=COARSE, masses=masses)
    plot_limit(find_limit(grid(card, counts), card), tmp_path / "a.png")


def test_region_has_the_edges_of_the_table():
    """Catches a picture that shows another region than the table."""
    card = scan(couplings=COARSE)
    (curve,) = find_curves(grid(card, humped), card)
    masses, couplings, inside = region(curve)
    for mass, (interval,) in zip(MASSES, curve.intervals, strict=True):
        (row,) = inside[np.isclose(masses, mass, rtol=1e-9, atol=0)]
        excluded = couplings[row > 0]
        step = couplings[1] / couplings[0]
        assert interval.lower.coupling <= excluded[0] <= interval.lower.coupling * step
        assert interval.upper.coupling / step <= excluded[-1] <= interval.upper.coupling


@pytest.mark.parametrize(
    ("parameter", "formula"),
    [
        ("d", "$d$"),
        ("d_mu", r"$d_{\mu}$"),
        ("U2_tau", r"$|U_{\tau}|^2$"),
        ("g_emu", r"$g_{e\mu}$"),
        ("kinetic_mixing", "kinetic mixing"),
    ],
)
def test_couplings_have_their_symbols(parameter, formula):
    """Catches U2 on an axis where |U|^2 is meant."""
    assert symbol(parameter) == formula
