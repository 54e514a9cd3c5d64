"""Patterns in JavaScript's spelling."""

from __future__ import annotations

import pytest

from tightbeam_codegen.targets.typescript.patterns import Pattern, javascript_pattern

WORD = r"[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200c\u200d]"


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "^[a-z]+$",
        r"^\d{3}-\d{4}$",
        r"\.\*\/\\",
        r"[\w.+-]+@[\w-]+\.[\w.-]+",
        r"^(?!a)(?=b)(?<=c)(?<!d)(?:e)(?<f>g)$",
        r"a*?b+?c??d{1,2}?",
        r"(a)\1",
        r"\x41\u0041\u{1F600}\cA\t\n",
        r"^[\p{L}\p{M}\p{Script=Greek}' -]+$",
        "[[:alpha:",
        "[a-z&&[^x",
        "é😀汉",
    ],
)
def test_most_are_the_same(pattern: str) -> None:
    closed = pattern + "]" * pattern.startswith(("[[", "[a-z&&"))
    assert javascript_pattern(closed) == Pattern(closed, "u")


@pytest.mark.parametrize(
    ("pattern", "source"),
    [
        (r"\_\-\:\@\ \"\'\<?", None),
        (r"\_\-\:\@\ \"\'", "_-:@ \"'"),
        (r"[\_\:\-\]]", r"[_:\-\]]"),
        ("]}", r"\]\}"),
        ("[]a]", r"[\]a]"),
        ("[^]a]", r"[^\]a]"),
        ("a[bc]]", r"a[bc]\]"),
        (".", r"[^\n]"),
        ("[.]", "[.]"),
        (r"\Aa\z", "^a$"),
        (r"\pL\PN", r"\p{L}\P{N}"),
        (r"\p{Greek}[\p{Han}]", r"\p{Script=Greek}[\p{Script=Han}]"),
        (r"\x{1F600}", r"\u{1F600}"),
        ("(?P<n>a)", "(?<n>a)"),
        (r"\b", rf"(?:(?<!{WORD})(?={WORD})|(?<={WORD})(?!{WORD}))"),
        (r"\<a", rf"(?<!{WORD})(?={WORD})a"),
    ],
)
def test_some_are_spelt_otherwise(pattern: str, source: str | None) -> None:
    assert javascript_pattern(pattern) == (None if source is None else Pattern(source, "u"))


@pytest.mark.parametrize(
    ("pattern", "source", "flags"),
    [
        ("(?i)^a.$", r"^a[^\n]$", "iu"),
        ("(?s)a.b", "a.b", "su"),
        ("(?is)a.b", "a.b", "isu"),
        ("(?u)a", "a", "u"),
    ],
)
def test_flags_at_the_beginning_are_flags_of_the_whole(pattern: str, source: str, flags: str) -> None:
    assert javascript_pattern(pattern) == Pattern(source, flags)


@pytest.mark.parametrize(
    "pattern",
    [
        *("(?i:a)b", "a(?i)b", "(?x) a", "(?m)^a$", "(?-u)a"),
        *("a++", "a*+", "a?+", "a{1,2}+", "(?>a)", "^*", "$+", r"\b*"),
        *(r"\p{IsL}", r"\p{lower}", r"\p{Script=Nowhere}", r"\h", r"\R", r"\K", r"\Q", r"\b{start}", r"\é"),
        *("[a", "\\"),
        *("{", "a{", "(?#a)", "(?P=n)", "(?|a)"),
    ],
)  # fmt: skip
def test_others_have_no_counterpart(pattern: str) -> None:
    assert javascript_pattern(pattern) is None
