"""Regular expressions, judged by the engine that will run them."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

__all__ = ["MAX_PATTERN", "PatternVerdict", "judge_pattern"]

MAX_PATTERN = 10_000
"""Characters in one pattern: compiling is linear in them, but a schema can have many."""


@dataclass(frozen=True, slots=True)
class PatternVerdict:
    """Whether a pattern can run, and how: `backtracking` ones have no bound but the engine's step limit."""

    result: Literal["linear", "backtracking", "invalid"]
    reason: str = ""


@lru_cache(maxsize=4096)
def judge_pattern(pattern: str) -> PatternVerdict:
    """Compile `pattern` with the validator's own engines: the linear one first, then the backtracking one."""
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
    """What is wrong, as Python sees it: the validator doesn't say, and the usual slips are wrong in both."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # Names of groups as Python spells them: otherwise they would be what it complains of.
            re.compile(re.sub(r"\(\?<(?=\w)", "(?P<", re.sub(r"\\k<(\w+)>", r"(?P=\1)", pattern)))
        except (re.error, OverflowError, RecursionError) as error:
            return str(error)
    return "its syntax isn't supported here, or it is too large when compiled"
