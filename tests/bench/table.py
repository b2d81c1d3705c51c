"""Run the benchmarks and print their medians as a Markdown table.

python tests/bench/table.py [arguments of pytest]
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def main(arguments: list[str]) -> int:
    """Benchmark, then print what was measured; status of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        done = subprocess.run(
            [
                sys.executable, "-m", "pytest", "-q", str(HERE / "bench_snmc.py"),
                "--benchmark-quiet", f"--benchmark-json={results}", *arguments,
            ],
            stdout=sys.stderr,
            check=False,
        )  # fmt: skip
        measured = json.loads(results.read_text(encoding="utf-8") or "{}")
    print(f"{machine()}\n")
    print("| quantity | median | target |")
    print("|---|---|---|")
    for benchmark in measured.get("benchmarks", []):
        information = benchmark["extra_info"]
        print(f"| {information['what']} | {figure(benchmark)} | {information['target']} |")
    return done.returncode


def figure(benchmark: Mapping[str, Any]) -> str:
    """What the table shows: a value as it is, a rate per second, or the median time."""
    information, median = benchmark["extra_info"], benchmark["stats"]["median"]
    if "value" in information:
        return f"{information['value']:.0f} {information['unit']}"
    if "amount" in information:
        return f"{information['amount'] / median / 1e6:.2f} M/s"
    return f"{median:.2g} s" if median < 10 else f"{median:.0f} s"


def machine() -> str:
    """One line on what the figures were measured with."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next(line for line in lines if line.startswith("model name")).split(": ")[1]
    except (OSError, StopIteration):
        processor = platform.processor() or platform.machine()
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba", "uproot"))
    return (
        f"{processor}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; "
        f"Python {platform.python_version()}, {packages}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
