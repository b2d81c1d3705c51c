"""Readers of core files, on excerpts made here in the layout of each format, and bad input."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from snmc.core import load_core
from snmc.ground.errors import InputError, PhysicsWarning
from snmc.thermal import fermion_density, species

R = np.array([0.5, 2.0, 4.0, 7.0, 10.0, 12.0])  # km
RHO = np.array([4e14, 3.8e14, 3e14, 2e14, 9e13, 2e11])
T = np.array([15.0, 16.0, 20.0, 25.0, 18.0, 5.0])
YE = np.array([0.28, 0.27, 0.25, 0.2, 0.15, 0.1])
# fmt: off
COLUMNS = {
    "radius": "cm", "mass_coordinate": "m_sol", "density": "g/cm^3", "internal_energy": "erg/cm^3",
    "temperature": "MeV", "entropy": "k_b", "radial_velocity": "cm/s", "grav._lapse": "1",
    "mu_nu": "MeV", "mu_e": "MeV", "mu_n": "MeV", "mu_p": "MeV", "mu_mu": "MeV", "mu_numu": "MeV",
    "X_n": "1/by", "X_p": "1/by", "X_alpha": "1/by", "X_Light": "1/by", "X_Heavy": "1/by",
    "Y_e": "1/by", "Y_mu": "1/by", "U_n": "MeV", "U_p": "MeV", "m*_n": "MeV", "m*_p": "MeV",
}
# fmt: on
LABELS = list(COLUMNS)


def newtonian_mass(at: np.ndarray = R) -> np.ndarray:
    """Enclosed mass [solar] by trapezoid on a fine grid, rho a power law between points."""
    return mass_over(lambda r, mass: np.ones_like(r), at)


def proper_mass(at: np.ndarray = R) -> np.ndarray:
    """Baryonic mass [solar], the same over the proper volume of this mass' own metric."""
    return mass_over(lambda r, mass: 1 / np.sqrt(1 - 2.95325 * mass / r), at)


def mass_over(metric: Callable[[np.ndarray, np.ndarray], np.ndarray], at: np.ndarray) -> np.ndarray:
    """Integral of 4 pi r^2 rho times `metric(r [km], Newtonian mass)` [solar]."""
    fine = np.geomspace(R[0], 15.0, 4001)
    rho = np.exp(np.interp(np.log(fine), np.log(R), np.log(RHO)))
    f = 4 * np.pi * fine**3 * rho * 1e15 / 1.98841e33
    centre = f[0] / 3

    def summed(f: np.ndarray) -> np.ndarray:
        steps = (f[1:] + f[:-1]) / 2 * np.diff(np.log(fine))
        return centre + np.concatenate([[0], np.cumsum(steps)])

    return np.interp(at, fine, summed(f * metric(fine, summed(f))))


def garching(folder: Path, when: float, labels: list[str] = LABELS, **changed: np.ndarray) -> Path:
    """Write a Garching table, line 2 without `#` and Ymu with Fortran's exponent without E."""
    columns: dict[str, np.ndarray] = {label: np.full(len(R), 0.5) for label in LABELS}
    columns |= {
        "radius": R * 1e5, "mass_coordinate": newtonian_mass(), "density": RHO, "temperature": T,
        "grav._lapse": np.linspace(0.8, 0.9, 6), "mu_nu": np.full(6, 50.0),
        "mu_e": np.full(6, 150.0), "mu_n": np.full(6, 40.0), "mu_p": np.full(6, -30.0),
        "mu_mu": np.full(6, 120.0),
        "mu_numu": np.full(6, 20.0), "Y_e": YE, "Y_mu": np.full(6, 0.01), "m*_n": np.full(6, 700.0),
        "m*_p": np.full(6, 699.0),
    }  # fmt: skip
    columns |= changed
    units = [f"[{COLUMNS[label]}]" for label in labels]
    rows = "\n".join(
        " ".join("0.1234-101" if label == "X_alpha" else f"{columns[label][i]:.8e}"
                 for label in labels)
        for i in range(len(R))
    )  # fmt: skip
    path = folder / f"hydro-T={when:.4f}.txt"
    path.write_text(
        f"# Hydro quantities of a test at time t_pb= {when}s\nshock radius= nan km\n# cols=25\n"
        f"# {' '.join(labels)}\n# {' '.join(units)}\n{rows}\n"
    )
    return path


def cds(path: Path, when_ms: float, columns: Mapping[str, tuple[str, np.ndarray]]) -> Path:
    """Write a CDS table of columns {label: (unit, values)}, as Liebendoerfer et al. have them."""
    rule = "-" * 80
    described, at = [], 1
    for label, (unit, _) in columns.items():
        described.append(f" {at:3d}-{at + 10:3d} E11.4  {unit:14s} {label:7s} A column")
        at += 12
    rows = zip(*(values for _, values in columns.values()), strict=True)
    lines = [" ".join(f"{value:11.4E}" for value in row) for row in rows]
    text = "\n".join([
        "Title: A test", "Authors: Nobody", "Table: hydrodynamics data",
        f"       at the post bounce time of   {when_ms:.1f} ms", "=" * 80,
        f"Byte-by-byte Description of file: {path.name}", rule,
        "   Bytes Format Units          Label  Explanations", rule, *described, rule, *lines,
    ])  # fmt: skip
    path.write_text(text + "\n")
    return path


def matter(pad: bool, edges: bool) -> dict[str, tuple[str, np.ndarray]]:
    """Columns of a file of matter; `pad` with zeros as VERTEX does, masses at zone `edges`."""
    mass = newtonian_mass(np.append((R[1:] + R[:-1]) / 2, 13.0) if edges else R)
    zone = mass[0] * (1 if edges else 2)
    zones = np.concatenate([[zone], np.diff(mass)]) * 1.98841e33
    columns = {
        "ZMass": ("g", zones), "EMass": ("solMass", mass), "Rad": ("cm", R * 1e5),
        "Den": ("g/cm3", RHO), "Temp": ("MeV", T), "Ye": ("---", YE),
        "1-alp": ("---", np.linspace(0.2, 0.1, 6)), "qE": ("10-7W", T),
    }  # fmt: skip
    if not pad:
        return columns
    return {k: (unit, np.concatenate([v, np.zeros(2)])) for k, (unit, v) in columns.items()}


def plain(path: Path, header: str, rows: np.ndarray, comma: str = " ") -> Path:
    """Write a plain table."""
    lines = [comma.join(f"{value:.8e}" for value in row) for row in rows]
    path.write_text("# made for a test\n" + header + "\n" + "\n".join(lines) + "\n")
    return path


BASIC = np.stack([R, RHO, T, YE], axis=1)
HEADER = "radius_km density temperature ye"


def gr1d(folder: Path, times: tuple[float, ...] = (0.1, 0.3, 0.4), **changed: np.ndarray) -> Path:
    """Write a GR1D folder, with a ghost zone at negative radius."""
    values = {"rho": RHO, "temperature": T, "ye": YE, "alpha": np.full(6, 0.85)} | changed
    for name, column in values.items():
        rows = [f"{r * 1e5:.12E} {v:.12E}" for r, v in zip(R, column, strict=True)]
        block = "\n".join([f"{-5e4:.12E} {column[0]:.12E}", *rows])
        text = "".join(f'"Time = {t:.15E}\n{block}\n\n\n' for t in times)
        (folder / f"{name}.xg").write_text(text)
    return folder


def test_garching_file_and_folder(tmp_path: Path) -> None:
    """Catches columns read by position: here their order is reversed in the second file."""
    garching(tmp_path, 1.0)
    garching(tmp_path, 0.5, LABELS[::-1], temperature=T * 1.1)
    (tmp_path / "notes.md").write_text("# Notes on the radius and the density\n")
    core = load_core(tmp_path.name, tmp_path.parent)
    assert core.time_range() == (0.5, 1.0)
    first, last = core.state(R, 0.5), core.state(R, 1.0)
    np.testing.assert_allclose(first.temperature, T * 1.1, rtol=1e-7)
    np.testing.assert_allclose(last.temperature, T, rtol=1e-7)
    for state in (first, last):
        for name, value in (("mu_e", 150), ("mu_p", -30), ("mu_mu", 120), ("mu_nu_mu", 20)):
            np.testing.assert_allclose(getattr(state, name), value, err_msg=name)
        np.testing.assert_allclose(state.ymu, 0.01)
        np.testing.assert_allclose(state.mass_p, 699)
    assert "filled" not in core.description


def test_one_snapshot_needs_a_duration(tmp_path: Path) -> None:
    """Catches one snapshot taken for all times, or refused with its duration given."""
    path = garching(tmp_path, 0.75)
    with pytest.raises(InputError, match="duration"):
        load_core(str(path))
    core = load_core({"path": path.name, "duration": "500 ms"}, tmp_path)
    assert core.time_range() == (0.75, 1.25)
    np.testing.assert_array_equal(core.state(R, 0.8).density, core.state(R, 1.25).density)
    garching(tmp_path, 1.0)
    with pytest.raises(InputError, match="belongs to one snapshot"):
        load_core({"path": str(tmp_path), "duration": "1 s"})


def test_newtonian_profile_has_coordinate_volumes(tmp_path: Path) -> None:
    """Catches a metric made up where mass and density are Newtonian."""
    core = load_core({"path": str(garching(tmp_path, 1.0)), "duration": "1 s"})
    volume = core.shell_volume(R[:-1], R[1:], 1.0)
    np.testing.assert_allclose(volume, 4 * np.pi / 3 * np.diff(R**3), rtol=1e-3)


@pytest.mark.parametrize("code", ["agile", "vertex"])
def test_cds_tables(tmp_path: Path, code: str) -> None:
    """Catches zero rows kept, times in ms taken for s, and trapped neutrinos ignored."""
    for when in (50.5, 148.1):
        table = matter(pad=code == "vertex", edges=code == "vertex")
        cds(tmp_path / f"fileh+{when:03.0f}.txt", when, table)
        n = 4 if code == "vertex" else 6  # VERTEX has other zones for neutrinos
        neutrinos = {"Rad": ("cm", np.linspace(5e4, 12e5, n)), "Ynue": ("---", np.full(n, 0.05)),
                     "Ynuebar": ("---", np.full(n, 0.01))}  # fmt: skip
        cds(tmp_path / f"filer+{when:03.0f}.txt", when, neutrinos)
    core = load_core(str(tmp_path))
    np.testing.assert_allclose(core.times, [0.0505, 0.1481])
    assert float(core.surface(0.1)) == pytest.approx(12.0, rel=1e-6, abs=0)
    state = core.state(R, 0.1481)
    np.testing.assert_allclose(state.density, RHO, rtol=1e-4)
    np.testing.assert_allclose(state.lapse, 1 - np.linspace(0.2, 0.1, 6), rtol=1e-4)
    n_nu = 0.04 * state.baryon_density[:-1]
    mu, t = state.mu_nu_e[:-1], state.temperature[:-1]
    np.testing.assert_allclose((mu**3 + np.pi**2 * t**2 * mu) / (6 * np.pi**2), n_nu, rtol=1e-9)
    assert state.mu_nu_e[-1] == 0  # 2e11 g/cm3: neutrinos stream
    assert np.all(state.mu_mu == 0)
    # masses at the zones' edges are brought to their middles, crudely in zones as coarse as these
    tolerance = 1e-3 if code == "agile" else 0.1
    np.testing.assert_allclose(state.enclosed_mass, newtonian_mass(), rtol=tolerance)
    for name in ("mu_e", "mu_n", "mu_nu_e", "ymu"):
        assert name in core.description


def test_cds_without_neutrinos_takes_beta_equilibrium(tmp_path: Path) -> None:
    """Catches mu_nu_e left at zero in trapped matter when there is no file of neutrinos."""
    path = cds(tmp_path / "a.txt", 50.0, matter(pad=False, edges=False))
    state = load_core({"path": str(path), "duration": "1 s"}).state(R[:-1], 0.05)
    beta = state.mu_e - (state.mu_n - state.mu_p) - 1.29333
    np.testing.assert_allclose(state.mu_nu_e, beta, atol=1e-4)
    assert np.all(state.mu_nu_e > 20)


def test_gr1d(tmp_path: Path) -> None:
    """Catches ghost zones kept, times not counted from bounce, snapshots before bounce kept."""
    core = load_core({"path": str(gr1d(tmp_path)), "bounce": "0.25 s"})
    np.testing.assert_allclose(core.times, [0.05, 0.15])
    state = core.state(R, 0.1)
    np.testing.assert_allclose(state.temperature, T, rtol=1e-9)
    np.testing.assert_allclose(state.lapse, 0.85)
    np.testing.assert_allclose(state.enclosed_mass, proper_mass(), rtol=0.01)  # six shells


def test_plain_table(tmp_path: Path) -> None:
    """Catches cm taken for km, commas, rows of several times mixed, given potentials replaced."""
    rows = np.concatenate([
        np.column_stack([np.full(6, t), R * 1e5, RHO, T + t, YE, np.full(6, 77.0)])
        for t in (2.0, 1.0)
    ])  # fmt: skip
    path = plain(tmp_path / "p.csv", "time, radius_cm, density, temperature, ye, mu_e", rows, ", ")
    core = load_core(str(path))
    assert core.time_range() == (1.0, 2.0)
    state = core.state(R, 2.0)
    np.testing.assert_allclose(state.temperature, T + 2, rtol=1e-7)
    np.testing.assert_allclose(state.mu_e, 77)
    static = load_core({"path": str(plain(tmp_path / "q.txt", HEADER, BASIC)), "duration": "3 s"})
    assert static.time_range() == (0.0, 3.0)
    np.testing.assert_allclose(static.state(R, 1).ye, YE, rtol=1e-7)


def test_profile_is_cut_where_matter_is_thin(tmp_path: Path) -> None:
    """Catches a surface at the edge of a simulation's grid, far outside the star."""
    thin = np.vstack([BASIC, [[400.0, 1e9, 1.0, 0.5], [4000.0, 1e6, 0.5, 0.5]]])
    path = plain(tmp_path / "p.txt", HEADER, thin)
    assert load_core({"path": str(path), "duration": "1 s"}).surface(0.5) == 12.0


def test_a_folder_that_is_still_written(tmp_path: Path) -> None:
    """Catches a last block cut off at any byte that is believed, or spoils those before it.

    Also within the exponent of its last number, where it still reads as one.
    """
    gr1d(tmp_path)
    spec = {"path": str(tmp_path), "bounce": "0.05 s"}
    whole = load_core(spec)
    path = tmp_path / "rho.xg"
    text = path.read_text()
    last = text.rindex('"Time')
    for stop in (last + 9, last + 60, len(text) - 3 - 30, len(text) - 3 - 1):
        path.write_text(text[:stop])
        with pytest.warns(PhysicsWarning, match=r"last block of rho\.xg is cut off"):
            core = load_core(spec)
        np.testing.assert_allclose(core.times, [0.05, 0.25])
        np.testing.assert_array_equal(core.state(R, 0.2).density, whole.state(R, 0.2).density)
    path.write_text(text[:last])  # not begun there
    with pytest.warns(PhysicsWarning, match="cut off or missing"):
        load_core(spec)
    path.write_text(text[: text.index('"Time', 5)])
    with pytest.raises(InputError, match="1 of density, 3 of temperature"):
        load_core(spec)
    path.write_text(text[:40])
    with pytest.raises(InputError, match=r"rho\.xg: no whole block"):
        load_core(spec)


@pytest.mark.parametrize(
    "rows",
    [np.vstack([[0.0, *BASIC[0, 1:]], BASIC]), BASIC[::-1]],
    ids=["from r = 0", "from outside"],
)
def test_rows_in_other_order(tmp_path: Path, rows: np.ndarray) -> None:
    """Catches a row at the centre refused, or one of a table written inward."""
    path = plain(tmp_path / "p.txt", HEADER, rows)
    core = load_core({"path": str(path), "duration": "1 s"})
    np.testing.assert_allclose(core.state(R, 0.5).temperature, T, rtol=1e-7)
    np.testing.assert_allclose(core.state(0.0, 0.5).density, RHO[0], rtol=1e-7)
    np.testing.assert_allclose(core.state(R, 0.5).enclosed_mass, proper_mass(), rtol=0.01)


def test_tables_as_people_write_them(tmp_path: Path) -> None:
    """Catches other ends of lines, commas, capitals, comments and exponents refused."""
    rows = "\r\n".join(",".join(f"{value:.8E}".replace("E", "D") for value in row) for row in BASIC)
    text = f"\ufeff# radii, and time, from me\r\nRadius_km,Density,TEMPERATURE,Ye\r\n# km\r\n{rows}"
    (tmp_path / "p.csv").write_bytes(text.encode())
    core = load_core({"path": str(tmp_path / "p.csv"), "duration": "1 s"})
    np.testing.assert_allclose(core.state(R, 0.5).temperature, T, rtol=1e-7)


def test_a_snapshot_that_is_there_twice(tmp_path: Path) -> None:
    """Catches a copy refused, and rows of one time in two places taken for one snapshot."""
    path = garching(tmp_path, 1.0)
    (tmp_path / "copy-T=1.0.txt").write_text(path.read_text())
    garching(tmp_path, 2.0)
    assert len(load_core(str(tmp_path)).times) == 2
    rows = np.concatenate([np.column_stack([np.full(6, t), BASIC]) for t in (1.0, 2.0, 1.0)])
    again = plain(tmp_path.parent / "again.txt", "time " + HEADER, rows)
    with pytest.raises(InputError, match="line 15, column 'time': found 1 s again"):
        load_core(str(again))


def test_pure_neutron_matter(tmp_path: Path) -> None:
    """Catches a traceback or NaN at Ye = 0 and 1, and neutrinos invented in their equilibrium."""
    for ye in (0.0, 1.0):
        rows = np.column_stack([R, RHO, T, np.full(6, ye)])
        path = plain(tmp_path / "a.txt", HEADER, rows)
        with pytest.raises(InputError, match=f"column 'ye': found {ye:g}: without .* no beta eq"):
            load_core({"path": str(path), "duration": "1 s"})
        path = plain(tmp_path / "b.txt", HEADER + " mu_nu_e", np.c_[rows, 0 * R])
        state = load_core({"path": str(path), "duration": "1 s"}).state(R, 0.5)
        assert np.all(np.isfinite(state.mu_n) & np.isfinite(state.mu_p))
        np.testing.assert_allclose(state.ye, ye)
        assert np.all(state.mu_e == 0) if ye == 0 else np.all(state.mu_n < state.mu_p)
        rare = species("p" if ye == 0 else "n", state, "electron")
        shares = fermion_density(rare.mass, rare.mu, state.temperature) / state.baryon_density
        np.testing.assert_allclose(shares, 1e-9, rtol=1e-3)


def _scaled(**factors: float) -> np.ndarray:
    columns = dict(zip(HEADER.split(), BASIC.T.copy(), strict=True))
    return np.column_stack([values * factors.get(name, 1) for name, values in columns.items()])


MISTAKEN = {
    "metres": (HEADER, {"radius_km": 1e3}, r"'radius_km': .*e\+08 solar masses inside 1e\+04 km "
               r"are inside their own horizon.*is it in metres\? \(0.378 solar masses then\)"),
    "centimetres": (HEADER, {"radius_km": 1e5}, r"is it in cm\?"),
    "km for cm": (HEADER.replace("km", "cm"), {}, r"'radius_cm': 3.78e-16 solar.*is it in km\?"),
    "kelvin": (HEADER, {"temperature": 1.16e10},
               r"line 6, column 'temperature': found 2.9e\+11 MeV; must .* 300; is it in kelvin\? "
               r"\(25 MeV then\)"),
    "keV": (HEADER, {"temperature": 1e3}, r"is it in keV\?"),
    "GeV": (HEADER, {"temperature": 1e-3},
            r"line 6, column 'temperature': found 0.025 MeV; no more anywhere; a core has at least "
            r"0.1 .*is it in GeV\? \(25 MeV then\)"),
    "GeV, named": (HEADER.replace("temperature", "temperature [GeV]"), {"temperature": 1e-3},
                   r"line 2, column 'temperature': found the unit 'GeV'; needs MeV"),
    "kg/m3, named": (HEADER.replace("density", "density(kg / m^3)"), {},
                     r"column 'density': found the unit 'kg / m\^3'; needs g/cm\^3"),
    "kelvin, named": (HEADER.replace("temperature", "Temperature[K]"), {}, "found the unit 'K'"),
    "m for km": (HEADER.replace("_km", "_km [m]"), {}, "found the unit 'm'; needs km"),
    "kg/m3": (HEADER, {"density": 1e3},
              r"line 3, column 'density': found 4e\+17 g/cm\^3.*is it in kg/m\^3\?"),
    "1/fm3": (HEADER, {"density": 6e-16}, r"0 points of density.*is it in 1/fm\^3\?"),
    "logarithm": (HEADER, {"density": 3.6e-14}, r"0 points of density.*is it the logarithm\?"),
    "per cent": (HEADER, {"ye": 100}, r"is it in per cent\? \(0.28 then\)"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKEN)
def test_mistaken_units_are_asked_for(tmp_path: Path, case: str) -> None:
    """Catches a core in other units that is believed: whole stars inside their own horizon."""
    header, factors, message = MISTAKEN[case]
    path = plain(tmp_path / "a.txt", header, _scaled(**factors))
    with pytest.raises(InputError, match=message) as caught:
        load_core({"path": str(path), "duration": "1 s"})
    assert str(caught.value).startswith(str(path))


def test_masses_in_grams_and_rest_masses(tmp_path: Path) -> None:
    """Catches masses in grams, times in ms, potentials with the rest mass believed."""
    for header, column, message in (
        ("enclosed_mass", newtonian_mass() * 1.98841e33, r"is it in g\?"),
        ("mu_n mu_p", np.column_stack([np.full(6, 1050.0)] * 2), "1000, without the rest mass"),
        ("ymu", np.full(6, 0.9), "the protons per baryon, is 1.18; must be at most 1"),
        ("time", np.full(6, 5e5), "column 'time': found 500000 s after bounce; must be"),
    ):
        path = plain(tmp_path / "a.txt", f"{HEADER} {header}", np.column_stack([BASIC, column]))
        with pytest.raises(InputError, match=message):
            load_core({"path": str(path), "duration": "1 s"})


def _spoil(column: int, row: int, value: float) -> np.ndarray:
    rows = BASIC.copy()
    rows[row, column] = value
    return rows


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "density-nan": (lambda p: plain(p / "a.txt", HEADER, _spoil(1, 2, np.nan)),
                    "line 5, column 'density': found 'nan.*'; needs a finite number"),
    "cold": (lambda p: plain(p / "a.txt", HEADER, _spoil(2, 2, 0)),
             "line 5, column 'temperature': found 0 MeV; must be 0.0001 to 300"),
    "ye": (lambda p: plain(p / "a.txt", HEADER, _spoil(3, 2, 1.2)),
           "line 5, column 'ye': found 1.2; must be 0 to 1$"),
    "radii": (lambda p: plain(p / "a.txt", HEADER, _spoil(0, 2, 1)), "radii do not ascend"),
    "thin": (lambda p: plain(p / "a.txt", HEADER, BASIC[:2]), "at least 3"),
    "empty": (lambda p: plain(p / "a.txt", HEADER, BASIC[:0]), "no known format"),
    "name": (lambda p: plain(p / "a.txt", "radius_km density temprature ye", BASIC),
             "did you mean 'temperature'"),
    "unit": (lambda p: plain(p / "a.txt", "radius density temperature ye", BASIC), "radius_km"),
    "missing": (lambda p: plain(p / "a.txt", "radius_km density temperature lapse", BASIC),
                "no column 'ye'"),
    "short-row": (lambda p: plain(p / "a.txt", HEADER, BASIC[:, :3]), "needs 4"),
    "one-mu": (lambda p: plain(p / "a.txt", HEADER + " mu_n", np.c_[BASIC, T]), "mu_n, mu_p"),
    "muons": (lambda p: plain(p / "a.txt", HEADER + " mu_mu", np.c_[BASIC, T]), "without ymu"),
    "lapse": (lambda p: plain(p / "a.txt", HEADER + " lapse", np.c_[BASIC, T]),
              "column 'lapse': found 25; must be above 0, up to 1"),
    "mass-falls": (lambda p: plain(p / "a.txt", HEADER + " enclosed_mass", np.c_[BASIC, -R]),
                   "must grow outward"),
    "mass-wrong": (lambda p: plain(p / "a.txt", HEADER + " enclosed_mass", np.c_[BASIC, R]),
                   "disagrees with the integral"),
    "garching-unit": (lambda p: garching(p, 1.0).write_text(
        (p / "hydro-T=1.0000.txt").read_text().replace("# [cm]", "# [km]")), r"needs \[cm\]"),
    "garching-row": (lambda p: garching(p, 1.0).write_text(
        (p / "hydro-T=1.0000.txt").read_text() + "1.0 2.0 x\n"), "line 12"),
    "garching-cut": (lambda p: (p / "a.txt").write_text("# radius mass_coordinate\n"), "0 rows"),
    "cds-column": (lambda p: cds(p / "h.txt", 5.0, {"Rad": ("cm", R), "Den": ("g/cm3", RHO)}),
                   "neutrinos only"),
    "cds-unit": (lambda p: cds(p / "h.txt", 5.0, matter(False, False) | {"Rad": ("m", R)}),
                 "'Rad' in m; needs cm"),
    "no-format": (lambda p: (p / "a.txt").write_text("hello\n"), "no known format"),
    "nothing": (lambda p: None, "no known format"),
    "two-formats": (lambda p: (garching(p, 1.0), plain(p / "a.txt", HEADER, BASIC)), "2 formats"),
    "same-time": (lambda p: (garching(p, 1.0), (p / "b-T=1.0.txt").write_text(
        (p / "hydro-T=1.0000.txt").read_text().replace("e+14", "e+13"))), "both at 1 s, and not"),
    "no-time": (lambda p: (plain(p / "a.txt", HEADER, BASIC), plain(p / "b.txt", HEADER, BASIC)),
                "needs one"),
    "gr1d-bounce": (lambda p: gr1d(p), "give the time of bounce"),
}  # fmt: skip


SEQUENCES = ("same-time", "no-time", "gr1d-bounce")


@pytest.mark.parametrize("case", BAD)
def test_bad_files_give_one_line(tmp_path: Path, case: str) -> None:
    """Catches bad files read to nonsense, tracebacks of numpy, messages of several lines."""
    write, message = BAD[case]
    write(tmp_path)
    spec = {"path": str(tmp_path)}
    if case not in SEQUENCES:
        spec["duration"] = "1 s"
    with pytest.raises(InputError, match=message) as caught:
        load_core(spec)
    assert "\n" not in str(caught.value)
    assert tmp_path.name in str(caught.value)


def test_bad_gr1d_folders(tmp_path: Path) -> None:
    """Catches variables of different times or a missing one paired silently."""
    gr1d(tmp_path)
    spec = {"path": str(tmp_path), "bounce": "0.25 s"}
    with pytest.raises(InputError, match="no snapshot"):
        load_core(spec | {"bounce": "9 s"})
    with pytest.raises(InputError, match="give the folder"):
        load_core(spec | {"path": str(tmp_path / "rho.xg")})
    text = (tmp_path / "ye.xg").read_text()
    (tmp_path / "ye.xg").write_text(text.replace("3.0000", "3.1000"))
    with pytest.raises(InputError, match=r"no block at 0\.3 s"):
        load_core(spec)
    (tmp_path / "ye.xg").write_text(text.replace("5.000000000000E+04 2.8", "5.1E+04 2.8"))
    with pytest.raises(InputError, match="radii of ye"):
        load_core(spec)
    (tmp_path / "ye.xg").write_text(text.replace("E+04 2", "E+04 two"))
    with pytest.raises(InputError, match=r"ye\.xg: line 2, column 'value': found 'two"):
        load_core(spec)
    (tmp_path / "ye.xg").unlink()
    with pytest.raises(InputError, match=r"no file ye\.xg"):
        load_core(spec)
    with pytest.raises(InputError, match="only GR1D"):
        load_core({"path": str(garching(tmp_path.parent, 1.0)), "bounce": "1 s"})
