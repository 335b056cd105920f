"""The way out to addresses that users name: only to what is public, or was allowed by operators."""
