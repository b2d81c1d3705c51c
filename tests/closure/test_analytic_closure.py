"""Event samples against the analytic flux, integrated by an independent route.

Every comparison is a chi-square over some 40 bins with a fixed seed; p below 1e-4 fails. A single
such test fails by chance once in 10,000 seeds.
"""

import numpy as np
import pytest

from snmc.decays import Flight
from snmc.decays.fluence import exact_fluence, paper_fluence
from snmc.flavour import envelope_rho_ye, transition_probability
from snmc.judgement.validation import WORST_P, validate
from snmc.run.card import load_card
from snmc.run.pipeline import make_block, plan_run
from snmc.run.prepare import prepare

# Couplings beyond the supernova's energy make short lives, and a warning.
pytestmark = pytest.mark.filterwarnings("ignore::snmc.ground.errors.PhysicsWarning")


@pytest.mark.parametrize(
    ("mass", "d"),
    [("1 eV", "1e-8"), ("1 keV", "1e-10"), ("1 MeV", "1e-13"), ("100 MeV", "1e-15"),
     ("100 MeV", "2e-14"), ("400 MeV", "1e-16")],
)  # fmt: skip
@pytest.mark.parametrize("daughters", ["photon", "neutrino"])
def test_sampled_fluence_follows_the_exact_window(make_card, mass, d, daughters):
    """Catches a wrong boost, window, escape radius or normalisation, from 1 eV to 400 MeV.

    The masses span decays that end at Earth (1 eV), at the window, and near the photosphere.
    """
    card = make_card(
        f"generator.mass={mass}", f"generator.d={d} / MeV", f"observation.daughters={daughters}"
    )
    result = validate(card, workers=2, quiet=True)
    assert result.passed, result.text()
    total = result.comparisons[0]
    error = np.sqrt((total.error**2).sum())
    assert abs(total.sampled.sum() - total.exact.sum()) < 4 * error + 1e-4 * total.exact.sum()


def test_both_daughters_and_an_angular_cut_close(make_card):
    """Catches a daughter that borrows the other's limits, and an angle limit on the wrong side."""
    card = make_card(
        "observation.daughters=all", "generator.mass=1 MeV", "generator.d=1e-12 / MeV",
        "observation.max_angle=1e-9 rad",
    )  # fmt: skip
    result = validate(card, workers=2, quiet=True)
    assert len(result.comparisons) == 2
    assert result.passed, result.text()


@pytest.mark.parametrize("daughters", ["photon", "neutrino"])
def test_dirac_asymmetry_closes(make_card, daughters):
    """Catches an asymmetry given to the wrong daughter, which moves spectra by tens of per cent."""
    card = make_card(
        "generator.nature=dirac", "generator.d=1e-14 / MeV", f"observation.daughters={daughters}",
        "supernova.core.mu_nu_e=100 MeV",
    )  # fmt: skip
    assert validate(card, workers=2, quiet=True).passed


def test_dirac_photons_are_softer_than_neutrinos(make_card):
    """Catches a flipped sign: N made from left-handed neutrinos sends the neutrino forward."""
    means = {}
    for daughters in ("photon", "neutrino"):
        card = make_card(
            "generator.nature=dirac", "generator.d=1e-12 / MeV",
            f"observation.daughters={daughters}", "supernova.photosphere=30 km",
        )  # fmt: skip
        arrivals = make_block(plan_run(card, prepare(card), 2, True), 0).arrivals
        means[daughters] = np.average(arrivals["energy"], weights=arrivals["weight"])
    assert means["photon"] < 0.9 * means["neutrino"]


def test_majorana_antineutrinos_are_softer_than_neutrinos(make_card):
    """Catches decays isotropic for each sign: most N come from neutrinos here and are polarised.

    Neutrinos go along the spin, antineutrinos against it; only the photons are isotropic.
    """
    card = make_card(
        "generator.d=1e-12 / MeV", "observation.daughters=neutrino",
        "supernova.core.mu_nu_e=100 MeV", "generator.mass=10 MeV",
    )  # fmt: skip
    arrivals = make_block(plan_run(card, prepare(card), 2, True), 0).arrivals
    particle = arrivals["pdg_decay"] > 0
    assert particle.mean() == pytest.approx(0.5, abs=0.01)
    means = [
        np.average(arrivals["energy"][rows], weights=arrivals["weight"][rows])
        for rows in (particle, ~particle)
    ]
    assert means[1] < 0.9 * means[0]
    half = np.average(arrivals["parent_energy"], weights=arrivals["weight"]) / 2
    assert sum(means) / 2 == pytest.approx(half, rel=0.01, abs=0)


def test_polarisation_has_its_limits(make_card):
    """Catches helicities of neutrinos and antineutrinos added with one sign, or averaged wrongly.

    As many neutrinos as antineutrinos leave a Majorana N unpolarised; light Dirac N have the
    helicity of the interaction, N positive and Nbar negative. Heavy ones come from tails whose
    product of occupations does not depend on the angle in coalescence: the polarisation fades.
    """

    def polarisation(*settings: str) -> np.ndarray:
        card = make_card("observation.daughters=neutrino", *settings)
        source = plan_run(card, prepare(card), 2, True).parts[0].source
        energies, spectrum = source.spectrum
        return np.trapezoid(source.sampler.polarisation * spectrum, energies) / np.trapezoid(
            spectrum, energies
        )

    assert polarisation("generator.mass=10 MeV") == pytest.approx([0.0], abs=1e-12)
    light = polarisation("generator.nature=dirac", "generator.mass=10 keV")
    assert light == pytest.approx([1.0, -1.0], abs=1e-3)
    fading = [light]
    for mass in (50, 200, 600):
        fading.append(polarisation("generator.nature=dirac", f"generator.mass={mass} MeV"))
        # apart from the potential of some 10 eV in matter, opposite for antineutrinos
        assert fading[-1][0] == pytest.approx(-fading[-1][1], rel=1e-5, abs=0)
        assert fading[-1][0] < fading[-2][0]
    assert abs(fading[-1][0]) < 0.05


def test_the_printed_form_of_the_paper_would_fail(make_card):
    """Shows that the closure can fail: eq. 6 with the forward window is no match for the events."""
    result = validate(make_card(), workers=2, quiet=True).comparisons[0]
    chi_square = (
        ((result.sampled - result.papers["Brdar et al. eq. 6"]) / result.error) ** 2
    ).sum()
    assert chi_square > 100 * len(result.exact)
    assert result.p_value >= WORST_P


def test_both_forms_agree_where_the_window_does_not_matter(make_card):
    """Catches a factor between the quadratures: short lives decay long before the window ends."""
    card = make_card("generator.d=1e-12 / MeV", "observation.daughters=neutrino")
    source = (
        prepare(card)
        .generators["dipole"]
        .prepare(prepare(card).supernova, prepare(card).observation, "draft", 2, True)
    )
    sampler, edges = source.sampler, np.geomspace(1, 500, 30)
    arguments = (sampler.emission, sampler.modes, sampler.mass, sampler.flight, "neutrino", edges)
    np.testing.assert_allclose(
        exact_fluence(*arguments), paper_fluence(*arguments, "brdar-6"), rtol=2e-3
    )


def test_all_parents_count_without_window_and_star(make_card):
    """Catches a wrong multiplicity: with all decays seen the fluence is N/(4 pi D^2)."""
    card = make_card("generator.d=1e-13 / MeV", "observation.daughters=neutrino",
                     "supernova.neutrinosphere=1 km", "observation.window=1e6 s")  # fmt: skip
    plan = plan_run(card, prepare(card), 2, True)
    energies, spectrum = plan.parts[0].source.spectrum
    parents = np.trapezoid(spectrum, energies)
    distance_cm = 51.4 * 3.0856775814913673e21
    total = sum(make_block(plan, k).tallies["fluence"] for k in range(plan.blocks))
    assert total == pytest.approx(parents / (4 * np.pi * distance_cm**2), rel=3e-4, abs=0)


def test_flavour_at_earth_follows_the_transition_probabilities(make_card):
    """Catches a transposed probability or antineutrinos treated as neutrinos.

    Only d_mu: nu_mu and antinu_mu are born at known densities; counts by flavour at Earth against
    sums of P, within 4 standard deviations.
    """
    path = make_card().path
    path.write_text(path.read_text().replace('d = "1e-15 / MeV"', 'd_mu = "1e-13 / MeV"'))
    card = load_card(path, ["observation.daughters=neutrino"])
    arrivals = make_block(plan_run(card, prepare(card), 2, True), 0).arrivals
    assert set(np.unique(np.abs(arrivals["pdg_decay"]))) == {14}
    density = np.array([envelope_rho_ye(float(r)) for r in arrivals["decay_length"]])
    for sign in (1, -1):
        rows = arrivals["pdg_decay"] == sign * 14
        chance = transition_probability(
            arrivals["energy"][rows], density[rows], antineutrino=sign < 0
        )[:, 1, :]
        seen = np.array([(arrivals["pdg"][rows] == sign * pdg).sum() for pdg in (12, 14, 16)])
        spread = np.sqrt((chance * (1 - chance)).sum(axis=0))
        assert np.all(np.abs(seen - chance.sum(axis=0)) < 4 * spread)


def test_expected_counts_follow_from_fluence_and_area(make_card):
    """Catches weights counted twice between arrivals and detections."""
    card = make_card("observation.detector=smm-grs", "run.events=400_000")
    plan = plan_run(card, prepare(card), 2, True)
    blocks = [make_block(plan, k) for k in range(plan.blocks)]
    counts = sum(b.tallies["counts"] for b in blocks)
    error = np.sqrt(sum(b.tallies["counts_squared"] for b in blocks))
    sampler = plan.parts[0].source.sampler
    edges = np.array([25.0, 100.0])
    fluence = exact_fluence(
        sampler.emission, sampler.modes, sampler.mass, sampler.flight, "photon", edges
    )
    assert abs(counts - 63 * fluence[0]) < 4 * error  # 63 cm2 in 25-100 MeV, no smearing


def test_simulated_supernovae_are_poisson(make_card):
    """Catches unweighted events that do not follow the expected count, or share it unevenly."""
    settings = ("observation.detector=smm-grs", "generator.d=2e-16 / MeV")
    weighted = make_card(*settings)
    plan = plan_run(weighted, prepare(weighted), 2, True)
    expected = sum(make_block(plan, k).tallies["counts"] for k in range(plan.blocks))
    card = make_card(*settings, "run.supernovae=200")
    plan = plan_run(card, prepare(card), 2, True)
    per_explosion = np.zeros(200)
    for k in range(plan.blocks):
        block = make_block(plan, k)
        assert np.all(block.arrivals["weight"] == 1)
        columns = block.detections.columns
        kept = columns["accepted"]
        per_explosion += np.bincount(columns["supernova"][kept], minlength=200)
    total = 200 * expected
    assert abs(per_explosion.sum() - total) < 5 * np.sqrt(total) + 2e-3 * total
    # index of dispersion: chi-square of 199 degrees of freedom, 1e-5 at either end
    dispersion = ((per_explosion - per_explosion.mean()) ** 2).sum() / per_explosion.mean()
    assert 123 < dispersion < 297


def test_flight_limits_angles_beyond_a_right_angle():
    """Catches a maximum angle of pi read as sin(pi) = 0, which would see nothing."""
    flight = Flight(1e21, 3e10, 3e4, 10.0, np.pi, True, False)
    assert flight.max_sine() == np.inf


@pytest.mark.parametrize("detector", [(), ("observation.detector=hyper-kamiokande",)])
def test_every_generator_of_a_list_closes(card_text, tmp_path, detector):
    """Catches a list of which only the first is compared, or a sum with the flux of one part.

    With a detector: also events that are drawn by what it sees, whose weights do not undo it.
    """
    head, _, rest = card_text.partition("[generator]")
    path = tmp_path / "list.toml"
    dipole = '[[generator]]\nname = "dipole"\nmass = "100 MeV"\nd = "1e-14 / MeV"\n\n'
    burst = '[[generator]]\nname = "burst"\nenergy = "1e53 erg"\n\n'
    path.write_text(head + dipole + burst + rest[rest.index("[observation]") :])
    card = load_card(path, ["observation.daughters=neutrino", "observation.window=10 s", *detector])
    result = validate(card, workers=2, quiet=True)
    assert [one.generator for one in result.comparisons] == ["dipole", "burst"]
    assert result.passed, result.text()
    burst_only = result.comparisons[1]
    expected = 1e53 / 1.602176634e-6 / 12.7 * (1 - np.exp(-10 / 3))
    sphere = 4 * np.pi * (51.4e3 * 3.0856775814913673e18) ** 2
    assert burst_only.exact.sum() == pytest.approx(expected / sphere, rel=1e-3, abs=0)
