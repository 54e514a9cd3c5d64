"""What schemas say of themselves in words, as docstrings and as TypeScript's comments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import channel, compile_files

TEXT = {"type": "string"}


def python(folder: Path, schema: dict[str, Any], **definition: Any) -> str:
    made = compile_files(folder, {"x.channel.json": channel(order_line=schema) | definition})
    return made.files["x.py"]


@pytest.mark.parametrize(
    ("name", "title"),
    [("sku", "Sku"), ("order_id", "Order Id"), ("orderId", "Order ID"), ("giftNote", "Gift note")],
)
def test_a_title_that_repeats_the_propertys_name_is_no_docstring(
    name: str, title: str, tmp_path: Path
) -> None:
    schema = {"type": "object", "properties": {name: TEXT | {"title": title}}}
    assert title not in python(tmp_path, schema)


@pytest.mark.parametrize("title", ["OrderLine", "Order Line", "order_line", "ORDER-LINE"])
def test_a_title_that_repeats_the_classs_name_is_none(title: str, tmp_path: Path) -> None:
    text = python(tmp_path, {"type": "object", "title": title, "properties": {"a": TEXT}})
    assert f'"""{title}"""' not in text


def test_a_title_that_says_something_is_one(tmp_path: Path) -> None:
    text = python(
        tmp_path, {"type": "object", "title": "A line", "properties": {"a": TEXT | {"title": "An a"}}}
    )
    assert '"""A line"""' in text
    assert '"""An a"""' in text


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": TEXT}},
        {"type": ["object", "null"], "properties": {"a": TEXT}},
        {
            "anyOf": [
                {"type": "object", "properties": {"a": TEXT}},
                {"type": "object", "properties": {"b": TEXT}},
            ]
        },
        {"$ref": "#/$defs/Shared"},
    ],
    ids=["class", "class or null", "union", "reference"],
)
def test_a_topics_description_is_on_its_type_too(schema: dict[str, Any], tmp_path: Path) -> None:
    shared = {"Shared": {"type": "object", "properties": {"a": TEXT}}}
    definition = {
        "name": "x",
        "$defs": shared,
        "topics": {"t": {"description": "What it is.", "schema": schema}},
    }
    text = compile_files(tmp_path, {"x.channel.json": definition}).files["x.py"]
    before, _, after = text.partition("class XChannel(")
    assert before.count('"""What it is."""') == 1
    assert after.count('"""What it is."""') == 1


def test_a_classs_own_description_stays(tmp_path: Path) -> None:
    schema = {"type": "object", "description": "Its own.", "properties": {"a": TEXT}}
    definition = {"name": "x", "topics": {"t": {"description": "The topic's.", "schema": schema}}}
    before = (
        compile_files(tmp_path, {"x.channel.json": definition}).files["x.py"].partition("class XChannel(")[0]
    )
    assert '"""Its own."""' in before
    assert "The topic's." not in before


def test_a_factory_describes_its_arguments(tmp_path: Path) -> None:
    params = {"orderId": TEXT | {"description": "Which\norder. " + "Long. " * 20}, "shop": TEXT}
    text = python(tmp_path, TEXT, name="x:{orderId}:{shop}", params=params)
    assert (
        '    """Return the channel of these parameters.\n\n    Args:\n        order_id: Which order. Long.'
        in text
    )
    assert "\n            Long. Long." in text
