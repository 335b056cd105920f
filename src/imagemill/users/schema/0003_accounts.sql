ALTER TABLE accounts ADD COLUMN role TEXT NOT NULL DEFAULT 'user';
ALTER TABLE accounts ADD COLUMN name TEXT;
ALTER TABLE accounts ADD COLUMN email TEXT;
-- The address in the one form that all its spellings share.
ALTER TABLE accounts ADD COLUMN email_key TEXT;
ALTER TABLE accounts ADD COLUMN email_confirmed_at REAL;
-- Whether nobody may log in before the address is confirmed.
ALTER TABLE accounts ADD COLUMN awaits_confirmation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN password_hash TEXT;
ALTER TABLE accounts ADD COLUMN disabled_at REAL;
ALTER TABLE accounts ADD COLUMN preferences TEXT NOT NULL DEFAULT '{}';
CREATE UNIQUE INDEX accounts_by_email ON accounts (email_key);
CREATE INDEX accounts_by_age ON accounts (created_at, id);
UPDATE accounts SET role = 'admin' WHERE id = 'admin';

-- One login, for as long as it is refreshed. The row goes when the session ends.
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id),
    -- Stands in every refresh token of the session, and nowhere else.
    family TEXT NOT NULL UNIQUE,
    -- The one refresh token that counts; any other of the family was used before.
    refresh_sha256 TEXT NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL
);
CREATE INDEX sessions_of_account ON sessions (account, created_at);
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- Addresses from which somebody logged in: there, the attempts of others do not count.
CREATE TABLE familiar_addresses (
    account TEXT NOT NULL REFERENCES accounts (id),
    address TEXT NOT NULL,
    seen_at REAL NOT NULL,
    PRIMARY KEY (account, address)
);

-- What was sent to an address once and may be shown once.
CREATE TABLE mail_tokens (
    sha256 TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id),
    purpose TEXT NOT NULL,
    email TEXT NOT NULL,
    expires_at REAL NOT NULL
);
CREATE INDEX mail_tokens_of_account ON mail_tokens (account, purpose);
CREATE INDEX mail_tokens_by_end ON mail_tokens (expires_at);

-- What other services are to be told, until each has heard it.
CREATE TABLE errands (
    id TEXT PRIMARY KEY,
    peer TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    due_at REAL NOT NULL,
    tries INTEGER NOT NULL,
    expires_at REAL
);
CREATE INDEX errands_due ON errands (due_at);
