"""Faults: a function fails between two steps, once; and sleeps that end at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal

from tightbeam._hooks.hook import Hook, InjectedFault
from tightbeam._hooks.hook_list import install, uninstall
from tightbeam._hooks.info import StepInfo
from tightbeam._skipped_sleeps import skip_sleep, skipped, unskip_all

__all__ = ["Faults"]

Edge = Literal["before", "after"]


class Faults:
    """Failures to inject, each once: the handler meets an `InjectedFault` there, as of its own code.

    The run is then retried as after any error, but without a delay. Sleeps can be skipped, each once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[Edge, str]] = []
        self._hook = _Injector(self._inject)

    def before(self, step_id: str, /) -> None:
        """Fail when the handler is about to begin this step; its second use is ``id:1``."""
        self._waiting.append(("before", step_id))

    def after(self, step_id: str, /) -> None:
        """Fail when the handler has this step's result: the step is memoized by then."""
        self._waiting.append(("after", step_id))

    def skip(self, step_id: str, /) -> None:
        """Have the next sleep under this id end at once, however long it is; its second use is ``id:1``."""
        skip_sleep(step_id)

    @property
    def waiting(self) -> list[str]:
        """The failures and skipped sleeps that haven't happened yet, in words."""
        faults = [f"a fault {edge} step {step_id!r}" for edge, step_id in self._waiting]
        return faults + [f"the sleep {step_id!r} that was to be skipped" for step_id in skipped()]

    def start(self) -> None:
        """Begin to inject; the fixture does it."""
        install(self._hook)

    def stop(self) -> None:
        """Stop injecting."""
        uninstall(self._hook)
        unskip_all()

    def _inject(self, edge: Edge, step_id: str) -> None:
        with self._lock:
            if (edge, step_id) not in self._waiting:
                return
            self._waiting.remove((edge, step_id))
        raise InjectedFault(f"injected {edge} step {step_id!r}")


class _Injector(Hook):
    """Looks up at each use of a step whether it is to fail."""

    def __init__(self, inject: Callable[[Edge, str], None]) -> None:
        self._inject = inject

    def before_step(self, step: StepInfo, /) -> None:
        self._inject("before", step.step_id)

    def after_step(self, step: StepInfo, /) -> None:
        self._inject("after", step.step_id)
