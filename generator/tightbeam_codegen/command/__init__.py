"""The generator's own commands: arguments, printing and exit codes."""
