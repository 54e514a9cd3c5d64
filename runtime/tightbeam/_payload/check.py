"""What every publish goes through: check the payload, encode it once."""

from __future__ import annotations

from typing import Any

from tightbeam._channels.refs import TopicRef


def encode(ref: TopicRef[..., str, Any], data: object) -> bytes:
    """Check ``data`` against the topic's schema and encode it as JSON, once.

    Raises:
        InvalidPayload: it breaks the schema or isn't JSON; nothing else is raised for bad data.
    """
    raise NotImplementedError
