ALTER TABLE images ADD COLUMN status TEXT NOT NULL DEFAULT 'stored';

ALTER TABLE images ADD COLUMN number INTEGER;

ALTER TABLE images ADD COLUMN format TEXT NOT NULL DEFAULT '';

ALTER TABLE images ADD COLUMN width INTEGER NOT NULL DEFAULT 0;

ALTER TABLE images ADD COLUMN height INTEGER NOT NULL DEFAULT 0;

ALTER TABLE images ADD COLUMN sort_name TEXT NOT NULL DEFAULT '';

ALTER TABLE images ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';

ALTER TABLE images ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}';

ALTER TABLE images ADD COLUMN is_public INTEGER NOT NULL DEFAULT 0;

ALTER TABLE images ADD COLUMN indexed_by INTEGER NOT NULL DEFAULT 0;

CREATE TABLE image_numbers (
    last INTEGER NOT NULL
);

INSERT INTO image_numbers (last) VALUES (0);

CREATE TABLE image_texts (
    image_id TEXT NOT NULL,
    source TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (image_id, source)
);

CREATE INDEX images_by_number
ON images (owner, number, created_at, status, format, width, height, size_bytes)
WHERE going_at IS NULL;

CREATE INDEX images_by_size
ON images (owner, size_bytes, number, created_at, status, format, width, height)
WHERE going_at IS NULL;

CREATE INDEX images_by_width
ON images (owner, width, number, created_at, status, format, height, size_bytes)
WHERE going_at IS NULL;

CREATE INDEX images_by_name
ON images (owner, sort_name, number, created_at, status, format, width, height, size_bytes)
WHERE going_at IS NULL;

CREATE INDEX images_by_index ON images (indexed_by);
