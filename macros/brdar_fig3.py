"""Photon fluence at Earth from decays of dipole-portal neutrinos, for two masses and two windows.

A plot like Fig. 3 of Brdar, de Gouvea, Li and Machado (arXiv:2302.10965): 51.4 kpc, windows of
223 s (full) and 3600 s (open, dashed), arrivals within 5 degrees. Points are sampled events, lines
the exact analytic fluence, dotted its eq. 6 as printed, which lets late photons of low energy in.

python macros/brdar_fig3.py [-o PICTURE] [--events N]
"""

import argparse
import os
import tempfile
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from snmc.ground.errors import InputError
from snmc.judgement.canvas import Figure, Line2D, save, styled
from snmc.run.card import load_card
from snmc.run.pipeline import groups_in_order, plan_run
from snmc.run.prepare import prepare

CARD = """
title = "Photons of the dipole portal, as in Fig. 3 of Brdar et al."

[supernova]
core = "pns-sfho-1.351"
distance = "51.4 kpc"
photosphere = "3e10 m"

[generator]
name = "dipole"
mass = "{mass} MeV"
d = "{d} / MeV"

[observation]
window = "{window} s"
daughters = "photon"
max_angle = "5 deg"

[run]
events = {events}
seed = 3
output = "not-written.root"
"""
MASSES = ((1.0, "1e-14", "#0072B2"), (100.0, "1e-15", "#D55E00"))  # MeV, d [1/MeV], colour
WINDOWS: tuple[tuple[int, str, Literal["full", "none"]], ...] = (
    (223, "-", "full"),
    (3600, "--", "none"),
)  # s, line, marker
EDGES = np.geomspace(0.5, 500.0, 61)  # MeV

Array = npt.NDArray[np.float64]


def fluences(mass: float, d: str, window: int, events: int) -> tuple[Array, Array, Array, Array]:
    """Fluence [1/cm2] in the bins `EDGES`: of events, their error, exact, eq. 6 as printed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "card.toml"
        path.write_text(CARD.format(mass=mass, d=d, window=window, events=events))
        card = load_card(path)
    workers = os.cpu_count() or 1
    plan = plan_run(card, prepare(card), workers, quiet=False)
    sums = np.zeros((2, len(EDGES) - 1))
    for _, _, block in groups_in_order(plan, 0, workers):
        energy, weight = block.arrivals["energy"], block.arrivals["weight"]
        for power in (1, 2):
            sums[power - 1] += np.histogram(energy, EDGES, weights=weight**power)[0]
    exact, printed = plan.parts[0].source.analytic("photon", EDGES).values()
    return sums[0], np.sqrt(sums[1]), exact, printed


@styled()
def main() -> None:
    """Sample, print the fluences, draw."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("-o", "--output", type=Path, default=Path("brdar-fig3.png"))
    arguments.add_argument("--events", type=int, default=1_000_000, help="events for each curve")
    given = arguments.parse_args()

    figure = Figure(figsize=(8, 5.6), layout="constrained")
    ax = figure.subplots()
    widths, middles = np.diff(EDGES), np.sqrt(EDGES[1:] * EDGES[:-1])
    highest = 0.0
    for mass, d, colour in MASSES:
        for window, line, marker in WINDOWS:
            sampled, error, exact, forward = fluences(mass, d, window, given.events)
            print(
                f"M = {mass:g} MeV, d = {d} / MeV, {window} s: fluence {sampled.sum():.5g} /cm2; "
                f"exact {exact.sum():.5g}, eq. 6 as printed {forward.sum():.5g}"
            )
            seen = sampled > 0
            ax.errorbar(
                middles[seen], (sampled / widths)[seen], (error / widths)[seen],
                color=colour, fmt="o", ms=4, fillstyle=marker, lw=1,
            )  # fmt: skip
            ax.plot(middles, exact / widths, color=colour, ls=line, lw=1.3)
            ax.plot(middles, forward / widths, color=colour, ls=":", lw=1.3)
            highest = max(highest, float((forward / widths).max()))
    ax.set(xscale="log", yscale="log", xlim=(EDGES[0], EDGES[-1]))
    ax.set_ylim(1e-7 * highest, 200 * highest)
    ax.set(xlabel=r"$E_\gamma$ [MeV]", ylabel=r"$dF_\gamma/dE_\gamma$ [cm$^{-2}$ MeV$^{-1}$]")
    ax.tick_params(which="both", direction="in", top=True, right=True)
    ax.set_title(r"Photons from $N\to\nu\gamma$ of SN 1987A at 51.4 kpc")
    colours = [
        Line2D([], [], color=colour, lw=4, label=f"$M_N$ = {mass:g} MeV, $d$ = {tex(d)}")
        for mass, d, colour in MASSES
    ]
    lines = [
        *(
            Line2D([], [], color="grey", ls=line, marker="o", ms=4, fillstyle=marker,
                   label=rf"$\Delta t$ < {window} s: events, exact")
            for window, line, marker in WINDOWS
        ),
        Line2D([], [], color="grey", ls=":", label="eq. 6 of Brdar et al. as printed"),
    ]  # fmt: skip
    ax.add_artist(ax.legend(handles=colours, loc="upper left", frameon=False))
    ax.legend(handles=lines, loc="upper right", frameon=False)
    save(figure, given.output, dpi=120)
    print(f"picture: {given.output}")


def tex(d: str) -> str:
    """Write a coupling [1/MeV] as a formula."""
    mantissa, exponent = d.split("e")
    factor = "" if mantissa == "1" else rf"{mantissa}\times"
    return rf"${factor}10^{{{int(exponent)}}}$ MeV$^{{-1}}$"


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(f"brdar_fig3: error: {error}") from None
