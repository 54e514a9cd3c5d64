"""How sound the comparison of schemas is: `python -m benchmarks.containment [COUNT] [VALUES]`.

Random pairs of schemas in all dialects, each answer judged: "contained" by values near the edges of both
schemas and by the procedure of the validator's own library, "refused" by its payload.
"""

from __future__ import annotations

import sys

from tests.tightbeam_codegen.compare.containment.judged import UNSAFE, WRONG, judge


def main(count: int = 10_000, values: int = 1_000) -> int:
    """Print how many pairs were answered how; the exit code is 1 if an answer is wrong."""
    answers = judge(range(count), values=values, others=True)
    decided = answers["Contained"] + answers["Refused"]
    print(f"pairs{count:>44,}")
    print(f"decided{decided:>42,} ({decided / count:.2%})")
    for name in ("Contained", "Refused", UNSAFE, WRONG, "contradicted"):
        print(f"{name}{answers[name]:>{49 - len(name)},}")
    return 1 if answers[UNSAFE] or answers[WRONG] or answers["contradicted"] else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
