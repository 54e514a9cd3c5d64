"""The hooks of `.pre-commit-hooks.yaml`, run by the real pre-commit in a team's repository."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

from tests.teams.repositories import GIT, ROOT, Repository, repository, this_project

pytestmark = pytest.mark.slow

HOOKS = [hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))]


def definition(name: str, *topics: str, kind: str = "string") -> str:
    described = {topic: {"schema": {"type": kind}} for topic in topics}
    return json.dumps({"name": name, "topics": described}, indent=2)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where pre-commit keeps what it installs: one environment for all hooks and tests."""
    home = tmp_path_factory.mktemp("pre-commit")
    pins = ROOT / "constraints.txt"
    return {**GIT, "PRE_COMMIT_HOME": str(home), "PIP_CONSTRAINT": str(pins), "TIGHTBEAM_CACHE_DIR": ""}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Repository, str]:
    return this_project(tmp_path_factory.mktemp("project") / "tightbeam")


Team = Callable[..., Repository]


@pytest.fixture
def team(tmp_path: Path, project: tuple[Repository, str], environment: dict[str, str]) -> Team:
    """Make a repository with hooks installed, a definition, and its bindings."""

    def made(*hooks: str | Mapping[str, object], folder: str = ".") -> Repository:
        here = repository(tmp_path / "team")
        used = [{"id": hook} if isinstance(hook, str) else dict(hook) for hook in hooks]
        entry = {"repo": str(project[0].folder), "rev": project[1], "hooks": used}
        here.write({".pre-commit-config.yaml": json.dumps({"repos": [entry]})})
        here.write({f"{folder}/schemas/a.channel.json": definition("a", "t")})
        here.write({f"{folder}/pyproject.toml": "[tool.tightbeam]\n", "README.md": "Hello.\n"})
        generate(here.folder / folder)
        here.commit("a channel")
        pre_commit(here, environment, "install")
        return here

    return made


def generate(folder: Path) -> None:
    command = [sys.executable, "-c", "from tightbeam_cli import main; raise SystemExit(main(['generate']))"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def pre_commit(where: Repository, environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", *arguments],
        cwd=where.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def commit(where: Repository, environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Commit as a person does, with the hooks; return git's exit code and what was printed."""
    done = subprocess.run(
        ["git", "commit", "--message", "change", *arguments],
        cwd=where.folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_generate(team: Team, environment: dict[str, str]) -> None:
    here = team("tightbeam-generate")
    # A commit that has nothing to do with channels passes.
    here.write({"README.md": "Hello again.\n"})
    assert commit(here, environment, "--all")[0] == 0

    # A definition without its bindings: they are written, and have to be part of the commit.
    here.write({"schemas/a.channel.json": definition("a", "t", kind="integer")})
    code, said = commit(here, environment, "--all")
    assert (code, "files were modified by this hook" in said) == (1, True)
    assert commit(here, environment, "--all")[0] == 0

    # A new one: git doesn't track what is written for it, however often one commits.
    here.write({"schemas/b.channel.json": definition("b", "t")})
    here.git("add", "schemas")
    for _ in range(2):
        code, said = commit(here, environment, "--all")
        assert (code, "generated/b.py:1:1: error: git doesn't track this file" in said) == (1, True)
    here.git("add", "generated")
    assert commit(here, environment)[0] == 0

    # One that goes: pre-commit names no file to hooks then.
    here.git("rm", "--quiet", "schemas/b.channel.json")
    code, said = commit(here, environment)
    assert (code, "files were modified by this hook" in said) == (1, True)
    assert not (here.folder / "generated" / "b.py").exists()
    assert commit(here, environment, "--all")[0] == 0
    assert here.git("status", "--porcelain") == ""


def test_a_definition_that_is_wrong(team: Team, environment: dict[str, str]) -> None:
    here = team("tightbeam-generate")
    here.write({"schemas/a.channel.json": '{"name": "a"}'})
    code, said = commit(here, environment, "--all")  # git takes its `add` back with the commit
    assert code == 1
    assert "schemas/a.channel.json:1:1: error: 'topics' is missing" in said
    assert here.git("status", "--porcelain") == " M schemas/a.channel.json"


def test_check_writes_nothing(team: Team, environment: dict[str, str]) -> None:
    here = team("tightbeam-generate-check")
    here.write({"schemas/a.channel.json": definition("a", "t", kind="integer")})
    here.git("add", "--all")
    code, said = commit(here, environment)
    assert code == 1
    assert "The bindings are out of date" in said
    assert here.git("status", "--porcelain") == "M  schemas/a.channel.json"
    generate(here.folder)
    # What is staged counts, not what lies in the work tree.
    assert commit(here, environment)[0] == 1
    assert commit(here, environment, "--all")[0] == 0


def test_bindings_that_were_never_added(team: Team, environment: dict[str, str]) -> None:
    here = team("tightbeam-generate-check")
    here.write({"schemas/b.channel.json": definition("b", "t")})
    generate(here.folder)
    here.git("add", "schemas")
    code, said = commit(here, environment, "--all")
    assert (code, "Run: git add generated" in said) == (1, True)


def test_a_service_in_a_folder(team: Team, environment: dict[str, str]) -> None:
    entry = "tightbeam -C services/shop generate --tracked"
    here = team({"id": "tightbeam-generate", "entry": entry, "args": ["--strict"]}, folder="services/shop")
    here.write({"services/shop/schemas/a.channel.json": definition("a", "t", kind="integer")})
    assert commit(here, environment, "--all")[0] == 1
    assert commit(here, environment, "--all")[0] == 0
    assert "class A" in (here.folder / "services" / "shop" / "generated" / "a.py").read_text("utf-8")


def test_breaking(team: Team, environment: dict[str, str]) -> None:
    """What is compared with is where the branch left the default branch of `origin`, wherever that is now."""
    here = team("tightbeam-breaking")
    here.git("clone", "--quiet", "--bare", ".", str(here.folder.with_name("origin")))
    here.git("remote", "add", "origin", str(here.folder.with_name("origin")))
    here.git("fetch", "--quiet", "origin")
    here.git("remote", "set-head", "origin", "--auto")
    here.git("checkout", "--quiet", "-b", "change")
    here.write({"schemas/a.channel.json": definition("a", "t", "another")})
    assert commit(here, environment, "--all")[0] == 0
    here.write({"schemas/a.channel.json": definition("a", "another")})
    code, said = commit(here, environment, "--all")
    assert code == 1
    assert "schemas/a.channel.json" in said
    here.git("rm", "--quiet", "--force", "schemas/a.channel.json")
    assert commit(here, environment)[0] == 1
    here.git("checkout", "--quiet", "--force", "HEAD")

    # The default branch gains a topic, which this branch doesn't remove by not having it.
    here.git("checkout", "--quiet", "main")
    here.write({"schemas/a.channel.json": definition("a", "t", "later")})
    here.commit()
    here.git("push", "--quiet", "origin", "main")
    here.git("checkout", "--quiet", "change")
    here.write({"README.md": "Hello again.\n"})
    assert commit(here, environment, "--all")[0] == 0


def test_breaking_against_something_else(team: Team, environment: dict[str, str]) -> None:
    here = team({"id": "tightbeam-breaking", "args": ["--against", "v1"]})
    here.write({"schemas/a.channel.json": definition("a", "another")})
    code, said = commit(here, environment, "--all")
    assert (code, "v1" in said) == (1, True)
    here.git("tag", "v1")
    assert commit(here, environment, "--all")[0] == 1
    here.git("checkout", "--quiet", "--force", "HEAD")
    here.write({"README.md": "Hello again.\n"})
    assert commit(here, environment, "--all")[0] == 0


def test_the_manifest_is_valid() -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert HOOKS == ["tightbeam-generate", "tightbeam-generate-check", "tightbeam-breaking"]
