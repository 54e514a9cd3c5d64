"""The base class of generated payload models."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from tightbeam._payload.building import build_schema, rebuild
from tightbeam._payload.exact import make_exact

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

__all__ = ["Payload"]


class Payload(BaseModel):
    """Base class of generated payload models.

    Frozen and strict: a value of the wrong type is refused, not converted. Fields go by their Python name or
    by the name on the wire. An optional field that is None is absent and isn't sent, unless the schema allows
    null there.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True,
        strict=True,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
        defer_build=True,
        protected_namespaces=(),
    )

    if not TYPE_CHECKING:  # checkers are to see a frozen model, and no more

        def __setattr__(self, name: str, value: object) -> None:
            """Refuse: Pydantic's own error shows the value, whatever the settings."""
            try:
                super().__setattr__(name, value)
            except ValidationError as error:
                refused = {"type": error.errors(include_input=False)[0]["type"], "loc": (name,)}
            else:
                return
            raise ValidationError.from_exception_data(type(self).__name__, [refused], hide_input=True)

        @classmethod
        def model_rebuild(cls, **options: Any) -> bool | None:
            """Build a class with the names of its own module: Pydantic prefers those of the caller.

            Callers have classes of the same names, where definitions were made of their models.
            """
            own = {"_types_namespace": {}, **options}
            return rebuild(cls, partial(super().model_rebuild, **own))

        def __tightbeam_extras__(self, _context: object) -> None:
            """Count an extra that is called like a field as itself alone: the field wasn't set."""
            for name in (self.__pydantic_extra__ or {}).keys() & type(self).model_fields.keys():
                if self.__dict__[name] is None:
                    self.__pydantic_fields_set__.discard(name)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Defer the class's own build, but not what others build around it: FastAPI's would warn."""
        super().__pydantic_init_subclass__(**kwargs)
        cls.model_config["defer_build"] = False

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler, /) -> CoreSchema:
        """Return Pydantic's own schema, with nulls and literals as JSON Schema has them."""
        return build_schema(cls, source, handler, lambda schema: make_exact(schema, handler, cls))

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler, /
    ) -> dict[str, Any]:
        """Return Pydantic's own JSON Schema, with bounds and optional properties as they are meant."""
        from tightbeam._payload.described import describe  # few programs ask for it

        schema = handler(core_schema)
        describe(handler.resolve_ref_schema(schema), cls.model_fields)
        return schema
