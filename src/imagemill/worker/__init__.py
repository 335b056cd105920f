"""The worker: borrows a job, has its pixels done in the sandbox, stores what came out."""
