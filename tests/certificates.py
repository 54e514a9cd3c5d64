"""Certificates of servers that no client trusts."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

__all__ = ["untrusted"]


def untrusted(folder: Path) -> ssl.SSLContext:
    """Make a server's context with a certificate that it signed itself."""
    command = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=x"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context
