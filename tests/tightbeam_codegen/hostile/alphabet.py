"""Strings made of what is likely to hurt, from a seed."""

from __future__ import annotations

from random import Random

__all__ = ["PIECES", "strings"]

PIECES = (
    *"'\"\\#{}%$`@:;,.()[]<>|&=+-*/~^!?_ aZ09\r\n\t\0\f\v\x1c\x1d\x1e\x85\u2028\u2029",
    *"\u200b\u202e\u2066\ufeff\u00a0\u3000\u00ad汉🎉\u0301ﬁＡßİſ٣²ⅷ\x1b\x7f\x9b",
    *('"""', "'''", '\\"""', '""""', "\\'", '\\"', "\\\\", "\\\n", "\r\n", "\n    ", "\n\n\n", '"\n', "'\r"),
    *("{{ a }}", "{% a %}", "{# a #}", "{{", "}}", "%}", "${a}", "%s", "%(a)s", "{0.__class__}", "@imports@"),
    *(
        "\\N{DIGIT ONE}",
        "\\x41",
        "\\u0041",
        "\\ud800",
        "\\udfff",
        "\\0",
        "\\r",
        "&quot;",
        "%27",
        "%0A",
        "%zz",
    ),
    *("import os", "\nimport canary\n", "\rimport canary\r", "__import__('canary')", '__import__("canary")'),
    *(
        "class X:",
        "def f(): ...",
        "lambda: 0",
        "exec",
        "eval(",
        "None",
        "True",
        "self",
        "yield",
        "await ",
        "# type: ",
    ),
    *(
        "coding: utf-7",
        "-*- coding: latin-1 -*-",
        "+AAo-",
        "#!",
        "# noqa",
        "type: ignore",
        "fmt: off",
        "\\N{",
    ),
    *(
        "v1",
        "_t",
        "_p",
        "_MISSING",
        "R0",
        "s0",
        "'s0'",
        "R1",
        "Dict",
        "Message",
        "Channel",
        "Data",
        "SCHEMAS",
    ),
    *(
        "__all__",
        "__slots__",
        "__init__",
        "__class__",
        "model_",
        "model_config",
        "list",
        "str",
        "dict",
        "int",
    ),
    *("$ref", "$id", "$defs", "#/", "~0", "~1", "://", "../", "file:", "urn:", "?topic=", "x-", "$schema"),
)

_LONGEST = 9


def strings(count: int, seed: int) -> list[str]:
    """So many strings, all different, none empty; the same for the same seed."""
    random = Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        pieces = random.choices(PIECES, k=random.randint(1, _LONGEST))
        if random.random() < 0.1:
            pieces.append(chr(random.choice([random.randrange(0x20), random.randrange(0x80, 0xD800)])))
        if random.random() < 0.02:
            pieces *= random.randint(10, 40)
        found["".join(pieces)] = None
    return list(found)
