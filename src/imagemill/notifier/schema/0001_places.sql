CREATE TABLE places (
    log TEXT PRIMARY KEY,
    after INTEGER NOT NULL
);
