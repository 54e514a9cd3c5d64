"""A small runner of composite Actions: it reads action.yml, and does with it what GitHub's runner does.

Expressions are those that action.yml has: paths into contexts, texts, `==`, `!=`, `&&`, `||`.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.teams.repositories import GIT, ROOT

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|==|!=|&&|\|\||[\w.-]+)")


def evaluated(text: str, contexts: Mapping[str, Any]) -> str:
    """A text with its expressions replaced by their values."""
    return _EXPRESSION.sub(lambda match: _as_text(value_of(match[1], contexts)), text)


def value_of(expression: str, contexts: Mapping[str, Any]) -> Any:
    """The value of an expression; whatever isn't there is empty."""
    tokens = _TOKEN.findall(expression)
    assert "".join(tokens) == re.sub(r"\s(?=(?:[^']*'[^']*')*[^']*$)", "", expression), expression
    for operator in ("||", "&&"):
        if operator in tokens:
            at = tokens.index(operator)
            left = value_of(" ".join(tokens[:at]), contexts)
            if bool(left) is (operator == "||"):
                return left
            return value_of(" ".join(tokens[at + 1 :]), contexts)
    if len(tokens) == 3:
        left, operator, right = tokens
        same = _as_text(value_of(left, contexts)) == _as_text(value_of(right, contexts))
        return same is (operator == "==")
    (token,) = tokens
    if token.startswith("'"):
        return token[1:-1].replace("''", "'")
    value: Any = contexts
    for key in token.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


@dataclass
class Outcome:
    """What became of a run."""

    failed: str | None = None
    """The name of the step that failed."""
    log: str = ""
    logs: dict[str, str] = field(default_factory=dict)
    """What each step printed."""
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""


@dataclass
class Runner:
    """A machine of a job: its work tree, its temporary folder, and what happened in the repository."""

    workspace: Path
    temporary: Path
    event: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    """The environment of all steps, besides."""
    action: Path = ROOT

    def run(self, until: str = "", **inputs: str) -> Outcome:
        """Run the steps, as a workflow that has the Action with these inputs.

        Args:
            until: the id of the last step that is run; all of them if it is empty.
            inputs: with underscores for dashes.
        """
        action = yaml.safe_load((self.action / "action.yml").read_text("utf-8"))
        stated = {name.replace("_", "-"): value for name, value in inputs.items()}
        assert stated.keys() <= action["inputs"].keys()
        github = {"token": "github-token", "event": self.event, **self._github()}
        contexts: dict[str, Any] = {"github": github, "steps": {}}
        defaults = {name: evaluated(each["default"], contexts) for name, each in action["inputs"].items()}
        contexts["inputs"] = defaults | stated
        outcome = Outcome()
        for number, step in enumerate(action["runs"]["steps"]):
            condition = step.get("if")
            if until in contexts["steps"] or outcome.failed:
                break
            if condition and not self._holds(condition, contexts):
                continue
            code, said, outputs = self._step(number, step, contexts)
            contexts["steps"][step.get("id", str(number))] = {"outputs": outputs}
            outcome.logs[step["name"]] = said
            outcome.log += said
            if code:
                outcome.failed = step["name"]
        for name, output in action["outputs"].items():
            outcome.outputs[name] = evaluated(output["value"], contexts)
        for file in sorted(self.temporary.glob("summary-*")):
            outcome.summary += file.read_text("utf-8")
            file.unlink()
        return outcome

    def _github(self) -> dict[str, str]:
        base = self.event.get("pull_request", {}).get("base", {}).get("ref", "")
        return {"base_ref": base, "action_path": str(self.action), "workspace": str(self.workspace)}

    def _holds(self, condition: str, contexts: Mapping[str, Any]) -> bool:
        match = _EXPRESSION.fullmatch(condition)
        assert match is not None, condition
        return bool(value_of(match[1], contexts))

    def _step(
        self, number: int, step: Mapping[str, Any], contexts: Mapping[str, Any]
    ) -> tuple[int, str, dict[str, str]]:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]  # text of others would be text of the script
        files = {name: self.temporary / f"{name}-{number}" for name in ("script", "output", "summary")}
        files["script"].write_text(step["run"], "utf-8")
        files["output"].write_text("")
        folder = evaluated(step.get("working-directory", "."), contexts)
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", files["script"]],
            cwd=self.workspace / folder,
            env=self._environment(files, step.get("env", {}), contexts),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, dict(_outputs(files["output"].read_text("utf-8")))

    def _environment(
        self, files: Mapping[str, Path], stated: Mapping[str, str], contexts: Mapping[str, Any]
    ) -> dict[str, str]:
        own = {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(self.action),
            "GITHUB_API_URL": "http://127.0.0.1:9",
            "GITHUB_BASE_REF": contexts["github"]["base_ref"],
            "GITHUB_OUTPUT": str(files["output"]),
            "GITHUB_REPOSITORY": "ada/shop",
            "GITHUB_STEP_SUMMARY": str(files["summary"]),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.temporary),
            "TIGHTBEAM_CACHE_DIR": "",
        }
        return {
            **GIT,
            **own,
            **self.variables,
            **{name: evaluated(text, contexts) for name, text in stated.items()},
        }


def _outputs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        assert equals, text
        yield name, value
