"""Why a payload is refused: a bounded walk over a schema and a value, and words for what it finds."""
