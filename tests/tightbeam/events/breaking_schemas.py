SCHEMAS = """
{
  "assertFormats": true,
  "resources": {
    "https://tightbeam.invalid/events.json": {
      "$defs": {
        "upload": {
          "type": "object",
          "properties": {"uploadId": {"type": "string"}, "reason": {"type": "string"}},
          "required": ["uploadId", "reason"],
          "additionalProperties": false
        }
      }
    }
  },
  "topics": {
    "app/upload": {
      "ref": "https://tightbeam.invalid/events.json#/$defs/upload",
      "dialect": "https://json-schema.org/draft/2020-12/schema",
      "open": false
    }
  },
  "params": {}
}
"""
