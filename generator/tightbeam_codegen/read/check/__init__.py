"""Definitions held against every rule that one file, or all names together, can break."""

from tightbeam_codegen.read.check.definition import channel_metaschema, check_definition
from tightbeam_codegen.read.check.model import Definition, Parameter, ParamKind, ParamValue, Topic
from tightbeam_codegen.read.check.schema import check_schema
from tightbeam_codegen.read.check.templates import check_overlaps

__all__ = [
    "Definition",
    "ParamKind",
    "ParamValue",
    "Parameter",
    "Topic",
    "channel_metaschema",
    "check_definition",
    "check_overlaps",
    "check_schema",
]
