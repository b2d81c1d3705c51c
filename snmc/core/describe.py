"""What a core holds and what was filled in, in words."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from snmc.core import analytic, gravity
from snmc.core.load import DATA, SHIPPED, read_snapshots, recognise
from snmc.core.profile import BOUNDS, complete
from snmc.core.supernova_core import SupernovaCore
from snmc.ground.errors import InputError, unknown_name

UNITS = {name: bound.unit for name, bound in BOUNDS.items()} | {"enclosed_mass": "solar masses"}
_MOST = 40  # snapshots to list


def core_record(core: SupernovaCore) -> dict[str, Any]:
    """Name, description, hash of the content, and columns filled in with how, ready for JSON."""
    return {
        "name": core.name,
        "description": core.description,
        "content": core.content,
        "filled": core.filled,
    }


def core_lines(record: Mapping[str, Any]) -> list[str]:
    """Lines for a reader on a core, from `core_record`: its name, and what was filled in."""
    lines = [f"  core       {record['name']}"]
    names: dict[str, list[str]] = {}
    for name, how in record.get("filled", {}).items():
        names.setdefault(how, []).append(name)
    return lines + [f"             filled in {', '.join(of)}: {how}" for how, of in names.items()]


def describe_core(source: str) -> str:
    """Lines on a shipped core, an analytic type, or a file or folder of a known format.

    Format, snapshots with their times, surfaces and masses, and for each column whether it was read
    or filled in, how, and its range. Raises InputError as `snmc.core.load_core` does.
    """
    if source in analytic.TYPES:
        parameters, _ = analytic.TYPES[source]
        return "\n".join(
            [f"{source}: analytic, flat space; give its parameters in the card"]
            + [
                f"  {key:<18} {f'[{unit}] ' if unit else ''}"
                + ("must be given" if default is None else f"default {default}")
                for key, (unit, default) in parameters.items()
            ]
        )
    path = DATA / source if source in SHIPPED else Path(source)
    if not path.exists():
        if "/" in source or path.suffix:
            raise InputError(f"{source}: no such file or folder")
        raise unknown_name("core", source, [*SHIPPED, *analytic.TYPES])
    kind, files = recognise(path)
    raws = read_snapshots(path, kind, files, 0.0)
    raws.sort(key=lambda raw: -np.inf if raw.time is None else raw.time)
    completed = [complete(raw) for raw in raws]
    clock = "the simulation's start" if kind == "GR1D" else "bounce"
    lines = [
        f"{source}: {SHIPPED.get(source, kind)}",
        f"  snapshots  {len(raws)}, time after {clock}",
        f"  {'time [s]':>10} {'points':>7} {'surface [km]':>13} {'mass [solar]':>13} "
        f"{'2GM/rc^2':>9}",
    ]
    for raw, (profile, _) in list(zip(raws, completed, strict=True))[:_MOST]:
        time = "none" if raw.time is None else f"{raw.time:.4g}"
        compact = gravity.compactness(profile["radius"], profile["density"]).max()
        lines.append(
            f"  {time:>10} {len(profile['radius']):>7} {profile['radius'][-1]:>13.4g} "
            f"{profile['enclosed_mass'][-1]:>13.4g} {compact:>9.3g}"
        )
    if len(raws) > _MOST:
        lines.append(f"  ... and {len(raws) - _MOST} more")
    lines.append(f"  {'column':<14} {'from':>10} {'to':>10}  unit")
    for name in UNITS:
        if name not in completed[0][0]:  # y_nu, which others were made of
            continue
        values = [profile[name] for profile, _ in completed]
        hows = dict.fromkeys(how.get(name, "read") for _, how in completed)
        told = " or ".join(f"filled in: {how}" if how != "read" else how for how in hows)
        low, high = min(v.min() for v in values), max(v.max() for v in values)
        lines.append(f"  {name:<14} {low:>10.4g} {high:>10.4g}  {UNITS[name]:<13} {told}")
    return "\n".join(lines)
