"""Definitions held against every rule that one file, or all names together, can break."""

from tightbeam_codegen.read.check.definition import check_definition
from tightbeam_codegen.read.check.event import check_event, check_event_names
from tightbeam_codegen.read.check.model import (
    AnyDefinition,
    Definition,
    EventDefinition,
    Parameter,
    ParamKind,
    ParamValue,
    Topic,
)
from tightbeam_codegen.read.check.schema import check_schema
from tightbeam_codegen.read.check.templates import check_overlaps

__all__ = [
    "AnyDefinition",
    "Definition",
    "EventDefinition",
    "ParamKind",
    "ParamValue",
    "Parameter",
    "Topic",
    "check_definition",
    "check_event",
    "check_event_names",
    "check_overlaps",
    "check_schema",
]
