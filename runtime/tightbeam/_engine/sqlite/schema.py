"""The journal's tables, and how those of an older version become them."""

from __future__ import annotations

__all__ = ["MIGRATIONS", "SCHEMA", "USER_VERSION"]

USER_VERSION = 3

_RUN_2 = """
CREATE TABLE run (
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused: messages may outlive their run
    id TEXT NOT NULL UNIQUE,
    function TEXT NOT NULL,
    event TEXT NOT NULL,
    data BLOB NOT NULL,
    state TEXT NOT NULL,            -- ready, running, sleeping, parked, done, failed
    due_at INTEGER NOT NULL,        -- all times: microseconds since 1970, UTC
    attempt INTEGER NOT NULL DEFAULT 0,
    deaths INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    result BLOB,
    error_type TEXT,
    error_text TEXT
)"""
"""As format 2 has it: a migration makes what its own format held, and the next one goes on from there."""
_ADDED_TO_RUN = (
    "failures INTEGER NOT NULL DEFAULT 0",  # attempts that failed, over the whole run
    "traceback TEXT",  # of the last failure
)
_RUN = ",\n    ".join((_RUN_2.removesuffix("\n)"), *_ADDED_TO_RUN)) + "\n)"
_RUN_INDEXES_2 = (
    "CREATE INDEX run_ready ON run (function, due_at) WHERE state = 'ready'",
    "CREATE INDEX run_begun ON run (state) WHERE state IN ('running', 'sleeping')",
    "CREATE INDEX run_ended ON run (ended_at) WHERE ended_at IS NOT NULL",
)
_RUN_PARKED = "CREATE INDEX run_parked ON run (function) WHERE state = 'parked'"

# The key begins with a small number: the shorter its entries, the fewer pages a commit writes.
_MESSAGE = """
CREATE TABLE message (
    seq INTEGER PRIMARY KEY,        -- never reused: retention keeps the last message
    channel TEXT NOT NULL,
    topic TEXT NOT NULL,
    run INTEGER,                    -- its number; null if it was gone when this format began
    run_id TEXT NOT NULL,
    step TEXT NOT NULL,             -- as the handler names it
    number INTEGER NOT NULL,        -- how often the handler used that name before
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    data BLOB NOT NULL,
    id TEXT AS (run_id || ':' || step || ':' || number),
    step_id TEXT AS (iif(number, step || ':' || number, step)),
    UNIQUE (run, step, number)
)"""
_MESSAGE_CHANNEL_2 = "CREATE INDEX message_channel ON message (channel, seq)"
# By topic, so that a replay reads what it hands out and nothing else; in place of the one by channel, since
# another index is another page that each commit writes.
_MESSAGE_TOPIC = "CREATE INDEX message_topic ON message (channel, topic, seq)"

_MEMO = """
CREATE VIEW memo (
    run, id, kind, channel, topic, state, attempts,
    started_at, ended_at, wake_at, result, error_type, error_text
) AS
SELECT run.number, step.id, kind, channel, topic, step.state, attempts,
       step.started_at, step.ended_at, wake_at, step.result, step.error_type, step.error_text
FROM step JOIN run ON run.id = step.run_id
UNION ALL
SELECT run, step_id, 'step.realtime.publish', channel, topic, 'done', 1,
       started_at, ended_at, NULL, data, NULL, NULL
FROM message"""

SCHEMA = f"""
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;
{_RUN};
{";".join((*_RUN_INDEXES_2, _RUN_PARKED))};

-- Steps but for publishes: the memo of one of those is its message, until retention drops that.
CREATE TABLE step (
    run_id TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,             -- step.run, step.sleep; step.realtime.publish
    channel TEXT,                   -- of a publish, and so is the topic
    topic TEXT,
    state TEXT NOT NULL,            -- failing, sleeping, done, failed
    attempts INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    wake_at INTEGER,
    result BLOB,
    error_type TEXT,
    error_text TEXT,
    PRIMARY KEY (run_id, id)
) WITHOUT ROWID;
{_MESSAGE};
{_MESSAGE_TOPIC};

-- All steps, wherever they are.
{_MEMO};
"""
"""A new journal, as a script. One row is a message and the memo of its publish: neither is there alone."""

_FROM_1 = """
INSERT INTO message (seq, channel, topic, run, run_id, step, number, started_at, ended_at, created_at, data)
WITH
    -- An id was run, step and number, put together; a step's own name has no number at its end.
    -- As bytes: text functions stop at a NUL, which a name may hold.
    named AS (SELECT *, substr(CAST(id AS BLOB), length(run_id) + 2) AS name FROM old_message),
    parted AS (SELECT *, CAST(rtrim(name, '0123456789') AS BLOB) AS head FROM named),
    used AS (
        SELECT *, CAST(substr(head, 1, length(head) - 1) AS TEXT) AS step,
               CAST(CAST(substr(name, length(head) + 1) AS TEXT) AS INTEGER) AS number
        FROM parted
    )
SELECT seq, used.channel, used.topic, run.number, used.run_id, used.step, used.number,
       coalesce(memo.started_at, used.created_at), coalesce(memo.ended_at, used.created_at),
       used.created_at, used.data
FROM used LEFT JOIN run ON run.id = used.run_id
    LEFT JOIN step AS memo
    ON memo.run_id = used.run_id AND memo.id = iif(used.number, used.step || ':' || used.number, used.step)
"""

_FORGET_1 = """
UPDATE step SET result = NULL
WHERE kind = 'step.realtime.publish' AND run_id IN (SELECT id FROM run WHERE ended_at IS NOT NULL)
"""

MIGRATIONS: dict[int, tuple[str, ...]] = {
    1: (
        "PRAGMA legacy_alter_table = ON",  # what others have put beside our tables is left as it is
        "ALTER TABLE run RENAME TO old_run",
        *(f"DROP INDEX {name}" for name in ("run_ready", "run_begun", "run_ended")),
        _RUN_2,
        *_RUN_INDEXES_2,
        "INSERT INTO run SELECT * FROM old_run",
        "DROP TABLE old_run",
        "ALTER TABLE message RENAME TO old_message",
        "DROP INDEX message_channel",
        _MESSAGE,
        _MESSAGE_CHANNEL_2,
        _FROM_1,
        "DROP TABLE old_message",
        "DELETE FROM step WHERE (run_id, id) IN (SELECT run_id, step_id FROM message)",
        _FORGET_1,
        _MEMO,
        "PRAGMA legacy_alter_table = OFF",
    ),
    2: (
        *(f"ALTER TABLE run ADD COLUMN {column}" for column in _ADDED_TO_RUN),
        # Failures before the last new step were not counted: these are the ones that are known.
        "UPDATE run SET failures = attempt + (state = 'failed') WHERE attempt > 0 OR state = 'failed'",
        _RUN_PARKED,
        "DROP INDEX message_channel",
        _MESSAGE_TOPIC,
    ),
}
"""From a version to the next, as statements; run in one transaction with the change of `USER_VERSION`.

A version that is left out can't be read any more: such a file is refused, untouched.
"""
