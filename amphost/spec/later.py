"""A part of a file whose models are imported when a file has that part.

Rules. A start pays for each class that it imports. What most files do without stands in a module of
its own, named here by its path, and is read by the same rules, with the same messages, once a value
is there. Pure.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

from amphost.spec.building import built
from amphost.spec.value_types import Model

__all__ = ["Later"]


class Later:
    """Stands in an annotation for the model `name` of `module`.

    Synchronization: none required, immutable.
    """

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._name = name

    def _model(self) -> type[Model]:
        model: type[Model] = getattr(import_module(self._module), self._name)
        return built(model)

    def _read(self, value: object) -> Model:
        return self._model().model_validate(value)

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Read the value by the model, whose errors stand at their places in the whole."""
        return core_schema.no_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return the model's own schema."""
        return handler(self._model().__pydantic_core_schema__)
