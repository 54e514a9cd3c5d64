"""Loading a union whose branches no type tells apart: a value is a class whose schema it fits.

Pydantic takes the branch that fits its model best. Where a value fits several, since a model holds less than
its schema does, the generator names the classes in question and the schemas that tell (`Bundle.branches`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel
from pydantic_core import SchemaValidator

from tightbeam._payload.compiled import dump_of
from tightbeam._payload.model import NOT_SCHEMA
from tightbeam._payload.narrowing import MESSAGES, narrowed
from tightbeam._payload.schemas import Bundle

__all__ = ["branch_validator"]


def branch_validator(core: object, schemas: Bundle) -> SchemaValidator | None:
    """A validator like the core schema's in which those classes refuse what doesn't fit their schemas.

    None where none of the classes is in the core schema.
    """
    package = schemas.module.rpartition("._schemas.")[0]
    checked: dict[type[BaseModel], list[Callable[[object], bool]]] = {}

    def copy(node: Any) -> Any:
        if isinstance(node, list):
            return [copy(item) for item in node]
        if isinstance(node, tuple):
            return tuple(copy(item) for item in node)
        if not isinstance(node, dict):
            return node
        made = {key: value if key in NOT_SCHEMA else copy(value) for key, value in node.items()}
        if node.get("type") != "model":
            return made
        cls: type[BaseModel] = node["cls"]
        stated = schemas.branches.get(f"{cls.__module__}.{cls.__qualname__}".removeprefix(f"{package}."))
        if stated is None:
            return made
        if cls not in checked:
            checked[cls] = [validator.is_valid for validator in schemas.branch_validators(stated)]
        function = {"type": "no-info", "function": _check(cls, checked[cls])}
        after = {"type": "function-after", "function": function, "schema": made}
        return {**after, "ref": made.pop("ref")} if "ref" in made else after

    schema = copy(core)
    if not checked:
        return None
    # Of nested models Pydantic would take the validators they have, in which nothing is checked.
    return narrowed(schema, MESSAGES, checked) or SchemaValidator(schema, _use_prebuilt=False)


def _check(cls: type[BaseModel], tests: list[Callable[[object], bool]]) -> Callable[[Any], Any]:
    """Lets instances of a class pass that fit the schemas."""
    cls.model_rebuild()  # one that is only used inside others may not be built yet
    dump = dump_of(cls.__pydantic_serializer__, cls.__pydantic_core_schema__)

    def check(instance: Any) -> Any:
        # What was loaded, not what came: behind a function that takes JSON strict loading of dates fails.
        plain = dump(instance)
        if all(fits(plain) for fits in tests):
            return instance
        raise ValueError("fits another branch's schema")

    return check
