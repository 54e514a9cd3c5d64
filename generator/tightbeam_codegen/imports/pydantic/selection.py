"""Which models of a module are taken."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any, get_origin

from pydantic import (
    BaseModel,
    PydanticSchemaGenerationError,
    RootModel,
    TypeAdapter,
)
from pydantic.dataclasses import is_pydantic_dataclass

from tightbeam_codegen.imports.pydantic.findings import Where, refusal
from tightbeam_codegen.imports.pydantic.target import Target
from tightbeam_codegen.problems import DefinitionErrors, Problem
from tightbeam_codegen.suggest import did_you_mean

__all__ = ["Selected", "all_models", "named_models"]

_NAME_IT = "If it is sent all the same, name it, as in `--from package.module:Model`."


@dataclass(frozen=True, slots=True)
class Selected:
    """A model, or another type that Pydantic knows, under the name that it has in its module."""

    name: str
    where: Where
    adapter: TypeAdapter[Any]


def named_models(module: ModuleType, target: Target) -> list[Selected]:
    """Return what a target names in its module.

    Raises:
        DefinitionErrors: with all names that aren't there, or aren't models.
    """
    selected: list[Selected] = []
    problems: list[Problem] = []
    for name in target.names:
        try:
            value = operator.attrgetter(name)(module)
        except AttributeError:
            known = [each for each, _ in _public(module)]
            remedy = did_you_mean(name, known) or _list_of(known) or "The module has no models."
            problems.append(Problem(None, "error", f"{module.__name__} has no {name}", remedy))
            continue
        try:
            selected.append(_selected(name, value, module))
        except DefinitionErrors as error:
            problems += error.problems
    if problems:
        raise DefinitionErrors(problems)
    return selected


def all_models(module: ModuleType) -> tuple[list[Selected], list[Problem]]:
    """Return the models of a module that stand for messages, and what was left out.

    These are the public models and Pydantic dataclasses that the module, or a module below it, defines;
    where it has an `__all__`, those in it, wherever they are defined.
    """
    selected: dict[type, Selected] = {}
    left_out: list[Problem] = []
    models = list(_public(module))
    for name, cls in models:
        if cls in selected:
            continue
        reason = _no_message(cls, [other for _, other in models])
        where = Where(cls, "")
        if reason is not None:
            cause, remedy = reason
            left_out.append(
                Problem(where.place, "warning", f"{module.__name__}:{name} is left out: it {cause}", remedy)
            )
            continue
        try:
            selected[cls] = _selected(name, cls, module)
        except DefinitionErrors as error:
            left_out += [
                Problem(each.place, "warning", f"{name} is left out: {each.message}", each.remedy)
                for each in error.problems
            ]
    return list(selected.values()), left_out


def _public(module: ModuleType) -> Iterator[tuple[str, type]]:
    """Yield the models that a module offers, in the order of its code."""
    stated = getattr(module, "__all__", None)
    # A form of a generic model is there under a name such as `Page[int]`, too.
    names = (
        [name for name in vars(module) if name.isidentifier() and name[0] != "_"]
        if stated is None
        else list(stated)
    )
    for name in names:
        value: Any = getattr(module, name, None)
        if not _is_model(value):
            continue
        home = value.__module__
        if stated is not None or home == module.__name__ or home.startswith(f"{module.__name__}."):
            yield name, value


def _is_model(value: Any) -> bool:
    if not inspect.isclass(value):
        return False
    if issubclass(value, BaseModel):
        return value not in (BaseModel, RootModel)
    return is_pydantic_dataclass(value) or _is_of_pydantic_1(value)


def _is_of_pydantic_1(cls: type) -> bool:
    """Return whether a class is a model of the old kind, which Pydantic 2 has, too."""
    return any(base.__module__ == "pydantic.v1.main" and base is not cls for base in cls.__mro__)


def _parameters(cls: type) -> tuple[Any, ...]:
    metadata: Any = getattr(cls, "__pydantic_generic_metadata__", {})
    return tuple(metadata.get("parameters") or getattr(cls, "__parameters__", ()))


def _is_generic(cls: type) -> bool:
    """Return whether a class has type parameters that stand for nothing; one may have a default."""
    return any(not (hasattr(each, "has_default") and each.has_default()) for each in _parameters(cls))


def _form_of(cls: type) -> str:
    """Return an example of a name for a form of a generic class; what a bound demands is left open."""
    given = [
        "…" if getattr(each, "__bound__", None) or getattr(each, "__constraints__", ()) else "int"
        for each in _parameters(cls)
    ]
    name = f"{cls.__name__}OfInt" if given == ["int"] else f"My{cls.__name__}"
    return f"{name} = {cls.__name__}[{', '.join(given)}]"


def _no_message(cls: type, others: list[type]) -> tuple[str, str] | None:
    """Return why a class stands for no message, and what to do about it; None if it does."""
    if _is_of_pydantic_1(cls):
        return "is a model of Pydantic 1", "Derive it from `pydantic.BaseModel`."
    if _is_generic(cls):
        return "is generic", f"Name one of its forms in the module, such as `{_form_of(cls)}`."
    if inspect.isabstract(cls):
        return "is abstract", _NAME_IT
    if any(base.__module__.partition(".")[0] == "pydantic_settings" for base in cls.__mro__):
        return "has settings", _NAME_IT
    has_fields = bool(getattr(cls, "model_fields", True))
    if not has_fields and any(cls in other.__mro__[1:] for other in others):
        return "is a base of others and has no fields", _NAME_IT
    return None


def _selected(name: str, value: Any, module: ModuleType) -> Selected:
    """Return a type under its name.

    Raises:
        DefinitionErrors: it isn't one that Pydantic can make.
    """
    label = f"{module.__name__}:{name}"
    cls = value if inspect.isclass(value) else None
    where = Where(cls, "") if cls is not None and _is_model(cls) else Where(None, label)
    if cls is None and get_origin(value) is None and not _is_type_form(value):
        raise refusal(
            f"{label} is no model, but {_kind_of(value)}", _list_of([each for each, _ in _public(module)])
        )
    if cls is not None and (_is_generic(cls) or _is_of_pydantic_1(cls)):
        cause, remedy = _no_message(cls, []) or ("", "")
        raise refusal(f"{label} {cause}", remedy, where.place)
    return Selected(name.rpartition(".")[2], where, _adapter(value, module, label, where))


def _adapter(value: Any, module: ModuleType, label: str, where: Where) -> TypeAdapter[Any]:
    """Return what validates and dumps values of a type.

    Raises:
        DefinitionErrors: Pydantic can't make it.
    """
    try:
        if inspect.isclass(value) and issubclass(value, BaseModel):
            value.model_rebuild(_types_namespace=vars(module))
        adapter: TypeAdapter[Any] = (
            value if isinstance(value, TypeAdapter) else _called_in(module, TypeAdapter, value)
        )
        _called_in(module, adapter.rebuild)
    except NameError as error:
        message = f"{label} refers to a name that isn't defined: {error.name}"
        remedy = "Import it in the module, also outside of `if TYPE_CHECKING:`."
    except PydanticSchemaGenerationError as error:
        message, remedy = f"{label} is no model: {str(error).splitlines()[0]}", "Name a model."
    except Exception as error:  # noqa: BLE001 - a type's own functions may raise anything
        message = f"{label} can't be used: {(str(error) or type(error).__name__).splitlines()[0]}"
        remedy = "Correct the model."
    else:
        if adapter.pydantic_complete:
            return adapter
        message = f"{label} can't be used: Pydantic doesn't find all the types that it refers to"
        remedy = "Import them in its module, and call its `model_rebuild()`."
    raise refusal(message, remedy, where.place)


def _called_in(module: ModuleType, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function as code of a module would: Pydantic looks for names where it is called."""
    return FunctionType(_call.__code__, vars(module))(function, arguments)


def _call(_tightbeam_function: Callable[..., Any], _tightbeam_arguments: tuple[Any, ...]) -> Any:
    return _tightbeam_function(*_tightbeam_arguments)


def _is_type_form(value: Any) -> bool:
    """Return whether a value that is no class stands for a type: an alias, a union, or an adapter."""
    return isinstance(value, TypeAdapter) or type(value).__name__ in {"TypeAliasType", "UnionType", "NewType"}


def _kind_of(value: Any) -> str:
    if inspect.ismodule(value):
        return "a module"
    return "a function" if inspect.isroutine(value) else f"a value of the type `{type(value).__name__}`"


def _list_of(names: list[str]) -> str:
    shown = ", ".join(names[:10])
    return f"Its models are {shown}{' and others' if len(names) > 10 else ''}." if names else ""
