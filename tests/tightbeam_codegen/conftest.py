"""What the tests of the generator's back end share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import Compiled, compile_files

Compile = Callable[..., Compiled]


@pytest.fixture
def compile_here(tmp_path: Path) -> Compile:
    """Compiles definitions given as values, each call in a folder of its own."""

    def compiled(files: dict[str, Any], **settings: Any) -> Compiled:
        return compile_files(tmp_path, files, **settings)

    return compiled
