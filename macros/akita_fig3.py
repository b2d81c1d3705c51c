"""Gauge boson of L_mu - L_tau: neutrinos of SN 1987A, of one in Hyper-Kamiokande, energy loss.

A plot like Fig. 3 of Akita, Im, Masud and Yun (arXiv:2312.13627), supernova limits alone.

python macros/akita_fig3.py GRIDS [-o PICTURE] [--set scan.events=10000]
"""

from figures import akita_panel, run

PANELS = [
    akita_panel(r"Gauge boson of $L_\mu - L_\tau$", "zprime-mu-tau"),
]

if __name__ == "__main__":
    run("akita_fig3", __doc__.splitlines()[0], PANELS)
