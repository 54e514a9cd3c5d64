"""The embedded engine: SQLite, one process, nothing installed beside it."""
