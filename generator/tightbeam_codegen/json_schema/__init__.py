"""Facts about JSON Schema: dialects, metaschemas, addresses."""
