"""What the picture of a scan or a limit is of, in one line: model, core, distance, detectors."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from snmc.ground.units import PARSEC
from snmc.run.scan_card import ENERGY


def caption(card: Mapping[str, Any], tables: Mapping[str, Any], detectors: Sequence[str]) -> str:
    """Model, core and distance; and the detectors with the time that they look.

    `card`: as a scan or a run resolved it, without what is scanned, which is left out here too;
    `tables`: cards of the detectors by name, for windows of their own.
    """
    model = Path(card.get("generator", {}).get("name", "")).name  # of a file too
    supernova = card.get("supernova", {})
    core = supernova.get("core", "")
    source = str(core.get("type", core.get("path", ""))) if isinstance(core, Mapping) else core
    if "distance" in supernova and detectors != [ENERGY]:
        source += f" at {kiloparsec(supernova['distance']):.4g} kpc"
    parts = [" of ".join(filter(None, (model, Path(source).name)))]
    seen = [name for name in detectors if name != ENERGY]
    windows = {name: _window(card, tables.get(name, {})) for name in seen}
    names = [Path(name).name.removesuffix(".toml") for name in seen]
    if len(set(windows.values())) == 1:
        told = next(iter(windows.values()))
        parts.append(" and ".join(names) + (f", window {told}" if told else ""))
    else:
        parts += [
            f"{name} {told}".rstrip() for name, told in zip(names, windows.values(), strict=True)
        ]
    return "; ".join(filter(None, parts))


def kiloparsec(distance: str) -> float:
    """A distance of a resolved card, a number of metres, in kpc. Raises ValueError."""
    return float(distance.removesuffix(" m")) / PARSEC / 1e3


def _window(card: Mapping[str, Any], table: Mapping[str, Any]) -> str:
    """Window of a card or else of a detector, to four digits; empty if it is scanned or unknown."""
    observation = card.get("observation", {})
    if "window" not in observation:
        return ""
    window = observation["window"] or table.get("window", {}).get("value")
    if window is None:
        return ""
    number, _, unit = window.partition(" ")
    return f"{float(number):.4g} {unit}"
