"""Widths, couplings and limits of the Z' models."""

import itertools
import math

import numpy as np
import pytest

from snmc.generators._vector import CHARGE, lepton_width, neutrino_width
from snmc.generators.zprime_b_minus_l import BMinusLBoson
from snmc.generators.zprime_mu_tau import ONE_LOOP, MuTauBoson
from snmc.ground.errors import InputError, PhysicsWarning
from snmc.ground.units import ALPHA, M_ELECTRON, M_MUON
from snmc.production.emission import Scattering
from snmc.thermal import PIONS_IN_FIELD

METRIC = np.diag([1.0, -1.0, -1.0, -1.0])


LIGHT = pytest.mark.filterwarnings("ignore::snmc.ground.errors.PhysicsWarning")


def mu_tau(mass: float = 10.0, g: float = 1e-6, **values: float) -> MuTauBoson:
    chosen = {
        "processes": ("neutrino-pairs", "semi-compton"),
        "screening": "electron",
        "secondaries": "no",
    }
    return MuTauBoson({"mass": mass, "g": g, **values, **chosen})


def b_minus_l(mass: float = 10.0, g: float = 1e-6, **values: float) -> BMinusLBoson:
    chosen = {
        "processes": ("pion-capture", "neutrino-pairs"),
        "plasma": "mixing",
        "pions": "ideal",
        "secondaries": "no",
    }
    return BMinusLBoson({"mass": mass, "g": g, **values, **chosen})


def widths(model: MuTauBoson | BMinusLBoson) -> dict[str, float]:
    return {mode.name: mode.width for mode in model.modes()}


@pytest.mark.parametrize(
    ("mass", "lepton"), [(30.0, M_ELECTRON), (1.1, M_ELECTRON), (220.0, M_MUON)]
)
def test_lepton_width_equals_the_trace(mass: float, lepton: float) -> None:
    """Would catch a wrong threshold factor, e.g. the bracket of eq. 47 of Akita et al.

    Sum over spins and polarisations of |ubar gamma^a v|^2 is the contraction of
    4 (p^a q^b + p^b q^a - g^ab (p.q + m^2)) with -g_ab + k_a k_b/M^2; Gamma = Sum p*/(24 pi M^2).
    """
    momentum = math.sqrt(mass**2 / 4 - lepton**2)
    p, q = np.array([mass / 2, 0, 0, momentum]), np.array([mass / 2, 0, 0, -momentum])
    k = METRIC @ (p + q)
    total = 0.0
    for a, b in itertools.product(range(4), repeat=2):
        tensor = p[a] * q[b] + p[b] * q[a] - METRIC[a, b] * (p @ METRIC @ q + lepton**2)
        total += 4 * tensor * (-METRIC[a, b] + k[a] * k[b] / mass**2)
    expected = total * momentum / (24 * math.pi * mass**2)
    assert lepton_width(mass, 1.0, lepton) == pytest.approx(expected, rel=1e-12)
    assert lepton_width(1.9 * lepton, 1.0, lepton) == 0.0
    assert lepton_width(1e4 * lepton, 1.0, lepton) == pytest.approx(
        2 * neutrino_width(1e4 * lepton, 1.0), rel=1e-12
    )


@LIGHT
def test_kinetic_mixing_of_loops() -> None:
    """Would catch eps = g/70 and the branching ratio 2e-5 to electrons (eqs. 46, 48) missed."""
    assert pytest.approx(-1 / 69.3, rel=1e-3) == ONE_LOOP
    found = widths(mu_tau(10.0))
    assert (
        found["nu_mu nu_mu_bar"]
        == found["nu_tau nu_tau_bar"]
        == pytest.approx(1e-12 * 10 / (24 * math.pi))
    )
    assert "nu_e nu_e_bar" not in found
    share = found["e- e+"] / sum(found.values())
    assert share == pytest.approx((CHARGE * ONE_LOOP) ** 2, rel=0.01)
    assert share == pytest.approx(2e-5, rel=0.06)
    assert "e- e+" not in widths(mu_tau(10.0, kinetic_mixing=0.0))
    assert "e- e+" not in widths(mu_tau(1.0))


def test_muons_above_threshold() -> None:
    """Would catch muons open below 2 m_mu, or the wrong sign of mixing in their coupling."""
    assert "mu- mu+" not in widths(mu_tau(211.0))
    plain = widths(mu_tau(300.0, kinetic_mixing=0.0))
    assert plain["mu- mu+"] == pytest.approx(lepton_width(300.0, 1e-6, M_MUON))
    mixed = widths(mu_tau(300.0, kinetic_mixing=-1e-6))  # negative, as loops have it, adds
    assert mixed["mu- mu+"] / plain["mu- mu+"] == pytest.approx(
        (1 + math.sqrt(4 * math.pi * ALPHA)) ** 2
    )


def test_b_minus_l_is_blind_to_flavour() -> None:
    """Would catch a flavour left out: three neutrinos, each half an electron's width."""
    found = widths(b_minus_l(0.5))
    assert len(found) == 3
    assert len(set(found.values())) == 1
    heavy = widths(b_minus_l(300.0))
    assert set(heavy) - set(found) == {"e- e+", "mu- mu+"}
    assert heavy["e- e+"] == pytest.approx(2 * heavy["nu_e nu_e_bar"], rel=1e-9)


def test_couplings_of_pairs_are_those_of_the_decays() -> None:
    """Would catch production of pairs with g alone, against decays with g -+ eps e."""
    for model in (mu_tau(300.0), b_minus_l(300.0, kinetic_mixing=3e-7)):
        for flavour, process, rest in (("e", "electron-pairs", M_ELECTRON),
                                       ("mu", "muon-pairs", M_MUON)):  # fmt: skip
            squared = model.coupling_squared("Z'", process, f"{flavour}-")
            width = squared * lepton_width(300.0, 1.0, rest)
            assert width == pytest.approx(widths(model)[f"{flavour}- {flavour}+"], rel=1e-12)
        assert model.coupling_squared("Z'", "nu_mu nu_mu_bar", "nu_mu") == 1e-12


def test_the_plasma_closes_electron_pairs() -> None:
    """Would catch light Z' made by electrons as if in vacuum, whose mass and charge are not."""

    def names(mass: float, plasma: str) -> set[str]:
        chosen = {
            "processes": ("electron-pairs", "muon-pairs"), "secondaries": "no", "pions": "ideal",
        }  # fmt: skip
        model = BMinusLBoson({"mass": mass, "g": 1e-6, "plasma": plasma, **chosen})
        return {process.name for process in model.processes()}

    assert names(15.0, "mixing") == {"muon-pairs"}
    assert names(25.0, "mixing") == names(15.0, "none") == {"electron-pairs", "muon-pairs"}


@pytest.mark.parametrize("model", [mu_tau, b_minus_l])
def test_mixing_beyond_the_coupling_is_refused(model: type[MuTauBoson]) -> None:
    """Would catch a Z' whose production, mostly by mixing, is left out without a word."""
    with pytest.raises(InputError, match="kinetic_mixing"):
        model(10.0, 1e-6, kinetic_mixing=2e-6)  # type: ignore[call-arg, arg-type]


def test_light_z_of_mu_tau_is_a_lower_bound() -> None:
    """Would catch numbers below the plasmon mass given as if nothing were missing."""
    with pytest.warns(PhysicsWarning, match="lower bounds"):
        MuTauBoson({"mass": 19.0, "g": 1e-10, "processes": ("semi-compton",)})
    MuTauBoson({"mass": 23.0, "g": 1e-10, "processes": ("semi-compton",)})


def test_pions_are_those_chosen() -> None:
    """Would catch a switch without effect: the species that is captured."""
    for pions, name in (("ideal", "pi-"), ("rho-field", PIONS_IN_FIELD)):
        model = BMinusLBoson(
            {"mass": 1.0, "g": 1e-12, "processes": ("pion-capture",), "plasma": "mixing",
             "pions": pions, "secondaries": "no"}
        )  # fmt: skip
        (process,) = model.processes()
        assert isinstance(process, Scattering)
        assert process.sources == (name,)
        assert process.scale == "plasmon"
        assert model.coupling_squared("Z'", process.name, name) == 1e-24
