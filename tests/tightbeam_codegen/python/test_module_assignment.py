"""Files that refer to each other: modules work in every order of import, and no imports form a circle."""

from __future__ import annotations

import ast
import itertools
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tightbeam_codegen.allowed import check_package
from tests.tightbeam_codegen.compiling import Compiled, channel, errors
from tests.tightbeam_codegen.conftest import Compile
from tests.tightbeam_codegen.schemas import INTEGER, STRING, closed, ref
from tightbeam import InvalidPayload
from tightbeam._payload.encode import encode
from tightbeam._payload.load import load
from tightbeam_codegen.read.normalise.shapes import Name
from tightbeam_codegen.targets.python.module_assignment import assign_modules

PERSON = closed("name", name=STRING, home=ref("address.json"), tag=ref("#/$defs/Tag")) | {
    "$defs": {"Tag": {"enum": ["a", "b"]}, "Note": closed("text", text=STRING)}
}
ADDRESS = closed("street", street=STRING, owner=ref("person.json"), note=ref("#/$defs/Note")) | {
    "$defs": {
        "Note": closed("count", count=INTEGER, other=ref("person.json#/$defs/Note")),
        "Tags": {"type": "array", "items": ref("person.json#/$defs/Tag")},
        "Someone": {"oneOf": [ref("person.json"), ref("#"), {"type": "null"}]},
    }
}
FILES: dict[str, Any] = {
    "x.channel.json": channel(
        "x",
        person=ref("person.json"),
        note=ref("address.json#/$defs/Note"),
        tags=ref("address.json#/$defs/Tags"),
        someone=ref("address.json#/$defs/Someone"),
    ),
    "person.json": PERSON,
    "address.json": ADDRESS,
}


def imports_of(files: Mapping[str, str]) -> dict[str, set[str]]:
    """Which module of a package imports which, `__init__`s apart."""
    found: dict[str, set[str]] = {}
    for path, text in files.items():
        if path.endswith("__init__.py"):
            continue
        parts = path.removesuffix(".py").split("/")
        targets = found.setdefault(".".join(parts), set())
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.level:
                targets.add(".".join([*parts[: -node.level], node.module or ""]))
    return found


def has_cycle(imports: Mapping[str, set[str]]) -> bool:
    remaining = {module: set(targets) for module, targets in imports.items()}
    while free := [module for module, targets in remaining.items() if not targets & remaining.keys()]:
        for module in free:
            del remaining[module]
    return bool(remaining)


def accepted(compiled: Compiled, module: str, topic: str, value: Any) -> Any:
    """What a value is loaded as, once it went out and came back."""
    ref = getattr(getattr(compiled.module(module), f"{module.split('.')[-1]}_channel"), topic)
    loaded = load(ref, json.dumps(value))
    assert json.loads(encode(ref, loaded)) == value
    assert json.loads(encode(ref, value)) == value
    return loaded


def test_two_files(compile_here: Compile) -> None:
    compiled = compile_here(FILES)
    assert errors(compiled) == []
    check_package(compiled.files)
    assert not has_cycle(imports_of(compiled.files))
    person = accepted(
        compiled,
        "x",
        "person",
        {"name": "Ada", "home": {"street": "s", "owner": {"name": "Bob", "tag": "b"}}},
    )
    assert person.home.owner.tag == "b"
    note = accepted(compiled, "x", "note", {"count": 1, "other": {"text": "t"}})
    assert note.other.text == "t"
    accepted(compiled, "x", "tags", ["a", "b"])
    someone = accepted(compiled, "x", "someone", {"street": "s"})
    people, places = compiled.module("person"), compiled.module("address")
    assert isinstance(someone, places.Address)
    assert isinstance(person, people.Person)
    assert people.Note is not places.Note
    with pytest.raises(InvalidPayload):
        encode(compiled.module("x").x_channel.person, {"name": "Ada", "home": {"street": 1}})


def test_the_classes_stand_in_one_module_and_are_offered_by_the_others(compile_here: Compile) -> None:
    compiled = compile_here(FILES)
    home, guest = compiled.files["address.py"], compiled.files["person.py"]
    assert "class Address(" in home
    assert "class Note(" in home
    assert "class Person(" in home
    assert "class PersonNote(" in home
    assert "class " not in guest
    assert "PersonNote as Note" in guest
    exported = set(compiled.module("person").__all__)
    assert exported == {"Note", "NoteDict", "Person", "PersonDict", "Tag"}


@pytest.mark.parametrize("order", list(itertools.permutations(["x", "person", "address"])))
def test_any_module_can_be_imported_first(order: tuple[str, ...], compile_here: Compile) -> None:
    compiled = compile_here(FILES)
    compiled.module("x")
    lines = [f"import {compiled.package}.{module}" for module in order]
    lines += [f"{compiled.package}.{module}.__all__" for module in order]
    lines.append(
        f"{compiled.package}.address.Address(street='s', owner={compiled.package}.person.Person(name='n'))"
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=compiled.folder, check=True)


def test_three_files_and_a_folder(compile_here: Compile) -> None:
    files = {
        "x.channel.json": channel("x", t=ref("a.json")),
        "a.json": closed(b=ref("deep/b.json")),
        "deep/b.json": closed(c=ref("c.json")),
        "deep/c.json": closed(a=ref("../a.json"), d=ref("../leaf.json")),
        "leaf.json": closed(n=INTEGER),
    }
    compiled = compile_here(files)
    assert errors(compiled) == []
    check_package(compiled.files)
    assert not has_cycle(imports_of(compiled.files))
    value = {"b": {"c": {"a": {"b": {}}, "d": {"n": 1}}}}
    loaded = accepted(compiled, "x", "t", value)
    assert isinstance(loaded.b, compiled.module("deep.b").B)
    assert isinstance(loaded.b.c.d, compiled.module("leaf").Leaf)
    assert "class Leaf(" in compiled.files["leaf.py"]


def test_a_channel_file_in_the_circle(compile_here: Compile) -> None:
    """What the shared file takes from the definition stands in the shared module: that needs no channel."""
    definition = channel("x", t=ref("shared.json"), u=ref("#/$defs/Own"))
    definition["$defs"] = {"Own": closed(s=ref("shared.json"))}
    shared = closed(own=ref("x.channel.json#/$defs/Own"))
    compiled = compile_here({"x.channel.json": definition, "shared.json": shared})
    assert errors(compiled) == []
    check_package(compiled.files)
    assert imports_of(compiled.files)["shared"] == set()
    accepted(compiled, "x", "t", {"own": {"s": {}}})
    accepted(compiled, "x", "u", {"s": {"own": {}}})
    assert compiled.module("x").Own.__module__.endswith(".shared")


def test_channel_files_among_themselves(compile_here: Compile) -> None:
    first, second = (
        channel("a", t=ref("b.channel.json#/$defs/Two")),
        channel("b", t=ref("a.channel.json#/$defs/One")),
    )
    first["$defs"] = {"One": closed(two=ref("b.channel.json#/$defs/Two"))}
    second["$defs"] = {"Two": closed(one=ref("a.channel.json#/$defs/One"))}
    compiled = compile_here({"a.channel.json": first, "b.channel.json": second})
    assert errors(compiled) == []
    check_package(compiled.files)
    assert not has_cycle(imports_of(compiled.files))
    accepted(compiled, "a", "t", {"one": {"two": {}}})
    accepted(compiled, "b", "t", {"two": {"one": {}}})


def test_aliases_that_contain_each_other_across_files(compile_here: Compile) -> None:
    files = {
        "x.channel.json": channel("x", t=ref("a.json")),
        "a.json": {"type": "array", "items": ref("b.json")},
        "b.json": {"anyOf": [{"type": "string"}, ref("a.json")]},
    }
    compiled = compile_here(files)
    assert errors(compiled) == []
    check_package(compiled.files)
    assert not has_cycle(imports_of(compiled.files))
    accepted(compiled, "x", "t", ["a", ["b", []]])


def test_files_without_a_circle_keep_their_classes(compile_here: Compile) -> None:
    files = {
        "x.channel.json": channel("x", t=ref("a.json")),
        "a.json": closed(b=ref("b.json")),
        "b.json": closed(n=INTEGER),
    }
    compiled = compile_here(files)
    assert "class A(" in compiled.files["a.py"]
    assert "class B(" in compiled.files["b.py"]


def test_two_classes_that_meet_at_home(compile_here: Compile) -> None:
    """Each is imported from the module of its own file, by its own name."""
    files = {
        "x.channel.json": channel("x", t=ref("a.json"), u=ref("b.json#/$defs/Note")),
        "a.json": closed(b=ref("b.json"), note=ref("#/$defs/BNote"))
        | {"$defs": {"BNote": closed(n=INTEGER)}},
        "b.json": closed(a=ref("a.json")) | {"$defs": {"Note": closed(m=INTEGER)}},
    }
    compiled = compile_here(files)
    assert errors(compiled) == []
    assert list(compiled.module("a").BNote.model_fields) == ["n"]
    assert list(compiled.module("b").Note.model_fields) == ["m"]


EDGES = st.dictionaries(
    st.sampled_from("abcdefg").map(lambda name: (name,)),
    st.sets(st.sampled_from("abcdefg").map(lambda name: (name,)), max_size=3),
)


@given(EDGES, st.sets(st.sampled_from("abcdefg").map(lambda name: (name,))))
def test_a_circle_has_one_module(
    edges: dict[tuple[str, ...], set[tuple[str, ...]]], channels: set[tuple[str, ...]]
) -> None:
    assignment = assign_modules(edges, channels)
    nodes = {*edges, *itertools.chain.from_iterable(edges.values())}

    def reach(start: tuple[str, ...]) -> set[tuple[str, ...]]:
        found: set[tuple[str, ...]] = set()
        pending = [start]
        while pending:
            for other in edges.get(pending.pop(), ()):
                if other not in found:
                    found.add(other)
                    pending.append(other)
        return found

    for one, two in itertools.product(nodes, nodes):
        together = one == two or (two in reach(one) and one in reach(two))
        assert (assignment.of(one) == assignment.of(two)) == together
    for node in nodes:
        circle = {other for other in nodes if assignment.of(other) == assignment.of(node)}
        shared = circle - channels
        assert assignment.of(node) == min(shared or circle)


def test_names_at_home() -> None:
    assignment = assign_modules(
        {("a",): {("b",), ("o", "line")}, ("b",): {("a",)}, ("o", "line"): {("a",)}}, set()
    )
    assert assignment.declared_name(Name(("a",), "Note")) == "Note"
    assert assignment.declared_name(Name(("b",), "Note")) == "BNote"
    assert assignment.declared_name(Name(("b",), "BNote")) == "BNote"
    assert assignment.declared_name(Name(("o", "line"), "Note")) == "OLineNote"
    assert assignment.declared_name(Name(("o", "line"), "Line")) == "OLine"
    assert assignment.declared_name(Name(("elsewhere",), "Note")) == "Note"
