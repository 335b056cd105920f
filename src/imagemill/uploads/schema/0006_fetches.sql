-- Images that are fetched from URLs: the queue of the fetch loop, and what became of each.
-- `due_at` is when it may be taken next: the end of the lease while it is in hand, NULL at its end.
-- `image_id` names the image that it became: itself, or the one that was kept of the same bytes.
CREATE TABLE fetches (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    key_id TEXT,
    stored_bytes INTEGER,
    url TEXT NOT NULL,
    host TEXT NOT NULL,
    name TEXT,
    status TEXT NOT NULL,
    created_at REAL NOT NULL,
    due_at REAL,
    lease_id TEXT,
    taken INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    ended_at REAL,
    image_id TEXT,
    error TEXT
);
CREATE INDEX fetches_due ON fetches (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX fetches_of_owner ON fetches (owner) WHERE due_at IS NOT NULL;
CREATE INDEX fetches_of_host ON fetches (host) WHERE lease_id IS NOT NULL;
CREATE INDEX fetches_listed ON fetches (owner, status, created_at DESC, id DESC);
CREATE INDEX fetches_ended ON fetches (ended_at) WHERE ended_at IS NOT NULL;

-- What happened to images; whoever remembers the last number misses nothing.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,
    image_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    at REAL NOT NULL,
    code TEXT
);
CREATE INDEX events_by_age ON events (at);
