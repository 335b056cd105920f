ALTER TABLE accounts ADD COLUMN role TEXT NOT NULL DEFAULT 'user';
ALTER TABLE accounts ADD COLUMN disabled_at REAL;
UPDATE accounts SET role = 'admin' WHERE id = 'admin';
