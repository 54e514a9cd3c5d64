"""Models made of others: optional fields, collections, unions, recursion, generics, inheritance."""

from __future__ import annotations

import dataclasses
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import (  # noqa: UP035
    Annotated,
    Any,
    DefaultDict,
    Deque,
    Generic,
    Literal,
    NamedTuple,
    NotRequired,
    TypeVar,
    Union,
)
from uuid import UUID

import pydantic
from pydantic import BaseModel, ConfigDict, Discriminator, Field, RootModel, Tag
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import TypedDict

from tests.tightbeam_codegen.imports.pydantic.corpus import elsewhere
from tests.tightbeam_codegen.imports.pydantic.corpus.scalars import Colour, Level

T = TypeVar("T")
K = TypeVar("K")


class Optionals(BaseModel):
    required: str | None
    nullable: int | None = None
    default: int = 1
    nullable_default: str | None = "x"
    factory: list[int] = Field(default_factory=list)
    several: dict[str, int] = Field(default_factory=lambda: {"a": 1})
    hidden: int | SkipJsonSchema[None] = None  # type: ignore[assignment]
    moment: datetime | None = None


class Point(BaseModel):
    """A place on the map."""

    x: float
    y: float = Field(description="Upwards.", examples=[1.5])


class Nested(BaseModel):
    point: Point
    maybe: Point | None = None
    more: list[Point] = []
    by_name: dict[str, Point] = {}
    default: Point = Point(x=1, y=2)


class Tree(BaseModel):
    value: int
    children: list[Tree] = []


class Even(BaseModel):
    odd: Odd | None = None


class Odd(BaseModel):
    even: Even | None = None


class Box(BaseModel, Generic[T]):
    item: T


class Pair(BaseModel, Generic[K, T]):
    key: K
    box: Box[T]


IntBox = Box[int]
PointPair = Pair[str, Point]


class Holder(BaseModel):
    box: Box[Point]
    boxes: list[Box[int]]


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int


class Dog(BaseModel):
    kind: Literal["dog", "puppy"]
    tricks: list[str] = []


class Fish(BaseModel):
    kind: Literal[Level.LOW]
    depth: float


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


class Pets(BaseModel):
    pet: Pet
    any_pet: Annotated[Cat | Dog | Fish, Field(discriminator="kind")]
    pets: list[Pet] = []


def shape_tag(value: Any) -> str:
    sides = value.get("sides") if isinstance(value, dict) else getattr(value, "sides", None)
    return "round" if sides is None else "edged"


class Round(BaseModel):
    radius: float = 1


class Edged(BaseModel):
    sides: int
    radius: float = 1


class Shapes(BaseModel):
    shape: Annotated[
        Annotated[Round, Tag("round")] | Annotated[Edged, Tag("edged")], Discriminator(shape_tag)
    ]


class Smart(BaseModel):
    value: int | str | bool | None
    number: int | float
    when: date | int
    model: Point | Round
    many: list[int] | dict[str, int]


class LeftToRight(BaseModel):
    value: Annotated[Union[int, str], Field(union_mode="left_to_right")]  # noqa: UP007


class Where(NamedTuple):
    line: int
    column: int = 1


class Arrays(BaseModel):
    numbers: list[int] = Field(min_length=1, max_length=5)
    pair: tuple[int, str]
    many: tuple[float, ...] = ()
    empty: tuple[()] = ()
    where: Where = Where(1)
    words: set[str] = set()
    frozen: frozenset[int] = frozenset()
    queue: Deque[int] = deque()  # noqa: UP006
    sequence: Sequence[Point] = []
    deep: list[list[dict[str, set[int]]]] = []
    colours: set[Colour] = set()


class Mappings(BaseModel):
    plain: dict[str, Any] = {}
    by_int: dict[int, str] = {}
    by_bool: dict[bool, int] = {}
    by_float: dict[float, int] = {}
    by_enum: dict[Colour, int] = {}
    by_level: dict[Level, int] = {}
    by_literal: dict[Literal["a", "b"], int] = {}
    by_date: dict[date, int] = {}
    by_moment: dict[datetime, int] = {}
    by_uuid: dict[UUID, int] = {}
    by_pattern: dict[Annotated[str, Field(pattern=r"^\w+$", min_length=2)], int] = {}
    mapping: Mapping[str, Point] = {}
    ordered: OrderedDict[str, int] = OrderedDict()
    grouped: DefaultDict[str, list[int]] = defaultdict(list)  # noqa: UP006
    counted: Counter[str] = Counter()
    bounded: dict[str, int] = Field(default={}, max_length=3)


class Named(TypedDict):
    name: str
    age: NotRequired[int]


class Partial(TypedDict, total=False):
    a: int
    b: Named


@dataclasses.dataclass
class Standard:
    a: int
    b: list[Point] = dataclasses.field(default_factory=list)


@pydantic.dataclasses.dataclass
class Checked:
    """A dataclass that Pydantic checks."""

    a: int = Field(ge=0)
    b: str = "x"
    start: dataclasses.InitVar[int] = 0


class Kinds(BaseModel):
    named: Named
    partial: Partial = {}
    standard: Standard
    checked: Checked


class Names(RootModel[list[str]]):
    """Names, in order."""


class Table(RootModel[dict[str, Point]]):
    pass


class Roots(BaseModel):
    names: Names
    table: Table


class Base(BaseModel):
    id: int


class Stamped(Base):
    """Inherits its identity."""

    at: datetime


class Frozen(Stamped):
    model_config = ConfigDict(frozen=True)

    note: str = ""


class SameNames(BaseModel):
    mine: Point
    other: elsewhere.Point


EXAMPLES: list[Any] = [
    Optionals(required=None),
    Optionals(required="x", nullable=1, default=2, nullable_default=None, factory=[1], hidden=None),
    Optionals(required="x", nullable=None, hidden=3, several={}, moment=datetime(2026, 1, 1)),
    Point(x=1, y=-0.5),
    Nested(point=Point(x=1, y=2)),
    Nested(
        point=Point(x=1, y=2), maybe=Point(x=0, y=0), more=[Point(x=1, y=1)], by_name={"é": Point(x=1, y=1)}
    ),
    Tree(value=1),
    Tree(value=1, children=[Tree(value=2, children=[Tree(value=3)]), Tree(value=4)]),
    Even(odd=Odd(even=Even(odd=None))),
    IntBox(item=1),
    PointPair(key="a", box=Box[Point](item=Point(x=1, y=2))),
    Holder(box=Box[Point](item=Point(x=1, y=2)), boxes=[IntBox(item=1)]),
    Pets(pet=Cat(lives=7), any_pet=Fish(kind=Level.LOW, depth=2), pets=[Dog(kind="puppy"), Cat(lives=9)]),
    Pets(pet=Dog(kind="dog", tricks=["sit"]), any_pet=Dog(kind="dog")),
    Shapes(shape=Round(radius=2)),
    Shapes(shape=Edged(sides=3)),
    *(
        Smart(value=value, number=number, when=when, model=model, many=many)
        for value, number, when, model, many in (
            (1, 1, date(2026, 1, 1), Point(x=1, y=2), [1]),
            ("1", 1.5, 5, Round(radius=3), {"a": 1}),
            (True, 2.0, 0, Point(x=1, y=2), []),
            (None, -1, date(2026, 1, 1), Round(), {}),
        )
    ),
    LeftToRight(value=1),
    LeftToRight(value="x"),
    Arrays(numbers=[1], pair=(1, "a")),
    Arrays(
        numbers=[1, 2],
        pair=(0, ""),
        many=(1, 2.5),
        where=Where(3, 4),
        words={"b", "a"},
        frozen=frozenset({3, 1}),
        queue=deque([1, 2]),
        sequence=[Point(x=1, y=2)],
        deep=[[{"a": {1, 2}}], []],
        colours={Colour.RED, Colour.GREEN},
    ),
    Mappings(),
    Mappings(
        plain={"a": {"b": [1]}},
        by_int={1: "a", -2: "b"},
        by_bool={True: 1},
        by_float={1.5: 1, 2.0: 2},
        by_enum={Colour.RED: 1},
        by_level={Level.HIGH: 1},
        by_literal={"a": 1},
        by_date={date(2026, 1, 1): 1},
        by_moment={datetime(2026, 1, 1): 1},
        by_uuid={UUID(int=1): 1},
        by_pattern={"äb": 1},
        mapping={"p": Point(x=1, y=2)},
        ordered=OrderedDict(b=1, a=2),
        grouped=defaultdict(list, a=[1]),
        counted=Counter("aab"),
        bounded={"a": 1},
    ),
    Kinds(named={"name": "x"}, standard=Standard(1), checked=Checked(1)),
    Kinds(
        named={"name": "x", "age": 3},
        partial={"a": 1, "b": {"name": "y"}},
        standard=Standard(1, [Point(x=1, y=2)]),
        checked=Checked(1, "y"),
    ),
    Checked(a=3),
    Names(["b", "a"]),
    Table({"a": Point(x=1, y=2)}),
    Roots(names=Names([]), table=Table({})),
    Stamped(id=1, at=datetime(2026, 1, 1)),
    Frozen(id=1, at=datetime(2026, 1, 1), note="x"),
    SameNames(mine=Point(x=1, y=2), other=elsewhere.Point(label="x")),
]
