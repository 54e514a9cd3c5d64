"""Publishing and sending inside a transaction of the caller: ``transaction=``."""
