"""Revisions: git refs in all kinds of clones, and folders."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tightbeam_codegen.compare.repositories import Clone, changed, definition
from tightbeam_cli import main
from tightbeam_codegen.compare import reading

OLD, NEW = definition("traffic", "weather"), definition("traffic", "weather", "strike")
READERS_FIRST = [("deliveries", "eta", "readers-first")]

Compare = Callable[..., tuple[int, str, str]]


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    """A repository whose branch main has a definition, in its work tree."""
    clone = Clone.made(tmp_path / "project")
    clone.commit({"schemas/deliveries.channel.json": OLD})
    monkeypatch.chdir(clone.folder)
    return clone


@pytest.fixture
def compare(capsys: pytest.CaptureFixture[str]) -> Compare:
    """Runs the command: exit code, standard output, standard error."""

    def compared(*arguments: str, form: str = "json") -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["breaking", *arguments, "--format", form])
        said = capsys.readouterr()
        return code, said.out, said.err

    return compared


def test_a_branch_against_the_work_tree(clone: Clone, compare: Compare) -> None:
    clone.write({"schemas/deliveries.channel.json": NEW})
    code, out, err = compare("--against", "main")
    assert (code, changed(out), err) == (1, READERS_FIRST, "")
    places = json.loads(out)["topics"][0]["places"]["old_readers"]
    assert places["reader"]["file"] == "main:schemas/deliveries.channel.json"
    assert places["writer"]["file"] == "schemas/deliveries.channel.json"


def test_nothing_has_changed(clone: Clone, compare: Compare) -> None:
    code, out, err = compare("--against", "main", form="text")
    assert (code, out, err) == (0, "Compared with `main`: nothing has changed.\n", "")


def everything(folder: Path) -> dict[str, tuple[int, bytes]]:
    """All files below a folder, those of git too, with their times."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_neither_work_tree_nor_index_changes(clone: Clone, compare: Compare) -> None:
    clone.write(
        {"schemas/deliveries.channel.json": NEW, "schemas/untracked.channel.json": definition(name="u")}
    )
    (clone.folder / ".git" / "index").touch()  # git would refresh the index now, if it looked at it
    before = everything(clone.folder)
    assert compare("--against", "main")[0] == 1
    assert everything(clone.folder) == before


@pytest.mark.slow
@pytest.mark.parametrize("ref", ["HEAD~1", "v1.2", "main@{0}~1", "HEAD^", "old/branch"])
def test_every_spelling_of_a_commit(clone: Clone, compare: Compare, ref: str) -> None:
    clone.git("tag", "v1.2")
    clone.git("branch", "old/branch")
    clone.commit({"schemas/deliveries.channel.json": NEW})
    assert changed(compare("--against", ref)[1]) == READERS_FIRST


@pytest.mark.slow
def test_the_id_of_a_commit(clone: Clone, compare: Compare) -> None:
    old = clone.git("rev-parse", "HEAD")
    clone.commit({"schemas/deliveries.channel.json": NEW})
    assert changed(compare("--against", old)[1]) == READERS_FIRST
    assert changed(compare("--against", old[:9])[1]) == READERS_FIRST


@pytest.mark.slow
def test_where_head_left_a_branch(clone: Clone, compare: Compare) -> None:
    clone.git("switch", "-q", "-c", "feature")
    clone.commit({"schemas/deliveries.channel.json": NEW})
    clone.git("switch", "-q", "main")
    clone.commit({"schemas/alerts.channel.json": definition("a", name="alerts")})
    clone.git("switch", "-q", "feature")
    _, out, _ = compare("--against", "main")
    assert [each["kind"] for each in json.loads(out)["code"]] == ["channel-removed"]
    code, out, _ = compare("--against", "main...")
    assert (code, changed(out), json.loads(out)["code"]) == (1, READERS_FIRST, [])


@pytest.mark.slow
def test_histories_that_do_not_meet(clone: Clone, compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    clone.git("switch", "-q", "--orphan", "other")
    clone.commit({"schemas/deliveries.channel.json": NEW})
    code, _, err = compare("--against", "main...")
    assert code == 2
    assert "'main' and HEAD have no commit in common in this clone" in err
    assert "git fetch --unshallow" in err
    assert "git remote set-head origin --auto" not in compare("--against", "origin/HEAD...")[2]
    clone.git("remote", "add", "origin", "nowhere")
    assert "git remote set-head origin --auto" in compare("--against", "origin/HEAD...")[2]


@pytest.mark.slow
def test_a_monorepo(tmp_path: Path, compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = Clone.made(tmp_path / "mono repo")
    clone.commit(
        {
            "apps/api/pyproject.toml": "[tool.tightbeam]\nschemas = 'contracts'\n",
            "apps/api/contracts/deliveries.channel.json": OLD,
            "apps/other/contracts/x.channel.json": definition("a", name="x"),
        }
    )
    clone.write({"apps/api/contracts/deliveries.channel.json": NEW})
    for folder, arguments in (
        ("apps/api", []),
        ("apps/api/contracts", []),
        ("", ["apps/api/contracts"]),
        ("apps/other", ["../api/contracts"]),
        ("..", ["mono repo/apps/api/contracts"]),
    ):
        monkeypatch.chdir(clone.folder / folder)
        code, out, err = compare(*arguments, "--against", "main")
        assert (code, changed(out), err) == (1, READERS_FIRST, ""), folder
        reader = json.loads(out)["topics"][0]["places"]["old_readers"]["reader"]
        assert reader["file"] == "main:apps/api/contracts/deliveries.channel.json"


@pytest.mark.slow
def test_a_root_that_is_the_whole_repository(
    tmp_path: Path, compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = Clone.made(tmp_path / "contracts")
    clone.commit({"deliveries.channel.json": OLD})
    clone.write({"deliveries.channel.json": NEW})
    monkeypatch.chdir(clone.folder)
    code, out, _ = compare(".", "--against", "main")
    assert (code, changed(out)) == (1, READERS_FIRST)
    reader = json.loads(out)["topics"][0]["places"]["old_readers"]["reader"]
    assert reader["file"] == "main:./deliveries.channel.json"


@pytest.mark.slow
def test_another_worktree(clone: Clone, compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    other = clone.folder.parent / "other"
    clone.git("worktree", "add", "-q", "-b", "feature", str(other))
    Clone(other).write({"schemas/deliveries.channel.json": NEW})
    monkeypatch.chdir(other)
    assert changed(compare("--against", "main")[1]) == READERS_FIRST


@pytest.mark.slow
def test_a_submodule_seen_from_inside_and_from_outside(
    tmp_path: Path, compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = Clone.made(tmp_path / "shared")
    shared.commit({"schemas/deliveries.channel.json": OLD})
    outer = Clone.made(tmp_path / "outer")
    outer.commit({"readme": "x"})
    outer.git("submodule", "add", "-q", str(shared.folder), "libs/shared")
    outer.commit({})
    inner = Clone(outer.folder / "libs" / "shared")
    inner.commit({"schemas/deliveries.channel.json": NEW})
    monkeypatch.chdir(outer.folder)
    code, out, err = compare("libs/shared/schemas", "--against", "main")
    assert (code, changed(out), err) == (1, READERS_FIRST, "")
    reader = json.loads(out)["topics"][0]["places"]["old_readers"]["reader"]
    assert reader["file"] == "main:libs/shared/schemas/deliveries.channel.json"
    monkeypatch.chdir(inner.folder)
    assert compare("--against", "main")[0] == 0
    assert changed(compare("--against", "HEAD~1")[1]) == READERS_FIRST
    # A root above the submodule has the submodule's files too.
    monkeypatch.chdir(outer.folder)
    assert changed(compare("libs", "--against", "main")[1]) == [
        ("shared/schemas/deliveries", "eta", "readers-first")
    ]


COMMON = {"$defs": {"Reason": {"enum": ["traffic", "weather"]}}}
WIDER = {"$defs": {"Reason": {"enum": ["traffic", "weather", "strike"]}}}


def using(reference: str) -> dict[str, Any]:
    """A definition whose payload refers to another file."""
    schema = {"type": "object", "properties": {"reason": {"$ref": reference}}, "additionalProperties": False}
    return {"name": "deliveries", "topics": {"eta": {"schema": schema}}}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "reference"),
    [
        ("schemas/common.json", "common.json#/$defs/Reason"),
        ("schemas/in a folder/my común.json", "in%20a%20folder/my%20com%C3%BAn.json#/$defs/Reason"),
        ("schemas/vendor/x.json", "https://example.com/inside/x.json#/$defs/Reason"),
        ("elsewhere/x.json", "https://example.com/outside/x.json#/$defs/Reason"),
    ],
)
def test_files_that_are_referred_to_are_read_at_the_ref(
    clone: Clone, compare: Compare, file: str, reference: str
) -> None:
    settings = (
        "[tool.tightbeam.refs]\n'https://example.com/inside/' = 'schemas/vendor'\n"
        "'https://example.com/outside/' = 'elsewhere'\n"
    )
    clone.commit(
        {
            "pyproject.toml": settings,
            "schemas/vendor/y.json": {},
            "elsewhere/y.json": {},
            "schemas/deliveries.channel.json": using(reference),
            "schemas/unaffected.channel.json": definition("a", name="unaffected"),
            file: COMMON,
        }
    )
    clone.write({file: WIDER})
    code, out, err = compare("--against", "main")
    assert (code, changed(out), err) == (1, READERS_FIRST, "")
    places = json.loads(out)["topics"][0]["places"]["old_readers"]
    assert (places["reader"]["file"], places["writer"]["file"]) == (f"main:{file}", file)


@pytest.mark.slow
def test_a_mapped_folder_that_git_ignores_is_read_as_it_is(
    clone: Clone, compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = "https://example.com/x.json#/$defs/Reason"
    clone.write({"node_modules/x/x.json": COMMON})
    clone.commit(
        {
            ".gitignore": "node_modules\n",
            "pyproject.toml": "[tool.tightbeam.refs]\n'https://example.com/' = 'node_modules/x'\n",
            "schemas/deliveries.channel.json": using(reference),
        }
    )
    with monkeypatch.context() as patch:
        patch.setattr(reading, "compare_files", None)  # nothing has to be read
        assert compare("--against", "main", form="text")[1] == "Compared with `main`: nothing has changed.\n"
    after = using(reference)
    after["topics"]["eta"]["schema"]["properties"]["more"] = {"type": "string"}
    clone.write({"schemas/deliveries.channel.json": after})
    code, out, err = compare("--against", "main")
    assert (code, changed(out), err) == (0, [("deliveries", "eta", "any")], "")


@pytest.mark.slow
def test_names_with_spaces_and_other_letters_and_renamed_files(clone: Clone, compare: Compare) -> None:
    clone.commit({"schemas/größe und so/lieferung ü.channel.json": definition("a", name="ü")})
    shutil.move(clone.folder / "schemas/größe und so", clone.folder / "schemas/neu")
    clone.write({"schemas/neu/lieferung ü.channel.json": definition("a", "b", name="ü")})
    _, out, err = compare("--against", "main")
    assert (changed(out), err) == ([("neu/lieferung ü", "eta", "readers-first")], "")
    assert [each["kind"] for each in json.loads(out)["code"]] == ["module-renamed"]


@pytest.mark.slow
def test_symbolic_links_below_the_root_and_to_it(clone: Clone, compare: Compare) -> None:
    clone.write({"schemas/shared/real.json": COMMON})
    (clone.folder / "schemas" / "common.json").symlink_to("shared/real.json")
    (clone.folder / "contracts").symlink_to("schemas")
    clone.commit({"schemas/deliveries.channel.json": using("common.json#/$defs/Reason")})
    clone.write({"schemas/shared/real.json": WIDER})
    for root in ("schemas", "contracts"):
        assert changed(compare(root, "--against", "main")[1]) == READERS_FIRST, root
    clone.git("checkout", "-q", ".")
    (clone.folder / "schemas" / "common.json").unlink()
    (clone.folder / "schemas" / "common.json").symlink_to("shared/other.json")
    clone.write({"schemas/shared/other.json": WIDER})
    assert changed(compare("--against", "main")[1]) == READERS_FIRST


@pytest.mark.slow
def test_links_in_a_commit_lead_nowhere_else(clone: Clone, compare: Compare, tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text('{"$defs": {"Reason": {"const": "secret"}}}')
    link = clone.folder / "schemas" / "common.json"
    link.symlink_to(tmp_path / "secret.json")
    clone.commit({"schemas/deliveries.channel.json": using("common.json#/$defs/Reason")})
    link.unlink()
    clone.write({"schemas/common.json": COMMON})
    code, out, err = compare("--against", "main")
    assert code == 2
    assert "main:schemas/deliveries.channel.json" in err
    assert "secret" not in out + err


@pytest.mark.slow
def test_a_clone_with_another_hash(tmp_path: Path, compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = Clone.made(tmp_path / "project", "--object-format=sha256")
    clone.commit({"schemas/deliveries.channel.json": OLD})
    monkeypatch.chdir(clone.folder)
    assert compare("--against", "main", form="text")[1] == "Compared with `main`: nothing has changed.\n"
    clone.write({"schemas/deliveries.channel.json": NEW})
    assert changed(compare("--against", "main")[1]) == READERS_FIRST


@pytest.mark.slow
def test_other_line_ends_in_the_work_tree_are_no_change(clone: Clone, compare: Compare) -> None:
    file = clone.folder / "schemas" / "deliveries.channel.json"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert compare("--against", "main", form="text")[1] == "Compared with `main`: nothing has changed.\n"


@pytest.mark.slow
def test_a_shallow_clone_says_what_to_fetch(
    clone: Clone, compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone.git("tag", "v1.2")
    clone.git("switch", "-q", "-c", "feature")
    clone.commit({"schemas/deliveries.channel.json": NEW})
    for ref, command in (
        ("main", "git fetch --depth=1 origin main:refs/remotes/origin/main"),
        ("origin/main", "git fetch --depth=1 origin main:refs/remotes/origin/main"),
        ("v1.2", "git fetch --depth=1 origin tag v1.2"),
        ("HEAD~1", "git fetch --unshallow"),
    ):
        shallow = Clone(clone.folder.parent / f"shallow for {ref}".replace("/", "-"))
        url = clone.folder.as_uri()
        clone.git("clone", "-q", "--depth=1", "--branch=feature", url, str(shallow.folder))
        monkeypatch.chdir(shallow.folder)
        code, out, err = compare("--against", ref)
        assert code == 2, ref
        assert (json.loads(out)["ok"], json.loads(out)["topics"]) == (False, [])
        assert err.count("error:") == 1
        assert f"there is no git ref and no folder '{ref}' here" in err
        assert command in err
        assert "fetch-depth: 0" in err
        shallow.git(*command.split()[1:])
        assert changed(compare("--against", ref)[1]) == READERS_FIRST, ref


@pytest.mark.slow
def test_a_default_branch_that_the_clone_doesnt_know(
    clone: Clone, compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`git clone` notes it, `git remote add` and actions/checkout don't."""
    mine = Clone(clone.folder.parent / "mine")
    clone.git("clone", "-q", str(clone.folder), str(mine.folder))
    mine.git("remote", "set-head", "origin", "--delete")
    monkeypatch.chdir(mine.folder)
    code, _, err = compare("--against", "origin/HEAD...")
    assert (code, "git remote set-head origin --auto" in err) == (2, True)
    mine.git("remote", "set-head", "origin", "--auto")
    assert compare("--against", "origin/HEAD...")[0] == 0


@pytest.mark.slow
def test_main_means_the_remote_s_main_where_there_is_no_other(
    clone: Clone, compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone.git("switch", "-q", "-c", "feature")
    clone.commit({"schemas/deliveries.channel.json": NEW})
    other = Clone(clone.folder.parent / "other")
    clone.git("clone", "-q", "--branch=feature", str(clone.folder), str(other.folder))
    monkeypatch.chdir(other.folder)
    assert changed(compare("--against", "main")[1]) == READERS_FIRST


@pytest.mark.slow
def test_what_a_partial_clone_has_not_is_never_fetched(
    clone: Clone, compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone.git("config", "uploadpack.allowFilter", "true")
    clone.git("config", "uploadpack.allowAnySHA1InWant", "true")
    clone.commit({"schemas/deliveries.channel.json": NEW})
    partial = clone.folder.parent / "partial"
    clone.git("clone", "-q", "--filter=blob:none", clone.folder.as_uri(), str(partial))
    monkeypatch.chdir(partial)
    code, _, err = compare("--against", "HEAD~1")
    assert code == 2
    assert "this clone has no contents for the object" in err
    assert "git fetch --refetch --no-filter" in err
    Clone(partial).git("fetch", "-q", "--refetch", "--no-filter")
    assert changed(compare("--against", "HEAD~1")[1]) == READERS_FIRST


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("nope", "there is no git ref and no folder 'nope' here"),
        ("--upload-pack=x", ""),
        ("-x", ""),
        ("main:schemas", "there is no git ref and no folder 'main:schemas' here"),
        ("main..HEAD", "there is no git ref and no folder 'main..HEAD' here"),
        ("^main", "there is no git ref and no folder '^main' here"),
        ("a\nb", "there is no git ref and no folder 'a\\x0ab' here"),
        ("./nope", "'./nope' isn't a folder"),
        ("nope/", "'nope/' isn't a folder"),
        ("schemas/deliveries.channel.json", "there is no git ref and no folder"),
    ],
)
def test_names_that_are_no_revision(clone: Clone, compare: Compare, ref: str, message: str) -> None:
    code, _, err = compare("--against", ref)
    assert code == 2
    assert message in err
    assert not (clone.folder / "x").exists()


def test_a_name_that_is_a_ref_and_a_folder(clone: Clone, compare: Compare) -> None:
    clone.commit({"schemas/deliveries.channel.json": OLD})
    clone.write({"main/deliveries.channel.json": NEW, "schemas/deliveries.channel.json": NEW})
    code, out, err = compare("--against", "main")
    assert (code, changed(out)) == (1, READERS_FIRST)
    assert err == "note: 'main' is a git ref here; the folder is ./main\n"
    for folder in ("./main", "main/", str(clone.folder / "main")):
        assert compare("--against", folder)[0] == 0, folder


@pytest.mark.slow
def test_a_folder_outside_of_any_repository(
    tmp_path: Path, compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    Clone(tmp_path).write({"before/deliveries.channel.json": OLD, "schemas/deliveries.channel.json": NEW})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    code, out, _ = compare("--against", "before")
    assert (code, changed(out)) == (1, READERS_FIRST)
    code, _, err = compare("--against", "main")
    assert code == 2
    assert "error: 'main' isn't a folder, and schemas is in no git repository" in err


@pytest.mark.slow
def test_the_folder_of_a_project_with_settings_of_its_own(
    tmp_path: Path, compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    Clone(tmp_path).write(
        {
            "old/pyproject.toml": "[tool.tightbeam]\nschemas = 'contracts'\n",
            "old/contracts/deliveries.channel.json": OLD,
            "new/schemas/deliveries.channel.json": NEW,
        }
    )
    monkeypatch.chdir(tmp_path / "new")
    assert changed(compare("--against", "../old")[1]) == READERS_FIRST


def test_without_git_a_folder_still_does(
    clone: Clone, compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone.write({"before/deliveries.channel.json": OLD, "schemas/deliveries.channel.json": NEW})
    monkeypatch.setenv("PATH", str(clone.folder))
    code, _, err = compare("--against", "main")
    assert code == 2
    assert err.startswith("error: git isn't installed")
    assert "--against ./before" in err
    assert changed(compare("--against", "before")[1]) == READERS_FIRST


def test_no_definitions_at_the_ref(clone: Clone, compare: Compare) -> None:
    clone.git("rm", "-q", "-r", "schemas")
    clone.commit({"readme": "x"})
    clone.git("branch", "empty")
    clone.write({"schemas/deliveries.channel.json": NEW})
    code, out, err = compare("--against", "empty")
    assert (code, changed(out)) == (0, [])
    assert [each["channel"] for each in json.loads(out)["new"]] == ["deliveries"]
    assert err == "note: there are no definitions at empty: everything is new\n"


def test_definitions_that_do_not_compile_at_the_ref(clone: Clone, compare: Compare) -> None:
    clone.commit({"schemas/deliveries.channel.json": '{"name": "x",\n  "topcis": {}}'})
    clone.write({"schemas/deliveries.channel.json": NEW})
    code, out, err = compare("--against", "main")
    assert code == 2
    assert "main:schemas/deliveries.channel.json:2:3: error: unknown key 'topcis'" in err
    assert "The definitions at main don't compile: nothing was compared." in err
    assert {each["file"] for each in json.loads(out)["problems"]} == {"main:schemas/deliveries.channel.json"}


@pytest.mark.slow
def test_definitions_that_do_not_compile_today(clone: Clone, compare: Compare) -> None:
    clone.write({"schemas/deliveries.channel.json": '{"name": "x",\n  "topcis": {}}'})
    code, _, err = compare("--against", "main")
    assert code == main(["generate"]) == 2
    assert "schemas/deliveries.channel.json:2:3: error: unknown key 'topcis'" in err
    assert "don't compile" not in err


@pytest.mark.slow
def test_no_definitions_today_are_refused_as_by_generate(
    clone: Clone, compare: Compare, capsys: pytest.CaptureFixture[str]
) -> None:
    (clone.folder / "schemas" / "deliveries.channel.json").unlink()
    code, _, err = compare("--against", "main", form="text")
    assert code == main(["generate"]) == 2
    assert capsys.readouterr().err == err


@pytest.mark.slow
def test_settings_are_those_of_the_ref(clone: Clone, compare: Compare) -> None:
    text = {
        "type": "object",
        "properties": {"at": {"type": "string", "format": "date"}},
        "additionalProperties": False,
    }
    dated = {"name": "x", "topics": {"t": {"schema": text}}}
    shutil.move(clone.folder / "schemas", clone.folder / "contracts")
    clone.commit(
        {
            "pyproject.toml": "[tool.tightbeam]\nschemas = 'contracts'\nassert_formats = false\n",
            "contracts/x.channel.json": dated,
        }
    )
    shutil.move(clone.folder / "contracts", clone.folder / "definitions")
    clone.write({"pyproject.toml": "[tool.tightbeam]\nschemas = 'definitions'\n"})
    code, out, _ = compare("--against", "main")
    assert code == 1
    assert changed(out) == [("deliveries", "eta", "any"), ("x", "t", "publishers-first")]


def test_the_first_settings_move_the_definitions(clone: Clone, compare: Compare) -> None:
    shutil.move(clone.folder / "schemas", clone.folder / "contracts")
    clone.write(
        {
            "pyproject.toml": "[tool.tightbeam]\nschemas = 'contracts'\n",
            "contracts/deliveries.channel.json": NEW,
        }
    )
    code, out, _ = compare("--against", "main")
    assert (code, changed(out)) == (1, READERS_FIRST)
    reader = json.loads(out)["topics"][0]["places"]["old_readers"]["reader"]
    assert reader["file"] == "main:schemas/deliveries.channel.json"


@pytest.mark.slow
def test_settings_that_cannot_be_used_at_the_ref(clone: Clone, compare: Compare) -> None:
    clone.commit({"pyproject.toml": "[tool.tightbeam]\nschema = 'contracts'\n"})
    clone.write({"pyproject.toml": "[tool.tightbeam]\nschemas = 'schemas'\n"})
    code, _, err = compare("--against", "main")
    assert code == 2
    assert err.startswith("main:pyproject.toml:2:1: error: unknown setting 'schema'")


@pytest.mark.slow
def test_inside_of_a_hook_of_git(clone: Clone, compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    clone.write({"schemas/deliveries.channel.json": NEW})
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/index")
    assert changed(compare("--against", "main")[1]) == READERS_FIRST


@pytest.mark.slow
def test_a_repository_that_git_refuses(
    clone: Clone, compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder to somebody else")
    os.chown(clone.folder, 12345, 12345)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    code, _, err = compare("--against", "main")
    assert code == 2
    assert "dubious ownership" in err
    assert "safe.directory" in err
