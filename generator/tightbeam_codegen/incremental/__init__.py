"""What is remembered between two runs, and what follows from a change."""
