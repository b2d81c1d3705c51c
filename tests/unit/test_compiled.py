"""The cache of compiled formulas."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from snmc.ground.compiled import compiled_formula

FACTORY = """
from snmc.ground.compiled import compiled_as, compiled_formula, float64, function_type


def times(factor):
    @compiled_formula(1)
    def formula(x):
        return factor * x

    return formula


@compiled_as(float64(function_type(1), float64))
def called(formula, x):
    return formula(x)
"""


def test_formulas_of_one_factory_are_not_exchanged(tmp_path):
    """Catches numba's cache giving one formula for another that the same factory made.

    Compiled in different processes and loaded together, two functions of one name were exchanged:
    rates of heavy neutral leptons came out wrong by factors, and were kept.
    """
    (tmp_path / "factory.py").write_text(FACTORY)
    environment = {**os.environ, "SNMC_CACHE_DIR": str(tmp_path / "cache")}
    environment["PYTHONPATH"] = os.pathsep.join(
        [str(tmp_path), *filter(None, [environment.get("PYTHONPATH")])]
    )

    def values(*factors):
        script = (
            "from factory import called, times\n"
            f"formulas = [times(factor) for factor in {factors!r}]\n"
            "print(*[called(formula, 1.0) for formula in formulas])"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        return [float(word) for word in done.stdout.split()]

    for factor in (2.0, 3.0, 5.0):  # from the second on the caller comes from the cache
        assert values(factor) == [factor]
    assert values(5.0, 3.0, 2.0) == [5.0, 3.0, 2.0]


def test_threads_make_one_formula_between_them():
    """Catches two threads compiling one formula at once, which numba ended with a KeyError."""

    def times(factor: float) -> object:
        @compiled_formula(1)
        def formula(x: float) -> float:
            return factor * x

        return formula

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(times, [2.0, 3.0] * 20))
    assert [formula(1.0) for formula in made[:2]] == [2.0, 3.0]
    assert len({id(one) for one in made}) == 2
