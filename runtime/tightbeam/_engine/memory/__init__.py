"""The store in memory: dictionaries and lists, which end with the process."""
