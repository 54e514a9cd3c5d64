"""The snippets are code that works: type-checked and run against the bindings of the golden cases."""

from __future__ import annotations

import asyncio
import functools
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import tightbeam
from tests.tightbeam_codegen.compiling import FACTS
from tests.tightbeam_codegen.golden import GOOD, Case
from tests.typescript import node_tools
from tests.typing import checkers
from tightbeam_codegen.catalogue.snippets import Bindings, bindings_of
from tightbeam_codegen.catalogue.views import ChannelView, TopicView, read_views
from tightbeam_codegen.pipeline import generate, read
from tightbeam_codegen.room import with_room
from tightbeam_codegen.settings import Settings, load_settings
from tightbeam_codegen.targets import OPTIONS

ROOT = Path(__file__).parents[3]
PRELUDE = "declare const gateway: string;\ndeclare const serverKey: string;\n"


def channels_of(root: Path, settings: Settings, bindings: Bindings) -> tuple[ChannelView, ...]:
    model = with_room(lambda: read(root, settings, shown_root="schemas", exact=True))
    assert not model.has_errors
    return with_room(lambda: read_views(model, bindings)).channels


def with_example(channels: tuple[ChannelView, ...]) -> Iterator[TopicView]:
    for channel in channels:
        yield from (topic for topic in channel.topics if topic.example is not None)


@functools.cache
def case_channels(case: Case) -> tuple[ChannelView, ...]:
    settings = load_settings(case.folder, OPTIONS)
    return channels_of(case.folder / "schemas", settings, Bindings(case.package, "./channels", ""))


def texts(topic: TopicView, language: str) -> list[str]:
    return [snippet.text for snippet in topic.snippets if snippet.language == language]


def module(snippets: list[str]) -> str:
    """A module with a function for each snippet, named `snippet0` and so on."""
    imports: dict[str, None] = {}
    functions: list[str] = []
    for number, snippet in enumerate(snippets):
        head, _, body = snippet.partition("\n\n")
        imports[head] = None
        lines = textwrap.indent(body, "    ")
        functions.append(f"async def snippet{number}(client: tightbeam.Client) -> None:\n{lines}")
    return "\n".join(["import tightbeam", *imports, "", *functions])


@pytest.mark.slow
def test_python_type_checks_and_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published = 0
    written: dict[str, int] = {}
    for case in GOOD:
        for path, text in case.expected().items():
            file = tmp_path / case.package / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        snippets = [text for topic in with_example(case_channels(case)) for text in texts(topic, "Python")]
        (tmp_path / f"use_{case.package}.py").write_text(module(snippets), "utf-8")
        written[case.package] = len(snippets)
    findings = [each.text for each in checkers.run("mypy", tmp_path) if each.path.startswith("use_")]
    assert findings == []
    monkeypatch.syspath_prepend(tmp_path)
    for package, count in written.items():
        program = __import__(f"use_{package}")
        for number in range(0, count, 2):
            asyncio.run(getattr(program, f"snippet{number}")(tightbeam.Client()))
            published += 1
    assert published > 100


@pytest.mark.slow
def test_typescript_type_checks(tmp_path: Path) -> None:
    node_tools.needs_node()
    files: dict[str, str] = {}
    for case in GOOD:
        folder = case.package
        settings = load_settings(case.folder, OPTIONS)
        options = {**settings.options, "typescript": tmp_path}
        result = generate(
            case.folder / "schemas",
            Settings(
                case.folder / "schemas",
                options,
                settings.assert_formats,
                settings.assume_objects,
                settings.dialect,
                settings.refs,
                settings.names,
            ),
            shown_root="schemas",
            version="0.0.0",
            cache=FACTS,
        )
        assert result.files, result.problems
        files |= {f"{folder}/channels/{path}": text for path, text in result.files["typescript"].items()}
        for number, topic in enumerate(with_example(case_channels(case))):
            for index, text in enumerate(texts(topic, "TypeScript")):
                files[f"{folder}/use{number}_{index}.ts"] = PRELUDE + text
    node_tools.project(tmp_path, files)
    faults = [fault for fault in node_tools.tsc(tmp_path) if "/use" in fault.path]
    assert faults == []
    assert sum("/use" in path for path in files) > 200


async def test_what_is_published_is_received(capsys: pytest.CaptureFixture[str]) -> None:
    """The snippets of our own definitions, one beside the other."""
    settings = Settings(ROOT / "schemas")
    channels = channels_of(ROOT / "schemas", settings, bindings_of(settings))
    for topic in with_example(channels):
        publish, subscribe = texts(topic, "Python")
        space: dict[str, object] = {}
        exec(compile(module([publish, subscribe]), "snippets", "exec"), space)  # what we have written
        async with tightbeam.Client() as client:
            reading = asyncio.create_task(space["snippet1"](client))  # type: ignore[operator]
            while not capsys.readouterr().out:
                await space["snippet0"](client)  # type: ignore[operator]
                await asyncio.sleep(0)
            reading.cancel()


def test_bindings_are_imported_as_the_project_has_them(tmp_path: Path) -> None:
    (tmp_path / "src" / "app").mkdir(parents=True)
    (tmp_path / "src" / "app" / "__init__.py").touch()
    stated = {
        "output": tmp_path / "src" / "app" / "bindings",
        "typescript": tmp_path / "web" / "src" / "live",
        "typescript_import_extension": "js",
    }
    assert bindings_of(Settings(tmp_path, stated)) == Bindings("app.bindings", "./live", ".js")
    assert bindings_of(Settings(tmp_path)) == Bindings("generated", "./channels", "")
