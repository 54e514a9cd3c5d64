"""The page "It doesn't connect": its commands get the answers, and the log the lines, that it shows."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

import generated
from generated.uploads import uploads_channel
from tests.tightbeam.gateway.serving import KEY, plain_uvicorn, running, secured
from tests.tightbeam.gateway.test_tokens import good, signed
from tightbeam import Client
from tightbeam.gateway import app

PAGE = Path(__file__).parents[2] / "docs" / "it-doesnt-connect.md"
_BLOCK = re.compile(
    r"^<!-- curl(?:: (?P<setting>[^\n]*?))? -->\n"
    r"```console\n\$ (?P<command>curl [^\n]*)\n(?P<answer>[^\n]*)\n```$"
    r"(?:\n\n<!-- log -->\n```text\n(?P<line>[^\n]*)\n```$)?",
    re.MULTILINE,
)


class Case(NamedTuple):
    setting: str
    command: str
    answer: str
    line: str | None


def cases() -> Iterator[Case]:
    for found in _BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        yield Case(found["setting"] or "", found["command"], found["answer"], found["line"])


def test_every_marked_block_is_a_case() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(list(cases())) == text.count("<!-- curl") >= 12
    assert sum(one.line is not None for one in cases()) == text.count("<!-- log -->") >= 10


@contextlib.asynccontextmanager
async def served(setting: str) -> AsyncIterator[tuple[str, str]]:
    """The gateway of a case; gives its URL and a token for the topic `status` of the channel `uploads:u1`."""
    client = Client()
    settings: dict[str, Any] = {"channels": generated, "allowed_origins": ["https://www.example.com"]}
    ch = uploads_channel(upload_id="u1")
    if setting in ("not entered", "mounted"):
        gateway = secured(client, **settings)
        outer = Starlette(routes=[Mount("/rt", gateway)])
        serving = plain_uvicorn(outer if setting == "mounted" else gateway, lifespan="off")
        async with serving as (_, url):
            yield url, (await client.realtime.token(ch, ["status"]))["key"]
        return
    gateway = app(client, channels=generated, dev=True) if setting == "dev" else secured(client, **settings)
    async with running(gateway) as url:
        token = (await client.realtime.token(ch, ["status"]))["key"]
        claims = good(sub=ch.name, topics=[{"kind": "run", "channel": ch.name, "name": "status"}])
        if setting == "expired":
            token = signed(claims | {"iat": int(time.time()) - 120, "exp": int(time.time()) - 60})
        elif setting == "other":
            token = signed(claims, secret="x" * 32)
        yield url, token


def fits(shown: str, text: str) -> bool:
    """Whether a text is what the page shows, where an ellipsis at a word's end stands for anything."""
    return re.fullmatch(".*?".join(map(re.escape, shown.split("…"))), text, re.DOTALL) is not None


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.command[:60])
async def test_the_command_gets_the_answer_and_the_log_has_the_line(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(case.setting) as (url, token), asyncio.timeout(90):
        environment = {**os.environ, "GATEWAY": url, "TOKEN": token, "KEY": KEY}
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", f"{case.command} --max-time 60 --noproxy '*'"),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
        )
        answer, _ = await process.communicate()
        lines = [
            one.getMessage()
            for one in caplog.records
            if one.name == "tightbeam" and one.levelno >= logging.WARNING
        ]
    assert process.returncode == 0
    assert fits(case.answer, answer.decode()), answer.decode()
    if case.line is None:
        assert lines == []
    else:
        assert len(lines) == 1
        assert fits(case.line, lines[0]), lines[0]
