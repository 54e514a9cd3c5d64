"""What both ends of a connection know: a gateway and its clients, Inngest's server and ours."""
