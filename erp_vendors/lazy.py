"""Packages whose modules are imported when something of them is first used.

A command that only shows its settings, or reads from one vendor, needs none of the other clients,
which take longer to import than all the rest of it.

For speed. Benchmark: `startup`. It may go when importing a client takes no more time than the rest.
"""

from __future__ import annotations

import importlib
import typing as t


def lazily(package: str, **modules: str) -> t.Callable[[str], t.Any]:
    """Make the `__getattr__` of a package.

    Args:
        package: The package.
        **modules: Module of the package by the name that it offers.
    """

    def get(name: str) -> t.Any:  # noqa: ANN401 - whatever the module has
        if name not in modules:
            msg = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(msg)
        return getattr(importlib.import_module(f"{package}.{modules[name]}"), name)

    return get
