"""Definitions held against every rule that one file, or all names together, can break."""

from tightbeam_codegen.check.definition import channel_metaschema, check_definition
from tightbeam_codegen.check.model import Definition, Parameter, ParamKind, ParamValue, Topic
from tightbeam_codegen.check.schema import check_schema
from tightbeam_codegen.check.templates import check_overlaps
from tightbeam_codegen.dialects import DEFAULT_DIALECT, DIALECTS, canonical_dialect

__all__ = [
    "DEFAULT_DIALECT",
    "DIALECTS",
    "Definition",
    "ParamKind",
    "ParamValue",
    "Parameter",
    "Topic",
    "canonical_dialect",
    "channel_metaschema",
    "check_definition",
    "check_overlaps",
    "check_schema",
]
