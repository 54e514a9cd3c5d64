"""The one call of datamodel-code-generator: a document of questions in, its source text out.

It is imported here only, at the first question that no cache can answer. What it prints is never executed or
shipped: `targets.python.answer` parses it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

__all__ = ["CARRIER", "generated_source"]

CARRIER = "Carrier"
"""The class whose fields f0, f1, … are the questions, in order."""


def generated_source(schemas: Sequence[dict[str, Any]], names: int) -> str:
    """Return Python source with one class that has a field for each schema.

    Args:
        schemas: the schemas; their references lead to `#/$defs/R0`, `#/$defs/R1`, ….
        names: the number of such definitions.
    """
    from datamodel_code_generator import InputFileType, LiteralType, PythonVersion, generate
    from datamodel_code_generator.enums import DataModelType
    from datamodel_code_generator.format import DatetimeClassType

    stub = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
    carrier = {
        "type": "object",
        "properties": {f"f{index}": schema for index, schema in enumerate(schemas)},
        "required": [f"f{index}" for index in range(len(schemas))],
    }
    document = {"$defs": {CARRIER: carrier} | {f"R{index}": stub for index in range(names)}}
    source = generate(
        json.dumps(document),
        input_file_type=InputFileType.JsonSchema,
        input_filename="questions.json",
        output_model_type=DataModelType.PydanticV2BaseModel,
        target_python_version=PythonVersion.PY_311,
        output_datetime_class=DatetimeClassType.Awaredatetime,
        enum_field_as_literal=LiteralType.All,
        field_constraints=True,
        formatters=[],
        skip_root_model=True,
        strict_nullable=True,
        use_annotated=True,
        use_standard_collections=True,
        use_union_operator=True,
        disable_timestamp=True,
    )
    if not isinstance(source, str):
        raise TypeError(f"expected one module's source, not {type(source).__name__}")
    return source
