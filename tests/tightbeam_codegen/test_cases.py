"""The golden cases (`golden.py`): what is generated, said, accepted, refused, and thought of it by tools.

`TIGHTBEAM_UPDATE_CASES=1 pytest tests/tightbeam_codegen/test_cases.py` writes what is expected;
read the difference.
"""

from __future__ import annotations

import functools
import importlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tests.tightbeam_codegen.allowed import check_package
from tests.tightbeam_codegen.formatting import formatting_changes
from tests.tightbeam_codegen.golden import ALL, GOOD, REFUSED, UPDATE, Case, Sample, samples
from tests.typing import checkers
from tightbeam import Channel, InvalidPayload, TopicRef
from tightbeam._channels.refs import topics
from tightbeam._events.refs import EventRef
from tightbeam._payload.encode import encode
from tightbeam._payload.load import load

by_name = pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
by_good_name = pytest.mark.parametrize("case", GOOD, ids=lambda case: case.name)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """All expected packages side by side, importable."""
    folder = tmp_path_factory.mktemp("cases")
    for case in GOOD:
        for path, text in case.expected().items():
            file = folder / case.package / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


@pytest.fixture(scope="session")
def findings(project: Path) -> Callable[[str], list[checkers.Finding]]:
    """What a type checker says of all packages; asked for again, it isn't run again."""
    return functools.cache(lambda checker: checkers.run(checker, project))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`checker` is each of the five: slow, since it reads all cases."""
    if "checker" in metafunc.fixturenames:
        slow = [pytest.param(name, marks=pytest.mark.slow) for name in checkers.CHECKERS]
        metafunc.parametrize("checker", slow)


@by_name
def test_what_is_generated_and_said(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result, said = case.run(tmp_path, monkeypatch)
    if UPDATE:
        case.update(result, said)
        pytest.skip("written")
    assert said == case.said("warnings.txt" if case in GOOD else "stderr.txt")
    assert result.files.get("python", {}) == case.expected()
    assert bool(result.files) == (case in GOOD)


@by_good_name
def test_nothing_but_what_is_allowed_is_in_it(case: Case) -> None:
    check_package(case.expected())


def test_the_formatter_changes_nothing(project: Path) -> None:
    """At the width that the case asks for."""
    wide = [case for case in GOOD if case.width != 88]
    changed = set(re.findall(r"^--- .*?/(case_\w+)/", formatting_changes(project), re.MULTILINE))
    assert changed - {case.package for case in wide} == set()
    assert [case.name for case in wide if formatting_changes(project / case.package, case.width)] == []
    assert wide


def test_types(checker: str, findings: Callable[[str], list[checkers.Finding]]) -> None:
    """Not even a warning."""
    assert [finding.text for finding in findings(checker)] == []


def channel_of(sample: Sample) -> Channel[Any]:
    module = importlib.import_module(f"{sample.case.package}.{sample.module}")
    made = getattr(module, f"{sample.module.rpartition('.')[2]}_channel")
    channel = made(**sample.params) if sample.params else made
    assert isinstance(channel, Channel)
    return channel


def topic_of(sample: Sample) -> TopicRef[..., str, Any]:
    if sample.is_event:
        event = getattr(importlib.import_module(f"{sample.case.package}.{sample.module}"), sample.topic)
        assert isinstance(event, EventRef)
        # Data of events are checked and loaded as payloads of topics.
        return cast("TopicRef[..., str, Any]", event)
    found = getattr(channel_of(sample), sample.topic)
    assert isinstance(found, TopicRef)
    return found


@by_good_name
def test_messages(case: Case, project: Path) -> None:
    """Good ones go out as they are, come back typed, and go out again the same; bad ones stay."""
    for sample in samples(case):
        ref = topic_of(sample)
        if sample.good:
            raw = encode(ref, sample.value)
            assert json.loads(raw) == sample.value
            loaded = load(ref, raw)
            assert json.loads(encode(ref, loaded)) == sample.value
            assert load(ref, encode(ref, loaded)) == loaded
        else:
            with pytest.raises(InvalidPayload):
                encode(ref, sample.value)


@by_good_name
def test_every_topic_has_messages(case: Case, project: Path) -> None:
    given: dict[str, set[str]] = {}
    declared: dict[str, set[str]] = {}
    for sample in samples(case):
        given.setdefault(sample.module, set()).add(sample.topic)
        if sample.is_event:
            declared[sample.module] = {f"{sample.module.rpartition('.')[2]}_event"}
        else:
            found = topics(channel_of(sample)).values()
            declared[sample.module] = {ref.__topic__.attribute for ref in found}
    assert given == declared
    bundles = [path.removeprefix("_schemas/") for path in case.expected() if path.startswith("_schemas/")]
    modules = {path.removesuffix(".py").replace("/", ".") for path in bundles if "__init__" not in path}
    assert given.keys() == modules


def test_there_are_as_many_refusals_as_goldens() -> None:
    front = Path(__file__).parents[1] / "golden" / "refused"
    assert len(REFUSED) + sum(1 for _ in front.iterdir()) >= len(GOOD) >= 30
