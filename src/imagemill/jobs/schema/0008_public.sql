CREATE TABLE public_results (
    job_id TEXT NOT NULL,
    output TEXT NOT NULL,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (job_id, output)
);

CREATE INDEX public_results_by_name ON public_results (name);
