"""What is written: Python and TypeScript."""
