PRAGMA application_id = 1413630513;
PRAGMA user_version = 2;
BEGIN TRANSACTION;
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
);
INSERT INTO "message" VALUES(4,'job:j1','token',5,'01M8J96C1HB2RS7AMV65EJNJ1N','word',2,1795909955640482,1795909955640561,1795909955640890,X'22773222');
INSERT INTO "message" VALUES(5,'job:j1','token',5,'01M8J96C1HB2RS7AMV65EJNJ1N','word',3,1795909955640888,1795909955640956,1795909955641890,X'22773322');
INSERT INTO "message" VALUES(6,'job:j1','token',5,'01M8J96C1HB2RS7AMV65EJNJ1N','word',4,1795909955641236,1795909955641725,1795909955642890,X'22773422');
INSERT INTO "message" VALUES(7,'job:j1','token',5,'01M8J96C1HB2RS7AMV65EJNJ1N','word',5,1795909955641995,1795909955642314,1795909955643890,X'22773522');
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;
INSERT INTO "meta" VALUES('epoch','27ea92eab35c');
INSERT INTO "meta" VALUES('trimmed',3);
INSERT INTO "meta" VALUES('trimmed_created_at',1795909955639890);
CREATE TABLE run (
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused: messages may outlive their run
    id TEXT NOT NULL UNIQUE,
    function TEXT NOT NULL,
    event TEXT NOT NULL,
    data BLOB NOT NULL,
    state TEXT NOT NULL,            -- ready, running, sleeping, done, failed
    due_at INTEGER NOT NULL,        -- all times: microseconds since 1970, UTC
    attempt INTEGER NOT NULL DEFAULT 0,
    deaths INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    result BLOB,
    error_type TEXT,
    error_text TEXT
);
INSERT INTO "run" VALUES(1,'01M8J96C0EE4FV0A5HFJNYSDXK','done','app/done',X'7B7D','done',1795909955598520,0,0,1795909955598520,1795909955598574,1795909955617442,X'226F6B22',NULL,NULL);
INSERT INTO "run" VALUES(2,'01M8J96C0F06H7QRKCA5GY7664','broken','app/broken',X'7B7D','failed',1795909955600965,0,0,1795909955600965,1795909955601556,1795909955617532,NULL,'ValueError','broken');
INSERT INTO "run" VALUES(3,'01M8J96C10E09B3T6TWTSNB4PQ','flaky','app/flaky',X'7B7D','ready',1795913198534822,1,0,1795909955617368,1795909955617394,NULL,NULL,'ValueError','not yet');
INSERT INTO "run" VALUES(4,'01M8J96C12TM64HQ92WXQMB1HE','asleep','app/asleep',X'7B7D','sleeping',1830469955620489,0,0,1795909955618585,1795909955618598,NULL,NULL,NULL,NULL);
INSERT INTO "run" VALUES(5,'01M8J96C1HB2RS7AMV65EJNJ1N','half','app/half',X'7B7D','running',1795909955633222,0,0,1795909955633222,1795909955633984,NULL,NULL,NULL,NULL);
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
INSERT INTO "step" VALUES('01M8J96C0EE4FV0A5HFJNYSDXK','said','step.realtime.publish','job:j1','tick','done',1,1795909955599676,1795909955601776,NULL,NULL,NULL,NULL);
INSERT INTO "step" VALUES('01M8J96C12TM64HQ92WXQMB1HE','nap','step.sleep',NULL,NULL,'sleeping',1,1795909955620489,NULL,1830469955620489,NULL,NULL,NULL);
INSERT INTO "step" VALUES('01M8J96C1HB2RS7AMV65EJNJ1N','count','step.run',NULL,NULL,'done',1,1795909955642738,1795909955643619,NULL,X'37',NULL,NULL);
INSERT INTO "step" VALUES('01M8J96C1HB2RS7AMV65EJNJ1N','word','step.realtime.publish','job:j1','token','done',1,1795909955634627,1795909955635144,NULL,X'22773022',NULL,NULL);
INSERT INTO "step" VALUES('01M8J96C1HB2RS7AMV65EJNJ1N','word:1','step.realtime.publish','job:j1','token','done',1,1795909955639890,1795909955640044,NULL,X'22773122',NULL,NULL);
CREATE INDEX run_ready ON run (function, due_at) WHERE state = 'ready';
CREATE INDEX run_begun ON run (state) WHERE state IN ('running', 'sleeping');
CREATE INDEX run_ended ON run (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX message_channel ON message (channel, seq);
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
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('run',5);
COMMIT;
