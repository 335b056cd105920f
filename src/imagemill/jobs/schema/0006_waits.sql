-- Images that queued jobs wait for, because they are fetched from URLs. `ask_at` is when uploads is
-- asked (again) what became of the image; NULL once it is there, or the job waits no more.
CREATE TABLE waits (
    job_id TEXT NOT NULL,
    image_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    key_id TEXT,
    stored_bytes INTEGER,
    url TEXT,
    is_fresh INTEGER NOT NULL,
    is_asked INTEGER NOT NULL DEFAULT 0,
    ask_at REAL,
    PRIMARY KEY (job_id, image_id)
);
CREATE INDEX waits_to_ask ON waits (ask_at) WHERE ask_at IS NOT NULL;
CREATE INDEX waits_of_image ON waits (image_id) WHERE ask_at IS NOT NULL;
