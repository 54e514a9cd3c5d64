"""Print a comparison: as text, as annotations for GitHub, as one JSON object, as Markdown.

A format is a module here with a function that returns text. It takes its sentences from `compare.words`, so
that all formats say the same. A new one has a name in `command.request.BreakingFormat` besides, and a branch
in `command.breaking`, which imports the module only where it is asked for.
"""
