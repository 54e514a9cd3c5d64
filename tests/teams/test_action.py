"""The Action, its steps run as GitHub's runner runs them, in clones of a repository with pull requests."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.teams.action_runner import Runner, value_of
from tests.teams.repositories import GIT, ROOT, Repository, repository, this_project
from tightbeam_cli import main

SCRIPTS = Path(sys.executable).parent
SHOP = "services/shop"


# -- the Action by itself ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_it_is_valid_and_safe() -> None:
    """By the schema of such files, and by a tool that knows what a pull request could misuse."""
    for command in (
        [SCRIPTS / "check-jsonschema", "--builtin-schema", "vendor.github-actions", ROOT / "action.yml"],
        [SCRIPTS / "zizmor", "--offline", "--min-severity", "low", ROOT / "action.yml"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("inputs.a", "x y"),
        ("inputs.a == 'x y'", True),
        ("inputs.a != 'x y'", False),
        ("inputs.b || inputs.a", "x y"),
        ("inputs.a == 'x y' && inputs.missing.deeper", None),
        ("'it''s'", "it's"),
    ],
)
def test_expressions(expression: str, value: object) -> None:
    assert value_of(expression, {"inputs": {"a": "x y", "b": ""}}) == value


# -- a team's repository -------------------------------------------------------------------------------------


def definition(name: str = "a", **topics: Any) -> str:
    described = {topic: {"schema": schema} for topic, schema in topics.items()}
    return json.dumps({"name": name, "topics": described}, indent=2)


STATUS = {
    "type": "object",
    "properties": {"message": {"type": "string"}},
    "required": ["message"],
    "additionalProperties": False,
}
MORE = {**STATUS, "properties": {**STATUS["properties"], "percent": {"type": "integer"}}}  # type: ignore[dict-item]  # it is one
DEMANDING = {**MORE, "required": ["message", "percent"]}


@dataclass
class Team:
    """A repository on GitHub, with a branch `main`, and a branch that a pull request is made of."""

    upstream: Repository
    folder: Path
    runner_temp: Path
    path: str

    def change(self, *, generated: bool = True, **topics: Any) -> str:
        """Commit a definition with these topics to the present branch, with its bindings or without."""
        self.upstream.write({f"{SHOP}/schemas/a.channel.json": definition(**topics)})
        if generated:
            assert main(["-C", str(self.upstream.folder / SHOP), "generate"]) in (0, 2)
        return self.upstream.commit()

    def pull_request(self, base: str = "main") -> str:
        """Make the merge commit of a pull request of the branch `change`, as GitHub does."""
        git = self.upstream.git
        git("checkout", "--quiet", "--detach", base)
        git("merge", "--quiet", "--no-ff", "--no-edit", "change")
        commit = git("rev-parse", "HEAD")
        git("update-ref", "refs/pull/1/merge", commit)
        git("checkout", "--quiet", "change")
        return commit

    def check_out(self, commit: str, name: str = "work", depth: int | None = 1) -> Repository:
        """Clone as actions/checkout does: one commit, and nothing of other branches."""
        clone = repository(self.folder / name)
        clone.git("remote", "add", "origin", self.upstream.folder.as_uri())
        branches = () if depth else ("+refs/heads/*:refs/remotes/origin/*",)
        depths = ("--depth", str(depth)) if depth else ()
        clone.git("fetch", "--quiet", "--no-tags", *depths, "origin", commit, *branches)
        clone.git("checkout", "--quiet", "--detach", commit)
        return clone

    def runner(self, clone: Repository, base: str | None = "main", **variables: str) -> Runner:
        pull_request = {"pull_request": {"number": 1, "base": {"ref": base}}} if base else {}
        variables = {"PATH": f"{self.path}:{GIT['PATH']}", **variables}
        return Runner(clone.folder, self.runner_temp, pull_request, variables)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the command that the Action installs by itself, from a copy of this project."""
    folder = tmp_path_factory.mktemp("installed")
    (folder / "temp").mkdir()
    empty = repository(folder / "empty")
    action, _ = this_project(folder / "action")
    path = f"{SCRIPTS}:{GIT['PATH']}"
    variables = {"PATH": path, "PIP_CONSTRAINT": str(ROOT / "constraints.txt")}
    outcome = Runner(empty.folder, folder / "temp", {}, variables, action.folder).run(check="false")
    assert (outcome.failed, outcome.outputs["bindings"]) == (None, ""), outcome.log
    bin_ = folder / "temp" / "tightbeam" / "bin"
    done = subprocess.run([bin_ / "tightbeam", "--version"], capture_output=True, check=False)
    assert done.returncode == 0
    return bin_


@pytest.fixture
def team(tmp_path: Path, installed: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", "")
    upstream = repository(tmp_path / "upstream")
    upstream.write({f"{SHOP}/pyproject.toml": "[tool.tightbeam]\n"})
    (tmp_path / "temp").mkdir()
    made = Team(upstream, tmp_path, tmp_path / "temp", str(installed))
    made.change(status=STATUS)
    upstream.git("checkout", "--quiet", "-b", "change")
    return made


USED = {"version": "installed", "working_directory": SHOP}


@pytest.mark.slow
def test_a_change_that_is_fine(team: Team) -> None:
    team.change(status=MORE)
    outcome = team.runner(team.check_out(team.pull_request())).run(**USED)
    assert outcome.failed is None, outcome.log
    assert (outcome.outputs["bindings"], outcome.outputs["compatibility"]) == ("up-to-date", "safe")
    assert outcome.outputs["against"] == team.upstream.git("rev-parse", "main")
    assert "::error" not in outcome.log
    assert "The bindings are up to date." in outcome.summary
    assert Path(outcome.outputs["summary"]).read_text("utf-8") in outcome.summary


@pytest.mark.slow
def test_everything_wrong_is_said_at_once(team: Team) -> None:
    team.change(generated=False, status=DEMANDING)
    outcome = team.runner(team.check_out(team.pull_request())).run(**USED)
    assert outcome.failed == "Result"
    assert (outcome.outputs["bindings"], outcome.outputs["compatibility"]) == ("out-of-date", "breaking")
    assert f"::error file={SHOP}/generated/a.py,line=1,col=1," in outcome.logs["tightbeam generate --check"]
    assert f"::error file={SHOP}/schemas/a.channel.json,line=" in outcome.logs["tightbeam breaking"]
    assert "**The bindings are out of date.**" in outcome.summary
    summary = Path(outcome.outputs["summary"]).read_text("utf-8")
    assert "Compared with `main`: 1 topic breaks" in summary
    assert outcome.outputs["against"] not in summary
    assert "Compared with `main`" in outcome.logs["tightbeam breaking"]


@pytest.mark.slow
def test_definitions_that_dont_compile(team: Team) -> None:
    team.upstream.write({f"{SHOP}/schemas/a.channel.json": '{"name": "a"}'})
    team.upstream.commit()
    outcome = team.runner(team.check_out(team.pull_request())).run(**USED)
    assert outcome.failed == "Result"
    assert (outcome.outputs["bindings"], outcome.outputs["compatibility"]) == ("failed", "failed")
    assert "'topics' is missing" in outcome.log
    assert "**The definitions don't compile.**" in outcome.summary


@pytest.mark.slow
def test_what_main_has_gained_since_is_not_removed(team: Team) -> None:
    """The clone is shallow, and the other branch has moved on."""
    fork = team.upstream.git("rev-parse", "main")
    for _ in range(3):
        head = team.change(status=STATUS)
    team.upstream.git("checkout", "--quiet", "main")
    merged_into = team.change(status=STATUS, later=STATUS)
    merge = team.pull_request()
    team.upstream.git("checkout", "--quiet", "main")
    team.change(status=STATUS, later=STATUS, latest=STATUS)
    outcome = team.runner(team.check_out(merge)).run(**USED)
    assert (outcome.failed, outcome.outputs["compatibility"]) == (None, "safe"), outcome.log
    assert outcome.outputs["against"] == merged_into
    for name, commit, depth, expected in (
        ("everything", merge, None, merged_into),
        ("head", head, 1, fork),
        ("head of everything", head, None, fork),
    ):
        outcome = team.runner(team.check_out(commit, name, depth)).run("base", **USED)
        assert outcome.outputs["against"] == expected, (name, outcome.log)


@pytest.mark.slow
def test_branches_with_nothing_in_common(team: Team) -> None:
    commit = team.change(status=MORE)
    team.upstream.git("checkout", "--quiet", "--orphan", "other")
    tip = team.upstream.commit()
    outcome = team.runner(team.check_out(commit), "other").run("base", **USED)
    assert outcome.outputs["against"] == tip
    assert "::warning title=Tightbeam::no commit in common was found" in outcome.log


@pytest.mark.slow
def test_where_the_clone_may_not_fetch(team: Team) -> None:
    base = team.upstream.git("rev-parse", "main")
    clone = team.check_out(team.pull_request())
    clone.git("remote", "set-url", "origin", "file:///nowhere")
    outcome = team.runner(clone).run("base", **USED)
    assert outcome.failed == "Find what to compare with"
    assert "or give it fetch-depth: 0" in outcome.log
    # With everything there nothing has to be fetched.
    complete = team.check_out(team.pull_request(), "complete", depth=None)
    complete.git("remote", "set-url", "origin", "file:///nowhere")
    assert team.runner(complete).run("base", **USED).outputs["against"] == base


@pytest.mark.slow
def test_no_pull_request(team: Team) -> None:
    base = team.upstream.git("rev-parse", "main")
    clone = team.check_out(team.change(generated=False, status=DEMANDING))
    outcome = team.runner(clone, None).run(**USED)
    assert (outcome.outputs["bindings"], outcome.outputs["compatibility"]) == ("out-of-date", "")
    assert "There is nothing to compare with" in outcome.log
    assert team.runner(clone, None).run(**USED, check="false").failed is None
    queue = team.runner(clone, None)
    queue.event = {"merge_group": {"base_sha": base}}
    assert queue.run("base", **USED).outputs["against"] == base


@pytest.mark.slow
def test_what_to_compare_with_can_be_said(team: Team) -> None:
    base = team.upstream.git("rev-parse", "main")
    team.upstream.git("tag", "v1", "main")
    clone = team.check_out(team.change(status=DEMANDING))
    runner = team.runner(clone, None)
    for against in ("v1", "main", "origin/main", "main...", base):
        outcome = runner.run("base", **USED, against=against)
        assert outcome.outputs["against"] == base, (against, outcome.log)
    assert runner.run("base", **USED, against="./schemas/").outputs["against"] == "./schemas/"
    assert runner.run("base", **USED, against="schemas").outputs["against"] == "schemas"
    for against in ("nowhere", "./nowhere", "--upload-pack=touch pwned"):
        outcome = runner.run("base", **USED, against=against)
        assert outcome.failed == "Find what to compare with"
        assert "::error title=Tightbeam::" in outcome.log
    assert not list(team.folder.rglob("pwned*"))


EVIL = "$(touch pwned)`touch pwned`;touch pwned;\"'"


@pytest.mark.slow
def test_names_of_branches_and_inputs_are_no_commands(team: Team) -> None:
    branch = "a;touch${IFS}pwned;$(touch${IFS}pwned)`id`"
    team.upstream.git("branch", branch, "main")
    team.change(status=MORE)
    clone = team.check_out(team.pull_request(branch))
    (clone.folder / EVIL).mkdir()
    fine = team.runner(clone, branch).run(**USED)
    assert (fine.failed, fine.outputs["compatibility"]) == (None, "safe"), fine.log
    runner = team.runner(clone)
    wrong = [
        runner.run("generate", **USED, breaking="false", schemas=EVIL),
        runner.run("generate", **USED, breaking="false", schemas="--output=pwned"),
    ]
    assert [each.outputs["bindings"] for each in wrong] == ["failed", "failed"]
    assert (
        runner.run(
            "summary", version="installed", working_directory=EVIL, breaking="false", check="false"
        ).failed
        is None
    )
    assert runner.run(**{**USED, "version": EVIL}).failed == "Install Tightbeam"
    assert not list(team.folder.rglob("pwned*"))


@pytest.mark.slow
def test_without_a_python_that_will_do(team: Team, tmp_path: Path) -> None:
    clone = team.check_out(team.pull_request())
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bin" / "python3").chmod(0o755)
    (tmp_path / "bin" / "bash").symlink_to("/bin/bash")
    outcome = team.runner(clone, PATH=str(tmp_path / "bin")).run()
    assert (outcome.failed, "Python 3.11 or newer is missing" in outcome.log) == ("Install Tightbeam", True)
    outcome = team.runner(clone, PATH=str(tmp_path / "bin")).run(version="installed")
    assert "there is no tightbeam on the path" in outcome.log


# -- the comment ---------------------------------------------------------------------------------------------


class GitHub(ThreadingHTTPServer):
    """As much of GitHub's interface as comments need."""

    comments: list[dict[str, Any]]
    may_write: bool


class Handler(BaseHTTPRequestHandler):
    server: GitHub

    def do_GET(self) -> None:
        assert self.path.startswith("/repos/ada/shop/issues/1/comments?per_page=100&page=")
        page = int(self.path.rpartition("=")[2])
        self.answer(200, self.server.comments[100 * page - 100 : 100 * page])

    def do_POST(self) -> None:
        assert self.path == "/repos/ada/shop/issues/1/comments"
        self.write({"id": len(self.server.comments), "user": {"type": "Bot"}})

    def do_PATCH(self) -> None:
        number = int(self.path.removeprefix("/repos/ada/shop/issues/comments/"))
        self.write(self.server.comments.pop(number))

    def write(self, comment: dict[str, Any]) -> None:
        value = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["Authorization"] == "Bearer github-token"
        if not self.server.may_write:
            self.answer(403, {"message": "Resource not accessible by integration"})
            return
        self.server.comments.insert(comment["id"], {**comment, **value})
        self.answer(200, {})

    def answer(self, status: int, value: object) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def github() -> Iterator[GitHub]:
    with GitHub(("127.0.0.1", 0), Handler) as server:
        server.comments, server.may_write = [], True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def comment(github: str, folder: Path, text: str, compatibility: str) -> str:
    """Run the step's program; return what it printed."""
    (folder / "summary.md").write_text(text, "utf-8")
    variables = {
        "BINDINGS": "up-to-date",
        "COMPATIBILITY": compatibility,
        "GITHUB_API_URL": github,
        "GITHUB_REPOSITORY": "ada/shop",
        "PROJECT": SHOP,
        "PULL_REQUEST": "1",
        "SUMMARY": str(folder / "summary.md"),
        "TOKEN": "github-token",
    }
    command = [sys.executable, "-I", ROOT / "action" / "comment.py"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.slow
def test_one_comment_is_kept_up_to_date(tmp_path: Path, github: GitHub) -> None:
    # A person's comment that has the mark is no former one of ours.
    people = [{"id": number, "user": {"type": "User"}, "body": "Hm."} for number in range(120)]
    people[7] = {"id": 7, "user": None, "body": None}
    github.comments = list(people)
    url = f"http://127.0.0.1:{github.server_port}"
    assert comment(url, tmp_path, "fine", "safe") == ""
    assert github.comments == people
    assert comment(url, tmp_path, "wrong", "breaking") == ""
    (first,) = github.comments[120:]
    assert first["body"].endswith(" -->\nwrong")
    github.comments[0] = {**github.comments[0], "body": first["body"]}
    assert comment(url, tmp_path, "fine again", "safe") == ""
    (second,) = github.comments[120:]
    assert (second["id"], second["body"]) == (first["id"], first["body"].replace("wrong", "fine again"))
    assert github.comments[0]["body"] == first["body"]
    assert comment(url, tmp_path, "x\n" * 50_000, "failed") == ""
    assert len(github.comments[120]["body"]) < 65_536


@pytest.mark.slow
def test_a_token_that_may_not_write_changes_nothing(team: Team, github: GitHub) -> None:
    """That of a pull request from a fork."""
    github.may_write = False
    url = f"http://127.0.0.1:{github.server_port}"
    team.change(status=DEMANDING)
    outcome = team.runner(team.check_out(team.pull_request()), GITHUB_API_URL=url).run(**USED, comment="true")
    assert outcome.failed == "Result"
    assert "::notice title=Tightbeam::no comment was written (HTTP Error 403" in outcome.log
    assert "percent" in outcome.summary
    github.may_write = True
    outcome = team.runner(Repository(team.folder / "work"), GITHUB_API_URL=url).run(**USED, comment="true")
    assert "percent" in github.comments[0]["body"]


@pytest.mark.slow
def test_no_answer(tmp_path: Path) -> None:
    assert "no comment was written" in comment("http://127.0.0.1:9", tmp_path, "wrong", "breaking")
