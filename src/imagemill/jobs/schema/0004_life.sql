-- What a job may ask for itself; NULL stands for what the settings say.
ALTER TABLE jobs ADD COLUMN lane INTEGER NOT NULL DEFAULT 1;
ALTER TABLE jobs ADD COLUMN max_retries INTEGER;
ALTER TABLE jobs ADD COLUMN timeout_s REAL;
ALTER TABLE jobs ADD COLUMN deadline_at REAL;

-- The newest attempt; older ones are in `attempts`.
ALTER TABLE jobs ADD COLUMN worker TEXT;
ALTER TABLE jobs ADD COLUMN attempt_at REAL;
ALTER TABLE jobs ADD COLUMN progress INTEGER NOT NULL DEFAULT 0;

ALTER TABLE jobs ADD COLUMN replay_of TEXT;
ALTER TABLE jobs ADD COLUMN batch_id TEXT;
ALTER TABLE jobs ADD COLUMN position INTEGER;
ALTER TABLE jobs ADD COLUMN digests TEXT NOT NULL DEFAULT '{}';
ALTER TABLE jobs ADD COLUMN expired_at REAL;

-- A queued job is in one of three places: it rests (after a failure), it is in the outbox, or it
-- was announced on the queue.
ALTER TABLE jobs ADD COLUMN rests_until REAL;
UPDATE jobs SET rests_until = due_at, announced_at = NULL WHERE status = 'queued';
UPDATE jobs SET announced_at = NULL WHERE status <> 'queued';
DROP INDEX jobs_waiting;
ALTER TABLE jobs DROP COLUMN due_at;
CREATE INDEX jobs_resting ON jobs (rests_until) WHERE rests_until IS NOT NULL;
CREATE INDEX jobs_announced ON jobs (announced_at) WHERE announced_at IS NOT NULL;
CREATE INDEX jobs_with_deadline ON jobs (deadline_at) WHERE deadline_at IS NOT NULL;
CREATE INDEX jobs_of_batch ON jobs (batch_id, position) WHERE batch_id IS NOT NULL;
CREATE INDEX jobs_of_image ON jobs (image_id);
CREATE INDEX jobs_with_pictures ON jobs (owner)
WHERE pictures <> '{}' AND status IN ('queued', 'processing');
CREATE INDEX jobs_unexpired ON jobs (finished_at) WHERE finished_at IS NOT NULL AND expired_at IS NULL;
CREATE INDEX outputs_of_result ON job_outputs (storage_key) WHERE storage_key IS NOT NULL;

-- Jobs that wait to be announced, each with its turn: see `turns.py`.
DROP TABLE outbox;
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    lane INTEGER NOT NULL,
    turn INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX outbox_by_turn ON outbox (turn, id);
CREATE INDEX outbox_of_owner ON outbox (owner, lane, turn);
CREATE TABLE turns (
    topic TEXT PRIMARY KEY,
    turn INTEGER NOT NULL
);

-- How many jobs of an owner have not ended; counted along, for counting 100,000 rows is slow.
CREATE TABLE owners (
    owner TEXT PRIMARY KEY,
    unfinished INTEGER NOT NULL
);
INSERT INTO owners (owner, unfinished)
SELECT owner, count(*) FROM jobs WHERE status IN ('queued', 'processing') GROUP BY owner;

CREATE TABLE attempts (
    job_id TEXT NOT NULL REFERENCES jobs (id),
    number INTEGER NOT NULL,
    worker TEXT NOT NULL,
    started_at REAL NOT NULL,
    ended_at REAL NOT NULL,
    outcome TEXT NOT NULL,
    error TEXT,
    PRIMARY KEY (job_id, number)
);

-- A dead letter is about one job and has its id.
CREATE TABLE dead_letters (
    job_id TEXT PRIMARY KEY REFERENCES jobs (id),
    owner TEXT NOT NULL,
    reason TEXT NOT NULL,
    type TEXT NOT NULL,
    at REAL NOT NULL,
    state TEXT NOT NULL,
    replayed_as TEXT
);
CREATE INDEX dead_letters_of_owner ON dead_letters (owner, at DESC, job_id DESC);

CREATE TABLE batches (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    created_at REAL NOT NULL,
    finished_at REAL,
    total INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    replay_of TEXT,
    request_id TEXT
);
CREATE INDEX batches_of_owner ON batches (owner, created_at DESC, id DESC);

-- Items that never became a job, because their picture was refused.
CREATE TABLE batch_refusals (
    batch_id TEXT NOT NULL REFERENCES batches (id),
    position INTEGER NOT NULL,
    name TEXT,
    error TEXT NOT NULL,
    PRIMARY KEY (batch_id, position)
);

ALTER TABLE events ADD COLUMN batch_id TEXT;
ALTER TABLE events ADD COLUMN data TEXT;
CREATE INDEX events_of_batch ON events (batch_id, seq) WHERE batch_id IS NOT NULL;

CREATE TABLE idempotency (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    location TEXT,
    body TEXT NOT NULL,
    made TEXT NOT NULL,
    created_at REAL NOT NULL,
    PRIMARY KEY (owner, key)
);
CREATE INDEX idempotency_by_age ON idempotency (created_at);

-- Results whose rows are gone and whose objects are to be removed.
CREATE TABLE garbage (
    storage_key TEXT PRIMARY KEY,
    at REAL NOT NULL
);

-- Jobs that make a result anew whose stored bytes were found to be wrong.
CREATE TABLE rebuilds (
    storage_key TEXT PRIMARY KEY,
    job_id TEXT NOT NULL
);
