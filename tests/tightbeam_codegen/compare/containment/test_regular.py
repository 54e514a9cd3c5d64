"""Automata accept what the validator's engine matches; what isn't regular has none."""

from __future__ import annotations

import random

import pytest

from tightbeam_codegen.compare.containment import Contained, Side, contains
from tightbeam_codegen.compare.containment.matching import matches
from tightbeam_codegen.compare.containment.regular.automaton import automaton, shortest_text
from tightbeam_codegen.compare.containment.regular.lookahead import parts_of

REGULAR = [
    *(
        "",
        "^",
        "$",
        "^$",
        "$^",
        "a",
        "^a|b",
        "(^a|b$)",
        "x^",
        "(a|)$",
        "^(a$|b)c?",
        "a.c",
        "[^a]",
        "^[a-c-]+$",
    ),
    *(r"^\d+$", r"\D", r"^\w*$", r"\W", r"^\s$", r"\S\S", r"^[\w-]+$", r"[^\d\s]", r"^\u0061\x62$", r"\."),
    *("^a{2}$", "^a{2,}$", "^(ab){1,2}$", "a+?b", "^(?:a|b)*$", "^(?<n>a)b", "(a*)*b", r"^[\]\\]$"),
    *(r"^\p{L}+$", r"^\p{Nd}", r"\P{L}", r"[^\p{Lu}\d]", r"^[\p{Script=Latin}-]*$", r"\pN$"),
    *("^[😀-😂]$", "é", r"^\cA$", r"^\t\n$", "^[ -~]*$", "^(|a)(|b)$", "((a|b)c)+"),
]
NOT_REGULAR = [
    r"\bfoo",
    "(?i)a",
    "a++",
    r"(?<=a)b",
    "a(?=b)",
    r"^\p{Nope}$",
    "[a&&b]",
    "[[:alpha:]]",
    "^a{1,9999}$",
]


@pytest.mark.parametrize("pattern", REGULAR)
def test_an_automaton_accepts_what_the_engine_matches(pattern: str) -> None:
    each, rng = automaton(pattern), random.Random(pattern)
    assert each is not None
    for _ in range(150):
        text = "".join(rng.choice("aabbcxé-1٣. \n\t]\\😀\x01") for _ in range(rng.randrange(6)))
        state = each.start
        for character in text:
            state = each.step(state, character)
        assert each.accepts(state) is matches(pattern, text), text


@pytest.mark.parametrize("pattern", NOT_REGULAR)
def test_what_is_not_regular_has_no_automaton(pattern: str) -> None:
    assert automaton(pattern) is None


@pytest.mark.parametrize(
    ("wanted", "unwanted", "excluded", "least", "found"),
    [
        (["^a*$"], [], [], 0, ""),
        (["^a*$"], [], ["", "a"], 0, "aa"),
        (["^a*$"], [], [], 3, "aaa"),
        (["^[ab]+$"], ["a"], [], 2, "bb"),
        (["^a+$"], ["^a*$"], [], 0, None),
        (["^ab?$"], [], ["a", "ab"], 0, None),
    ],
)
def test_the_shortest_text_that_some_accept_and_others_do_not(
    wanted: list[str], unwanted: list[str], excluded: list[str], least: int, found: str | None
) -> None:
    each = [[one for pattern in patterns if (one := automaton(pattern))] for patterns in (wanted, unwanted)]
    assert shortest_text(each[0], each[1], excluded, least, lambda steps: None) == found


@pytest.mark.parametrize(
    "pattern",
    [
        r"^(?=.*[A-Z])(?=.*\d).{3,}$",
        "^(?!admin)[a-z]+$",
        "^(?=a|b)(?!bc)",
        r"^(?=[(\])])x?",
        "^(?!a)b|c",
        "^(?=a(?:b|c))[a-c]+$",
    ],
)
def test_look_ahead_at_the_start_is_taken_apart(pattern: str) -> None:
    rng, parts = random.Random(pattern), parts_of(pattern)
    for _ in range(200):
        text = "".join(rng.choice("abcxA1()]") for _ in range(rng.randrange(6)))
        assert all(matches(part.pattern, text) is part.matches for part in parts) is matches(pattern, text)


def test_an_enumeration_of_many_characters_is_no_proof() -> None:
    letters = [chr(0x4E00 + index) for index in range(400)]
    reader = Side.of_schema({"enum": letters})
    answer = contains(reader, Side.of_schema({"type": "string", "pattern": "^[一-俿]$"}), as_written=True)
    assert not isinstance(answer, Contained)
