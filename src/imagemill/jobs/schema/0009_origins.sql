-- Where the original of a job was to be fetched from.
ALTER TABLE jobs ADD COLUMN origin_url TEXT;
