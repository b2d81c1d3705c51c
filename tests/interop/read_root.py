"""Run by tests: read an event file with real ROOT, save every column for comparison.

python read_root.py FILE OUTPUT.npz
"""

import sys
from typing import Any

import numpy as np
import ROOT


def main(path: str, output: str) -> None:
    """Save columns as tree.branch, jagged ones as their flat content and tree.branch.counts."""
    file = ROOT.TFile.Open(path)
    if not file or file.IsZombie() or file.TestBit(ROOT.TFile.kRecovered):
        sys.exit(f"{path}: ROOT cannot open it, or had to recover it")
    saved: dict[str, Any] = {"metadata": np.array(str(file.Get("metadata").GetString()))}
    for name in ("arrivals", "detections", "blocks"):
        frame = ROOT.RDataFrame(file.Get(name))
        for branch, values in frame.AsNumpy().items():
            key = f"{name}.{branch}"
            if values.dtype == object:
                saved[key + ".counts"] = np.array([len(v) for v in values])
                values = np.concatenate([np.asarray(v) for v in values if len(v)])
            saved[key] = values
    spectrum = file.Get("parent_spectrum")
    if spectrum:
        saved["spectrum"] = np.array(
            [spectrum.GetBinContent(i + 1) for i in range(spectrum.GetNbinsX())]
        )
        saved["edges"] = np.array(
            [spectrum.GetXaxis().GetBinLowEdge(i + 1) for i in range(spectrum.GetNbinsX() + 1)]
        )
    np.savez(output, **saved)


if __name__ == "__main__":
    main(*sys.argv[1:])
