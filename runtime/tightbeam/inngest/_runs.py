"""Runs by id on Inngest: they are the server's, so that each call is refused with the way there."""

from __future__ import annotations

from typing import NoReturn

from tightbeam._engine.details import RunRecord
from tightbeam._engine.store import Answer, Query
from tightbeam.errors import EngineError

__all__ = ["ServersRuns"]


class ServersRuns:
    """A `RunSource` that refuses."""

    async def read(self, query: Query[Answer], /) -> Answer:  # noqa: ARG002 - refused, and so below
        """Refuse."""
        self._refuse()

    def read_sync(self, query: Query[Answer], /) -> Answer:  # noqa: ARG002
        """Refuse."""
        self._refuse()

    async def cancel_run(self, run_id: str, /) -> None:  # noqa: ARG002
        """Refuse."""
        self._refuse()

    def cancel_run_sync(self, run_id: str, /) -> None:  # noqa: ARG002
        """Refuse."""
        self._refuse()

    async def retry_run(self, run_id: str, /) -> None:  # noqa: ARG002
        """Refuse."""
        self._refuse()

    def retry_run_sync(self, run_id: str, /) -> None:  # noqa: ARG002
        """Refuse."""
        self._refuse()

    async def resume_run(self, run_id: str, /) -> None:  # noqa: ARG002
        """Refuse."""
        self._refuse()

    def resume_run_sync(self, run_id: str, /) -> None:  # noqa: ARG002
        """Refuse."""
        self._refuse()

    async def wait_for_run(self, run_id: str, seconds: float | None, /) -> RunRecord:  # noqa: ARG002
        """Refuse."""
        self._refuse()

    def wait_for_run_sync(self, run_id: str, seconds: float | None, /) -> RunRecord:  # noqa: ARG002
        """Refuse."""
        self._refuse()

    @staticmethod
    def _refuse() -> NoReturn:
        raise EngineError(
            "runs by id are the embedded engine's (tightbeam.Client): on Inngest look at, cancel and rerun "
            "runs in its dashboard, or by its REST API"
        )
