"""Majorons: neutrinos of SN 1987A, of a supernova in Hyper-Kamiokande, and energy loss.

A plot like Fig. 5 of Akita, Im, Masud and Yun (arXiv:2312.13627), supernova limits alone; x is mu.

python macros/akita_fig5.py GRIDS [-o PICTURE] [--set scan.events=10000]
"""

from figures import Panel, Region, run

from snmc.judgement.canvas import BLUE, ORANGE, RED

COUPLINGS = (("g_ee", "$g_{ee}$", BLUE), ("g_emu", "$g_{ex}$", ORANGE), ("g_mumu", "$g_{xx}$", RED))
KINDS = (
    ("majoron", "SN 1987A", "-", True),
    ("majoron-hyper-kamiokande", "Hyper-Kamiokande, 10 kpc", "--", False),
    ("majoron-cooling", "energy loss", ":", False),
)
PANEL = Panel(
    "Majorons",
    tuple(
        Region(card, f"{symbol} {label}", colour, line, filled, parameter)
        for card, label, line, filled in KINDS
        for parameter, symbol, colour in COUPLINGS
    ),
)

if __name__ == "__main__":
    run("akita_fig5", __doc__.splitlines()[0], [PANEL])
