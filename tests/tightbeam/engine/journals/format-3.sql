PRAGMA application_id = 1413630513;
PRAGMA user_version = 3;
BEGIN TRANSACTION;
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
    id TEXT AS (run_id || ':' || step || ':' || number),
    step_id TEXT AS (iif(number, step || ':' || number, step)),
    UNIQUE (run, step, number)
);
INSERT INTO "message" VALUES(1,'job:j1','token',5,'01M8KRCG15XFD80FF5JSSENT5Z','word',0,1795959439399056,1795959439399834,1795959439399056,X'22773022');
INSERT INTO "message" VALUES(2,'job:j1','token',5,'01M8KRCG15XFD80FF5JSSENT5Z','word',1,1795959439400939,1795959439401266,1795959439400939,X'22773122');
INSERT INTO "message" VALUES(3,'job:j1','token',5,'01M8KRCG15XFD80FF5JSSENT5Z','word',2,1795959439401683,1795959439401768,1795959439401939,X'22773222');
INSERT INTO "message" VALUES(4,'job:j1','token',5,'01M8KRCG15XFD80FF5JSSENT5Z','word',3,1795959439402113,1795959439402156,1795959439402939,X'22773322');
INSERT INTO "message" VALUES(5,'job:j1','token',5,'01M8KRCG15XFD80FF5JSSENT5Z','word',4,1795959439402485,1795959439402524,1795959439403939,X'22773422');
INSERT INTO "message" VALUES(6,'job:j1','token',5,'01M8KRCG15XFD80FF5JSSENT5Z','word',5,1795959439402832,1795959439402878,1795959439404939,X'22773522');
INSERT INTO "message" VALUES(7,'job:j1','token',5,'01M8KRCG15XFD80FF5JSSENT5Z','word',6,1795959439403207,1795959439403246,1795959439405939,X'22773622');
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;
INSERT INTO "meta" VALUES('epoch','a494d38fd05f');
INSERT INTO "meta" VALUES('log','363728ec201b7c08.10');
INSERT INTO "meta" VALUES('opening:0000000000000000000','d3cbda01eda7');
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
    error_text TEXT,
    failures INTEGER NOT NULL DEFAULT 0,  -- attempts that failed, over the whole run
    traceback TEXT                  -- of the last failure
);
INSERT INTO "run" VALUES(1,'01M8KRCG06A0D8MAVW83WSF57S','done','app/done',X'7B7D','done',1795959439366527,0,0,1795959439366527,1795959439366640,1795959439393062,X'226F6B22',NULL,NULL,0,NULL);
INSERT INTO "run" VALUES(2,'01M8KRCG07RYBG85DWE87ZKEH7','broken','app/broken',X'7B7D','failed',1795959439370699,0,0,1795959439370699,1795959439370724,1795959439394915,NULL,'ValueError','broken',1,'Traceback (most recent call last):
  File "/srv/app/work.py", line 12, in broken
    async def broken(ctx: tightbeam.Context) -> None: raise ValueError("broken")
                                                      ^^^^^^^^^^^^^^^^^^^^^^^^^^
ValueError: broken
');
INSERT INTO "run" VALUES(3,'01M8KRCG11F5STRC6SCF3KT8Y8','flaky','app/flaky',X'7B7D','ready',1795959441575487,2,0,1795959439393856,1795959439393881,NULL,NULL,'ValueError','not yet',2,'Traceback (most recent call last):
  File "/srv/app/work.py", line 14, in flaky
    async def flaky(ctx: tightbeam.Context) -> None: raise ValueError("not yet")
                                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^
ValueError: not yet
');
INSERT INTO "run" VALUES(4,'01M8KRCG13KQGD9ZD6ZWETEHQ1','asleep','app/asleep',X'7B7D','ready',1830519439397791,0,0,1795959439395378,1795959439395398,NULL,NULL,NULL,NULL,0,NULL);
INSERT INTO "run" VALUES(5,'01M8KRCG15XFD80FF5JSSENT5Z','talks','app/talks',X'7B7D','running',1795959439397310,0,0,1795959439397310,1795959439397332,NULL,NULL,NULL,NULL,0,NULL);
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
INSERT INTO "step" VALUES('01M8KRCG13KQGD9ZD6ZWETEHQ1','wait','step.sleep',NULL,NULL,'sleeping',1,1795959439397791,NULL,1830519439397791,NULL,NULL,NULL);
CREATE INDEX run_ready ON run (function, due_at) WHERE state = 'ready';
CREATE INDEX run_begun ON run (state) WHERE state IN ('running', 'sleeping');
CREATE INDEX run_ended ON run (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX run_parked ON run (function) WHERE state = 'parked';
CREATE INDEX message_topic ON message (channel, topic, seq);
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
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('run',5);
COMMIT;
