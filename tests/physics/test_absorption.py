"""Absorption inside the core: spheres in closed form, black bodies, detailed balance."""

from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
import pytest
from scipy import integrate, special

from snmc.core import SupernovaCore, load_core
from snmc.generators.dipole import Dipole, inverse_decay, scattering
from snmc.ground.compiled import compiled_formula
from snmc.ground.errors import PhysicsWarning
from snmc.ground.units import C_LIGHT, HBAR, HBAR_C, MEV_IN_ERG
from snmc.production.absorption import (
    effective_absorption,
    escaping_share,
    line_escape,
    vacuum_width,
)
from snmc.production.emission import (
    Coalescence,
    Emission,
    Grid,
    Scattering,
    cells,
    combine,
    emission_grid,
    emitted_numbers,
)
from snmc.production.scattering import scattering_rate
from snmc.roles.decaying_particle import emission_report, leaving_energy
from snmc.roles.generator import Supernova
from snmc.thermal import BOSE, FERMI, Screening, Species, species

Array = npt.NDArray[np.float64]
MEV4_PER_CM3_S = 1 / (6.582119569e-22 * 197.3269804e-13**3)


@pytest.fixture(scope="module")
def one_zone() -> SupernovaCore:
    return load_core(
        {"type": "one-zone", "radius": "10 km", "temperature": "30 MeV", "mu_e": "200 MeV",
         "mu_nu_e": "80 MeV", "rho": "3e14 g/cm^3", "duration": "7 s"}
    )  # fmt: skip


def sphere(shells: int, depth: float, radius: float = 10.0, stretch: float = 1.0) -> Array:
    """Escaping share by shell of a uniform sphere of optical depth `depth` along its radius."""
    edges = np.linspace(0, radius, shells + 1)[None]
    opacity = np.full((1, 1, shells, 1), depth / radius)
    return line_escape(edges, np.full((1, shells), stretch), opacity)[0, 0, :, 0]


@pytest.mark.parametrize("depth", [1e-9, 0.1, 1.0, 7.0, 300.0])
def test_escape_from_a_uniform_sphere(depth: float) -> None:
    """Would catch a wrong weight of lines, or a far side forgotten.

    The mean over the sphere is 3/(4 a)[1 - 1/(2 a^2) + (1/a + 1/(2 a^2)) exp(-2 a)] (Osterbrock
    and Ferland, Astrophysics of Gaseous Nebulae, appendix 2).
    """
    shells = 16
    share = sphere(shells, depth)
    volume = np.diff(np.linspace(0, 1, shells + 1) ** 3)
    with mpmath.workdps(60):
        a = mpmath.mpf(depth)
        mean = 3 / (4 * a) * (1 - 1 / (2 * a**2) + (1 / a + 1 / (2 * a**2)) * mpmath.exp(-2 * a))
    assert share @ volume == pytest.approx(float(mean), rel=2e-3 if depth > 5 else 1e-5, abs=0)


@pytest.mark.parametrize("depth", [0.1, 1.0, 5.0])
def test_escape_by_place(depth: float) -> None:
    """Would catch shells exchanged or a line that starts at the wrong place.

    (1/2) Int dmu exp(-a s(mu)), s = sqrt(1 - r^2 (1 - mu^2)) - r mu, averaged over the shell.
    """
    shells = 8
    share = sphere(shells, depth)
    for k in (0, 3, 7):
        low, high = k / shells, (k + 1) / shells

        def shell(r: Any) -> Any:
            line = mpmath.quad(
                lambda mu: mpmath.exp(-depth * (mpmath.sqrt(1 - r * r * (1 - mu * mu)) - r * mu)),
                [-1, 0, 1],
            )
            return 3 * r * r * line / 2

        expected = mpmath.quad(shell, [low, high], maxdegree=4) / (high**3 - low**3)
        assert share[k] == pytest.approx(float(expected), rel=2e-3, abs=0)


def test_escape_from_the_centre_takes_the_proper_length() -> None:
    """Would catch coordinate for proper length: exp(-stretch Gamma R/beta) from the centre."""
    edges = np.array([[0.0, 0.01, 10.0]])
    share = line_escape(edges, np.array([[1.2, 1.2]]), np.full((1, 1, 2, 1), 0.2))
    assert share[0, 0, 0, 0] == pytest.approx(np.exp(-1.2 * 0.2 * 10), rel=2e-3, abs=0)


PROTONS = Scattering("protons", ("nu_e",), "p", "p", scattering, pole=True)
MASS = 50.0


def share_of(
    core: SupernovaCore, grid: Grid, coupling: float, statistics: float, rescattering: Any = None
) -> tuple[Array, Array]:
    """Numbers made with a coupling squared, and the share that escapes."""
    numbers = emitted_numbers(core, PROTONS, MASS, "electron", False, "draft", grid)
    share = escaping_share(
        core, grid, MASS, "electron", False, [(PROTONS, numbers, np.array([[coupling]]))],
        2, statistics, rescattering or (lambda state, energies: None),
    )  # fmt: skip
    return coupling * numbers, share


@pytest.mark.parametrize("statistics", [FERMI, BOSE])
def test_an_opaque_sphere_is_a_black_body(one_zone: SupernovaCore, statistics: float) -> None:
    """Would catch any factor between production and absorption (g, E p, 2 pi^2, units).

    What leaves is g p^2 f/(8 pi^2) per area, time and energy, with f the equilibrium occupation at
    the chemical potential 80 MeV of the neutrinos X is made from, whatever the coupling.
    """
    energies = MASS + np.array([60.0, 90.0, 150.0, 250.0])
    grid = Grid(np.array([0.0, 7.0]), np.linspace(0, 10, 17)[None], energies)
    made, share = share_of(one_zone, grid, 1e-6, statistics)
    f = 1 / (np.exp((energies - 80) / 30) + statistics)
    p2 = energies**2 - MASS**2
    # MeV^3 s: 1 km^2 in MeV^-2 and 1 s in MeV^-1
    area_time = 4 * np.pi * (10e18 / HBAR_C) ** 2 * 7 / 6.582119569e-22
    black = 2 * p2 * f / (8 * np.pi**2) * area_time
    assert (made * share).sum(axis=(0, 1, 2)) == pytest.approx(black, rel=2e-3, abs=0)
    assert share.max() < 1e-3


def test_free_streaming_and_more_coupling(one_zone: SupernovaCore) -> None:
    """Would catch a share that is not exactly 1 without absorption, or grows with the coupling."""
    grid = emission_grid(one_zone, MASS, "draft", (PROTONS,))
    assert np.all(share_of(one_zone, grid, 1e-30, FERMI)[1] == 1.0)
    shares = [share_of(one_zone, grid, 10.0**x, FERMI)[1] for x in range(-20, -4, 3)]
    for weak, strong in pairwise(shares):
        assert np.all(strong <= weak)
    assert np.all(np.isfinite(shares[-1]))
    assert np.all((shares[-1] >= 0) & (shares[0] <= 1))


def test_rescattering_is_added(one_zone: SupernovaCore) -> None:
    """Would catch MeV taken for another inverse length, or 1/beta left out."""
    grid = Grid(np.array([0.0, 7.0]), np.linspace(0, 10, 17)[None], np.array([60.0, 300.0]))
    gamma = HBAR_C / 1e19  # MeV: a mean free path of 10 km at the speed of light
    _, share = share_of(
        one_zone, grid, 0.0, FERMI, lambda state, energies: np.full_like(energies, gamma)
    )
    for k, E in enumerate(grid.energies):
        slow = sphere(16, E / np.sqrt(E**2 - MASS**2))
        assert share[0, 0, :, k] == pytest.approx(slow, rel=1e-9, abs=0)


@pytest.mark.parametrize(
    "statistics",
    [(FERMI, FERMI, FERMI), (BOSE, FERMI, FERMI), (FERMI, BOSE, FERMI), (FERMI, FERMI, BOSE),
     (BOSE, BOSE, BOSE)],
)  # fmt: skip
def test_detailed_balance_of_scattering(statistics: tuple[float, float, float]) -> None:
    """Would catch Delta mu without the potentials, or rates that are not each other's inverse.

    g Gamma_abs of X 3 -> 1 2 by Monte Carlo over 3 and the directions of 1 2, with blocking or
    stimulation of both, against exp((E - Delta mu)/T) 2 pi^2/(p E) dn/(dE dt).
    """
    T, M, E, shift = 30.0, 120.0, 260.0, -35.0
    m1, mu1, m2, m3 = 105.7, 80.0, 599.0, 600.0
    one, two, three = statistics
    mu2, mu3 = (580.0, 650.0) if three == FERMI else (590.0, 595.0)
    unit = np.ones(1)
    produced = scattering_rate(
        contact, np.array([[E]]), M, T * unit, 0 * unit,
        [Species("1", m1 * unit, mu1 * unit, one, 0 * unit)],
        Species("2", m2 * unit, mu2 * unit, two, 315 * unit),
        Species("3", m3 * unit, mu3 * unit, three, 350 * unit),
    )[0, 0, 0]  # fmt: skip
    p = np.sqrt(E**2 - M**2)
    mine = 2 * np.pi**2 / (p * E) * produced * np.exp((E - mu1 - mu2 - shift + mu3) / T)

    def occupied(energy: Array, mu: float, sign: float) -> Array:
        x = (energy - mu) / T
        return np.asarray(special.expit(-x) if sign == FERMI else 1 / np.expm1(x))

    rng = np.random.default_rng(2)
    n = 400_000
    p3 = 1400 * rng.random(n)
    E3, cosine = np.hypot(p3, m3), 2 * rng.random(n) - 1
    # X along z; the pair 1 2 carries E + E3 - shift
    total, along = E + E3 - shift, p + p3 * cosine
    across = p3 * np.sqrt(1 - cosine**2)
    s = total**2 - along**2 - across**2
    E1_rest = (s + m1**2 - m2**2) / (2 * np.sqrt(s))
    p1_rest = np.sqrt(E1_rest**2 - m1**2)
    # by rotational symmetry the energy of 1 is all that is needed of its direction
    momentum = np.hypot(along, across)
    E1 = (total * E1_rest + momentum * p1_rest * (2 * rng.random(n) - 1)) / np.sqrt(s)
    open_ = (1 - one * occupied(E1, mu1, one)) * (1 - two * occupied(total - E1, mu2, two))
    weight = p3**2 / (4 * np.pi**2 * E3) * 1400 * occupied(E3, mu3, three)
    weight *= p1_rest / (4 * np.pi * np.sqrt(s)) * open_ * (3.0 + 1e-3 * E1) / (2 * E)
    error = weight.std() / np.sqrt(n)
    assert mine == pytest.approx(weight.mean(), abs=4 * error + 1e-3 * weight.mean())
    assert error < 6e-3 * weight.mean()


@compiled_formula(12)
def contact(
    s: float, t: float, m1: float, m2: float, m3: float, M: float, k2: float,
    E1: float, E2: float, E: float, along: float, shift: float,
) -> float:  # fmt: skip
    """Return an amplitude that knows only the energy of 1."""
    return 3.0 + 1e-3 * E1


@compiled_formula(4)
def pair(M: float, m2: float, E1: float, E: float) -> float:
    """S|M|^2 = M^2 of a scalar and two neutrinos."""
    return M * M


def coalescence_gamma(
    core: SupernovaCore,
    process: Coalescence,
    mass: float,
    energies: Array,
    screening: Screening = "electron",
) -> Array:
    grid = Grid(np.array([0.0, 7.0]), np.linspace(0, 10, 3)[None], energies)
    numbers = emitted_numbers(core, process, mass, screening, False, "draft", grid)
    state, volume = cells(core, grid, False)
    production = [(process, numbers, np.array([[1.0]]))]
    gamma = effective_absorption(state, volume, grid, mass, screening, production, 1, BOSE)
    return np.asarray(gamma[0, 0, 0])


@compiled_formula(4)
def two_photons(M: float, m2: float, E1: float, E: float) -> float:
    """S|M|^2 of a scalar and two photons, 1/2 for identical ones in it."""
    return M * M


def test_photons_of_the_medium_stimulate_the_decay(one_zone: SupernovaCore) -> None:
    """Would catch a photon blocked like a fermion: Gamma_eff = Gamma (M/E) <1 + f1 + f2>.

    What the medium adds to the vacuum's, averaged over E1 between (E -+ p)/2, in closed form:
    2 <f> = (2 T/p) ln[sinh((E + p)/4T)/sinh((E - p)/4T)] - 1.
    """
    mass, energies = 20.0, 20.0 + np.array([5.0, 50.0, 300.0])
    process = Coalescence("photons", ("gamma",), "gamma", two_photons)
    found = coalescence_gamma(one_zone, process, mass, energies, "none")
    p, T4 = np.sqrt(energies**2 - mass**2), 4 * 30.0
    ratio = np.sinh((energies + p) / T4) / np.sinh((energies - p) / T4)
    vacuum = mass**2 / (16 * np.pi * energies)
    expected = vacuum * (T4 / (2 * p) * np.log(ratio) - 1)
    assert found == pytest.approx(expected, rel=1e-3, abs=0)


def test_the_decay_in_vacuum_is_left_to_the_flight(one_zone: SupernovaCore) -> None:
    """Would catch decays counted twice: in the core Gamma (M/E) <1 - f1 - f2> < Gamma (M/E)."""
    process = Coalescence("pair", ("nu_mu",), "nu_tau_bar", pair)
    energies = 20.0 + np.array([5.0, 50.0, 300.0])
    assert np.all(coalescence_gamma(one_zone, process, 20.0, energies) == 0.0)
    light = Coalescence("light", ("nu_mu",), "nu_tau_bar", pair)
    assert vacuum_width(light, one_zone.state(np.ones(1), np.ones(1)), 20.0, 1) == pytest.approx(
        20.0 / (16 * np.pi),
        rel=1e-6,
        abs=0,
    )
    model = Dipole({"mass": 80.0, "d": 1.0, "nature": "dirac", "processes": (),
                    "screening": "none"})  # fmt: skip
    width = next(m.width for m in model.modes())
    state = one_zone.state(np.ones(1), np.ones(1))
    decay = Coalescence("x", ("nu_e",), "gamma", inverse_decay)
    assert vacuum_width(decay, state, 80.0, 2) == pytest.approx(width, rel=1e-6, abs=0)


def test_light_scalars_decay_faster_in_matter(one_zone: SupernovaCore) -> None:
    """Would catch the medium's part left out: M^2 - 2 E V outgrows M^2 below some keV.

    Gamma_eff of X -> nu nu by hand: squared/(16 pi E) <1 - f1 - f2> less the vacuum's.
    """
    mass, energies = 1e-4, np.array([100.0, 300.0])
    process = Coalescence("light", ("nu_mu",), "nu_tau", pair)
    mine = coalescence_gamma(one_zone, process, mass, energies)
    state = one_zone.state(np.ones(1), np.ones(1))
    V = sum(float(species(n, state, "none").potential[0]) for n in ("nu_mu", "nu_tau"))
    assert V < 0
    mu = float(state.mu_nu_mu[0])
    for E, found in zip(energies, mine, strict=True):
        squared = mass**2 - 2 * E * V

        def open_(E1: float, E: float = E) -> float:
            return float(special.expit((E1 - mu) / 30) - special.expit((E1 - E) / 30))

        mean = integrate.quad(open_, 0, E)[0] / E
        by_hand = squared / (16 * np.pi * E) * mean - mass**2 / (16 * np.pi * E)
        assert found == pytest.approx(by_hand, rel=1e-4, abs=0)


def test_the_share_reaches_the_report(one_zone: SupernovaCore) -> None:
    """Would catch numbers of a process or the whole not reduced by what is absorbed."""
    grid = emission_grid(one_zone, MASS, "draft", (PROTONS,))
    made, share = share_of(one_zone, grid, 1e-22, FERMI)
    free = combine(("N",), grid, MASS, {"protons": made})
    held = combine(("N",), grid, MASS, {"protons": made}, share)
    assert 0.05 < held.escaping_share < 0.95
    assert held.parents == pytest.approx(free.parents * held.escaping_share, rel=1e-3, abs=0)
    assert held.by_process["protons"][0] == pytest.approx(held.parents, rel=1e-6, abs=0)
    model = Dipole({"mass": MASS, "d": 1e-8, "nature": "majorana", "processes": (),
                    "screening": "none"})  # fmt: skip
    for emission in (held, free):
        report = emission_report(emission, model.modes(), MASS, 2e4)
        assert report["escaping_share"] == emission.escaping_share
    assert free.escaping_share == 1.0


def emission(core: SupernovaCore, mass: float, d: float, absorption: bool) -> Emission:
    """Emission of the dipole portal's N."""
    return portal(mass, d).emission(
        Supernova(core, 1.6e21, 3e10, 3e4, True, absorption, "NO", "nufit-5.2"),
        "draft", 1, True,
    )  # fmt: skip


def portal(mass: float, d: float) -> Dipole:
    return Dipole({"mass": mass, "d": d, "nature": "majorana", "screening": "electron",
                   "processes": ("electron-scattering", "inverse-decay")})  # fmt: skip


def test_energy_that_passes_the_neutrinosphere(one_zone: SupernovaCore) -> None:
    """Would catch a supernova's energy said to be exceeded by what decays inside it.

    At 100 MeV and d = 1e-11 of 1.3e56 erg 1 % passes 30 km; at d = 1e-10 nothing does.
    """
    with pytest.warns(PhysicsWarning, match="erg"):
        held = emission(one_zone, 100.0, 1e-11, False)
    modes = portal(100.0, 1e-11).modes()
    E = np.linspace(held.energies[0], held.energies[-1], 200_001)[1:]
    density = np.interp(E, held.energies, held.spectrum)
    length = np.sqrt(E**2 - 100.0**2) / 100.0 * C_LIGHT * HBAR / sum(mode.width for mode in modes)
    expected = np.trapezoid(E * density * np.exp(-3e4 / length), E)
    assert leaving_energy(held, modes, 100.0, 3e4) == pytest.approx(expected, rel=1e-5, abs=0)
    assert leaving_energy(held, modes, 100.0, 3e4) < 0.02 * held.parent_energy
    assert leaving_energy(held, modes, 100.0, 1e-3) == pytest.approx(held.parent_energy, rel=1e-6)
    report = emission_report(held, modes, 100.0, 3e4)
    assert report["leaving_energy_erg"] == pytest.approx(expected * MEV_IN_ERG, rel=1e-5, abs=0)
    emission(one_zone, 100.0, 1e-10, False)  # without a warning


def test_an_opaque_core_and_its_edge(one_zone: SupernovaCore) -> None:
    """Would catch absorption switched the wrong way, or a surface glow sold as known.

    With the switch off the number grows as the coupling squared, and the energy is said to be too
    much; with it on the edge alone shines, and this is said.
    """

    def parents(d: float, absorption: bool) -> float:
        return emission(one_zone, 1.0, d, absorption).parents

    weak = parents(1e-15, True)
    assert weak == pytest.approx(parents(1e-15, False), rel=1e-4, abs=0)
    with pytest.warns(PhysicsWarning, match="erg"):
        assert parents(1e-8, False) == pytest.approx(1e14 * parents(1e-15, False), rel=1e-9, abs=0)
    with (
        pytest.warns(PhysicsWarning, match="erg"),
        pytest.warns(PhysicsWarning, match="upper bound"),
    ):
        assert parents(1e-8, True) < 1e9 * weak
