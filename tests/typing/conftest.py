"""One folder with bindings and cases, as a user's project would have them; each checker reads it once."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.typing import checkers

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The cases beside `generated` and `shapes_bindings`; on `sys.path`, so that they can be imported too."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "generated", folder / "generated", ignore=shutil.ignore_patterns("__pycache__"))
    for case in (HERE / "cases").glob("*.py"):
        shutil.copy(case, folder)
    output = folder / "shapes_bindings"
    command = [checkers.BIN / "tightbeam", "generate", HERE / "definitions", "--output", output, "--strict"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


@pytest.fixture(scope="session")
def findings(project: Path) -> Callable[[str], list[checkers.Finding]]:
    """What a checker found in the whole project; asked for again, it isn't run again."""
    return functools.cache(lambda checker: checkers.run(checker, project))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`checker` is mypy in `make test`, and all five in `make test-all`."""
    if "checker" in metafunc.fixturenames:
        slow = [pytest.param(name, marks=pytest.mark.slow) for name in checkers.CHECKERS[1:]]
        metafunc.parametrize("checker", [checkers.CHECKERS[0], *slow])
