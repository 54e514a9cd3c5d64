"""What is known of formats beside the validator's own check: which include others, and texts to try."""

from __future__ import annotations

__all__ = ["SAMPLES", "includes", "samples_of", "superset"]

_INCLUDED = {
    ("iri", "uri"),
    ("iri-reference", "iri"),
    ("iri-reference", "uri"),
    ("iri-reference", "uri-reference"),
    ("uri-reference", "uri"),
    ("idn-email", "email"),
}

_SAME_IN_ALL_DRAFTS = frozenset({"date", "date-time", "email", "ipv4", "ipv6", "time", "uri"})

_SUPERSETS = {"ipv4": r"^([0-9]{1,3}\.){3}[0-9]{1,3}$"}
"""Regular expressions that match every text of a format, and more. Those of typed formats are in schemas."""

SAMPLES: dict[str, tuple[str, ...]] = {
    "date": ("2026-01-31", "2024-02-29", "1999-12-31", "0000-01-01", "2026-02-30"),
    "date-time": (
        "2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00.5+02:00",
        "2026-01-31t12:00:00z",
        "1998-12-31T23:59:60Z",
    ),
    "duration": ("P1D", "PT1H", "P1Y2M3DT4H5M6S", "P1W"),
    "email": ("a@b.co", "a.b+c@example.com", '"a b"@example.com', "a@[127.0.0.1]"),
    "hostname": ("a", "a.b", "example.com", "a-1.example", "xn--bcher-kva.example"),
    "idn-email": ("a@b.co", "ü@ü.example"),
    "idn-hostname": ("a", "example.com", "bücher.example", "xn--bcher-kva.example"),
    "ipv4": ("1.2.3.4", "127.0.0.1", "255.255.255.255"),
    "ipv6": ("::1", "::", "2001:db8::1", "::ffff:1.2.3.4"),
    "iri": ("a:b", "https://example.com/", "https://ü.example/ü"),
    "iri-reference": ("a", "", "/ü", "https://ü.example/ü", "#a"),
    "json-pointer": ("", "/a", "/a~0b", "/0"),
    "regex": ("a", "^a$", "[0-9]+"),
    "relative-json-pointer": ("0", "1/a", "0#"),
    "time": ("12:00:00Z", "12:00:00.5+02:00", "23:59:60Z"),
    "uri": ("a:b", "https://example.com/", "https://example.com/a?b#c", "mailto:a@b.co"),
    "uri-reference": ("a", "", "/a", "#a", "https://example.com/"),
    "uri-template": ("a", "{a}", "https://example.com/{id}"),
    "uuid": (
        "123e4567-e89b-12d3-a456-426614174000",
        "123E4567-E89B-12D3-A456-426614174000",
        "00000000-0000-0000-0000-000000000000",
    ),
}
"""Texts of each format, the plainest first."""

_CONTENTS = ("", "{}", "0", "YQ==", "e30=", "MA==", "{", "%", "YQ")
"""Texts that are JSON, in base64, both, or neither."""


def includes(wide: tuple[str, int], narrow: tuple[str, int]) -> bool:
    """Return whether all texts of one format of a draft are texts of another one."""
    if wide == narrow:
        return True
    if wide[0] == narrow[0] and wide[0] in _SAME_IN_ALL_DRAFTS:
        return True
    is_alike = wide[1] == narrow[1] or (wide[1] >= 7 and narrow[1] >= 7)
    return is_alike and (wide[0] == narrow[0] or (wide[0], narrow[0]) in _INCLUDED)


def samples_of(name: str) -> tuple[str, ...]:
    """Return texts to try for a format, or for keywords about contents, as JSON."""
    return _CONTENTS if name.startswith("{") else SAMPLES.get(name, ())


def superset(name: tuple[str, int]) -> str | None:
    """Return a regular expression that matches every text of a format of a draft; None if none is known."""
    return _SUPERSETS.get(name[0])
