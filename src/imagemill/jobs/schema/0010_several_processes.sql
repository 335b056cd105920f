-- Several processes of the jobs service share this database.

-- Until when one of them announces a row of the outbox; it is anybody's after that.
ALTER TABLE outbox ADD COLUMN taken_until REAL NOT NULL DEFAULT 0;

-- Who does what one process does for all, and until when nobody else does.
CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until REAL NOT NULL
);
