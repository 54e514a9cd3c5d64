"""Code that sends an event and that runs a function on it, with the names that the bindings have."""

from __future__ import annotations

from tightbeam_codegen.catalogue.literals import PYTHON, TYPESCRIPT, laid_out
from tightbeam_codegen.catalogue.snippets import Bindings
from tightbeam_codegen.examples import Example
from tightbeam_codegen.model import EventModel
from tightbeam_codegen.targets.python.literals import literal as python_literal
from tightbeam_codegen.targets.python.modules import exports
from tightbeam_codegen.targets.typescript.modules import exports as typescript_exports
from tightbeam_codegen.targets.typescript.text import literal as typescript_literal

__all__ = ["EventSnippets"]


class EventSnippets:
    """Snippets for one event.

    Args:
        event: the event.
        bindings: how code finds them.
    """

    def __init__(self, event: EventModel, bindings: Bindings) -> None:
        self._function = f"on_{event.module[-1]}"
        self._has_data = bool(event.topics)
        self._type, self._reference = exports(event.definition)
        self._module = ".".join([bindings.package, *event.module])
        self._constant, self._web_type = typescript_exports(event.definition)
        self._specifier = typescript_literal("/".join([bindings.folder, *event.module]) + bindings.ending)

    @property
    def python_import(self) -> str:
        """The line by which Python imports the event, and the type that a function gets."""
        return f"from {self._module} import {self._type}, {self._reference}"

    @property
    def typescript_import(self) -> str:
        """The line by which TypeScript imports the event."""
        return f"import {{ {self._constant} }} from {self._specifier};"

    def python_send(self, example: Example | None) -> str:
        """Return Python that sends an example."""
        head = f"run_ids = await client.send({self._reference}"
        body = ""
        if self._has_data:
            head += ", "
            body = "data" if example is None else laid_out(example.value, PYTHON, column=len(head) + 1)
        return f"from {self._module} import {self._reference}\n\n{head}{body})\n"

    def python_function(self) -> str:
        """Return Python that runs on the event."""
        shown = "ctx.event.data" if self._has_data else "ctx.event.name"
        identifier = self._function.replace("_", "-").strip("-")
        return (
            f"import tightbeam\n{self.python_import}\n\n"
            f"@client.function({python_literal(identifier)}, on={self._reference})\n"
            f"async def {self._function}(ctx: tightbeam.Context[{self._type}]) -> None:\n"
            f"    print({shown})\n"
        )

    def typescript_send(self, example: Example | None) -> str:
        """Return TypeScript that sends an example from a server, through a gateway."""
        names, head, value = self._constant, "const data = ", "{}"
        if self._has_data:
            # Of a payload of any kind the event's type has the type.
            names = f"{names}, type {self._web_type}"
            head = f'const data: {self._web_type}["data"] = '
        if example is not None:
            value = laid_out(example.value, TYPESCRIPT, column=len(head) + 1)
        return (
            f"import {{ {names} }} from {self._specifier};\n\n"
            f"{head}{value};\n"
            f"const query = new URLSearchParams({{ name: {self._constant}.name }});\n"
            "const answer = await fetch(`${gateway}/v1/realtime/send?${query}`, {\n"
            '  method: "POST",\n'
            "  headers: { authorization: `Bearer ${serverKey}` },\n"
            "  body: JSON.stringify(data),\n"
            "});\n"
            "if (!answer.ok) throw new Error(await answer.text());\n"
        )
