"""The standard burst: spectra, times, flavours, normalisation, and the tables it reads."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import kstest

from snmc.burst import SPECIES, load_burst
from snmc.burst.emission import moment as moment_of
from snmc.burst.emission import pinched
from snmc.flavour import transition_probability
from snmc.generators.burst import COOLING_TIME, Burst, BurstSource
from snmc.ground.errors import InputError
from snmc.ground.streams import block_stream
from snmc.ground.units import MEV_IN_ERG, PARSEC
from snmc.roles.generator import Observation, Supernova
from snmc.run.card import load_card
from snmc.run.prepare import prepare

DISTANCE = 1e4 * PARSEC
SPHERE = 4 * math.pi * (100 * DISTANCE) ** 2  # cm2


def source(emission, window=1000.0, response=None, ordering="NO", neutrinos=True):
    """A source at 10 kpc; the core takes no part."""
    supernova = Supernova(None, DISTANCE, 1e10, 3e4, True, True, ordering, "nufit-5.2")
    observation = Observation(window, True, neutrinos, math.pi)
    return BurstSource(emission, supernova, observation, response)


def draw(one, count=60_000):
    """One block of arrivals."""
    return one.arrivals(block_stream(1, 0), 0, count, count)


@pytest.mark.parametrize(("mean", "pinching"), [(12.7, 2.39), (8.0, 4.5), (15.0, 0.0)])
def test_spectrum_is_normalised_with_its_mean_and_pinching(mean, pinching):
    """Catches a wrong power, factor or sign in eq. 1: <E^2>/<E>^2 = (2 + a)/(1 + a)."""

    def moment(n):
        return quad(lambda E: E**n * pinched(np.array(E), mean, pinching), 0, 400, limit=200)[0]

    assert moment(0) == pytest.approx(1, rel=1e-8, abs=0)
    assert moment(1) == pytest.approx(mean, rel=1e-8, abs=0)
    assert moment(2) / mean**2 == pytest.approx((2 + pinching) / (1 + pinching), rel=1e-8, abs=0)
    for power in (1, 3):
        made = moment_of(power, np.array(mean), np.array(pinching))
        assert moment(power) == pytest.approx(float(made), rel=1e-7, abs=0)
    # eq. 1 as printed, in energy: (1+a)^(1+a)/Gamma(1+a) (E/E0)^a exp(-(1+a) E/E0) / E0
    a, E = pinching, 20.0
    printed = (1 + a) ** (1 + a) / math.gamma(1 + a) * (E / mean) ** a / mean
    printed *= math.exp(-(1 + a) * E / mean)
    assert float(pinched(np.array(E), mean, pinching)) == pytest.approx(printed, rel=1e-12, abs=0)


def test_default_burst_carries_its_energy():
    """Catches a share per species, a unit or a sphere that is off: fluence by hand."""
    one = source(Burst({}).emission)
    rows = draw(one)
    numbers = 1.98e53 / MEV_IN_ERG / 12.7
    assert rows["weight"].sum() == pytest.approx(numbers / SPHERE, rel=1e-6, abs=0)
    assert np.ptp(rows["weight"]) == 0
    carried = (rows["weight"] * rows["energy"]).sum() * SPHERE * MEV_IN_ERG
    assert carried == pytest.approx(1.98e53, rel=5 * 0.55 / math.sqrt(60_000), abs=0)
    shape = 1 + 2.39
    assert kstest(rows["energy"], "gamma", (shape, 0, 12.7 / shape)).pvalue > 1e-3
    assert kstest(rows["time"], "expon", (0, COOLING_TIME)).pvalue > 1e-3
    report = one.summary()
    assert report["parent_energy_erg"] == pytest.approx(1.98e53, rel=1e-12, abs=0)
    assert report["mean_energy_MeV"] == pytest.approx(12.7, rel=1e-12, abs=0)
    assert report["lifetime_s"] is None


def test_window_is_sampled_not_cut():
    """Catches weights that forget the chance to be inside the window, and rows beyond it."""
    one = source(Burst({"cooling_time": 4.0}).emission, window=2.0)
    rows = draw(one)
    assert len(rows["time"]) == 60_000
    assert rows["time"].max() <= 2
    share = 1 - math.exp(-2 / 4)
    whole = 1.98e53 / MEV_IN_ERG / 12.7 / SPHERE
    assert rows["weight"].sum() == pytest.approx(whole * share, rel=1e-6, abs=0)
    assert source(Burst({}).emission, neutrinos=False).empty
    assert len(draw(source(Burst({}).emission, neutrinos=False))["time"]) == 0


@pytest.mark.parametrize("ordering", ["NO", "IO"])
def test_flavours_mix_as_from_infinite_density(ordering):
    """Catches neutrinos taken for antineutrinos, from for to, or NO for IO in the conversion."""
    rows = draw(source(Burst({"mean_energy_nu_x": 16.0}).emission, ordering=ordering))
    survival = {"NO": (0.0223, 0.6813), "IO": (0.2965, 0.0222)}[ordering]
    for pdg, probability in zip((12, -12), survival, strict=True):
        born = rows["pdg_decay"] == pdg
        stays = np.mean(rows["pdg"][born] == pdg)
        assert abs(stays - probability) < 5 * math.sqrt(0.25 / born.sum())
    assert np.all(rows["pdg"] * rows["pdg_decay"] > 0)
    matrix = transition_probability(1.0, 1e15, ordering, True)
    for i, born in enumerate((-12, -14, -16)):
        mine = rows["pdg"][rows["pdg_decay"] == born]
        for j, arrives in enumerate((-12, -14, -16)):
            found = np.mean(mine == arrives)
            assert abs(found - matrix[i, j]) < 5 * math.sqrt(0.25 / len(mine))
    assert np.array_equal(np.array(list(SPECIES.values()))[rows["mode"]], rows["pdg_decay"])


def test_rows_are_those_of_massless_particles():
    """Catches a delay, an angle or a decay length of what neither decays nor is slow."""
    rows = draw(source(Burst({}).emission), 100)
    for name in ("delay", "theta", "phi", "decay_length"):
        assert not rows[name].any()
    np.testing.assert_array_equal(rows["time"], rows["emission_time"])
    np.testing.assert_array_equal(rows["energy"], rows["parent_energy"])
    assert np.all(rows["cos_alpha"] == 1)
    assert np.all(rows["emission_radius"] == 30)


# A burst that rises, hardens and softens, nu_x late; in the plain layout, and in SNOwGLoBES'.
TIMES = np.array([-0.01, 0.02, 0.1, 0.5, 2.0, 8.0])
LUMINOSITY = 1e52 * np.array(
    [[2.0, 6.0, 4.0, 2.0, 0.8, 0.1], [0.0, 3.0, 4.0, 2.0, 0.8, 0.1], [0.0, 0.0, 3.0, 2.0, 0.9, 0.1]]
)
MEAN = np.array(
    [[8.0, 10.0, 9.5, 10.0, 9.0, 6.0], [0.0, 11.0, 12.0, 12.5, 11.0, 7.0],
     [0.0, 0.0, 14.0, 13.0, 11.0, 7.0]]
)  # fmt: skip
PINCHING = np.array(
    [[4.8, 3.5, 3.0, 3.2, 3.0, 2.5], [0.0, 3.8, 3.4, 2.8, 2.6, 2.4],
     [0.0, 0.0, 2.9, 2.5, 2.4, 2.3]]
)  # fmt: skip
FLAVOURS = ("nue", "nuebar", "numu")


def plain(folder):
    """Named columns."""
    kinds = ("nu_e", "nu_e_bar", "nu_x")
    names = [f"{quantity}_{kind}" for quantity in ("luminosity", "mean_energy", "pinching")
             for kind in kinds]  # fmt: skip
    path = folder / "plain.txt"
    rows = np.column_stack([TIMES, *LUMINOSITY, *MEAN, *PINCHING])
    np.savetxt(path, rows, header="time " + " ".join(names))
    return path


def pinched_info(folder):
    """Numbered steps with the energy of each, and the key that tells their times."""
    steps = np.gradient(TIMES)
    number = np.arange(len(TIMES))
    path = folder / "info.dat"
    np.savetxt(path, np.column_stack([number, *PINCHING, *MEAN, *(LUMINOSITY * steps)]), fmt="%g")
    np.savetxt(folder / "info_key.dat", np.column_stack([number, TIMES, steps]), fmt="%.17g")
    return path


def by_flavour(folder):
    """A folder of files of time and value, each flavour from where it shines."""
    inside = folder / "flavours"
    inside.mkdir()
    for flavour, luminosity, mean, pinching in zip(
        FLAVOURS, LUMINOSITY, MEAN, PINCHING, strict=True
    ):
        shines = mean > 0
        for name, values in (
            ("luminosity", luminosity / 1e52), ("avgen", mean), ("alpha", pinching),
        ):  # fmt: skip
            rows = np.column_stack([TIMES[shines], values[shines]])
            np.savetxt(inside / f"{name}_{flavour}_model.txt", rows, delimiter="  ")
    return inside


@pytest.mark.parametrize("layout", [plain, pinched_info, by_flavour])
def test_tables_are_read_alike(tmp_path, layout):
    """Catches swapped columns, fluences taken for luminosities, a wrong unit, zeros as spectra."""
    emission = load_burst(layout(tmp_path))
    assert len(emission.content) == 64
    for t in TIMES:
        at = np.searchsorted(emission.time, t)
        for kind in range(3):
            i = list(TIMES).index(t)
            carried = emission.rate[kind, at] * emission.mean_energy[kind, at] * MEV_IN_ERG
            assert carried == pytest.approx(LUMINOSITY[kind, i], rel=1e-4, abs=1e40)
            if MEAN[kind, i]:
                assert emission.mean_energy[kind, at] == pytest.approx(
                    MEAN[kind, i], rel=1e-4, abs=0
                )
                assert emission.pinching[kind, at] == pytest.approx(
                    PINCHING[kind, i], rel=1e-4, abs=0
                )
    assert np.all(emission.mean_energy >= 6)  # no spectrum of mean energy 0 on the way up
    energy = emission.energies().sum(axis=1) * MEV_IN_ERG
    np.testing.assert_allclose(energy, np.trapezoid(LUMINOSITY, TIMES), rtol=2e-3)


@pytest.mark.parametrize(
    "response",
    [None, lambda pdg, E: 1e-16 * (1 + (np.asarray(pdg) == -12)) * (10 + E**2 + 0.01 * E**3)],
)
def test_table_is_sampled_as_integrated(tmp_path, response):
    """Catches a wrong density in time, a tilt that weights do not undo, a species mixed up.

    In energy against the analytic fluence, in time against the trapezia, each by species.
    """
    emission = load_burst(plain(tmp_path))
    one = source(emission, window=5.0, response=response)
    count = 120_000
    rows = draw(one, count)
    weight = rows["weight"]
    edges = np.array([0.0, 4, 6, 8, 10, 12, 15, 20, 30, 60])
    found = np.histogram(rows["energy"], edges, weights=weight)[0]
    error = np.sqrt(np.histogram(rows["energy"], edges, weights=weight**2)[0])
    exact = one.analytic("neutrino", edges)["exact"]
    np.testing.assert_array_less(np.abs(found - exact)[error > 0], 4.5 * error[error > 0] + 1e-9)
    assert not one.analytic("photon", edges)["exact"].any()
    for species in range(6):
        kind = emission.row[list(emission.species).index(species)]
        mine = rows["mode"] == species
        for low, high in ((0.0, 0.02), (0.02, 0.1), (0.1, 0.5), (0.5, 5.0)):
            grid = np.linspace(low, high, 4001)
            number = np.trapezoid(np.interp(grid, emission.time, emission.rate[kind]), grid)
            inside = mine & (rows["time"] >= low) & (rows["time"] < high)
            error = math.sqrt((weight[inside] ** 2).sum() + weight.max() ** 2 * (response is None))
            assert abs(weight[inside].sum() - number / SPHERE) <= 4.5 * error
    if response is not None:
        chance = weight * response(rows["pdg"], rows["energy"])
        largest = one.largest_weight(count)
        assert chance.max() <= largest * (1 + 1e-9)
        assert chance.sum() > 0.95 * count * largest  # few draws are thrown away


def test_detectors_bound_holds(tmp_path):
    """Catches a bound that the real cross sections exceed, so that draws come out twice."""
    path = tmp_path / "card.toml"
    path.write_text(
        '[supernova]\ncore = {type = "one-zone", radius = "10 km", temperature = "30 MeV", '
        'mu_e = "200 MeV", mu_nu_e = "0 MeV", rho = "3e14 g/cm^3", duration = "10 s"}\n'
        'distance = "10 kpc"\n[generator]\nname = "burst"\n'
        '[observation]\ndetector = "hyper-kamiokande"\n'
    )
    experiment = prepare(load_card(path))
    detector = experiment.detector
    one = source(experiment.generators["burst"].emission, response=detector.effective_area)
    rows = draw(one)
    area = detector.effective_area(rows["pdg"], rows["energy"])
    assert (rows["weight"] * area).max() <= one.largest_weight(60_000) * (1 + 1e-6)
    # each flavour has a density of its own, and few draws are thrown away
    assert (rows["weight"] * area).mean() > 0.8 * one.largest_weight(60_000)
    plain_rows = draw(source(experiment.generators["burst"].emission))
    counts = plain_rows["weight"] * detector.effective_area(plain_rows["pdg"], plain_rows["energy"])
    tilted = (rows["weight"] * area).sum()
    assert tilted == pytest.approx(
        counts.sum(), rel=5 * counts.std() / counts.mean() / 60_000**0.5, abs=0
    )


def card(folder, line):
    """A run card with one more line in [generator]."""
    path = folder / "card.toml"
    path.write_text(
        '[supernova]\ncore = "pns-sfho-1.351"\ndistance = "10 kpc"\n'
        f'[generator]\nname = "burst"\n{line}\n[observation]\nwindow = "10 s"\n'
    )
    return path


def test_defaults_are_recorded_unless_a_table_is_given(tmp_path):
    """Catches a file that does not say with which energies its burst was made."""
    plain(tmp_path)
    (record,) = load_card(card(tmp_path, "pinching = 3")).resolved()["generator"]
    assert record == {
        "name": "burst", "label": "burst", "energy": "1.98e+53 erg", "mean_energy": "12.7 MeV",
        "pinching": 3.0, "cooling_time": "3.0 s",
    }  # fmt: skip
    (record,) = load_card(card(tmp_path, 'table = "plain.txt"')).resolved()["generator"]
    assert set(record) == {"name", "label", "table"}


def test_path_in_a_card_is_one_from_its_folder(tmp_path, monkeypatch):
    """Catches a table looked for where the command runs, or one whose bytes no one remembers."""
    plain(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    loaded = load_card(card(tmp_path, 'table = "plain.txt"'))
    (setting,) = loaded.generators
    assert setting.values == {"table": str(tmp_path / "plain.txt")}
    assert loaded.resolved()["generator"][0]["table"] == str(tmp_path / "plain.txt")
    content = prepare(loaded).generators["burst"].content
    with (tmp_path / "plain.txt").open("a") as file:
        file.write("9.0 " + "1e51 " * 3 + "8 8 8 3 3 3\n")
    assert prepare(loaded).generators["burst"].content != content
    # on the command line: from where it runs
    by_flavour(elsewhere)
    loaded = load_card(card(tmp_path, ""), ["generator.table=flavours"])
    assert loaded.generators[0].values["table"] == str(elsewhere / "flavours")
    for line, told in (
        ('table = "nowhere.txt"', "no such file or folder"),
        ("table = 3", "needs the path of a file or folder"),
        ('table = "plain.txt"\npinching = 3', "generator.table: found beside pinching"),
    ):
        with pytest.raises(InputError, match=told):
            load_card(card(tmp_path, line))
