"""Find what a code span in a guide stands for: `InvalidPayload`, `client.send`, `ctx.step.run("id", …)`."""

from __future__ import annotations

import re

from docs.site.public import Entry
from docs.site.reference import Reference

OBJECTS = {
    "client": "tightbeam.Client",
    "remote": "tightbeam.gateway.RemoteClient",
    "ctx": "tightbeam.Context",
    "ctx.step": "tightbeam.Step",
    "step": "tightbeam.Step",
    "message": "tightbeam.Message",
    "gateway": "tightbeam.gateway",
    "error": "tightbeam.errors.InvalidPayload",
}
"""What the guides call an instance of a public class."""

PREFERRED = {
    "inngest.md": "tightbeam.inngest",
    "gateway.md": "tightbeam.gateway",
    "tracing.md": "tightbeam.otel",
    "hooks.md": "tightbeam.hooks",
    "testing.md": "tightbeam.testing",
}
"""Pages on which a name without its module is that of another module first."""

_CALL = re.compile(r"^(?:await |async with |@)?([A-Za-z_][\w.]*)(?:\(.*\))?$")


def find(span: str, page: str, reference: Reference) -> Entry | None:
    """Return the documented name that a code span stands for.

    A name without its module counts if it begins with a capital: `app` is any application.

    Args:
        span: the text between the backticks.
        page: the page of the site that has it.
        reference: the documented names.
    """
    call = _CALL.match(span)
    if call is None:
        return None
    name = call[1]
    owner, _, member = name.rpartition(".")
    first, _, rest = name.partition(".")
    candidates = [name] if first == "tightbeam" else []
    if owner in OBJECTS:
        candidates.append(f"{OBJECTS[owner]}.{member}")
    if first in OBJECTS and rest:
        candidates.append(f"{OBJECTS[first]}.{rest}")
    if name[0].isupper():
        modules = [PREFERRED.get(page, "tightbeam"), *(module.path for module in reference.modules)]
        candidates += [f"{module}.{name}" for module in modules]
    return next((reference.by_name[each] for each in candidates if each in reference.by_name), None)
