"""Hostile text: as a literal it is that text, as a comment it stays one and gives no orders."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.typescript.node_tools import needs_node, project, run, tsc
from tightbeam_codegen.targets.typescript.text import comment, json_literal, literal

HOSTILE = [
    *(
        "*/ alert(1) /*",
        "`${alert(1)}`",
        "\u2028alert(1)",
        "\u2029x",
        "\r\nx",
        "\\",
        '"',
        "'",
        "\\u0022",
        "</script>",
    ),
    *(
        "@ts-ignore",
        "@ts-expect-error",
        "x @ts-ignore",
        "@deprecated",
        "{@link x}",
        "a@b.example",
        "#__PURE__",
    ),
    *(
        "\ud800",
        "\udfff\ud800",
        "\u202ereversed",
        "\x00\x1b[31m",
        "é😀",
        "\U000e0001",
        "//",
        "///",
        "<!--",
        "-->",
    ),
    *(
        "*",
        "/",
        "**/",
        "* /",
        "\\*/",
        "*\n/",
        "/// <reference path='x' />",
        "\ufeff",
        "__proto__",
        "\x85",
        "$&",
        "",
    ),
]
text = st.one_of(
    st.sampled_from(HOSTILE), st.text(st.characters(codec=None)), st.text("*/@\\`${}\n\r\u2028 a")
)


def _read(source: str) -> str:
    """What a string literal stands for; every escape that isn't one of these is an error."""
    found, rest = "", source[1:-1]
    while rest:
        escape = re.match(r"\\(?:u\{([0-9a-f]+)\}|u([0-9a-f]{4})|([\\\\nrt'\"]))", rest)
        if escape is None:
            assert rest[0] not in ("\\", source[0])
            found, rest = found + rest[0], rest[1:]
            continue
        code = escape[1] or escape[2]
        named = {"n": "\n", "r": "\r", "t": "\t"}
        found += chr(int(code, 16)) if code else named.get(escape[3], escape[3])
        rest = rest[escape.end() :]
    return found


@given(text)
def test_a_literal_is_its_text(value: str) -> None:
    source = literal(value)
    assert source[0] == source[-1]
    assert source.isprintable()
    assert _read(source) == value


@given(text)
def test_json_in_a_template_stays_json_in_which_nothing_is_replaced(value: str) -> None:
    stated = {value: [value, {"x" * 90: value}]}
    source = json_literal(json.dumps(stated))
    body = source.removeprefix("String.raw`").removesuffix("`")
    assert len(body) == len(source) - 12
    assert "`" not in body
    assert "${" not in body
    assert body.replace("\n", "").isprintable()
    assert json.loads(body) == stated


@given(text)
def test_a_comment_ends_where_it_should(value: str) -> None:
    lines = comment(value)
    # Spaces of other widths are kept: nothing hides behind them.
    assert all(char.isprintable() or unicodedata.category(char) == "Zs" for line in lines for char in line)
    assert not any("*/" in line for line in lines)
    assert not any(re.search(r"(?<!\w)@", line) for line in lines)
    if lines:
        assert lines[0]
        assert lines[-1]


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ("", []),
        (" \n ", []),
        ("One line.", ["One line."]),
        ("a\r\n\r\n\r\n\r\nb\u2028c", ["a", "", "b", "c"]),
        ("ends */ here", ["ends *\\/ here"]),
        ("write to a@b.example, @ts-ignore", ["write to a@b.example, &#64;ts-ignore"]),
        ("#__PURE__", ["#&#95;_PURE__"]),
        ("\u202eabc", ["\\u202eabc"]),
        ("word " * 30, [("word " * 20).strip(), ("word " * 10).strip()]),
    ],
)
def test_comments(value: str, lines: list[str]) -> None:
    assert comment(value) == lines


@pytest.mark.slow
def test_a_compiler_reads_them_so(tmp_path: Path) -> None:
    needs_node()
    parts = [
        f"/** {line} */\nvalues.push({literal(value)});"
        for value in HOSTILE
        for line in comment(value) or ["-"]
    ]
    as_json = "".join(f"values.push(JSON.parse({json_literal(json.dumps([v]))})[0]);\n" for v in HOSTILE)
    source = "export const values: string[] = [];\n" + "\n".join(parts) + "\n" + as_json
    # An order in a comment before it would take this error away.
    orders = [
        f"/** {line} */\nexport const wrong{n}: number = 'x';"
        for n, line in enumerate(map(" ".join, map(comment, HOSTILE)))
    ]
    project(tmp_path, {"good.ts": source, "bad.ts": "\n".join(orders) + "\n"})
    faults = tsc(tmp_path, emit=True)
    assert {fault.path for fault in faults} == {"bad.ts"}
    assert len(faults) == len(HOSTILE)
    expected = [value for value in HOSTILE for _ in comment(value) or ["-"]]
    found = run(tmp_path, 'import { values } from "./js/good.js";\nconsole.log(JSON.stringify(values));')
    assert found == json.loads(json.dumps(expected + HOSTILE))
