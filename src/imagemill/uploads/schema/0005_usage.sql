-- Which key brought an original in, for its bytes count for this key as long as they are kept; ''
-- stands for people who logged in, and for originals of an older version.
CREATE TABLE brought (
    image_id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    key_id TEXT NOT NULL,
    size_bytes INTEGER NOT NULL
);
INSERT INTO brought (image_id, owner, key_id, size_bytes)
SELECT id, owner, '', size_bytes FROM images;

-- Counted along, for adding up 100,000 rows at every upload is slow.
CREATE TABLE stored (
    owner TEXT NOT NULL,
    key_id TEXT NOT NULL,
    images INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (owner, key_id)
);
INSERT INTO stored (owner, key_id, images, bytes)
SELECT owner, '', count(*), sum(size_bytes) FROM images GROUP BY owner;

-- What came in during a calendar month, UTC.
CREATE TABLE usage (
    owner TEXT NOT NULL,
    month TEXT NOT NULL,
    key_id TEXT NOT NULL,
    images INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (owner, month, key_id)
);

-- Entries of the audit log on their way to the users service.
CREATE TABLE audit_out (
    id TEXT PRIMARY KEY,
    at REAL NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX audit_out_by_age ON audit_out (at, id);
