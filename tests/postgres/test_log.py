"""How far the log is followed, as its readers see it."""

from __future__ import annotations

import pytest

from tightbeam._engine.postgres import log as log_module
from tightbeam._engine.postgres.log import Log
from tightbeam._engine.postgres.places import place_at
from tightbeam.errors import JournalFailed

BEHIND, AHEAD = place_at(5, 1), place_at(9, 1)


def test_a_place_that_is_followed_is_reached_without_a_look() -> None:
    assert Log("3f2a9c1e", BEHIND).reach(BEHIND)


def test_a_look_that_ends_before_a_place_says_that_it_isnt_of_this_journal() -> None:
    log = Log("3f2a9c1e", BEHIND)

    def look() -> None:
        log.begin_pass()
        log.end_pass(BEHIND, horizon=9)

    log.wake = look
    assert not log.reach(AHEAD)


def test_a_place_isnt_called_unknown_where_the_log_cant_be_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "_PATIENCE", 0.01)
    with pytest.raises(JournalFailed, match="couldn't be followed"):
        Log("3f2a9c1e", BEHIND).reach(AHEAD)


def test_a_command_follows_nothing() -> None:
    log = Log("3f2a9c1e", BEHIND)
    log.is_followed = False
    assert not log.reach(AHEAD)
