-- The trace that a job belongs to, so that it outlives a restart; NULL for jobs of an older version.
ALTER TABLE jobs ADD COLUMN traceparent TEXT;
CREATE INDEX dead_letters_waiting ON dead_letters (at) WHERE state = 'waiting';
