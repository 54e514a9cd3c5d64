"""Compare two revisions of definitions: in what order can they be deployed, and what must callers change?

* `git` and `revision` read the definitions of a git ref, or of a folder, beside those of today, and find the
  definitions that a change can affect.
* `pairs` says which channels and topics are the same ones.
* `payloads` answers two questions for each topic: can old readers take new messages, can new readers take old
  ones? `containment` decides them.
* `channels` and `classes` find generated names that are gone, renamed, or ask for more.
* `allowances` are exceptions that definitions state, each with a reason.
* `report` prints the comparison: for people, for GitHub, for programs, for a pull request.

`against.compare_with` does all of it but the printing; `comparison.compare` is its pure part.
"""
