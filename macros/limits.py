"""Run every limit card of this folder, and keep the tables with a note of how they were made.

python macros/limits.py FOLDER [--tables docs/limits] [--only sn1987a-gamma] [--workers N]

Grids, records and pictures go to FOLDER, where a run that was stopped goes on; the tables are
copied to docs/limits, whose README lists them.
"""

import argparse
import re
import shutil
import sys
import warnings
from pathlib import Path

from snmc.ground.errors import InputError, PhysicsError
from snmc.ground.files import replacing
from snmc.judgement.grid import Grid, load_grid
from snmc.judgement.limit import run_limit
from snmc.run.scan_card import load_scan

MACROS = Path(__file__).parent
ROW = re.compile(r"^\| \[(limit-[^\]]*)\]")  # of the list in the README


def main() -> None:
    """Run the cards one after the other; those that fail are told at the end, with status 1."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folder", type=Path, help="where grids, records and pictures are kept")
    arguments.add_argument("--tables", type=Path, default=MACROS.parent / "docs" / "limits")
    arguments.add_argument("--only", action="append", help="this card alone; may be repeated")
    arguments.add_argument("--workers", type=int, help="threads or processes")
    arguments.add_argument("--scheduler", help='address of a Dask scheduler, or "local"')
    arguments.add_argument("--overwrite", action="store_true", help="replace other scans' files")
    given = arguments.parse_args()
    warnings.showwarning = lambda message, *_, **__: print(f"warning: {message}", file=sys.stderr)
    given.folder.mkdir(parents=True, exist_ok=True)
    failed = []
    for path in sorted(MACROS.glob("limit-*.toml")):
        if given.only and path.stem.removeprefix("limit-") not in given.only:
            continue
        try:
            _make(path, given)
        except (InputError, PhysicsError, OSError) as error:
            failed.append(path.stem)
            print(f"limits: error: {error}", file=sys.stderr)
    if failed:
        raise SystemExit(f"limits: failed: {', '.join(failed)}")


def _make(path: Path, given: argparse.Namespace) -> None:
    """Run one card, copy its table and note how it was made."""
    card = load_scan(path)
    limit = run_limit(
        card,
        given.folder / path.stem,
        workers=given.workers or card.workers,
        scheduler=given.scheduler,
        resume=not given.overwrite,
        overwrite=given.overwrite,
        quiet=False,
    )
    print(limit.text(), end="\n\n")
    assert limit.table is not None
    shutil.copyfile(limit.table, given.tables / limit.table.name)
    row = row_of(path.stem, load_grid(given.folder / f"{path.stem}.grid.root"))
    with replacing(given.tables / "README.md") as new:
        new.write_text(with_row((given.tables / "README.md").read_text(encoding="utf-8"), row))


def row_of(name: str, grid: Grid) -> str:
    """Line of the list: the table, what was scanned, and by which version and sources."""
    version = grid.provenance["versions"]["snmc"]
    cells = (
        f"[{name}]({name}.csv)",
        ", ".join(grid.parameters) + (f" [{grid.unit}]" if grid.unit else ""),
        f"{len(grid.masses)} x {len(grid.couplings)}",
        str(grid.card["scan"]["events"]),
        str(grid.card["run"]["seed"]),
        f"snmc {version}, sources {grid.identity['source']}, {grid.provenance['created'][:10]}",
    )
    return f"| {' | '.join(cells)} |"


def with_row(text: str, row: str) -> str:
    """The README with one line of its list added or replaced, the list in order."""
    lines = text.splitlines()
    rows = {match[1]: line for line in lines if (match := ROW.match(line))}
    own = ROW.match(row)
    assert own is not None
    rows[own[1]] = row
    kept = [line for line in lines if not ROW.match(line)]
    end = max(number for number, line in enumerate(kept) if line.startswith("|---")) + 1
    return "\n".join([*kept[:end], *(rows[name] for name in sorted(rows)), *kept[end:]]) + "\n"


if __name__ == "__main__":
    main()
