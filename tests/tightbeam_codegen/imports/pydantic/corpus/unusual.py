"""Models that are met more rarely: nested tags, configs of parts, types that describe themselves."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from ipaddress import IPv4Address
from typing import Annotated, Any, Generic, Literal, NewType, Optional, Self, TypeVar

import pydantic
from pydantic import (
    MISSING,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    FutureDatetime,
    GetCoreSchemaHandler,
    NonNegativeFloat,
    OnErrorOmit,
    PositiveInt,
    RootModel,
    SerializeAsAny,
    Tag,
    WithJsonSchema,
    computed_field,
    conlist,
    field_serializer,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema
from typing_extensions import TypeAliasType, TypedDict

UserId = NewType("UserId", int)
N = TypeVar("N", bound=float)
JsonLike = TypeAliasType("JsonLike", "list[JsonLike] | dict[str, JsonLike] | str | int | None")


class Circle(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    shape_kind: Literal["circle"] = "circle"
    radius: float


class Square(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    shape_kind: Literal["square"] = "square"
    side: float


class Line(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    shape_kind: Literal["line"] = "line"


Closed = Annotated[Circle | Square, Field(discriminator="shape_kind")]


class Drawing(BaseModel):
    shape: Annotated[Closed | Line, Field(discriminator="shape_kind")]
    shapes: dict[str, Closed] = {}


class Event(RootModel[Annotated[Circle | Square, Field(discriminator="shape_kind")]]):
    """One of the events."""


class Size(enum.StrEnum):
    S = "s"
    L = "l"


class Small(BaseModel):
    size: Literal[Size.S]


class Large(BaseModel):
    size: Literal[Size.L]


class Sized(BaseModel):
    item: Small | Large = Field(discriminator="size")


class Tagged(BaseModel):
    value: Annotated[
        Annotated[int, Tag("int")] | Annotated[list[Tagged], Tag("list")],
        Discriminator(lambda value: "list" if isinstance(value, list) else "int"),
    ]


class Missing(BaseModel):
    a: int | MISSING = MISSING  # type: ignore[valid-type]
    b: str | MISSING | None = MISSING  # type: ignore[valid-type]


class Bounded(BaseModel, Generic[N]):
    value: N


class Floats(BaseModel):
    bounded: Bounded[float]
    count: PositiveInt
    share: NonNegativeFloat
    items: conlist(int, min_length=1, max_length=3)  # type: ignore[valid-type]
    later: FutureDatetime
    user: UserId
    kept: list[OnErrorOmit[int]] = []


class Linked(BaseModel):
    next: Optional[Self] = None  # noqa: UP045
    json_like: JsonLike = None


class Animal(BaseModel):
    name: str


class Bird(Animal):
    wings: int = 2


class Zoo(BaseModel):
    animals: list[SerializeAsAny[Animal]] = []


class Required(BaseModel):
    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    a: int = 1
    b: str | None = None


class Overridden(BaseModel):
    model_config = ConfigDict(json_schema_mode_override="validation")

    amount: Decimal
    at: datetime

    @computed_field  # type: ignore[prop-decorator]
    @property
    def doubled(self) -> Decimal:
        return 2 * self.amount


class AsNumber(BaseModel):
    address: IPv4Address
    anything: Any = Field(default=None, description="Whatever it is.")
    listed: list[Any] = Field(default=[], description="Of whatever.")

    @field_serializer("address")
    def _as_number(self, address: IPv4Address) -> int:
        return int(address)


class Celsius:
    """A type that says itself how Pydantic makes it."""

    def __init__(self, degrees: float) -> None:
        self.degrees = degrees

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Celsius) and other.degrees == self.degrees

    @classmethod
    def __get_pydantic_core_schema__(
        cls,
        source: Any,
        handler: GetCoreSchemaHandler,
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            cls,
            handler(float),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda value: value.degrees, return_schema=core_schema.float_schema()
            ),
        )


class Opaque:
    pass


class Custom(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    warmth: Celsius
    called: Annotated[Callable[[], int] | None, WithJsonSchema({"type": "null"})] = None


@pydantic.dataclasses.dataclass(config=ConfigDict(alias_generator=to_camel, serialize_by_alias=True))
class CamelData:
    long_name: int
    other_name: str = ""


class CamelKeys(TypedDict):
    __pydantic_config__ = ConfigDict(alias_generator=to_camel)  # type: ignore[misc]

    long_name: int


@dataclasses.dataclass(slots=True, kw_only=True)
class Slots:
    a: int
    b: datetime | None = None


class Parts(BaseModel):
    camel: CamelData
    keys: CamelKeys
    slots: Slots


class HexInner(BaseModel):
    model_config = ConfigDict(ser_json_bytes="hex", val_json_bytes="hex")

    data: bytes


class Outer(BaseModel):
    inner: HexInner
    data: bytes


class Wide(BaseModel):
    """Integers beyond 64 bits are integers."""

    value: int = Field(lt=10**30)


class Colour(enum.Enum):
    RED = "red"


class LooseDefaults(BaseModel):
    """Defaults that aren't of the fields' types, and are dumped as they stand."""

    amount: Decimal = 0  # type: ignore[assignment]
    is_paid: bool = 0  # type: ignore[assignment]
    colour: Colour = "red"  # type: ignore[assignment]
    tags: set[str] = []  # type: ignore[assignment]


EXAMPLES: list[Any] = [
    LooseDefaults(tags={"a"}, colour=Colour.RED),
    LooseDefaults(amount=Decimal("1.5"), is_paid=True, colour=Colour.RED, tags=set()),
    Drawing(shape=Line()),
    Drawing(shape=Circle(radius=1), shapes={"a": Square(side=2)}),
    Event(Circle(radius=1)),
    Sized(item=Small(size=Size.S)),
    Sized(item=Large(size=Size.L)),
    Tagged(value=[Tagged(value=1), Tagged(value=[])]),
    Missing(),
    Missing(a=1, b=None),
    Floats(
        bounded=Bounded[float](value=1.5),
        count=1,
        share=0,
        items=[1],
        later=datetime(9999, 1, 1),
        user=UserId(1),
    ),
    Linked(),
    Linked(next=Linked(next=Linked()), json_like={"a": [1, "x", None, {"b": []}]}),
    Zoo(animals=[Animal(name="x")]),
    Required(),
    Required(a=2, b="x"),
    Overridden(amount=Decimal("1.5"), at=datetime(2026, 1, 1)),
    AsNumber(address=IPv4Address("10.0.0.1"), anything={"a": 1}, listed=[1, "x"]),
    Custom(warmth=20.5),
    CamelData(longName=1),
    Parts(camel=CamelData(longName=1), keys={"longName": 2}, slots=Slots(a=1)),
    Outer(inner=HexInner(data=b"\xff"), data=b"x"),
    Wide(value=2**63 - 1),
    Wide(value=2**64 - 1),
]
