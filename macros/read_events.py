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
    with uproot.open(path) as file:
        metadata = json.loads(str(file["metadata"]))
        arrivals = file["arrivals"].arrays(["weight", "pdg", "energy", "time", "generator"])
        detections = file["detections"].arrays() if "detections" in file else None
    supernovae = metadata["card"]["run"]["supernovae"]  # None: weighted events
    print(f"{path}: {metadata.get('title', 'untitled')}")
    if supernovae is not None:
        print(f"simulated data of {supernovae} supernovae: each row is one draw")

    print(f"arrivals: {amount(arrivals, supernovae, 'fluence', '/cm2')}")
    for number, generator in enumerate(metadata.get("generators", [])):
        one = arrivals[arrivals.generator == number]
        print(f"  {generator['label']}: {amount(one, supernovae, 'fluence', '/cm2')}")
    for pdg in np.unique(ak.to_numpy(arrivals.pdg)):
        one = arrivals[arrivals.pdg == pdg]
        print(f"  pdg {pdg}: {amount(one, supernovae, 'fluence', '/cm2')}")

    if detections is not None:
        good = detections[detections.accepted]
        print(f"detections: {len(detections)} rows, {len(good)} accepted")
        print(f"  accepted: {amount(good, supernovae, 'expected', 'counts')}")
        for number, channel in enumerate(metadata["detector"]["channels"]):
            one = good[good.channel == number]
            print(f"  {channel}: {amount(one, supernovae, 'expected', 'counts')}")
        leading = ak.firsts(detections.particles_energy)  # one list of particles a row
        print(
            f"  {ak.sum(detections.nparticles)} final-state particles, mean energy of the first "
            f"{ak.mean(leading):.6g} MeV"
        )
        if "arrival" in detections.fields and len(good):  # each row knows the particle behind it
            energy = arrivals.energy[good.arrival]
            print(f"  mean energy of the particles behind them {ak.mean(energy):.6g} MeV")
        if supernovae is not None:  # the rows of one explosion stand together, in order of time
            one = good[good.supernova == 0]
            print(f"  supernova 0: {len(one)} accepted, at {ak.to_list(one.time[:5])} ... s")
    draw(picture, arrivals, detections, supernovae)


def amount(rows: ak.Array, supernovae: int | None, name: str, unit: str) -> str:
    """How many rows there are, and what they stand for.

    Weights of arrivals sum to the expected fluence, those of accepted detections to the expected
    counts; rows of simulated data are counted by explosion.
    """
    if supernovae is not None:
        return f"{len(rows)} rows, {len(rows) / supernovae:.6g} a supernova"
    return f"{len(rows)} rows, {name} {ak.sum(rows.weight):.6g} {unit}"


def draw(
    picture: str, arrivals: ak.Array, detections: ak.Array | None, supernovae: int | None
) -> None:
    """Draw the energies and times of the arrivals, and the energies of what is accepted."""
    os.environ["MPLBACKEND"] = "agg"  # no window, whatever other programs ask for
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for axis, name, unit in ((left, "energy", "MeV"), (right, "time", "s")):
        values, weights = ak.to_numpy(arrivals[name]), ak.to_numpy(arrivals.weight)
        contents, edges = np.histogram(values, bins=60, weights=weights)
        axis.stairs(
            contents / np.diff(edges) / (supernovae or 1),
            edges,
            label="arrivals" if name == "energy" else None,
        )
        what = f"fluence [1/cm$^2$/{unit}]"
        if supernovae is not None:
            what = f"reactions a supernova [1/{unit}]"
        axis.set(xlabel=f"{name} [{unit}]", ylabel=what, yscale="log")
    if detections is not None:
        good = detections[detections.accepted]
        axis = left.twinx()
        contents, edges = np.histogram(
            ak.to_numpy(good.energy), bins=60, weights=ak.to_numpy(good.weight)
        )
        density = contents / np.diff(edges) / (supernovae or 1)
        axis.stairs(density, edges, color="C1", label="accepted detections")
        each = "" if supernovae is None else " a supernova"
        axis.set(ylabel=f"counts{each} [1/MeV]", yscale="log")
    figure.legend(loc="outside upper left", ncols=2)
    figure.savefig(picture)
    print(f"picture: {picture}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else sys.argv[1] + ".png")
