"""What generated modules import, and the lazy package."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from tightbeam._codegen import v1


def test_the_doorway_has_exactly_these_names():
    assert sorted(v1.__all__) == [
        *("Array", "Channel", "DataEventRef", "EmptyEventRef", "Event", "Message", "Payload", "TopicRef"),
        *("empty_event", "event", "import_first", "is_absent", "lazy_package"),
        *("open_channel", "optional", "topic", "unchecked", "uuid_text", "wire"),
    ]
    assert all(hasattr(v1, name) for name in v1.__all__)


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    made = types.ModuleType("lazy_sample")
    made.__path__ = []
    module = types.ModuleType("lazy_sample.uploads")
    vars(module).update(uploads_channel="factory", UploadsChannel="class")
    monkeypatch.setitem(sys.modules, "lazy_sample", made)
    monkeypatch.setitem(sys.modules, "lazy_sample.uploads", module)
    getattr_, dir_ = v1.lazy_package("lazy_sample", {"uploads": ("uploads_channel", "UploadsChannel")})
    vars(made).update(__getattr__=getattr_, __dir__=dir_)
    return made


def test_a_lazy_package_imports_at_first_use(package: types.ModuleType):
    assert "uploads_channel" not in vars(package)
    assert package.uploads_channel == "factory"
    assert vars(package)["uploads_channel"] == "factory"
    assert {"uploads_channel", "UploadsChannel"} <= set(dir(package))


@pytest.mark.parametrize("name", ["Uploads", "uploads_chanel", "__wrapped__"])
def test_a_lazy_package_has_no_other_names(package: types.ModuleType, name: str):
    with pytest.raises(AttributeError, match=f"module 'lazy_sample' has no attribute '{name}'"):
        getattr(package, name)


IMPORTED = """
import sys, tightbeam
before = set(sys.modules)
import generated
generated.uploads_channel(upload_id="1")
print(*sorted(sys.modules.keys() - before))
"""


def test_a_channel_costs_its_own_modules_alone() -> None:
    """The libraries, and the parts of Pydantic that a class takes, are imported by `import tightbeam`."""
    command = [sys.executable, "-c", IMPORTED]
    project = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=60, check=True)
    names = done.stdout.split()
    assert "generated.uploads" in names
    assert {name.partition(".")[0] for name in names} == {"generated", "tightbeam"}
