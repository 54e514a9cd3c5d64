"""A pattern of a schema admits each text that the model's admits, and is readable where it can be."""

from __future__ import annotations

import re
from itertools import product
from typing import Annotated, Any, Literal

import jsonschema_rs
import pytest
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from tightbeam_codegen.imports.pydantic.patterns import portable_pattern

Engine = Literal["rust-regex", "python-re"]

SAME = [
    r"^[a-z]+$",
    r"^a|b$",
    r"^(?:a|bc){2,3}$",
    r"^\p{Lu}$",
    r"^a\.b$",
    r"^[^a]$",
    r"^.$",
    r"(?i)^abc$",
    r"^\-\@$",
]
TRANSLATED = [
    (r"^\d+$", "rust-regex", r"^\p{Nd}+$"),
    (r"^[\d-]+$", "rust-regex", r"^[\p{Nd}-]+$"),
    (r"^\D$", "rust-regex", r"^[^\p{Nd}]$"),
    (r"\Aa\z", "rust-regex", "^a$"),
    (r"\Aa\Z", "python-re", "^a$"),
    ("^a$", "python-re", r"^a\n?$"),
    (re.compile("^a", re.IGNORECASE), "rust-regex", "(?i)^a"),
    (re.compile(r"^\d", re.ASCII), "rust-regex", "^[0-9]"),
]
NONE = [
    (r"^a(?=b)", "python-re"),
    (r"^(a)\1$", "python-re"),
    (r"^(?P<q>a)(?P=q)$", "python-re"),
    (r"^[[:alpha:]]$", "rust-regex"),
    (r"^[a-z&&[^b]]$", "rust-regex"),
    (r"^[a-z--b]$", "rust-regex"),
    (r"^[\W_]$", "rust-regex"),
    (re.compile("^a  # letter", re.VERBOSE), "rust-regex"),
    (re.compile("^a$", re.MULTILINE), "rust-regex"),
]
TEXTS = [
    *("", "a", "b", "A", "É", "é", "1", "١", "_", "-", " ", "ab", "aa", "ⓐ", "x1"),
    *("a\n", "\n", "\u2028", "\x85", "\x1c", "\u0301", "\u200d"),
]
PATTERNS = [
    *(rf"^\{letter}$" for letter in "wWsSdD"),
    *("^.$", "^a$", "^a?$", r"^[\w-]+$", r"^[^\s]$", r"^[\s\d]$", r"\ba\b"),
]


@pytest.mark.parametrize("pattern", SAME)
def test_most_patterns_stay_as_they_are(pattern: str) -> None:
    assert portable_pattern(pattern, "rust-regex") == pattern


@pytest.mark.parametrize(("pattern", "engine", "expected"), TRANSLATED)
def test_translated(pattern: str, engine: Engine, expected: str) -> None:
    assert portable_pattern(pattern, engine) == expected


@pytest.mark.parametrize(("pattern", "engine"), NONE)
def test_without_a_counterpart(pattern: Any, engine: Engine) -> None:
    assert portable_pattern(pattern, engine) is None


@pytest.mark.parametrize(("pattern", "engine"), [*product(PATTERNS, ("rust-regex", "python-re"))])
def test_each_text_of_the_model_is_one_of_the_schema(pattern: str, engine: Engine) -> None:
    adapter: TypeAdapter[str] = TypeAdapter(
        Annotated[str, Field(pattern=pattern)], config=ConfigDict(regex_engine=engine)
    )
    portable = portable_pattern(pattern, engine)
    assert portable is not None
    validator = jsonschema_rs.Draft202012Validator(
        {"pattern": portable}, pattern_options=jsonschema_rs.RegexOptions()
    )
    refused = [text for text in TEXTS if takes(adapter, text) and not validator.is_valid(text)]
    assert refused == []


def takes(adapter: TypeAdapter[str], text: str) -> bool:
    try:
        adapter.validate_python(text)
    except ValidationError:
        return False
    return True
