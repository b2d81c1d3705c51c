"""The command line: what it hands on, what it prints where, and with which status it ends."""

import io
import json
import subprocess
import sys
import warnings
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import snmc
from snmc.cli import main
from snmc.ground.errors import InputError, PhysicsError, PhysicsWarning
from snmc.roles import registry
from snmc.roles.generator import Generator, Parameter, Switch
from snmc.run import card as card_module

ROOT = Path(__file__).parents[2]
CARD = """
[supernova]
core = "shipped"
distance = "51.4 kpc"
[generator]
name = "toy"
mass = "100 MeV"
[observation]
window = "223 s"
[run]
workers = 3
"""


class Toy(Generator):
    """A model with one parameter and one switch."""

    name = "toy"
    title = "A toy"
    parameters = (
        Parameter("mass", "MeV", 1.0, 1000.0, "mass of the toy"),
        Parameter("mixing", "", 0.0, 1.0, "mixing", optional=True),
        Parameter("width", "", 0.0, 1.0, "width", default=0.25),
    )
    switches = (Switch("processes", ("a", "b"), ("a", "b"), "births", many=True),)
    references = ("A. Nobody, arXiv:0000.00000",)

    def prepare(self, *arguments, **options):
        """Make no source: nothing is run here."""
        raise NotImplementedError

    def report(self, *arguments, **options):
        """Tell nothing: nothing is emitted here."""
        raise NotImplementedError


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Give the folder that the command runs in; it holds `c.toml` and a ROOT file by its magic."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_all_models", lambda: iter([Toy]))
    monkeypatch.setattr(card_module, "_core_names", lambda: ["shipped"])
    (tmp_path / "c.toml").write_text(CARD)
    (tmp_path / "events.root").write_bytes(b"root\x00\x00")
    return tmp_path


@pytest.fixture
def stand_in(monkeypatch):
    """Put a module of given functions in the place of one of snmc."""

    def put(name: str, **functions) -> None:
        module = ModuleType(name)
        vars(module).update(functions)
        monkeypatch.setitem(sys.modules, name, module)
        parent, _, last = name.rpartition(".")
        monkeypatch.setattr(sys.modules[parent], last, module, raising=False)

    for parent in ("snmc.run", "snmc.judgement", "snmc.core"):
        __import__(parent)
    return put


def status(*arguments: str) -> int | str | None:
    """Run the command and give its exit status."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return end.value.code


def test_run_hands_on_what_it_was_told(here, stand_in, capsys):
    """Catches an option that is parsed and dropped, the card's workers in place of the line's."""
    calls = []

    def run(card, **options):
        calls.append((card, options))
        return SimpleNamespace(text=lambda: "done", faint=[])

    stand_in("snmc.run.pipeline", run=run)
    assert status("run", "c.toml") == 0
    assert capsys.readouterr().out == "done\n"
    line = ["--workers", "2", "--resume", "--quiet", "--set", "generator.mass=50 MeV"]
    assert status("run", "c.toml", *line, "-o", "my.root", "--scheduler", "tcp://host:8786") == 0
    assert status("run", "c.toml", "--scheduler", "--overwrite") == 0
    (card, plain), (changed, options), (_, replaced) = calls
    switches = {"resume": False, "overwrite": False, "quiet": False}
    assert plain == switches | {"workers": 3, "scheduler": None}
    assert options == switches | {
        "workers": 2, "scheduler": "tcp://host:8786", "resume": True, "quiet": True
    }  # fmt: skip
    assert replaced == switches | {"workers": 3, "scheduler": "local", "overwrite": True}
    assert card.generators[0].values["mass"] == 100.0
    assert changed.generators[0].values["mass"] == 50.0
    assert (card.run.output, changed.run.output) == (here / "c.root", here / "my.root")


def test_scan_hands_on_what_it_was_told(here, stand_in, capsys):
    """Catches an option of a scan that is dropped, an output with a quote taken for TOML."""
    calls = []

    def load_scan(path, settings, removed):
        return SimpleNamespace(
            path=path, settings=settings, removed=removed, workers=3, output=here / "c.grid.root"
        )

    def run_scan(card, **options):
        calls.append((card, options))
        return "grid"

    stand_in("snmc.run.scan_card", load_scan=load_scan)
    stand_in(
        "snmc.judgement.scan", run_scan=run_scan, summary=lambda grid, path: f"{grid} {path.name}"
    )
    assert status("scan", "c.toml") == 0
    assert capsys.readouterr().out == "grid c.grid.root\n"
    line = ["--workers", "2", "--resume", "--quiet", "--set", "scan.events=10", "--unset", "run"]
    assert status("scan", "c.toml", *line, "-o", 'my".root', "--scheduler", "tcp://h:8786") == 0
    assert status("scan", "c.toml", "--scheduler", "--overwrite") == 0
    (card, plain), (changed, options), (_, replaced) = calls
    switches = {"resume": False, "overwrite": False, "quiet": False}
    assert plain == switches | {"workers": 3, "scheduler": None}
    assert options == switches | {
        "workers": 2, "scheduler": "tcp://h:8786", "resume": True, "quiet": True
    }  # fmt: skip
    assert replaced == switches | {"workers": 3, "scheduler": "local", "overwrite": True}
    assert (card.path, card.settings, card.removed) == (Path("c.toml"), (), ())
    assert changed.settings == ("scan.events=10", 'scan.output="my\\".root"')
    assert changed.removed == ("run",)
    capsys.readouterr()
    assert status("scan", "c.toml", "--resume", "--overwrite") == 2
    assert capsys.readouterr().err == (
        "snmc: error: found --resume and --overwrite; give one of them\n"
    )


@pytest.mark.parametrize("found", ["c.toml", "host", "http://host:8787/status", ""])
def test_what_is_no_address_is_refused(here, capsys, found):
    """Catches `--scheduler CARD`: the card is taken for the address, and then it is missing."""
    assert status("run", "--scheduler", found) == 2
    assert f"--scheduler: found '{found}'; needs the address" in capsys.readouterr().err


@pytest.mark.parametrize(("passed", "code"), [(True, 0), (False, 1)])
def test_validate_ends_with_its_verdict(here, stand_in, capsys, passed, code):
    """Catches a failed check that a script would take for a success."""

    def validate(card, *, workers, quiet):
        assert (workers, quiet) == (3, True)
        return SimpleNamespace(text=lambda: "table", passed=passed)

    stand_in("snmc.judgement.validation", validate=validate)
    assert status("validate", "c.toml", "--quiet") == code
    assert capsys.readouterr().out == "table\n"


def test_show_tells_files_from_cards(here, stand_in, capsys):
    """Catches a ROOT file read as a card, a grid as events, other things than JSON with --json."""

    def show_card(card):
        warnings.warn("the core ends\nearly", PhysicsWarning, stacklevel=1)
        return {"mass": card.generators[0].values["mass"]}

    stand_in(
        "snmc.judgement.report",
        show_card=show_card,
        text_of=lambda report: f"card {report['mass']}",
        show_file=lambda path: {"rows": 1},
        file_text=lambda report: f"file {report['rows']}",
        grid_text=lambda report: f"made as {report['kind']}",
    )
    stand_in(
        "snmc.judgement.grid",
        is_grid=lambda path: path == Path("grid.root"),
        grid_report=lambda path: {"kind": "grid"},
        load_grid=lambda path: "grid",
    )
    stand_in("snmc.judgement.scan", summary=lambda grid, path: f"{grid} of {path}")
    (here / "grid.root").write_bytes(b"root")
    assert status("show", "c.toml", "--json", "--set", "generator.mass=50 MeV") == 0
    output = capsys.readouterr()
    assert json.loads(output.out) == {"mass": 50.0}
    assert output.err == "snmc: warning: the core ends early\n"
    assert status("show", "c.toml") == 0
    assert capsys.readouterr().out == "card 100.0\n"
    assert status("show", "events.root") == 0
    assert capsys.readouterr().out == "file 1\n"
    (here / "events.root").rename("events.root.part")
    assert status("show", "events.root.part", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"rows": 1}
    assert status("show", "grid.root") == 0
    assert capsys.readouterr().out == "grid of grid.root\nmade as grid\n"
    assert status("show", "grid.root", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"kind": "grid"}


def test_plot_tells_files_from_cores(here, stand_in, capsys):
    """Catches a core with a dot in its name taken for a file, a picture in the wrong place."""
    drawn = []
    stand_in(
        "snmc.judgement.plots",
        plot_file=lambda path, output: drawn.append(("file", path, output)),
        plot_core=lambda core, output: drawn.append(("core", core, output)),
    )
    stand_in("snmc.judgement.grid", is_grid=lambda path: path == Path("grid.root"))
    stand_in(
        "snmc.judgement.grid_plots",
        plot_grid=lambda path, output: drawn.append(("grid", path, output)),
    )
    (here / "grid.root").write_bytes(b"root")
    assert status("plot", "events.root") == 0
    assert status("plot", "pns-sfho-1.351") == 0
    assert status("plot", "grid.root") == 0
    assert status("plot", "events.root", "-o", "a.pdf") == 0
    assert drawn == [
        ("file", Path("events.root"), Path("events.png")),
        ("core", "pns-sfho-1.351", Path("pns-sfho-1.351.png")),
        ("grid", Path("grid.root"), Path("grid.png")),
        ("file", Path("events.root"), Path("a.pdf")),
    ]
    assert "wrote events.png\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["run", "none.toml"], "none.toml: cannot read the card: No such file or directory"),
        (["run", "c.toml", "--set", "generator.mass=5 s"], "command line: generator.mass: found"),
        (["run", "c.toml", "--set", "generator.mas=5 s"], "did you mean 'mass'?"),
        (["run", "c.toml", "-o", "no/such.root"], "command line: run.output: found"),
        (["run", "c.toml", "--resume", "--overwrite"], "found --resume and --overwrite; give one"),
        (["run", "c.toml", "--workers", "0"], "Invalid value for '--workers'"),
        (["run"], "Missing argument 'CARD'"),
        (["ruin", "c.toml"], "No such command 'ruin'"),
        (["show", "none.root"], "none.root: file not found"),
        (["show", "events.root", "--set", "a=1"], "--set: found with the ROOT file 'events.root'"),
        (
            ["show", "events.root", "--unset", "a"],
            "--unset: found with the ROOT file",
        ),
        (["show", "events.root.gz"], "cannot read the card"),
        (["run", "events.root"], "events.root: found a ROOT file; needs a card. `snmc show events"),
        (["scan", "events.root"], "events.root: found a ROOT file; needs a card"),
        (["validate", "events.root"], "events.root: found a ROOT file; needs a card"),
        (["limit", "events.root"], "events.root: found a ROOT file; needs a card"),
        (
            ["plot", "c.toml"],
            "c.toml: found a card; needs a ROOT file or a core. `snmc run",
        ),
        (
            ["run", "c.toml", "--unset", "run.wrokers"],
            "unknown 'wrokers'; allowed: workers;",
        ),
        (["run", "c.toml", "--unset", "generator.mass"], "generator.mass: missing; needs a number"),
        (["plot", "empty.root"], "empty.root: found no ROOT file in it"),
        (["plot", "events.root", "-o", "a.txt"], "--output: found 'a.txt'; needs a file that ends"),
        (["plot", "events.root", "-o", "no/a.png"], "there is no folder 'no'"),
        (["generators", "toi"], "unknown 'toi'; allowed: toy; did you mean 'toy'?"),
    ],
)
def test_bad_input_is_one_line_and_status_2(here, capsys, line, said):
    """Catches a traceback, or a usage text of many lines, for what the user got wrong."""
    (here / "empty.root").write_bytes(b"")
    assert status(*line) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("snmc: error: ")
    assert output.err.count("\n") == 1
    assert said in output.err


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (InputError("key:\nwrong"), "snmc: error: key: wrong\n"),
        (PhysicsError("no convergence"), "snmc: error: no convergence\n"),
        (PermissionError(13, "Permission denied", "x.root"), "x.root: Permission denied\n"),
        (OSError(28, "No space left on device"), "snmc: error: No space left on device\n"),
    ],
)
def test_what_a_run_refuses_is_one_line_and_status_2(here, stand_in, capsys, error, said):
    """Catches a full disk or an untrusted calculation that ends in a traceback or in success."""

    def run(card, **options):
        raise error

    stand_in("snmc.run.pipeline", run=run)
    assert status("run", "c.toml") == 2
    assert capsys.readouterr().err.endswith(said)


def test_each_error_of_a_card_has_its_line(here, capsys):
    """Catches all but the first error left for the next try."""
    line = ["--set", "generator.mass=5 s", "--set", "run.workers=0"]
    assert status("run", "c.toml", *line) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("snmc: error: command line: run.workers: found 0; needs a whole number")
    assert second.startswith("snmc: error: command line: generator.mass: found '5 s'; needs")


def test_what_a_terminal_would_obey_is_escaped(here, stand_in, capsys):
    """Catches the title of somebody's file that recolours, renames or reverses the terminal."""
    title = "red \x1b[31m, title \x1b]0;x\x07, \u202ereversed, half \ud800, Zürich\u00a0µs, 中"
    escaped = (
        "red \\x1b[31m, title \\x1b]0;x\\x07, \\u202ereversed, half \\ud800, Zürich\u00a0µs, 中"
    )
    stand_in("snmc.judgement.grid", is_grid=lambda path: False)
    stand_in(
        "snmc.judgement.report",
        show_file=lambda path: warnings.warn(title, PhysicsWarning, stacklevel=1),
        file_text=lambda report: title,
    )
    assert status("show", "events.root") == 0
    output = capsys.readouterr()
    assert output.out == f"{escaped}\n"
    assert output.err == f"snmc: warning: {escaped.replace(chr(0xA0), ' ')}\n"
    assert status("run", "c.toml", "--set", "generator.name=\x1b[31mtoy") == 2
    assert "unknown '\\x1b[31mtoy'; allowed: toy" in capsys.readouterr().err


def test_a_terminal_of_few_letters_shows_the_others_as_numbers(here, stand_in, monkeypatch):
    """Catches a traceback where the locale knows no Greek."""
    screen = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", screen)
    stand_in("snmc.judgement.grid", is_grid=lambda path: False)
    stand_in("snmc.judgement.report", show_file=lambda path: {}, file_text=lambda report: "5 µs")
    assert status("show", "events.root") == 0
    screen.seek(0)
    assert screen.read() == "5 \\xb5s\n"


def test_our_own_errors_are_not_hidden(here, stand_in):
    """Catches a bug of ours that is passed off as bad input."""

    def run(card, **options):
        raise ZeroDivisionError("a bug")

    stand_in("snmc.run.pipeline", run=run)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        main(["run", "c.toml"])


def test_an_interrupted_run_says_how_to_go_on(here, stand_in, capsys):
    """Catches a line that leaves out a setting, and so would go on with another run."""

    def run(card, **options):
        raise KeyboardInterrupt

    stand_in("snmc.run.pipeline", run=run)
    line = ["run", "c.toml", "--overwrite", "--set", "generator.mass=50 MeV"]
    assert status(*line) == 130
    assert capsys.readouterr().err == (
        "snmc: interrupted; go on with: snmc run c.toml --set 'generator.mass=50 MeV' --resume\n"
    )
    stand_in("snmc.judgement.validation", validate=lambda card, **options: run(card))
    assert status("validate", "c.toml") == 130
    assert capsys.readouterr().err == "snmc: interrupted\n"


def test_warnings_are_one_line_on_stderr(here, stand_in, capsys):
    """Catches Python's raw form of a warning, and one that is repeated for every block."""

    def run(card, **options):
        for _ in range(3):
            warnings.warn("approximation used", PhysicsWarning, stacklevel=1)
        return SimpleNamespace(text=lambda: "done", faint=[])

    stand_in("snmc.run.pipeline", run=run)
    assert status("run", "c.toml") == 0
    output = capsys.readouterr()
    assert output.out == "done\n"
    assert output.err == "snmc: warning: approximation used\n"


def test_generators_are_listed_and_described(here, capsys):
    """Catches a key, unit or range of a model that a user could not learn from the command."""
    assert status("generators") == 0
    assert capsys.readouterr().out == "toy  A toy\n"
    assert status("generators", "toy") == 0
    assert capsys.readouterr().out.splitlines() == [
        "toy: A toy",
        "",
        "parameters",
        "  mass    [MeV] mass of the toy (1 to 1000)",
        "  mixing  mixing (0 to 1, optional)",
        "  width   width (0 to 1; default 0.25)",
        "",
        "switches",
        "  processes  births (some of a, b; default a, b)",
        "",
        "references",
        "  A. Nobody, arXiv:0000.00000",
    ]


def test_examples_are_listed_and_printed_as_they_are(here, capsys):
    """Catches a shipped card that is not found, or printed as something else than the file."""
    assert status("example") == 0
    listed = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
    cards = {path.stem: path for path in (ROOT / "macros").glob("*.toml")}
    assert [name.strip() for name in listed] == sorted(cards)
    assert all(title.strip() for title in listed.values())
    for name, path in cards.items():
        assert status("example", name) == 0
        assert capsys.readouterr().out == path.read_text(encoding="utf-8")
    assert status("example", "sn1987a-gama.toml") == 2
    assert "did you mean 'sn1987a-gamma'?" in capsys.readouterr().err


def test_detectors_are_listed_checked_and_described(here, monkeypatch, capsys):
    """Catches a wrong card that hides the others, or that ends in status 0."""

    def find(name, base):
        assert base == here
        if name == "bad":
            raise InputError("bad.toml: mass: missing")
        return SimpleNamespace(title=f"the {name}", describe=lambda: f"all of {name}")

    monkeypatch.setattr(registry, "find_detector", find)
    cards = {"imb": Path("imb.toml"), "smm-grs": Path("smm-grs.toml")}
    monkeypatch.setattr(registry, "detector_cards", lambda: cards)
    assert status("detectors") == 0
    assert capsys.readouterr().out == "imb      the imb\nsmm-grs  the smm-grs\n"
    assert status("detectors", "imb", "bad", "smm-grs") == 2
    output = capsys.readouterr()
    assert output.out == "all of imb\n\nall of smm-grs\n"
    assert output.err == "snmc: error: bad.toml: mass: missing\n"


def test_cores_are_listed(stand_in, monkeypatch, capsys):
    """Catches a core that the command leaves out."""
    rows = [("pns", "a star"), ("one-zone", "analytic")]
    monkeypatch.setattr("snmc.core.list_cores", lambda: rows, raising=False)
    assert status("cores") == 0
    assert capsys.readouterr().out == "pns       a star\none-zone  analytic\n"


def test_version_and_help(capsys):
    """Catches a command that is missing from the help, or help that counts as an error."""
    assert status("--version") == 0
    assert capsys.readouterr().out == f"snmc {snmc.__version__}\n"
    assert status() == 0
    text = capsys.readouterr().out
    for command in ("run", "validate", "plot", "show", "generators", "detectors", "cores"):
        assert f"\n  {command} " in text


def test_a_reader_that_stops_early_is_no_error():
    """Catches the traceback of `snmc ... | head` when the reader closes the pipe."""
    script = (
        "import sys, snmc.cli\n"
        "sys.stdin.read()\n"  # until the reader is gone
        "snmc.cli.main(['--help'])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141
