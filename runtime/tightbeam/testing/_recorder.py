"""The recorder: keeps what the clients of this process publish."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from tightbeam._channels.refs import Message, TopicRef
from tightbeam._hooks.hook import Hook
from tightbeam._hooks.hook_list import install, uninstall
from tightbeam._hooks.info import MessageInfo
from tightbeam._offline import go_offline, go_online
from tightbeam._payload.load import load

__all__ = ["Published"]

Data = TypeVar("Data")


class Published:
    """What was published since the test began: live messages and, once committed, durable ones.

    ``published(ch.status)`` is a list of the topic's Python type. While it records, clients of Inngest send
    no message to their server.
    """

    def __init__(self) -> None:
        self._recorder = _Recorder()

    def __call__(self, topic: TopicRef[..., str, Data], /) -> list[Data]:
        """Return what was published on this topic, in order, as the topic's Python type."""
        return [
            load(topic, message.payload)
            for message in tuple(self._recorder.messages)
            if (message.channel, message.topic) == (topic.channel, topic.topic)
        ]

    @property
    def messages(self) -> list[Message[str, Any]]:
        """Everything that was published, on all channels, in order; ``data`` is plain JSON here."""
        return [
            Message(
                channel=message.channel,
                topic=message.topic,
                data=json.loads(message.payload),
                run_id=message.run_id,
                id=message.id,
                created_at=message.created_at,
                position=None,
            )
            for message in tuple(self._recorder.messages)
        ]

    def clear(self) -> None:
        """Forget what was published so far."""
        self._recorder.messages.clear()

    def start(self) -> None:
        """Begin to record; the fixture does it."""
        install(self._recorder)
        go_offline()

    def stop(self) -> None:
        """Stop recording; what was recorded stays."""
        go_online()
        uninstall(self._recorder)


class _Recorder(Hook):
    """Keeps each message that goes out."""

    def __init__(self) -> None:
        self.messages: list[MessageInfo] = []

    def sent(self, message: MessageInfo, /) -> None:
        self.messages.append(message)
