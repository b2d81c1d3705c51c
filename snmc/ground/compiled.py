"""The decorators for compiled kernels, and what their cache goes by.

numba's own cache does not notice a change in a callee in another file, which would leave stale
physics behind, ends in a traceback where a file of it is damaged, and goes to `__pycache__` where
it cannot be written. So kernels have another one here, for every compiled function of the process:
an entry is found by a fingerprint of all that can enter the machine code, by value. What cannot be
told by its value is not kept.
"""

import dis
import hashlib
import itertools
import pickle
import re
import sys
import threading
import types as python
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import version
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba import types
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.dispatcher import Dispatcher
from numba.core.serialize import dumps

from snmc.ground.cache import cache_folders, keep, load

Function = TypeVar("Function", bound=Callable[..., Any])

float64, boolean = types.float64, types.boolean
void, vector = types.void, types.float64[::1]

cache_folders()  # an error of theirs comes before anything is compiled


# --- fingerprints --------------------------------------------------------------------------------

_FIXED = {"builtins", "cmath", "math", "numba", "numpy", "operator"}  # fixed by their versions
_NAMED = (type, python.BuiltinFunctionType, python.FunctionType, np.ufunc, type(np.sum))
_ATTRIBUTE = re.compile("ATTR|METHOD")  # in the names of instructions whose name is no global
_SCALARS = (bool, int, float, complex, str, bytes, np.generic, type(None), type(Ellipsis))
_PLAIN_TYPES = (
    types.Number, types.Boolean, types.NoneType, types.Omitted, types.Array, types.UnicodeType,
    types.NumPyRandomGeneratorType,
)  # fmt: skip


class _UnknownError(Exception):
    """A value that may enter a kernel and that cannot be described."""


def fingerprint(*values: object) -> str | None:
    """SHA-256 of values, compiled functions with all that enters them; None if one is unknown.

    Of a compiled function: its code, options, defaults and what it encloses, and every global that
    its code names, wherever that was made or read: numbers, arrays, other functions in turn.
    Numbers, texts, tuples and types of numba are what else is known.
    """
    try:
        described = _described(values, {})
    except _UnknownError:
        return None
    return hashlib.sha256(repr(described).encode()).hexdigest()


def _described(value: Any, seen: dict[object, int]) -> tuple[Any, ...]:
    """Nested tuples of texts and numbers that differ where the value does.

    `seen`: functions met so far, by their identity, and modules with the names sought in them.
    """
    if isinstance(value, _SCALARS):
        return type(value).__name__, repr(value)
    if isinstance(value, tuple | list):
        kind = _described(type(value), seen) if hasattr(value, "_fields") else type(value).__name__
        return kind, *(_described(one, seen) for one in value)
    if isinstance(value, frozenset):
        return "frozenset", *sorted(repr(_described(one, seen)) for one in value)
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        layout = value.flags.c_contiguous, value.flags.f_contiguous, value.flags.writeable
        content = hashlib.sha256(value.tobytes()).hexdigest()
        return "array", repr(value.dtype), value.shape, *layout, content
    if isinstance(value, python.CellType):
        try:
            return "enclosed", _described(value.cell_contents, seen)
        except ValueError as error:  # nothing in it yet
            raise _UnknownError from error
    if isinstance(value, python.CodeType):
        return _described_code(value, seen)
    if isinstance(value, Dispatcher):
        if id(value) in seen:
            return "again", seen[id(value)]
        seen[id(value)] = len(seen)
        options = _by_text({**value.targetoptions, **value.locals})
        return "compiled", options, _described_function(value.py_func, seen)
    if isinstance(value, types.Type):
        return _described_type(value, seen)
    if isinstance(value, type) and issubclass(value, tuple) and hasattr(value, "_fields"):
        return "named tuple", value.__module__, value.__qualname__, value._fields
    if isinstance(value, _NAMED) and str(value.__module__).partition(".")[0] in _FIXED:
        return "named", value.__module__, value.__name__
    raise _UnknownError


def _described_code(code: python.CodeType, seen: dict[object, int]) -> tuple[Any, ...]:
    return (
        code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars,
        code.co_flags, code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount,
        code.co_exceptiontable, _described(code.co_consts, seen),
    )  # fmt: skip


def _described_function(function: python.FunctionType, seen: dict[object, int]) -> tuple[Any, ...]:
    names, sought = _names(function.__code__)
    reached = {one: function.__globals__[one] for one in sought if one in function.__globals__}
    return (
        function.__module__, function.__qualname__,  # of which numba makes names for the linker
        _described_code(function.__code__, seen),
        _described(function.__defaults__, seen),
        _described(tuple((function.__kwdefaults__ or {}).items()), seen),
        _described(function.__closure__ or (), seen),
        *((name, _described_global(value, names, seen)) for name, value in reached.items()),
    )  # fmt: skip


@cache
def _names(code: python.CodeType) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """All names in a code and in those of functions inside it; and those of globals among them."""
    inside = [_names(one) for one in code.co_consts if isinstance(one, python.CodeType)]
    globals_ = {
        one.argval
        for one in dis.get_instructions(code)
        if one.opcode in dis.hasname and not _ATTRIBUTE.search(one.opname)
    }.union(*(one[1] for one in inside))
    every = set(code.co_names).union(*(one[0] for one in inside))
    return tuple(sorted(every)), tuple(sorted(globals_))


def _described_global(
    value: Any, names: tuple[str, ...], seen: dict[object, int]
) -> tuple[Any, ...]:
    """Describe a global; of a module all attributes that bear one of the names."""
    if not isinstance(value, python.ModuleType):
        return _described(value, seen)
    if value.__name__.partition(".")[0] in _FIXED:
        return "module", value.__name__
    if (id(value), names) in seen:
        return "again", seen[id(value), names]
    seen[id(value), names] = len(seen)
    reached = {name: getattr(value, name) for name in names if hasattr(value, name)}
    return "module", *((name, _described_global(one, names, seen)) for name, one in reached.items())


def _described_type(value: Any, seen: dict[object, int]) -> tuple[Any, ...]:
    if isinstance(value, _PLAIN_TYPES):
        return "type", str(value)
    if isinstance(value, types.BaseTuple):
        named = isinstance(value, types.BaseNamedTuple)
        kind = _described(value.instance_class, seen) if named else "tuple"
        return "type", kind, *(_described_type(one, seen) for one in value)
    if isinstance(value, types.FunctionType):
        signature = value.signature
        return "function", *(
            _described_type(one, seen) for one in (signature.return_type, *signature.args)
        )
    raise _UnknownError


def _by_text(options: Mapping[str, Any]) -> str:
    text = repr(sorted(options.items()))
    if " at 0x" in text:
        raise _UnknownError
    return text


# --- the cache of kernels ------------------------------------------------------------------------


class _KernelCache(_Cache):  # type: ignore[misc]  # numba has no types
    """Cache of one compiled function, as numba's dispatcher uses it."""

    def __init__(self, dispatcher: Any) -> None:
        self._dispatcher = dispatcher
        self.enable()

    @property
    def cache_path(self) -> str:
        return str(cache_folders()["kernels"])

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False

    def flush(self) -> None:
        """Leave the entries: none is ever wrong."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Compiled code for that signature, None if there is none that can be read."""
        target_context.refresh()
        key = self._key(sig, target_context.codegen())
        content = key and load("kernels", key)
        if not content:
            return None
        try:
            return CompileResult._rebuild(target_context, *pickle.loads(content))
        except Exception:  # whatever another version, or a module that is gone, may raise
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep compiled code, unless it holds what only this process has."""
        if data.library.has_dynamic_globals or not all(one.can_cache for one in data.lifted):
            return
        if key := self._key(sig, data.codegen):
            keep("kernels", key, dumps(data._reduce()))

    def _key(self, sig: Any, codegen: Any) -> str | None:
        if not self._enabled:
            return None
        arguments, returned = numba.core.sigutils.normalize_signature(sig)
        machine = repr(codegen.magic_tuple())
        return fingerprint(_versions(), machine, tuple(arguments), returned, self._dispatcher)


@cache
def _versions() -> tuple[str, ...]:
    return (
        numba.__version__, version("llvmlite"), np.__version__, str(sys.implementation.cache_tag),
        str(sys.implementation.version),
    )  # fmt: skip


def _enable_caching(dispatcher: Any) -> None:
    dispatcher._cache = _KernelCache(dispatcher)


# Whoever writes `numba.njit(cache=True)`, in a plug-in for one, gets this cache too: the stale code
# of a callee would go into its callers.
cast(Any, Dispatcher).enable_caching = _enable_caching


# --- decorators ----------------------------------------------------------------------------------

# What factories made, by module and name: models make the same ones again and again, on any thread.
_FORMULAS: dict[tuple[str, str], Any] = {}
_FORMULAS_LOCK = threading.Lock()  # numba cannot compile two of one name at once
_UNKNOWN = itertools.count()


def compiled(function: Function) -> Function:
    """Compile a kernel: cached, releasing the GIL, with numpy's error model (1/0 is inf)."""
    _name_by_enclosed(function)
    return cast(Function, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def function_type(arguments: int) -> Any:
    """Type of a compiled function of `arguments` floats that gives a float."""
    return types.FunctionType(float64(*[float64] * arguments))


def compiled_formula(arguments: int) -> Callable[[Function], Function]:
    """Compile a formula of `arguments` floats so that a kernel can take it as an argument.

    A compiled function passed as an argument never hits the cache unless both have a declared
    signature; this declares it. A factory that makes the same formula again gets the one it made.
    """

    def decorate(function: Function) -> Function:
        _name_by_enclosed(function)
        key = (function.__module__, function.__qualname__)
        with _FORMULAS_LOCK:
            if function.__closure__ is None or key not in _FORMULAS:
                _FORMULAS[key] = compiled_as(float64(*[float64] * arguments))(function)
            return cast(Function, _FORMULAS[key])

    return decorate


def compiled_as(signature: Any) -> Callable[[Function], Function]:
    """Compile a kernel with a declared signature (needed where a formula is an argument)."""

    def decorate(function: Function) -> Function:
        _name_by_enclosed(function)
        return cast(
            Function, numba.njit(signature, cache=True, nogil=True, error_model="numpy")(function)
        )

    return decorate


def _name_by_enclosed(function: Any) -> None:
    """Give functions that a factory makes names of their own, by what they enclose.

    The names for the linker are made of module and name: of two that share them, compiled by two
    processes, one may be called for the other.
    """
    mark = "_enclosing_"
    if function.__closure__ is None or mark in function.__name__:
        return
    enclosed = fingerprint(*function.__closure__)
    mark += enclosed[:16] if enclosed else str(next(_UNKNOWN))
    function.__name__ += mark
    function.__qualname__ += mark
