SCHEMAS = """
{
  "assertFormats": true,
  "resources": {
    "tightbeam:///job.channel.json": {
      "$defs": {
        "status": {
          "type": "object",
          "properties": {
            "message": {"type": "string"},
            "percent": {"type": "integer", "minimum": 0, "maximum": 100}
          },
          "required": ["message"],
          "additionalProperties": false
        },
        "tick": {
          "type": "object",
          "properties": {"n": {"type": "integer"}},
          "required": ["n"],
          "additionalProperties": false
        },
        "token": {"type": "string"}
      }
    }
  },
  "topics": {
    "status": {
      "ref": "tightbeam:///job.channel.json#/$defs/status",
      "dialect": "https://json-schema.org/draft/2020-12/schema",
      "open": false
    },
    "tick": {
      "ref": "tightbeam:///job.channel.json#/$defs/tick",
      "dialect": "https://json-schema.org/draft/2020-12/schema",
      "open": false
    },
    "token": {
      "ref": "tightbeam:///job.channel.json#/$defs/token",
      "dialect": "https://json-schema.org/draft/2020-12/schema",
      "open": false
    }
  },
  "params": {"jobId": {"type": "string", "minLength": 1}}
}
"""
