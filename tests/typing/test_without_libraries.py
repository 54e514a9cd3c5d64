"""What `transaction=` takes is checked alike where no library of databases is installed."""

from __future__ import annotations

import re
import shutil
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.typing import checkers

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow

LIBRARIES = ("psycopg", "psycopg_binary", "asyncpg", "sqlalchemy")
CASE = """\
from __future__ import annotations

from typing import Any

import tightbeam
from generated.upload import upload_event
from generated.uploads import Status, uploads_channel


class LikePsycopg:
    pgconn: object = None

    async def commit(self) -> None: ...


class LikeSqlAlchemy:
    def begin_nested(self) -> object:
        return None

    def commit(self) -> None: ...


async def publishing(client: tightbeam.Client, anything: Any) -> None:
    ch = uploads_channel(upload_id="u1")
    await client.realtime.publish(ch.status, {"message": "ok"})
    await client.realtime.publish(ch.status, {"message": "ok"}, transaction=LikePsycopg())
    await client.realtime.publish(ch.status, Status(message="ok"), transaction=anything)
    await client.send(upload_event, {"uploadId": "u1", "filename": "a"}, transaction=LikePsycopg())
    client.realtime.publish_sync(ch.status, {"message": "ok"}, transaction=LikeSqlAlchemy())
    client.send_sync("app/upload", {}, transaction=LikeSqlAlchemy())


async def mistakes(client: tightbeam.Client) -> None:
    ch = uploads_channel(upload_id="u1")
    await client.realtime.publish(ch.status, {"mesage": "ok"})  # bad
    await client.realtime.publish(ch.status, {"mesage": "ok"}, transaction=LikePsycopg())  # bad
    await client.realtime.publish(ch.status, {"message": "ok"}, transaction=LikeSqlAlchemy())  # bad
    await client.realtime.publish(ch.status, {"message": "ok"}, transaction=5)  # bad
    await client.realtime.publish(ch.status, {"message": "ok"}, transaction=None)  # bad
    await client.send(upload_event, {"uploadId": "u1", "filename": "a"}, transaction=object())  # bad
    await client.send("app/upload", {}, transaction=LikeSqlAlchemy())  # bad
    client.realtime.publish_sync(ch.status, {"message": "ok"}, transaction=LikePsycopg())  # bad
    client.send_sync(upload_event, {"uploadId": "u1", "filename": "a"}, transaction=LikePsycopg())  # bad
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with what is installed here, but for the libraries."""
    made = tmp_path_factory.mktemp("without-libraries") / "venv"
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(made), "platbase": str(made)}))
    packages.mkdir(parents=True)
    for each in Path(sysconfig.get_path("purelib")).iterdir():
        name = re.split(r"[-.]", each.name)[0].lower()
        if name not in LIBRARIES:
            (packages / each.name).symlink_to(each)
    (made / "bin").mkdir()
    python = Path(sys.executable).resolve()
    (made / "bin/python").symlink_to(python)
    version = ".".join(map(str, sys.version_info[:3]))
    (made / "pyvenv.cfg").write_text(f"home = {python.parent}\nversion = {version}\n")
    return made


def test_they_are_not_there(environment: Path) -> None:
    found = {each.name for each in environment.glob("lib/*/site-packages/*")}
    assert "pydantic" in found
    assert found.isdisjoint(LIBRARIES)
    assert all((Path(sysconfig.get_path("purelib")) / each).exists() for each in LIBRARIES)


def test_exactly_the_marked_lines_are_refused(checker: str, environment: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "generated", tmp_path / "generated", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "case.py").write_text(CASE)
    found = [each for each in checkers.run(checker, tmp_path, environment) if each.is_error]
    bad = {number for number, line in enumerate(CASE.splitlines(), 1) if line.endswith("  # bad")}
    assert {(each.path, each.line) for each in found} == {("case.py", number) for number in bad}, found
