-- What an event goes back to; NULL for events that go back to nothing.
ALTER TABLE events ADD COLUMN traceparent TEXT;
ALTER TABLE events ADD COLUMN request_id TEXT;
ALTER TABLE events ADD COLUMN job_id TEXT;
