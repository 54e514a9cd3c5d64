"""The hooks of one client, and the calls of them: their exceptions are logged and change nothing."""

from __future__ import annotations

import inspect
import logging
import threading
import weakref
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self, TypeVar

import orjson

from tightbeam._forks import fork_safe_lock
from tightbeam._hooks.hook import Hook, InjectedFault, Manager
from tightbeam._hooks.info import (
    RESERVED_METADATA,
    ClientInfo,
    CommitInfo,
    ConnectionInfo,
    MessageInfo,
    Numbers,
    PublishInfo,
    RunInfo,
    SendInfo,
    StepInfo,
)

__all__ = ["Around", "HookList", "install", "metadata_of", "notify", "notify_step", "uninstall"]

Info = TypeVar("Info")
_log = logging.getLogger("tightbeam")
_SURROUNDING = ("publish", "send", "run", "step", "connection")
_MOMENTS = ("before_step", "after_step", "sent", "received", "committed")
_ONCE = "attached"
_MAX_METADATA_BYTES = 4 * 1024
_MAX_KINDS = 64
"""How many kinds of failures are logged."""


class HookList:
    """The hooks that are called for one client: those of the process, its own, and its gateway's.

    Each attribute has the methods to call, none where no hook overrides it: test its truth before making a
    value for them.
    """

    publish: tuple[Callable[[PublishInfo], Manager | None], ...]
    send: tuple[Callable[[SendInfo], Manager | None], ...]
    run: tuple[Callable[[RunInfo], Manager | None], ...]
    step: tuple[Callable[[StepInfo], Manager | None], ...]
    connection: tuple[Callable[[ConnectionInfo], Manager | None], ...]
    before_step: tuple[Callable[[StepInfo], None], ...]
    after_step: tuple[Callable[[StepInfo], None], ...]
    sent: tuple[Callable[[MessageInfo], None], ...]
    received: tuple[Callable[[MessageInfo], None], ...]
    committed: tuple[Callable[[CommitInfo], None], ...]

    def __init__(self, hooks: Iterable[Hook] = ()) -> None:
        """Check the hooks.

        Raises:
            TypeError: it is no list of hooks, or a hook has a method that can't be called as one.
        """
        self._own = _checked(hooks)
        self._attached: tuple[Hook, ...] = ()
        self._client: ClientInfo | None = None
        self._introduced: tuple[Hook, ...] = ()
        """The hooks that know the client."""
        with _lock:
            _lists.add(self)
            self.refresh()

    def describe(self, numbers: Numbers) -> None:
        """Introduce the client to its hooks, those of now and those to come.

        Args:
            numbers: the client's, kept alive by the client only.
        """
        self._client = ClientInfo(numbers)
        self.introduce()

    def replace(self, hooks: Iterable[Hook]) -> None:
        """Have other hooks as the client's own."""
        checked = _checked(hooks)
        with _lock:
            self._own = checked
            self.refresh()
        self.introduce()

    def attach(self, hook: Hook) -> None:
        """Call this hook too, inside of the client's own."""
        with _lock:
            self._attached = (*self._attached, hook)
            self.refresh()
        self.introduce()

    def detach(self, hook: Hook) -> None:
        """Call a hook no more that was attached."""
        with _lock:
            self._attached = tuple(each for each in self._attached if each is not hook)
            self.refresh()

    def refresh(self) -> None:
        """Collect the methods to call anew. The lock of the hooks is held."""
        hooks = (*_installed, *self._own, *self._attached)
        for name in (*_SURROUNDING, *_MOMENTS):
            setattr(self, name, tuple(getattr(hook, name) for hook in hooks if _overrides(hook, name)))

    def introduce(self) -> None:
        """Introduce the client to the hooks that don't know it yet. The lock of the hooks isn't held."""
        client = self._client
        if client is None:
            return
        with _lock:
            hooks = (*_installed, *self._own, *self._attached)
            new = tuple(hook for hook in hooks if not any(hook is known for known in self._introduced))
            self._introduced = hooks
        notify(tuple(hook.attached for hook in new if _overrides(hook, _ONCE)), client)


class Around:
    """The context managers of the hooks around one thing: entered in order, left in reverse order.

    Used in a ``with`` statement, or by `enter` and `leave` where they are to be left with another error than
    the one that is raised.
    """

    __slots__ = ("_entered", "_info", "_methods")

    def __init__(self, methods: tuple[Callable[[Info], Manager | None], ...], info: Info) -> None:
        self._methods: tuple[Callable[[Any], Manager | None], ...] = methods
        self._info: object = info
        self._entered: list[tuple[Callable[[Any], object], Manager]] = []

    def enter(self) -> None:
        """Enter the managers of all hooks; one that fails is left out."""
        for method in self._methods:
            try:
                manager = method(self._info)
                if manager is not None:
                    manager.__enter__()
                    self._entered.append((method, manager))
            except BaseException as error:  # noqa: BLE001 - a hook changes nothing, whatever it raises
                _report(method, error)

    def leave(self, error: BaseException | None) -> None:
        """Leave the managers that were entered, with the error that what they surround has failed with."""
        kind, trace = (None, None) if error is None else (type(error), error.__traceback__)
        unchanged = None if error is None else _Trail(error)
        while self._entered:
            method, manager = self._entered.pop()
            try:
                manager.__exit__(kind, error, trace)
            except BaseException as raised:  # noqa: BLE001 - as above
                if raised is not error:
                    _report(method, raised)
        if unchanged is not None:
            unchanged.restore()

    def __enter__(self) -> Self:
        self.enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.leave(error)


class _Trail:
    """Where an exception came from. A hook may change that by raising it once more."""

    __slots__ = ("_cause", "_context", "_error", "_suppressed", "_traceback")

    def __init__(self, error: BaseException) -> None:
        self._error = error
        self._traceback = error.__traceback__
        self._cause, self._context = error.__cause__, error.__context__
        self._suppressed = error.__suppress_context__

    def restore(self) -> None:
        """Put it back, past what the exception's class makes of attributes: it may be a frozen dataclass."""
        put, error = BaseException.__setattr__, self._error
        put(error, "__traceback__", self._traceback)
        put(error, "__context__", self._context)
        put(error, "__cause__", self._cause)
        put(error, "__suppress_context__", self._suppressed)


def notify(methods: tuple[Callable[[Info], None], ...], info: Info) -> None:
    """Call hooks at a moment."""
    for method in methods:
        try:
            method(info)
        except BaseException as error:  # noqa: BLE001 - a hook changes nothing, whatever it raises
            _report(method, error)


def notify_step(methods: tuple[Callable[[StepInfo], None], ...], step: StepInfo) -> None:
    """Call hooks where the handler begins a step, or has its result.

    Raises:
        InjectedFault: a test has the handler fail here.
    """
    for method in methods:
        try:
            method(step)
        except InjectedFault:
            raise
        except BaseException as error:  # noqa: BLE001 - as above
            _report(method, error)


def metadata_of(info: PublishInfo | SendInfo) -> bytes | None:
    """Encode the metadata of hooks for a message or a run; None if there is none that can be kept."""
    metadata: object = info.metadata
    what = f"{type(info).__name__}.metadata"
    if not metadata:
        return None
    try:
        if not isinstance(metadata, dict):
            raise TypeError  # a hook has put something else in its place
        wanted = metadata
        if not RESERVED_METADATA.isdisjoint(metadata):
            wanted = {key: value for key, value in metadata.items() if key not in RESERVED_METADATA}
        raw = orjson.dumps(wanted)
    except Exception:  # noqa: BLE001 - a hook changes nothing, whatever it has put there
        isnt = f"a hook has put something into {what} that isn't JSON"
        _complain(isnt, f"{isnt}: it is left out")
        return None
    if not wanted:
        return None
    if len(raw) > _MAX_METADATA_BYTES:
        _complain(
            f"{what} is too large",
            f"hooks have put more than {_MAX_METADATA_BYTES:,} bytes into {what}: left out",
        )
        return None
    return raw


def install(hook: Hook) -> None:
    """Have a hook called for every client of this process, also for those that were made before.

    It is outside of the clients' own hooks. Programs give hooks to their client; this is for tools that don't
    make it, such as test kits and automatic instrumentation.

    Raises:
        TypeError: it is no hook, or has a method that can't be called as one.
    """
    global _installed  # noqa: PLW0603 - of the process, as documented
    checked = _checked((hook,))
    with _lock:
        _installed += checked
        _refresh_all()
        lists = tuple(_lists)
    for hooks in lists:
        hooks.introduce()


def uninstall(hook: Hook) -> None:
    """Undo `install`; a hook that isn't installed is left alone."""
    global _installed  # noqa: PLW0603 - as above
    with _lock:
        _installed = tuple(each for each in _installed if each is not hook)
        _refresh_all()


_lock = fork_safe_lock()
_lists: weakref.WeakSet[HookList] = weakref.WeakSet()
_installed: tuple[Hook, ...] = ()
_reported: set[object] = set()


def _refresh_all() -> None:
    for hooks in tuple(_lists):
        hooks.refresh()


def _overrides(hook: Hook, name: str) -> bool:
    return getattr(type(hook), name) is not getattr(Hook, name) or name in getattr(hook, "__dict__", ())


def _checked(hooks: object) -> tuple[Hook, ...]:
    if isinstance(hooks, (Hook, str)) or not isinstance(hooks, Iterable):
        raise TypeError(f"hooks= takes a list of hooks, not {type(hooks).__name__}")
    checked = tuple(hooks)
    for hook in checked:
        if isinstance(hook, type) and issubclass(hook, Hook):
            raise TypeError(f"hooks= takes instances of hooks: {hook.__name__}(), not the class")
        if not isinstance(hook, Hook):
            raise TypeError(
                f"a hook is an instance of a subclass of tightbeam.Hook, not {type(hook).__name__}"
            )
        for name in (*_SURROUNDING, *_MOMENTS, _ONCE):
            _check_method(hook, name)
    return checked


def _check_method(hook: Hook, name: str) -> None:
    method, where = getattr(hook, name), f"{type(hook).__name__}.{name}"
    if not callable(method):
        raise TypeError(f"{where} is no method")
    if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
        raise TypeError(
            f"{where} is async: a hook is called in threads too, so its methods are plain functions"
        )
    if inspect.isgeneratorfunction(method):
        raise TypeError(f"{where} is a generator: decorate it with contextlib.contextmanager")


def _report(method: Callable[[Any], object], error: BaseException) -> None:
    """Log the failure of a hook, the first of its kind.

    Raises:
        BaseException: the program is told to end, which happens to be noticed in a hook.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and isinstance(error, (KeyboardInterrupt, SystemExit)):
        raise error
    owner = type(getattr(method, "__self__", None))
    name = getattr(method, "__name__", "?")
    kind = type(error)
    if not _is_first_of_its_kind((owner, name, kind.__module__, kind.__qualname__)):
        return
    from tightbeam._engine.traces import loggable  # not at import: hooks fail seldom

    shown = loggable(error)
    _log.error(
        "the hook %s.%s.%s failed, which changes nothing else; further failures of this kind aren't logged",
        owner.__module__,
        owner.__qualname__,
        name,
        exc_info=(type(shown), shown, shown.__traceback__),
    )


def _complain(kind: str, text: str) -> None:
    if _is_first_of_its_kind(kind):
        _log.error("%s; further ones aren't logged", text)


def _is_first_of_its_kind(kind: object) -> bool:
    if kind in _reported or len(_reported) >= _MAX_KINDS:
        return False
    _reported.add(kind)
    return True
