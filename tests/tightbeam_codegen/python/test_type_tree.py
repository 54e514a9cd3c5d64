"""The closed type of Python types: read once, spelt once, and nothing else gets in."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.tightbeam_codegen.golden import CASES
from tightbeam_codegen.read.normalise.shapes import Name
from tightbeam_codegen.targets.python.answer import Fact, UnexpectedSource, read_answer
from tightbeam_codegen.targets.python.expressions import type_expression
from tightbeam_codegen.targets.python.imported_names import imported_names
from tightbeam_codegen.targets.python.stored import from_json, to_json
from tightbeam_codegen.targets.python.type_tree import (
    ANY,
    BOOL,
    INT,
    NONE,
    STR,
    ArrayOf,
    Constants,
    DictOf,
    Format,
    ListOf,
    MappingOf,
    Named,
    OneOf,
    SequenceOf,
    Type,
    filled,
    nodes_of,
    null_last,
    one_of,
    targets_of,
)


def read(annotation: str) -> Fact:
    """Read an annotation as if datamodel-code-generator had printed it."""
    (fact,) = read_answer(f"class Carrier:\n    f0: {annotation}\n", 1)
    return fact


class _Tokens(ast.NodeTransformer):
    """Turns a golden annotation back into what the answer to its question was."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self.words: dict[str, None] = {}

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in ("str", "int", "float", "bool", "list", "dict"):
            return node
        self.names[node.id] = None
        return ast.Name(f"R{list(self.names).index(node.id)}")

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        return ast.Name(node.attr)

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not isinstance(node.value, str):
            return node
        self.words[node.value] = None
        return ast.Constant(f"s{list(self.words).index(node.value)}")


def golden_annotations() -> Iterator[str]:
    """Every type of a field of a golden class, without what presence and rules add."""
    for file in sorted(CASES.glob("*/expected/**/*.py")):
        for class_ in ast.walk(ast.parse(file.read_text("utf-8"))):
            for line in class_.body if isinstance(class_, ast.ClassDef) else ():
                if isinstance(line, ast.AnnAssign):
                    yield from _plain(line.annotation)


def _plain(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Subscript(value=ast.Attribute(attr="Annotated"), slice=ast.Tuple(elts=[inner, *_])):
            yield from _plain(inner)
        case ast.Subscript(value=ast.Attribute(attr="NotRequired"), slice=inner):
            yield from _plain(inner)
        case ast.BinOp(left=left, right=ast.Name(id="_MISSING")):
            yield from _plain(left)
        case _ if any(word in ast.unparse(node) for word in ("v1.", "_abc.")):
            return  # of topics, and of dictionaries with several lists or maps: no answers
        case _:
            yield ast.unparse(node)


def test_every_golden_type_is_read_and_spelt_again() -> None:
    found = set(golden_annotations())
    assert len(found) > 150
    for annotation in found:
        tokens = _Tokens()
        answer = ast.unparse(tokens.visit(ast.parse(annotation, mode="eval")))
        fact = read(answer)
        type_ = filled(fact.type, [Named(name) for name in tokens.names], list(tokens.words))
        assert ast.unparse(ast.parse(type_expression(type_).source)) == annotation
        assert from_json(to_json(fact)) == fact


@pytest.mark.parametrize(
    ("annotation", "type_"),
    [
        ("Any", ANY),
        ("None", NONE),
        ("AwareDatetime", Format("date-time")),
        ("date | UUID | IPv4Address", OneOf((Format("date"), Format("uuid"), Format("ipv4")))),
        ("Literal['s0', -1, True]", Constants(("s0", -1, True))),
        ("Literal['s0']", Constants(("s0",))),
        ("list[dict[str, R12]]", ListOf(DictOf(Named("R12")))),
        ("list[str] | R0 | None", OneOf((ListOf(STR), Named("R0"), NONE))),
    ],
)
def test_answers(annotation: str, type_: Type) -> None:
    assert read(annotation) == Fact(type_)


def test_rules_stand_beside_the_type() -> None:
    fact = read("Annotated[int | float | None, Field(ge=-1, lt=1.5)]")
    assert fact == Fact(OneOf((INT, read("float").type, NONE)), (("ge", -1), ("lt", 1.5)))
    assert read("Annotated[str, Field(pattern='s0')]").rules == (("pattern", "s0"),)


@pytest.mark.parametrize(
    "annotation",
    [
        "tuple[int, str]",
        "Decimal",
        "list",
        "dict",
        "dict[int, str]",
        "list[str, int]",
        "set[str]",
        "Optional[str]",
        "'str'",
        "R0.x",
        "Rx",
        "...",
        "1",
        "str & int",
        "(str, int)",
        "Literal['word']",
        "Literal[1.5]",
        "Literal[None]",
        "Literal[f()]",
        "Annotated[str, Field(default_factory=1)]",
        "Annotated[str, Field(ge=True)]",
        "Annotated[str, Field('s0')]",
        "Annotated[str, Field(**x)]",
        "Annotated[str, x]",
        "Annotated[str]",
        "list[Annotated[str, Field(ge=1)]]",
    ],
)
def test_other_forms_are_refused_by_name(annotation: str) -> None:
    with pytest.raises(UnexpectedSource) as refused:
        read(annotation)
    assert str(refused.value).strip("()") in annotation


@pytest.mark.parametrize(
    "source",
    [
        "class Other:\n    f0: str\n",
        "class Carrier:\n    f1: str\n",
        "class Carrier:\n    f0: str\n    f1: str\n",
        "class Carrier:\n    f0: str = 'x'\n",
        "f0: str\n",
        "",
    ],
)
def test_without_just_the_fields_that_were_asked_about_nothing_is_read(source: str) -> None:
    with pytest.raises(UnexpectedSource):
        read_answer(source, 1)


@pytest.mark.parametrize(
    ("type_", "source", "words"),
    [
        (ANY, "_t.Any", {"_t"}),
        (BOOL, "bool", set[str]()),
        (Format("date-time"), "_p.AwareDatetime", {"_p"}),
        (Format("date"), "_dt.date", {"_dt"}),
        (Format("uuid"), "_uuid.UUID", {"_uuid"}),
        (Format("ipv4"), "_ipaddress.IPv4Address", {"_ipaddress"}),
        (Constants(('a"b', 1, True)), "_t.Literal['a\"b', 1, True]", {"_t"}),
        (ListOf(ANY), "list[_t.Any]", {"_t"}),
        (DictOf(Named("A")), "dict[str, A]", set[str]()),
        (ArrayOf(STR), "v1.Array[str]", {"v1"}),
        (SequenceOf(Named("A")), "_abc.Sequence[A]", {"_abc"}),
        (MappingOf(OneOf((Format("date"), NONE))), "_abc.Mapping[str, _dt.date | None]", {"_abc", "_dt"}),
    ],
)
def test_each_type_is_spelt_and_says_what_it_needs(type_: Type, source: str, words: set[str]) -> None:
    assert type_expression(type_).source == source
    assert set(imported_names(type_)) == words


def test_unions_are_flat_and_without_repeats() -> None:
    assert one_of([STR]) == STR
    assert one_of([STR, STR]) == STR
    assert one_of([OneOf((STR, NONE)), INT]) == OneOf((STR, NONE, INT))
    assert null_last([NONE, STR, INT]) == OneOf((STR, INT, NONE))


def test_constants_differ_by_type() -> None:
    assert Constants((1,)) != Constants((True,))
    assert one_of([Constants((1,)), Constants((True,))]) == OneOf((Constants((1,)), Constants((True,))))
    assert len({Constants((0,)), Constants((False,)), Constants((0,))}) == 2


def test_what_a_type_refers_to() -> None:
    money, person = Name(("common",), "Money"), Name(("x",), "Person")
    type_ = DictOf(OneOf((Named("_common_Money", money), ListOf(Named("Person", person)), Named("Own"))))
    assert list(targets_of([type_])) == [money, person]
    assert [type(node).__name__ for node in nodes_of(type_)] == [
        *("DictOf", "OneOf", "Named", "ListOf", "Named", "Named")
    ]
