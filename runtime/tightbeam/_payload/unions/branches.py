"""Load a union whose branches no type tells apart: a value loads as a class whose schema it fits.

Pydantic takes the branch that fits its model best. Where a value fits several, since a model holds less than
its schema does, the generator names the classes in question and the schemas that tell (`Bundle.branches`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel
from pydantic_core import SchemaValidator

from tightbeam._payload.core_schema import Node, build_validator, copy_node
from tightbeam._payload.dump import dump_of
from tightbeam._payload.schemas import Bundle
from tightbeam._payload.unions.narrowing import MESSAGES, narrowed

__all__ = ["branch_validator"]


def branch_validator(core: Node, schemas: Bundle) -> SchemaValidator | None:
    """Build a validator in which such classes refuse what doesn't fit their schemas.

    Args:
        core: the core schema of the topic's type.
        schemas: names the classes.

    Returns:
        The validator, or None where none of the classes is in the core schema.

    Raises:
        OutdatedBindings: a schema can't be compiled.
    """
    package = schemas.module.rpartition("._schemas.")[0]
    checked: dict[type[BaseModel], list[Callable[[object], bool]]] = {}

    def copy(node: Node) -> Node:
        copied = copy_node(node, copy)
        if node.get("type") != "model":
            return copied
        cls: type[BaseModel] = node["cls"]
        stated = schemas.branches.get(f"{cls.__module__}.{cls.__qualname__}".removeprefix(f"{package}."))
        if stated is None:
            return copied
        if cls not in checked:
            checked[cls] = [validator.is_valid for validator in schemas.branch_validators(stated)]
        function = {"type": "no-info", "function": _check(cls, checked[cls])}
        after = {"type": "function-after", "function": function, "schema": copied}
        return {**after, "ref": copied.pop("ref")} if "ref" in copied else after

    schema = copy(core)
    if not checked:
        return None
    return narrowed(schema, MESSAGES, checked) or build_validator(schema)


def _check(cls: type[BaseModel], tests: list[Callable[[object], bool]]) -> Callable[[Any], Any]:
    """Return a validator function that lets instances of a class pass that fit its schemas."""
    cls.model_rebuild()  # one that is only used inside others may not be built yet
    core: Any = cls.__pydantic_core_schema__
    dump = dump_of(cls.__pydantic_serializer__, core)

    def check(instance: Any) -> Any:
        # What was loaded, not what came: behind a function that takes JSON strict loading of dates fails.
        plain = dump(instance)
        if all(fits(plain) for fits in tests):
            return instance
        raise ValueError("fits another branch's schema")

    return check
