"""Dipole portal: what SN 1987A excludes, and what a supernova at 10 kpc would reach.

A plot like Fig. 1 of Brdar, de Gouvea, Li and Machado (arXiv:2302.10965), without their diffuse
backgrounds. The line is the moment that goes with neutrino masses of 0.1 eV in their leptoquark
model, d = 1e-13 MeV^-2 sqrt(m_nu M_N).

python macros/brdar_fig1.py GRIDS [-o PICTURE] [--set scan.events=10000]
"""

from typing import TYPE_CHECKING

import numpy as np
from figures import Panel, Region, run

from snmc.judgement.canvas import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

M_NU = 1e-7  # MeV


def natural(ax: "Axes") -> "Artist":
    """Draw the moment of the leptoquark model."""
    masses = np.geomspace(*ax.get_xlim(), 100)
    (line,) = ax.plot(
        masses, 1e-13 * np.sqrt(M_NU * masses), color=GREEN, lw=1.5, ls=(0, (5, 1)),
        label=r"$10^{-13}$ MeV$^{-2}\sqrt{m_\nu M_N}$, $m_\nu$ = 0.1 eV",
    )  # fmt: skip
    return line


PANEL = Panel(
    "Dipole portal",
    (
        Region("sn1987a-gamma", r"SN 1987A $\gamma$", BLUE),
        Region("sn1987a-neutrinos-high", r"SN 1987A $\nu$ above 70 MeV", SKY),
        Region("sn1987a-neutrinos-low", r"SN 1987A $\nu$ 10-50 MeV", PURPLE, filled=False),
        Region("dipole-cooling", "energy loss", GREY),
        Region("fermi-lat-223s", "Fermi-LAT, 10 kpc, 223 s", BLUE, "--", filled=False),
        Region("fermi-lat-3600s", "Fermi-LAT, 10 kpc, 3600 s", BLUE, ":", filled=False),
        Region("e-astrogam", "e-ASTROGAM, 10 kpc", BLACK, "--", filled=False),
        Region("hyper-kamiokande", "Hyper-Kamiokande, 10 kpc", ORANGE, "--", filled=False),
        Region("dune", "DUNE, 10 kpc", RED, "-.", filled=False),
    ),
    natural,
)

if __name__ == "__main__":
    run("brdar_fig1", __doc__.splitlines()[0], [PANEL])
