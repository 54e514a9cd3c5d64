"""Check channel parameters against their schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tightbeam._payload.schemas import bundle
from tightbeam.errors import InvalidParam

if TYPE_CHECKING:
    from tightbeam._channels.template import Template

__all__ = ["check_params"]


def check_params(module: str, template: Template, params: Mapping[str, object]) -> None:
    """Check the parameters of a channel, where their schemas say more than the template does.

    Args:
        module: absolute name of the generated module that holds the schemas.
        template: the channel's name template.
        params: the parameters, by wire name.

    Raises:
        InvalidParam: a value breaks its schema.
        OutdatedBindings: the generated package is incomplete.
    """
    schemas = bundle(module)
    for name, validator in schemas.param_validators(template.params).items():
        value = params[name]
        if isinstance(value, str):
            value = str.__str__(value)  # the validator takes no subclasses
        if not validator.is_valid(value):
            from tightbeam._payload.explain.walk import explain_param  # only on failure

            reasons = explain_param(schemas, name, value) or ["breaks its schema"]
            raise InvalidParam(f"parameter {name!r} of channel {template.text!r} {'; '.join(reasons)}")
