ALTER TABLE api_keys ADD COLUMN max_retries INTEGER;
ALTER TABLE api_keys ADD COLUMN timeout_s REAL;
