CREATE TABLE intakes (
    storage_key TEXT PRIMARY KEY,
    at REAL NOT NULL
);

CREATE INDEX intakes_by_age ON intakes (at);

ALTER TABLE images ADD COLUMN last_in_at REAL;

CREATE INDEX images_by_age ON images (created_at, id);

CREATE INDEX images_by_storage_key ON images (storage_key);

CREATE INDEX images_going ON images (going_at) WHERE going_at IS NOT NULL;
