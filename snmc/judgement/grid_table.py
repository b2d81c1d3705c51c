"""The grid of a scan as a table of text, for spreadsheets and other programs."""

import json
import re
from collections.abc import Iterator

import numpy as np

from snmc.judgement.grid import Grid, label
from snmc.judgement.series import ratio_of
from snmc.run.scan_card import ENERGY


def table_of(grid: Grid) -> Iterator[list[str]]:
    """Lines of cells: a header, and one for each point that is measured and each coupling.

    Units stand in the header, the one of counts and error (events, or erg) in a column of its own.
    With axes, further columns give the ratio to the point with the first value of each axis, and
    its error; empty where that is 0 or not measured.
    """
    unit = re.sub(r"\W", "", grid.unit.replace("1/", "per_").replace("/", "_per_"))
    keys = [key for key, _ in grid.axes]
    yield [
        "mass_MeV", "_".join(filter(None, ("coupling", unit))), "parameter", *keys, "detector",
        "counts", "error", "unit", "effective", "thin", "upper_bound",
        *["over_first", "over_first_error"] * bool(keys),
    ]  # fmt: skip
    numbers = {(p.detector, p.parameter, p.mass, p.choice): p.number for p in grid.points}
    for point in grid.points:
        series = grid.series.get(point.number)
        if series is None:
            continue
        values = [
            value if isinstance(value := of[place], str) else json.dumps(value)
            for (_, of), place in zip(grid.axes, point.choice, strict=True)
        ]
        columns = [series.counts, series.error]
        ratios = [np.full(len(grid.couplings), np.nan)] * (2 * bool(keys))
        none = (0,) * len(keys)
        first = grid.series.get(numbers[point.detector, point.parameter, point.mass, none])
        if keys and first is not None:
            ratios = list(ratio_of(series, first))
        for row, coupling in enumerate(grid.couplings):
            yield [
                f"{point.mass:.8g}", f"{coupling:.8g}", point.parameter, *values,
                label(point.detector), *(f"{column[row]:.6g}" for column in columns),
                "erg" if point.detector == ENERGY else "events", f"{series.effective[row]:.6g}",
                str(int(series.thin[row])), str(int(series.bound[row])),
                *("" if np.isnan(ratio[row]) else f"{ratio[row]:.6g}" for ratio in ratios),
            ]  # fmt: skip
