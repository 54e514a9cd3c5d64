"""`tightbeam init --from package.module`, and `--update` and `--check` when the models have changed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from tests.tightbeam_codegen.imports.pydantic.conftest import WriteModule
from tightbeam_cli import main
from tightbeam_cli.app import app

ORDER = "class Order(BaseModel):\n    id: int\n    note: str | None = None\n"


def texts() -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in Path("schemas").iterdir()}


def changed(write_module: WriteModule, code: str) -> None:
    """Write other code as the module `shop.models`, as another process would see it."""
    sys.modules.pop("shop.models", None)
    write_module(code, "shop.models")
    # Two writes within a second have the same time, by which Python takes compiled code for current.
    for compiled in Path("shop").rglob("*.pyc"):
        compiled.unlink()


def test_what_is_written(write_module: WriteModule, capsys: pytest.CaptureFixture[str]) -> None:
    write_module(ORDER, "shop.models")
    assert main(["init", "--from", "shop.models", "--name", "orders:{orderId}"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.startswith(
        "Wrote schemas/shop-models.json: 1 schema, for what the models dump.\n"
        "Wrote schemas/shop-models-topics.channel.json: 1 topic, for the models of shop.models.\n"
    )
    assert sorted(texts()) == ["channel.schema.json", "shop-models-topics.channel.json", "shop-models.json"]
    assert json.loads(texts()["shop-models-topics.channel.json"]) == {
        "$schema": "channel.schema.json",
        "name": "orders:{orderId}",
        "params": {"orderId": {"type": "string"}},
        "topics": {"Order": {"schema": {"$ref": "shop-models.json#/$defs/Order"}}},
    }
    document = json.loads(texts()["shop-models.json"])
    assert list(document) == ["$schema", "$comment", "$defs"]
    assert main(["generate", "--strict"]) == 0


def test_a_package_is_a_module_though_it_is_a_folder(
    write_module: WriteModule, capsys: pytest.CaptureFixture[str]
) -> None:
    write_module(ORDER, "shop.__init__")
    assert main(["init", "--from", "shop"]) == 0, capsys.readouterr().err
    assert sorted(texts()) == ["channel.schema.json", "shop-topics.channel.json", "shop.json"]
    Path("spec").mkdir()
    assert main(["init", "--from", "spec"]) == 2
    assert "'spec' is a folder" in capsys.readouterr().err


def test_a_file_that_exists_is_left_alone(
    write_module: WriteModule, capsys: pytest.CaptureFixture[str]
) -> None:
    write_module(ORDER, "shop.models")
    assert main(["init", "--from", "shop.models"]) == 0
    changed(write_module, ORDER.replace("note", "memo"))
    before = texts()
    assert main(["init", "--from", "shop.models"]) == 2
    assert texts() == before
    error = capsys.readouterr().err
    assert "schemas/shop-models.json exists; nothing was changed" in error
    assert "`tightbeam init --from shop.models --update` writes shop-models.json anew" in error


def test_a_second_model_of_a_module(write_module: WriteModule, capsys: pytest.CaptureFixture[str]) -> None:
    """The document is for the models that are named, so one that is named alone would replace the others."""
    write_module(ORDER + "class Refund(BaseModel):\n    id: int\n", "shop.models")
    assert main(["init", "--from", "shop.models:Order"]) == 0
    assert main(["init", "--from", "shop.models:Refund"]) == 2
    assert "these models alone, so name those that it is to keep, too" in capsys.readouterr().err
    assert main(["init", "--from", "shop.models", "--only", "Order", "--only", "Refund", "--check"]) == 1
    assert "Run `tightbeam init --from shop.models:Order,Refund --update`." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("module", "file"),
    [("_shop._models_", "shop-models.json"), ("modèles", "modèles.json"), ("__", "models.json")],
)
def test_names_of_files(
    write_module: WriteModule, module: str, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_module(ORDER, module)
    assert main(["init", "--from", module]) == 0, capsys.readouterr().err
    assert file in texts()
    assert main(["init", "--from", module, "--check"]) == 0


def test_one_source_at_a_time(write_module: WriteModule, capsys: pytest.CaptureFixture[str]) -> None:
    write_module(ORDER, "shop.models")
    write_module(ORDER, "shop.others")
    assert main(["init", "--from", "shop.models", "--from", "shop.others"]) == 2
    assert "--from takes one source" in capsys.readouterr().err
    assert not Path("schemas").exists()


def test_update(write_module: WriteModule, capsys: pytest.CaptureFixture[str]) -> None:
    write_module(ORDER + "class Old(BaseModel):\n    a: int\n", "shop.models")
    assert main(["init", "--from", "shop.models"]) == 0
    definition = Path("schemas/shop-models-topics.channel.json")
    definition.write_text(definition.read_text("utf-8").replace('"shop-models"', '"orders"'), "utf-8")
    before = texts()
    capsys.readouterr()
    assert main(["init", "--from", "shop.models", "--update"]) == 0
    assert capsys.readouterr().out == "schemas/shop-models.json is up to date\n"
    assert texts() == before

    changed(write_module, ORDER.replace("note", "memo") + "class New(BaseModel):\n    a: int\n")
    assert main(["init", "--from", "shop.models", "--check"]) == 1
    said = capsys.readouterr()
    assert '-        "note": {' in said.out
    assert '+        "memo": {' in said.out
    assert "Run `tightbeam init --from shop.models --update`." in said.err
    assert texts() == before

    assert main(["init", "--from", "shop.models", "--update"]) == 0
    assert capsys.readouterr().out == (
        "Wrote schemas/shop-models.json\n"
        "New in it: New. For a topic, refer to one in a definition:"
        ' { "$ref": "shop-models.json#/$defs/New" }\n'
        "Gone from it: Old. Remove the topics that refer to it.\n"
    )
    after = texts()
    assert {name for name in after if after[name] != before[name]} == {"shop-models.json"}
    assert main(["init", "--from", "shop.models", "--check"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["init", "--from", "shop.models:Order", "--update"]) == 0
    assert "It was made of `--from shop.models` before" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--update", "--check"])
def test_before_there_is_a_document(
    write_module: WriteModule, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_module(ORDER, "shop.models")
    assert main(["init", "--from", "shop.models", option]) == 2
    assert "Begin with `tightbeam init --from shop.models`." in capsys.readouterr().err
    assert not Path("schemas").exists()


def test_update_overwrites_no_other_file(
    write_module: WriteModule, capsys: pytest.CaptureFixture[str]
) -> None:
    write_module(ORDER, "shop.models")
    Path("schemas").mkdir()
    Path("schemas/shop-models.json").write_text("{}", "utf-8")
    assert main(["init", "--from", "shop.models", "--update"]) == 2
    assert "schemas/shop-models.json isn't made of models" in capsys.readouterr().err
    assert texts() == {"shop-models.json": "{}"}


@pytest.mark.parametrize("option", ["--update", "--check"])
def test_these_belong_to_models(
    write_module: WriteModule, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", option]) == 2
    assert "belong to --from" in capsys.readouterr().err
    Path("schemas").mkdir()
    Path("schemas/shop.json").write_text('{"$defs": {"A": {"type": "string"}}}', "utf-8")
    assert main(["init", "--from", "schemas/shop.json", option]) == 2
    assert "names no models" in capsys.readouterr().err


OTHERS = [
    ["generate"],
    ["generate", "--check"],
    ["init", "--editor"],
    ["breaking", "schemas", "--against", "schemas"],
    ["docs", "schemas", "--output", "site"],
    ["export", "asyncapi", "schemas"],
]


@pytest.mark.slow
def test_no_other_command_runs_the_module(write_module: WriteModule) -> None:
    write_module(f"{ORDER}open('ran', 'a').write('x')\n", "shop.models")
    assert main(["init", "--from", "shop.models"]) == 0
    assert Path("ran").read_text("utf-8") == "x"
    sys.modules.pop("shop.models")
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for command in OTHERS:
        if command[0] in known:
            assert main(command) in {0, 1}, command
    assert Path("ran").read_text("utf-8") == "x"
    assert "shop.models" not in sys.modules


HOSTILE = '''
class Größe(BaseModel):
    """Words with \\"\\"\\" and */ and </script> and \\u202e and \\\\."""
    länge: int
    key: int = Field(alias='a"b\\n\\\\', description='"""\\nopen("ran", "w")\\n"""')
class Texts(enum.Enum):
    A = '"""\\nopen("ran", "w")\\n"""'
    B = "*/ </script>"
Evil = create_model('E"\\n)\\nopen("ran", "w")', texts=(Texts, ...), inner=(Größe, ...))
Evil.__module__ = __name__
'''


@pytest.mark.slow
def test_words_of_models_stay_words(write_module: WriteModule, capsys: pytest.CaptureFixture[str]) -> None:
    write_module(HOSTILE, "hostile_models")
    assert main(["init", "--from", "hostile_models"]) == 0, capsys.readouterr().err
    assert main(["generate", "--strict", "--typescript", "web"]) == 0, capsys.readouterr().err
    subprocess.run(
        [sys.executable, "-c", "from generated.hostile_models import *; print(Größe, Evil)"], check=True
    )
    assert not Path("ran").exists()
