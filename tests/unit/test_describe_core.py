"""What `snmc cores`, `snmc show` and `snmc run` tell of a core: what was read, what filled in."""

import numpy as np
import pytest

from snmc.cli import main
from snmc.core import core_lines, core_record, describe_core, load_core
from snmc.ground.errors import InputError

SHIPPED = "pns-sfho-1.351"


def table(folder, *names):
    """A file of one snapshot of the shipped core with some of its columns."""
    radius = np.linspace(0.5, 15, 60)
    state = load_core(SHIPPED).state(radius, 1.0)
    path = folder / "profile.txt"
    columns = [radius, *(getattr(state, name) for name in names)]
    np.savetxt(path, np.column_stack(columns), header=" ".join(["radius_km", *names]))
    return path


def test_a_file_is_described(tmp_path):
    """Catches columns filled in without a word, and ranges or masses that are others'."""
    path = table(tmp_path, "density", "temperature", "ye", "mu_e")
    lines = describe_core(str(path)).splitlines()
    assert lines[0] == f"{path}: plain table"
    told = {line.split()[0]: line for line in lines}
    assert told["mu_e"].split()[-1] == "read"
    assert "filled in: of a static star of this density" in told["lapse"]
    assert "filled in: beta equilibrium" in told["mu_nu_e"]
    low, high = map(float, told["temperature"].split()[1:3])
    assert 2 < low < high == pytest.approx(36.1, abs=0.2)
    mass = float(told["none"].split()[3])
    assert mass == pytest.approx(1.34, abs=0.03)


def test_shipped_and_analytic_cores_are_described(capsys):
    """Catches a name that the list gives and the description does not know."""
    assert "filled in" not in describe_core(SHIPPED)
    assert len([line for line in describe_core(SHIPPED).splitlines() if "1.35" in line]) >= 11
    assert "core_radius" in describe_core("chang-essig-mcdermott")
    with pytest.raises(InputError, match="did you mean 'one-zone'"):
        describe_core("one-zne")
    with pytest.raises(InputError, match="no such file or folder"):
        describe_core("some/where")
    with pytest.raises(SystemExit) as end:
        main(["cores", SHIPPED])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith(SHIPPED)


def test_what_was_filled_in_is_recorded(tmp_path, capsys):
    """Catches `snmc show`, `snmc run` or the file silent on a lapse that was filled in."""
    table(tmp_path, "density", "temperature", "ye")
    core = load_core({"path": str(tmp_path / "profile.txt"), "duration": "5 s"})
    record = core_record(core)
    assert record["filled"]["lapse"] == "of a static star of this density"
    lines = core_lines(record)
    assert lines[0] == "  core       profile.txt"
    assert "             filled in lapse: of a static star of this density" in lines
    assert core_lines({"name": "of version 0.3"}) == ["  core       of version 0.3"]
    card = tmp_path / "card.toml"
    card.write_text(
        '[supernova]\ncore = {path = "profile.txt", duration = "5 s"}\ndistance = "10 kpc"\n'
        '[generator]\nname = "burst"\n[observation]\nwindow = "10 s"\n[run]\nevents = 1000\n'
    )
    for arguments in (["show", str(card)], ["run", str(card), "-o", str(tmp_path / "a.root")]):
        with pytest.raises(SystemExit):
            main(arguments)
        assert "filled in" in (out := capsys.readouterr().out)
        assert "lapse" in out
    with pytest.raises(SystemExit):
        main(["show", str(tmp_path / "a.root")])
    assert "filled in lapse" in capsys.readouterr().out
