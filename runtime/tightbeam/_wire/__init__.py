"""What both ends of a connection know, and the client that `tightbeam.connect` and Inngest's stand on.

The client is HTTP, WebSockets and frames; what a server's answers and frames mean is for those above.
"""
