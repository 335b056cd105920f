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
    address TEXT NOT NULL,
    lane TEXT NOT NULL,
    status TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    due_at REAL NOT NULL,
    lease_id TEXT,
    created_at REAL NOT NULL,
    ended_at REAL,
    reason TEXT NOT NULL DEFAULT '',
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

CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    url TEXT NOT NULL,
    events TEXT NOT NULL,
    description TEXT NOT NULL,
    is_enabled INTEGER NOT NULL,
    disabled_reason TEXT,
    failing_since REAL,
    created_at REAL NOT NULL
);
CREATE INDEX webhooks_of_owner ON webhooks (owner, created_at DESC, id DESC);

-- What signs deliveries: of a webhook by its id, of the URLs that jobs bring by `jobs`.
CREATE TABLE secrets (
    owner TEXT NOT NULL,
    holder TEXT NOT NULL,
    secret TEXT NOT NULL,
    made_at REAL NOT NULL,
    old_secret TEXT,
    old_until REAL,
    PRIMARY KEY (owner, holder)
);

CREATE TABLE idempotency (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    location TEXT,
    body TEXT NOT NULL,
    made TEXT NOT NULL,
    created_at REAL NOT NULL,
    PRIMARY KEY (owner, key)
);
CREATE INDEX idempotency_by_age ON idempotency (created_at);
