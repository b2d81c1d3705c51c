"""Why nothing is seen, and which coupling would be seen best."""

import pytest

from snmc.cli import main
from snmc.judgement.prospects import prospects
from snmc.judgement.report import show_card
from snmc.run.pipeline import run

CHEAP = 'name = "dipole"\nprocesses = ["inverse-decay"]\n'


@pytest.fixture
def card(tmp_path, card_text, monkeypatch):
    """Give the folder of the card `c.toml`, seen by SMM/GRS."""
    monkeypatch.chdir(tmp_path)
    text = card_text.replace('name = "dipole"\n', CHEAP).replace(
        'daughters = "photon"', 'detector = "smm-grs"'
    )
    (tmp_path / "c.toml").write_text(text)
    return tmp_path / "c.toml"


def status(*arguments):
    """Run the command and give its exit status."""
    with pytest.raises(SystemExit) as end:
        main([str(one) for one in arguments])
    return end.value.code


@pytest.mark.filterwarnings("ignore::snmc.ground.errors.PhysicsWarning")
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["generator.d=1e-10/MeV"], "all decay inside the photosphere (3e+10 m)"),
        (["generator.d=1e-20/MeV"], "send it too late (after 223 s)"),
        (["generator.d=1e-20/MeV"], "counts in smm-grs (too rare)"),
        (["generator.mass=40 MeV", "generator.d=1e-20/MeV"], "pass Earth undecayed"),
        (["generator.d=1e-7/MeV"], "of the particles made, in the core"),
        (["generator.d=1e-20/MeV", "generator.mass=40 MeV", "observation.max_angle=1e-9 deg"],
         "send it from too wide an angle"),
        (["generator.d=1e-19/MeV"], "of the photons have other energies than the 25"),
    ],
)  # fmt: skip
def test_a_run_says_why_it_sees_nothing(card, capsys, settings, said):
    """Catches a user left with zeros: each reason is told where it holds, and what to try."""
    line = [word for setting in settings for word in ("--set", setting)]
    assert status("run", card, *line, "--set", "run.events=1000", "--quiet") == 0
    told = capsys.readouterr().out
    assert said in told
    assert "  seen best           about d = " in told


def test_a_run_that_sees_something_says_no_more(card, capsys):
    """Catches advice that nobody needs."""
    assert status("run", card, "--set", "run.events=1000", "--quiet") == 0
    assert "seen best" not in capsys.readouterr().out


def test_the_coupling_seen_best_is_that_of_runs(card, make_card):
    """Catches a best coupling, or its counts, of another model than a run at that coupling has."""
    changes = ("generator.processes=['inverse-decay']", "observation.detector=smm-grs")
    (told,) = prospects(make_card(*changes, "generator.d=1e-10/MeV")).values()
    best = told["best"]
    assert told["expected"] == 0
    assert best["limited_by"] is None
    coupling = 1e-10 * best["factor"]
    assert best["couplings"] == {"d": f"{coupling:.3g}/MeV"}
    counts = {}
    for factor in (0.5, 1.0, 2.0):
        made = make_card(*changes, f"generator.d={coupling * factor}/MeV", "run.events=50_000")
        summary = run(made, workers=2, resume=False, overwrite=True, quiet=True)
        counts[factor] = summary.metadata["generators"][0]["tallies"]["counts"]
    assert counts[1.0] == pytest.approx(best["expected"], rel=0.1)
    assert counts[1.0] > max(counts[0.5], counts[2.0])


def test_squares_of_couplings_scale_as_they_are(make_card):
    """Catches a mixing |U|^2 scaled as if it were U, and energy that no supernova has."""

    def told_at(mixing):
        card = make_card(
            f"generator={{name = 'hnl', mass = '200 MeV', U2_mu = {mixing}}}",
            "observation={detector = 'hyper-kamiokande', window = '10 s'}",
        )
        (told,) = prospects(card).values()
        return told

    told = told_at(1e-12)
    best = told["best"]
    assert best["couplings"] == {"U2_mu": f"{1e-12 * best['factor']:.3g}"}
    assert best["limited_by"] in ("energy", "opacity")
    assert told_at(1e-12 * best["factor"])["expected"] == pytest.approx(best["expected"], rel=0.1)


def test_show_tells_of_the_observation(card, make_card):
    """Catches a card that can be run of which nothing is told, or one that cannot refused."""
    seen = show_card(make_card("generator.processes=['inverse-decay']"))["observation"]
    assert sum(seen["fates"]["photon"].values()) == pytest.approx(1.0)
    assert (seen["detector"], seen["window_s"]) == (None, 223)
    wrong = show_card(
        make_card(
            "generator.processes=['inverse-decay']", "observation.daughters=neutrino",
            "observation.detector=smm-grs",
        )
    )  # fmt: skip
    assert "smm-grs sees the photon" in wrong["not_observed"]


def test_a_burst_has_its_own_reasons(tmp_path, capsys, monkeypatch):
    """Catches decays told of where nothing decays, or a traceback."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b.toml").write_text(
        'title = "Far"\n[supernova]\ncore = "pns-sfho-1.351"\ndistance = "90 Mpc"\n'
        '[generator]\nname = "burst"\n[observation]\ndetector = "kamiokande-2"\n'
        "[run]\nevents = 1000\n"
    )
    assert status("run", "b.toml", "--quiet") == 0
    told = capsys.readouterr().out
    assert "  nothing decays      what burst sends comes after 13 s, outside the " in told
