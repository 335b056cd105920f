-- Which key made a job, for what it uses counts for this key; NULL for people who logged in.
ALTER TABLE jobs ADD COLUMN key_id TEXT;
-- Pixels of the original, all frames.
ALTER TABLE jobs ADD COLUMN pixels INTEGER NOT NULL DEFAULT 0;

-- What was used in a calendar month, UTC, by each key of an owner; '' stands for no key.
CREATE TABLE usage (
    owner TEXT NOT NULL,
    month TEXT NOT NULL,
    key_id TEXT NOT NULL,
    jobs INTEGER NOT NULL DEFAULT 0,
    completed INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    cancelled INTEGER NOT NULL DEFAULT 0,
    outputs INTEGER NOT NULL DEFAULT 0,
    pixels_in INTEGER NOT NULL DEFAULT 0,
    pixels_out INTEGER NOT NULL DEFAULT 0,
    bytes_out INTEGER NOT NULL DEFAULT 0,
    cpu_s REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (owner, month, key_id)
);

-- For operators, who see the letters of everybody.
CREATE INDEX dead_letters_by_time ON dead_letters (at DESC, job_id DESC);

-- Entries of the audit log on their way to the users service.
CREATE TABLE audit_out (
    id TEXT PRIMARY KEY,
    at REAL NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX audit_out_by_age ON audit_out (at, id);
