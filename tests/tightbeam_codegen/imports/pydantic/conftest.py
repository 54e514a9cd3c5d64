"""Modules of models, written for one test and imported as a user's would be."""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

WriteModule = Callable[..., str]
_NUMBERS = itertools.count()
_HEAD = """\
from __future__ import annotations
import collections, datetime, decimal, enum, ipaddress, pathlib, re, typing, uuid
from typing import *
from pydantic import *
import dataclasses
"""


@pytest.fixture
def write_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WriteModule]:
    """Writes code as a module in the current folder, behind the usual imports, and returns its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", "")
    before = set(sys.modules)

    def write(code: str, name: str = "", *, head: str = _HEAD) -> str:
        name = name or f"models{next(_NUMBERS)}"
        file = Path(*name.split(".")).with_suffix(".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(head + dedent(code), "utf-8")
        importlib.invalidate_caches()
        return name

    yield write
    for name in set(sys.modules) - before:
        module = sys.modules[name]
        if str(tmp_path) in f"{getattr(module, '__file__', '')}{list(getattr(module, '__path__', []))}":
            del sys.modules[name]
