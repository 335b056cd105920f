CREATE TABLE uploads (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    content_type TEXT,
    size_bytes INTEGER,
    name TEXT,
    metadata TEXT,
    offset_bytes INTEGER NOT NULL DEFAULT 0,
    image_id TEXT,
    is_new INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL
);

CREATE INDEX uploads_by_owner ON uploads (owner, status);

CREATE INDEX uploads_by_end ON uploads (expires_at);

CREATE TABLE chunks (
    storage_key TEXT PRIMARY KEY,
    upload_id TEXT NOT NULL REFERENCES uploads (id),
    at_bytes INTEGER,
    size_bytes INTEGER,
    sha256 TEXT
);

CREATE INDEX chunks_by_upload ON chunks (upload_id, at_bytes);
