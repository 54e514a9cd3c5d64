"""What is built and installed: two packages, their data, nothing with a general name, three dependencies."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SOURCES = {
    "tightbeam": ROOT / "runtime",
    "tightbeam_cli": ROOT / "runtime",
    "tightbeam_inspector": ROOT / "runtime",
    "tightbeam_codegen": ROOT / "generator",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist; the wheel is built from the sdist, as an installer would."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_the_wheel_has_our_packages_and_nothing_else(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    assert {name.split("/")[0] for name in names} == {*SOURCES, f"tightbeam-{PROJECT['version']}.dist-info"}
    for package, source in SOURCES.items():
        expected = {
            path.relative_to(source).as_posix()
            for path in (source / package).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert {name for name in names if name.startswith(f"{package}/")} == expected
        assert f"{package}/py.typed" in names
    assert "tightbeam_codegen/data/channel.schema.json" in names
    assert any(name.endswith(".jinja") for name in names)


@pytest.mark.slow
def test_the_sdist_has_what_the_tests_need(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        tops = {"/".join(name.split("/")[1:2]) for name in archive.getnames()}
    assert {"runtime", "generator", "schemas", "generated", "examples", "tests", "docs", "LICENSE"} <= tops
    assert not tops & {".venv", ".git", "dist"}


@pytest.mark.slow
def test_the_wheel_works_on_its_own(built: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path)
    code = "import tightbeam, tightbeam_codegen as c; print(tightbeam.__file__); print(c.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert [Path(line).parents[1] for line in done.stdout.split()] == [tmp_path, tmp_path]


@pytest.mark.slow
def test_one_extra_gives_a_working_generate(built: Path, tmp_path: Path) -> None:
    """In an environment of its own, with nothing but `tightbeam[codegen]` from the wheel."""
    venv.create(tmp_path / "venv", with_pip=True)
    scripts = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    wheel = f"{next(built.glob('*.whl'))}[codegen]"
    install = [scripts / "pip", "install", "-q", "--constraint", ROOT / "constraints.txt", wheel]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for command in (["init"], ["generate"], ["generate", "--format", "text", "--check"], ["--help"]):
        done = subprocess.run(
            [scripts / "tightbeam", *command],
            cwd=tmp_path,
            env={"PATH": str(scripts), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
    code = "from generated.hello import hello_channel; print(hello_channel(user_id='u1').greeting)"
    said = subprocess.run(
        [scripts / "python", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "hello:u1" in said.stdout


def test_the_editable_install_is_two_plain_paths() -> None:
    """Lines that every type checker follows; an import hook none of them would."""
    installed = distribution("tightbeam")
    pth = [file for file in installed.files or () if file.suffix == ".pth"]
    assert len(pth) == 1
    lines = pth[0].read_text().split()
    assert {Path(line) for line in lines} == set(SOURCES.values())


def test_the_runtime_stands_on_three_packages() -> None:
    names = {re.split(r"[<>=]", requirement)[0] for requirement in PROJECT["dependencies"]}
    assert names == {"pydantic", "jsonschema-rs", "orjson"}


def test_constraints_pin_everything_and_name_no_index() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pins = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9.-]+==[\w.]+( ; .+)?", pin) for pin in pins)
    assert "://" not in text
    pinned = {pin.split("==")[0] for pin in pins}
    wanted = {
        re.split(r"[<>=;\[]", requirement)[0].lower().replace("_", "-")
        for requirements in PROJECT["optional-dependencies"].values()
        for requirement in requirements
    } | {re.split(r"[<>=]", requirement)[0] for requirement in PROJECT["dependencies"]}
    assert wanted - {"tightbeam"} <= pinned


def test_one_version_everywhere() -> None:
    assert distribution("tightbeam").version == PROJECT["version"]
