"""What a team has already, taken over as channel definitions: documents with schemas, and Pydantic models.

An importer is a function that returns an `Imported`; `choice` picks one, `trial` compiles what it gives, and
`writer` puts it on disk. A new importer of JSON or YAML has a module of its own and a branch in
`choice.take`. One of another language has to write a schema document besides, as `pydantic` does
(`Imported.documents`), since definitions refer to JSON Schema only.
"""

from tightbeam_codegen.imports.file_names import file_name
from tightbeam_codegen.imports.imported import Imported, Source, Wanted, refusal
from tightbeam_codegen.imports.topics import Topics, free_topic_name

__all__ = ["Imported", "Source", "Topics", "Wanted", "file_name", "free_topic_name", "refusal"]
