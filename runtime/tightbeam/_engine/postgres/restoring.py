"""A journal that was restored into another cluster, where transaction ids mean something else.

The order of messages is that of transactions, and positions name them. So messages that came with a dump get
low ids, in their order, before all that is to come; and the journal gets another id, so that positions of the
old one aren't taken for its own.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from psycopg import Connection

__all__ = ["note_cluster"]

_CLUSTER = (
    "SELECT system_identifier || '.' || (SELECT oid FROM pg_database WHERE datname = current_database()), "
    "(SELECT value FROM meta WHERE name = 'cluster'), "
    "coalesce((SELECT xid >= pg_snapshot_xmax(pg_current_snapshot()) FROM message "
    "ORDER BY xid DESC LIMIT 1), false) "
    "FROM pg_control_system()"
)
"""Where this is, where the tables were made, and whether their transactions are of the future."""
_IS_USED = "SELECT EXISTS (SELECT FROM message WHERE xid = '1')"
"""Whether the journal was restored before."""
_RENUMBER = """
UPDATE message SET xid = %s::text::xid8, seq = ordered.place
FROM (SELECT xid, seq, row_number() OVER (ORDER BY xid, seq) AS place FROM message) AS ordered
WHERE message.xid = ordered.xid AND message.seq = ordered.seq
"""
_TRIMMED = (
    "UPDATE meta SET value = CASE name WHEN 'trimmed_xid' THEN %s ELSE '0' END "
    "WHERE name IN ('trimmed_xid', 'trimmed_seq')"
)
_COUNT_ANEW = "DELETE FROM meta WHERE name = 'counted'"
_NOTE = "INSERT INTO meta VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value"


def note_cluster(connection: Connection[tuple[Any, ...]]) -> None:
    """Note in which cluster the tables are; if they come from another one, give all messages new places.

    Args:
        connection: inside the transaction that opens the journal, alone.
    """
    here, before, is_ahead = connection.execute(_CLUSTER).fetchone() or ("", None, False)
    if before == here and not is_ahead:
        return
    if before is not None:
        low = "2" if connection.execute(_IS_USED).fetchone() == (True,) else "1"
        connection.execute(_RENUMBER, (low,))
        connection.execute(_TRIMMED, (low,))
        connection.execute(_COUNT_ANEW)
        connection.execute(_NOTE, ("journal", uuid4().hex[:8]))
    connection.execute(_NOTE, ("cluster", here))
