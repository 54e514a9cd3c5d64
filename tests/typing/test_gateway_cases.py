"""The good cases of the gateway, run."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path
from typing import Any

import pytest

import tightbeam
from tests.tightbeam.gateway.serving import running


@pytest.fixture
def case(project: Path) -> Any:
    return importlib.reload(importlib.import_module("gateway_ok"))


async def test_the_good_case_runs(case: Any) -> None:
    async with running(case.gateway) as url:
        await case.tokens()
        await case.tokens_for_several_channels(case.client)
        assert await case.follow(url) == ["from a dict", "from a model", "full"]
        assert await case.follow_with_tokens(url) == "here"
        async with tightbeam.connect(url, key="fedcba9876543210fedcba9876543210") as remote:
            await asyncio.to_thread(case.from_a_thread, remote)
