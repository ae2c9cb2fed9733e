"""Models that are ready to read a file with.

Rules. A model is built whole, with all that it holds, when the first file is read with it: once a
process, and none that no file needs. No plugin that is installed for pydantic takes part, since
what a spec means is the same wherever it is read. Pure.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TypeVar

from amphost.spec.value_types import Model

__all__ = ["built"]

M = TypeVar("M", bound=Model)
_PLUGINS = "pydantic.plugin._loader"


def built(model: type[M]) -> type[M]:
    """Return the model, ready; synchronization: one thread."""
    with _without_plugins():
        model.model_rebuild()
    return model


@contextmanager
def _without_plugins() -> Iterator[None]:
    """Stand in for pydantic's search for plugins, which PYDANTIC_DISABLE_PLUGINS ends too late.

    It has then imported importlib.metadata with email and zipfile: 20 ms. A pydantic that has no
    such module any more never asks the stand-in.
    """
    before = sys.modules.get(_PLUGINS)
    nothing = ModuleType(_PLUGINS)
    nothing.get_plugins = tuple  # type: ignore[attr-defined]
    sys.modules[_PLUGINS] = nothing
    try:
        yield
    finally:
        if before is None:
            del sys.modules[_PLUGINS]
        else:
            sys.modules[_PLUGINS] = before
