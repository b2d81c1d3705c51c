"""Gauge boson of B - L: neutrinos of SN 1987A, of one in Hyper-Kamiokande, energy loss.

A plot like Fig. 4 of Akita, Im, Masud and Yun (arXiv:2312.13627), supernova limits alone.

python macros/akita_fig4.py GRIDS [-o PICTURE] [--set scan.events=10000]
"""

from figures import akita_panel, run

PANELS = [
    akita_panel("Gauge boson of $B - L$", "zprime-b-minus-l"),
]

if __name__ == "__main__":
    run("akita_fig4", __doc__.splitlines()[0], PANELS)
