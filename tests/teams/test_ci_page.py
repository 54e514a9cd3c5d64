"""The files that docs/ci.md shows, by the tools that read them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import blocks
from tests.teams.repositories import GIT, ROOT, repository
from tightbeam_codegen.command.report import Report

PAGE = ROOT / "docs" / "ci.md"
SHOWN = {block.title: block.text for block in blocks(PAGE) if block.title}
SCRIPTS = Path(sys.executable).parent


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "schema"),
    [(".github/workflows/channels.yml", "vendor.github-workflows"), (".gitlab-ci.yml", "vendor.gitlab-ci")],
)
def test_files_of_services(file: str, schema: str, tmp_path: Path) -> None:
    shown = tmp_path / "shown.yml"
    shown.write_text(SHOWN[file], "utf-8")
    command = [SCRIPTS / "check-jsonschema", "--builtin-schema", schema, shown]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    shown.write_text(SHOWN[file].replace("runs-on", "runs_on").replace("script:", "skript:"), "utf-8")
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


@pytest.mark.slow
def test_workflows_are_safe(tmp_path: Path) -> None:
    workflow = tmp_path / ".github" / "workflows" / "channels.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(SHOWN[".github/workflows/channels.yml"], "utf-8")
    # Actions are named by their versions here, as people do; for a page a commit's number would age.
    config = tmp_path / "zizmor.yml"
    config.write_text("rules: {unpinned-uses: {config: {policies: {'*': ref-pin}}}}")
    command = [SCRIPTS / "zizmor", "--offline", "--config", config, "--min-severity", "low", workflow]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_configuration_of_pre_commit(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(SHOWN[".pre-commit-config.yaml"], "utf-8")
    command = [sys.executable, "-m", "pre_commit", "validate-config", config]
    assert subprocess.run(command, check=False).returncode == 0


@pytest.mark.slow
def test_the_makefile(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
    (tmp_path / "Makefile").write_text(SHOWN["Makefile"], "utf-8")
    outer = {name: value for name, value in GIT.items() if not name.startswith(("MAKE", "MFLAGS"))}
    environment = {**outer, "PATH": f"{SCRIPTS}:{GIT['PATH']}", "TIGHTBEAM_CACHE_DIR": ""}

    def make(target: str) -> int:
        command = ["make", target]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, check=False
        ).returncode

    here = repository(tmp_path)
    assert [make("check-channels"), make("channels")] == [2, 0]
    here.commit()
    assert make("check-channels") == 0
    (tmp_path / "schemas" / "alerts.channel.json").unlink()
    assert [make("check-channels"), make("channels"), make("check-channels")] == [2, 0, 2]


def test_every_key_of_the_object_is_described(capsys: pytest.CaptureFixture[str]) -> None:
    Report("json").finish(0)
    page = PAGE.read_text("utf-8")
    assert all(f"| `{key}` |" in page for key in json.loads(capsys.readouterr().out))
