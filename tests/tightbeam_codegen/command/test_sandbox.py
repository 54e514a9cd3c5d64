"""A whole `tightbeam generate`, watched: no socket, no other program, no file but those it may read.

That is the schema root, the mapped folders, the output, the cache, the settings, and Python's own files.
"""

from __future__ import annotations

import json
import os
import re
import site
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import tightbeam
import tightbeam_codegen
from tests.tightbeam_codegen.compare.repositories import Clone
from tests.tightbeam_codegen.compiling import channel, write_files
from tests.tightbeam_codegen.schemas import STRING, closed, ref

PROGRAM = Path(__file__).with_name("audited.py")
SECRET = {"type": "object", "title": "SECRET", "properties": {"secret": STRING}, "$defs": {"S": STRING}}
MAPPED = "https://schemas.example.com/"


@dataclass(frozen=True, slots=True)
class Watched:
    """What a run said and touched."""

    code: int
    said: str
    notes: list[tuple[str, str]]

    def paths(self) -> set[str]:
        """Everything opened or listed, links followed."""
        return {os.path.realpath(path) for event, path in self.notes if _is_of_paths(event)}

    def started(self) -> list[tuple[str, str]]:
        """Sockets and programs."""
        return [note for note in map(tuple, self.notes) if not _is_of_paths(note[0])]


def _is_of_paths(event: str) -> bool:
    return event in ("open", "os.scandir", "os.listdir", "os.chdir")


@dataclass(frozen=True, slots=True)
class Project:
    """A project in a folder of its own, beside a secret."""

    folder: Path
    secret: Path
    port: int
    """Of a server that should never hear from anybody."""

    def write(self, files: dict[str, Any], mapped: dict[str, Any] | None = None, settings: str = "") -> None:
        """Definitions, files of the mapped folder, and more settings."""
        write_files(self.folder / "schemas", files)
        write_files(self.folder / "vendor", mapped or {"empty.json": True})
        table = f'[tool.tightbeam]\n{settings}\n[tool.tightbeam.refs]\n"{MAPPED}" = "vendor"\n'
        write_files(self.folder, {"pyproject.toml": table})

    def run(self, *arguments: str, with_git: bool = False) -> Watched:
        """`tightbeam` with these arguments. Asserts that it stayed where it belongs."""
        notes = self.folder.parent / "notes.json"
        self.temporary.mkdir(exist_ok=True)
        variables = {
            "TIGHTBEAM_CACHE_DIR": str(self.folder.parent / "cache"),
            "TMPDIR": str(self.temporary),
            "PYTHONPATH": "",
        }
        done = subprocess.run(
            [sys.executable, "-B", PROGRAM, notes, *arguments],
            cwd=self.folder,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert notes.exists(), done.stderr
        watched = Watched(done.returncode, done.stdout + done.stderr, json.loads(notes.read_text()))
        started = watched.started()
        assert all(with_git and re.match(r"\('git', \['git', ", what) for _, what in started), started
        outside = [path for path in watched.paths() if not self._may_be_opened(path)]
        assert [path for path in outside if path != os.devnull or not with_git] == []
        return watched

    @property
    def temporary(self) -> Path:
        """The folder for temporary files, where the files of a commit are for the time of a run."""
        return self.folder.parent / "temporary"

    def _may_be_opened(self, path: str) -> bool:
        own = [self.folder, self.folder.parent / "cache", self.temporary]
        # An editable installation has our source elsewhere than in site-packages, and the version beside it.
        packages = [Path(module.__file__ or "").parents[1] for module in (tightbeam, tightbeam_codegen)]
        packages.append(packages[-1].parent / "pyproject.toml")
        python = [sys.prefix, sys.base_prefix, sysconfig.get_path("stdlib"), *site.getsitepackages()]
        folders = [os.path.realpath(folder) for folder in (*own, *packages, *python)]
        return any(path == folder or path.startswith(folder + os.sep) for folder in folders)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project, and a server on the loopback that is asked for nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.setblocking(False)
        project = Project(tmp_path / "project", tmp_path / "secret.json", server.getsockname()[1])
        project.secret.write_text(json.dumps(SECRET))
        yield project
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_good_run_stays_where_it_belongs(project: Project) -> None:
    """With everything that a run can do: types to ask about, YAML, mapped files, a cache, what is stale."""
    files = {
        "x.channel.json": channel(
            "x", t=closed("a", a=STRING, b=ref("y.json"), c=ref(f"{MAPPED}z.json#/$defs/S"), d=ref("w.yaml"))
        ),
        "deep/u.channel.yaml": "name: u\ntopics: {t: {schema: {type: array, items: {type: integer}}}}\n",
        "y.json": closed(a={"type": "string", "format": "date-time"}),
        "w.yaml": "type: object\nproperties: {a: {enum: [a, b]}}\n",
    }
    project.write(files, {"z.json": SECRET})
    (project.folder / "generated").mkdir()
    (project.folder / "generated" / "old.py").write_text("# Generated by tightbeam, once\n")
    watched = project.run("generate")
    assert (watched.code, watched.said[:20]) == (0, "Generated 2 channels")
    assert not (project.folder / "generated" / "old.py").exists()
    opened = watched.paths()
    for name in ("schemas/x.channel.json", "schemas/w.yaml", "vendor/z.json", "pyproject.toml"):
        assert os.path.realpath(project.folder / name) in opened, "the hook sees what is opened"


@pytest.mark.slow
def test_a_comparison_stays_there_too(project: Project) -> None:
    """With a folder, and with a commit that has links to what may not be read: git alone is started."""
    before = {"x.channel.json": channel("x", t=closed(a=ref("y.json"), b=ref(f"{MAPPED}z.json#/$defs/S")))}
    project.write(before | {"y.json": closed(a=STRING)}, {"z.json": SECRET})
    write_files(project.folder / "before", before | {"y.json": closed(b=STRING)})
    watched = project.run("breaking", "--against", "./before")
    assert (watched.code, watched.started()) == (1, [])

    clone = Clone(project.folder)
    clone.git("init", "-q", "-b", "main")
    clone.commit({})
    clone.write({"schemas/y.json": closed(b=STRING)})
    assert project.run("breaking", "--against", "main", with_git=True).code == 1
    assert project.run("breaking", "--against", "nope", with_git=True).code == 2

    (project.folder / "schemas" / "y.json").unlink()
    (project.folder / "schemas" / "y.json").symlink_to(project.secret)
    clone.commit({})
    (project.folder / "schemas" / "y.json").unlink()
    clone.write({"schemas/y.json": closed(b=STRING)})
    watched = project.run("breaking", "--against", "main", with_git=True)
    assert watched.code == 2
    assert "SECRET" not in watched.said
    assert list(project.temporary.iterdir()) == []


@pytest.mark.slow
def test_a_site_stays_there_too(project: Project) -> None:
    files = {
        "x.channel.json": channel("x:{p}", t=closed(a=ref("y.json"), b=ref(f"{MAPPED}z.json#/$defs/S")))
        | {"params": {"p": STRING}},
        "y.json": closed(a={"type": "string", "format": "date-time", "pattern": "^2026"}),
    }
    project.write(files, {"z.json": SECRET})
    assert project.run("docs", "--output", "site").code == 0
    assert project.run("docs", "--output", "site", "--check").code == 0


@pytest.mark.slow
def test_an_export_and_an_import_stay_there_too(project: Project) -> None:
    """Of a document with references of every kind to what may not be read, one in each message."""
    files = {
        "x.channel.json": channel("x", t=closed(a=ref("y.json"), b=ref(f"{MAPPED}z.json#/$defs/S"))),
        "y.json": closed(a=STRING),
    }
    project.write(files, {"z.json": SECRET})
    assert project.run("export", "asyncapi", "--output", "out.yaml").code == 0
    assert project.run("export", "asyncapi", "--output", "out.yaml", "--check").code == 0
    assert project.run("init", "again", "--from", "out.yaml").code == 0
    references = [in_project(reference, project) for reference, _ in REFERENCES.values()]
    messages = {
        f"{form}{index}": message
        for index, reference in enumerate(references)
        for form, message in {
            "r": ref(reference),
            "p": {"payload": ref(reference)},
            "s": {"payload": closed(a=ref(reference))},
            "t": {"payload": STRING, "traits": [ref(reference)]},
        }.items()
    }
    channels = {"c": {"address": "c", "messages": {**messages, "good": {"payload": STRING}}}}
    document = {"asyncapi": "3.0.0", "info": {"title": "T", "version": "1"}, "channels": channels}
    write_files(project.folder / "schemas", {"doc.json": document})
    links(project)
    watched = project.run("init", "--from", "schemas/doc.json")
    assert watched.code == 0
    assert watched.said.count(" is left out: ") >= 50
    written = json.loads((project.folder / "schemas/c.channel.json").read_text())
    assert list(written["topics"]) == ["good"]
    assert "SECRET" not in watched.said.replace(str(project.secret), "")
    assert str(project.secret.resolve()) not in watched.paths()


@pytest.mark.slow
def test_later_runs_stay_there_too(project: Project) -> None:
    """With nothing to do, with something to do, with all that earlier runs remember."""
    project.write({"x.channel.json": channel("x", t=closed(a=ref("y.json"))), "y.json": closed(a=STRING)})
    for arguments in (["generate"], ["generate"], ["generate", "--check"], ["generate", "--format", "json"]):
        assert project.run(*arguments).code == 0
    (project.folder / "schemas" / "y.json").write_text(json.dumps(closed(b=STRING)))
    assert project.run("generate", "--check").code == 1
    assert project.run("generate").code == 0


def test_the_hook_sees_sockets_files_and_programs(tmp_path: Path) -> None:
    (tmp_path / "tightbeam_cli.py").write_text(
        "def main(arguments):\n"
        "    import pathlib, socket, subprocess\n"
        "    socket.socket().close()\n"
        "    subprocess.run(['true'])\n"
        "    pathlib.Path('/etc/hostname').is_file() and pathlib.Path('/etc/hostname').read_bytes()\n"
        "    open('mine', 'w').close()\n"
        "    return 0\n"
    )
    notes = tmp_path / "notes.json"
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    subprocess.run([sys.executable, PROGRAM, notes], cwd=tmp_path, env=env, check=True, timeout=60)
    found = [tuple(note) for note in json.loads(notes.read_text())]
    assert {"socket.__new__", "subprocess.Popen"} <= {event for event, _ in found}
    assert ("open", str(tmp_path / "mine")) in found


REFERENCES = {
    # Where a reference tries to lead, and what is said.
    "up": ("../secret.json", "leaves the schema root"),
    "up and up": ("../../../../../../etc/passwd", "leaves the schema root"),
    "up, escaped": ("%2e%2e/secret.json", "there is no file"),
    "up, a slash escaped": ("..%2fsecret.json", "there is no file"),
    "up, escaped twice": ("%252e%252e/secret.json", "there is no file"),
    "up with backslashes": ("..\\secret.json", "there is no file"),
    "up from a folder that isn't there": ("a/../../secret.json", "leaves the schema root"),
    "absolute path": ("/etc/passwd", "there is no file"),
    "absolute path, escaped": ("%2fetc%2fpasswd", "there is no file"),
    "file URI": ("file:///etc/passwd", "is remote, and nothing is fetched"),
    "file URI of the secret": ("file://SECRET", "is remote, and nothing is fetched"),
    "file URI without slashes": ("file:SECRET", "is remote, and nothing is fetched"),
    "file URI in capitals": ("FILE://localhost/etc/passwd", "is remote, and nothing is fetched"),
    "remote": ("http://127.0.0.1:PORT/x.json", "is remote, and nothing is fetched"),
    "remote with a password": ("http://user:pass@127.0.0.1:PORT/x.json", "is remote, and nothing is fetched"),
    "remote over TLS": ("https://127.0.0.1:PORT/x.json", "is remote, and nothing is fetched"),
    "remote without a scheme": ("//127.0.0.1:PORT/x.json", "is remote, and nothing is fetched"),
    "remote and secret": ("ftp://127.0.0.1:PORT/x.json", "is remote, and nothing is fetched"),
    "data": ("data:application/json,{}", "is remote, and nothing is fetched"),
    "mapped and up": (f"{MAPPED}../secret.json", "the mapped folder has no such file"),
    "mapped and up, escaped": (f"{MAPPED}%2e%2e/%2e%2e/secret.json", "the mapped folder has no such file"),
    "mapped and absolute": (f"{MAPPED}/etc/passwd", "the mapped folder has no such file"),
    "mapped with a query": (f"{MAPPED}x.json?../../secret.json", "the mapped folder has no such file"),
    "our own base": ("https://tightbeam.invalid/../../secret.json", "leaves the schema root"),
    "our own base, escaped": ("https://tightbeam.invalid/%2e%2e/secret.json", "there is no file"),
    "our own base with a port": (
        "https://tightbeam.invalid:PORT/x.json",
        "is remote, and nothing is fetched",
    ),
    "device": ("/dev/stdin", "there is no file"),
    "nul": ("%00", "there is no file"),
    "link to a file": ("link.json", "there is no file"),
    "link in a folder": ("linked/secret.json", "there is no file"),
    "link to a link": ("again.json", "there is no file"),
    "link in the mapped folder": (f"{MAPPED}link.json", "the mapped folder has no such file"),
    "schema location": ("x.xsd", "there is no file"),
}


def in_project(reference: str, project: Project) -> str:
    return reference.replace("PORT", str(project.port)).replace("SECRET", str(project.secret))


def links(project: Project) -> None:
    """Links from inside the root, and the mapped folder, to the secret."""
    for folder in ("schemas", "vendor"):
        (project.folder / folder / "link.json").symlink_to(project.secret)
        (project.folder / folder / "linked").symlink_to(project.secret.parent, target_is_directory=True)
        (project.folder / folder / "again.json").symlink_to(project.folder / folder / "link.json")


def bad_definitions(project: Project) -> dict[str, tuple[dict[str, Any], str]]:
    """A definition for each reference, with what is said of it."""
    made: dict[str, tuple[dict[str, Any], str]] = {}
    for index, (reference, said) in enumerate(REFERENCES.values()):
        schema = closed(a=ref(in_project(reference, project)))
        made[f"r{index}"] = channel(f"r{index}", t=schema), said
    for index, uri in enumerate(("file:///etc/passwd", "http://127.0.0.1:PORT/x", "../secret.json")):
        schema = {**closed(a=STRING), "$schema": in_project(uri, project)}
        made[f"s{index}"] = channel(f"s{index}", t=schema), "unknown dialect"
        made[f"d{index}"] = {**channel(f"d{index}", t=STRING), "dialect": uri}, "unknown dialect"
    for index, own in enumerate(
        ("file:///etc/", "http://127.0.0.1:PORT/", "https://tightbeam.invalid/../..")
    ):
        schema = {"$id": in_project(own, project), **closed(a=ref("passwd"))}
        made[f"i{index}"] = channel(f"i{index}", t=schema), "$ref 'passwd'"
    return made


def test_references_that_lead_out(project: Project) -> None:
    """All in one run, so that each is said; none is followed."""
    bad = bad_definitions(project)
    project.write({f"{name}.channel.json": definition for name, (definition, _) in bad.items()})
    links(project)
    watched = project.run("generate", "--format", "json")
    assert watched.code == 2
    problems = json.JSONDecoder().raw_decode(watched.said)[0]["problems"]
    for name, (_, said) in bad.items():
        mine = [
            problem["message"] for problem in problems if problem["file"] == f"schemas/{name}.channel.json"
        ]
        assert any(said in message for message in mine), (name, mine)
    assert "SECRET" not in watched.said.replace(str(project.secret), "")
    assert str(project.secret.resolve()) not in watched.paths()
    assert not (project.folder / "generated").exists()


@pytest.mark.slow
def test_references_to_anything_from_a_shared_file(project: Project) -> None:
    """What is referred to is held to the same."""
    shared = {
        "$defs": {
            name: ref(in_project(reference, project))
            for name, (reference, _) in REFERENCES.items()
            if not reference.startswith("link")
        }
    }
    project.write({"x.channel.json": channel("x", t=ref("deep/y.json#/$defs/up")), "deep/y.json": shared})
    watched = project.run("generate")
    assert watched.code == 2
    assert "$ref '../secret.json'" in watched.said
    assert str(project.secret.resolve()) not in watched.paths()


@pytest.mark.slow
def test_definitions_that_are_links(project: Project) -> None:
    project.write({"x.channel.json": channel("x", t=STRING)})
    project.secret.with_name("secret.channel.json").write_text(json.dumps(channel("s", t=STRING)))
    schemas = project.folder / "schemas"
    (schemas / "y.channel.json").symlink_to(project.secret.with_name("secret.channel.json"))
    watched = project.run("generate")
    assert (watched.code, "a symbolic link out of the schema root" in watched.said) == (2, True)
    (schemas / "y.channel.json").unlink()
    (schemas / "folder").symlink_to(project.secret.parent, target_is_directory=True)
    watched = project.run("generate")
    assert (watched.code, "a linked folder outside the root is skipped" in watched.said) == (0, True)
    (schemas / "z.channel.json").symlink_to(schemas / "x.channel.json")
    (schemas / "loop.channel.json").symlink_to(schemas / "loop.channel.json")
    assert project.run("generate").code == 2


@pytest.mark.slow
def test_an_output_behind_a_link_is_left_alone(project: Project) -> None:
    project.write({"a/x.channel.json": channel("x", t=STRING)})
    outside = project.secret.parent / "outside"
    outside.mkdir()
    (outside / "x.py").write_text("# Generated by tightbeam, elsewhere\n")
    (project.folder / "generated").mkdir()
    (project.folder / "generated" / "a").symlink_to(outside, target_is_directory=True)
    watched = project.run("generate")
    assert (watched.code, "is a symbolic link, not a folder" in watched.said) == (2, True)
    assert [path.name for path in outside.iterdir()] == ["x.py"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:PORT/", "http://user:pass@127.0.0.1:PORT/x.json", "file:///etc"]
)
def test_a_schema_root_is_a_folder(url: str, project: Project) -> None:
    project.write({"x.channel.json": channel("x", t=STRING)})
    watched = project.run("generate", in_project(url, project))
    assert (watched.code, "isn't a folder" in watched.said) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["http://127.0.0.1:PORT/", "file:///etc/"])
def test_a_mapped_folder_is_one(folder: str, project: Project) -> None:
    table = f'[tool.tightbeam.refs]\n"https://x.example/" = "{in_project(folder, project)}"\n'
    project.write({"x.channel.json": channel("x", t=STRING)})
    write_files(project.folder, {"pyproject.toml": table})
    watched = project.run("generate")
    assert (watched.code, "isn't a folder" in watched.said) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "is_api"), [("schemas", False), ("api", True)])
def test_an_import_reads_and_writes_where_it_may(project: Project, folder: str, is_api: bool) -> None:
    """Of a document in the root, and of one in a folder that is copied from: every way out is refused."""
    references = [in_project(reference, project) for reference, _ in REFERENCES.values()]
    shared = {f"R{index}": closed(a=ref(reference)) for index, reference in enumerate(references)}
    hostile = ("../../Up", "/etc/Absolute", "con", "Nul\0")
    shared |= {**dict.fromkeys(hostile, STRING), "Good": closed(a=STRING)}
    project.write({"empty.json": True})
    (project.folder / "api").mkdir()
    document = {"openapi": "3.1.0", "components": {"schemas": shared}} if is_api else {"$defs": shared}
    write_files(project.folder, {f"{folder}/doc.json": document})
    for own in {"schemas", "vendor", folder}:
        (project.folder / own / "link.json").symlink_to(project.secret)
        (project.folder / own / "linked").symlink_to(project.secret.parent, target_is_directory=True)
        (project.folder / own / "again.json").symlink_to(project.folder / own / "link.json")
    watched = project.run("init", "--from", f"{folder}/doc.json")
    assert watched.code == 0, watched.said
    topics = json.loads((project.folder / "schemas/doc-topics.channel.json").read_text())["topics"]
    assert sum(name.startswith("R") for name in topics) == 0
    assert "Good" in topics
    assert len(topics) == 5
    assert "SECRET" not in watched.said.replace(str(project.secret), "")
    assert str(project.secret.resolve()) not in watched.paths()
    here = project.folder.parent
    beside = {"project", "secret.json", "notes.json", "cache", "temporary"}
    assert {path.name for path in here.iterdir()} == beside
    assert list(project.temporary.iterdir()) == []
    assert {path.name for path in project.folder.iterdir()} == {"schemas", "api", "vendor", "pyproject.toml"}
    assert project.run("generate").code == 0
