"""Models of single values: text, numbers, times, bytes, enums, addresses."""

from __future__ import annotations

import enum
import fractions
import ipaddress
import re
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    UUID4,
    AnyHttpUrl,
    AnyUrl,
    AwareDatetime,
    Base64Bytes,
    Base64UrlStr,
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    FileUrl,
    HttpUrl,
    ImportString,
    IPvAnyAddress,
    IPvAnyNetwork,
    JsonValue,
    NaiveDatetime,
    PastDate,
    PostgresDsn,
    RedisDsn,
    StrictInt,
    StringConstraints,
    WebsocketUrl,
    conint,
)

EAST = timezone(timedelta(hours=5, minutes=30))
MOMENTS = [
    datetime(2026, 1, 2, 3, 4, 5),
    datetime(2026, 1, 2, 3, 4, 5, 120000),
    datetime(2026, 1, 2, tzinfo=UTC),
    datetime(2026, 1, 2, 3, 4, 5, 1, tzinfo=EAST),
    datetime(2026, 7, 1, tzinfo=ZoneInfo("America/St_Johns")),
    datetime(1, 1, 1),
    datetime.max,
]
DURATIONS = [
    timedelta(0),
    timedelta(days=1, seconds=2, microseconds=3),
    timedelta(days=-1, microseconds=1),
    timedelta(days=400),
    timedelta(weeks=3),
    timedelta.max,
    timedelta.min,
]


class Plain(BaseModel):
    text: str
    whole: int
    real: float
    flag: bool
    nothing: None
    anything: Any
    json_value: JsonValue


class Moments(BaseModel):
    at: datetime
    day: date
    clock: time
    lasted: timedelta
    past: PastDate = date(2020, 1, 1)


class Aware(BaseModel):
    at: AwareDatetime
    maybe: AwareDatetime | None = None


class Naive(BaseModel):
    at: NaiveDatetime


class InSeconds(BaseModel):
    model_config = ConfigDict(ser_json_temporal="seconds", val_temporal_unit="seconds")

    at: AwareDatetime
    day: date
    lasted: timedelta


class Milliseconds(BaseModel):
    model_config = ConfigDict(ser_json_temporal="milliseconds", val_temporal_unit="milliseconds")

    at: AwareDatetime
    day: date


class FloatDuration(BaseModel):
    model_config = ConfigDict(ser_json_timedelta="float")

    lasted: timedelta


class Money(BaseModel):
    amount: Decimal
    bounded: Decimal = Field(default=Decimal("1.50"), ge=0, max_digits=8, decimal_places=3)
    odd: Annotated[Decimal, Field(allow_inf_nan=True)] = Decimal("-Infinity")


class Numbers(BaseModel):
    positive: int = Field(gt=0)
    even: conint(multiple_of=2, le=10**6)  # type: ignore[valid-type]
    share: float = Field(ge=0, le=1)
    tenths: float = Field(multiple_of=0.1)
    strict: StrictInt = 1
    size: ByteSize = ByteSize(1024)
    third: fractions.Fraction = fractions.Fraction(1, 3)
    wave: complex = 1 + 2j


class InfiniteText(BaseModel):
    model_config = ConfigDict(ser_json_inf_nan="strings")

    value: float
    maybe: float | None = None
    finite: float = Field(default=1.0, allow_inf_nan=False)


class Utf8(BaseModel):
    data: bytes
    short: bytes = Field(default=b"ab", min_length=2, max_length=4)


class Base64(BaseModel):
    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    data: bytes
    short: bytes = Field(default=b"ab", min_length=2, max_length=4)
    standard: Base64Bytes = b"YWI="
    text: Base64UrlStr = "YWI="


class Hex(BaseModel):
    model_config = ConfigDict(ser_json_bytes="hex", val_json_bytes="hex")

    data: bytes
    short: bytes = Field(default=b"ab", min_length=2, max_length=4)


class Identities(BaseModel):
    any_uuid: uuid.UUID
    fourth: UUID4
    v4: ipaddress.IPv4Address
    v6: ipaddress.IPv6Address
    interface: ipaddress.IPv4Interface
    network: ipaddress.IPv6Network
    either: IPvAnyAddress
    any_network: IPvAnyNetwork


class Paths(BaseModel):
    path: Path
    pure: PurePosixPath
    expression: re.Pattern[str]
    zone: ZoneInfo
    function: ImportString[Any] = Field(default="math.cos", validate_default=True)


class Urls(BaseModel):
    any_url: AnyUrl
    page: HttpUrl
    http: AnyHttpUrl
    file: FileUrl
    socket: WebsocketUrl
    database: PostgresDsn
    cache: RedisDsn


class Text(BaseModel):
    model_config = ConfigDict(str_max_length=20)

    code: str = Field(pattern=r"^[A-Z]{2}-\d+$")
    word: str = Field(pattern=r"^\w+$")
    spaced: str = Field(pattern=r"^\S+\s\S+$")
    any_case: str = Field(pattern="(?i)^abc$")
    short: Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=5)]
    ended: str = Field(pattern=r"\Aa\z")
    escaped: str = Field(pattern=r"^\-\@\_$")


class PythonPattern(BaseModel):
    model_config = ConfigDict(regex_engine="python-re")

    ahead: str = Field(pattern=r"^a(?=b)")
    line: str = Field(pattern=r"^[a-z]+$")
    compiled: str = Field(pattern=re.compile(r"^\w+$", re.IGNORECASE))
    named: str = Field(pattern=r"^(?P<quote>['\"]).*(?P=quote)$")


class Colour(enum.Enum):
    """What it looks like."""

    RED = "red"
    GREEN = "green"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Size(enum.StrEnum):
    SMALL = enum.auto()
    LARGE = enum.auto()


class Mixed(enum.Enum):
    TEXT = "text"
    NUMBER = 2.5


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Bits(enum.IntFlag):
    A = 1
    B = 2


class Choices(BaseModel):
    colour: Colour
    level: Level
    size: Size = Size.SMALL
    mixed: Mixed
    rights: Rights
    bits: Bits
    literal: Literal["a", 1, True, None]
    one: Literal["only"] = "only"
    member: Literal[Size.SMALL] = Size.SMALL


class EnumValues(BaseModel):
    model_config = ConfigDict(use_enum_values=True)

    colour: Colour = Field(default=Colour.RED, validate_default=True)


def identities(number: int) -> Identities:
    return Identities(
        any_uuid=uuid.UUID(int=number),
        fourth=uuid.uuid4(),
        v4=ipaddress.IPv4Address(number),
        v6=ipaddress.IPv6Address("fe80::1%eth0" if number % 2 else number),
        interface=ipaddress.IPv4Interface("10.0.0.1/8"),
        network=ipaddress.IPv6Network("2001:db8::/32"),
        either=ipaddress.IPv6Address(number),
        any_network=ipaddress.IPv4Network("10.0.0.0/8"),
    )


EXAMPLES: list[BaseModel] = [
    *(
        Plain(text=text, whole=7, real=1.5, flag=True, nothing=None, anything=anything, json_value=anything)
        for text, anything in (("", None), ("é\u2028", {"a": [1, "x", None]}), ("\x00", 1.5), ("x", []))
    ),
    Plain(text="x", whole=2**63 - 1, real=1e300, flag=False, nothing=None, anything="", json_value=True),
    *(
        Moments(at=at, day=at.date(), clock=at.timetz(), lasted=lasted)
        for at in MOMENTS
        for lasted in DURATIONS
    ),
    Moments(at=MOMENTS[2], day=date(1999, 12, 31), clock=time(23, 59, 59, 999999), lasted=DURATIONS[1]),
    Moments(at=MOMENTS[2], day=date(1999, 12, 31), clock=time(1, 2, tzinfo=EAST), lasted=DURATIONS[1]),
    *(Aware(at=at) for at in MOMENTS if at.tzinfo),
    Aware(at=MOMENTS[2], maybe=MOMENTS[3]),
    *(Naive(at=at) for at in MOMENTS if at.tzinfo is None),
    *(InSeconds(at=at, day=at.date(), lasted=timedelta(days=2, seconds=1)) for at in MOMENTS if at.tzinfo),
    *(Milliseconds(at=at, day=at.date()) for at in MOMENTS if at.tzinfo),
    Milliseconds(at=datetime(1970, 1, 2, tzinfo=UTC), day=date(1970, 1, 2)),
    *(FloatDuration(lasted=lasted) for lasted in DURATIONS[:5]),
    *(
        Money(amount=Decimal(text))
        for text in ("0", "1.50", "-0", "1E+3", "0E-10", "1e-30", "-123456789012345678901234567890.5")
    ),
    *(Money(amount=Decimal(1), odd=Decimal(text)) for text in ("Infinity", "-Infinity", "2")),
    Numbers(positive=1, even=4, share=0.5, tenths=0.30000000000000004),
    Numbers(positive=10**12, even=0, share=1, tenths=1e10, strict=-5, size=ByteSize(0), wave=complex("inf")),
    *(InfiniteText(value=float(text), maybe=1.5) for text in ("inf", "-inf", "2.5")),
    *(model(data=data) for model in (Utf8, Base64, Hex) for data in (b"", b"abc", "é".encode(), b"a" * 100)),
    *(model(data=data) for model in (Base64, Hex) for data in (b"\xff\xfe\xfb", bytes(range(256)))),
    *(
        model(data=b"", short=short)
        for model in (Utf8, Base64, Hex)
        for short in (b"abc", b"abcd", "é".encode())
    ),
    *map(identities, (1, 2**31, 77)),
    Paths(
        path=Path("/a b/é"),
        pure=PurePosixPath("a/../b"),
        expression=re.compile(r"(?P<x>a)++"),
        zone=ZoneInfo("Europe/Berlin"),
    ),
    Urls(
        any_url=AnyUrl("http://a/|[x]^`{}?q=é|"),
        page=HttpUrl("https://exämple.com/ä b"),
        http=AnyHttpUrl("http://a"),
        file=FileUrl("file:///a/b"),
        socket=WebsocketUrl("ws://a"),
        database=PostgresDsn("postgres://a:1,b:2/db"),
        cache=RedisDsn("rediss://x"),
    ),
    Urls(
        any_url=AnyUrl("data:text/plain,hello world<>"),
        page=HttpUrl("http://localhost:80/?a=1#b"),
        http=AnyHttpUrl("http://[::1]/"),
        file=FileUrl("file:///"),
        socket=WebsocketUrl("wss://a/b"),
        database=PostgresDsn("postgresql+psycopg://u:p@h/db"),
        cache=RedisDsn("redis://x"),
    ),
    Text(code="AB-12", word="a_1", spaced="a b", any_case="aBC", short=" ÀB ", ended="a", escaped="-@_"),
    Text(code="AB-١٢", word="naïve", spaced="a\x85b", any_case="abc", short="x", ended="a", escaped="-@_"),
    PythonPattern(ahead="ab", line="abc\n", compiled="É", named="'x'"),
    *(
        Choices(colour=Colour.RED, level=level, mixed=mixed, rights=rights, bits=bits, literal=literal)
        for level, mixed, rights, bits, literal in (
            (Level.LOW, Mixed.TEXT, Rights.READ, Bits.A, "a"),
            (Level.HIGH, Mixed.NUMBER, Rights.READ | Rights.WRITE, Bits.A | Bits.B, 1),
            (Level.HIGH, Mixed.NUMBER, Rights(0), Bits(0), None),
            (Level.HIGH, Mixed.NUMBER, ~Rights.READ, Bits(9), True),
        )
    ),
    EnumValues(),
    EnumValues(colour=Colour.GREEN),
]  # fmt: skip
