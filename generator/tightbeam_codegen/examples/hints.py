"""Texts and numbers that suit the name of a property, all of them made up and reserved for examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from tightbeam_codegen.names import snake

__all__ = ["FORMAT_TEXTS", "numbers_for", "singular", "texts_for"]

_Value = TypeVar("_Value")

_DAY = date(2026, 1, 31)
_MOMENT = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def _moment(variant: int) -> str:
    return (_MOMENT + timedelta(minutes=variant)).isoformat().replace("+00:00", "Z")


FORMAT_TEXTS: Mapping[str, Callable[[int], str]] = {
    "date": lambda n: (_DAY + timedelta(days=n)).isoformat(),
    "date-time": _moment,
    "duration": lambda n: f"PT{n + 1}H30M",
    "email": lambda n: f"ada{n or ''}@example.com",
    "hostname": lambda n: f"host{n}.example.com" if n else "example.com",
    "idn-email": lambda n: f"ada{n or ''}@example.com",
    "idn-hostname": lambda n: f"host{n}.example.com" if n else "example.com",
    "ipv4": lambda n: f"192.0.2.{n % 250 + 1}",
    "ipv6": lambda n: f"2001:db8::{n + 1:x}",
    "iri": lambda n: f"https://example.com/files/{n + 1}",
    "iri-reference": lambda n: f"/files/{n + 1}",
    "json-pointer": lambda n: f"/lines/{n}",
    "regex": lambda n: "^[a-z]+$" if not n else f"^[a-z]{{{n}}}$",
    "relative-json-pointer": lambda n: f"{n}/name",
    "time": lambda n: f"09:{(30 + n) % 60:02}:00Z",
    "uri": lambda n: f"https://example.com/files/{n + 1}",
    "uri-reference": lambda n: f"/files/{n + 1}",
    "uri-template": lambda n: f"/files/{{id}}/{n + 1}",
    "uuid": lambda n: f"0b9c4f6e-3c1a-4e7b-9d2f-{0x5A6B7C8D9E0F + n:012x}",
}
"""A text of each format; another one for each number."""

_TEXTS = {
    "address": "12 Example Street, London",
    "author": "Ada Lovelace",
    "avatar": "https://example.com/ada.png",
    "body": "The parcel arrives tomorrow.",
    "carrier": "Parcel Post",
    "city": "London",
    "color": "#0c6f65",
    "colour": "#0c6f65",
    "comment": "Looks good to me.",
    "company": "Example Ltd",
    "content": "The parcel arrives tomorrow.",
    "content type": "text/plain",
    "country": "GB",
    "country code": "GB",
    "currency": "EUR",
    "currency code": "EUR",
    "date": "2026-01-31",
    "description": "A short description.",
    "display name": "Ada Lovelace",
    "domain": "example.com",
    "email": "ada@example.com",
    "error": "The file could not be read.",
    "file": "report.pdf",
    "file name": "report.pdf",
    "filename": "report.pdf",
    "first name": "Ada",
    "full name": "Ada Lovelace",
    "given name": "Ada",
    "host": "example.com",
    "hostname": "example.com",
    "href": "https://example.com/files/1",
    "image": "https://example.com/images/1.png",
    "ip": "192.0.2.1",
    "ip address": "192.0.2.1",
    "language": "en",
    "last name": "Lovelace",
    "link": "https://example.com/files/1",
    "locale": "en-GB",
    "location": "London",
    "login": "ada",
    "mail": "ada@example.com",
    "media type": "text/plain",
    "message": "The file is being stored.",
    "mime type": "text/plain",
    "nickname": "ada",
    "note": "Please ring twice.",
    "organisation": "Example Ltd",
    "organization": "Example Ltd",
    "path": "/files/1",
    "phone": "+44 20 7946 0000",
    "phone number": "+44 20 7946 0000",
    "postal code": "12345",
    "postcode": "12345",
    "reason": "The customer changed the order.",
    "region": "eu",
    "semver": "1.4.2",
    "sku": "A-100",
    "slug": "a-first-look",
    "street": "12 Example Street",
    "subject": "Your order",
    "summary": "A short summary.",
    "surname": "Lovelace",
    "text": "The parcel arrives tomorrow.",
    "time zone": "Europe/Berlin",
    "timestamp": "2026-01-31T09:30:00Z",
    "timezone": "Europe/Berlin",
    "title": "A first look",
    "unit": "kg",
    "uri": "https://example.com/files/1",
    "url": "https://example.com/files/1",
    "user": "ada",
    "user name": "ada",
    "username": "ada",
    "version": "1.4.2",
    "website": "https://example.com",
    "zip": "12345",
    "zip code": "12345",
}
_NUMBERS: Mapping[str, int | float] = {
    "age": 36,
    "altitude": 120,
    "amount": 1250,
    "attempt": 1,
    "bytes": 2048,
    "cents": 1250,
    "count": 3,
    "day": 31,
    "duration": 90,
    "heading": 90,
    "height": 480,
    "hour": 9,
    "id": 7,
    "index": 0,
    "kg": 1.25,
    "kmh": 42,
    "lat": 51.5072,
    "latitude": 51.5072,
    "lng": -0.1276,
    "lon": -0.1276,
    "longitude": -0.1276,
    "minute": 30,
    "minutes": 12,
    "month": 1,
    "ms": 250,
    "number": 1001,
    "page": 1,
    "percent": 40,
    "percentage": 40,
    "port": 8080,
    "price": 12.5,
    "progress": 40,
    "quantity": 2,
    "rate": 0.25,
    "ratio": 0.25,
    "score": 0.75,
    "seconds": 30,
    "size": 2048,
    "speed": 42,
    "temperature": 21.5,
    "timestamp": 1_769_851_800,
    "total": 12,
    "weight": 1.25,
    "width": 640,
    "year": 2026,
}


def texts_for(name: str, variant: int) -> Iterator[str]:
    """Yield texts for a property, the most telling first.

    Args:
        name: of the property; empty for a payload itself.
        variant: a number that makes the text another one, for the elements of an array.
    """
    words = _words(name)
    known = _known(words, _TEXTS)
    end = f" {variant + 1}" if variant else ""
    if known is not None:
        yield known + end
    elif words[-1:] == ["at"] and len(words) > 1:
        yield _moment(variant)
    elif words and words[-1] in ("id", "ref"):
        yield f"{'-'.join(words[:-1]) or words[-1]}-{variant + 1}"
    elif words:
        yield f"Example {' '.join(words)}{end}"
    yield f"Example{end}"
    if words:
        yield f"{words[0]}{variant + 1}"
    yield f"example{variant or ''}"
    yield "abcdefghijklmnopqrstuvwxyz"[variant % 26]


def numbers_for(name: str) -> Iterator[int | float]:
    """Yield numbers for a property, the most telling first."""
    known = _known(_words(name), _NUMBERS)
    if known is not None:
        yield known
    yield 1
    yield 10
    yield 0.5


def singular(name: str) -> str:
    """Return the name of one of several: `label` for `labels`."""
    words = _words(name)
    if not words:
        return ""
    last = words[-1]
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("ss", "ss"), ("us", "us"), ("s", "")):
        if last.endswith(ending) and len(last) > len(ending) + 1:
            return name.removesuffix("s") if ending == "s" else name[: -len(ending)] + instead
    return name


def _words(name: str) -> list[str]:
    return [word for word in snake(name).split("_") if word] if name else []


def _known(words: list[str], table: Mapping[str, _Value]) -> _Value | None:
    """Return the entry for the last two words of a name, or else for its last one."""
    for count in (2, 1):
        found = table.get(" ".join(words[-count:]))
        if found is not None:
            return found
    return None
