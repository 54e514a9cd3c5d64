"""The journal's tables."""

from __future__ import annotations

__all__ = ["SCHEMA", "USER_VERSION"]

USER_VERSION = 4
"""The format of a journal: the only one that is opened."""

SCHEMA = """
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;

CREATE TABLE run (
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused: messages may outlive their run
    id TEXT NOT NULL UNIQUE,
    function TEXT NOT NULL,
    event TEXT NOT NULL,
    data BLOB NOT NULL,
    state TEXT NOT NULL,            -- ready, running, sleeping, parked, done, failed, cancelled
    due_at INTEGER NOT NULL,        -- all times: microseconds since 1970, UTC
    attempt INTEGER NOT NULL DEFAULT 0,
    deaths INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    result BLOB,
    error_type TEXT,
    error_text TEXT,
    failures INTEGER NOT NULL DEFAULT 0,  -- attempts that failed, over the whole run
    traceback TEXT,                 -- of the last failure
    key TEXT,                       -- the sender's own name for it
    metadata BLOB,                  -- JSON of hooks
    concurrency_key TEXT,           -- runs with the same one share a limit
    held INTEGER NOT NULL DEFAULT 0,      -- whether a ready run waits until a run of its key has ended
    parent_run TEXT,                -- the run, and the step of it, that invoked this one
    parent_step TEXT,
    retry_wait INTEGER,             -- microseconds that the latest retry was to wait
    dated INTEGER NOT NULL DEFAULT 0      -- whether due_at stays as it is when the clock is set back
);
CREATE INDEX run_ready ON run (function, due_at) WHERE state = 'ready' AND held = 0;
CREATE INDEX run_begins_again ON run (function, started_at) WHERE state = 'ready' AND started_at IS NOT NULL;
CREATE INDEX run_held ON run (function, concurrency_key, due_at) WHERE state = 'ready' AND held = 1;
CREATE INDEX run_begun ON run (state) WHERE state IN ('running', 'sleeping');
CREATE INDEX run_ended ON run (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX run_parked ON run (function) WHERE state = 'parked';
CREATE UNIQUE INDEX run_key ON run (function, key) WHERE key IS NOT NULL;
CREATE INDEX run_parent ON run (parent_run) WHERE parent_run IS NOT NULL;

-- Steps but for publishes: the memo of one of those is its message, until retention drops that.
CREATE TABLE step (
    run_id TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,             -- step.run, step.sleep and so on; step.realtime.publish
    channel TEXT,                   -- of a publish
    topic TEXT,                     -- of a publish; of other steps the event or the function that they name
    state TEXT NOT NULL,            -- failing, sleeping, waiting, done, failed
    attempts INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    wake_at INTEGER,
    result BLOB,
    error_type TEXT,
    error_text TEXT,
    event TEXT,                     -- the name of the event that it waits for
    match BLOB,                     -- which of the events of that name; or the id of the invoked run
    PRIMARY KEY (run_id, id)
) WITHOUT ROWID;
CREATE INDEX step_waiting ON step (event) WHERE state = 'waiting';

-- The unique key begins with a small number: the shorter its entries, the fewer pages a commit writes.
CREATE TABLE message (
    seq INTEGER PRIMARY KEY,        -- never reused: retention keeps the last message
    channel TEXT NOT NULL,
    topic TEXT NOT NULL,
    run INTEGER,                    -- its number
    run_id TEXT NOT NULL,
    step TEXT NOT NULL,             -- as the handler names it
    number INTEGER NOT NULL,        -- how often the handler used that name before
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    data BLOB NOT NULL,
    metadata BLOB,                  -- JSON that travels beside the data
    id TEXT AS (run_id || ':' || step || ':' || number),
    step_id TEXT AS (iif(number, step || ':' || number, step)),
    UNIQUE (run, step, number)
);
-- By topic, so that a replay reads what it hands out and nothing else; there is none by channel alone, since
-- another index is another page that each commit writes.
CREATE INDEX message_topic ON message (channel, topic, seq);

-- When the runs of a function are started by the clock.
CREATE TABLE schedule (
    function TEXT NOT NULL,
    expression TEXT NOT NULL,
    zone TEXT NOT NULL,
    last_tick INTEGER NOT NULL,     -- no tick up to this one is to start a run
    PRIMARY KEY (function, expression, zone)
) WITHOUT ROWID;

-- All steps, wherever they are.
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
FROM message;
"""
"""A new journal, as a script. One row is a message and the memo of its publish: neither is there alone."""
