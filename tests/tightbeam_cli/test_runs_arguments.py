"""What the arguments of `tightbeam runs` mean: the subcommand, and times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tightbeam._engine.details import RUN_STATES
from tightbeam_cli.runs import commands
from tightbeam_cli.runs.moments import since
from tightbeam_cli.runs.verbs import VALUE_OPTIONS, VERBS, with_verb

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ("app.db", "list app.db"),
        ("app.db --state failed", "list app.db --state failed"),
        ("--state failed app.db --json", "list --state failed app.db --json"),
        ("--state=failed app.db", "list --state=failed app.db"),
        ("app.db 01K", "show app.db 01K"),
        ("app.db --json 01K", "show app.db --json 01K"),
        ("app.db 01K --resume", "resume app.db 01K"),
        ("--resume app.db 01K", "resume app.db 01K"),
        ("--url http://x", "list --url http://x"),
        ("--url http://x --function list", "list --url http://x --function list"),
        ("--url http://x 01K", "show --url http://x 01K"),
        ("--url=http://x 01K", "show --url=http://x 01K"),
        ("retry app.db 01K 01L", "retry app.db 01K 01L"),
        ("app.db retry 01K", "retry app.db 01K"),
        ("--url http://x retry 01K", "retry --url http://x 01K"),
        ("app.db cancel --all --function retry", "cancel app.db --all --function retry"),
        ("./list", "list ./list"),
        ("-- -odd.db", "list -- -odd.db"),
        ("--help", "--help"),
        ("retry --help", "retry --help"),
        ("", ""),
    ],
)
def test_the_subcommand(arguments: str, meant: str) -> None:
    assert with_verb(arguments.split()) == meant.split()


def test_the_options_that_take_a_value_are_known() -> None:
    """Otherwise a value would be taken for a file."""
    import typer

    from tightbeam_cli.runs.commands import runs

    group = typer.main.get_command(runs)
    assert set(group.commands) == set(VERBS)  # type: ignore[attr-defined]  # of a group
    options = [
        option
        for command in group.commands.values()  # type: ignore[attr-defined]  # as above
        for option in command.params
        if option.param_type_name == "option"
    ]
    with_value = {name for option in options if not option.is_flag for name in option.opts}
    assert with_value == VALUE_OPTIONS


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90s", NOW - timedelta(seconds=90)),
        ("15m", NOW - timedelta(minutes=15)),
        ("2h", NOW - timedelta(hours=2)),
        ("7d", NOW - timedelta(days=7)),
        (" 1 w ", NOW - timedelta(days=7)),
        ("999999999w", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2026-02-28T10:00:00Z", datetime(2026, 2, 28, 10, tzinfo=UTC)),
        ("2026-02-28T10:00+02:00", datetime(2026, 2, 28, 8, tzinfo=UTC)),
    ],
)
def test_since(text: str, moment: datetime) -> None:
    assert since(text, NOW) == moment


def test_since_without_a_zone_is_in_that_of_this_machine() -> None:
    assert since("2026-02-28", NOW) == datetime(2026, 2, 28).astimezone()


@pytest.mark.parametrize("text", ["", "yesterday", "2", "h", "-2h", "2 months", "2026-13-01", "0001-01-01"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="is no time"):
        since(text, NOW)


def test_the_states_are_those_of_runs() -> None:
    assert commands._STATES == RUN_STATES
