-- Where a job, or a batch, asked to be told of its end.
ALTER TABLE jobs ADD COLUMN webhook_url TEXT;
ALTER TABLE batches ADD COLUMN webhook_url TEXT;
