"""Load a core from what a card says: a shipped name, a path, or a table."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from snmc.core import analytic, cds, garching, gr1d, plain
from snmc.core.profile import Raw, complete
from snmc.core.supernova_core import SupernovaCore
from snmc.ground.errors import InputError, unknown_name
from snmc.ground.files import read_bytes
from snmc.ground.text_tables import decode
from snmc.ground.units import quantity

DATA = Path(__file__).parent / "data"
SHIPPED = {
    "pns-sfho-1.351": "hydrostatic general-relativistic proto-neutron star of 1.351 solar baryonic"
    " masses, SFHo matter with muons, 0.25 to 10 s; temperature and neutrino potential chosen by"
    " hand, no simulation",
}
_FORMATS = {
    "Garching": "file or folder of 25-column text, ...T=<t>.txt (Bollig et al. 2020)",
    "AGILE-BOLTZTRAN, VERTEX": "file or folder of CDS tables (Liebendoerfer et al. 2005)",
    "GR1D": 'folder of .xg files; needs bounce, as in {path = "...", bounce = "0.2 s"}',
    "plain table": "one header line with radius_km or radius_cm, density, temperature, ye, ...",
}
_PATH_KEYS = ("path", "duration", "bounce")


def list_cores() -> list[tuple[str, str]]:
    """Name and one-line description of shipped cores, analytic types, and formats read."""
    types = []
    for kind, (parameters, _) in analytic.TYPES.items():
        keys = [key if default is None else f"{key} = {default!r}"
                for key, (_, default) in parameters.items()]  # fmt: skip
        types.append((kind, f'analytic, {{type = "{kind}", {", ".join(keys)}}}'))
    files = [(name, f"format: {text}") for name, text in _FORMATS.items()]
    return [*SHIPPED.items(), *types, *files]


def load_core(spec: str | Mapping[str, object], base: Path | None = None) -> SupernovaCore:
    """Load a core.

    `spec`: a shipped name; a path of a file or folder, relative to `base` (default: the working
    folder); a table `{type = ..., ...}` of an analytic core; or `{path = ..., duration = "1 s",
    bounce = "0.2 s"}` where one snapshot must stand for a duration, or a GR1D folder needs the time
    of bounce in the simulation's clock. The format of a file is told by its content.
    Raises InputError in one line for anything unknown, missing, unreadable or out of range.
    """
    if isinstance(spec, str):
        if spec in SHIPPED:
            return _shipped(spec)
        return _from_path(spec, base, {})
    if "type" in spec:
        raw, duration = analytic.build(spec)
        profile, filled = complete(raw)
        text = f"analytic core standing for {duration:g} s" + _filled(filled)
        return SupernovaCore(str(spec["type"]), text, [0.0], [profile], duration, filled)
    for key in spec:
        if key not in _PATH_KEYS:
            raise unknown_name("supernova.core", key, ("type", *_PATH_KEYS))
    path = spec.get("path")
    if not isinstance(path, str):
        raise InputError(
            f"supernova.core.path: found {path!r}; needs a path, or the key type of an analytic"
            f" core ({', '.join(analytic.TYPES)})"
        )
    return _from_path(path, base, spec)


@cache
def _shipped(name: str) -> SupernovaCore:
    """A shipped core, read once: its files never change."""
    return _from_files(DATA / name, name, SHIPPED[name], {})


def _from_path(spec: str, base: Path | None, options: Mapping[str, object]) -> SupernovaCore:
    path = (base or Path()) / spec
    if path.exists():
        return _from_files(path, path.name or str(path), f"read from {path}", options)
    if spec in analytic.TYPES:
        raise InputError(
            f'supernova.core: {spec!r} needs its parameters, as in {{type = "{spec}",'
            ' duration = "10 s", ...}'
        )
    if "/" in spec or "\\" in spec or path.suffix in (".txt", ".csv", ".dat"):
        raise InputError(f"supernova.core: no file or folder {str(path)!r}")
    raise unknown_name("supernova.core", spec, SHIPPED)


def _from_files(
    path: Path, name: str, description: str, options: Mapping[str, object]
) -> SupernovaCore:
    kind, files = recognise(path)
    bounce = options.get("bounce")
    if kind == "GR1D" and bounce is None:
        raise InputError(
            f"{path}: GR1D counts from the start of the simulation; give the time of bounce:"
            ' core = {path = "...", bounce = "0.2 s"}'
        )
    if kind != "GR1D" and bounce is not None:
        raise InputError(f"supernova.core.bounce: {path} counts from bounce already; only GR1D not")
    start = 0.0 if bounce is None else quantity(bounce, "s", "supernova.core.bounce")
    snapshots = read_snapshots(path, kind, files, start)
    if not snapshots:
        raise InputError(f"{path}: no snapshot at or after bounce")
    if len(snapshots) == 1:
        if "duration" not in options:
            raise InputError(
                f"{path}: holds one snapshot, which needs the time it stands for:"
                ' core = {path = "...", duration = "1 s"}'
            )
        duration = quantity(options["duration"], "s", "supernova.core.duration")
        if duration <= 0:
            raise InputError(f"supernova.core.duration: found {duration:g} s; must be > 0")
        times = [snapshots[0].time or 0.0]
        description += f", one snapshot standing for {duration:g} s"
    else:
        if "duration" in options:
            raise InputError(
                f"supernova.core.duration: {path} holds {len(snapshots)} snapshots with times of"
                " their own; a duration belongs to one snapshot"
            )
        duration = None
        snapshots, times = _in_order(snapshots)
    completed = [complete(raw) for raw in snapshots]
    profiles = [profile for profile, _ in completed]
    filled = {name: how for _, one in completed for name, how in one.items()}
    description += _filled(filled)
    return SupernovaCore(name, description, times, profiles, duration, filled)


def _in_order(snapshots: list[Raw]) -> tuple[list[Raw], list[float]]:
    """Snapshots by ascending time; each must have one. Two that are the same are one."""
    dated = []
    for raw in snapshots:
        if raw.time is None:
            raise InputError(f"{raw.source}: no time; a snapshot of a sequence needs one")
        dated.append((raw.time, raw))
    dated.sort(key=lambda pair: pair[0])
    kept = dated[:1]
    for (t0, first), (t1, second) in pairwise(dated):
        if t0 < t1:
            kept.append((t1, second))
        elif not _same(first, second):
            raise InputError(
                f"{first.source} and {second.source}: both at {t0:g} s, and not the same"
            )
    return [raw for _, raw in kept], [time for time, _ in kept]


def _same(first: Raw, second: Raw) -> bool:
    return first.columns.keys() == second.columns.keys() and all(
        np.array_equal(column, second.columns[name]) for name, column in first.columns.items()
    )


def recognise(path: Path) -> tuple[str, list[tuple[Path, str]]]:
    """Format of a file or folder, told by content, and the files of that format with their text.

    Raises InputError for what is of no format or of several.
    """
    kinds: dict[str, list[tuple[Path, str]]] = {}
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        if path.is_dir() and (file.name.startswith(".") or not file.is_file()):
            continue
        text = decode(read_bytes(file, "the core"))
        kind = None if text is None else _kind(text[: cds.HEAD])
        if kind and text is not None:
            kinds.setdefault(kind, []).append((file, text))
    if len(kinds) != 1:
        found = (
            f"files of {len(kinds)} formats ({', '.join(kinds)})" if kinds else "no known format"
        )
        raise InputError(f"{path}: found {found}; needs one of {', '.join(_FORMATS)}")
    return kinds.popitem()


def read_snapshots(
    path: Path, kind: str, files: Sequence[tuple[Path, str]], bounce: float
) -> list[Raw]:
    """Every snapshot of what `recognise` found; `bounce` [s] in the clock of GR1D."""
    if kind == "GR1D":
        if not path.is_dir():
            raise InputError(f"{path}: one variable of GR1D; give the folder with all of them")
        return gr1d.read(path, bounce)
    if kind == "plain table":
        return [raw for file, text in files for raw in plain.read(file, text)]
    if kind == "Garching":
        return [garching.read(file, text) for file, text in files]
    matter = [(file, text) for file, text in files if cds.is_matter(text[: cds.HEAD])]
    if not matter:
        raise InputError(f"{path}: neutrinos only; needs the table of matter (Rad, Den, Temp, Ye)")
    return [cds.read(file, text) for file, text in matter]


def _kind(head: str) -> str | None:
    """The format, as _FORMATS names it, of a file that begins so."""
    if cds.recognises(head):
        return "AGILE-BOLTZTRAN, VERTEX"
    if garching.recognises(head):
        return "Garching"
    if gr1d.recognises(head):
        return "GR1D"
    return "plain table" if plain.recognises(head) else None


def _filled(names: Iterable[str]) -> str:
    return f"; filled in: {', '.join(sorted(names))}" if names else ""
