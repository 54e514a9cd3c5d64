"""Messages of AsyncAPI become topics that refer to their payloads; what can't be carried is named."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tightbeam_codegen.asyncapi.importing import CLOSED, taken, version_2, version_3

pytestmark = pytest.mark.usefixtures("project")


def message_3(message: Any, **components: Any) -> dict[str, Any]:
    return version_3({"x": {"address": "x", "messages": {"m": message}}}, components=components)


def reference(document: Any, **files: Any) -> str:
    """The reference of the one topic that is made."""
    (topic,) = taken(document, **files).only["topics"].values()
    found: str = topic["schema"]["$ref"]
    return found


ORDER = {"$ref": "#/components/schemas/Order"}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"payload": CLOSED}, "/channels/x/messages/m/payload"),
        ({"payload": ORDER}, "/components/schemas/Order"),
        ({"$ref": "#/components/messages/M"}, "/components/messages/M/payload"),
        ({"$ref": "#/components/messages/Again"}, "/components/messages/M/payload"),
        ({"payload": {"schema": CLOSED}}, "/channels/x/messages/m/payload/schema"),
        ({"payload": {"schemaFormat": "application/schema+json;version=draft-07", "schema": ORDER}},
         "/components/schemas/Order"),
        ({"payload": {"$ref": "#/components/schemas/Multi"}}, "/components/schemas/Multi/schema"),
        ({"payload": {"$ref": "#/components/schemas/a~1b%20c"}}, "/components/schemas/a~1b%20c"),
    ],
)  # fmt: skip
def test_a_topic_refers_to_where_the_schema_stands(message: Any, expected: str) -> None:
    document = message_3(
        message,
        messages={"M": {"payload": CLOSED}, "Again": {"$ref": "#/components/messages/M"}},
        schemas={
            "Order": CLOSED,
            "Multi": {"schemaFormat": "application/vnd.aai.asyncapi;version=3.0.0", "schema": CLOSED},
            "a/b c": CLOSED,
        },
    )
    assert reference(document) == f"doc.json#{expected}"


def test_a_payload_in_another_file() -> None:
    parts = {"Placed": {"payload": {"$ref": "#/Order"}}, "Order": CLOSED}
    document = message_3({"$ref": "parts.json#/Placed"})
    assert reference(document, parts__json=parts) == "parts.json#/Order"
    assert not taken(document, parts__json=parts).notes


def test_a_schema_in_another_file_is_reached_over_the_document() -> None:
    """The file is read as the document is, which only the document tells."""
    document = message_3({"payload": {"$ref": "order.json"}})
    assert reference(document, order__json=CLOSED) == "doc.json#/channels/x/messages/m/payload"
    parts = {"Placed": {"payload": {"$ref": "order.json"}}}
    document = message_3({"$ref": "parts.json#/Placed"})
    assert reference(document, parts__json=parts, order__json=CLOSED) == "parts.json#/Placed/payload"
    own = {"$schema": "https://json-schema.org/draft/2020-12/schema", **CLOSED}
    notes = taken(message_3({"payload": {"$ref": "order.json"}}), order__json=own).notes
    assert notes.startswith("Schemas in 'schemas/order.json' are read by their own `$schema`, else by ")


@pytest.mark.parametrize("message", [None, [], "text", 1])
def test_what_is_no_object_is_no_message(message: Any) -> None:
    (problem,) = taken(message_3({"$ref": "#/components/messages/M"}, messages={"M": message})).messages
    assert problem == "the message 'm' of 'x' is left out: it isn't an object"


FORMATS = {
    "application/vnd.apache.avro": "the payload is in Avro ('application/vnd.apache.avro')",
    "application/vnd.apache.avro+yaml;version=1.9.0": "the payload is in Avro",
    "application/vnd.google.protobuf;version=3": "the payload is in Protobuf",
    "application/raml+yaml;version=1.0": "the payload is in RAML",
    "application/schema;version=draft-2042": "the payload is in 'application/schema;version=draft-2042'",
    "text/x-mine": "the payload is in 'text/x-mine'",
}


@pytest.mark.parametrize(("stated", "words"), FORMATS.items())
@pytest.mark.parametrize("form", ["3.0", "2.6", "trait"])
def test_other_languages_are_refused_by_name(stated: str, words: str, form: str) -> None:
    schema: dict[str, Any] = {"type": "record", "name": "X", "fields": []}
    if form == "3.0":
        document = message_3({"payload": {"schemaFormat": stated, "schema": schema}})
    elif form == "2.6":
        message = {"name": "m", "schemaFormat": stated, "payload": schema}
        document = version_2({"x": {"publish": {"message": message}}})
    else:
        message = {"name": "m", "traits": [{"schemaFormat": stated}], "payload": schema}
        document = version_2({"x": {"publish": {"message": message}}})
    (problem,) = taken(document).problems
    assert problem.message.startswith(f"the message 'm' of 'x' is left out: {words}")
    assert problem.message.endswith("which can't be carried")
    assert problem.remedy == "Write the payload as JSON Schema, in the document or in a file beside it."
    assert problem.severity == "error"  # nothing else is left


@pytest.mark.parametrize(
    ("version", "schema", "keyword"),
    [
        ("draft-2020-12", {"type": "array", "prefixItems": [True]}, "prefixItems"),
        ("draft-2020-12", {"type": "object", "properties": {"a": {"$ref": "#/x", "minimum": 1}}}, "$ref"),
        ("draft-2019-09", {"allOf": [True], "unevaluatedProperties": False}, "unevaluatedProperties"),
        ("draft-04", {"type": "number", "minimum": 1, "exclusiveMinimum": True}, "exclusiveMinimum"),
        ("openapi", {"type": "string", "nullable": True}, "nullable"),
    ],
)
def test_a_draft_in_which_a_schema_means_something_else(version: str, schema: Any, keyword: str) -> None:
    stated = f"application/schema+json;version={version}"
    if version == "openapi":
        stated = "application/vnd.oai.openapi+json;version=3.0.3"
    (problem,) = taken(message_3({"payload": {"schemaFormat": stated, "schema": schema}})).problems
    assert f"which has no '{keyword}' of this meaning" in problem.message


@pytest.mark.parametrize(
    "stated",
    [
        "application/schema+json;version=draft-2020-12",
        "application/schema;version=draft-07",
        "application/schema+yaml; version=draft-04",
        "application/vnd.aai.asyncapi+json;version=2.0.0",
        "application/vnd.oai.openapi;version=3.0.0",
    ],
)
def test_a_draft_in_which_a_schema_means_the_same(stated: str) -> None:
    document = message_3({"payload": {"schemaFormat": stated, "schema": CLOSED}})
    assert reference(document) == "doc.json#/channels/x/messages/m/payload/schema"


OUT = "leads out of the files that may be read"


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("http://example.com/x.json", OUT),
        ("https://example.com/x.json#/A", OUT),
        ("//example.com/x.json", OUT),
        ("file:///etc/passwd", OUT),
        ("../../../../etc/passwd", OUT),
        ("%2e%2e/%2e%2e/etc/passwd", OUT),
        ("/etc/passwd", OUT),
        ("a\0b.json", OUT),
        ("none.json", OUT),
        ("http://[", "is no reference"),
        ("parts.json", "leads to a file that can't be read"),
        ("#/nowhere", "leads nowhere"),
        ("#anchor", "leads nowhere"),
        ("#/channels/x/messages/m/payload", "this reference leads to itself"),
    ],
)
def test_references_that_are_not_followed(target: str, words: str) -> None:
    outcome = taken(message_3({"payload": {"$ref": target}}), parts__json="{")
    (problem,) = outcome.problems
    assert problem.message.startswith("the message 'm' of 'x' is left out: ")
    assert words in problem.message


def test_traits_are_merged_as_each_version_has_it() -> None:
    traits = [{"description": "First.", "summary": "S."}, {"$ref": "#/components/messageTraits/T"}]
    components = {"messageTraits": {"T": {"description": "Second.", "contentType": "application/json"}}}
    message = {"name": "m", "description": "Own.", "payload": CLOSED, "traits": traits}
    of_2 = version_2({"x": {"publish": {"message": message}}}, components=components)
    assert taken(of_2).only["topics"]["m"]["description"] == "Second."
    of_3 = message_3({"description": "Own.", "payload": CLOSED, "traits": traits}, **components)
    assert taken(of_3).only["topics"]["m"]["description"] == "Own."
    without = message_3({"payload": CLOSED, "traits": traits}, **components)
    assert taken(without).only["topics"]["m"]["description"] == "Second."


@pytest.mark.parametrize(
    ("trait", "words"),
    [
        ({"payload": CLOSED}, "this trait can't be merged: a trait has no payload, and no traits"),
        ({"traits": []}, "this trait can't be merged: a trait has no payload, and no traits"),
        ([{"name": "x"}, {"a": 1}], "this trait can't be merged: it isn't an object"),
        ({"$ref": "https://example.com/trait"}, OUT),
    ],
)
def test_traits_that_can_not_be_merged(trait: Any, words: str) -> None:
    document = message_3({"payload": CLOSED, "traits": [trait]})
    (problem,) = taken(document).problems
    assert words in problem.message


def test_messages_of_version_2() -> None:
    a, b, c = ({"payload": {"const": name}} for name in "abc")
    shared = {"$ref": "#/components/messages/C"}
    document = version_2(
        {
            "x": {
                "publish": {"operationId": "sendIt", "message": {"oneOf": [{**a, "name": "A"}, b, shared]}},
                "subscribe": {"message": shared},
            },
            "y": {"subscribe": {"operationId": "onIt", "summary": "Something happened.", "message": a}},
            "z": {"publish": {"message": {**a, "messageId": "theId", "name": "theName"}}},
        },
        components={"messages": {"C": c}},
    )
    definitions = taken(document).definitions
    assert list(definitions["x"]["topics"]) == ["A", "sendIt-1", "C"]
    assert list(definitions["y"]["topics"]) == ["onIt"]
    assert definitions["y"]["description"] == "Something happened."
    assert list(definitions["z"]["topics"]) == ["theId"]


def test_a_message_of_version_2_that_can_not_be_found_is_left_out_by_itself() -> None:
    several = [{"$ref": "http://example.com/m"}, {"name": "good", "payload": CLOSED}]
    document = version_2({"x": {"publish": {"operationId": "o", "message": {"oneOf": several}}}})
    outcome = taken(document)
    assert list(outcome.only["topics"]) == ["good"]
    assert outcome.messages[0].startswith(
        "the message 'o-0' of 'x' is left out: $ref 'http://example.com/m' "
    )


def test_names_that_topics_can_not_have_get_digits() -> None:
    messages = {name: {"payload": CLOSED} for name in ("a-b", "aB", "", "name", "x\ny", "list")}
    topics = list(taken(version_3({"x": {"address": "x", "messages": messages}})).only["topics"])
    assert topics[0] == "a-b"
    assert topics[-1] == "list"
    assert len(topics) == len(set(topics)) == 6
    assert not {"aB", "", "name", "x\ny"} & set(topics)


def test_a_message_without_a_payload() -> None:
    outcome = taken(message_3({"title": "A message"}))
    assert outcome.only["topics"] == {"m": {"description": "A message", "schema": True}}
    assert outcome.notes == "Messages without a payload, whose topics take any value: 'm'."


def everything() -> dict[str, Any]:
    """A document of version 3 with all that has no counterpart."""
    return {
        "asyncapi": "3.0.0",
        "id": "urn:x",
        "x-mine": 1,
        "misspelt": 2,
        "defaultContentType": "application/cbor",
        "info": {"title": "T", "version": "1", "tags": [{"name": "t"}], "license": {"name": "MIT"}},
        "servers": {f"s{n}": {"host": "h", "protocol": "kafka"} for n in range(5)},
        "channels": {
            "x": {
                "address": "x/{p}",
                "servers": [{"$ref": "#/servers/s0"}],
                "parameters": {"p": {"default": "d", "location": "$message.payload#/p"}},
                "tags": [{"name": "t"}],
                "externalDocs": {"url": "https://example.com"},
                "bindings": {"kafka": {}, "amqp": {}},
                "messages": {
                    "m": {
                        "headers": {"type": "object"},
                        "payload": CLOSED,
                        "correlationId": {"location": "$message.header#/id"},
                        "examples": [{"payload": {}}],
                        "deprecated": True,
                        "bindings": {"kafka": {}},
                    }
                },
            }
        },
        "operations": {
            "send": {
                "action": "send",
                "channel": {"$ref": "#/channels/x"},
                "security": [{"$ref": "#/components/securitySchemes/key"}],
                "traits": [{"$ref": "#/components/operationTraits/t"}],
                "reply": {"channel": {"$ref": "#/channels/x"}},
            }
        },
        "components": {
            "messages": {"Unused": {"payload": CLOSED}},
            "channels": {"unused": {"address": "u"}},
            "securitySchemes": {"key": {"type": "apiKey"}},
            "operationTraits": {"t": {}},
        },
    }


NAMED = """\
5 servers have no counterpart and are left out: 's0', 's1', 's2', …
1 list of a channel's servers has no counterpart and is left out: 'x'
2 security schemes and requirements have no counterpart and are left out: 'send', 'key'
2 bindings to protocols have no counterpart and are left out: 'kafka, amqp', 'kafka'
1 operation has no counterpart and is left out: 'send'
1 trait of operations has no counterpart and is left out: 't'
1 reply to an operation has no counterpart and is left out: 'send'
1 schema of headers has no counterpart and is left out: 'm'
1 correlation id has no counterpart and is left out: 'm'
1 content type that isn't JSON has no counterpart and is left out: 'application/cbor'
1 list of a message's examples has no counterpart and is left out: 'm'
2 lists of tags have no counterpart and are left out: 'x', 'tags'
1 link to other documentation has no counterpart and is left out: 'x'
1 location of a parameter's value has no counterpart and is left out: 'p'
1 default of a parameter has no counterpart and is left out: 'p'
1 deprecation has no counterpart and is left out: 'm'
1 message without a channel has no counterpart and is left out: 'Unused'
1 unused channel below `components` has no counterpart and is left out: 'unused'
4 statements about the document have no counterpart and are left out: 'id', 'title', 'version', …
1 extension has no counterpart and is left out: 'x-mine'
1 key that AsyncAPI doesn't have there has no counterpart and is left out: 'misspelt'"""


def test_everything_without_a_counterpart_is_named_once() -> None:
    outcome = taken(everything())
    assert "\n".join(outcome.messages) == NAMED
    assert all(problem.place is not None and problem.remedy for problem in outcome.problems)
