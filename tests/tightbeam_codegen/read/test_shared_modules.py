"""Files that are one module: adding one renames nothing, and earlier runs make no difference."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import channel, compile_files, errors, write_files
from tests.tightbeam_codegen.incremental.test_edits import differences, on_disk, put, whole
from tests.tightbeam_codegen.schemas import STRING, open_object, ref
from tightbeam._payload.encode import encode
from tightbeam_cli import main

ORDER = {**open_object(id=STRING), "$defs": {"Line": open_object(sku=STRING), "Note": open_object(n=STRING)}}
OTHER = channel("other", order=ref("orders.schema.json"), line=ref("orders.schema.json#/$defs/Line"))
ORDERS = channel("orders", placed=ref("orders.schema.json"), cancelled=open_object(why=STRING))


@pytest.mark.parametrize("suffix", [".schema.json", ".json", ".yaml", ".schema.yaml"])
@pytest.mark.parametrize("definition", ["orders.channel.json", "orders.channel.yaml"])
def test_a_schema_beside_a_channel_of_its_name(suffix: str, definition: str, tmp_path: Path) -> None:
    orders = json.loads(json.dumps(ORDERS).replace(".schema.json", suffix))
    compiled = compile_files(tmp_path, {f"orders{suffix}": ORDER, definition: orders})
    assert errors(compiled) == []
    module = compiled.module("orders")
    assert module.Placed is module.Orders
    assert encode(module.orders_channel.placed, module.Orders(id="1")) == b'{"id":"1"}'


def test_in_folders_and_beside_three(tmp_path: Path) -> None:
    files = {
        "shop/orders.channel.json": channel(
            "o", a=ref("orders.schema.json#/$defs/Line"), b=ref("orders.json#/$defs/B"), c=ref("orders.yaml")
        ),
        "shop/orders.schema.json": ORDER,
        "shop/orders.json": {"$defs": {"B": open_object(b=STRING)}},
        "shop/orders.yaml": {**open_object(c=STRING)},
    }
    compiled = compile_files(tmp_path, files)
    assert errors(compiled) == []
    module = compiled.module("shop.orders")
    assert {module.Line.__name__, module.B.__name__, module.Orders.__name__} == {"Line", "B", "Orders"}


def test_adding_a_definition_changes_no_name_of_the_schema(tmp_path: Path) -> None:
    alone = compile_files(tmp_path, {"orders.schema.json": ORDER, "other.channel.json": OTHER})
    both = compile_files(
        tmp_path, {"orders.schema.json": ORDER, "other.channel.json": OTHER, "orders.channel.json": ORDERS}
    )
    assert alone.files["other.py"] == both.files["other.py"]
    for compiled in (alone, both):
        module = compiled.module("orders")
        assert (module.Orders.__module__, module.Line.__module__) == (module.__name__, module.__name__)


def test_adding_a_schema_changes_no_name_of_the_definition(tmp_path: Path) -> None:
    definition = channel("orders", placed=open_object(a=STRING))
    alone = compile_files(
        tmp_path, {"orders.channel.json": definition, "other.channel.json": channel("x", t=STRING)}
    )
    both = compile_files(
        tmp_path,
        {"orders.channel.json": definition, "orders.schema.json": ORDER, "other.channel.json": OTHER},
    )
    before, after = alone.module("orders"), both.module("orders")
    assert set(before.__all__) <= set(after.__all__)
    assert after.OrdersChannel.__name__ == "OrdersChannel"


def test_a_class_of_the_document_gives_way_to_one_of_the_definition(tmp_path: Path) -> None:
    """The document stays as it is, and the definition's names are the ones that somebody chose."""
    definition = channel(
        "orders", line=open_object(mine=STRING), theirs=ref("orders.schema.json#/$defs/Line")
    )
    compiled = compile_files(tmp_path, {"orders.channel.json": definition, "orders.schema.json": ORDER})
    assert errors(compiled) == []
    module = compiled.module("orders")
    assert list(module.Line.model_fields) == ["mine"]
    assert list(module.orders_channel.theirs.payload_type.model_fields) == ["sku"]


def test_a_class_of_the_document_gives_way_to_the_name_of_a_topic(tmp_path: Path) -> None:
    """A topic that refers to `Line` has its own name for it, which may be that of another class beside it."""
    definition = channel(
        "orders", note=ref("orders.schema.json#/$defs/Line"), other=ref("orders.schema.json#/$defs/Note")
    )
    files = {"orders.channel.json": definition, "orders.schema.json": ORDER}
    compiled = compile_files(tmp_path, files, typescript=tmp_path / "web")
    assert errors(compiled) == []
    module = compiled.module("orders")
    assert module.Note is module.Line
    theirs = module.orders_channel.other.payload_type
    assert list(theirs.model_fields) == ["n"]
    assert re.fullmatch(r"NoteX?[0-9a-fA-F]{6}", theirs.__name__, re.IGNORECASE)
    assert "export type Note = Line;" in compiled.typescript["orders.ts"]
    assert f"export type {theirs.__name__} = " in compiled.typescript["orders.ts"]


def test_classes_of_two_documents_give_way_to_the_name_of_a_topic(tmp_path: Path) -> None:
    files = {
        "order.channel.json": channel("o", order=ref("order.schema.json"), second=ref("order.json")),
        "order.schema.json": open_object(a=STRING),
        "order.json": open_object(b=STRING),
    }
    compiled = compile_files(tmp_path, files)
    assert errors(compiled) == []
    module = compiled.module("order")
    assert list(module.Order.model_fields) == ["a"]
    assert module.Order is module.order_channel.order.payload_type
    assert list(module.order_channel.second.payload_type.model_fields) == ["b"]


def test_a_class_and_a_topic_of_one_definition_are_refused(tmp_path: Path) -> None:
    """Its author has named both, and can name one otherwise."""
    definition = channel("orders", note=ref("orders.schema.json#/$defs/Line"), b=ref("#/$defs/Note"))
    definition |= {"$defs": {"Note": open_object(own=STRING)}}
    compiled = compile_files(tmp_path, {"orders.channel.json": definition, "orders.schema.json": ORDER})
    assert errors(compiled) == ["the name 'Note' would stand for two things in one module"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"orders.channel.json": ORDERS, "orders.channel.yaml": ORDERS, "orders.schema.json": ORDER},
            "both become the module orders",
        ),
        (
            {
                "orders/x.channel.json": channel("x", t=ref("../orders.schema.json")),
                "orders.schema.json": ORDER,
            },
            "the module orders would hide the package of schemas/orders/x.channel.json",
        ),
    ],
)
def test_what_cannot_be_settled(files: dict[str, Any], message: str, tmp_path: Path) -> None:
    assert any(message in said for said in errors(compile_files(tmp_path, files)))


# -- with and without memory ---------------------------------------------------------------------------------


def run(files: dict[str, Any], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Generate, and see that a run that remembers nothing gives the same."""
    put(files, folder)
    assert main(["generate"]) == 0
    assert differences(on_disk(folder), whole(folder)) == ""
    capsys.readouterr()


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", str(tmp_path / "cache"))


def test_what_others_use_of_the_document_comes_and_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files: dict[str, Any] = {
        "orders.channel.json": channel("orders", t=open_object(a=STRING)),
        "orders.schema.json": ORDER,
        "other.channel.json": channel("other", t=STRING),
        "third.channel.json": channel("third", t=STRING),
    }
    run(files, tmp_path, capsys)
    run(files | {"other.channel.json": OTHER}, tmp_path, capsys)
    note = channel("third", t=ref("orders.schema.json#/$defs/Note"))
    run(files | {"other.channel.json": OTHER, "third.channel.json": note}, tmp_path, capsys)
    run(files | {"third.channel.json": note}, tmp_path, capsys)
    del files["orders.channel.json"]
    run(files | {"third.channel.json": note}, tmp_path, capsys)
    run(files, tmp_path, capsys)


def test_over_another_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a definition refers to may lead on to the document beside another definition, or into that one."""
    files: dict[str, Any] = {
        "orders.channel.json": channel("orders", t=open_object(a=STRING))
        | {"$defs": {"D": open_object(d=STRING)}},
        "orders.schema.json": ORDER,
        "between.json": {
            "$defs": {
                "A": open_object(line=ref("orders.schema.json#/$defs/Line")),
                "B": open_object(d=ref("orders.channel.json#/$defs/D")),
            }
        },
        "other.channel.json": channel("other", t=STRING),
    }
    run(files, tmp_path, capsys)
    run(files | {"other.channel.json": channel("other", t=ref("between.json#/$defs/A"))}, tmp_path, capsys)
    run(files | {"other.channel.json": channel("other", t=ref("between.json#/$defs/B"))}, tmp_path, capsys)
    run(files, tmp_path, capsys)


def test_a_name_of_a_topic_that_a_class_of_the_document_comes_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A definition is remembered without the document; then another one uses a class of the document."""
    files: dict[str, Any] = {
        "common.json": {"$defs": {"Order": open_object(id=STRING)}},
        "orders.channel.json": channel("orders", note=ref("common.json#/$defs/Order")),
        "orders.schema.json": ORDER,
        "other.channel.json": channel("other", t=STRING),
        "third.channel.json": channel("third", t=STRING),
    }
    run(files, tmp_path, capsys)
    note = channel("other", t=ref("orders.schema.json#/$defs/Note"))
    run(files | {"other.channel.json": note}, tmp_path, capsys)
    assert re.search(r"^class Note\w+\(", Path("generated/orders.py").read_text(), re.MULTILINE)
    # The topic goes, and the class has its own name again, in a definition that is unchanged.
    topics = channel("orders", renamed=ref("common.json#/$defs/Order"))
    run(files | {"other.channel.json": note, "orders.channel.json": topics}, tmp_path, capsys)
    assert "class Note(" in Path("generated/orders.py").read_text()
    run(files, tmp_path, capsys)


def test_a_clash_that_another_definition_brings_along(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It renames a class that an unchanged definition imports."""
    files: dict[str, Any] = {
        "doc.json": {"$defs": {"a<b>": open_object(x=STRING), "a<(b)>": open_object(y=STRING)}},
        "one.channel.json": channel("one", t=ref("doc.json#/$defs/a<(b)>")),
        "two.channel.json": channel("two", t=STRING),
    }
    run(files, tmp_path, capsys)
    run(files | {"two.channel.json": channel("two", t=ref("doc.json#/$defs/a<b>"))}, tmp_path, capsys)
    run(
        files | {"two.channel.json": channel("two", t=ref("doc.json#/$defs/a<b>"), u=STRING)},
        tmp_path,
        capsys,
    )
    run(files, tmp_path, capsys)


def test_names_from_the_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_files(
        tmp_path,
        {
            "pyproject.toml": '[tool.tightbeam.names]\n"doc.json#/$defs/A" = "Chosen"\n'
            '"one.channel.json#/topics/t/schema" = "Own"\n',
            "schemas/doc.json": {"$defs": {"A": open_object(x=STRING)}},
            "schemas/one.channel.json": channel("one", t=open_object(x=STRING), u=ref("doc.json#/$defs/A")),
            "schemas/two.channel.json": channel("two", t=STRING),
        },
    )
    for number in range(3):
        write_files(
            tmp_path, {"schemas/two.channel.json": channel("two", t=STRING) | {"description": str(number)}}
        )
        assert main(["generate", "--strict"]) == 0
        assert capsys.readouterr().err == ""
        assert "class Own(" in Path("generated/one.py").read_text()
        assert "class Chosen(" in Path("generated/doc.py").read_text()
    Path("pyproject.toml").write_text('[tool.tightbeam.names]\n"doc.json#/$defs/A" = "Other"\n')
    assert main(["generate", "--strict"]) == 0
    assert "class Other(" in Path("generated/doc.py").read_text()
