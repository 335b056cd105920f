-- A key has an id of its own, so that it keeps its name and its limits while its secret changes.
-- Secrets are 256 random bits, so an unsalted digest gives nothing away.
ALTER TABLE api_keys RENAME TO api_keys_before;
CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    sha256 TEXT NOT NULL UNIQUE,
    previous_sha256 TEXT,
    previous_until REAL,
    scopes TEXT NOT NULL,
    is_generated INTEGER NOT NULL DEFAULT 0,
    created_at REAL NOT NULL,
    expires_at REAL,
    last_used_at REAL,
    revoked_at REAL,
    rate_per_minute INTEGER,
    burst INTEGER,
    monthly_jobs INTEGER,
    stored_bytes INTEGER,
    max_retries INTEGER,
    timeout_s REAL
);
INSERT INTO api_keys (id, account, name, prefix, sha256, scopes, is_generated, created_at,
                      max_retries, timeout_s)
SELECT substr(sha256, 1, 16), account, name, 'im_', sha256, scopes,
       CASE WHEN name = 'admin-key' AND account = 'admin' THEN 1 ELSE 0 END, created_at,
       max_retries, timeout_s
FROM api_keys_before;
DROP TABLE api_keys_before;
CREATE INDEX api_keys_of_account ON api_keys (account, created_at DESC, id DESC);
CREATE INDEX api_keys_by_previous ON api_keys (previous_sha256) WHERE previous_sha256 IS NOT NULL;
CREATE INDEX api_keys_revoked ON api_keys (revoked_at) WHERE revoked_at IS NOT NULL;

-- Answers to requests with an Idempotency-Key, with no secret in any of them.
CREATE TABLE IF NOT EXISTS idempotency (
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
CREATE INDEX IF NOT EXISTS idempotency_by_age ON idempotency (created_at);

-- Who did what, to what, from where. Every service hands its entries over.
CREATE TABLE audit (
    id TEXT PRIMARY KEY,
    at REAL NOT NULL,
    account TEXT NOT NULL,
    key_id TEXT,
    address TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    request_id TEXT NOT NULL
);
CREATE INDEX audit_by_time ON audit (at DESC, id DESC);
CREATE INDEX audit_of_account ON audit (account, at DESC, id DESC);
-- What strangers tried as somebody; theirs may be most of the rows.
CREATE INDEX audit_of_strangers ON audit (subject, at DESC, id DESC) WHERE account = '';
