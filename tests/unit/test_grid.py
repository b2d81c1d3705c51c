"""The grid of a scan: its file, and how the scan fills, saves and continues it."""

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import uproot

from snmc.cli import main
from snmc.ground.errors import InputError, PhysicsError
from snmc.ground.files import OutputError, locked
from snmc.ground.root_file import DamageError, to_json
from snmc.judgement import grid as grid_module
from snmc.judgement import scan as scan_module
from snmc.judgement.grid import (
    Grid,
    GridPoint,
    check_grid,
    empty_grid,
    grid_report,
    is_grid,
    load_grid,
    read_grid,
)
from snmc.judgement.grid_plots import plot_grid
from snmc.judgement.scan import partial, run_scan, summary
from snmc.judgement.series import THIN, Series
from snmc.run.scan_card import ENERGY, load_scan

KEYWORDS = {
    "workers": 2, "scheduler": None, "resume": False, "overwrite": False, "quiet": True,
}  # fmt: skip
AXES = (
    ("supernova.ordering", ("NO", "IO")),
    ("generator.processes", (["inverse-decay"], ["muon-scattering", "inverse-decay"])),
)
SCAN = """
[scan]
mass = {from = "10 MeV", to = "100 MeV", points = 4}
coupling = {parameter = ["d_e", "d_mu"], from = "1e-17 / MeV", to = "1e-13 / MeV", points = 3}
detectors = ["smm-grs"]
energy = true
"""
POINTS = 16


def fake_series(number, couplings=3, bins=4):
    """Numbers that tell the point, the coupling and the bin."""
    place = 1000.0 * number + 10.0 * np.arange(couplings)
    spectrum = place[:, None] + np.arange(bins)
    return Series(
        edges=np.geomspace(25.0, 100.0, bins + 1), spectrum=spectrum, variance=spectrum / 7,
        counts=place / 3, error=place / 11, effective=place,
        bound=np.arange(couplings) % 2 == 1, batches=np.add.outer(place, np.arange(16)),
    )  # fmt: skip


def assert_same_series(one, other):
    """Fail unless both hold the same numbers, bit for bit."""
    for name in Series.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def assert_same_grid(one, other):
    """Fail unless two grids are the same but for how they were made."""
    assert replace(one, series={}, provenance={}) == replace(other, series={}, provenance={})
    assert one.series.keys() == other.series.keys()
    for number, series in one.series.items():
        assert_same_series(series, other.series[number])


def make_grid(detectors=("smm-grs",), axes=(), done=None):
    """Build a grid by hand: two masses, three couplings, two parameters."""
    masses, parameters = (0.1 + 0.2, 1.0), ("d_e", "d_mu")
    choices = list(np.ndindex(*(len(values) for _, values in axes)))
    points = []
    for detector in detectors:
        for parameter in parameters:
            for choice in choices:
                for mass in masses:
                    points.append(GridPoint(len(points), mass, parameter, choice, detector))
    numbers = range(len(points)) if done is None else done
    return Grid(
        card={"title": "By hand", "run": {"seed": 1}},
        identity={"card": {"a": 1}, "source": "0"}, masses=masses,
        couplings=(1e-17, 1e-16, 1 / 3), parameters=parameters, unit="1/MeV", axes=axes,
        detectors=tuple(detectors), points=tuple(points),
        series={number: fake_series(number) for number in numbers},
        provenance={"command": ["snmc"], "created": "today", "random": "told"},
    )  # fmt: skip


# --- the file --------------------------------------------------------------------------------


@pytest.mark.parametrize("axes", [(), AXES], ids=["plain", "axes"])
@pytest.mark.parametrize("done", [None, [], [0, 2], [3]], ids=["all", "none", "some", "last"])
@pytest.mark.parametrize(
    "detectors",
    [
        ("smm-grs",),
        ("smm-grs", ENERGY),
        ("/home/me/my-own.toml", "my-own", "/home/me/my_own.toml"),
        ("/a/energy.toml", ENERGY),
    ],
    ids=["one", "energy", "same names", "named energy"],
)
def test_a_grid_is_read_back_as_it_was(tmp_path, detectors, axes, done):
    """Catches points mixed up, a lost digit, or two detectors written into one tree."""
    grid = make_grid(detectors, axes, done)
    path = tmp_path / "g.root"
    grid.save(path)
    read = load_grid(path)
    assert_same_grid(read, grid)
    assert read.provenance == grid.provenance
    assert read.complete == (done is None)
    assert is_grid(path)
    assert grid_report(path)["complete"] == (done is None)


def test_series_are_found_by_what_they_are_of(tmp_path):
    """Catches the series of another parameter, detector or choice along the masses."""
    grid = make_grid(("smm-grs", ENERGY), AXES)
    for point in grid.points:
        found = grid.of(point.detector, point.parameter, point.choice)
        assert len(found) == len(grid.masses)
        assert found[grid.masses.index(point.mass)] is grid.series[point.number]
    with pytest.raises(KeyError):
        make_grid(done=[0]).of("smm-grs", "d_e", ())


def test_the_file_is_read_without_snmc(tmp_path):
    """Catches rows in another order than documented, and columns that nobody explains."""
    grid = make_grid(("smm-grs", "/x/my-own.toml"), AXES, done=[0, 1, 9, 17])
    grid.save(tmp_path / "g.root")
    with uproot.open(tmp_path / "g.root") as file:
        told = json.loads(str(file["metadata"]))
        assert told["trees"] == {"smm-grs": "grid_smm_grs", "/x/my-own.toml": "grid_my_own"}
        tree = file["grid_smm_grs"]
        assert set(tree.keys()) == set(told["columns"])
        rows = tree.arrays(library="np")
    assert all(column["meaning"] for column in told["columns"].values())
    assert rows["point"].tolist() == [0] * 3 + [1] * 3 + [9] * 3
    assert rows["coupling"].tolist() == list(grid.couplings) * 3
    for row, number in enumerate(rows["point"]):
        point, series = grid.points[number], grid.series[number]
        assert rows["mass"][row] == point.mass
        assert told["parameters"][rows["parameter"][row]] == point.parameter
        assert rows["supernova_ordering"][row] == point.choice[0]
        assert rows["generator_processes"][row] == point.choice[1]
        at = grid.couplings.index(rows["coupling"][row])
        assert rows["counts"][row] == series.counts[at]
        assert rows["thin"][row] == series.thin[at]
        np.testing.assert_array_equal(rows["spectrum"][row], series.spectrum[at])
    assert told["edges"]["smm-grs"] == grid.series[0].edges.tolist()
    assert told["done"] == [0, 1, 9, 17]


def test_a_grid_without_batches_is_read(tmp_path):
    """Catches a grid of version 0.3 that is refused, or batches made up for it."""
    grid = make_grid()
    for number, series in grid.series.items():
        grid.series[number] = replace(series, batches=None)
    grid.save(tmp_path / "g.root")
    with uproot.open(tmp_path / "g.root") as file:
        assert "batches" not in file["grid_smm_grs"]
    assert_same_grid(load_grid(tmp_path / "g.root"), grid)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", grid_module.STORED)
def test_nan_is_refused(name, value):
    """Catches a limit drawn through NaN."""
    wrong = fake_series(1)
    getattr(wrong, name).flat[2] = value
    grid = make_grid(done=[0])
    with pytest.raises(PhysicsError, match=rf"{name} of smm-grs at 1 MeV, d_e: found NaN"):
        grid.add(1, wrong)
    assert list(grid.series) == [0]


def damaged(path, content):
    """Write a grid's file, shortened or with other bytes in the middle."""
    make_grid().save(path)
    whole = path.read_bytes()
    path.write_bytes(content(whole))


@pytest.mark.parametrize(
    "content",
    [
        lambda whole: whole[: len(whole) // 2],
        lambda whole: b"root" + bytes(len(whole)),
        lambda whole: b"",
        lambda whole: whole[:400] + bytes(len(whole) - 400),
    ],
    ids=["cut", "zeros", "empty", "head"],
)
def test_a_damaged_file_is_one_line(tmp_path, content):
    """Catches a traceback of uproot, or half a grid taken for a whole one."""
    path = tmp_path / "g.root"
    damaged(path, content)
    with pytest.raises(InputError, match=r"g\.root: (damaged|cannot be read as|found no grid)"):
        load_grid(path)


def test_other_root_files_are_no_grids(tmp_path):
    """Catches somebody's histogram, or the events of a run, read as a grid."""
    path = tmp_path / "g.root"
    for metadata in (None, '{"title": "events"}'):
        with uproot.recreate(path) as file:
            file["h"] = np.histogram([1.0])
            if metadata:
                file["metadata"] = metadata
        assert not is_grid(path)
        with pytest.raises(InputError, match="found no grid of a scan in it"):
            load_grid(path)
    with pytest.raises(InputError, match="file not found"):
        load_grid(tmp_path / "none.root")


def test_keys_of_another_version_are_one_line(tmp_path):
    """Catches a KeyError for the grid of a version that stored something else."""
    path = tmp_path / "g.root"
    with uproot.recreate(path) as file:
        file["metadata"] = json.dumps({"kind": grid_module.KIND, "couplings": [], "trees": {}})
    with pytest.raises(InputError, match=r"metadata: card: missing; is the file of another"):
        load_grid(path)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_keeps_the_old_file(tmp_path, monkeypatch, step):
    """Catches an old grid lost, half a new one, or a temporary file left behind."""
    path = tmp_path / "g.root"
    make_grid(done=[0]).save(path)

    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, step, full)
        with pytest.raises(OutputError, match=r"No space left on device; what was saved before"):
            make_grid().save(path)
    assert_same_grid(load_grid(path), make_grid(done=[0]))
    assert list(tmp_path.iterdir()) == [path]


def test_an_interruption_while_saving(tmp_path, monkeypatch):
    """Catches Ctrl-C that leaves half a file, or a temporary one."""
    path = tmp_path / "g.root"

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        make_grid().save(path)
    assert not list(tmp_path.iterdir())


def test_the_file_has_the_rights_of_any_other(tmp_path):
    """Catches a grid that colleagues cannot read, by way of a private temporary file."""
    make_grid().save(tmp_path / "g.root")
    (tmp_path / "other").touch()
    assert (tmp_path / "g.root").stat().st_mode == (tmp_path / "other").stat().st_mode


def copies(content, number, seed):
    """Copies of a file with a bit flipped, and every fifth with a page of zeros."""
    random = np.random.default_rng(seed)
    for kind in range(number):
        copy = bytearray(content)
        place = int(random.integers(len(copy) // 2, len(copy)))
        if kind % 5:
            copy[place] ^= 1 << int(random.integers(8))
        else:
            copy[place : place + 512] = bytes(len(copy[place : place + 512]))
        yield bytes(copy)


def test_damage_of_a_whole_grid_is_found(tmp_path):
    """Catches a limit drawn through a flipped bit, and a traceback for one elsewhere."""
    path, grid = tmp_path / "g.root", make_grid(("smm-grs", ENERGY))
    grid.save(path)
    check_grid(path)
    found = []
    for copy in copies(path.read_bytes(), 40, seed=3):
        path.write_bytes(copy)
        try:
            read, damaged = read_grid(path)
        except DamageError:
            found.append(None)
            continue
        found.append(len(damaged))
        if damaged:
            with pytest.raises(DamageError, match=r"g\.root: damaged: .*--resume of `snmc scan`"):
                load_grid(path)
        for number, series in read.series.items():
            assert_same_series(series, grid.series[number])
        assert len(read.series) + len(damaged) == len(grid.points)
    assert None in found
    assert any(found)


def test_grids_of_version_03_are_read(tmp_path, monkeypatch):
    """Catches old grids called damaged, or called whole by a check that has nothing to check."""
    path = tmp_path / "g.root"
    with monkeypatch.context() as patch:
        patch.setattr(grid_module, "sealed", lambda told: to_json(
            {key: value for key, value in told.items() if key != "points_crc32"}))  # fmt: skip
        make_grid().save(path)
    assert_same_grid(load_grid(path), make_grid())
    with pytest.raises(InputError, match=r"has no checksums, as a file of version 0\.3"):
        check_grid(path)


def test_columns_have_titles(tmp_path):
    """Catches branches without meaning and unit for ROOT's users."""
    make_grid().save(tmp_path / "g.root")
    with uproot.open(tmp_path / "g.root") as file:
        tree = file["grid_smm_grs"]
        assert tree.title == "smm-grs by mass and coupling"
        assert tree["mass"].title == "mass of the particle [MeV]"
        assert tree["coupling"].title == "value of the coupling that runs [1/MeV]"


def test_names_that_uproot_would_split(tmp_path):
    """Catches a colon in a name taken for an object inside a file."""
    path = tmp_path / "a:b.root"
    make_grid().save(path)
    assert_same_grid(load_grid(path), make_grid())


# --- the scan --------------------------------------------------------------------------------


@pytest.fixture
def card(tmp_path, card_text, monkeypatch):
    """Give a card with sixteen points, each of which is saved as it comes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(scan_module, "SAVED_EVERY", 0.0)
    path = tmp_path / "card.toml"
    path.write_text(card_text.replace('d = "1e-15 / MeV"\n', "") + SCAN)

    def make(*settings):
        return load_scan(path, settings)

    return make


def fake(point, couplings, events, seed, bin_width):
    """Stand for `measure`: numbers that depend on all that it is told."""
    rng = np.random.default_rng([seed, point.number, events])
    spectrum = rng.random((len(couplings), 4)) * point.mass * np.array(couplings)[:, None]
    return Series(
        np.geomspace(25.0, 100.0, 5), spectrum, spectrum**2, spectrum.sum(axis=1),
        spectrum[:, 0], np.full(len(couplings), 500.0), np.zeros(len(couplings), bool),
    )  # fmt: skip


class StopError(Exception):
    """Something that stops a scan."""


def stopping(at, error=KeyboardInterrupt):
    """Stand for `measure` that raises at the points from number `at` on."""

    def measured(point, **keywords):
        if point.number >= at:
            raise error
        return fake(point, **keywords)

    return measured


def test_the_grid_does_not_depend_on_the_workers(card):
    """Catches results put at the points that happen to be ready."""
    grids = [
        run_scan(card(f"scan.output={n}.root"), **{**KEYWORDS, "workers": n}, measure=fake)
        for n in (1, 2, 5)
    ]
    assert len(grids[0].series) == POINTS
    for grid in grids[1:]:
        assert_same_grid(grid, grids[0])
    assert_same_grid(load_grid(Path("2.root")), grids[0])
    assert not list(Path().glob("*.part"))


@pytest.mark.parametrize(
    ("at", "error"),
    [(0, KeyboardInterrupt), (1, InputError("wrong")), (7, KeyboardInterrupt), (15, StopError)],
)
def test_an_interrupted_scan_goes_on(card, at, error):
    """Catches points lost, measured again, or of other streams after an interruption."""
    whole = run_scan(card("scan.output=whole.root"), **KEYWORDS, measure=fake)
    with pytest.raises(error if isinstance(error, type) else type(error)):
        run_scan(card(), **{**KEYWORDS, "workers": 1}, measure=stopping(at, error))
    output = card().output
    assert not output.exists()
    part = partial(output)
    assert part.exists() == (at > 0)
    if at:
        assert not load_grid(part).complete
        with pytest.raises(InputError, match="continue it with --resume"):
            run_scan(card(), **KEYWORDS, measure=fake)
    measured = []

    def counted(point, **keywords):
        measured.append(point.number)
        return fake(point, **keywords)

    grid = run_scan(card(), **{**KEYWORDS, "resume": True}, measure=counted)
    assert sorted(measured) == list(range(at, POINTS))
    assert_same_grid(grid, whole)
    assert_same_grid(load_grid(output), whole)
    assert not part.exists()


def test_points_that_came_before_an_error_are_kept(card, monkeypatch):
    """Catches a scan saved only every ten seconds, not when it ends."""
    monkeypatch.setattr(scan_module, "SAVED_EVERY", 1e9)
    with pytest.raises(StopError):
        run_scan(card(), **{**KEYWORDS, "workers": 1}, measure=stopping(9, StopError))
    assert sorted(load_grid(partial(card().output)).series) == list(range(9))


def test_nan_stops_and_keeps_the_rest(card):
    """Catches a grid that can be saved no more because one point is NaN."""

    def measured(point, **keywords):
        series = fake(point, **keywords)
        return replace(series, counts=series.counts * np.nan) if point.number == 5 else series

    with pytest.raises(PhysicsError, match=r"counts of smm-grs at 21\.5443 MeV, d_mu: found NaN"):
        run_scan(card(), **KEYWORDS, measure=measured)
    assert sorted(load_grid(partial(card().output)).series) == list(range(5))


def test_a_complete_grid_is_given_back(card):
    """Catches hours spent again on a grid that is there; and --overwrite that does nothing."""
    whole = run_scan(card(), **KEYWORDS, measure=fake)
    for resume in (False, True):
        again = run_scan(card(), **{**KEYWORDS, "resume": resume}, measure=stopping(0))
        assert_same_grid(again, whole)
    with pytest.raises(KeyboardInterrupt):
        run_scan(card(), **{**KEYWORDS, "overwrite": True}, measure=stopping(0))


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ("scan.events=7", "scan.events was 200000 and is now 7"),
        ("run.seed=8", "run.seed was 7 and is now 8"),
        ("scan.mass.points=5", "scan.mass"),
        ("scan.coupling.to=1e-12 / MeV", "scan.coupling.values"),
        ("supernova.gravity=false", "supernova.gravity was True and is now False"),
        ("observation.window=5 s", "observation.window"),
        ("scan.bin_width=5 MeV", "scan.bin_width"),
    ],
)
def test_another_scan_is_refused(card, setting, key):
    """Catches the numbers of one card taken for those of another."""
    run_scan(card(), **KEYWORDS, measure=fake)
    with pytest.raises(InputError) as caught:
        run_scan(card(setting), **KEYWORDS, measure=fake)
    assert f"of another scan: {key}" in str(caught.value)
    assert str(caught.value).endswith("choose another output, or --overwrite")
    changed = run_scan(card(setting), **{**KEYWORDS, "overwrite": True}, measure=fake)
    assert_same_grid(load_grid(card().output), changed)


def test_other_sources_and_unfinished_grids_of_others_are_refused(card, monkeypatch):
    """Catches two versions of the physics in one grid."""
    with pytest.raises(StopError):
        run_scan(card(), **{**KEYWORDS, "workers": 1}, measure=stopping(3, StopError))
    again = {**KEYWORDS, "resume": True}
    with pytest.raises(InputError, match=r"part: of another scan: run\.seed was 7 and is now 8; r"):
        run_scan(card("run.seed=8"), **again, measure=fake)
    monkeypatch.setattr(scan_module, "source_hash", lambda: "new")
    with pytest.raises(InputError, match=r"of another scan: source was .* and is now new"):
        run_scan(card(), **again, measure=fake)


def test_the_limit_decides_nothing_of_the_grid(card):
    """Catches a scan thrown away because its limit is drawn at another level."""
    run_scan(card(), **KEYWORDS, measure=fake)
    limit = "limit={method = 'energy', energy = {total = '2e52 erg'}}"
    run_scan(card(limit, "run.workers=3"), **KEYWORDS, measure=stopping(0))


def test_an_interrupted_overwrite_goes_on(card):
    """Catches an old grid in the way of --resume, or lost before the new one is whole."""
    old = run_scan(card(), **KEYWORDS, measure=fake)
    new = card("run.seed=8")
    with pytest.raises(KeyboardInterrupt):
        run_scan(
            new, **{**KEYWORDS, "overwrite": True, "workers": 1}, measure=stopping(5)
        )  # fmt: skip
    assert_same_grid(load_grid(new.output), old)
    assert_same_grid(run_scan(card(), **KEYWORDS, measure=fake), old)  # and keeps the new part
    grid = run_scan(new, **{**KEYWORDS, "resume": True}, measure=fake)
    assert_same_grid(load_grid(new.output), grid)
    assert grid.card["run"]["seed"] == 8
    assert not partial(new.output).exists()


def test_overwrite_drops_an_unfinished_grid(card):
    """Catches points of a dropped scan that come back with --resume."""
    with pytest.raises(KeyboardInterrupt):
        run_scan(card(), **{**KEYWORDS, "workers": 1}, measure=stopping(5))
    with pytest.raises(KeyboardInterrupt):
        run_scan(card(), **{**KEYWORDS, "overwrite": True}, measure=stopping(0))
    assert not partial(card().output).exists()


def test_an_interruption_at_the_last_save(card, monkeypatch):
    """Catches all points lost by Ctrl-C while the finished grid is written."""
    save = Grid.save

    def interrupted(self, path):
        if path == card().output:
            raise KeyboardInterrupt
        save(self, path)

    with monkeypatch.context() as patch:
        patch.setattr(Grid, "save", interrupted)
        patch.setattr(scan_module, "SAVED_EVERY", 1e9)
        with pytest.raises(KeyboardInterrupt):
            run_scan(card(), **KEYWORDS, measure=fake)
    grid = run_scan(card(), **{**KEYWORDS, "resume": True}, measure=stopping(0))
    assert_same_grid(load_grid(card().output), grid)
    assert grid.complete


@pytest.mark.parametrize("unfinished", [True, False])
def test_damaged_points_are_measured_again(card, monkeypatch, unfinished):
    """Catches a damaged point in the finished grid, or all points measured again for one."""
    monkeypatch.setattr(uproot, "ZSTD", lambda level: None)
    whole = run_scan(card("scan.output=whole.root"), **KEYWORDS, measure=fake)
    if unfinished:
        with pytest.raises(KeyboardInterrupt):
            run_scan(card(), **{**KEYWORDS, "workers": 1}, measure=stopping(12))
    else:
        run_scan(card(), **KEYWORDS, measure=fake)
    path = partial(card().output) if unfinished else card().output
    content = path.read_bytes()
    number = np.array(whole.series[3].counts[1], ">f8").tobytes()
    assert content.count(number) == 1
    path.write_bytes(content.replace(number, number[:-1] + bytes([number[-1] ^ 1])))
    measured = []

    def counted(point, **keywords):
        measured.append(point.number)
        return fake(point, **keywords)

    if not unfinished:
        with pytest.raises(DamageError, match="damaged: smm-grs at 100 MeV, d_e; --resume"):
            run_scan(card(), **KEYWORDS, measure=counted)
    with pytest.warns(UserWarning, match="damaged: smm-grs at 100 MeV, d_e; measured again"):
        grid = run_scan(card(), **{**KEYWORDS, "resume": True}, measure=counted)
    assert sorted(measured) == [3, *range(12, POINTS if unfinished else 12)]
    assert_same_grid(grid, whole)
    assert_same_grid(load_grid(card().output), whole)


def test_an_unreadable_part_is_set_aside(card):
    """Catches a scan that a damaged file stops for good, or somebody's file that it removes."""
    path = partial(card().output)
    path.write_bytes(b"not ROOT")
    with pytest.warns(UserWarning, match=r"kept as .*\.part\.damaged, and all is measured again"):
        grid = run_scan(card(), **{**KEYWORDS, "resume": True}, measure=fake)
    assert grid.complete
    assert path.with_name(path.name + ".damaged").read_bytes() == b"not ROOT"


def test_two_scans_of_one_grid(card):
    """Catches two processes that measure into one file, and a lock that stays."""
    for options in ({}, {"resume": True}, {"overwrite": True}):
        with locked(card().output), pytest.raises(OutputError, match="is writing it"):
            run_scan(card(), **{**KEYWORDS, **options}, measure=stopping(0))
    run_scan(card(), **KEYWORDS, measure=fake)
    assert not list(Path().glob(".*"))


def test_a_foreign_file_is_not_replaced(card):
    """Catches somebody's file lost to a scan."""
    card().output.write_bytes(b"mine")
    with pytest.raises(InputError, match="cannot be read as a ROOT file"):
        run_scan(card(), **KEYWORDS, measure=fake)
    assert card().output.read_bytes() == b"mine"


# --- what is told and drawn ------------------------------------------------------------------


@pytest.fixture
def measured(card):
    """Give a grid whose first detector sees 8 counts at most, one thin cell, and no energy."""
    grid = empty_grid(card(), {}, {})
    for point in grid.points:
        series = fake_series(0)
        counts = np.array([0.01, 2.0, 4.0 if point.mass > 11 else 8.0])
        effective = np.array([1.0, 2 * THIN, 3 * THIN])
        if point.number == 1:
            effective[1] = THIN / 2
        if point.detector == ENERGY:
            counts = effective = np.zeros(3)
        grid.add(point.number, replace(series, counts=counts, effective=effective))
    return grid


def test_the_summary_tells_what_a_reader_asks(measured):
    """Catches a maximum at the wrong mass, thin cells without counts, a wrong number of cells."""
    lines = summary(measured, Path("g.root")).splitlines()
    assert lines == [
        "g.root",
        "  grid                4 masses x 3 couplings x d_e and d_mu",
        "  smm-grs             at most 8 counts, at 10 MeV, d_e = 1e-13/MeV",
        "  too thin            1 of 24 cells, at 21.5 MeV and 1e-15/MeV; more scan.events help",
        "  energy              nothing leaves anywhere",
    ]
    for number in range(6, POINTS):
        del measured.series[number]
    lines = summary(measured, Path("g.root")).splitlines()
    assert lines[2] == "  unfinished          6 of 16 points"
    assert "1 of 18 cells" in lines[4]
    assert len(lines) == 5


def test_a_map_is_drawn_of_whatever_there_is(tmp_path, measured):
    """Catches a picture that fails for an unfinished grid, one mass, one coupling or no counts."""
    cases = {"whole": measured, "part": replace(measured, series={0: measured.series[0]})}
    cases["empty"] = replace(measured, series={})
    cases["axes"] = make_grid(("smm-grs",), AXES[:1])
    cases["small"] = replace(
        measured, couplings=(1e-15,), points=measured.points[:1], series={
            0: Series(np.array([1.0, 2.0]), *(np.ones(n) for n in ((1, 1), (1, 1), 1, 1, 1, 1)))
        },
    )  # fmt: skip
    for name, grid in cases.items():
        grid.save(tmp_path / f"{name}.root")
        plot_grid(tmp_path / f"{name}.root", tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_interrupted(card, monkeypatch, capsys):
    """Catches Ctrl-C that ends in a traceback, or leaves the user to find out how to go on."""
    card()
    monkeypatch.setattr(run_scan, "__kwdefaults__", {"measure": stopping(3)})
    with pytest.raises(SystemExit) as end:
        main(["scan", "card.toml", "--workers", "1", "--overwrite"])
    assert end.value.code == 130
    told = capsys.readouterr().err.splitlines()[-1]
    assert told == "snmc: interrupted; go on with: snmc scan card.toml --workers 1 --resume"
    monkeypatch.setattr(run_scan, "__kwdefaults__", {"measure": fake})
    with pytest.raises(SystemExit) as end:
        main(["scan", "card.toml", "--workers", "1", "--resume"])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith(f"{load_scan(Path('card.toml')).output}\n")
