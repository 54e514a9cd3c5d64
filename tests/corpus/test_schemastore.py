"""The schemas of some five hundred public tools, from SchemaStore: what compiles, what bindings do."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.corpus.conftest import INSTANCES, PARTS, Store

pytestmark = pytest.mark.slow

AT_LEAST = 445


def test_nearly_all_compile(store: Store) -> None:
    assert len(store.outcomes) >= AT_LEAST // PARTS


def test_what_does_not_compile_is_refused_where_it_stands_for_a_known_reason(store: Store) -> None:
    refused = {url: made.errors for url, made in store.compiled.items() if made.errors}
    assert refused.keys() == store.refused.keys()
    for url, errors in refused.items():
        for error in errors:
            assert error.place is not None, (url, error)
            assert error.place.line >= 1
            assert error.place.column >= 1
        unexplained = [str(error) for error in errors if not re.search(store.refused[url], error.message)]
        assert not unexplained, url


def test_each_publishes_and_receives_what_its_schema_accepts_and_nothing_else(store: Store) -> None:
    wrong = {url: outcome.wrong[:3] for url, outcome in store.outcomes.items() if outcome.wrong}
    assert not wrong
    assert all(outcome.accepted + outcome.refused == INSTANCES for outcome in store.outcomes.values())
    accepted = sum(outcome.accepted for outcome in store.outcomes.values())
    assert accepted > len(store.outcomes) * INSTANCES / 4  # the sampler comes near what is right
    refused = sum(outcome.refused for outcome in store.outcomes.values())
    assert refused > len(store.outcomes) * INSTANCES / 4


def test_mypy_has_nothing_to_say(store: Store, tmp_path: Path) -> None:
    for made in store.compiled.values():
        if not made.errors:
            Path(tmp_path, made.package).symlink_to(made.folder / made.package)
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--no-error-summary", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.stdout == ""
    assert checked.returncode == 0, checked.stderr
