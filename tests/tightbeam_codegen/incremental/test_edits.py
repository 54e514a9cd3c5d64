"""An edit changes nothing of any other topic, and comes to the same whatever earlier runs remember."""

from __future__ import annotations

import ast
import difflib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.tightbeam_codegen.compiling import FACTS, channel, compile_files, errors, write_files
from tests.tightbeam_codegen.edits import Edit, RandomProject
from tests.tightbeam_codegen.schemas import STRING, open_object, ref
from tightbeam_cli import main
from tightbeam_codegen.names import pascal, topic_name
from tightbeam_codegen.pipeline import generate
from tightbeam_codegen.settings import Settings
from tightbeam_codegen.version import tool_version


def parts(files: Mapping[str, str]) -> Iterator[tuple[tuple[str, str], str]]:
    """What is generated of each class, alias and topic: its module and name, and its text."""
    for path, text in files.items():
        if path.startswith("_schemas/") or path.endswith("__init__.py"):
            continue
        lines = text.splitlines()
        statements: list[ast.stmt] = []
        for node in ast.parse(text).body:
            name = _name(node)
            if name is not None and name.endswith("Channel"):
                assert isinstance(node, ast.ClassDef)
                statements.extend(node.body)
            else:
                statements.append(node)
        last = None
        for node in statements:
            last = _name(node) or (last if isinstance(node, ast.Expr) else None)
            if last is not None:
                yield (path, last), "\n".join(lines[node.lineno - 1 : node.end_lineno])


def _name(node: ast.stmt) -> str | None:
    match node:
        case ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]) if name != "__all__":
            return name
        case _:
            return None


def of_others(files: Mapping[str, str], edit: Edit) -> list[tuple[tuple[str, str], str]]:
    """The parts that an edit must leave as they are, in order."""
    stem = edit.file.removesuffix(".json").removesuffix(".channel").removesuffix(".event")
    module = stem.replace("-", "_") + ".py"
    found = []
    for (path, name), text in parts(files):
        if edit.owner is None:
            own = path == module
        else:
            # In a circle of files a class is called after its file, too.
            own = pascal(edit.owner) in name or (path == module and name == topic_name(edit.owner))
        if not own:
            found.append(((path, name), text))
    return found


def check_an_edit(before: Mapping[str, str], after: Mapping[str, str], edit: Edit) -> None:
    """Nothing that isn't the edited topic's, or shared definition's, differs; and nothing is renamed."""
    old, new = of_others(before, edit), of_others(after, edit)
    both = {key for key, _ in old} & {key for key, _ in new}
    assert [part for part in old if part[0] in both] == [part for part in new if part[0] in both]
    # What isn't in both is shared: the edit began, or ceased, to use it.
    gone_or_new = {key for key, _ in old + new} - both
    assert {name for _, name in gone_or_new if not re.search(r"S\d", name)} == set(), edit


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))])
def test_an_edit_changes_nothing_of_any_other_topic(seed: int, tmp_path: Path) -> None:
    edit_and_check(seed, 25, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 140))
def test_many_edits_change_nothing_of_any_other_topic(seed: int, tmp_path: Path) -> None:
    edit_and_check(seed, 100, tmp_path)


def edit_and_check(seed: int, count: int, folder: Path) -> None:
    project = RandomProject(Random(seed), circles=False)
    before = compiled(project.files, folder)
    for _ in range(count):
        edit = project.edit()
        after = compiled(project.files, folder)
        check_an_edit(before, after, edit)
        before = after


def compiled(files: Mapping[str, Any], folder: Path) -> Mapping[str, str]:
    made = compile_files(folder, files)
    assert errors(made) == []
    return made.files


# -- with and without memory -------------------------------------------------------------------------------


def whole(folder: Path) -> Mapping[str, str]:
    """What a run that remembers nothing gives."""
    settings = Settings(folder / "schemas", {"output": folder / "generated"})
    result = generate(Path("schemas"), settings, shown_root="schemas", version=tool_version(), cache=FACTS)
    return result.files["python"]


def on_disk(folder: Path) -> dict[str, str]:
    root = folder / "generated"
    return {file.relative_to(root).as_posix(): file.read_text("utf-8") for file in sorted(root.rglob("*.py"))}


def differences(found: Mapping[str, str], expected: Mapping[str, str]) -> str:
    """Line by line, file by file."""
    return "".join(
        line
        for path in sorted(found.keys() | expected.keys())
        for line in difflib.unified_diff(
            expected.get(path, "").splitlines(keepends=True),
            found.get(path, "").splitlines(keepends=True),
            f"expected/{path}",
            f"found/{path}",
        )
    )


def put(files: Mapping[str, Any], folder: Path) -> None:
    """Make the schema root hold just these files; those that are the same stay untouched."""
    root = folder / "schemas"
    wanted = {root / path: json.dumps(value, indent=1) for path, value in files.items()}
    for file in list(root.rglob("*.json")) if root.exists() else ():
        if file not in wanted:
            file.unlink()
    for file, text in wanted.items():
        if not file.exists() or file.read_text("utf-8") != text:
            write_files(file.parent, {file.name: text})


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 4))])
def test_what_is_remembered_makes_no_difference(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_and_compare(seed, 8, tmp_path, monkeypatch, capsys)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(200, 220))
def test_whatever_is_remembered_makes_no_difference(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    edit_and_compare(seed, 100, tmp_path, monkeypatch, capsys)


def test_a_circle_stays_whole_whatever_changes_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", str(tmp_path / "cache"))
    files = {
        "shared.json": {"$defs": {"A": open_object(b=ref("x.channel.json#/$defs/B"))}},
        "x.channel.json": channel("x", t=open_object(a=ref("shared.json#/$defs/A")))
        | {"$defs": {"B": open_object(c=STRING)}},
        "y.channel.json": channel("y", t=STRING),
        "z.channel.json": channel("z", t=STRING),
    }
    for path, description in ((None, ""), ("y.channel.json", "Changed."), ("x.channel.json", "Changed.")):
        if path is not None:
            files[path] |= {"description": description}
        put(files, tmp_path)
        assert main(["generate"]) == 0
        assert differences(on_disk(tmp_path), whole(tmp_path)) == ""
    del files["z.channel.json"]
    put(files, tmp_path)
    assert main(["generate"]) == 0
    assert differences(on_disk(tmp_path), whole(tmp_path)) == ""
    capsys.readouterr()


def edit_and_compare(
    seed: int,
    count: int,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TIGHTBEAM_CACHE_DIR", str(folder / "cache"))
    random = Random(seed)
    project = RandomProject(random, circles=True)
    for _ in range(count):
        for _ in range(random.randint(1, 2)):
            project.edit()
        put(project.files, folder)
        disturb(random, folder)
        expected = whole(folder)
        assert expected
        differs = on_disk(folder) != expected
        assert main(["generate", "--check"]) == int(differs)
        difference = capsys.readouterr().out
        assert bool(difference) == differs
        assert main(["generate"]) == 0
        assert differences(on_disk(folder), expected) == ""
        said = capsys.readouterr().err
        assert main(["generate", "--check"]) == 0
        assert capsys.readouterr().err == said
        if random.random() < 0.2:
            check_a_mistake(random, project, folder, capsys)


def disturb(random: Random, folder: Path) -> None:
    """Sometimes somebody changes or removes a file of the output, or the cache."""
    made = sorted((folder / "generated").rglob("*.py"))
    chance = random.random()
    if made and chance < 0.2:
        file = random.choice(made)
        file.write_text(file.read_text("utf-8") + "x = 1\n", "utf-8")
    elif made and chance < 0.3:
        random.choice(made).unlink()
    elif chance < 0.35:
        shutil.rmtree(folder / "cache", ignore_errors=True)
    elif chance < 0.4:
        shutil.rmtree(folder / "generated", ignore_errors=True)


def check_a_mistake(
    random: Random, project: RandomProject, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake changes nothing on disk, is said as without memory, and is forgotten once it is mended."""
    before = on_disk(folder)
    wrong = project.snapshot()
    path = random.choice([path for path in wrong if path.endswith(".channel.json")])
    wrong[path]["topics"]["wrong"] = {"schema": {"$ref": "nowhere.json"}}
    put(wrong, folder)
    assert main(["generate"]) == 2
    assert "nowhere.json" in capsys.readouterr().err
    assert on_disk(folder) == before
    put(project.files, folder)
    assert main(["generate", "--check"]) == 0
    assert on_disk(folder) == before
    capsys.readouterr()
