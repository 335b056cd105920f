"""Originals: taken in as a stream, looked at in the sandbox, kept once for each owner."""
