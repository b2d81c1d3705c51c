"""Tables of a burst: every format, what is refused, and which unit is asked for."""

import math
from pathlib import Path

import numpy as np
import pytest

from snmc.burst import SPECIES, BurstEmission, load_burst
from snmc.burst.emission import moment, pinched
from snmc.burst.groups import divided, emission_of, fine_edges
from snmc.cli import main
from snmc.generators.burst import Burst, BurstSource, burst_report
from snmc.ground.errors import InputError, PhysicsWarning
from snmc.ground.streams import block_stream
from snmc.ground.units import MEV_IN_ERG, PARSEC
from snmc.roles.generator import Observation, Supernova

TIMES = np.array([0.0, 0.1, 0.5, 2.0, 8.0])
LUMINOSITY = 1e52 * np.array([[6, 4, 2, 0.8, 0.1], [3, 4, 2, 0.8, 0.1], [2, 3, 2, 0.9, 0.1]])
MEAN = np.array([[10, 9.5, 10, 9, 6.0], [11, 12, 12.5, 11, 7], [13, 14, 13, 11, 7]])
PINCHING = np.array(
    [[3.5, 3.0, 3.2, 3.0, 2.5], [3.8, 3.4, 2.8, 2.6, 2.4], [2.9, 2.9, 2.5, 2.4, 2.3]]
)
SQUARE = MEAN**2 * (2 + PINCHING) / (1 + PINCHING)
KINDS = ("nu_e", "nu_e_bar", "nu_x")


def named(path: Path, width: str, values: np.ndarray, luminosity: np.ndarray = LUMINOSITY) -> Path:
    """Named columns, capitals and commas among them."""
    names = [f"{q}_{k}" for q in ("Luminosity", "mean_energy", width) for k in KINDS]
    rows = np.column_stack([TIMES, *luminosity, *MEAN, *values])
    np.savetxt(path, rows, header=",".join(["Time", *names]), comments="", delimiter=",")
    return path


def garching(
    folder: Path, stem: str = "s11.2_LS220", unit: float = 1e51, energy: float = 1
) -> Path:
    """Three files, luminosities in foe/s."""
    for kind, flavour in enumerate(("nue", "nuebar", "nux")):
        rows = np.column_stack([TIMES, LUMINOSITY[kind] / unit, energy * MEAN[kind],
                                energy**2 * SQUARE[kind]])  # fmt: skip
        header = "a model\n t [s]  L [foe/s]  <E> [MeV]  <E^2> [MeV^2]"
        np.savetxt(folder / f"{stem}_{flavour}", rows, header=header)
    return folder / f"{stem}_nue"


def gamma(path: Path) -> Path:
    """Ten numbers a row, without a header."""
    columns = [c for k in range(3) for c in (MEAN[k], SQUARE[k], LUMINOSITY[k])]
    np.savetxt(path, np.column_stack([TIMES, *columns]), delimiter=", ")
    return path


FORMATS = {
    "pinching": lambda p: named(p / "t.csv", "pinching", PINCHING),
    "rms": lambda p: named(p / "t.csv", "rms_energy", np.sqrt(SQUARE)),
    "mean square": lambda p: named(p / "t.csv", "mean_square_energy", SQUARE),
    "garching": garching,
    "a folder of garching": lambda p: garching(p).parent,
    "another of the three": lambda p: garching(p, "nu-signal").with_name("nu-signal_nux"),
    "gamma": lambda p: gamma(p / "t.txt"),
}


@pytest.mark.parametrize("case", FORMATS)
def test_formats_agree(tmp_path: Path, case: str) -> None:
    """Catches swapped flavours or columns, foe for erg, <E^2> or rms taken for a pinching."""
    emission = load_burst(FORMATS[case](tmp_path))
    at = np.searchsorted(emission.time, TIMES)
    np.testing.assert_allclose(emission.mean_energy[:, at], MEAN, rtol=1e-9)
    np.testing.assert_allclose(emission.pinching[:, at], PINCHING, rtol=1e-6)
    shone = (emission.rate * emission.mean_energy)[:, at] * MEV_IN_ERG
    np.testing.assert_allclose(shone, LUMINOSITY, rtol=1e-9)
    assert emission.copies.tolist() == [1, 1, 4]
    assert len(emission.content) == 64
    assert not emission.at_earth


EDGES = np.array([0, 1, 2.5, 4.5, 7, 10, 14, 19, 25, 32, 40, 48, 58, 68, 80, 95, 115, 145, 185, 235,
                  300.0])  # fmt: skip


def spectra(kind: int) -> np.ndarray:
    """Spectra [1/s/MeV] of a kind at the instants and at fine energies."""
    energy = np.linspace(0, 300, 30001)[1:]
    rate = LUMINOSITY[kind] / MEV_IN_ERG / MEAN[kind]
    told = zip(rate, MEAN[kind], PINCHING[kind], strict=True)
    return np.array([r * pinched(energy, np.array(m), np.array(a)) for r, m, a in told])


def nakazato(path: Path) -> Path:
    """Blocks of groups of energy, from spectra integrated over each."""
    energy = np.linspace(0, 300, 30001)[1:]
    group = np.searchsorted(EDGES, energy, side="left") - 1
    lines = ["# a model"]
    for i, time in enumerate(TIMES):
        lines.append(f" {time:.6E}")
        columns = [EDGES[:-1], EDGES[1:]]
        for power in (0, 1):
            for kind in range(3):
                f = spectra(kind)[i] * (energy * MEV_IN_ERG if power else 1) * 0.01
                columns.append(np.bincount(group, f) / np.diff(EDGES))
        lines += ["  ".join(f"{v:.6E}" for v in row) for row in np.array(columns).T] + [" "]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_groups_of_energy_keep_number_energy_and_shape(tmp_path: Path) -> None:
    """Catches dN/dE taken for a number, a group's middle for its mean energy, combs for spectra."""
    emission = load_burst(nakazato(tmp_path / "intp.data"))
    assert emission.time.tolist() == TIMES.tolist()
    energy = np.linspace(0, 300, 30001)[1:]
    for kind in range(3):
        rows = emission.row[emission.species == kind]
        rate = emission.rate[rows]
        numbers = LUMINOSITY[kind] / MEV_IN_ERG / MEAN[kind]
        np.testing.assert_allclose(rate.sum(axis=0), numbers, rtol=1e-5)
        shone = (rate * emission.mean_energy[rows]).sum(axis=0) * MEV_IN_ERG
        np.testing.assert_allclose(shone, LUMINOSITY[kind], rtol=2e-3)
        middle = np.arange(2.0, 50, 0.37)
        found = sum(
            r * pinched(middle, emission.mean_energy[j, 1], emission.pinching[j, 1])
            for j, r in zip(rows, emission.rate[rows, 1], strict=True)
        )
        np.testing.assert_allclose(found, np.interp(middle, energy, spectra(kind)[1]), rtol=0.09)


def test_a_group_is_divided_by_its_exponential() -> None:
    """Catches numbers that a division loses, and a mean energy that is not the group's."""
    edges = np.array([0.0, 10, 30, 300])
    fine = fine_edges(edges)
    assert set(edges) <= set(fine)
    numbers, means = np.array([3.0, 2.0, 1.0]), np.array([6.0, 14.0, 31.0])
    cells = divided(edges, numbers, means, fine)
    middle = (fine[1:] + fine[:-1]) / 2
    group = np.searchsorted(edges, middle) - 1
    np.testing.assert_allclose(np.bincount(group, cells), numbers, rtol=1e-12)
    found = np.bincount(group, cells * middle) / numbers
    np.testing.assert_allclose(found[:2], means[:2], rtol=2e-3)
    assert found[2] == pytest.approx(means[2], rel=0.05)  # steeper than its cells are fine
    assert np.all(cells >= 0)


def test_cells_sum_up_to_a_level_density() -> None:
    """Catches a comb: cells too narrow for their distance show as ripples."""
    edges = np.arange(0, 60.1, 0.5)
    rates = np.ones((1, len(edges) - 1, 2))
    one = np.zeros(1, dtype=np.intp)
    emission = emission_of(np.array([0.0, 1.0]), edges, rates, one, one, "")
    at = np.linspace(5, 50, 1000)
    density = sum(pinched(at, emission.mean_energy[j, 0], emission.pinching[j, 0])
                  for j in range(len(edges) - 1))  # fmt: skip
    np.testing.assert_allclose(density, 2.0, rtol=0.02)


def fluence(path: Path, header: str = "") -> tuple[Path, np.ndarray, np.ndarray]:
    """SNOwGLoBES's file at 10 kpc of a burst of different flavours, its energies and columns."""
    energy = np.arange(501) * 2e-4
    columns = [
        n * pinched(1e3 * energy + 1e-9, np.array(m), np.array(2.5)) * 0.2
        for n, m in (
            (3e9, 10.0),
            (2e9, 14.0),
            (2.1e9, 15.0),
            (2.5e9, 12.0),
            (1.9e9, 13.0),
            (1.8e9, 16.0),
        )
    ]
    rows = np.column_stack([energy, *columns])
    np.savetxt(path, rows, header=header + "E(GeV) NuE NuMu NuTau aNuE aNuMu aNuTau")
    return path, energy * 1e3, np.array(columns)


def test_a_fluence_comes_back_as_it_is(tmp_path: Path) -> None:
    """Catches flavours mixed a second time, GeV for MeV, per bin for per MeV, another distance."""
    path, _, columns = fluence(tmp_path / "flux.dat")
    values = {"table": str(path), "table_distance": 10.0, "table_duration": 5.0}
    emission = Burst(values).emission
    assert emission.at_earth
    assert emission.time.tolist() == [0, 5]
    distance = 1e4 * PARSEC
    supernova = Supernova(None, distance, 1e10, 3e4, True, True, "NO", "nufit-5.2")
    source = BurstSource(emission, supernova, Observation(100.0, True, True, math.pi), None)
    rows = source.arrivals(block_stream(1, 0), 0, 60_000, 60_000)
    for pdg, column in zip((12, 14, 16, -12, -14, -16), columns, strict=True):
        mine = rows["pdg"] == pdg
        found = rows["weight"][mine].sum()
        assert found == pytest.approx(column.sum(), rel=4 / math.sqrt(mine.sum()))
    np.testing.assert_array_equal(rows["pdg"], rows["pdg_decay"])
    assert rows["time"].min() >= 0
    assert rows["time"].max() <= 5
    edges = np.array([0, 5.1, 10.1, 20.1, 40.1, 100.1])
    binned = source.analytic("neutrino", edges)["exact"]
    group = np.searchsorted(edges, np.arange(501) * 0.2, side="left") - 1
    group[0] = 0
    expected = np.bincount(group, columns.sum(axis=0))
    np.testing.assert_allclose(binned, expected, rtol=5e-3)


def test_a_fluence_needs_its_distance_and_times(tmp_path: Path) -> None:
    """Catches a distance or a duration made up, and those given for other formats."""
    path, *_ = fluence(tmp_path / "a.dat")
    with pytest.raises(InputError, match=r'no times; give .*table_duration = "10 s"'):
        load_burst(path, 10.0)
    with pytest.raises(InputError, match=r'give it: table_distance = "10 kpc"'):
        load_burst(path, None, 5.0)
    path, *_ = fluence(tmp_path / "b.dat", "TBinMid=0.6sec TBinWidth=0.4s EBinWidth=0.2MeV\n")
    np.testing.assert_allclose(load_burst(path, 10.0).time, [0.4, 0.8])
    table = named(tmp_path / "t.csv", "pinching", PINCHING)
    with pytest.raises(InputError, match="is no fluence"):
        load_burst(table, 10.0)
    with pytest.raises(InputError, match="without a table"):
        Burst({"table_distance": 10.0})
    rows = np.loadtxt(path)
    np.savetxt(path, rows * [1e3, *[1] * 6], header="TBinMid=0.6sec TBinWidth=0.4s")
    with pytest.raises(InputError, match=r"must be up to 2; is it in MeV\? \(0.1 GeV then\)"):
        load_burst(path, 10.0)


def test_one_flavour_alone(tmp_path: Path) -> None:
    """Catches a table of one flavour refused, or others given a share of it."""
    luminosity = LUMINOSITY * [[0], [1], [0]]
    emission = load_burst(named(tmp_path / "t.csv", "pinching", PINCHING, luminosity))
    told = burst_report(emission)["processes"]
    assert told["nu_e_bar"]["share"] == 1
    assert sum(one["parents"] > 0 for one in told.values()) == 1
    with pytest.raises(InputError, match="no luminosity above 0 of any flavour"):
        load_burst(named(tmp_path / "t.csv", "pinching", PINCHING, 0 * LUMINOSITY))


def test_a_step_in_time(tmp_path: Path) -> None:
    """Catches a time that is there twice refused, or its step turned into a ramp."""
    rows = ["0 2e52 0 0 10 0 0 2 0 0", "1 2e52 0 0 10 0 0 2 0 0", "1 1e52 0 0 10 0 0 2 0 0",
            "2 1e52 0 0 10 0 0 2 0 0"]  # fmt: skip
    header = " ".join(["time", *(f"{q}_{k}" for q in ("luminosity", "mean_energy", "pinching")
                                 for k in KINDS)])  # fmt: skip
    path = tmp_path / "t.txt"
    path.write_text("\n".join([header, *rows]))
    emission = load_burst(path)
    per_erg = 1 / MEV_IN_ERG / 10
    for start, stop, energy in ((0, 2, 3e52), (0.5, 1.5, 1.5e52), (0, 1, 2e52)):
        number = emission.within(start, stop).numbers().sum()
        assert number == pytest.approx(energy * per_erg, rel=1e-9)


def wrong(path: Path, change: str, by: str) -> Path:
    """The named table with a piece of text changed."""
    text = named(path / "t.csv", "pinching", PINCHING).read_text()
    assert change in text
    (path / "t.csv").write_text(text.replace(change, by, 1))
    return path / "t.csv"


def written(path: Path, text: str) -> Path:
    """A file of that text."""
    (path / "a.txt").write_text(text)
    return path / "a.txt"


def scaled(path: Path, luminosity: float = 1, time: float = 1) -> Path:
    """The named table in other units."""
    rows = np.loadtxt(named(path / "t.csv", "pinching", PINCHING), delimiter=",", skiprows=1)
    rows[:, 0] *= time
    rows[:, 1:4] *= luminosity
    header = (path / "t.csv").read_text().splitlines()[0]
    np.savetxt(path / "t.csv", rows, delimiter=",", header=header, comments="")
    return path / "t.csv"


BAD = {
    "three columns": (lambda p: written(p, "1 2 3\n4 5 6\n"),
                      r"found 3 numbers a row, no header of known names; needs one of: named"),
    "no key": (lambda p: written(p, "0 1 1 1 5 5 5 1e51 1 1\n" * 2), "a_key.txt: cannot read"),
    "another order": (lambda p: written(p, "# t L E a\n" + "0 1e52 1e52 1e52 9 9 9 2 2 2\n" * 2),
                      "found 10 numbers a row, no header of kn"),
    "columns": (lambda p: written(p, "time luminosity_nu_e\n0 1\n1 1\n"),
                "found columns time, luminosity_nu_e; needs time, and luminosity_"),
    "word": (lambda p: written(p, "0 1\n1 x\n"), "line 2, column 2: found 'x'; needs a number"),
    "other names": (lambda p: written(p, "t L_nu_e\n0 1\n1 1\n"),
                    "found columns t, l_nu_e; needs time"),
    "nan": (lambda p: written(p, "0 nan\n1 1\n"), "line 1, column 2: found 'nan'"),
    "empty": (lambda p: written(p, ""), "found no row of numbers"),
    "folder": (lambda p: p, "found no files of a known format in it"),
    "two models": (lambda p: garching(p) and garching(p, "s15_LS220").parent,
                   "s11.2_LS220_nue and s15_LS220_nue; give the file of one"),
    "a flavour lacks": (lambda p: [garching(p), (p / "s11.2_LS220_nux").unlink()] and
                        p / "s11.2_LS220_nue", "found no s11.2_LS220_nux beside it"),
    "times fall": (lambda p: wrong(p, "1.000000000000000056e-01", "-1"),
                   r"line 3, column 'time': found -1 s after 0 s; times must not fall"),
    "negative": (lambda p: scaled(p, luminosity=-1),
                 r"line 2, column 'luminosity_nu_e': found -6e\+52 of nu_e; needs"),
    "GeV": (lambda p: wrong(p, "1.200000000000000000e+01", "12e3"),
            r"line 3, column 'mean_energy_nu_e_bar': found 12000 of nu_e_bar.*is it in keV\?"),
    "pinching": (lambda p: wrong(p, "3.500000000000000000e+00", "-3.5"),
                 "line 2, column 'pinching_nu_e': found -3.5"),
    "narrow": (lambda p: named(p / "t.csv", "rms_energy", MEAN),
               "line 2, column 'rms_energy_nu_e': found a mean square energy of 100 MeV"),
    "foe/s": (lambda p: scaled(p, luminosity=1e-51), r"carry 385 erg in all, .*; "
              r"are the luminosities in foe/s\? \(3.85e\+53 erg then\)"),
    "1e52 erg/s": (lambda p: garching(p, unit=1.0), r"are the luminosities in erg/s\?"),
    "in GeV": (lambda p: garching(p, unit=1e51, energy=1e-3),
               r"mean energy of 0.01\d+ MeV; must be 0.5 to 200 MeV; are the energies in GeV\?"),
    "ms": (lambda p: scaled(p, time=1e3), r"are the times in ms\?"),
    "MeV/s": (lambda p: scaled(p, luminosity=1 / MEV_IN_ERG), r"are the luminosities in MeV/s\?"),
    "blocks": (lambda p: written(p, nakazato(p / "i").read_text()[:-1000]),
               "is it cut off|cut off there"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_told(tmp_path: Path, case: str) -> None:
    """Catches a burst of 900 erg or of 1e56 erg believed, untrue reasons, numpy's own words."""
    make, told = BAD[case]
    with pytest.raises(InputError, match=told) as caught:
        load_burst(make(tmp_path))
    assert "\n" not in str(caught.value)
    assert tmp_path.name in str(caught.value)


def test_spectra_broader_than_pinched_are_told(tmp_path: Path) -> None:
    """Catches a pinching below 0, whose spectrum is infinite at E = 0, taken in silence."""
    square = SQUARE.copy()
    square[0, 1] = 2.5 * MEAN[0, 1] ** 2
    with pytest.warns(PhysicsWarning, match="1 spectra are broader"):
        emission = load_burst(named(tmp_path / "t.csv", "mean_square_energy", square))
    assert emission.pinching.min() == 0


def test_reach_is_beyond_all_draws() -> None:
    """Catches a run that meets an energy beyond its detector in the middle."""
    emission = Burst({"mean_energy": 20.0, "pinching": 0.0}).emission
    stream = np.random.default_rng(1)
    steep = 20.0 * stream.standard_gamma(7.0, 10**6).max()  # weighed with E^6
    assert 2 * steep > emission.reach() > steep > emission.highest_energy()
    assert moment(1, np.array(20.0), np.array(0.0)) == pytest.approx(20.0)


def test_a_burst_beyond_its_detector_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Catches a run that ends after half its events, with a file that is left behind."""
    hot = named(tmp_path / "hot.csv", "pinching", 0 * PINCHING)
    text = hot.read_text().replace("1.100000000000000000e+01", "190")
    hot.write_text(text)
    card = tmp_path / "card.toml"
    card.write_text(
        '[supernova]\ncore = "pns-sfho-1.351"\ndistance = "10 kpc"\n[generator]\nname = "burst"\n'
        'table = "hot.csv"\n[observation]\ndetector = "super-kamiokande"\n[run]\nevents = 1000\n'
    )
    with pytest.raises(SystemExit) as end:
        main(["run", str(card), "-o", str(tmp_path / "a.root")])
    assert end.value.code == 2
    assert "generator 'burst': its spectrum reaches" in (told := capsys.readouterr().err)
    assert "2000 MeV" in told
    assert not [*tmp_path.glob("*a.root*")]


def test_species_share_or_have_several_spectra() -> None:
    """Catches sums that forget how many species a spectrum is emitted of."""
    one = np.ones((2, 2))
    emission = BurstEmission(np.array([0.0, 2.0]), one, 10 * one, one, np.array([0, 1, 1]),
                             np.array([0, 0, 1]))  # fmt: skip
    told = burst_report(emission)
    assert told["parents"] == 6
    assert [told["processes"][name]["parents"] for name in SPECIES] == [2, 4, 0, 0, 0, 0]
