CREATE TABLE images (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    storage_key TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    facts TEXT NOT NULL,
    name TEXT,
    created_at REAL NOT NULL,
    UNIQUE (owner, sha256)
);
