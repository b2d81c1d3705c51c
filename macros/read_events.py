"""Read an event file of snmc with uproot and awkward: print the sums, draw the spectra.

python macros/read_events.py sn1987a-gamma.root [picture.png]
"""

import json
import os
import sys

import awkward as ak
import numpy as np
import uproot


def main(path: str, picture: str) -> None:
    """Print what the file `path` holds and draw energies and times into `picture`."""
    os.environ["MPLBACKEND"] = "agg"  # no window, whatever other programs ask for
    import matplotlib.pyplot as plt

    with uproot.open(path) as file:
        metadata = json.loads(str(file["metadata"]))
        print(f"{path}: {metadata.get('title', 'untitled')}")
        # Weights of arrivals sum to the expected fluence.
        arrivals = file["arrivals"].arrays(["weight", "pdg", "energy", "time", "generator"])
        print(f"arrivals: {len(arrivals)} rows, fluence {ak.sum(arrivals.weight):.6g} /cm2")
        for number, generator in enumerate(metadata.get("generators", [])):
            one = arrivals[arrivals.generator == number]
            print(f"  {generator['label']}: {len(one)} rows, fluence {ak.sum(one.weight):.6g} /cm2")
        for pdg in np.unique(ak.to_numpy(arrivals.pdg)):
            one = arrivals[arrivals.pdg == pdg]
            print(f"  pdg {pdg}: {len(one)} rows, fluence {ak.sum(one.weight):.6g} /cm2")

        detections = None
        if "detections" in file:
            # Weights of accepted detections sum to the expected count.
            detections = file["detections"].arrays(["weight", "accepted", "energy", "time"])
            good = detections[detections.accepted]
            print(
                f"detections: {len(detections)} rows, {len(good)} accepted, "
                f"expected {ak.sum(good.weight):.6g} counts"
            )
            particles = file["detections"].arrays(["particles_pdg", "particles_energy"])
            leading = ak.firsts(particles.particles_energy)  # one list of particles a row
            print(
                f"  {ak.sum(ak.num(particles.particles_pdg))} final-state particles, mean energy "
                f"of the first {ak.mean(leading):.6g} MeV"
            )

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for axis, name, unit in ((left, "energy", "MeV"), (right, "time", "s")):
        values, weights = ak.to_numpy(arrivals[name]), ak.to_numpy(arrivals.weight)
        contents, edges = np.histogram(values, bins=60, weights=weights)
        axis.stairs(
            contents / np.diff(edges), edges, label="arrivals" if name == "energy" else None
        )
        axis.set(xlabel=f"{name} [{unit}]", ylabel=f"fluence [1/cm$^2$/{unit}]", yscale="log")
    if detections is not None:
        axis = left.twinx()
        contents, edges = np.histogram(
            ak.to_numpy(good.energy), bins=60, weights=ak.to_numpy(good.weight)
        )
        axis.stairs(contents / np.diff(edges), edges, color="C1", label="accepted detections")
        axis.set(ylabel="counts [1/MeV]", yscale="log")
    figure.legend(loc="outside upper left", ncols=2)
    figure.savefig(picture)
    print(f"picture: {picture}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else sys.argv[1] + ".png")
