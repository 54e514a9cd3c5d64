"""The last check: whatever the runtime builds from bindings is built once, by the same code.

A schema that the runtime can't use is so an error at its place when bindings are generated, and not an
`OutdatedBindings` at a publish.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial

import jsonschema_rs

from tightbeam._payload.schemas import Bundle
from tightbeam.errors import OutdatedBindings
from tightbeam_codegen.problems import Problems, quoted
from tightbeam_codegen.read.check import AnyDefinition, EventDefinition
from tightbeam_codegen.read.load import Pointer

__all__ = ["check_validators"]

_REMEDY = "Correct what it names. Bindings that can't check a payload aren't written."


def check_validators(definition: AnyDefinition, text: str, problems: Problems) -> None:
    """Build the validators of every payload, of the branches of unions, and of the parameters.

    Args:
        definition: the definition that the bundle is made of.
        text: the finished bundle.
        problems: takes what can't be built.
    """
    bundle = Bundle(definition.document.shown, json.loads(text))
    try:
        bundle.read()
    except OutdatedBindings as error:
        message = f"the schemas that this refers to can't be read: {_reason(error)}"
        problems.error(definition.document.place(()), message, _REMEDY)
        return
    for pointer, what, build in _steps(definition, bundle):
        try:
            build()
        except OutdatedBindings as error:
            message = f"the validator of {what} can't be built: {_reason(error)}"
            problems.error(definition.document.place(pointer), message, _REMEDY)


def _steps(definition: AnyDefinition, bundle: Bundle) -> Iterator[tuple[Pointer, str, Callable[[], object]]]:
    """Yield the place, the name and the building of everything that the runtime builds of a bundle.

    Args:
        definition: the definition that the bundle is made of.
        bundle: what the runtime reads.
    """
    kind = "event" if isinstance(definition, EventDefinition) else "topic"
    for payload in definition.payloads:
        topic = bundle.topics[payload.name]
        yield payload.pointer, f"{kind} {quoted(payload.name)}", partial(bundle.topic_validator, topic)
    for name, refs in bundle.branches.items():
        place = definition.payloads[0].pointer[:1]
        yield place, f"class {quoted(name)}", partial(bundle.branch_validators, refs)
    for name, schema in bundle.params.items():
        yield ("params", name), f"parameter {quoted(name)}", partial(bundle.param_validator, schema)


def _reason(error: OutdatedBindings) -> str:
    cause = error.__cause__
    if isinstance(cause, jsonschema_rs.ValidationError):
        return cause.message
    return str(cause).partition("\n")[0]
