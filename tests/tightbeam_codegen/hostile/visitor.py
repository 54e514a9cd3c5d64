"""Run as a program: uses all that is in the generated packages of a folder, short of sending payloads.

Prints what failed. What is generated must not run anything when it is imported, when its
annotations are evaluated, by whatever means, or when its schemas are compiled.
"""

from __future__ import annotations

import builtins
import importlib
import inspect
import sys
import typing
from pathlib import Path
from types import ModuleType

import pydantic

from tightbeam import Channel
from tightbeam._channels.refs import topics


def visit(module: ModuleType) -> None:
    """One module: its names, its classes, its channel."""
    for name in [*dir(module), *getattr(module, "__all__", ())]:
        value = getattr(module, name, None)
        if isinstance(value, type) and value.__module__ == module.__name__:
            visit_class(value)
        elif inspect.isfunction(value):
            typing.get_type_hints(value, include_extras=True)
            inspect.signature(value, eval_str=True)
        elif isinstance(value, Channel):
            for ref in topics(value).values():
                assert ref.__topic__.compile().validator
    assert inspect.getdoc(module)


def visit_class(kind: type) -> None:
    """Its annotations, as every kind of reader evaluates them."""
    typing.get_type_hints(kind, include_extras=True)
    inspect.get_annotations(kind, eval_str=True)
    if issubclass(kind, pydantic.BaseModel):
        kind.model_rebuild(force=True)
        assert kind.model_fields is not None
        inspect.signature(kind)


def main(folder: Path) -> list[str]:
    """Visit every module below a folder of packages; what failed."""
    sys.path.insert(0, str(folder))
    failed = []
    for file in sorted(folder.glob("*/**/*.py")):
        path = file.relative_to(folder).with_suffix("")
        name = ".".join(path.parts[:-1] if path.name == "__init__" else path.parts)
        try:
            visit(importlib.import_module(name))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            causes = f"{error!r} {error.__cause__!r}"
            failed.append(f"{name}: {causes}")
    if hasattr(builtins, "canary_fired") or "canary" in sys.modules:
        failed.append("the canary fired")
    return failed


if __name__ == "__main__":
    print("\n".join(main(Path(sys.argv[1]))))
