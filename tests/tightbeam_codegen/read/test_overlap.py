"""Whether two channel definitions can give one name."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tightbeam._channels.template import Kind, ParamValue, Template
from tightbeam.errors import InvalidParam
from tightbeam_codegen.read.overlap import ChannelNames, overlap


def template(
    text: str, separator: str = ":", enums: Mapping[str, list[ParamValue]] | None = None
) -> ChannelNames:
    """Placeholders say their kind by their first letter: s…, i…, b…."""
    kinds: dict[str, Kind] = {}
    for piece in text.split("{")[1:]:
        name = piece.partition("}")[0]
        kinds[name] = {"s": "string", "i": "integer", "b": "boolean"}[name[0]]  # type: ignore[assignment]
    return ChannelNames(Template(text, kinds, separator), enums or {})


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (template("uploads:{s}"), template("uploads:{s2}")),
        (template("uploads:{s}"), template("uploads:all")),
        (template("a:{s}:b"), template("a:b:{s}")),
        (template("x{s}"), template("{s}y")),
        (template("{i}"), template("{s}")),
        (template("{b}"), template("t{s}")),
        (template("a:{i}"), template("a:-{i2}")),
        (template("a:1{i}"), template("a:{i2}")),
        (template("a:9007199254740992"), template("a:{i}")),
        (template("a:{s}", enums={"s": ["x", "y"]}), template("a:{s}", enums={"s": ["y", "z"]})),
        (template("a:{i}", enums={"i": [1, 2]}), template("a:{s}", enums={"s": ["2"]})),
        (template("a:{s}/{s2}", "/"), template("a:{s}")),
        (template("same"), template("same")),
    ],
)
def test_templates_that_can_meet_have_a_name_in_common(a: ChannelNames, b: ChannelNames):
    for one, two in ((a, b), (b, a)):
        name = overlap(one, two)
        assert name is not None
        for each in (one, two):
            params = each.template.parse(name)
            assert each.template.format(params) == name
            assert all(params[key] in values for key, values in each.enums.items())


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (template("uploads:{s}"), template("downloads:{s}")),
        (template("uploads:{s}"), template("uploads")),
        (template("uploads:{s}"), template("uploads:{s}:{s2}")),
        (template("a:{s}"), template("a:")),
        (template("x{s}"), template("x")),
        (template("{i}"), template("{b}")),
        (template("a:{i}"), template("a:01")),
        (template("a:{i}"), template("a:-0")),
        (template("a:{i}"), template("a:9007199254740993")),
        (template("a:{i}"), template("a:10000000000000000")),
        (template("a:{i}", "-"), template("a:-{i2}")),
        (template("a:{s}", enums={"s": ["x"]}), template("a:{s}", enums={"s": ["y"]})),
        (template("a:{s}", enums={"s": ["x", "a:b"]}), template("a:a:b")),
        (template("a:{i}", enums={"i": [1, 2]}), template("a:3")),
        (template("a:{s}x"), template("a:{s}y")),
        (template("a:{s}"), template("a:\n")),
    ],
)
def test_templates_that_cannot_meet_have_none(a: ChannelNames, b: ChannelNames):
    assert overlap(a, b) is None
    assert overlap(b, a) is None


def names(each: ChannelNames, alphabet: str, longest: int) -> set[str]:
    """Every name of a template over a small alphabet, by trying all."""
    found = set()
    for length in range(longest + 1):
        for letters in itertools.product(alphabet, repeat=length):
            name = "".join(letters)
            try:
                params = each.template.parse(name)
                each.template.format(params)
            except InvalidParam:
                continue
            if all(params[key] in values for key, values in each.enums.items()):
                found.add(name)
    return found


@st.composite
def small_templates(draw: st.DrawFn) -> ChannelNames:
    separator = draw(st.sampled_from(":1"))
    parts = []
    for i in range(draw(st.integers(1, 2))):
        literal = st.text("a-1" if separator == ":" else "a-:", max_size=1)
        middle = draw(st.sampled_from(["", f"{{s{i}}}", f"{{i{i}}}"]))
        parts.append(draw(literal) + middle + draw(literal))
    text = separator.join(parts)
    enums = {}
    if "{s0}" in text and draw(st.booleans()):
        enums["s0"] = draw(st.lists(st.sampled_from(["a", "-1", "1", "a1"]), min_size=1, max_size=2))
    return template(text, separator, enums)  # type: ignore[arg-type]  # list is invariant


@given(small_templates(), small_templates())
def test_overlap_agrees_with_trying_all_names(a: ChannelNames, b: ChannelNames):
    common = names(a, "a-1:", 4) & names(b, "a-1:", 4)
    found = overlap(a, b)
    if common:
        assert found is not None
    if found is not None:
        for each in (a, b):
            assert each.template.format(each.template.parse(found)) == found
        if len(found) <= 4 and set(found) <= set("a-1:"):
            assert found in common
