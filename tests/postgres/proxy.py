"""A connection to the server that a test cuts at a moment of its choice, seen from the wire."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable
from typing import Literal

__all__ = ["Proxy"]

Cut = Literal["before", "after"]


class Proxy:
    """Hands bytes on between clients on loopback and a server's Unix socket."""

    def __init__(self, target: str) -> None:
        """Listen.

        Args:
            target: path of the server's Unix socket.
        """
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._cut: Cut | None = None
        self._marker = b""
        self._writer: socket.socket | None = None
        self.at_cut: Callable[[], None] = lambda: None
        """What happens when the server has what it gets, and the client hears nothing yet."""
        self.cuts = 0
        """How many commits were cut off so far."""
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_commit(self, when: Cut, marker: bytes = b"COMMIT") -> None:
        """Cut the writer's next commit off before it reaches the server, or before its answer comes.

        Args:
            when: which of both.
            marker: what the bytes hold that make the server commit; empty for whatever is sent next.
        """
        self._cut, self._marker = when, marker

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server, contextlib.suppress(OSError):
            server.connect(self._target)
            with selectors.DefaultSelector() as selector:
                selector.register(client, selectors.EVENT_READ)
                selector.register(server, selectors.EVENT_READ)
                while self._hand_on(client, server, selector):
                    pass

    def _hand_on(
        self, client: socket.socket, server: socket.socket, selector: selectors.DefaultSelector
    ) -> bool:
        for key, _ in selector.select():
            if key.fileobj is server:
                data = server.recv(65536)
                client.sendall(data)
                if not data:
                    return False
                continue
            data = client.recv(65536)
            if not data:
                return False
            if b"writer\0" in data:  # the first message names the connection
                self._writer = client
            if client is self._writer and self._cut and self._marker in data:
                when, self._cut = self._cut, None
                if when == "after":
                    server.sendall(data)
                    server.recv(65536)  # the answer, after which the commit is there
                self.at_cut()
                self.cuts += 1
                return False
            server.sendall(data)
        return True
