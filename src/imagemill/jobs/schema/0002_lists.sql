CREATE INDEX jobs_of_owner ON jobs (owner, created_at DESC, id DESC);

CREATE INDEX events_of_job ON events (job_id, seq);
