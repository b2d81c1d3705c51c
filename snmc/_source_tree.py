"""Find the plug-in folders when snmc runs from a bare checkout.

In a wheel and in an editable install setuptools maps the top-level folders `generators` and
`detectors` to `snmc.generators` and `snmc.detectors`. In a checkout that is only on the path they
lie beside `snmc`, and this module binds them to the same names.
"""

import importlib.util
import sys
from pathlib import Path


def bind_plugins() -> None:
    """Make `snmc.generators` and `snmc.detectors` importable from the folders beside `snmc`."""
    for name in ("generators", "detectors"):
        folder = Path(__file__).parent.parent / name
        full_name = f"snmc.{name}"
        if importlib.util.find_spec(full_name) is None and (folder / "__init__.py").exists():
            spec = importlib.util.spec_from_file_location(
                full_name, folder / "__init__.py", submodule_search_locations=[str(folder)]
            )
            if spec is not None and spec.loader is not None:
                module = importlib.util.module_from_spec(spec)
                sys.modules[full_name] = module
                setattr(sys.modules["snmc"], name, module)
                spec.loader.exec_module(module)
