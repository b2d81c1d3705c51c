"""Heavy neutral leptons: neutrinos of SN 1987A, of one in Hyper-Kamiokande, energy loss.

A plot like Fig. 2 of Akita, Im, Masud and Yun (arXiv:2312.13627), supernova limits alone.

python macros/akita_fig2.py GRIDS [-o PICTURE] [--set scan.events=10000]
"""

from figures import akita_panel, run

PANELS = [
    akita_panel(rf"mixing with $\nu_{{{symbol}}}$", "hnl", f"U2_{flavour}")
    for flavour, symbol in (("e", "e"), ("mu", r"\mu"), ("tau", r"\tau"))
]

if __name__ == "__main__":
    run("akita_fig2", __doc__.splitlines()[0], PANELS)
