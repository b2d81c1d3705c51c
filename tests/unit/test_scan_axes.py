"""Points along an axis of a scan: the same random numbers, so that they can be compared."""

import csv
import io
import itertools

import numpy as np
import pytest

from snmc.cli import main
from snmc.judgement.grid import load_grid
from snmc.judgement.measurement import measure
from snmc.judgement.series import BATCHES, Series, ratio_of
from snmc.run.scan_card import load_scan

SCAN = """
[scan]
mass = ["40 MeV"]
coupling = {parameter = "d", from = "1e-17 / MeV", to = "1e-11 / MeV", points = 7}
events = 4000
"""
WINDOWS = '[scan.axes]\n"observation.window" = ["20 s", "100 s", "1000 s", "1e5 s"]\n'
EVENTS, SEED = 4000, 7


@pytest.fixture
def load(tmp_path, card_text, monkeypatch):
    """Load a scan of one cheap process with further tables."""
    monkeypatch.chdir(tmp_path)
    text = card_text.replace('mass = "100 MeV"\nd = "1e-15 / MeV"\n', "").replace(
        'name = "dipole"', 'name = "dipole"\nprocesses = ["inverse-decay"]'
    )

    def loaded(tables: str, *settings: str):
        (tmp_path / "c.toml").write_text(text + SCAN + tables)
        return load_scan(tmp_path / "c.toml", ["observation.detector=smm-grs", *settings])

    return loaded


def series_of(card) -> list[Series]:
    """Measure every point of a card."""
    return [measure(point, card.couplings, EVENTS, SEED, None) for point in card.points]


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("observation.window", '["20 s", "100 s", "1000 s", "1e5 s"]'),
        ("observation.max_angle", '["1e-9 deg", "1e-8 deg", "1e-7 deg", "180 deg"]'),
        ("supernova.photosphere", '["1e12 m", "1e11 m", "1e10 m", "1e9 m"]'),
    ],
)
def test_who_looks_longer_or_wider_never_sees_less(load, key, values):
    """Catches random numbers of its own for each point, and a proposal that leaves some out."""
    card = load(f'[scan.axes]\n"{key}" = {values}\n')
    found = series_of(card)
    for smaller, larger in itertools.pairwise(found):
        assert np.all(larger.counts >= smaller.counts)
        assert np.all(larger.spectrum >= smaller.spectrum)
    assert np.any(found[-1].counts > 1.1 * found[0].counts)


def test_shared_random_numbers_leave_no_bias(load):
    """Catches weights that forget what the other points of an axis are drawn for.

    Each window is measured alone too, with other random numbers, by the proposal of that window.
    """
    card = load(WINDOWS)
    for point, shared in zip(card.points, series_of(card), strict=True):
        window = f"observation.window={point.card.observation.window_s} s"
        alone = measure(load("", window).points[0], card.couplings, 20_000, SEED + 1, None)
        trusted = (shared.effective > 50) & (alone.effective > 50)
        assert trusted.sum() >= 4
        apart = (shared.counts - alone.counts)[trusted]
        assert np.all(np.abs(apart) < 3.9 * np.hypot(shared.error, alone.error)[trusted])


def test_distances_differ_by_their_square_alone(load):
    """Catches flavours, energies or detections drawn anew for another distance."""
    near, far = series_of(load('[scan.axes]\n"supernova.distance" = ["5 kpc", "50 kpc"]\n'))
    ratio, error = ratio_of(near, far)
    known = far.effective > 50
    assert known.any()
    np.testing.assert_allclose(ratio[known], 100.0, rtol=1e-6)
    assert np.all(error[known] < 1e-3)


def test_energy_past_a_smaller_sphere_is_never_less(load):
    """Catches parents drawn anew for another neutrinosphere."""
    card = load(
        '[scan.axes]\n"supernova.neutrinosphere" = ["100 km", "50 km", "20 km"]\n',
        "scan.energy=true", "scan.coupling.to=1e-8 / MeV",
    )  # fmt: skip
    found = series_of(card)[3:]
    for smaller, larger in itertools.pairwise(found):
        assert np.all(larger.counts >= smaller.counts)
    assert np.any(found[-1].counts > 1.1 * found[0].counts)


def test_streams_are_those_of_the_first_choice(load):
    """Catches streams by the point along an axis, or the same one for two masses or detectors."""
    card = load(WINDOWS, 'scan.mass=["40 MeV", "60 MeV"]', "scan.energy=true")
    assert [point.stream for point in card.points] == [0, 1] * 4 + [8, 9] * 4
    assert {len(point.alike) for point in card.points} == {4}
    plain = load("", 'scan.mass=["40 MeV", "60 MeV"]', "scan.energy=true")
    assert [point.stream for point in plain.points] == [0, 1, 2, 3]
    other = '[scan.axes]\n"generator.processes" = [["inverse-decay"], ["muon-scattering"]]\n'
    assert [len(point.alike) for point in load(other).points] == [1, 1]


def test_errors_of_ratios_know_what_is_shared():
    """Catches errors of ratios added in squares where the counts go together, and the reverse."""
    rng = np.random.default_rng(5)
    zero = np.zeros(1)

    def series(batches):
        batches = np.array([batches])
        return Series(zero, zero, zero, batches.sum(axis=1), zero, zero, zero > 0, batches)

    def sample(size):
        return rng.gamma(100, 1 / 100, (size, BATCHES))

    pulls, scatter = {"shared": [], "apart": []}, []
    for one, own in zip(sample(400), sample(400), strict=True):
        part = one * rng.binomial(100, 0.5, BATCHES) / 100
        for name, other in (("shared", one), ("apart", own)):
            (ratio,), (error,) = ratio_of(series(part), series(other))
            pulls[name].append((ratio - 0.5) / error)
            if name == "apart":
                scatter.append(error)
    for found in pulls.values():
        assert np.std(found) == pytest.approx(1.07, abs=0.13)  # Student's t with 15 degrees
        assert abs(np.mean(found)) < 0.2
    # the same sample's share is known better than two samples' ratio
    (_,), (error,) = ratio_of(series(one * 0.5), series(one))
    assert error < 1e-12 < np.median(scatter)


def test_what_is_not_known_is_not_told():
    """Catches a division by zero, and an error of a ratio from a grid without batches."""
    counts = np.array([2.0, 0.0])
    old = Series(counts, counts, counts, counts, counts, counts, counts > 9)
    ratio, error = ratio_of(old, old)
    np.testing.assert_array_equal(ratio, [1, np.nan])
    assert np.isnan(error).all()


def status(*arguments):
    """Run the command and give its exit status."""
    with pytest.raises(SystemExit) as end:
        main([str(one) for one in arguments])
    return end.value.code


def test_a_grid_is_written_as_a_table(load, capsys, tmp_path):
    """Catches numbers of another point in a row, units that nobody tells, NaN in a table."""
    load(WINDOWS)
    line = ("--set", "observation.detector=smm-grs", "--set", "scan.energy=true")
    assert status("scan", "c.toml", *line, "-o", "g.root", "--quiet") == 0
    told = capsys.readouterr().out
    assert "    along observation.window, there; over the first of them\n      20 s " in told
    assert status("show", "g.root", "--csv") == 0
    text = capsys.readouterr().out
    rows = list(csv.DictReader(io.StringIO(text)))
    grid = load_grid(tmp_path / "g.root")
    assert len(rows) == len(grid.points) * len(grid.couplings) == 56
    assert "nan" not in text
    for number, row in enumerate(rows):
        point = grid.points[number // 7]
        series, first = grid.series[point.number], grid.series[4 * (point.number // 4)]
        at = number % 7
        assert float(row["mass_MeV"]) == 40
        assert float(row["coupling_per_MeV"]) == pytest.approx(grid.couplings[at], rel=1e-7)
        assert row["observation.window"] == grid.axes[0][1][point.choice[0]]
        assert row["detector"] == point.detector
        assert row["unit"] == {"smm-grs": "events", "energy": "erg"}[point.detector]
        assert float(row["counts"]) == pytest.approx(series.counts[at], rel=1e-5)
        assert float(row["effective"]) == pytest.approx(series.effective[at], rel=1e-5)
        if first.counts[at] > 0:
            ratio, error = (numbers[at] for numbers in ratio_of(series, first))
            assert float(row["over_first"]) == pytest.approx(ratio, rel=1e-5)
            assert float(row["over_first_error"]) == pytest.approx(error, rel=1e-5)
        else:
            assert row["over_first"] == ""
    assert status("show", "c.toml", "--csv") == 2
    assert "--csv: found with 'c.toml'; needs the file of a grid" in capsys.readouterr().err
    assert status("show", "g.root", "--csv", "--json") == 2
