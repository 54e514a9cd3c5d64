"""How Pydantic writes values as text: patterns that admit each such text.

Formats of JSON Schema are stricter than these texts: a `time` and a `date-time` have an offset, a `duration`
has no fractions and no years beside days, a `uri` has no characters that browsers leave as they are.
"""

from __future__ import annotations

__all__ = [
    "BASE64",
    "DATE_TIME",
    "DECIMAL",
    "DECIMAL_OR_INFINITE",
    "DURATION",
    "HEX",
    "INTEGER",
    "IPV6",
    "NAIVE_DATE_TIME",
    "TIME",
    "scheme_pattern",
]

_TIME = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
_OFFSET = r"(Z|[+-][0-9]{2}:[0-9]{2})?"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_NUMBER = r"-?[0-9]+(\.[0-9]+)?(E[+-][0-9]+)?"

NAIVE_DATE_TIME = f"^{_DATE}T{_TIME}$"
DATE_TIME = f"^{_DATE}T{_TIME}{_OFFSET}$"
TIME = f"^{_TIME}{_OFFSET}$"
DURATION = r"^-?P([0-9]+[YMWD])*(T([0-9]+(\.[0-9]+)?[HMS])+)?$"
DECIMAL = f"^{_NUMBER}$"
DECIMAL_OR_INFINITE = f"^({_NUMBER}|-?Infinity|-?s?NaN[0-9]*)$"
INTEGER = "^-?[0-9]+$"
BASE64 = "^[A-Za-z0-9_-]*={0,2}$"
HEX = "^([0-9A-Fa-f]{2})*$"
IPV6 = "^[0-9A-Fa-f:.]+(%.+)?$"


def scheme_pattern(schemes: list[str] | None) -> str:
    """Return a pattern for a URL with one of these schemes; with any scheme for None."""
    if not schemes:
        return "^[A-Za-z][A-Za-z0-9+.-]*:"
    names = "|".join(scheme.replace("+", r"\+").replace(".", r"\.") for scheme in schemes)
    return f"^({names}):" if len(schemes) > 1 else f"^{names}:"
