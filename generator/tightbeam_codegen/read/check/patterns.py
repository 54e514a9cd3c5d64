"""Check regular expressions with the engines that will run them."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

__all__ = ["MAX_PATTERN", "PatternVerdict", "judge_pattern"]

MAX_PATTERN = 10_000
"""Characters in one pattern: the time to compile one is proportional to them, and a schema can have many."""


@dataclass(frozen=True, slots=True)
class PatternVerdict:
    """Whether a pattern can run, and how: a `backtracking` one has no bound but the engine's step limit."""

    result: Literal["linear", "backtracking", "invalid"]
    reason: str = ""


@lru_cache(maxsize=4096)
def judge_pattern(pattern: str) -> PatternVerdict:
    """Compile a pattern with the validator's engines: first the linear one, then the backtracking one."""
    if len(pattern) > MAX_PATTERN:
        return PatternVerdict("invalid", f"longer than {MAX_PATTERN} characters")
    import jsonschema_rs as validator

    schema = {"pattern": pattern}
    try:
        validator.validator_for(schema, pattern_options=validator.RegexOptions(), offline=True)
    except (validator.ValidationError, ValueError):
        pass
    else:
        return PatternVerdict("linear")
    try:
        validator.validator_for(schema, offline=True)
    except (validator.ValidationError, ValueError):
        return PatternVerdict("invalid", _reason(pattern))
    return PatternVerdict("backtracking")


def _reason(pattern: str) -> str:
    """Return the fault that Python's engine finds: the validator's gives no reason."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # Python spells names of groups in another way, and would report those first.
            re.compile(re.sub(r"\(\?<(?=\w)", "(?P<", re.sub(r"\\k<(\w+)>", r"(?P=\1)", pattern)))
        except (re.error, OverflowError, RecursionError) as error:
            return str(error)
    return "its syntax isn't supported here, or it is too large when compiled"
