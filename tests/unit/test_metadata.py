"""Metadata of files: whatever stands in them, they are read or refused in one line."""

import copy
import json
from pathlib import Path

import pytest
import uproot

from snmc.cli import main
from snmc.ground.errors import InputError
from snmc.judgement.caption import caption
from snmc.judgement.report import file_text, grid_text
from snmc.run.metadata import (
    DrawnMetadata,
    EventMetadata,
    GridMetadata,
    ReportedGrid,
    WrittenMetadata,
    checked,
)

COLUMN = {"unit": "MeV", "meaning": "energy"}
EVENTS = {
    "title": "A run",
    "card": {
        "supernova": {"core": "c", "distance": "1.5e+21 m"},
        "generator": [{"name": "dipole", "label": "x", "mass": "1.0 MeV"}],
        "observation": {"detector": "d", "window": "10.0 s"},
        "run": {"seed": 1, "supernovae": None},
    },
    "command": ["snmc", "run", "c.toml"],
    "created": "today",
    "source_hash": "abc",
    "random": {"seed": 1},
    "core": {"name": "c", "filled": {"lapse": "1 everywhere"}},
    "generators": [
        {
            "label": "x",
            "title": "A model",
            "parent_spectrum": "parent_spectrum",
            "tallies": {"events": 5.0},
            "normalisation": {"modes": ["to photons"]},
        }
    ],
    "detector": {"name": "d", "channels": ["ibd"]},
    "columns": {"arrivals": {"energy": COLUMN}},
    "citations": ["A. Nobody"],
    "tallies": {"events": 5.0},
    "identity": {"source": "abc"},
    "written": {"rows": {"arrivals": 5}, "blocks": 1, "spectra_crc32": {"parent_spectrum": 3}},
}
GRID = {
    "kind": "snmc grid",
    "card": {
        "title": "A scan",
        "generator": {"name": "dipole"},
        "supernova": {"core": "c", "distance": "1.5e+21 m"},
        "observation": {"window": None},
        "run": {"seed": 1},
    },
    "identity": {"source": "abc", "detectors": {"d": {"window": {"value": "10 s"}}}},
    "command": ["snmc", "scan", "c.toml"],
    "created": "today",
    "masses_MeV": [1, 2.5],
    "couplings": [1e-17, 1e-16],
    "unit": "1/MeV",
    "parameters": ["d"],
    "axes": [{"key": "supernova.ordering", "values": ["NO", "IO"]}],
    "detectors": ["d"],
    "points": [[0, 1, "d", [0], "d"], [1, 2.5, "d", [1], "d"]],
    "done": [0],
    "trees": {"d": "grid_d"},
    "edges": {"d": [1.0, 2.0]},
    "columns": {"mass": COLUMN},
}
WRONG = [None, True, -1, 5, 1.5, "", "x", [], {}, [5], ["x"], {"a": 5}, [[1]], "1e999 s", 10**18]


def places(tree, above=()):
    """Give the place of every key and entry in a tree of tables and lists."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in inner:
        yield (*above, key)
        if isinstance(value, dict | list):
            yield from places(value, (*above, key))


def mutants(tree):
    """Give the tree without each of its keys, and with others in the place of each."""
    for *outer, last in places(tree):
        for wrong in ["removed", *WRONG]:
            changed = copy.deepcopy(tree)
            held = changed
            for key in outer:
                held = held[key]
            if wrong == "removed":
                del held[last]
            else:
                held[last] = wrong
            yield changed


def tell_events(told):
    """Print what `snmc show` does of events."""
    file_text({"file": "f", "complete": True, "entries": {}, "by_channel": [], **told})


def tell_grid(told):
    """Print what `snmc show` does of a grid."""
    grid_text({"file": "f", "complete": True, **told})


def set_caption(told):
    """Write what stands above a picture of a grid."""
    caption(told["card"], told["identity"].get("detectors", {}), tuple(told["detectors"]))


def add_up(told):
    """Use what a check of the file does."""
    if (written := told.get("written")) is not None:
        sum([*written["rows"].values(), written["blocks"], *written["spectra_crc32"].values()])


@pytest.mark.parametrize(
    ("metadata", "form", "use"),
    [
        (EVENTS, EventMetadata, tell_events),
        (EVENTS, DrawnMetadata, lambda told: [one["label"] for one in told["card"]["generator"]]),
        (EVENTS, WrittenMetadata, add_up),
        (GRID, ReportedGrid, tell_grid),
        (GRID, GridMetadata, set_caption),
    ],
    ids=["show", "plot", "check", "show a grid", "plot a grid"],
)
def test_whatever_is_changed_there_is_no_traceback(metadata, form, use):
    """Catches a key used and not checked, by taking out and replacing each of them in turn."""
    use(checked(Path("f.root"), metadata, form))
    refused = 0
    for changed in mutants(metadata):
        try:
            told = checked(Path("f.root"), changed, form)
        except InputError as error:
            refused += 1
            said = str(error)
            assert said.startswith(("f.root: metadata: ", "f.root: found metadata of"))
            assert said.isprintable()
        else:
            use(told)
            json.dumps(told, allow_nan=False)
    assert refused > 20


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("title", 5, "title: found 5; needs text"),
        ("random", {"seed": "1"}, "random.seed: found '1'; needs a whole number"),
        ("tallies", {"events": float("nan")}, "tallies.events: found nan; needs a finite number"),
        ("generators", [], "generators: found []; needs one entry at least"),
        ("generators", [{"label": 1}], "generators[1].parent_spectrum: missing; is the file of"),
        ("generators", 2 * EVENTS["generators"], "found 2 generators, 1 in card; needs as many of"),
        ("columns", {"a": {"b": 3}}, "columns.a.b: found 3; needs a table"),
    ],
)
def test_the_key_is_named(key, value, said):
    """Catches an answer that does not tell which key is wrong, or how."""
    with pytest.raises(InputError, match="metadata: ") as error:
        checked(Path("f.root"), EVENTS | {key: value}, EventMetadata)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("couplings", [2.0, 1.0], "couplings: found [2.0, 1.0]; needs rising numbers from 0"),
        ("points", [[0, 7, "d", [0], "d"]], "found point [0, 7.0, 'd', [0], 'd']; needs"),
        ("points", [[0, 1, "d", [2], "d"]], "found point [0, 1.0, 'd', [2], 'd']; needs"),
        ("points", [[0, 1]], "points[1][3]: missing"),
        ("done", [9], "found 9 in done; needs numbers of points"),
        ("edges", {}, "found trees, edges and detectors that differ; needs the same names"),
        ("identity", {"source": "", "detectors": {"d": {"window": {"value": "long"}}}},
         "identity.detectors.d.window.value: found 'long'; needs a number with its unit"),
    ],
)  # fmt: skip
def test_a_grid_agrees_with_itself(key, value, said):
    """Catches points of a mass, choice or detector that the grid does not have."""
    with pytest.raises(InputError, match="metadata: ") as error:
        checked(Path("g.root"), GRID | {key: value}, ReportedGrid)
    assert said in str(error.value)


def test_metadata_of_others_are_told_so():
    """Catches a file of another program asked for keys that only we write."""
    with pytest.raises(InputError, match="found metadata of another program; needs a file of snmc"):
        checked(Path("f.root"), {"author": "somebody"}, EventMetadata)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "9" * 5000])
def test_numbers_that_are_none_are_refused(tmp_path, capsys, number):
    """Catches a number that JSON cannot write again, or a traceback of Python for its length."""
    path = tmp_path / "f.root"
    with uproot.recreate(path) as file:
        file["metadata"] = json.dumps(EVENTS | {"other": 12.5}).replace("12.5", number)
    with pytest.raises(SystemExit) as end:
        main(["show", "--json", str(path)])
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"snmc: error: {path}: ")
    assert said.count("\n") == 1


def test_control_characters_of_a_file_reach_no_terminal(tmp_path, capsys):
    """Catches somebody's file that changes the colours or the title of the terminal."""
    path = tmp_path / "f.root"
    with uproot.recreate(path) as file:
        file["metadata"] = json.dumps(EVENTS | {"title": "\x1b]0;x\x07\x1b[31m"})
    with pytest.raises(SystemExit) as end:
        main(["show", str(path)])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert "\\x1b]0;x\\x07\\x1b[31m" in shown
    assert all(line.isprintable() for line in shown.splitlines())
