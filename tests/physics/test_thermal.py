"""The thermal medium: occupation, densities, chemical potentials and screening."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy import integrate, special

from snmc.core import CoreState, load_core
from snmc.ground.errors import InputError, PhysicsError
from snmc.ground.units import (
    ALPHA,
    ATOMIC_MASS_G,
    F_PION,
    G_FERMI,
    HBAR_C,
    M_ELECTRON,
    M_MUON,
    M_NEUTRON,
    M_PION_CHARGED,
    M_PROTON,
)
from snmc.thermal import (
    BOSE,
    FERMI,
    PIONS_IN_FIELD,
    SPECIES,
    charge_response,
    debye_momentum_squared,
    fermion_chemical_potential,
    fermion_density,
    neutrino_potential,
    occupation,
    plasmon_mass_squared,
    shared_by,
    species,
)


@pytest.fixture(scope="module")
def state() -> CoreState:
    core = load_core("pns-sfho-1.351")
    return core.state(np.array([0.0, 3.0, 8.0, 12.0]), np.full(4, 1.0))


def test_occupation_against_exact() -> None:
    """Would catch 1/(exp(x) - 1) by subtraction at small x, overflow, or the sign of statistics."""
    with mpmath.workdps(40):
        for x in (1e-12, 1e-3, 0.5, 3.0, 50.0, 600.0):
            assert occupation(x, FERMI) == pytest.approx(
                float(1 / (mpmath.exp(x) + 1)), rel=1e-14, abs=0
            )
            assert occupation(-x, FERMI) == pytest.approx(
                float(1 / (mpmath.exp(-x) + 1)),
                rel=1e-14,
                abs=0,
            )
            assert occupation(x, BOSE) == pytest.approx(
                float(1 / mpmath.expm1(x)), rel=1e-14, abs=0
            )
    assert occupation(1e4, FERMI) == occupation(1e4, BOSE) == 0.0
    assert occupation(-1e4, FERMI) == 1.0


def density(mass: float, mu: float, temperature: float) -> float:
    return float(fermion_density(np.array([mass]), np.array([mu]), np.array([temperature]))[0])


@pytest.mark.parametrize("eta", [-8.0, 0.0, 3.0, 10.0])
def test_density_of_massless_fermions(eta: float) -> None:
    """Would catch a wrong number of spin states: n = -2 T^3 Li_3(-exp(eta))/pi^2."""
    T = 20.0
    exact = -2 * T**3 / mpmath.pi**2 * mpmath.polylog(3, -mpmath.exp(eta))
    assert density(0.0, eta * T, T) == pytest.approx(float(mpmath.re(exact)), rel=1e-8, abs=0)


@pytest.mark.parametrize("temperature", [1.0, 15.0, 50.0])
@pytest.mark.parametrize("degeneracy", [-15.0, -2.0, 0.0, 1.0, 6.0, 20.0])
@pytest.mark.parametrize("mass", [M_ELECTRON, 105.7, 600.0, 938.3])
def test_density_of_massive_fermions(mass: float, degeneracy: float, temperature: float) -> None:
    """Would catch a momentum cut too low or a Fermi edge the fixed rule does not resolve."""
    mu = mass + degeneracy * temperature

    def integrand(p: float) -> float:
        x = (np.hypot(p, mass) - mu) / temperature
        return float(p * p * special.expit(-x) / np.pi**2)

    edge = np.sqrt(max(mu * mu - mass * mass, 0.0)) if mu > mass else 0.0
    width = max(temperature, np.sqrt(temperature * mass))
    steps = [0.0, *(edge + width * np.array([-2, -0.5, 0.5, 2, 5, 12, 40]))]
    steps = sorted({max(0.0, float(x)) for x in steps})
    exact = sum(
        integrate.quad(integrand, a, b, epsrel=1e-11, epsabs=0)[0] for a, b in pairwise(steps)
    )
    # the fixed rule sees the Fermi edge less well the sharper it is
    assert density(mass, mu, temperature) == pytest.approx(
        exact,
        rel=1e-6 if degeneracy > 10 else 2e-8,
        abs=0,
    )


def test_density_of_a_classical_gas() -> None:
    """Would catch a rest mass left out of mu: n = e^(mu/T) m^2 T K_2(m/T)/pi^2 if dilute."""
    mass, mu, T = 900.0, 700.0, 20.0
    exact = 2 * np.exp((mu - mass) / T) * mass**2 * T * special.kve(2, mass / T) / (2 * np.pi**2)
    assert density(mass, mu, T) == pytest.approx(exact, rel=1e-4, abs=0)


def test_chemical_potential_round_trip() -> None:
    """Would catch an inversion that leaves its bracket, for dilute and for degenerate matter."""
    mass, T, number = (
        a.ravel()
        for a in np.meshgrid(
            [0.5, 300.0, 939.0], [0.5, 5.0, 30.0, 60.0], np.geomspace(1e-8, 3e6, 8)
        )
    )
    mu = fermion_chemical_potential(number, mass, T)
    assert fermion_density(mass, mu, T) == pytest.approx(number, rel=1e-6, abs=0)
    with pytest.raises(PhysicsError, match="zero or negative density"):
        fermion_chemical_potential(np.array([0.0]), np.array([939.0]), np.array([10.0]))


@pytest.mark.parametrize(
    ("mu_e", "temperature", "debye", "transverse"),
    [(200, 30, 19.98, 14.13), (100, 20, 10.25, 7.25), (250, 30, 24.66, 17.44), (0, 30, 5.25, 3.71)],
)
def test_screening_scales(
    state: CoreState, mu_e: float, temperature: float, debye: float, transverse: float
) -> None:
    """Would catch a factor in k_D^2 = (4 alpha/pi)(mu^2 + pi^2 T^2/3) or m_T^2 = k_D^2/2.

    Checked too against alpha/pi times the integral of p (f_e- + f_e+) dp, the exact one-loop
    result for relativistic electrons: k_D^2 = (8 alpha/pi) Int p (f + fbar) dp.
    """
    one = np.ones(4)
    hot = replace(state, mu_e=mu_e * one, temperature=temperature * one)
    k2 = debye_momentum_squared(hot, "electron")
    assert np.sqrt(k2) == pytest.approx(debye, abs=0.006)
    assert np.sqrt(plasmon_mass_squared(hot, "electron")) == pytest.approx(transverse, abs=0.006)
    integral = sum(
        integrate.quad(lambda p, mu=mu: p * special.expit((mu - p) / temperature), 0, 1200)[0]
        for mu in (mu_e, -mu_e)
    )
    assert k2 == pytest.approx(8 * ALPHA / np.pi * integral, rel=1e-6, abs=0)


def test_protons_add_to_the_screening(state: CoreState) -> None:
    """Would catch a unit in k_p^2 = 4 pi alpha n_p/T: 849 MeV^2 at 3e14 g/cm3, Yp 0.2, 30 MeV."""
    one = np.ones(4)
    # 3.61e37 protons per cm3
    dense = replace(
        state, density=3e14 * one, ye=0.2 * one, ymu=0 * one, temperature=30 * one, mu_e=200 * one
    )
    added = debye_momentum_squared(dense, "electron+proton") - debye_momentum_squared(
        dense, "electron"
    )
    by_hand = 4 * np.pi * ALPHA * 0.2 * 3e14 / ATOMIC_MASS_G * (HBAR_C * 1e-13) ** 3 / 30
    assert added == pytest.approx(by_hand, rel=1e-12, abs=0)
    assert added == pytest.approx(849, abs=1)
    assert np.all(debye_momentum_squared(dense, "none") == 0)
    assert np.all(plasmon_mass_squared(dense, "none") == 0)
    # with this choice the proton's share does not reach the transverse photon
    assert np.array_equal(
        plasmon_mass_squared(dense, "electron+proton"), plasmon_mass_squared(dense, "electron")
    )


CHARGES = {
    "protons": (600.0, 640.0, 30.0, FERMI),
    "degenerate protons": (600.0, 700.0, 6.0, FERMI),
    "thin protons": (938.0, 700.0, 10.0, FERMI),
    "muons": (M_MUON, 150.0, 30.0, FERMI),
    "pions": (M_PION_CHARGED, 100.0, 30.0, BOSE),
    "pions near condensation": (M_PION_CHARGED, M_PION_CHARGED - 0.6, 30.0, BOSE),
}


def response(mass: float, mu: float, temperature: float, statistics: float) -> tuple[float, ...]:
    one = np.ones(1)
    parts = charge_response(mass * one, mu * one, temperature * one, statistics)
    return tuple(float(part[0]) for part in parts)


@pytest.mark.parametrize("case", CHARGES)
def test_response_of_a_charge(case: str) -> None:
    """Would catch spin states, factors or a sign of statistics, or a derivative taken wrongly.

    m_T^2 = (2 g alpha/pi) Int p^2/E f dp, and k^2 = 4 pi alpha dn/dmu with the derivative taken of
    the density's integral in 30 digits, not by parts as the code does.
    """
    mass, mu, T, statistics = CHARGES[case]
    spins = 2 if statistics == FERMI else 1
    with mpmath.workdps(30):

        def integral(weight: Any, at: Any) -> Any:
            def integrand(p: Any) -> Any:
                energy = mpmath.sqrt(p * p + mass * mass)
                return weight(p, energy) / (mpmath.exp((energy - at) / T) + statistics)

            fermi = float(np.sqrt(max(mu * mu - mass * mass, 0)))
            steps = {0.0, 10.0, 40.0, 150.0, 400.0, 1000.0, 2500.0}
            steps |= {abs(fermi + step) for step in (-60.0, 0.0, 60.0)}
            return mpmath.quad(integrand, sorted(steps))

        transverse = 2 * spins * ALPHA / mpmath.pi * integral(lambda p, E: p * p / E, mu)
        density = spins / (2 * mpmath.pi**2)
        slope = mpmath.diff(lambda at: density * integral(lambda p, E: p * p, at), mu, h=1e-8)
        static = 4 * mpmath.pi * ALPHA * slope
    assert response(mass, mu, T, statistics) == pytest.approx(
        (float(transverse), float(static)), rel=3e-6, abs=0
    )


def test_limits_of_the_response() -> None:
    """Would catch 4 pi alpha n/m or n/T missed for thin gases, or massless electrons.

    And hot massless particles without chemical potential: m_T^2 = e^2 T^2/6 of a Dirac fermion and
    of a complex scalar alike (half the Debye mass squared, e^2 T^2/3, in either electrodynamics).
    """
    mass, T = 938.0, 2.0
    number = density(mass, 900.0, T)
    transverse, static = response(mass, 900.0, T, FERMI)
    assert transverse == pytest.approx(4 * np.pi * ALPHA * number / mass, rel=1e-2, abs=0)
    assert static == pytest.approx(4 * np.pi * ALPHA * number / T, rel=1e-6, abs=0)
    electrons = np.add(response(0.0, 200.0, 30.0, FERMI), response(0.0, -200.0, 30.0, FERMI))
    k2 = 4 * ALPHA / np.pi * (200**2 + np.pi**2 * 30**2 / 3)
    assert electrons == pytest.approx((k2 / 2, k2), rel=1e-8, abs=0)
    e2 = 4 * np.pi * ALPHA
    for statistics in (BOSE, FERMI):
        both = 2 * np.array(response(1e-6, 0.0, 30.0, statistics))
        assert both == pytest.approx([e2 * 900 / 6, e2 * 900 / 3], rel=1e-5, abs=0)


def test_every_charge_counts() -> None:
    """Would catch protons, muons or pions left out: m_T is 17.0 and not 13.5 MeV at 3 s, 5 km.

    By parts [MeV^2]: electrons 182, muons 46, protons 56 (62 as a dilute gas at rest, 4 pi alpha
    n_p/m*), pions in the rho field 7. The static scale takes protons as degenerate as they are.
    """
    inner = load_core("pns-sfho-1.351").state(np.array([5.0]), np.array([3.0]))
    T = float(inner.temperature[0])
    parts = {}
    for name in ("e-", "e+", "mu-", "mu+", "p", PIONS_IN_FIELD):
        one = species(name, inner, "none")
        parts[name] = response(float(one.mass[0]), float(one.mu[0]), T, one.statistics)
    assert parts["e-"][0] + parts["e+"][0] == pytest.approx(182, abs=0.5)
    assert parts["mu-"][0] + parts["mu+"][0] == pytest.approx(46, abs=0.5)
    assert parts["p"][0] == pytest.approx(56, abs=0.5)
    protons = 4 * np.pi * ALPHA * float(inner.proton_density[0])
    assert protons / float(inner.mass_p[0]) == pytest.approx(62, abs=0.5)
    assert 0.7 * protons / T < parts["p"][1] < 0.85 * protons / T
    assert parts[PIONS_IN_FIELD][0] == pytest.approx(6.6, abs=0.1)
    transverse, static = np.sum(list(parts.values()), axis=0)
    assert plasmon_mass_squared(inner, "all") == pytest.approx(transverse, rel=1e-4, abs=0)
    assert debye_momentum_squared(inner, "all") == pytest.approx(static, rel=1e-4, abs=0)
    assert np.sqrt(plasmon_mass_squared(inner, "all")) == pytest.approx(17.03, abs=0.01)
    assert np.sqrt(plasmon_mass_squared(inner, "electron")) == pytest.approx(13.48, abs=0.01)
    assert species("gamma", inner, "all").mass == pytest.approx(17.03, abs=0.01)


def test_species_that_cannot_share_a_process(state: CoreState) -> None:
    """Would catch a boson treated as the fermion beside it, silently."""
    neutrino, photon = (species(name, state, "none") for name in ("nu_tau", "gamma"))
    assert shared_by([neutrino, neutrino]) is neutrino
    with pytest.raises(PhysicsError, match="gamma cannot share"):
        shared_by([neutrino, photon])
    with pytest.raises(PhysicsError, match="mu- cannot share"):
        shared_by([species("e-", state, "none"), species("mu-", state, "none")])


def test_species_of_the_core(state: CoreState) -> None:
    """Would catch a chemical potential with the wrong sign, or nucleons of the wrong number."""
    made = {name: species(name, state, "electron") for name in SPECIES}
    assert np.array_equal(made["nu_e"].mu, state.mu_nu_e)
    assert np.array_equal(made["nu_e_bar"].mu, -state.mu_nu_e)
    assert np.array_equal(made["nu_mu_bar"].mu, -state.mu_nu_mu)
    assert np.all(made["nu_tau"].mu == 0)
    assert np.all(made["nu_tau_bar"].mu == 0)
    assert np.array_equal(made["mu-"].mu, state.mu_mu)
    assert np.all(made["mu-"].mass == pytest.approx(105.658, abs=1e-3))
    assert np.array_equal(made["e+"].mu, -state.mu_e)
    assert np.array_equal(made["mu+"].mu, -state.mu_mu)
    for name, number in (
        ("p", state.proton_density),
        ("n", state.baryon_density - state.proton_density),
    ):
        assert fermion_density(made[name].mass, made[name].mu, state.temperature) == pytest.approx(
            number,
            rel=1e-6,
            abs=0,
        )
    # electrons: n(e-) - n(e+) is the core's Ye n_b, which its chemical potential must give
    e = made["e-"]
    net = fermion_density(e.mass, e.mu, state.temperature) - fermion_density(
        e.mass, -e.mu, state.temperature
    )
    assert net == pytest.approx(state.electron_density, rel=0.02, abs=0)
    assert np.all(made["gamma"].statistics == BOSE)
    assert made["gamma"].mass ** 2 == pytest.approx(
        plasmon_mass_squared(state, "electron"), rel=1e-6, abs=0
    )
    assert np.all(species("gamma", state, "none").mass == 0)
    assert all(np.all(made[name].potential == 0) for name in ("e-", "mu+", "pi-", "gamma"))
    with pytest.raises(InputError, match="nu_x"):
        species("nu_x", state, "electron")


def test_potentials_of_nucleons(state: CoreState) -> None:
    """Would catch a rest mass counted twice: mu + U is the core's full chemical potential.

    U_n - U_p is 25 to 60 MeV in the shipped core (mu_n - mu_p of order 100 MeV in Akita et al.,
    arXiv:2312.13627, sec. 2), and vanishes in thin matter.
    """
    n, p = (species(name, state, "electron") for name in "np")
    assert n.mu + n.potential == pytest.approx(state.mu_n + M_NEUTRON, abs=1e-9)
    assert p.mu + p.potential == pytest.approx(state.mu_p + M_PROTON, abs=1e-9)
    assert np.all((n.potential - p.potential > 20) & (n.potential - p.potential < 60))
    thin = load_core("pns-sfho-1.351").state(np.array([15.0]), np.array([3.0]))
    for name in "np":
        assert abs(species(name, thin, "electron").potential[0]) < 1.0


def test_potentials_of_neutrinos(state: CoreState) -> None:
    """Would catch a factor or sign: V_e = -10 eV, V_mu,tau = -20 eV in the core (Akita et al.).

    By hand sqrt2 G n = 38.2 eV for 3e14 g/cm3 of baryons (7.6e-14 eV per g/cm3 of Ye rho).
    """
    one = np.ones(4)
    dense = replace(
        state, density=3e14 * one, ye=0.2 * one, ymu=0.02 * one, mu_nu_e=0 * one, mu_nu_mu=0 * one
    )
    unit = np.sqrt(2) * G_FERMI * 3e14 / ATOMIC_MASS_G * (HBAR_C * 1e-13) ** 3
    assert unit == pytest.approx(7.632e-20 * 3e14, rel=2e-3, abs=0)
    for name, share in (("nu_e", 0.2 - 0.39), ("nu_mu", 0.02 - 0.39), ("nu_tau", -0.39)):
        assert species(name, dense, "electron").potential == pytest.approx(
            unit * share, rel=1e-6, abs=0
        )
        assert species(f"{name}_bar", dense, "electron").potential == pytest.approx(
            -unit * share, rel=1e-6, abs=0
        )
    inner = load_core("pns-sfho-1.351").state(np.array([3.0]), np.array([2.0]))
    assert species("nu_e", inner, "electron").potential[0] == pytest.approx(-8.5e-6, rel=0.1, abs=0)
    assert species("nu_tau", inner, "electron").potential[0] == pytest.approx(
        -18e-6, rel=0.1, abs=0
    )


def test_neutrinos_feel_each_other(state: CoreState) -> None:
    """Would catch a neutrino background left out, or its own flavour counted once.

    The net density against a quadrature of both Fermi functions; V by forward scattering, twice
    for the own flavour (exchange) and once for the others.
    """
    one, zero = np.ones(1), np.zeros(1)
    energy = np.linspace(0, 1500, 200_001)

    def density(mu: float) -> float:
        return float(
            np.trapezoid(energy**2 * (1 / (np.exp((energy - mu) / 30) + 1)
                                      - 1 / (np.exp((energy + mu) / 30) + 1)), energy)
        ) / (2 * np.pi**2)  # fmt: skip

    few = {
        name: getattr(state, name)[:1] for name in CoreState.__dataclass_fields__
    }  # one state of four
    bare = CoreState(**few | {"temperature": 30 * one, "mu_nu_e": zero, "mu_nu_mu": zero})
    full = replace(bare, mu_nu_e=100 * one, mu_nu_mu=-20 * one)
    n_e, n_mu = density(100.0), density(-20.0)
    for name, number in (
        ("nu_e", 2 * n_e + n_mu), ("nu_mu", n_e + 2 * n_mu), ("nu_tau_bar", -n_e - n_mu)
    ):  # fmt: skip
        more = neutrino_potential(name, full) - neutrino_potential(name, bare)
        assert more == pytest.approx(np.sqrt(2) * G_FERMI * number, rel=1e-5, abs=0)


def test_pions_in_equilibrium_with_nucleons(state: CoreState) -> None:
    """Would catch mu_n - mu_p without rest masses, or pions that condense or have the wrong sign.

    The ideal gas has 0.006 to 0.03 pi- a baryon at 8 km and 1 to 3 s, where Akita et al. (sec. 2)
    quote 0.01.
    """
    pions = species("pi-", state, "electron")
    assert pions.mu == pytest.approx(
        state.mu_n - state.mu_p + M_NEUTRON - M_PROTON, rel=1e-6, abs=0
    )
    assert np.all(pions.mass == M_PION_CHARGED)
    assert pions.statistics == BOSE
    assert np.all(pions.potential == 0)
    hot = load_core("pns-sfho-1.351").state(np.full(2, 8.0), np.array([1.0, 3.0]))
    late = load_core("pns-sfho-1.351").state(np.array([3.0]), np.array([5.0]))
    assert late.mu_n - late.mu_p > M_PION_CHARGED - 0.5  # would condense
    mu = species("pi-", late, "electron").mu
    assert mu == pytest.approx(M_PION_CHARGED - 0.02 * late.temperature, rel=1e-6, abs=0)
    p = np.linspace(0, 1500, 30_001)[1:]
    for T, mu_pi, number, expected in zip(
        hot.temperature, species("pi-", hot, "electron").mu, hot.baryon_density, (0.0063, 0.0213)
    ):
        f = 1 / np.expm1((np.hypot(p, M_PION_CHARGED) - mu_pi) / T)
        density = integrate.trapezoid(p * p * f, p) / (2 * np.pi**2)
        assert density / number == pytest.approx(expected, rel=0.02, abs=0)


def test_pions_in_the_rho_field(state: CoreState) -> None:
    """Would catch the field with the wrong sign: neutron-rich matter repels pi-, as it does n.

    U_n - U_p of the core lies within a factor of 2 of the s-wave repulsion of chiral symmetry,
    (n_n - n_p)/(4 F^2) with F = 92 MeV (Weinberg and Tomozawa), from which it is independent.
    mu + U stays the full mu_n - mu_p: free pions in equilibrium with the nucleons as they move.
    """
    n, p, pions = (species(name, state, "none") for name in ("n", "p", PIONS_IN_FIELD))
    assert pions.potential == pytest.approx(n.potential - p.potential, rel=1e-12, abs=0)
    assert np.all(pions.potential > 20)
    assert pions.mu == pytest.approx(n.mu - p.mu, abs=1e-6)
    excess = state.baryon_density - 2 * state.proton_density
    weinberg = excess / (4 * F_PION**2 / 2)
    dense = state.density > 3e14
    assert np.any(dense)
    assert np.all(np.abs(np.log(pions.potential / weinberg)[dense]) < np.log(2))
    late = load_core("pns-sfho-1.351").state(np.array([0.5]), np.array([8.0]))
    bound = M_PION_CHARGED - 0.02 * late.temperature
    full = late.mu_n + M_NEUTRON - late.mu_p - M_PROTON
    pions = species(PIONS_IN_FIELD, late, "none")
    expected = np.minimum(full - pions.potential, bound)  # the bound is on mu less the field
    assert pions.mu == pytest.approx(expected, rel=1e-9, abs=0)
