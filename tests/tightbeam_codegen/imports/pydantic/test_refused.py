"""What can't be taken is refused by name: with place, cause and remedy; of a module, the rest is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tightbeam_codegen.imports.pydantic.conftest import WriteModule
from tightbeam_codegen.imports import Wanted
from tightbeam_codegen.imports.pydantic import import_models
from tightbeam_codegen.problems import DefinitionErrors, Problem

FIELDS = {
    "a callable": ("f: Callable[[int], int]", "JSON Schema has nothing for `Callable`"),
    "a class": ("f: type[int]", "is a class, which can't be dumped"),
    "an instance": ("f: InstanceOf[re.Match]", "JSON Schema has nothing for the class `Match`"),
    "a branch": ("f: int | Callable[[], int]", "JSON Schema has nothing for `Callable`"),
    "within a list": ("f: list[Callable[[], int]]", "JSON Schema has nothing for `Callable`"),
    "a secret": ("f: SecretStr", "is a secret"),
    "a secret of bytes": ("f: SecretBytes | None = None", "is a secret"),
    "a secret of another type": ("f: Secret[int]", "is a secret"),
    "JSON in text": ("f: Json[list[int]]", "is `Json`"),
    "excluded and required": ("f: int = Field(exclude=True)", "isn't dumped, and is required"),
    "an alias for one way": ("f: int = Field(serialization_alias='g')", "is dumped as 'g', and read as 'f'"),
    "an alias for the other": ("f: int = Field(validation_alias='g')", "is dumped as 'f', and read as 'g'"),
    "a path": ("f: int = Field(validation_alias=AliasPath('g', 0))", "is dumped as 'f', and read as a path"),
    "keys that are tuples": ("f: dict[tuple[int, int], int]", "has keys that can't be read again"),
    "keys that may be None": ("f: dict[int | None, int]", "has keys that can't be read again"),
    "keys that are numbers of a literal": (
        "f: dict[Literal[1, 2], int]",
        "has keys that can't be read again",
    ),
    "a literal of bytes": ("f: Literal[b'x']", "has the literal b'x'"),
    "a literal of a plain enum": ("f: Literal[Plain.A]", "has the literal <Plain.A: 'a'>"),
    "an enum of tuples": ("f: Tuples", "is an enum whose member `A` has a value"),
    "a serializer without a type": (
        "f: Annotated[int, PlainSerializer(lambda v: v)]",
        "is dumped by `<lambda>`",
    ),
}
HEAD = """
class Plain(enum.Enum):
    A = "a"


class Tuples(enum.Enum):
    A = (1, 2)


"""


def refused(name: str) -> tuple[Problem, ...]:
    with pytest.raises(DefinitionErrors) as caught:
        import_models(name, Wanted())
    return caught.value.problems


@pytest.mark.parametrize(("field", "message"), FIELDS.values(), ids=FIELDS.keys())
def test_a_field(write_module: WriteModule, field: str, message: str) -> None:
    name = write_module(f"{HEAD}class Order(BaseModel):\n    id: int\n    {field}\n")
    [problem] = refused(f"{name}:Order")
    assert problem.severity == "error"
    assert problem.message.startswith(f"{name}:Order.f ")
    assert message in problem.message
    assert problem.remedy
    lines = Path(f"{name}.py").read_text("utf-8").splitlines()
    assert problem.place is not None
    assert problem.place.path == f"{name}.py"
    assert lines[problem.place.line - 1].strip().startswith("f:")


COMPUTED = """
class M(BaseModel):
    model_config = ConfigDict(extra={!r})

    @computed_field
    @property
    def b(self) -> int: return 1
"""
MILLISECONDS = """
class M(BaseModel):
    model_config = ConfigDict(ser_json_temporal='milliseconds')

    b: datetime.timedelta
"""


@pytest.mark.parametrize(
    ("code", "where", "message"),
    [
        ("class M(BaseModel):\n    a: int\n    @model_serializer\n    def dump(self): return 1",
         "M", "is dumped by `dump`, which doesn't say what it returns"),
        ("class M(BaseModel):\n    a: int\n    @field_serializer('a')\n    def dump(self, a): return 1",
         "M.a", "is dumped by `dump`, which doesn't say what it returns"),
        (COMPUTED.format("forbid"), "M.b", "is computed"),
        (COMPUTED.format("allow"), "M.b", "is computed"),
        ("class M(BaseModel):\n    model_config = ConfigDict(ser_json_bytes='hex')\n    b: bytes",
         "M.b", "is dumped as hex, and read as utf8"),
        (MILLISECONDS, "M.b", "is dumped in milliseconds"),
        ("@dataclasses.dataclass\nclass D:\n    a: dataclasses.InitVar[int]\nclass M(BaseModel):\n    d: D",
         "D.a", "isn't dumped, and is required"),
        ("class T(typing_extensions.TypedDict):\n    s: SecretStr\nclass M(BaseModel):\n    t: T",
         "T.s", "is a secret"),
        ("class M(BaseModel):\n    model_config = ConfigDict(json_schema_extra=lambda s: 1 / 0)",
         "M", "can't be described: division by zero"),
    ],
)  # fmt: skip
def test_a_class(write_module: WriteModule, code: str, where: str, message: str) -> None:
    name = write_module(f"import typing_extensions\n{code}\n")
    [problem] = refused(f"{name}:M")
    assert problem.message.startswith(f"{name}:{where} ")
    assert message in problem.message
    assert problem.place is not None


def test_an_inherited_field_is_shown_where_it_stands(write_module: WriteModule) -> None:
    name = write_module("class Base(BaseModel):\n    s: SecretStr\nclass M(Base):\n    a: int\n")
    [problem] = refused(f"{name}:M")
    assert problem.message.startswith(f"{name}:M.s ")
    assert problem.place is not None
    assert Path(f"{name}.py").read_text("utf-8").splitlines()[problem.place.line - 1] == "    s: SecretStr"


def test_models_of_pydantic_1(write_module: WriteModule) -> None:
    name = write_module("from pydantic.v1 import BaseModel as Old\nclass M(Old):\n    a: int\n")
    for target in (name, f"{name}:M"):
        [problem] = refused(target)
        assert "is a model of Pydantic 1" in problem.message
        assert problem.remedy == "Derive it from `pydantic.BaseModel`."


def test_two_models_of_one_short_name_are_two_topics(write_module: WriteModule) -> None:
    name = write_module(
        "class A(BaseModel):\n    class In(BaseModel):\n        a: int\n"
        "class B(BaseModel):\n    class In(BaseModel):\n        b: int\n"
    )
    [definition] = import_models(f"{name}:A.In,B.In", Wanted()).definitions.values()
    assert len({topic["schema"]["$ref"] for topic in definition["topics"].values()}) == 2


def test_all_that_is_wrong_is_said_at_once(write_module: WriteModule) -> None:
    name = write_module(
        "class M(BaseModel):\n    a: SecretStr\n    b: Json\nclass N(BaseModel):\n    c: type[int]"
    )
    assert [each.message.partition(" ")[0] for each in refused(f"{name}:M,N")] == [
        f"{name}:{place}" for place in ("M.a", "M.b", "N.c")
    ]


def test_of_a_module_the_rest_is_taken(write_module: WriteModule) -> None:
    name = write_module(
        "class Login(BaseModel):\n    password: SecretStr\n"
        "class Session(BaseModel):\n    login: Login\n"
        "class Order(BaseModel):\n    id: int\n"
    )
    imported = import_models(name, Wanted())
    [definition] = imported.definitions.values()
    assert list(definition["topics"]) == ["Order"]
    [problem] = imported.left_out
    assert problem.severity == "warning"
    assert problem.message.startswith(f"Login, Session are left out: {name}:Login.password is a secret")


def test_nothing_is_left_of_a_module(write_module: WriteModule) -> None:
    name = write_module("class Login(BaseModel):\n    password: SecretStr\n")
    [problem] = refused(name)
    assert problem.severity == "error"
    assert "is a secret" in problem.message


def test_dumps_by_name_and_by_alias_at_once(write_module: WriteModule) -> None:
    name = write_module(
        "class A(BaseModel):\n    a: int = Field(alias='x')\n"
        "class B(BaseModel):\n    model_config = ConfigDict(validate_by_alias=False, validate_by_name=True)\n"
        "    b: int = Field(alias='y')\n    a: A\n"
    )
    [problem] = refused(f"{name}:B")
    assert "has to be dumped by alias for `A`, and by name for `B`" in problem.message
