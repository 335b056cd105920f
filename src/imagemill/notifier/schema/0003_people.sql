-- What an account was told by people's channels, the newest first.
CREATE INDEX deliveries_to_people ON deliveries (owner, created_at DESC, id DESC)
WHERE channel IN ('mail', 'sms', 'push');
