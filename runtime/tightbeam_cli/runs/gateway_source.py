"""Runs behind a gateway."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tightbeam import GatewayRefused, RequestFailed, TightbeamError
from tightbeam._engine.details import Part, RunDetail, RunSummary
from tightbeam_cli.runs.asked import Selection
from tightbeam_cli.runs.output import RunsFailed
from tightbeam_cli.runs.source import Action, scan

__all__ = ["GatewaySource"]

_Answer = TypeVar("_Answer")
_REMEDIES = {
    "read-only": "Ask another gateway of the program, or the file when no client has it open.",
    "host": "Give the URL that the gateway was started with (public_url=).",
}
"""What to do about a refusal, by its code."""


class GatewaySource:
    """A `RunSource`. Nothing is opened before the first request."""

    def __init__(self, url: str, key: str | None) -> None:
        """Read the URL and the key.

        Args:
            url: the gateway's origin.
            key: its server key; None if none was given, as a gateway in dev mode needs none.

        Raises:
            RunsFailed: one of them can't be used, or the extra isn't installed.
        """
        try:
            from tightbeam._remote.carrier import GatewayCarrier
            from tightbeam._remote.runs import GatewayRuns
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("tightbeam"):
                raise
            raise RunsFailed(
                f"--url needs the package {error.name}",
                "Run: pip install 'tightbeam[gateway]'",
                kind="ImportError",
            ) from error
        from tightbeam._hooks.hook_list import HookList

        try:
            self._runs = GatewayRuns(GatewayCarrier(url, None, key or "", HookList()))
        except ValueError as error:
            raise RunsFailed(str(error)) from error
        self._has_key = bool(key)

    def runs(self, selection: Selection, /) -> tuple[list[RunSummary], bool]:
        """See `RunSource`."""
        return scan(selection, lambda query: self._done(lambda: self._runs.read_sync(query)))

    def run(self, run_id: str, /) -> RunDetail:
        """See `RunSource`."""
        return self._done(lambda: self._runs.detail_sync(run_id))

    def part(self, run_id: str, part: Part, step: str = "", /) -> bytes | None:
        """See `RunSource`."""
        return self._done(lambda: self._runs.part_sync(run_id, part, step))

    def act(self, action: Action, run_id: str, /) -> None:
        """See `RunSource`."""
        runs = self._runs
        change = {
            "retry": runs.retry_run_sync,
            "cancel": runs.cancel_run_sync,
            "resume": runs.resume_run_sync,
        }
        self._done(lambda: change[action](run_id))

    def close(self) -> None:
        """See `RunSource`."""

    def _done(self, work: Callable[[], _Answer]) -> _Answer:
        try:
            return work()
        except TightbeamError as error:
            raise RunsFailed(str(error), self._remedy(error), kind=type(error).__name__) from error

    def _remedy(self, error: TightbeamError) -> str:
        if isinstance(error, RequestFailed) and error.status is None:
            return "Is it running, and is this its URL?"
        if not isinstance(error, GatewayRefused):
            return ""
        if error.status == 401:
            found = "this one isn't it" if self._has_key else "which isn't set"
            return f"Its server key is read from TIGHTBEAM_SERVER_KEY{':' if self._has_key else ','} {found}."
        return _REMEDIES.get(error.code or "", "")
