CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    image_id TEXT NOT NULL,
    storage_key TEXT NOT NULL,
    pictures TEXT NOT NULL,
    request_id TEXT,
    created_at REAL NOT NULL,
    due_at REAL NOT NULL,
    announced_at REAL,
    started_at REAL,
    finished_at REAL,
    attempt INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    lost INTEGER NOT NULL DEFAULT 0,
    lease_id TEXT,
    lease_until REAL,
    error TEXT,
    work TEXT
);

CREATE INDEX jobs_waiting ON jobs (due_at) WHERE status = 'queued';
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE status = 'processing';

CREATE TABLE job_outputs (
    job_id TEXT NOT NULL REFERENCES jobs (id),
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    steps TEXT NOT NULL,
    work_key TEXT NOT NULL,
    storage_key TEXT,
    is_cached INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (job_id, position)
);

-- A result belongs to its work, not to the job that happened to make it first.
CREATE TABLE results (
    storage_key TEXT PRIMARY KEY,
    work_key TEXT NOT NULL,
    format TEXT NOT NULL,
    media_type TEXT NOT NULL,
    width INTEGER,
    height INTEGER,
    frames INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    milliseconds REAL NOT NULL,
    created_at REAL NOT NULL
);

CREATE INDEX results_of_work ON results (work_key, created_at);

CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    type TEXT NOT NULL,
    at REAL NOT NULL
);

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    body BLOB NOT NULL
);
