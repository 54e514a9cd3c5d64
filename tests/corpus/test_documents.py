"""Well-known schemas and real documents: each document that is right is published and received."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus.checking import Judge, compile_document
from tests.corpus.conftest import INSTANCES
from tests.corpus.subjects import SUBJECTS, Subject
from tests.suite.property.check import check_instances

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_real_documents_are_published_and_received(subject: Subject, tmp_path: Path) -> None:
    refs = subject.vendored(tmp_path / "vendor")
    made = compile_document(tmp_path, subject.text(), refs, pointer=subject.pointer)
    assert [str(error) for error in made.errors] == []
    judge = Judge(made)
    documents = subject.documents()
    right = [document for document in documents if judge.is_valid(document)]
    assert len(right) >= subject.least
    with made.topic() as ref:
        outcome = check_instances(ref, [*documents, *judge.samples(INSTANCES, 0)], judge.is_valid)
    assert outcome.wrong[:3] == []
