-- What was told to somebody: made once, so that every try signs and sends the same bytes.
CREATE TABLE events (
    id TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    at REAL NOT NULL,
    owner TEXT NOT NULL,
    body TEXT NOT NULL
);

-- One row for each event and whom it is owed to; `lane` is the host and the owner.
CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES events (id),
    owner TEXT NOT NULL,
    channel TEXT NOT NULL,
    target TEXT NOT NULL,
    lane TEXT NOT NULL,
    status TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    due_at REAL NOT NULL,
    lease_id TEXT,
    created_at REAL NOT NULL,
    ended_at REAL,
    UNIQUE (event_id, channel, target)
);
CREATE INDEX deliveries_owed ON deliveries (lane, due_at) WHERE status = 'owed';
CREATE INDEX deliveries_owed_by_age ON deliveries (created_at) WHERE status = 'owed';
CREATE INDEX deliveries_of_target ON deliveries (owner, target, created_at DESC, id DESC);
CREATE INDEX deliveries_ended ON deliveries (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE attempts (
    delivery_id TEXT NOT NULL REFERENCES deliveries (id),
    number INTEGER NOT NULL,
    at REAL NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    status INTEGER,
    milliseconds REAL NOT NULL,
    answer TEXT NOT NULL,
    PRIMARY KEY (delivery_id, number)
);
