"""Regular expressions as automata: whether some text matches several of them and none of several others."""
