"""What pictures are drawn with, under the settings of others."""

import os
import subprocess
import sys

import pytest

from snmc.ground.files import OutputError
from snmc.judgement.canvas import Figure, save

DRAW = """
import sys
from pathlib import Path
from snmc.judgement.canvas import Figure, save, styled
with styled():
    figure = Figure()
    figure.subplots().plot([1, 2], label=r"$\\nu_e$ & 50 %")
for ending in ("png", "pdf", "svg"):
    save(figure, Path(f"a.{ending}"), dpi=40)
assert "matplotlib.pyplot" not in sys.modules
"""


@pytest.mark.parametrize("backend", ["module://not_installed.backend_inline", "nosuch", "TkAgg"])
def test_no_backend_of_others_matters(tmp_path, backend):
    """Catches a traceback of matplotlib where MPLBACKEND is that of a notebook or of a window."""
    environment = {**os.environ, "MPLBACKEND": backend, "DISPLAY": ""}
    made = subprocess.run(
        [sys.executable, "-c", DRAW], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert (made.returncode, made.stderr) == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pdf", "a.png", "a.svg"]


def test_pictures_do_not_depend_on_the_users_settings(tmp_path):
    """Catches a matplotlibrc that changes our pictures, or needs a LaTeX that is not there."""
    pictures = []
    for name, settings in (("plain", ""), ("own", "text.usetex: True\nlines.linewidth: 9\n")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "matplotlibrc").write_text(settings)
        environment = {**os.environ, "MATPLOTLIBRC": str(folder / "matplotlibrc")}
        subprocess.run([sys.executable, "-c", DRAW], cwd=folder, env=environment, check=True)
        pictures.append((folder / "a.png").read_bytes())
    assert pictures[0] == pictures[1]


def test_a_picture_is_written_whole_or_not_at_all(tmp_path):
    """Catches an old picture lost, or half a one, where a new one cannot be drawn."""
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    figure = Figure()
    figure.subplots().set_title(r"$\nosuch$")
    with pytest.raises(ValueError, match="nosuch"):
        save(figure, path, dpi=40)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OutputError, match=r"the folder .* does not exist"):
        save(Figure(), tmp_path / "none" / "a.png", dpi=40)
