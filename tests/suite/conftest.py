"""The suite, compiled once for all tests that look at it; figures for the end of the run."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest

from tests.suite.compiled import Compiled, compile_topics
from tests.suite.groups import DIALECTS, groups, remotes

Say = Callable[[str], None]
CompileDraft = Callable[..., Compiled]

_FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def say(pytestconfig: pytest.Config) -> Say:
    """Takes a figure to print when all tests are through."""
    return pytestconfig.stash.setdefault(_FIGURES, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    figures = config.stash.get(_FIGURES, [])
    if figures:
        terminalreporter.section("JSON Schema Test Suite")
    for line in figures:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def compile_draft(tmp_path_factory: pytest.TempPathFactory) -> CompileDraft:
    """Compiles the required groups of a draft, each a topic of its own channel."""

    @functools.cache
    def compiled(draft: str, *, inline: bool = False, assert_formats: bool = False) -> Compiled:
        package = f"{draft.replace('-', '_')}_{'inline' if inline else 'files'}{'_formats' * assert_formats}"
        return compile_topics(
            tmp_path_factory.mktemp(package),
            package,
            {group.name: group.schema for group in groups(draft)},
            dialect=DIALECTS[draft],
            inline=inline,
            refs=remotes(),
            assert_formats=assert_formats,
            typescript=not inline and not assert_formats,
        )

    return compiled
