SCHEMAS = """
{
  "assertFormats": true,
  "resources": {
    "tightbeam:///loose.channel.json": {
      "$defs": {
        "line": {"type": "string"},
        "any": {},
        "amount": {"type": ["number", "string"]},
        "count": {"type": "integer", "maximum": 100000000000000000000000000000},
        "record": {
          "type": "object",
          "properties": {
            "id": {"type": "integer"},
            "kind": {"enum": ["a", "b"]},
            "text": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
            "more": {}
          }
        }
      }
    }
  },
  "topics": {
    "line": {
      "ref": "tightbeam:///loose.channel.json#/$defs/line",
      "dialect": "https://json-schema.org/draft/2020-12/schema",
      "open": false
    },
    "any": {
      "ref": "tightbeam:///loose.channel.json#/$defs/any",
      "dialect": "https://json-schema.org/draft/2020-12/schema",
      "open": true
    },
    "amount": {
      "ref": "tightbeam:///loose.channel.json#/$defs/amount",
      "dialect": "https://json-schema.org/draft/2020-12/schema",
      "open": false
    },
    "count": {
      "ref": "tightbeam:///loose.channel.json#/$defs/count",
      "dialect": "https://json-schema.org/draft/2020-12/schema",
      "open": false
    },
    "record": {
      "ref": "tightbeam:///loose.channel.json#/$defs/record",
      "dialect": "https://json-schema.org/draft/2020-12/schema",
      "open": true
    }
  },
  "params": {"name": {"type": "string", "minLength": 1}}
}
"""
