"""Keep one comment with the summary at a pull request: written where something is wrong, then brought along.

It runs as a step of the Action, by the Python that is there, and needs nothing but the standard library.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

_LONGEST = 60_000
"""Characters. GitHub takes 65,536."""
_MOST_PAGES = 20
"""Of a hundred comments each, among which the former one is looked for."""


def main() -> int:
    """Write or change the comment; where the token may not, say so and end well."""
    text = Path(os.environ["SUMMARY"]).read_text("utf-8")
    # Projects of one repository have a comment each. Nothing in a mark may end the HTML comment that it is.
    mark = f"<!-- tightbeam {hashlib.sha256(os.environ['PROJECT'].encode()).hexdigest()[:16]} -->"
    body = f"{mark}\n{text}"
    if len(body) > _LONGEST:
        body = body[:_LONGEST].rpartition("\n")[0] + "\n\n… The summary of the job has the rest."
    is_fine = os.environ["BINDINGS"] in ("", "up-to-date") and os.environ["COMPATIBILITY"] in ("", "safe")
    try:
        former = _former(mark)
        if former is not None:
            _request("PATCH", f"issues/comments/{former}", {"body": body})
        elif not is_fine:
            _request("POST", f"issues/{os.environ['PULL_REQUEST']}/comments", {"body": body})
    except (urllib.error.URLError, TimeoutError) as error:
        # A pull request from a fork has a token that may read only.
        sys.stdout.write(
            f"::notice title=Tightbeam::no comment was written ({error}); the summary of the job has it all\n"
        )
    return 0


def _former(mark: str) -> int | None:
    """Return the number of the comment with a mark; a person's own doesn't count, whatever is in it."""
    for page in range(1, _MOST_PAGES + 1):
        path = f"issues/{os.environ['PULL_REQUEST']}/comments?per_page=100&page={page}"
        comments = _request("GET", path, None)
        for comment in comments:
            author: dict[str, Any] = comment["user"] or {}
            if author.get("type") == "Bot" and (comment["body"] or "").startswith(mark):
                return int(comment["id"])
        if len(comments) < 100:
            break
    return None


def _request(method: str, path: str, value: object) -> Any:
    """Send a request to GitHub, and return the answer's value."""
    base = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}"
    headers = {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {os.environ['TOKEN']}",
        "Content-Type": "application/json",
        "User-Agent": "tightbeam",
    }
    data = None if value is None else json.dumps(value).encode()
    request = urllib.request.Request(f"{base}/{path}", data, headers, method=method)  # noqa: S310  # the runner's address
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # the same
        return json.load(answer)


if __name__ == "__main__":
    sys.exit(main())
