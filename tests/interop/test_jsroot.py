"""jsroot, the reader of web pages, sees what uproot sees. Needs node and `npm install` here."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import uproot
from conftest import METADATA, SPECTRUM, needed

pytestmark = pytest.mark.interop
HERE = Path(__file__).parent


def read_with_jsroot(path: Path) -> dict[str, Any]:
    """Entries, sums and first rows as jsroot sees them."""
    node = shutil.which("node")
    needed(node, "node")
    needed((HERE / "node_modules" / "jsroot").exists(), "jsroot (npm install in tests/interop)")
    done = subprocess.run(
        [str(node), str(HERE / "read_events.mjs"), str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def compare(seen: dict[str, Any], path: Path) -> None:
    """Both trees against uproot."""
    with uproot.open(path) as file:
        for name in ("arrivals", "detections"):
            branches = list(seen[name]["rows"][0])
            rows = file[name].arrays(branches)
            assert seen[name]["entries"] == len(rows)
            assert seen[name]["weight"] == pytest.approx(float(sum(rows.weight)), rel=1e-12, abs=0)
            assert seen[name]["rows"] == rows[:3].to_list()
        accepted = rows.weight[rows.accepted]
        assert seen["detections"]["accepted"] == pytest.approx(
            float(sum(accepted)), rel=1e-12, abs=0
        )
        particles = file["detections"]["nparticles"].array(library="np").sum()
        assert seen["detections"]["particles"] == particles


def test_whole_file(event_file: Path) -> None:
    """A basket or a counter that uproot forgives and jsroot does not."""
    seen = read_with_jsroot(event_file)
    compare(seen, event_file)
    assert METADATA.items() <= json.loads(seen["metadata"]).items()
    assert seen["spectrum"] == SPECTRUM[0].tolist()


def test_killed_file(killed_file: Path) -> None:
    """A partial file that a browser cannot show."""
    compare(read_with_jsroot(killed_file), killed_file)
