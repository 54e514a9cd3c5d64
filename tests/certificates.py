"""Certificates of servers."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

__all__ = ["trusted", "untrusted"]


def untrusted(folder: Path) -> ssl.SSLContext:
    """Make a server's context with a certificate that it signed itself."""
    command = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=x"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def trusted(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Make a server's context with a certificate for localhost and service.example, and the file to trust."""
    names = "subjectAltName=DNS:localhost,DNS:service.example"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=x"
    subprocess.run([*command.split(), "-addext", names], cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context, folder / "cert.pem"
