"""Show a failure: what the log and the journal hold of an exception and where it came from."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tightbeam._engines.embedded.failure import describe, leaves, of_kind, quotes_input
from tightbeam.errors import StepError

__all__ = ["RunError", "loggable", "run_error", "user_line"]

_PACKAGE = str(Path(__file__).parents[2])
_MAX_BYTES = 16 * 1024
_HEAD_BYTES = 4 * 1024
_CUT = "\n  … cut here …\n"
_MAX_FRAMES = 100
"""Of each exception, counted from where it was raised."""
_MAX_EXCEPTIONS = 100
_MAX_DEPTH = 10


class RunError(NamedTuple):
    """What the journal keeps of the failure of a run."""

    type: str
    text: str
    traceback: str | None


def run_error(error: BaseException) -> RunError:
    """Describe a failure for the journal: its type, its text and its traceback, each bounded."""
    return RunError(*describe(error), _traceback(error))


def loggable(error: BaseException) -> BaseException:
    """Return the exception for a log record's ``exc_info``, or a stand-in that is safe to print.

    A stand-in has the name, the traceback and the causes of its original. It is needed where the original's
    text quotes its input, as Pydantic's do, and where printing it would fail or never end.
    """
    return error if _is_plain(error) else _stand_in(error, _MAX_DEPTH)


def user_line(error: BaseException) -> str:
    """Name the exception's type and the user's line it came from, without its text."""
    name = type(error).__name__
    error = next(leaves(error))
    if of_kind(error, StepError) and error.__cause__ is not None:
        error = error.__cause__  # the line where our own StepError is raised says nothing
    try:
        frames = traceback.extract_tb(error.__traceback__)
    except Exception:  # noqa: BLE001 - an odd exception may raise at any attribute
        return name
    users = [frame for frame in frames if not frame.filename.startswith(_PACKAGE)]
    for frame in (users or frames)[-1:]:
        return f"{name} at {frame.filename}:{frame.lineno}"
    return name


def _is_plain(error: BaseException) -> bool:
    """Say whether the standard formatter prints the exception, in bounded time and without an input."""
    waiting, seen, visited = [(error, 0)], set[int](), 0
    while waiting:
        one, depth = waiting.pop()
        visited += 1
        # Members of groups are counted once for each path to them, as the formatter prints them.
        if visited > _MAX_EXCEPTIONS or depth > _MAX_DEPTH or quotes_input(one):
            return False
        try:
            linked = [each for each in (one.__cause__, one.__context__) if each is not None]
            members = one.exceptions if of_kind(one, BaseExceptionGroup) else ()
        except Exception:  # noqa: BLE001 - as above
            return False
        waiting += [(each, depth) for each in linked if id(each) not in seen]
        seen.update(map(id, linked))
        waiting += [(each, depth + 1) for each in members]
    return True


def _stand_in(error: BaseException, depth: int) -> BaseException:
    kind = type(error)
    name, text = describe(error)
    made: BaseException = type(name, (Exception,), {"__module__": kind.__module__})(text)
    try:
        made.__traceback__ = error.__traceback__
        cause, context = error.__cause__, error.__context__
        suppressed = error.__suppress_context__
    except Exception:  # noqa: BLE001 - as above
        return made
    if cause is not None and depth:
        made.__cause__ = _stand_in(cause, depth - 1)
    elif context is not None and depth and not suppressed:
        made.__context__ = _stand_in(context, depth - 1)
    return made


def _traceback(error: BaseException) -> str | None:
    """Format the exception with its causes, without the frames of this package."""
    shown = loggable(error)
    try:
        whole = traceback.TracebackException(
            type(shown), shown, shown.__traceback__, limit=-_MAX_FRAMES, compact=True
        )
        for part in _parts(whole):
            part.stack[:] = [one for one in part.stack if not one.filename.startswith(_PACKAGE)]
        text = "".join(whole.format())
    except Exception:  # noqa: BLE001 - the run has to end, whatever its exception is like
        return None
    raw = text.encode("utf-8", "backslashreplace")  # SQLite takes no lone surrogates
    if len(raw) > _MAX_BYTES:
        tail = _MAX_BYTES - _HEAD_BYTES - len(_CUT.encode())
        raw = raw[:_HEAD_BYTES] + _CUT.encode() + raw[-tail:]
    return raw.decode("utf-8", "ignore")


def _parts(whole: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    waiting, seen = [whole], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        linked = (one.__cause__, one.__context__, *(getattr(one, "exceptions", None) or ()))
        waiting += [each for each in linked if each is not None]
