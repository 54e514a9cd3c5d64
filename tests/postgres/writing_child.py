"""A process that writes messages in short transactions of a few connections, some of which are rolled back.

``python -m tests.postgres.writing_child ADDRESS SEED TRANSACTIONS``
"""

from __future__ import annotations

import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tests.postgres.written import connector_of, write

__all__: list[str] = []

_CONNECTIONS = 3
CHANNELS = [f"ch:{n}" for n in range(3)]


def work(address: str, seed: int, transactions: int) -> None:
    """Write so many transactions, one after the other."""
    choice = random.Random(seed)
    with connector_of(address).connect("writer") as connection:
        for _ in range(transactions):
            connection.execute("BEGIN")
            for _ in range(choice.randrange(1, 4)):
                write(connection, choice.choice(CHANNELS), choice.choice(["tick", "token"]))
            if choice.random() < 0.3:
                time.sleep(choice.random() * 0.003)  # others commit meanwhile
            connection.execute("ROLLBACK" if choice.random() < 0.1 else "COMMIT")


def main() -> None:
    """Write with several connections at once."""
    address, seed, transactions = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        writers = [
            pool.submit(work, address, seed * _CONNECTIONS + n, transactions // _CONNECTIONS)
            for n in range(_CONNECTIONS)
        ]
    for writer in writers:
        writer.result()


if __name__ == "__main__":
    main()
