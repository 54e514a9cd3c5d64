"""A document as text, in JSON or YAML, in which every character shows."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from tightbeam_codegen.readable_json import readable_json

__all__ = ["DocumentFormat", "as_text"]

DocumentFormat: TypeAlias = Literal["json", "yaml"]

_NUMBERLIKE = re.compile(r"[-+.0-9]")
_WIDTH = 100


def as_text(document: Mapping[str, Any], form: DocumentFormat) -> str:
    """Return a document as the text of a file.

    Args:
        document: a JSON value.
        form: JSON, or YAML that readers of YAML 1.1 and 1.2 read alike.
    """
    if form == "json":
        return readable_json(json.dumps(document, allow_nan=False)) + "\n"
    return _as_yaml(document)


def _as_yaml(document: Mapping[str, Any]) -> str:
    # PyYAML takes 15 ms to import.
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes texts so that no reader takes one for something else."""

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # of PyYAML
            """Write everything out: anchors would stand for references, which these documents have."""
            return True

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = None
        if not value.replace("\n", "").isprintable():
            style = '"'
        elif "\n" in value:
            style = "|"
        elif _NUMBERLIKE.match(value):
            # YAML 1.2 has numbers that YAML 1.1 hasn't, such as 1e3.
            style = "'"
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    written = yaml.dump(
        document, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH, default_flow_style=False
    )
    # What doesn't show stands in double quotes, where it can be an escape.
    return "".join(char if char == "\n" or char.isprintable() else _escape(char) for char in written)


def _escape(char: str) -> str:
    point = ord(char)
    return f"\\U{point:08x}" if point > 0xFFFF else f"\\u{point:04x}"
