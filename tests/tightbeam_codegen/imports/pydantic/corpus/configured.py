"""Models with aliases, serializers, computed fields, configs and words of their own."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    WithJsonSchema,
    WrapSerializer,
    computed_field,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.alias_generators import to_camel


class Aliased(BaseModel):
    order_id: int = Field(alias="orderId")
    kind: str = Field(alias="@type", default="x")
    class_: str = Field(alias="class")


class Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    order_id: int
    placed_at: datetime | None = None
    line_items: list[CamelLine] = []


class CamelLine(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True)

    item_name: str


class Choices(BaseModel):
    number: int = Field(validation_alias=AliasChoices("number", "no", "nr"), serialization_alias="no")
    read: str = Field(validation_alias=AliasChoices("read", "oldRead"))


class Named(BaseModel):
    model_config = ConfigDict(serialize_by_alias=False, validate_by_name=True)

    order_id: int = Field(alias="orderId")


class OnlyNames(BaseModel):
    model_config = ConfigDict(validate_by_alias=False, validate_by_name=True)

    order_id: int = Field(alias="orderId")


class Rectangle(BaseModel):
    width: int
    height: int

    @computed_field(description="Of the whole.")  # type: ignore[prop-decorator]
    @property
    def area(self) -> int:
        return self.width * self.height

    @computed_field(alias="asText")  # type: ignore[prop-decorator]
    @property
    def as_text(self) -> str:
        return f"{self.width}x{self.height}"


class FieldSerializers(BaseModel):
    at: datetime
    tags: set[str] = set()
    number: Annotated[int, PlainSerializer(str, return_type=str)]
    wrapped: Annotated[
        list[int], WrapSerializer(lambda value, handler: handler(value), return_type=list[int])
    ]
    maybe: int | None = None

    @field_serializer("at")
    def _at(self, at: datetime) -> float:
        return at.timestamp()

    @field_serializer("tags", when_used="json")
    def _tags(self, tags: set[str]) -> list[str]:
        return sorted(tags)

    @field_serializer("maybe", when_used="unless-none")
    def _maybe(self, maybe: int) -> str:
        return str(maybe)

    @field_validator("at", mode="before")
    @classmethod
    def _read_at(cls, at: Any) -> Any:
        return datetime.fromtimestamp(at) if isinstance(at, float | int) else at


class PlainDump(BaseModel):
    x: int
    y: int

    @model_serializer
    def _dump(self) -> list[int]:
        return [self.x, self.y]

    @model_validator(mode="before")
    @classmethod
    def _load(cls, value: Any) -> Any:
        return {"x": value[0], "y": value[1]} if isinstance(value, list) else value


class WrapDump(BaseModel):
    x: int

    @model_serializer(mode="wrap")
    def _dump(self, handler: SerializerFunctionWrapHandler) -> dict[str, int | str]:
        return {**handler(self), "version": "1"}


class Validators(BaseModel):
    lower: Annotated[str, BeforeValidator(str.strip), AfterValidator(str.lower)]
    plain: Annotated[int, PlainValidator(int)]


class Excluded(BaseModel):
    shown: int
    secret: str = Field(default="x", exclude=True)
    sometimes: int = Field(default=0, exclude_if=lambda value: value == 0)
    _private: int = PrivateAttr(default=1)


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")

    a: int


class OpenTyped(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int] = Field(init=False)

    a: int


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")

    a: int
    inner: Aliased | None = None


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)

    at: datetime
    tags: set[str] = set()
    pair: tuple[int, str] = (1, "a")


class Documented(BaseModel):
    """A model with words.

    In two paragraphs, with `code` and "quotes".
    """

    model_config = ConfigDict(
        title="The documented one",
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"first": 1, "second": "a", "third": "ok"}]},
    )

    first: int
    """The first one."""
    second: str = Field(title="Second", json_schema_extra={"x-unit": "metres"}, deprecated="Use first.")
    third: Annotated[object, WithJsonSchema({"type": "string", "minLength": 1})]


class Keywords(BaseModel):
    """Names that mean something in Python, or to Pydantic."""

    model_config = ConfigDict(protected_namespaces=())

    json_: int = Field(alias="json")
    model_name: str = "m"
    list_: list[int] = Field(default=[], alias="list")
    from_: str = Field(default="", alias="from")


EXAMPLES: list[Any] = [
    Aliased(orderId=1, **{"class": "x"}),
    Aliased(orderId=1, **{"class": "x", "@type": "y"}),
    Camel(order_id=1),
    Camel(order_id=1, placed_at=datetime(2026, 1, 1), line_items=[CamelLine(item_name="x")]),
    CamelLine(item_name="x"),
    Choices(number=1, read="x"),
    Named(order_id=1),
    OnlyNames(order_id=1),
    Rectangle(width=2, height=3),
    FieldSerializers(at=datetime(2026, 1, 1, 12), tags={"b", "a"}, number=3, wrapped=[1]),
    FieldSerializers(at=datetime(2026, 1, 1, 12), number=3, wrapped=[], maybe=4),
    PlainDump(x=1, y=2),
    WrapDump(x=1),
    Validators(lower=" AB ", plain=1),
    Excluded(shown=1),
    Excluded(shown=1, sometimes=2),
    Open(a=1),
    Open(a=1, b={"c": [1]}, A=2),
    OpenTyped(a=1, b=2),
    Closed(a=1),
    Closed(a=1, inner=Aliased(orderId=1, **{"class": "x"})),
    Strict(at=datetime(2026, 1, 1), tags={"a"}),
    Documented(first=1, second="b", third="c"),
    Keywords(json=1, list=[1], **{"from": "x"}),
]
