-- Empty for messages from before this change, whose age nobody knows.
ALTER TABLE messages ADD COLUMN published_at REAL;
