"""The small programs that stand for the peers; each runs in an environment of its own."""
