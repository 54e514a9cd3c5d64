"""A shop on one PostgreSQL: several web workers, several function workers."""
