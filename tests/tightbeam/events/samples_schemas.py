SCHEMAS = """
{
  "assertFormats": true,
  "resources": {
    "https://tightbeam.invalid/events.json": {
      "$defs": {
        "upload": {
          "type": "object",
          "properties": {
            "uploadId": {"type": "string", "minLength": 1},
            "size": {"type": "integer", "minimum": 0}
          },
          "required": ["uploadId"],
          "additionalProperties": false
        },
        "deleted": {
          "type": "object",
          "properties": {"reason": {"type": "string"}},
          "required": ["reason"],
          "additionalProperties": false
        },
        "counts": {
          "anyOf": [
            {"$ref": "#/$defs/deleted"},
            {"type": "object", "additionalProperties": {"type": "integer"}}
          ]
        }
      }
    }
  },
  "topics": {
    "app/upload": {
      "ref": "https://tightbeam.invalid/events.json#/$defs/upload",
      "dialect": "https://json-schema.org/draft/2020-12/schema",
      "open": false
    },
    "app/restored": {
      "ref": "https://tightbeam.invalid/events.json#/$defs/upload",
      "dialect": "https://json-schema.org/draft/2020-12/schema",
      "open": false
    },
    "app/counts": {
      "ref": "https://tightbeam.invalid/events.json#/$defs/counts",
      "dialect": "https://json-schema.org/draft/2020-12/schema",
      "open": false
    },
    "app/deleted": {
      "ref": "https://tightbeam.invalid/events.json#/$defs/deleted",
      "dialect": "https://json-schema.org/draft/2020-12/schema",
      "open": false
    }
  },
  "params": {}
}
"""
