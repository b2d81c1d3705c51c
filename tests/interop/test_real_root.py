"""Real ROOT reads what the sink writes: every column bit by bit, and the macro's sums."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
from conftest import METADATA, SPECTRUM, needed

from snmc.ground.columns import ARRIVALS, DETECTIONS, PARTICLES, file_columns

pytestmark = pytest.mark.interop
HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def root() -> Path:
    """Find ROOT's program beside the interpreter; ROOT runs in processes of its own."""
    needed(importlib.util.find_spec("ROOT"), "ROOT (pip install root)")
    return Path(sys.executable).parent / "root"


def read_with_root(path: Path, output: Path) -> dict[str, np.ndarray]:
    """All columns as ROOT sees them."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(HERE / "read_root.py"), str(path), str(output)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.search("error|recover", done.stdout + done.stderr, re.IGNORECASE), done.stderr
    return dict(np.load(output))


def compare(found: dict[str, np.ndarray], path: Path) -> None:
    """Every branch against uproot."""
    with uproot.open(path) as file:
        for tree, spec in (
            ("arrivals", file_columns(ARRIVALS, False)),
            ("detections", file_columns(DETECTIONS, False)),
        ):
            columns = file[tree].arrays([c.name for c in spec], library="np")
            for column in spec:
                seen = found[f"{tree}.{column.name}"]
                assert seen.dtype == np.dtype(column.dtype)
                assert np.array_equal(seen, columns[column.name]), column.name
        for column in PARTICLES:
            name = f"particles_{column.name}"
            jagged = file["detections"][name].array()
            seen = found[f"detections.{name}"]
            assert seen.dtype == np.dtype(column.dtype)
            assert np.array_equal(found[f"detections.{name}.counts"], ak.to_numpy(ak.num(jagged)))
            assert np.array_equal(seen, ak.to_numpy(ak.flatten(jagged)))


def test_every_column(event_file: Path, tmp_path: Path) -> None:
    """A type, basket or counter that uproot forgives and ROOT does not."""
    found = read_with_root(event_file, tmp_path / "columns.npz")
    compare(found, event_file)
    assert METADATA.items() <= json.loads(str(found["metadata"])).items()
    assert np.array_equal(found["spectrum"], SPECTRUM[0])
    assert np.array_equal(found["edges"], SPECTRUM[1])
    assert len(found["blocks.parents"]) == 120


def test_killed_file(killed_file: Path, tmp_path: Path) -> None:
    """A partial file that ROOT cannot read, or only after a recovery."""
    found = read_with_root(killed_file, tmp_path / "columns.npz")
    compare(found, killed_file)
    assert found["blocks.first_block"].tolist() == [0, 1, 2, 3, 4]


def test_macro(event_file: Path, root: Path, tmp_path: Path) -> None:
    """The macro we ship: its sums are those of uproot, and it makes the picture."""
    picture = tmp_path / "energy.png"
    macro = HERE.parent.parent / "macros" / "read_events.C"
    done = subprocess.run(
        [root, "-l", "-b", "-q", f'{macro}("{event_file}", "{picture}")'],
        capture_output=True,
        text=True,
        check=True,
    )
    with uproot.open(event_file) as file:
        weights = file["arrivals"]["weight"].array(library="np")
        reactions = file["detections"].arrays(["weight", "accepted", "nparticles"], library="np")
    line = re.search(r"arrivals (\d+) entries, fluence (\S+) /cm2", done.stdout)
    assert line is not None, done.stdout + done.stderr
    assert int(line[1]) == len(weights)
    assert float(line[2]) == pytest.approx(weights.sum(), rel=1e-12, abs=0)
    line = re.search(
        r"detections (\d+) entries, expected (\S+) counts, (\d+) particles", done.stdout
    )
    assert line is not None, done.stdout + done.stderr
    assert int(line[1]) == len(reactions["weight"])
    expected = reactions["weight"][reactions["accepted"]].sum()
    assert float(line[2]) == pytest.approx(expected, rel=1e-12, abs=0)
    assert int(line[3]) == reactions["nparticles"].sum()
    assert picture.stat().st_size > 1000
