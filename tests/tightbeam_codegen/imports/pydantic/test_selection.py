"""Which models of a module become topics, and what is said of the others."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from tests.tightbeam_codegen.imports.pydantic.conftest import WriteModule
from tightbeam_codegen.imports import Wanted
from tightbeam_codegen.imports.pydantic import import_models
from tightbeam_codegen.problems import DefinitionErrors


def topics(name: str, wanted: Wanted = Wanted()) -> Mapping[str, str]:  # noqa: B008 - it can't be changed
    """The schemas of the topics, by their names."""
    [definition] = import_models(name, wanted).definitions.values()
    return {
        topic: value["schema"]["$ref"].rpartition("/")[2] for topic, value in definition["topics"].items()
    }


def schemas(name: str) -> dict[str, Any]:
    [text] = import_models(name, Wanted()).documents.values()
    document: dict[str, Any] = json.loads(text)["$defs"]
    return document


def errors(name: str, wanted: Wanted = Wanted()) -> list[tuple[str, str]]:  # noqa: B008 - likewise
    with pytest.raises(DefinitionErrors) as caught:
        import_models(name, wanted)
    return [(problem.message, problem.remedy) for problem in caught.value.problems]


MODELS = """
class _Private(BaseModel):
    id: int
class Empty(BaseModel):
    model_config = ConfigDict(frozen=True)
class Order(Empty):
    id: int
class Abstract(BaseModel, __import__("abc").ABC):
    @__import__("abc").abstractmethod
    def f(self): ...
T = TypeVar("T")
class Page(BaseModel, Generic[T]):
    items: list[T]
Orders = Page[Order]
Same = Order
@dataclasses.dataclass
class Plain:
    a: int
Either = Union[Order, int]
Adapter = TypeAdapter(list[Order])
class Outer(BaseModel):
    class Inner(BaseModel):
        a: int
    inner: Inner
def function(): ...
number = 1
"""


def test_of_a_module(write_module: WriteModule) -> None:
    name = write_module(MODELS)
    assert topics(name) == {"Order": "Order", "Orders": "Orders", "Outer": "Outer"}
    said = [problem.message for problem in import_models(name, Wanted()).left_out]
    assert said == [
        f"{name}:Empty is left out: it is a base of others and has no fields",
        f"{name}:Abstract is left out: it is abstract",
        f"{name}:Page is left out: it is generic",
    ]


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("Order", {"Order": "Order"}),
        ("Order,Outer,Order", {"Order": "Order", "Outer": "Outer"}),
        ("_Private", {"_Private": "_Private"}),
        ("Orders", {"Orders": "Orders"}),
        ("Outer.Inner", {"Inner": "Outer.Inner"}),
        ("Plain", {"Plain": "Plain"}),
        ("Either", {"Either": "Either"}),
        ("Adapter", {"Adapter": "Adapter"}),
        ("Same", {"Same": "Same"}),
    ],
)
def test_by_name(write_module: WriteModule, named: str, expected: dict[str, str]) -> None:
    name = write_module(MODELS)
    found = topics(f"{name}:{named}")
    assert list(found) == list(expected)


def test_a_generic_model_with_defaults_stands_for_a_message(write_module: WriteModule) -> None:
    name = write_module(
        "from typing_extensions import TypeVar as Var\nD = Var('D', default=int)\nT = TypeVar('T')\n"
        "class Page(BaseModel, Generic[D]):\n    items: list[D]\n"
        "class Pair(BaseModel, Generic[T, D]):\n    first: T\n    second: D\n"
    )
    assert topics(name) == {"Page": "Page"}
    [problem] = import_models(name, Wanted()).left_out
    assert "such as `MyPair = Pair[int, int]`" in problem.remedy
    bound = write_module(
        "B = TypeVar('B', bound=BaseModel)\nclass Event(BaseModel, Generic[B]):\n    payload: B\n"
    )
    assert "such as `MyEvent = Event[…]`" in errors(bound)[0][1]
    assert schemas(name)["Page"]["properties"]["items"]["items"] == {"type": "integer"}


def test_only_is_another_way_to_name_models(write_module: WriteModule) -> None:
    name = write_module(MODELS)
    assert list(topics(name, Wanted(only=("Order", "Outer")))) == ["Order", "Outer"]


@pytest.mark.parametrize(
    ("named", "message", "remedy"),
    [
        ("Oder", "has no Oder", "Did you mean 'Order'?"),
        ("function", ":function is no model, but a function", "Its models are Empty, Order, Abstract"),
        ("number", ":number is no model, but a value of the type `int`", "Its models are"),
        ("enum", ":enum is no model, but a module", "Its models are"),
        ("Page", ":Page is generic", "such as `PageOfInt = Page[int]`"),
        ("re.Pattern.x", "has no re.Pattern.x", ""),
    ],
)
def test_a_name_that_is_no_model(write_module: WriteModule, named: str, message: str, remedy: str) -> None:
    name = write_module(MODELS)
    [(found, cure)] = errors(f"{name}:{named}")
    assert found.startswith(name)
    assert message in found
    assert remedy in cure


def test_models_of_a_package_are_those_below_it(write_module: WriteModule) -> None:
    write_module("class Shared(BaseModel):\n    id: int\n", "common_models")
    write_module("class Order(BaseModel):\n    id: int\n", "shop.orders")
    write_module("from shop.orders import Order\nfrom common_models import Shared\n", "shop.__init__")
    assert list(topics("shop")) == ["Order"]


def test_all_names_models_of_elsewhere_too(write_module: WriteModule) -> None:
    write_module("class Shared(BaseModel):\n    id: int\n", "shared_models")
    name = write_module(
        "from shared_models import Shared\nclass Mine(BaseModel):\n    id: int\n__all__ = ['Shared']\n"
    )
    assert list(topics(name)) == ["Shared"]


def test_only_imported_models_are_no_models_of_the_module(write_module: WriteModule) -> None:
    write_module("class Shared(BaseModel):\n    id: int\n", "shared_models")
    name = write_module("from shared_models import Shared\n")
    [(message, remedy)] = errors(name)
    assert message == f"{name} has no models"
    assert "`__all__`" in remedy


def test_same_names_of_two_modules_are_two_schemas(write_module: WriteModule) -> None:
    write_module("class Item(BaseModel):\n    a: int\n", "left_models")
    name = write_module(
        "import left_models\nclass Item(BaseModel):\n    b: int\n"
        "class Both(BaseModel):\n    mine: Item\n    other: left_models.Item\n"
    )
    assert topics(name)["Item"] == "Item"
    found = schemas(name)
    assert list(found["Item"]["properties"]) == ["b"]
    assert list(found["left_models__Item"]["properties"]) == ["a"]


def test_the_document_says_what_the_classes_say(write_module: WriteModule) -> None:
    name = write_module('''
class Line(BaseModel):
    """One line.

    Of an order.
    """

    sku: str = Field(description="What.", examples=["tea"])
    count: int = Field(default=1, ge=1)
''')
    assert schemas(name) == {
        "Line": {
            "description": "One line.\n\nOf an order.",
            "type": "object",
            "properties": {
                "sku": {"type": "string", "description": "What.", "examples": ["tea"]},
                "count": {"type": "integer", "minimum": 1, "default": 1},
            },
            "required": ["sku"],
        }
    }


def test_the_text_is_the_same_each_time(write_module: WriteModule) -> None:
    name = write_module(MODELS)
    assert import_models(name, Wanted()).documents == import_models(name, Wanted()).documents


@pytest.mark.parametrize("text", ["", "a..b", "a:b:c", "a:", "a.b:C,", "a-b", "1a", "a:B C"])
def test_a_text_that_names_nothing(text: str) -> None:
    [(message, remedy)] = errors(text)
    assert "names no models" in message
    assert "shop.models:Order" in remedy


def test_a_module_that_is_not_there(write_module: WriteModule) -> None:
    assert errors("nowhere_at_all")[0][0] == "there is no module nowhere_at_all"
    write_module("", "src.office.__init__")
    [(message, remedy)] = errors("office.models")
    assert message == "there is no module office.models: office isn't found"
    assert "PYTHONPATH=src" in remedy
    write_module("", "shop.__init__")
    assert errors("shop.modells")[0][0] == "there is no module shop.modells"
    write_module("class Order(BaseModel):\n    id: int\n", "shop.models")
    [(message, remedy)] = errors("shop.models.Order")
    assert message.startswith("there is no module shop.models.Order")
    assert remedy == "A model stands behind a colon: shop.models:Order."
    assert errors("shop") == [("shop has no models", "Name one of its modules: shop.models.")]
    assert errors("nowhere.models")[0][0] == "there is no module nowhere.models: nowhere isn't found"


@pytest.mark.parametrize(
    ("code", "message", "line"),
    [
        ("import not_installed_here\n", "ModuleNotFoundError: No module named 'not_installed_here'", 1),
        ("\nx = undefined\n", "NameError: name 'undefined' is not defined", 2),
        ("raise SystemExit(3)\n", "SystemExit: 3", 1),
        ("def f(:\n", "SyntaxError: invalid syntax", 1),
        ("from pydantic import BaseModel\nclass M(BaseModel):\n    a: 'int' = Field()\n",
         "NameError: name 'Field' is not defined", 3),
        ("class E(Exception): pass\nraise E\n", "E", 2),
    ],
)  # fmt: skip
def test_a_module_that_raises(write_module: WriteModule, code: str, message: str, line: int) -> None:
    name = write_module(code, head="")
    with pytest.raises(DefinitionErrors) as caught:
        import_models(name, Wanted())
    [problem] = caught.value.problems
    assert problem.message == f"importing {name} failed: {message}"
    assert problem.place is not None
    assert (problem.place.path, problem.place.line) == (f"{name}.py", line)


def test_a_name_that_is_undefined_in_a_model(write_module: WriteModule) -> None:
    name = write_module("class Order(BaseModel):\n    lines: list[Line]\n")
    [(message, remedy)] = errors(f"{name}:Order")
    assert message == f"{name}:Order refers to a name that isn't defined: Line"
    assert "TYPE_CHECKING" in remedy


def test_names_in_a_type_are_those_of_its_module(write_module: WriteModule) -> None:
    """Names that the importer itself has, too: `Target`, and what its functions call `label`."""
    name = write_module(
        "Maybe = Optional['Target']\n"
        "Many = TypeAdapter(List['Target'], config=ConfigDict(defer_build=True))\n"
        "class Target(BaseModel):\n    host: str\n"
    )
    for named in ("Maybe", "Many"):
        assert list(schemas(f"{name}:{named}")["Target"]["properties"]) == ["host"]
    other = write_module("class Order(BaseModel):\n    to: label\nGone = Optional['Where']\n")
    missing = {message.rpartition(": ")[2] for message, _ in errors(f"{other}:Order,Gone")}
    assert missing == {"label", "Where"}


def test_a_model_may_be_completed_where_it_is_named(write_module: WriteModule) -> None:
    write_module(
        "if TYPE_CHECKING:\n    from shop.lines import Line\n"
        "class Order(BaseModel):\n    lines: list[Line]\n",
        "shop.orders",
    )
    write_module("class Line(BaseModel):\n    sku: str\n", "shop.lines")
    write_module("from shop.orders import Order\nfrom shop.lines import Line\n", "shop.__init__")
    assert list(topics("shop")) == ["Order", "Line"]


def test_the_search_path_is_as_before(write_module: WriteModule) -> None:
    name, before = write_module("class M(BaseModel):\n    id: int\n"), list(sys.path)
    import_models(name, Wanted())
    assert sys.path == before
