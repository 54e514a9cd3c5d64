"""Who receives what: the hub, its mailboxes, and the times of messages."""
