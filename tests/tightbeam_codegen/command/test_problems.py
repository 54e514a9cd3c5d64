"""How problems are ordered, shown and made harmless."""

from __future__ import annotations

import pytest

from tightbeam_codegen.problems import (
    DefinitionErrors,
    Place,
    Problem,
    Problems,
    problems_as_json,
    quoted,
    render,
    visible,
)


def test_all_problems_are_shown_in_the_order_of_their_places_and_once() -> None:
    problems = Problems()
    problems.error(Place("b.json", 1, 1), "third")
    problems.error(Place("a.json", 10, 2), "second", "Mend it.")
    problems.warning(Place("a.json", 9, 5), "first")
    problems.error(Place("b.json", 1, 1), "third")
    problems.error(None, "about nothing in particular")

    assert render(problems) == (
        "error: about nothing in particular\n"
        "a.json:9:5: warning: first\n"
        "a.json:10:2: error: second\n"
        "    Mend it.\n"
        "b.json:1:1: error: third"
    )
    assert len(problems) == 4
    assert problems.has_errors


def test_only_errors_are_raised() -> None:
    problems = Problems()
    problems.warning(None, "odd")
    problems.raise_errors()
    problems.error(None, "wrong")
    with pytest.raises(DefinitionErrors) as raised:
        problems.raise_errors()
    assert [problem.message for problem in raised.value.problems] == ["wrong", "odd"]
    assert str(raised.value) == "error: wrong\nwarning: odd"


def test_json_has_everything() -> None:
    problem = Problem(Place("a.json", 3, 4), "warning", "strange\x1b[2J", "Look.")
    assert problems_as_json([problem, Problem(None, "error", "m", "")]) == [
        {"file": None, "line": None, "column": None, "severity": "error", "message": "m", "remedy": ""},
        {
            "file": "a.json",
            "line": 3,
            "column": 4,
            "severity": "warning",
            "message": "strange\\x1b[2J",
            "remedy": "Look.",
        },
    ]
    assert render([]) == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain naïve 汉字 🎉 …", "plain naïve 汉字 🎉 …"),
        ("a\nb\rc\td\x00", "a\\x0ab\\x0dc\\x09d\\x00"),
        ("\x1b[31m\x9b\x7f", "\\x1b[31m\\x9b\\x7f"),
        ("\u202edetcirtser\u202c\u2066\u200f", "\\u202edetcirtser\\u202c\\u2066\\u200f"),
        ("\u2028\u2029\ufeff\u200b", "\\u2028\\u2029\\ufeff\\u200b"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("\u3000", "\u3000"),
    ],
)
def test_nothing_hidden_reaches_the_terminal(text: str, shown: str) -> None:
    assert visible(text) == shown
    visible(text).encode()
    assert "\n" not in render([Problem(Place(text, 1, 1), "error", text, "")])


def test_long_words_are_cut() -> None:
    assert quoted("x" * 200) == "'" + "x" * 79 + "…'"
    assert quoted("x" * 80) == "'" + "x" * 80 + "'"
