"""Print a comparison: as text, as annotations for GitHub, as one JSON object, as Markdown."""
