"""What pictures are drawn with: matplotlib under our settings alone, and the colours.

Import it before matplotlib. MPLBACKEND, as a notebook sets it for all that it starts, ends the
import of matplotlib where that backend is not installed; figures that go to a file need none.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from snmc.ground.files import replacing


def _import_matplotlib() -> None:
    """Import matplotlib whatever MPLBACKEND says, which is kept for what else uses pyplot."""
    if "matplotlib" in sys.modules:
        return
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib as mpl
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend:
        with suppress(ValueError):
            mpl.rcParams["backend"] = backend


_import_matplotlib()

from matplotlib.figure import Figure  # noqa: E402
from matplotlib.lines import Line2D  # noqa: E402
from matplotlib.style import context  # noqa: E402

__all__ = [
    "BLACK", "BLUE", "CHANNEL_COLOURS", "GREEN", "GREY", "MAP", "ORANGE", "PURPLE", "RED", "SKY",
    "Figure", "Line2D", "plain", "save", "styled",
]  # fmt: skip

# Colours that differ for every kind of colour vision: Okabe and Ito, Color Universal Design (2008).
BLACK, ORANGE, SKY, GREEN, BLUE, RED, PURPLE, GREY = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7", "#777777",
)  # fmt: skip
CHANNEL_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)
MAP = "viridis"
_STYLE: Any = {  # matplotlib types its keys one by one
    "font.size": 11,
    "axes.labelsize": 11.5,
    "axes.titlesize": 11.5,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "patch.linewidth": 1.6,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "mathtext.fontset": "dejavusans",
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw as we do while the block runs, whatever the user's matplotlibrc says."""
    with context(["default", _STYLE]):
        yield


def save(figure: Figure, output: Path, *, dpi: int) -> None:
    """Write a figure to `output`, .png, .pdf or .svg, whole or not at all. Raises OutputError."""
    with styled(), replacing(output) as temporary:
        figure.savefig(temporary, dpi=dpi)


def plain(text: str) -> str:
    """Text of the user, in which matplotlib shall see no formula."""
    return text.replace("$", r"\$")
