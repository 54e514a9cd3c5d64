"""How runs start, apart from any engine: options of a send, schedules, and what a waiting step takes."""
