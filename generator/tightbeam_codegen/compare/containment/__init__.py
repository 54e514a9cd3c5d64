"""Decide whether one JSON Schema takes everything that another one allows.

`contains` answers for a topic's readers and writers. `solver` finds a value that the writer says and the
reader refuses, or proves that there is none; the validators of both sides judge what it finds.
"""

from tightbeam_codegen.compare.containment.answers import (
    Answer,
    Contained,
    Refused,
    SchemaPlace,
    Side,
    Undecided,
)
from tightbeam_codegen.compare.containment.decide import contains

__all__ = ["Answer", "Contained", "Refused", "SchemaPlace", "Side", "Undecided", "contains"]
