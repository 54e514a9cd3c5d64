"""A page, served by the gateway, on which a person sees what happens: in development, or with the key."""
