"""Which class of a union a message is loaded as."""
