"""What `snmc show` tells of a card and of a file."""

import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from snmc.core import core_lines, core_record
from snmc.ground.errors import InputError
from snmc.ground.root_file import open_root, read_metadata, reading_root
from snmc.judgement.prospects import lines_of as observation_lines
from snmc.judgement.prospects import prospects
from snmc.run.card import RunCard
from snmc.run.event_file import check_records
from snmc.run.metadata import EventMetadata, checked
from snmc.run.prepare import prepare_generators, prepare_supernova

TREES = ("arrivals", "detections")
CHUNK = 1 << 18  # rows read at once
# sums of weights that files of version 0.3 have of simulated data, where they are none
OF_WEIGHTED = ("fluence", "fluence_squared", "reactions", "counts", "counts_squared")


def show_card(card: RunCard) -> dict[str, Any]:
    """Numbers of what a card's model emits and how it decays, ready for JSON.

    Keys: title, generator, core, parents, parent_energy_erg, mean_energy_MeV, processes (parents,
    parent_energy_erg and share of each), width_MeV, lifetime_s (None where nothing decays),
    branching, references; of particles that decay also escaping_share and leaving_energy_erg, the
    energy of those that pass the neutrinosphere, and observation, see
    `snmc.judgement.prospects`, or, where the card cannot be run, not_observed, the reason. Of
    several generators: title, core, and generators, which gives the others by label. Raises
    InputError for a bad card and where nothing is emitted.
    """
    supernova = prepare_supernova(card)
    workers = card.run.workers or os.cpu_count() or 1
    told: dict[str, dict[str, Any]] = {}
    observed: dict[str, dict[str, Any]] = {}
    not_observed = {}
    try:
        observed = prospects(card, workers=workers)
    except InputError as error:
        not_observed = {"not_observed": str(error)}
    for entry, (label, generator) in zip(
        card.resolved()["generator"], prepare_generators(card).items(), strict=True
    ):
        told[label] = {
            "generator": {"title": generator.title} | entry,
            **generator.report(supernova, card.run.precision, workers, quiet=False),
            **({"observation": observed[label]} if label in observed else not_observed),
            "references": list(generator.references),
        }
    core = core_record(supernova.core)
    if len(told) > 1:
        return {"title": card.title, "core": core, "generators": told}
    (numbers,) = told.values()
    return {
        "title": card.title,
        "generator": numbers.pop("generator"),
        "core": core,
        **numbers,
    }


def text_of(report: Mapping[str, Any]) -> str:
    """Lines of `show_card` for a reader."""
    lines = [report["title"], *core_lines(report["core"])]
    for one in report.get("generators", {"": report}).values():
        lines += _emitted(one)
    return "\n".join(lines)


def _emitted(report: Mapping[str, Any]) -> list[str]:
    """Lines on one generator."""
    model = report["generator"]
    label = "" if model["label"] == model["name"] else f" (label {model['label']})"
    lines = [f"  model      {model['name']}: {model['title']}{label}"]
    values = ", ".join(
        f"{key} = {', '.join(value) if isinstance(value, list) else value}"
        for key, value in model.items()
        if key not in ("name", "title", "label")
    )
    if values:
        lines.append(f"             {values}")
    lines.append(
        f"  emitted    {report['parents']:.5g} particles, {report['parent_energy_erg']:.5g} erg, "
        f"mean energy {report['mean_energy_MeV']:.5g} MeV"
    )
    for name, process in report["processes"].items():
        lines.append(
            f"    {name:<22} {process['parents']:.5g} ({100 * process['share']:.3g} %), "
            f"{process['parent_energy_erg']:.5g} erg"
        )
    if report["lifetime_s"] is not None:
        lines.append(
            f"  decay      width {report['width_MeV']:.5g} MeV, lifetime "
            f"{report['lifetime_s']:.5g} s"
        )
        lines += [f"    {name:<22} {ratio:.5g}" for name, ratio in report["branching"].items()]
    if "observation" in report:
        lines += ["  observed", *(f"  {line}" for line in observation_lines(report["observation"]))]
    elif "not_observed" in report:
        lines.append(f"  observed   not as the card stands: {report['not_observed']}")
    return [*lines, *(f"  cite       {text}" for text in report["references"])]


def show_file(path: Path) -> dict[str, Any]:
    """What a ROOT file of snmc holds: entries of its trees and its metadata, ready for JSON.

    Raises InputError for a file that snmc did not write.
    """
    with open_root(path) as file, reading_root(path):
        metadata = read_metadata(path, file)
        if not metadata:
            raise InputError(f"{path}: found no 'metadata' in it; needs a file written by snmc")
        checked(path, metadata, EventMetadata)
        check_records(path, file)
        entries = {name: int(file[name].num_entries) for name in TREES if name in file}
        channels = []
        if metadata["detector"] is not None and "detections" in file:
            channels = _by_channel(metadata["detector"]["channels"], file["detections"])
    return {
        "file": str(path), "complete": "tallies" in metadata, "entries": entries,
        "by_channel": channels, **metadata,
    }  # fmt: skip


def _by_channel(names: Sequence[str], tree: Any) -> list[dict[str, Any]]:
    """Sums over the rows of a tree of detections for each channel, by the names of all.

    `rows`; of those accepted `accepted`, their number, `counts`, the sum w of their weights, and
    `effective`, their effective number w^2 / sum of squares: as many equal weights have the same
    relative error.
    """
    sums = np.zeros((4, len(names)))
    for part in tree.iterate(["channel", "weight", "accepted"], step_size=CHUNK, library="np"):
        known = (part["channel"] >= 0) & (part["channel"] < len(names))
        channel, weight, accepted = (
            part[name][known] for name in ("channel", "weight", "accepted")
        )
        of_rows = np.ones(channel.size), accepted, weight * accepted, weight**2 * accepted
        sums += [np.bincount(channel, one, len(names)) for one in of_rows]
    effective = np.divide(sums[2] ** 2, sums[3], out=np.zeros(len(names)), where=sums[3] > 0)
    return [
        {"channel": name, "rows": int(rows), "accepted": int(accepted), "counts": float(counts),
         "effective": float(number)}
        for name, rows, accepted, counts, number in zip(
            names, *sums[:3], effective, strict=True
        )
    ]  # fmt: skip


def file_text(told: Mapping[str, Any]) -> str:
    """Lines of `show_file` for a reader."""
    lines = [f"{told['file']}: {told['title']}"]
    if not told["complete"]:
        lines.append("  unfinished: an interrupted run, go on with `snmc run CARD --resume`")
    detector, supernovae = told["detector"], told["card"]["run"].get("supernovae")
    simulated = supernovae is not None
    if simulated:
        lines.append(f"  simulated  {supernovae} supernovae: each row is one draw of weight 1")
    lines += [
        *core_lines(told["core"]),
        f"  detector   {'none' if detector is None else detector['name']}",
        f"  made       {told['created']} by {shlex.join(told['command'])}",
        f"  seed       {told['random']['seed']}, sources {told['source_hash']}",
    ]
    generators = told["generators"]
    for generator in generators if len(generators) > 1 else ():
        lines.append(f"generator  {generator['label']}: {generator['title']}")
        lines += _sums(generator, simulated)
    if len(generators) > 1 and told["complete"]:
        lines.append("all generators")
    lines += _sums(told, simulated)
    for tree, columns in told["columns"].items():
        rows = told["entries"].get(tree)
        lines.append(f"{tree}" + ("" if rows is None else f", {rows} rows"))
        lines += _described(columns)
    if detector is not None:
        lines += _channel_lines(told["by_channel"])
        lines += [f"approximation {text}" for text in detector.get("approximations", [])]
    for number, generator in enumerate(generators):
        label = f" of generator {number} {generator['label']}" if len(generators) > 1 else ""
        if "normalisation" in generator:
            modes = _numbered(generator["normalisation"]["modes"])
            lines.append(f"modes{label}".ljust(10) + f" {modes}")
    return "\n".join([*lines, *(f"cite       {text}" for text in told["citations"])])


def grid_text(told: Mapping[str, Any]) -> str:
    """Lines on how the file of a grid was made and what its trees hold, for a reader.

    `told`: as `snmc.judgement.grid.grid_report` gives it.
    """
    lines = [
        f"  title               {told['card']['title']}",
        f"  made                {told['created']} by {shlex.join(told['command'])}",
        f"  seed                {told['card']['run']['seed']}, sources "
        f"{told['identity']['source']}",
    ]
    for detector, tree in told["trees"].items():
        edges = told["edges"][detector]
        lines.append(f"{tree}: {len(edges) - 1} bins from {edges[0]:.4g} to {edges[-1]:.4g}")
    return "\n".join([*lines, *_described(told["columns"])])


def _described(columns: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Lines with the name, meaning and unit of each column of a tree."""
    return [
        f"  {name:<18} {column['meaning']}" + (f" [{column['unit']}]" if column["unit"] else "")
        for name, column in columns.items()
    ]


def _channel_lines(channels: Sequence[Mapping[str, Any]]) -> list[str]:
    """Table of the channels: rows, those accepted, their counts and effective number."""
    return [
        f"{'channels':<28} {'rows':>10} {'accepted':>10} {'counts':>12} {'N_eff':>10}",
        *(
            f"  {number:>2} {one['channel']:<23} {one['rows']:10} {one['accepted']:10} "
            f"{one['counts']:12.6g} {one['effective']:10.0f}"
            for number, one in enumerate(channels)
        ),
    ]


def _numbered(names: Iterable[str]) -> str:
    return ", ".join(f"{i} {name}" for i, name in enumerate(names))


def _sums(told: Mapping[str, Any], simulated: bool) -> list[str]:
    """Lines with the tallies; what files of 0.3 call fluence of simulated data is none."""
    return [
        f"  {name:<18} {number:.6g}"
        for name, number in told.get("tallies", {}).items()
        if not (simulated and name in OF_WEIGHTED)
    ]
