"""What a client on a server is made with: whether it executes functions, and when it is taken for dead."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tightbeam import Client

ADDRESS = "postgresql://app:secret@db.example/app"


@pytest.mark.parametrize("path", [None, "app.db", Path("app.db")])
def test_what_nothing_would_execute_is_refused(path: Any) -> None:
    with pytest.raises(ValueError, match=r"run_functions=False .* address of a PostgreSQL database"):
        Client(path, run_functions=False)
    Client(path, run_functions=True)


def test_a_client_on_a_server_may_leave_functions_to_others() -> None:
    Client(ADDRESS, run_functions=False)


@pytest.mark.parametrize("value", [0, None, "no"])
def test_whether_functions_are_executed_is_true_or_false(value: Any) -> None:
    with pytest.raises(TypeError, match=r"run_functions is a bool, not (int|NoneType|str)"):
        Client(ADDRESS, run_functions=value)


@pytest.mark.parametrize("lease", [timedelta(0), timedelta(seconds=0.5), timedelta(seconds=-1)])
def test_a_lease_that_is_over_before_anybody_beats_is_refused(lease: timedelta) -> None:
    with pytest.raises(ValueError, match="lease"):
        Client(ADDRESS, lease=lease)


@pytest.mark.parametrize("lease", [15, None])
def test_a_lease_is_a_duration(lease: Any) -> None:
    with pytest.raises(TypeError, match="lease is a timedelta"):
        Client(ADDRESS, lease=lease)


@pytest.mark.parametrize("lease", [timedelta(seconds=1), timedelta.max])
def test_short_and_endless_leases_are_fine(lease: timedelta) -> None:
    Client(ADDRESS, lease=lease)
