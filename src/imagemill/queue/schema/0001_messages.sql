CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    body BLOB NOT NULL,
    visible_at REAL NOT NULL
);

-- The claim reads the first visible message of a topic in the order of arrival.
CREATE INDEX messages_by_topic ON messages (topic, id, visible_at);
