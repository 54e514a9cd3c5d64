"""What a waiting step takes: events of a name whose data is as asked for.

A condition is stored with the step, and is judged where an event is sent, in the transaction that hands the
event over. `match` needs nothing; `if_exp` is an expression in CEL, as on Inngest, for which a library is an
extra.
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any

from tightbeam._step_checks import is_unicode
from tightbeam.errors import StepMisuse

__all__ = ["as_expression", "check_condition", "condition_of", "takes"]

_log = logging.getLogger("tightbeam")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_WORDS = frozenset(
    {
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function"),
        *("if", "import", "let", "loop", "package", "namespace", "return", "var", "void", "while"),
    }
)
"""Names that mean something else in CEL."""
_MAX_INTEGER = 2**53 - 1
_INT64 = range(-(2**63), 2**63)


def check_condition(step_id: str, match: object, if_exp: object) -> None:
    """Refuse a condition that can't be one.

    Args:
        step_id: of the step, for the error.
        match: properties of the event's data with their values, by paths such as ``order.id``; or None.
        if_exp: an expression in CEL; or None.

    Raises:
        StepMisuse: it can't.
    """
    if if_exp is not None and (not isinstance(if_exp, str) or not if_exp.strip() or not is_unicode(if_exp)):
        raise StepMisuse(f'step "{step_id}": if_exp= is an expression in CEL, as text')
    if match is None:
        return
    if not isinstance(match, Mapping) or not match:
        raise StepMisuse(
            f'step "{step_id}": match= is a mapping of properties of the event\'s data to their values, '
            'such as {"orderId": order_id}'
        )
    for path, value in match.items():
        if not isinstance(path, str) or not all(path.split(".")):
            raise StepMisuse(f'step "{step_id}": a key of match= is a property, or a path such as "order.id"')
        if not all(is_unicode(text) for text in (path, value) if isinstance(text, str)):
            raise StepMisuse(
                f'step "{step_id}": match= compares Unicode text; one of its keys or values holds half of a '
                "surrogate pair"
            )
        is_scalar = value is None or isinstance(value, str | bool | int | float)
        if not is_scalar or (isinstance(value, float) and not math.isfinite(value)):
            raise StepMisuse(
                f'step "{step_id}": match= compares "{path}" with text, a number, a truth value or None'
            )
        if isinstance(value, int) and not -_MAX_INTEGER <= value <= _MAX_INTEGER:
            raise StepMisuse(
                f'step "{step_id}": match= compares integers up to 2**53 - 1; "{path}" is beyond'
            )


def condition_of(
    step_id: str, match: Mapping[str, Any] | None, if_exp: str | None, event: Mapping[str, Any]
) -> bytes | None:
    """Return a condition in the form in which it is stored; None takes every event.

    Args:
        step_id: of the step, for errors.
        match: as `check_condition` has passed it.
        if_exp: likewise.
        event: the event of the step's own run, as ``event`` in the expression.

    Raises:
        StepMisuse: the expression isn't one, or the library isn't installed.
    """
    if match is None and if_exp is None:
        return None
    condition: dict[str, Any] = {}
    if match is not None:
        condition["match"] = dict(match)
    if if_exp is not None:
        try:
            _program(if_exp)
        except ModuleNotFoundError:
            raise StepMisuse(
                f'step "{step_id}": if_exp= needs the package cel-expr-python: '
                "pip install 'tightbeam[cel]'; or compare properties by match="
            ) from None
        except RuntimeError as error:
            raise StepMisuse(f'step "{step_id}": if_exp= is no expression in CEL: {error}') from None
        condition |= {"if": if_exp, "event": dict(event)}
    return json.dumps(condition, separators=(",", ":")).encode()


def takes(condition: bytes | None, event: Mapping[str, Any]) -> bool:
    """Return whether a waiting step takes an event. Doesn't raise.

    Args:
        condition: of the step, as it is stored.
        event: with ``name`` and ``data``.
    """
    if condition is None:
        return True
    asked = json.loads(condition)
    data = event["data"]
    if not all(_is_equal(_at(data, path), value) for path, value in asked.get("match", {}).items()):
        return False
    return "if" not in asked or _is_true(asked["if"], asked["event"], event)


def _at(data: object, path: str) -> object:
    """Return the property at a path; what no JSON is where there is none."""
    for name in path.split("."):
        if not isinstance(data, Mapping) or name not in data:
            return _at
        data = data[name]
    return data


def _is_equal(one: object, other: object) -> bool:
    # As JSON has it: true is not 1, and 1 is 1.0.
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _is_true(expression: str, own: object, event: object) -> bool:
    """Return whether an expression is true; one that fails, for a property that isn't there say, is not."""
    try:
        value = _program(expression).eval(data={"event": _as_cel(own), "async": _as_cel(event)}).value()
    except ModuleNotFoundError:
        _log.error("a step waits with if_exp=, which needs the package: pip install 'tightbeam[cel]'")
    except Exception:  # noqa: BLE001 - the event is to go on, whatever is wrong with it for one step
        _log.exception("a step's if_exp= couldn't be evaluated: the step doesn't take the event")
    else:
        return value is True
    return False


def _as_cel(value: Any) -> Any:
    """Return JSON with numbers that CEL has: integers beyond 64 bits become floats, as on Inngest."""
    if isinstance(value, dict):
        return {key: _as_cel(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_cel(item) for item in value]
    return float(value) if isinstance(value, int) and value not in _INT64 else value


@lru_cache(maxsize=256)
def _program(expression: str) -> Any:
    cel: Any = import_module("cel_expr_python.cel")  # which tells no type checker its types
    return cel.NewEnv(variables={"event": cel.Type.DYN, "async": cel.Type.DYN}).compile(expression)


def as_expression(match: Mapping[str, Any] | None, if_exp: str | None) -> str | None:
    """Return a condition as one expression in CEL, for Inngest's server; None takes every event."""
    parts = [f"{_path(path)} == {_literal(value)}" for path, value in (match or {}).items()]
    if if_exp is not None:
        # The end of the line is the end of a comment, with which the expression may end.
        parts.append((f"({if_exp}\n)" if "//" in if_exp else f"({if_exp})") if parts else if_exp)
    return " && ".join(parts) or None


def _literal(value: object) -> str:
    """Return text, a number, a truth value or None as CEL has it.

    That is JSON's form, but for escapes: those of a surrogate pair are none in CEL.
    """
    return json.dumps(value, ensure_ascii=False)


def _path(path: str) -> str:
    names = path.split(".")
    plain = [_NAME.match(name) is not None and name not in _WORDS for name in names]
    return "async.data" + "".join(
        f".{name}" if ok else f"[{_literal(name)}]" for name, ok in zip(names, plain, strict=True)
    )
