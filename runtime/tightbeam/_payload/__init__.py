"""One payload: checked and encoded, loaded, or refused with reasons.

From the top down; imports run downwards only:

* `encode`, `load`: what publishes and subscriptions call, with a reference to a topic, or to an event.
* `subject`: what a payload belongs to, and how errors name it.
* `explain`: why a payload was refused. `params`: parameters of channels.
* `compiled`: what a topic comes to at its first use, kept by the topic.
* `encoders`, `dump`: from models to plain data and JSON. `tolerant`, `unions`: from JSON to models, where
  Pydantic alone isn't enough.
* `model`: the base class of generated models. `exact`, `texts`, `described`, `building`: what makes its core
  schema and its JSON Schema differ from Pydantic's own.
* `core_schema`: Pydantic's core schemas as trees.
* `schemas`: the schemas that come with a generated module, and their validators. `schema_index`: finds one in
  them. `subschemas`: where schemas stand in a schema.
* `formats`: the table of formats. `plain`: walks over plain data.
"""
