"""Signing keys: hashed for requests, and kept out of texts and logs."""

from __future__ import annotations

import hashlib
import re

from tightbeam.errors import SigningKeyError

__all__ = ["Keys", "hash_signing_key"]

_PREFIX = re.compile(r"\Asignkey-\w+-")
_HIDDEN = "…"


def hash_signing_key(key: str) -> str:
    """Hash a signing key for a request: SHA-256 of its bytes, without the ``signkey-<env>-`` prefix.

    Raises:
        SigningKeyError: it isn't a signing key; the text doesn't show it.
    """
    try:
        secret = bytes.fromhex(_PREFIX.sub("", key))
    except ValueError:
        secret = b""
    if not secret:
        raise SigningKeyError(
            "the signing key isn't one: after the prefix signkey-<environment>- come hexadecimal digits"
        ) from None
    return hashlib.sha256(secret).hexdigest()


class Keys:
    """The signing keys of one client, hashed at the first use; no text shows them."""

    def __init__(self, key: str | None, fallback: str | None, *, required: bool) -> None:
        self._key = key
        self._fallback = fallback
        self._required = required
        self._bearers: tuple[str | None, ...] | None = None

    def __repr__(self) -> str:
        return "<Keys>"

    @property
    def bearers(self) -> tuple[str | None, ...]:
        """The values of the header, in the order to try: for the key, then the fallback; None without a key.

        Raises:
            SigningKeyError: the key is missing and needed, or isn't one.
        """
        if self._bearers is None:
            if self._key is None and self._required:
                raise SigningKeyError(
                    "there is no signing key: set INNGEST_SIGNING_KEY, pass signing_key=… to the client, or "
                    "set INNGEST_DEV=1 to use a dev server"
                )
            bearers = [None if self._key is None else f"Bearer {hash_signing_key(self._key)}"]
            if self._fallback is not None:
                bearers.append(f"Bearer {hash_signing_key(self._fallback)}")
            self._bearers = tuple(bearers)
        return self._bearers

    def redact(self, text: str) -> str:
        """Replace all forms of the keys in a text."""
        hashed = [bearer.removeprefix("Bearer ") for bearer in self._bearers or () if bearer is not None]
        plain = [key for key in (self._key, self._fallback) if key]
        for secret in sorted(
            (*hashed, *plain, *(_PREFIX.sub("", key) for key in plain)), key=len, reverse=True
        ):
            text = text.replace(secret, _HIDDEN)
        return text
