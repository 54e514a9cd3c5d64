"""Lists as parameters of a statement, made quickly: a batch of one message has a dozen of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Any

from psycopg import Connection
from psycopg.adapt import Dumper
from psycopg.pq import Format

__all__ = ["Blobs", "Integers", "Texts", "register_arrays"]

_HEAD = Struct("!iiIii")
_LENGTH = Struct("!i")
_INTEGER = Struct("!iq")
_NULL = _LENGTH.pack(-1)
_INT8, _INT8S = 20, 1016
_TEXT, _TEXTS = 25, 1009
_BYTEA, _BYTEAS = 17, 1001


class _Array:
    """A list in the server's binary form: one dimension, which begins with one."""

    __slots__ = ("data",)

    def __init__(self, element: int, items: Sequence[bytes], has_null: bool) -> None:
        self.data = _HEAD.pack(1, has_null, element, len(items), 1) + b"".join(items)


class Integers(_Array):
    """A ``bigint[]``."""

    __slots__ = ()

    def __init__(self, values: Iterable[int]) -> None:
        super().__init__(_INT8, [_INTEGER.pack(8, value) for value in values], has_null=False)


class Texts(_Array):
    """A ``text[]``."""

    __slots__ = ()

    def __init__(self, values: Iterable[str]) -> None:
        super().__init__(_TEXT, [_item(value.encode()) for value in values], has_null=False)


class Blobs(_Array):
    """A ``bytea[]``."""

    __slots__ = ()

    def __init__(self, values: Sequence[bytes | None]) -> None:
        items = [_NULL if value is None else _item(value) for value in values]
        super().__init__(_BYTEA, items, has_null=None in values)


def _item(value: bytes) -> bytes:
    return _LENGTH.pack(len(value)) + value


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Any) -> bytes:
        data: bytes = obj.data
        return data


class _IntegersDumper(_ArrayDumper):
    oid = _INT8S


class _TextsDumper(_ArrayDumper):
    oid = _TEXTS


class _BlobsDumper(_ArrayDumper):
    oid = _BYTEAS


def register_arrays(connection: Connection[Any]) -> None:
    """Have a connection take these lists as parameters."""
    adapters = connection.adapters
    adapters.register_dumper(Integers, _IntegersDumper)
    adapters.register_dumper(Texts, _TextsDumper)
    adapters.register_dumper(Blobs, _BlobsDumper)
