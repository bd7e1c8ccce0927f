"""The tables of the embedded ledger, version by version.

A migration that users have run is never changed; a new one is added behind it.  No row is read or written here.
"""

_RUNS = (
    """CREATE TABLE runs (id TEXT PRIMARY KEY, agent TEXT NOT NULL, created TEXT NOT NULL,
                          final INTEGER NOT NULL, data TEXT NOT NULL) WITHOUT ROWID""",
    "CREATE INDEX runs_newest ON runs (created DESC, id DESC)",
    "CREATE INDEX runs_of_agent ON runs (agent, created DESC, id DESC)",
    "CREATE INDEX runs_active ON runs (created DESC, id DESC) WHERE final = 0",
    """CREATE TABLE mailbox (run TEXT PRIMARY KEY, claimed TEXT, claimer TEXT, place TEXT, read TEXT,
                             burned TEXT, stop INTEGER, report TEXT, status TEXT)""",
    "CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
)
# A run's id is random: in a table that is ordered by it, each new run would change a page of its own.
_NUMBERED = (
    """CREATE TABLE new_runs (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, agent TEXT NOT NULL, created TEXT NOT NULL,
                               final INTEGER NOT NULL, data TEXT NOT NULL)""",
    """INSERT INTO new_runs (id, agent, created, final, data)
       SELECT id, agent, created, final, data FROM runs ORDER BY created, id""",
    "DROP TABLE runs",
    "ALTER TABLE new_runs RENAME TO runs",
    *_RUNS[1:4],
)
_HISTORY_OF = """
    SELECT number, agent, created, coalesce(data ->> '$.finished', created), data ->> '$.trigger', data ->> '$.state',
           data ->> '$.cause', data ->> '$.exit_code', data ->> '$.delivery', data ->> '$.usage.inputTokens',
           data ->> '$.usage.outputTokens', data ->> '$.usage.totalTokens', data ->> '$.usage.cost'"""
# What is paged and summed over many runs that are over, without reading their JSON.
_HISTORY = (
    """CREATE TABLE history (number INTEGER PRIMARY KEY, agent TEXT NOT NULL, created TEXT NOT NULL, ended TEXT NOT NULL,
                             kind TEXT NOT NULL, state TEXT NOT NULL, cause TEXT, exit_code INTEGER, delivery TEXT,
                             input_tokens INTEGER, output_tokens INTEGER, tokens INTEGER, cost REAL)""",
    f"INSERT INTO history {_HISTORY_OF} FROM runs WHERE final = 1",
    "CREATE INDEX history_newest ON history (created, number)",
    """CREATE INDEX history_of_agent ON history
       (agent, created, number, state, input_tokens, output_tokens, tokens, cost)""",
    "CREATE INDEX history_ended ON history (ended)",
    "CREATE TRIGGER runs_gone AFTER DELETE ON runs BEGIN DELETE FROM history WHERE number = OLD.number; END",
)
# An item has its run's number; `place` is its time and that number, and says who is first.  `state` is 0 while it waits, 1 while
# it is held, 2 once it was started.  `lines` says of each agent how many wait and work, and the place of its first: whoever
# takes work counts no rows.  The file itself keeps it true.
_QUEUE = (
    """CREATE TABLE queue (
           number INTEGER PRIMARY KEY, run TEXT NOT NULL, agent TEXT NOT NULL, once TEXT NOT NULL, created TEXT NOT NULL,
           place TEXT NOT NULL, state INTEGER NOT NULL DEFAULT 0, not_before TEXT, attempts INTEGER NOT NULL DEFAULT 0, holder TEXT, until TEXT,
           work TEXT NOT NULL)""",
    "CREATE INDEX queue_waiting ON queue (agent, place, not_before) WHERE state = 0",
    "CREATE INDEX queue_once ON queue (agent, once) WHERE state = 0 AND once <> ''",
    "CREATE INDEX queue_working ON queue (place) WHERE state > 0",
    "CREATE INDEX queue_held ON queue (until) WHERE state = 1",
    """CREATE TABLE lines (agent TEXT PRIMARY KEY, waiting INTEGER NOT NULL, working INTEGER NOT NULL, head TEXT)
       WITHOUT ROWID""",
    "CREATE INDEX lines_waiting ON lines (head, agent) WHERE waiting > 0",
    "CREATE INDEX lines_working ON lines (agent, working) WHERE working > 0",
    """CREATE TRIGGER queue_came AFTER INSERT ON queue BEGIN
           INSERT INTO lines VALUES (NEW.agent, 1, 0, NEW.place)
           ON CONFLICT (agent) DO UPDATE SET waiting = waiting + 1,
                                             head = iif(waiting = 0 OR NEW.place < head, NEW.place, head);
       END""",
    """CREATE TRIGGER queue_changed AFTER UPDATE OF state ON queue WHEN NEW.state <> OLD.state BEGIN
           UPDATE lines SET waiting = waiting + (NEW.state = 0) - (OLD.state = 0),
                            working = working + (NEW.state > 0) - (OLD.state > 0),
                            head = (SELECT min(place) FROM queue WHERE agent = NEW.agent AND state = 0)
           WHERE agent = NEW.agent;
       END""",
    """CREATE TRIGGER queue_gone AFTER DELETE ON queue BEGIN
           UPDATE lines SET waiting = waiting - (OLD.state = 0), working = working - (OLD.state > 0),
                            head = (SELECT min(place) FROM queue WHERE agent = OLD.agent AND state = 0)
           WHERE agent = OLD.agent;
       END""",
)
_SHARED = (
    """CREATE TABLE locks (key TEXT PRIMARY KEY, holder TEXT NOT NULL, since TEXT NOT NULL, expires TEXT NOT NULL)
       WITHOUT ROWID""",
    "CREATE INDEX locks_of_holder ON locks (holder, key)",
    "CREATE TABLE wishes (holder TEXT PRIMARY KEY, key TEXT NOT NULL, until TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE calls (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, caller TEXT NOT NULL, run TEXT NOT NULL,
                           created TEXT NOT NULL, final INTEGER NOT NULL, data TEXT NOT NULL)""",
    "CREATE INDEX calls_newest ON calls (created, id)",
    "CREATE INDEX calls_active ON calls (created, id) WHERE final = 0",
    "CREATE INDEX calls_of_caller ON calls (caller, created, id)",
    "CREATE INDEX calls_of_run ON calls (run)",
    """CREATE TABLE deliveries (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, source TEXT NOT NULL, delivery TEXT,
                                received TEXT NOT NULL, state TEXT NOT NULL, reason TEXT, data TEXT NOT NULL, body BLOB)""",
    """CREATE UNIQUE INDEX deliveries_seen ON deliveries (source, delivery)
       WHERE delivery IS NOT NULL AND (reason IS NULL OR reason <> 'validation_failed')""",
    "CREATE INDEX deliveries_newest ON deliveries (received, id, state)",
)
# In the order in which runs come: an index that grows at its end is filled, one that grows at its beginning is split.
_ASCENDING = (
    "DROP INDEX runs_newest",
    "DROP INDEX runs_of_agent",
    "DROP INDEX runs_active",
    "CREATE INDEX runs_newest ON runs (created, id)",
    "CREATE INDEX runs_of_agent ON runs (agent, created, id)",
    "CREATE INDEX runs_active ON runs (created, id) WHERE final = 0",
)


def _number(name: str, otherwise: str = "0", kind: str = "INTEGER") -> str:
    """What a container reported, where it is a number that can be one."""
    value = f"data ->> '$.usage.{name}'"
    known = f"json_type(data, '$.usage.{name}') IN ('integer', 'real') AND {value} >= 0 AND {value} < 1e15"
    return f"iif({known}, CAST({value} AS {kind}), {otherwise})"


# A row of `history`, of a run that is over.  As scheduler/past.py counts it.
HISTORY_OF = f"""
    SELECT number, agent, created, coalesce(data ->> '$.finished', created),
           data ->> '$.state' = 'succeeded', data ->> '$.state' = 'stopped',
           CAST(max(0, round((julianday(data ->> '$.finished') - julianday(data ->> '$.started')) * 86400000)) AS INTEGER),
           {_number("preHookMs", "NULL")}, {_number("postHookMs", "NULL")}, {_number("inputTokens")},
           {_number("outputTokens")}, {_number("cacheReadTokens")}, {_number("cacheWriteTokens")},
           {_number("totalTokens")}, {_number("turnCount")}, {_number("cost", kind="REAL")}"""
_SUMMED = (
    "DROP TABLE history",
    """CREATE TABLE history (number INTEGER PRIMARY KEY, agent TEXT NOT NULL, created TEXT NOT NULL, ended TEXT NOT NULL,
                             ok INTEGER NOT NULL, killed INTEGER NOT NULL, duration_ms INTEGER, before_ms INTEGER,
                             after_ms INTEGER, input INTEGER NOT NULL, output INTEGER NOT NULL, cache_read INTEGER NOT NULL,
                             cache_write INTEGER NOT NULL, total INTEGER NOT NULL, turns INTEGER NOT NULL, cost REAL NOT NULL)""",
    f"INSERT INTO history {HISTORY_OF} FROM runs WHERE final = 1",
    "CREATE INDEX history_newest ON history (created, number)",
    "CREATE INDEX history_of_agent ON history (agent, created, number)",
    "CREATE INDEX history_ended ON history (ended)",
)
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    _RUNS,
    (*_NUMBERED, *_HISTORY, *_QUEUE, *_SHARED),
    _ASCENDING,
    _SUMMED,
)
