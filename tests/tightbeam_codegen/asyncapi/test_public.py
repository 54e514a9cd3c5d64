"""Documents of AsyncAPI that others publish: imported, generated, and the bindings imported.

`public.txt` says what comes of each. `TIGHTBEAM_UPDATE_CASES=1 pytest …/test_public.py` writes it anew; read
the difference.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.corpus.packages import PACKAGES
from tests.tightbeam_codegen.golden import UPDATE
from tightbeam_cli import main

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).with_name("public.txt")
NAMES = [name for name in PACKAGES if name.startswith("asyncapi-")]
STATED = re.compile(r"""^\s*["']?asyncapi["']?\s*:\s*["']?\d""", re.MULTILINE)
"""How a document begins that describes channels."""


def documents() -> dict[str, Path]:
    """Return the documents in the packages, each content once."""
    found: dict[bytes, tuple[str, Path]] = {}
    for name in NAMES:
        package = PACKAGES[name]
        package.fetch()
        for path in sorted(package.folder.rglob("*")):
            if path.suffix in (".json", ".yaml", ".yml") and STATED.search(path.read_text("utf-8")[:3000]):
                shown = f"{package.name} {path.relative_to(package.folder).as_posix()}"
                found.setdefault(path.read_bytes(), (shown, path))
    return dict(sorted(found.values()))


def outcome(document: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Import a document into a folder and generate; return what comes of it in one text."""
    capsys.readouterr()
    code = main(["init", str(folder / "schemas"), "--from", str(document)])
    said = [
        line.rpartition("warning: ")[2] if "warning: " in line else line.rpartition("error: ")[2]
        for line in capsys.readouterr().err.replace(str(document), document.name).splitlines()
        if re.search(r":\d+:\d+: (?:warning|error): ", line)
    ]
    definitions = sorted((folder / "schemas").glob("*.channel.json"))
    topics = sum(len(json.loads(path.read_text())["topics"]) for path in definitions)
    head = f"{len(definitions)} channels, {topics} topics" if code == 0 else "refused"
    if code == 0:
        generated = main(["generate", str(folder / "schemas"), "--output", str(folder / "generated")])
        assert generated == 0, capsys.readouterr().err
    return "\n    ".join([head, *said])


IMPORT_ALL = """
import importlib, pathlib, sys
for package in sys.argv[1:]:
    folder = pathlib.Path(package)
    sys.path.insert(0, str(folder.parent))
    for path in folder.rglob("*.py"):
        importlib.import_module(".".join(path.relative_to(folder.parent).with_suffix("").parts).removesuffix(".__init__"))
    sys.path.remove(str(folder.parent))
    for name in [name for name in sys.modules if name.partition(".")[0] == folder.name]:
        del sys.modules[name]
"""


def test_public_documents_go_through_or_say_why_not(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = documents()
    assert len(found) > 50
    folders = {shown: project / f"d{index}" for index, shown in enumerate(found)}
    outcomes = {shown: outcome(path, folders[shown], capsys) for shown, path in found.items()}
    text = "".join(f"{shown}: {said}\n" for shown, said in outcomes.items())
    packages = [str(each / "generated") for each in folders.values() if (each / "generated").exists()]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *packages], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    if UPDATE:
        GOLDEN.write_text(text, "utf-8")
        pytest.skip("written")
    assert text == GOLDEN.read_text("utf-8")
