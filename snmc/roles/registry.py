"""Finds the plug-ins: physics models (Python files) and detectors (cards), by name.

Nothing in snmc imports a plug-in by name. A model is any class derived from `Generator` with a
`name`, in a module of the package `snmc.generators` or behind an entry point of the group
`snmc.generators` of another installed package; or in a file that is named by its path. A detector
is a TOML file in `snmc.detectors`.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeGuard

import snmc.detectors
import snmc.generators
from snmc.ground.errors import InputError, unknown_name
from snmc.roles.generator import Generator
from snmc.roles.model_file import is_model_file, load_model

if TYPE_CHECKING:
    from snmc.roles.detector import Detector

GROUP = "snmc.generators"


def generators() -> dict[str, type[Generator]]:
    """Every physics model that can be found, by name, in alphabetical order.

    Loads all plug-ins. Raises InputError if two models share a name, or if another package's
    plug-in cannot be imported.
    """
    found: dict[str, type[Generator]] = {}
    for model in _all_models():
        other = found.setdefault(model.name, model)
        if other is not model:
            raise InputError(
                f"generators: two models are named {model.name!r}: "
                f"{other.__module__}.{other.__qualname__} and "
                f"{model.__module__}.{model.__qualname__}; remove one"
            )
    return dict(sorted(found.items()))


def find_generator(name: str) -> type[Generator]:
    """Find the physics model of that name, or the one in a file, see `load_model`.

    Loads only the file that bears the name of the model, where there is one. Raises InputError
    with the nearest spelling for an unknown name.
    """
    if is_model_file(name):
        return load_model(name)
    file = name.replace("-", "_")
    if file in _shipped_files():
        for model in _models_in(_shipped(file)):
            if model.name == name:
                return model
    found = generators()
    if name not in found:
        raise unknown_name("generator.name", name, found)
    return found[name]


def detector_cards() -> dict[str, Path]:
    """List the cards of all shipped detectors, by name, in alphabetical order."""
    cards = (path for folder in snmc.detectors.__path__ for path in Path(folder).glob("*.toml"))
    return {card.stem: card for card in sorted(cards, key=lambda card: card.stem)}


def find_detector(name_or_path: str, base: Path) -> "Detector":
    """Load the detector of that name, or of the card at that path.

    `name_or_path`: a name of `detector_cards`, else the path of a card; `base`: the folder to
    which a relative path refers. Raises InputError, with the nearest spelling of a name, if there
    is neither, and for a card that is wrong.
    """
    from snmc.roles.detector import load_detector

    cards = detector_cards()
    if name_or_path in cards:
        return load_detector(cards[name_or_path])
    path = base / Path(name_or_path).expanduser()
    if path.exists():
        return load_detector(path)
    if is_path(name_or_path):
        raise InputError(f"detector: file {path} not found")
    raise unknown_name("detector", name_or_path, cards)


def is_path(text: str) -> bool:
    """Whether a name in a card is written as a path: with a slash, or starting at `~`."""
    return "/" in text or "\\" in text or text.startswith("~")


def _all_models() -> Iterator[type[Generator]]:
    for file in _shipped_files():
        yield from _models_in(_shipped(file))
    for entry in entry_points(group=GROUP):
        yield from _models_of_entry(entry)


def _shipped_files() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(snmc.generators.__path__)]


def _shipped(file: str) -> ModuleType:
    return importlib.import_module(f"{snmc.generators.__name__}.{file}")


def _models_in(module: ModuleType) -> Iterator[type[Generator]]:
    """Models defined in the module itself, not those it imports to derive from."""
    for _, member in inspect.getmembers(module, inspect.isclass):
        if _is_model(member) and member.__module__ == module.__name__:
            yield member


def _models_of_entry(entry: EntryPoint) -> Iterator[type[Generator]]:
    """Models behind an entry point, which names a module or a class."""
    try:
        target = entry.load()
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"generators: plug-in {entry.name!r} ({entry.value}) cannot be loaded: {error}"
        ) from error
    if isinstance(target, ModuleType):
        yield from _models_in(target)
    elif inspect.isclass(target) and _is_model(target):
        yield target
    else:
        raise InputError(
            f"generators: plug-in {entry.name!r} ({entry.value}) is {target!r}; "
            "needs a module or a class derived from snmc.roles.generator.Generator with a name"
        )


def _is_model(member: type) -> TypeGuard[type[Generator]]:
    return (
        issubclass(member, Generator) and not inspect.isabstract(member) and hasattr(member, "name")
    )
