"""How sound the static types are: `python -m benchmarks.soundness [checker …] [-v]`.

Two figures for each draft of the JSON Schema Test Suite and each type checker: how many of the right
publishes it takes (all, else types are narrower than schemas), and how many it refuses of those that break
a rule which Python's types can express. `-v` lists what is missed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.suite.compiled import compile_topics
from tests.suite.groups import DIALECTS, groups, remotes
from tests.suite.soundness import calls, judge, write_calls
from tests.typing.checkers import CHECKERS, run


def main(checkers: list[str]) -> None:
    """Print the table."""
    print(f"{'draft':14}{'checker':14}{'right ones taken':>20}{'wrong ones refused':>22}")
    for draft, dialect in DIALECTS.items():
        wanted = groups(draft)
        with tempfile.TemporaryDirectory() as folder:
            schemas = {group.name: group.schema for group in wanted}
            package = f"suite_{draft.replace('-', '_')}"
            compiled = compile_topics(Path(folder), package, schemas, dialect=dialect, refs=remotes())
            lines = write_calls(compiled, calls(compiled, wanted, dialect), Path(folder, "calls.py"))
            for checker in checkers:
                verdict = judge(run(checker, Path(folder)), "calls.py", lines)
                right = f"{verdict.right - len(verdict.refused)} of {verdict.right}"
                caught = verdict.wrong - len(verdict.missed)
                wrong = f"{caught} of {verdict.wrong} ({caught / verdict.wrong:.1%})"
                print(f"{draft:14}{checker:14}{right:>20}{wrong:>22}")
                for call in (*verdict.refused, *(verdict.missed if "-v" in sys.argv else ())):
                    print(
                        f"    {call.group.file}: {call.group.description}: {call.description}: {call.data!r}"
                    )


if __name__ == "__main__":
    main([argument for argument in sys.argv[1:] if argument in CHECKERS] or list(CHECKERS))
