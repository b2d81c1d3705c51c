"""Models outside snmc: one that is a file, loaded by its path; and the sources that any is made of.

A file is loaded as the only module, with those that it imports from beside itself, of a package
named by a hash of what they hold. So files of one name in two folders, or before and after a
change, are different modules, also for a worker that lives long.
"""

import ast
import hashlib
import inspect
import os
import re
import sys
import sysconfig
import threading
import traceback
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.machinery import PathFinder, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from snmc.ground.errors import InputError, unknown_name
from snmc.ground.files import read_bytes
from snmc.roles.generator import Generator

_PACKAGE = "snmc_model_"
_NAME = re.compile(r"(?P<path>.*\.py)(:(?P<model>[^/\\]*))?", re.DOTALL)
_LOADING = threading.RLock()


def is_model_file(name: str) -> bool:
    """Whether the name of a model is a file: `my_model.py`, or `my_model.py:MyModel`."""
    return _NAME.fullmatch(name) is not None


def located_model(name: str, base: Path) -> str:
    """The same name with an absolute path; a relative one is one from the folder `base`."""
    path, model = _parts(name)
    absolute = os.path.abspath(base / os.path.expanduser(path))
    return absolute if model is None else f"{absolute}:{model}"


def model_label(name: str) -> str:
    """What a model is called where no label is given: its name, of a file the stem."""
    if not is_model_file(name):
        return name
    return re.sub(r"[^A-Za-z0-9_-]", "-", Path(_parts(name)[0]).stem)


def _parts(name: str) -> tuple[str, str | None]:
    found = _NAME.fullmatch(name)
    assert found is not None
    return found["path"], found["model"]


def load_model(name: str) -> type[Generator]:
    """The model in a file, which is executed; the file's name as for `is_model_file`.

    Raises InputError if there is no such file or model, if a name is needed because there are
    several, and for what executing the file raises, with its line.
    """
    text, wanted = _parts(name)
    path = Path(text).absolute()
    module = _loaded(path)
    models = {
        key: member
        for key, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, Generator) and member.__module__ == module.__name__
    }
    ready = [key for key, model in models.items() if not _lacks(model)]
    if wanted is not None and wanted not in models:
        raise unknown_name(f"generator.name: {path}: model", wanted, models)
    chosen = ready if wanted is None else [wanted]
    if len(chosen) > 1:
        raise InputError(
            f"generator.name: {path}: holds the models {', '.join(chosen)}; needs one of them, as "
            f"'{path.name}:{chosen[0]}'"
        )
    if not chosen or wanted not in (None, *ready):
        lacking = [f"{key} lacks {', '.join(_lacks(model))}" for key, model in models.items()]
        raise InputError(
            f"generator.name: {path}: holds no model: "
            + ("; ".join(lacking) or "needs a class derived from snmc.roles.generator.Generator")
        )
    return models[chosen[0]]


def _lacks(model: type[Generator]) -> list[str]:
    """What a class must have to be a model and has not."""
    declared = ("name", "title", "parameters", "references")
    missing = [name for name in declared if not hasattr(model, name)]
    return missing + sorted(getattr(model, "__abstractmethods__", ()))


def _loaded(path: Path) -> ModuleType:
    package = _PACKAGE + _hash_of(_reached([path]), str(path.parent))[:16]
    full_name = f"{package}.{path.stem}"
    with _LOADING:
        if full_name not in sys.modules:
            _load(path, package, full_name)
        return sys.modules[full_name]


def _load(path: Path, package: str, full_name: str) -> None:
    sys.modules[package] = ModuleType(package)
    sys.modules[package].__path__ = [str(path.parent)]
    spec = spec_from_file_location(full_name, path, loader=SourceFileLoader(full_name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[full_name] = module_from_spec(spec)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # told apart by the second only
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            del sys.modules[name]
        raise InputError(
            f"generator.name: {_where(error, path)}: cannot be loaded: "
            f"{type(error).__name__}: {_said(error, path)}"
        ) from error
    finally:
        sys.dont_write_bytecode = before


def _where(error: Exception, path: Path) -> str:
    """File and line of the user's at which an error arose."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return f"{error.filename}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(path.parent)]
    return f"{own[-1].filename}, line {own[-1].lineno}" if own else str(path)


def _said(error: Exception, path: Path) -> str:
    if isinstance(error, SyntaxError):
        return error.msg
    beside = str(getattr(error, "name", None)).partition(".")[0]
    if isinstance(error, ModuleNotFoundError) and (path.parent / f"{beside}.py").exists():
        return f"{error}; a file beside it is imported by: from .{beside} import ..."
    return str(error)


# --- sources -------------------------------------------------------------------------------------


def model_source(model: type[Generator]) -> str:
    """SHA-256 of the sources of a model that is not of snmc; empty for one that is.

    Of a file: those that it imports, and so on, but for what is installed. Of another package: all
    files of it, data too, and what they import so.
    """
    top, _, rest = model.__module__.partition(".")
    if top == "snmc":
        return ""
    if top.startswith(_PACKAGE):
        return _hash_of(_reached([Path(inspect.getfile(model))]), rest)
    return _package_source(top)


@cache  # of what is loaded, whatever becomes of the files
def _package_source(top: str) -> str:
    module = sys.modules.get(top)
    file = getattr(module, "__file__", None)  # None for a namespace, or what was typed in
    files = [Path(file)] if file else []
    for folder in getattr(module, "__path__", ()):
        every = Path(folder).rglob("*")
        files += [path for path in every if path.is_file() and path.suffix != ".pyc"]
    return _hash_of([*files, *_reached(path for path in files if path.suffix == ".py")], top)


def _hash_of(files: Iterable[Path], name: str) -> str:
    digest = hashlib.sha256(name.encode())
    for path in sorted(set(files)):
        content = hashlib.sha256(read_bytes(path, "a source of the model"))
        digest.update(path.name.encode() + b"\0" + content.digest())
    return digest.hexdigest()


def _reached(roots: Iterable[Path]) -> list[Path]:
    """Python files that can be reached from some by imports, these with them; not what is fixed."""
    reached: dict[Path, None] = {}
    left = list(roots)
    while left:
        path = left.pop()
        if path not in reached:
            reached[path] = None
            left += _imported(path)
    return list(reached)


def _imported(path: Path) -> Iterator[Path]:
    try:
        tree = ast.parse(read_bytes(path, "the model"))
    except (SyntaxError, ValueError):  # told when it is executed
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _absolute(alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            words = node.module.split(".") if node.module else []
            for alias in node.names:
                if not node.level:
                    yield from _absolute([*words, alias.name])
                elif node.level <= len(path.parents):
                    yield from _files(path.parents[node.level - 1], [*words, alias.name])


def _absolute(words: list[str]) -> Iterator[Path]:
    """Files that an absolute import loads, unless they are installed or of snmc."""
    if words[0] == "snmc" or words[0] in sys.stdlib_module_names:
        return
    for place in _places(words[0]):
        yield from _files(place, words)


@cache
def _places(top: str) -> list[Path]:
    """Folders in which a top-level module lies that is not installed for good."""
    spec = PathFinder.find_spec(top)
    if spec is None:
        return []
    found = [Path(place) for place in spec.submodule_search_locations or [spec.origin or ""]]
    fixed = [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")]
    return [
        place.parent
        for place in found
        if not {"site-packages", "dist-packages"} & set(place.parts)
        and not any(place.is_relative_to(one) for one in fixed)
    ]


def _files(folder: Path, words: list[str]) -> Iterator[Path]:
    """Files of a dotted name below a folder: its packages', and its own if it is a module."""
    for word in words:
        folder = folder / word
        for path in (folder.with_name(f"{word}.py"), folder / "__init__.py"):
            if path.is_file():
                yield path
