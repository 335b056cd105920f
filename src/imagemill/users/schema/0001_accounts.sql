CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    created_at REAL NOT NULL
);

-- Keys are 256 random bits, so an unsalted digest gives nothing away.
CREATE TABLE api_keys (
    sha256 TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at REAL NOT NULL
);
