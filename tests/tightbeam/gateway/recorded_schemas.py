"""Bundled schemas of `recorded`, as the generator writes them."""

SCHEMAS = """
{
  "assertFormats": true,
  "resources": {"tightbeam:///user.channel.json": {"$defs": {"anything": {}}}},
  "topics": {
    "ai": {
      "ref": "tightbeam:///user.channel.json#/$defs/anything",
      "dialect": "https://json-schema.org/draft/2020-12/schema",
      "open": true
    },
    "bare": {
      "ref": "tightbeam:///user.channel.json#/$defs/anything",
      "dialect": "https://json-schema.org/draft/2020-12/schema",
      "open": true
    }
  },
  "params": {"userId": {"type": "string", "minLength": 1}}
}
"""
