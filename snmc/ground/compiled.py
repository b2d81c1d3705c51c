"""The one decorator for compiled kernels, and the place of their cache.

numba's cache does not notice a change in a callee in another file, which would leave stale physics
behind. So the cache lies in a folder named by a hash of every source file of snmc, chosen here
before numba is first imported. All kernels share one set of options: numba gives functions
compiled with different options one cache entry.
"""

import hashlib
import os
import tempfile
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import platformdirs

from snmc.ground.errors import InputError

Function = TypeVar("Function", bound=Callable[..., Any])


@cache
def source_hash() -> str:
    """SHA-256 (first 16 hex digits) of all Python sources and detector cards of snmc."""
    import snmc.detectors
    import snmc.generators

    digest = hashlib.sha256()
    folders = [
        str(Path(__file__).parent.parent),
        *snmc.generators.__path__,
        *snmc.detectors.__path__,
    ]
    for folder in folders:
        for path in sorted(Path(folder).rglob("*")):
            if path.suffix in {".py", ".toml"}:
                digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


@cache
def cache_folder() -> Path:
    """The folder of cached kernels and tables; it may be deleted at any time.

    `$SNMC_CACHE_DIR`, else the user's cache folder, else, where that cannot be written to, a
    folder for temporary files. Raises InputError if `$SNMC_CACHE_DIR` cannot be written to.
    """
    chosen = os.environ.get("SNMC_CACHE_DIR")
    if chosen:
        if not _writable(Path(chosen)):
            raise InputError(f"SNMC_CACHE_DIR: found '{chosen}'; needs a folder one can write to")
        return Path(chosen)
    usual = Path(platformdirs.user_cache_dir("snmc"))
    return usual if _writable(usual) else Path(tempfile.gettempdir()) / f"snmc-{os.getuid()}"


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


os.environ["NUMBA_CACHE_DIR"] = str(cache_folder() / "kernels" / source_hash())

import numba  # noqa: E402  (after the cache folder is chosen)
from numba import types  # noqa: E402

float64, boolean = types.float64, types.boolean
void, vector = types.void, types.float64[::1]

# What factories made, by module and name: models make the same ones again and again, on any thread.
_FORMULAS: dict[tuple[str, str], Any] = {}
_FORMULAS_LOCK = threading.Lock()  # numba cannot compile two of one name at once


def compiled(function: Function) -> Function:
    """Compile a kernel: cached, releasing the GIL, with numpy's error model (1/0 is inf)."""
    return cast(Function, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def function_type(arguments: int) -> Any:
    """Type of a compiled function of `arguments` floats that gives a float."""
    return types.FunctionType(float64(*[float64] * arguments))


def compiled_formula(arguments: int) -> Callable[[Function], Function]:
    """Compile a formula of `arguments` floats so that a kernel can take it as an argument.

    A compiled function passed as an argument never hits numba's cache unless both have a declared
    signature; this declares it. Functions that a factory makes get names of their own, by what
    they enclose: numba's cache may give one of two that share a name for the other.
    """

    def decorate(function: Function) -> Function:
        if enclosed := getattr(function, "__closure__", None):
            values = repr([cell.cell_contents for cell in enclosed]).encode()
            mark = hashlib.sha256(values).hexdigest()[:12]
            function.__name__ = f"{function.__name__}_{mark}"
            function.__qualname__ = f"{function.__qualname__}_{mark}"
        key = (function.__module__, function.__qualname__)
        with _FORMULAS_LOCK:
            if enclosed is None or key not in _FORMULAS:
                _FORMULAS[key] = compiled_as(float64(*[float64] * arguments))(function)
            return cast(Function, _FORMULAS[key])

    return decorate


def compiled_as(signature: Any) -> Callable[[Function], Function]:
    """Compile a kernel with a declared signature (needed where a formula is an argument)."""

    def decorate(function: Function) -> Function:
        return cast(
            Function, numba.njit(signature, cache=True, nogil=True, error_model="numpy")(function)
        )

    return decorate
